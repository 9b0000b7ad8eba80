//! Runs of one size, side by side in blocks, each with the id of its owner.
//!
//! ```text
//!     number        0               1               2               3
//!             +-------+-------+-------+-------+-------+-------+-------+-------+
//!             | owner | a b c | owner | d e f | owner | g h i | owner | j k l |
//!             +-------+-------+-------+-------+-------+-------+-------+-------+
//!             `----------- block 0 ----------'`----------- block 1 ----------'
//! ```
//!
//! There is never a hole between two runs: when one is removed, the last one moves to its place. So there is no
//! free list, and a block is freed as soon as the runs that are left do not need it. Whoever refers to the run that
//! moved has to learn its new number; that is what the owner is for.
//!
//! Runs without owners (`OWNED` is false) have no headers: their caller keeps the owners. So runs of 256 bytes fill whole
//! cache lines, and blocks of whole pages.
//!
//! A block holds 2^n runs, as many as fit in 32 KiB, or one run that is larger. Only the last block may have room
//! left. It grows by a page at a time, so that no addition takes much memory at once.

use super::footprint::Footprint;
use super::invariant::{Validation, ensure};
use super::mover::Mover;
use super::segmented_vec::give_back;
use super::size_class::size_class;

/// The size of a block, but for runs that are larger.
const BLOCK_BYTES: usize = 1 << 15;
/// The most bytes by which a block grows at a time, but for runs that are larger.
const GROWTH_BYTES: usize = 1 << 12;

/// An element of a run. The first elements of a run are its header, and hold the id of the owner.
pub trait Element: Copy + Default {
    /// The number of elements of a header.
    const HEADER: usize;
    /// Writes the owner to a header.
    fn write_owner(header: &mut [Self], owner: u32);
    /// Reads the owner from a header.
    fn read_owner(header: &[Self]) -> u32;
}

impl Element for u8 {
    const HEADER: usize = 4;

    fn write_owner(header: &mut [u8], owner: u32) {
        header.copy_from_slice(&owner.to_le_bytes());
    }

    fn read_owner(header: &[u8]) -> u32 {
        header.iter().rev().fold(0, |owner, byte| owner << 8 | u32::from(*byte))
    }
}

impl Element for u32 {
    const HEADER: usize = 1;

    fn write_owner(header: &mut [u32], owner: u32) {
        header[0] = owner;
    }

    fn read_owner(header: &[u32]) -> u32 {
        header[0]
    }
}

/// Runs of one size, by number.
#[derive(Debug)]
pub struct Runs<T, const OWNED: bool = true> {
    /// The number of elements of a run, with its header.
    stride: u32,
    /// Log2 of the number of runs of a block.
    shift: u32,
    /// The first block. Most sets of runs have no other.
    first: Vec<T>,
    /// The blocks after the first, each full but the last. A vector is enough for them: it takes 24 bytes for a block,
    /// so that even of a gibibyte less than a mebibyte is ever copied.
    later: Vec<Vec<T>>,
    /// The number of runs.
    len: u32,
}

impl<T: Element, const OWNED: bool> Runs<T, OWNED> {
    /// The number of elements of a header.
    const HEADER: usize = if OWNED { T::HEADER } else { 0 };

    /// No runs yet, of `size` elements each, at least one.
    pub fn new(size: usize) -> Runs<T, OWNED> {
        debug_assert!(size > 0, "a run of no elements");
        let stride = Self::HEADER + size;
        let per_block = BLOCK_BYTES / (stride * size_of::<T>());
        let shift = per_block.max(1).ilog2();
        Runs { stride: stride as u32, shift, first: Vec::new(), later: Vec::new(), len: 0 }
    }

    /// The number of runs.
    pub fn len(&self) -> u32 {
        self.len
    }

    #[inline]
    fn stride(&self) -> usize {
        self.stride as usize
    }

    /// The number of elements of a full block.
    fn block_capacity(&self) -> usize {
        self.stride() << self.shift
    }

    /// The block of a run, and the index of its first element there.
    #[inline]
    fn locate(&self, number: u32) -> (usize, usize) {
        let in_block = number as usize & ((1 << self.shift) - 1);
        (number as usize >> self.shift, in_block * self.stride())
    }

