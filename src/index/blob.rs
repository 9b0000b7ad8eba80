//! A blob: the observations of one item in one index, encoded to be moved to another scope or server.
//!
//! ```text
//! +--------+---------+------------+ +-------+-----------+--------+ +-------+-----     +----------+
//! | "SIMB" | version | definition | | start |  profile  | sketch | | start | ...  ... | checksum |
//! +--------+---------+------------+ +-------+-----------+--------+ +-------+-----     +----------+
//!      4        1       13 to 27     1 to 8   3 or more                                    8      bytes
//! `-------- head ----------------'  `------- oldest chunk -------' `- next chunk
//! ```
//!
//! - The version is a byte. It is 1, and every later release reads version 1.
//! - The definition is encoded as in an RDB, but with RETENTION 0 and SCORE OVERLAP, so that scopes in which these
//!   differ can exchange blobs.
//! - Each chunk's profile and sketch are encoded as in an RDB (see [`codec`]), and the chunks come in the order
//!   of their starts. Buckets come in the order of bands and bytes, so equal observations are equal bytes on
//!   every machine.
//! - The checksum is the first half of MurmurHash3_x64_128 (seed 0), in little-endian order, of all bytes
//!   before it. It detects damage; it does not authenticate.
//!
//! The name of the item is not in the blob: the item that gets the observations may have another name.
//!
//! Blobs come from clients, so nothing in them is trusted. Decoding reads a blob to its end and checks every
//! rule before any of it is used. It copies nothing: what it keeps are slices of the blob's bytes. No number in
//! the blob makes it allocate. A profile is decoded a second time when it is used.

use super::chunk::{CapacityError, Chunk};
use super::codec::{self, DecodeError, Reader, Writer};
use super::definition::Definition;
use super::search::profile::{Frequency, Profile};
use super::search::score::ScoreMode;
use crate::signature::hash64;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

const MAGIC: &[u8] = b"SIMB";
const VERSION: u8 = 1;
/// The number of buckets that are added to a chunk at a time. Without batches, a blob of millions of buckets
/// would need a list of all of them.
const BATCH: usize = 1_024;

/// The reason why bytes are not a usable blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// The bytes do not begin with the magic of a blob.
    #[error("is not what SIM.EXPORT gave")]
    Magic,
    /// The blob was written by a later release.
    #[error("has version {0}, and this release reads 1")]
    Version(u8),
    /// The checksum does not match.
    #[error("is damaged: its checksum differs")]
    Checksum,
    /// The content breaks a rule.
    #[error("is damaged: {0}")]
    Damaged(#[from] DecodeError),
}

/// The observations of an item, chunk by chunk: a decoded blob.
#[derive(Debug)]
pub struct Blob<'a> {
    /// The definition under which the observations were made, with RETENTION 0.
    pub definition: Definition,
    /// Oldest first; at least one.
    chunks: Vec<BlobChunk<'a>>,
    /// The longest bucket of all chunks and bands.
    longest_bucket: &'a [u8],
}

/// The observations of an item in one chunk.
#[derive(Debug)]
pub struct BlobChunk<'a> {
    /// Seconds since the epoch of the chunk's first second.
    pub start: u64,
    /// The number of observations, which is also the sum of the counts in each band.
    pub observations: u32,
    /// The number of bands, of the blob's definition.
    bands: u16,
    /// The number of buckets, over all bands.
    entries: usize,
    /// The encoded profile and sketch. Decoding has checked them.
    encoded: &'a [u8],
    /// The slots of the item's sketch, if it has one.
    sketch: Option<&'a [u8]>,
}

/// Encodes an item's observations in some chunks, given with their starts, oldest first. `None` if there are
/// no observations.
pub fn encode<'c>(
    definition: &Definition,
    item: &[u8],
    chunks: impl Iterator<Item = (u64, &'c Chunk)>,
) -> Option<Vec<u8>> {
    // Only the chunks that have the item. If there are none, there is no blob.
    let with_item = chunks.filter_map(|(start, chunk)| Some((start, chunk, chunk.item_id(item)?)));
    let mut with_item = with_item.peekable();
    with_item.peek()?;
    let mut writer = write_head(definition);
    for (start, chunk, id) in with_item {
        debug_assert_eq!(start, definition.start(start), "a chunk begins with an interval");
        debug_assert_eq!(chunk.bands(), definition.bands());
        writer.write_number(start);
        codec::write_profile(chunk, id, &mut writer);
        codec::write_sketch(chunk, id, &mut writer);
    }
    Some(with_checksum(writer))
}

