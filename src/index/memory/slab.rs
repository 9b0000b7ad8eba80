//! A slab: records with small ids that are used again after a removal.
//!
//! ```text
//!     id          0         1         2         3         4
//!             +---------+---------+---------+---------+---------+
//!             | record  | free, 3 | record  | free, - | record  |
//!             +---------+----|----+---------+--^------+---------+
//!     first_free = 1 --------'-----------------'
//! ```
//!
//! Each free record holds the id of the next free one, so the free list takes no memory of its own. The record
//! that was freed last is used first. Because ids are used again they stay small, and fit 32 bits wherever they
//! are stored.

use super::footprint::Footprint;
use super::invariant::{Validation, ensure};
use super::mover::Mover;
use super::segmented_vec::SegmentedVec;
use std::ops::{Index, IndexMut};

/// The id that ends the free list.
const NONE: u32 = u32::MAX;

/// A record of a slab. It has a state in which it is free, and then holds a link to the next free record.
pub trait Record {
    /// A free record with a link to the next one.
    fn free(next: u32) -> Self;
    /// The link if the record is free, `None` if it is in use.
    fn next_free(&self) -> Option<u32>;
}

/// Records by id.
#[derive(Debug)]
pub struct Slab<R> {
    records: SegmentedVec<R>,
    /// The id of the record that was freed last, or [`NONE`].
    first_free: u32,
}

impl<R> Default for Slab<R> {
    fn default() -> Self {
        Slab { records: SegmentedVec::default(), first_free: NONE }
    }
}

impl<R: Record> Slab<R> {
    /// Adds a record and returns its id.
    pub fn insert(&mut self, record: R) -> u32 {
        debug_assert!(record.next_free().is_none(), "a record in use says that it is free");
        // Without a free record, add one at the end.
        if self.first_free == NONE {
            self.records.push(record);
            return self.end() - 1;
        }
        // Else take the first one off the free list: the record that it links to is the new first.
        let id = self.first_free;
        let free = std::mem::replace(&mut self[id], record);
        debug_assert!(free.next_free().is_some(), "invariant 6");
        self.first_free = free.next_free().unwrap_or(NONE);
        id
    }

    /// Removes the record with an id, which must be in use, and returns it.
    pub fn remove(&mut self, id: u32) -> R {
        let free = R::free(self.first_free);
        let record = std::mem::replace(&mut self[id], free);
        debug_assert!(record.next_free().is_none(), "invariant 6: a record is freed twice");
        self.first_free = id;
        record
    }

    /// One more than the largest id, in use or free.
    pub fn end(&self) -> u32 {
        self.records.len() as u32
    }

    /// True if an id is in use.
    pub fn contains(&self, id: u32) -> bool {
        self.records.get(id as usize).is_some_and(|record| record.next_free().is_none())
    }

    /// The ids in use, ascending.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        (0..self.end()).filter(|id| self.contains(*id))
    }

    /// The records in use, by ascending id.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.records.iter().filter(|record| record.next_free().is_none())
    }

    /// [`Self::iter`], to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut R> {
        self.records.iter_mut().filter(|record| record.next_free().is_none())
    }

    /// The memory of the records, without the memory that they own.
    pub fn footprint(&self) -> Footprint {
        self.records.footprint()
    }

    /// Lets the server move the records. The memory that they own is for the caller to move.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.records.move_by(mover);
    }

    /// Checks invariants 6 and 12 of [`crate::index::chunk`].
    pub fn internal_validate(&self) -> Validation {
        self.records.internal_validate()?;
        // Follow the free list, and compare its length with the number of free records. A list that is longer
        // has a ring in it.
        let free = self.records.iter().filter(|record| record.next_free().is_some()).count();
        let mut id = self.first_free;
        let mut listed = 0;
        while id != NONE {
            let next = self.records.get(id as usize).and_then(Record::next_free);
            ensure(next.is_some(), "6: the free list names a record that is in use")?;
            listed += 1;
            ensure(listed <= free, "6: the free list names a record twice")?;
            id = next.unwrap_or(NONE);
        }
        ensure(listed == free, "6: a free record is not on the free list")
    }
}

impl<R> Index<u32> for Slab<R> {
    type Output = R;
    #[inline]
    fn index(&self, id: u32) -> &R {
        &self.records[id as usize]
    }
}

impl<R> IndexMut<u32> for Slab<R> {
    #[inline]
    fn index_mut(&mut self, id: u32) -> &mut R {
        &mut self.records[id as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Number {
        Used(u32),
        Free(u32),
    }

    impl Record for Number {
        fn free(next: u32) -> Self {
            Number::Free(next)
        }

        fn next_free(&self) -> Option<u32> {
            match self {
                Number::Used(_) => None,
                Number::Free(next) => Some(*next),
            }
        }
    }

    fn filled() -> Slab<Number> {
        let mut slab = Slab::default();
        assert!((0..10).all(|n| slab.insert(Number::Used(n)) == n));
        [3, 7, 5].into_iter().for_each(|id| assert_eq!(slab.remove(id), Number::Used(id)));
        slab
    }

    #[test]
    fn the_id_that_was_freed_last_is_used_first() {
        let mut slab = filled();
        assert!(slab.ids().eq([0, 1, 2, 4, 6, 8, 9]) && slab.iter().count() == 7);
        assert_eq!(slab.internal_validate(), Ok(()));
        let ids: Vec<u32> = (0..4).map(|n| slab.insert(Number::Used(n))).collect();
        assert_eq!(ids, [5, 7, 3, 10]);
        assert_eq!(slab.internal_validate(), Ok(()));
    }

    #[test]
    fn the_validator_names_a_free_list_that_is_wrong() {
        let broken = |break_it: fn(&mut Slab<Number>)| {
            let mut slab = filled();
            break_it(&mut slab);
            slab.internal_validate().expect_err("broken")
        };
        assert_eq!(
            broken(|slab| slab[7] = Number::Used(7)),
            "6: the free list names a record that is in use"
        );
        assert_eq!(broken(|slab| slab[3] = Number::Free(5)), "6: the free list names a record twice");
        assert_eq!(broken(|slab| slab.first_free = 3), "6: a free record is not on the free list");
    }
}