    #[inline]
    fn block(&self, number: usize) -> &Vec<T> {
        if number == 0 { &self.first } else { &self.later[number - 1] }
    }

    #[inline]
    fn block_mut(&mut self, number: usize) -> &mut Vec<T> {
        if number == 0 { &mut self.first } else { &mut self.later[number - 1] }
    }

    /// Adds a run of default elements, with a header if runs have one, and returns its number.
    fn push_run(&mut self) -> u32 {
        let (number, stride, whole) = (self.len, self.stride(), self.block_capacity());
        let (last, start) = self.locate(number);
        if start == 0 && last > 0 {
            self.later.reserve_exact(usize::from(last > self.later.capacity()) * last.div_ceil(8));
            self.later.push(Vec::new());
        }
        let block = self.block_mut(last);
        let end = start + stride;
        if end > block.capacity() {
            // A small set of runs stays small: its first block grows from one size class of the allocator to the
            // next, as long as that is less than a page.
            let by_page = end.max(start + GROWTH_BYTES / size_of::<T>());
            let by_class = size_class(end * size_of::<T>()).size / size_of::<T>();
            let capacity = if last == 0 { by_class.min(by_page) } else { by_page };
            block.reserve_exact(capacity.min(whole) - start);
        }
        block.resize(end, T::default());
        self.len += 1;
        number
    }

    /// Removes a run: the last one takes its place, if it was not the last itself.
    fn remove_run(&mut self, number: u32) {
        debug_assert!(number < self.len);
        let last = self.len - 1;
        let ((to_block, to), (last_block, from)) = (self.locate(number), self.locate(last));
        // Take the last block out meanwhile, so that both can be borrowed.
        let mut block = std::mem::take(self.block_mut(last_block));
        if to_block == last_block {
            block.copy_within(from.., to);
        } else {
            let target = to..to + self.stride();
            self.block_mut(to_block)[target].copy_from_slice(&block[from..]);
        }
        block.truncate(from);
        self.len = last;
        if last_block == 0 {
            give_back(&mut block);
            self.first = block;
        } else if from == 0 {
            self.later.pop();
            give_back(&mut self.later);
        } else {
            self.later[last_block - 1] = block;
        }
    }

    /// The first `len` elements of a run.
    #[inline]
    pub fn run(&self, number: u32, len: usize) -> &[T] {
        let (block, start) = self.locate(number);
        let start = start + Self::HEADER;
        &self.block(block)[start..start + len]
    }

    /// [`Self::run`], to change.
    #[inline]
    pub fn run_mut(&mut self, number: u32, len: usize) -> &mut [T] {
        let (block, start) = self.locate(number);
        let start = start + Self::HEADER;
        &mut self.block_mut(block)[start..start + len]
    }

    /// The memory of the runs.
    pub fn footprint(&self) -> Footprint {
        let first = Footprint::of_vec(&self.first) + Footprint::of_vec(&self.later);
        // All blocks but the last are full, so they need not be walked over.
        let Some(before_last) = self.later.len().checked_sub(1) else { return first };
        let full = Footprint {
            bytes: before_last * self.block_capacity() * size_of::<T>(),
            allocations: before_last,
        };
        first + full + Footprint::of_vec(&self.later[before_last])
    }

    /// Lets the server move the runs.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.first);
        mover.vec(&mut self.later);
        self.later.iter_mut().for_each(|block| mover.vec(block));
    }

    /// Checks invariants 10 and 12 of [`crate::index::chunk`].
    pub fn internal_validate(&self) -> Validation {
        let blocks = || std::iter::once(&self.first).chain(self.later.iter());
        let whole = self.block_capacity();
        let is_full = |block: &Vec<T>| block.len() == whole && block.capacity() == whole;
        ensure(blocks().take(self.later.len()).all(is_full), "10: a block before the last is not full")?;
        let elements: usize = blocks().map(Vec::len).sum();
        ensure(elements == self.len as usize * self.stride(), "10: the blocks are not those of the runs")?;
        ensure(self.later.iter().all(|block| !block.is_empty()), "10: a block is empty")
    }
}

impl<T: Element> Runs<T> {
    /// Adds a run of default elements, and returns its number.
    pub fn push(&mut self, owner: u32) -> u32 {
        let number = self.push_run();
        self.set_owner(number, owner);
        number
    }

