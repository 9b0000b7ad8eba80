//! The items of a chunk: the name of each, the number of its observations, the buckets it is in, when it
//! arrived, and its sketch.
//!
//! An item is a record of 28 bytes in a slab. The id that it has there is the one by which postings name it. When an
//! item is removed, the last one moves to its place and gets its id.
//!
//! ```text
//!     byte  0            4            8              12           16           20         23          28
//!           | name_loc.  | name_hash  | observations | location   | len        | name_len | arrival   |
//!                  |                                 \_____ buckets: ListRef __/
//!                  v                                        |
//!           names: a run of an arena of bytes               v
//!                                             bucket_lists: a list of bucket ids
//! ```
//!
//! An item that was never observed does not exist, so a record with 0 observations is a hole. The hash of the
//! name is stored for two reasons: a search over several chunks looks up the same item in each, and a table that
//! splits a cell would otherwise have to read and hash the names again.
//!
//! The *arrival* of an item is its number in the order in which items came to the chunk. Ids do not tell that
//! order, because items move. Results that are equal in all else are in this order, so that the
//! original comes before its copies. `bounds` keeps what a search among many copies needs to know about
//! ranges of items.
//!
//! Counts are not here: the number of times that an item was seen in a bucket is only in the bucket's posting.

use super::bounds::{Bounds, RangeBound};
use super::hash;
use super::sketches::Sketches;
use crate::index::codec::MAX_NAME;
use crate::index::memory::arena::{Arena, ListRef, Relocation};
use crate::index::memory::footprint::Footprint;
use crate::index::memory::id_table::IdTable;
use crate::index::memory::invariant::{Validation, ensure};
use crate::index::memory::lists::{self, IdLists};
use crate::index::memory::mover::Mover;
use crate::index::memory::slab::{Record, Slab};
use smallvec::SmallVec;
use std::ops::Range;

/// The record of an item, or a hole: 28 bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Item {
    /// The location of the name in the arena.
    name_location: u32,
    name_hash: u32,
    /// The number of observations. 0 marks a hole.
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

    fn set_name(&mut self, location: u32, len: usize, hash: u32) {
        let [a, b, c, _] = (len as u32).to_le_bytes();
        (self.name_location, self.name_len, self.name_hash) = (location, [a, b, c], hash);
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
    fn hole() -> Item {
        Item::default()
    }

    fn is_hole(&self) -> bool {
        self.observations == 0
    }

    fn is_fixed(&self) -> bool {
        lists::is_long(self.buckets)
    }
}

/// The buckets of an item, for a loop that changes them.
pub type BucketList = SmallVec<[u32; 64]>;

