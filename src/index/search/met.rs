//! The items that a search has met: a set of (chunk, id) pairs.

use crate::index::chunk::hash;
use crate::index::chunk::hash::spread;
use hashbrown::HashTable;

/// The pairs that were met. A few are best kept in a table; of many, a bit for each id of a chunk takes less time.
pub enum MetItems {
    /// A table of pairs.
    Few(HashTable<(u32, u32)>),
    /// For each chunk, a bit for each id.
    Many(Vec<Vec<u64>>),
}

/// Up to this many meetings a table is made.
const FEW: usize = 1 << 12;

impl MetItems {
    /// No pairs yet, for a search of up to `meetings`. `ends` has for each chunk one more than its largest id.
    pub fn new(meetings: usize, ends: impl Iterator<Item = u32>) -> MetItems {
        if meetings <= FEW {
            return MetItems::Few(HashTable::with_capacity(meetings));
        }
        MetItems::Many(ends.map(|end| vec![0; (end as usize).div_ceil(64)]).collect())
    }

    /// Adds an item, and returns true if it was not met before.
    #[inline]
    pub fn insert(&mut self, chunk: u32, id: u32) -> bool {
        match self {
            MetItems::Many(bits) => {
                let word = &mut bits[chunk as usize][id as usize / 64];
                let bit = 1 << (id % 64);
                let is_new = *word & bit == 0;
                *word |= bit;
                is_new
            }
            MetItems::Few(pairs) => {
                let hash_of = |(chunk, id): &(u32, u32)| spread(hash::id_in_chunk(*chunk, *id));
                let pair = (chunk, id);
                let is_new = pairs.find(hash_of(&pair), |met| *met == pair).is_none();
                if is_new {
                    pairs.insert_unique(hash_of(&pair), pair, hash_of);
                }
                is_new
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_new_once_in_each_chunk() {
        for meetings in [10, 10_000] {
            let mut met = MetItems::new(meetings, [70, 130].into_iter());
            for (chunk, id) in [(0, 0), (0, 64), (1, 64), (1, 129)] {
                assert_eq!([met.insert(chunk, id), met.insert(chunk, id)], [true, false], "{chunk} {id}");
            }
        }
    }
}
