//! A profile: how often an item, or a query, was seen in each bucket of each band.

use crate::index::chunk::Chunk;
use crate::index::chunk::buckets::BucketKey;
use crate::index::chunk::hash::{self, spread};
use hashbrown::HashTable;
use smallvec::SmallVec;

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
    pub(crate) hash: u32,
}

impl<'a> Frequency<'a> {
    pub(crate) fn new(band: u16, bucket: &'a [u8], count: u64) -> Frequency<'a> {
        Frequency { band, bucket, count, hash: hash::bucket(band, bucket) }
    }

    /// The bucket, to be looked for.
    pub(crate) fn key(&self) -> BucketKey<'a> {
        BucketKey::with_hash(self.band, self.bucket, self.hash)
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

/// Where an item is in the chunks of its profile.
#[derive(Debug, Default)]
pub(crate) struct ItemLocation {
    /// Its id in each chunk.
    pub ids: SmallVec<[Option<u32>; 16]>,
    /// The buckets that it was seen in, chunk by chunk.
    pub seen: Vec<ProfileEntry>,
}

/// A bucket of a chunk in which an item was seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProfileEntry {
    /// The number of the chunk.
    pub chunk: usize,
    /// The number of the frequency that it adds to.
    pub frequency: usize,
    /// The bucket's id in the chunk.
    pub bucket: u32,
}

impl<'a> Profile<'a> {
    /// The profile of an item over some chunks; empty where it was not observed.
    pub fn of_item(item: &[u8], chunks: &[&'a Chunk]) -> Profile<'a> {
        Profile::of_item_located(item, chunks).0
    }

    /// The same, and where it was read.
    pub(crate) fn of_item_located(item: &[u8], chunks: &[&'a Chunk]) -> (Profile<'a>, ItemLocation) {
        let name = hash::name(item);
        let ids: SmallVec<_> = chunks.iter().map(|chunk| chunk.item_by_hash(item, name)).collect();
        let places =
            || chunks.iter().zip(&ids).enumerate().filter_map(|(at, (of, id))| Some((at, *of, (*id)?)));
        let entries = places().map(|(_, chunk, id)| chunk.items().bucket_count(id)).sum();
        places().for_each(|(_, chunk, id)| chunk.prefetch_entries(id));
        let (mut sum, mut seen) = (Sum::with_capacity(entries), Vec::with_capacity(entries));
        for (at, chunk, id) in places() {
            for entry in chunk.entries(id) {
                let frequency = sum.add(Frequency::new(entry.band, entry.bytes, entry.count.into()));
                seen.push(ProfileEntry { chunk: at, frequency, bucket: entry.bucket });
            }
        }
        let observations = places().map(|(_, chunk, id)| u64::from(chunk.items().observations(id))).sum();
        (Profile { frequencies: sum.frequencies, observations }, ItemLocation { ids, seen })
    }

    /// The profile of these frequencies, in which a bucket may come several times.
    pub(crate) fn sum(given: Vec<Frequency<'a>>, observations: u64) -> Profile<'a> {
        let mut sum = Sum::with_capacity(given.len());
        for frequency in given {
            sum.add(frequency);
        }
        Profile { frequencies: sum.frequencies, observations }
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

/// Frequencies that are summed up: each bucket once.
struct Sum<'a> {
    frequencies: Vec<Frequency<'a>>,
    /// Their numbers, by the hash of the bucket.
    numbers: HashTable<usize>,
}

impl<'a> Sum<'a> {
    /// None yet, with room for so many.
    fn with_capacity(frequencies: usize) -> Sum<'a> {
        let numbers = HashTable::with_capacity(frequencies);
        Sum { frequencies: Vec::with_capacity(frequencies), numbers }
    }

    /// Adds to the frequency of a bucket, and returns its number.
    fn add(&mut self, frequency: Frequency<'a>) -> usize {
        let (frequencies, hash) = (&mut self.frequencies, spread(frequency.hash));
        if let Some(at) = self.numbers.find(hash, |at| frequencies[*at].has_same_bucket(&frequency)) {
            frequencies[*at].count += frequency.count;
            return *at;
        }
        let number = frequencies.len();
        self.numbers.insert_unique(hash, number, |at| spread(frequencies[*at].hash));
        frequencies.push(frequency);
        number
    }
}
