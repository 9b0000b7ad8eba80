//! A hash table of ids that grows by one cell at a time.
//!
//! Ids go in, and the keys that they stand for are looked up in the arenas: the table stores four
//! bytes of id and one of hash for an entry, and asks its caller whether an id is the one that is
//! looked for. It is linear hashing (Litwin 1980): a cell is split whenever the load asks for one
//! more, in order, so that no insertion ever pays for more than one cell. A table that doubles
//! would stop the server for a second at a hundred million entries; one that is split in parts by
//! extendible hashing costs two more cache misses a look-up and thousands of small allocations.
//!
//! A cell has sixteen ids, and a tag of each. The tags lie apart from the ids, four cells' in a cache line.
//! They are all that is read where something is not there, as most that a search asks for in a chunk is
//! not. A cell that does not suffice gives its last slot to the number of an overflow cell, a smaller one.
//! Just before they are split, cells hold twice as much as just after, and many overflow: so what that costs
//! is kept low, and not how often it happens.

use super::mover::Mover;
use super::segmented_vec::SegmentedVec;
use std::mem::replace;
use wide::u8x16;

const SLOTS: usize = 16;
/// Slots of an overflow cell.
const SLOTS_OF_OVERFLOW: usize = 4;
/// Entries for each cell, on average; past it a cell is split.
const LOAD: usize = 10;
const NONE: u32 = u32::MAX;

/// In the place of a tag: a slot that is free, behind those that are used.
const FREE: u8 = 0;
/// In the place of a tag: the last slot has the number of the overflow cell that goes on from here.
const MORE: u8 = 1;

/// Eight bits of an entry's hash, neither [`FREE`] nor [`MORE`].
fn tag(hash: u32) -> u8 {
    ((hash >> 24) as u8).max(MORE + 1)
}

/// The ids of a cell's entries.
fn used<'a>(tags: &[u8], ids: &'a [u32]) -> &'a [u32] {
    &ids[..tags.iter().take_while(|tag| !matches!(**tag, FREE | MORE)).count()]
}

/// The number of the overflow cell that goes on from a cell.
#[inline]
fn more(tags: &[u8], ids: &[u32]) -> Option<u32> {
    (tags.last() == Some(&MORE)).then(|| ids[tags.len() - 1])
}

/// Some slots of a cell, a bit for each.
#[derive(Clone)]
struct Slots(u32);

impl Slots {
    /// Those that have this tag.
    #[inline]
    fn with(tag: u8, tags: &[u8; SLOTS]) -> Slots {
        Slots(u8x16::new(*tags).simd_eq(u8x16::splat(tag)).to_bitmask())
    }

    /// Those that have this tag, and the last where an overflow cell goes on from it.
    #[inline]
    fn with_or_more(tag: u8, tags: &[u8; SLOTS]) -> Slots {
        let tags = u8x16::new(*tags);
        Slots((tags.simd_eq(u8x16::splat(tag)) | tags.simd_eq(u8x16::splat(MORE))).to_bitmask())
    }
}

impl Iterator for Slots {
    type Item = usize;
    #[inline]
    fn next(&mut self) -> Option<usize> {
        let slot = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (slot < SLOTS).then_some(slot)
    }
}

/// The cells that hashes lead to.
#[derive(Debug, Default)]
struct Home {
    tags: SegmentedVec<[u8; SLOTS]>,
    ids: SegmentedVec<[u32; SLOTS]>,
}

/// A cell that others go on in.
#[derive(Debug, Clone, Copy, Default)]
struct Overflow {
    tags: [u8; SLOTS_OF_OVERFLOW],
    /// Of a cell that is not in use, the first is the number of the next such cell.
    ids: [u32; SLOTS_OF_OVERFLOW],
}

/// A set of ids, found by the hash of what they stand for.
#[derive(Debug)]
pub struct IdTable {
    home: Home,
    /// How many home cells there are, at hand: every look-up asks for it first.
    cells: u32,
    /// The lowest power of two that is not below it, less one.
    mask: u32,
    overflow: SegmentedVec<Overflow>,
    /// The first overflow cell that is not in use.
    free: u32,
    len: usize,
}

impl Default for IdTable {
    fn default() -> Self {
        let (home, overflow) = Default::default();
        IdTable { home, cells: 0, mask: 0, overflow, free: NONE, len: 0 }
    }
}

/// A cell of the table.
#[derive(Clone, Copy, PartialEq)]
enum Cell {
    Home(u32),
    Overflow(u32),
}

/// A slot of the table.
#[derive(Clone, Copy, PartialEq)]
struct Place {
    cell: Cell,
    slot: usize,
}

impl IdTable {
    /// How many ids there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The id with this hash that `is` accepts.
    pub fn find(&self, hash: u32, is: impl FnMut(u32) -> bool) -> Option<u32> {
        self.entry(hash, is).map(|(_, id)| id)
    }

    /// Whether an id with this hash may be there. Nothing here branches on what is read, either: see
    /// [`chosen`].
    #[inline]
    pub fn may_have(&self, hash: u32) -> bool {
        let tags = self.home.tags.get(self.home_of(hash) as usize);
        tags.is_some_and(|tags| Slots::with_or_more(tag(hash), tags).0 != 0)
    }

