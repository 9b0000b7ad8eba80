//! A counting sketch with one hash function: which of many items were added exactly once.
//!
//! Two saturating bits for each slot, and at least eight slots for each item, so that an item added once mostly
//! has a slot to itself. It never takes an item added twice for one added once; it wrongly rejects about one in
//! ten that was added once, which then is only treated with more care than it needs.

/// Which of the hashes that were added came once.
pub struct SeenOnce {
    /// 32 slots in each word, of two bits each: 0, 1, or 2 for more.
    words: Vec<u64>,
}

/// Slots for each expected item, at least.
const SLOTS_PER_ITEM: usize = 8;
const SLOTS_PER_WORD: usize = 32;

impl SeenOnce {
    /// An empty sketch for this many additions.
    pub fn with_capacity(additions: usize) -> SeenOnce {
        SeenOnce { words: vec![0; (additions * SLOTS_PER_ITEM).div_ceil(SLOTS_PER_WORD).next_power_of_two()] }
    }

    /// The word that has a hash's slot, and the slot's first bit there.
    fn slot_of(&self, hash: u32) -> (usize, usize) {
        let hash = hash as usize;
        ((hash / SLOTS_PER_WORD) & (self.words.len() - 1), hash % SLOTS_PER_WORD * 2)
    }

    /// Adds an item by its hash.
    pub fn add(&mut self, hash: u32) {
        let (word, shift) = self.slot_of(hash);
        // 0 becomes 1, 1 becomes 2, and 2 stays.
        let is_saturated = self.words[word] >> shift & 2 != 0;
        self.words[word] += u64::from(!is_saturated) << shift;
    }

    /// True only if the item was added exactly once. May return false for such an item, never true for another
    /// that was added.
    pub fn has(&self, hash: u32) -> bool {
        let (word, shift) = self.slot_of(hash);
        self.words[word] >> shift & 3 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_once_nearly_always_has_a_slot_of_its_own() {
        let hash = |item: u32| item.wrapping_mul(0x9e37_79b9).rotate_left(15).wrapping_mul(0x85eb_ca6b);
        let mut seen_once = SeenOnce::with_capacity(4_000);
        (0..2_000).for_each(|item| seen_once.add(hash(item)));
        (0..1_000).for_each(|item| seen_once.add(hash(item)));
        assert!((0..1_000).all(|item| !seen_once.has(hash(item))));
        let found = (1_000..2_000).filter(|item| seen_once.has(hash(*item))).count();
        assert!(found > 850, "{found}");
        assert!(!SeenOnce::with_capacity(0).has(7)); // and nothing panics
    }

    #[test]
    fn a_third_addition_changes_nothing() {
        let mut seen_once = SeenOnce::with_capacity(1);
        for expected in [true, false, false, false] {
            seen_once.add(5);
            assert_eq!(seen_once.has(5), expected);
        }
    }
}
