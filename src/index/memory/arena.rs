//! An arena: short runs of elements by size class, packed without holes.
//!
//! Names, long buckets and short lists are runs of a few elements, millions of them. If each were an allocation, it
//! would cost the allocator's overhead, and a call to free it. Here they are kept in the sizes of [`size_class`], and
//! the runs of each class are side by side in a store of their own ([`Runs`]).
//!
//! ```text
//!     class 3    | owner, 3 elements | owner, 3 elements | owner, 2 elements |
//!     class 8    | owner, 8 elements | owner, 7 elements |
//!     class 9    | owner, 9 elements | owner, 10 elements | owner, 9 elements |
//! ```
//!
//! A run is a *location* (its number in its class) and a length, and the caller keeps both. The class follows from
//! the length. When a run is freed, the last one of its class moves to its place, and the caller is told whose that
//! is: see [`Relocation`]. So an arena has no free runs, and takes the memory of what is in it, whatever was in it
//! before.
//!
//! *Turned down:* one vector for all classes, with free lists. It needs no owners. But a run that is free serves only
//! runs of its own class, so after many have been freed most of the memory is neither used nor given back.

use super::footprint::Footprint;
use super::invariant::{Validation, ensure};
use super::mover::Mover;
use super::runs::{Element, Runs};
use super::segmented_vec::give_back;
use super::size_class::{SizeClass, size_class};

/// A handle to a list in an arena, 8 bytes: where it is, and its length. A change to the list updates the handle that
/// it is made through; copies of that handle are then stale.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListRef {
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

    /// The same list after a relocation.
    pub fn at(self, location: u32) -> ListRef {
        ListRef { location, ..self }
    }
}

/// A run that has moved, because the one at its new location was freed. Its owner has to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Relocation {
    /// The owner of the run.
    pub owner: u32,
    /// The location that the run has now.
    pub location: u32,
}

/// The number of a class in [`Arena::class_indexes`] that has no runs yet.
const UNUSED: u8 = u8::MAX;

/// Runs of elements, each known by its location and its length.
#[derive(Debug, Default)]
pub struct Arena<T> {
    /// The runs of every class that has some, in no order.
    classes: Vec<Runs<T>>,
    /// By the number of a class, its index in `classes`, or [`UNUSED`]. There are fewer than 100 classes.
    class_indexes: Vec<u8>,
    /// The number of runs in all classes.
    runs: u32,
    /// The sum of the footprints of all classes.
    classes_footprint: Footprint,
}

impl<T: Element> Arena<T> {
    /// The runs of the class for a length, 1 or more, which has runs.
    #[inline]
    fn class(&self, len: usize) -> &Runs<T> {
        &self.classes[usize::from(self.class_indexes[size_class(len).number])]
    }

    #[inline]
    fn class_mut(&mut self, len: usize) -> &mut Runs<T> {
        &mut self.classes[usize::from(self.class_indexes[size_class(len).number])]
    }

    /// Changes the runs of a class, and keeps the sum of the footprints up to date.
    fn change_class<R>(&mut self, len: usize, change: impl FnOnce(&mut Runs<T>) -> R) -> R {
        let runs = self.class_mut(len);
        let before = runs.footprint();
        let result = change(runs);
        let after = runs.footprint();
        self.classes_footprint = self.classes_footprint - before + after;
        result
    }

    /// Allocates a run for `len` elements, at least one, and returns its location. The values of its elements are
    /// the default. [`Self::has_capacity_for`] must have been true.
    pub fn alloc(&mut self, len: usize, owner: u32) -> u32 {
        let SizeClass { number, size } = size_class(len);
        if self.class_indexes.len() <= number {
            self.class_indexes.resize(number + 1, UNUSED);
        }
        if self.class_indexes[number] == UNUSED {
            self.class_indexes[number] = self.classes.len() as u8;
            self.classes.reserve_exact(1); // they are few
            self.classes.push(Runs::new(size));
        }
        self.runs += 1;
        self.change_class(len, |runs| runs.push(owner))
    }

    /// Copies elements, at least one, to a new run, and returns its location.
    pub fn store(&mut self, elements: &[T], owner: u32) -> u32 {
        let location = self.alloc(elements.len(), owner);
        self.run_mut(location, elements.len()).copy_from_slice(elements);
        location
    }