    /// Adds an id that is not in the table. `hash_of` gives the hash of any id that is.
    pub fn insert(&mut self, hash: u32, id: u32, hash_of: impl Fn(u32) -> u32) {
        self.len += 1;
        if self.len > self.cells as usize * LOAD {
            self.split(hash_of);
        }
        self.put(hash, id);
    }

    /// Removes an id, if it is there.
    pub fn remove(&mut self, hash: u32, id: u32) {
        let Some((hole, _)) = self.entry(hash, |other| other == id) else { return };
        self.len -= 1;
        // The last entry of the chain fills the hole; a last cell that this empties is unlinked.
        let (mut before, mut last) = (None, Cell::Home(self.home_of(hash)));
        while let Some(next) = self.next(last) {
            before = Some(replace(&mut last, next));
        }
        let slot = self.free_slot(last).map_or(self.last_slot(last).slot, |free| free - 1);
        let end = Place { cell: last, slot };
        let (tag, id) = self.get(end);
        self.set(hole, tag, id);
        self.set(end, FREE, 0);
        if let (Place { cell: Cell::Overflow(emptied), slot: 0 }, Some(before)) = (end, before) {
            self.set(self.last_slot(before), FREE, 0);
            self.release(emptied);
        }
    }

    /// Puts another id in the place of one, for the same hash.
    pub fn replace(&mut self, hash: u32, id: u32, by: u32) {
        if let Some((place, _)) = self.entry(hash, |other| other == id) {
            self.set(place, tag(hash), by);
        }
    }

    /// What a slot holds: its tag and its id.
    fn get(&self, Place { cell, slot }: Place) -> (u8, u32) {
        match cell {
            Cell::Home(number) => {
                (self.home.tags[number as usize][slot], self.home.ids[number as usize][slot])
            }
            Cell::Overflow(number) => {
                let overflow = &self.overflow[number as usize];
                (overflow.tags[slot], overflow.ids[slot])
            }
        }
    }

    #[inline]
    fn set(&mut self, Place { cell, slot }: Place, tag: u8, id: u32) {
        match cell {
            Cell::Home(number) => {
                self.home.tags[number as usize][slot] = tag;
                self.home.ids[number as usize][slot] = id;
            }
            Cell::Overflow(number) => {
                let overflow = &mut self.overflow[number as usize];
                (overflow.tags[slot], overflow.ids[slot]) = (tag, id);
            }
        }
    }

    /// The first free slot of a cell.
    #[inline]
    fn free_slot(&self, cell: Cell) -> Option<usize> {
        match cell {
            Cell::Home(number) => Slots::with(FREE, &self.home.tags[number as usize]).next(),
            Cell::Overflow(number) => self.overflow[number as usize].tags.iter().position(|tag| *tag == FREE),
        }
    }

    fn last_slot(&self, cell: Cell) -> Place {
        let slots = match cell {
            Cell::Home(_) => SLOTS,
            Cell::Overflow(_) => SLOTS_OF_OVERFLOW,
        };
        Place { cell, slot: slots - 1 }
    }

    /// The overflow cell that goes on from a cell.
    fn next(&self, cell: Cell) -> Option<Cell> {
        let number = match cell {
            Cell::Home(number) => more(&self.home.tags[number as usize], &self.home.ids[number as usize]),
            Cell::Overflow(number) => {
                let Overflow { tags, ids } = &self.overflow[number as usize];
                more(tags, ids)
            }
        };
        number.map(Cell::Overflow)
    }

    /// The home cell of a hash: as many low bits as there are cells, one fewer where that cell is
    /// not there yet.
    fn home_of(&self, hash: u32) -> u32 {
        let cell = hash & self.mask;
        if cell < self.cells { cell } else { cell & (self.mask >> 1) }
    }

    /// The entry with this hash whose id `is` accepts: where it is, and the id.
    #[inline]
    fn entry(&self, hash: u32, mut is: impl FnMut(u32) -> bool) -> Option<(Place, u32)> {
        let number = self.home_of(hash);
        let tags = self.home.tags.get(number as usize)?;
        for slot in Slots::with(tag(hash), tags) {
            let id = self.home.ids[number as usize][slot];
            if is(id) {
                return Some((Place { cell: Cell::Home(number), slot }, id));
            }
        }
        let mut next = more(tags, &self.home.ids[number as usize]);
        while let Some(number) = next {
            let Overflow { tags, ids } = &self.overflow[number as usize];
            for slot in 0..SLOTS_OF_OVERFLOW {
                if tags[slot] == tag(hash) && is(ids[slot]) {
                    return Some((Place { cell: Cell::Overflow(number), slot }, ids[slot]));
                }
            }
            next = more(tags, ids);
        }
        None
    }

    /// Puts an entry into the first free slot of its chain.
    fn put(&mut self, hash: u32, id: u32) {
        let mut cell = Cell::Home(self.home_of(hash));
        loop {
            if let Some(slot) = self.free_slot(cell) {
                return self.set(Place { cell, slot }, tag(hash), id);
            }
            cell = self.next(cell).unwrap_or_else(|| self.extend(cell));
        }
    }

