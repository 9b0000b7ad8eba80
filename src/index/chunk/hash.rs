//! The hashes of names and buckets in a chunk's tables.
//!
//! Clients choose names and buckets, so each process hashes them with a random key: nobody can prepare names
//! that all fall into one cell. Nothing that a user can see depends on the hash: no reply, no digest, and no
//! byte that is saved.

pub use crate::index::memory::id_table::hash_of_id as id;

use foldhash::quality::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

fn hasher() -> impl Hasher {
    static KEY: OnceLock<RandomState> = OnceLock::new();
    KEY.get_or_init(RandomState::default).build_hasher()
}

/// The hash of an item's name.
pub fn name(name: &[u8]) -> u32 {
    let mut hasher = hasher();
    hasher.write(name);
    hasher.finish() as u32
}

/// The hash of a bucket: of its band and its bytes.
pub fn bucket(band: u16, bucket: &[u8]) -> u32 {
    let mut hasher = hasher();
    hasher.write_u16(band);
    hasher.write(bucket);
    hasher.finish() as u32
}

/// The hash of an id in a chunk, given by the chunk's number in a search.
pub fn id_in_chunk(chunk: u32, item: u32) -> u32 {
    id(item.wrapping_add(chunk << 16))
}

/// Spreads a hash of 32 bits over the 64 that a table of hashbrown takes. It reads the lowest and the highest.
pub fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