/// Writes the head, which is everything before the chunks.
fn write_head(definition: &Definition) -> Writer {
    let mut writer = Writer::default();
    writer.write_raw(MAGIC);
    writer.write_raw(&[VERSION]);
    Definition { retention: 0, score: ScoreMode::Overlap, ..*definition }.write(&mut writer);
    writer
}

/// The bytes of a writer, followed by their checksum.
fn with_checksum(writer: Writer) -> Vec<u8> {
    let mut bytes = writer.into_bytes();
    bytes.extend(hash64(&bytes).to_le_bytes());
    bytes
}

impl<'a> Blob<'a> {
    /// Decodes a blob, and checks all of it.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order of [`BlobError`]: not a blob, a later version, a wrong
    /// checksum, a broken rule. To have no chunks breaks a rule.
    pub fn decode(bytes: &'a [u8]) -> Result<Blob<'a>, BlobError> {
        // Step 1: the magic, the version, the checksum. The version comes before the checksum, because a later
        // version may have another kind of checksum.
        let after_magic = bytes.strip_prefix(MAGIC).ok_or(BlobError::Magic)?;
        match after_magic.first() {
            Some(&VERSION) => {}
            Some(version) => return Err(BlobError::Version(*version)),
            None => return Err(DecodeError::Truncated.into()),
        }
        let (content, checksum) = bytes.split_last_chunk().ok_or(DecodeError::Truncated)?;
        if hash64(content).to_le_bytes() != *checksum {
            return Err(BlobError::Checksum);
        }

        // Step 2: the definition and the chunks. The checksum proves nothing about bytes that a client made up,
        // so every rule is checked.
        let content = content.get(MAGIC.len() + 1..).ok_or(DecodeError::Truncated)?;
        let mut reader = Reader::new(content);
        let definition = Definition::read(&mut reader)?;
        if (definition.retention, definition.score) != (0, ScoreMode::Overlap) || reader.is_at_end() {
            return Err(DecodeError::Range.into());
        }
        let mut blob = Blob { definition, chunks: Vec::new(), longest_bucket: &[] };
        while !reader.is_at_end() {
            blob.read_chunk(&mut reader)?;
        }
        Ok(blob)
    }

    /// Reads a chunk, checks it, and adds it to the blob.
    fn read_chunk(&mut self, from: &mut Reader<'a>) -> Result<(), DecodeError> {
        // The start: the beginning of an interval, after that of the chunk before.
        let start = from.read_number_in(Definition::TIMESTAMP)?;
        let is_later = self.chunks.last().is_none_or(|last| last.start < start);
        if self.definition.start(start) != start || !is_later {
            return Err(DecodeError::Range);
        }
        // The profile: read it to check it, but keep only the number of its buckets and the longest of them.
        let bands = self.definition.bands();
        let before = from.rest();
        let mut entries = 0;
        let observations = codec::read_profile(from, bands, |_, bucket, _| {
            entries += 1;
            if bucket.len() > self.longest_bucket.len() {
                self.longest_bucket = bucket;
            }
        })?;
        let sketch = codec::read_sketch(from, self.definition.scheme.sketch)?;
        // The encoded profile and sketch consist of the bytes that were read just now.
        let encoded = before.get(..before.len() - from.rest().len()).unwrap_or_default();
        self.chunks.push(BlobChunk { start, observations, bands, entries, encoded, sketch });
        Ok(())
    }

    /// The chunks, oldest first; at least one.
    pub fn chunks(&self) -> &[BlobChunk<'a>] {
        &self.chunks
    }

    /// The longest of all buckets.
    pub fn longest_bucket(&self) -> &'a [u8] {
        self.longest_bucket
    }

    /// Encodes the blob again, with only those chunks for whose start `is_kept` returns true.
    pub fn encode_only(&self, is_kept: impl Fn(u64) -> bool) -> Vec<u8> {
        let mut writer = write_head(&self.definition);
        for chunk in self.chunks.iter().filter(|chunk| is_kept(chunk.start)) {
            writer.write_number(chunk.start);
            writer.write_raw(chunk.encoded);
        }
        with_checksum(writer)
    }

