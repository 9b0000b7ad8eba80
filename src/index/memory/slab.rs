//! A slab: records by dense ids.
//!
//! ```text
//!     id          0         1         2         3         4
//!             +---------+---------+---------+---------+---------+
//!             | record  | record  |  hole   | record  | record  |     remove(2)
//!             +---------+---------+----^----+---------+----|----+
//!                                      '-------------------'          fill_hole() = (4, 2)
//! ```
//!
//! A removal leaves a hole, and then the last record moves there. It gets another id by that, and whoever names it by
//! its old one has to be told: that is why the two steps are apart. So the ids stay dense, and memory at the end is
//! given back.
//!
//! # Records that stay
//! Telling everyone may take long: a bucket may have a million members. Such a record is *fixed*: it does not move. If
//! one were the last, the holes before it could not be filled. So a record that becomes fixed moves once, there and
//! then, to one of the ids that are reserved for this: every 256th. If none of them is free before it, it stays where it
//! is; then there are so many fixed records that the holes between them weigh little, as a fixed record is a large one.
//! New records fill the holes.
//!
//! A record only ever moves to a smaller id. Whoever goes through the records from the last to the first therefore
//! misses none, however many are removed meanwhile.

use super::footprint::Footprint;
use super::invariant::{Validation, ensure};
use super::mover::Mover;
use super::segmented_vec::SegmentedVec;
use std::ops::{Index, IndexMut};

/// A record of a slab.
pub trait Record {
    /// A record that is not in use.
    fn hole() -> Self;
    /// True if the record is not in use.
    fn is_hole(&self) -> bool;
    /// True if the record must not move, because too many others refer to it.
    fn is_fixed(&self) -> bool;
}

/// Records by id.
#[derive(Debug)]
pub struct Slab<R> {
    records: SegmentedVec<R>,
    /// The number of holes, but for reserved ids.
    holes: u32,
    /// No smaller id is one of these holes.
    hole_hint: u32,
    /// No smaller reserved id is free.
    reserved_hint: u32,
}

/// Of this many ids the last one is reserved for a record that is fixed.
const RESERVED: u32 = 256;

fn is_reserved(id: u32) -> bool {
    id % RESERVED == RESERVED - 1
}

impl<R> Default for Slab<R> {
    fn default() -> Self {
        Slab { records: SegmentedVec::default(), holes: 0, hole_hint: 0, reserved_hint: RESERVED - 1 }
    }
}

impl<R: Record> Slab<R> {
    /// Adds a record and returns its id.
    pub fn insert(&mut self, record: R) -> u32 {
        debug_assert!(!record.is_hole(), "a record in use says that it is a hole");
        if self.holes > 0 {
            let id = self.first_hole();
            self.use_hole(id, record);
            return id;
        }
        if is_reserved(self.end()) {
            self.records.push(R::hole());
        }
        self.records.push(record);
        self.end() - 1
    }

    /// The first hole that is not reserved. There must be one.
    fn first_hole(&mut self) -> u32 {
        while !self[self.hole_hint].is_hole() || is_reserved(self.hole_hint) {
            self.hole_hint += 1;
        }
        self.hole_hint
    }

    /// Writes a record to a hole.
    fn use_hole(&mut self, id: u32, record: R) {
        debug_assert!(self[id].is_hole(), "invariant 6: a record moves to one that is in use");
        self.holes -= u32::from(!is_reserved(id));
        self[id] = record;
    }

    /// Takes a record, and leaves a hole.
    fn take(&mut self, id: u32) -> R {
        let record = std::mem::replace(&mut self[id], R::hole());
        debug_assert!(!record.is_hole(), "invariant 6: a record is removed twice");
        if is_reserved(id) {
            self.reserved_hint = self.reserved_hint.min(id);
        } else {
            self.hole_hint = if self.holes == 0 { id } else { self.hole_hint.min(id) };
            self.holes += 1;
        }
        record
    }

    /// Gives up holes at the end.
    fn cut_end(&mut self) {
        while let Some(last) = self.end().checked_sub(1).filter(|last| self[*last].is_hole()) {
            self.records.pop();
            self.holes -= u32::from(!is_reserved(last));
        }
    }

    /// Removes the record with an id, which must be in use, and returns it. [`Self::fill_hole`] must be called next.
    pub fn remove(&mut self, id: u32) -> R {
        let record = self.take(id);
        if id + 1 == self.end() {
            self.cut_end();
        }
        record
    }

    /// Moves the last record to a hole, if there is one and the record may move. Returns the record's old id and its
    /// new one. Two calls for each removal fill all holes in the end.
    pub fn fill_hole(&mut self) -> Option<(u32, u32)> {
        let last = self.end().checked_sub(1).filter(|last| self.holes > 0 && !self[*last].is_fixed())?;
        let hole = self.first_hole();
        self.move_record(last, hole);
        Some((last, hole))
    }

    /// Moves a record to a hole, and leaves one behind.
    pub fn move_record(&mut self, from: u32, to: u32) {
        debug_assert!(to < from, "a record moves to a larger id");
        let record = self.take(from);
        self.use_hole(to, record);
        self.cut_end();
    }

    /// The reserved id that a record should move to which has just become fixed. `None` if it stays where it is.
    pub fn place_for_fixed(&mut self, id: u32) -> Option<u32> {
        while self.reserved_hint < id && !self[self.reserved_hint].is_hole() {
            self.reserved_hint += RESERVED;
        }
        Some(self.reserved_hint).filter(|place| *place < id && !is_reserved(id))
    }

    /// True if ids of 32 bits are enough for this many more records.
    pub fn has_capacity_for(&self, additional: usize) -> bool {
        // Of the ids, some are reserved.
        self.records.len() + additional + additional / 128 + 1 < u32::MAX as usize
    }

