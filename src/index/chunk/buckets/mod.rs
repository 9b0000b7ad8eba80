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
//! The state of a bucket says how its postings are stored. It changes in one direction only:
//!
//! ```text
//!     find_or_add               add            second item                  33rd item
//!     ------------> Few, empty -----> Lone ----------------> Few, 1 to 32 -----------> Hot
//!                       |               |                         ^
//!                       '---------------'--- count > 65,535 ------'
//! ```
//!
//! *Lone* is a posting in the record; *few* is a list, which is scanned, since 32 postings are four cache
//! lines; *hot* is an indexed set, a vector of postings with a table that finds each item's. Removing a posting
//! makes the list or the set shorter, but the bucket keeps its state: if it moved back, the next posting would
//! have to move it forward again. Removing the last posting removes the bucket, whatever its state.

mod hot_set;
mod record;

pub use self::record::BucketKey;

use self::hot_set::HotSet;
use self::record::{Bucket, INLINE_MAX, State};
use super::hash;
use crate::index::memory::arena::Arena;
use crate::index::memory::footprint::Footprint;
use crate::index::memory::id_table::IdTable;
use crate::index::memory::invariant::{Validation, ensure};
use crate::index::memory::lists::{ListPool, ListRef};
use crate::index::memory::mover::Mover;
use crate::index::memory::segmented_vec::SegmentedVec;
use crate::index::memory::slab::{Record, Slab};

/// A member of a bucket: an item that was seen in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Posting {
    /// The item's id in this chunk.
    pub item: u32,
    /// The number of the item's observations that fell into the bucket, at least 1.
    pub count: u32,
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
const FEW_MAX: usize = 32;

