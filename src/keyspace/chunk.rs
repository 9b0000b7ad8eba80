//! The `sim-chunk` type: a chunk with the identity that every command which opens it compares.

use super::data_type::{self, ENCODING, NativeValue};
use super::scope::Scope;
use super::totals::{Contribution, Totals};
use crate::index::codec::{self, DecodeError, Reader, Writer};
use crate::index::{Chunk, Definition, Mover};
use crate::server::defrag::Defrag;
use crate::server::io::Digest;
use crate::server::key::Value;
use redis_module::native_types::RedisType;
use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// The type, as the server knows it.
pub static CHUNK: RedisType = RedisType::new("sim-chunk", ENCODING, data_type::methods::<StoredChunk>());

/// A chunk of more allocations stays where it is.
const MOST_MOVED: usize = 10_000;

/// Bytes of a part of a saved chunk, more or less.
const PART: usize = 1 << 18;

/// A chunk in its key.
#[derive(Debug)]
pub struct StoredChunk {
    /// The uid of its scope.
    uid: u64,
    index: Box<[u8]>,
    start: u64,
    /// The observations.
    chunk: Chunk,
    /// Set before the chunk is unlinked by SIM.DROP: then another thread frees it.
    pub is_dropped: bool,
    share: Contribution,
    /// Whether it is among [`CHANGED`].
    is_changed: bool,
}

/// The chunks that were changed since they were counted last, by their addresses.
///
/// To sum up a chunk's memory takes longer than to record an observation, so a write only notes the
/// chunk, once, and INFO counts those that were noted. A chunk leaves before it is freed. All else but
/// that happens in the main thread: writes, and INFO.
static CHANGED: LazyLock<Mutex<HashSet<usize>>> = LazyLock::new(Mutex::default);

/// Chunks that are noted at most; the next one has all of them counted.
const MOST_CHANGED: usize = 1_000;

fn changed() -> MutexGuard<'static, HashSet<usize>> {
    CHANGED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts every chunk that was changed since it was counted last.
pub fn count_changed() {
    for address in changed().drain() {
        // SAFETY: a chunk in its key, where it does not move. It is freed only after it has left the
        // set, whose lock is held, and nobody else uses it now: commands run one at a time, and hold
        // on to no chunk while they ask for another one to change.
        unsafe { &mut *(address as *mut StoredChunk) }.count();
    }
}

impl Value for StoredChunk {
    fn redis_type() -> &'static RedisType {
        &CHUNK
    }
}

impl StoredChunk {
    /// An empty chunk of a scope.
    pub fn new(scope: &Scope, index: &[u8], start: u64) -> StoredChunk {
        StoredChunk {
            uid: scope.uid,
            index: index.into(),
            start,
            chunk: scope.new_chunk(),
            is_dropped: false,
            share: Contribution::default(),
            is_changed: false,
        }
    }

    /// Whether it is the chunk of this scope, index and start.
    pub fn belongs_to(&self, scope: &Scope, index: &[u8], start: u64) -> bool {
        (self.uid, &*self.index, self.start) == (scope.uid, index, start)
            && self.chunk.bands() == scope.definition.bands()
    }

    /// The observations.
    pub fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// The observations, to change, of a chunk in its key.
    pub fn chunk_mut(&mut self) -> &mut Chunk {
        if !self.is_changed {
            if changed().len() >= MOST_CHANGED {
                count_changed();
            }
            self.is_changed = changed().insert(&raw const *self as usize);
        }
        &mut self.chunk
    }

    /// The uid of its scope.
    pub fn uid(&self) -> u64 {
        self.uid
    }

    fn header(&self) -> Writer {
        let mut header = Writer::default();
        header.number(self.uid);
        header.name(&self.index);
        header.number(self.start);
        header.number(self.chunk.bands().into());
        header
    }
}

impl NativeValue for StoredChunk {
    const LETTER: u8 = b'c';

    fn save(&self, _: &[u8], part: &mut dyn FnMut(&[u8])) {
        part(&self.header().into_bytes());
        codec::encode_pieces(&self.chunk, PART).for_each(|bytes| part(&bytes));
    }

    fn load(header: &[u8], _: &[u8]) -> Result<StoredChunk, DecodeError> {
        let mut reader = Reader::new(header);
        let uid = reader.number()?;
        let index = reader.name()?.into();
        let start = reader.number_in(Definition::TIMESTAMP)?;
        let bands = reader.number_in(Definition::BANDS)? as u16;
        reader.end()?;
        let (share, chunk) = (Contribution::default(), Chunk::new(bands));
        Ok(StoredChunk { uid, index, start, chunk, is_dropped: false, share, is_changed: false })
    }

    fn load_more(&mut self, part: &[u8]) -> Result<(), DecodeError> {
        codec::decode_piece(&mut self.chunk, part)
    }

    fn count(&mut self) {
        self.is_changed = false;
        self.share.set(Totals {
            chunks: 1,
            items: self.chunk.item_count() as u64,
            observations: self.chunk.observations(),
            bytes: self.memory() as u64,
            ..Totals::default()
        });
    }

    fn before_free_or_move(this: *mut StoredChunk) {
        changed().remove(&(this as usize));
    }

    fn move_by(&mut self, mover: &mut Defrag) {
        // Large chunks lie in large blocks, which do not fragment; and this must not take long.
        if self.chunk.allocations() <= MOST_MOVED {
            let mut index = std::mem::take(&mut self.index).into_vec();
            mover.vec(&mut index);
            self.index = index.into_boxed_slice();
            self.chunk.move_by(mover);
        }
    }

    fn digest(&self, digest: &Digest) {
        digest.number(self.uid).bytes(&self.index).number(self.start).number(self.chunk.bands().into()).end();
        for (item, observations, frequencies) in self.chunk.contents() {
            digest.bytes(item).number(observations.into()).end();
            for (band, bucket, count) in frequencies {
                digest.bytes(item).number(band.into()).bytes(bucket).number(count.into()).end();
            }
        }
    }

    fn memory(&self) -> usize {
        size_of::<StoredChunk>() + self.index.len() + self.chunk.memory()
    }

    fn free_effort(&self) -> usize {
        // 0 asks the server to free in another thread, whatever it is set to.
        if self.is_dropped { 0 } else { 2 + self.chunk.allocations() }
    }
}
