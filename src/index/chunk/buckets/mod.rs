//! The buckets of a chunk, and the postings of each: the items that were seen in it, with their counts.
//!
//! A bucket is a band and a few bytes. Nearly all buckets have a single member, so the record is laid out for
//! that: 16 bytes hold the band, the bytes, and the one posting. The rest is for the few buckets with more.
//!
//! | file | content |
//! | --- | --- |
//! | `record` | the 16 bytes of a bucket, and the key that it is found by |
//! | `hot_set` | the postings of a bucket with many members |
//!
//! The state of a bucket says how its postings are stored:
//!
//! ```text
//!     find_or_add               add            second item                     1,025th item
//!     ------------> Few, empty -----> Lone ----------------> Few, 1 to 1,024 -------------> Hot
//!                                          <----------------                 <-------------
//!                                              one is left                    512 are left
//! ```
//!
//! *Lone* is a posting in the record; *few* is a list in an arena, sorted by the ids of its items, so that an item is
//! found by a binary search; *hot* is an indexed set, a vector of postings with a table that finds each item's. A
//! posting of a new item is the last of a list, because a new item has the largest id. A bucket whose only posting has
//! a count above 65,535 stays a list of one. Removing the last posting removes the bucket, whatever its state, and the
//! last bucket gets its id.
//!
//! *Turned down:* indexed sets for lists of 33 postings and more. Each takes four allocations, and freeing half a
//! million of them stops the server for 60 ms.

mod hot_set;
mod record;

pub use self::record::BucketKey;

use self::hot_set::HotSet;
use self::record::{Bucket, INLINE_MAX, State};
use super::hash;
use crate::index::memory::arena::{Arena, ListRef, Relocation};
use crate::index::memory::footprint::Footprint;
use crate::index::memory::id_table::IdTable;
use crate::index::memory::invariant::{Validation, ensure};
use crate::index::memory::mover::Mover;
use crate::index::memory::runs::Element;
use crate::index::memory::segmented_vec::SegmentedVec;
use crate::index::memory::slab::Slab;
use smallvec::SmallVec;
use std::hint::black_box;

/// A member of a bucket: an item that was seen in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Posting {
    /// The item's id in this chunk.
    pub item: u32,
    /// The number of the item's observations that fell into the bucket, at least 1.
    pub count: u32,
}

/// A list of postings has a posting for its header: the id of the bucket, and an upper bound on the counts.
impl Element for Posting {
    const HEADER: usize = 1;

    fn write_owner(header: &mut [Posting], owner: u32) {
        header[0].item = owner;
    }

    fn read_owner(header: &[Posting]) -> u32 {
        header[0].item
    }
}

/// The item's side of a posting: a bucket that it is in.
#[derive(Debug, Clone, Copy)]
pub struct ItemBucket<'a> {
    /// The bucket's id in this chunk.
    pub bucket: u32,
    /// Its band.
    pub band: u16,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The number of the item's observations that fell into it.
    pub count: u32,
}

/// The length of the longest list of postings. One more makes the bucket hot.
const FEW_MAX: usize = 1_024;
/// The number of postings at which a hot bucket gets a list again: so much less that it takes some time to be hot anew.
const COOL_MAX: usize = FEW_MAX / 2;
/// Up to this many postings, looking at each costs no more than knowing a bound.
const SHORT: usize = 32;

/// The index of an item's posting in a list, which is sorted by item.
#[inline]
fn index_of(postings: &[Posting], item: u32) -> Option<usize> {
    postings.binary_search_by_key(&item, |posting| posting.item).ok()
}

/// The buckets that are looked up together, so that their cache misses overlap.
pub const LOOKUP_BATCH: usize = 32;

/// The buckets of one chunk, by dense ids.
#[derive(Debug, Default)]
pub struct Buckets {
    records: Slab<Bucket>,
    /// The ids by the hash of band and bytes.
    table: IdTable,
    /// The bytes of buckets that have more than [`INLINE_MAX`].
    long_bytes: Arena<u8>,
    few: Arena<Posting>,
    hot: SegmentedVec<HotSet>,
    /// The sum of the footprints of all hot sets, kept up to date so that [`Self::footprint`] does not have to
    /// add them up.
    hot_footprint: Footprint,
}

impl Buckets {
    /// The number of buckets.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The id of the bucket with a key.
    pub fn find(&self, key: &BucketKey) -> Option<u32> {
        self.table.find(key.hash, |id| self.has_key(id, key))
    }

    /// False only if the bucket is not here; see [`IdTable::may_have`].
    #[inline]
    pub fn may_have(&self, key: &BucketKey) -> bool {
        self.table.may_have(key.hash)
    }

    /// True if a bucket has this key.
    #[inline]
    fn has_key(&self, id: u32, key: &BucketKey) -> bool {
        let bucket = &self.records[id];
        // A key is nearly always short: then two comparisons inside the record are enough.
        if key.bytes.len() <= INLINE_MAX {
            bucket.is_same_inline(&key.record)
        } else {
            // Compare the band first: it is in the record, the bytes are in the arena.
            bucket.band() == key.record.band() && self.bytes(id) == key.bytes
        }
    }

