//! A chunk: all observations of one index during one interval of time.
//!
//! An observation of an item has a signature, one bucket for each band. It adds 1 to the item's count in each
//! of these buckets. A chunk stores the counts so that both sides can be read, cross-linked:
//!
//! ```text
//!     items                                          buckets
//!     | "a" | 3 observations | 0, 1, 2 |             | 0 | band 0 | "x" | (a, 3), (b, 1) |
//!     | "b" | 1 observation  | 0, 3    |             | 1 | band 1 | "y" | (a, 2)         |
//!                                                    | 2 | band 1 | "z" | (a, 1)         |
//!                                                    | 3 | band 1 | "w" | (b, 1)         |
//! ```
//!
//! An item has a list of the ids of its buckets. A bucket has a *posting* for each item in it, the item's id
//! and its count; so a count is stored once. In each band, the counts of an item add up to the number of its
//! observations, because each observation counts once there. So a score needs no other number to scale a count.
//!
//! | file | content |
//! | --- | --- |
//! | `items` | the items: name, observations, bucket list, arrival |
//! | `sketches` | what each item looked like |
//! | `bounds` | bounds on the observations and arrivals of ranges of items |
//! | `buckets` | the buckets: band, bytes, postings |
//! | `hash` | the hashes that both are found by |
//!
//! # Removal
//!
//! A removal gives memory back. Everything in a chunk is dense: where something is removed, the last of its kind moves
//! to its place, and what refers to it is told. An item that moves gets another id, and so does a bucket; their ids are
//! in the postings and in the lists of the other side. Those that many refer to, items of more than 1,024 buckets and
//! buckets of more than 1,024 items, move only once, when they get so large. So a removal moves no more than a few items
//! and buckets for each that it removes, and none that it takes long to move.
//!
//! # Invariants
//!
//! [`Chunk::internal_validate`] checks all of them, here and in the stores below. Each of its messages begins
//! with the number of the invariant that is broken. Debug builds also assert the local ones wherever a store
//! changes.
//!
//! 1. Cross-links: a bucket is in an item's list, and there once, if and only if the item has a posting in the
//!    bucket.
//! 2. Counts: every count is at least 1 and fits 32 bits. The band of every bucket is below the number of
//!    bands.
//! 3. Sums: in each band, the counts of an item add up to its observations; the observations of all items add
//!    up to the chunk's.
//! 4. Nothing is empty: every item has an observation, and every bucket has a member. The only exception is a
//!    new bucket, between `Buckets::find_or_add` and the `Buckets::add` that follows.
//! 5. Keys: no two items have the same name, no two buckets the same band and bytes. The table of each has
//!    exactly the ids in use and finds each of them by its key.
//! 6. Ids: a slab counts its holes, but for those at ids that are reserved, and the last record is not a hole.
//! 7. States of a bucket: a lone posting has a count of at most 65,535; few are 1 to 1,024 postings (0 in the
//!    exception of 4), in the order of their items, each of them once, and 2 at least if one would be lone; hot are
//!    more than 512.
//! 8. Hot buckets: the table of positions finds each posting, the total is the sum of the counts, and no
//!    count is above the bound. The bound may be larger than all counts. A list has such a bound, too.
//! 9. Lists of buckets: up to 1,024 ids are a run of the arena; more are a table of their own. Each belongs to one
//!    item, and knows it.
//! 10. Runs: those of a size class are side by side, each belongs to one owner, and knows it. All blocks but the last
//!     are full, and none is empty.
//! 11. Tables: an entry is in the chain of the home cell of its hash and has the tag of its hash. The used
//!     slots of a cell come first; only the last slot can link to an overflow cell, and only if all others are
//!     used. An overflow cell is in one chain, with at least one entry, and knows the cell before it. There are no
//!     more home cells than the entries need.
//! 12. Segments: all segments of a vector but the last are full, and the last is not empty unless it is the
//!     only one. All but the first are allocated whole.
//! 13. Sketches: each belongs to one item, and knows it. Those of one likeness are equal.
//! 14. Arrivals: no two items have the same, and the next is larger than all. The bounds of a range hold for each
//!     of its items.

mod bounds;
pub(crate) mod buckets;
pub(crate) mod hash;
mod items;
mod sketches;

pub(crate) use self::bounds::{Bounds, RangeBound};

use self::buckets::{BucketKey, Buckets, ItemBucket, LOOKUP_BATCH, Posting};
use self::items::Items;
use crate::index::memory::footprint::Footprint;
use crate::index::memory::invariant::{Validation, ensure};
use crate::index::memory::mover::Mover;
use crate::index::memory::select::select_branchless;
use smallvec::SmallVec;
use std::hint::black_box;

