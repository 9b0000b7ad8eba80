//! The live chunks of a scope, opened.
//!
//! What the directory lists may be gone: expired, evicted, or, after a MOVE, in another database. And
//! a key of the right name may hold something else, which only a forged RESTORE puts there. Neither
//! is a chunk of the scope: reads go on without it.

use super::chunk::StoredChunk;
use super::scope::Scope;
use crate::index::Chunk;
use crate::server::call::Call;
use crate::server::key::{Access, Key};
use smallvec::SmallVec;

/// A live chunk of a scope in its open key.
pub struct ChunkKey<'c> {
    key: Key<'c>,
    /// The chunk's first second.
    pub start: u64,
}

impl<'c> ChunkKey<'c> {
    /// Opens a chunk that the directory lists; `None` where it is gone or foreign.
    pub fn open(
        call: &'c Call,
        scope: &Scope,
        index: &[u8],
        start: u64,
        access: Access,
    ) -> Option<ChunkKey<'c>> {
        let key = Key::open(call, &scope.chunk_name(index, start), access);
        let is_ours =
            matches!(key.value::<StoredChunk>(), Ok(Some(stored)) if stored.belongs_to(scope, index, start));
        is_ours.then_some(ChunkKey { key, start })
    }

    /// Makes a chunk, in place of whatever its key holds, and lets it expire when its time has come.
    pub fn create(call: &'c Call, scope: &Scope, index: &[u8], start: u64) -> ChunkKey<'c> {
        let mut key = Key::open(call, &scope.chunk_name(index, start), Access::Write);
        key.delete();
        key.set(StoredChunk::new(scope, index, start));
        if let Some(expiry) = scope.definition.expiry(start) {
            key.expire_at(expiry.saturating_mul(1_000));
        }
        ChunkKey { key, start }
    }

    /// The chunk.
    pub fn chunk(&self) -> Option<&Chunk> {
        self.key.value::<StoredChunk>().ok().flatten().map(|stored| &stored.chunk)
    }

    /// The chunk, to change; the key is open to write.
    pub fn chunk_mut(&mut self) -> Option<&mut Chunk> {
        self.key.value_mut::<StoredChunk>().ok().flatten().map(|stored| &mut stored.chunk)
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

/// The live chunks of an index among some starts, open to read.
pub struct Window<'c> {
    keys: SmallVec<[ChunkKey<'c>; 8]>,
}

impl<'c> Window<'c> {
    /// Opens the chunks.
    pub fn open(
        call: &'c Call,
        scope: &Scope,
        index: &[u8],
        starts: impl Iterator<Item = u64>,
    ) -> Window<'c> {
        let keys = starts.filter_map(|start| ChunkKey::open(call, scope, index, start, Access::Read));
        Window { keys: keys.collect() }
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
/// that changes the scope may strike out.
pub fn gone(call: &Call, scope: &Scope, index: &[u8]) -> Vec<u64> {
    let is_gone = |start: &u64| ChunkKey::open(call, scope, index, *start, Access::Read).is_none();
    scope.all_starts(index).filter(is_gone).collect()
}
