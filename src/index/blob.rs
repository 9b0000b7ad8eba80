//! A blob: the observations of one item in one index, on their way to another scope or server.
//!
//! ```text
//! "SIMB"  version  definition  { start  profile }  checksum
//! ```
//!
//! The version is a byte, 1 today; every later release reads it. The definition is written as in an
//! RDB, with RETENTION 0: scopes that keep their data for different times may share it. Each chunk's
//! profile is written as in an RDB, in the order of bands and bytes, and the chunks in the order of
//! their starts, so that the same observations are the same bytes on every machine. The checksum is
//! the first half of MurmurHash3_x64_128 (seed 0), in little-endian order, of all that precedes it. It
//! finds damage; it does not authenticate.
//!
//! Blobs come from clients. Decoding reads each one whole and checks every rule before anything is
//! made of it, and keeps nothing but places in its bytes: there is no count that makes it allocate.

use super::chunk::{CapacityError, Chunk};
use super::codec::{self, DecodeError, Reader, Writer};
use super::definition::Definition;
use super::search::profile::{Frequency, Profile};
use crate::signature::hash64;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

const MAGIC: &[u8] = b"SIMB";
const VERSION: u8 = 1;
/// Buckets that are added to a chunk at a time.
const BATCH: usize = 1_024;

/// Why bytes are not a blob that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// They do not begin as a blob does.
    #[error("is not what SIM.EXPORT gave")]
    Magic,
    /// A later release wrote it.
    #[error("has version {0}, and this release reads 1")]
    Version(u8),
    /// The checksum is another.
    #[error("is damaged: its checksum differs")]
    Checksum,
    /// It breaks a rule.
    #[error("is damaged: {0}")]
    Damaged(#[from] DecodeError),
}

/// The observations of an item, chunk by chunk.
#[derive(Debug)]
pub struct Blob<'a> {
    /// The definition under which they were made, its RETENTION left out (0).
    pub definition: Definition,
    chunks: Vec<BlobChunk<'a>>,
    longest: &'a [u8],
}

/// The observations of an item in one chunk.
#[derive(Debug)]
pub struct BlobChunk<'a> {
    /// Seconds since the epoch of the chunk's first second.
    pub start: u64,
    /// How many there are; the sum of the counts in each band.
    pub observations: u32,
    bands: u16,
    /// Buckets, over all bands.
    entries: usize,
    /// The profile as it is written, and found to be valid.
    profile: &'a [u8],
}

/// The blob of an item's observations in some chunks, each with its start, oldest first; `None` where
/// there are none.
pub fn encode<'c>(
    definition: &Definition,
    item: &[u8],
    chunks: impl Iterator<Item = (u64, &'c Chunk)>,
) -> Option<Vec<u8>> {
    let with_item = chunks.filter_map(|(start, chunk)| Some((start, chunk, chunk.item(item)?)));
    let mut with_item = with_item.peekable();
    with_item.peek()?;
    let mut writer = head(definition);
    for (start, chunk, id) in with_item {
        writer.number(start);
        codec::write_profile(chunk, id, &mut writer);
    }
    Some(sealed(writer))
}

/// How often an item was seen in which bucket.
pub type BandCounts = BTreeMap<Vec<u8>, u32>;

/// The blob of observations that were counted elsewhere: for each chunk its start, oldest first, and
/// the counts of each band.
///
/// # Errors
/// The counts break a rule of the index: those of every band must have the same sum, above 0.
pub fn of_counts(definition: &Definition, chunks: &[(u64, Vec<BandCounts>)]) -> Result<Vec<u8>, BlobError> {
    let mut writer = head(definition);
    for (start, bands) in chunks {
        if bands.len() != usize::from(definition.bands()) {
            return Err(DecodeError::Counts.into());
        }
        let observations = bands.iter().map(|band| band.values().map(|count| u64::from(*count)).sum()).max();
        writer.number(*start);
        writer.number(observations.unwrap_or_default());
        for band in bands {
            codec::write_band(band.iter().map(|(bucket, count)| (&**bucket, *count)), &mut writer);
        }
    }
    let blob = sealed(writer);
    Blob::decode(&blob)?;
    Ok(blob)
}

/// All that precedes the chunks.
fn head(definition: &Definition) -> Writer {
    let mut writer = Writer::default();
    writer.raw(MAGIC);
    writer.raw(&[VERSION]);
    Definition { retention: 0, ..*definition }.write(&mut writer);
    writer
}

/// What was written, and its checksum.
fn sealed(writer: Writer) -> Vec<u8> {
    let mut bytes = writer.into_bytes();
    bytes.extend(hash64(&bytes).to_le_bytes());
    bytes
}

