//! Lists of ids without an order: many short ones in an arena, and a few long ones in tables of their own.
//!
//! A chunk holds millions of lists of the buckets of an item, most of about ten. If each were a `Vec`, it would cost
//! 24 bytes of header and an allocation, and freeing three million of them stops the server for 40 ms. So the caller
//! keeps a handle of 8 bytes, [`ListRef`]: a location and a length. The length decides which kind of list it is, and
//! so what the location means:
//!
//! ```text
//!     length             kind       ids                                   location
//!     0                  empty      none                                  0, not used
//!     1 to SHORT_MAX     short      a run of the arena                    that of the run
//!     more               long       a table                               its index in a vector
//! ```
//!
//! An id in a list may change ([`IdLists::replace`]). A short list is searched for it from end to end, which reads a
//! few cache lines. A long one is a hash table of its ids, so that this takes no longer however long it is.

use super::arena::{Arena, ListRef, Relocation};
use super::footprint::Footprint;
use super::id_table::{IdTable, hash_of_id};
use super::invariant::{Validation, ensure};
use super::mover::Mover;
use super::segmented_vec::SegmentedVec;

/// The length of the longest list that is kept in the arena.
pub const SHORT_MAX: usize = 1_024;

/// True if a list is a table of its own.
pub fn is_long(list: ListRef) -> bool {
    list.len() > SHORT_MAX
}

/// The ids of a long list.
#[derive(Debug)]
struct LongList {
    ids: IdTable,
    owner: u32,
}

/// Lists of ids, each with the id of its owner.
#[derive(Debug, Default)]
pub struct IdLists {
    short: Arena<u32>,
    long: SegmentedVec<LongList>,
    /// The sum of the footprints of all long lists, kept up to date so that [`Self::footprint`] does not have
    /// to add them up.
    long_footprint: Footprint,
}

impl IdLists {
    /// Adds ids to a list, none of which it has.
    pub fn extend(&mut self, list: &mut ListRef, owner: u32, ids: &[u32]) -> Option<Relocation> {
        let (old_len, len) = (list.len(), list.len() + ids.len());
        if len <= SHORT_MAX {
            // A short list goes straight to its final length: at most one new run, and one copy.
            let relocation = self.short.resize(list, len, owner);
            self.short.list_mut(*list)[old_len..].copy_from_slice(ids);
            return relocation;
        }
        let mut relocation = None;
        if !is_long(*list) {
            // A list that becomes long: its ids move from the arena to a table.
            let mut table = IdTable::default();
            self.short.list(*list).iter().for_each(|id| table.insert(hash_of_id(*id), *id, hash_of_id));
            if old_len > 0 {
                relocation = self.short.free(list.location(), old_len);
            }
            self.long_footprint = self.long_footprint + table.footprint();
            *list = ListRef::from_parts(self.long.len() as u32, 0);
            self.long.push(LongList { ids: table, owner });
        }
        self.change_long(*list, |table| {
            ids.iter().for_each(|id| table.insert(hash_of_id(*id), *id, hash_of_id))
        });
        *list = ListRef::from_parts(list.location(), len as u32);
        relocation
    }

    /// Changes a long list, and keeps the sum of the footprints up to date.
    fn change_long(&mut self, list: ListRef, change: impl FnOnce(&mut IdTable)) {
        let table = &mut self.long[list.location() as usize].ids;
        let before = table.footprint();
        change(table);
        let after = table.footprint();
        self.long_footprint = self.long_footprint - before + after;
    }

    /// Removes an id from a list, which has it. A long list that is left short goes back to the arena.
    pub fn remove(&mut self, list: &mut ListRef, owner: u32, id: u32) -> Option<Relocation> {
        let len = list.len() - 1;
        if !is_long(*list) {
            let ids = self.short.list_mut(*list);
            let index = ids.iter().position(|other| *other == id)?;
            ids.swap(index, len);
            return self.short.resize(list, len, owner);
        }
        self.change_long(*list, |table| table.remove(hash_of_id(id), id));
        if len > SHORT_MAX {
            *list = ListRef::from_parts(list.location(), len as u32);
            return None;
        }
        let ids: Vec<u32> = self.long[list.location() as usize].ids.ids().collect();
        let relocation = self.free(*list);
        *list = ListRef::default();
        self.extend(list, owner, &ids); // moves no other list, since it had no run
        relocation
    }

