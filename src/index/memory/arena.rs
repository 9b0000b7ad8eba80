//! An arena of runs: elements in flat memory, with segregated free lists by size class.
//!
//! Names, buckets and short lists are runs of a few elements, millions of them. If each were an allocation, it
//! would cost the allocator's overhead, and a call to free it. Here they are cut from one [`SegmentedVec`], in
//! the sizes of [`size_class`], as jemalloc cuts its pages: a freed run goes on the stack of its class, and the
//! next run of that class comes from there.
//!
//! ```text
//!     elements    | run, 8 | free, 8 | run, 5 | free, 5 | free, 8 | run, 12    | never cut yet ...
//!                 0        8         16       21        26        34           46
//!
//!     tops[5]    --> (21, NONE)                    a stack for each class:
//!     tops[8]    --> (26, |) --> (8, NONE)         the start of a run, and the entry below
//!     unused_top --> entries on no class's stack, linked in the same way
//! ```
//!
//! A run is a start and a length, and the caller keeps both. The class follows from the length, so the arena
//! stores nothing for a run in use. For the same reason it cannot tell where the neighbours of a free run
//! begin, and does not merge it with them. Instead, when a small run is asked for and none is free, a large
//! free one is cut: lists that grow leave such runs behind, and few others grow to that size.
//!
//! The links of the stacks are not written into the free runs themselves, because a run may be a single byte.

use super::footprint::Footprint;
use super::invariant::{Validation, ensure};
use super::mover::Mover;
use super::segmented_vec::SegmentedVec;
use super::size_class::{SizeClass, size_class};

/// A free run is cut only if its size and the size asked for are both multiples of this: cuts of other sizes
/// would leave pieces of odd sizes that nobody asks for. It is 8 because an item's list of buckets begins with
/// one bucket for each band, and the number of bands is usually a multiple of 8.
const CUT_MULTIPLE: usize = 8;

/// Runs of elements, each known by the index of its first element, its *start*.
#[derive(Debug)]
pub struct Arena<T> {
    elements: SegmentedVec<T>,
    free: FreeRuns,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Arena { elements: SegmentedVec::default(), free: FreeRuns::default() }
    }
}

impl<T: Copy + Default> Arena<T> {
    /// Allocates a run for `len` elements, 1 to [`SegmentedVec::CAPACITY`], and returns its start. The values
    /// of its elements are arbitrary. [`Self::has_capacity_for`] must have been true.
    pub fn alloc(&mut self, len: usize) -> u32 {
        debug_assert!((1..=SegmentedVec::<T>::CAPACITY).contains(&len), "no run has {len} elements");
        // The first choice is a free run of the class, the second a piece of a larger free run.
        let class = size_class(len);
        let free = self.free.pop(class.number).or_else(|| self.cut_largest(&class));
        // If there is neither, the arena grows. `has_capacity_for` has made sure that the start fits 32 bits.
        let start = free.unwrap_or_else(|| self.elements.push_run(class.size) as u32);
        debug_assert!(start as usize + class.size <= self.elements.len(), "invariant 10");
        start
    }

    /// Cuts a run of a class from the front of the largest free run, if that is larger and both sizes allow it.
    ///
    /// Only the largest is tried, because it is found in one step.
    fn cut_largest(&mut self, class: &SizeClass) -> Option<u32> {
        let may_be_cut = |class: &SizeClass| class.size.is_multiple_of(CUT_MULTIPLE);
        let largest = self.free.largest()?;
        if largest.number <= class.number || !may_be_cut(&largest) || !may_be_cut(class) {
            return None;
        }
        let start = self.free.pop(largest.number)?;
        // Free the rest of it in pieces. From the front on, each piece has the largest class that fits in what
        // is left, so there are few of them, and together they are exactly the rest.
        let mut piece_start = start + class.size as u32;
        let end = start + largest.size as u32;
        while piece_start < end {
            let piece = SizeClass::within((end - piece_start) as usize);
            self.free.push(piece.number, piece_start);
            piece_start += piece.size as u32;
        }
        Some(start)
    }

    /// Copies elements, at least one, to a new run, and returns its start.
    pub fn store(&mut self, elements: &[T]) -> u32 {
        let start = self.alloc(elements.len());
        self.run_mut(start, elements.len()).copy_from_slice(elements);
        start
    }

    /// Frees a run. `len` may be any length of the run's size class: a list that has grown or shrunk within its
    /// class still names the same run.
    pub fn free(&mut self, start: u32, len: usize) {
        let class = size_class(len);
        debug_assert!(start as usize + class.size <= self.elements.len(), "a run that is not of this arena");
        self.free.push(class.number, start);
    }

