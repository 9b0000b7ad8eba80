//! The encoding of a chunk as bytes: for the RDB, for the AOF and for blobs.
//!
//! A chunk is written item by item, in the order in which the items arrived. A large chunk is written in several
//! *pieces*, each a sequence of whole items, so that no buffer has to hold all of it.
//!
//! ```text
//! piece        item | item | item ...                          up to the end of the bytes
//! item         name | profile | sketch                         the name is not empty
//! profile      observations | band 0 | band 1 | ...            every band of the chunk
//! band         number of buckets | bucket | count | ...        in the order of the buckets' bytes;
//!                                                              the counts add up to the observations
//! name, bucket length | bytes                                  at most MAX_NAME bytes
//! sketch       0, or 1 | slots                                 nothing at all in a chunk without sketches
//! ```
//!
//! For example, an item "i" that was observed twice, in a chunk of two bands:
//!
//! ```text
//! 01 'i'  02   01  01 'a' 02   02  01 'b' 01  01 'c' 01
//! name    obs  band 0: a × 2   band 1: b × 1, c × 1
//! ```
//!
//! # Numbers
//! Every number is in LEB128 (DWARF; Protocol Buffers call it a varint): 7 bits a byte, the low ones
//! first, and the highest bit set if another byte follows. Counts and lengths are nearly always small,
//! and a number below 128 takes one byte.
//!
//! ```text
//! 300 = 0b10_0101100     1_0101100  0_0000010     AC 02
//! ```
//!
//! # Why no ids
//! In memory, items and buckets refer to each other by ids. No id is written, so none can be out of range or
//! contradict another when it is read. Nor is the number of an arrival: items arrive again as they are read. A
//! chunk is rebuilt by the same functions that record observations, and bytes that break a rule are an error. The
//! only number of elements that is written is that of a band's buckets. Nothing is allocated for it in advance: it
//! only ends a loop, which fails if the bytes end first.
//!
//! *Turned down:* writing the memory as it is. It would load faster, but every byte would have to be trusted. And
//! adding several items at a time, so that the cache misses of one overlap with those of the next: 350 lines more, and
//! loading 600,000 items of 8 bands took 0.88 of the time.

use super::chunk::Chunk;
use super::chunk::hash;

/// The length of the longest name, of an item or an index, and of the longest bucket that can be read.
/// A configuration may set a lower limit, never a higher one.
pub const MAX_NAME: usize = 1 << 20;

/// The reason why bytes cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("it ends too early")]
    Truncated,
    /// Something follows the end.
    #[error("bytes follow its end")]
    Trailing,
    /// A number has more than 64 bits.
    #[error("a number is too large")]
    Number,
    /// A name or bucket is longer than [`MAX_NAME`], or a name is empty.
    #[error("a name has a length that is not allowed")]
    Name,
    /// An item comes twice.
    #[error("an item comes twice")]
    Duplicate,
    /// A bucket comes twice in a band, or out of order.
    #[error("the buckets of a band are out of order")]
    Order,
    /// The counts of a band do not add up to the item's observations.
    #[error("the counts of a band do not add up")]
    Counts,
    /// A value is outside its range.
    #[error("a value is out of range")]
    Range,
}

