//! A hash table of ids that grows by one cell at a time.
//!
//! Ids go in, and the keys that they stand for are looked up in the arenas: the table stores four
//! bytes of id and one of hash for an entry, and asks its caller whether an id is the one that is
//! looked for. It is linear hashing (Litwin 1980): a cell is split whenever the load asks for one
//! more, in order, so that no insertion ever pays for more than one cell. A table that doubles
//! would stop the server for a second at a hundred million entries; one that is split in parts by
//! extendible hashing costs two more cache misses a look-up and thousands of small allocations.
//!
//! A cell is 64 bytes: twelve ids, their tags, and the number of an overflow cell. The tags lie apart from
//! the ids, four cells' in a cache line. They are all that is read where something is not there, as most
//! that a search asks for in a chunk is not.

use super::blocks::Blocks;
use super::mover::Mover;
use std::mem::replace;
use wide::u8x16;

const SLOTS: usize = 12;
/// Entries for each cell, on average; past it a cell is split.
const LOAD: usize = 8;
const NONE: u32 = u32::MAX;

/// What a look-up reads first of a cell.
#[derive(Debug, Clone, Copy)]
#[repr(C)] // 16 bytes, in this order: a look-up reads the tags in one piece
struct Head {
    /// Eight bits of each entry's hash, never 0; 0 marks a free slot. Used slots come first.
    tags: [u8; SLOTS],
    /// The overflow cell that goes on from here.
    next: u32,
}

const EMPTY: Head = Head { tags: [0; SLOTS], next: NONE };

impl Head {
    fn used(&self) -> usize {
        self.tags.iter().position(|tag| *tag == 0).unwrap_or(SLOTS)
    }

    /// The slots that have this tag.
    #[inline]
    fn slots_with(&self, tag: u8) -> Slots {
        let mut tags = [0; 16]; // of the padding none is a tag
        tags[..SLOTS].copy_from_slice(&self.tags);
        Slots(u8x16::new(tags).simd_eq(u8x16::splat(tag)).to_bitmask())
    }

    /// Whether an entry with this tag may be here, or in an overflow cell.
    #[inline]
    fn may_have(&self, tag: u8) -> bool {
        (self.slots_with(tag).0 != 0) | (self.next != NONE)
    }
}

/// Some slots of a cell, a bit for each.
#[derive(Clone)]
struct Slots(u32);

impl Iterator for Slots {
    type Item = usize;
    #[inline]
    fn next(&mut self) -> Option<usize> {
        let slot = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (slot < SLOTS).then_some(slot)
    }
}

/// The numbers that come with `true`, for which there is `room`. It does not branch on the answers: a wrong
/// guess of the processor would wait for what was read, and nothing would be read beside it.
pub fn chosen(answers: impl Iterator<Item = (usize, bool)>, room: &mut [usize]) -> &[usize] {
    let mut count = 0;
    for (number, answer) in answers {
        room[count] = number;
        count += usize::from(answer);
    }
    &room[..count]
}

/// Cells by their numbers.
#[derive(Debug, Default)]
struct Cells {
    heads: Blocks<Head>,
    ids: Blocks<[u32; SLOTS]>,
}

impl Cells {
    /// Adds an empty cell.
    fn push(&mut self) {
        self.heads.push(EMPTY);
        self.ids.push([0; SLOTS]);
    }
}

/// A set of ids, found by the hash of what they stand for.
#[derive(Debug)]
pub struct Table {
    home: Cells,
    /// How many home cells there are, at hand: every look-up asks for it first.
    cells: u32,
    /// The lowest power of two that is not below it, less one.
    mask: u32,
    overflow: Cells,
    /// The first overflow cell that is not in use; `next` leads to the others.
    free: u32,
    len: usize,
}

impl Default for Table {
    fn default() -> Self {
        let (home, overflow) = Default::default();
        Table { home, cells: 0, mask: 0, overflow, free: NONE, len: 0 }
    }
}

/// A cell of the table.
#[derive(Clone, Copy, PartialEq)]
struct Cell {
    is_overflow: bool,
    number: u32,
}

