//! A profile: how often an item, or a query, was seen in each bucket of each band.

use super::buckets::Sought;
use super::chunk::Chunk;
use super::hash::{self, spread};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

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

    fn has_same_bucket(&self, other: &Frequency) -> bool {
        (self.hash, self.band, self.bucket) == (other.hash, other.band, other.bucket)
    }
}

/// Bucket frequencies, summed over the chunks of a window.
#[derive(Debug, Clone, Default)]
pub struct Profile<'a> {
    /// Each bucket once.
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
    pub(super) fn sum(given: Vec<Frequency<'a>>, observations: u64) -> Profile<'a> {
        let mut frequencies: Vec<Frequency> = Vec::with_capacity(given.len());
        let mut places: HashTable<usize> = HashTable::with_capacity(given.len());
        for frequency in given {
            let is_same = |at: &usize| frequencies[*at].has_same_bucket(&frequency);
            match places.entry(spread(frequency.hash), is_same, |at| spread(frequencies[*at].hash)) {
                Entry::Occupied(at) => frequencies[*at.get()].count += frequency.count,
                Entry::Vacant(place) => {
                    place.insert(frequencies.len());
                    frequencies.push(frequency);
                }
            }
        }
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

    /// All frequencies, in no order.
    pub fn frequencies(&self) -> &[Frequency<'a>] {
        &self.frequencies
    }

    /// The frequencies of each of so many bands, by the bytes of the bucket.
    pub fn by_band(&self, bands: u16) -> Vec<Vec<Frequency<'a>>> {
        let mut of_bands = vec![Vec::new(); bands.into()];
        for frequency in &self.frequencies {
            if let Some(of_band) = of_bands.get_mut(usize::from(frequency.band)) {
                of_band.push(*frequency);
            }
        }
        of_bands.iter_mut().for_each(|of_band| of_band.sort_unstable_by_key(|frequency| frequency.bucket));
        of_bands
    }
}
