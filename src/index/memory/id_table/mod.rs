//! A hash table of ids that grows and shrinks by one cell at a time: linear hashing, with tags.
//!
//! An id stands for a key, such as a name, that the caller keeps elsewhere. The table finds the id by the hash
//! of its key. For each entry it stores the id (4 bytes) and a tag (8 bits of the hash), and asks the caller
//! whether an id is the right one.
//!
//! # Linear hashing
//!
//! Linear hashing (Litwin 1980) keeps the average load constant by splitting one cell at a time. The cells are
//! split in the order of their numbers, not when they fill up, so no insertion ever pays for more than one
//! split.
//!
//! ```text
//!     cell_count = 5, mask = 7        hash & 7       0   1   2   3   4   5   6   7
//!                                     home cell      0   1   2   3   4   1   2   3
//!                                                        ^               |
//!                                                        '---------------'
//!     Cells 5 to 7 do not exist yet. Their entries are in the cells 1 to 3, whose numbers are the same without
//!     the highest bit. The next split adds cell 5, and moves the entries that belong there out of cell 1.
//! ```
//!
//! *Turned down:* a table that doubles would stop the server for a second at a hundred million entries.
//! A table that extendible hashing divides into parts costs two more cache misses for each lookup and thousands
//! of small allocations.
//!
//! # A cell and its overflow chain
//!
//! A home cell, which is one that a hash leads to, has 16 slots for ids and a tag for each slot, as in
//! SwissTable and F14. The tags are stored apart from the ids, those of four cells in a cache line. A lookup
//! that finds nothing usually reads only the tags, and most lookups of a search are of this kind.
//!
//! ```text
//!     home cell                                        overflow cell 2
//!     slot     0    1    2         14   15              0    1    2    3
//!     tag    | a7 | 3c | 91 | .. | 5e | OV |   ,---> | 91 | e0 |    |    |      OV: Tag::OVERFLOW
//!     id     |  9 | 40 | 12 | .. |  7 |  2 |---'     |  8 | 33 |    |    |      blank: Tag::EMPTY
//! ```
//!
//! The entries of a cell are in its first slots. When a full cell gets one entry more, its last slot becomes a
//! link: it holds the number of an overflow cell, which has 4 slots and may overflow in turn.
//!
//! You may find it odd that a cell overflows at all, when the table could split it. But cells are split in
//! order, and just before its turn a cell holds twice as many entries as just after, so many cells overflow.
//! Overflows are made cheap rather than rare: a cell of only 4 slots wastes little.
//!
//! # Removal
//!
//! When an entry is removed, the last entry of its chain takes its place. Every cell of a chain but the last
//! therefore stays full, and no tombstones are needed. If the home cells are then too many for the entries, the
//! last one is merged into the cell that it was split from, whose number is the same without the highest bit: a
//! split in reverse. It needs no hash, because every entry of the last cell goes to that one, and keeps its tag.
//! Between the load at which cells are split and that at which they are merged there is a gap, so that a table
//! whose size goes up and down does neither.
//!
//! Overflow cells have no free list. When one is emptied, the last one moves to its place, and the cell that
//! links to it is told; each therefore knows the cell before it in its chain.

mod tags;

use self::tags::{HOME_SLOTS, Tag, Tags};
use super::footprint::Footprint;
use super::invariant::{Validation, ensure};
use super::mover::Mover;
use super::segmented_vec::SegmentedVec;
use smallvec::SmallVec;
use std::mem::replace;

/// The number of slots of an overflow cell.
const OVERFLOW_SLOTS: usize = 4;
/// The most entries for each home cell, on average. When there are more, a cell is split.
const MAX_LOAD: usize = 10;
/// The fewest entries for each home cell, on average. When there are fewer, a cell is merged.
const MIN_LOAD: usize = 8;
/// The size of a segment of overflow cells: a removal that adds one, because a merged cell overflows, takes no
/// more memory than this.
const OVERFLOW_SEGMENT: usize = 1 << 12;

