//! The scheme that fixes a signature, and the signature.
//!
//! A [`Scheme`] turns a set of features into slots (`fss`, `minhash`) and the slots of each band into
//! that band's bucket. Here with 3 bands of 2 rows:
//!
//! ```text
//! slots     9670  3712 | 8916  3594 | 8304  2617
//!             band 0   |   band 1   |   band 2
//! buckets  "9670,3712"  "8916,3594"  "8304,2617"     if the scheme has a modulus: decimals
//!           8 bytes      8 bytes      8 bytes        otherwise: a digest of the slots
//! ```
//!
//! A digest makes every bucket equally short. Different slots get the same digest by chance about once
//! in 2^64 pairs.

use smallvec::{SmallVec, smallvec};

use super::fss;
use super::minhash::MinHash;
use super::murmur3::{fmix64, hash64};

/// The algorithm that hashes features into slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// Fast Similarity Sketching (Dahlgaard, Knudsen, Thorup 2017, original form), each draw from
    /// the 64-bit MurmurHash3 of the feature, the round and the seed.
    Fss,
    /// Classic MinHash (Broder 1997): slot `j` keeps the least MurmurHash3_x86_32 under seed
    /// `seed + j` modulo 2^32.
    Murmur3 {
        /// In `1..=2^31`. With a modulus, hashes are reduced to `0..modulus` by the non-negative
        /// remainder before the minimum is taken, and buckets are readable: a band's slots in
        /// decimal, joined by commas. 65535 gives the buckets of Sentry's Python client.
        modulus: Option<u32>,
    },
}

/// All that fixes a signature: the same in every release and on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// The algorithm of the slots.
    pub hash: Hash,
    /// Another seed gives another, independent signature of the same set.
    pub seed: u32,
    /// Bands, each with one bucket: 1..=1024.
    pub bands: u16,
    /// Slots of a band: 1..=64.
    pub rows: u16,
    /// Slots of the sketch: 16..=4096, or 0 for none.
    pub sketch: u16,
}

impl Scheme {
    /// The number of slots, `bands * rows`: the cost of a feature grows with it.
    pub fn slots(&self) -> usize {
        usize::from(self.bands) * usize::from(self.rows)
    }

    /// An upper bound on the draws for a signature of this many features, copies included.
    pub fn max_draws(&self, features: usize) -> u64 {
        self.draws_per_feature().saturating_mul(features as u64).saturating_add(self.draws_to_fill())
    }

    /// The most features that certainly take no more than this many draws.
    pub fn max_features(&self, draws: u64) -> u64 {
        draws.saturating_sub(self.draws_to_fill()) / self.draws_per_feature().max(1)
    }

    /// MURMUR3 draws once for each feature and slot.
    fn draws_per_feature(&self) -> u64 {
        let of_bands = match self.hash {
            Hash::Fss => 1,
            Hash::Murmur3 { .. } => self.slots() as u64,
        };
        of_bands + u64::from(self.sketch > 0)
    }

    /// Draws of Fast Similarity Sketching that come on top, until no slot is empty.
    fn draws_to_fill(&self) -> u64 {
        let of_bands = match self.hash {
            Hash::Fss => self.slots() as u64,
            Hash::Murmur3 { .. } => 0,
        };
        fss::MAX_DRAWS_TO_FILL * (of_bands + u64::from(self.sketch))
    }

    /// The number of times that a feature's bytes are hashed: MURMUR3 hashes eight slots at once.
    pub fn hashings(&self) -> u64 {
        match self.hash {
            Hash::Fss => 1,
            Hash::Murmur3 { .. } => self.slots().div_ceil(8) as u64 + u64::from(self.sketch > 0),
        }
    }

