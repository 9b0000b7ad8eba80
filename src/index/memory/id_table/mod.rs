//! A hash table of ids that grows by one cell at a time: linear hashing, with tags.
//!
//! Ids go in, and are found by the hash of the keys that they stand for. The keys are in arenas of the
//! caller: the table stores four bytes of id and one byte of hash for an entry, and asks the caller whether
//! an id is the one that is looked for.
//!
//! # Linear hashing
//!
//! Linear hashing (Litwin 1980) keeps an average load by splitting one cell at a time, in order, whichever cell
//! it was that filled up. So no insertion ever pays for more than one cell. A table that doubles would stop the
//! server for a second at a hundred million entries; one that is split in parts by extendible hashing costs two
//! more cache misses a lookup and thousands of small allocations.
//!
//! ```text
//!     cells = 5, mask = 7        hash & 7       0   1   2   3   4   5   6   7
//!                                home cell      0   1   2   3   4   1   2   3
//!                                                   ^               |
//!                                                   '---------------'
//!     Cells 5 to 7 are not there yet: their entries are in the cells 1 to 3, whose numbers have the highest
//!     bit less. The next split adds cell 5, and moves to it the entries of cell 1 that belong there.
//! ```
//!
//! # A cell and its overflow chain
//!
//! A home cell has 16 slots for ids, and a tag for each: eight bits of the entry's hash, as in SwissTable and
//! F14. The tags lie apart from the ids, those of four cells in a cache line. They are all that is read if an
//! entry is not there, as is true of most that a search looks up in a chunk.
//!
//! ```text
//!     home cell                                        overflow cell 2
//!     slot     0    1    2         14   15              0    1    2    3
//!     tag    | a7 | 3c | 91 | .. | 5e | OV |   ,---> | 91 | e0 |    |    |      OV: Tag::OVERFLOW
//!     id     |  9 | 40 | 12 | .. |  7 |  2 |---'     |  8 | 33 |    |    |      blank: Tag::EMPTY
//! ```
//!
//! The entries of a cell are in its first slots. A cell that is full gives its last slot to the number of an
//! overflow cell, which has 4 slots and may overflow in turn. You may find it odd that a cell overflows at
//! all when the table could split it: linear hashing splits in order, and just before its turn comes a cell
//! holds twice as much as just after, so that many overflow. Overflows are kept cheap rather than rare: 4
//! slots waste little.
//!
//! # Removal
//!
//! The last entry of the chain fills the hole that a removal leaves, so that every cell but the last of a chain
//! stays full and no tombstones are needed. Cells are never merged.

mod tags;

use self::tags::{HOME_SLOTS, Tag, Tags};
use super::footprint::Footprint;
use super::invariant::{Validation, ensure};
use super::mover::Mover;
use super::segmented_vec::SegmentedVec;
use std::mem::replace;

/// The number of slots of an overflow cell.
const OVERFLOW_SLOTS: usize = 4;
/// Entries for each home cell, on average. When there are more, a cell is split.
const MAX_LOAD: usize = 10;
/// The number that ends the list of free overflow cells.
const NONE: u32 = u32::MAX;

/// The cells that hashes lead to: tags and ids of each, in two vectors.
#[derive(Debug, Default)]
struct HomeCells {
    tags: SegmentedVec<Tags<HOME_SLOTS>>,
    ids: SegmentedVec<[u32; HOME_SLOTS]>,
}

/// A cell that a full one continues in. It is read as a whole, so its tags and ids are together.
#[derive(Debug, Clone, Copy)]
struct OverflowCell {
    tags: Tags<OVERFLOW_SLOTS>,
    /// The first id of a free cell is the number of the next free cell.
    ids: [u32; OVERFLOW_SLOTS],
}

impl OverflowCell {
    fn free(next: u32) -> OverflowCell {
        OverflowCell { tags: Tags::EMPTY, ids: [next; OVERFLOW_SLOTS] }
    }
}

/// The ids of a cell's entries.
fn used_ids<'a, const N: usize>(tags: &Tags<N>, ids: &'a [u32; N]) -> &'a [u32] {
    &ids[..tags.used_count()]
}

/// The number of the overflow cell that a cell continues in.
#[inline]
fn overflow_of<const N: usize>(tags: &Tags<N>, ids: &[u32; N]) -> Option<u32> {
    tags.has_overflow().then(|| ids[N - 1])
}

