//! A vector that grows by blocks.
//!
//! A `Vec` of a hundred million entries stops the server for a second when it doubles, and needs
//! both copies while it does. Here only the first block is ever copied, and it is at most a
//! mebibyte; after it, whole blocks are added and nothing moves. Freeing takes one call a block.

use super::mover::Mover;
use super::size_class::size_class;
use std::mem::size_of;

/// Bytes of a full block.
const BLOCK: usize = 1 << 20;

/// A growing sequence, kept in blocks of the same power of two of elements.
#[derive(Debug)]
pub struct SegmentedVec<T> {
    /// The first block, at hand: most sequences have no other.
    first: Vec<T>,
    /// The blocks behind it, each of which is allocated whole.
    rest: Vec<Vec<T>>,
}

impl<T> Default for SegmentedVec<T> {
    fn default() -> Self {
        SegmentedVec { first: Vec::new(), rest: Vec::new() }
    }
}

impl<T> SegmentedVec<T> {
    const SHIFT: u32 = (BLOCK / size_of::<T>()).ilog2();
    /// Elements of a full block.
    pub const CAPACITY: usize = 1 << Self::SHIFT;

    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self.rest.last() {
            Some(last) => (self.rest.len() << Self::SHIFT) + last.len(),
            None => self.first.len(),
        }
    }

    /// The last block, with room for `more` elements: in the last block there is, else in a new one.
    /// The first block grows from one size of the allocator to the next, so that a small value stays
    /// small and none of what the allocator gives is wasted.
    fn room(&mut self, more: usize) -> &mut Vec<T> {
        if self.last_mut().len() + more > Self::CAPACITY {
            self.rest.push(Vec::with_capacity(Self::CAPACITY));
        }
        let block = self.last_mut();
        if block.len() + more > block.capacity() {
            let least = (block.len() + more).max(4) * size_of::<T>();
            let capacity = (size_class(least).size / size_of::<T>()).min(Self::CAPACITY);
            block.reserve_exact(capacity - block.len());
        }
        block
    }

    fn last_mut(&mut self) -> &mut Vec<T> {
        self.rest.last_mut().unwrap_or(&mut self.first)
    }

    /// Adds an element at the end; its position is the `len` of before.
    pub fn push(&mut self, value: T) {
        self.room(1).push(value);
    }

    /// Takes the last element. A block that this empties is given back.
    pub fn pop(&mut self) -> Option<T> {
        let block = self.last_mut();
        let value = block.pop();
        if block.is_empty() {
            *block = Vec::new();
            self.rest.pop();
        }
        value
    }

    /// Removes an element in constant time: the last takes its place.
    pub fn swap_remove(&mut self, at: usize) {
        if let Some(last) = self.pop()
            && at < self.len()
        {
            self[at] = last;
        }
    }

    /// The block behind the first that a position, or the first of a run, is in; and its place there.
    fn behind(at: usize) -> (usize, usize) {
        ((at >> Self::SHIFT).wrapping_sub(1), at & (Self::CAPACITY - 1))
    }

    /// The element at a position, or `None` past the end.
    #[inline]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.first.get(at).or_else(|| {
            let (block, place) = Self::behind(at);
            self.rest.get(block)?.get(place)
        })
    }

    /// All elements, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(self.rest.iter().flatten())
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        let elements = self.first.capacity() + self.rest.iter().map(Vec::capacity).sum::<usize>();
        elements * size_of::<T>() + self.rest.capacity() * size_of::<Vec<T>>()
    }

    /// Has all of it moved.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.first);
        mover.vec(&mut self.rest);
        self.rest.iter_mut().for_each(|block| mover.vec(block));
    }

    /// Allocations held.
    pub fn allocations(&self) -> usize {
        usize::from(self.first.capacity() > 0) + self.rest.len() + usize::from(self.rest.capacity() > 0)
    }
}

