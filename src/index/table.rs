//! A hash table of ids that grows by one cell at a time.
//!
//! Ids go in, and the keys that they stand for are looked up in the arenas: the table stores four
//! bytes of id and one of hash for an entry, and asks its caller whether an id is the one that is
//! looked for. It is linear hashing (Litwin 1980): a cell is split whenever the load asks for one
//! more, in order, so that no insertion ever pays for more than one cell. A table that doubles
//! would stop the server for a second at a hundred million entries; one that is split in parts by
//! extendible hashing costs two more cache misses a look-up and thousands of small allocations.
//!
//! A cell is 64 bytes, one cache line: twelve ids, their tags, and the number of an overflow cell.

use super::blocks::Blocks;
use super::mover::Mover;

const SLOTS: usize = 12;
/// Entries for each cell, on average; past it a cell is split.
const LOAD: usize = 8;
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
#[repr(C)] // in this order: what every look-up reads comes first, and in one piece
struct Cell {
    /// Eight bits of each entry's hash, never 0; 0 marks a free slot. Used slots come first.
    tags: [u8; SLOTS],
    /// The overflow cell that goes on from here.
    next: u32,
    ids: [u32; SLOTS],
}

const EMPTY: Cell = Cell { tags: [0; SLOTS], next: NONE, ids: [0; SLOTS] };

impl Cell {
    fn used(&self) -> usize {
        self.tags.iter().position(|tag| *tag == 0).unwrap_or(SLOTS)
    }

    /// The slots that have this tag.
    fn slots_with(&self, tag: u8) -> Slots {
        let tags = |from: usize, to: usize| {
            let mut eight = [0; 8];
            eight[..to - from].copy_from_slice(&self.tags[from..to]);
            u64::from_le_bytes(eight)
        };
        let wanted = u64::from(tag) * (u64::MAX / 255);
        let (first, last) = (zero_bytes(tags(0, 8) ^ wanted), zero_bytes(tags(8, SLOTS) ^ wanted));
        // The padding is 0, as no tag is.
        Slots(first >> 7 | last >> 6)
    }
}

/// Some slots of a cell: of byte n, bit 0 stands for slot n and bit 1 for slot n + 8.
#[derive(Clone)]
struct Slots(u64);

impl Iterator for Slots {
    type Item = usize;
    #[inline]
    fn next(&mut self) -> Option<usize> {
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (bit < 64).then_some(bit / 8 + bit % 8 * 8)
    }
}

/// The highest bit of each byte that is 0; of the other bytes nothing.
fn zero_bytes(bytes: u64) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    !(((bytes & LOW) + LOW) | bytes | LOW)
}

/// A set of ids, found by the hash of what they stand for.
#[derive(Debug)]
pub struct Table {
    home: Blocks<Cell>,
    /// The length of `home`, at hand: every look-up asks for it first.
    cells: u32,
    overflow: Blocks<Cell>,
    /// The first overflow cell that is not in use; `next` leads to the others.
    free: u32,
    len: usize,
}

impl Default for Table {
    fn default() -> Self {
        Table { home: Blocks::default(), cells: 0, overflow: Blocks::default(), free: NONE, len: 0 }
    }
}

/// A look-up whose first read has not ruled out that there is such an entry.
#[derive(Clone, Copy)]
pub struct Begun {
    hash: u32,
    /// An id that may be the one; [`NONE`] where it can be in an overflow cell alone.
    id: u32,
    /// No other id can be it.
    is_all: bool,
}

impl Begun {
    /// The hash that is looked for.
    pub fn hash(&self) -> u32 {
        self.hash
    }
}

/// A slot of the table.
#[derive(Clone, Copy)]
struct Place {
    overflow: bool,
    cell: u32,
    slot: usize,
}

fn tag(hash: u32) -> u8 {
    (hash >> 24).max(1) as u8
}

