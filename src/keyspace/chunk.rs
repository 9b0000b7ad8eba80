//! The `sim-chunk` type: a chunk with the identity that every command which opens it compares.

use super::callback::{self, ENCODING, Stored};
use super::scope::Scope;
use crate::index::codec::{self, DecodeError, Reader, Writer};
use crate::index::{Chunk, Definition};
use crate::server::io::Digest;
use crate::server::key::Value;
use redis_module::native_types::RedisType;

/// The type, as the server knows it.
pub static CHUNK: RedisType = RedisType::new("sim-chunk", ENCODING, callback::methods::<StoredChunk>());

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
    pub chunk: Chunk,
    /// Set before the chunk is unlinked by SIM.DROP: then another thread frees it.
    pub is_dropped: bool,
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
        }
    }

    /// Whether it is the chunk of this scope, index and start.
    pub fn belongs_to(&self, scope: &Scope, index: &[u8], start: u64) -> bool {
        (self.uid, &*self.index, self.start) == (scope.uid, index, start)
            && self.chunk.bands() == scope.definition.bands()
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

impl Stored for StoredChunk {
    const LETTER: u8 = b'c';

    fn save(&self, _: &[u8], part: &mut dyn FnMut(&[u8])) {
        part(&self.header().into_bytes());
        codec::parts(&self.chunk, PART).for_each(|bytes| part(&bytes));
    }

    fn load(header: &[u8], _: &[u8]) -> Result<StoredChunk, DecodeError> {
        let mut reader = Reader::new(header);
        let uid = reader.number()?;
        let index = reader.name()?.into();
        let start = reader.number_in(Definition::TIMESTAMP)?;
        let bands = reader.number_in(Definition::BANDS)? as u16;
        reader.end()?;
        Ok(StoredChunk { uid, index, start, chunk: Chunk::new(bands), is_dropped: false })
    }

    fn load_more(&mut self, part: &[u8]) -> Result<(), DecodeError> {
        codec::read_part(&mut self.chunk, part)
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
