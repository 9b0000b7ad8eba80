//! Many short lists and a few long ones, in flat memory.
//!
//! A chunk holds millions of lists (the buckets of an item, the items of a bucket) of one to ten
//! elements. A `Vec` each would cost 24 bytes of header and an allocation, and freeing three million
//! of them stops the server for 40 ms. So short lists share one arena, cut into runs of a few fixed
//! sizes with a stack of free runs for each; the few that outgrow [`SHORT`] get blocks of their own.

use super::blocks::{Blocks, SizeClass, size_class};
use super::mover::Mover;

/// The longest list that lives in the shared arena.
pub const SHORT: u32 = 4_096;

/// Runs are cut into runs of multiples of so many elements, a usual number of bands.
const GRAIN: usize = 8;

/// Where a list is. The capacity is not stored: it follows from the length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct List {
    /// The run in the arena, or the number of the long list; without meaning for an empty list.
    place: u32,
    len: u32,
}

impl List {
    /// How many elements the list has.
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// A list from what [`Self::place`] and [`Self::len`] said: for records that pack both.
    pub fn from_parts(place: u32, len: u32) -> List {
        List { place, len }
    }

    /// Where the list begins, for a record that packs it.
    pub fn place(self) -> u32 {
        self.place
    }
}

/// The lists of one chunk that hold elements of one kind.
#[derive(Debug)]
pub struct Lists<T> {
    short: Arena<T>,
    long: Vec<Blocks<T>>,
    free_long: Vec<u32>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Lists { short: Arena::default(), long: Vec::new(), free_long: Vec::new() }
    }
}

impl<T: Copy + Default> Lists<T> {
    /// Adds an element at the end of a list.
    pub fn push(&mut self, list: &mut List, value: T) {
        if list.len == SHORT {
            self.lengthen(list);
        }
        if list.len >= SHORT {
            self.long[list.place as usize].push(value);
            list.len += 1;
        } else {
            let len = list.len() + 1;
            self.resize(list, len);
            self.short.run_mut(list.place, len)[len - 1] = value;
        }
    }

    /// Adds elements at the end of a list.
    pub fn extend(&mut self, list: &mut List, values: &[T]) {
        let (before, len) = (list.len(), list.len() + values.len());
        if len > SHORT as usize {
            values.iter().for_each(|value| self.push(list, *value));
        } else if len > before {
            self.resize(list, len);
            self.short.run_mut(list.place, len)[before..].copy_from_slice(values);
        }
    }

    /// Removes an element: the last one takes its place.
    pub fn swap_remove(&mut self, list: &mut List, at: usize) {
        let last = list.len() - 1;
        if list.len > SHORT {
            self.long[list.place as usize].swap_remove(at);
            list.len -= 1;
            if list.len == SHORT {
                self.shorten(list);
            }
        } else {
            self.short.run_mut(list.place, last + 1).swap(at, last);
            self.resize(list, last);
        }
    }

    /// Gives a short list another length, and a run of another size where that asks for one.
    fn resize(&mut self, list: &mut List, len: usize) {
        if size_class(list.len()).number != size_class(len).number {
            let place = if len > 0 { self.short.alloc(len) } else { 0 };
            self.short.cells.copy_run(list.place as usize, place as usize, list.len().min(len));
            self.free(*list);
            list.place = place;
        }
        list.len = len as u32;
    }

    /// Gives a list that is about to outgrow the arena blocks of its own.
    fn lengthen(&mut self, list: &mut List) {
        let mut blocks = Blocks::default();
        self.iter(*list).for_each(|value| blocks.push(*value));
        self.free(*list);
        list.place = self.free_long.pop().unwrap_or_else(|| {
            self.long.push(Blocks::default());
            self.long.len() as u32 - 1
        });
        self.long[list.place as usize] = blocks;
    }

    /// Takes a list that fits the arena again back into it.
    fn shorten(&mut self, list: &mut List) {
        let blocks = std::mem::take(&mut self.long[list.place as usize]);
        self.free_long.push(list.place);
        *list = List::default();
        blocks.iter().for_each(|value| self.push(list, *value));
    }

    /// Frees the list's memory.
    pub fn free(&mut self, list: List) {
        if list.len > SHORT {
            self.long[list.place as usize] = Blocks::default();
            self.free_long.push(list.place);
        } else if list.len > 0 {
            self.short.free(list.place, list.len());
        }
    }

