//! `SIM.DROP scope [index [index ...]]`
//!
//! Without an index, the scope itself is deleted, too. The memory of chunks is freed by another thread; the command
//! deletes their keys, and at most [`AT_ONCE`] of them, however many there are. The rest of a scope is deleted by a
//! timer, a little at a time: nobody can reach it any longer. The rest of very many indexes stays listed, and the next
//! SIM.DROP goes on with it.
//!
//! No limit of what a command may cost applies: whatever has grown too large must be possible to drop. A replica or an
//! AOF takes the same entries of the same directory as the primary did.

use super::error::Error;
use super::parse::args::Args;
use crate::keyspace::scope::{Directory, Scope, ScopeKey};
use crate::keyspace::window::{self, ChunkKey};
use crate::keyspace::{deleted_scopes, name};
use crate::server::call::Call;
use crate::server::key::Access;
use std::collections::BTreeSet;

/// The most chunks whose keys are deleted by one command. Each takes about 4 microseconds.
const AT_ONCE: usize = 5_000;

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

    // Check all, then change all.
    let dropped = first_entries(key.scope()?, &named);
    let is_whole = named.is_empty();
    let is_change = is_whole || !dropped.is_empty();
    let has_rest = is_whole && count(key.scope()?.directory()) > AT_ONCE;
    if has_rest && !name::was_made_as(key.scope()?.tag(), key.scope()?.uid, name) {
        return Err(Error::RenamedAndLarge(AT_ONCE));
    }
    for (index, starts) in &dropped {
        window::check_writable(call, key.scope()?, index, starts.iter().copied())?;
    }
    let mut freed = 0;
    for (index, starts) in dropped {
        freed += free(call, key.scope()?, &index, &starts)?;
        key.scope_mut()?.remove_starts(&index, starts);
    }
    if has_rest {
        let rest = key.scope_mut()?.take_directory();
        freed += count(&rest);
        deleted_scopes::free_later(call, key.scope()?, name, rest);
    }
    // A key must not be open twice when it is deleted.
    drop(key);
    if is_whole {
        ScopeKey::delete(call, name);
    }

    // Replicate and reply.
    if is_change {
        call.replicate_verbatim();
        call.notify_changed(c"sim.drop");
    }
    call.reply_integer(freed as u64);
    Ok(())
}

/// The number of chunks that a directory lists.
fn count(directory: &Directory) -> usize {
    directory.values().map(BTreeSet::len).sum()
}

/// The first chunks of the named indexes, or of all, in the order of the directory.
fn first_entries(scope: &Scope, named: &BTreeSet<&[u8]>) -> Directory {
    let mut entries = Directory::new();
    let mut left = AT_ONCE;
    for index in scope.indexes().filter(|index| named.is_empty() || named.contains(index)) {
        let starts: BTreeSet<u64> = scope.all_starts(index).take(left).collect();
        left -= starts.len();
        entries.insert(index.into(), starts);
        if left == 0 {
            break;
        }
    }
    entries
}

/// Frees the live ones of some chunks of an index. Returns their number.
fn free(call: &Call, scope: &Scope, index: &[u8], starts: &BTreeSet<u64>) -> Result<usize, Error> {
    let mut freed = 0;
    for start in starts {
        if let Some(key) = ChunkKey::open(call, scope, index, *start, Access::Write)? {
            key.unlink();
            freed += 1;
        }
    }
    Ok(freed)
}
