//! `SIM.DROP scope [index ...]`

use super::error::Error;
use super::parse::args::Args;
use super::run::cost;
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
    let mut named = BTreeSet::new();
    while args.left() > 0 {
        named.insert(args.index()?);
    }
    let Some(mut key) = ScopeKey::open(call, name)? else {
        call.reply_integer(0);
        return Ok(());
    };
    let all: Vec<Vec<u8>> = key.scope()?.indexes().map(<[u8]>::to_vec).collect();
    let dropped: Vec<Vec<u8>> =
        all.into_iter().filter(|i| named.is_empty() || named.contains(&**i)).collect();
    for index in &dropped {
        cost::all_chunks(call, key.scope()?, index, 2)?;
        window::check_all_writable(call, key.scope()?, index)?;
    }
    let mut freed = 0;
    for index in &dropped {
        freed += free(call, key.scope()?, index)?;
        let scope = key.scope_mut()?;
        let starts: Vec<u64> = scope.all_starts(index).collect();
        scope.forget(index, starts);
    }
    drop(key);
    if named.is_empty() {
        ScopeKey::delete(call, name);
    }
    if named.is_empty() || !dropped.is_empty() {
        call.replicate_verbatim();
        call.notify_changed(c"sim.drop");
    }
    call.reply_integer(freed as u64);
    Ok(())
}

/// Frees every live chunk of an index, and returns how many there were.
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
