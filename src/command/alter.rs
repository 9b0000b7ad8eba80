//! `SIM.ALTER scope RETENTION n`

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
/// An argument is not what it should be, the parameter cannot be changed, or there is no scope.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let retention = take(&mut args)?;
    let mut key = ScopeKey::open(call, name)?.ok_or(Error::NotThere)?;
    if key.scope()?.definition.retention != retention {
        alter(call, &mut key, retention)?;
        call.replicate_verbatim();
        call.notify_changed(c"sim.alter");
    }
    call.reply_ok();
    Ok(())
}

/// Takes the new RETENTION, and nothing else: signatures are made by every other parameter, or chunks
/// lie on the grid of INTERVAL.
fn take(args: &mut Args) -> Result<u32, Error> {
    let Some("RETENTION") = args.keyword(&definition::KEYWORDS, "RETENTION")? else {
        return Err(Error::Together("RETENTION alone can be altered: make another scope"));
    };
    let retention = args.number("RETENTION", Definition::RETENTION)? as u32;
    args.end("nothing more")?;
    Ok(retention)
}

/// Changes the window, and with it the expiry of every live chunk.
fn alter(call: &Call, key: &mut ScopeKey, retention: u32) -> Result<(), Error> {
    let listed = listed(call, key.scope()?)?;
    key.scope_mut()?.definition.retention = retention;
    for Listed { index, start, is_live } in listed {
        let scope = key.scope()?;
        if !(is_live && keep(call, scope, &index, start)?) {
            key.scope_mut()?.remove(&index, start);
        }
    }
    Ok(())
}

/// A chunk of the directory.
struct Listed {
    index: Vec<u8>,
    start: u64,
    is_live: bool,
}

/// All chunks of the directory.
///
/// # Errors
/// A chunk is on its way to another node of the cluster, or not the caller's to change. Nothing has been
/// changed then.
fn listed(call: &Call, scope: &Scope) -> Result<Vec<Listed>, Error> {
    let mut listed = Vec::new();
    for index in scope.indexes() {
        cost::all_chunks(call, scope, index, 3)?;
        window::check_all_writable(call, scope, index)?;
        let window = Window::open_all(call, scope, index)?;
        let one = |start| {
            let is_live = window.starts().any(|live| live == start);
            Listed { index: index.to_vec(), start, is_live }
        };
        listed.extend(scope.all_starts(index).map(one));
    }
    Ok(listed)
}

/// Gives a live chunk its new expiry. Where that has passed, the chunk is removed at set_once, and so
/// that the clocks of replicas need not agree, they are told so; an entry leaves their directory
/// because the chunk's key is gone.
fn keep(call: &Call, scope: &Scope, index: &[u8], start: u64) -> Result<bool, Error> {
    let Some(mut key) = ChunkKey::open(call, scope, index, start, Access::Write)? else { return Ok(false) };
    if !call.is_trusted_source() && scope.definition.is_expired(start, call.now()) {
        key.unlink();
        call.replicate(c"DEL", &[ReplicatedArg::Bytes(&scope.chunk_name(index, start))]);
        return Ok(false);
    }
    key.expire(&scope.definition);
    Ok(true)
}