/// The hash of an id that is its own key. No client chooses ids, so there is no key of the hash, and a multiplication
/// is enough.
pub fn hash_of_id(id: u32) -> u32 {
    let mixed = u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
}

/// The home cells: the tags of each in one vector, the ids in another.
#[derive(Debug, Default)]
struct HomeCells {
    tags: SegmentedVec<Tags<HOME_SLOTS>>,
    ids: SegmentedVec<[u32; HOME_SLOTS]>,
}

/// A cell that a full one continues in. A lookup reads all of it, so its tags and ids are stored together.
#[derive(Debug, Clone, Copy)]
struct OverflowCell {
    tags: Tags<OVERFLOW_SLOTS>,
    ids: [u32; OVERFLOW_SLOTS],
    /// The cell that links to this one.
    previous: PackedCellRef,
}

/// The ids of a cell's entries.
fn used_ids<'a, const N: usize>(tags: &Tags<N>, ids: &'a [u32; N]) -> &'a [u32] {
    &ids[..tags.used_count()]
}

/// The number of the home cell that the one with this number, not 0, was split from.
fn partner(number: u32) -> u32 {
    number - (1 << number.ilog2())
}

/// The number of the overflow cell that a cell continues in, if it does.
#[inline]
fn overflow_of<const N: usize>(tags: &Tags<N>, ids: &[u32; N]) -> Option<u32> {
    tags.has_overflow().then(|| ids[N - 1])
}

/// A cell, by its number among those of its kind.
#[derive(Debug, Clone, Copy, PartialEq)]
enum CellRef {
    Home(u32),
    Overflow(u32),
}

/// A [`CellRef`] in four bytes: the number, and in the highest bit whether it is one of overflow cells. There is a
/// home cell for ten entries, and fewer overflow cells than entries.
#[derive(Debug, Clone, Copy, PartialEq)]
struct PackedCellRef(u32);

impl PackedCellRef {
    const IS_OVERFLOW: u32 = 1 << 31;

    fn new(cell: CellRef) -> PackedCellRef {
        match cell {
            CellRef::Home(number) => PackedCellRef(number),
            CellRef::Overflow(number) => PackedCellRef(number | PackedCellRef::IS_OVERFLOW),
        }
    }

    fn unpack(self) -> CellRef {
        let number = self.0 & !PackedCellRef::IS_OVERFLOW;
        if number == self.0 { CellRef::Home(number) } else { CellRef::Overflow(number) }
    }
}

/// A slot of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
struct SlotRef {
    cell: CellRef,
    slot: usize,
}

/// The tag and the id of an entry.
type Entry = (Tag, u32);

/// The entries of a chain.
type Entries = SmallVec<[Entry; 2 * HOME_SLOTS]>;

/// A set of ids, each found by the hash of the key that it stands for.
#[derive(Debug, Default)]
pub struct IdTable {
    home: HomeCells,
    /// The number of home cells. `home` knows it too, but every lookup needs it before anything else.
    cell_count: u32,
    /// Masks the bits of a hash that choose a home cell: `cell_count`, rounded up to a power of two, minus 1.
    mask: u32,
    overflow: SegmentedVec<OverflowCell, OVERFLOW_SEGMENT>,
    /// The number of entries, in home cells and overflow cells.
    len: usize,
}

impl IdTable {
    /// The number of ids.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The id with this hash that `matches` accepts. `matches` is asked about ids of other keys too, whenever
    /// their tags are the same.
    pub fn find(&self, hash: u32, matches: impl FnMut(u32) -> bool) -> Option<u32> {
        self.locate(hash, matches).map(|(_, id)| id)
    }

    /// False only if no id with this hash is in the table. May be true for a hash that is not there, because
    /// another entry of the cell has the same tag or because the cell overflows. It reads only the tags of the
    /// home cell, and does not branch on them: see [`super::select`].
    #[inline]
    pub fn may_have(&self, hash: u32) -> bool {
        let tags = self.home.tags.get(self.home_cell(hash) as usize);
        tags.is_some_and(|tags| !tags.matching_or_overflow(Tag::of_hash(hash)).is_empty())
    }