    /// The profile of the chunks that begin in these seconds.
    pub fn profile(&self, seconds: &RangeInclusive<u64>) -> Profile<'a> {
        let mut frequencies = Vec::new();
        let mut observations = 0;
        for chunk in self.chunks.iter().filter(|chunk| seconds.contains(&chunk.start)) {
            observations += u64::from(chunk.observations);
            chunk.for_each_frequency(|band, bucket, count| {
                frequencies.push(Frequency::new(band, bucket, count.into()));
            });
        }
        Profile::summed(frequencies, observations)
    }

    /// The newest sketch of the chunks that begin in these seconds.
    pub fn sketch(&self, seconds: &RangeInclusive<u64>) -> Option<&'a [u8]> {
        let in_window = self.chunks.iter().filter(|chunk| seconds.contains(&chunk.start));
        in_window.rev().find_map(|chunk| chunk.sketch)
    }
}

impl<'a> BlobChunk<'a> {
    /// Passes every band, bucket and count to `on_frequency`.
    fn for_each_frequency(&self, on_frequency: impl FnMut(u16, &'a [u8], u32)) {
        let read = codec::read_profile(&mut Reader::new(self.encoded), self.bands, on_frequency);
        debug_assert_eq!(read, Ok(self.observations), "decoding has checked the profile");
    }

    /// Adds the observations to an item of a chunk. [`check_capacity`] must have been `Ok`, and the chunk must
    /// have as many bands as the blob's definition.
    pub fn add_to(&self, chunk: &mut Chunk, item: &[u8]) {
        debug_assert_eq!(chunk.bands(), self.bands);
        debug_assert_eq!(check_capacity(chunk, &[(item, self)]), Ok(()));
        let mut id = chunk.add_observations(item, self.observations);
        // Add the counts in batches: each call grows the item's list of buckets once.
        let mut batch = Vec::with_capacity(self.entries.min(BATCH));
        self.for_each_frequency(|band, bucket, count| {
            batch.push((band, bucket, count));
            if batch.len() == BATCH {
                chunk.add_counts(&mut id, batch.iter().copied());
                batch.clear();
            }
        });
        chunk.add_counts(&mut id, batch.iter().copied());
        // Slots of another number can be compared with nothing here.
        if let Some(sketch) = self.sketch.filter(|sketch| sketch.len() == usize::from(chunk.sketch_length()))
        {
            chunk.keep_sketch_by_id(id, sketch);
        }
    }
}

/// Checks that a chunk has the capacity for all of these observations together, each with the name of the item
/// that they are added to.
///
/// # Errors
/// [`CapacityError::Count`] if an item would have too many observations, [`CapacityError::Chunk`] if the chunk
/// would be full.
pub fn check_capacity(chunk: &Chunk, added: &[(&[u8], &BlobChunk)]) -> Result<(), CapacityError> {
    // An item may come several times, so add up its observations, beginning with those that it has.
    let mut observations: BTreeMap<&[u8], u32> = BTreeMap::new();
    let mut entries = 0;
    let mut bytes = 0;
    for (item, blob) in added {
        let sum = observations.entry(item).or_insert_with(|| chunk.observations_of(item));
        *sum = sum.checked_add(blob.observations).ok_or(CapacityError::Count)?;
        entries += blob.entries;
        bytes += item.len() + blob.encoded.len(); // contains the bytes of the buckets
    }
    chunk.check_entry_capacity(entries, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::Scheme;
    use proptest::prelude::*;

    fn definition() -> Definition {
        let scheme = Scheme { bands: 2, ..Definition::default().scheme };
        Definition { scheme, interval: 60, retention: 5, ..Definition::default() }
    }

    /// A chunk of two bands in which `item` was seen this many times, and other items as well.
    fn chunk(times: u8) -> Chunk {
        let mut chunk = Chunk::new(2);
        for n in 0..times {
            let other = format!("a bucket that is long {}", n % 3);
            chunk.record(b"item", [&[n % 7][..], other.as_bytes()].into_iter());
            chunk.record(&[b'o', n], [&[n % 7][..], b""].into_iter());
        }
        chunk
    }

    fn sample() -> Vec<u8> {
        let chunks = [(0, chunk(9)), (60, chunk(0)), (120, chunk(20))];
        let chunks = chunks.iter().map(|(start, chunk)| (*start, chunk));
        encode(&definition(), b"item", chunks).expect("the item is in some of them")
    }

    /// The blob with the checksum that matches its content.
    fn with_new_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.truncate(bytes.len().saturating_sub(8));
        bytes.extend(hash64(&bytes).to_le_bytes());
        bytes
    }

    /// The blob that an empty scope exports after it has imported this one.
    fn exported_again(blob: &Blob) -> Vec<u8> {
        let added = blob.chunks().iter().map(|from| {
            let mut chunk = Chunk::new(blob.definition.bands());
            from.add_to(&mut chunk, b"another");
            assert_eq!(chunk.internal_validate(), Ok(()));
            (from.start, chunk)
        });
        let added: Vec<(u64, Chunk)> = added.collect();
        let chunks = added.iter().map(|(start, chunk)| (*start, chunk));
        encode(&blob.definition, b"another", chunks).expect("it has observations")
    }

    #[test]
    fn what_is_exported_and_imported_exports_the_same() {
        let bytes = sample();
        let blob = Blob::decode(&bytes).expect("what was written is read");
        assert_eq!(blob.definition, Definition { retention: 0, ..definition() });
        let chunks: Vec<_> = blob.chunks().iter().map(|chunk| (chunk.start, chunk.observations)).collect();
        assert_eq!(chunks, [(0, 9), (120, 20)]);
        assert_eq!(blob.longest_bucket().len(), 23);
        assert_eq!(exported_again(&blob), bytes);
    }

    #[test]
    fn an_item_without_observations_has_no_blob() {
        let chunk = chunk(3);
        assert_eq!(encode(&definition(), b"nobody", [(0, &chunk)].into_iter()), None);
        assert_eq!(encode(&definition(), b"item", std::iter::empty()), None);
    }

    #[test]
    fn its_profile_is_the_items() {
        let (one, other) = (chunk(9), chunk(20));
        let bytes = sample();
        let blob = Blob::decode(&bytes).expect("a blob");
        let is_same = |seconds, chunks: &[&Chunk]| {
            assert_eq!(blob.profile(&seconds).by_band(2), Profile::of_item(b"item", chunks).by_band(2));
        };
        is_same(0..=u64::MAX, &[&one, &other]);
        is_same(1..=120, &[&other]);
        assert!(blob.profile(&(1..=119)).is_empty());
    }

    #[test]
    fn some_of_its_chunks_are_a_blob_too() {
        let bytes = sample();
        let blob = Blob::decode(&bytes).expect("a blob");
        let last = chunk(20);
        let expected = encode(&definition(), b"item", [(120, &last)].into_iter());
        assert_eq!(Some(blob.encode_only(|start| start > 0)), expected);
        assert_eq!(blob.encode_only(|_| true), bytes);
    }

    #[test]
    fn what_is_added_to_what_is_there_is_the_sum() {
        let (bytes, mut sum) = (sample(), chunk(20));
        let blob = Blob::decode(&bytes).expect("a blob");
        blob.chunks()[1].add_to(&mut sum, b"item");
        assert_eq!(sum.observations_of(b"item"), 40);
        assert_eq!(sum.internal_validate(), Ok(()));
        let chunks = [chunk(20), sum];
        let [once, twice] =
            chunks.each_ref().map(|chunk| Profile::of_item(b"item", &[chunk]).by_band(2).concat());
        assert_eq!(once.len(), twice.len());
        for (once, twice) in once.iter().zip(&twice) {
            assert_eq!((twice.band, twice.bucket, twice.count), (once.band, once.bucket, 2 * once.count));
        }
    }

    #[test]
    fn the_capacity_is_checked_for_all_together() {
        let mut writer = write_head(&definition());
        writer.write_number(0);
        writer.write_number(u32::MAX.into());
        for _ in 0..2 {
            writer.write_number(1);
            writer.write_name(b"b");
            writer.write_number(u32::MAX.into());
        }
        let bytes = with_checksum(writer);
        let blob = Blob::decode(&bytes).expect("a blob of many observations");
        let most = &blob.chunks()[0];
        assert_eq!(check_capacity(&chunk(1), &[(b"new", most), (b"newer", most)]), Ok(()));
        assert_eq!(check_capacity(&chunk(1), &[(b"item", most)]), Err(CapacityError::Count));
        assert_eq!(check_capacity(&chunk(1), &[(b"new", most), (b"new", most)]), Err(CapacityError::Count));
    }

    #[test]
    fn every_truncation_and_every_changed_bit_is_refused() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(Blob::decode(&bytes[..length]).is_err(), "cut to {length}");
        }
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[position] ^= 1 << bit;
                assert!(Blob::decode(&bytes).is_err(), "bit {bit} of byte {position}");
            }
        }
        assert_eq!(Blob::decode(&[&bytes[..], &[0]].concat()).err(), Some(BlobError::Checksum));
        assert_eq!(Blob::decode(b"").err(), Some(BlobError::Magic));
        assert_eq!(Blob::decode(b"SIMB").err(), Some(DecodeError::Truncated.into()));
        assert_eq!(Blob::decode(b"SIMB\x02 of a later release").err(), Some(BlobError::Version(2)));
    }

    #[test]
    fn what_breaks_a_rule_is_refused_under_a_right_checksum() {
        let one = |start: u64, profile: &[u8]| {
            let mut writer = write_head(&definition());
            writer.write_number(start);
            writer.write_raw(profile);
            with_checksum(writer)
        };
        let good: &[u8] = &[1, 1, 1, b'a', 1, 1, 0, 1];
        assert!(Blob::decode(&one(60, good)).is_ok());
        let cases = [
            (one(61, good), DecodeError::Range), // not on the grid
            (one(60, &[good, &[60][..], good].concat()), DecodeError::Range), // a start twice
            (one(1 << 60, good), DecodeError::Range),
            (with_checksum(write_head(&definition())), DecodeError::Range), // nothing in it
            (one(60, &[0, 0, 0]), DecodeError::Range),                      // no observation
            (one(60, &good[..7]), DecodeError::Truncated),
            (one(60, &[1, 1, 1, b'a', 2, 1, 0, 1]), DecodeError::Counts),
            (one(60, &[2, 2, 1, b'b', 1, 1, b'a', 1, 1, 0, 2]), DecodeError::Order),
        ];
        for (number, (bytes, error)) in cases.iter().enumerate() {
            assert_eq!(Blob::decode(bytes).err(), Some((*error).into()), "case {number}");
        }
        let mut with_retention = Writer::default();
        with_retention.write_raw(b"SIMB\x01");
        definition().write(&mut with_retention);
        with_retention.write_raw(&[&[60][..], good].concat());
        assert_eq!(Blob::decode(&with_checksum(with_retention)).err(), Some(DecodeError::Range.into()));
    }

    proptest! {
        #[test]
        fn changed_bytes_under_a_right_checksum_are_refused_or_a_valid_blob(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            cut: prop::sample::Index,
        ) {
            let mut bytes = sample();
            for (position, value) in changes {
                let position = position.index(bytes.len());
                bytes[position] = value;
            }
            bytes.truncate(cut.index(3 * bytes.len()));
            let bytes = with_new_checksum(bytes);
            // Even the most observations that a blob can have fit into a chunk that is empty.
            if let Ok(blob) = Blob::decode(&bytes) {
                let canonical = exported_again(&blob);
                let reread = Blob::decode(&canonical).expect("what was written is read");
                prop_assert_eq!(&exported_again(&reread), &canonical);
                let bands = *Definition::BANDS.end() as u16;
                let profiles = [&reread, &blob].map(|blob| blob.profile(&(0..=u64::MAX)).by_band(bands));
                prop_assert_eq!(&profiles[0], &profiles[1]);
            }
        }

        #[test]
        fn any_bytes_are_refused_or_a_valid_blob(bytes: Vec<u8>) {
            let bytes = with_new_checksum([&write_head(&definition()).into_bytes()[..], &bytes[..], &[0; 8]].concat());
            if let Ok(blob) = Blob::decode(&bytes) {
                prop_assert!(Blob::decode(&exported_again(&blob)).is_ok());
            }
        }
    }
}
