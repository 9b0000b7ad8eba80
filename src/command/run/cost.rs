//! The cost of a command. One budget, `simile.max-postings`, bounds how long a command stops the server.
//!
//! The unit is the posting that a search reads, which takes about 50 ns at worst. Everything else that
//! a command may do many times over is charged as the number of postings that take about as long. It is
//! charged before it is done and, in commands that write, before anything is written. Commands from a
//! primary or an AOF are free.
//!
//! The weights are below, except for those of a search itself, which are in `index::search`. There are two
//! kinds: something slower than reading a posting has a cost of several postings; of something faster, a
//! number is given that together costs one posting (`..._PER_POSTING`).

use crate::command::error::Error;
use crate::config;
use crate::index::Chunk;
use crate::keyspace::scope::Scope;
use crate::keyspace::window::Window;
use crate::server::call::Call;
use crate::signature::Scheme;
use smallvec::SmallVec;

// The cost of one, in postings:

/// An observation that is recorded and replicated.
pub const OBSERVATION: u64 = 60;
/// A chunk whose key is looked up.
pub const CHUNK: u64 = 40;
/// A key that is looked up and does not exist.
const MISSING: u64 = 5;
/// An index, an item or a clause that a command names.
pub const NAME: u64 = 25;
/// A feature that differs from those before it, while copies are dropped.
pub const DISTINCT_FEATURE: u64 = 3;
/// A bucket of an item that is read for its profile, or of a query.
pub const BUCKET: u64 = 10;
/// A bucket that an item enters or leaves, or is exported with.
pub const ENTRY: u64 = 7;
/// A member that MEMBERS sorts and returns.
pub const MEMBER: u64 = 4;
/// An item that SCAN returns, and again for each chunk that it is looked up in.
pub const SCANNED: u64 = 4;

// The number that costs one posting:

/// Features that are looked for among others, to drop copies.
pub const FEATURES_PER_LOOKUP: u64 = 2;
/// Names of indexes that are compared with another name.
pub const INDEXES_PER_POSTING: u64 = 4;
/// Draws for the slots of a signature.
const DRAWS_PER_POSTING: u64 = 100;
/// Features that are prepared for signing.
const FEATURES_PER_POSTING: u64 = 4;
/// Bytes of text that are made into features.
const TEXT_BYTES_PER_POSTING: u64 = 2;
/// Bytes of features, for each 64-bit hash of them.
const HASHED_BYTES_PER_POSTING: u64 = 144;
/// Bytes of names or buckets that are put into a reply or a blob, or hashed.
pub const NAME_BYTES_PER_POSTING: u64 = 32;
/// Bytes of a blob that are decoded.
const BLOB_BYTES_PER_POSTING: u64 = 2;

/// Takes a cost from the budget of the command.
///
/// # Errors
/// The budget has less left than that. This is the error of every function below.
pub fn spend(call: &Call, postings: u64) -> Result<(), Error> {
    if call.spend(postings) {
        return Ok(());
    }
    let limit = config::MAX_POSTINGS.size();
    Err(Error::OverBudget { cost: cost_with(call.budget_left(), postings), limit })
}

/// The cost of a command that has this much of its budget left, with a step more.
pub fn cost_with(budget_left: u64, step: u64) -> u64 {
    config::MAX_POSTINGS.size().saturating_sub(budget_left).saturating_add(step)
}

/// Charges for the profile of an item: its buckets, each of them in every chunk, and their bytes.
pub fn charge_profile(call: &Call, item: &[u8], chunks: &[&Chunk]) -> Result<(), Error> {
    charge_buckets(call, item, chunks, BUCKET + chunks.len() as u64, 1)
}

/// Charges for exporting an item: its buckets, and their bytes. A bucket is written into the blob, summed for the
/// checksum, and put into the reply.
pub fn charge_export(call: &Call, item: &[u8], chunks: &[&Chunk]) -> Result<(), Error> {
    charge_buckets(call, item, chunks, ENTRY, 3)
}

/// Charges for removing an item from its buckets. The bytes of those that are removed, too, are hashed, and others move
/// to their place.
pub fn charge_removal(call: &Call, item: &[u8], chunks: &[&Chunk]) -> Result<(), Error> {
    charge_buckets(call, item, chunks, ENTRY, 1)
}

/// Charges for looking an item up in all chunks, for each bucket that it has there, and `times` for their bytes.
fn charge_buckets(call: &Call, item: &[u8], chunks: &[&Chunk], each: u64, times: usize) -> Result<(), Error> {
    let found = chunks.iter().filter_map(|chunk| Some((*chunk, chunk.item_id(item)?)));
    let found: SmallVec<[(&Chunk, u32); 16]> = found.collect();
    let buckets: usize = found.iter().map(|(chunk, id)| chunk.items().bucket_count(*id)).sum();
    spend(call, chunks.len() as u64 + buckets as u64 * each)?;
    charge_bytes(call, found.iter().map(|(chunk, id)| chunk.bucket_bytes(*id) * times))
}

/// Charges for names or buckets of these lengths.
pub fn charge_bytes(call: &Call, lengths: impl Iterator<Item = usize>) -> Result<(), Error> {
    spend(call, lengths.sum::<usize>() as u64 / NAME_BYTES_PER_POSTING)
}

/// Opens all chunks of an index, and charges for opening them `times` times. Little for a chunk that is gone: a scope may
/// list thousands of these, if its clients make up names of indexes.
pub fn open_all_charged<'c>(
    call: &'c Call,
    scope: &Scope,
    index: &[u8],
    times: u64,
) -> Result<Window<'c>, Error> {
    spend(call, scope.all_starts(index).count() as u64 * MISSING * (1 + times))?;
    let window = Window::open_all(call, scope, index)?;
    match window.starts().count() as u64 {
        0 => {}
        live => spend(call, NAME + live * CHUNK * times)?,
    }
    Ok(window)
}

/// Charges for signing features, copies included; `bytes` is the length of all of them together.
pub fn charge_signing(call: &Call, features: usize, bytes: usize, scheme: &Scheme) -> Result<(), Error> {
    let prepared = features as u64 / FEATURES_PER_POSTING;
    let hashed = (bytes as u64).saturating_mul(scheme.hashings()) / HASHED_BYTES_PER_POSTING;
    let drawn = scheme.max_draws(features) / DRAWS_PER_POSTING;
    spend(call, prepared.saturating_add(hashed).saturating_add(drawn))
}

/// Charges for making a text into features.
pub fn charge_text(call: &Call, bytes: usize) -> Result<(), Error> {
    spend(call, bytes as u64 / TEXT_BYTES_PER_POSTING)
}

/// Charges for decoding a blob.
pub fn charge_blob(call: &Call, bytes: usize) -> Result<(), Error> {
    spend(call, bytes as u64 / BLOB_BYTES_PER_POSTING)
}