    /// Reads a little of the cell of a hash, so that what comes next finds it in the cache. Calls for several hashes
    /// wait for memory at the same time. The result must be used, or the compiler leaves out the reads.
    #[inline]
    pub fn touch(&self, hash: u32) -> u32 {
        self.home.ids.get(self.home_cell(hash) as usize).map_or(0, |ids| ids[0])
            ^ u32::from(self.may_have(hash))
    }

    /// The first id in the home cell of a hash that has its tag. Nearly always it is the one with this hash, if that is
    /// in the table.
    #[inline]
    pub fn first_with_tag(&self, hash: u32) -> Option<u32> {
        let number = self.home_cell(hash) as usize;
        let slot = self.home.tags.get(number)?.matching(Tag::of_hash(hash)).next()?;
        Some(self.home.ids[number][slot])
    }

    /// Reads a little of the cells that are split when this many more ids are inserted, and then, by `touch_key`, of the
    /// keys of the ids in them, of which a split needs the hashes. For the result see [`Self::touch`].
    pub fn touch_splits(&self, additional: usize, touch_key: impl Fn(u32) -> u32) -> u32 {
        let cells = (self.len + additional).div_ceil(MAX_LOAD) as u32;
        let split = (self.cell_count.max(1)..cells).map(|new| partner(new) as usize);
        // A cell whose partner is new as well is not there yet.
        let split = split.filter(|cell| *cell < self.cell_count as usize);
        let sum = split.clone().fold(0, |sum, cell| {
            sum ^ self.home.ids[cell][0] ^ u32::from(self.home.tags[cell].has_overflow())
        });
        let ids = split.flat_map(|cell| used_ids(&self.home.tags[cell], &self.home.ids[cell]));
        ids.fold(sum, |sum, id| sum ^ touch_key(*id))
    }

    /// Adds an id that is not in the table yet. `hash_of` returns the hash of any id that is in it: a split
    /// needs to know to which of two cells an entry goes.
    pub fn insert(&mut self, hash: u32, id: u32, hash_of: impl Fn(u32) -> u32) {
        debug_assert!(self.find(hash, |other| other == id).is_none(), "an id is added twice");
        // Grow first, so that the new entry need not move again. One entry more takes at most one cell more.
        self.len += 1;
        if self.len > self.cell_count as usize * MAX_LOAD {
            self.split(hash_of);
        }
        self.put(self.home_cell(hash), &[(Tag::of_hash(hash), id)]);
    }

    /// Removes an id, if it is there.
    pub fn remove(&mut self, hash: u32, id: u32) {
        // Step 1: find the entry. Its slot will be the hole.
        let Some((hole, _)) = self.locate(hash, |other| other == id) else { return };
        // Step 2: find the last entry of the chain.
        let mut last = CellRef::Home(self.home_cell(hash));
        while let Some(next) = self.next_cell(last) {
            last = next;
        }
        // The last cell has no link and is not empty: its last entry is before the first empty slot, if any.
        let last_used = self.empty_slot(last).map_or(self.last_slot(last).slot, |empty| empty - 1);
        let end = SlotRef { cell: last, slot: last_used };
        // Step 3: move that entry to the hole. If it is the one that is removed, the move changes nothing, and
        // its slot is emptied all the same.
        let (moved_tag, moved_id) = self.entry(end);
        self.set_entry(hole, moved_tag, moved_id);
        self.set_entry(end, Tag::EMPTY, 0);
        debug_assert!(self.is_well_formed(hole.cell) && self.is_well_formed(last), "invariant 11");
        // Step 4: if this has emptied an overflow cell, free it.
        if let SlotRef { cell: CellRef::Overflow(emptied), slot: 0 } = end {
            self.free_overflow(emptied);
        }
        // Step 5: if the home cells are too many now, merge the last.
        self.len -= 1;
        if self.len < (self.cell_count as usize - 1) * MIN_LOAD {
            self.merge();
        }
    }

