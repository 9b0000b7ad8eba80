//! The index: the core, without Redis.
//!
//! Two structures, as in the index that Sentry built: *bucket frequencies* say how often an item was
//! seen in each bucket of each band, *bucket members* say which items were seen in a bucket. A
//! [`Chunk`] holds both for one interval of time; a [`search()`] reads the chunks of a window; a
//! [`Profile`] is an item's frequencies, summed over a window.
//!
//! ```
//! use simile::index::{Budget, Chunk, Part, Profile, Wanted, search};
//!
//! let mut chunk = Chunk::new(2); // two bands
//! chunk.record(b"cat", [b"a", b"b"].into_iter().map(|bucket| &bucket[..]));
//! chunk.record(b"dog", [b"a", b"c"].into_iter().map(|bucket| &bucket[..]));
//!
//! let chunks = [&chunk];
//! let part = Part::of_item(b"cat", &chunks);
//! let mut budget = Budget::new(1_000); // what it may cost, in postings
//! let found = search(&part, &Wanted::default(), &mut budget)?;
//! assert_eq!((found[0].item, found[0].score), (&b"cat"[..], 1.0));
//! assert_eq!((found[1].item, found[1].score), (&b"dog"[..], 0.5)); // one band of two
//! # Ok::<(), simile::index::TooManyPostings>(())
//! ```

pub mod blob;
mod blocks;
mod buckets;
mod candidate;
mod chunk;
pub mod codec;
mod definition;
mod explain;
mod hash;
mod items;
mod lists;
mod mover;
mod once;
mod part;
mod profile;
mod rank;
mod scan;
mod score;
mod search;
mod significant;
mod table;

pub use blob::Blob;
pub use chunk::{Chunk, Counts, Full};
pub use definition::Definition;
pub use explain::{Band, Explained, explain};
pub use mover::Mover;
pub use part::Part;
pub use profile::{Frequency, Profile};
pub use scan::{Position, Step, scan};
pub use score::Score;
pub use search::{Budget, Found, TooManyPostings, Wanted, combine, search};
pub use significant::{Significant, significant};
