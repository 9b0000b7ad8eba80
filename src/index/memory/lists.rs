//! Lists: many short ones in an arena, and a few long ones on their own.
//!
//! A chunk holds millions of lists (the buckets of an item, the items of a bucket) of one to ten
//! elements. A `Vec` each would cost 24 bytes of header and an allocation, and freeing three million
//! of them stops the server for 40 ms. So the caller keeps a handle of 8 bytes, [`ListRef`], and the elements
//! lie in one of two places that follow from the length:
//!
//! ```text
//!     length             elements                              location
//!     0                  none                                  0, without meaning
//!     1 to SHORT_MAX     a run of the arena                    the start of the run
//!     more               a segmented vector of its own         its id in a slab
//! ```
//!
//! No capacity is stored either. The run of a list has the size class of its length: as the list grows from one
//! class to the next it is copied to a new run, and the old one is free for lists of its class. A list moves to
//! a segmented vector when it outgrows [`SHORT_MAX`] and back when it shrinks to it; a list that swings around
//! that length pays a copy of 4,096 elements each time, which costs microseconds.

use super::arena::Arena;
use super::footprint::Footprint;
use super::invariant::{Validation, ensure};
use super::mover::Mover;
use super::segmented_vec::SegmentedVec;
use super::size_class::size_class;
use super::slab::{Record, Slab};

/// The length of the longest list that lies in the arena.
pub const SHORT_MAX: u32 = 4_096;

/// A handle to a list of a [`ListPool`], 8 bytes. A change of the list writes to the handle that it is made
/// through; copies of it are then stale.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListRef {
    /// The start of the run, or the id of the long list.
    location: u32,
    len: u32,
}

impl ListRef {
    /// A handle from its parts, for records that pack them.
    pub fn from_parts(location: u32, len: u32) -> ListRef {
        ListRef { location, len }
    }

    /// The number of elements.
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// The location of the elements, for records that pack it.
    pub fn location(self) -> u32 {
        self.location
    }

    fn is_long(self) -> bool {
        self.len > SHORT_MAX
    }
}

/// A list that outgrew the arena.
#[derive(Debug)]
struct LongList<T> {
    elements: SegmentedVec<T>,
    /// The link of a free record, whose list is empty.
    next_free: u32,
}

impl<T> Record for LongList<T> {
    fn free(next: u32) -> Self {
        LongList { elements: SegmentedVec::default(), next_free: next }
    }

    fn next_free(&self) -> Option<u32> {
        (self.elements.len() == 0).then_some(self.next_free)
    }
}

/// The lists of one chunk that hold elements of one kind.
#[derive(Debug)]
pub struct ListPool<T> {
    short: Arena<T>,
    long: Slab<LongList<T>>,
    /// What the long lists own together: see [`Footprint`].
    long_elements: Footprint,
}

impl<T> Default for ListPool<T> {
    fn default() -> Self {
        ListPool { short: Arena::default(), long: Slab::default(), long_elements: Footprint::default() }
    }
}

impl<T: Copy + Default> ListPool<T> {
    /// Adds an element at the end of a list.
    pub fn push(&mut self, list: &mut ListRef, value: T) {
        // The longest list of the arena, one that has left it, and any other.
        if list.len == SHORT_MAX {
            self.move_to_long(list, value);
        } else if list.is_long() {
            self.change_long(list.location, |elements| elements.push(value));
            list.len += 1;
        } else {
            let len = list.len() + 1;
            self.resize_short(list, len);
            self.short.run_mut(list.location, len)[len - 1] = value;
        }
    }

    /// Adds elements at the end of a list.
    pub fn extend(&mut self, list: &mut ListRef, values: &[T]) {
        let (old_len, len) = (list.len(), list.len() + values.len());
        // A list that is long, or becomes so on the way, takes the elements one by one.
        if len > SHORT_MAX as usize {
            values.iter().for_each(|value| self.push(list, *value));
        } else if len > old_len {
            // One step to the final length, and one copy.
            self.resize_short(list, len);
            self.short.run_mut(list.location, len)[old_len..].copy_from_slice(values);
        }
    }

    /// Removes an element: the last one takes its place. The index must be below the length.
    pub fn swap_remove(&mut self, list: &mut ListRef, index: usize) {
        debug_assert!(index < list.len());
        let last = list.len() - 1;
        if list.is_long() {
            self.change_long(list.location, |elements| elements.swap_remove(index));
            list.len -= 1;
            if !list.is_long() {
                self.move_to_short(list);
            }
        } else {
            // The element goes to the end of the run, and the list becomes shorter by it.
            self.short.run_mut(list.location, last + 1).swap(index, last);
            self.resize_short(list, last);
        }
    }