    /// All ids, in no order.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        let home = self.home.tags.iter().zip(self.home.ids.iter());
        let home = home.flat_map(|(tags, ids)| used_ids(tags, ids));
        home.chain(self.overflow.iter().flat_map(|cell| used_ids(&cell.tags, &cell.ids))).copied()
    }

    /// Replaces an id with another one of the same hash, if it is there.
    pub fn replace(&mut self, hash: u32, old: u32, new: u32) {
        // The cell is that of the hash, so the entry stays in its slot.
        if let Some((slot, _)) = self.locate(hash, |other| other == old) {
            self.set_entry(slot, Tag::of_hash(hash), new);
        }
    }

    /// The tag and the id in a slot.
    fn entry(&self, SlotRef { cell, slot }: SlotRef) -> Entry {
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
            // 16 tags are worth a vector instruction, 4 are not.
            CellRef::Home(number) => self.home.tags[number as usize].matching(Tag::EMPTY).next(),
            CellRef::Overflow(number) => {
                let tags = &self.overflow[number as usize].tags;
                (0..OVERFLOW_SLOTS).find(|slot| tags.get(*slot) == Tag::EMPTY)
            }
        }
    }

    /// The slot of a cell that can be a link.
    fn last_slot(&self, cell: CellRef) -> SlotRef {
        let slots = match cell {
            CellRef::Home(_) => HOME_SLOTS,
            CellRef::Overflow(_) => OVERFLOW_SLOTS,
        };
        SlotRef { cell, slot: slots - 1 }
    }

    /// The next cell of a chain.
    fn next_cell(&self, cell: CellRef) -> Option<CellRef> {
        let number = match cell {
            CellRef::Home(number) => {
                overflow_of(&self.home.tags[number as usize], &self.home.ids[number as usize])
            }
            CellRef::Overflow(number) => {
                let OverflowCell { tags, ids, .. } = &self.overflow[number as usize];
                overflow_of(tags, ids)
            }
        };
        number.map(CellRef::Overflow)
    }

    /// The number of the home cell of a hash. Of an empty table, which has no cells, it is 0.
    fn home_cell(&self, hash: u32) -> u32 {
        let cell = hash & self.mask;
        // A cell that does not exist yet is still part of the one that it will be split from, whose number is
        // the same without the highest bit. That one exists: more than half of the numbers up to `mask` do.
        if cell < self.cell_count { cell } else { cell & (self.mask >> 1) }
    }

    /// The slot and the id of the entry with this hash that `matches` accepts.
    #[inline]
    fn locate(&self, hash: u32, mut matches: impl FnMut(u32) -> bool) -> Option<(SlotRef, u32)> {
        // The home cell: compare all its tags at once. Its ids are in another cache line, which is only read if
        // a tag matches.
        let number = self.home_cell(hash);
        let tags = self.home.tags.get(number as usize)?; // `None` if the table is empty
        for slot in tags.matching(Tag::of_hash(hash)) {
            let id = self.home.ids[number as usize][slot];
            if matches(id) {
                return Some((SlotRef { cell: CellRef::Home(number), slot }, id));
            }
        }
        // The overflow cells, if there are any: 20 bytes each, tags and ids together.
        let mut next = overflow_of(tags, &self.home.ids[number as usize]);
        while let Some(number) = next {
            let OverflowCell { tags, ids, .. } = &self.overflow[number as usize];
            for (slot, id) in ids.iter().enumerate() {
                if tags.get(slot) == Tag::of_hash(hash) && matches(*id) {
                    return Some((SlotRef { cell: CellRef::Overflow(number), slot }, *id));
                }
            }
            next = overflow_of(tags, ids);
        }
        None
    }

    /// Puts entries in the chain of a home cell. Neither counts them nor splits a cell.
    #[inline]
    fn put(&mut self, home: u32, entries: &[Entry]) {
        // As many as there is room for go straight to the home cell.
        let first_empty = self.empty_slot(CellRef::Home(home)).unwrap_or(HOME_SLOTS);
        let (tags, ids) = (&mut self.home.tags[home as usize], &mut self.home.ids[home as usize]);
        let (first, rest) = entries.split_at(entries.len().min(HOME_SLOTS - first_empty));
        for (slot, (tag, id)) in (first_empty..).zip(first) {
            tags.set(slot, *tag);
            ids[slot] = *id;
        }
        debug_assert!(self.is_well_formed(CellRef::Home(home)), "invariant 11");
        rest.iter().for_each(|entry| self.put_in_overflow(home, *entry));
    }

    /// Puts an entry in the first empty slot after a home cell that is full.
    fn put_in_overflow(&mut self, home: u32, (tag, id): Entry) {
        // Only the last cell of a chain can have an empty slot. If it has none either, it overflows, and the
        // new cell is where the loop ends.
        let mut cell = CellRef::Home(home);
        loop {
            cell = self.next_cell(cell).unwrap_or_else(|| self.add_overflow(cell));
            if let Some(slot) = self.empty_slot(cell) {
                self.set_entry(SlotRef { cell, slot }, tag, id);
                debug_assert!(self.is_well_formed(cell), "invariant 11");
                return;
            }
        }
    }

    /// Adds a home cell, and moves the entries that belong there out of the cell that it is split from.
    fn split(&mut self, hash_of: impl Fn(u32) -> u32) {
        // Step 1: add the cell. From here on, `home_cell` leads to it.
        let new = self.cell_count;
        self.home.tags.push(Tags::EMPTY);
        self.home.ids.push([0; HOME_SLOTS]);
        self.set_cell_count(new + 1);
        if new == 0 {
            return; // the first cell, which is split from none
        }
        // Step 2: take all entries out of the old cell. Compute all hashes before the first entry is put: the records
        // that they come from are all over memory, and this way their cache misses overlap.
        let old = partner(new);
        let entries = self.take_chain(old);
        let hashes: SmallVec<[u32; 2 * HOME_SLOTS]> = entries.iter().map(|(_, id)| hash_of(*id)).collect();
        // Step 3: part them by the highest bit of the new cell's number, which is all that the two numbers differ in. It is
        // random, so a branch would often be mispredicted.
        let mut parts: [Entries; 2] = Default::default();
        for (entry, hash) in entries.into_iter().zip(hashes) {
            parts[(hash >> new.ilog2() & 1) as usize].push(entry);
        }
        self.put(old, &parts[0]);
        self.put(new, &parts[1]);
    }

    /// Removes the last home cell, and moves its entries to the cell that it was split from.
    fn merge(&mut self) {
        let (last, partner) = (self.cell_count - 1, partner(self.cell_count - 1));
        let entries = self.take_chain(last);
        self.pop_home();
        self.put(partner, &entries);
    }

    /// Removes the last home cell, which must be empty.
    fn pop_home(&mut self) {
        self.home.tags.pop();
        self.home.ids.pop();
        self.set_cell_count(self.cell_count - 1);
    }

    fn set_cell_count(&mut self, cell_count: u32) {
        self.cell_count = cell_count;
        self.mask = cell_count.next_power_of_two() - 1;
    }

    /// Empties a home cell and frees its overflow cells. Returns the entries, which are then counted but not there.
    fn take_chain(&mut self, home: u32) -> Entries {
        let mut entries = Entries::new();
        let (tags, ids) = (&mut self.home.tags[home as usize], &self.home.ids[home as usize]);
        let mut next = overflow_of(tags, ids);
        entries.extend(tags.used().zip(ids.iter().copied()));
        // The first overflow cell goes, and the home cell links to the one after it, until there is none.
        while let Some(first) = next {
            let OverflowCell { tags, ids, .. } = self.overflow[first as usize];
            entries.extend(tags.used().zip(ids));
            next = overflow_of(&tags, &ids);
            if let Some(second) = next {
                self.link(self.last_slot(CellRef::Home(home)), second);
            }
            // The last overflow cell takes its place. That may be the next one of this chain.
            self.move_last_overflow(first);
            next = next.map(|second| if second == self.overflow.len() as u32 { first } else { second });
        }
        self.home.tags[home as usize] = Tags::EMPTY;
        entries
    }

    /// Adds an overflow cell to a full cell, the last of its chain, and returns it. The entry in the full
    /// cell's last slot moves to the new cell, to make room for the link.
    fn add_overflow(&mut self, full: CellRef) -> CellRef {
        let number = self.overflow.len() as u32;
        let (added, last_slot) = (CellRef::Overflow(number), self.last_slot(full));
        let (tag, id) = self.entry(last_slot);
        debug_assert!(tag.is_used(), "a cell overflows before it is full");
        let previous = PackedCellRef::new(full);
        self.overflow.push(OverflowCell { tags: Tags::EMPTY, ids: [0; OVERFLOW_SLOTS], previous });
        self.set_entry(SlotRef { cell: added, slot: 0 }, tag, id);
        self.link(last_slot, number);
        debug_assert!(self.is_well_formed(full) && self.is_well_formed(added), "invariant 11");
        added
    }

    /// Makes the last slot of a cell a link to an overflow cell.
    fn link(&mut self, last_slot: SlotRef, number: u32) {
        self.set_entry(last_slot, Tag::OVERFLOW, number);
        self.overflow[number as usize].previous = PackedCellRef::new(last_slot.cell);
    }

    /// Frees an overflow cell that is empty, and removes the link to it.
    fn free_overflow(&mut self, number: u32) {
        let previous = self.overflow[number as usize].previous.unpack();
        self.set_entry(self.last_slot(previous), Tag::EMPTY, 0);
        self.move_last_overflow(number);
    }

    /// Moves the last overflow cell to the place of one to which no cell links, so that the last place is free.
    fn move_last_overflow(&mut self, number: u32) {
        self.overflow.swap_remove(number as usize);
        if let Some(moved) = self.overflow.get(number as usize) {
            // Tell its neighbours.
            let (previous, next) = (moved.previous.unpack(), overflow_of(&moved.tags, &moved.ids));
            self.link(self.last_slot(previous), number);
            if let Some(next) = next {
                self.link(self.last_slot(CellRef::Overflow(number)), next);
            }
        }
    }

    /// The memory of the cells.
    pub fn footprint(&self) -> Footprint {
        self.home.tags.footprint() + self.home.ids.footprint() + self.overflow.footprint()
    }

    /// Lets the server move the cells.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.home.tags.move_by(mover);
        self.home.ids.move_by(mover);
        self.overflow.move_by(mover);
    }

    /// Checks the tags of one cell: see [`Tags::are_well_formed`].
    fn is_well_formed(&self, cell: CellRef) -> bool {
        match cell {
            CellRef::Home(number) => self.home.tags[number as usize].are_well_formed(),
            CellRef::Overflow(number) => self.overflow[number as usize].tags.are_well_formed(),
        }
    }

    /// Checks invariants 11 and 12 of [`crate::index::chunk`]. `hash_of` returns the hash of every id that may
    /// be in the table, and `None` for any other number.
    pub fn internal_validate(&self, hash_of: impl Fn(u32) -> Option<u32>) -> Validation {
        self.home.tags.internal_validate()?;
        self.home.ids.internal_validate()?;
        self.overflow.internal_validate()?;
        // The numbers of cells agree with each other and with the mask.
        let cell_count = self.cell_count as usize;
        ensure(
            self.home.tags.len() == cell_count && self.home.ids.len() == cell_count,
            "11: a table has another number of cells than it says",
        )?;
        ensure(self.mask == self.cell_count.next_power_of_two() - 1, "11: the mask does not suit the cells")?;
        // Walk every chain: check each cell and each entry, count the entries, and tick off the overflow cells.
        // A chain that is a ring comes to a cell that is ticked off already, so the walk ends.
        let mut entries = 0;
        let mut seen = vec![false; self.overflow.len()];
        for home in 0..self.cell_count {
            let mut cell = Some(CellRef::Home(home));
            while let Some(current) = cell {
                ensure(self.is_well_formed(current), "11: the used slots of a cell are no prefix")?;
                for slot in 0..=self.last_slot(current).slot {
                    let (tag, id) = self.entry(SlotRef { cell: current, slot });
                    if tag.is_used() {
                        // A lookup by the hash of the entry's key comes to this chain and stops at this tag.
                        let is_right = |hash| Tag::of_hash(hash) == tag && self.home_cell(hash) == home;
                        ensure(hash_of(id).is_some_and(is_right), "11: an entry is in a wrong cell")?;
                        entries += 1;
                    }
                }
                cell = self.next_cell(current);
                if let Some(CellRef::Overflow(number)) = cell {
                    tick_off(&mut seen, number)?;
                    let next = &self.overflow[number as usize];
                    ensure(next.tags.used_count() > 0, "11: an overflow cell is empty")?;
                    ensure(
                        next.previous.unpack() == current,
                        "11: an overflow cell does not know the cell before it",
                    )?;
                }
            }
        }
        ensure(entries == self.len, "11: a table has another number of entries than it says")?;
        ensure(seen.into_iter().all(|seen| seen), "11: an overflow cell is in no chain")?;
        let too_many = self.len < cell_count.saturating_sub(1) * MIN_LOAD;
        ensure(!too_many, "11: a table has too many cells")
    }
}

