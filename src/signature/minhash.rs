//! Classic MinHash over MurmurHash3_x86_32: one seed per slot, and the least hash in each.
//!
//! Andrei Broder: On the resemblance and containment of documents, 1997. Slot `j` hashes every
//! feature with seed `seed + j` (modulo 2^32), reads the hash as a signed integer and keeps the least
//! over all features. If there is a modulus, each hash is reduced to `0..modulus` before the minimum
//! is taken, as Sentry's Python client does.
//!
//! # How it is fast
//! Every feature is hashed once for each slot, so this is the most arithmetic of all that the module
//! does. The work is laid out in lanes: neighbouring slots take the same steps on neighbouring words,
//! which compiles to SIMD instructions. Which of these a machine has is detected when the program
//! runs, because the default build targets the x86-64 of 2003.
//!
//! ```text
//! slot         0      1      2    ...   31  |  32     33   ...   63  | ...
//! seed       s+0    s+1    s+2        s+31  | s+32   s+33       s+63 |
//!            \________ one [i32; LANES] ____/
//! ```

use multiversion::multiversion;
use smallvec::{SmallVec, smallvec};

use super::murmur3::ScrambledKey;

/// Slots that are computed together: 4 AVX2 registers, enough to hide the latency of a multiplication.
const LANES: usize = 32;

/// The minima of a set's hashes, one for each slot, while features are added.
pub(super) struct MinHash {
    /// The slots, padded with unused ones to a multiple of [`LANES`].
    minima: SmallVec<[[i32; LANES]; 128 / LANES]>,
    slots: usize,
    seed: u32,
    remainder: Option<Remainder>,
    feature: ScrambledKey,
}

impl MinHash {
    /// The minima of the empty set (`i32::MAX`). A `modulus` is in `1..=2^31`.
    pub(super) fn new(slots: usize, seed: u32, modulus: Option<u32>) -> Self {
        Self {
            minima: smallvec![[i32::MAX; LANES]; slots.div_ceil(LANES)],
            slots,
            seed,
            remainder: modulus.map(Remainder::new),
            feature: ScrambledKey::default(),
        }
    }

    /// Adds a feature to the set.
    pub(super) fn add(&mut self, feature: &[u8]) {
        self.feature.set(feature);
        lower_minima(&mut self.minima, self.seed, &self.feature, self.remainder);
    }

    /// The slots: in each the least hash, signed, or the least remainder.
    pub(super) fn slots(&self) -> &[i32] {
        let minima = self.minima.as_flattened();
        minima.get(..self.slots).unwrap_or(minima)
    }
}

/// Lowers each minimum to the feature's hash under the slot's seed, if that is less.
#[multiversion(targets("x86_64+avx2"))]
fn lower_minima(
    minima: &mut [[i32; LANES]],
    seed: u32,
    feature: &ScrambledKey,
    remainder: Option<Remainder>,
) {
    // The branch stays outside of the loops over the lanes: each arm compiles to a loop of its own.
    match remainder {
        None => lower_minima_by(minima, seed, feature, |hash| hash as i32),
        Some(remainder) => lower_minima_by(minima, seed, feature, |hash| remainder.reduce(hash)),
    }
}

/// Lowers each minimum to `slot_value` of the feature's hash. Always inlined, so that it is compiled
/// for the instruction set of its caller.
#[inline(always)]
fn lower_minima_by(
    minima: &mut [[i32; LANES]],
    seed: u32,
    feature: &ScrambledKey,
    slot_value: impl Fn(u32) -> i32,
) {
    // Slot j has the seed `seed + j`, so a group of lanes has consecutive seeds.
    let mut first_seed = seed;
    for group in minima {
        let seeds = std::array::from_fn(|lane| first_seed.wrapping_add(lane as u32));
        let hashes: [u32; LANES] = feature.hash(seeds);
        for (least, hash) in group.iter_mut().zip(hashes) {
            *least = (*least).min(slot_value(hash));
        }
        first_seed = first_seed.wrapping_add(LANES as u32);
    }
}