/// The number of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
enum CellRef {
    Home(u32),
    Overflow(u32),
}

/// The position of an entry.
#[derive(Debug, Clone, Copy, PartialEq)]
struct SlotRef {
    cell: CellRef,
    slot: usize,
}

/// A set of ids, found by the hash of what they stand for.
#[derive(Debug)]
pub struct IdTable {
    home: HomeCells,
    /// The number of home cells. It is kept here because every lookup needs it first.
    cells: u32,
    /// The bits of a hash that choose a home cell: one less than the lowest power of two that is not below
    /// `cells`.
    mask: u32,
    overflow: SegmentedVec<OverflowCell>,
    /// The number of the overflow cell that was freed last, or [`NONE`].
    first_free: u32,
    len: usize,
}

impl Default for IdTable {
    fn default() -> Self {
        IdTable {
            home: HomeCells::default(),
            cells: 0,
            mask: 0,
            overflow: SegmentedVec::default(),
            first_free: NONE,
            len: 0,
        }
    }
}

impl IdTable {
    /// The number of ids.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The id with this hash that `matches` accepts.
    pub fn find(&self, hash: u32, matches: impl FnMut(u32) -> bool) -> Option<u32> {
        self.locate(hash, matches).map(|(_, id)| id)
    }

    /// False only if no id with this hash is in the table. It may be true without one, because another entry of
    /// the cell has the same tag or because the cell overflows. It reads nothing but the cell's tags, and
    /// does not branch on them: see [`super::select`].
    #[inline]
    pub fn may_have(&self, hash: u32) -> bool {
        let tags = self.home.tags.get(self.home_cell(hash) as usize);
        tags.is_some_and(|tags| !tags.matching_or_overflow(Tag::of_hash(hash)).is_empty())
    }

    /// Adds an id that is not in the table yet. `hash_of` returns the hash of any id that is.
    pub fn insert(&mut self, hash: u32, id: u32, hash_of: impl Fn(u32) -> u32) {
        debug_assert!(self.find(hash, |other| other == id).is_none(), "an id is added twice");
        // At most one split for an insertion: one entry more asks for at most one cell more.
        self.len += 1;
        if self.len > self.cells as usize * MAX_LOAD {
            self.split(hash_of);
        }
        self.put(hash, id);
    }

    /// Removes an id, if it is there.
    pub fn remove(&mut self, hash: u32, id: u32) {
        let Some((hole, _)) = self.locate(hash, |other| other == id) else { return };
        self.len -= 1;
        // Find the end of the chain: its last cell, and the cell that leads there.
        let (mut previous, mut last) = (None, CellRef::Home(self.home_cell(hash)));
        while let Some(next) = self.next_cell(last) {
            previous = Some(replace(&mut last, next));
        }
        let last_slot = self.empty_slot(last).map_or(self.last_slot(last).slot, |empty| empty - 1);
        // The last entry of the chain fills the hole. It may be the hole itself, which is then just emptied.
        let end = SlotRef { cell: last, slot: last_slot };
        let (tag, id) = self.entry(end);
        self.set_entry(hole, tag, id);
        self.set_entry(end, Tag::EMPTY, 0);
        // An overflow cell that this leaves empty is unlinked and freed.
        if let (SlotRef { cell: CellRef::Overflow(emptied), slot: 0 }, Some(previous)) = (end, previous) {
            self.set_entry(self.last_slot(previous), Tag::EMPTY, 0);
            self.free_overflow(emptied);
            debug_assert!(self.is_well_formed(previous), "invariant 11");
        }
        debug_assert!(self.is_well_formed(hole.cell) && self.is_well_formed(last), "invariant 11");
    }

    /// Replaces an id by another one of the same hash, if it is there.
    pub fn replace(&mut self, hash: u32, old: u32, new: u32) {
        if let Some((slot, _)) = self.locate(hash, |other| other == old) {
            self.set_entry(slot, Tag::of_hash(hash), new);
        }
    }

    /// The tag and the id in a slot.
    fn entry(&self, SlotRef { cell, slot }: SlotRef) -> (Tag, u32) {
        match cell {
            CellRef::Home(number) => {
                (self.home.tags[number as usize].get(slot), self.home.ids[number as usize][slot])
            }
            CellRef::Overflow(number) => {
                let cell = &self.overflow[number as usize];
                (cell.tags.get(slot), cell.ids[slot])
            }
        }
    }

