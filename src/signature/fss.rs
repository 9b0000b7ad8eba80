//! Fast Similarity Sketching: all slots of a signature from one hash a feature.
//!
//! Søren Dahlgaard, Mathias Bæk Tejs Knudsen, Mikkel Thorup: Fast Similarity Sketching, FOCS 2017
//! (arXiv 1704.04370), in its original form. Features throw values at random slots, round after
//! round, until no slot is empty; a slot keeps the least (round, value) thrown at it. Because the
//! round comes first, what falls into a slot later never matters: stopping early changes nothing.
//! With n features and t slots that takes about (t ln t) / n rounds, where classic MinHash always
//! takes t. The slots are filled by different features as long as there are any, rather than
//! drawn independently, and that is where the smaller error for small sets comes from.
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

use super::murmur3::fmix64;

/// What a slot holds before anything is thrown at it: more than any `round * 2^32 + value`.
const EMPTY: u64 = u64::MAX;

/// Fills `slots` with the sketch of the features whose hashes are `hashes`: each becomes the least
/// `round * 2^32 + value` thrown at it.
///
/// The slotwise minimum of two sketches is the sketch of the union of their sets. Without a hash
/// the slots stay empty (all ones).
pub(super) fn sketch(hashes: &[u64], seed: u32, slots: &mut [u64]) {
    slots.fill(EMPTY);
    if hashes.is_empty() {
        return;
    }
    let count = slots.len() as u64;
    let mut empty = slots.len();
    for round in 0..count {
        if empty == 0 {
            return;
        }
        empty -= throw_at_random(hashes, seed, round, slots);
    }
    for (slot, round) in slots.iter_mut().zip(count..) {
        let key = round_key(seed, round);
        let least = hashes.iter().map(|hash| entry(round, fmix64(hash ^ key))).min();
        *slot = (*slot).min(least.unwrap_or(EMPTY));
    }
}

/// One round in which every feature draws its slot. Returns how many empty slots it filled.
///
/// From the second round on most slots are full, which the branch foretells well; storing in any
/// case, and without a branch, takes four times as long.
fn throw_at_random(hashes: &[u64], seed: u32, round: u64, slots: &mut [u64]) -> usize {
    let key = round_key(seed, round);
    let count = slots.len() as u64;
    let mut filled = 0;
    for hash in hashes {
        let draw = fmix64(hash ^ key);
        let slot = &mut slots[(((draw >> 32) * count) >> 32) as usize];
        let entry = entry(round, draw);
        if entry < *slot {
            filled += usize::from(*slot == EMPTY);
            *slot = entry;
        }
    }
    filled
}

fn round_key(seed: u32, round: u64) -> u64 {
    fmix64((u64::from(seed) << 32) + round + 1)
}

/// What a draw would leave in its slot: the round above, the value below.
fn entry(round: u64, draw: u64) -> u64 {
    (round << 32) | (draw & 0xffff_ffff)
}
