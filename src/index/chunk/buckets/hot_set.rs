//! The postings of a hot bucket: an indexed set.
//!
//! ```text
//!     postings   | (item 7, 3) | (item 2, 1) | (item 9, 4) |      a search reads them from end to end
//!                      0             1             2
//!     positions    7 -> 0,   2 -> 1,   9 -> 2                     a lookup finds an item's posting at once
//! ```
//!
//! When a posting is removed, the last one moves to its place, so there are never holes among them. The table
//! costs as much memory as the postings. *Turned down:* a hash table of the postings themselves. It would save
//! the vector, but a search would have to read its empty slots too, and the order would depend on the hash.

use super::Posting;
use crate::index::chunk::hash;
use crate::index::memory::footprint::Footprint;
use crate::index::memory::id_table::IdTable;
use crate::index::memory::invariant::{Validation, ensure};
use crate::index::memory::mover::Mover;
use crate::index::memory::segmented_vec::SegmentedVec;

/// The postings of one hot bucket.
#[derive(Debug, Default)]
pub(super) struct HotSet {
    pub(super) postings: SegmentedVec<Posting>,
    /// The position in `postings` of each item's posting, found by the hash of the item's id.
    positions: IdTable,
    /// The sum of the counts.
    pub(super) total: u64,
    /// An upper bound on the counts. Removals do not lower it.
    pub(super) max_count_bound: u32,
    /// The id of the bucket.
    pub(super) owner: u32,
}

impl HotSet {
    /// The set of a bucket, without postings.
    pub(super) fn new(owner: u32) -> HotSet {
        HotSet { owner, ..HotSet::default() }
    }

    /// The position of an item's posting, if it has one.
    pub(super) fn position(&self, item: u32) -> Option<usize> {
        let is_of_item = |position: u32| self.postings[position as usize].item == item;
        self.positions.find(hash::id(item), is_of_item).map(|position| position as usize)
    }

    /// Reads a little of what finding an item's posting reads: see [`IdTable::touch`].
    pub(super) fn touch(&self, item: u32) -> u32 {
        self.positions.touch(hash::id(item))
    }

    /// Adds the posting of an item that has none.
    pub(super) fn push(&mut self, posting: Posting) {
        let position = self.postings.len() as u32;
        self.postings.push(posting);
        // If the table splits a cell, it asks for the hash of a position: that of the item whose posting is
        // there.
        let postings = &self.postings;
        let hash_of = |position| hash::id(postings[position as usize].item);
        self.positions.insert(hash::id(posting.item), position, hash_of);
        self.note_count(posting.count, posting.count);
    }

    /// Adds to the count of the posting at a position, and returns the new count.
    pub(super) fn add(&mut self, position: usize, count: u32) -> u32 {
        let posting = &mut self.postings[position];
        posting.count += count;
        let sum = posting.count;
        self.note_count(count, sum);
        sum
    }

    /// Subtracts from the count at a position, of which at least 1 is left.
    pub(super) fn subtract(&mut self, position: usize, count: u32) {
        self.total -= u64::from(count);
        self.postings[position].count -= count;
    }

    /// Brings the total and the bound up to date (invariant 8) after a count has grown by `added` to `count`.
    fn note_count(&mut self, added: u32, count: u32) {
        self.total += u64::from(added);
        self.max_count_bound = self.max_count_bound.max(count);
    }

    /// Removes the posting at a position: the last one takes its place.
    pub(super) fn remove(&mut self, position: usize) {
        let Posting { item, count } = self.postings[position];
        // The bound stays. To lower it, every posting would have to be looked at.
        self.total -= u64::from(count);
        let last = self.postings.len() - 1;
        // In the table, forget the position, then enter it for the item of the last posting. Then move the
        // posting there.
        self.positions.remove(hash::id(item), position as u32);
        if position < last {
            let moved = self.postings[last].item;
            self.positions.replace(hash::id(moved), last as u32, position as u32);
        }
        self.postings.swap_remove(position);
        debug_assert!(self.positions.len() == self.postings.len(), "invariant 8");
    }

    /// Gives the posting at a position to another item, which has none.
    pub(super) fn rename(&mut self, position: usize, item: u32) {
        let old = std::mem::replace(&mut self.postings[position].item, item);
        self.positions.remove(hash::id(old), position as u32);
        let postings = &self.postings;
        let hash_of = |position| hash::id(postings[position as usize].item);
        self.positions.insert(hash::id(item), position as u32, hash_of);
    }

    /// Checks invariant 8 of one set.
    pub(super) fn internal_validate(&self) -> Validation {
        self.postings.internal_validate()?;
        let hash_of = |position| self.postings.get(position as usize).map(|posting| hash::id(posting.item));
        self.positions.internal_validate(hash_of)?;
        let counts = || self.postings.iter().map(|posting| posting.count);
        ensure(self.total == counts().map(u64::from).sum::<u64>(), "8: a hot total is not the sum")?;
        ensure(counts().all(|count| count <= self.max_count_bound), "8: a hot count is above the bound")?;
        // Every posting is found by its item, and the table has no further entries.
        let mut positions = self.postings.iter().enumerate();
        let is_found = positions.all(|(position, posting)| self.position(posting.item) == Some(position));
        ensure(
            is_found && self.positions.len() == self.postings.len(),
            "8: a hot posting is not found by its item",
        )
    }

    /// The memory of the postings and of the table.
    pub(super) fn footprint(&self) -> Footprint {
        self.postings.footprint() + self.positions.footprint()
    }

    /// Lets the server move the postings and the table.
    pub(super) fn move_by(&mut self, mover: &mut impl Mover) {
        self.postings.move_by(mover);
        self.positions.move_by(mover);
    }
}
