//! Lists: many short ones in an arena, and a few long ones in vectors of their own.
//!
//! A chunk holds millions of lists (the buckets of an item, the items of a bucket), most of one to ten
//! elements. If each were a `Vec`, it would cost 24 bytes of header and an allocation, and freeing three
//! million of them stops the server for 40 ms. So the caller keeps a handle of 8 bytes, [`ListRef`]: a location
//! and a length. The length decides which kind of list it is, and so what the location means:
//!
//! ```text
//!     length             kind       elements                              location
//!     0                  empty      none                                  0, not used
//!     1 to SHORT_MAX     short      a run of the arena                    the start of the run
//!     more               long       a segmented vector of its own         its id in a slab
//! ```
//!
//! No capacity is stored: it follows from the length as well. The run of a short list has the size class of the
//! list's length. When the list grows from one class to the next it is copied to a new run, and the old run is
//! free for other lists. A list becomes long when it outgrows [`SHORT_MAX`], and short again when it shrinks to
//! it. One that keeps crossing this border pays for a copy of 4,096 elements each time, which takes
//! microseconds.

use super::arena::Arena;
use super::footprint::Footprint;
use super::invariant::{Validation, ensure};
use super::mover::Mover;
use super::segmented_vec::SegmentedVec;
use super::size_class::size_class;
use super::slab::{Record, Slab};

/// The length of the longest list that is kept in the arena.
pub const SHORT_MAX: u32 = 4_096;

/// A handle to a list of a [`ListPool`], 8 bytes. A change to the list updates the handle that it is made
/// through; copies of that handle are then stale.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListRef {
    /// The start of the run, or the id of the long list.
    location: u32,
    len: u32,
}

impl ListRef {
    /// The handle with this location and length, for records that store the two apart.
    pub fn from_parts(location: u32, len: u32) -> ListRef {
        ListRef { location, len }
    }

    /// The number of elements.
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// The location of the elements, for records that store it apart from the length.
    pub fn location(self) -> u32 {
        self.location
    }

    fn is_long(self) -> bool {
        self.len > SHORT_MAX
    }
}

/// The elements of a long list.
#[derive(Debug)]
struct LongList<T> {
    elements: SegmentedVec<T>,
    /// The link, if the record is free. A record is free if it has no elements: a list that is long has many.
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

/// The lists of a chunk whose elements are of one type.
#[derive(Debug)]
pub struct ListPool<T> {
    short: Arena<T>,
    long: Slab<LongList<T>>,
    /// The sum of the footprints of all long lists, kept up to date so that [`Self::footprint`] does not have
    /// to add them up.
    long_footprint: Footprint,
}

impl<T> Default for ListPool<T> {
    fn default() -> Self {
        ListPool { short: Arena::default(), long: Slab::default(), long_footprint: Footprint::default() }
    }
}

impl<T: Copy + Default> ListPool<T> {
    /// Adds an element at the end of a list.
    pub fn push(&mut self, list: &mut ListRef, value: T) {
        if list.len == SHORT_MAX {
            // A short list that this element makes long.
            self.move_to_long(list, value);
        } else if list.is_long() {
            self.change_long(list.location, |elements| elements.push(value));
            list.len += 1;
        } else {
            // A short list that stays short. Unless it outgrows its size class, it also stays in its run.
            let len = list.len() + 1;
            self.resize_short(list, len);
            self.short.run_mut(list.location, len)[len - 1] = value;
        }
    }

    /// Adds elements at the end of a list.
    pub fn extend(&mut self, list: &mut ListRef, values: &[T]) {
        let (old_len, len) = (list.len(), list.len() + values.len());
        if len > SHORT_MAX as usize {
            // A list that is long, or becomes long on the way, takes the elements one by one.
            values.iter().for_each(|value| self.push(list, *value));
        } else if len > old_len {
            // A short list goes straight to its final length: at most one new run, and one copy.
            self.resize_short(list, len);
            self.short.run_mut(list.location, len)[old_len..].copy_from_slice(values);
        }
    }

    /// Removes an element in constant time: the last one takes its place. The index must be below the length.
    pub fn swap_remove(&mut self, list: &mut ListRef, index: usize) {
        debug_assert!(index < list.len());
        let last = list.len() - 1;
        if list.is_long() {
            // The elements first, then the handle: its length says which kind of list this is.
            self.change_long(list.location, |elements| elements.swap_remove(index));
            list.len -= 1;
            // By its new length the list may be short. Its elements have to follow.
            if !list.is_long() {
                self.move_to_short(list);
            }
        } else {
            // Swap the element to the end, and cut it off.
            self.short.run_mut(list.location, last + 1).swap(index, last);
            self.resize_short(list, last);
        }
    }