/// Ticks off an overflow cell, which must exist and not have been ticked off before.
fn tick_off(seen: &mut [bool], number: u32) -> Validation {
    let is_first_time = seen.get_mut(number as usize).is_some_and(|is_seen| !replace(is_seen, true));
    ensure(is_first_time, "11: an overflow cell is linked twice")
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
                prop_assert_eq!(table.internal_validate(|id| Some(hash(id))), Ok(()));
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
        let bytes = table.footprint().bytes as f64 / 650_000.0; // its segments are nearly full
        assert!(bytes < 9.0, "{bytes}");
        assert!((0..650_000).all(|id| table.find(hash(id), |other| other == id) == Some(id)));
    }

    #[test]
    fn a_table_that_lost_its_entries_is_as_small_as_a_new_one() {
        let mut table = IdTable::default();
        let fill = |table: &mut IdTable, ids: std::ops::Range<u32>| {
            ids.for_each(|id| table.insert(hash(id), id, hash));
        };
        fill(&mut table, 0..400_000);
        for left in [100_000u32, 3_000, 500, 0] {
            (left..table.len() as u32).for_each(|id| table.remove(hash(id), id));
            let mut new = IdTable::default();
            fill(&mut new, 0..left);
            let (bytes, fresh) = (table.footprint().bytes, new.footprint().bytes);
            assert!(bytes <= fresh * 3 / 2 + 1_000, "{left}: {bytes} instead of {fresh}");
            assert!((0..left).all(|id| table.find(hash(id), |other| other == id) == Some(id)));
            assert_eq!(table.internal_validate(|id| (id < left).then(|| hash(id))), Ok(()));
        }
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
        let to_itself = |table: &mut IdTable| table.overflow[0].previous = PackedCellRef(1 << 31);
        assert_eq!(broken(to_itself), "11: an overflow cell does not know the cell before it");
        assert_eq!(
            broken(|table| table.overflow.push(table.overflow[0])),
            "11: an overflow cell is in no chain"
        );
        let with_more_cells = |table: &mut IdTable| {
            (0..20).for_each(|_| table.split(|id| id << 24));
        };
        assert_eq!(broken(with_more_cells), "11: a table has too many cells");
    }
}