    /// Signs a set of features: one bucket for each band, or `None` if there is no feature.
    ///
    /// Neither the order of the features nor how often one comes changes anything.
    ///
    /// # Panics
    /// May panic if [`Hash::Murmur3::modulus`] is not in `1..=2^31`.
    pub fn sign<'a>(&self, features: impl Iterator<Item = &'a [u8]>) -> Option<Signature> {
        // Without a feature there is no signature; looking ahead saves a set-up for nothing.
        let mut features = features.peekable();
        features.peek()?;
        let mut sketch = self.empty_sketch();
        let signature = match self.hash {
            Hash::Fss => {
                // Each feature is hashed once; bands and sketch make all their draws from that hash.
                let mut bands = fss::Sketch::new(self.seed, self.slots());
                in_blocks(features.map(hash64), |hashes| {
                    bands.add(hashes);
                    sketch.iter_mut().for_each(|sketch| sketch.add(hashes));
                });
                self.digest_bands(bands.slots(), u64::to_le_bytes)
            }
            Hash::Murmur3 { modulus } => {
                let mut minhash = MinHash::new(self.slots(), self.seed, modulus);
                let minimise = |feature| {
                    minhash.add(feature);
                    feature
                };
                let features = features.map(minimise);
                match &mut sketch {
                    Some(sketch) => in_blocks(features.map(hash64), |hashes| sketch.add(hashes)),
                    None => features.for_each(drop),
                }
                match modulus {
                    Some(_) => self.print_bands(minhash.slots()),
                    None => self.digest_bands(minhash.slots(), i32::to_le_bytes),
                }
            }
        };
        // Each slot of the sketch is hashed to a byte.
        let to_byte = |slot: &u64| (fmix64(*slot) >> 56) as u8;
        let sketch = sketch.map_or_else(Vec::new, |sketch| sketch.slots().iter().map(to_byte).collect());
        Some(Signature { sketch, ..signature })
    }

    /// The sketch of no feature; `None` if the scheme has no sketch. Its draws are not those of the bands: two sets
    /// that met in a band by luck must not look more alike for it.
    fn empty_sketch(&self) -> Option<fss::Sketch> {
        (self.sketch > 0).then(|| fss::Sketch::new(self.seed ^ SKETCH_SEED, self.sketch.into()))
    }

    /// For each band the first 8 bytes of MurmurHash3_x64_128 (seed 0) over its slots as
    /// little-endian integers.
    fn digest_bands<S: Copy, const WIDTH: usize>(
        &self,
        slots: &[S],
        little_endian: impl Fn(S) -> [u8; WIDTH],
    ) -> Signature {
        // One buffer for all bands: each overwrites the slots of the one before.
        let mut band_bytes: SmallVec<[[u8; WIDTH]; 64]> = smallvec![[0; WIDTH]; self.band_length()];
        let digest = |band: &[S]| {
            for (bytes, &slot) in band_bytes.iter_mut().zip(band) {
                *bytes = little_endian(slot);
            }
            hash64(band_bytes.as_flattened()).to_le_bytes()
        };
        let digests: SmallVec<[[u8; DIGEST]; 16]> =
            slots.chunks_exact(self.band_length()).map(digest).collect();
        Signature {
            bytes: SmallVec::from_slice(digests.as_flattened()),
            ends: (1..=digests.len()).map(|bands| (DIGEST * bands) as u32).collect(),
            sketch: Vec::new(),
        }
    }

    /// For each band its slots, none of them negative, in decimal, joined by commas.
    fn print_bands(&self, slots: &[i32]) -> Signature {
        let mut digits = itoa::Buffer::new();
        let mut signature = Signature { bytes: SmallVec::new(), ends: SmallVec::new(), sketch: Vec::new() };
        for band in slots.chunks_exact(self.band_length()) {
            for (row, slot) in band.iter().enumerate() {
                debug_assert!(*slot >= 0, "slot {slot} is not a remainder");
                if row > 0 {
                    signature.bytes.push(b',');
                }
                signature.bytes.extend_from_slice(digits.format(slot.unsigned_abs()).as_bytes());
            }
            signature.ends.push(signature.bytes.len() as u32);
        }
        signature
    }

    /// The slots of a band, at least 1, so that slots can be cut into bands: a scheme without rows has
    /// no slots to cut.
    fn band_length(&self) -> usize {
        usize::from(self.rows).max(1)
    }
}

/// Hands out hashes in blocks, none of them empty.
fn in_blocks(hashes: impl Iterator<Item = u64>, mut add: impl FnMut(&mut fss::Hashes)) {
    let mut block = fss::Hashes::new();
    for hash in hashes {
        block.push(hash);
        if block.len() == fss::BLOCK {
            add(&mut block);
            block.clear();
        }
    }
    if !block.is_empty() {
        add(&mut block);
    }
}