    /// The band that the bucket is in.
    pub fn band(&self, id: u32) -> u16 {
        self.records[id].band()
    }

    /// The bucket's bytes.
    pub fn bytes(&self, id: u32) -> &[u8] {
        self.records[id].bytes(&self.long_bytes)
    }

    /// The number of items in the bucket.
    #[inline]
    pub fn member_count(&self, id: u32) -> usize {
        match self.records[id].state() {
            State::Lone(_) => 1,
            State::Few(list) => list.len(),
            State::Hot(hot) => self.hot[hot as usize].postings.len(),
            State::Hole => 0,
        }
    }

    /// True only if the item is the bucket's sole member. May be false for a sole member whose count is above 65,535.
    pub fn is_sole_member(&self, id: u32, item: u32) -> bool {
        // A search asks this for every bucket of its query, so it must cost no more than a look at the record.
        matches!(self.records[id].state(), State::Lone(posting) if posting.item == item)
    }

    /// The bucket's postings, in no order.
    // A search reads thousands of short lists: the iterator must not be returned through memory.
    #[inline(always)]
    pub fn postings(&self, id: u32) -> impl Iterator<Item = Posting> {
        // All states must give an iterator of the same type: a chain, of which two parts are empty.
        let mut lone = None;
        let mut few = ListRef::default();
        let mut hot = None;
        match self.records[id].state() {
            State::Lone(posting) => lone = Some(posting),
            State::Few(list) => few = list,
            State::Hot(set) => hot = Some(&self.hot[set as usize].postings),
            State::Hole => {}
        }
        let hot = hot.into_iter().flat_map(SegmentedVec::iter);
        lone.into_iter().chain(self.few.list(few).iter().chain(hot).copied())
    }

    /// The last member of a bucket but for one item: the latest, if none was ever removed.
    pub fn latest_other(&self, id: u32, item: u32) -> Option<u32> {
        let is_other = |posting: &&Posting| posting.item != item;
        let latest = match self.records[id].state() {
            State::Lone(posting) => return Some(posting.item).filter(|member| *member != item),
            State::Few(list) => self.few.list(list).iter().rev().find(is_other),
            State::Hot(set) => {
                let postings = &self.hot[set as usize].postings;
                (0..postings.len()).rev().map(|position| &postings[position]).find(is_other)
            }
            State::Hole => None,
        };
        latest.map(|posting| posting.item)
    }