    /// Frees a run. `len` may be any length of the run's size class.
    pub fn free(&mut self, location: u32, len: usize) -> Option<Relocation> {
        self.runs -= 1;
        let owner = self.change_class(len, |runs| runs.swap_remove(location));
        if self.class(len).len() == 0 {
            self.remove_class(size_class(len).number);
        }
        owner.map(|owner| Relocation { owner, location })
    }

    /// Forgets a class that has no runs any longer. The last one takes its place.
    fn remove_class(&mut self, number: usize) {
        let (index, last) = (self.class_indexes[number], self.classes.len() as u8 - 1);
        self.class_indexes[number] = UNUSED;
        self.class_indexes.iter_mut().filter(|other| **other == last).for_each(|moved| *moved = index);
        self.classes.swap_remove(index.into());
        give_back(&mut self.classes);
    }

    /// The first `len` elements of a run.
    #[inline]
    pub fn run(&self, location: u32, len: usize) -> &[T] {
        self.class(len).run(location, len)
    }

    /// [`Self::run`], to change.
    #[inline]
    pub fn run_mut(&mut self, location: u32, len: usize) -> &mut [T] {
        self.class_mut(len).run_mut(location, len)
    }

    /// The owners of the runs that move when this many of a length are freed, which the arena has: the last ones.
    pub fn last_owners(&self, len: usize, count: usize) -> impl Iterator<Item = u32> {
        self.class(len).last_owners(count)
    }

    /// Gives a run to another owner.
    pub fn set_owner(&mut self, location: u32, len: usize, owner: u32) {
        self.class_mut(len).set_owner(location, owner);
    }

    /// The elements of a list. An empty one has no run.
    #[inline]
    pub fn list(&self, list: ListRef) -> &[T] {
        if list.len > 0 { self.run(list.location, list.len()) } else { &[] }
    }

    /// [`Self::list`], to change.
    pub fn list_mut(&mut self, list: ListRef) -> &mut [T] {
        if list.len > 0 { self.run_mut(list.location, list.len()) } else { &mut [] }
    }

    /// The header of a list that is not empty.
    pub fn header(&self, list: ListRef) -> &[T] {
        self.class(list.len()).header(list.location)
    }

    /// [`Self::header`], to change.
    pub fn header_mut(&mut self, list: ListRef) -> &mut [T] {
        self.class_mut(list.len()).header_mut(list.location)
    }

    /// Changes the length of a list, and moves it to another run if the new length has another size class. Elements
    /// that are added have arbitrary values.
    pub fn resize(&mut self, list: &mut ListRef, len: usize, owner: u32) -> Option<Relocation> {
        let mut relocation = None;
        if size_class(list.len()).number != size_class(len).number {
            // Allocate the new run before the old one is freed. An empty list has no run, neither an old one to copy
            // from nor a new one.
            let location = if len > 0 { self.alloc(len, owner) } else { 0 };
            if list.len > 0 {
                if len > 0 {
                    self.copy(*list, ListRef { location, len: len as u32 });
                }
                relocation = self.free(list.location, list.len());
            }
            list.location = location;
        }
        list.len = len as u32;
        relocation
    }

    /// Copies the header of a list and as many elements as both have to another one of another class.
    fn copy(&mut self, from: ListRef, to: ListRef) {
        let class_index = |len| usize::from(self.class_indexes[size_class(len).number]);
        let classes = [class_index(from.len()), class_index(to.len())];
        let Ok([source, target]) = self.classes.get_disjoint_mut(classes) else {
            debug_assert!(false, "a list is copied inside its class");
            return;
        };
        let len = from.len().min(to.len());
        target.header_mut(to.location).copy_from_slice(source.header(from.location));
        target.run_mut(to.location, len).copy_from_slice(source.run(from.location, len));
    }

    /// True if locations of 32 bits can still address `additional` more runs.
    pub fn has_capacity_for(&self, additional: usize) -> bool {
        self.runs as usize + additional < u32::MAX as usize
    }

    /// The memory of all runs.
    pub fn footprint(&self) -> Footprint {
        Footprint::of_vec(&self.classes) + Footprint::of_vec(&self.class_indexes) + self.classes_footprint
    }

