//! The live chunks of a scope, opened.
//!
//! What the directory lists may be gone: expired, evicted, or, after a MOVE, in another database. And
//! a key of the right name may hold something else, which only a forged RESTORE puts there. Neither
//! is a chunk of the scope: reads go on without it.

use super::chunk::StoredChunk;
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
    /// Opens a chunk that the directory lists; `None` where it is gone or foreign.
    ///
    /// # Errors
    /// The chunk is on another node of the cluster already, and the scope on its way there; or it is
    /// not the caller's to touch.
    pub fn open(
        call: &'c Call,
        scope: &Scope,
        index: &[u8],
        start: u64,
        access: Access,
    ) -> Result<Option<ChunkKey<'c>>, Error> {
        let name = name_for(call, scope, index, start, access)?;
        let key = Key::open(call, &name, access);
        if key.is_empty() && may_have_moved(call, scope, start) && !call.serves(&name) {
            return Err(Error::Moving);
        }
        let is_ours =
            matches!(key.value::<StoredChunk>(), Ok(Some(stored)) if stored.belongs_to(scope, index, start));
        Ok(is_ours.then_some(ChunkKey { key, start }))
    }

    /// Makes a chunk, in place of whatever its key holds, and lets it expire when its time has come.
    ///
    /// # Errors
    /// As [`check_new`].
    pub fn create(call: &'c Call, scope: &Scope, index: &[u8], start: u64) -> Result<ChunkKey<'c>, Error> {
        check_new(call, scope, index, start)?;
        let mut key = Key::open(call, &scope.chunk_name(index, start), Access::Write);
        key.delete();
        key.set(StoredChunk::new(scope, index, start));
        let mut made = ChunkKey { key, start };
        made.expire(&scope.definition);
        Ok(made)
    }

    /// Lets the chunk, whose key is open to write, expire when its time has come.
    pub fn expire(&mut self, definition: &Definition) {
        if let Some(expiry) = definition.expiry(self.start) {
            self.key.expire_at(expiry.saturating_mul(1_000));
        }
    }

    /// The chunk.
    pub fn chunk(&self) -> Option<&Chunk> {
        self.key.value::<StoredChunk>().ok().flatten().map(StoredChunk::chunk)
    }

    /// The chunk, to change; the key is open to write.
    pub fn chunk_mut(&mut self) -> Option<&mut Chunk> {
        self.key.value_mut::<StoredChunk>().ok().flatten().map(StoredChunk::chunk_mut)
    }

    /// Deletes the key, which is open to write.
    pub fn delete(mut self) {
        self.key.delete();
    }

    /// Deletes the key, which is open to write, and has the chunk freed in another thread.
    pub fn unlink(mut self) {
        if let Ok(Some(stored)) = self.key.value_mut::<StoredChunk>() {
            stored.is_dropped = true;
        }
        self.key.unlink();
    }
}

/// The key of a chunk, for one who may use it so. The right to a scope's key covers its chunks, as long
/// as they are named after it; a scope that was renamed, or forged, could name anybody's.
fn name_for(
    call: &Call,
    scope: &Scope,
    index: &[u8],
    start: u64,
    access: Access,
) -> Result<ChunkName, Error> {
    let name = scope.chunk_name(index, start);
    if name::was_made_as(scope.tag(), scope.uid, call.key()) || rights::allow(call, &name, access) {
        Ok(name)
    } else {
        Err(Error::NotAllowed)
    }
}

/// Holds that a chunk can be made.
///
/// # Errors
/// It is not the caller's to make, or its key would be that of the scope itself, which was renamed to it.
pub fn check_new(call: &Call, scope: &Scope, index: &[u8], start: u64) -> Result<(), Error> {
    let name = name_for(call, scope, index, start, Access::Write)?;
    if *name == *call.key() { Err(Error::OwnName) } else { Ok(()) }
}

/// Holds that all of an index's chunks can be changed, before any of them is.
///
/// # Errors
/// As [`ChunkKey::open`].
pub fn check_all(call: &Call, scope: &Scope, index: &[u8]) -> Result<(), Error> {
    let mut starts = scope.all_starts(index);
    starts.try_for_each(|start| name_for(call, scope, index, start, Access::Write).map(|_| ()))?;
    Window::open_all(call, scope, index).map(|_| ())
}

/// Whether a missing chunk may be on its way to another node: neither expired nor foreseen by those
/// who are to be obeyed.
fn may_have_moved(call: &Call, scope: &Scope, start: u64) -> bool {
    let lives = scope.definition.expiry(start).is_none_or(|expiry| expiry.saturating_mul(1_000) > call.now());
    lives && call.is_in_cluster() && !call.is_trusted_source()
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

/// The starts that the directory lists for an index and whose chunks are gone: what a write command
/// that changes the scope strikes out.
///
/// # Errors
/// As [`ChunkKey::open`].
pub fn gone(call: &Call, scope: &Scope, index: &[u8]) -> Result<Vec<u64>, Error> {
    let window = Window::open_all(call, scope, index)?;
    Ok(scope.all_starts(index).filter(|start| window.starts().all(|live| live != *start)).collect())
}
