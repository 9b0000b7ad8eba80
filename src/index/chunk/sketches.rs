//! The sketches of a chunk's items: what each looked like, in a fixed number of one-byte slots.
//!
//! ```text
//!     kept     (by item)   | 1, likeness 0 | - | 0, likeness 7 | - | 2, likeness 0 |      items 0 and 4 are copies
//!     slots    (by sketch) | 7 9 0 4 2 | 1 9 0 3 2 | 1 9 0 3 2 |                          SKETCH 5
//!     owners   (by sketch) | 2         | 0         | 4         |
//! ```
//!
//! Sketches lie side by side: when one is removed, the last one moves to its place. So they take no more
//! memory than their slots, and 12 bytes for each item that has one. A chunk of a scope without SKETCH keeps
//! nothing here.
//!
//! Sketches of the same *likeness* are equal. So a search among a million copies compares the slots of one of them,
//! and reads a number of each other: a thirtieth of the memory. Equal sketches may have different likenesses, because a
//! new sketch is compared with one other only, that of the item which is the likeliest to be its copy.

use crate::index::memory::footprint::Footprint;
use crate::index::memory::invariant::{Validation, ensure};
use crate::index::memory::mover::Mover;
use crate::index::memory::runs::Runs;
use crate::index::memory::segmented_vec::SegmentedVec;
use std::collections::HashMap;

/// What is kept of an item.
#[derive(Debug, Clone, Copy)]
struct Kept {
    /// The number of its sketch, or [`NONE`].
    number: u32,
    /// The likeness of its sketch, or [`UNLIKE`].
    likeness: u32,
}

/// The number of an item that has no sketch.
const NONE: u32 = u32::MAX;
/// The likeness of a sketch that is not known to equal any other.
const UNLIKE: u32 = u32::MAX;
/// Nothing is kept.
const NOTHING: Kept = Kept { number: NONE, likeness: UNLIKE };

/// The sketches of one chunk, by the ids of their items.
#[derive(Debug)]
pub struct Sketches {
    /// The slots of a sketch; 0 if the chunk keeps none.
    length: u16,
    /// What is kept of each item, up to the largest id that has had a sketch.
    kept: SegmentedVec<Kept>,
    /// The slots of each sketch.
    slots: Runs<u8, false>,
    /// The item of each sketch.
    owners: SegmentedVec<u32>,
    /// The likeness of the next sketch that is like no other: [`UNLIKE`] when all are used up.
    next_likeness: u32,
}

impl Default for Sketches {
    fn default() -> Sketches {
        Sketches::new(0)
    }
}

impl Sketches {
    /// No sketches yet, of `length` slots each: 0 to keep none, or up to 4096.
    pub fn new(length: u16) -> Sketches {
        Sketches {
            length,
            kept: SegmentedVec::default(),
            slots: Runs::new(length.max(1).into()),
            owners: SegmentedVec::default(),
            next_likeness: 0,
        }
    }

    /// The slots of a sketch; 0 if none is kept.
    pub fn length(&self) -> u16 {
        self.length
    }

    /// What is kept of an item, if it has a sketch.
    #[inline]
    fn kept(&self, item: u32) -> Option<Kept> {
        self.kept.get(item as usize).copied().filter(|kept| kept.number != NONE)
    }

    /// The slots of an item, if it has a sketch.
    #[inline]
    pub fn get(&self, item: u32) -> Option<&[u8]> {
        Some(self.slots.run(self.kept(item)?.number, self.length.into()))
    }

    /// The likeness of an item's sketch. `None` if it has none, or if the sketch is not known to equal any other.
    #[inline]
    pub fn likeness(&self, item: u32) -> Option<u32> {
        self.kept(item).map(|kept| kept.likeness).filter(|likeness| *likeness != UNLIKE)
    }

    fn set_kept(&mut self, item: u32, kept: Kept) {
        while self.kept.len() <= item as usize {
            self.kept.push(NOTHING);
        }
        self.kept[item as usize] = kept;
    }

    /// Keeps the sketch of an item that has none. It is compared with the sketch of `other`, an item.
    pub fn add(&mut self, item: u32, sketch: &[u8], other: Option<u32>) {
        debug_assert!(sketch.len() == usize::from(self.length) && !sketch.is_empty(), "invariant 13");
        debug_assert!(self.kept(item).is_none(), "an item gets a second sketch");
        let copied = other.filter(|other| self.get(*other) == Some(sketch));
        let likeness = copied.and_then(|other| self.likeness(other)).unwrap_or_else(|| {
            let likeness = self.next_likeness;
            self.next_likeness = likeness.saturating_add(1);
            likeness
        });
        let number = self.slots.push_copy(sketch);
        self.owners.push(item);
        self.set_kept(item, Kept { number, likeness });
    }

    /// Removes the sketch of an item, if it has one.
    pub fn remove(&mut self, item: u32) {
        let Some(Kept { number, .. }) = self.kept(item) else { return };
        self.kept[item as usize] = NOTHING;
        // The last sketch moves to the place that is free now, unless it was the last itself.
        self.slots.swap_remove(number);
        self.owners.swap_remove(number as usize);
        if let Some(owner) = self.owners.get(number as usize) {
            self.kept[*owner as usize].number = number;
        }
    }

    /// Forgets the items from `end` on, none of which has a sketch.
    pub fn cut(&mut self, end: u32) {
        while self.kept.len() > end as usize {
            let kept = self.kept.pop();
            debug_assert!(
                kept.is_some_and(|kept| kept.number == NONE),
                "invariant 13: an item is gone, and its sketch is not"
            );
        }
    }