/// The non-negative remainder (Python's `%`) of a signed 32-bit integer, without a division, which
/// SIMD instructions do not have.
///
/// Barrett's reduction (Barrett 1986): for `u < 2^32`, `(u * floor((2^32 - 1) / m)) >> 32` is the
/// quotient `u / m` or one less, so one conditional subtraction corrects the remainder.
#[derive(Clone, Copy)]
struct Remainder {
    modulus: u32,
    /// `floor((2^32 - 1) / modulus)`.
    reciprocal: u32,
    /// Congruent to -2^31: undoes the 2^31 that is added to make a signed hash non-negative.
    shift: u32,
}

impl Remainder {
    /// For a modulus in `1..=2^31`, so that twice a remainder still fits 32 bits.
    fn new(modulus: u32) -> Self {
        debug_assert!((1..=1 << 31).contains(&modulus), "modulus {modulus}");
        Self { modulus, reciprocal: u32::MAX / modulus, shift: (modulus - (1 << 31) % modulus) % modulus }
    }

    /// The remainder of `hash`, read as signed, in `0..modulus`.
    #[inline(always)]
    fn reduce(self, hash: u32) -> i32 {
        // Flipping the sign bit adds 2^31 to the signed hash, so that it is non-negative.
        let unsigned = hash ^ (1 << 31);
        let quotient = ((u64::from(unsigned) * u64::from(self.reciprocal)) >> 32) as u32;
        let remainder = self.subtract_once(unsigned.wrapping_sub(quotient.wrapping_mul(self.modulus)));
        // Both are below the modulus, so that one subtraction reduces their sum as well.
        self.subtract_once(remainder + self.shift) as i32
    }

    /// Reduces a number below `2 * modulus` to below `modulus`. If it is below already, the difference
    /// wraps round and is the larger of the two.
    #[inline(always)]
    fn subtract_once(self, number: u32) -> u32 {
        number.min(number.wrapping_sub(self.modulus))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// The definition: one call of the reference for each feature and slot.
    fn reference(features: &[Vec<u8>], slots: usize, seed: u32, modulus: Option<u32>) -> Vec<i32> {
        let hash = |mut feature: &[u8], slot| {
            let seed = seed.wrapping_add(slot as u32);
            let hash = ::murmur3::murmur3_32(&mut feature, seed).unwrap() as i32;
            modulus.map_or(hash, |m| i64::from(hash).rem_euclid(i64::from(m)) as i32)
        };
        let least = |slot| features.iter().map(|feature| hash(feature, slot)).min().unwrap();
        (0..slots).map(least).collect()
    }

    /// The slots as the instructions of the default build make them, which most machines never run.
    fn portable(features: &[Vec<u8>], slots: usize, seed: u32, modulus: Option<u32>) -> Vec<i32> {
        let mut minhash = MinHash::new(slots, seed, modulus);
        let MinHash { minima, feature: scrambled, remainder, .. } = &mut minhash;
        for feature in features {
            scrambled.set(feature);
            match *remainder {
                None => lower_minima_by(minima, seed, scrambled, |hash| hash as i32),
                Some(remainder) => lower_minima_by(minima, seed, scrambled, |hash| remainder.reduce(hash)),
            }
        }
        minhash.slots().to_vec()
    }

    fn moduli() -> impl Strategy<Value = u32> {
        const MOST: u32 = 1 << 31;
        prop_oneof![Just(1), Just(2), Just(65535), Just(MOST - 1), Just(MOST), 1..=MOST]
    }

    proptest! {
        #[test]
        fn slots_are_as_defined(
            features in vec(vec(any::<u8>(), 0..20), 1..8),
            slots in 1..100_usize, seed: u32, modulus in prop::option::of(moduli()),
        ) {
            let mut minhash = MinHash::new(slots, seed, modulus);
            features.iter().for_each(|feature| minhash.add(feature));
            let expected = reference(&features, slots, seed, modulus);
            prop_assert_eq!(minhash.slots(), expected.as_slice());
            prop_assert_eq!(portable(&features, slots, seed, modulus), expected);
        }

        #[test]
        fn remainders_are_not_negative(hash: i32, near in -2..=2_i32, modulus in moduli()) {
            let multiple = (hash as u32 / modulus).wrapping_mul(modulus) as i32;
            for hash in [hash, multiple.wrapping_add(near), i32::MIN, i32::MAX, near] {
                let expected = i64::from(hash).rem_euclid(i64::from(modulus));
                prop_assert_eq!(i64::from(Remainder::new(modulus).reduce(hash as u32)), expected);
            }
        }
    }
}
