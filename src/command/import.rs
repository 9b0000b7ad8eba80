//! `SIM.IMPORT scope index item blob [index item blob ...]`
//!
//! Adds the observations of blobs that SIM.EXPORT returned, each chunk of a blob to the chunk of the
//! same interval. Chunks that have expired are left out. Replicas and the AOF receive the command without
//! these, so they import the same, whatever their clocks say.
//!
//! Two blobs of one command may add to the same chunk: each may fit, and both of them not. So all that is
//! added is grouped by chunk first ([`Additions`]), and checked chunk by chunk.

use super::error::Error;
use super::parse::args::Args;
use super::run::blob as blob_argument;
use super::run::cost;
use super::run::recording::{create_chunk, remove_gone};
use crate::index::blob::{BlobChunk, check_capacity};
use crate::index::{Blob, Chunk, Definition};
use crate::keyspace::dead_entries;
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::keyspace::window::{self, ChunkKey};
use crate::server::call::{Call, ReplicatedArg};
use crate::server::key::Access;
use std::collections::BTreeMap;

/// A blob, and the item that its observations are added to.
struct Import<'a> {
    index: &'a [u8],
    item: &'a [u8],
    blob: Blob<'a>,
}

impl<'a> Import<'a> {
    fn take(call: &Call, args: &mut Args<'a>) -> Result<Import<'a>, Error> {
        let index = args.index()?;
        let item = args.name("item")?;
        // Twice: the buckets are decoded, and added.
        Ok(Import { index, item, blob: blob_argument::take(call, args, 2)? })
    }

    /// The chunks of the blob that have not expired.
    fn live_chunks(&self, call: &Call, definition: &Definition) -> impl Iterator<Item = &BlobChunk<'a>> {
        self.blob.chunks().iter().filter(|chunk| is_live(call, definition, chunk.start))
    }
}

/// For each chunk, by index and start: the items to add to, each with the chunk of the blob to add.
type Additions<'i, 'a> = BTreeMap<&'a [u8], BTreeMap<u64, Vec<(&'a [u8], &'i BlobChunk<'a>)>>>;

/// Carries the command out.
///
/// # Errors
/// There is no such scope; a blob comes from another definition, or from too far in the future; or a chunk
/// lacks the capacity.
pub fn run(call: &Call) -> Result<(), Error> {
    // Phase 1: take the arguments, and decode the blobs.
    let mut args = Args::new(call);
    let name = args.scope()?;
    let mut imports = vec![Import::take(call, &mut args)?];
    while args.left() > 0 {
        imports.push(Import::take(call, &mut args)?);
    }
    let no_scope = Error::NoScope("SIM.IMPORT does not create one; make it with SIM.CREATE");
    let mut key = ScopeKey::open(call, name)?.ok_or(no_scope)?;

    // Phase 2: check everything that could fail. Nothing has changed yet.
    let definition = key.scope()?.definition;
    for Import { blob, .. } in &imports {
        blob_argument::check_definition(blob, &definition, &[])?;
        check_time(call, &definition, blob)?;
    }
    let additions = additions(call, &definition, &imports);
    check_capacities(call, key.scope()?, &additions)?;

    // Phase 3: change and replicate, unless all of it has expired.
    if !additions.is_empty() {
        add(call, &mut key, &additions)?;
        replicate(call, name, &definition, &imports);
        call.notify_changed(c"sim.import");
        dead_entries::remove_some(call, &mut key)?;
    }

    // Phase 4: reply with the number of observations that each blob has added.
    call.reply_array(imports.len());
    for import in &imports {
        let added = import.live_chunks(call, &definition).map(|chunk| u64::from(chunk.observations));
        call.reply_integer(added.sum());
    }
    Ok(())
}