/// The buckets of an item that are removed together, so that their cache misses overlap.
const REMOVAL_BATCH: usize = 32;

/// The new count in each band that an observation was added to.
pub type Counts = SmallVec<[u32; 32]>;

/// The reason why a chunk cannot take an addition. The chunk is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CapacityError {
    /// An item's observations would not fit 32 bits.
    #[error("an item would have more than 4294967295 observations in one chunk")]
    Count,
    /// The ids and runs of the chunk would not fit 32 bits.
    #[error("the chunk is full; use a shorter INTERVAL or more scopes")]
    Chunk,
}

/// The observations of one index in one interval: its items, its buckets, and the counts that link them.
#[derive(Debug)]
pub struct Chunk {
    bands: u16,
    /// The observations of all items.
    observations: u64,
    items: Items,
    buckets: Buckets,
}

impl Chunk {
    /// An empty chunk with this number of bands, 1 to 1024, that keeps no sketches.
    pub fn new(bands: u16) -> Chunk {
        Chunk::with_sketches(bands, 0)
    }

    /// An empty chunk with this number of bands, that keeps sketches of `sketch_length` slots, up to 4096.
    pub fn with_sketches(bands: u16, sketch_length: u16) -> Chunk {
        Chunk { bands, observations: 0, items: Items::new(sketch_length), buckets: Buckets::default() }
    }

    /// The number of bands.
    pub fn bands(&self) -> u16 {
        self.bands
    }

    /// The slots of a sketch; 0 if the chunk keeps none.
    pub fn sketch_length(&self) -> u16 {
        self.items.sketch_length()
    }

    /// True if there is no item.
    pub fn is_empty(&self) -> bool {
        self.items.len() == 0
    }

    /// The number of items.
    pub fn item_count(&self) -> usize {
        self.items.len()
    }

    /// The number of distinct buckets, over all bands.
    pub fn bucket_count(&self) -> usize {
        self.buckets.len()
    }

    /// The number of observations, of all items.
    pub fn observations(&self) -> u64 {
        self.observations
    }

    /// The number of an item's observations; 0 if it is not here.
    pub fn observations_of(&self, item: &[u8]) -> u32 {
        self.item_id(item).map_or(0, |id| self.items.observations(id))
    }

    /// An item's count in a bucket of a band; 0 if it was not seen there.
    pub fn count_in(&self, item: &[u8], band: u16, bucket: &[u8]) -> u32 {
        let ids = self.item_id(item).zip(self.bucket_id(&BucketKey::new(band, bucket)));
        ids.map_or(0, |(item, bucket)| self.count(bucket, item))
    }

    // Writing. Nothing here fails half-way: the caller asks first whether an addition fits.

    /// Checks that an item, or a new one, can be observed with this many more signatures, each `times` times. `bytes` is
    /// the length of its name and of all their buckets together.
    ///
    /// # Errors
    /// The limit that would be exceeded: the item's or the chunk's.
    pub fn check_capacity(
        &self,
        item: Option<&[u8]>,
        signatures: usize,
        times: u32,
        bytes: usize,
    ) -> Result<(), CapacityError> {
        // At worst each signature puts the item in a new bucket of every band.
        self.check_entry_capacity(usize::from(self.bands).saturating_mul(signatures), bytes)?;
        // If even the observations of all items fit 32 bits together, those of one item do. Only if they do
        // not, the item has to be looked up.
        let added = (signatures as u64).saturating_mul(times.into());
        if self.observations.saturating_add(added) > u32::MAX.into() {
            let present = item.map_or(0, |item| self.observations_of(item));
            u32::try_from(added.saturating_add(present.into())).map_err(|_| CapacityError::Count)?;
        }
        Ok(())
    }

    /// Checks that this many more entries fit, and `bytes` of names and buckets. An entry is a posting, and the
    /// bucket's id in the item's list.
    pub(crate) fn check_entry_capacity(&self, entries: usize, bytes: usize) -> Result<(), CapacityError> {
        let fits =
            self.items.has_capacity_for(bytes, entries) && self.buckets.has_capacity_for(bytes, entries);
        if fits { Ok(()) } else { Err(CapacityError::Chunk) }
    }