    /// The elements of a list of at most [`SHORT`], in order.
    pub fn short(&self, list: List) -> &[T] {
        if list.len > 0 { self.short.run(list.place, list.len()) } else { &[] }
    }

    /// The list's elements, in order.
    pub fn iter(&self, list: List) -> impl Iterator<Item = &T> {
        let (short, long) = if list.len > SHORT {
            (&[][..], Some(&self.long[list.place as usize]))
        } else {
            (self.short(list), None)
        };
        short.iter().chain(long.into_iter().flat_map(Blocks::iter))
    }

    /// One element, to change.
    pub fn get_mut(&mut self, list: List, at: usize) -> &mut T {
        if list.len > SHORT {
            &mut self.long[list.place as usize][at]
        } else {
            &mut self.short.run_mut(list.place, list.len())[at]
        }
    }

    /// Whether lists may grow by `elements` in all; where not, the chunk is full.
    pub fn has_room(&self, elements: usize) -> bool {
        self.short.has_room(elements + SHORT as usize)
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        self.short.memory()
            + self.long.iter().map(Blocks::memory).sum::<usize>()
            + self.long.capacity() * size_of::<Blocks<T>>()
            + self.free_long.capacity() * size_of::<u32>()
    }

    /// Has all of it moved.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.short.move_by(mover);
        mover.vec(&mut self.long);
        self.long.iter_mut().for_each(|list| list.move_by(mover));
        mover.vec(&mut self.free_long);
    }

    /// Allocations held.
    pub fn allocations(&self) -> usize {
        self.short.allocations()
            + self.long.iter().map(Blocks::allocations).sum::<usize>()
            + usize::from(self.long.capacity() > 0)
            + usize::from(self.free_long.capacity() > 0)
    }
}

/// Runs of elements in flat memory, cut in a few sizes so that a freed run fits the next of its size.
#[derive(Debug)]
pub struct Arena<T> {
    cells: Blocks<T>,
    free: FreeRuns,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Arena { cells: Blocks::default(), free: FreeRuns::default() }
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

    /// Whether runs of `cells` elements in all can still be addressed.
    pub fn has_room(&self, cells: usize) -> bool {
        // A run may leave the rest of its block unused, and a class is at most a quarter too large.
        self.cells.len() + 2 * cells + 2 * Blocks::<T>::CAPACITY < u32::MAX as usize
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
    entries: Blocks<(u32, u32)>,
    /// The top of a stack of entries that are not in use.
    unused: u32,
}

impl Default for FreeRuns {
    fn default() -> Self {
        FreeRuns { tops: Vec::new(), entries: Blocks::default(), unused: NONE }
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
    fn a_list_is_what_was_pushed_and_removed() {
        let (mut lists, mut list, mut model) = (Lists::<u32>::default(), List::default(), Vec::new());
        let mut other = List::default();
        let n = SHORT + 100;
        for i in (0..n).step_by(2) {
            // n is even.
            lists.push(&mut list, i);
            lists.extend(&mut list, &[i + 1]);
            lists.extend(&mut list, &[]);
            lists.extend(&mut other, &[n + i, n + i + 1]);
            model.extend([i, i + 1]);
        }
        for at in (0..n as usize).map(|i| (i * 7) % (n as usize - i)) {
            assert!(lists.iter(list).eq(model.iter()));
            assert_eq!(*lists.get_mut(list, at), model[at]);
            lists.swap_remove(&mut list, at);
            model.swap_remove(at);
        }
        assert_eq!(list.len(), 0);
        assert!(lists.iter(other).copied().eq(n..2 * n));
    }

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

    #[test]
    fn freed_runs_are_used_again() {
        let mut lists = Lists::<u32>::default();
        let filled = |lists: &mut Lists<u32>| {
            let made: Vec<List> = (0..100)
                .map(|n| {
                    let mut list = List::default();
                    (0..n).for_each(|i| lists.push(&mut list, i));
                    list
                })
                .collect();
            made.into_iter().for_each(|list| lists.free(list));
            lists.memory()
        };
        let once = filled(&mut lists);
        for _ in 0..20 {
            assert_eq!(filled(&mut lists), once);
        }
    }
}