    /// Moves the sketch of one item to another, which loses its own if it has one.
    pub fn hand_over(&mut self, from: u32, to: u32) {
        self.remove(to);
        let Some(kept) = self.kept(from) else { return };
        self.kept[from as usize] = NOTHING;
        self.set_kept(to, kept);
        self.owners[kept.number as usize] = to;
    }

    /// The memory of all sketches.
    pub fn footprint(&self) -> Footprint {
        self.kept.footprint() + self.slots.footprint() + self.owners.footprint()
    }

    /// Lets the server move all sketches.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.kept.move_by(mover);
        self.slots.move_by(mover);
        self.owners.move_by(mover);
    }

    /// Checks invariant 13. `is_item` returns true for the id of an item of the chunk.
    pub fn internal_validate(&self, is_item: impl Fn(u32) -> bool) -> Validation {
        self.kept.internal_validate()?;
        self.slots.internal_validate()?;
        self.owners.internal_validate()?;
        let number_of = |item| self.kept(item).map(|kept| kept.number);
        ensure(
            (0..)
                .zip(self.owners.iter())
                .all(|(number, owner)| is_item(*owner) && number_of(*owner) == Some(number)),
            "13: a sketch belongs to no item, or to two",
        )?;
        let with_sketch = self.kept.iter().filter(|kept| kept.number != NONE).count();
        ensure(
            with_sketch == self.owners.len() && with_sketch == self.slots.len() as usize,
            "13: an item has a sketch that is not there",
        )?;
        let mut alike: HashMap<u32, &[u8]> = HashMap::new();
        let is_alike = |item: &u32| {
            let known = self.likeness(*item).zip(self.get(*item));
            known.is_none_or(|(likeness, slots)| *alike.entry(likeness).or_insert(slots) == slots)
        };
        ensure(self.owners.iter().all(is_alike), "13: sketches of one likeness differ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sketch of 300 slots, of which a block does not hold a whole number.
    fn sketch(number: u32) -> Vec<u8> {
        (0..300).map(|slot| (number * 7 + slot) as u8).collect()
    }

    #[test]
    fn a_sketch_is_found_until_it_is_removed_whatever_moves() {
        const ITEMS: u32 = 8_000; // many blocks
        let mut sketches = Sketches::new(300);
        (0..ITEMS).for_each(|item| sketches.add(item, &sketch(item), None));
        let is_item = |item: u32| item < ITEMS;
        assert_eq!(sketches.internal_validate(is_item), Ok(()));
        (0..ITEMS).filter(|item| item % 3 != 0).for_each(|item| sketches.remove(item));
        assert_eq!(sketches.internal_validate(|item| is_item(item) && item % 3 == 0), Ok(()));
        for item in 0..ITEMS {
            let expected = (item % 3 == 0).then(|| sketch(item));
            assert_eq!(sketches.get(item), expected.as_deref(), "{item}");
        }
        (0..ITEMS).for_each(|item| sketches.remove(item));
        assert_eq!(sketches.slots.len(), 0);
        sketches.cut(0);
        assert_eq!(sketches.footprint(), Footprint::default());
        sketches.add(5, &sketch(1), None);
        assert_eq!(sketches.get(5), Some(&sketch(1)[..]));
    }

    #[test]
    fn a_sketch_that_is_handed_over_replaces_the_other() {
        let mut sketches = Sketches::new(300);
        (0..3).for_each(|item| sketches.add(item, &sketch(item), None));
        sketches.hand_over(0, 2);
        assert_eq!((sketches.get(0), sketches.get(2)), (None, Some(&sketch(0)[..])));
        sketches.hand_over(2, 9);
        assert_eq!((sketches.get(2), sketches.get(9)), (None, Some(&sketch(0)[..])));
        sketches.hand_over(4, 1); // has none: the other loses its own
        assert_eq!(sketches.get(1), None);
        assert_eq!(sketches.internal_validate(|item| item == 9), Ok(()));
        assert_eq!(
            sketches.internal_validate(|item| item != 9),
            Err("13: a sketch belongs to no item, or to two")
        );
    }

    #[test]
    fn equal_sketches_are_of_one_likeness_if_they_were_compared() {
        let mut sketches = Sketches::new(300);
        sketches.add(0, &sketch(1), None);
        sketches.add(1, &sketch(1), Some(0));
        sketches.add(2, &sketch(2), Some(1));
        sketches.add(3, &sketch(1), None);
        sketches.add(4, &sketch(1), Some(9)); // has none
        assert_eq!(
            [0, 1, 2, 3, 4, 9].map(|item| sketches.likeness(item)),
            [Some(0), Some(0), Some(1), Some(2), Some(3), None]
        );
        sketches.hand_over(1, 2);
        sketches.remove(0);
        sketches.add(0, &sketch(2), Some(2));
        assert_eq!([0, 1, 2].map(|item| sketches.likeness(item)), [Some(4), None, Some(0)]);
        assert_eq!(sketches.internal_validate(|item| item < 5), Ok(()));
        // After 2^32 sketches, none is like another.
        sketches.next_likeness = UNLIKE;
        (5..7).for_each(|item| sketches.add(item, &sketch(item), Some(item - 1)));
        assert_eq!([5, 6].map(|item| sketches.likeness(item)), [None; 2]);
        assert_eq!(sketches.internal_validate(|item| item < 7), Ok(()));
        sketches.kept[4].likeness = 4;
        assert_eq!(sketches.internal_validate(|item| item < 7), Err("13: sketches of one likeness differ"));
    }
}