    /// Adds an observation of an item, whose name is not empty. `signature` has a bucket for each band, in the
    /// order of the bands. Returns the item's new count in each. [`Self::check_capacity`] must have been `Ok`.
    pub fn record<'a>(&mut self, item: &[u8], signature: impl Iterator<Item = &'a [u8]>) -> Counts {
        self.record_times(item, signature, 1)
    }

    /// [`Self::record`], the same observation several times. The item's observations must still fit 32 bits.
    pub fn record_times<'a>(
        &mut self,
        item: &[u8],
        signature: impl Iterator<Item = &'a [u8]>,
        times: u32,
    ) -> Counts {
        debug_assert_eq!(self.check_capacity(Some(item), 1, times, 0), Ok(()));
        // The two halves of an observation: the item's number of observations, and its count in each band.
        let mut item = self.add_observations(item, times);
        let buckets = (0..self.bands).zip(signature).map(|(band, bucket)| (band, bucket, times));
        let counts = self.add_counts(&mut item, buckets);
        debug_assert!(counts.len() == usize::from(self.bands), "invariant 3: a band without a bucket");
        counts
    }

    /// Keeps the sketch of an item, unless the item has one. The sketch must have [`Self::sketch_length`] slots,
    /// at least one. Returns true if it is kept; false also if the item is not here.
    pub fn keep_sketch(&mut self, item: &[u8], sketch: &[u8]) -> bool {
        self.item_id(item).is_some_and(|id| self.keep_sketch_by_id(id, sketch))
    }

    /// [`Self::keep_sketch`], for a caller that has the item's id.
    pub(crate) fn keep_sketch_by_id(&mut self, item: u32, sketch: &[u8]) -> bool {
        debug_assert_eq!(sketch.len(), usize::from(self.sketch_length()));
        let is_first = self.items.sketch(item).is_none();
        if is_first {
            self.items.keep_sketch(item, sketch, self.likely_copy(item));
        }
        is_first
    }

    /// Another item that is the likeliest to be a copy of this one: the latest in the smallest bucket that it shares.
    fn likely_copy(&self, item: u32) -> Option<u32> {
        let some = self.items.buckets(item).take(LOOKUP_BATCH);
        let shared = some
            .map(|bucket| (self.buckets.member_count(bucket), bucket))
            .filter(|(members, _)| *members > 1);
        shared.min().and_then(|(_, bucket)| self.buckets.latest_other(bucket, item))
    }

    /// Adds to the number of an item's observations, and adds the item if it is new. Returns its id. This is
    /// half of an addition: [`Self::add_counts`] must then add as much in every band (invariant 3).
    pub(crate) fn add_observations(&mut self, item: &[u8], observations: u32) -> u32 {
        self.observations += u64::from(observations);
        let hash = hash::name(item);
        match self.items.find(item, hash) {
            Some(id) => {
                self.items.add_observations(id, observations);
                id
            }
            None => self.items.add(item, hash, observations),
        }
    }

    /// Adds to an item's counts in some buckets, no two of them the same. Of each, `buckets` has the band, the
    /// bytes, and the number to add, at least 1. Returns the new counts in the same order. The item may get another id.
    pub(crate) fn add_counts<'a>(
        &mut self,
        item: &mut u32,
        buckets: impl Iterator<Item = (u16, &'a [u8], u32)>,
    ) -> Counts {
        // The buckets' side: a posting for each bucket, and the buckets themselves where they are new.
        let mut counts = Counts::new();
        let mut joined: SmallVec<[u32; 32]> = SmallVec::new(); // the buckets that get a new posting
        let mut hot: SmallVec<[u32; 4]> = SmallVec::new(); // those of them that get hot by it
        let mut keys = buckets.map(|(band, bucket, count)| (BucketKey::new(band, bucket), count));
        loop {
            // A batch at a time, so that its cache misses overlap.
            let mut batch: SmallVec<[(BucketKey, u32); LOOKUP_BATCH]> = SmallVec::new();
            keys.by_ref().take(LOOKUP_BATCH).for_each(|entry| batch.push(entry));
            if batch.is_empty() {
                break;
            }
            let likely = self.buckets.locate_likely(batch.iter().map(|(key, _)| key), *item);
            for ((key, count), likely) in batch.iter().zip(likely) {
                debug_assert!(key.band() < self.bands, "invariant 2: a bucket of band {}", key.band());
                let bucket = self.buckets.find_or_add_likely(key, likely);
                let sum = self.buckets.add(bucket, *item, *count);
                if sum == *count {
                    joined.push(bucket); // the count was 0: the item was not in this bucket before
                    if self.buckets.may_have_become_hot(bucket) {
                        hot.push(bucket);
                    }
                }
                counts.push(sum);
            }
        }
        // The item's side of the new postings (invariant 1). They are added together, so its list grows once.
        let is_fixed = self.items.add_buckets(*item, &joined);
        // What must not move from now on goes to its place.
        hot.into_iter().for_each(|bucket| self.place_bucket(bucket));
        if is_fixed {
            *item = self.place_item(*item);
        }
        counts
    }

    // Moving. An id is also on the other side of the links (invariant 1).

    /// Changes the id of a bucket in the lists of its members.
    fn tell_members(&mut self, from: u32, to: u32) {
        for posting in self.buckets.postings(to) {
            self.items.replace_bucket(posting.item, from, to);
        }
    }

    /// Changes the id of an item in the postings of its buckets.
    fn tell_buckets(&mut self, from: u32, to: u32) {
        self.prefetch_entries(to);
        for bucket in self.items.buckets(to) {
            self.buckets.rename_item(bucket, from, to);
        }
    }

    /// Moves a bucket that has just become hot to where it can stay.
    fn place_bucket(&mut self, bucket: u32) {
        if let Some(place) = self.buckets.place_for_fixed(bucket) {
            self.buckets.move_to_hole(bucket, place);
            self.tell_members(bucket, place);
            self.fill_bucket_holes(u32::MAX, &mut []);
        }
    }

    /// Moves an item that has just become one of very many buckets to where it can stay, and returns its id.
    fn place_item(&mut self, item: u32) -> u32 {
        let Some(place) = self.items.place_for_fixed(item) else { return item };
        self.items.move_to_hole(item, place);
        self.tell_buckets(item, place);
        self.fill_item_holes();
        place
    }

    /// Moves the last buckets to holes: one for the hole that was made just now, and one for an earlier hole. If they
    /// are among the `pending` ones of an item, which are in order and no longer in its list, their new ids are written
    /// there.
    fn fill_bucket_holes(&mut self, item: u32, pending: &mut [u32]) {
        for _ in 0..2 {
            let Some((from, to)) = self.buckets.fill_hole() else { return };
            // Rare: nearly always the last bucket comes after all that are pending.
            let is_near = pending.last().is_some_and(|last| *last >= from);
            let pending_index = is_near.then(|| pending.binary_search(&from).ok()).flatten();
            for posting in self.buckets.postings(to) {
                if posting.item != item || pending_index.is_none() {
                    self.items.replace_bucket(posting.item, from, to);
                }
            }
            if let Some(index) = pending_index {
                pending[index] = to;
                pending.sort_unstable();
            }
        }
    }

    /// Reads a little of everything that taking an item out of some buckets changes, in passes. No read of a pass depends
    /// on another one, so that their cache misses overlap.
    fn prefetch_removal(&self, item: u32, left: &[u32]) {
        self.buckets.touch_members(left, item);
        // The buckets in which nobody else is are removed, and the last ones move to their places.
        let mut removed: SmallVec<[u32; REMOVAL_BATCH]> = SmallVec::new();
        removed.extend(left.iter().copied().filter(|bucket| self.buckets.lone_item(*bucket).is_some()));
        let moved = self.buckets.last(removed.len());
        // The records of the items of those that move.
        let mut items: SmallVec<[u32; REMOVAL_BATCH]> = SmallVec::new();
        items.extend(moved.clone().filter_map(|bucket| self.buckets.lone_item(bucket)));
        items.dedup(); // the last buckets are nearly always those of a few items
        let mut sum = items.iter().fold(0, |sum, item| sum ^ self.items.observations(*item));
        // The cells of the buckets in the table, and the lists of the items.
        sum ^= removed.iter().fold(0, |sum, bucket| sum ^ self.buckets.touch(*bucket));
        sum ^= moved.fold(0, |sum, bucket| sum ^ self.buckets.touch(bucket));
        sum ^= items.iter().fold(0, |sum, item| sum ^ self.items.touch_buckets(*item));
        black_box(sum);
    }

    /// Moves the last items to holes: one for the hole that was made just now, and one for an earlier hole.
    fn fill_item_holes(&mut self) {
        for _ in 0..2 {
            let Some((from, to)) = self.items.fill_hole() else { return };
            self.tell_buckets(from, to);
        }
    }

    /// Moves all observations of the source to the destination, another item, whose name is not empty. The
    /// source is then no longer here. Returns false if it was not here before. The sum of both must fit 32
    /// bits. Of the two, the earlier arrival counts, and the sketch of the one that arrived first and has one.
    pub fn merge(&mut self, destination: &[u8], source: &[u8]) -> bool {
        debug_assert!(destination != source, "an item is merged with itself");
        let Some(from) = self.item_id(source) else { return false };
        // If the destination is new, the source gets its name, and nothing has to be moved.
        let hash = hash::name(destination);
        let Some(to) = self.items.find(destination, hash) else {
            self.items.rename(from, destination, hash);
            return true;
        };
        // Move the count of each bucket. The chunk's own number of observations stays the same. No bucket is removed.
        self.items.add_observations(to, self.items.observations(from));
        let mut joined = self.items.take_buckets(from);
        joined.retain(|bucket| !self.buckets.transfer(*bucket, from, to));
        // The other side of the links (invariant 1), for those that the destination was not in.
        let is_fixed = self.items.add_buckets(to, &joined);
        // No bucket names the source any longer, so it can go.
        self.items.take_precedence(to, from);
        self.items.remove(from);
        if is_fixed {
            self.place_item(to); // it does not move into the hole of the source
        }
        self.fill_item_holes();
        true
    }

    /// Removes an item with its observations. Returns false if it is not here.
    pub fn delete(&mut self, item: &[u8]) -> bool {
        let Some(id) = self.item_id(item) else { return false };
        self.observations -= u64::from(self.items.observations(id));
        // The postings first, each with its bucket if it is the last one there; then the item with its list.
        // The buckets with the largest ids first: some of them may be the last ones, and need not move.
        let mut buckets = self.items.take_buckets(id);
        buckets.sort_unstable();
        while !buckets.is_empty() {
            let rest = buckets.len().saturating_sub(REMOVAL_BATCH);
            self.prefetch_removal(id, &buckets[rest..]);
            while buckets.len() > rest
                && let Some(bucket) = buckets.pop()
            {
                let count = self.buckets.remove(bucket, id);
                debug_assert!(count > 0, "invariant 1: an item names a bucket that does not name it");
                self.fill_bucket_holes(id, &mut buckets);
            }
        }
        self.items.remove(id);
        self.fill_item_holes();
        true
    }

    /// Takes back an observation of an item, as often as it was recorded `times` times: the opposite of
    /// [`Self::record_times`]. The item must have been seen in each of the buckets so often ([`Self::count_in`]).
    /// An item without observations is removed.
    pub fn forget<'a>(&mut self, item: &[u8], signature: impl Iterator<Item = &'a [u8]>, times: u32) {
        let Some(id) = self.item_id(item) else { return };
        if self.items.observations(id) <= times {
            // These are all its observations, and so all its buckets.
            self.delete(item);
            return;
        }
        self.observations -= u64::from(times);
        self.items.subtract_observations(id, times);
        let mut emptied: SmallVec<[u32; 32]> = SmallVec::new(); // the buckets that the item is no longer in
        for (band, bucket) in (0..self.bands).zip(signature) {
            let Some(bucket) = self.bucket_id(&BucketKey::new(band, bucket)) else { continue };
            if self.buckets.count(bucket, id) > times {
                self.buckets.subtract(bucket, id, times);
            } else {
                emptied.push(bucket);
            }
        }
        emptied.sort_unstable();
        emptied.iter().for_each(|bucket| self.items.remove_bucket(id, *bucket));
        while let Some(bucket) = emptied.pop() {
            self.buckets.remove(bucket, id);
            self.fill_bucket_holes(id, &mut emptied);
        }
    }

    // Reading. Ids are the chunk's own: the same item has another id in the next chunk.

    /// The id of an item in this chunk.
    pub fn item_id(&self, item: &[u8]) -> Option<u32> {
        self.items.find(item, hash::name(item))
    }

    /// The id of an item, for a caller that already has the hash of its name: it is the same in every chunk.
    pub(crate) fn item_id_by_hash(&self, item: &[u8], hash: u32) -> Option<u32> {
        self.items.find(item, hash)
    }

    /// The items of the chunk.
    pub(crate) fn items(&self) -> &Items {
        &self.items
    }

    /// The id of a bucket.
    pub(crate) fn bucket_id(&self, key: &BucketKey) -> Option<u32> {
        self.buckets.find(key)
    }

    /// Looks up many buckets: those whose index in `keys` passes the `filter`. Calls `on_found` with the index
    /// and the id of each that is here. `scratch` must be at least as long as `keys`.
    pub(crate) fn locate_buckets(
        &self,
        keys: &[BucketKey],
        scratch: &mut [usize],
        filter: impl Fn(usize) -> bool,
        mut on_found: impl FnMut(usize, u32),
    ) {
        // Pass 1: check the tags for all keys, without a branch on the result, so that the cache misses
        // overlap. Most buckets of a query are not in a given chunk. For them, this is all the work there is.
        let may_have = |(index, key)| (index, self.buckets.may_have(key));
        let possible = select_branchless(keys.iter().enumerate().map(may_have), scratch);
        // Pass 2: look up those that may be here. The filter comes only now, because it branches.
        for index in possible {
            if filter(*index)
                && let Some(id) = self.buckets.find(&keys[*index])
            {
                on_found(*index, id);
            }
        }
    }

    /// The number of an item's observations that fell into a bucket.
    pub(crate) fn count(&self, bucket: u32, item: u32) -> u32 {
        self.buckets.count(bucket, item)
    }

    /// The number of items in a bucket.
    pub(crate) fn member_count(&self, bucket: u32) -> usize {
        self.buckets.member_count(bucket)
    }

    /// True only if an item is a bucket's sole member. May be false for one that is: see
    /// [`Buckets::is_sole_member`].
    pub(crate) fn is_sole_member(&self, bucket: u32, item: u32) -> bool {
        self.buckets.is_sole_member(bucket, item)
    }

    /// An upper bound on the counts in a bucket.
    pub(crate) fn max_count_bound(&self, bucket: u32) -> u32 {
        self.buckets.max_count_bound(bucket)
    }

    /// The sum of all items' counts in a bucket.
    pub(crate) fn total(&self, bucket: u32) -> u64 {
        self.buckets.total(bucket)
    }

    /// The items in a bucket, with their counts.
    #[inline(always)]
    pub(crate) fn postings(&self, bucket: u32) -> impl Iterator<Item = Posting> {
        self.buckets.postings(bucket)
    }

    /// Touches the bucket records that [`Self::entries`] is about to read. They are all over memory, and
    /// touched together, their cache misses overlap.
    pub(crate) fn prefetch_entries(&self, item: u32) {
        // No read depends on another, so the processor issues many at once. `black_box` keeps the compiler from
        // removing them.
        black_box(self.items.buckets(item).fold(0, |sum, bucket| sum ^ self.buckets.band(bucket)));
    }

    /// The bytes of all buckets that an item is in.
    pub(crate) fn bucket_bytes(&self, item: u32) -> usize {
        self.items.buckets(item).map(|bucket| self.buckets.bytes(bucket).len()).sum()
    }

    /// The buckets that an item is in, in no order.
    pub(crate) fn entries(&self, item: u32) -> impl Iterator<Item = ItemBucket<'_>> {
        self.items.buckets(item).map(move |bucket| self.buckets.entry(bucket, item))
    }

    /// [`Self::entries`] as triples of band, bytes and count.
    pub(crate) fn frequencies(&self, item: u32) -> impl Iterator<Item = (u16, &[u8], u32)> {
        self.entries(item).map(|entry| (entry.band, entry.bytes, entry.count))
    }

    /// The names of the items in a bucket, in no order.
    pub fn members<'a>(&'a self, band: u16, bucket: &[u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let id = self.buckets.find(&BucketKey::new(band, bucket));
        id.into_iter().flat_map(|id| self.buckets.postings(id)).map(|posting| self.items.name(posting.item))
    }

    // The whole chunk: for digests, memory management and validation.

    /// Every item in the order of arrival, with the number of its observations, and band, bytes and count of
    /// each bucket that it is in, in no order.
    pub fn contents(&self) -> impl Iterator<Item = (&[u8], u32, impl Iterator<Item = (u16, &[u8], u32)>)> {
        let ids = self.items.ids_by_arrival().into_iter();
        ids.map(|id| (self.items.name(id), self.items.observations(id), self.frequencies(id)))
    }

    /// The sketch of an item, if it is here and has one.
    pub fn sketch(&self, item: &[u8]) -> Option<&[u8]> {
        self.items.sketch(self.item_id(item)?)
    }

    /// The number of bytes allocated, including those of the `Chunk` itself.
    pub fn memory(&self) -> usize {
        size_of::<Chunk>() + self.footprint().bytes
    }

    /// The number of allocations, including that of the `Chunk` itself: the cost of freeing it.
    pub fn allocations(&self) -> usize {
        1 + self.footprint().allocations
    }

    fn footprint(&self) -> Footprint {
        self.items.footprint() + self.buckets.footprint()
    }

    /// Lets the server move the chunk's memory.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.items.move_by(mover);
        self.buckets.move_by(mover);
    }

    /// Checks all invariants that `chunk/mod.rs` lists, in this chunk and in every store below it. It is for
    /// tests, fuzzers, and anyone who suspects that a chunk is broken. For a large chunk it takes seconds.
    ///
    /// # Errors
    /// The first invariant that is found broken: its number, and a description.
    pub fn internal_validate(&self) -> Result<(), &'static str> {
        // The stores first: only if they are sound can their ids be followed.
        self.items.internal_validate()?;
        self.buckets.internal_validate()?;
        // The items: the links and the sums of each.
        let mut observations = 0;
        let mut links = 0;
        for id in self.items.ids() {
            links += self.validate_item(id)?;
            observations += u64::from(self.items.observations(id));
        }
        ensure(observations == self.observations, "3: the observations of the items are not the chunk's")?;
        // The links back: by now, each link from an item to a bucket is known to have a posting of its own. So
        // if there are as many postings as links, each posting also has a link.
        let postings: usize = self.buckets.ids().map(|id| self.buckets.member_count(id)).sum();
        ensure(postings == links, "1: a bucket names an item that does not name the bucket")
    }

    /// Checks invariants 1 to 3 of one item, and returns the number of its buckets.
    fn validate_item(&self, id: u32) -> Result<usize, &'static str> {
        let mut buckets: Vec<u32> = self.items.buckets(id).collect();
        self.validate_links(&mut buckets)?;
        // Each bucket has a posting of the item, and the counts of each band add up to the observations.
        let mut sums = vec![0u64; self.bands.into()];
        for entry in self.entries(id) {
            ensure(entry.count > 0, "1: an item names a bucket that does not name the item")?;
            ensure(entry.band < self.bands, "2: a bucket is in a band that the chunk does not have")?;
            sums[usize::from(entry.band)] += u64::from(entry.count);
        }
        let observations = u64::from(self.items.observations(id));
        ensure(
            sums.iter().all(|sum| *sum == observations),
            "3: the counts of an item in a band are not its observations",
        )?;
        Ok(buckets.len())
    }

    /// Checks that the ids in an item's list are within range, and that none of them is there twice.
    fn validate_links(&self, buckets: &mut [u32]) -> Validation {
        buckets.sort_unstable();
        ensure(
            buckets.iter().all(|bucket| self.buckets.contains(*bucket)),
            "1: an item names a bucket that is not there",
        )?;
        ensure(buckets.windows(2).all(|pair| pair[0] != pair[1]), "1: an item names a bucket twice")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_full_by_its_own_observations() {
        let mut chunk = Chunk::new(1);
        chunk.add_observations(b"much", u32::MAX - 1);
        assert_eq!(chunk.check_capacity(Some(b"much"), 1, 1, 0), Ok(()));
        assert_eq!(chunk.check_capacity(Some(b"much"), 2, 1, 0), Err(CapacityError::Count));
        assert_eq!(chunk.check_capacity(Some(b"other"), 100, 1, 0), Ok(()));
        chunk.add_observations(b"other", 1);
        assert_eq!(chunk.check_capacity(Some(b"much"), 1, 1, 0), Ok(()));
        assert_eq!(chunk.check_capacity(Some(b"much"), 2, 1, 0), Err(CapacityError::Count));
    }

    fn chunk_of(observations: &[(&[u8], [&[u8]; 2])]) -> Chunk {
        let mut chunk = Chunk::new(2);
        for (item, signature) in observations {
            chunk.record(item, signature.iter().copied());
        }
        assert_eq!(chunk.internal_validate(), Ok(()));
        chunk
    }

    fn frequencies(chunk: &Chunk, item: &[u8]) -> Vec<(u16, Vec<u8>, u32)> {
        let id = chunk.item_id(item).expect("the item is here");
        let mut found: Vec<_> =
            chunk.frequencies(id).map(|(band, b, count)| (band, b.to_vec(), count)).collect();
        found.sort();
        found
    }

    #[test]
    fn an_item_that_is_merged_with_a_new_one_is_renamed() {
        let mut chunk = chunk_of(&[(b"a", [b"x", b"y"]), (b"a", [b"x", b"z"])]);
        let (id, before) = (chunk.item_id(b"a"), frequencies(&chunk, b"a"));
        assert!(chunk.merge(b"b", b"a") && !chunk.merge(b"b", b"a"));
        assert_eq!((chunk.item_id(b"a"), chunk.item_id(b"b")), (None, id));
        assert_eq!((frequencies(&chunk, b"b"), chunk.observations()), (before, 2));
        assert_eq!(chunk.internal_validate(), Ok(()));
    }

    #[test]
    fn an_item_that_is_merged_with_a_known_one_gives_it_its_counts() {
        let mut chunk = chunk_of(&[(b"a", [b"x", b"y"]), (b"a", [b"x", b"z"]), (b"b", [b"x", b"w"])]);
        assert!(chunk.merge(b"b", b"a"));
        let expected = [(0, &b"x"[..], 3), (1, b"w", 1), (1, b"y", 1), (1, b"z", 1)];
        assert_eq!(frequencies(&chunk, b"b"), expected.map(|(band, b, count)| (band, b.to_vec(), count)));
        assert_eq!((chunk.item_count(), chunk.bucket_count(), chunk.observations()), (1, 4, 3));
        assert_eq!(chunk.internal_validate(), Ok(()));
    }

    #[test]
    fn copies_are_of_one_likeness_though_near_copies_came_between() {
        let mut chunk = Chunk::with_sketches(2, 16);
        let mut likeness_of = |item: u32| {
            let (bucket, slots) = if item.is_multiple_of(3) { (&b"near"[..], 2) } else { (&b"copy"[..], 1) };
            let name = item.to_be_bytes();
            chunk.record(&name, [&b"both"[..], bucket].into_iter());
            assert!(chunk.keep_sketch(&name, &[slots; 16]));
            chunk.items().likeness(chunk.item_id(&name)?)
        };
        // Also when their buckets are hot.
        let likenesses: Vec<Option<u32>> = (0..4_000).map(&mut likeness_of).collect();
        let expected = |item: usize| Some(if item.is_multiple_of(3) { 0 } else { 1 });
        assert!((0..4_000).all(|item| likenesses[item] == expected(item)));
        assert_eq!(chunk.internal_validate(), Ok(()));
    }

    #[test]
    fn deleting_every_item_leaves_nothing() {
        let mut chunk = chunk_of(&[(b"a", [b"x", b"y"]), (b"b", [b"x", b"z"])]);
        assert!(chunk.delete(b"a") && !chunk.delete(b"a") && chunk.delete(b"b"));
        assert!(chunk.is_empty() && chunk.bucket_count() == 0 && chunk.observations() == 0);
        assert_eq!(chunk.internal_validate(), Ok(()));
    }

    #[test]
    fn the_validator_names_the_invariant_that_is_broken() {
        let broken = |break_it: fn(&mut Chunk)| {
            let mut chunk = chunk_of(&[(b"a", [b"x", b"y"]), (b"b", [b"x", b"z"])]);
            break_it(&mut chunk);
            chunk.internal_validate().expect_err("broken")
        };
        // Bucket 0 has both items, 1 only the item 0, and 2 only the item 1.
        assert_eq!(
            broken(|c| _ = c.items.add_buckets(0, &[2])),
            "1: an item names a bucket that does not name the item"
        );
        assert_eq!(broken(|c| _ = c.items.add_buckets(0, &[0])), "1: an item names a bucket twice");
        assert_eq!(
            broken(|c| _ = c.items.add_buckets(0, &[9])),
            "1: an item names a bucket that is not there"
        );
        assert_eq!(
            broken(|c| _ = c.buckets.add(2, 0, 1)),
            "1: a bucket names an item that does not name the bucket"
        );
        assert_eq!(broken(|c| c.bands = 1), "2: a bucket is in a band that the chunk does not have");
        assert_eq!(
            broken(|c| _ = c.buckets.add(0, 0, 1)),
            "3: the counts of an item in a band are not its observations"
        );
        assert_eq!(broken(|c| c.observations += 1), "3: the observations of the items are not the chunk's");
    }

    /// Moves nothing, and sums what it is asked to move.
    #[derive(Default)]
    struct CountingMover(Footprint);

    impl Mover for CountingMover {
        fn vec<T>(&mut self, vec: &mut Vec<T>) {
            self.0 = self.0 + Footprint::of_vec(vec);
        }
    }

    #[test]
    fn every_allocation_that_is_counted_is_moved() {
        // Names and buckets in arenas, buckets of every state, a long list, and free records and runs.
        let mut chunk = Chunk::new(2);
        for n in 0..6_000u32 {
            let (name, bucket) = (format!("item {n}"), format!("a long bucket {n}"));
            let item = if n > 1_000 { "an item of many buckets" } else { &name };
            chunk.record(item.as_bytes(), [&b"hot"[..], bucket.as_bytes()].into_iter());
        }
        (0..1_000u32).for_each(|n| _ = chunk.delete(format!("item {n}").as_bytes()));
        assert_eq!(chunk.internal_validate(), Ok(()));
        let mut moved = CountingMover::default();
        chunk.move_by(&mut moved);
        assert_eq!(moved.0, chunk.footprint());
        chunk.delete(b"an item of many buckets");
        assert_eq!(chunk.internal_validate(), Ok(()));
    }
}