    /// Lets the server move all runs.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.classes);
        mover.vec(&mut self.class_indexes);
        self.classes.iter_mut().for_each(|runs| runs.move_by(mover));
    }

    /// Checks invariants 10 and 12 of [`crate::index::chunk`], given the owner, the location and the length of every
    /// run.
    pub fn internal_validate(&self, in_use: impl Iterator<Item = (u32, ListRef)>) -> Validation {
        self.classes.iter().try_for_each(Runs::internal_validate)?;
        // Tick off every run. Each has one owner, which it knows.
        let mut seen: Vec<Vec<bool>> =
            self.classes.iter().map(|runs| vec![false; runs.len() as usize]).collect();
        for (owner, list) in in_use {
            let class = self.class_indexes.get(size_class(list.len()).number);
            let class = class.map_or(usize::MAX, |class| usize::from(*class));
            let seen = seen.get_mut(class).and_then(|seen| seen.get_mut(list.location as usize));
            ensure(
                seen.is_some_and(|seen| !std::mem::replace(seen, true)),
                "10: a run is missing, or used twice",
            )?;
            ensure(self.classes[class].owner(list.location) == owner, "10: a run has another owner")?;
        }
        ensure(seen.iter().flatten().all(|seen| *seen), "10: a run belongs to nobody")?;
        let runs: u32 = self.classes.iter().map(Runs::len).sum();
        ensure(runs == self.runs, "10: an arena has another number of runs than it says")?;
        let footprint = self.classes.iter().map(Runs::footprint).sum::<Footprint>();
        ensure(footprint == self.classes_footprint, "10: the footprint of an arena is not the sum")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validate(arena: &Arena<u32>, lists: &[ListRef]) -> Validation {
        arena.internal_validate((0..).zip(lists.iter().copied()).filter(|(_, list)| list.len() > 0))
    }

    /// Resizes a list, and fills its new elements with its owner.
    fn resize(arena: &mut Arena<u32>, lists: &mut [ListRef], owner: u32, len: usize) {
        let mut list = lists[owner as usize];
        let old_len = list.len();
        let relocation = arena.resize(&mut list, len, owner);
        lists[owner as usize] = list;
        if len > old_len {
            arena.list_mut(list)[old_len..].fill(owner);
        }
        if let Some(Relocation { owner, location }) = relocation {
            lists[owner as usize] = lists[owner as usize].at(location);
        }
    }

    #[test]
    fn lists_keep_their_elements_whatever_moves_and_leave_nothing() {
        let (mut arena, mut lists) = (Arena::<u32>::default(), vec![ListRef::default(); 500]);
        for round in 0..60u32 {
            for owner in 0..500u32 {
                let len = (owner * 31 + round * 17) % 90 * ((owner + round) % 3);
                resize(&mut arena, &mut lists, owner, len as usize);
            }
            assert_eq!(validate(&arena, &lists), Ok(()));
            let is_own =
                |(owner, list): (u32, &ListRef)| arena.list(*list).iter().all(|value| *value == owner);
            assert!((0..).zip(&lists).all(is_own));
        }
        (0..500).for_each(|owner| resize(&mut arena, &mut lists, owner, 0));
        assert_eq!(arena.classes.capacity(), 0);
        assert_eq!((validate(&arena, &[]), arena.classes_footprint), (Ok(()), Footprint::default()));
    }

    #[test]
    fn the_validator_names_a_run_that_is_wrong() {
        let (mut arena, mut lists) = (Arena::<u32>::default(), vec![ListRef::default(); 3]);
        [4, 4, 9].into_iter().zip(0..).for_each(|(len, owner)| resize(&mut arena, &mut lists, owner, len));
        assert_eq!(validate(&arena, &lists), Ok(()));
        assert_eq!(validate(&arena, &lists[..2]), Err("10: a run belongs to nobody"));
        assert_eq!(validate(&arena, &[lists[1], lists[0], lists[2]]), Err("10: a run has another owner"));
        assert_eq!(validate(&arena, &[lists[0], lists[0]]), Err("10: a run is missing, or used twice"));
        arena.runs += 1;
        let wrong = "10: an arena has another number of runs than it says";
        assert_eq!(validate(&arena, &lists), Err(wrong));
    }
}
