//! Fast Similarity Sketching: all slots of a signature from one hash per feature.
//!
//! Søren Dahlgaard, Mathias Bæk Tejs Knudsen, Mikkel Thorup: Fast Similarity Sketching, FOCS 2017
//! (arXiv 1704.04370), in its original form.
//!
//! # The idea
//! Think of balls thrown at bins. The bins are the slots, and each round every feature throws one ball
//! at a random slot. A slot keeps the least (round, value) ever thrown at it. Because the round is
//! compared first, a ball that lands in a slot in a later round never replaces what is there: as soon
//! as every slot is taken, the rest of the rounds cannot change anything and are skipped. Stopping
//! early is therefore not an approximation.
//!
//! With n features and t slots, all slots are taken after about t ln t draws (the coupon collector's
//! problem), which is (t ln t) / n rounds; classic MinHash always takes t. If t random rounds leave a
//! slot empty after all, t more follow in which all features throw at the same slot, one slot per
//! round.
//!
//! Classic MinHash draws each slot independently, so the same feature may decide many of them. Here
//! different features fill the slots as long as there are enough, as if sampling *without*
//! replacement, and that is why the estimates of small sets err less.
//!
//! # Every bit of it
//! For t slots, a 32-bit seed, and rounds counted from 0 to 2t - 1 (`^` is exclusive or, `>>` shifts
//! zeros in, all of it in unsigned 64-bit integers):
//!
//! ```text
//! hash  = first 64 bits of MurmurHash3_x64_128(feature, seed 0)
//! key   = fmix64(seed * 2^32 + round + 1)
//! draw  = fmix64(hash ^ key)
//! value = draw mod 2^32
//! slot  = ((draw >> 32) * t) >> 32    in rounds below t
//!         round - t                   in the others, which leave no slot empty
//! kept  = the least of round * 2^32 + value
//! ```
//!
//! `fmix64` is MurmurHash3's finalizer. The slot and the value come from different halves of the
//! draw, so that neither says anything about the other.

use multiversion::multiversion;
use smallvec::{SmallVec, smallvec};

use super::murmur3::fmix64;

/// The value of a slot at which nothing has been thrown: greater than any `round * 2^32 + value`.
const EMPTY: u64 = u64::MAX;

/// The slots of a sketch: on the stack for up to 128.
pub(super) type Slots = SmallVec<[u64; 128]>;

/// The hashes of some of a set's features, in any order; copies of a hash change nothing.
pub(super) type Hashes = SmallVec<[u64; 128]>;

/// The features of a set are thrown in blocks of at most this many, so that a set of any size needs little memory.
pub(super) const BLOCK: usize = 1 << 14;

/// With this many draws per slot, 4096 slots are all taken but once in 2,000 sets: one slot stays
/// empty with probability e^-16, so 4096 * e^-16 = 1 / 2,170.
const AMPLE_DRAWS: usize = 16;

/// An upper bound on the draws for each slot, on top of one draw for each feature.
///
/// Copies included, [`AMPLE_DRAWS`] are made for each slot before copies are removed. After that, either the distinct
/// features are so few that they draw in all 2t rounds, or they fill the slots; neither takes as many as twice that.
pub(super) const MAX_DRAWS_TO_FILL: u64 = 3 * AMPLE_DRAWS as u64;

/// A sketch that features are added to: in each slot the least `round * 2^32 + value` thrown at it.
///
/// The sketch of a union is the slotwise minimum of the sketches of its parts. So a set may be added in blocks; and
/// a block has nothing to do in rounds later than the last in which a slot was filled. That is the first round, once
/// there are many more features than slots.
pub(super) struct Sketch {
    seed: u32,
    slots: Slots,
    /// Slots at which nothing has been thrown.
    empty: usize,
    /// The last round that a slot keeps, if none is empty.
    last_round: u64,
}

impl Sketch {
    /// The sketch of the empty set, in which every slot is all ones.
    ///
    /// There are at most 2^31 slots, so that a round fits 32 bits.
    pub(super) fn new(seed: u32, slot_count: usize) -> Sketch {
        debug_assert!(slot_count <= 1 << 31, "a round must fit the upper 32 bits of a slot");
        Sketch { seed, slots: smallvec![EMPTY; slot_count], empty: slot_count, last_round: 0 }
    }

    /// The slots of the set that was added.
    pub(super) fn slots(&self) -> &[u64] {
        &self.slots
    }

    /// Adds the features with these hashes, of which there is at least one. It may put them in another order, and
    /// remove copies.
    pub(super) fn add(&mut self, hashes: &mut Hashes) {
        debug_assert!((1..=BLOCK).contains(&hashes.len()));
        let random_rounds = self.slots.len() as u64;
        let ample_rounds = (AMPLE_DRAWS * self.slots.len()).div_ceil(hashes.len()) as u64;
        let mut draws = hashes.clone();

        // Phase 1: every feature throws at a random slot, until no slot is empty and none keeps a later round.
        let mut round = 0;
        while round < random_rounds && (self.empty > 0 || round <= self.last_round) {
            if round == ample_rounds {
                // Distinct features would nearly always have filled all slots by now. Probably a large part of
                // these hashes are copies, and it pays to remove them: otherwise each of the many rounds still to
                // come would draw for all copies again. Before now, sorting would have cost more than it saves.
                hashes.sort_unstable();
                hashes.dedup();
            }
            draw(hashes, round_key(self.seed, round), &mut draws);
            self.empty -= throw_at_random(&draws[..hashes.len()], round, &mut self.slots);
            round += 1;
        }

        // Phase 2: every slot has a round in which all features throw at it. That fills the slots that are
        // still empty, and may improve those that were filled so before.
        if self.empty > 0 || self.last_round >= random_rounds {
            for (slot, round) in self.slots.iter_mut().zip(random_rounds..) {
                let key = round_key(self.seed, round);
                let least = hashes.iter().map(|hash| entry(round, fmix64(hash ^ key))).min();
                *slot = (*slot).min(least.unwrap_or(EMPTY));
            }
            self.empty = 0;
        }
        // After the first round only, this is still 0.
        if round > 1 {
            self.last_round = self.slots.iter().max().map_or(0, |latest| latest >> 32);
        }
    }
}

