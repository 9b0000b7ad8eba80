//! The hash of names and buckets inside a chunk's tables.
//!
//! Clients choose names and buckets, so the hash is keyed at random in each process: nobody can
//! prepare a flood of names that meet in one cell. Nothing that a user sees, no reply, no digest and
//! nothing saved depends on it.

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

/// The hash of a bucket inside a band.
pub fn bucket(band: u16, bucket: &[u8]) -> u32 {
    let mut hasher = hasher();
    hasher.write_u16(band);
    hasher.write(bucket);
    hasher.finish() as u32
}

/// The hash of an item's id: ids are given by the chunk, so mixing them is enough.
pub fn id(id: u32) -> u32 {
    let mixed = u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
}

/// A hash of 32 bits as the 64 that a table of hashbrown takes, of which it reads the lowest and the
/// highest.
pub fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