impl<'a> Blob<'a> {
    /// Reads a blob, and checks all of it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(bytes: &'a [u8]) -> Result<Blob<'a>, BlobError> {
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
        let content = content.get(MAGIC.len() + 1..).ok_or(DecodeError::Truncated)?;
        let mut reader = Reader::new(content);
        let definition = Definition::read(&mut reader)?;
        if definition.retention != 0 || reader.is_at_end() {
            return Err(DecodeError::Range.into());
        }
        let mut blob = Blob { definition, chunks: Vec::new(), longest: &[] };
        while !reader.is_at_end() {
            blob.read_chunk(&mut reader)?;
        }
        Ok(blob)
    }

    fn read_chunk(&mut self, from: &mut Reader<'a>) -> Result<(), DecodeError> {
        let start = from.number_in(Definition::TIMESTAMP)?;
        let is_later = self.chunks.last().is_none_or(|last| last.start < start);
        if self.definition.start(start) != start || !is_later {
            return Err(DecodeError::Range);
        }
        let (bands, before, mut entries) = (self.definition.bands(), from.rest(), 0);
        let observations = codec::read_profile(from, bands, |_, bucket, _| {
            entries += 1;
            if bucket.len() > self.longest.len() {
                self.longest = bucket;
            }
        })?;
        let profile = before.get(..before.len() - from.rest().len()).unwrap_or_default();
        self.chunks.push(BlobChunk { start, observations, bands, entries, profile });
        Ok(())
    }

    /// The chunks, oldest first; at least one.
    pub fn chunks(&self) -> &[BlobChunk<'a>] {
        &self.chunks
    }

    /// The longest of all buckets.
    pub fn longest_bucket(&self) -> &'a [u8] {
        self.longest
    }

    /// The same blob with only those chunks whose start is kept.
    pub fn with_only(&self, is_kept: impl Fn(u64) -> bool) -> Vec<u8> {
        let mut writer = head(&self.definition);
        for chunk in self.chunks.iter().filter(|chunk| is_kept(chunk.start)) {
            writer.number(chunk.start);
            writer.raw(chunk.profile);
        }
        sealed(writer)
    }

    /// The profile of the chunks that begin in these seconds.
    pub fn profile(&self, seconds: &RangeInclusive<u64>) -> Profile<'a> {
        let (mut frequencies, mut observations) = (Vec::new(), 0);
        for chunk in self.chunks.iter().filter(|chunk| seconds.contains(&chunk.start)) {
            observations += u64::from(chunk.observations);
            chunk.each(|band, bucket, count| {
                frequencies.push(Frequency::new(band, bucket, count.into()));
            });
        }
        Profile::sum(frequencies, observations)
    }
}

