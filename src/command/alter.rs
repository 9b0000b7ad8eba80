//! `SIM.ALTER scope RETENTION intervals`
//!
//! RETENTION is the only parameter that can change: the others decide how signatures are made or,
//! INTERVAL, where chunks begin, and the chunks that exist were made with them.
//!
//! A new RETENTION is a new expiry of every live chunk. Chunks that have expired under a shorter one are
//! freed at once, and replicas receive a DEL for each, because their clocks may differ.

use super::error::Error;
use super::parse::args::Args;
use super::parse::definition;
use super::run::cost;
use crate::index::Definition;
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::keyspace::window::{self, ChunkKey, Window};
use crate::server::call::{Call, ReplicatedArg};
use crate::server::key::Access;

/// Carries the command out.
///
/// # Errors
/// Another parameter than RETENTION is given, or there is no scope.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let retention = take_retention(&mut args)?;
    let no_scope = Error::NoScope("make it with SIM.CREATE");
    let mut key = ScopeKey::open(call, name)?.ok_or(no_scope)?;
    if key.scope()?.definition.retention != retention {
        alter(call, &mut key, retention)?;
        call.replicate_verbatim();
        call.notify_changed(c"sim.alter");
    }
    call.reply_ok();
    Ok(())
}

fn take_retention(args: &mut Args) -> Result<u32, Error> {
    if args.keyword_if(&["RETENTION"]).is_none() {
        let parameter = args.keyword_if(&definition::KEYWORDS);
        if parameter.or_else(|| args.keyword_if(&definition::REPLICATED_KEYWORDS)).is_some() {
            let text = "only RETENTION can be altered: for any other change, create another scope";
            return Err(Error::Usage(text));
        }
        args.keyword(&["RETENTION"])?;
    }
    let retention = args.number("RETENTION", Definition::RETENTION)? as u32;
    args.end()?;
    Ok(retention)
}

/// Changes the retention, and with it the expiry of every live chunk.
fn alter(call: &Call, key: &mut ScopeKey, retention: u32) -> Result<(), Error> {
    // Check all chunks. After this, nothing fails.
    let chunks = check_chunks(call, key.scope()?)?;

    // Change the scope, then each live chunk, and remove the entries of the others.
    key.scope_mut()?.definition.retention = retention;
    for ListedChunk { index, start, is_live } in chunks {
        let scope = key.scope()?;
        // A chunk that was gone before, and one that has just expired, are not listed any longer.
        if !(is_live && renew_expiry(call, scope, &index, start)?) {
            key.scope_mut()?.remove_start(&index, start);
        }
    }
    Ok(())
}

/// A chunk that the scope lists.
struct ListedChunk {
    index: Vec<u8>,
    start: u64,
    is_live: bool,
}

/// Charges for changing all chunks, and checks that they can be changed. Returns them.
///
/// # Errors
/// A chunk is on its way to another node of the cluster, or the caller may not write to its key.
fn check_chunks(call: &Call, scope: &Scope) -> Result<Vec<ListedChunk>, Error> {
    let mut chunks = Vec::new();
    for index in scope.indexes() {
        cost::charge_all_chunks(call, scope, index, 3)?;
        window::check_all_writable(call, scope, index)?;
        let window = Window::open_all(call, scope, index)?;
        let listed = scope.all_starts(index).map(|start| {
            let is_live = window.starts().any(|live| live == start);
            ListedChunk { index: index.to_vec(), start, is_live }
        });
        chunks.extend(listed);
    }
    Ok(chunks)
}

/// Sets the new expiry of a live chunk. If it has passed already, frees the chunk, and sends replicas a DEL.
/// Returns true if the chunk still exists.
///
/// A replica or an AOF load frees nothing by its own clock: it follows the DEL that comes before the
/// ALTER, and then finds the chunk gone.
fn renew_expiry(call: &Call, scope: &Scope, index: &[u8], start: u64) -> Result<bool, Error> {
    let Some(mut key) = ChunkKey::open(call, scope, index, start, Access::Write)? else { return Ok(false) };
    if !call.is_trusted_source() && scope.definition.is_expired(start, call.now_ms()) {
        key.unlink();
        call.replicate(c"DEL", &[ReplicatedArg::Bytes(&scope.chunk_name(index, start))]);
        return Ok(false);
    }
    key.set_expiry(&scope.definition);
    Ok(true)
}
