//! The items of a chunk: the name of each, the number of its observations, the buckets it is in, when it
//! arrived, and its sketch.
//!
//! An item is a record of 28 bytes in a slab. The id that it has there is the one by which postings name it.
//!
//! ```text
//!     byte  0            4            8              12           16           20         23          28
//!           | name_start | name_hash  | observations | location   | len        | name_len | arrival   |
//!                  |                                 \_____ buckets: ListRef __/
//!                  v                                        |
//!           names: a run of an arena of bytes               v
//!                                             bucket_lists: a list of bucket ids
//! ```
//!
//! An item that was never observed does not exist, so a record with 0 observations is free. Its first field
//! then links to the next free record. The hash of the name is stored for two reasons: a search over several
//! chunks looks up the same item in each, and a table that splits a cell would otherwise have to read and hash
//! the names again.
//!
//! The *arrival* of an item is its number in the order in which items came to the chunk. Ids do not tell that
//! order, because they are used again. Results that are equal in all else are in this order, so that the
//! original comes before its copies. `bounds` keeps what a search among many copies needs to know about
//! ranges of items.
//!
//! Counts are not here: the number of times that an item was seen in a bucket is only in the bucket's posting.

use super::bounds::{Bounds, RangeBound};
use super::hash;
use super::sketches::Sketches;
use crate::index::codec::MAX_NAME;
use crate::index::memory::arena::Arena;
use crate::index::memory::footprint::Footprint;
use crate::index::memory::id_table::IdTable;
use crate::index::memory::invariant::{Validation, ensure};
use crate::index::memory::lists::{ListPool, ListRef};
use crate::index::memory::mover::Mover;
use crate::index::memory::slab::{Record, Slab};
use std::ops::Range;

/// The record of an item, or a free one: 28 bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Item {
    /// The start of the name in the arena. In a free record, the link to the next one.
    name_start: u32,
    name_hash: u32,
    /// The number of observations. 0 marks a free record.
    observations: u32,
    /// The ids of the buckets that the item is in, each once, in no order.
    buckets: ListRef,
    /// The length of the name, little-endian, as all bytes of numbers here.
    name_len: [u8; 3],
    /// The number of items that arrived before.
    arrival: [u8; 5],
}

const _: () = assert!(size_of::<Item>() == 28);
const _: () = assert!(MAX_NAME < 1 << 24, "the length of a name has three bytes");

/// Arrivals that a chunk can number: a million a second for twelve days. Loading a chunk numbers anew.
const MAX_ARRIVALS: u64 = 1 << 40;

impl Item {
    fn name_len(&self) -> usize {
        let [a, b, c] = self.name_len;
        u32::from_le_bytes([a, b, c, 0]) as usize
    }

    fn set_name(&mut self, start: u32, len: usize, hash: u32) {
        let [a, b, c, _] = (len as u32).to_le_bytes();
        (self.name_start, self.name_len, self.name_hash) = (start, [a, b, c], hash);
    }

    fn arrival(&self) -> u64 {
        let [a, b, c, d, e] = self.arrival;
        u64::from_le_bytes([a, b, c, d, e, 0, 0, 0])
    }

    fn set_arrival(&mut self, arrival: u64) {
        let [a, b, c, d, e, ..] = arrival.to_le_bytes();
        self.arrival = [a, b, c, d, e];
    }
}

impl Record for Item {
    fn free(next: u32) -> Item {
        Item { name_start: next, ..Item::default() }
    }

    fn next_free(&self) -> Option<u32> {
        (self.observations == 0).then_some(self.name_start)
    }
}

/// The items of one chunk, by ids that are used again after a removal.
#[derive(Debug, Default)]
pub struct Items {
    records: Slab<Item>,
    /// The ids by the hash of the name.
    table: IdTable,
    names: Arena<u8>,
    /// The lists that [`Item::buckets`] refers to.
    bucket_lists: ListPool<u32>,
    sketches: Sketches,
    bounds: Bounds,
    /// The arrival of the next item.
    next_arrival: u64,
}

