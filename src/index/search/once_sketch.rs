//! A counting Bloom filter (Fan et al. 2000) with one hash function, and counters that saturate at 2: which of many
//! items were added exactly once.
//!
//! There are at least eight counters (slots) for each item, so an item added once mostly has one to itself. The sketch never
//! reports an item added twice as added once. It misses about one in ten that were added once; those merely take the
//! slower path.

/// Tells which of the added hashes were added exactly once.
pub struct OnceSketch {
    /// 32 slots in each word, of two bits each: 0, 1, or 2 for more.
    words: Vec<u64>,
}

/// Slots for each expected item, at least.
const SLOTS_PER_ITEM: usize = 8;
const SLOTS_PER_WORD: usize = 32;

impl OnceSketch {
    /// An empty sketch for this many additions.
    pub fn with_capacity(additions: usize) -> OnceSketch {
        OnceSketch {
            words: vec![0; (additions * SLOTS_PER_ITEM).div_ceil(SLOTS_PER_WORD).next_power_of_two()],
        }
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

    /// True only if the item, which must have been added, was added exactly once. May be false even then, if another item
    /// shares its slot.
    pub fn was_added_once(&self, hash: u32) -> bool {
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
        let mut once_sketch = OnceSketch::with_capacity(4_000);
        (0..2_000).for_each(|item| once_sketch.add(hash(item)));
        (0..1_000).for_each(|item| once_sketch.add(hash(item)));
        assert!((0..1_000).all(|item| !once_sketch.was_added_once(hash(item))));
        let found = (1_000..2_000).filter(|item| once_sketch.was_added_once(hash(*item))).count();
        assert!(found > 850, "{found}");
        assert!(!OnceSketch::with_capacity(0).was_added_once(7)); // and nothing panics
    }

    #[test]
    fn a_third_addition_changes_nothing() {
        let mut once_sketch = OnceSketch::with_capacity(1);
        for expected in [true, false, false, false] {
            once_sketch.add(5);
            assert_eq!(once_sketch.was_added_once(5), expected);
        }
    }
}
