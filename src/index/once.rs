//! Which of many items come once.

/// Counts hashes in slots of which there are several for each: what is alone in its slot came once. What
/// shares one by chance is taken for what came twice, one in ten or so.
pub struct Once {
    /// 0, 1, or 2 for more.
    slots: Vec<u8>,
}

/// Slots for each item, at least.
const SLOTS: usize = 8;

impl Once {
    /// For so many items, each as often as it comes.
    pub fn with_capacity(items: usize) -> Once {
        Once { slots: vec![0; (items * SLOTS).next_power_of_two()] }
    }

    fn slot(&self, hash: u32) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    /// Adds an item.
    pub fn add(&mut self, hash: u32) {
        let slot = self.slot(hash);
        self.slots[slot] = (self.slots[slot] + 1).min(2);
    }

    /// Whether an item, which was added, was so once; it may have been without this saying so.
    pub fn has(&self, hash: u32) -> bool {
        self.slots[self.slot(hash)] == 1
    }
}
