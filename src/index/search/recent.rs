//! A direct-mapped cache of candidates. An item that shares one bucket with the query usually shares several, and
//! is often met again soon.
//!
//! It maps a (chunk, item id) to the number of the candidate, and saves the look-up by name that would find it
//! otherwise. Each key has one slot where it can be; a newer key replaces an older one. A miss costs a read and a
//! write of a line that is in the cache.

use crate::index::chunk::hash;

/// The numbers of candidates that were met recently.
pub struct RecentCandidates {
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    /// The chunk's number; [`EMPTY`] in a slot that was never written.
    chunk: u32,
    id: u32,
    candidate: u32,
}

/// No chunk has this number.
const EMPTY: u32 = u32::MAX;

/// The largest number of slots: 12 KiB, which leaves the first-level cache to what is looked up.
const MAX_SLOTS: usize = 1_024;

impl RecentCandidates {
    /// An empty cache for a search that expects this many candidates.
    pub fn with_capacity(expected: usize) -> RecentCandidates {
        let slots = expected.clamp(1, MAX_SLOTS).next_power_of_two();
        RecentCandidates { slots: vec![Slot { chunk: EMPTY, id: 0, candidate: 0 }; slots] }
    }

    /// The candidate that has this id in this chunk, if it was met recently.
    pub fn get(&self, chunk: u32, id: u32) -> Option<u32> {
        let slot = &self.slots[self.slot_of(chunk, id)];
        ((slot.chunk, slot.id) == (chunk, id)).then_some(slot.candidate)
    }

    /// Notes that a candidate was met.
    pub fn insert(&mut self, chunk: u32, id: u32, candidate: u32) {
        let slot = self.slot_of(chunk, id);
        self.slots[slot] = Slot { chunk, id, candidate };
    }

    fn slot_of(&self, chunk: u32, id: u32) -> usize {
        debug_assert!(self.slots.len().is_power_of_two());
        hash::id_in_chunk(chunk, id) as usize & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_found_until_another_takes_its_slot() {
        let mut recent = RecentCandidates::with_capacity(1);
        assert_eq!(recent.get(0, 0), None);
        recent.insert(0, 7, 40);
        assert_eq!((recent.get(0, 7), recent.get(1, 7), recent.get(0, 8)), (Some(40), None, None));
        recent.insert(1, 7, 41);
        assert_eq!((recent.get(0, 7), recent.get(1, 7)), (None, Some(41)));
    }

    #[test]
    fn what_fits_is_mostly_still_there() {
        let mut recent = RecentCandidates::with_capacity(10_000);
        (0..256).for_each(|id| recent.insert(0, id, id));
        let hits = (0..256).filter(|id| recent.get(0, *id) == Some(*id)).count();
        assert!(hits > 200, "{hits}");
    }
}
