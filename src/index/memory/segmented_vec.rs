//! A segmented vector: it grows by segments of a mebibyte, and never copies more than one.
//!
//! A `Vec` of a hundred million entries stops the server for a second when it doubles, and needs memory for
//! both copies meanwhile. Here only the first segment is ever reallocated, and it holds at most a mebibyte;
//! after that, whole segments are added and no element moves. Freeing takes one call for each segment.
//!
//! ```text
//!           first           later[0]          later[1]
//!      +-------------+   +-------------+   +-------------+
//!      | 0 ...  C-1  |   | C ...  2C-1 |   | 2C ... len-1|.......|
//!      +-------------+   +-------------+   +-------------+-------+
//!       grows by size      allocated whole, C elements each;
//!       classes up to C    only the last one may have room left
//! ```
//!
//! C, the capacity of a segment, is a power of two: a shift of an index gives its segment, and a mask gives its
//! offset in that segment. When elements are removed at the end, a segment that becomes empty is freed at once, and
//! a first segment of which a sixth is unused is made smaller. The first segment is a field of its own rather than
//! an element of `later`: most vectors have no other, and an access to it costs one bounds check, as in a `Vec`.

use super::MAX_ALIGN;
use super::footprint::Footprint;
use super::invariant::{Validation, ensure};
use super::mover::Mover;
use super::size_class::size_class;
use std::mem::size_of;

/// The usual size of a full segment.
const MEBIBYTE: usize = 1 << 20;
/// The fewest elements that the first segment is allocated for.
const MIN_CAPACITY: usize = 4;

/// Frees a part of a vector if a sixth of its capacity is unused: all but room for a few elements more.
pub fn give_back<T>(vec: &mut Vec<T>) {
    if vec.len() * 6 <= vec.capacity() * 5 {
        vec.shrink_to(vec.len() + vec.len() / 16);
    }
}

/// A growing sequence of elements in segments of the same capacity.
#[derive(Debug)]
pub struct SegmentedVec<T, const SEGMENT_BYTES: usize = MEBIBYTE> {
    /// The first segment. Most vectors have no other.
    first: Vec<T>,
    /// The segments after the first, each allocated whole.
    later: Vec<Vec<T>>,
}

impl<T, const SEGMENT_BYTES: usize> Default for SegmentedVec<T, SEGMENT_BYTES> {
    fn default() -> Self {
        SegmentedVec { first: Vec::new(), later: Vec::new() }
    }
}

impl<T, const SEGMENT_BYTES: usize> SegmentedVec<T, SEGMENT_BYTES> {
    /// Log2 of [`Self::CAPACITY`].
    const SHIFT: u32 = {
        // See [`MAX_ALIGN`]. Checked by the compiler, for each element type in use.
        assert!(align_of::<T>() <= MAX_ALIGN, "the segments would not come from the server's allocator");
        // Rounded down to a power of two: of 24-byte elements, a full segment is three quarters of a mebibyte.
        (SEGMENT_BYTES / size_of::<T>()).ilog2()
    };
    /// The number of elements of a full segment.
    pub const CAPACITY: usize = 1 << Self::SHIFT;

    /// The number of elements.
    pub fn len(&self) -> usize {
        match self.later.last() {
            // All segments before the last are full.
            Some(last) => (self.later.len() << Self::SHIFT) + last.len(),
            None => self.first.len(),
        }
    }

    /// Makes sure that the last segment can take another element, and returns it: a new one if the last is full.
    fn grow(&mut self) -> &mut Vec<T> {
        if self.last_mut().len() == Self::CAPACITY {
            self.later.push(Vec::with_capacity(Self::CAPACITY));
        }
        let segment = self.last_mut();
        if segment.len() == segment.capacity() {
            // Only the first segment gets here: later ones are allocated whole. It grows from one size class
            // of the allocator to the next. That keeps a small vector small, and uses all of the bytes that
            // the allocator would hand out anyway.
            let needed_bytes = (segment.len() + 1).max(MIN_CAPACITY) * size_of::<T>();
            let capacity = (size_class(needed_bytes).size / size_of::<T>()).min(Self::CAPACITY);
            // `reserve_exact` counts from the length, not from the present capacity.
            segment.reserve_exact(capacity - segment.len());
        }
        segment
    }

    /// The last segment: the next element goes there unless it is full.
    fn last_mut(&mut self) -> &mut Vec<T> {
        self.later.last_mut().unwrap_or(&mut self.first)
    }

    /// Adds an element at the end. Its index is the previous length.
    pub fn push(&mut self, value: T) {
        self.grow().push(value);
    }

    /// Removes the last element and returns it.
    pub fn pop(&mut self) -> Option<T> {
        let value = self.last_mut().pop();
        self.give_back();
        value
    }

    /// Frees what was emptied: a later segment if it is empty, or a part of the first one if that is the only one.
    fn give_back(&mut self) {
        match self.later.last() {
            Some(last) if last.is_empty() => {
                self.later.pop();
                if self.later.is_empty() {
                    self.later = Vec::new();
                }
            }
            Some(_) => {}
            None => give_back(&mut self.first),
        }
    }

    /// Removes an element in constant time, and returns it: the last one takes its place. The index must be below the
    /// length.
    pub fn swap_remove(&mut self, index: usize) -> Option<T> {
        debug_assert!(index < self.len());
        let last = self.pop()?;
        // If the element was the last one, its index is now past the end.
        if index < self.len() { Some(std::mem::replace(&mut self[index], last)) } else { Some(last) }
    }