    /// Removes a run: the last one takes its place. Returns the owner of the run that has moved, if one has.
    pub fn swap_remove(&mut self, number: u32) -> Option<u32> {
        self.remove_run(number);
        (number < self.len).then(|| self.owner(number))
    }

    /// The header of a run.
    pub fn header(&self, number: u32) -> &[T] {
        let (block, start) = self.locate(number);
        &self.block(block)[start..start + T::HEADER]
    }

    /// The header of a run, to change.
    pub fn header_mut(&mut self, number: u32) -> &mut [T] {
        let (block, start) = self.locate(number);
        &mut self.block_mut(block)[start..start + T::HEADER]
    }

    /// The owner of a run.
    pub fn owner(&self, number: u32) -> u32 {
        T::read_owner(self.header(number))
    }

    /// The owners of the last runs, as many as there are up to `count`.
    pub fn last_owners(&self, count: usize) -> impl Iterator<Item = u32> {
        (self.len.saturating_sub(count as u32)..self.len).map(|number| self.owner(number))
    }

    /// Gives a run to another owner.
    pub fn set_owner(&mut self, number: u32, owner: u32) {
        T::write_owner(self.header_mut(number), owner);
    }
}

impl<T: Element> Runs<T, false> {
    /// Adds a copy of a run of the full size, and returns its number.
    pub fn push_copy(&mut self, run: &[T]) -> u32 {
        let number = self.push_run();
        self.run_mut(number, run.len()).copy_from_slice(run);
        number
    }

    /// Removes a run: the last one takes its place, if it was not the last itself.
    pub fn swap_remove(&mut self, number: u32) {
        self.remove_run(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_by_its_owner_until_it_is_removed_whatever_moves() {
        for size in [1, 7, 300, 20_000] {
            let mut runs = Runs::<u32>::new(size);
            let count = 200_000 / (size as u32 + 9);
            let mut numbers: Vec<u32> = Vec::new();
            for owner in 0..count {
                numbers.push(runs.push(owner));
                runs.run_mut(owner, size).fill(owner * 3);
            }
            assert_eq!(runs.internal_validate(), Ok(()));
            for owner in (0..count).filter(|owner| owner % 5 > 0) {
                let number = numbers[owner as usize];
                if let Some(moved) = runs.swap_remove(number) {
                    numbers[moved as usize] = number;
                }
            }
            assert_eq!((runs.internal_validate(), runs.len()), (Ok(()), count.div_ceil(5)));
            for owner in (0..count).step_by(5) {
                let number = numbers[owner as usize];
                assert_eq!(runs.owner(number), owner);
                assert!(runs.run(number, size).iter().all(|element| *element == owner * 3));
            }
            let bytes = runs.len() as usize * (size + 1) * 4;
            assert!(runs.footprint().bytes <= bytes + bytes / 8 + BLOCK_BYTES, "{size}");
            (0..runs.len()).for_each(|_| _ = runs.swap_remove(0));
            assert_eq!((runs.len(), runs.footprint()), (0, Footprint::default()));
        }
    }

    #[test]
    fn no_addition_takes_more_than_a_page_at_once() {
        let mut runs = Runs::<u8>::new(20);
        for owner in 0..100_000 {
            let before = runs.footprint();
            runs.push(owner);
            assert!(runs.footprint().bytes - before.bytes <= GROWTH_BYTES + 1_000);
        }
    }

    #[test]
    fn the_validator_names_blocks_that_are_wrong() {
        let broken = |break_it: fn(&mut Runs<u32>)| {
            let mut runs = Runs::<u32>::new(100);
            (0..200).for_each(|owner| _ = runs.push(owner));
            assert_eq!(runs.internal_validate(), Ok(()));
            break_it(&mut runs);
            runs.internal_validate().expect_err("broken")
        };
        assert_eq!(broken(|runs| runs.first.truncate(101)), "10: a block before the last is not full");
        assert_eq!(broken(|runs| runs.len += 1), "10: the blocks are not those of the runs");
        assert_eq!(broken(|runs| runs.later.push(Vec::new())), "10: a block before the last is not full");
    }
}