    /// Adds a cell, and moves to it the half of the entries of the cell it is split from.
    fn split(&mut self, hash_of: impl Fn(u32) -> u32) {
        let new = self.cells;
        self.home.tags.push([FREE; SLOTS]);
        self.home.ids.push([0; SLOTS]);
        self.cells += 1;
        self.mask = self.cells.next_power_of_two() - 1;
        if new == 0 {
            return;
        }
        let old = (new - (1 << new.ilog2())) as usize;
        let (tags, ids) = (replace(&mut self.home.tags[old], [FREE; SLOTS]), self.home.ids[old]);
        let mut next = self.put_all(&tags, &ids, &hash_of);
        while let Some(number) = next {
            let Overflow { tags, ids } = self.overflow[number as usize];
            self.release(number);
            next = self.put_all(&tags, &ids, &hash_of);
        }
    }

    /// Puts the entries that were in a cell where they belong now. Returns the number of the overflow cell
    /// that went on from there.
    fn put_all(&mut self, tags: &[u8], ids: &[u32], hash_of: &impl Fn(u32) -> u32) -> Option<u32> {
        let used = used(tags, ids);
        // All hashes first: what they are computed from lies all over memory, and is waited for together.
        let mut hashes = [0; SLOTS];
        used.iter().zip(&mut hashes).for_each(|(id, hash)| *hash = hash_of(*id));
        used.iter().zip(hashes).for_each(|(id, hash)| self.put(hash, *id));
        more(tags, ids)
    }

    /// Adds an overflow cell behind a full one, whose last slot leads there now. What was in it goes with it.
    fn extend(&mut self, full: Cell) -> Cell {
        if self.free == NONE {
            self.overflow.push(Overflow::default());
            self.release(self.overflow.len() as u32 - 1);
        }
        let (number, fresh) = (self.free, Cell::Overflow(self.free));
        self.free = self.overflow[number as usize].ids[0];
        let last = self.last_slot(full);
        let (tag, id) = self.get(last);
        self.set(Place { cell: fresh, slot: 0 }, tag, id);
        self.set(last, MORE, number);
        fresh
    }

    fn release(&mut self, overflow: u32) {
        self.overflow[overflow as usize] =
            Overflow { tags: [FREE; SLOTS_OF_OVERFLOW], ids: [self.free; SLOTS_OF_OVERFLOW] };
        self.free = overflow;
    }

    /// All ids, in no order.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        let home = self.home.tags.iter().zip(self.home.ids.iter()).flat_map(|(tags, ids)| used(tags, ids));
        home.chain(self.overflow.iter().flat_map(|cell| used(&cell.tags, &cell.ids))).copied()
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        self.home.tags.memory() + self.home.ids.memory() + self.overflow.memory()
    }

    /// Has all of it moved.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.home.tags.move_by(mover);
        self.home.ids.move_by(mover);
        self.overflow.move_by(mover);
    }

    /// Allocations held.
    pub fn allocations(&self) -> usize {
        self.home.tags.allocations() + self.home.ids.allocations() + self.overflow.allocations()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn hash(id: u32) -> u32 {
        id.wrapping_mul(0x9e37_79b9).rotate_left(15).wrapping_mul(0x85eb_ca6b)
    }

    proptest! {
        #[test]
        fn holds_what_a_set_holds(steps in prop::collection::vec((0..300u32, any::<bool>()), 0..2_000), narrow: bool) {
            // A narrow hash puts many entries into one cell, so that overflow chains grow and shrink.
            let hash = |id: u32| if narrow { hash(id % 5) } else { hash(id) };
            let (mut table, mut model) = (IdTable::default(), BTreeSet::new());
            for (id, add) in steps {
                let there = model.contains(&id);
                prop_assert_eq!(table.find(hash(id), |other| other == id), there.then_some(id));
                if add && !there {
                    table.insert(hash(id), id, hash);
                    model.insert(id);
                } else if !add {
                    table.remove(hash(id), id);
                    model.remove(&id);
                }
                prop_assert_eq!(table.len(), model.len());
            }
            prop_assert_eq!(table.ids().collect::<BTreeSet<_>>(), model);
        }
    }

    #[test]
    fn an_entry_costs_about_eight_bytes() {
        let mut table = IdTable::default();
        for id in 0..650_000 {
            table.insert(hash(id), id, hash);
        }
        let bytes = table.memory() as f64 / 650_000.0; // its blocks are nearly full
        assert!(bytes < 9.0, "{bytes}");
        assert!((0..650_000).all(|id| table.find(hash(id), |other| other == id) == Some(id)));
    }

    #[test]
    fn an_id_is_replaced_in_its_place() {
        let mut table = IdTable::default();
        table.insert(7, 1, |_| 7);
        table.replace(7, 1, 2);
        assert_eq!((table.find(7, |id| id == 1), table.find(7, |id| id == 2)), (None, Some(2)));
    }
}