    /// Changes the length of a list that is short before and after. If the new length has another size class,
    /// the elements that stay are copied to a run of that class.
    fn resize_short(&mut self, list: &mut ListRef, len: usize) {
        debug_assert!(!list.is_long() && len <= SHORT_MAX as usize, "invariant 9");
        if size_class(list.len()).number != size_class(len).number {
            // The new run is cut before the old one is free: the two never overlap. An empty list, before or
            // after, has no run.
            let location = if len > 0 { self.short.alloc(len) } else { 0 };
            self.short.copy_run(list.location, location, list.len().min(len));
            self.free(*list);
            list.location = location;
        }
        list.len = len as u32;
    }

    /// Moves a list of [`SHORT_MAX`] elements from the arena to a segmented vector, with one element more.
    fn move_to_long(&mut self, list: &mut ListRef, value: T) {
        let mut elements = SegmentedVec::default();
        self.short(*list).iter().for_each(|value| elements.push(*value));
        elements.push(value);
        self.free(*list);
        list.len += 1;
        self.long_elements = self.long_elements + elements.footprint();
        list.location = self.long.insert(LongList { elements, next_free: 0 });
    }

    /// Changes the elements of a long list, and what all long lists own with them.
    fn change_long(&mut self, id: u32, change: impl FnOnce(&mut SegmentedVec<T>)) {
        let elements = &mut self.long[id].elements;
        let before = elements.footprint();
        change(elements);
        self.long_elements = self.long_elements - before + elements.footprint();
    }

    /// Takes a long list out, and returns its elements.
    fn remove_long(&mut self, id: u32) -> SegmentedVec<T> {
        let LongList { elements, .. } = self.long.remove(id);
        self.long_elements = self.long_elements - elements.footprint();
        elements
    }

    /// Moves a list that has just shrunk to [`SHORT_MAX`] elements back to the arena.
    fn move_to_short(&mut self, list: &mut ListRef) {
        // Pushed again from nothing, the elements pass through all size classes: a few copies more than needed,
        // at this one length.
        let elements = self.remove_long(list.location);
        debug_assert!(elements.len() == list.len(), "invariant 9");
        *list = ListRef::default();
        elements.iter().for_each(|value| self.push(list, *value));
    }

    /// Frees the memory of a list. No handle to it may be used again.
    pub fn free(&mut self, list: ListRef) {
        if list.is_long() {
            self.remove_long(list.location);
        } else if list.len > 0 {
            self.short.free(list.location, list.len());
        }
    }

    /// The elements of a list of at most [`SHORT_MAX`], in order.
    pub fn short(&self, list: ListRef) -> &[T] {
        debug_assert!(!list.is_long());
        if list.len > 0 { self.short.run(list.location, list.len()) } else { &[] }
    }

    /// The elements of a list, in order.
    pub fn iter(&self, list: ListRef) -> impl Iterator<Item = &T> {
        // One of the two is empty: a chain of both has one type, whatever the length.
        let (short, long) = if list.is_long() {
            (&[][..], Some(&self.long[list.location].elements))
        } else {
            (self.short(list), None)
        };
        short.iter().chain(long.into_iter().flat_map(SegmentedVec::iter))
    }

    /// One element, to change. The index must be below the length.
    pub fn get_mut(&mut self, list: ListRef, index: usize) -> &mut T {
        if list.is_long() {
            &mut self.long[list.location].elements[index]
        } else {
            &mut self.short.run_mut(list.location, list.len())[index]
        }
    }

    /// True if lists can grow by `additional` elements in all.
    pub fn has_capacity_for(&self, additional: usize) -> bool {
        // A list that grows needs its new run before its old one is free.
        self.short.has_capacity_for(additional + SHORT_MAX as usize)
    }

    /// The memory of all lists.
    pub fn footprint(&self) -> Footprint {
        self.short.footprint() + self.long.footprint() + self.long_elements
    }

