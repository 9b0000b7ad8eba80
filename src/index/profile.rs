//! A profile: how often an item, or a query, was seen in each bucket of each band.

use super::buckets::Sought;
use super::chunk::Chunk;
use super::hash;
use std::cmp::Ordering;

/// A bucket of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frequency<'a> {
    /// The band, from 0.
    pub band: u16,
    /// The bucket's bytes.
    pub bucket: &'a [u8],
    /// How many observations fell into it.
    pub count: u64,
    /// The bucket's hash in the tables of chunks.
    pub(super) hash: u32,
}

impl<'a> Frequency<'a> {
    pub(super) fn new(band: u16, bucket: &'a [u8], count: u64) -> Frequency<'a> {
        Frequency { band, bucket, count, hash: hash::bucket(band, bucket) }
    }

    /// The bucket, to be looked for.
    pub(super) fn sought(&self) -> Sought<'a> {
        Sought::hashed(self.band, self.bucket, self.hash)
    }

    /// Orders by band, and inside a band by hash: that is much faster than by bytes, and brings equal
    /// buckets together as well.
    fn order(&self, other: &Frequency) -> Ordering {
        let key = |of: &Frequency| u64::from(of.band) << 32 | u64::from(of.hash);
        key(self).cmp(&key(other)).then_with(|| self.bucket.cmp(other.bucket))
    }
}

/// Bucket frequencies, summed over the chunks of a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile<'a> {
    /// By band; each bucket once.
    frequencies: Vec<Frequency<'a>>,
    observations: u64,
}

impl<'a> Profile<'a> {
    /// The profile of an item over some chunks; empty where it was not observed.
    pub fn of_item(item: &[u8], chunks: &[&'a Chunk]) -> Profile<'a> {
        let (mut frequencies, mut observations) = (Vec::new(), 0);
        let name = hash::name(item);
        for chunk in chunks {
            let Some(id) = chunk.item_by_hash(item, name) else { continue };
            observations += u64::from(chunk.items().observations(id));
            let in_chunk = chunk.frequencies(id);
            let in_chunk = in_chunk.map(|(band, bucket, count)| Frequency::new(band, bucket, count.into()));
            frequencies.extend(in_chunk);
        }
        Profile::sum(frequencies, observations)
    }

    /// The profile of these frequencies, in which a bucket may come several times.
    pub(super) fn sum(mut frequencies: Vec<Frequency<'a>>, observations: u64) -> Profile<'a> {
        frequencies.sort_unstable_by(Frequency::order);
        frequencies.dedup_by(|next, kept| {
            let same = next.order(kept).is_eq();
            if same {
                kept.count += next.count;
            }
            same
        });
        Profile { frequencies, observations }
    }

    /// The profile of a single observation: one bucket for each band.
    pub fn of_signature(buckets: impl Iterator<Item = &'a [u8]>) -> Profile<'a> {
        let frequencies = (0..).zip(buckets).map(|(band, bucket)| Frequency::new(band, bucket, 1)).collect();
        Profile { frequencies, observations: 1 }
    }

    /// Whether it holds no observation.
    pub fn is_empty(&self) -> bool {
        self.observations == 0
    }

    /// How many observations it sums up; the sum of the counts in each band.
    pub fn observations(&self) -> u64 {
        self.observations
    }

    /// All frequencies, by band.
    pub fn frequencies(&self) -> &[Frequency<'a>] {
        &self.frequencies
    }

    /// The frequencies of one band, by the bytes of the bucket.
    pub fn band(&self, band: u16) -> Vec<Frequency<'a>> {
        let start = self.frequencies.partition_point(|frequency| frequency.band < band);
        let of_band = self.frequencies.iter().skip(start).take_while(|frequency| frequency.band == band);
        let mut of_band: Vec<Frequency> = of_band.copied().collect();
        of_band.sort_unstable_by_key(|frequency| frequency.bucket);
        of_band
    }
}