impl Table {
    /// How many ids there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The id with this hash that `is` accepts.
    pub fn find(&self, hash: u32, is: impl FnMut(u32) -> bool) -> Option<u32> {
        self.place_of(hash, is).map(|place| self.cell(place.overflow, place.cell).ids[place.slot])
    }

    /// Begins a look-up; `None` where nothing can be found. Look-ups wait for memory one after the
    /// other; where many are begun first, and finished by [`Self::find_from`] afterwards, their reads
    /// wait together.
    #[inline]
    pub fn begin(&self, hash: u32) -> Option<Begun> {
        if self.len == 0 {
            return None;
        }
        let cell = &self.home[self.home_of(hash) as usize];
        let mut slots = cell.slots_with(tag(hash));
        if slots.0 == 0 && cell.next == NONE {
            return None;
        }
        let id = slots.next().map_or(NONE, |slot| cell.ids[slot]);
        Some(Begun { hash, id, is_all: slots.0 == 0 && cell.next == NONE })
    }

    /// The id with this hash that `is` accepts, of a look-up that was begun.
    #[inline]
    pub fn find_from(&self, begun: Begun, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        if begun.id != NONE && is(begun.id) {
            return Some(begun.id);
        }
        if begun.is_all { None } else { self.find(begun.hash, is) }
    }

    /// Adds an id that is not in the table. `hash_of` gives the hash of any id that is.
    pub fn insert(&mut self, hash: u32, id: u32, hash_of: impl Fn(u32) -> u32) {
        self.len += 1;
        if self.len > self.cells as usize * LOAD {
            self.split(hash_of);
        }
        self.put(self.home_of(hash), hash, id);
    }

    /// Removes an id, if it is there.
    pub fn remove(&mut self, hash: u32, id: u32) {
        let Some(hole) = self.place_of(hash, |other| other == id) else { return };
        self.len -= 1;
        // The last entry of the chain fills the hole; a last cell that this empties is unlinked.
        let (mut before, mut last) = (None, Place { overflow: false, cell: self.home_of(hash), slot: 0 });
        while self.cell(last.overflow, last.cell).next != NONE {
            before = Some(last);
            last = Place { overflow: true, cell: self.cell(last.overflow, last.cell).next, slot: 0 };
        }
        let cell = self.cell_mut(last.overflow, last.cell);
        let slot = cell.used() - 1;
        let (moved, tag) = (cell.ids[slot], cell.tags[slot]);
        cell.tags[slot] = 0;
        if (hole.overflow, hole.cell, hole.slot) != (last.overflow, last.cell, slot) {
            let cell = self.cell_mut(hole.overflow, hole.cell);
            (cell.ids[hole.slot], cell.tags[hole.slot]) = (moved, tag);
        }
        if let (0, Some(before)) = (slot, before) {
            self.cell_mut(before.overflow, before.cell).next = NONE;
            self.release(last.cell);
        }
    }

    /// Puts another id in the place of one, for the same hash.
    pub fn replace(&mut self, hash: u32, id: u32, by: u32) {
        if let Some(place) = self.place_of(hash, |other| other == id) {
            self.cell_mut(place.overflow, place.cell).ids[place.slot] = by;
        }
    }

    fn cell(&self, overflow: bool, cell: u32) -> &Cell {
        if overflow { &self.overflow[cell as usize] } else { &self.home[cell as usize] }
    }

    fn cell_mut(&mut self, overflow: bool, cell: u32) -> &mut Cell {
        if overflow { &mut self.overflow[cell as usize] } else { &mut self.home[cell as usize] }
    }

    /// The home cell of a hash: as many low bits as there are cells, one fewer where that cell is
    /// not there yet.
    fn home_of(&self, hash: u32) -> u32 {
        let mask = self.cells.next_power_of_two() - 1;
        let cell = hash & mask;
        if cell < self.cells { cell } else { cell & (mask >> 1) }
    }

