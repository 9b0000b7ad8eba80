//! How a chunk is written down: for RDB, for the AOF, for whoever carries it away.
//!
//! A chunk is written item by item: name, observations, then for each band the buckets with their
//! counts. No id and no link is written, so none can be out of range when it is read: a chunk is
//! rebuilt by what built it, and what breaks a rule is an error. Numbers are LEB128, the form of
//! varints in Protocol Buffers; there are no counts that make the reader allocate.
//!
//! A large chunk is written in parts, each of whole items.

use super::chunk::Chunk;
use super::chunk::hash;

/// The longest name of an item or an index, and the longest bucket, that is read; configurations
/// may set a lower limit, never a higher one.
pub const MAX_NAME: usize = 1 << 20;

/// Why bytes are not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("it ends too early")]
    Truncated,
    /// Something follows the end.
    #[error("bytes follow its end")]
    Trailing,
    /// A number is not a varint of its size.
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
    /// The counts of a band are not the item's observations.
    #[error("the counts of a band do not add up")]
    Counts,
    /// A value lies outside its limits.
    #[error("a value is out of range")]
    Range,
}

/// Writes numbers and names one after the other.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Writes a number in 7 bits a byte, low ones first.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// Writes bytes behind their length.
    pub fn name(&mut self, name: &[u8]) {
        self.number(name.len() as u64);
        self.bytes.extend_from_slice(name);
    }

    /// Writes bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Reads what a [`Writer`] wrote.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the first of these bytes.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    /// The next number.
    ///
    /// # Errors
    /// The bytes end, or the number has more than 64 bits.
    pub fn number(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.bytes.split_first().ok_or(DecodeError::Truncated)?;
            self.bytes = rest;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(DecodeError::Number);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(DecodeError::Number)
    }

    /// The next number, which must lie in a range.
    ///
    /// # Errors
    /// As [`Self::number`], and a number outside the range.
    pub fn number_in(&mut self, range: std::ops::RangeInclusive<u64>) -> Result<u64, DecodeError> {
        let number = self.number()?;
        if range.contains(&number) { Ok(number) } else { Err(DecodeError::Range) }
    }

    /// The next bytes behind their length, at most [`MAX_NAME`].
    ///
    /// # Errors
    /// The bytes end, or the length is too large.
    pub fn name(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = usize::try_from(self.number()?).map_err(|_| DecodeError::Name)?;
        if length > MAX_NAME {
            return Err(DecodeError::Name);
        }
        let (name, rest) = self.bytes.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.bytes = rest;
        Ok(name)
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether nothing is left.
    pub fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Holds that nothing is left.
    ///
    /// # Errors
    /// Something is left.
    pub fn end(&self) -> Result<(), DecodeError> {
        if self.is_at_end() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}

/// The parts of a chunk, each with at least one item and, but for a single large item, not much more
/// than `size` bytes.
pub fn parts(chunk: &Chunk, size: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut ids = chunk.items().ids().peekable();
    std::iter::from_fn(move || {
        ids.peek()?;
        let mut part = Writer::default();
        while part.len() < size
            && let Some(id) = ids.next()
        {
            write_item(chunk, id, &mut part);
        }
        Some(part.into_bytes())
    })
}

fn write_item(chunk: &Chunk, id: u32, to: &mut Writer) {
    to.name(chunk.items().name(id));
    write_profile(chunk, id, to);
}

/// Writes an item's observations, and for each band its buckets with their counts, in the order of
/// their bytes.
pub(super) fn write_profile(chunk: &Chunk, id: u32, to: &mut Writer) {
    to.number(chunk.items().observations(id).into());
    let mut frequencies: Vec<(u16, &[u8], u32)> = chunk.frequencies(id).collect();
    frequencies.sort_unstable();
    let mut bands = frequencies.chunk_by(|a, b| a.0 == b.0);
    for _ in 0..chunk.bands() {
        let band = bands.next().unwrap_or_default();
        write_band(band.iter().map(|(_, bucket, count)| (*bucket, *count)), to);
    }
}

/// Writes the buckets of a band, which come in the order of their bytes, with their counts.
pub(super) fn write_band<'a>(buckets: impl ExactSizeIterator<Item = (&'a [u8], u32)>, to: &mut Writer) {
    to.number(buckets.len() as u64);
    for (bucket, count) in buckets {
        to.name(bucket);
        to.number(count.into());
    }
}

