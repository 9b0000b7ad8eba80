//! MurmurHash3 (Austin Appleby, public domain; SMHasher's `MurmurHash3.cpp`) over byte slices.
//!
//! The `murmur3` crate reads through `io::Read`, which costs several times the hash itself where
//! features have a few bytes, and cannot share work between seeds. It is the reference in the tests.

use smallvec::SmallVec;

/// The first 64 bits of MurmurHash3_x64_128 of `bytes` under seed 0 (`h1`; in a digest that is
/// written out, its first 8 bytes as a little-endian integer).
#[inline]
pub(crate) fn hash64(bytes: &[u8]) -> u64 {
    let (mut h1, mut h2) = (0_u64, 0_u64);
    let (blocks, tail) = bytes.as_chunks::<16>();
    for block in blocks {
        let (k1, k2) = two_words(block);
        h1 = (h1 ^ scramble_k1(k1)).rotate_left(27);
        h1 = h1.wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 = (h2 ^ scramble_k2(k2)).rotate_left(31);
        h2 = h2.wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let (k1, k2) = two_words(tail);
    h1 ^= scramble_k1(k1) ^ bytes.len() as u64;
    h2 ^= scramble_k2(k2) ^ bytes.len() as u64;
    // In full, h1 = fmix(h1 + h2) + fmix(h1 + 2 h2); the second half of the digest is not needed.
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

/// Up to 16 bytes as two little-endian words, zeros after them.
///
/// Lengths vary from feature to feature, so a loop over the bytes would be mispredicted at its end:
/// here and in [`short_word`] two reads overlap instead, and what both have read falls away, or on
/// itself.
#[inline]
fn two_words(bytes: &[u8]) -> (u64, u64) {
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => {
            let read_twice = 8 * (16 - bytes.len()) as u32; // in bits
            let second = u64::from_le_bytes(*last).unbounded_shr(read_twice);
            (u64::from_le_bytes(*first), second)
        }
        _ => (short_word(bytes), 0),
    }
}

/// Up to 7 bytes as a little-endian word, zeros after them.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    let last_bit = 8 * bytes.len().saturating_sub(1);
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return u64::from(first) | (u64::from(last) << (last_bit - 24));
    }
    match (bytes.first(), bytes.get(1), bytes.last()) {
        (Some(&first), second, Some(&last)) => {
            let second = u64::from(second.copied().unwrap_or(0));
            u64::from(first) | (second << 8) | (u64::from(last) << last_bit)
        }
        _ => 0,
    }
}

/// A key on its way through MurmurHash3_x86_32, as far as the seed has no say in it.
///
/// The blocks of the key are scrambled before they meet the state, and only the state depends on
/// the seed. So a key hashed under many seeds is scrambled once, and [`hash`](Self::hash) does the
/// rest for each seed. One value serves key after key, without an allocation for each.
#[derive(Default)]
pub(super) struct Scrambled {
    blocks: SmallVec<[u32; 64]>,
    tail: u32,
    len: u32,
}

impl Scrambled {
    /// Takes another key in place of the last.
    pub(super) fn set(&mut self, key: &[u8]) {
        let (blocks, tail) = key.as_chunks::<4>();
        self.blocks.clear();
        self.blocks.extend(blocks.iter().map(|block| scramble32(u32::from_le_bytes(*block))));
        self.tail = scramble32(short_word(tail) as u32); // at most 3 bytes
        self.len = key.len() as u32; // the algorithm counts modulo 2^32
    }

    /// MurmurHash3_x86_32 of the key under each of `N` seeds.
    ///
    /// Always inlined, so that it is compiled for the instruction set of its caller: the loops over
    /// the lanes become SIMD instructions.
    #[inline(always)]
    pub(super) fn hash<const N: usize>(&self, seeds: [u32; N]) -> [u32; N] {
        let mut states = seeds;
        for &block in &self.blocks {
            for state in &mut states {
                *state = (*state ^ block).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
            }
        }
        // Not a loop over `&mut`: LLVM would keep half the states in memory.
        states.map(|state| fmix32(state ^ self.tail ^ self.len))
    }
}

fn scramble32(k: u32) -> u32 {
    k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

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
        let mut scrambled = Scrambled::default();
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
            let mut scrambled = Scrambled::default();
            scrambled.set(&key);
            prop_assert_eq!(scrambled.hash(seeds), reference);
        }
    }
}
