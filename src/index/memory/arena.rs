//! An arena of runs.

use super::mover::Mover;
use super::segmented_vec::SegmentedVec;
use super::size_class::{SizeClass, size_class};

/// Runs are cut into runs of multiples of so many elements, a usual number of bands.
const GRAIN: usize = 8;

/// Runs of elements in flat memory, cut in a few sizes so that a freed run fits the next of its size.
#[derive(Debug)]
pub struct Arena<T> {
    cells: SegmentedVec<T>,
    free: FreeRuns,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Arena { cells: SegmentedVec::default(), free: FreeRuns::default() }
    }
}

impl<T: Copy + Default> Arena<T> {
    /// A run for `len` elements, 1 and at most a block of them; their values are arbitrary.
    pub fn alloc(&mut self, len: usize) -> u32 {
        let class = size_class(len);
        let free = self.free.pop(class.number).or_else(|| self.cut(&class));
        free.unwrap_or_else(|| self.cells.push_run(class.size) as u32)
    }

    /// Takes the front of the largest free run, where that and what is left over are of use: the lists that
    /// grow leave runs that few others grow into.
    fn cut(&mut self, class: &SizeClass) -> Option<u32> {
        let is_whole = |class: &SizeClass| class.size.is_multiple_of(GRAIN);
        let largest =
            self.free.largest().filter(|of| of.number > class.number && is_whole(of) && is_whole(class))?;
        let place = self.free.pop(largest.number)?;
        let (mut rest, end) = (place + class.size as u32, place + largest.size as u32);
        while rest < end {
            let piece = SizeClass::within((end - rest) as usize);
            self.free.push(piece.number, rest);
            rest += piece.size as u32;
        }
        Some(place)
    }

    /// Gives a run back. `len` may be any length of the run's size class.
    pub fn free(&mut self, place: u32, len: usize) {
        self.free.push(size_class(len).number, place);
    }

    /// The first `len` elements of a run.
    pub fn run(&self, place: u32, len: usize) -> &[T] {
        self.cells.run(place as usize, len)
    }

    /// The first `len` elements of a run, to change.
    pub fn run_mut(&mut self, place: u32, len: usize) -> &mut [T] {
        self.cells.run_mut(place as usize, len)
    }

    /// Copies the first `len` elements of one run to another.
    pub fn copy_run(&mut self, from: u32, to: u32, len: usize) {
        self.cells.copy_run(from as usize, to as usize, len);
    }

    /// Whether runs of `cells` elements in all can still be addressed.
    pub fn has_room(&self, cells: usize) -> bool {
        // A run may leave the rest of its block unused, and a class is at most a quarter too large.
        self.cells.len() + 2 * cells + 2 * SegmentedVec::<T>::CAPACITY < u32::MAX as usize
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        self.cells.memory() + self.free.memory()
    }

    /// Has all of it moved.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.cells.move_by(mover);
        self.free.move_by(mover);
    }

    /// Allocations held.
    pub fn allocations(&self) -> usize {
        self.cells.allocations() + self.free.allocations()
    }
}

const NONE: u32 = u32::MAX;

/// The free runs of an arena: a stack for each size class. All share their memory, since most of the
/// many stacks are empty or nearly so.
#[derive(Debug)]
struct FreeRuns {
    /// The entry at the top of each stack, or [`NONE`]. The last has one.
    tops: Vec<u32>,
    /// The place of a run, and the entry below.
    entries: SegmentedVec<(u32, u32)>,
    /// The top of a stack of entries that are not in use.
    unused: u32,
}

impl Default for FreeRuns {
    fn default() -> Self {
        FreeRuns { tops: Vec::new(), entries: SegmentedVec::default(), unused: NONE }
    }
}

impl FreeRuns {
    /// Takes a run of a size class, if there is one.
    fn pop(&mut self, class: usize) -> Option<u32> {
        let top = self.tops.get_mut(class).filter(|top| **top != NONE)?;
        let (place, below) = self.entries[*top as usize];
        self.entries[*top as usize].1 = self.unused;
        self.unused = std::mem::replace(top, below);
        while self.tops.last() == Some(&NONE) {
            self.tops.pop();
        }
        Some(place)
    }

    /// The largest size class of which there is a run.
    fn largest(&self) -> Option<SizeClass> {
        Some(SizeClass::numbered(self.tops.len().checked_sub(1)?))
    }

    /// Adds a run of a size class.
    fn push(&mut self, class: usize, place: u32) {
        if self.tops.len() <= class {
            self.tops.resize(class + 1, NONE);
        }
        let entry = (place, self.tops[class]);
        if self.unused == NONE {
            self.tops[class] = self.entries.len() as u32;
            self.entries.push(entry);
        } else {
            self.tops[class] = self.unused;
            self.unused = std::mem::replace(&mut self.entries[self.unused as usize], entry).1;
        }
    }

    /// Bytes allocated.
    fn memory(&self) -> usize {
        self.tops.capacity() * size_of::<u32>() + self.entries.memory()
    }

    /// Has all of it moved.
    fn move_by(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.tops);
        self.entries.move_by(mover);
    }

    /// Allocations held.
    fn allocations(&self) -> usize {
        usize::from(self.tops.capacity() > 0) + self.entries.allocations()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_free_run_is_cut_for_small_ones() {
        let mut arena = Arena::<u32>::default();
        let (large, odd) = (arena.alloc(448), arena.alloc(10));
        let cells = arena.cells.len();
        arena.free(large, 448);
        arena.free(odd, 10);
        let mut small: Vec<u32> = (0..448 / 8).map(|_| arena.alloc(8)).collect();
        small.sort_unstable();
        assert!(small.iter().copied().eq((large..odd).step_by(8)), "{small:?}");
        assert_eq!(arena.alloc(10), odd);
        assert_eq!(arena.cells.len(), cells);
        assert_eq!(arena.alloc(8) as usize, cells);
    }
}
