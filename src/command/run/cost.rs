//! What a command costs. One budget, `simile.max-postings`, bounds how long a command stops the server.
//!
//! Its unit is the posting that a search reads, which takes some 50 ns at worst. All else that a command
//! may do many times over is counted as so many postings as take about that long, before it is done, and
//! in commands that write before anything is written. What comes from a primary or an AOF costs nothing.

use crate::command::error::Error;
use crate::config;
use crate::index::Chunk;
use crate::keyspace::scope::Scope;
use crate::server::call::Call;

/// To look at a chunk's key.
pub const CHUNK: u64 = 40;
/// An index, an item, a clause that a command names.
pub const NAME: u64 = 25;
/// An observation that is recorded, and replicated.
pub const OBSERVATION: u64 = 60;
/// Indexes that are looked through for one in the time of a posting.
pub const INDEXES: u64 = 4;
/// A member that MEMBERS returns, in order.
pub const MEMBER: u64 = 4;
/// A bucket of an item that is asked for, or asks.
pub const BUCKET: u64 = 10;
/// A bucket of an item that is exported, or a bucket that an item enters or leaves.
pub const ENTRY: u64 = 4;
/// An item that SCAN returns; and the same for each chunk that it is looked for in.
pub const SCANNED: u64 = 4;
/// Features times slots that are signed in the time of a posting.
const FEATURE_SLOTS: u64 = 100;
/// Bytes of text, or features, that are prepared in the time of a posting.
const TEXT: u64 = 4;
/// Bytes of features that are hashed in the time of a posting, for some slots together.
const HASHED: u64 = 48;
/// Slots that are hashed together.
const TOGETHER: u64 = 8;
/// Bytes of a blob that are read in the time of a posting.
const BLOB: u64 = 2;

/// Takes what something costs from the budget of the command.
///
/// # Errors
/// There is not so much left.
pub fn spend(call: &Call, postings: u64) -> Result<(), Error> {
    if call.spend(postings) { Ok(()) } else { Err(Error::TooMuch(config::MAX_POSTINGS.size())) }
}

/// What it costs to find the buckets of an item, and each of them in all chunks.
///
/// # Errors
/// There is not so much left.
pub fn profile(call: &Call, item: &[u8], chunks: &[&Chunk]) -> Result<(), Error> {
    let buckets: usize = chunks.iter().map(|chunk| chunk.buckets_of(item)).sum();
    spend(call, chunks.len() as u64 + buckets as u64 * (BUCKET + chunks.len() as u64))
}

/// What it costs to look at all chunks of an index, `times` times.
///
/// # Errors
/// There is not so much left.
pub fn all_chunks(call: &Call, scope: &Scope, index: &[u8], times: u64) -> Result<(), Error> {
    spend(call, NAME + scope.all_starts(index).count() as u64 * CHUNK * times)
}

/// What it costs to sign features of so many bytes in all.
///
/// # Errors
/// There is not so much left.
pub fn signing(call: &Call, features: usize, bytes: usize, slots: u64) -> Result<(), Error> {
    let hashed = (bytes as u64).saturating_mul(slots.div_ceil(TOGETHER)) / HASHED;
    let signed = (features as u64).saturating_mul(slots) / FEATURE_SLOTS;
    spend(call, (features as u64 / TEXT).saturating_add(hashed).saturating_add(signed))
}

/// What it costs to make a text into features.
///
/// # Errors
/// There is not so much left.
pub fn text(call: &Call, bytes: usize) -> Result<(), Error> {
    spend(call, bytes as u64 / TEXT)
}

/// What it costs to read a blob.
///
/// # Errors
/// There is not so much left.
pub fn blob(call: &Call, bytes: usize) -> Result<(), Error> {
    spend(call, bytes as u64 / BLOB)
}