impl Items {
    /// No items, with sketches of this many slots; 0 for none.
    pub fn new(sketch_length: u16) -> Items {
        Items { sketches: Sketches::new(sketch_length), ..Items::default() }
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The ids of all items, ascending.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        self.records.ids()
    }

    /// The ids of all items in the order of their arrival.
    pub fn ids_by_arrival(&self) -> Vec<u32> {
        let mut ids = Vec::with_capacity(self.len());
        ids.extend(self.ids());
        ids.sort_unstable_by_key(|id| self.arrival(*id)); // nearly always they are in order already
        ids
    }

    /// One more than the largest id, in use or free.
    pub fn end(&self) -> u32 {
        self.records.end()
    }

    /// The id of the item with a name. `hash` is the [`hash::name`] of it.
    pub fn find(&self, name: &[u8], hash: u32) -> Option<u32> {
        // The table has compared 8 bits of the hash. Compare all 32 before reading a name, a likely cache miss.
        self.table.find(hash, |id| self.hash(id) == hash && self.name(id) == name)
    }

    /// False only if no item with this hash is here; see [`IdTable::may_have`].
    #[inline]
    pub fn may_have(&self, hash: u32) -> bool {
        self.table.may_have(hash)
    }

    /// The item's name.
    #[inline]
    pub fn name(&self, id: u32) -> &[u8] {
        let item = &self.records[id];
        self.names.run(item.name_start, item.name_len())
    }

    /// The hash of the item's name.
    #[inline]
    pub fn hash(&self, id: u32) -> u32 {
        self.records[id].name_hash
    }

    /// The number of the item's observations; 0 for an id that is free.
    #[inline]
    pub fn observations(&self, id: u32) -> u32 {
        self.records[id].observations
    }

    /// The number of items that arrived before it. It is unique in the chunk, and smaller for what came earlier.
    #[inline]
    pub fn arrival(&self, id: u32) -> u64 {
        self.records[id].arrival()
    }

    /// Bounds on the items of each range of ids.
    pub fn range_bounds(&self) -> impl Iterator<Item = RangeBound> {
        self.bounds.iter()
    }

    /// The ids of a range of [`Self::range_bounds`], in use or free.
    pub fn ids_of_range(&self, number: usize) -> Range<u32> {
        let ids = Bounds::ids(number);
        ids.start..ids.end.min(self.end())
    }

    /// The item's sketch, if it has one.
    #[inline]
    pub fn sketch(&self, id: u32) -> Option<&[u8]> {
        self.sketches.get(id)
    }

    /// The slots of a sketch; 0 if the chunk keeps none.
    pub fn sketch_length(&self) -> u16 {
        self.sketches.length()
    }

    /// The ids of the buckets that the item is in.
    pub fn buckets(&self, id: u32) -> impl Iterator<Item = u32> {
        self.bucket_lists.iter(self.records[id].buckets).copied()
    }

    /// The number of buckets that the item is in.
    pub fn bucket_count(&self, id: u32) -> usize {
        self.records[id].buckets.len()
    }

    /// Adds an item under a new name, which is not empty, with its first observations, at least 1.
    pub fn add(&mut self, name: &[u8], hash: u32, observations: u32) -> u32 {
        debug_assert!(observations > 0, "invariant 4: an item without observations");
        debug_assert!(self.find(name, hash).is_none(), "invariant 5: a name is added twice");
        let mut item = Item { observations, ..Item::default() };
        item.set_name(self.names.store(name), name.len(), hash);
        item.set_arrival(self.next_arrival);
        self.next_arrival += 1;
        let id = self.records.insert(item);
        let records = &self.records;
        self.table.insert(hash, id, |id| records[id].name_hash);
        self.bounds.include(id, observations, item.arrival());
        id
    }

