//! A profile: how often an item, or a query, was seen in each bucket of each band.

use super::chunk::Chunk;

/// A bucket of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frequency<'a> {
    /// The band, from 0.
    pub band: u16,
    /// The bucket's bytes.
    pub bucket: &'a [u8],
    /// How many observations fell into it.
    pub count: u64,
}

/// Bucket frequencies, summed over the chunks of a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile<'a> {
    /// By band, then by the bytes of the bucket; each bucket once.
    frequencies: Vec<Frequency<'a>>,
    observations: u64,
}

impl<'a> Profile<'a> {
    /// The profile of an item over some chunks; empty where it was not observed.
    pub fn of_item(item: &[u8], chunks: &[&'a Chunk]) -> Profile<'a> {
        let mut profile = Profile::default();
        for chunk in chunks {
            let Some(id) = chunk.item(item) else { continue };
            profile.observations += u64::from(chunk.items().observations(id));
            let frequencies = chunk.frequencies(id);
            profile.frequencies.extend(frequencies.map(|(band, bucket, count)| Frequency {
                band,
                bucket,
                count: count.into(),
            }));
        }
        profile.frequencies.sort_unstable_by(|a, b| (a.band, a.bucket).cmp(&(b.band, b.bucket)));
        profile.frequencies.dedup_by(|next, kept| {
            let same = (next.band, next.bucket) == (kept.band, kept.bucket);
            if same {
                kept.count += next.count;
            }
            same
        });
        profile
    }

    /// The profile of a single observation: one bucket for each band.
    pub fn of_signature(buckets: impl Iterator<Item = &'a [u8]>) -> Profile<'a> {
        let frequencies =
            (0..).zip(buckets).map(|(band, bucket)| Frequency { band, bucket, count: 1 }).collect();
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

    /// All frequencies, by band, then by the bytes of the bucket.
    pub fn frequencies(&self) -> &[Frequency<'a>] {
        &self.frequencies
    }

    /// The frequencies of one band, by the bytes of the bucket.
    pub fn band(&self, band: u16) -> &[Frequency<'a>] {
        let start = self.frequencies.partition_point(|frequency| frequency.band < band);
        let rest = self.frequencies.get(start..).unwrap_or_default();
        &rest[..rest.partition_point(|frequency| frequency.band == band)]
    }
}
