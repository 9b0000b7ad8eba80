//! Classic MinHash over MurmurHash3_x86_32: one seed a slot, and the least hash in each.
//!
//! Andrei Broder: On the resemblance and containment of documents, 1997. Slot `j` hashes with seed
//! `seed + j` (modulo 2^32), reads the hash as a signed integer, reduces it to `0..modulus` where a
//! modulus is given (before the minimum is taken, as Sentry's Python client does), and keeps the
//! least over all features.
//!
//! Every feature is hashed once for each slot, so the work is laid out in lanes: neighbouring slots
//! take the same steps on neighbouring words, which compiles to SIMD instructions. Which of them the
//! machine has is found out when the program runs; the default build knows only those of 2003.

use multiversion::multiversion;
use smallvec::{SmallVec, smallvec};

use super::murmur3::Scrambled;

/// Slots that are computed together: 4 AVX2 registers, enough to hide what a multiplication takes.
const LANES: usize = 32;

/// The minima of a set's hashes, one for each slot, while features are added.
pub(super) struct MinHash {
    /// The slots, filled up with unused ones to whole groups of lanes.
    minima: SmallVec<[[i32; LANES]; 128 / LANES]>,
    slots: usize,
    seed: u32,
    remainder: Option<Remainder>,
    feature: Scrambled,
}

impl MinHash {
    /// The minima of the empty set (`i32::MAX`). A `modulus` is in `1..=2^31`.
    pub(super) fn new(slots: usize, seed: u32, modulus: Option<u32>) -> Self {
        Self {
            minima: smallvec![[i32::MAX; LANES]; slots.div_ceil(LANES)],
            slots,
            seed,
            remainder: modulus.map(Remainder::new),
            feature: Scrambled::default(),
        }
    }

    /// Adds a feature to the set.
    pub(super) fn add(&mut self, feature: &[u8]) {
        self.feature.set(feature);
        lower(&mut self.minima, self.seed, &self.feature, self.remainder);
    }

    /// The slots: for each the least hash, signed, or the least remainder.
    pub(super) fn slots(&self) -> &[i32] {
        let minima = self.minima.as_flattened();
        minima.get(..self.slots).unwrap_or(minima)
    }
}

/// Lowers each minimum to the feature's hash under the slot's seed, where that is less.
#[multiversion(targets("x86_64+avx2"))]
fn lower(minima: &mut [[i32; LANES]], seed: u32, feature: &Scrambled, remainder: Option<Remainder>) {
    // The branch stays outside of the loops over the lanes.
    match remainder {
        None => lower_to(minima, seed, feature, |hash| hash as i32),
        Some(remainder) => lower_to(minima, seed, feature, |hash| remainder.of(hash)),
    }
}

#[inline(always)]
fn lower_to(minima: &mut [[i32; LANES]], seed: u32, feature: &Scrambled, read: impl Fn(u32) -> i32) {
    let mut first = seed;
    for group in minima {
        let seeds = std::array::from_fn(|lane| first.wrapping_add(lane as u32));
        let hashes: [u32; LANES] = feature.hash(seeds);
        for (least, hash) in group.iter_mut().zip(hashes) {
            *least = (*least).min(read(hash));
        }
        first = first.wrapping_add(LANES as u32);
    }
}

/// The non-negative remainder (Python's `%`) of a signed 32-bit integer, without a division.
///
/// Barrett's reduction: for `u < 2^32`, `(u * floor((2^32 - 1) / m)) >> 32` is the quotient
/// `u / m` or one less, which one conditional subtraction makes good. A SIMD division does not exist.
#[derive(Clone, Copy)]
struct Remainder {
    modulus: u32,
    reciprocal: u32,
    /// Congruent to -2^31: takes back what makes the signed hash non-negative.
    shift: u32,
}

impl Remainder {
    /// For a modulus in `1..=2^31`, so that twice a remainder still fits 32 bits.
    fn new(modulus: u32) -> Self {
        Self { modulus, reciprocal: u32::MAX / modulus, shift: (modulus - (1 << 31) % modulus) % modulus }
    }

    /// The remainder of `hash`, read as signed, in `0..modulus`.
    #[inline(always)]
    fn of(self, hash: u32) -> i32 {
        let unsigned = hash ^ (1 << 31); // hash + 2^31
        let quotient = ((u64::from(unsigned) * u64::from(self.reciprocal)) >> 32) as u32;
        let remainder = self.subtract_once(unsigned.wrapping_sub(quotient.wrapping_mul(self.modulus)));
        self.subtract_once(remainder + self.shift) as i32
    }

    /// Takes a number below `2 * modulus` below `modulus`: where there is nothing to take away the
    /// difference wraps round, and is the larger.
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

    /// By the instructions of the default build, which dispatch passes by on most machines.
    fn portable(features: &[Vec<u8>], slots: usize, seed: u32, modulus: Option<u32>) -> Vec<i32> {
        let mut minhash = MinHash::new(slots, seed, modulus);
        let MinHash { minima, feature: scrambled, remainder, .. } = &mut minhash;
        for feature in features {
            scrambled.set(feature);
            match *remainder {
                None => lower_to(minima, seed, scrambled, |hash| hash as i32),
                Some(remainder) => lower_to(minima, seed, scrambled, |hash| remainder.of(hash)),
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
                prop_assert_eq!(i64::from(Remainder::new(modulus).of(hash as u32)), expected);
            }
        }
    }
}
