//! The live chunks of a scope, opened.
//!
//! A chunk that the directory lists may be gone: expired, evicted, or, after a MOVE, in another database. And
//! a key of the right name may hold something else, which only a forged RESTORE puts there. Neither
//! is a chunk of the scope: reads go on without it.
//!
//! One kind of missing chunk is not normal. While a cluster moves a slot from one node to another, key
//! by key, a chunk may be on the other node already. To go on without it would lose what is recorded
//! meanwhile: the chunk would be made anew here, and overwritten or refused there. So opening a chunk
//! that is missing without a reason asks the server whether the slot is in motion, and then fails with
//! TRYAGAIN, as commands with several keys do. A command that changes several chunks checks all of them
//! before it changes the first (`check_*`): half of a change cannot be tried again.

use super::chunk::{self, StoredChunk};
use super::name::ChunkName;
use super::scope::Scope;
use super::{Error, name};
use crate::index::{Chunk, Definition};
use crate::server::call::Call;
use crate::server::key::{Access, Key};
use crate::server::rights;
use smallvec::SmallVec;

/// A live chunk of a scope in its open key.
pub struct ChunkKey<'c> {
    key: Key<'c>,
    /// The chunk's first second.
    pub start: u64,
}

impl<'c> ChunkKey<'c> {
    /// Opens a chunk that the directory lists; `None` if it is gone or foreign.
    ///
    /// # Errors
    /// The chunk is on another node of the cluster already, and the scope on its way there; or the
    /// caller has no right to the chunk, because the scope was renamed.
    pub fn open(
        call: &'c Call,
        scope: &Scope,
        index: &[u8],
        start: u64,
        access: Access,
    ) -> Result<Option<ChunkKey<'c>>, Error> {
        let name = name_for(call, scope, index, start, access)?;
        let key = Key::open(call, &name, access);
        // The cheap reasons first: asking the server costs a microsecond.
        if key.is_empty() && may_have_moved(call, scope, start) && !call.serves(&name) {
            return Err(Error::Moving);
        }
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
        if scope.lists(index, start) { ChunkKey::open(call, scope, index, start, access) } else { Ok(None) }
    }

    /// Makes a chunk, in place of whatever its key holds, and lets it expire when its time has come.
    ///
    /// # Errors
    /// As [`check_can_create`].
    pub fn create(call: &'c Call, scope: &Scope, index: &[u8], start: u64) -> Result<ChunkKey<'c>, Error> {
        check_can_create(call, scope, index, start)?;
        let mut key = Key::open(call, &scope.chunk_name(index, start), Access::Write);
        key.delete();
        key.set(StoredChunk::new(scope, index, start));
        let mut chunk = ChunkKey { key, start };
        chunk.set_expiry(&scope.definition);
        Ok(chunk)
    }

    /// Lets the chunk, whose key is open to write, expire when its time has come.
    pub fn set_expiry(&mut self, definition: &Definition) {
        if let Some(expiry) = definition.expiry_ms(self.start) {
            self.key.expire_at(expiry);
        }
    }

    /// The chunk.
    pub fn chunk(&self) -> Option<&Chunk> {
        self.key.value::<StoredChunk>().ok().flatten().map(StoredChunk::chunk)
    }

    /// Changes the chunk, whose key is open to write, and returns what `change` returns.
    pub fn modify<T>(&mut self, change: impl FnOnce(&mut Chunk) -> T) -> Option<T> {
        let stored: &mut StoredChunk = self.key.value_mut().ok().flatten()?;
        Some(stored.modify(change))
    }

    /// Deletes the key, which is open to write.
    pub fn delete(mut self) {
        self.key.delete();
    }

    /// Deletes the key, which is open to write, and has the chunk freed in another thread.
    pub fn unlink(self) {
        chunk::unlink(self.key);
    }
}

/// The name of a chunk's key, if the sender of the command may use it so. The server has checked the
/// right to the scope's key, which covers the chunks as long as they are named after it; a scope that
/// was renamed, or forged, could name those of any other, so that the right to the chunk itself is
/// checked.
fn name_for(
    call: &Call,
    scope: &Scope,
    index: &[u8],
    start: u64,
    access: Access,
) -> Result<ChunkName, Error> {
    let name = scope.chunk_name(index, start);
    if name::was_made_as(scope.tag(), scope.uid, call.key()) || rights::may_use(call, &name, access) {
        Ok(name)
    } else {
        Err(Error::NotAllowed)
    }
}

/// Checks that a chunk can be made.
///
/// # Errors
/// The caller has no right to it, or its key would be that of the scope itself, which was renamed to it.
pub fn check_can_create(call: &Call, scope: &Scope, index: &[u8], start: u64) -> Result<(), Error> {
    let name = name_for(call, scope, index, start, Access::Write)?;
    if *name == *call.key() { Err(Error::NamedAsChunk) } else { Ok(()) }
}

/// Checks that none of an index's chunks is on its way to another node of the cluster. A command calls
/// it before it makes a chunk: making one forgets those that are gone, and must not forget one that is
/// only away.
///
/// # Errors
/// As [`ChunkKey::open`].
pub fn check_none_moving(call: &Call, scope: &Scope, index: &[u8]) -> Result<(), Error> {
    Window::open_all(call, scope, index).map(|_| ())
}

/// Checks that all of an index's chunks can be changed, before any of them is: the caller has the right
/// to, and none is on its way to another node of the cluster.
///
/// # Errors
/// As [`ChunkKey::open`].
pub fn check_all_writable(call: &Call, scope: &Scope, index: &[u8]) -> Result<(), Error> {
    let mut starts = scope.all_starts(index);
    starts.try_for_each(|start| name_for(call, scope, index, start, Access::Write).map(|_| ()))?;
    check_none_moving(call, scope, index)
}

/// True if a missing chunk may be on its way to another node: it has not expired, and the command does
/// not come from a primary or an AOF, which knew what there was.
fn may_have_moved(call: &Call, scope: &Scope, start: u64) -> bool {
    let is_expired = scope.definition.is_expired(start, call.now_ms());
    !is_expired && call.is_in_cluster() && !call.is_trusted_source()
}

/// The live chunks of an index among some starts, open to read.
pub struct Window<'c> {
    keys: SmallVec<[ChunkKey<'c>; 8]>,
}

impl<'c> Window<'c> {
    /// Opens the chunks.
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
        for start in starts {
            keys.extend(ChunkKey::open(call, scope, index, start, Access::Read)?);
        }
        Ok(Window { keys })
    }

    /// Opens all of an index's chunks.
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

/// The starts that the directory lists for an index and whose chunks are gone: a write command that
/// changes the scope removes them from the directory.
///
/// # Errors
/// As [`ChunkKey::open`].
pub fn gone_starts(call: &Call, scope: &Scope, index: &[u8]) -> Result<Vec<u64>, Error> {
    let window = Window::open_all(call, scope, index)?;
    Ok(scope.all_starts(index).filter(|start| window.starts().all(|live| live != *start)).collect())
}
