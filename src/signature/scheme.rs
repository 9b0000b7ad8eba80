//! The scheme that fixes a signature, and the signature.

use smallvec::{SmallVec, smallvec};

use super::fss;
use super::minhash::MinHash;
use super::murmur3::hash64;

/// How the slots of a signature are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// Fast Similarity Sketching (Dahlgaard, Knudsen, Thorup 2017, original form), each draw from
    /// the 64-bit MurmurHash3 of the feature, the round and the seed.
    Fss,
    /// Classic MinHash (Broder 1997): slot `j` keeps the least MurmurHash3_x86_32 under seed
    /// `seed + j` modulo 2^32.
    Murmur3 {
        /// In `1..=2^31`. Where given, hashes are reduced to `0..modulus` by the non-negative
        /// remainder before the minimum is taken, and buckets are readable: a band's slots in
        /// decimal, joined by commas. 65535 gives the buckets of Sentry's Python client.
        modulus: Option<u32>,
    },
}

/// What fixes a signature: the same in every release and on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// How slots are hashed.
    pub hash: Hash,
    /// Another seed gives another, independent signature of the same set.
    pub seed: u32,
    /// Bands, each with one bucket: 1..=1024.
    pub bands: u16,
    /// Slots of a band: 1..=64.
    pub rows: u16,
}

impl Scheme {
    /// The number of slots, `bands * rows`: what a feature costs grows with it.
    pub fn slots(&self) -> usize {
        usize::from(self.bands) * usize::from(self.rows)
    }

    /// Signs a set of features: one bucket for each band, or `None` where there is no feature.
    ///
    /// Neither the order of the features nor how often one comes changes anything.
    pub fn sign<'a>(&self, features: impl Iterator<Item = &'a [u8]>) -> Option<Signature> {
        match self.hash {
            Hash::Fss => {
                let hashes: SmallVec<[u64; 128]> = features.map(hash64).collect();
                (!hashes.is_empty()).then(|| self.sign_by_sketch(&hashes))
            }
            Hash::Murmur3 { modulus } => {
                let mut features = features.peekable();
                features.peek()?;
                let mut minhash = MinHash::new(self.slots(), self.seed, modulus);
                features.for_each(|feature| minhash.add(feature));
                Some(self.sign_by_minima(minhash.slots(), modulus.is_some()))
            }
        }
    }

    fn sign_by_sketch(&self, hashes: &[u64]) -> Signature {
        let mut slots: SmallVec<[u64; 128]> = smallvec![0; self.slots()];
        fss::sketch(hashes, self.seed, &mut slots);
        self.group(&slots, |bucket, band| push_digest(bucket, band, |slot| slot.to_le_bytes()))
    }

    fn sign_by_minima(&self, slots: &[i32], readable: bool) -> Signature {
        if readable {
            self.group(slots, push_decimals)
        } else {
            self.group(slots, |bucket, band| push_digest(bucket, band, |slot| slot.to_le_bytes()))
        }
    }

    /// Groups slots into bands and lets `push_bucket` append each band's bucket.
    fn group<S>(&self, slots: &[S], push_bucket: impl Fn(&mut Bytes, &[S])) -> Signature {
        let mut signature = Signature { bytes: Bytes::new(), ends: SmallVec::new() };
        for band in slots.chunks_exact(usize::from(self.rows).max(1)) {
            push_bucket(&mut signature.bytes, band);
            signature.ends.push(signature.bytes.len() as u32);
        }
        signature
    }
}

/// Room for the 16 digests of the default signature.
type Bytes = SmallVec<[u8; 128]>;

/// Appends the digest of a band: the first 8 bytes of MurmurHash3_x64_128 (seed 0) over its slots as
/// little-endian integers.
fn push_digest<S: Copy, const WIDTH: usize>(
    bytes: &mut Bytes,
    band: &[S],
    little_endian: impl Fn(S) -> [u8; WIDTH],
) {
    let mut slots: SmallVec<[u8; 512]> = SmallVec::new(); // 64 rows of 8 bytes
    for &slot in band {
        slots.extend_from_slice(&little_endian(slot));
    }
    bytes.extend_from_slice(&hash64(&slots).to_le_bytes());
}

/// Appends a band's slots, none negative, in decimal, joined by commas.
fn push_decimals(bytes: &mut Bytes, band: &[i32]) {
    for (row, slot) in band.iter().enumerate() {
        if row > 0 {
            bytes.push(b',');
        }
        push_decimal(bytes, slot.unsigned_abs());
    }
}

fn push_decimal(bytes: &mut Bytes, number: u32) {
    let mut digits: SmallVec<[u8; 10]> = SmallVec::new();
    let mut rest = number;
    loop {
        digits.push(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    bytes.extend(digits.into_iter().rev());
}

/// What is observed of a set of features: one bucket for each band, in the order of the bands.
///
/// All buckets lie in one piece, without an allocation for the default of 16 bands. A bucket is an
/// opaque byte string: 8 bytes, or decimals joined by commas where the scheme has a modulus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    bytes: Bytes,
    /// Where each bucket ends in `bytes`; it begins where the one before it ends.
    ends: SmallVec<[u32; 16]>,
}

impl Signature {
    /// The buckets, band by band.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = &[u8]> + '_ {
        let mut rest = self.bytes.as_slice();
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let (bucket, after) = rest.split_at((end - start) as usize);
            (rest, start) = (after, end);
            bucket
        })
    }

    /// The number of buckets, which is the scheme's number of bands.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no bucket, which only a scheme without bands or rows gives.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}