    /// Lets the server move all of it.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.short.move_by(mover);
        self.long.move_by(mover);
        self.long.iter_mut().for_each(|list| list.elements.move_by(mover));
    }

    /// Checks invariants 6, 9, 10 and 12 of [`crate::index::chunk`], given every list of the pool.
    pub fn internal_validate(&self, lists: &[ListRef]) -> Validation {
        // Long lists: one handle for each record of the slab, and of the same length.
        self.long.internal_validate()?;
        let mut ids = Vec::new();
        for list in lists.iter().filter(|list| list.is_long()) {
            let elements = (list.location < self.long.end()).then(|| &self.long[list.location].elements);
            ensure(
                elements.is_some_and(|elements| elements.len() == list.len()),
                "9: a long list is missing or has another length",
            )?;
            ids.push(list.location);
        }
        ids.sort_unstable();
        ensure(self.long.ids().eq(ids), "9: a long list belongs to no handle, or to two")?;
        self.long.iter().try_for_each(|list| list.elements.internal_validate())?;
        let footprint = self.long.iter().map(|list| list.elements.footprint()).sum::<Footprint>();
        ensure(self.long_elements == footprint, "9: the footprint of the long lists is not their sum")?;
        // Short lists: their runs.
        let in_use = lists.iter().filter(|list| list.len > 0 && !list.is_long());
        self.short.internal_validate(in_use.map(|list| (list.location, list.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_what_was_pushed_and_removed() {
        let (mut lists, mut list, mut model) = (ListPool::<u32>::default(), ListRef::default(), Vec::new());
        let mut other = ListRef::default();
        let n = SHORT_MAX + 100;
        for i in (0..n).step_by(2) {
            // n is even.
            lists.push(&mut list, i);
            lists.extend(&mut list, &[i + 1]);
            lists.extend(&mut list, &[]);
            lists.extend(&mut other, &[n + i, n + i + 1]);
            model.extend([i, i + 1]);
        }
        assert_eq!(lists.internal_validate(&[list, other]), Ok(()));
        for index in (0..n as usize).map(|i| (i * 7) % (n as usize - i)) {
            assert!(lists.iter(list).eq(model.iter()));
            assert_eq!(*lists.get_mut(list, index), model[index]);
            lists.swap_remove(&mut list, index);
            model.swap_remove(index);
        }
        assert_eq!(list.len(), 0);
        assert!(lists.iter(other).copied().eq(n..2 * n));
        assert_eq!(lists.internal_validate(&[list, other]), Ok(()));
    }

    #[test]
    fn freed_runs_are_used_again() {
        let mut lists = ListPool::<u32>::default();
        let fill_and_free = |lists: &mut ListPool<u32>| {
            let made: Vec<ListRef> = (0..100)
                .map(|n| {
                    let mut list = ListRef::default();
                    (0..n).for_each(|i| lists.push(&mut list, i));
                    list
                })
                .collect();
            made.into_iter().for_each(|list| lists.free(list));
            lists.footprint()
        };
        let after_one_round = fill_and_free(&mut lists);
        for _ in 0..20 {
            assert_eq!(fill_and_free(&mut lists), after_one_round);
        }
    }

    #[test]
    fn a_long_list_is_freed_and_its_id_used_again() {
        let mut lists = ListPool::<u32>::default();
        let long = |lists: &mut ListPool<u32>| {
            let mut list = ListRef::default();
            (0..=SHORT_MAX).for_each(|i| lists.push(&mut list, i));
            list
        };
        let (first, second) = (long(&mut lists), long(&mut lists));
        assert_eq!((first.location, second.location), (0, 1));
        lists.free(first);
        assert_eq!(lists.internal_validate(&[second]), Ok(()));
        assert_eq!(long(&mut lists).location, 0);
    }

    #[test]
    fn the_validator_names_a_handle_that_is_wrong() {
        let (mut lists, mut short, mut long) =
            (ListPool::<u32>::default(), ListRef::default(), ListRef::default());
        lists.extend(&mut short, &[1, 2, 3]);
        (0..=SHORT_MAX).for_each(|i| lists.push(&mut long, i));
        let validate = |handles: &[ListRef]| lists.internal_validate(handles);
        assert_eq!(validate(&[short, long]), Ok(()));
        assert_eq!(validate(&[short]), Err("9: a long list belongs to no handle, or to two"));
        assert_eq!(validate(&[short, short, long]), Err("10: two runs of an arena overlap"));
        let longer = ListRef::from_parts(long.location, long.len + 1);
        assert_eq!(validate(&[short, longer]), Err("9: a long list is missing or has another length"));
    }
}