/// Checks that no chunk of a blob starts later than RECORD would accept.
fn check_time(call: &Call, definition: &Definition, blob: &Blob) -> Result<(), Error> {
    let Some(lifetime) = definition.expiry(0).filter(|_| !call.is_trusted_source()) else { return Ok(()) };
    // A chunk at start 0 expires a lifetime after 0, so its expiry is the lifetime of every chunk.
    let latest = call.now_seconds().saturating_add(lifetime);
    // Chunks of a blob are in order, so the last is the latest.
    match blob.chunks().last() {
        Some(chunk) if chunk.start > latest => Err(Error::BlobTooNew(chunk.start, latest)),
        _ => Ok(()),
    }
}

/// True if the chunk with this start has not expired. A replica or an AOF load imports what it is sent,
/// whatever its own clock says.
fn is_live(call: &Call, definition: &Definition, start: u64) -> bool {
    call.is_trusted_source() || !definition.is_expired(start, call.now_ms())
}

/// Groups the live chunks of all blobs by the chunk of the scope that each is added to.
fn additions<'i, 'a>(call: &Call, definition: &Definition, imports: &'i [Import<'a>]) -> Additions<'i, 'a> {
    let mut additions = Additions::new();
    for import in imports {
        for chunk in import.live_chunks(call, definition) {
            let by_start = additions.entry(import.index).or_default();
            by_start.entry(chunk.start).or_default().push((import.item, chunk));
        }
    }
    additions
}

/// Checks that every chunk has the capacity for its additions. Opens all chunks of each index, not only
/// those that change: if one has moved to another node of the cluster, the command must fail before
/// anything is changed.
fn check_capacities(call: &Call, scope: &Scope, additions: &Additions) -> Result<(), Error> {
    let empty = scope.new_chunk();
    for (index, chunks) in additions {
        // Charged before it is done: all chunks are opened here, and again for each that is created below.
        let window = cost::open_all_charged(call, scope, index, 4)?;
        cost::spend(call, chunks.len() as u64 * 2 * cost::CHUNK)?;
        let live: BTreeMap<u64, &Chunk> = window.starts().zip(window.chunks()).collect();
        for (start, added) in chunks {
            // Also for a chunk that exists: it is opened to write, which takes the same right.
            window::check_can_create(call, scope, index, *start)?;
            // A chunk that is missing starts out empty.
            check_capacity(live.get(start).copied().unwrap_or(&empty), added)?;
        }
    }
    Ok(())
}

/// Adds to the chunks, and creates those that are missing.
fn add(call: &Call, key: &mut ScopeKey, additions: &Additions) -> Result<(), Error> {
    for (index, chunks) in additions {
        remove_gone(call, key, index)?; // once for all that are created, since it opens every chunk of the index
        for (&start, added) in chunks {
            // Each chunk is opened, changed and closed before the next: no two keys are open at a time.
            let mut chunk = match ChunkKey::open_listed(call, key.scope()?, index, start, Access::Write)? {
                Some(chunk) => chunk,
                None => create_chunk(call, key, index, start)?,
            };
            chunk.modify(|chunk| {
                added.iter().for_each(|(item, blob_chunk)| blob_chunk.add_to(chunk, item));
            });
        }
    }
    Ok(())
}

/// Replicates the blobs, each encoded again without the chunks that were left out. A blob of which nothing
/// is left is not sent.
fn replicate(call: &Call, name: &[u8], definition: &Definition, imports: &[Import]) {
    // Encode first: the words below borrow the blobs.
    let mut added = Vec::new();
    for import in imports {
        if import.live_chunks(call, definition).next().is_some() {
            let blob = import.blob.encode_only(|start| is_live(call, definition, start));
            added.push((import.index, import.item, blob));
        }
    }
    let words = added.iter().flat_map(|(index, item, blob)| [*index, *item, blob]);
    let words: Vec<ReplicatedArg> = std::iter::once(name).chain(words).map(ReplicatedArg::Bytes).collect();
    call.replicate(c"SIM.IMPORT", &words);
}