impl<T: Copy + Default> SegmentedVec<T> {
    /// Adds a run of `len` default elements (at most [`Self::CAPACITY`]) that lies in one block;
    /// returns its position. What is left of a block too short for the run stays unused.
    pub fn push_run(&mut self, len: usize) -> usize {
        let last = self.last_mut();
        if last.len() + len > Self::CAPACITY {
            last.resize(Self::CAPACITY, T::default());
        }
        let block = self.room(len);
        let start = block.len();
        block.resize(start + len, T::default());
        self.len() - len
    }

    /// Copies the first `len` elements of one run to another.
    pub fn copy_run(&mut self, from: usize, to: usize, len: usize) {
        let end = from.max(to).saturating_add(len);
        if end <= self.first.len() {
            self.first.copy_within(from..from + len, to);
        } else {
            (0..len).for_each(|at| self[to + at] = self[from + at]);
        }
    }

    /// A run that [`Self::push_run`] made.
    #[inline]
    pub fn run(&self, at: usize, len: usize) -> &[T] {
        self.first.get(at..at + len).unwrap_or_else(|| {
            let (block, start) = Self::behind(at);
            &self.rest[block][start..start + len]
        })
    }

    /// A run that [`Self::push_run`] made, to change.
    #[inline]
    pub fn run_mut(&mut self, at: usize, len: usize) -> &mut [T] {
        self.first.get_mut(at..at + len).unwrap_or_else(|| {
            let (block, start) = Self::behind(at);
            &mut self.rest[block][start..start + len]
        })
    }
}

impl<T> std::ops::Index<usize> for SegmentedVec<T> {
    type Output = T;
    #[inline]
    fn index(&self, at: usize) -> &T {
        self.first.get(at).unwrap_or_else(|| {
            let (block, place) = Self::behind(at);
            &self.rest[block][place]
        })
    }
}

impl<T> std::ops::IndexMut<usize> for SegmentedVec<T> {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut T {
        self.first.get_mut(at).unwrap_or_else(|| {
            let (block, place) = Self::behind(at);
            &mut self.rest[block][place]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_over_blocks_and_shrinks_back() {
        let mut blocks = SegmentedVec::<u64>::default();
        let n = 3 * SegmentedVec::<u64>::CAPACITY + 7;
        for i in 0..n {
            blocks.push(i as u64);
        }
        assert_eq!(blocks.len(), n);
        assert!((0..n).all(|i| blocks[i] == i as u64));
        assert_eq!(blocks.get(n), None);
        blocks.swap_remove(5);
        assert_eq!(blocks[5], n as u64 - 1);
        while blocks.pop().is_some() {}
        assert!(blocks.len() == 0 && blocks.memory() < 1_000);
    }

    #[test]
    fn a_run_lies_in_one_block() {
        let mut blocks = SegmentedVec::<u8>::default();
        let mut places = Vec::new();
        for i in 0..100u8 {
            let at = blocks.push_run(30_000);
            blocks.run_mut(at, 30_000).fill(i);
            places.push(at);
        }
        for (i, at) in places.into_iter().enumerate() {
            assert!(blocks.run(at, 30_000).iter().all(|b| usize::from(*b) == i));
        }
    }

    #[test]
    fn a_run_is_copied_inside_a_block_and_to_another() {
        let mut blocks = SegmentedVec::<u32>::default();
        let places: Vec<usize> = (0..100).map(|_| blocks.push_run(3_000)).collect();
        for (i, at) in places.iter().enumerate() {
            blocks.run_mut(*at, 3_000).fill(i as u32);
        }
        for to in [1, 2, 99] {
            blocks.copy_run(places[0], places[to], 2_000);
            blocks.copy_run(usize::MAX, places[to], 0);
            let copied = blocks.run(places[to], 3_000);
            assert!(copied[..2_000].iter().all(|i| *i == 0));
            assert!(copied[2_000..].iter().all(|i| *i == to as u32));
        }
    }

    #[test]
    fn a_small_value_stays_small() {
        let mut blocks = SegmentedVec::<u32>::default();
        (0..1_000).for_each(|i| blocks.push(i));
        assert!(blocks.memory() < 4 * 1_000 * 9 / 8 + 200);
    }
}