    fn place_of(&self, hash: u32, mut is: impl FnMut(u32) -> bool) -> Option<Place> {
        if self.len == 0 {
            return None;
        }
        let wanted = tag(hash);
        let mut place = Place { overflow: false, cell: self.home_of(hash), slot: 0 };
        loop {
            let cell = self.cell(place.overflow, place.cell);
            if let Some(slot) = cell.slots_with(wanted).find(|slot| is(cell.ids[*slot])) {
                return Some(Place { slot, ..place });
            }
            if cell.next == NONE {
                return None;
            }
            place = Place { overflow: true, cell: cell.next, slot: 0 };
        }
    }

    /// Puts an entry into the first free slot of a home cell's chain.
    fn put(&mut self, home: u32, hash: u32, id: u32) {
        let (mut overflow, mut number) = (false, home);
        loop {
            let cell = self.cell_mut(overflow, number);
            let slot = cell.used();
            if slot < SLOTS {
                (cell.ids[slot], cell.tags[slot]) = (id, tag(hash));
                return;
            }
            if cell.next == NONE {
                let fresh = self.fresh_overflow();
                self.cell_mut(overflow, number).next = fresh;
            }
            (overflow, number) = (true, self.cell(overflow, number).next);
        }
    }

    /// Adds a cell, and moves to it the half of the entries of the cell it is split from.
    fn split(&mut self, hash_of: impl Fn(u32) -> u32) {
        let new = self.cells;
        self.home.push(EMPTY);
        self.cells += 1;
        if new == 0 {
            return;
        }
        let old = new - (1 << new.ilog2());
        let mut cell = std::mem::replace(&mut self.home[old as usize], EMPTY);
        loop {
            // All hashes first: what they are computed from lies all over memory, and is waited for
            // together.
            let (used, mut hashes) = (cell.used(), [0; SLOTS]);
            cell.ids[..used].iter().zip(&mut hashes).for_each(|(id, hash)| *hash = hash_of(*id));
            for (id, hash) in cell.ids[..used].iter().zip(hashes) {
                self.put(self.home_of(hash), hash, *id);
            }
            if cell.next == NONE {
                return;
            }
            let next = cell.next;
            cell = self.overflow[next as usize];
            self.release(next);
        }
    }

    fn fresh_overflow(&mut self) -> u32 {
        if self.free == NONE {
            self.overflow.push(EMPTY);
            return self.overflow.len() as u32 - 1;
        }
        let fresh = self.free;
        self.free = self.overflow[fresh as usize].next;
        self.overflow[fresh as usize] = EMPTY;
        fresh
    }

    fn release(&mut self, overflow: u32) {
        self.overflow[overflow as usize] = Cell { next: self.free, ..EMPTY };
        self.free = overflow;
    }

    /// All ids, in no order.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        let cells = self.home.iter().chain(self.overflow.iter());
        cells.flat_map(|cell| cell.ids[..cell.used()].iter().copied())
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        self.home.memory() + self.overflow.memory()
    }

    /// Has all of it moved.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.home.move_by(mover);
        self.overflow.move_by(mover);
    }

    /// Allocations held.
    pub fn allocations(&self) -> usize {
        self.home.allocations() + self.overflow.allocations()
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
            let (mut table, mut model) = (Table::default(), BTreeSet::new());
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
    fn an_entry_costs_about_nine_bytes() {
        let mut table = Table::default();
        for id in 0..500_000 {
            table.insert(hash(id), id, hash);
        }
        let bytes = table.memory() as f64 / 500_000.0;
        assert!(bytes < 10.5, "{bytes}");
        assert!((0..500_000).all(|id| table.find(hash(id), |other| other == id) == Some(id)));
    }

    #[test]
    fn an_id_is_replaced_in_its_place() {
        let mut table = Table::default();
        table.insert(7, 1, |_| 7);
        table.replace(7, 1, 2);
        assert_eq!((table.find(7, |id| id == 1), table.find(7, |id| id == 2)), (None, Some(2)));
    }
}
