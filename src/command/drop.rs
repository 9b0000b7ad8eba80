//! `SIM.DROP scope [index [index ...]]`
//!
//! Without an index, the scope itself is deleted, too. The chunks are freed by another thread.

use super::error::Error;
use super::parse::args::Args;
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::keyspace::window::{self, ChunkKey};
use crate::server::call::Call;
use crate::server::key::Access;
use std::collections::BTreeSet;

/// Carries the command out.
pub fn run(call: &Call) -> Result<(), Error> {
    // Arguments.
    let mut args = Args::new(call);
    let name = args.scope()?;
    let mut named = BTreeSet::new();
    while args.left() > 0 {
        named.insert(args.index()?);
    }
    let Some(mut key) = ScopeKey::open(call, name)? else {
        call.reply_integer(0);
        return Ok(());
    };
    let is_dropped = |index: &&[u8]| named.is_empty() || named.contains(index);
    let dropped: Vec<Vec<u8>> = key.scope()?.indexes().filter(is_dropped).map(<[u8]>::to_vec).collect();

    // Check all, then change all. No limit applies: whatever has grown too large must be possible to drop.
    for index in &dropped {
        window::check_all_writable(call, key.scope()?, index)?;
    }
    let mut freed = 0;
    for index in &dropped {
        freed += free(call, key.scope()?, index)?;
        let scope = key.scope_mut()?;
        let starts: Vec<u64> = scope.all_starts(index).collect();
        scope.remove_starts(index, starts);
    }
    // A key must not be open twice when it is deleted.
    drop(key);
    if named.is_empty() {
        ScopeKey::delete(call, name);
    }

    // Replicate and reply.
    if named.is_empty() || !dropped.is_empty() {
        call.replicate_verbatim();
        call.notify_changed(c"sim.drop");
    }
    call.reply_integer(freed as u64);
    Ok(())
}

/// Frees every live chunk of an index. Returns their number.
fn free(call: &Call, scope: &Scope, index: &[u8]) -> Result<usize, Error> {
    let mut freed = 0;
    for start in scope.all_starts(index) {
        if let Some(key) = ChunkKey::open(call, scope, index, start, Access::Write)? {
            key.unlink();
            freed += 1;
        }
    }
    Ok(freed)
}
