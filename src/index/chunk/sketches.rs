//! The sketches of a chunk's items: what each looked like, in a fixed number of one-byte slots.
//!
//! ```text
//!     numbers   (by item)   | 1 | - | 0 | - | 2 |                       item 2 has sketch 0
//!     runs      (by sketch) | 2: 7 9 0 4 2 | 0: 1 9 0 3 2 | 4: 5 5 8 6 1 |       SKETCH 5
//! ```
//!
//! Sketches lie side by side: when one is removed, the last one moves to its place. So they take no more
//! memory than their slots, and 8 bytes for each item that has one. A chunk of a scope without SKETCH keeps
//! nothing here.

use crate::index::memory::footprint::Footprint;
use crate::index::memory::invariant::{Validation, ensure};
use crate::index::memory::mover::Mover;
use crate::index::memory::runs::Runs;
use crate::index::memory::segmented_vec::SegmentedVec;

/// The number of an item that has no sketch.
const NONE: u32 = u32::MAX;

/// The sketches of one chunk, by the ids of their items.
#[derive(Debug)]
pub struct Sketches {
    /// The slots of a sketch; 0 if the chunk keeps none.
    length: u16,
    /// The number of each item's sketch, or [`NONE`]: up to the largest id that has had one.
    numbers: SegmentedVec<u32>,
    /// The slots of each sketch, with its item.
    runs: Runs<u8>,
}

impl Default for Sketches {
    fn default() -> Sketches {
        Sketches::new(0)
    }
}

impl Sketches {
    /// No sketches yet, of `length` slots each: 0 to keep none, or up to 4096.
    pub fn new(length: u16) -> Sketches {
        Sketches { length, numbers: SegmentedVec::default(), runs: Runs::new(length.max(1).into()) }
    }

    /// The slots of a sketch; 0 if none is kept.
    pub fn length(&self) -> u16 {
        self.length
    }

    /// The slots of an item, if it has a sketch.
    #[inline]
    pub fn get(&self, item: u32) -> Option<&[u8]> {
        Some(self.runs.run(self.number(item)?, self.length.into()))
    }

    fn number(&self, item: u32) -> Option<u32> {
        self.numbers.get(item as usize).copied().filter(|number| *number != NONE)
    }

    fn set_number(&mut self, item: u32, number: u32) {
        while self.numbers.len() <= item as usize {
            self.numbers.push(NONE);
        }
        self.numbers[item as usize] = number;
    }

    /// Keeps the sketch of an item that has none.
    pub fn add(&mut self, item: u32, sketch: &[u8]) {
        debug_assert!(sketch.len() == usize::from(self.length) && !sketch.is_empty(), "invariant 13");
        debug_assert!(self.number(item).is_none(), "an item gets a second sketch");
        let number = self.runs.push(item);
        self.runs.run_mut(number, sketch.len()).copy_from_slice(sketch);
        self.set_number(item, number);
    }

    /// Removes the sketch of an item, if it has one.
    pub fn remove(&mut self, item: u32) {
        let Some(number) = self.number(item) else { return };
        self.numbers[item as usize] = NONE;
        // The last sketch moves to the place that is free now, unless it was the last itself.
        if let Some(owner) = self.runs.swap_remove(number) {
            self.numbers[owner as usize] = number;
        }
    }

    /// Forgets the items from `end` on, none of which has a sketch.
    pub fn cut(&mut self, end: u32) {
        while self.numbers.len() > end as usize {
            let number = self.numbers.pop();
            debug_assert!(number == Some(NONE), "invariant 13: an item is gone, and its sketch is not");
        }
    }

    /// Moves the sketch of one item to another, which loses its own if it has one.
    pub fn hand_over(&mut self, from: u32, to: u32) {
        self.remove(to);
        let Some(number) = self.number(from) else { return };
        self.numbers[from as usize] = NONE;
        self.set_number(to, number);
        self.runs.set_owner(number, to);
    }

    /// The memory of all sketches.
    pub fn footprint(&self) -> Footprint {
        self.numbers.footprint() + self.runs.footprint()
    }

    /// Lets the server move all sketches.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.numbers.move_by(mover);
        self.runs.move_by(mover);
    }

    /// Checks invariant 13. `is_item` returns true for the id of an item of the chunk.
    pub fn internal_validate(&self, is_item: impl Fn(u32) -> bool) -> Validation {
        self.numbers.internal_validate()?;
        self.runs.internal_validate()?;
        let owners = || (0..self.runs.len()).map(|number| (number, self.runs.owner(number)));
        ensure(
            owners().all(|(number, owner)| is_item(owner) && self.number(owner) == Some(number)),
            "13: a sketch belongs to no item, or to two",
        )?;
        let with_sketch = self.numbers.iter().filter(|number| **number != NONE).count();
        ensure(with_sketch == self.runs.len() as usize, "13: an item has a sketch that is not there")
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
        (0..ITEMS).for_each(|item| sketches.add(item, &sketch(item)));
        let is_item = |item: u32| item < ITEMS;
        assert_eq!(sketches.internal_validate(is_item), Ok(()));
        (0..ITEMS).filter(|item| item % 3 != 0).for_each(|item| sketches.remove(item));
        assert_eq!(sketches.internal_validate(|item| is_item(item) && item % 3 == 0), Ok(()));
        for item in 0..ITEMS {
            let expected = (item % 3 == 0).then(|| sketch(item));
            assert_eq!(sketches.get(item), expected.as_deref(), "{item}");
        }
        (0..ITEMS).for_each(|item| sketches.remove(item));
        assert_eq!(sketches.runs.len(), 0);
        sketches.cut(0);
        assert_eq!(sketches.footprint(), Footprint::default());
        sketches.add(5, &sketch(1));
        assert_eq!(sketches.get(5), Some(&sketch(1)[..]));
    }

    #[test]
    fn a_sketch_that_is_handed_over_replaces_the_other() {
        let mut sketches = Sketches::new(300);
        (0..3).for_each(|item| sketches.add(item, &sketch(item)));
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
}
