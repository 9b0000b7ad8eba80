//! Many short lists and a few long ones, in flat memory.
//!
//! A chunk holds millions of lists (the buckets of an item, the items of a bucket) of one to ten
//! elements. A `Vec` each would cost 24 bytes of header and an allocation, and freeing three million
//! of them stops the server for 40 ms. So short lists share one arena, cut into runs of a few fixed
//! sizes with a stack of free runs for each; the few that outgrow [`SHORT`] get blocks of their own.

use super::arena::Arena;
use super::mover::Mover;
use super::segmented_vec::SegmentedVec;
use super::size_class::size_class;

/// The longest list that lives in the shared arena.
pub const SHORT: u32 = 4_096;

/// Where a list is. The capacity is not stored: it follows from the length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListRef {
    /// The run in the arena, or the number of the long list; without meaning for an empty list.
    place: u32,
    len: u32,
}

impl ListRef {
    /// How many elements the list has.
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// A list from what [`Self::place`] and [`Self::len`] said: for records that pack both.
    pub fn from_parts(place: u32, len: u32) -> ListRef {
        ListRef { place, len }
    }

    /// Where the list begins, for a record that packs it.
    pub fn place(self) -> u32 {
        self.place
    }
}

/// The lists of one chunk that hold elements of one kind.
#[derive(Debug)]
pub struct ListPool<T> {
    short: Arena<T>,
    long: Vec<SegmentedVec<T>>,
    free_long: Vec<u32>,
}

impl<T> Default for ListPool<T> {
    fn default() -> Self {
        ListPool { short: Arena::default(), long: Vec::new(), free_long: Vec::new() }
    }
}

impl<T: Copy + Default> ListPool<T> {
    /// Adds an element at the end of a list.
    pub fn push(&mut self, list: &mut ListRef, value: T) {
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
    pub fn extend(&mut self, list: &mut ListRef, values: &[T]) {
        let (before, len) = (list.len(), list.len() + values.len());
        if len > SHORT as usize {
            values.iter().for_each(|value| self.push(list, *value));
        } else if len > before {
            self.resize(list, len);
            self.short.run_mut(list.place, len)[before..].copy_from_slice(values);
        }
    }

    /// Removes an element: the last one takes its place.
    pub fn swap_remove(&mut self, list: &mut ListRef, at: usize) {
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
    fn resize(&mut self, list: &mut ListRef, len: usize) {
        if size_class(list.len()).number != size_class(len).number {
            let place = if len > 0 { self.short.alloc(len) } else { 0 };
            self.short.copy_run(list.place, place, list.len().min(len));
            self.free(*list);
            list.place = place;
        }
        list.len = len as u32;
    }

    /// Gives a list that is about to outgrow the arena blocks of its own.
    fn lengthen(&mut self, list: &mut ListRef) {
        let mut blocks = SegmentedVec::default();
        self.iter(*list).for_each(|value| blocks.push(*value));
        self.free(*list);
        list.place = self.free_long.pop().unwrap_or_else(|| {
            self.long.push(SegmentedVec::default());
            self.long.len() as u32 - 1
        });
        self.long[list.place as usize] = blocks;
    }

    /// Takes a list that fits the arena again back into it.
    fn shorten(&mut self, list: &mut ListRef) {
        let blocks = std::mem::take(&mut self.long[list.place as usize]);
        self.free_long.push(list.place);
        *list = ListRef::default();
        blocks.iter().for_each(|value| self.push(list, *value));
    }

    /// Frees the list's memory.
    pub fn free(&mut self, list: ListRef) {
        if list.len > SHORT {
            self.long[list.place as usize] = SegmentedVec::default();
            self.free_long.push(list.place);
        } else if list.len > 0 {
            self.short.free(list.place, list.len());
        }
    }

    /// The elements of a list of at most [`SHORT`], in order.
    pub fn short(&self, list: ListRef) -> &[T] {
        if list.len > 0 { self.short.run(list.place, list.len()) } else { &[] }
    }

    /// The list's elements, in order.
    pub fn iter(&self, list: ListRef) -> impl Iterator<Item = &T> {
        let (short, long) = if list.len > SHORT {
            (&[][..], Some(&self.long[list.place as usize]))
        } else {
            (self.short(list), None)
        };
        short.iter().chain(long.into_iter().flat_map(SegmentedVec::iter))
    }

    /// One element, to change.
    pub fn get_mut(&mut self, list: ListRef, at: usize) -> &mut T {
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
            + self.long.iter().map(SegmentedVec::memory).sum::<usize>()
            + self.long.capacity() * size_of::<SegmentedVec<T>>()
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
            + self.long.iter().map(SegmentedVec::allocations).sum::<usize>()
            + usize::from(self.long.capacity() > 0)
            + usize::from(self.free_long.capacity() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_what_was_pushed_and_removed() {
        let (mut lists, mut list, mut model) = (ListPool::<u32>::default(), ListRef::default(), Vec::new());
        let mut other = ListRef::default();
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
    fn freed_runs_are_used_again() {
        let mut lists = ListPool::<u32>::default();
        let filled = |lists: &mut ListPool<u32>| {
            let made: Vec<ListRef> = (0..100)
                .map(|n| {
                    let mut list = ListRef::default();
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