/// The bytes of a digest.
const DIGEST: usize = 8;

/// The seed of a sketch is the scheme's with these bits changed ("sket"): never the same.
const SKETCH_SEED: u32 = 0x736b_6574;

/// Inline capacity for the 16 digests of the default signature.
type Bytes = SmallVec<[u8; 16 * DIGEST]>;

/// The observation of a set of features: one bucket for each band, in the order of the bands.
///
/// All buckets lie in one sequence of bytes, without an allocation for the default of 16 bands. A
/// bucket is an opaque byte string: 8 bytes, or decimals joined by commas if the scheme has a modulus.
///
/// ```text
/// bytes   9670,37128916,35948304,2617
/// ends             9        18       27
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    bytes: Bytes,
    /// The end of each bucket in `bytes`; it begins at the end of the one before.
    ends: SmallVec<[u32; 16]>,
    /// The slots of the sketch; empty if the scheme has none.
    sketch: Vec<u8>,
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

    /// The slots of the sketch, a byte each; empty if the scheme has none.
    pub fn sketch(&self) -> &[u8] {
        &self.sketch
    }

    /// The number of buckets, which is the scheme's number of bands.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True if there is no bucket, which happens only for a scheme without bands or rows.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const SCHEMES: [Hash; 3] =
        [Hash::Fss, Hash::Murmur3 { modulus: None }, Hash::Murmur3 { modulus: Some(65535) }];

    fn fox() -> Vec<Vec<u8>> {
        let words = "the quick brown fox jumps over the lazy dog".split(' ');
        words.map(|word| word.as_bytes().to_vec()).collect()
    }

    fn many() -> Vec<Vec<u8>> {
        (0..300).map(|i| format!("feature {i}").into_bytes()).collect()
    }

    fn sign(scheme: Scheme, features: &[Vec<u8>]) -> Option<Signature> {
        scheme.sign(features.iter().map(Vec::as_slice))
    }

    fn buckets(scheme: Scheme, features: &[Vec<u8>]) -> Vec<Vec<u8>> {
        sign(scheme, features).unwrap().buckets().map(<[u8]>::to_vec).collect()
    }

    /// From a model in Python after the documentation, with mmh3 5.3.1 for the hashes:
    /// `mmh3.hash_bytes(struct.pack('<2Q', ...))[:8].hex()`, and `'<2i'` for MURMUR3.
    #[test]
    fn known_digests() {
        type Answer<'a> = (&'a Vec<Vec<u8>>, Hash, u32, u16, u16, &'a [u64]);
        let (fox, empty, many) = (&fox(), &vec![vec![]], &many());
        let answers: [Answer; 18] = [
            (
                fox,
                Hash::Fss,
                0,
                4,
                2,
                &[0xc969222f0f22e67f, 0x2d774cf9fafd4dba, 0xe2209061c4a42739, 0x8283447599fdb1e0],
            ),
            (fox, Hash::Fss, u32::MAX, 3, 3, &[0x6dea2d4054488cca, 0x22a8e4919560feb1, 0x02c3fec489e5e847]),
            (fox, Hash::Fss, 1, 2, 64, &[0xf3740416c2f811fa, 0xbefbd19d3f309fa8]),
            (
                fox,
                Hash::Murmur3 { modulus: None },
                0,
                4,
                2,
                &[0x3edc099af6791cee, 0x54a3b7dcd3752d15, 0x1fbeb8b38fbac90a, 0xb02d68c70cf5738b],
            ),
            (
                fox,
                Hash::Murmur3 { modulus: None },
                u32::MAX - 1,
                3,
                3,
                &[0x46ca87830c2d9f7f, 0x5a474843d7433950, 0xf9c848ffcd0aa9ee],
            ),
            (fox, Hash::Murmur3 { modulus: None }, 0, 2, 64, &[0x021ac60f16a57644, 0x1353d6b7eee5764c]),
            (
                empty,
                Hash::Fss,
                0,
                4,
                2,
                &[0x2465dbee816bb3b9, 0xb6e88580976f822f, 0xd5a47651388ce1ad, 0x7037ca16e00c3ffc],
            ),
            (empty, Hash::Fss, u32::MAX, 3, 3, &[0xe356e0282269927f, 0x023abd8c24ad0e66, 0x4d438458c298a12d]),
            (empty, Hash::Fss, 1, 2, 64, &[0x55a9595ced7cb27b, 0xc6f73dbe115c6011]),
            (
                empty,
                Hash::Murmur3 { modulus: None },
                0,
                4,
                2,
                &[0xcb1279b716fb9061, 0xf40d58ecb30f55aa, 0xee646ab0511b5f47, 0x25ebe75e48573592],
            ),
            (
                empty,
                Hash::Murmur3 { modulus: None },
                u32::MAX - 1,
                3,
                3,
                &[0xb5f15f790b9bbcdc, 0x18c14812756de0a3, 0x82c4f0d0ce6677d2],
            ),
            (empty, Hash::Murmur3 { modulus: None }, 0, 2, 64, &[0xcf759b392ea3decd, 0x02b11fe7158ab0dc]),
            (
                many,
                Hash::Fss,
                0,
                4,
                2,
                &[0x31b2fd4b0516c032, 0x1a2cb1a529f6bef2, 0xd5444b0fe3ce28fc, 0x4bf39f7953a82c2d],
            ),
            (many, Hash::Fss, u32::MAX, 3, 3, &[0x462d59ea58a3745c, 0x1fbbae7dcc826a7f, 0xa5f7bbc8b71e9808]),
            (many, Hash::Fss, 1, 2, 64, &[0xc8341d119dc54738, 0x276cbd835edc66dc]),
            (
                many,
                Hash::Murmur3 { modulus: None },
                0,
                4,
                2,
                &[0x4c11e8566a0dd678, 0xd8db7fcdc3184ddd, 0x0d077e000a43a388, 0x779b8dd099cea273],
            ),
            (
                many,
                Hash::Murmur3 { modulus: None },
                u32::MAX - 1,
                3,
                3,
                &[0xf5c06e6720ce72fe, 0x8ea8b81e0fc364cd, 0x154e455e04869773],
            ),
            (many, Hash::Murmur3 { modulus: None }, 0, 2, 64, &[0x43b90e743bdce478, 0x65a50b916a62fe3a]),
        ];
        for (features, hash, seed, bands, rows, digests) in answers {
            let scheme = Scheme { hash, seed, bands, rows, sketch: 0 };
            let expected: Vec<_> = digests.iter().map(|bytes| bytes.to_be_bytes()).collect();
            assert_eq!(buckets(scheme, features), expected, "{scheme:?}");
        }
    }

    /// `min(mmh3.hash(f, seed + slot) % modulus for f in features)` with mmh3 5.3.1, which under
    /// modulus 65535 is what Sentry's Python client computes.
    #[test]
    fn known_remainders() {
        type Answer<'a> = (&'a Vec<Vec<u8>>, u32, u32, u16, u16, &'a [&'a str]);
        let (fox, empty, many) = (&fox(), &vec![vec![]], &many());
        let answers: [Answer; 12] = [
            (
                fox,
                65535,
                0,
                8,
                2,
                &[
                    "9670,3712",
                    "8916,3594",
                    "8304,2617",
                    "15698,308",
                    "15663,7373",
                    "11790,22100",
                    "8660,2160",
                    "6620,2844",
                ],
            ),
            (
                fox,
                1 << 31,
                u32::MAX - 5,
                4,
                3,
                &[
                    "203795020,32587770,25193434",
                    "20252363,37699984,284454185",
                    "525616233,441397084,310002789",
                    "84161246,318395430,461180859",
                ],
            ),
            (fox, 7, 3, 4, 2, &["0,0", "2,0", "2,0", "1,0"]),
            (fox, 1, 0, 2, 1, &["0", "0"]),
            (
                empty,
                65535,
                0,
                8,
                2,
                &[
                    "0,31237",
                    "62458,14871",
                    "55073,8154",
                    "43507,51085",
                    "44612,60302",
                    "60852,37284",
                    "10748,4941",
                    "37852,42079",
                ],
            ),
            (
                empty,
                1 << 31,
                u32::MAX - 5,
                4,
                3,
                &[
                    "1111528648,327106894,1252017343",
                    "708223468,2039857924,32599865",
                    "0,1364076727,821347078",
                    "99660839,614249093,1275941837",
                ],
            ),
            (empty, 7, 3, 4, 2, &["3,3", "0,3", "2,0", "5,1"]),
            (empty, 1, 0, 2, 1, &["0", "0"]),
            (
                many,
                65535,
                0,
                8,
                2,
                &["1,264", "232,332", "6,47", "287,176", "198,84", "184,177", "158,243", "555,76"],
            ),
            (
                many,
                1 << 31,
                u32::MAX - 5,
                4,
                3,
                &[
                    "14986012,7704558,9127276",
                    "4078291,8009838,57330",
                    "21821993,9730157,3800115",
                    "775562,875078,1412797",
                ],
            ),
            (many, 7, 3, 4, 2, &["0,0", "0,0", "0,0", "0,0"]),
            (many, 1, 0, 2, 1, &["0", "0"]),
        ];
        for (features, modulus, seed, bands, rows, texts) in answers {
            let scheme =
                Scheme { hash: Hash::Murmur3 { modulus: Some(modulus) }, seed, bands, rows, sketch: 0 };
            let expected: Vec<_> = texts.iter().map(|text| text.as_bytes()).collect();
            assert_eq!(buckets(scheme, features), expected, "{scheme:?}");
        }
    }

    /// The slots in hexadecimal.
    fn sketch(scheme: Scheme, features: &[Vec<u8>]) -> String {
        let signature = sign(scheme, features).unwrap();
        signature.sketch().iter().map(|slot| format!("{slot:02x}")).collect()
    }

    /// From the same model: `bytes(fmix64(slot) >> 56 for slot in fss(features, seed ^ 0x736b6574, sketch))`.
    #[test]
    fn known_sketches() {
        let (fox, empty, many) = (&fox(), &vec![vec![]], &many());
        let answers = [
            (fox, 0, "77e29aef929634d7bad0fb75e76fb9a6"),
            (fox, 7, "730b98c458a21ed30038256e94a37137d30fd239"),
            (fox, u32::MAX, "ac99b62dbe65bef45bd030031b42c86e"),
            (empty, 0, "6160ff94233b65ef0bb4113a3f070b52"),
            (
                many,
                0,
                "01c77c0a92fafae35edf250d64d365ab2e04ed3603b1d9b136082bdee638088f\
                 04bd7baa8c59e34113a9689429e0e5194268206e1c946fecfed6fc3d69adcd07",
            ),
        ];
        for (features, seed, slots) in answers {
            // Neither the hash of the bands nor their number changes anything.
            for (hash, bands) in SCHEMES.into_iter().zip([1, 4, 64]) {
                let scheme = Scheme { hash, seed, bands, rows: 2, sketch: slots.len() as u16 / 2 };
                assert_eq!(sketch(scheme, features), slots, "{scheme:?}");
            }
        }
        let largest = Scheme { hash: Hash::Fss, seed: 3, bands: 1, rows: 1, sketch: 4096 };
        assert_eq!(hash64(sign(largest, many).unwrap().sketch()), 0x557c_d01a_460c_d06c);
    }

    #[test]
    fn no_feature_no_signature() {
        for hash in SCHEMES {
            let scheme = Scheme { hash, seed: 0, bands: 16, rows: 2, sketch: 0 };
            assert_eq!(sign(scheme, &[]), None);
            assert!(sign(scheme, &[vec![]]).is_some(), "an empty feature is one");
        }
    }

    #[test]
    fn the_largest_signature() {
        for hash in SCHEMES {
            for (bands, rows) in [(1024, 4), (64, 64)] {
                let signature = sign(Scheme { hash, seed: 1, bands, rows, sketch: 0 }, &fox()).unwrap();
                assert_eq!(signature.len(), usize::from(bands));
                assert_eq!(signature.buckets().count(), usize::from(bands));
            }
        }
    }

    #[test]
    fn a_scheme_without_slots_gives_no_bucket() {
        for hash in SCHEMES {
            for (bands, rows) in [(0, 2), (2, 0)] {
                assert!(sign(Scheme { hash, seed: 0, bands, rows, sketch: 0 }, &fox()).unwrap().is_empty());
            }
        }
    }

    #[test]
    fn decimals() {
        let scheme =
            Scheme { hash: Hash::Murmur3 { modulus: Some(1 << 31) }, seed: 0, bands: 3, rows: 2, sketch: 0 };
        let signature = scheme.print_bands(&[0, 7, 10, 65534, 1_000_000_000, i32::MAX]);
        assert_eq!(
            signature.buckets().collect::<Vec<_>>(),
            [&b"0,7"[..], b"10,65534", b"1000000000,2147483647"]
        );
    }

    proptest! {
        #[test]
        fn a_signature_is_of_a_set(
            features in vec(vec(any::<u8>(), 0..8), 1..40),
            twice in any::<prop::sample::Index>(),
            seed: u32, bands in 1..20_u16, rows in 1..5_u16,
        ) {
            let mut mixed = features.clone();
            mixed.push(twice.get(&features).clone());
            mixed.reverse();
            for hash in SCHEMES {
                let scheme = Scheme { hash, seed, bands, rows, sketch: 0 };
                let signature = sign(scheme, &features);
                prop_assert_eq!(signature.as_ref().map(Signature::len), Some(usize::from(bands)));
                prop_assert_eq!(signature, sign(scheme, &mixed));
            }
        }
    }

    /// The number of pairs of sets in each of the statistics below.
    const PAIRS: u64 = 600;

    /// Two sets of `size` features with `shared` features in common, different ones for each `pair`.
    fn pair_of_sets(pair: u64, size: u64, shared: u64) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let feature = |i: u64| (pair << 32 | i).to_be_bytes().to_vec();
        let one = (0..size).map(feature).collect();
        let other = (size - shared..2 * size - shared).map(feature).collect();
        (one, other)
    }

    fn similarity(size: u64, shared: u64) -> f64 {
        shared as f64 / (2 * size - shared) as f64
    }

    fn share_of_common_buckets(scheme: Scheme, pair: u64, size: u64, shared: u64) -> f64 {
        let (one, other) = pair_of_sets(pair, size, shared);
        let (one, other) = (sign(scheme, &one).unwrap(), sign(scheme, &other).unwrap());
        let common = one.buckets().zip(other.buckets()).filter(|(one, other)| one == other);
        common.count() as f64 / one.len() as f64
    }

    fn mean_over_pairs(value: impl Fn(u64) -> f64) -> f64 {
        (0..PAIRS).map(value).sum::<f64>() / PAIRS as f64
    }

    /// The root of the mean square error of the similarity estimated from 128 slots: bands of one.
    fn estimate_error(hash: Hash, size: u64, shared: u64) -> f64 {
        let scheme = Scheme { hash, seed: 0, bands: 128, rows: 1, sketch: 0 };
        let error = |pair| share_of_common_buckets(scheme, pair, size, shared) - similarity(size, shared);
        mean_over_pairs(|pair| error(pair).powi(2)).sqrt()
    }

    #[test]
    fn sketches_of_small_sets_err_a_fifth_less_than_minhash() {
        for (size, shared) in [(10, 7), (30, 20), (100, 50)] {
            let theory = (similarity(size, shared) * (1.0 - similarity(size, shared)) / 128.0).sqrt();
            let minhash = estimate_error(Hash::Murmur3 { modulus: None }, size, shared);
            let sketch = estimate_error(Hash::Fss, size, shared);
            assert!((minhash / theory - 1.0).abs() < 0.1, "{size}: {minhash} for {theory}");
            assert!(sketch < 0.8 * minhash, "{size}: {sketch} beside {minhash}");
        }
    }

    #[test]
    fn a_bucket_is_shared_with_probability_s_to_the_rows() {
        for hash in SCHEMES {
            for (size, shared, rows) in [(30, 24, 2), (30, 24, 5), (75, 40, 2)] {
                let scheme = Scheme { hash, seed: 5, bands: 16, rows, sketch: 0 };
                let share = mean_over_pairs(|pair| share_of_common_buckets(scheme, pair, size, shared));
                let theory = similarity(size, shared).powi(i32::from(rows));
                assert!((share - theory).abs() < 0.02, "{scheme:?}: {share} for {theory}");
            }
        }
    }
}
