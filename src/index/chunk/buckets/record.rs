//! The record of a bucket: 16 bytes, and the [`State`] that is packed into them.
//!
//! ```text
//!     byte     0                              8          10             12             16
//!             +------------------------------+----------+--------------+--------------+
//!             | bytes                        | header   | count_or_len | location     |   postings elsewhere
//!             +------------------------------+----------+--------------+--------------+
//!     Lone    | the bucket's bytes, up to 8, |          | count        | item         |   none
//!     Few     | or location (4) and length   |          | list length  | of the list  |   8 bytes each
//!     Hot     | (4) of their run in the arena|          | 0            | of the set   |   about 16 bytes each
//!     Hole    | 0                            |          | 0            | 0            |
//!             +------------------------------+----------+--------------+--------------+
//!
//!     header  | state, 2 bits | length, 4 bits (15: the bytes are in the arena) | band, 10 bits |
//! ```
//!
//! The state is packed by hand because an `enum` with the same fields would take 24 bytes. Only this file knows
//! the packing: all others read and write a [`State`].

use super::Posting;
use crate::index::chunk::hash;
use crate::index::memory::arena::{Arena, ListRef};
use crate::index::memory::slab::Record;

/// The most bytes of a bucket that fit in its record.
pub(super) const INLINE_MAX: usize = 8;

const BAND_BITS: u32 = 10;
const LENGTH_BITS: u32 = 4;
/// The low bits of a header, below the state: band and length, which never change.
const IDENTITY_BITS: u32 = BAND_BITS + LENGTH_BITS;
/// In place of the length, says that the bytes are in the arena. Their length is then stored with their start.
const IN_ARENA: usize = (1 << LENGTH_BITS) - 1;

/// The place of a bucket's postings, unpacked from its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// One posting, in the record. Its count fits 16 bits.
    Lone(Posting),
    /// A list of 1 to 1,024 postings. It is empty only between `Buckets::find_or_add` and `Buckets::add`.
    Few(ListRef),
    /// The index of a `HotSet`: a vector of postings, 8 bytes each, and a table that takes about as much.
    Hot(u32),
    /// The record is not in use.
    Hole,
}

/// The record of a bucket: 16 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    /// The bytes, padded with zeros, or the location and the length of their run in the arena.
    bytes: [u8; INLINE_MAX],
    /// Band, length of the bytes, and state.
    header: u16,
    /// The count of a lone posting, or the length of a list.
    count_or_len: u16,
    /// The lone item, or the location of a list or a hot set.
    location: u32,
}

const _: () = assert!(size_of::<Bucket>() == 16);

impl Bucket {
    /// The record of a bucket without members.
    fn new(band: u16, length: usize, bytes: [u8; INLINE_MAX]) -> Bucket {
        debug_assert!(band < 1 << BAND_BITS && length <= IN_ARENA);
        let header = band | (length as u16) << BAND_BITS;
        let mut bucket = Bucket { bytes, header, count_or_len: 0, location: 0 };
        bucket.set_state(State::Few(ListRef::default()));
        bucket
    }

    /// The band that the bucket is in.
    pub(super) fn band(&self) -> u16 {
        self.header & ((1 << BAND_BITS) - 1)
    }

    /// The length of the bytes, or [`IN_ARENA`].
    fn length(&self) -> usize {
        usize::from(self.header >> BAND_BITS) & IN_ARENA
    }

    /// Unpacks the state.
    #[inline]
    pub(super) fn state(&self) -> State {
        match self.header >> IDENTITY_BITS {
            0 => State::Lone(Posting { item: self.location, count: self.count_or_len.into() }),
            1 => State::Few(ListRef::from_parts(self.location, self.count_or_len.into())),
            2 => State::Hot(self.location),
            _ => State::Hole,
        }
    }

