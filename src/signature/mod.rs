//! Signatures: how a set of features becomes one bucket for each band.
//!
//! The measure of how similar two sets are is their *Jaccard similarity*: the size of their
//! intersection over the size of their union. A signature turns that into equality of short byte
//! strings, which an index can look up:
//!
//! ```text
//! text ──normalise, shingle──▶ features ──hash──▶ t = bands * rows slots ──group──▶ bands buckets
//! ```
//!
//! - [`TextRules`] make features of a text. Clients that have features already leave this step out.
//! - A [`Scheme`] hashes the set into *slots*. In each slot two sets agree with a probability equal
//!   to their similarity `s`: a slot keeps the least hash over the set, and the least hash of the
//!   union is as likely to come from one of its elements as from another (Broder 1997).
//! - A *band* is a group of `rows` slots, and a digest of them is the band's *bucket*. Two sets share
//!   the bucket of a band with probability `s^rows`, and at least one of `bands` buckets with
//!   `1 - (1 - s^rows)^bands`: a curve with a step, and [`choose_bands`] picks where the step is
//!   (locality-sensitive hashing: Indyk and Motwani 1998).
//!
//! There are two ways to hash. *Fast Similarity Sketching* is the default: it hashes each feature once,
//! and for the 10 to 100 features of a short text its estimates err by a quarter less than classic
//! MinHash. Classic MinHash over MurmurHash3 is for users who have such buckets already.
//! One-permutation hashing with rotation is faster than both and is left out on purpose: it fills
//! the empty slots of small sets with copies, so that buckets are shared far more often than the curve
//! says.
//!
//! The buckets that a scheme gives are *normative*: signatures are saved, replicated and computed by
//! other programs, so the same features must give the same buckets in every release and on every
//! machine. The known-answer vectors in the tests here were made by an independent model; a test that
//! fails shows a fault in the code, never in the vector. A better way to hash is a new scheme.
//!
//! | file | what it does |
//! | --- | --- |
//! | `text` | makes features of a text: the steps in their order, and shingles |
//! | `normal_form` | Unicode's normal form, white space, lower case |
//! | `mask` | replaces numbers and identifiers in a text |
//! | `words` | cuts a text into words |
//! | `murmur3` | MurmurHash3, the hash below everything here |
//! | `fss` | fills slots by Fast Similarity Sketching |
//! | `minhash` | fills slots by classic MinHash |
//! | `scheme` | chooses between the two, and makes buckets of slots |
//! | `bands` | chooses bands and rows for a threshold |
//!
//! ```
//! use simile::signature::{Hash, Scheme, Shingle, TextRules};
//!
//! let rules = TextRules { shingle: Shingle::Words(1), lowercase: true, mask: true };
//! let scheme = Scheme { hash: Hash::Fss, seed: 0, bands: 16, rows: 2, sketch: 0 };
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
mod normal_form;
mod scheme;
mod text;
mod words;

pub use bands::{choose_bands, meeting_similarity};
pub(crate) use murmur3::hash64;
pub use scheme::{Hash, Scheme, Signature};
pub use text::{Prepared, Shingle, Shingles, TextRules};
