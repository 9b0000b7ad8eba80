//! Opens the live chunks of a scope.
//!
//! A chunk that the directory lists is *gone* if its key does not exist: the chunk has expired, was evicted,
//! or, after a MOVE, is in another database. It is *foreign* if the key holds anything but this chunk, which
//! only a client causes that writes to the key by itself, as by RESTORE. Neither is a chunk of the scope, and
//! reads go on without it. All others are *live*.
//!
//! RECORD replaces a foreign value only if it is an old state of the chunk that it needs: one of the same
//! scope, index and start that the directory does not list, or that has other bands. Anything else is somebody
//! else's data, and stays where it is: RECORD fails ([`check_can_create`]).
//!
//! One kind of missing chunk is not normal. While a cluster moves a slot from one node to another, key
//! by key, a chunk may be on the other node already. Going on without it would lose observations: RECORD
//! would create the chunk again here, and its key would overwrite the one on the other node, or be refused
//! there. So if a missing chunk should exist, the server is asked if it still serves the key; if it does
//! not, the command fails with TRYAGAIN, as the server's own commands with several keys do.
//!
//! A client that gets TRYAGAIN sends the command again, so half of it must not have happened. A command
//! that changes several chunks therefore checks all of them before it changes the first (`check_*`).

use super::chunk::{self, StoredChunk};
use super::name::ChunkName;
use super::scope::Scope;
use super::{Error, name};
use crate::index::{Chunk, Definition};
use crate::server::call::Call;
use crate::server::key::{Access, Key};
use crate::server::rights;
use smallvec::SmallVec;
use std::collections::BTreeSet;

/// A live chunk of a scope, in its key, which is open.
pub struct ChunkKey<'c> {
    key: Key<'c>,
    /// The chunk's first second.
    pub start: u64,
}

impl<'c> ChunkKey<'c> {
    /// Opens a chunk that the directory lists; `None` if it is gone or foreign.
    ///
    /// # Errors
    /// The chunk has moved to another node of the cluster, and the scope is about to; or the
    /// caller has no right to the chunk, because the scope was renamed.
    pub fn open(
        call: &'c Call,
        scope: &Scope,
        index: &[u8],
        start: u64,
        access: Access,
    ) -> Result<Option<ChunkKey<'c>>, Error> {
        // Check the right to the key before looking into it.
        let name = name_for(call, scope, index, start, access)?;
        let key = Key::open(call, &name, access);
        // Gone, or moved to another node? Most chunks that are gone have expired, which the clock tells;
        // asking the server costs a microsecond, so it comes last.
        if key.is_empty() && may_have_moved(call, scope, start) && !call.serves(&name) {
            return Err(Error::Moving);
        }
        // A chunk, but of another scope or with other parameters, is foreign.
        let is_ours =
            matches!(key.value::<StoredChunk>(), Ok(Some(stored)) if stored.belongs_to(scope, index, start));
        Ok(is_ours.then_some(ChunkKey { key, start }))
    }

    /// Opens a chunk if the directory lists it, as [`Self::open`] does; `None` if not.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_listed(
        call: &'c Call,
        scope: &Scope,
        index: &[u8],
        start: u64,
        access: Access,
    ) -> Result<Option<ChunkKey<'c>>, Error> {
        // What is not listed is not the scope's, whatever its key holds.
        if scope.lists(index, start) { ChunkKey::open(call, scope, index, start, access) } else { Ok(None) }
    }

    /// Creates a chunk, in place of an old state of it if its key holds one, and sets its expiry.
    ///
    /// # Errors
    /// As [`check_can_create`].
    pub fn create(call: &'c Call, scope: &Scope, index: &[u8], start: u64) -> Result<ChunkKey<'c>, Error> {
        check_can_create(call, scope, index, start)?;
        let mut key = Key::open(call, &scope.chunk_name(index, start), Access::Write);
        // The old state goes first, and its expiry with it.
        key.delete();
        key.set(StoredChunk::new(scope, index, start));
        let mut chunk = ChunkKey { key, start };
        chunk.set_expiry(&scope.definition);
        Ok(chunk)
    }

    /// Sets the time at which the server deletes the chunk, if the definition has one. The key must be open to
    /// write.
    pub fn set_expiry(&mut self, definition: &Definition) {
        if let Some(expiry) = definition.expiry_ms(self.start) {
            self.key.expire_at(expiry);
        }
    }

    /// The chunk.
    pub fn chunk(&self) -> Option<&Chunk> {
        self.key.value::<StoredChunk>().ok().flatten().map(StoredChunk::chunk)
    }

    /// Changes the chunk, and returns the result of `change`. The key must be open to write.
    pub fn modify<T>(&mut self, change: impl FnOnce(&mut Chunk) -> T) -> Option<T> {
        let stored: &mut StoredChunk = self.key.value_mut().ok().flatten()?;
        Some(stored.modify(change))
    }

    /// Deletes the key, which must be open to write, and frees the chunk.
    pub fn delete(mut self) {
        self.key.delete();
    }

    /// Deletes the key, which must be open to write, and has the chunk freed in another thread.
    pub fn unlink(self) {
        chunk::unlink(self.key);
    }
}

