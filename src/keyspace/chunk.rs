//! The `sim-chunk` type: a chunk of the index, with its identity.
//!
//! A chunk's key has a name that is made of its scope's tag and uid, its start and its index. The value repeats
//! the last three, and every command compares them when it opens the chunk ([`StoredChunk::belongs_to`]): a
//! client could RESTORE anything under that name.

use super::data_type::{self, ENCODING, NativeValue};
use super::scope::Scope;
use super::totals::{Contribution, Totals};
use crate::index::codec::{self, DecodeError, Reader, Writer};
use crate::index::{Chunk, Definition, Mover};
use crate::server::defrag::Defrag;
use crate::server::io::Digest;
use crate::server::key::{Key, Value};
use redis_module::native_types::RedisType;

/// The type, as the server knows it.
pub static CHUNK: RedisType = RedisType::new("sim-chunk", ENCODING, data_type::methods::<StoredChunk>());

/// A chunk of more allocations than this stays in place when the server defragments its memory.
const MAX_MOVED_ALLOCATIONS: usize = 10_000;

/// The approximate size of a piece of a saved chunk, in bytes: 256 KiB.
const PIECE_BYTES: usize = 1 << 18;

/// A chunk in its key.
#[derive(Debug)]
pub struct StoredChunk {
    /// The uid of its scope.
    uid: u64,
    index: Box<[u8]>,
    start: u64,
    /// The observations.
    chunk: Chunk,
    /// True once [`unlink`] was called: asks the server to free the chunk in another thread.
    is_unlinked: bool,
    /// Its share of the totals that INFO shows.
    contribution: Contribution,
}

// SAFETY: the values of the type come from `Key::set` and from its callbacks, which are those of
// `data_type::methods::<StoredChunk>()`: both box them.
unsafe impl Value for StoredChunk {
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
            is_unlinked: false,
            contribution: Contribution::default(),
        }
    }

    /// True if it was made for this scope, index and start, whatever has become of it since: a payload that
    /// was restored may have other bands.
    pub fn was_made_for(&self, scope: &Scope, index: &[u8], start: u64) -> bool {
        self.has_identity(scope.uid, index, start)
    }

    /// True if its scope has this uid, and it is that of this index and start.
    pub fn has_identity(&self, uid: u64, index: &[u8], start: u64) -> bool {
        (self.uid, &*self.index, self.start) == (uid, index, start)
    }

    /// True if it is the chunk of this scope, index and start.
    pub fn belongs_to(&self, scope: &Scope, index: &[u8], start: u64) -> bool {
        self.was_made_for(scope, index, start)
            && self.chunk.bands() == scope.definition.bands()
            && self.chunk.sketch_length() == scope.definition.scheme.sketch
    }

    /// The observations.
    pub fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// Changes the observations, and updates the totals that INFO shows. Returns what `change` returns.
    pub fn modify<T>(&mut self, change: impl FnOnce(&mut Chunk) -> T) -> T {
        let result = change(&mut self.chunk);
        self.update_totals();
        result
    }

    /// The uid of its scope.
    pub fn uid(&self) -> u64 {
        self.uid
    }

    /// The first piece of a saved chunk: its identity, and the numbers of bands and of slots that the other
    /// pieces need.
    fn header(&self) -> Writer {
        let mut header = Writer::default();
        header.write_number(self.uid);
        header.write_name(&self.index);
        header.write_number(self.start);
        header.write_number(self.chunk.bands().into());
        header.write_number(self.chunk.sketch_length().into());
        header
    }
}

impl NativeValue for StoredChunk {
    const LETTER: u8 = b'c';

    fn update_totals(&mut self) {
        self.contribution.set(Totals {
            chunks: 1,
            items: self.chunk.item_count() as u64,
            observations: self.chunk.observations(),
            bytes: self.memory() as u64,
            ..Totals::default()
        });
    }

    fn save(&self, _: &[u8], piece: &mut dyn FnMut(&[u8])) {
        piece(&self.header().into_bytes());
        codec::encode_pieces(&self.chunk, PIECE_BYTES).for_each(|bytes| piece(&bytes));
    }

    fn load(header: &[u8], _: &[u8]) -> Result<StoredChunk, DecodeError> {
        let mut reader = Reader::new(header);
        let uid = reader.read_number()?;
        let index = reader.read_name()?.into();
        let start = reader.read_number_in(Definition::TIMESTAMP)?;
        let bands = reader.read_number_in(Definition::BANDS)? as u16;
        let sketch_length = Definition::read_sketch(&mut reader)?;
        reader.end()?;
        let (chunk, contribution) = (Chunk::with_sketches(bands, sketch_length), Contribution::default());
        Ok(StoredChunk { uid, index, start, chunk, is_unlinked: false, contribution })
    }

    fn load_more(&mut self, piece: &[u8]) -> Result<(), DecodeError> {
        codec::decode_piece(&mut self.chunk, piece)
    }

    fn move_by(&mut self, mover: &mut Defrag) {
        // The server waits meanwhile, so only chunks that are quick to move are moved. A large one would gain
        // little: nearly all of it is in large blocks, which do not fragment.
        if self.chunk.allocations() <= MAX_MOVED_ALLOCATIONS {
            let mut index = std::mem::take(&mut self.index).into_vec();
            mover.vec(&mut index);
            self.index = index.into_boxed_slice();
            self.chunk.move_by(mover);
        }
    }

    fn digest(&self, digest: &Digest) {
        digest.number(self.uid).bytes(&self.index).number(self.start).number(self.chunk.bands().into()).end();
        for (arrival, (item, observations, frequencies)) in (0..).zip(self.chunk.contents()) {
            digest.bytes(item).number(observations.into()).number(arrival);
            digest.bytes(self.chunk.sketch(item).unwrap_or_default()).end();
            for (band, bucket, count) in frequencies {
                digest.bytes(item).number(band.into()).bytes(bucket).number(count.into()).end();
            }
        }
    }

    fn memory(&self) -> usize {
        size_of::<StoredChunk>() + self.index.len() + self.chunk.memory()
    }

    fn free_effort(&self) -> usize {
        // 2 for the box of the value and the name of the index.
        if self.is_unlinked { 0 } else { 2 + self.chunk.allocations() }
    }
}

/// Deletes a chunk's key, which is open to write, and has the chunk freed in another thread, whatever its
/// size and the server's settings.
pub fn unlink(mut key: Key) {
    if let Ok(Some(stored)) = key.value_mut::<StoredChunk>() {
        stored.is_unlinked = true;
    }
    key.unlink();
}
