//! The index: the core, without Redis.
//!
//! There are two structures, as in the index that Sentry built: *bucket frequencies* are the numbers of
//! times that an item was seen in each bucket of each band, *bucket members* are the items that were seen
//! in a bucket. A [`Chunk`] holds both for one interval of time; a [`search()`] reads the chunks of a
//! window; a [`Profile`] is an item's frequencies, summed over a window.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `definition` | the parameters of an index, and the grid of time |
//! | `memory` | containers that never double: vectors, lists, a hash table |
//! | `chunk` | a chunk: items, buckets, and the links between them |
//! | `search` | profiles, queries, the search for the best items, scores |
//! | `read` | scan, explain, significant |
//! | [`codec`] | a chunk as bytes |
//! | [`mod@blob`] | an item's observations as bytes, for another scope |
//!
//! ```
//! use simile::index::{Budget, Chunk, IndexQuery, SearchOptions, search};
//!
//! let mut chunk = Chunk::new(2); // two bands
//! chunk.record(b"cat", [b"a", b"b"].into_iter().map(|bucket| &bucket[..]));
//! chunk.record(b"dog", [b"a", b"c"].into_iter().map(|bucket| &bucket[..]));
//!
//! let chunks = [&chunk];
//! let query = IndexQuery::of_item(b"cat", &chunks);
//! let mut budget = Budget::new(1_000); // the most that the search may cost, in postings
//! let matches = search(&query, &SearchOptions::default(), &mut budget)?;
//! assert_eq!((matches[0].item, matches[0].score), (&b"cat"[..], 1.0));
//! assert_eq!((matches[1].item, matches[1].score), (&b"dog"[..], 0.5)); // one band of two
//! # Ok::<(), simile::index::TooManyPostings>(())
//! ```

pub mod blob;
mod chunk;
pub mod codec;
mod definition;
mod memory;
mod read;
mod search;

pub use blob::Blob;
pub use chunk::{CapacityError, Chunk, Counts};
pub use definition::Definition;
pub(crate) use memory::MAX_ALIGN;
pub use memory::mover::Mover;
pub use read::{
    Agreement, BandShare, Explanation, ScanPosition, ScanStep, SignificantBucket, explain, scan, significant,
};
pub use search::{
    Budget, Frequency, Glob, IndexQuery, Match, Profile, ScoreMode, SearchOptions, TooManyPostings, combine,
    newest_sketch, search,
};
