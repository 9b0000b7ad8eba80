//! Bounds on the items of a chunk, for each range of 128 ids: the most observations that one of them has, and
//! the earliest arrival.
//!
//! A search among a million copies has a million items with the best score that is possible. Its results are
//! those with the most observations and, of these, the earliest. The bounds tell which ranges can hold one, so
//! that the search looks at these ranges only. Search engines keep such bounds for blocks of a posting list
//! (block-max indexes: Ding and Suel, "Faster top-k document retrieval using block-max indexes", 2011). Here
//! the blocks are of items: an observation then changes one bound, and not one for each bucket of its item.

use crate::index::memory::footprint::Footprint;
use crate::index::memory::invariant::{Validation, ensure};
use crate::index::memory::mover::Mover;
use crate::index::memory::segmented_vec::SegmentedVec;
use std::ops::Range;

/// Bounds on the items of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeBound {
    /// No item has more observations. 0 if the range has no item.
    pub max_observations: u32,
    /// No item arrived before.
    pub earliest_arrival: u64,
}

impl RangeBound {
    /// Bounds that also hold for an item with these observations and this arrival.
    fn including(self, observations: u32, arrival: u64) -> RangeBound {
        RangeBound {
            max_observations: self.max_observations.max(observations),
            earliest_arrival: self.earliest_arrival.min(arrival),
        }
    }
}

/// The bounds of a range without items.
const EMPTY: RangeBound = RangeBound { max_observations: 0, earliest_arrival: u64::MAX };

/// The bounds of all ranges of a chunk, in the order of their ids.
#[derive(Debug, Default)]
pub struct Bounds(SegmentedVec<RangeBound>);

impl Bounds {
    /// The ids of a range.
    pub const RANGE: u32 = 128;

    /// The ids of the range with this number.
    pub fn ids(number: usize) -> Range<u32> {
        let first = number as u32 * Bounds::RANGE;
        first..first + Bounds::RANGE
    }

    /// The ids of the range that an id is in.
    pub fn range_of(id: u32) -> Range<u32> {
        Bounds::ids((id / Bounds::RANGE) as usize)
    }

    /// All bounds.
    pub fn iter(&self) -> impl Iterator<Item = RangeBound> {
        self.0.iter().copied()
    }

    /// Widens the bounds of an id's range so that they hold for an item with these observations and this arrival.
    #[inline]
    pub fn include(&mut self, id: u32, observations: u32, arrival: u64) {
        let number = (id / Bounds::RANGE) as usize;
        while self.0.len() <= number {
            self.0.push(EMPTY);
        }
        self.0[number] = self.0[number].including(observations, arrival);
    }

    /// True if the bounds of an id's range may have been those of an item that is removed now. One observation
    /// is the least that an item has, so that bound holds for any other item as well.
    pub fn may_rest_on(&self, id: u32, observations: u32, arrival: u64) -> bool {
        let bound = &self.0[(id / Bounds::RANGE) as usize];
        (observations > 1 && observations == bound.max_observations) || arrival == bound.earliest_arrival
    }

    /// Makes the bounds of an id's range those of some items, given by observations and arrival.
    pub fn replace(&mut self, id: u32, items: impl Iterator<Item = (u32, u64)>) {
        let including = |bound: RangeBound, (observations, arrival)| bound.including(observations, arrival);
        self.0[(id / Bounds::RANGE) as usize] = items.fold(EMPTY, including);
    }

    /// Removes the ranges that have no id below `end`.
    pub fn cut(&mut self, end: u32) {
        while self.0.len() > end.div_ceil(Bounds::RANGE) as usize {
            self.0.pop();
        }
    }

    /// The memory of all bounds.
    pub fn footprint(&self) -> Footprint {
        self.0.footprint()
    }

    /// Lets the server move all bounds.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.0.move_by(mover);
    }

    /// Checks invariant 14 for all items: id, observations and arrival of each.
    pub fn internal_validate(&self, mut items: impl Iterator<Item = (u32, u32, u64)>) -> Validation {
        self.0.internal_validate()?;
        let holds = |(id, observations, arrival): (u32, u32, u64)| {
            let bound = self.0.get((id / Bounds::RANGE) as usize).unwrap_or(&EMPTY);
            observations <= bound.max_observations && arrival >= bound.earliest_arrival
        };
        ensure(items.all(holds), "14: an item is outside the bounds of its range")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_bounded_by_the_items_that_are_left() {
        let mut bounds = Bounds::default();
        for (id, observations, arrival) in [(0, 1, 0), (5, 7, 1), (130, 2, 2)] {
            bounds.include(id, observations, arrival);
        }
        let of = |max_observations, earliest_arrival| RangeBound { max_observations, earliest_arrival };
        assert!(bounds.iter().eq([of(7, 0), of(2, 2)]));
        assert!(bounds.may_rest_on(5, 7, 1) && bounds.may_rest_on(0, 1, 0) && !bounds.may_rest_on(6, 1, 3));
        bounds.replace(5, [(1, 0)].into_iter());
        bounds.include(300, 1, 9);
        bounds.cut(256);
        bounds.replace(130, std::iter::empty());
        assert!(bounds.iter().eq([of(1, 0), EMPTY]));
        assert_eq!(bounds.internal_validate([(0, 1, 0)].into_iter()), Ok(()));
        let outside = Err("14: an item is outside the bounds of its range");
        assert_eq!(bounds.internal_validate([(0, 2, 0)].into_iter()), outside);
        assert_eq!(bounds.internal_validate([(400, 1, 0)].into_iter()), outside);
    }
}
