//! Signatures: how a set of features becomes one bucket for each band.
//!
//! Two sets are alike as far as their *Jaccard similarity* says: the size of their intersection over
//! the size of their union. A signature turns that into equality of short byte strings, which an
//! index can look up:
//!
//! ```text
//! text ──normalise, shingle──▶ features ──hash──▶ t = bands * rows slots ──group──▶ bands buckets
//! ```
//!
//! - [`TextRules`] make features of a text. Whoever has features already leaves this step out.
//! - A [`Scheme`] hashes the set into *slots*. In each slot two sets agree with a probability equal
//!   to their similarity `s`: a slot keeps the least hash over the set, and the least hash of the
//!   union is as likely to come from one of its elements as from another (Broder 1997).
//! - `rows` slots together are a *band*, and a digest of them is the band's *bucket*. Two sets share
//!   the bucket of a band with probability `s^rows`, and at least one of `bands` buckets with
//!   `1 - (1 - s^rows)^bands`: a curve with a step, whose place [`choose_bands`] picks (Indyk and
//!   Motwani 1998).
//!
//! Two schemes are offered. *Fast Similarity Sketching* is the default: it hashes each feature once,
//! and for the 10 to 100 features of a short text its estimates err by a quarter less than classic
//! MinHash. Classic MinHash over MurmurHash3 is there for those who have such buckets already.
//! One-permutation hashing with rotation is faster than both and is left out on purpose: it fills
//! the empty slots of small sets with copies, so that bands meet far more often than the curve says.
//!
//! What a scheme gives is *normative*: signatures are saved, replicated and computed by other
//! programs, so the same features must give the same buckets in every release and on every machine.
//! The known-answer vectors in the tests here were made by an independent model; a test that fails
//! shows a fault in the code, never in the vector. A better way to hash is a new scheme.
//!
//! ```
//! use simile::signature::{Hash, Scheme, Shingle, TextRules};
//!
//! let rules = TextRules { shingle: Shingle::Words(1), lowercase: true, mask: true };
//! let scheme = Scheme { hash: Hash::Fss, seed: 0, bands: 16, rows: 2 };
//!
//! let one = rules.prepare("Worker 17 died at 0x7fff03");
//! let other = rules.prepare("worker 4 died at 0x7ffe88");
//! assert_eq!(one.count(), 5);
//! assert_eq!(scheme.sign(one.features()), scheme.sign(other.features()));
//! ```

mod bands;
mod fss;
mod mask;
mod minhash;
mod murmur3;
mod scheme;
mod text;

pub use bands::choose_bands;
pub(crate) use murmur3::hash64;
pub use scheme::{Hash, Scheme, Signature};
pub use text::{Prepared, Shingle, Shingles, TextRules};