/// Draws for every feature in a round. The loop is a function because it compiles to SIMD instructions.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn draw(hashes: &[u64], key: u64, draws: &mut [u64]) {
    for (draw, hash) in draws.iter_mut().zip(hashes) {
        *draw = fmix64(hash ^ key);
    }
}

/// Throws every feature at the slot that it drew in this round, and returns how many empty slots that
/// filled.
///
/// It does not branch: which slots are hit is random, so branches would often be mispredicted.
fn throw_at_random(draws: &[u64], round: u64, slots: &mut [u64]) -> usize {
    let slot_count = slots.len() as u64;
    let mut filled = 0;
    for draw in draws {
        // A multiplication maps the upper half of the draw to 0..slot_count without a division
        // (Lemire's fast range).
        let slot = &mut slots[(((draw >> 32) * slot_count) >> 32) as usize];
        filled += usize::from(*slot == EMPTY);
        *slot = entry(round, *draw).min(*slot);
    }
    filled
}

/// The key that makes the draws of a round differ from those of any other round or seed.
fn round_key(seed: u32, round: u64) -> u64 {
    fmix64((u64::from(seed) << 32) + round + 1)
}

/// The entry that a draw competes with for its slot: the round above, the value below.
fn entry(round: u64, draw: u64) -> u64 {
    (round << 32) | (draw & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::murmur3::hash64;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// The sketch of the features with these hashes.
    fn sketch(hashes: &[u64], seed: u32, slot_count: usize) -> Slots {
        let mut sketch = Sketch::new(seed, slot_count);
        hashes.chunks(BLOCK).for_each(|block| sketch.add(&mut Hashes::from_slice(block)));
        sketch.slots
    }

    /// From a model in Python after the documentation above, with mmh3 5.3.1 for the hash.
    #[test]
    fn known_answers() {
        let words = "the quick brown fox jumps over the lazy dog".split(' ');
        let fox: Hashes = words.map(|word| hash64(word.as_bytes())).collect();
        let answers: [(u32, &[u64]); 4] = [
            (0, &[0xda9de8f]),
            (0, &[0x64f3f57e, 0xd01dd8d7, 0xe7c91684, 0x2_4c06d4b2, 0xda9de8f]),
            (u32::MAX, &[0x8e251376, 0x85486f73, 0xb3949cd7, 0x3ae70c8e, 0x1f36f747, 0x1_1de084b2]),
            (
                7,
                &[
                    0x1_5184b964,
                    0x1_42f910de,
                    0x77233247,
                    0xac4826d6,
                    0x1_4d971a1,
                    0x2_a6c1f0c3,
                    0x7259da8d,
                    0x1_154d338c,
                ],
            ),
        ];
        for (seed, slots) in answers {
            assert_eq!(sketch(&fox, seed, slots.len()).as_slice(), slots, "seed {seed}");
        }
    }

    /// One feature is seldom lucky enough to hit every slot: the rounds from `t` on fill up.
    #[test]
    fn known_answers_of_the_last_rounds() {
        let empty_feature = [hash64(b"")];
        assert_eq!(
            sketch(&empty_feature, 0, 5).as_slice(),
            [0x1_9cf66fa8, 0x6_77216e75, 0x8b2b1be2, 0x2_ca2f4a0c, 0x9_82c854b4]
        );
        assert_eq!(
            sketch(&empty_feature, u32::MAX, 6).as_slice(),
            [0x62546014, 0x4_a629032e, 0x8_2dfc4f8c, 0x1_b4abc0d2, 0x2_4fd5af43, 0xb_1ccb6eaa]
        );
    }

    #[test]
    fn the_empty_set_leaves_every_slot_empty() {
        assert_eq!(sketch(&[], 0, 3).as_slice(), [EMPTY; 3]);
        assert!(sketch(&[1], 0, 0).is_empty());
    }

    /// In all rounds, without a look for copies, this would be 4 * 10^8 draws.
    #[test]
    fn copies_are_thrown_once() {
        let few = [3, 1, 2];
        let copies: Vec<u64> = few.iter().copied().cycle().take(99_999).collect();
        assert_eq!(sketch(&copies, 0, 2048), sketch(&few, 0, 2048));
    }

    proptest! {
        #[test]
        fn blocks_of_any_size_give_the_same_sketch(
            hashes in vec(0..200_u64, 1..300), seed: u32, count in 1..150_usize, block in 1..100_usize,
        ) {
            let mut sketch_of_blocks = Sketch::new(seed, count);
            hashes.chunks(block).for_each(|block| sketch_of_blocks.add(&mut Hashes::from_slice(block)));
            prop_assert_eq!(sketch_of_blocks.slots, sketch(&hashes, seed, count));
        }

        #[test]
        fn the_minimum_of_two_sketches_is_the_sketch_of_the_union(
            one in vec(any::<u64>(), 1..60), other in vec(any::<u64>(), 1..60),
            seed: u32, count in 1..150_usize,
        ) {
            let all: Vec<u64> = one.iter().chain(&other).copied().collect();
            let union = sketch(&all, seed, count);
            let (one, other) = (sketch(&one, seed, count), sketch(&other, seed, count));
            let merged: Slots = one.iter().zip(&other).map(|(a, b)| *a.min(b)).collect();
            prop_assert_eq!(union, merged);
        }
    }
}