    /// Replaces an id of a list, which has it, by one that it does not have.
    pub fn replace(&mut self, list: ListRef, old: u32, new: u32) {
        if is_long(list) {
            self.change_long(list, |table| {
                table.remove(hash_of_id(old), old);
                table.insert(hash_of_id(new), new, hash_of_id);
            });
        } else if let Some(id) = self.short.list_mut(list).iter_mut().find(|id| **id == old) {
            *id = new;
        }
    }

    /// Frees the memory of a list. No handle to it may be used again.
    pub fn free(&mut self, list: ListRef) -> Option<Relocation> {
        if !is_long(list) {
            return if list.len() > 0 { self.short.free(list.location(), list.len()) } else { None };
        }
        let location = list.location();
        self.long_footprint = self.long_footprint - self.long[location as usize].ids.footprint();
        self.long.swap_remove(location as usize);
        self.long.get(location as usize).map(|moved| Relocation { owner: moved.owner, location })
    }

    /// Gives a list to another owner.
    pub fn set_owner(&mut self, list: ListRef, owner: u32) {
        if is_long(list) {
            self.long[list.location() as usize].owner = owner;
        } else if list.len() > 0 {
            self.short.set_owner(list.location(), list.len(), owner);
        }
    }

    /// The ids of a list.
    pub fn iter(&self, list: ListRef) -> impl Iterator<Item = u32> {
        // Both kinds of list must give an iterator of the same type: a chain, of which one half is empty.
        let (short, long) = if is_long(list) {
            (&[][..], Some(&self.long[list.location() as usize].ids))
        } else {
            (self.short.list(list), None)
        };
        short.iter().copied().chain(long.into_iter().flat_map(IdTable::ids))
    }

    /// True if lists can grow by `additional` ids in all.
    pub fn has_capacity_for(&self, additional: usize) -> bool {
        // A list that grows needs its new run before its old one is freed, hence one more.
        self.short.has_capacity_for(additional + 1)
    }

    /// The memory of all lists.
    pub fn footprint(&self) -> Footprint {
        self.short.footprint() + self.long.footprint() + self.long_footprint
    }