    /// The bucket from the side of an item that is in it.
    pub fn entry(&self, id: u32, item: u32) -> ItemBucket<'_> {
        let bucket = &self.records[id];
        let (band, bytes) = (bucket.band(), bucket.bytes(&self.long_bytes));
        ItemBucket { bucket: id, band, bytes, count: self.count(id, item) }
    }

    /// The number of the item's observations that fell into the bucket; 0 if it is not a member.
    pub fn count(&self, id: u32, item: u32) -> u32 {
        match self.records[id].state() {
            State::Lone(posting) if posting.item == item => posting.count,
            State::Lone(_) | State::Hole => 0,
            State::Few(list) => {
                let postings = self.few.list(list);
                index_of(postings, item).map_or(0, |index| postings[index].count)
            }
            State::Hot(hot) => {
                let set = &self.hot[hot as usize];
                set.position(item).map_or(0, |position| set.postings[position].count)
            }
        }
    }

    /// The sum of all items' counts in the bucket.
    pub fn total(&self, id: u32) -> u64 {
        match self.records[id].state() {
            State::Hot(hot) => self.hot[hot as usize].total,
            _ => self.postings(id).map(|posting| u64::from(posting.count)).sum(),
        }
    }

    /// An upper bound on the counts in the bucket. It is the largest count unless the bucket has many members:
    /// removals do not lower their bound.
    pub fn max_count_bound(&self, id: u32) -> u32 {
        match self.records[id].state() {
            State::Hot(hot) => self.hot[hot as usize].max_count_bound,
            State::Few(list) if list.len() > SHORT => self.few.header(list)[0].count,
            _ => self.postings(id).map(|posting| posting.count).max().unwrap_or(0),
        }
    }

    /// Reads a little of all that [`Self::find_or_add_likely`] and [`Self::add`] read and change for some keys and an
    /// item, in passes. No read of a pass depends on another one, so that their cache misses overlap. Returns, for each
    /// key, the id that the bucket most likely has; `None` if it is most likely not here.
    pub fn locate_likely<'a>(
        &self,
        keys: impl Iterator<Item = &'a BucketKey<'a>> + Clone,
        item: u32,
    ) -> SmallVec<[Option<u32>; LOOKUP_BATCH]> {
        // Pass 1: the cells of the table.
        let mut sum = keys.clone().fold(0, |sum, key| sum ^ self.table.touch(key.hash));
        // Pass 2: the records of the buckets, and the cells and records of the splits that new buckets cause.
        let mut likely: SmallVec<[Option<u32>; LOOKUP_BATCH]> = SmallVec::new();
        keys.for_each(|key| likely.push(self.table.first_with_tag(key.hash)));
        let known = || likely.iter().flatten();
        sum ^= known().fold(0, |sum, id| sum ^ u32::from(self.band(*id)));
        sum ^= self.table.touch_splits(likely.len() - known().count(), |id| self.band(id).into());
        // Pass 3: the postings.
        sum ^= known().fold(0, |sum, id| sum ^ self.touch_postings(*id, item));
        black_box(sum);
        likely
    }

    /// Reads a little of all that [`Self::remove`] reads and changes of the postings of an item, which is in these buckets; in
    /// passes, as [`Self::locate_likely`].
    pub fn touch_members(&self, buckets: &[u32], item: u32) {
        // Pass 1: the records.
        let mut sum = buckets.iter().fold(0, |sum, id| sum ^ u32::from(self.band(*id)));
        // Pass 2: the postings.
        sum ^= buckets.iter().fold(0, |sum, id| sum ^ self.touch_postings(*id, item));
        // Pass 3: the records of the buckets whose lists move. Most lists that go are pairs, of which a lone posting is
        // left.
        let pairs = buckets.iter().filter(|id| self.member_count(**id) == 2).count();
        if pairs > 0 {
            sum ^= self.few.last_owners(2, pairs).fold(0, |sum, owner| sum ^ u32::from(self.band(owner)));
        }
        black_box(sum);
    }

    /// Reads a little of a bucket's postings, where that of an item may be.
    fn touch_postings(&self, id: u32, item: u32) -> u32 {
        match self.records[id].state() {
            State::Few(list) => self.few.list(list).last().map_or(0, |posting| posting.item),
            State::Hot(hot) => self.hot[hot as usize].touch(item),
            State::Lone(_) | State::Hole => 0,
        }
    }

    /// [`Self::find_or_add`], for a caller that has the id of [`Self::locate_likely`].
    #[inline]
    pub fn find_or_add_likely(&mut self, key: &BucketKey, likely: Option<u32>) -> u32 {
        match likely {
            Some(id) if self.has_key(id, key) => id,
            _ => self.find_or_add(key),
        }
    }

    /// The id of the bucket with a key, which is added if it is not here yet. A bucket that was added has no
    /// member (the exception of invariant 4), and must get one next, by [`Self::add`].
    pub fn find_or_add(&mut self, key: &BucketKey) -> u32 {
        if let Some(id) = self.find(key) {
            return id;
        }
        // The key has the record ready. Only bytes that do not fit in it have to be stored in the arena.
        let id = self.records.insert(key.record);
        if key.bytes.len() > INLINE_MAX {
            let location = self.long_bytes.store(key.bytes, id);
            self.records[id].set_run(ListRef::from_parts(location, key.bytes.len() as u32));
        }
        // If the table splits a cell, it asks for the hashes of the cell's buckets. They are computed again:
        // storing them would take 4 bytes more for every bucket.
        let (records, long_bytes) = (&self.records, &self.long_bytes);
        self.table.insert(key.hash, id, |id| {
            let bucket = &records[id];
            hash::bucket(bucket.band(), bucket.bytes(long_bytes))
        });
        id
    }

    /// The hash of a bucket.
    fn hash(&self, id: u32) -> u32 {
        hash::bucket(self.band(id), self.bytes(id))
    }

    /// Adds to an item's count in a bucket, and returns the new count. It equals `count` if and only if the
    /// item was not in the bucket before. `count` is at least 1, and the sum must fit 32 bits.
    pub fn add(&mut self, id: u32, item: u32, count: u32) -> u32 {
        debug_assert!(count > 0, "invariant 2: a posting without a count");
        debug_assert!(self.count(id, item).checked_add(count).is_some(), "a count passes 32 bits");
        match self.records[id].state() {
            // The lone item again: its count grows in the record, as long as it fits there.
            State::Lone(lone) if lone.item == item => {
                let posting = Posting { item, count: lone.count + count };
                self.set_only_posting(id, posting);
                posting.count
            }
            // A second item: from now on the postings are in a list, by the ids of the items.
            State::Lone(lone) => {
                let posting = Posting { item, count };
                let both = if lone.item < item { [lone, posting] } else { [posting, lone] };
                self.make_list(id, &both);
                count
            }
            // This is also the state of a new bucket: its list is empty.
            State::Few(list) => self.add_to_list(id, list, Posting { item, count }),
            // A hot bucket: its table tells whether the item is there. A new posting may make the set allocate.
            State::Hot(hot) => match self.hot[hot as usize].position(item) {
                Some(position) => self.hot[hot as usize].add(position, count), // allocates nothing
                None => {
                    self.change_hot(hot, |set| set.push(Posting { item, count }));
                    count
                }
            },
            State::Hole => {
                debug_assert!(false, "invariant 6: a posting in a bucket that is free");
                count
            }
        }
    }

    /// Makes a posting the only one of a bucket without a list: in the record if its count fits 16 bits, else
    /// in a list of one.
    fn set_only_posting(&mut self, id: u32, posting: Posting) {
        if posting.count <= u16::MAX.into() {
            self.records[id].set_state(State::Lone(posting));
        } else {
            self.make_list(id, &[posting]);
        }
    }

    /// [`Self::add`] for a bucket with a list. The list may be empty, or as long as a list may be.
    fn add_to_list(&mut self, id: u32, list: ListRef, posting: Posting) -> u32 {
        debug_assert!(list.len() <= FEW_MAX, "invariant 7");
        let postings = self.few.list_mut(list);
        match index_of(postings, posting.item) {
            // The item is in the list: its count grows in place, and the record stays as it is.
            Some(index) => {
                let present = &mut postings[index];
                present.count += posting.count;
                let sum = present.count;
                self.note_count(list, sum);
                sum
            }
            // The item is not in the list: the first one is lone, the next ones join the list, and the 1,025th turns the
            // list into a hot set.
            None => {
                match list.len() {
                    0 => self.set_only_posting(id, posting),
                    FEW_MAX => self.make_hot(id, list, posting),
                    _ => self.insert_in_list(id, list, posting),
                }
                posting.count
            }
        }
    }

    /// Adds a posting of an item that a list does not have.
    fn insert_in_list(&mut self, id: u32, mut list: ListRef, posting: Posting) {
        let len = list.len();
        let relocation = self.few.resize(&mut list, len + 1, id);
        self.records[id].set_state(State::Few(list));
        self.tell_of_list(relocation);
        // Nearly always the item is new, and its id is the largest.
        let postings = self.few.list_mut(list);
        let index =
            postings[..len].iter().rposition(|other| other.item < posting.item).map_or(0, |last| last + 1);
        postings.copy_within(index..len, index + 1);
        postings[index] = posting;
        self.note_count(list, posting.count);
    }

    /// Raises the bound on the counts of a list.
    fn note_count(&mut self, list: ListRef, count: u32) {
        let bound = &mut self.few.header_mut(list)[0].count;
        *bound = count.max(*bound);
    }

    /// Gives a bucket that has no list a new list, with these postings, sorted by item.
    fn make_list(&mut self, id: u32, postings: &[Posting]) {
        let location = self.few.store(postings, id);
        let list = ListRef::from_parts(location, postings.len() as u32);
        self.records[id].set_state(State::Few(list));
        self.note_count(list, postings.iter().map(|posting| posting.count).max().unwrap_or(0));
    }

    /// Makes a bucket hot: moves the postings of its list to a hot set, and adds one more.
    fn make_hot(&mut self, id: u32, list: ListRef, posting: Posting) {
        // Complete the set first, then free the list and change the record.
        let mut hot = HotSet::new(id);
        self.few.list(list).iter().for_each(|posting| hot.push(*posting));
        hot.push(posting);
        let relocation = self.few.free(list.location(), list.len());
        self.records[id].set_state(State::Hot(self.hot.len() as u32));
        self.tell_of_list(relocation);
        self.hot_footprint = self.hot_footprint + hot.footprint();
        self.hot.push(hot);
    }

    /// Moves the postings of a hot bucket to a list.
    fn make_cool(&mut self, id: u32, hot: u32) {
        let mut postings: SmallVec<[Posting; COOL_MAX]> =
            self.hot[hot as usize].postings.iter().copied().collect();
        postings.sort_unstable_by_key(|posting| posting.item);
        self.remove_hot(hot);
        self.make_list(id, &postings);
    }

    /// Removes a hot set. The last one takes its place.
    fn remove_hot(&mut self, hot: u32) {
        if let Some(set) = self.hot.swap_remove(hot as usize) {
            self.hot_footprint = self.hot_footprint - set.footprint();
        }
        if let Some(moved) = self.hot.get(hot as usize) {
            self.records[moved.owner].set_state(State::Hot(hot));
        }
    }

    /// Notes that a list has moved.
    fn tell_of_list(&mut self, relocation: Option<Relocation>) {
        if let Some(Relocation { owner, location }) = relocation
            && let State::Few(list) = self.records[owner].state()
        {
            self.records[owner].set_state(State::Few(list.at(location)));
        }
    }

    /// Adds a posting to a hot set or removes one, and keeps the sum of the footprints up to date.
    fn change_hot(&mut self, hot: u32, change: impl FnOnce(&mut HotSet)) {
        // Most changes allocate nothing, but only the set knows. Its footprint takes constant time.
        let set = &mut self.hot[hot as usize];
        let before = set.footprint();
        change(set);
        let after = set.footprint();
        self.hot_footprint = self.hot_footprint - before + after;
    }

    /// Subtracts from an item's count in a bucket, of which at least 1 is left. Bounds on counts are not lowered.
    pub fn subtract(&mut self, id: u32, item: u32, count: u32) {
        debug_assert!(self.count(id, item) > count, "invariant 2: a posting without a count");
        match self.records[id].state() {
            State::Lone(lone) => {
                self.records[id].set_state(State::Lone(Posting { item, count: lone.count - count }));
            }
            State::Few(list) => {
                let postings = self.few.list_mut(list);
                if let Some(index) = index_of(postings, item) {
                    postings[index].count -= count;
                }
            }
            State::Hot(hot) => {
                let set = &mut self.hot[hot as usize];
                if let Some(position) = set.position(item) {
                    set.subtract(position, count);
                }
            }
            State::Hole => {}
        }
    }

    /// Removes an item from a bucket, and returns the count that it had there; 0 if it was not a member. If this leaves
    /// the bucket without members, the bucket is removed too: [`Self::fill_hole`] must be called next.
    pub fn remove(&mut self, id: u32, item: u32) -> u32 {
        match self.records[id].state() {
            // The posting goes with the record.
            State::Lone(posting) if posting.item == item => {
                self.remove_bucket(id);
                posting.count
            }
            State::Lone(_) | State::Hole => 0,
            State::Few(list) => {
                let postings = self.few.list(list);
                let Some(index) = index_of(postings, item) else { return 0 };
                let count = postings[index].count;
                self.remove_from_list(id, list, index);
                count
            }
            State::Hot(hot) => {
                let set = &self.hot[hot as usize];
                let Some(position) = set.position(item) else { return 0 };
                let count = set.postings[position].count;
                self.change_hot(hot, |set| set.remove(position));
                if self.hot[hot as usize].postings.len() <= COOL_MAX {
                    self.make_cool(id, hot);
                }
                count
            }
        }
    }

    /// Removes the posting at an index of a list.
    fn remove_from_list(&mut self, id: u32, mut list: ListRef, index: usize) {
        let left = list.len() - 1;
        let postings = self.few.list_mut(list);
        postings.copy_within(index + 1.., index);
        let first = postings[0];
        let is_lone = left == 1 && first.count <= u16::MAX.into();
        // An only posting goes to the record, if it fits.
        let relocation = self.few.resize(&mut list, if is_lone { 0 } else { left }, id);
        self.records[id].set_state(if is_lone { State::Lone(first) } else { State::Few(list) });
        self.tell_of_list(relocation);
        if left == 0 {
            self.remove_bucket(id);
        }
    }

    /// Gives the posting of an item, which is in a bucket, to another one. If that is in the bucket too, the counts are
    /// added, and true is returned.
    pub fn transfer(&mut self, id: u32, from: u32, to: u32) -> bool {
        let is_member = self.count(id, to) > 0;
        if is_member {
            let count = self.remove(id, from);
            self.add(id, to, count);
        } else {
            self.rename_item(id, from, to);
        }
        is_member
    }

    /// Gives the posting of an item, which is in a bucket, to one that is not.
    pub fn rename_item(&mut self, id: u32, from: u32, to: u32) {
        match self.records[id].state() {
            State::Lone(posting) => self.records[id].set_state(State::Lone(Posting { item: to, ..posting })),
            State::Few(list) => {
                let postings = self.few.list_mut(list);
                let index_of = |item| postings.partition_point(|posting| posting.item < item);
                let (old, new) = (index_of(from), index_of(to));
                // Those between the two move by one.
                if new > old {
                    postings[old..new].rotate_left(1);
                    postings[new - 1].item = to;
                } else {
                    postings[new..=old].rotate_right(1);
                    postings[new].item = to;
                }
            }
            State::Hot(hot) => {
                if let Some(position) = self.hot[hot as usize].position(from) {
                    self.change_hot(hot, |set| set.rename(position, to));
                }
            }
            State::Hole => {}
        }
    }

    /// Removes a bucket from the table, its record, and its bytes. Its list or hot set must be gone by now.
    fn remove_bucket(&mut self, id: u32) {
        // In this order: the table needs the hash of the bytes, which only the record leads to.
        self.table.remove(self.hash(id), id);
        if let Some(run) = self.records.remove(id).run() {
            let relocation = self.long_bytes.free(run.location(), run.len());
            if let Some(Relocation { owner, location }) = relocation {
                let owner = &mut self.records[owner];
                if let Some(run) = owner.run() {
                    owner.set_run(run.at(location));
                }
            }
        }
    }

    /// Moves the last bucket to a hole, if there is one and the bucket may move. Returns its old id and its new one. The
    /// caller has to tell the bucket's members.
    pub fn fill_hole(&mut self) -> Option<(u32, u32)> {
        let moved = self.records.fill_hole();
        moved.inspect(|(from, to)| self.tell_of_bucket(*from, *to))
    }

    /// Moves a bucket to a hole. The caller has to tell the bucket's members.
    pub fn move_to_hole(&mut self, from: u32, to: u32) {
        self.records.move_record(from, to);
        self.tell_of_bucket(from, to);
    }

    /// Tells all that know a bucket, but for its members, that it has another id.
    fn tell_of_bucket(&mut self, from: u32, to: u32) {
        let bucket = self.records[to];
        if let Some(run) = bucket.run() {
            self.long_bytes.set_owner(run.location(), run.len(), to);
        }
        match bucket.state() {
            State::Few(list) => self.few.set_owner(list.location(), list.len(), to),
            State::Hot(hot) => self.hot[hot as usize].owner = to,
            State::Lone(_) | State::Hole => {}
        }
        self.table.replace(self.hash(to), from, to);
    }

    /// True if a bucket has as many members as it gets hot with. If it just got the last of them, it must not move from
    /// now on, and [`Self::place_for_fixed`] says where it should be.
    pub fn may_have_become_hot(&self, id: u32) -> bool {
        self.member_count(id) == FEW_MAX + 1
    }

    /// The id that a bucket should have which must not move from now on: see [`Slab::place_for_fixed`].
    pub fn place_for_fixed(&mut self, id: u32) -> Option<u32> {
        self.records.place_for_fixed(id)
    }

    /// The buckets that move next when this many are removed: the last ones.
    pub fn last(&self, count: usize) -> std::ops::Range<u32> {
        let end = self.records.end();
        end.saturating_sub(count as u32)..end
    }

    /// The item of a bucket that has one, with its posting in the record.
    #[inline]
    pub fn lone_item(&self, id: u32) -> Option<u32> {
        match self.records[id].state() {
            State::Lone(posting) => Some(posting.item),
            _ => None,
        }
    }

    /// Reads a little of what a bucket's removal or move changes: see [`IdTable::touch`].
    pub fn touch(&self, id: u32) -> u32 {
        self.table.touch(self.hash(id))
    }

    /// True if an id is in use.
    pub fn contains(&self, id: u32) -> bool {
        self.records.contains(id)
    }

    /// True if new buckets whose bytes have the length `bytes` in all, and `postings` more, still fit.
    pub fn has_capacity_for(&self, bytes: usize, postings: usize) -> bool {
        // At worst every posting is the first of a new bucket, and each of them needs an id.
        self.long_bytes.has_capacity_for(bytes)
            && self.few.has_capacity_for(postings)
            && self.records.has_capacity_for(postings)
    }

    /// The ids of all buckets, ascending.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        self.records.ids()
    }

    /// The memory of all buckets.
    pub fn footprint(&self) -> Footprint {
        self.records.footprint()
            + self.table.footprint()
            + self.long_bytes.footprint()
            + self.few.footprint()
            + self.hot.footprint()
            + self.hot_footprint
    }

    /// Lets the server move all buckets.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.records.move_by(mover);
        self.table.move_by(mover);
        self.long_bytes.move_by(mover);
        self.few.move_by(mover);
        self.hot.move_by(mover);
        self.hot.iter_mut().for_each(|set| set.move_by(mover));
    }

    /// Checks invariants 2 and 4 to 8 of the buckets, and those of the stores that they are built on.
    pub fn internal_validate(&self) -> Validation {
        self.records.internal_validate()?;
        let runs = self.ids().filter_map(|id| Some((id, self.records[id].run()?)));
        self.long_bytes.internal_validate(runs)?;
        self.validate_states()?;
        // The table: it is sound, has all buckets, and finds each. An id of the table is only followed if it is
        // in use.
        let hash_of = |id| self.contains(id).then(|| self.hash(id));
        self.table.internal_validate(hash_of)?;
        ensure(self.ids().count() == self.table.len(), "5: a bucket is not in the table")?;
        let is_found = |id| self.find(&BucketKey::new(self.band(id), self.bytes(id))) == Some(id);
        ensure(self.ids().all(is_found), "5: a bucket is not found by its band and bytes")
    }

    /// Checks the postings of every bucket, and that each list and each hot set belongs to one bucket.
    fn validate_states(&self) -> Validation {
        // The records: the number of members is one that the state allows. Collect the lists, and count the hot sets.
        let mut lists = Vec::new();
        let mut hot_sets = 0;
        for id in self.ids() {
            match self.records[id].state() {
                State::Lone(posting) => ensure(posting.count > 0, "2: a lone posting has no count")?,
                State::Few(list) => {
                    ensure(list.len() > 0, "4: a bucket has no members")?;
                    ensure(list.len() <= FEW_MAX, "7: a list is longer than a list may be")?;
                    lists.push((id, list));
                }
                State::Hot(hot) => {
                    let set = self.hot.get(hot as usize);
                    ensure(
                        set.is_some_and(|set| set.owner == id),
                        "8: a hot set is missing, or belongs to another bucket",
                    )?;
                    hot_sets += 1;
                }
                State::Hole => {}
            }
        }
        ensure(hot_sets == self.hot.len(), "8: a hot set belongs to no bucket")?;
        // The lists: the arena checks their locations first, because following a wrong one would panic. Then check the
        // postings: each has a count below the bound, and they are in order, so that no item has two.
        self.few.internal_validate(lists.iter().copied())?;
        for (_, list) in lists {
            let (postings, bound) = (self.few.list(list), self.few.header(list)[0].count);
            ensure(
                postings.iter().all(|posting| (1..=bound).contains(&posting.count)),
                "2: a posting has no count, or one above the bound",
            )?;
            let is_sorted = postings.is_sorted_by(|one, next| one.item < next.item);
            ensure(is_sorted, "7: a list is out of order, or has an item twice")?;
            let is_lone = list.len() == 1 && bound <= u16::MAX.into();
            ensure(!is_lone, "7: a list has one posting, which fits in the record")?;
        }
        // The hot sets: each is sound by itself.
        self.hot.internal_validate()?;
        self.hot.iter().try_for_each(HotSet::internal_validate)?;
        ensure(self.hot.iter().all(|set| set.postings.len() > COOL_MAX), "8: a hot set is too small")?;
        let footprint = self.hot.iter().map(HotSet::footprint).sum::<Footprint>();
        ensure(self.hot_footprint == footprint, "8: the footprint of the hot sets is not their sum")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Buckets, and the id of one that is added with its first posting.
    fn with_one(item: u32, count: u32) -> (Buckets, u32) {
        let mut buckets = Buckets::default();
        let id = buckets.find_or_add(&BucketKey::new(3, b"bucket"));
        assert_eq!(buckets.add(id, item, count), count);
        (buckets, id)
    }

    fn postings(buckets: &Buckets, id: u32) -> Vec<(u32, u32)> {
        let mut postings: Vec<_> =
            buckets.postings(id).map(|posting| (posting.item, posting.count)).collect();
        postings.sort_unstable();
        postings
    }

    /// The name of the state, which tests compare.
    fn state(buckets: &Buckets, id: u32) -> &'static str {
        match buckets.records[id].state() {
            State::Lone(_) => "lone",
            State::Few(_) => "few",
            State::Hot(_) => "hot",
            State::Hole => "none",
        }
    }

    fn remove(buckets: &mut Buckets, id: u32, item: u32) -> u32 {
        let count = buckets.remove(id, item);
        while buckets.fill_hole().is_some() {}
        count
    }

    #[test]
    fn a_bucket_is_lone_then_few_then_hot_and_goes_back() {
        const MEMBERS: u32 = FEW_MAX as u32 + 10;
        let (mut buckets, id) = with_one(0, 1);
        let mut states = vec![(1, state(&buckets, id))];
        for item in 1..MEMBERS {
            buckets.add(id, item * 7 % MEMBERS, item * 7 % MEMBERS + 1);
            assert_eq!(buckets.may_have_become_hot(id), item as usize == FEW_MAX);
            states.push((item + 1, state(&buckets, id)));
        }
        assert_eq!(buckets.internal_validate(), Ok(()));
        let expected = |members| match members {
            1 => "lone",
            2..=1_024 => "few",
            _ => "hot",
        };
        assert!(states.iter().all(|(members, state)| *state == expected(*members)), "{states:?}");
        assert_eq!(postings(&buckets, id), (0..MEMBERS).map(|item| (item, item + 1)).collect::<Vec<_>>());
        let total = u64::from(MEMBERS) * u64::from(MEMBERS + 1) / 2;
        assert_eq!((buckets.total(id), buckets.max_count_bound(id)), (total, MEMBERS));
        // It is hot until half are left, and lone at the end.
        for item in (1..MEMBERS).rev() {
            assert_eq!(buckets.remove(id, item), item + 1);
            let expected = if item == 1 {
                "lone"
            } else if item > 512 {
                "hot"
            } else {
                "few"
            };
            assert_eq!((state(&buckets, id), buckets.member_count(id)), (expected, item as usize));
            assert_eq!(buckets.internal_validate(), Ok(()));
            assert!(
                (item..MEMBERS.min(item + 40)).contains(&buckets.max_count_bound(id)) || item > SHORT as u32
            );
        }
        assert!(buckets.is_sole_member(id, 0));
        assert_eq!((buckets.total(id), buckets.max_count_bound(id)), (1, 1));
        assert_eq!(remove(&mut buckets, id, 0), 1);
        assert_eq!((buckets.len(), buckets.hot.len(), buckets.records.end()), (0, 0, 0));
        assert_eq!(buckets.internal_validate(), Ok(()));
    }

    #[test]
    fn an_item_is_renamed_and_its_count_given_to_another() {
        for members in [1, 2, 40, 2_000] {
            let (mut buckets, id) = with_one(1, 5);
            (1..members).for_each(|item| _ = buckets.add(id, item * 10 + 1, 5));
            for (from, to) in [(1, 7), (7, members * 10 + 3), (members * 10 + 3, 0), (0, 1)] {
                buckets.rename_item(id, from, to);
                assert_eq!((buckets.count(id, from), buckets.count(id, to)), (0, 5));
                assert_eq!(buckets.internal_validate(), Ok(()));
            }
            assert!(!buckets.transfer(id, 1, 2));
            buckets.add(id, 1, 9);
            assert!(buckets.transfer(id, 2, 1));
            assert_eq!((buckets.count(id, 1), buckets.member_count(id)), (14, members as usize));
            assert_eq!(buckets.internal_validate(), Ok(()));
        }
    }

    #[test]
    fn a_list_that_shrinks_to_one_is_lone_again() {
        let (mut buckets, id) = with_one(7, 5);
        assert!(buckets.is_sole_member(id, 7) && !buckets.is_sole_member(id, 8));
        buckets.add(id, 8, 6);
        assert_eq!(buckets.remove(id, 7), 5);
        assert_eq!((state(&buckets, id), postings(&buckets, id)), ("lone", vec![(8, 6)]));
        assert!(buckets.is_sole_member(id, 8));
        assert_eq!(buckets.max_count_bound(id), 6);
        assert_eq!(buckets.internal_validate(), Ok(()));
        assert_eq!(remove(&mut buckets, id, 8), 6);
        assert_eq!(buckets.len(), 0);
        assert_eq!(buckets.internal_validate(), Ok(()));
    }

    #[test]
    fn a_lone_count_above_65535_is_in_a_list() {
        let (mut buckets, id) = with_one(1, 65_534);
        assert_eq!(buckets.add(id, 1, 1), 65_535);
        assert!(state(&buckets, id) == "lone" && buckets.is_sole_member(id, 1));
        assert_eq!(buckets.add(id, 1, 1), 65_536);
        assert!(state(&buckets, id) == "few" && !buckets.is_sole_member(id, 1));
        assert_eq!((buckets.count(id, 1), buckets.member_count(id)), (65_536, 1));
        assert_eq!(buckets.add(id, 1, u32::MAX - 65_536), u32::MAX);
        assert_eq!((buckets.total(id), buckets.max_count_bound(id)), (u32::MAX.into(), u32::MAX));
        assert_eq!(buckets.internal_validate(), Ok(()));
        // The same if it starts with such a count.
        let (buckets, id) = with_one(1, 65_536);
        assert_eq!((state(&buckets, id), buckets.count(id, 1)), ("few", 65_536));
        assert_eq!(buckets.internal_validate(), Ok(()));
    }

    #[test]
    fn what_is_not_a_member_is_not_removed() {
        for members in [1, 2, 33, 1_100] {
            let (mut buckets, id) = with_one(0, 1);
            (1..members).for_each(|item| _ = buckets.add(id, item, 1));
            assert_eq!((buckets.count(id, 9_999), buckets.remove(id, 9_999)), (0, 0));
            assert_eq!(buckets.member_count(id), members as usize);
        }
    }

    #[test]
    fn the_last_bucket_takes_the_id_of_one_that_is_removed_whatever_its_bytes() {
        let mut buckets = Buckets::default();
        let long = [&b"a bucket of many bytes"[..], b"a bucket of other bytes"];
        let add = |buckets: &mut Buckets, bytes: &[u8]| {
            let id = buckets.find_or_add(&BucketKey::new(1, bytes));
            buckets.add(id, 5, 1);
            id
        };
        assert_eq!([long[0], b"short", long[1]].map(|bytes| add(&mut buckets, bytes)), [0, 1, 2]);
        assert_eq!(remove(&mut buckets, 0, 5), 1);
        assert_eq!(buckets.find(&BucketKey::new(1, long[0])), None);
        assert_eq!((buckets.find(&BucketKey::new(1, long[1])), buckets.bytes(0)), (Some(0), long[1]));
        assert_eq!((buckets.internal_validate(), buckets.records.end()), (Ok(()), 2));
        assert_eq!((add(&mut buckets, long[0]), buckets.bytes(2)), (2, long[0]));
        [0, 0, 0].into_iter().for_each(|id| _ = remove(&mut buckets, id, 5));
        assert_eq!((buckets.internal_validate(), buckets.len()), (Ok(()), 0));
        assert!(buckets.footprint().bytes < 1_000, "{:?}", buckets.footprint());
    }

    #[test]
    fn buckets_differ_by_band_length_and_bytes() {
        let mut buckets = Buckets::default();
        let keys =
            [(0, &b""[..]), (0, b"\0"), (1, b""), (0, b"12345678"), (0, b"123456789"), (2, b"123456789")];
        for (expected, (band, bytes)) in keys.into_iter().enumerate() {
            let id = buckets.find_or_add(&BucketKey::new(band, bytes));
            assert_eq!((id as usize, buckets.band(id), buckets.bytes(id)), (expected, band, bytes));
            buckets.add(id, 0, 1);
        }
        assert_eq!(buckets.internal_validate(), Ok(()));
    }

    #[test]
    fn the_validator_names_a_bucket_that_is_wrong() {
        let broken = |members: u32, break_it: fn(&mut Buckets)| {
            let (mut buckets, id) = with_one(0, 1);
            (1..members).for_each(|item| _ = buckets.add(id, item, 1));
            assert_eq!(buckets.internal_validate(), Ok(()));
            break_it(&mut buckets);
            buckets.internal_validate().expect_err("broken")
        };
        let no_count = |buckets: &mut Buckets| {
            buckets.records[0].set_state(State::Lone(Posting { item: 0, count: 0 }));
        };
        assert_eq!(broken(1, no_count), "2: a lone posting has no count");
        assert_eq!(
            broken(1, |buckets| _ = buckets.find_or_add(&BucketKey::new(0, b"empty"))),
            "4: a bucket has no members"
        );
        assert_eq!(
            broken(1, |buckets| buckets.table = IdTable::default()),
            "5: a bucket is not in the table"
        );
        let same_item = |buckets: &mut Buckets| {
            if let State::Few(list) = buckets.records[0].state() {
                buckets.few.list_mut(list)[1].item = 0;
            }
        };
        assert_eq!(broken(5, same_item), "7: a list is out of order, or has an item twice");
        assert_eq!(broken(1_100, |buckets| buckets.hot[0].total += 1), "8: a hot total is not the sum");
        assert_eq!(
            broken(1_100, |buckets| buckets.hot[0].max_count_bound = 0),
            "8: a hot count is above the bound"
        );
        assert_eq!(
            broken(1_100, |buckets| buckets.hot.push(HotSet::default())),
            "8: a hot set belongs to no bucket"
        );
        assert_eq!(
            broken(1_100, |buckets| buckets.hot[0].owner = 1),
            "8: a hot set is missing, or belongs to another bucket"
        );
    }
}
