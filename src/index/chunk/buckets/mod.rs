//! The buckets of a chunk, and the postings of each: which items were seen in it, and how often.
//!
//! A bucket is a band and a few bytes. Nearly all buckets have a single member, so the record is laid out for
//! that: 16 bytes hold the band, the bytes, and the one posting. `record.rs` draws them; `hot_set.rs` is for
//! the few buckets that have many members.
//!
//! A bucket moves through its states in one direction only:
//!
//! ```text
//!     find_or_add              add                 second item             33rd item
//!     ------------> Few, n=0 ------> Lone, n=count ------------> Few, n=2 ... -----------> Hot
//!                      |                   |                       ^
//!                      '-------------------'-- count > 65,535 -----'
//! ```
//!
//! The removal of postings shortens a list or a hot set but does not move the bucket back, which would be paid
//! again by the next posting; the last one removes the bucket from any state. A list is scanned, since 32
//! postings are four cache lines. A hot bucket has an *indexed set*: a vector of postings, which a search
//! reads from one end to the other, and a table of the position of each item.

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

/// An item in a bucket.
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

/// The most postings that are scanned. One more makes the bucket hot.
const FEW_MAX: usize = 32;
/// The buckets of one chunk, by dense ids that are used again after a removal.
#[derive(Debug, Default)]
pub struct Buckets {
    records: Slab<Bucket>,
    /// The ids by the hash of band and bytes.
    table: IdTable,
    /// The bytes of buckets longer than [`INLINE_MAX`].
    bytes: Arena<u8>,
    few: ListPool<Posting>,
    hot: Slab<HotSet>,
    /// What the hot sets own together: see [`Footprint`].
    hot_sets: Footprint,
}

impl Buckets {
    /// The number of buckets.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The id of a bucket.
    pub fn find(&self, key: &BucketKey) -> Option<u32> {
        self.table.find(key.hash, |id| self.has_key(id, key))
    }

    /// False only if the bucket is not here; see [`IdTable::may_have`].
    #[inline]
    pub fn may_have(&self, key: &BucketKey) -> bool {
        self.table.may_have(key.hash)
    }

    /// True if the bucket with an id is the one that a key stands for.
    #[inline]
    fn has_key(&self, id: u32, key: &BucketKey) -> bool {
        let bucket = &self.records[id];
        // Nearly always: two comparisons inside the record, and no look at the arena.
        if key.bytes.len() <= INLINE_MAX {
            bucket.is_same_inline(&key.record)
        } else {
            bucket.band() == key.record.band() && self.bytes(id) == key.bytes
        }
    }

    /// The band that the bucket is in.
    pub fn band(&self, id: u32) -> u16 {
        self.records[id].band()
    }

    /// The bucket's bytes.
    pub fn bytes(&self, id: u32) -> &[u8] {
        self.records[id].bytes(&self.bytes)
    }

    /// The number of items in the bucket.
    pub fn member_count(&self, id: u32) -> usize {
        match self.records[id].state() {
            State::Lone(_) => 1,
            State::Few(list) => list.len(),
            State::Hot(hot) => self.hot[hot].postings.len(),
            State::Free { .. } => 0,
        }
    }

    /// True if the item is the bucket's sole member and its posting is in the record, as it is as long as
    /// its count has never been above 65,535 and no other item was in the bucket with it. Any other sole
    /// member gives false.
    pub fn is_sole_member(&self, id: u32, item: u32) -> bool {
        matches!(self.records[id].state(), State::Lone(posting) if posting.item == item)
    }

    /// The bucket's postings, in no order.
    pub fn postings(&self, id: u32) -> impl Iterator<Item = Posting> {
        // Two of the three are empty: a chain of all has one type, whatever the state.
        let (mut lone, mut few, mut hot) = (None, ListRef::default(), None);
        match self.records[id].state() {
            State::Lone(posting) => lone = Some(posting),
            State::Few(list) => few = list,
            State::Hot(id) => hot = Some(&self.hot[id].postings),
            State::Free { .. } => {}
        }
        let hot = hot.into_iter().flat_map(SegmentedVec::iter);
        lone.into_iter().chain(self.few.short(few).iter().chain(hot).copied())
    }