    /// The segment in `later` and the offset there of an index that is not in the first segment.
    fn locate_later(index: usize) -> (usize, usize) {
        // An index past the end of a first segment that is not full wraps to a segment that cannot exist, and
        // is caught by the bounds check that follows.
        ((index >> Self::SHIFT).wrapping_sub(1), index & (Self::CAPACITY - 1))
    }

    /// The element at an index, or `None` past the end.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        self.first.get(index).or_else(|| {
            let (segment, offset) = Self::locate_later(index);
            self.later.get(segment)?.get(offset)
        })
    }

    /// All elements, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(self.later.iter().flatten())
    }

    /// All elements, in order, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.first.iter_mut().chain(self.later.iter_mut().flatten())
    }

    /// The memory of the segments, without the memory that the elements own.
    pub fn footprint(&self) -> Footprint {
        // Later segments are allocated whole (invariant 12), so they need not be walked over.
        let segments = Footprint {
            bytes: self.later.len() * Self::CAPACITY * size_of::<T>(),
            allocations: self.later.len(),
        };
        Footprint::of_vec(&self.first) + Footprint::of_vec(&self.later) + segments
    }

    /// Lets the server move every segment.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.first);
        mover.vec(&mut self.later);
        self.later.iter_mut().for_each(|segment| mover.vec(segment));
    }

    /// Checks invariant 12 of [`crate::index::chunk`].
    pub fn internal_validate(&self) -> Validation {
        // A vector of one segment: nothing more to check.
        let Some((last, full)) = self.later.split_last() else {
            return ensure(
                self.first.len() <= Self::CAPACITY,
                "12: a first segment is longer than a segment",
            );
        };
        // Several segments: full ones, then a last one that is not empty.
        ensure(self.first.len() == Self::CAPACITY, "12: segments follow a first one that is not full")?;
        ensure(
            full.iter().all(|segment| segment.len() == Self::CAPACITY),
            "12: a segment before the last is not full",
        )?;
        ensure((1..=Self::CAPACITY).contains(&last.len()), "12: the last segment is empty or too long")?;
        // `footprint` relies on this.
        let is_whole = |segment: &Vec<T>| segment.capacity() == Self::CAPACITY;
        ensure(self.later.iter().all(is_whole), "12: a later segment was not allocated whole")
    }
}

impl<T, const SEGMENT_BYTES: usize> std::ops::Index<usize> for SegmentedVec<T, SEGMENT_BYTES> {
    type Output = T;
    #[inline]
    fn index(&self, index: usize) -> &T {
        self.first.get(index).unwrap_or_else(|| {
            let (segment, offset) = Self::locate_later(index);
            &self.later[segment][offset]
        })
    }
}

impl<T, const SEGMENT_BYTES: usize> std::ops::IndexMut<usize> for SegmentedVec<T, SEGMENT_BYTES> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        self.first.get_mut(index).unwrap_or_else(|| {
            let (segment, offset) = Self::locate_later(index);
            &mut self.later[segment][offset]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_over_segments_and_shrinks_back() {
        let mut vec = SegmentedVec::<u64>::default();
        let n = 3 * SegmentedVec::<u64>::CAPACITY + 7;
        for i in 0..n {
            vec.push(i as u64);
        }
        assert_eq!(vec.len(), n);
        assert!((0..n).all(|i| vec[i] == i as u64));
        assert_eq!(vec.get(n), None);
        assert_eq!(vec.internal_validate(), Ok(()));
        vec.swap_remove(5);
        assert_eq!(vec[5], n as u64 - 1);
        vec.swap_remove(vec.len() - 1);
        while vec.len() > 1_000 {
            vec.pop();
        }
        assert!(vec.footprint().bytes <= 1_000 * 8 * 6 / 5, "{:?}", vec.footprint());
        while vec.pop().is_some() {}
        assert_eq!(vec.footprint(), Footprint::default());
    }

    #[test]
    fn a_small_value_stays_small() {
        let mut vec = SegmentedVec::<u32>::default();
        (0..1_000).for_each(|i| vec.push(i));
        assert!(vec.footprint().bytes < 4 * 1_000 * 9 / 8 + 200);
        assert_eq!(vec.footprint().allocations, 1);
    }

    #[test]
    fn the_validator_names_the_segment_that_is_wrong() {
        let broken = |break_it: fn(&mut SegmentedVec<u64>)| {
            let mut vec = SegmentedVec::default();
            (0..2 * SegmentedVec::<u64>::CAPACITY + 1).for_each(|i| vec.push(i as u64));
            assert_eq!(vec.internal_validate(), Ok(()));
            break_it(&mut vec);
            vec.internal_validate().expect_err("broken")
        };
        assert_eq!(broken(|vec| _ = vec.first.pop()), "12: segments follow a first one that is not full");
        assert_eq!(broken(|vec| _ = vec.later[0].pop()), "12: a segment before the last is not full");
        assert_eq!(broken(|vec| vec.later[1].clear()), "12: the last segment is empty or too long");
        assert_eq!(broken(|vec| vec.later[1].shrink_to_fit()), "12: a later segment was not allocated whole");
    }
}