    /// Writes the tag and the id of a slot.
    #[inline]
    fn set_entry(&mut self, SlotRef { cell, slot }: SlotRef, tag: Tag, id: u32) {
        match cell {
            CellRef::Home(number) => {
                self.home.tags[number as usize].set(slot, tag);
                self.home.ids[number as usize][slot] = id;
            }
            CellRef::Overflow(number) => {
                let cell = &mut self.overflow[number as usize];
                cell.tags.set(slot, tag);
                cell.ids[slot] = id;
            }
        }
    }

    /// The first empty slot of a cell.
    #[inline]
    fn empty_slot(&self, cell: CellRef) -> Option<usize> {
        match cell {
            CellRef::Home(number) => self.home.tags[number as usize].matching(Tag::EMPTY).next(),
            CellRef::Overflow(number) => {
                let tags = &self.overflow[number as usize].tags;
                (0..OVERFLOW_SLOTS).find(|slot| tags.get(*slot) == Tag::EMPTY)
            }
        }
    }

    fn last_slot(&self, cell: CellRef) -> SlotRef {
        let slots = match cell {
            CellRef::Home(_) => HOME_SLOTS,
            CellRef::Overflow(_) => OVERFLOW_SLOTS,
        };
        SlotRef { cell, slot: slots - 1 }
    }

    /// The overflow cell that a cell continues in.
    fn next_cell(&self, cell: CellRef) -> Option<CellRef> {
        let number = match cell {
            CellRef::Home(number) => {
                overflow_of(&self.home.tags[number as usize], &self.home.ids[number as usize])
            }
            CellRef::Overflow(number) => {
                let OverflowCell { tags, ids } = &self.overflow[number as usize];
                overflow_of(tags, ids)
            }
        };
        number.map(CellRef::Overflow)
    }

    /// The number of the home cell of a hash. A cell that is not there yet is still part of the one that it
    /// will be split from, whose number has one bit less.
    fn home_cell(&self, hash: u32) -> u32 {
        // No modulo: the mask is a power of two less one, and at most twice as large as the cells are many.
        let cell = hash & self.mask;
        if cell < self.cells { cell } else { cell & (self.mask >> 1) }
    }

    /// The entry with this hash whose id `matches` accepts: its slot and its id.
    #[inline]
    fn locate(&self, hash: u32, mut matches: impl FnMut(u32) -> bool) -> Option<(SlotRef, u32)> {
        // The home cell: all its tags at once. The ids, another cache line, are only read if a tag is equal.
        let number = self.home_cell(hash);
        let tags = self.home.tags.get(number as usize)?;
        for slot in tags.matching(Tag::of_hash(hash)) {
            let id = self.home.ids[number as usize][slot];
            if matches(id) {
                return Some((SlotRef { cell: CellRef::Home(number), slot }, id));
            }
        }
        // The overflow chain, if there is one.
        let mut next = overflow_of(tags, &self.home.ids[number as usize]);
        while let Some(number) = next {
            let OverflowCell { tags, ids } = &self.overflow[number as usize];
            for (slot, id) in ids.iter().enumerate() {
                if tags.get(slot) == Tag::of_hash(hash) && matches(*id) {
                    return Some((SlotRef { cell: CellRef::Overflow(number), slot }, *id));
                }
            }
            next = overflow_of(tags, ids);
        }
        None
    }

    /// Puts an entry into the first empty slot of its chain.
    fn put(&mut self, hash: u32, id: u32) {
        // Only the last cell of a chain has an empty slot. If it has none, it overflows.
        let mut cell = CellRef::Home(self.home_cell(hash));
        loop {
            if let Some(slot) = self.empty_slot(cell) {
                self.set_entry(SlotRef { cell, slot }, Tag::of_hash(hash), id);
                debug_assert!(self.is_well_formed(cell), "invariant 11");
                return;
            }
            cell = self.next_cell(cell).unwrap_or_else(|| self.add_overflow(cell));
        }
    }