/// The items of one chunk, by dense ids.
#[derive(Debug, Default)]
pub struct Items {
    records: Slab<Item>,
    /// The ids by the hash of the name.
    table: IdTable,
    names: Arena<u8>,
    /// The lists that [`Item::buckets`] refers to.
    bucket_lists: IdLists,
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
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.records.ids()
    }

    /// The ids of all items in the order of their arrival.
    pub fn ids_by_arrival(&self) -> Vec<u32> {
        let mut ids = Vec::with_capacity(self.len());
        ids.extend(self.ids());
        ids.sort_unstable_by_key(|id| self.arrival(*id)); // in order already if nothing was ever removed
        ids
    }

    /// One more than the largest id.
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
        self.names.run(item.name_location, item.name_len())
    }

    /// The hash of the item's name.
    #[inline]
    pub fn hash(&self, id: u32) -> u32 {
        self.records[id].name_hash
    }

    /// The number of the item's observations; 0 for a hole.
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

    /// The ids of a range of [`Self::range_bounds`], some of which may be holes.
    pub fn ids_of_range(&self, number: usize) -> Range<u32> {
        let ids = Bounds::ids(number);
        ids.start..ids.end.min(self.end())
    }

    /// The item's sketch, if it has one.
    #[inline]
    pub fn sketch(&self, id: u32) -> Option<&[u8]> {
        self.sketches.get(id)
    }

    /// A number that only equal sketches share. `None` if the item's is not known to equal any other.
    #[inline]
    pub fn likeness(&self, id: u32) -> Option<u32> {
        self.sketches.likeness(id)
    }

    /// The slots of a sketch; 0 if the chunk keeps none.
    pub fn sketch_length(&self) -> u16 {
        self.sketches.length()
    }

    /// The ids of the buckets that the item is in.
    pub fn buckets(&self, id: u32) -> impl Iterator<Item = u32> {
        self.bucket_lists.iter(self.records[id].buckets)
    }

    /// The number of buckets that the item is in.
    pub fn bucket_count(&self, id: u32) -> usize {
        self.records[id].buckets.len()
    }

    /// Adds an item under a new name, which is not empty, with its first observations, at least 1.
    pub fn add(&mut self, name: &[u8], hash: u32, observations: u32) -> u32 {
        debug_assert!(observations > 0, "invariant 4: an item without observations");
        debug_assert!(self.find(name, hash).is_none(), "invariant 5: a name is added twice");
        let arrival = self.next_arrival;
        self.next_arrival += 1;
        let id = self.records.insert(Item { observations, ..Item::default() });
        self.records[id].set_name(self.names.store(name, id), name.len(), hash);
        self.records[id].set_arrival(arrival);
        self.enter(id);
        self.bounds.include(id, observations, arrival);
        id
    }

    /// Enters an item in the table.
    fn enter(&mut self, id: u32) {
        let records = &self.records;
        self.table.insert(records[id].name_hash, id, |id| records[id].name_hash);
    }

    /// Removes an item. No bucket may have a posting of it any longer. [`Self::fill_hole`] must be called next.
    pub fn remove(&mut self, id: u32) {
        self.sketches.remove(id);
        let item = self.records.remove(id);
        self.table.remove(item.name_hash, id);
        let name = self.names.free(item.name_location, item.name_len());
        self.tell_of_name(name);
        let list = self.bucket_lists.free(item.buckets);
        self.tell_of_list(list);
        self.forget_bounds(id, &item);
    }

    /// Moves the last item to a hole, if there is one and the item may move. Returns its old id and its new one. The
    /// caller has to tell the item's buckets.
    pub fn fill_hole(&mut self) -> Option<(u32, u32)> {
        let moved = self.records.fill_hole();
        moved.inspect(|(from, to)| self.tell_of_item(*from, *to))
    }

    /// Moves an item to a hole. The caller has to tell the item's buckets.
    pub fn move_to_hole(&mut self, from: u32, to: u32) {
        self.records.move_record(from, to);
        self.tell_of_item(from, to);
    }

    /// The id that an item should have which must not move from now on: see [`Slab::place_for_fixed`].
    pub fn place_for_fixed(&mut self, id: u32) -> Option<u32> {
        self.records.place_for_fixed(id)
    }

    /// Tells all that know an item, but for its buckets, that it has another id.
    fn tell_of_item(&mut self, from: u32, to: u32) {
        let item = self.records[to];
        self.names.set_owner(item.name_location, item.name_len(), to);
        self.bucket_lists.set_owner(item.buckets, to);
        self.table.replace(item.name_hash, from, to);
        self.sketches.hand_over(from, to);
        self.bounds.include(to, item.observations, item.arrival());
        self.forget_bounds(from, &item);
    }

    /// Corrects the bounds of a range that an item was in, unless they hold for the others as well.
    fn forget_bounds(&mut self, id: u32, item: &Item) {
        let Items { records, bounds, sketches, .. } = self;
        if bounds.may_rest_on(id, item.observations, item.arrival()) {
            let left = Bounds::range_of(id).filter(|id| records.contains(*id));
            bounds.replace(id, left.map(|id| (records[id].observations, records[id].arrival())));
        }
        bounds.cut(records.end());
        sketches.cut(records.end());
    }

    /// Notes that a name has moved.
    fn tell_of_name(&mut self, relocation: Option<Relocation>) {
        if let Some(Relocation { owner, location }) = relocation {
            self.records[owner].name_location = location;
        }
    }

    /// Notes that a list of buckets has moved.
    fn tell_of_list(&mut self, relocation: Option<Relocation>) {
        if let Some(Relocation { owner, location }) = relocation {
            self.records[owner].buckets = self.records[owner].buckets.at(location);
        }
    }

    /// Gives an item a new name, which is not empty and no other item's. Its id stays, so its postings do too.
    pub fn rename(&mut self, id: u32, name: &[u8], hash: u32) {
        debug_assert!(self.find(name, hash).is_none(), "invariant 5: a name is added twice");
        // Store the new name and write it to the record; then free the old one.
        let location = self.names.store(name, id);
        let old = self.records[id];
        self.records[id].set_name(location, name.len(), hash);
        let relocation = self.names.free(old.name_location, old.name_len());
        self.tell_of_name(relocation);
        // The name has another hash, so the id moves to another cell of the table.
        self.table.remove(old.name_hash, id);
        self.enter(id);
    }

    /// Adds buckets to the list of an item, which must not have any of them yet. Returns true if the item must not move
    /// from now on: then [`Self::place_for_fixed`] says where it should be.
    pub fn add_buckets(&mut self, id: u32, buckets: &[u32]) -> bool {
        let item = &mut self.records[id];
        let was_fixed = item.is_fixed();
        let relocation = self.bucket_lists.extend(&mut item.buckets, id, buckets);
        let is_fixed = item.is_fixed();
        self.tell_of_list(relocation);
        is_fixed && !was_fixed
    }

    /// Removes a bucket from the list of an item, which is in it.
    pub fn remove_bucket(&mut self, id: u32, bucket: u32) {
        let relocation = self.bucket_lists.remove(&mut self.records[id].buckets, id, bucket);
        self.tell_of_list(relocation);
    }

    /// Replaces a bucket in the list of an item, which is in it, by one that it is not in.
    pub fn replace_bucket(&mut self, id: u32, old: u32, new: u32) {
        self.bucket_lists.replace(self.records[id].buckets, old, new);
    }

    /// Takes the list of buckets from an item that is about to be removed.
    pub fn take_buckets(&mut self, id: u32) -> BucketList {
        let list = std::mem::take(&mut self.records[id].buckets);
        let buckets = self.bucket_lists.iter(list).collect();
        let relocation = self.bucket_lists.free(list);
        self.tell_of_list(relocation);
        buckets
    }

    /// Reads a little of an item's list of buckets: see [`IdTable::touch`].
    pub fn touch_buckets(&self, id: u32) -> u32 {
        self.buckets(id).next().unwrap_or_default()
    }

    /// Adds to an item's observations. The sum must fit 32 bits.
    pub fn add_observations(&mut self, id: u32, observations: u32) {
        let item = &mut self.records[id];
        debug_assert!(item.observations.checked_add(observations).is_some(), "too many observations");
        item.observations += observations;
        let Item { observations, .. } = *item;
        self.bounds.include(id, observations, self.arrival(id));
    }

    /// Subtracts from an item's observations, of which at least one is left.
    pub fn subtract_observations(&mut self, id: u32, observations: u32) {
        debug_assert!(self.observations(id) > observations, "an item without observations");
        let before = self.records[id];
        self.records[id].observations -= observations;
        self.forget_bounds(id, &before);
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

    /// Keeps the sketch of an item that has none. It is compared with that of `other`, another item.
    pub fn keep_sketch(&mut self, id: u32, sketch: &[u8], other: Option<u32>) {
        self.sketches.add(id, sketch, other);
    }

    /// True if new names of the length `bytes` in all, and `entries` more in the lists of buckets, still fit.
    pub fn has_capacity_for(&self, bytes: usize, entries: usize) -> bool {
        self.names.has_capacity_for(bytes)
            && self.bucket_lists.has_capacity_for(entries)
            && self.records.has_capacity_for(entries)
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
        let name_of =
            |id| ListRef::from_parts(self.records[id].name_location, self.records[id].name_len() as u32);
        self.names.internal_validate(self.ids().map(|id| (id, name_of(id))))?;
        let lists: Vec<(u32, ListRef)> = self.ids().map(|id| (id, self.records[id].buckets)).collect();
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

    fn remove(items: &mut Items, id: u32) -> Option<(u32, u32)> {
        items.remove(id);
        items.fill_hole()
    }

    #[test]
    fn the_last_item_takes_the_id_of_one_that_is_removed() {
        let mut items = Items::default();
        assert_eq!([&b"a"[..], b"b", b"c"].map(|name| add(&mut items, name)), [0, 1, 2]);
        assert_eq!(remove(&mut items, 0), Some((2, 0)));
        assert_eq!((items.len(), items.end(), find(&items, b"c"), items.arrival(0)), (2, 2, Some(0), 2));
        assert_eq!(items.internal_validate(), Ok(()));
        assert_eq!(remove(&mut items, 1), None);
        assert_eq!([&b"d"[..], b"e"].map(|name| add(&mut items, name)), [1, 2]);
        assert_eq!((find(&items, b"b"), find(&items, b"d"), items.arrival(1)), (None, Some(1), 3));
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
    fn a_removed_item_leaves_no_memory() {
        let mut items = Items::default();
        let round = |items: &mut Items| {
            for n in 0..100u32 {
                let id = add(items, format!("item {n}").as_bytes());
                items.add_buckets(id, &(0..n).collect::<Vec<_>>());
            }
            (0..100).for_each(|n| _ = remove(items, n * 7 % (100 - n)));
            items.footprint()
        };
        let after_one_round = round(&mut items);
        assert!((0..20).all(|_| round(&mut items) == after_one_round));
        assert_eq!((items.len(), items.internal_validate()), (0, Ok(())));
        assert!(after_one_round.bytes < 3_000, "{after_one_round:?}");
    }

    #[test]
    fn the_validator_names_a_name_that_is_not_found() {
        let mut items = Items::default();
        [&b"a"[..], b"b"].iter().for_each(|name| _ = add(&mut items, name));
        items.names.run_mut(items.records[1].name_location, 1).copy_from_slice(b"a");
        assert_eq!(items.internal_validate(), Err("5: an item is not found by its name"));
        items.table = IdTable::default();
        assert_eq!(items.internal_validate(), Err("5: an item is not in the table of names"));
        items.records[1].name_location = items.records[0].name_location;
        assert_eq!(items.internal_validate(), Err("10: a run is missing, or used twice"));
    }
}
