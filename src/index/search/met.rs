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

    /// Adds items of a chunk, and passes those to `on_new` that were not met before.
    #[inline]
    pub fn insert_all(&mut self, chunk: u32, items: impl Iterator<Item = u32>, mut on_new: impl FnMut(u32)) {
        match self {
            MetItems::Many(bits) => {
                let bits = &mut bits[chunk as usize][..];
                items.for_each(|id| {
                    let (word, bit) = (&mut bits[id as usize / 64], 1 << (id % 64));
                    // Most items were met before. Writing the word nevertheless would make the next one wait for it.
                    if *word & bit == 0 {
                        *word |= bit;
                        on_new(id);
                    }
                });
            }
            MetItems::Few(pairs) => items.for_each(|id| {
                let hash_of = |(chunk, id): &(u32, u32)| spread(hash::id_in_chunk(*chunk, *id));
                let pair = (chunk, id);
                if pairs.find(hash_of(&pair), |met| *met == pair).is_none() {
                    pairs.insert_unique(hash_of(&pair), pair, hash_of);
                    on_new(id);
                }
            }),
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
            let mut new_of = |chunk, items: [u32; 4]| {
                let mut new = Vec::new();
                met.insert_all(chunk, items.into_iter(), |item| new.push(item));
                new
            };
            assert_eq!(new_of(0, [0, 64, 0, 64]), [0, 64]);
            assert_eq!(new_of(1, [129, 64, 63, 129]), [129, 64, 63]);
            assert_eq!(new_of(0, [64, 63, 65, 0]), [63, 65]);
        }
    }
}