/// Adds a part's items to a chunk that has none of them.
///
/// # Errors
/// What is wrong with the bytes; the chunk then holds some of the part's items, and is of no use.
pub fn read_part(chunk: &mut Chunk, part: &[u8]) -> Result<(), DecodeError> {
    let mut reader = Reader::new(part);
    while !reader.is_at_end() {
        read_item(chunk, &mut reader)?;
    }
    Ok(())
}

fn read_item(chunk: &mut Chunk, from: &mut Reader) -> Result<(), DecodeError> {
    let name = from.name()?;
    if name.is_empty() {
        return Err(DecodeError::Name);
    }
    if chunk.item_by_hash(name, hash::name(name)).is_some() {
        return Err(DecodeError::Duplicate);
    }
    // An entry takes at least two bytes, so this bounds both.
    chunk.check_entry_capacity(from.bytes.len(), from.bytes.len()).map_err(|_| DecodeError::Range)?;
    let mut buckets = Vec::new();
    let add = |band, bucket, count| buckets.push((band, bucket, count));
    let observations = read_profile(from, chunk.bands(), add)?;
    let item = chunk.observe(name, observations);
    chunk.add(item, buckets.into_iter());
    Ok(())
}

/// Reads what [`write_profile`] wrote, hands over each band, bucket and count, and returns the
/// observations.
///
/// # Errors
/// What is wrong with the bytes; some buckets have then been handed over.
pub(super) fn read_profile<'a>(
    from: &mut Reader<'a>,
    bands: u16,
    mut each: impl FnMut(u16, &'a [u8], u32),
) -> Result<u32, DecodeError> {
    let observations = from.number_in(1..=u32::MAX.into())?;
    for band in 0..bands {
        let (mut left, mut last) = (observations, None);
        for _ in 0..from.number()? {
            let (bucket, count) = (from.name()?, from.number()?);
            if last.is_some_and(|last| last >= bucket) {
                return Err(DecodeError::Order);
            }
            if !(1..=left).contains(&count) {
                return Err(DecodeError::Counts);
            }
            left -= count;
            last = Some(bucket);
            each(band, bucket, count as u32);
        }
        if left > 0 {
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

    fn read(parts: &[Vec<u8>]) -> Result<Chunk, DecodeError> {
        let mut chunk = Chunk::new(2);
        parts.iter().try_for_each(|part| read_part(&mut chunk, part))?;
        Ok(chunk)
    }

    #[test]
    fn a_chunk_is_read_as_it_was_written() {
        for size in [1, 100, 1 << 20] {
            let written: Vec<_> = parts(&sample(), size).collect();
            let chunk = read(&written).expect("what was written is read");
            assert_eq!(chunk.internal_validate(), Ok(()));
            assert_eq!(contents(&chunk), contents(&sample()));
        }
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let part = |numbers: &[u8]| read(&[numbers.to_vec()]).map(|_| ());
        assert_eq!(part(&[1, b'i', 1, 1, 1, b'a', 1, 1, 1, b'b', 1]), Ok(()));
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
            assert_eq!(part(bytes), Err(error), "{bytes:?}");
        }
        let one = [1, b'i', 1, 1, 1, b'a', 1, 1, 1, b'b', 1].to_vec();
        assert_eq!(read(&[one.clone(), one]).map(|_| ()), Err(DecodeError::Duplicate));
    }

    proptest! {
        #[test]
        fn changed_bytes_are_refused_or_a_valid_chunk(at: prop::sample::Index, bit in 0..8u8, cut: prop::sample::Index) {
            let mut bytes: Vec<u8> = parts(&sample(), 1 << 20).flatten().collect();
            let place = at.index(bytes.len());
            bytes[place] ^= 1 << bit;
            bytes.truncate(cut.index(2 * bytes.len()));
            if let Ok(chunk) = read(&[bytes]) {
                prop_assert_eq!(chunk.internal_validate(), Ok(()));
            }
        }

        #[test]
        fn a_number_is_read_as_it_was_written(number: u64) {
            let mut writer = Writer::default();
            writer.number(number);
            let bytes = writer.into_bytes();
            prop_assert_eq!(Reader::new(&bytes).number(), Ok(number));
        }
    }
}