    /// Packs a new state.
    #[inline]
    pub(super) fn set_state(&mut self, state: State) {
        let (code, count_or_len, location) = match state {
            State::Lone(posting) => (0, posting.count, posting.item),
            State::Few(list) => (1, list.len() as u32, list.location()),
            State::Hot(index) => (2, 0, index),
            State::Hole => (3, 0, 0),
        };
        debug_assert!(count_or_len <= u16::MAX.into(), "invariant 7: {state:?}");
        // Replace the state in the header, and keep the band and the length.
        self.header = self.header & ((1 << IDENTITY_BITS) - 1) | code << IDENTITY_BITS;
        (self.count_or_len, self.location) = (count_or_len as u16, location);
    }

    /// True if both have the same band and the same bytes. The bytes of at least one must be in its record.
    pub(super) fn is_same_inline(&self, other: &Bucket) -> bool {
        // Comparing the bytes would not be enough: some may be padding, and all may be an address in the arena.
        // The length in the header, which must be the same too, tells these apart.
        let identity = (1 << IDENTITY_BITS) - 1;
        self.bytes == other.bytes && (self.header ^ other.header) & identity == 0
    }

    /// The bytes of the bucket, from the record or from the arena.
    pub(super) fn bytes<'a>(&'a self, arena: &'a Arena<u8>) -> &'a [u8] {
        match self.run() {
            Some(run) => arena.list(run),
            None => &self.bytes[..self.length()],
        }
    }

    /// The run in the arena, if the bytes are there.
    pub(super) fn run(&self) -> Option<ListRef> {
        let [a, b, c, d, e, f, g, h] = self.bytes;
        let run = ListRef::from_parts(u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        (self.length() == IN_ARENA).then_some(run)
    }

    /// Sets the run of bytes that are in the arena.
    pub(super) fn set_run(&mut self, run: ListRef) {
        debug_assert!(self.length() == IN_ARENA);
        self.bytes[..4].copy_from_slice(&run.location().to_le_bytes());
        self.bytes[4..].copy_from_slice(&(run.len() as u32).to_le_bytes());
    }
}

impl Record for Bucket {
    fn hole() -> Bucket {
        let mut bucket = Bucket::new(0, 0, [0; INLINE_MAX]);
        bucket.set_state(State::Hole);
        bucket
    }

    fn is_hole(&self) -> bool {
        self.state() == State::Hole
    }

    fn is_fixed(&self) -> bool {
        matches!(self.state(), State::Hot(_))
    }
}

/// The key of a bucket, its band and bytes, prepared for lookups: it is hashed and packed once, whatever the
/// number of chunks that it is looked up in.
#[derive(Debug, Clone, Copy)]
pub struct BucketKey<'a> {
    pub(super) bytes: &'a [u8],
    /// The [`hash::bucket`] of both.
    pub(super) hash: u32,
    /// The record of a new bucket with this key. If the bytes belong in the arena, their run is not set yet.
    pub(super) record: Bucket,
}

impl<'a> BucketKey<'a> {
    /// The key of a bucket in a band.
    pub fn new(band: u16, bytes: &'a [u8]) -> BucketKey<'a> {
        BucketKey::with_hash(band, bytes, hash::bucket(band, bytes))
    }

    /// The band.
    pub fn band(&self) -> u16 {
        self.record.band()
    }

    /// The key of a bucket in a band, for a caller that has its [`hash::bucket`].
    pub fn with_hash(band: u16, bytes: &'a [u8], hash: u32) -> BucketKey<'a> {
        debug_assert!(hash == hash::bucket(band, bytes), "the hash of another bucket");
        let mut inline = [0; INLINE_MAX];
        let record = if let Ok(full) = bytes.try_into() {
            Bucket::new(band, INLINE_MAX, full) // the usual length: the copy is a single instruction
        } else if let Some(prefix) = inline.get_mut(..bytes.len()) {
            prefix.copy_from_slice(bytes);
            Bucket::new(band, bytes.len(), inline)
        } else {
            Bucket::new(band, IN_ARENA, inline)
        };
        BucketKey { bytes, hash, record }
    }
}
