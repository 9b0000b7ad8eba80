//! Candidates: the items that share a bucket with a query, known by their ids in every chunk of the
//! window.

use super::score::{Scale, Shared, mean};
use super::search::Part;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// What is known of a candidate in one part of the search.
#[derive(Debug, Default)]
pub struct InPart {
    /// What it shares with the query, and its observations in the window.
    pub shared: Shared,
    /// The bands it shares, one bit each; kept only where MINBANDS asks for more than one.
    bands: SmallVec<[u64; 1]>,
    /// How many they are; where they are not kept, 1 if any.
    pub band_count: u16,
}

impl InPart {
    /// Notes that a band is shared.
    pub fn share_band(&mut self, band: u16, min_bands: u16) {
        if min_bands <= 1 {
            self.band_count = 1;
            return;
        }
        let (word, bit) = (usize::from(band) / 64, 1u64 << (band % 64));
        if self.bands.len() <= word {
            self.bands.resize(word + 1, 0);
        }
        self.band_count += u16::from(self.bands[word] & bit == 0);
        self.bands[word] |= bit;
    }
}

/// An item that shares a bucket with the query.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// The item's name.
    pub item: &'a [u8],
    /// The hash of its name.
    pub hash: u32,
    /// What is known of it, part by part.
    pub parts: SmallVec<[InPart; 1]>,
    /// Nothing of it is left to read: its score is known, or too low.
    pub is_finished: bool,
    /// The unit being read, and the item's count in it so far.
    pub unit: usize,
    /// The item's count in that unit.
    pub count: u64,
}

impl Candidate<'_> {
    /// Whether it shares as many bands as it must, in at least one part.
    pub fn is_admitted(&self, parts: &[Part]) -> bool {
        self.parts.iter().zip(parts).any(|(own, part)| own.band_count >= part.min_bands)
    }

    /// Observations in the window, over all parts.
    pub fn observations(&self) -> u64 {
        self.parts.iter().map(|part| part.shared.observations).sum()
    }

    /// What it shares in a part, if its score there is more than 0.
    fn shared(&self, at: usize, scale: &Scale) -> Option<&Shared> {
        let shared = self.parts.get(at).map(|own| &own.shared);
        shared.filter(|shared| shared.observations > 0 && scale.query > 0)
    }

    /// Whether either side has data in a part.
    fn counts_in(&self, at: usize, scale: &Scale) -> bool {
        scale.query > 0 || self.parts.get(at).is_some_and(|own| own.shared.observations > 0)
    }

    /// The score in a part; `None` where neither side has data, 0 where only one side has.
    pub fn part_score(&self, at: usize, scale: &Scale) -> Option<f64> {
        self.counts_in(at, scale).then(|| self.shared(at, scale).map_or(0.0, |shared| scale.of(shared)))
    }

    /// The mean of the scores of the parts where either side has data, of what was read so far.
    pub fn score(&self, scales: &[Scale]) -> f64 {
        if let [scale] = scales {
            return self.part_score(0, scale).unwrap_or(0.0);
        }
        let counted = scales.iter().enumerate().filter(|(at, scale)| self.counts_in(*at, scale));
        mean(counted.map(|(at, scale)| self.shared(at, scale).map_or(0, |shared| scale.fixed(shared))))
    }

    /// How many parts count for it.
    pub fn divisor(&self, scales: &[Scale]) -> usize {
        scales.iter().enumerate().filter(|(at, scale)| self.counts_in(*at, scale)).count().max(1)
    }
}

/// All candidates of a search.
pub struct Candidates<'a> {
    list: Vec<Candidate<'a>>,
    by_id: HashMap<(u32, u32), u32, BuildHasherDefault<IdHasher>>,
}

impl<'a> Candidates<'a> {
    /// None yet, with room for some.
    pub fn with_capacity(expected: usize) -> Candidates<'a> {
        let by_id = HashMap::with_capacity_and_hasher(expected, BuildHasherDefault::default());
        Candidates { list: Vec::new(), by_id }
    }

    /// All of them, numbered from 0.
    pub fn list(&self) -> &[Candidate<'a>] {
        &self.list
    }

    /// All of them, to change.
    pub fn list_mut(&mut self) -> &mut [Candidate<'a>] {
        &mut self.list
    }

    /// The candidate with an id in a chunk, `chunk` counted over the chunks of all parts, and `part`
    /// and `in_part` saying the same by part. At its first sight its ids in all chunks are noted, and
    /// its observations summed.
    pub fn number(&mut self, parts: &[Part<'a>], place: Place, id: u32) -> usize {
        if let Some(number) = self.by_id.get(&(place.chunk, id)) {
            return *number as usize;
        }
        let items = parts[place.part].chunks[place.in_part].items();
        let (item, hash) = (items.name(id), items.hash(id));
        let number = self.list.len();
        let mut known = SmallVec::new();
        let mut chunk_number = 0;
        for part in parts {
            let mut own = InPart::default();
            for chunk in part.chunks {
                let id = if chunk_number == place.chunk { Some(id) } else { chunk.item_by_hash(item, hash) };
                if let Some(id) = id {
                    own.shared.observations += u64::from(chunk.items().observations(id));
                    self.by_id.insert((chunk_number, id), number as u32);
                }
                chunk_number += 1;
            }
            known.push(own);
        }
        self.list.push(Candidate {
            item,
            hash,
            parts: known,
            is_finished: false,
            unit: usize::MAX,
            count: 0,
        });
        number
    }
}

/// A chunk of a search.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The part.
    pub part: usize,
    /// The chunk's number in the part.
    pub in_part: usize,
    /// The chunk's number over all parts.
    pub chunk: u32,
}

/// Mixes ids: they are given by the chunks, so nobody chooses them.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, id: u32) {
        self.0 = (self.0.rotate_left(32) ^ u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}