    /// Removes an item. No bucket may have a posting of it any longer.
    pub fn remove(&mut self, id: u32) {
        let item = self.records.remove(id);
        self.table.remove(item.name_hash, id);
        self.names.free(item.name_start, item.name_len());
        self.bucket_lists.free(item.buckets);
        self.sketches.remove(id);
        // The bounds of the range, unless they hold for the others as well.
        if self.bounds.may_rest_on(id, item.observations, item.arrival()) {
            let Items { records, bounds, .. } = self;
            let left = Bounds::range_of(id).filter(|id| records.contains(*id));
            bounds.replace(id, left.map(|id| (records[id].observations, records[id].arrival())));
        }
    }

    /// Gives an item a new name, which is not empty and no other item's. Its id stays, so its postings do too.
    pub fn rename(&mut self, id: u32, name: &[u8], hash: u32) {
        debug_assert!(self.find(name, hash).is_none(), "invariant 5: a name is added twice");
        // Store the new name and write it to the record; then free the old one.
        let name_start = self.names.store(name);
        let old = self.records[id];
        self.records[id].set_name(name_start, name.len(), hash);
        self.names.free(old.name_start, old.name_len());
        // The name has another hash, so the id moves to another cell of the table.
        self.table.remove(old.name_hash, id);
        let records = &self.records;
        self.table.insert(hash, id, |id| records[id].name_hash);
    }

    /// Adds buckets to the list of an item, which must not have any of them yet.
    pub fn add_buckets(&mut self, id: u32, buckets: &[u32]) {
        self.bucket_lists.extend(&mut self.records[id].buckets, buckets);
    }

    /// Adds to an item's observations. The sum must fit 32 bits.
    pub fn add_observations(&mut self, id: u32, observations: u32) {
        let item = &mut self.records[id];
        debug_assert!(item.observations.checked_add(observations).is_some(), "too many observations");
        item.observations += observations;
        let Item { observations, .. } = *item;
        self.bounds.include(id, observations, self.arrival(id));
    }

    /// Gives an item the arrival and the sketch of another one, if that arrived earlier, or else the sketch only
    /// if it has none.
    pub fn take_precedence(&mut self, id: u32, other: u32) {
        let arrival = self.arrival(other);
        let is_later = self.arrival(id) > arrival;
        if is_later {
            // Two items have one arrival until the other one is removed.
            self.records[id].set_arrival(arrival);
            self.bounds.include(id, self.observations(id), arrival);
        }
        if self.sketch(other).is_some() && (is_later || self.sketch(id).is_none()) {
            self.sketches.hand_over(other, id);
        }
    }

    /// Keeps an item's sketch, unless it has one. Returns true if it is kept.
    pub fn keep_sketch(&mut self, id: u32, sketch: &[u8]) -> bool {
        let is_first = self.sketch(id).is_none();
        if is_first {
            self.sketches.add(id, sketch);
        }
        is_first
    }

    /// True if new names of the length `bytes` in all, and `entries` more in the lists of buckets, still fit.
    pub fn has_capacity_for(&self, bytes: usize, entries: usize) -> bool {
        self.names.has_capacity_for(bytes)
            && self.bucket_lists.has_capacity_for(entries)
            && self.next_arrival + (entries as u64) < MAX_ARRIVALS
    }

    /// The memory of all items.
    pub fn footprint(&self) -> Footprint {
        self.records.footprint()
            + self.table.footprint()
            + self.names.footprint()
            + self.bucket_lists.footprint()
            + self.sketches.footprint()
            + self.bounds.footprint()
    }

