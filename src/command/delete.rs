//! `SIM.DELETE scope index item [index item ...]`

use super::args::Args;
use super::error::Error;
use super::pairs;
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::keyspace::window::{self, ChunkKey};
use crate::server::call::Call;
use crate::server::key::Access;
use std::collections::BTreeSet;

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let pairs = pairs::take(&mut args, "item")?;
    let Some(mut key) = ScopeKey::open(call, name)? else {
        call.reply_integer(0);
        return Ok(());
    };
    let mut deleted = 0;
    for (index, items) in pairs::by_index(key.scope()?, &pairs) {
        let done = delete(call, key.scope()?, &index, &items);
        if done > 0 {
            let gone = window::gone(call, key.scope()?, &index);
            let scope = key.scope_mut()?;
            gone.into_iter().for_each(|start| scope.remove(&index, start));
        }
        deleted += done;
    }
    if deleted > 0 {
        call.replicate_verbatim();
        call.changed(name, c"sim.delete");
    }
    call.reply_integer(deleted as u64);
    Ok(())
}

/// Deletes items from every live chunk of an index, and chunks that this empties. Returns how many of
/// the items were there.
fn delete(call: &Call, scope: &Scope, index: &[u8], items: &[&[u8]]) -> usize {
    let mut deleted = BTreeSet::new();
    for start in scope.all_starts(index) {
        let there = there(call, scope, index, start, items);
        let Some(mut key) = open_to_write(call, scope, index, start, &there) else { continue };
        let Some(chunk) = key.chunk_mut() else { continue };
        deleted.extend(there.into_iter().filter(|item| chunk.delete(item)));
        if chunk.is_empty() {
            key.delete();
        }
    }
    deleted.len()
}

/// Those of the items that a chunk has. It is opened to read: a write would be signalled.
pub fn there<'a>(call: &Call, scope: &Scope, index: &[u8], start: u64, items: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let key = ChunkKey::open(call, scope, index, start, Access::Read);
    let Some(chunk) = key.as_ref().and_then(ChunkKey::chunk) else { return Vec::new() };
    items.iter().copied().filter(|item| chunk.item(item).is_some()).collect()
}

/// The chunk, to change, if anything in it is to be changed.
pub fn open_to_write<'c>(
    call: &'c Call,
    scope: &Scope,
    index: &[u8],
    start: u64,
    items: &[&[u8]],
) -> Option<ChunkKey<'c>> {
    (!items.is_empty()).then(|| ChunkKey::open(call, scope, index, start, Access::Write)).flatten()
}