/// The buckets of one chunk, by ids that are used again after a removal.
#[derive(Debug, Default)]
pub struct Buckets {
    records: Slab<Bucket>,
    /// The ids by the hash of band and bytes.
    table: IdTable,
    /// The bytes of buckets that have more than [`INLINE_MAX`].
    long_bytes: Arena<u8>,
    few: ListPool<Posting>,
    hot: Slab<HotSet>,
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
            State::Hot(hot) => self.hot[hot].postings.len(),
            State::Free { .. } => 0,
        }
    }

    /// True only if the item is the bucket's sole member. May be false for a sole member whose count has been
    /// above 65,535, or that has shared the bucket with another item: such a bucket is no longer lone.
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
            State::Hot(set) => hot = Some(&self.hot[set].postings),
            State::Free { .. } => {}
        }
        let hot = hot.into_iter().flat_map(SegmentedVec::iter);
        lone.into_iter().chain(self.few.short_slice(few).iter().chain(hot).copied())
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
            // Only a hot bucket needs its table; the others are scanned.
            State::Lone(posting) if posting.item == item => posting.count,
            State::Lone(_) | State::Free { .. } => 0,
            State::Few(list) => self
                .few
                .short_slice(list)
                .iter()
                .find(|posting| posting.item == item)
                .map_or(0, |posting| posting.count),
            State::Hot(hot) => {
                let set = &self.hot[hot];
                set.position(item).map_or(0, |position| set.postings[position].count)
            }
        }
    }

    /// The sum of all items' counts in the bucket.
    pub fn total(&self, id: u32) -> u64 {
        match self.records[id].state() {
            State::Hot(hot) => self.hot[hot].total,
            _ => self.postings(id).map(|posting| u64::from(posting.count)).sum(),
        }
    }

    /// An upper bound on the counts in the bucket. It is the largest count unless the bucket is hot: removals
    /// do not lower the bound of a hot bucket.
    pub fn max_count_bound(&self, id: u32) -> u32 {
        match self.records[id].state() {
            // A hot set has too many postings for a look at each, so it keeps a bound.
            State::Hot(hot) => self.hot[hot].max_count_bound,
            _ => self.postings(id).map(|posting| posting.count).max().unwrap_or(0),
        }
    }

    /// The id of the bucket with a key, which is added if it is not here yet. A bucket that was added has no
    /// member (the exception of invariant 4), and must get one next, by [`Self::add`].
    pub fn find_or_add(&mut self, key: &BucketKey) -> u32 {
        if let Some(id) = self.find(key) {
            return id;
        }
        // The key has the record ready. Only bytes that do not fit in it have to be stored in the arena first.
        let mut record = key.record;
        if key.bytes.len() > INLINE_MAX {
            record.set_run(self.long_bytes.store(key.bytes), key.bytes.len());
        }
        let id = self.records.insert(record);
        // If the table splits a cell, it asks for the hashes of the cell's buckets. They are computed again:
        // storing them would take 4 bytes more for every bucket.
        let (records, long_bytes) = (&self.records, &self.long_bytes);
        self.table.insert(key.hash, id, |id| {
            let bucket = &records[id];
            hash::bucket(bucket.band(), bucket.bytes(long_bytes))
        });
        id
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
            // A second item: from now on the postings are in a list, the old one first.
            State::Lone(lone) => {
                self.make_list(id, &[lone, Posting { item, count }]);
                count
            }
            // This is also the state of a new bucket: its list is empty.
            State::Few(list) => self.add_to_list(id, list, Posting { item, count }),
            // A hot bucket: its table tells whether the item is there. A new posting may make the set allocate.
            State::Hot(hot) => match self.hot[hot].position(item) {
                Some(position) => self.hot[hot].add(position, count), // allocates nothing
                None => {
                    self.change_hot(hot, |set| set.push(Posting { item, count }));
                    count
                }
            },
            State::Free { .. } => {
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
    fn add_to_list(&mut self, id: u32, mut list: ListRef, posting: Posting) -> u32 {
        debug_assert!(list.len() <= FEW_MAX, "invariant 7");
        // The item is in the list: its count grows in place, and the record stays as it is.
        if let Some(index) = self.index_in(list, posting.item) {
            let present = self.few.get_mut(list, index);
            present.count += posting.count;
            return present.count;
        }
        // The item is not in the list: the first one is lone, the next ones join the list, and the 33rd turns
        // the list into a hot set.
        if list.len() == 0 {
            self.set_only_posting(id, posting);
        } else if list.len() < FEW_MAX {
            self.few.push(&mut list, posting);
            // The push has changed the handle, which is a copy of the record's.
            self.records[id].set_state(State::Few(list));
        } else {
            self.make_hot(id, list, posting);
        }
        posting.count
    }

    /// The index of an item's posting in a list.
    fn index_in(&self, list: ListRef, item: u32) -> Option<usize> {
        self.few.short_slice(list).iter().position(|posting| posting.item == item)
    }

    /// Gives a bucket that has no list a new list, with these postings.
    fn make_list(&mut self, id: u32, postings: &[Posting]) {
        let mut list = ListRef::default();
        postings.iter().for_each(|posting| self.few.push(&mut list, *posting));
        self.records[id].set_state(State::Few(list));
    }

    /// Makes a bucket hot: moves the postings of its list to a hot set, and adds one more.
    fn make_hot(&mut self, id: u32, list: ListRef, posting: Posting) {
        // Complete the set first, then free the list and change the record.
        let mut hot = HotSet::default();
        self.few.short_slice(list).iter().for_each(|posting| hot.push(*posting));
        hot.push(posting);
        self.few.free(list);
        self.hot_footprint = self.hot_footprint + hot.footprint();
        let hot = self.hot.insert(hot);
        self.records[id].set_state(State::Hot(hot));
    }

    /// Adds a posting to a hot set or removes one, and keeps the sum of the footprints up to date.
    fn change_hot(&mut self, hot: u32, change: impl FnOnce(&mut HotSet)) {
        // Most changes allocate nothing, but only the set knows. Its footprint takes constant time.
        let set = &mut self.hot[hot];
        let before = set.footprint();
        change(set);
        self.hot_footprint = self.hot_footprint - before + set.footprint();
    }

    /// Removes an item from a bucket, and returns the count that it had there; 0 if it was not a member. If
    /// this leaves the bucket without members, the bucket is removed too, and its id is free.
    pub fn remove(&mut self, id: u32, item: u32) -> u32 {
        // If the item is not a member, there is nothing to do. From here on it is one.
        let count = self.count(id, item);
        if count == 0 {
            return 0;
        }
        match self.records[id].state() {
            // The posting goes with the record.
            State::Lone(_) => self.remove_bucket(id),
            State::Few(mut list) => {
                if let Some(index) = self.index_in(list, item) {
                    self.few.swap_remove(&mut list, index);
                }
                // The list may have moved to a smaller run, so write its handle back. A list of one stays a
                // list.
                self.records[id].set_state(State::Few(list));
                if list.len() == 0 {
                    self.remove_bucket(id);
                }
            }
            State::Hot(hot) => {
                let set = &self.hot[hot];
                if set.postings.len() == 1 {
                    // The only posting is the item's. The whole set goes, and with it its memory.
                    self.hot_footprint = self.hot_footprint - self.hot.remove(hot).footprint();
                    self.remove_bucket(id);
                } else if let Some(position) = set.position(item) {
                    self.change_hot(hot, |set| set.remove(position));
                }
            }
            State::Free { .. } => {}
        }
        count
    }

    /// Removes a bucket from the table, its record, and its bytes. Its list or hot set must be gone by now.
    fn remove_bucket(&mut self, id: u32) {
        // In this order: the table needs the hash of the bytes, which only the record leads to.
        self.table.remove(hash::bucket(self.band(id), self.bytes(id)), id);
        if let Some((start, len)) = self.records.remove(id).run() {
            self.long_bytes.free(start, len);
        }
    }

    /// True if new buckets whose bytes have the length `bytes` in all, and `postings` more, still fit.
    pub fn has_capacity_for(&self, bytes: usize, postings: usize) -> bool {
        // At worst every posting is the first of a new bucket, and each of them needs an id.
        self.long_bytes.has_capacity_for(bytes)
            && self.few.has_capacity_for(postings)
            && self.records.end() as usize + postings < u32::MAX as usize
    }

    /// One more than the largest id, in use or free.
    pub fn end(&self) -> u32 {
        self.records.end()
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
        self.long_bytes.internal_validate(self.records.iter().filter_map(Bucket::run))?;
        self.validate_states()?;
        // The table: it is sound, has all buckets, and finds each. An id of the table is only followed if it is
        // in use.
        let hash_of = |id| {
            let in_use = id < self.records.end() && self.records[id].next_free().is_none();
            in_use.then(|| hash::bucket(self.band(id), self.bytes(id)))
        };
        self.table.internal_validate(hash_of)?;
        ensure(self.ids().count() == self.table.len(), "5: a bucket is not in the table")?;
        let is_found = |id| self.find(&BucketKey::new(self.band(id), self.bytes(id))) == Some(id);
        ensure(self.ids().all(is_found), "5: a bucket is not found by its band and bytes")
    }

    /// Checks the postings of every bucket, and that each list and each hot set belongs to one bucket.
    fn validate_states(&self) -> Validation {
        // The records: the number of members is one that the state allows. Collect the lists and hot sets.
        let mut lists = Vec::new();
        let mut hot_ids = Vec::new();
        for bucket in self.records.iter() {
            match bucket.state() {
                State::Lone(posting) => ensure(posting.count > 0, "2: a lone posting has no count")?,
                State::Few(list) => {
                    ensure(list.len() > 0, "4: a bucket has no members")?;
                    ensure(list.len() <= FEW_MAX, "7: a list is longer than a list may be")?;
                    lists.push(list);
                }
                State::Hot(hot) => hot_ids.push(hot),
                State::Free { .. } => {}
            }
        }
        // The lists: the pool checks their locations first, because following a wrong one would panic. Then
        // check the postings: each has a count, and no item has two.
        self.few.internal_validate(&lists)?;
        for list in lists {
            let postings = self.few.short_slice(list);
            ensure(postings.iter().all(|posting| posting.count > 0), "2: a posting has no count")?;
            let is_first = |posting: &Posting| {
                let first = postings.iter().find(|other| other.item == posting.item);
                first.is_some_and(|first| std::ptr::eq(first, posting))
            };
            ensure(postings.iter().all(is_first), "7: an item is in a list twice")?;
        }
        // The hot sets: each belongs to exactly one bucket, and is sound by itself.
        self.hot.internal_validate()?;
        hot_ids.sort_unstable();
        ensure(self.hot.ids().eq(hot_ids), "8: a hot set belongs to no bucket, or to two")?;
        self.hot.iter().try_for_each(HotSet::internal_validate)?;
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
            State::Free { .. } => "free",
        }
    }

    #[test]
    fn a_bucket_is_lone_then_few_then_hot_and_never_goes_back() {
        let (mut buckets, id) = with_one(0, 1);
        let mut states = vec![(1, state(&buckets, id))];
        for item in 1..40 {
            buckets.add(id, item, item + 1);
            states.push((item + 1, state(&buckets, id)));
            assert_eq!(buckets.internal_validate(), Ok(()));
        }
        let expected = |members| match members {
            1 => "lone",
            2..=32 => "few",
            _ => "hot",
        };
        assert!(states.iter().all(|(members, state)| *state == expected(*members)), "{states:?}");
        assert_eq!(postings(&buckets, id), (0..40).map(|item| (item, item + 1)).collect::<Vec<_>>());
        assert_eq!((buckets.total(id), buckets.max_count_bound(id)), (40 * 41 / 2, 40));
        // Down to one member it stays hot; then it goes.
        for item in (1..40).rev() {
            assert_eq!(buckets.remove(id, item), item + 1);
            assert_eq!((state(&buckets, id), buckets.member_count(id)), ("hot", item as usize));
            assert_eq!(buckets.internal_validate(), Ok(()));
        }
        assert!(!buckets.is_sole_member(id, 0));
        assert_eq!((buckets.total(id), buckets.max_count_bound(id)), (1, 40));
        assert_eq!(buckets.remove(id, 0), 1);
        assert_eq!((state(&buckets, id), buckets.len(), buckets.hot.ids().count()), ("free", 0, 0));
        assert_eq!(buckets.internal_validate(), Ok(()));
    }

    #[test]
    fn a_list_that_shrinks_to_one_stays_a_list() {
        let (mut buckets, id) = with_one(7, 5);
        assert!(buckets.is_sole_member(id, 7) && !buckets.is_sole_member(id, 8));
        buckets.add(id, 8, 6);
        assert_eq!(buckets.remove(id, 7), 5);
        assert_eq!((state(&buckets, id), postings(&buckets, id)), ("few", vec![(8, 6)]));
        assert!(!buckets.is_sole_member(id, 8));
        assert_eq!(buckets.max_count_bound(id), 6);
        assert_eq!(buckets.internal_validate(), Ok(()));
        assert_eq!(buckets.remove(id, 8), 6);
        assert_eq!((state(&buckets, id), buckets.len()), ("free", 0));
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
        for members in [1, 2, 33] {
            let (mut buckets, id) = with_one(0, 1);
            (1..members).for_each(|item| _ = buckets.add(id, item, 1));
            assert_eq!((buckets.count(id, 99), buckets.remove(id, 99)), (0, 0));
            assert_eq!(buckets.member_count(id), members as usize);
        }
    }

    #[test]
    fn an_id_is_used_again_and_a_long_bucket_leaves_its_bytes_to_the_next() {
        let mut buckets = Buckets::default();
        let long = [&b"a bucket of many bytes"[..], b"a bucket of other bytes"];
        let add = |buckets: &mut Buckets, bytes: &[u8]| {
            let id = buckets.find_or_add(&BucketKey::new(1, bytes));
            buckets.add(id, 5, 1);
            id
        };
        assert_eq!((add(&mut buckets, long[0]), add(&mut buckets, b"short")), (0, 1));
        assert_eq!((add(&mut buckets, long[0]), buckets.count(0, 5)), (0, 2));
        let before = buckets.footprint();
        buckets.remove(0, 5);
        assert_eq!(buckets.find(&BucketKey::new(1, long[0])), None);
        assert_eq!((add(&mut buckets, long[1]), buckets.bytes(0)), (0, long[1]));
        buckets.remove(0, 5);
        assert_eq!((add(&mut buckets, long[1]), buckets.ids().count()), (0, 2));
        assert_eq!(buckets.internal_validate(), Ok(()));
        // One entry of a free run, which the first removal needed.
        assert!(buckets.footprint().bytes <= before.bytes + 256);
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
                buckets.few.get_mut(list, 1).item = 0;
            }
        };
        assert_eq!(broken(5, same_item), "7: an item is in a list twice");
        assert_eq!(broken(40, |buckets| buckets.hot[0].total += 1), "8: a hot total is not the sum");
        assert_eq!(
            broken(40, |buckets| buckets.hot[0].max_count_bound = 0),
            "8: a hot count is above the bound"
        );
        assert_eq!(
            broken(40, |buckets| _ = buckets.hot.insert(one_posting())),
            "8: a hot set belongs to no bucket, or to two"
        );
    }

    fn one_posting() -> HotSet {
        let mut hot = HotSet::default();
        hot.push(Posting { item: 0, count: 1 });
        hot
    }
}
