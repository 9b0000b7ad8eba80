//! A chunk: all observations of one index during one interval of time.
//!
//! It holds both structures of the model, cross-linked: an item knows the buckets it is in, a bucket
//! knows the items in it with their counts. Every observation adds one count in every band, so an
//! item's total is the same in all bands: its number of observations. Nothing else is needed to scale
//! a frequency.

pub(crate) mod buckets;
pub(crate) mod hash;
mod items;

use self::buckets::{BucketKey, Buckets, ItemBucket, Posting};
use self::items::Items;
use crate::index::memory::mover::Mover;
use crate::index::memory::select::select_branchless;
use smallvec::SmallVec;
use std::hint::black_box;

/// A count for each band.
pub type Counts = SmallVec<[u32; 32]>;

/// Why a chunk cannot take what it is given. Nothing has been changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CapacityError {
    /// An item's observations would not fit 32 bits.
    #[error("an item would have more than 4294967295 observations in one chunk")]
    Count,
    /// The chunk's memory cannot be addressed any more.
    #[error("the chunk is full; use a shorter INTERVAL or more scopes")]
    Chunk,
}

/// The bucket frequencies and the bucket members of one index in one interval.
#[derive(Debug)]
pub struct Chunk {
    bands: u16,
    observations: u64,
    items: Items,
    buckets: Buckets,
}

impl Chunk {
    /// An empty chunk of a number of bands, 1 to 1024.
    pub fn new(bands: u16) -> Chunk {
        Chunk { bands, observations: 0, items: Items::default(), buckets: Buckets::default() }
    }

    /// The number of bands.
    pub fn bands(&self) -> u16 {
        self.bands
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.items.len() == 0
    }

    /// How many items were observed.
    pub fn item_count(&self) -> usize {
        self.items.len()
    }

    /// How many distinct buckets there are, over all bands.
    pub fn bucket_count(&self) -> usize {
        self.buckets.len()
    }

    /// Observations of all items.
    pub fn observations(&self) -> u64 {
        self.observations
    }

    /// Observations of one item; 0 where it has none.
    pub fn observations_of(&self, item: &[u8]) -> u32 {
        self.item(item).map_or(0, |id| self.items.observations(id))
    }

    /// How many buckets an item is in; 0 where it is not here.
    pub fn buckets_of(&self, item: &[u8]) -> usize {
        self.item(item).map_or(0, |id| self.items.bucket_count(id))
    }

    /// Whether `observations` more of an item fit, whose name and buckets have `bytes` in all.
    ///
    /// # Errors
    /// What would not fit.
    pub fn has_room(&self, item: &[u8], observations: u32, bytes: usize) -> Result<(), CapacityError> {
        // Where those of all items would fit together, there is no need to look for the item.
        if self.observations + u64::from(observations) > u32::MAX.into() {
            self.observations_of(item).checked_add(observations).ok_or(CapacityError::Count)?;
        }
        self.fits(usize::from(self.bands).saturating_mul(observations as usize), bytes)
    }

    /// Whether so many entries fit, an item in a bucket each, and so many bytes of names and buckets.
    pub(crate) fn fits(&self, entries: usize, bytes: usize) -> Result<(), CapacityError> {
        let room = self.items.has_room(bytes, entries) && self.buckets.has_room(bytes, entries);
        if room { Ok(()) } else { Err(CapacityError::Chunk) }
    }

