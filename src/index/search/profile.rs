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
    /// The number of observations that fell into it.
    pub count: u64,
    /// The bucket's hash in the tables of chunks.
    pub(crate) hash: u32,
}

impl<'a> Frequency<'a> {
    pub(crate) fn new(band: u16, bucket: &'a [u8], count: u64) -> Frequency<'a> {
        Frequency { band, bucket, count, hash: hash::bucket(band, bucket) }
    }

    /// The bucket as a key of the chunks' tables.
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
    /// Each bucket once, in the order in which it was met first.
    frequencies: Vec<Frequency<'a>>,
    observations: u64,
}

/// Where an item is stored in the chunks that its profile was read from. A search for the item's neighbours
/// starts from here, and need not look up again what the profile came from.
#[derive(Debug, Default)]
pub(crate) struct ItemLocation {
    /// The item's id in each chunk; `None` if it was not observed there.
    pub ids: SmallVec<[Option<u32>; 16]>,
    /// The buckets it was seen in, chunk by chunk.
    pub entries: Vec<ProfileEntry>,
}

/// A bucket of a chunk that contributed to a profile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProfileEntry {
    /// The number of the chunk, among those of the profile.
    pub chunk: usize,
    /// The position in the profile of the frequency that the bucket's count went into.
    pub frequency: usize,
    /// The bucket's id in the chunk.
    pub bucket: u32,
}

impl<'a> Profile<'a> {
    /// The profile of an item over some chunks; empty if it was not observed in any.
    pub fn of_item(item: &[u8], chunks: &[&'a Chunk]) -> Profile<'a> {
        Profile::of_item_with_location(item, chunks).0
    }

    /// The profile of an item over some chunks, and where it was read.
    pub(crate) fn of_item_with_location(item: &[u8], chunks: &[&'a Chunk]) -> (Profile<'a>, ItemLocation) {
        // Step 1: find the item in each chunk.
        let hash = hash::name(item);
        let ids: SmallVec<_> = chunks.iter().map(|chunk| chunk.item_id_by_hash(item, hash)).collect();
        let located = || {
            let chunks = chunks.iter().zip(&ids).enumerate();
            chunks.filter_map(|(number, (chunk, id))| Some((number, *chunk, (*id)?)))
        };

        // Step 2: bring the item's bucket records into the cache. They lie all over memory, so they are all
        // asked for before the first one is used.
        let entry_count = located().map(|(_, chunk, id)| chunk.items().bucket_count(id)).sum();
        located().for_each(|(_, chunk, id)| chunk.prefetch_entries(id));

        // Step 3: sum the counts of each bucket over the chunks.
        let mut builder = ProfileBuilder::with_capacity(entry_count);
        let mut entries = Vec::with_capacity(entry_count);
        for (number, chunk, id) in located() {
            for entry in chunk.entries(id) {
                let frequency = builder.add(Frequency::new(entry.band, entry.bytes, entry.count.into()));
                entries.push(ProfileEntry { chunk: number, frequency, bucket: entry.bucket });
            }
        }
        let observations = located().map(|(_, chunk, id)| u64::from(chunk.items().observations(id))).sum();
        (Profile { frequencies: builder.frequencies, observations }, ItemLocation { ids, entries })
    }

    /// The profile of frequencies in which a bucket may come several times: its counts are summed.
    pub(crate) fn summed(repeated: Vec<Frequency<'a>>, observations: u64) -> Profile<'a> {
        let mut builder = ProfileBuilder::with_capacity(repeated.len());
        for frequency in repeated {
            builder.add(frequency);
        }
        Profile { frequencies: builder.frequencies, observations }
    }

    /// The profile of a single observation: one bucket for each band.
    pub fn of_signature(buckets: impl Iterator<Item = &'a [u8]>) -> Profile<'a> {
        let frequencies = (0..).zip(buckets).map(|(band, bucket)| Frequency::new(band, bucket, 1)).collect();
        Profile { frequencies, observations: 1 }
    }

    /// True if it holds no observation.
    pub fn is_empty(&self) -> bool {
        self.observations == 0
    }

    /// The number of observations it sums up, which is the sum of the counts in each band.
    pub fn observations(&self) -> u64 {
        self.observations
    }

    /// All frequencies, in no order.
    pub fn frequencies(&self) -> &[Frequency<'a>] {
        &self.frequencies
    }

    /// The frequencies of each of the first `bands` bands, ordered by the bucket's bytes.
    pub fn by_band(&self, bands: u16) -> Vec<Vec<Frequency<'a>>> {
        let mut by_band = vec![Vec::new(); bands.into()];
        for frequency in &self.frequencies {
            if let Some(of_band) = by_band.get_mut(usize::from(frequency.band)) {
                of_band.push(*frequency);
            }
        }
        by_band.iter_mut().for_each(|of_band| of_band.sort_unstable_by_key(|frequency| frequency.bucket));
        by_band
    }
}

/// Sums frequencies by bucket. A hash table beats sorting: chunks repeat the same buckets, and their hashes
/// are known.
struct ProfileBuilder<'a> {
    frequencies: Vec<Frequency<'a>>,
    /// Numbers in `frequencies`, found by the hash of the bucket.
    numbers: HashTable<usize>,
}

impl<'a> ProfileBuilder<'a> {
    fn with_capacity(frequencies: usize) -> ProfileBuilder<'a> {
        let numbers = HashTable::with_capacity(frequencies);
        ProfileBuilder { frequencies: Vec::with_capacity(frequencies), numbers }
    }

    /// Adds to the count of a bucket, and returns the number of its frequency.
    fn add(&mut self, frequency: Frequency<'a>) -> usize {
        let frequencies = &mut self.frequencies;
        let hash = spread(frequency.hash);
        if let Some(number) =
            self.numbers.find(hash, |number| frequencies[*number].has_same_bucket(&frequency))
        {
            frequencies[*number].count += frequency.count;
            return *number;
        }
        let number = frequencies.len();
        self.numbers.insert_unique(hash, number, |number| spread(frequencies[*number].hash));
        frequencies.push(frequency);
        number
    }
}
