//! MurmurHash3 (Austin Appleby, public domain; SMHasher's `MurmurHash3.cpp`) over byte slices.
//!
//! Two of its three variants: the first half of x64_128 under seed 0, and x86_32 under many seeds at
//! once. Both work in the same four steps:
//!
//! 1. cut the key into blocks, and *scramble* each by itself (multiply, rotate, multiply);
//! 2. mix the scrambled blocks into the state, one after the other; the seed is the first state;
//! 3. mix in the tail, the bytes after the last whole block, scrambled the same way, and the length;
//! 4. *finalize*: shift and multiply until every bit of the state depends on every other.
//!
//! The `murmur3` crate reads through `io::Read`, which costs several times the hash itself if
//! features have a few bytes, and cannot share work between seeds. So signatures do not use it; the tests
//! check this file against it.

use smallvec::SmallVec;

/// The first 64 bits of MurmurHash3_x64_128 of `bytes` under seed 0 (`h1`; in a digest that is
/// written out, its first 8 bytes as a little-endian integer).
#[inline]
pub(crate) fn hash64(bytes: &[u8]) -> u64 {
    // The state: both halves begin as the seed.
    let (mut h1, mut h2) = (0_u64, 0_u64);
    let (blocks, tail) = bytes.as_chunks::<16>();
    // Steps 1 and 2, block by block: each half takes in its word, then some of the other half.
    for block in blocks {
        let (k1, k2) = two_words(block);
        h1 = (h1 ^ scramble_k1(k1)).rotate_left(27);
        h1 = h1.wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 = (h2 ^ scramble_k2(k2)).rotate_left(31);
        h2 = h2.wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    // Step 3: the tail and the length. The reference switches over the length of the tail. Zeros scramble to
    // zero, so padding the tail with zeros gives the same without a switch.
    let (k1, k2) = two_words(tail);
    h1 ^= scramble_k1(k1) ^ bytes.len() as u64;
    h2 ^= scramble_k2(k2) ^ bytes.len() as u64;
    // Step 4: finalize. In full, h1 = fmix(h1 + h2) + fmix(h1 + 2 h2); the second half of the digest is not
    // needed.
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    fmix64(h1).wrapping_add(fmix64(h2))
}

const X64_C1: u64 = 0x87c3_7b91_1142_53d5;
const X64_C2: u64 = 0x4cf5_ad43_2745_937f;

fn scramble_k1(k1: u64) -> u64 {
    k1.wrapping_mul(X64_C1).rotate_left(31).wrapping_mul(X64_C2)
}

fn scramble_k2(k2: u64) -> u64 {
    k2.wrapping_mul(X64_C2).rotate_left(33).wrapping_mul(X64_C1)
}

/// MurmurHash3's 64-bit finalizer: a bijection in which each bit of the input flips each bit of the
/// output with a probability near one half.
#[inline]
pub(super) fn fmix64(mut k: u64) -> u64 {
    k = (k ^ (k >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    k = (k ^ (k >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ (k >> 33)
}

/// Up to 16 bytes as two little-endian words, padded with zeros.
///
/// Lengths vary from feature to feature, so a loop over the bytes would be mispredicted at its end.
/// Instead, here and in [`short_word`], two reads of a fixed size overlap. For 11 bytes:
///
/// ```text
/// byte     0 1 2 3 4 5 6 7 8 9 a
/// first    [ word 1      ]
/// last           [ twice ] [new]    shifted down by the 5 bytes that were read twice
/// ```
#[inline]
fn two_words(bytes: &[u8]) -> (u64, u64) {
    debug_assert!(bytes.len() <= 16);
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => {
            let bits_read_twice = 8 * (16 - bytes.len()) as u32;
            // All of the second word was read twice if there are just 8 bytes: a shift by 64 gives 0.
            let second = u64::from_le_bytes(*last).unbounded_shr(bits_read_twice);
            (u64::from_le_bytes(*first), second)
        }
        _ => (short_word(bytes), 0),
    }
}

/// Up to 7 bytes as a little-endian word, padded with zeros.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    debug_assert!(bytes.len() < 8);
    let last_byte_shift = 8 * bytes.len().saturating_sub(1);
    // 4 to 7 bytes: two reads of four. Bytes that both have read land on themselves, so `|` is enough.
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return u64::from(first) | (u64::from(last) << (last_byte_shift - 24));
    }
    // 1 to 3 bytes: the first, the second and the last of them, which may be the same byte.
    match (bytes.first(), bytes.get(1), bytes.last()) {
        (Some(&first), second, Some(&last)) => {
            let second = u64::from(second.copied().unwrap_or(0));
            u64::from(first) | (second << 8) | (u64::from(last) << last_byte_shift)
        }
        _ => 0,
    }
}

/// A key of MurmurHash3_x86_32 after step 1, which does not depend on the seed.
///
/// The blocks of the key are scrambled before they are mixed into the state, and only the state
/// depends on the seed. So a key that is hashed under many seeds is scrambled once, and
/// [`hash`](Self::hash) does the rest for each seed. One value serves key after key, without an
/// allocation for each.
#[derive(Default)]
pub(super) struct ScrambledKey {
    blocks: SmallVec<[u32; 64]>,
    tail: u32,
    length: u32,
}

impl ScrambledKey {
    /// Replaces the key by another.
    pub(super) fn set(&mut self, key: &[u8]) {
        let (blocks, tail) = key.as_chunks::<4>();
        // Clearing keeps the allocation for the next key.
        self.blocks.clear();
        self.blocks.extend(blocks.iter().map(|block| scramble32(u32::from_le_bytes(*block))));
        self.tail = scramble32(short_word(tail) as u32); // at most 3 bytes
        self.length = key.len() as u32; // the algorithm counts modulo 2^32
    }

    /// MurmurHash3_x86_32 of the key under each of `N` seeds.
    ///
    /// Always inlined, so that it is compiled for the instruction set of its caller: the loops over
    /// the lanes become SIMD instructions.
    #[inline(always)]
    pub(super) fn hash<const N: usize>(&self, seeds: [u32; N]) -> [u32; N] {
        // Step 2. The blocks are the outer loop, the seeds the inner one: each block is loaded once, and
        // neighbouring states take the same steps.
        let mut states = seeds;
        for &block in &self.blocks {
            for state in &mut states {
                *state = (*state ^ block).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
            }
        }
        // Steps 3 and 4. Not a loop over `&mut`: LLVM would keep half the states in memory.
        states.map(|state| fmix32(state ^ self.tail ^ self.length))
    }
}

fn scramble32(k: u32) -> u32 {
    k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

/// MurmurHash3's 32-bit finalizer.
#[inline(always)]
fn fmix32(mut h: u32) -> u32 {
    h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
    h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn hash32(key: &[u8], seed: u32) -> u32 {
        let mut scrambled = ScrambledKey::default();
        scrambled.set(b"a key before, of another length");
        scrambled.set(key);
        scrambled.hash([seed])[0]
    }

    /// From the Python package mmh3 5: `hash(key, seed, signed=False)`, `hash64(key, signed=False)[0]`.
    #[test]
    fn known_answers() {
        assert_eq!(hash32(b"", 0), 0);
        assert_eq!(hash32(b"", 1), 0x514e_28b7);
        assert_eq!(hash32(b"foo", 0), 4138058784);
        assert_eq!(hash32(b"Hello, world!", 0x9747_b28c), 612912314);
        assert_eq!(hash64(b""), 0);
        assert_eq!(hash64(b"foo"), 16316970633193145697);
        assert_eq!(hash64(b"The quick brown fox jumps over the lazy dog"), 16378391709484522348);
    }

    proptest! {
        #[test]
        fn hash64_is_the_first_half_of_the_reference(key in vec(any::<u8>(), 0..100)) {
            let reference = ::murmur3::murmur3_x64_128(&mut key.as_slice(), 0).unwrap();
            prop_assert_eq!(hash64(&key), reference as u64);
        }

        #[test]
        fn hash_is_the_reference_in_every_lane(key in vec(any::<u8>(), 0..300), seed: u32) {
            let seeds: [u32; 5] = std::array::from_fn(|lane| seed.wrapping_add(lane as u32));
            let reference =
                seeds.map(|seed| ::murmur3::murmur3_32(&mut key.as_slice(), seed).unwrap());
            let mut scrambled = ScrambledKey::default();
            scrambled.set(&key);
            prop_assert_eq!(scrambled.hash(seeds), reference);
        }
    }
}
