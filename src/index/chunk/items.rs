//! The items of a chunk: their names, how often each was observed, and the buckets it is in.

use super::hash;
use crate::index::memory::arena::Arena;
use crate::index::memory::id_table::IdTable;
use crate::index::memory::lists::{ListPool, ListRef};
use crate::index::memory::mover::Mover;
use crate::index::memory::segmented_vec::SegmentedVec;

/// What a chunk keeps of one item: 24 bytes. An item that was never observed does not exist.
#[derive(Debug, Clone, Copy, Default)]
struct Item {
    name: u32,
    name_len: u32,
    hash: u32,
    /// 0 marks a record that is free.
    observations: u32,
    /// Each bucket that the item is in, once, in no order.
    buckets: ListRef,
}

/// The items of one chunk, by dense ids that are used again after a removal.
#[derive(Debug, Default)]
pub struct Items {
    records: SegmentedVec<Item>,
    free: SegmentedVec<u32>,
    table: IdTable,
    names: Arena<u8>,
    buckets: ListPool<u32>,
}

impl Items {
    /// How many items there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The ids of all items, ascending.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        self.ids_from(0)
    }

    /// The ids of all items from `first` on, ascending.
    pub fn ids_from(&self, first: u32) -> impl Iterator<Item = u32> {
        (first..self.end()).filter(|id| self.observations(*id) > 0)
    }

    /// One more than the largest id, of an item or free.
    pub fn end(&self) -> u32 {
        self.records.len() as u32
    }

    /// The id of the item with this name, whose hash is [`hash::name`].
    pub fn find(&self, name: &[u8], hash: u32) -> Option<u32> {
        self.table.find(hash, |id| self.hash(id) == hash && self.name(id) == name)
    }

    /// Whether an item with this hash may be there: see [`IdTable::may_have`].
    #[inline]
    pub fn may_have(&self, hash: u32) -> bool {
        self.table.may_have(hash)
    }

    /// The item's name.
    #[inline]
    pub fn name(&self, id: u32) -> &[u8] {
        let item = &self.records[id as usize];
        self.names.run(item.name, item.name_len as usize)
    }

    /// The hash of the item's name.
    #[inline]
    pub fn hash(&self, id: u32) -> u32 {
        self.records[id as usize].hash
    }

    /// How often the item was observed.
    #[inline]
    pub fn observations(&self, id: u32) -> u32 {
        self.records[id as usize].observations
    }

    /// The buckets that the item is in.
    pub fn buckets(&self, id: u32) -> impl Iterator<Item = u32> {
        self.buckets.iter(self.records[id as usize].buckets).copied()
    }

    /// How many buckets the item is in.
    pub fn bucket_count(&self, id: u32) -> usize {
        self.records[id as usize].buckets.len()
    }

    /// Adds an item that has not been there, with its first observations.
    pub fn add(&mut self, name: &[u8], hash: u32, observations: u32) -> u32 {
        let item = Item {
            name: self.keep_name(name),
            name_len: name.len() as u32,
            hash,
            observations,
            buckets: ListRef::default(),
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.records[id as usize] = item;
                id
            }
            None => {
                self.records.push(item);
                self.records.len() as u32 - 1
            }
        };
        let records = &self.records;
        self.table.insert(hash, id, |id| records[id as usize].hash);
        id
    }

    fn keep_name(&mut self, name: &[u8]) -> u32 {
        let place = self.names.alloc(name.len());
        self.names.run_mut(place, name.len()).copy_from_slice(name);
        place
    }

    /// Removes an item; its postings must be gone.
    pub fn remove(&mut self, id: u32) {
        let item = std::mem::take(&mut self.records[id as usize]);
        self.table.remove(item.hash, id);
        self.names.free(item.name, item.name_len as usize);
        self.buckets.free(item.buckets);
        self.free.push(id);
    }

    /// Gives an item a name that no other item has.
    pub fn rename(&mut self, id: u32, name: &[u8], hash: u32) {
        let place = self.keep_name(name);
        let item = &mut self.records[id as usize];
        let old = std::mem::replace(item, Item { name: place, name_len: name.len() as u32, hash, ..*item });
        self.names.free(old.name, old.name_len as usize);
        self.table.remove(old.hash, id);
        let records = &self.records;
        self.table.insert(hash, id, |id| records[id as usize].hash);
    }

    /// Notes that the item is now in some buckets.
    pub fn add_buckets(&mut self, id: u32, buckets: &[u32]) {
        self.buckets.extend(&mut self.records[id as usize].buckets, buckets);
    }

    /// Adds to an item's observations; the sum must fit.
    pub fn observe(&mut self, id: u32, observations: u32) {
        self.records[id as usize].observations += observations;
    }

    /// Whether `bytes` of names and `entries` of lists still fit.
    pub fn has_room(&self, bytes: usize, entries: usize) -> bool {
        self.names.has_room(bytes) && self.buckets.has_room(entries)
    }

    /// The ids in the table and the records in use, for validation.
    pub fn table_agrees(&self) -> bool {
        let known = |id: u32| {
            self.records.get(id as usize).is_some_and(|item| item.observations > 0)
                && self.hash(id) == hash::name(self.name(id))
                && self.find(self.name(id), self.hash(id)) == Some(id)
        };
        self.table.ids().all(known) && self.ids().count() == self.table.len()
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        self.records.memory()
            + self.free.memory()
            + self.table.memory()
            + self.names.memory()
            + self.buckets.memory()
    }

    /// Has all of it moved.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.records.move_by(mover);
        self.free.move_by(mover);
        self.table.move_by(mover);
        self.names.move_by(mover);
        self.buckets.move_by(mover);
    }

    /// Allocations held.
    pub fn allocations(&self) -> usize {
        self.records.allocations()
            + self.free.allocations()
            + self.table.allocations()
            + self.names.allocations()
            + self.buckets.allocations()
    }
}