    /// Lets the server move all lists.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.short.move_by(mover);
        self.long.move_by(mover);
        self.long.iter_mut().for_each(|list| list.ids.move_by(mover));
    }

    /// Checks invariants 9 to 12 of [`crate::index::chunk`], given every list with its owner.
    pub fn internal_validate(&self, lists: &[(u32, ListRef)]) -> Validation {
        self.long.internal_validate()?;
        let mut long = 0;
        for (owner, list) in lists.iter().filter(|(_, list)| is_long(*list)) {
            let found = self.long.get(list.location() as usize);
            ensure(
                found.is_some_and(|found| found.owner == *owner && found.ids.len() == list.len()),
                "9: a long list is missing, or has another owner or length",
            )?;
            long += 1;
        }
        // Each owner has one list, and each long one knows its owner, so it is enough to count them.
        ensure(long == self.long.len(), "9: a long list belongs to nobody, or to two")?;
        self.long.iter().try_for_each(|list| list.ids.internal_validate(|id| Some(hash_of_id(id))))?;
        // The sum that every change has kept up to date is still the sum.
        let footprint = self.long.iter().map(|list| list.ids.footprint()).sum::<Footprint>();
        ensure(self.long_footprint == footprint, "9: the footprint of the long lists is not their sum")?;
        self.short
            .internal_validate(lists.iter().copied().filter(|(_, list)| list.len() > 0 && !is_long(*list)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn tell(lists: &mut [ListRef], relocation: Option<Relocation>) {
        if let Some(Relocation { owner, location }) = relocation {
            lists[owner as usize] = lists[owner as usize].at(location);
        }
    }

    fn extend(pool: &mut IdLists, lists: &mut [ListRef], owner: u32, ids: &[u32]) {
        let mut list = lists[owner as usize];
        let relocation = pool.extend(&mut list, owner, ids);
        lists[owner as usize] = list;
        tell(lists, relocation);
    }

    fn ids(pool: &IdLists, list: ListRef) -> BTreeSet<u32> {
        pool.iter(list).collect()
    }

    fn validate(pool: &IdLists, lists: &[ListRef]) -> Validation {
        pool.internal_validate(&(0..).zip(lists.iter().copied()).collect::<Vec<_>>())
    }

    #[test]
    fn a_list_has_what_was_added_and_replaced() {
        let (mut pool, mut lists) = (IdLists::default(), vec![ListRef::default(); 3]);
        let n = SHORT_MAX as u32 + 500;
        for id in (0..n).step_by(4) {
            extend(&mut pool, &mut lists, 0, &[id, id + 1, id + 2, id + 3]);
            extend(&mut pool, &mut lists, 1, &[n + id]);
            extend(&mut pool, &mut lists, 2, &[]);
        }
        extend(&mut pool, &mut lists, 2, &(0..n).collect::<Vec<_>>());
        assert_eq!(validate(&pool, &lists), Ok(()));
        for old in (0..n).step_by(4) {
            pool.replace(lists[0], old, old + 7 * n);
            pool.replace(lists[1], old + n, old);
        }
        let replaced = (0..n).map(|id| if id % 4 == 0 { id + 7 * n } else { id });
        assert_eq!(ids(&pool, lists[0]), replaced.collect());
        assert_eq!(ids(&pool, lists[1]), (0..n).step_by(4).collect());
        assert_eq!((ids(&pool, lists[2]), validate(&pool, &lists)), ((0..n).collect(), Ok(())));
    }

    #[test]
    fn lists_that_are_freed_leave_nothing() {
        let (mut pool, mut lists) = (IdLists::default(), vec![ListRef::default(); 40]);
        for owner in 0..40 {
            extend(&mut pool, &mut lists, owner, &(0..owner * 50).collect::<Vec<_>>());
        }
        for owner in [3, 39, 20, 0, 38] {
            let list = std::mem::take(&mut lists[owner]);
            let relocation = pool.free(list);
            tell(&mut lists, relocation);
            assert_eq!(validate(&pool, &lists), Ok(()));
        }
        for owner in 0..40 {
            assert_eq!(pool.iter(lists[owner]).count(), lists[owner].len());
            let relocation = pool.free(std::mem::take(&mut lists[owner]));
            tell(&mut lists, relocation);
        }
        assert_eq!(validate(&pool, &lists), Ok(()));
        assert!(pool.footprint().bytes < 6_000, "{:?}", pool.footprint());
    }

    #[test]
    fn the_validator_names_a_handle_that_is_wrong() {
        let (mut pool, mut lists) = (IdLists::default(), vec![ListRef::default(); 2]);
        extend(&mut pool, &mut lists, 0, &[1, 2, 3]);
        extend(&mut pool, &mut lists, 1, &(0..=SHORT_MAX as u32).collect::<Vec<_>>());
        assert_eq!(validate(&pool, &lists), Ok(()));
        assert_eq!(validate(&pool, &lists[..1]), Err("9: a long list belongs to nobody, or to two"));
        assert_eq!(
            validate(&pool, &[lists[1], lists[0]]),
            Err("9: a long list is missing, or has another owner or length")
        );
        let longer = ListRef::from_parts(lists[1].location(), SHORT_MAX as u32 + 2);
        assert_eq!(
            validate(&pool, &[lists[0], longer]),
            Err("9: a long list is missing, or has another owner or length")
        );
    }
}