    /// Changes the length of a list that is short before and after, and moves it to another run if the new
    /// length has another size class. Elements that are added have arbitrary values.
    fn resize_short(&mut self, list: &mut ListRef, len: usize) {
        debug_assert!(!list.is_long() && len <= SHORT_MAX as usize, "invariant 9");
        if size_class(list.len()).number != size_class(len).number {
            // Allocate the new run before the old one is freed, so that they cannot overlap. An empty list has
            // no run, neither an old one to copy from nor a new one.
            let location = if len > 0 { self.short.alloc(len) } else { 0 };
            self.short.copy_run(list.location, location, list.len().min(len));
            self.free(*list);
            list.location = location;
        }
        list.len = len as u32;
    }

    /// Adds an element to a list of [`SHORT_MAX`] elements, and moves it from the arena to a segmented vector.
    fn move_to_long(&mut self, list: &mut ListRef, value: T) {
        debug_assert!(list.len == SHORT_MAX, "invariant 9");
        let mut elements = SegmentedVec::default();
        self.short_slice(*list).iter().for_each(|value| elements.push(*value));
        elements.push(value);
        // Free the run while the handle still has the short length that names it, then change the handle.
        self.free(*list);
        list.len += 1;
        self.long_footprint = self.long_footprint + elements.footprint();
        list.location = self.long.insert(LongList { elements, next_free: 0 });
    }

    /// Changes the elements of a long list, and keeps the sum of the footprints up to date.
    fn change_long(&mut self, id: u32, change: impl FnOnce(&mut SegmentedVec<T>)) {
        let elements = &mut self.long[id].elements;
        let before = elements.footprint();
        change(elements);
        self.long_footprint = self.long_footprint - before + elements.footprint();
    }

    /// Removes a long list, and returns its elements.
    fn remove_long(&mut self, id: u32) -> SegmentedVec<T> {
        let LongList { elements, .. } = self.long.remove(id);
        self.long_footprint = self.long_footprint - elements.footprint();
        elements
    }

    /// Moves a list that has just shrunk to [`SHORT_MAX`] elements back to the arena. Its location is still
    /// that of a long list.
    fn move_to_short(&mut self, list: &mut ListRef) {
        // Push the elements to an empty list. It passes through all size classes on its way, which costs a few
        // copies more than it has to, but only here.
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

    /// The elements of a short list, in order: one of at most [`SHORT_MAX`] elements.
    pub fn short_slice(&self, list: ListRef) -> &[T] {
        debug_assert!(!list.is_long(), "the elements of a long list are not one slice");
        if list.len > 0 { self.short.run(list.location, list.len()) } else { &[] }
    }

    /// The elements of a list, in order.
    pub fn iter(&self, list: ListRef) -> impl Iterator<Item = &T> {
        // Both kinds of list must give an iterator of the same type: a chain, of which one half is empty.
        let (short, long) = if list.is_long() {
            (&[][..], Some(&self.long[list.location].elements))
        } else {
            (self.short_slice(list), None)
        };
        short.iter().chain(long.into_iter().flat_map(SegmentedVec::iter))
    }

    /// The element at an index, to change. The index must be below the length.
    pub fn get_mut(&mut self, list: ListRef, index: usize) -> &mut T {
        if list.is_long() {
            &mut self.long[list.location].elements[index]
        } else {
            &mut self.short.run_mut(list.location, list.len())[index]
        }
    }

    /// True if lists can grow by `additional` elements in all.
    pub fn has_capacity_for(&self, additional: usize) -> bool {
        // A list that grows needs its new run before its old one is freed, hence one short list more.
        self.short.has_capacity_for(additional + SHORT_MAX as usize)
    }

    /// The memory of all lists.
    pub fn footprint(&self) -> Footprint {
        self.short.footprint() + self.long.footprint() + self.long_footprint
    }

    /// Lets the server move all lists.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.short.move_by(mover);
        self.long.move_by(mover);
        self.long.iter_mut().for_each(|list| list.elements.move_by(mover));
    }

    /// Checks invariants 6, 9, 10 and 12 of [`crate::index::chunk`], given every list of the pool.
    pub fn internal_validate(&self, lists: &[ListRef]) -> Validation {
        // Long lists: each record of the slab has exactly one handle, of the same length.
        self.long.internal_validate()?;
        // A location is compared with the slab's end before it is followed: it may be any number.
        let mut ids = Vec::new();
        for list in lists.iter().filter(|list| list.is_long()) {
            let elements = (list.location < self.long.end()).then(|| &self.long[list.location].elements);
            ensure(
                elements.is_some_and(|elements| elements.len() == list.len()),
                "9: a long list is missing or has another length",
            )?;
            ids.push(list.location);
        }
        // Sorted, the ids of the handles must be those of the slab. An id that two handles share comes twice.
        ids.sort_unstable();
        ensure(self.long.ids().eq(ids), "9: a long list belongs to no handle, or to two")?;
        self.long.iter().try_for_each(|list| list.elements.internal_validate())?;
        // The sum that every change has kept up to date is still the sum.
        let footprint = self.long.iter().map(|list| list.elements.footprint()).sum::<Footprint>();
        ensure(self.long_footprint == footprint, "9: the footprint of the long lists is not their sum")?;
        // Short lists: their runs do not overlap. Empty lists have none.
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