    /// Adds a home cell, and divides with it the entries of the cell that it is split from.
    fn split(&mut self, hash_of: impl Fn(u32) -> u32) {
        // Step 1: add the cell. From here on, `home_cell` leads to it.
        let new = self.cells;
        self.home.tags.push(Tags::EMPTY);
        self.home.ids.push([0; HOME_SLOTS]);
        self.cells += 1;
        self.mask = self.cells.next_power_of_two() - 1;
        if new == 0 {
            return;
        }
        // Step 2: empty the old cell, whose number is that of the new one without its highest bit, and put
        // its entries again. Each goes to one of the two.
        let old = (new - (1 << new.ilog2())) as usize;
        let (tags, ids) = (replace(&mut self.home.tags[old], Tags::EMPTY), self.home.ids[old]);
        self.put_all(&tags, &ids, &hash_of);
        // Step 3: the same for each cell of the old chain. A cell is freed before its entries are put again, so
        // that a chain that is still needed is rebuilt from its own cells.
        let mut next = overflow_of(&tags, &ids);
        while let Some(number) = next {
            let OverflowCell { tags, ids } = self.overflow[number as usize];
            self.free_overflow(number);
            self.put_all(&tags, &ids, &hash_of);
            next = overflow_of(&tags, &ids);
        }
    }

    /// Puts again the entries that were in a cell.
    fn put_all<const N: usize>(&mut self, tags: &Tags<N>, ids: &[u32; N], hash_of: &impl Fn(u32) -> u32) {
        let ids = used_ids(tags, ids);
        // All hashes come first: the records that they are computed from lie all over memory, and their cache
        // misses overlap.
        let mut hashes = [0; HOME_SLOTS];
        ids.iter().zip(&mut hashes).for_each(|(id, hash)| *hash = hash_of(*id));
        ids.iter().zip(hashes).for_each(|(id, hash)| self.put(hash, *id));
    }

    /// Adds an overflow cell behind a full one. The entry in the last slot of that one makes place for the
    /// link, and moves to the first slot of the new cell.
    fn add_overflow(&mut self, full: CellRef) -> CellRef {
        // Take a free cell, after making one if there is none.
        if self.first_free == NONE {
            self.overflow.push(OverflowCell::free(NONE));
            self.first_free = self.overflow.len() as u32 - 1;
        }
        let number = self.first_free;
        self.first_free = self.overflow[number as usize].ids[0];
        let (added, last_slot) = (CellRef::Overflow(number), self.last_slot(full));
        // Move the entry, then write the link where it was.
        let (tag, id) = self.entry(last_slot);
        debug_assert!(tag.is_used(), "a cell overflows that is not full");
        self.set_entry(SlotRef { cell: added, slot: 0 }, tag, id);
        self.set_entry(last_slot, Tag::OVERFLOW, number);
        debug_assert!(self.is_well_formed(full) && self.is_well_formed(added), "invariant 11");
        added
    }

    fn free_overflow(&mut self, number: u32) {
        self.overflow[number as usize] = OverflowCell::free(self.first_free);
        self.first_free = number;
    }

    /// The memory of the cells.
    pub fn footprint(&self) -> Footprint {
        self.home.tags.footprint() + self.home.ids.footprint() + self.overflow.footprint()
    }