/// Writes numbers and names one after the other.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Writes a number in LEB128: 1 to 10 bytes.
    pub fn write_number(&mut self, mut number: u64) {
        // All bytes but the last have the highest bit set.
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// Writes a name or a bucket: its length, then its bytes.
    pub fn write_name(&mut self, name: &[u8]) {
        self.write_number(name.len() as u64);
        self.bytes.extend_from_slice(name);
    }

    /// Writes bytes as they are, without their length.
    pub fn write_raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// All bytes that were written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The number of bytes written so far.
    fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Reads bytes that a [`Writer`] may have written. Nothing about them is trusted.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader that begins at the first of these bytes.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    /// Reads the next number.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if the bytes end, [`DecodeError::Number`] if the number has more than
    /// 64 bits.
    pub fn read_number(&mut self) -> Result<u64, DecodeError> {
        // At most 10 bytes, of 7 bits each.
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.bytes.split_first().ok_or(DecodeError::Truncated)?;
            self.bytes = rest;
            let bits = u64::from(byte & 0x7f);
            // Of the tenth byte only the lowest bit fits in 64. If any other is set, shifting loses it.
            if bits << shift >> shift != bits {
                return Err(DecodeError::Number);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(DecodeError::Number) // the tenth byte says that another one follows
    }

    /// Reads the next number, which must be in `range`.
    ///
    /// # Errors
    /// As [`Self::read_number`], and [`DecodeError::Range`] if the number is outside the range.
    pub fn read_number_in(&mut self, range: std::ops::RangeInclusive<u64>) -> Result<u64, DecodeError> {
        let number = self.read_number()?;
        if range.contains(&number) { Ok(number) } else { Err(DecodeError::Range) }
    }

    /// Reads the next name or bucket: its length, at most [`MAX_NAME`], then its bytes.
    ///
    /// # Errors
    /// As [`Self::read_number`], [`DecodeError::Name`] if the length is too large, and
    /// [`DecodeError::Truncated`] if fewer bytes follow.
    pub fn read_name(&mut self) -> Result<&'a [u8], DecodeError> {
        // Check the length first, so that an absurd one is an error of its own, however many bytes follow.
        let length = usize::try_from(self.read_number()?).map_err(|_| DecodeError::Name)?;
        if length > MAX_NAME {
            return Err(DecodeError::Name);
        }
        self.read_raw(length)
    }

    /// Reads the next `length` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if fewer bytes follow.
    pub fn read_raw(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        // What is returned is a slice of the bytes: nothing is copied, and nothing is allocated for the length.
        let (bytes, rest) = self.bytes.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.bytes = rest;
        Ok(bytes)
    }

    /// The bytes that have not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// True if all bytes have been read.
    pub fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Checks that all bytes have been read.
    ///
    /// # Errors
    /// [`DecodeError::Trailing`] if some have not.
    pub fn end(&self) -> Result<(), DecodeError> {
        if self.is_at_end() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}

/// Encodes a chunk as pieces, each when it is asked for. An empty chunk has none.
///
/// A piece ends with the item that brings it to `size` bytes or more, so it is longer than `size` by less than
/// one item. `size` must not be 0.
pub fn encode_pieces(chunk: &Chunk, size: usize) -> impl Iterator<Item = Vec<u8>> {
    debug_assert!(size > 0, "no item would fit into a piece, and the pieces would never end");
    let mut ids = chunk.items().ids_by_arrival().into_iter().peekable();
    std::iter::from_fn(move || {
        ids.peek()?; // all items are written: there is no further piece
        let mut piece = Writer::default();
        while piece.len() < size
            && let Some(id) = ids.next()
        {
            write_item(chunk, id, &mut piece);
        }
        Some(piece.into_bytes())
    })
}

/// Writes an item: its name, its profile, and its sketch.
fn write_item(chunk: &Chunk, id: u32, to: &mut Writer) {
    to.write_name(chunk.items().name(id));
    write_profile(chunk, id, to);
    write_sketch(chunk, id, to);
}

/// Writes the sketch of an item: whether it has one, then the slots. In a chunk without sketches, nothing.
pub(super) fn write_sketch(chunk: &Chunk, id: u32, to: &mut Writer) {
    if chunk.sketch_length() == 0 {
        return;
    }
    let sketch = chunk.items().sketch(id);
    to.write_number(sketch.is_some().into());
    to.write_raw(sketch.unwrap_or_default());
}

/// Reads a sketch of `length` slots; `None` if the item has none.
pub(super) fn read_sketch<'a>(from: &mut Reader<'a>, length: u16) -> Result<Option<&'a [u8]>, DecodeError> {
    if length == 0 || from.read_number_in(0..=1)? == 0 {
        return Ok(None);
    }
    from.read_raw(length.into()).map(Some)
}

/// Writes the profile of an item: the number of its observations, then each band.
pub(super) fn write_profile(chunk: &Chunk, id: u32, to: &mut Writer) {
    to.write_number(chunk.items().observations(id).into());
    // Sort by band and bucket, so that equal observations are equal bytes, in whatever order they were made.
    let mut frequencies: Vec<(u16, &[u8], u32)> = chunk.frequencies(id).collect();
    frequencies.sort_unstable();
    // There is a group for each band, in order: an item has a bucket in every band (invariant 3).
    let mut bands = frequencies.chunk_by(|a, b| a.0 == b.0);
    for number in 0..chunk.bands() {
        let band = bands.next().unwrap_or_default();
        debug_assert!(
            band.first().is_some_and(|first| first.0 == number),
            "invariant 3: band {number} is empty"
        );
        write_band(band.iter().map(|(_, bucket, count)| (*bucket, *count)), to);
    }
}