/// The name of a chunk's key, if the sender of the command may access it in this way.
///
/// The server has checked the right to the scope's key. That covers the chunks if they are named after the
/// scope. A scope that was renamed, or forged by RESTORE, may have chunks with the name of any other scope;
/// then the right to the chunk's key itself is checked.
fn name_for(
    call: &Call,
    scope: &Scope,
    index: &[u8],
    start: u64,
    access: Access,
) -> Result<ChunkName, Error> {
    let name = scope.chunk_name(index, start);
    // The comparison of names comes first: it nearly always decides, and asking for rights costs several
    // calls.
    if name::was_made_as(scope.tag(), scope.uid, call.key()) || rights::may_use(call, &name, access) {
        Ok(name)
    } else {
        Err(Error::NotAllowed)
    }
}

/// Checks that a chunk can be created.
///
/// # Errors
/// The caller has no right to its key, or the key holds something other than this very chunk; it may be the
/// scope itself, after a RENAME.
pub fn check_can_create(call: &Call, scope: &Scope, index: &[u8], start: u64) -> Result<(), Error> {
    let name = name_for(call, scope, index, start, Access::Write)?;
    let key = Key::open(call, &name, Access::Read);
    let is_free = match key.value::<StoredChunk>() {
        Ok(stored) => stored.is_none_or(|stored| stored.was_made_for(scope, index, start)),
        Err(_) => false,
    };
    // A primary that sends a RECORD found no such value, so here it may go; but never the scope itself.
    if is_free || (call.is_trusted_source() && *name != *call.key()) {
        Ok(())
    } else {
        Err(Error::Occupied(name.escape_ascii().to_string()))
    }
}

/// Checks that all of an index's chunks can be changed, before any of them is: the caller has the right
/// to, and none is on its way to another node of the cluster.
///
/// # Errors
/// As [`ChunkKey::open`].
pub fn check_all_writable(call: &Call, scope: &Scope, index: &[u8]) -> Result<(), Error> {
    check_writable(call, scope, index, scope.all_starts(index))
}

/// [`check_all_writable`], of some chunks.
///
/// # Errors
/// As [`ChunkKey::open`].
pub fn check_writable(
    call: &Call,
    scope: &Scope,
    index: &[u8],
    starts: impl Iterator<Item = u64> + Clone,
) -> Result<(), Error> {
    // The right to write first. Opening the chunks to read then finds those that have moved, and signals
    // nothing to clients that watch them.
    let may_write = |start| name_for(call, scope, index, start, Access::Write).map(|_| ());
    starts.clone().try_for_each(may_write)?;
    Window::open(call, scope, index, starts).map(drop)
}

/// True if a missing chunk may have moved to another node: it should not have expired yet, and the command
/// does not come from a primary or an AOF, which has decided already which chunks there are.
fn may_have_moved(call: &Call, scope: &Scope, start: u64) -> bool {
    // All of these are cheap: the server's clock and flags are read once for each command.
    let is_expired = scope.definition.is_expired(start, call.now_ms());
    !is_expired && call.is_in_cluster() && !call.is_trusted_source()
}

/// The live chunks of a window: those of an index with certain starts, open to read.
pub struct Window<'c> {
    keys: SmallVec<[ChunkKey<'c>; 8]>,
}

impl<'c> Window<'c> {
    /// Opens the live chunks with these starts.
    ///
    /// # Errors
    /// As [`ChunkKey::open`].
    pub fn open(
        call: &'c Call,
        scope: &Scope,
        index: &[u8],
        starts: impl Iterator<Item = u64>,
    ) -> Result<Window<'c>, Error> {
        let mut keys = SmallVec::new();
        // A chunk that is gone or foreign adds nothing.
        for start in starts {
            keys.extend(ChunkKey::open(call, scope, index, start, Access::Read)?);
        }
        Ok(Window { keys })
    }

    /// Opens all live chunks of an index.
    ///
    /// # Errors
    /// As [`ChunkKey::open`].
    pub fn open_all(call: &'c Call, scope: &Scope, index: &[u8]) -> Result<Window<'c>, Error> {
        Window::open(call, scope, index, scope.all_starts(index))
    }

    /// The chunks, oldest first.
    pub fn chunks(&self) -> SmallVec<[&Chunk; 16]> {
        self.keys.iter().filter_map(ChunkKey::chunk).collect()
    }

    /// The starts of the chunks, oldest first.
    pub fn starts(&self) -> impl Iterator<Item = u64> {
        self.keys.iter().map(|key| key.start)
    }
}

/// The starts that the directory lists for an index, but whose chunks are gone or foreign: a write command
/// that changes the scope removes them from the directory.
///
/// # Errors
/// As [`ChunkKey::open`].
pub fn gone_starts(call: &Call, scope: &Scope, index: &[u8]) -> Result<Vec<u64>, Error> {
    let window = Window::open_all(call, scope, index)?;
    let live: BTreeSet<u64> = window.starts().collect();
    Ok(scope.all_starts(index).filter(|start| !live.contains(start)).collect())
}