    /// The first `len` elements of a run.
    pub fn run(&self, start: u32, len: usize) -> &[T] {
        self.elements.run(start as usize, len)
    }

    /// [`Self::run`], to change.
    pub fn run_mut(&mut self, start: u32, len: usize) -> &mut [T] {
        self.elements.run_mut(start as usize, len)
    }

    /// Copies the first `len` elements of one run to another. With a `len` of 0, neither needs to exist.
    pub fn copy_run(&mut self, from: u32, to: u32, len: usize) {
        self.elements.copy_run(from as usize, to as usize, len);
    }

    /// True if starts of 32 bits can still address new runs of `len` elements in all.
    pub fn has_capacity_for(&self, len: usize) -> bool {
        // At worst a run takes twice its length: a class is at most a quarter too large, but one of just over
        // half a segment leaves the rest of the segment unused. Two segments more cover the rest of the
        // present one, and a last one with little in it.
        self.elements.len() + 2 * len + 2 * SegmentedVec::<T>::CAPACITY < u32::MAX as usize
    }

    /// The memory of the runs and of the free lists.
    pub fn footprint(&self) -> Footprint {
        self.elements.footprint() + self.free.footprint()
    }

    /// Lets the server move the runs and the free lists.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.elements.move_by(mover);
        self.free.move_by(mover);
    }

    /// Checks invariants 10 and 12 of [`crate::index::chunk`], given the start and the length of every
    /// run in use.
    pub fn internal_validate(&self, in_use: impl Iterator<Item = (u32, usize)>) -> Validation {
        // The stores first: the free runs are read from them.
        self.elements.internal_validate()?;
        self.free.internal_validate()?;
        // Sort all runs, in use and free, by their start. Each must end before the next begins, and the last
        // before the arena does.
        let mut runs: Vec<(usize, usize)> = in_use
            .map(|(start, len)| (start as usize, size_class(len).size))
            .chain(self.free.runs().map(|(class, start)| (start as usize, SizeClass::numbered(class).size)))
            .collect();
        runs.sort_unstable();
        ensure(
            runs.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0),
            "10: two runs of an arena overlap",
        )?;
        ensure(
            runs.last().is_none_or(|(start, size)| start + size <= self.elements.len()),
            "10: a run ends past the end of its arena",
        )?;
        // A run that crosses from one segment to the next could not be borrowed as a slice.
        let segment = |index: usize| index / SegmentedVec::<T>::CAPACITY;
        ensure(
            runs.iter().all(|(start, size)| *size > 0 && segment(*start) == segment(start + size - 1)),
            "10: a run is empty or lies in two segments",
        )
    }
}

/// The index that ends a stack.
const NONE: u32 = u32::MAX;

/// A free run on a stack.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The start of the run.
    start: u32,
    /// The index of the entry below, or [`NONE`].
    below: u32,
}

/// The free runs of an arena: a stack for each size class, linked through one vector of entries.
///
/// A vector for each class would hold more capacity than entries: there are many classes, and the stacks of
/// most are empty or nearly so.
#[derive(Debug)]
struct FreeRuns {
    /// The index of the entry on top of each class's stack, or [`NONE`]. It is only as long as the largest
    /// class that has a free run, which makes that class cheap to find.
    tops: Vec<u32>,
    entries: SegmentedVec<Entry>,
    /// The top of the stack of those entries that stand for no run at present, or [`NONE`].
    unused_top: u32,
}

impl Default for FreeRuns {
    fn default() -> Self {
        FreeRuns { tops: Vec::new(), entries: SegmentedVec::default(), unused_top: NONE }
    }
}

impl FreeRuns {
    /// Takes the top run off the stack of a size class and returns its start; `None` if the stack is empty.
    fn pop(&mut self, class: usize) -> Option<u32> {
        let top = self.tops.get_mut(class).filter(|top| **top != NONE)?;
        let Entry { start, below } = self.entries[*top as usize];
        // The entry moves from the stack of its class to the stack of unused entries.
        self.entries[*top as usize].below = self.unused_top;
        self.unused_top = std::mem::replace(top, below);
        // Drop empty stacks from the end of `tops`: `largest` relies on a last one that is not empty.
        while self.tops.last() == Some(&NONE) {
            self.tops.pop();
        }
        Some(start)
    }

    /// The largest size class that has a free run.
    fn largest(&self) -> Option<SizeClass> {
        Some(SizeClass::numbered(self.tops.len().checked_sub(1)?))
    }