impl<'a> BlobChunk<'a> {
    /// Hands over every band, bucket and count.
    fn each(&self, each: impl FnMut(u16, &'a [u8], u32)) {
        let read = codec::read_profile(&mut Reader::new(self.profile), self.bands, each);
        debug_assert_eq!(read, Ok(self.observations), "decoding has checked it");
    }

    /// Adds the observations to those of an item. The caller has asked [`has_room`].
    pub fn add_to(&self, chunk: &mut Chunk, item: &[u8]) {
        let id = chunk.observe(item, self.observations);
        let mut batch = Vec::with_capacity(self.entries.min(BATCH));
        self.each(|band, bucket, count| {
            batch.push((band, bucket, count));
            if batch.len() == BATCH {
                chunk.add(id, batch.iter().copied());
                batch.clear();
            }
        });
        chunk.add(id, batch.iter().copied());
    }
}

/// Whether all of these fit into a chunk together, each given to an item.
///
/// # Errors
/// What would not fit.
pub fn has_room(chunk: &Chunk, added: &[(&[u8], &BlobChunk)]) -> Result<(), CapacityError> {
    let mut sums: BTreeMap<&[u8], u32> = BTreeMap::new();
    let (mut entries, mut bytes) = (0, 0);
    for (item, part) in added {
        let sum = sums.entry(item).or_insert_with(|| chunk.observations_of(item));
        *sum = sum.checked_add(part.observations).ok_or(CapacityError::Count)?;
        entries += part.entries;
        bytes += item.len() + part.profile.len();
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

    /// A chunk of two bands in which `item` was seen so often, and others as well.
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

    /// The blob with its checksum made right.
    fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.truncate(bytes.len().saturating_sub(8));
        bytes.extend(hash64(&bytes).to_le_bytes());
        bytes
    }

    /// What a blob holds, as an empty scope would export it.
    fn again(blob: &Blob) -> Vec<u8> {
        let added = blob.chunks().iter().map(|part| {
            let mut chunk = Chunk::new(blob.definition.bands());
            part.add_to(&mut chunk, b"another");
            assert_eq!(chunk.internal_validate(), Ok(()));
            (part.start, chunk)
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
        assert_eq!(again(&blob), bytes);
    }

    #[test]
    fn an_item_without_observations_has_no_blob() {
        let chunk = chunk(3);
        assert_eq!(encode(&definition(), b"nobody", [(0, &chunk)].into_iter()), None);
        assert_eq!(encode(&definition(), b"item", std::iter::empty()), None);
    }

    #[test]
    fn what_was_counted_elsewhere_is_the_blob_of_the_same_observations() {
        let counts = |chunk: &Chunk| {
            let mut bands = vec![BTreeMap::new(); 2];
            for Frequency { band, bucket, count, .. } in Profile::of_item(b"item", &[chunk]).frequencies() {
                bands[usize::from(*band)].insert(bucket.to_vec(), *count as u32);
            }
            bands
        };
        let both = [(0, counts(&chunk(9))), (120, counts(&chunk(20)))];
        assert_eq!(of_counts(&definition(), &both), Ok(sample()));
        let refused = |bands: Vec<BandCounts>| {
            assert!(of_counts(&definition(), &[(0, bands.clone())]).is_err(), "{bands:?}");
        };
        let band = |count| BTreeMap::from([(b"bucket".to_vec(), count)]);
        refused(vec![band(2), band(1)]);
        refused(vec![band(1), band(2)]);
        refused(vec![band(1), BTreeMap::new()]);
        refused(vec![band(0), band(0)]);
        refused(vec![band(1)]);
        refused(vec![band(1), band(1), band(1)]);
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
        assert_eq!(Some(blob.with_only(|start| start > 0)), expected);
        assert_eq!(blob.with_only(|_| true), bytes);
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
    fn room_is_asked_for_all_together() {
        let mut writer = head(&definition());
        writer.number(0);
        writer.number(u32::MAX.into());
        for _ in 0..2 {
            writer.number(1);
            writer.name(b"b");
            writer.number(u32::MAX.into());
        }
        let bytes = sealed(writer);
        let blob = Blob::decode(&bytes).expect("a blob of many observations");
        let most = &blob.chunks()[0];
        assert_eq!(has_room(&chunk(1), &[(b"new", most), (b"newer", most)]), Ok(()));
        assert_eq!(has_room(&chunk(1), &[(b"item", most)]), Err(CapacityError::Count));
        assert_eq!(has_room(&chunk(1), &[(b"new", most), (b"new", most)]), Err(CapacityError::Count));
    }

    #[test]
    fn every_truncation_and_every_changed_bit_is_refused() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(Blob::decode(&bytes[..length]).is_err(), "cut to {length}");
        }
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[place] ^= 1 << bit;
                assert!(Blob::decode(&bytes).is_err(), "bit {bit} of byte {place}");
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
            let mut writer = head(&definition());
            writer.number(start);
            writer.raw(profile);
            sealed(writer)
        };
        let good: &[u8] = &[1, 1, 1, b'a', 1, 1, 0, 1];
        assert!(Blob::decode(&one(60, good)).is_ok());
        let cases = [
            (one(61, good), DecodeError::Range), // not on the grid
            (one(60, &[good, &[60][..], good].concat()), DecodeError::Range), // a start twice
            (one(1 << 60, good), DecodeError::Range),
            (sealed(head(&definition())), DecodeError::Range), // nothing in it
            (one(60, &[0, 0, 0]), DecodeError::Range),         // no observation
            (one(60, &good[..7]), DecodeError::Truncated),
            (one(60, &[1, 1, 1, b'a', 2, 1, 0, 1]), DecodeError::Counts),
            (one(60, &[2, 2, 1, b'b', 1, 1, b'a', 1, 1, 0, 2]), DecodeError::Order),
        ];
        for (number, (bytes, error)) in cases.iter().enumerate() {
            assert_eq!(Blob::decode(bytes).err(), Some((*error).into()), "case {number}");
        }
        let mut with_retention = Writer::default();
        with_retention.raw(b"SIMB\x01");
        definition().write(&mut with_retention);
        with_retention.raw(&[&[60][..], good].concat());
        assert_eq!(Blob::decode(&sealed(with_retention)).err(), Some(DecodeError::Range.into()));
    }

    proptest! {
        #[test]
        fn changed_bytes_under_a_right_checksum_are_refused_or_a_valid_blob(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            cut: prop::sample::Index,
        ) {
            let mut bytes = sample();
            for (at, value) in changes {
                let place = at.index(bytes.len());
                bytes[place] = value;
            }
            bytes.truncate(cut.index(3 * bytes.len()));
            let bytes = resealed(bytes);
            // A chunk of many observations of one item fits as long as it is alone.
            if let Ok(blob) = Blob::decode(&bytes) {
                let canonical = again(&blob);
                let reread = Blob::decode(&canonical).expect("what was written is read");
                prop_assert_eq!(&again(&reread), &canonical);
                let bands = *Definition::BANDS.end() as u16;
                let profiles = [&reread, &blob].map(|blob| blob.profile(&(0..=u64::MAX)).by_band(bands));
                prop_assert_eq!(&profiles[0], &profiles[1]);
            }
        }

        #[test]
        fn any_bytes_are_refused_or_a_valid_blob(bytes: Vec<u8>) {
            let bytes = resealed([&head(&definition()).into_bytes()[..], &bytes[..], &[0; 8]].concat());
            if let Ok(blob) = Blob::decode(&bytes) {
                prop_assert!(Blob::decode(&again(&blob)).is_ok());
            }
        }
    }
}