/// A slot of the table.
#[derive(Clone, Copy, PartialEq)]
struct Place {
    cell: Cell,
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
        self.entry(hash, is).map(|(_, id)| id)
    }

    /// Whether an id with this hash may be there. Nothing here branches on what is read, either: see
    /// [`chosen`].
    #[inline]
    pub fn may_have(&self, hash: u32) -> bool {
        let head = self.home.heads.get(self.home_of(hash).number as usize);
        head.is_some_and(|head| head.may_have(tag(hash)))
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
        let (mut before, mut last) = (None, self.home_of(hash));
        while let Some(next) = self.next(last) {
            before = Some(replace(&mut last, next));
        }
        let slot = self.head(last).used() - 1;
        let (moved, tag) = (self.ids_of(last)[slot], self.head(last).tags[slot]);
        self.head_mut(last).tags[slot] = 0;
        if hole != (Place { cell: last, slot }) {
            self.head_mut(hole.cell).tags[hole.slot] = tag;
            self.ids_of_mut(hole.cell)[hole.slot] = moved;
        }
        if let (0, Some(before)) = (slot, before) {
            self.head_mut(before).next = NONE;
            self.release(last.number);
        }
    }

    /// Puts another id in the place of one, for the same hash.
    pub fn replace(&mut self, hash: u32, id: u32, by: u32) {
        if let Some((Place { cell, slot }, _)) = self.entry(hash, |other| other == id) {
            self.ids_of_mut(cell)[slot] = by;
        }
    }

    fn cells(&self, cell: Cell) -> &Cells {
        if cell.is_overflow { &self.overflow } else { &self.home }
    }

    fn cells_mut(&mut self, cell: Cell) -> &mut Cells {
        if cell.is_overflow { &mut self.overflow } else { &mut self.home }
    }

    fn head(&self, cell: Cell) -> &Head {
        &self.cells(cell).heads[cell.number as usize]
    }

    fn head_mut(&mut self, cell: Cell) -> &mut Head {
        &mut self.cells_mut(cell).heads[cell.number as usize]
    }

    fn ids_of(&self, cell: Cell) -> &[u32; SLOTS] {
        &self.cells(cell).ids[cell.number as usize]
    }

    fn ids_of_mut(&mut self, cell: Cell) -> &mut [u32; SLOTS] {
        &mut self.cells_mut(cell).ids[cell.number as usize]
    }

    /// The overflow cell that goes on from a cell.
    fn next(&self, cell: Cell) -> Option<Cell> {
        let number = self.head(cell).next;
        (number != NONE).then_some(Cell { is_overflow: true, number })
    }

    /// The home cell of a hash: as many low bits as there are cells, one fewer where that cell is
    /// not there yet.
    fn home_of(&self, hash: u32) -> Cell {
        let cell = hash & self.mask;
        let number = if cell < self.cells { cell } else { cell & (self.mask >> 1) };
        Cell { is_overflow: false, number }
    }

    /// The entry with this hash whose id `is` accepts: where it is, and the id.
    #[inline]
    fn entry(&self, hash: u32, mut is: impl FnMut(u32) -> bool) -> Option<(Place, u32)> {
        let (mut cell, mut cells) = (self.home_of(hash), &self.home);
        loop {
            let head = cells.heads.get(cell.number as usize)?;
            for slot in head.slots_with(tag(hash)) {
                let id = cells.ids[cell.number as usize][slot];
                if is(id) {
                    return Some((Place { cell, slot }, id));
                }
            }
            // No cell has the number that stands for none.
            (cell, cells) = (Cell { is_overflow: true, number: head.next }, &self.overflow);
        }
    }

    /// Puts an entry into the first free slot of its chain.
    fn put(&mut self, hash: u32, id: u32) {
        let mut cell = self.home_of(hash);
        loop {
            let slot = self.head(cell).used();
            if slot < SLOTS {
                self.head_mut(cell).tags[slot] = tag(hash);
                self.ids_of_mut(cell)[slot] = id;
                return;
            }
            cell = self.next(cell).unwrap_or_else(|| self.extend(cell));
        }
    }

    /// Adds a cell, and moves to it the half of the entries of the cell it is split from.
    fn split(&mut self, hash_of: impl Fn(u32) -> u32) {
        let new = self.cells;
        self.home.push();
        self.cells += 1;
        self.mask = self.cells.next_power_of_two() - 1;
        if new == 0 {
            return;
        }
        let mut cell = Cell { is_overflow: false, number: new - (1 << new.ilog2()) };
        let mut head = replace(self.head_mut(cell), EMPTY);
        loop {
            // All hashes first: what they are computed from lies all over memory, and is waited for
            // together.
            let (used, ids, mut hashes) = (head.used(), *self.ids_of(cell), [0; SLOTS]);
            ids[..used].iter().zip(&mut hashes).for_each(|(id, hash)| *hash = hash_of(*id));
            if cell.is_overflow {
                self.release(cell.number);
            }
            ids[..used].iter().zip(hashes).for_each(|(id, hash)| self.put(hash, *id));
            if head.next == NONE {
                return;
            }
            cell = Cell { is_overflow: true, number: head.next };
            head = *self.head(cell);
        }
    }

    /// Adds an overflow cell at the end of a chain.
    fn extend(&mut self, last: Cell) -> Cell {
        if self.free == NONE {
            self.free = self.overflow.heads.len() as u32;
            self.overflow.push();
        }
        let fresh = Cell { is_overflow: true, number: self.free };
        self.free = replace(self.head_mut(fresh), EMPTY).next;
        self.head_mut(last).next = fresh.number;
        fresh
    }

    fn release(&mut self, overflow: u32) {
        self.overflow.heads[overflow as usize] = Head { next: self.free, ..EMPTY };
        self.free = overflow;
    }

    fn blocks(&self) -> [(&Blocks<Head>, &Blocks<[u32; SLOTS]>); 2] {
        [&self.home, &self.overflow].map(|cells| (&cells.heads, &cells.ids))
    }

    /// All ids, in no order.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        let cells = self.blocks().into_iter().flat_map(|(heads, ids)| heads.iter().zip(ids.iter()));
        cells.flat_map(|(head, ids)| ids[..head.used()].iter().copied())
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        self.blocks().iter().map(|(heads, ids)| heads.memory() + ids.memory()).sum()
    }

    /// Has all of it moved.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        for cells in [&mut self.home, &mut self.overflow] {
            cells.heads.move_by(mover);
            cells.ids.move_by(mover);
        }
    }

    /// Allocations held.
    pub fn allocations(&self) -> usize {
        self.blocks().iter().map(|(heads, ids)| heads.allocations() + ids.allocations()).sum()
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