/// Writes a band: the number of its buckets, then each bucket with its count. They must come in the order of the
/// buckets' bytes, each once.
fn write_band<'a>(buckets: impl ExactSizeIterator<Item = (&'a [u8], u32)>, to: &mut Writer) {
    to.write_number(buckets.len() as u64);
    for (bucket, count) in buckets {
        to.write_name(bucket);
        to.write_number(count.into());
    }
}

/// Decodes a piece, and adds its items to a chunk that has none of them yet.
///
/// # Errors
/// The first thing that is wrong with the bytes. The chunk may then have some of the piece's items, and must be
/// thrown away.
pub fn decode_piece(chunk: &mut Chunk, piece: &[u8]) -> Result<(), DecodeError> {
    let mut reader = Reader::new(piece);
    while !reader.is_at_end() {
        read_item(chunk, &mut reader)?;
    }
    Ok(())
}

/// Reads an item and adds it to a chunk.
fn read_item(chunk: &mut Chunk, from: &mut Reader) -> Result<(), DecodeError> {
    // Step 1: the name. It is not empty, and no item of this piece or an earlier one has it.
    let name = from.read_name()?;
    if name.is_empty() {
        return Err(DecodeError::Name);
    }
    if chunk.item_id_by_hash(name, hash::name(name)).is_some() {
        return Err(DecodeError::Duplicate);
    }
    // Step 2: the capacity. The rest of the piece is an upper bound on both the bytes and the entries that this
    // item can add, since an entry takes at least two bytes: the length of its bucket, and its count.
    chunk.check_entry_capacity(from.bytes.len(), from.bytes.len()).map_err(|_| DecodeError::Range)?;
    // Step 3: the profile and the sketch. Read all of it before the chunk is touched, so that the chunk never
    // has an item whose counts do not add up.
    let mut buckets = Vec::new();
    let collect = |band, bucket, count| buckets.push((band, bucket, count));
    let observations = read_profile(from, chunk.bands(), collect)?;
    let sketch = read_sketch(from, chunk.sketch_length())?;
    // Step 4: add the item as if it were recorded.
    let mut item = chunk.add_observations(name, observations);
    chunk.add_counts(&mut item, buckets.into_iter());
    if let Some(sketch) = sketch {
        chunk.keep_sketch_by_id(item, sketch);
    }
    Ok(())
}

