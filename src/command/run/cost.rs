//! The cost of a command. One budget, `simile.max-postings`, bounds how long a command stops the server.
//!
//! The unit is the posting that a search reads, which takes about 50 ns at worst. Everything else that a command
//! may do many times over is charged as the number of postings that take about as long. It is charged before it is
//! done and, in commands that write, before anything is written. Commands from a primary or an AOF are free.
//!
//! All weights are in this table, but for those of a search itself (`index::search`). Some things are faster than
//! a posting, so there are two kinds:
//!
//! | weight | what it is charged for |
//! | --- | --- |
//! | | postings for each: |
//! | [`OBSERVATION`] | observation of a clause that is recorded and replicated |
//! | [`CHUNK`] | chunk whose key is looked up |
//! | [`NAME`] | index, item or clause that a command names |
//! | [`BUCKET`] | bucket of an item that is read for its profile, or of a query |
//! | [`ENTRY`] | bucket that an item enters or leaves, or is exported with |
//! | [`MEMBER`] | member that MEMBERS sorts and returns |
//! | [`SCANNED`] | item that SCAN returns, and again for each chunk that it is looked up in |
//! | | number for each posting: |
//! | [`INDEXES`] | indexes that are compared with the name of another one |
//! | [`FEATURE_SLOTS`] | features times slots that are signed |
//! | [`FEATURES`] | features that are prepared for it |
//! | [`TEXT_BYTES`] | bytes of text that are made into features |
//! | [`HASHED_BYTES`] | bytes of features that are hashed, for [`LANES`] slots at once |
//! | [`BLOB_BYTES`] | bytes of a blob that are decoded |

use crate::command::error::Error;
use crate::config;
use crate::index::Chunk;
use crate::keyspace::scope::Scope;
use crate::server::call::Call;

// Postings for each.

/// Recording and replicating an observation.
pub const OBSERVATION: u64 = 60;
/// Looking up the key of a chunk.
pub const CHUNK: u64 = 40;
/// An index, an item or a clause that a command names.
pub const NAME: u64 = 25;
/// A bucket of an item's profile, or of a query.
pub const BUCKET: u64 = 10;
/// A bucket that an item enters or leaves, or is exported with.
pub const ENTRY: u64 = 4;
/// A member that MEMBERS sorts and returns.
pub const MEMBER: u64 = 4;
/// An item that SCAN returns, and again for each chunk that it is looked up in.
pub const SCANNED: u64 = 4;

// Number for each posting.

/// Indexes that are compared with a name.
pub const INDEXES: u64 = 4;
/// Features times slots that are signed.
const FEATURE_SLOTS: u64 = 100;
/// Features that are prepared for signing.
const FEATURES: u64 = 4;
/// Bytes of text that are made into features.
const TEXT_BYTES: u64 = 4;
/// Bytes of features that are hashed, for [`LANES`] slots at once.
const HASHED_BYTES: u64 = 48;
/// Bytes of a blob that are decoded.
const BLOB_BYTES: u64 = 2;

/// Slots that are hashed at once.
const LANES: u64 = 8;

/// Takes a cost from the budget of the command.
///
/// # Errors
/// The budget does not suffice. This is the error of every function below.
pub fn spend(call: &Call, postings: u64) -> Result<(), Error> {
    if call.spend(postings) { Ok(()) } else { Err(Error::TooMuch(config::MAX_POSTINGS.size())) }
}

/// Charges for the profile of an item: its buckets, and each of them in every chunk.
pub fn profile(call: &Call, item: &[u8], chunks: &[&Chunk]) -> Result<(), Error> {
    let buckets: usize = chunks.iter().map(|chunk| chunk.buckets_of(item)).sum();
    spend(call, chunks.len() as u64 + buckets as u64 * (BUCKET + chunks.len() as u64))
}

/// Charges for opening all chunks of an index `times` times.
pub fn all_chunks(call: &Call, scope: &Scope, index: &[u8], times: u64) -> Result<(), Error> {
    spend(call, NAME + scope.all_starts(index).count() as u64 * CHUNK * times)
}

/// Charges for signing features; `bytes` is the length of all of them together.
pub fn signing(call: &Call, features: usize, bytes: usize, slots: u64) -> Result<(), Error> {
    let prepared = features as u64 / FEATURES;
    let hashed = (bytes as u64).saturating_mul(slots.div_ceil(LANES)) / HASHED_BYTES;
    let signed = (features as u64).saturating_mul(slots) / FEATURE_SLOTS;
    spend(call, prepared.saturating_add(hashed).saturating_add(signed))
}

/// Charges for making a text into features.
pub fn text(call: &Call, bytes: usize) -> Result<(), Error> {
    spend(call, bytes as u64 / TEXT_BYTES)
}

/// Charges for decoding a blob.
pub fn blob(call: &Call, bytes: usize) -> Result<(), Error> {
    spend(call, bytes as u64 / BLOB_BYTES)
}