    /// Puts a run of a size class on its stack.
    fn push(&mut self, class: usize, start: u32) {
        // Make sure that the class has a stack.
        if self.tops.len() <= class {
            self.tops.resize(class + 1, NONE);
        }
        let entry = Entry { start, below: self.tops[class] };
        if self.unused_top == NONE {
            // No entry is unused: add one.
            self.tops[class] = self.entries.len() as u32;
            self.entries.push(entry);
        } else {
            // Overwrite the top entry of the unused ones. The one below it is their new top.
            self.tops[class] = self.unused_top;
            self.unused_top = std::mem::replace(&mut self.entries[self.unused_top as usize], entry).below;
        }
    }

    /// The indices of the entries on a stack, from its top. The validator needs it to end on a broken stack
    /// too: if the links form a ring, it stops one step after the number of entries.
    fn stack(&self, top: u32) -> impl Iterator<Item = u32> {
        let below = |index: &u32| self.entries.get(*index as usize).map(|entry| entry.below);
        let entries = std::iter::successors(Some(top), below).take_while(|index| *index != NONE);
        entries.take(self.entries.len() + 1)
    }

    /// The class and the start of every free run.
    fn runs(&self) -> impl Iterator<Item = (usize, u32)> {
        let tops = self.tops.iter().enumerate();
        tops.flat_map(|(class, top)| self.stack(*top).map(move |index| (class, index)))
            .map(|(class, index)| (class, self.entries[index as usize].start))
    }

    /// Checks invariants 10 and 12: each entry is on exactly one stack, and the last stack is not empty.
    fn internal_validate(&self) -> Validation {
        self.entries.internal_validate()?;
        ensure(self.tops.last() != Some(&NONE), "10: the largest class of a free run has none")?;
        // Walk all stacks, that of the unused entries included, and tick off every entry.
        let mut seen = vec![false; self.entries.len()];
        for top in self.tops.iter().chain([&self.unused_top]) {
            for index in self.stack(*top) {
                let is_seen = seen.get_mut(index as usize); // `None` if the link is out of range
                let is_first_time = is_seen.is_some_and(|is_seen| !std::mem::replace(is_seen, true));
                ensure(is_first_time, "10: an entry of a free run is on two stacks")?;
            }
        }
        ensure(seen.into_iter().all(|seen| seen), "10: an entry of a free run is on no stack")
    }

    /// The memory of the stacks.
    fn footprint(&self) -> Footprint {
        Footprint::of_vec(&self.tops) + self.entries.footprint()
    }

    /// Lets the server move the stacks.
    fn move_by(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.tops);
        self.entries.move_by(mover);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_free_run_is_cut_for_small_ones() {
        let mut arena = Arena::<u32>::default();
        let (large, odd) = (arena.alloc(448), arena.alloc(10));
        let len = arena.elements.len();
        arena.free(large, 448);
        arena.free(odd, 10);
        let mut small: Vec<u32> = (0..448 / 8).map(|_| arena.alloc(8)).collect();
        small.sort_unstable();
        assert!(small.iter().copied().eq((large..odd).step_by(8)), "{small:?}");
        assert_eq!(arena.alloc(10), odd);
        assert_eq!(arena.elements.len(), len);
        assert_eq!(arena.alloc(8) as usize, len);
    }

    #[test]
    fn the_validator_names_runs_that_overlap_and_stacks_that_are_wrong() {
        let mut arena = Arena::<u32>::default();
        let (first, second, third) = (arena.alloc(8), arena.alloc(16), arena.alloc(3));
        arena.free(second, 16);
        let in_use = [(first, 8), (third, 3)];
        assert_eq!(arena.internal_validate(in_use.into_iter()), Ok(()));
        let too_long = [(first, 9), (third, 3)];
        assert_eq!(arena.internal_validate(too_long.into_iter()), Err("10: two runs of an arena overlap"));
        let past_end = [(first, 8), (third, 4)];
        assert_eq!(
            arena.internal_validate(past_end.into_iter()),
            Err("10: a run ends past the end of its arena")
        );
        let freed_twice = [(first, 8), (second, 16)];
        assert_eq!(arena.internal_validate(freed_twice.into_iter()), Err("10: two runs of an arena overlap"));
        arena.free.unused_top = 0;
        assert_eq!(
            arena.internal_validate(in_use.into_iter()),
            Err("10: an entry of a free run is on two stacks")
        );
        arena.free = FreeRuns::default();
        arena.free.entries.push(Entry { start: second, below: NONE });
        assert_eq!(
            arena.internal_validate(in_use.into_iter()),
            Err("10: an entry of a free run is on no stack")
        );
    }
}