    /// The bucket as an entry of an item that is in it.
    pub fn entry(&self, id: u32, item: u32) -> ItemBucket<'_> {
        let bucket = &self.records[id];
        let (band, bytes) = (bucket.band(), bucket.bytes(&self.bytes));
        ItemBucket { bucket: id, band, bytes, count: self.count(id, item) }
    }

    /// The number of the item's observations that fell into the bucket; 0 if it is not a member.
    pub fn count(&self, id: u32, item: u32) -> u32 {
        match self.records[id].state() {
            State::Lone(posting) if posting.item == item => posting.count,
            State::Lone(_) | State::Free { .. } => 0,
            State::Few(list) => self
                .few
                .short(list)
                .iter()
                .find(|posting| posting.item == item)
                .map_or(0, |posting| posting.count),
            State::Hot(hot) => {
                let hot = &self.hot[hot];
                hot.position(item).map_or(0, |position| hot.postings[position].count)
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

    /// An upper bound on the counts in the bucket: the largest of them unless the bucket is hot. Removals do
    /// not lower the bound of a hot bucket.
    pub fn max_count_bound(&self, id: u32) -> u32 {
        match self.records[id].state() {
            State::Hot(hot) => self.hot[hot].max_count_bound,
            _ => self.postings(id).map(|posting| posting.count).max().unwrap_or(0),
        }
    }

    /// The id of a bucket, which is added if it is not here yet. A bucket that was added has no member, and
    /// must get one next by [`Self::add`].
    pub fn find_or_add(&mut self, key: &BucketKey) -> u32 {
        if let Some(id) = self.find(key) {
            return id;
        }
        // The key has the record already, but for the run of long bytes.
        let mut record = key.record;
        if key.bytes.len() > INLINE_MAX {
            record.set_run(self.bytes.store(key.bytes), key.bytes.len());
        }
        let id = self.records.insert(record);
        // A split of the table asks for the hashes of a cell's buckets. They are computed again rather than
        // stored, which would take 4 bytes more for every bucket.
        let (records, bytes) = (&self.records, &self.bytes);
        self.table.insert(key.hash, id, |id| {
            let bucket = &records[id];
            hash::bucket(bucket.band(), bucket.bytes(bytes))
        });
        id
    }

    /// Adds to an item's count in a bucket, and returns the new count. It equals `count` if and only if the
    /// item was not in the bucket before. `count` is at least 1, and the sum must fit 32 bits.
    pub fn add(&mut self, id: u32, item: u32, count: u32) -> u32 {
        debug_assert!(count > 0, "invariant 2: a posting without a count");
        debug_assert!(self.count(id, item).checked_add(count).is_some(), "a count passes 32 bits");
        match self.records[id].state() {
            // The lone item again: its count grows in the record, until 16 bits are too few for it.
            State::Lone(lone) if lone.item == item => {
                let posting = Posting { item, count: lone.count + count };
                self.set_lone(id, posting);
                posting.count
            }
            // A second item: from now on the postings are in a list.
            State::Lone(lone) => {
                self.make_list(id, &[lone, Posting { item, count }]);
                count
            }
            // A new bucket, whose list is empty, comes here too.
            State::Few(list) => self.add_to_list(id, list, Posting { item, count }),
            State::Hot(hot) => match self.hot[hot].position(item) {
                Some(position) => self.hot[hot].add(position, count),
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

    /// Makes a posting the only one of a bucket without a list: in the record, or in a list if the count is
    /// too large for the record.
    fn set_lone(&mut self, id: u32, posting: Posting) {
        if posting.count <= u16::MAX.into() {
            self.records[id].set_state(State::Lone(posting));
        } else {
            self.make_list(id, &[posting]);
        }
    }

    /// [`Self::add`] for a bucket with a list, which may be full or empty.
    fn add_to_list(&mut self, id: u32, mut list: ListRef, posting: Posting) -> u32 {
        debug_assert!(list.len() <= FEW_MAX, "invariant 7");
        // An item that is in the list: its count grows.
        if let Some(index) = self.index_in(list, posting.item) {
            let present = self.few.get_mut(list, index);
            present.count += posting.count;
            return present.count;
        }
        // An item that is not: the first one is lone, the next ones join the list, and the 33rd makes a hot
        // set.
        if list.len() == 0 {
            self.set_lone(id, posting);
        } else if list.len() < FEW_MAX {
            self.few.push(&mut list, posting);
            self.records[id].set_state(State::Few(list));
        } else {
            self.make_hot(id, list, posting);
        }
        posting.count
    }

    /// The index of an item's posting in a list.
    fn index_in(&self, list: ListRef, item: u32) -> Option<usize> {
        self.few.short(list).iter().position(|posting| posting.item == item)
    }

    /// Gives a bucket that has no list one of these postings.
    fn make_list(&mut self, id: u32, postings: &[Posting]) {
        let mut list = ListRef::default();
        postings.iter().for_each(|posting| self.few.push(&mut list, *posting));
        self.records[id].set_state(State::Few(list));
    }

    /// Moves a bucket's list to a hot set, with one posting more.
    fn make_hot(&mut self, id: u32, list: ListRef, posting: Posting) {
        // The set is complete before the list is freed and the record changed.
        let mut hot = HotSet::default();
        self.few.short(list).iter().for_each(|posting| hot.push(*posting));
        hot.push(posting);
        self.few.free(list);
        self.hot_sets = self.hot_sets + hot.footprint();
        let hot = self.hot.insert(hot);
        self.records[id].set_state(State::Hot(hot));
    }

    /// Adds to a hot set or removes from it, and changes what all hot sets own with it.
    fn change_hot(&mut self, hot: u32, change: impl FnOnce(&mut HotSet)) {
        let set = &mut self.hot[hot];
        let before = set.footprint();
        change(set);
        self.hot_sets = self.hot_sets - before + set.footprint();
    }

    /// Takes an item out of a bucket, and returns the count that it had there; 0 if it was not a member. If
    /// this leaves the bucket without members, the bucket is removed and its id is free.
    pub fn remove(&mut self, id: u32, item: u32) -> u32 {
        let count = self.count(id, item);
        if count == 0 {
            return 0;
        }
        match self.records[id].state() {
            State::Lone(_) => self.remove_bucket(id),
            State::Few(mut list) => {
                if let Some(index) = self.index_in(list, item) {
                    self.few.swap_remove(&mut list, index);
                }
                // The list may have moved to a smaller run. A list of one stays a list.
                self.records[id].set_state(State::Few(list));
                if list.len() == 0 {
                    self.remove_bucket(id);
                }
            }
            State::Hot(hot_id) => {
                let hot = &self.hot[hot_id];
                // The last posting, which is the item's since its count is not 0, goes with the whole set.
                if hot.postings.len() == 1 {
                    self.hot_sets = self.hot_sets - self.hot.remove(hot_id).footprint();
                    self.remove_bucket(id);
                } else if let Some(position) = hot.position(item) {
                    self.change_hot(hot_id, |set| set.remove(position));
                }
            }
            State::Free { .. } => {}
        }
        count
    }

    /// Removes a bucket whose postings are gone, or whose only posting is in its record.
    fn remove_bucket(&mut self, id: u32) {
        // Out of the table first, which needs the hash of the bytes, then the record, then the bytes.
        self.table.remove(hash::bucket(self.band(id), self.bytes(id)), id);
        if let Some((start, len)) = self.records.remove(id).run() {
            self.bytes.free(start, len);
        }
    }

    /// True if buckets of `bytes` in all and `postings` more fit.
    pub fn has_capacity_for(&self, bytes: usize, postings: usize) -> bool {
        // At worst every posting is in a bucket of its own.
        self.bytes.has_capacity_for(bytes)
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
            + self.bytes.footprint()
            + self.few.footprint()
            + self.hot.footprint()
            + self.hot_sets
    }

    /// Lets the server move all of it.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.records.move_by(mover);
        self.table.move_by(mover);
        self.bytes.move_by(mover);
        self.few.move_by(mover);
        self.hot.move_by(mover);
        self.hot.iter_mut().for_each(|hot| hot.move_by(mover));
    }

    /// Checks invariants 2 and 4 to 8 of the buckets, and those of the stores that they are built on.
    pub fn internal_validate(&self) -> Validation {
        self.records.internal_validate()?;
        self.bytes.internal_validate(self.records.iter().filter_map(Bucket::run))?;
        self.validate_states()?;
        // The table: it has all buckets, and finds each.
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
        // The records: each state has a number of members that it may have.
        let (mut lists, mut hot_ids) = (Vec::new(), Vec::new());
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
        // The lists: the pool checks where they are, and this their postings. The pool comes first, so that
        // no list is read that lies outside of it.
        self.few.internal_validate(&lists)?;
        for list in lists {
            let postings = self.few.short(list);
            ensure(postings.iter().all(|posting| posting.count > 0), "2: a posting has no count")?;
            let is_first = |posting: &Posting| {
                let first = postings.iter().find(|other| other.item == posting.item);
                first.is_some_and(|first| std::ptr::eq(first, posting))
            };
            ensure(postings.iter().all(is_first), "7: an item is in a list twice")?;
        }
        // The hot sets: each has one bucket, and is sound by itself.
        self.hot.internal_validate()?;
        hot_ids.sort_unstable();
        ensure(self.hot.ids().eq(hot_ids), "8: a hot set belongs to no bucket, or to two")?;
        self.hot.iter().try_for_each(HotSet::internal_validate)?;
        let footprint = self.hot.iter().map(HotSet::footprint).sum::<Footprint>();
        ensure(self.hot_sets == footprint, "8: the footprint of the hot sets is not their sum")
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
        assert_eq!(broken(1, |buckets| buckets.records[0].n = 0), "2: a lone posting has no count");
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
