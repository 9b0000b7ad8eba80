//! Which of many items come once.

/// Counts hashes in slots of which there are several for each: what is alone in its slot came once. What
/// shares one by chance is taken for what came twice, one in ten or so.
pub struct SeenOnce {
    /// Two bits for each slot: 0, 1, or 2 for more.
    words: Vec<u64>,
}

/// Slots for each item, at least.
const SLOTS: usize = 8;
/// Slots of a word.
const OF_WORD: usize = 32;

impl SeenOnce {
    /// For so many items, each as often as it comes.
    pub fn with_capacity(items: usize) -> SeenOnce {
        SeenOnce { words: vec![0; (items * SLOTS).div_ceil(OF_WORD).next_power_of_two()] }
    }

    /// The word of a hash, and by how much to shift it.
    fn slot(&self, hash: u32) -> (usize, usize) {
        let hash = hash as usize;
        ((hash / OF_WORD) & (self.words.len() - 1), hash % OF_WORD * 2)
    }

    /// Adds an item.
    pub fn add(&mut self, hash: u32) {
        let (word, shift) = self.slot(hash);
        let is_more = self.words[word] >> shift & 2 != 0;
        self.words[word] += u64::from(!is_more) << shift;
    }

    /// Whether an item, which was added, was so once; it may have been without this saying so.
    pub fn has(&self, hash: u32) -> bool {
        let (word, shift) = self.slot(hash);
        self.words[word] >> shift & 3 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_once_nearly_always_has_a_slot_of_its_own() {
        let hash = |item: u32| item.wrapping_mul(0x9e37_79b9).rotate_left(15).wrapping_mul(0x85eb_ca6b);
        let mut once = SeenOnce::with_capacity(4_000);
        (0..2_000).for_each(|item| once.add(hash(item)));
        (0..1_000).for_each(|item| once.add(hash(item)));
        assert!((0..1_000).all(|item| !once.has(hash(item))));
        let alone = (1_000..2_000).filter(|item| once.has(hash(*item))).count();
        assert!(alone > 850, "{alone}");
        assert!(!SeenOnce::with_capacity(0).has(7)); // and nothing panics
    }
}