    /// Lets the server move all items.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.records.move_by(mover);
        self.table.move_by(mover);
        self.names.move_by(mover);
        self.bucket_lists.move_by(mover);
        self.sketches.move_by(mover);
        self.bounds.move_by(mover);
    }

    /// Checks invariants 5, 6, 13 and 14 of the items, and those of the stores that they are built on.
    pub fn internal_validate(&self) -> Validation {
        self.records.internal_validate()?;
        self.names.internal_validate(self.records.iter().map(|item| (item.name_start, item.name_len())))?;
        let lists: Vec<ListRef> = self.records.iter().map(|item| item.buckets).collect();
        self.bucket_lists.internal_validate(&lists)?;
        // The table: it is sound, has all items, and finds each.
        let hash_of = |id| {
            let item = (id < self.end()).then(|| &self.records[id]);
            item.filter(|item| item.observations > 0).map(|item| item.name_hash)
        };
        self.table.internal_validate(hash_of)?;
        ensure(self.ids().count() == self.table.len(), "5: an item is not in the table of names")?;
        let is_found = |id| {
            let (name, hash) = (self.name(id), self.hash(id));
            hash == hash::name(name) && self.find(name, hash) == Some(id)
        };
        ensure(self.ids().all(is_found), "5: an item is not found by its name")?;
        self.sketches.internal_validate(|id| self.records.contains(id))?;
        let mut arrivals: Vec<u64> = self.ids().map(|id| self.arrival(id)).collect();
        arrivals.sort_unstable();
        ensure(
            arrivals.is_sorted_by(|one, next| one < next)
                && arrivals.last().is_none_or(|last| *last < self.next_arrival),
            "14: two items have the same arrival, or one that is yet to come",
        )?;
        self.bounds.internal_validate(self.ids().map(|id| (id, self.observations(id), self.arrival(id))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(items: &mut Items, name: &[u8]) -> u32 {
        items.add(name, hash::name(name), 1)
    }

    fn find(items: &Items, name: &[u8]) -> Option<u32> {
        items.find(name, hash::name(name))
    }

    #[test]
    fn an_id_is_used_again_after_a_removal() {
        let mut items = Items::default();
        assert_eq!([&b"a"[..], b"b", b"c"].map(|name| add(&mut items, name)), [0, 1, 2]);
        items.remove(0);
        items.remove(2);
        assert_eq!((items.len(), items.end(), items.observations(2)), (1, 3, 0));
        assert!(items.ids().eq([1]));
        assert_eq!(items.internal_validate(), Ok(()));
        assert_eq!([&b"d"[..], b"e", b"f"].map(|name| add(&mut items, name)), [2, 0, 3]);
        assert_eq!((find(&items, b"c"), find(&items, b"d")), (None, Some(2)));
        assert_eq!(items.internal_validate(), Ok(()));
    }

    #[test]
    fn a_renamed_item_keeps_its_id_its_observations_and_its_buckets() {
        let mut items = Items::default();
        let id = add(&mut items, b"old");
        items.add_observations(id, 4);
        items.add_buckets(id, &[7, 3]);
        items.rename(id, b"a much longer name", hash::name(b"a much longer name"));
        assert_eq!((find(&items, b"old"), find(&items, b"a much longer name")), (None, Some(id)));
        assert_eq!((items.name(id), items.observations(id)), (&b"a much longer name"[..], 5));
        assert!(items.buckets(id).eq([7, 3]) && items.bucket_count(id) == 2);
        assert_eq!(items.internal_validate(), Ok(()));
    }

    #[test]
    fn a_removed_item_leaves_its_memory_to_the_next() {
        let mut items = Items::default();
        let round = |items: &mut Items| {
            for n in 0..100u32 {
                let id = add(items, format!("item {n}").as_bytes());
                items.add_buckets(id, &(0..n).collect::<Vec<_>>());
            }
            (0..100).for_each(|id| items.remove(id));
            items.footprint()
        };
        let after_one_round = round(&mut items);
        assert!((0..20).all(|_| round(&mut items) == after_one_round));
        assert_eq!((items.len(), items.internal_validate()), (0, Ok(())));
    }

    #[test]
    fn the_validator_names_a_name_that_is_not_found() {
        let mut items = Items::default();
        [&b"a"[..], b"b"].iter().for_each(|name| _ = add(&mut items, name));
        items.names.run_mut(items.records[1].name_start, 1).copy_from_slice(b"a");
        assert_eq!(items.internal_validate(), Err("5: an item is not found by its name"));
        items.table = IdTable::default();
        assert_eq!(items.internal_validate(), Err("5: an item is not in the table of names"));
        items.records[1].name_start = items.records[0].name_start;
        assert_eq!(items.internal_validate(), Err("10: two runs of an arena overlap"));
    }
}