    /// One more than the largest id.
    pub fn end(&self) -> u32 {
        self.records.len() as u32
    }

    /// True if an id is in use.
    pub fn contains(&self, id: u32) -> bool {
        self.records.get(id as usize).is_some_and(|record| !record.is_hole())
    }

    /// The ids in use, ascending.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = u32> {
        (0..self.end()).filter(|id| self.contains(*id))
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
        let is_counted = |id: &u32| self[*id].is_hole() && !is_reserved(*id);
        let holes = (0..self.end()).filter(is_counted).count();
        ensure(holes == self.holes as usize, "6: a slab has another number of holes than it says")?;
        let last = self.end().checked_sub(1).map(|last| &self[last]);
        ensure(last.is_none_or(|last| !last.is_hole()), "6: the last record is a hole")?;
        let is_hint = self.holes == 0 || (0..self.hole_hint.min(self.end())).all(|id| !is_counted(&id));
        let reserved = (RESERVED - 1..self.reserved_hint.min(self.end())).step_by(RESERVED as usize);
        let is_taken = reserved.into_iter().all(|id| !self[id].is_hole());
        ensure(is_hint && is_taken, "6: a hole is before the first one")
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

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Number {
        Movable(u32),
        Fixed(u32),
        Hole,
    }

    impl Record for Number {
        fn hole() -> Self {
            Number::Hole
        }

        fn is_hole(&self) -> bool {
            *self == Number::Hole
        }

        fn is_fixed(&self) -> bool {
            matches!(self, Number::Fixed(_))
        }
    }

    fn filled() -> Slab<Number> {
        let mut slab = Slab::default();
        assert!((0..10).all(|n| slab.insert(Number::Movable(n)) == n));
        slab
    }

    #[test]
    fn the_last_record_moves_to_the_hole() {
        let mut slab = filled();
        assert_eq!((slab.remove(3), slab.fill_hole()), (Number::Movable(3), Some((9, 3))));
        assert_eq!((slab.remove(8), slab.fill_hole()), (Number::Movable(8), None));
        assert_eq!((slab.end(), slab[3], slab.internal_validate()), (8, Number::Movable(9), Ok(())));
        (0..8).rev().for_each(|id| _ = slab.remove(id));
        assert_eq!(
            (slab.end(), slab.footprint(), slab.internal_validate()),
            (0, Footprint::default(), Ok(()))
        );
    }

    #[test]
    fn a_record_that_stays_moves_to_a_reserved_id_and_holes_are_used_again() {
        let mut slab = Slab::default();
        let ids: Vec<u32> = (0..600).map(|n| slab.insert(Number::Movable(n))).collect();
        assert!(ids.iter().all(|id| !is_reserved(*id)) && slab.end() == 602);
        // The first two that are to stay move to the reserved ids, and the third stays where it is.
        for (id, place) in [(601, Some(255)), (300, None), (600, Some(511)), (400, None), (599, None)] {
            slab[id] = Number::Fixed(id);
            assert_eq!(slab.place_for_fixed(id), place);
            place.into_iter().for_each(|place| slab.move_record(id, place));
            assert_eq!(slab.internal_validate(), Ok(()));
        }
        assert_eq!(slab.end(), 600);
        // Without others, it keeps the holes before it open. New records fill them.
        for id in (0..599).filter(|id| ![255, 300, 400, 511].contains(id)) {
            slab.remove(id);
            assert_eq!(slab.fill_hole(), None);
        }
        assert_eq!((slab.end(), slab.holes, slab.internal_validate()), (600, 595, Ok(())));
        assert_eq!([20, 21, 22].map(|n| slab.insert(Number::Movable(n))), [0, 1, 2]);
        slab.remove(1);
        assert_eq!([23, 24].map(|n| slab.insert(Number::Movable(n))), [1, 3]);
        // When it goes, the holes at the end go, too.
        slab.remove(599);
        assert_eq!((slab.end(), slab.fill_hole(), slab.internal_validate()), (512, None, Ok(())));
        slab.remove(511);
        slab.remove(400);
        slab.remove(300);
        assert_eq!((slab.end(), slab.internal_validate()), (256, Ok(())));
        slab.remove(255);
        assert_eq!((slab.end(), slab.holes, slab.internal_validate()), (4, 0, Ok(())));
    }

    #[test]
    fn all_holes_are_filled_once_the_last_record_may_move() {
        let mut slab = Slab::default();
        (0..600).for_each(|n| _ = slab.insert(Number::Movable(n)));
        slab[601] = Number::Fixed(601); // as if no reserved id were free
        (0..100).for_each(|id| _ = slab.remove(id));
        assert_eq!(slab.fill_hole(), None);
        slab[601] = Number::Movable(601);
        for id in 100..200 {
            slab.remove(id);
            assert!(
                [slab.fill_hole(), slab.fill_hole()]
                    .iter()
                    .all(|moved| moved.is_some_and(|(from, to)| to < from))
            );
        }
        assert_eq!((slab.holes, slab.end(), slab.internal_validate()), (0, 401, Ok(())));
    }

    #[test]
    fn the_validator_names_what_is_wrong() {
        let broken = |break_it: fn(&mut Slab<Number>)| {
            let mut slab = filled();
            break_it(&mut slab);
            slab.internal_validate().expect_err("broken")
        };
        assert_eq!(
            broken(|slab| slab[7] = Number::Hole),
            "6: a slab has another number of holes than it says"
        );
        assert_eq!(
            broken(|slab| {
                slab.records.push(Number::Hole);
                slab.holes += 1;
            }),
            "6: the last record is a hole"
        );
        assert_eq!(
            broken(|slab| {
                slab.remove(3);
                slab.hole_hint = 4;
            }),
            "6: a hole is before the first one"
        );
    }
}