    /// Lets the server move all of it.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.home.tags.move_by(mover);
        self.home.ids.move_by(mover);
        self.overflow.move_by(mover);
    }

    fn is_well_formed(&self, cell: CellRef) -> bool {
        match cell {
            CellRef::Home(number) => self.home.tags[number as usize].are_well_formed(),
            CellRef::Overflow(number) => self.overflow[number as usize].tags.are_well_formed(),
        }
    }

    /// Checks invariants 11 and 12 of [`crate::index::chunk`]. `hash_of` returns the hash of any id that the
    /// table may hold, and `None` of any other.
    pub fn internal_validate(&self, hash_of: impl Fn(u32) -> Option<u32>) -> Validation {
        self.home.tags.internal_validate()?;
        self.home.ids.internal_validate()?;
        self.overflow.internal_validate()?;
        let cells = self.cells as usize;
        ensure(
            self.home.tags.len() == cells && self.home.ids.len() == cells,
            "11: a table has another number of cells than it says",
        )?;
        ensure(self.mask == self.cells.next_power_of_two() - 1, "11: the mask does not suit the cells")?;
        // Walk every chain, and count the entries and the overflow cells.
        let (mut entries, mut seen) = (0, vec![false; self.overflow.len()]);
        for home in 0..self.cells {
            let mut cell = Some(CellRef::Home(home));
            while let Some(current) = cell {
                ensure(self.is_well_formed(current), "11: the used slots of a cell are no prefix")?;
                for slot in 0..=self.last_slot(current).slot {
                    let (tag, id) = self.entry(SlotRef { cell: current, slot });
                    if tag.is_used() {
                        let is_right = |hash| Tag::of_hash(hash) == tag && self.home_cell(hash) == home;
                        ensure(hash_of(id).is_some_and(is_right), "11: an entry is in a wrong cell")?;
                        entries += 1;
                    }
                }
                cell = self.next_cell(current);
                if let Some(CellRef::Overflow(number)) = cell {
                    self.note_overflow(&mut seen, number)?;
                    ensure(
                        self.overflow[number as usize].tags.used_count() > 0,
                        "11: an overflow cell is empty",
                    )?;
                }
            }
        }
        ensure(entries == self.len, "11: a table has another number of entries than it says")?;
        // The free list has the rest of the overflow cells.
        let mut free = self.first_free;
        while free != NONE {
            self.note_overflow(&mut seen, free)?;
            free = self.overflow[free as usize].ids[0];
        }
        ensure(seen.into_iter().all(|seen| seen), "11: an overflow cell is neither linked nor free")
    }

    /// Notes that an overflow cell was seen, which must not happen twice.
    fn note_overflow(&self, seen: &mut [bool], number: u32) -> Validation {
        let seen = seen.get_mut(number as usize);
        let is_first_time = seen.is_some_and(|seen| !replace(seen, true));
        ensure(is_first_time, "11: an overflow cell is linked twice")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// All ids, in no order.
    fn ids(table: &IdTable) -> impl Iterator<Item = u32> {
        let home = table.home.tags.iter().zip(table.home.ids.iter());
        let home = home.flat_map(|(tags, ids)| used_ids(tags, ids));
        home.chain(table.overflow.iter().flat_map(|cell| used_ids(&cell.tags, &cell.ids))).copied()
    }

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
                prop_assert_eq!(table.internal_validate(|id| Some(hash(id))), Ok(()));
            }
            prop_assert_eq!(ids(&table).collect::<BTreeSet<_>>(), model);
        }
    }

    #[test]
    fn an_entry_costs_about_eight_bytes() {
        let mut table = IdTable::default();
        for id in 0..650_000 {
            table.insert(hash(id), id, hash);
        }
        let bytes = table.footprint().bytes as f64 / 650_000.0; // its segments are nearly full
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

    #[test]
    fn the_validator_names_a_table_that_is_wrong() {
        // All in one chain, of a home cell and overflow cells.
        let hash = |id: u32| id << 24;
        let broken = |break_it: fn(&mut IdTable)| {
            let mut table = IdTable::default();
            (0..60).for_each(|id| table.insert(hash(id), id, hash));
            assert_eq!(table.internal_validate(|id| Some(hash(id))), Ok(()));
            break_it(&mut table);
            table.internal_validate(|id| Some(hash(id))).expect_err("broken")
        };
        assert_eq!(
            broken(|table| table.home.tags[0].set(3, Tag::EMPTY)),
            "11: the used slots of a cell are no prefix"
        );
        assert_eq!(broken(|table| table.home.ids[0][3] = 99), "11: an entry is in a wrong cell");
        let link_to_itself = |table: &mut IdTable| {
            let linked = table.home.ids[0][HOME_SLOTS - 1];
            table.overflow[linked as usize].ids[OVERFLOW_SLOTS - 1] = linked;
        };
        assert_eq!(broken(link_to_itself), "11: an overflow cell is linked twice");
        assert_eq!(broken(|table| table.len += 1), "11: a table has another number of entries than it says");
        assert_eq!(broken(|table| table.mask = 1), "11: the mask does not suit the cells");
        assert_eq!(broken(|table| table.first_free = 0), "11: an overflow cell is linked twice");
        assert_eq!(
            broken(|table| table.overflow.push(OverflowCell::free(NONE))),
            "11: an overflow cell is neither linked nor free"
        );
    }
}