/// Reads a profile, passes each band, bucket and count to `on_frequency`, and returns the observations.
///
/// # Errors
/// The first thing that is wrong with the bytes; some buckets have then been passed on.
pub(super) fn read_profile<'a>(
    from: &mut Reader<'a>,
    bands: u16,
    mut on_frequency: impl FnMut(u16, &'a [u8], u32),
) -> Result<u32, DecodeError> {
    let observations = from.read_number_in(1..=u32::MAX.into())?;
    for band in 0..bands {
        // Each observation fell into one bucket of the band. So every count is subtracted from the observations
        // that remain, and none may remain at the end. This way no sum can overflow.
        let mut remaining = observations;
        let mut previous = None;
        for _ in 0..from.read_number()? {
            let (bucket, count) = (from.read_name()?, from.read_number()?);
            // Strictly ascending, so a bucket that comes twice is an error too.
            if previous.is_some_and(|previous| previous >= bucket) {
                return Err(DecodeError::Order);
            }
            if !(1..=remaining).contains(&count) {
                return Err(DecodeError::Counts);
            }
            remaining -= count;
            previous = Some(bucket);
            on_frequency(band, bucket, count as u32); // at most the observations, which fit 32 bits
        }
        if remaining > 0 {
            return Err(DecodeError::Counts);
        }
    }
    Ok(observations as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A chunk of two bands with a few items.
    fn sample() -> Chunk {
        let mut chunk = Chunk::new(2);
        for i in 0..50u8 {
            let (a, b) = ([i / 2], format!("a bucket that is long {}", i % 7));
            chunk.record(&[b'i', i / 3], [&a[..], b.as_bytes()].into_iter());
        }
        chunk
    }

    /// The items of a chunk in order, and for each its buckets in order.
    type Contents = Vec<(Vec<u8>, u32, Vec<(u16, Vec<u8>, u32)>)>;

    fn contents(chunk: &Chunk) -> Contents {
        let frequencies = |f: &mut dyn Iterator<Item = (u16, &[u8], u32)>| {
            let mut all: Vec<_> = f.map(|(band, bucket, count)| (band, bucket.to_vec(), count)).collect();
            all.sort();
            all
        };
        let mut all: Vec<_> =
            chunk.contents().map(|(item, n, mut f)| (item.to_vec(), n, frequencies(&mut f))).collect();
        all.sort();
        all
    }

    fn decode(pieces: &[Vec<u8>]) -> Result<Chunk, DecodeError> {
        let mut chunk = Chunk::new(2);
        pieces.iter().try_for_each(|piece| decode_piece(&mut chunk, piece))?;
        Ok(chunk)
    }

    #[test]
    fn a_chunk_is_read_as_it_was_written() {
        for size in [1, 100, 1 << 20] {
            let written: Vec<_> = encode_pieces(&sample(), size).collect();
            let chunk = decode(&written).expect("what was encoded is decoded");
            assert_eq!(chunk.internal_validate(), Ok(()));
            assert_eq!(contents(&chunk), contents(&sample()));
        }
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let error_of = |piece: &[u8]| decode(&[piece.to_vec()]).err();
        assert_eq!(error_of(&[1, b'i', 1, 1, 1, b'a', 1, 1, 1, b'b', 1]), None);
        assert_eq!(error_of(&[1, b'i', 2, 1, 1, b'a', 2, 2, 1, b'b', 1, 1, b'c', 1]), None);
        let cases: [(&[u8], DecodeError); 10] = [
            (&[1, b'i', 1, 1, 1, b'a', 1, 1, 1, b'b'], DecodeError::Truncated),
            (&[0, 1, 1, 1, b'a', 1, 1, 1, b'b', 1], DecodeError::Name),
            (&[0xff, 0xff, 0xff, 0x7f, 1], DecodeError::Name),
            (&[1, b'i', 0, 1, 1, b'a', 1, 1, 1, b'b', 1], DecodeError::Range),
            (&[1, b'i', 2, 2, 1, b'b', 1, 1, b'a', 1, 1, 1, b'b', 2], DecodeError::Order),
            (&[1, b'i', 2, 2, 1, b'a', 1, 1, b'a', 1, 1, 1, b'b', 2], DecodeError::Order),
            (&[1, b'i', 2, 1, 1, b'a', 1, 1, 1, b'b', 2], DecodeError::Counts),
            (&[1, b'i', 1, 1, 1, b'a', 2, 1, 1, b'b', 1], DecodeError::Counts),
            (&[1, b'i', 1, 1, 1, b'a', 0, 1, 1, b'b', 1], DecodeError::Counts),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], DecodeError::Number),
        ];
        for (bytes, error) in cases {
            assert_eq!(error_of(bytes), Some(error), "{bytes:?}");
        }
        let one = [1, b'i', 1, 1, 1, b'a', 1, 1, 1, b'b', 1].to_vec();
        assert_eq!(decode(&[one.clone(), one]).err(), Some(DecodeError::Duplicate));
    }

    proptest! {
        #[test]
        fn changed_bytes_are_refused_or_a_valid_chunk(at: prop::sample::Index, bit in 0..8u8, cut: prop::sample::Index) {
            let mut bytes: Vec<u8> = encode_pieces(&sample(), 1 << 20).flatten().collect();
            let position = at.index(bytes.len());
            bytes[position] ^= 1 << bit;
            bytes.truncate(cut.index(2 * bytes.len()));
            if let Ok(chunk) = decode(&[bytes]) {
                prop_assert_eq!(chunk.internal_validate(), Ok(()));
            }
        }

        #[test]
        fn a_number_is_read_as_it_was_written(number: u64) {
            let mut writer = Writer::default();
            writer.write_number(number);
            let bytes = writer.into_bytes();
            prop_assert_eq!(Reader::new(&bytes).read_number(), Ok(number));
        }
    }
}
