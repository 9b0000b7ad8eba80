//! `SIM.IMPORT scope index item blob [index item blob ...]`

use super::error::Error;
use super::parse::args::Args;
use super::run::blob as argument;
use super::run::cost;
use super::run::recording::add_chunk;
use crate::index::blob::{BlobChunk, has_room};
use crate::index::{Blob, Chunk, Definition};
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::keyspace::window::{self, ChunkKey, Window};
use crate::server::call::{Call, ReplicatedArg};
use crate::server::key::Access;
use std::collections::BTreeMap;

/// Observations to add to an item.
struct Import<'a> {
    index: &'a [u8],
    item: &'a [u8],
    blob: Blob<'a>,
}

/// For each index and start, the items and what each is given in that chunk.
type Plan<'i, 'a> = BTreeMap<&'a [u8], BTreeMap<u64, Vec<(&'a [u8], &'i BlobChunk<'a>)>>>;

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be, there is no such scope, a blob was made under another
/// definition or is ahead of its time, or a chunk has no room.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let mut imports = vec![take(call, &mut args)?];
    while args.left() > 0 {
        imports.push(take(call, &mut args)?);
    }
    let Some(mut key) = ScopeKey::open(call, name)? else { return Err(Error::NothingToImportInto) };
    let definition = key.scope()?.definition;
    for import in &imports {
        argument::check_definition(&import.blob, &definition, &["RETENTION"])?;
        check_ahead(call, &definition, &import.blob)?;
    }
    let plan = plan(call, &definition, &imports);
    check_room(call, key.scope()?, &plan)?;
    if !plan.is_empty() {
        add(call, &mut key, &plan)?;
        replicate(call, name, &definition, &imports);
        call.notify_changed(c"sim.import");
    }
    call.reply_array(imports.len());
    for import in &imports {
        let added = import.blob.chunks().iter().filter(|part| lives(call, &definition, part.start));
        call.reply_integer(added.map(|part| u64::from(part.observations)).sum());
    }
    Ok(())
}

fn take<'a>(call: &Call, args: &mut Args<'a>) -> Result<Import<'a>, Error> {
    Ok(Import { index: args.index()?, item: args.name("item")?, blob: argument::take(call, args)? })
}

/// Holds that no chunk begins later than RECORD could have made it.
fn check_ahead(call: &Call, definition: &Definition, blob: &Blob) -> Result<(), Error> {
    let Some(lifetime) = definition.expiry(0).filter(|_| !call.is_trusted_source()) else { return Ok(()) };
    let latest = call.now_seconds().saturating_add(lifetime);
    match blob.chunks().last() {
        Some(part) if part.start > latest => Err(Error::BlobTooNew(part.start, latest)),
        _ => Ok(()),
    }
}

/// Whether the chunk with this start has not expired. Those who are to be obeyed say by themselves
/// what is to be added.
fn lives(call: &Call, definition: &Definition, start: u64) -> bool {
    call.is_trusted_source() || !definition.is_expired(start, call.now())
}

fn plan<'i, 'a>(call: &Call, definition: &Definition, imports: &'i [Import<'a>]) -> Plan<'i, 'a> {
    let mut plan = Plan::new();
    for import in imports {
        for part in import.blob.chunks().iter().filter(|part| lives(call, definition, part.start)) {
            let chunks = plan.entry(import.index).or_default();
            chunks.entry(part.start).or_default().push((import.item, part));
        }
    }
    plan
}

/// Holds that every chunk can take what it is to be given. All chunks of an index are opened for
/// this: one that is on its way to another node shows before anything is changed.
fn check_room(call: &Call, scope: &Scope, plan: &Plan) -> Result<(), Error> {
    let empty = scope.new_chunk();
    for (index, chunks) in plan {
        cost::all_chunks(call, scope, index, 4)?;
        cost::spend(call, chunks.len() as u64 * cost::CHUNK)?;
        let window = Window::open_all(call, scope, index)?;
        let live: BTreeMap<u64, &Chunk> = window.starts().zip(window.chunks()).collect();
        for (start, added) in chunks {
            window::check_new(call, scope, index, *start)?;
            has_room(live.get(start).copied().unwrap_or(&empty), added)?;
        }
    }
    Ok(())
}

fn add(call: &Call, key: &mut ScopeKey, plan: &Plan) -> Result<(), Error> {
    for (index, chunks) in plan {
        for (&start, added) in chunks {
            let mut chunk = match ChunkKey::open_listed(call, key.scope()?, index, start, Access::Write)? {
                Some(chunk) => chunk,
                None => add_chunk(call, key, index, start)?,
            };
            chunk.modify(|chunk| added.iter().for_each(|(item, part)| part.add_to(chunk, item)));
        }
    }
    Ok(())
}

/// Replicates what was added and nothing else: a replica, or an AOF that is read later, adds the same
/// whatever its clock says.
fn replicate(call: &Call, name: &[u8], definition: &Definition, imports: &[Import]) {
    let is_added = |start| lives(call, definition, start);
    let added = imports.iter().filter_map(|import| {
        let any = import.blob.chunks().iter().any(|part| is_added(part.start));
        any.then(|| (import.index, import.item, import.blob.with_only(is_added)))
    });
    let added: Vec<_> = added.collect();
    let words = added.iter().flat_map(|(index, item, blob)| [*index, *item, blob]);
    let words: Vec<ReplicatedArg> = std::iter::once(name).chain(words).map(ReplicatedArg::Bytes).collect();
    call.replicate(c"SIM.IMPORT", &words);
}