    /// Adds an observation: one bucket for each band. Returns the new count of each. The caller has
    /// asked [`Self::has_room`].
    pub fn record<'a>(&mut self, item: &[u8], signature: impl Iterator<Item = &'a [u8]>) -> Counts {
        let item = self.observe(item, 1);
        self.add(item, (0..self.bands).zip(signature).map(|(band, bucket)| (band, bucket, 1)))
    }

    /// The id of an item, which is added where it is new, with more observations.
    pub(crate) fn observe(&mut self, item: &[u8], observations: u32) -> u32 {
        self.observations += u64::from(observations);
        let hash = hash::name(item);
        match self.items.find(item, hash) {
            Some(id) => {
                self.items.observe(id, observations);
                id
            }
            None => self.items.add(item, hash, observations),
        }
    }

    /// Adds to an item's counts in some buckets, each of them once: a band, its bytes and what to add;
    /// returns the new counts.
    pub(crate) fn add<'a>(
        &mut self,
        item: u32,
        buckets: impl Iterator<Item = (u16, &'a [u8], u32)>,
    ) -> Counts {
        let (mut counts, mut new) = (Counts::new(), SmallVec::<[u32; 32]>::new());
        for (band, bucket, count) in buckets {
            let bucket = self.buckets.find_or_add(&BucketKey::new(band, bucket));
            let sum = self.buckets.add(bucket, item, count);
            if sum == count {
                new.push(bucket);
            }
            counts.push(sum);
        }
        self.items.add_buckets(item, &new);
        counts
    }

    /// Gives all of the source's observations to the destination, another item. Returns whether
    /// there were any. Their sum must fit 32 bits.
    pub fn merge(&mut self, destination: &[u8], source: &[u8]) -> bool {
        let Some(from) = self.item(source) else { return false };
        let hash = hash::name(destination);
        let Some(to) = self.items.find(destination, hash) else {
            self.items.rename(from, destination, hash);
            return true;
        };
        self.items.observe(to, self.items.observations(from));
        let mut new: SmallVec<[u32; 64]> = SmallVec::new();
        for bucket in self.take_buckets(from) {
            // The destination comes first: a bucket that has no member for a moment would be removed.
            let count = self.buckets.count(bucket, from);
            if self.buckets.add(bucket, to, count) == count {
                new.push(bucket);
            }
            self.buckets.remove(bucket, from);
        }
        self.items.add_buckets(to, &new);
        self.items.remove(from);
        true
    }

    /// Removes an item. Returns whether it was there.
    pub fn delete(&mut self, item: &[u8]) -> bool {
        let Some(id) = self.item(item) else { return false };
        self.observations -= u64::from(self.items.observations(id));
        for bucket in self.take_buckets(id) {
            self.buckets.remove(bucket, id);
        }
        self.items.remove(id);
        true
    }

    fn take_buckets(&self, item: u32) -> SmallVec<[u32; 64]> {
        self.items.buckets(item).collect()
    }

    // What searches and profiles read, by the chunk's own ids.

    /// The id of an item in this chunk.
    pub fn item(&self, item: &[u8]) -> Option<u32> {
        self.items.find(item, hash::name(item))
    }

    /// The id of an item, for a caller who has the hash of its name from another chunk.
    pub(crate) fn item_by_hash(&self, item: &[u8], hash: u32) -> Option<u32> {
        self.items.find(item, hash)
    }

    /// The items of the chunk.
    pub(crate) fn items(&self) -> &Items {
        &self.items
    }

    /// The id of a bucket.
    pub(crate) fn bucket(&self, key: &BucketKey) -> Option<u32> {
        self.buckets.find(key)
    }

    /// Finds some buckets, those that are `wanted` by their position; hands over the position and the id
    /// of each that is there. There must be `room` for as many positions as are looked for.
    pub(crate) fn locate_buckets(
        &self,
        keys: &[BucketKey],
        room: &mut [usize],
        wanted: impl Fn(usize) -> bool,
        mut found: impl FnMut(usize, u32),
    ) {
        let may_have = |(at, key)| (at, self.buckets.may_have(key));
        for at in select_branchless(keys.iter().enumerate().map(may_have), room) {
            if wanted(*at)
                && let Some(id) = self.buckets.find(&keys[*at])
            {
                found(*at, id);
            }
        }
    }

    /// How many of an item's observations fell into a bucket.
    pub(crate) fn count(&self, bucket: u32, item: u32) -> u32 {
        self.buckets.count(bucket, item)
    }

    /// How many items are in a bucket.
    pub(crate) fn member_count(&self, bucket: u32) -> usize {
        self.buckets.member_count(bucket)
    }

    /// Whether an item is a bucket's only member; it may be without this saying so.
    pub(crate) fn is_sole_member(&self, bucket: u32, item: u32) -> bool {
        self.buckets.is_sole_member(bucket, item)
    }

    /// A count that no item's count in a bucket passes.
    pub(crate) fn max_count_bound(&self, bucket: u32) -> u32 {
        self.buckets.max_count_bound(bucket)
    }

    /// The sum of all items' counts in a bucket.
    pub(crate) fn total(&self, bucket: u32) -> u64 {
        self.buckets.total(bucket)
    }

    /// The items in a bucket, with their counts.
    pub(crate) fn postings(&self, bucket: u32) -> impl Iterator<Item = Posting> {
        self.buckets.postings(bucket)
    }

    /// Reads what [`Self::entries`] reads first, which lies all over memory: without doing anything with
    /// it, so that all is waited for together.
    pub(crate) fn prefetch_entries(&self, item: u32) {
        black_box(self.items.buckets(item).fold(0, |sum, bucket| sum ^ self.buckets.band(bucket)));
    }

    /// The buckets that an item is in, in no order.
    pub(crate) fn entries(&self, item: u32) -> impl Iterator<Item = ItemBucket<'_>> {
        self.items.buckets(item).map(move |bucket| self.buckets.entry(bucket, item))
    }

    /// The same: band, bytes, count.
    pub(crate) fn frequencies(&self, item: u32) -> impl Iterator<Item = (u16, &[u8], u32)> {
        self.entries(item).map(|entry| (entry.band, entry.bytes, entry.count))
    }

    /// The names of the items in a bucket, in no order.
    pub fn members<'a>(&'a self, band: u16, bucket: &[u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let id = self.buckets.find(&BucketKey::new(band, bucket));
        id.into_iter().flat_map(|id| self.buckets.postings(id)).map(|posting| self.items.name(posting.item))
    }

    // What the server asks.

    /// Every item with its observations, and the (band, bucket, count) of each bucket that it is in,
    /// in no order: what a digest is made of.
    pub fn contents(&self) -> impl Iterator<Item = (&[u8], u32, impl Iterator<Item = (u16, &[u8], u32)>)> {
        let ids = self.items.ids();
        ids.map(|id| (self.items.name(id), self.items.observations(id), self.frequencies(id)))
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        size_of::<Chunk>() + self.items.memory() + self.buckets.memory()
    }

    /// Has all of it moved.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.items.move_by(mover);
        self.buckets.move_by(mover);
    }

    /// Allocations held: what freeing costs.
    pub fn allocations(&self) -> usize {
        1 + self.items.allocations() + self.buckets.allocations()
    }

    /// Checks that both structures say the same, each by its own account. For tests and fuzzers.
    ///
    /// # Errors
    /// What does not hold.
    pub fn internal_validate(&self) -> Result<(), &'static str> {
        let holds = |condition: bool, what: &'static str| if condition { Ok(()) } else { Err(what) };
        holds(self.items.table_agrees(), "the table of items differs from the items")?;
        holds(self.buckets.tables_agree(), "a table of buckets differs from the buckets")?;
        let (mut observations, mut entries) = (0, 0);
        for id in self.items.ids() {
            let mut totals = vec![0u64; self.bands.into()];
            let mut buckets: Vec<u32> = self.items.buckets(id).collect();
            entries += buckets.len();
            for (band, _, count) in self.frequencies(id) {
                holds(band < self.bands, "a bucket lies in a band that is not there")?;
                holds(count > 0, "an item names a bucket that does not name the item")?;
                totals[usize::from(band)] += u64::from(count);
            }
            buckets.sort_unstable();
            holds(buckets.windows(2).all(|pair| pair[0] != pair[1]), "an item names a bucket twice")?;
            let expected = u64::from(self.items.observations(id));
            holds(totals.iter().all(|total| *total == expected), "a band's counts are not the observations")?;
            observations += expected;
        }
        holds(observations == self.observations, "the observations do not add up")?;
        let members: Vec<usize> = self.buckets.ids().map(|id| self.buckets.member_count(id)).collect();
        holds(!members.contains(&0), "a bucket is empty")?;
        holds(
            members.iter().sum::<usize>() == entries,
            "a bucket names an item that does not name the bucket",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_full_by_its_own_observations() {
        let mut chunk = Chunk::new(1);
        chunk.observe(b"much", u32::MAX - 1);
        assert_eq!(chunk.has_room(b"much", 1, 0), Ok(()));
        assert_eq!(chunk.has_room(b"much", 2, 0), Err(CapacityError::Count));
        assert_eq!(chunk.has_room(b"other", 100, 0), Ok(()));
        chunk.observe(b"other", 1);
        assert_eq!(chunk.has_room(b"much", 1, 0), Ok(()));
        assert_eq!(chunk.has_room(b"much", 2, 0), Err(CapacityError::Count));
    }
}
