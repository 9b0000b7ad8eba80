//! Candidates: the items that share a bucket with a query, known by their ids in every chunk of the
//! window.

use super::chunk::Chunk;
use super::part::Part;
use super::score::{Scale, Shared, mean};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// An item that shares a bucket with the query. There may be a hundred thousand of them, so little
/// is kept of each; its name is looked up where it is needed.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// A chunk that has it, and its id there.
    place: Place,
    id: u32,
    /// Nothing of it is left to read: its score is known, or too low.
    pub is_finished: bool,
    /// The unit being read.
    pub unit: u32,
    /// The item's count in that unit so far.
    pub count: u64,
}

/// What is known of a candidate in one part of the search.
#[derive(Debug, Clone, Copy, Default)]
struct InPart {
    shared: Shared,
    /// How many bands it shares; where MINBANDS asks for one alone, 1 if any.
    bands: u16,
}

/// All candidates of a search, by their numbers.
pub struct Candidates<'s, 'a> {
    parts: &'s [Part<'a>],
    /// Of each part.
    scales: &'s [Scale],
    list: Vec<Candidate>,
    /// For each candidate, what is known of it in each part.
    known: Vec<InPart>,
    /// The bands that candidates share, by candidate and part; kept where MINBANDS asks for several.
    bands: HashMap<(usize, usize), Vec<u64>>,
    by_id: HashMap<(u32, u32), u32, BuildHasherDefault<IdHasher>>,
}

impl<'s, 'a> Candidates<'s, 'a> {
    /// None yet, with room for some.
    pub fn with_capacity(parts: &'s [Part<'a>], scales: &'s [Scale], expected: usize) -> Candidates<'s, 'a> {
        let by_id = HashMap::with_capacity_and_hasher(expected, BuildHasherDefault::default());
        Candidates { parts, scales, list: Vec::new(), known: Vec::new(), bands: HashMap::new(), by_id }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// A candidate, to change.
    pub fn get_mut(&mut self, number: usize) -> &mut Candidate {
        &mut self.list[number]
    }

    /// The candidate with an id in a chunk. At its first sight its ids in all chunks are noted, and
    /// its observations summed.
    pub fn number(&mut self, place: Place, id: u32) -> usize {
        if let Some(number) = self.by_id.get(&(place.chunk, id)) {
            return *number as usize;
        }
        let number = self.list.len();
        self.list.push(Candidate { place, id, is_finished: false, unit: u32::MAX, count: 0 });
        if let [Part { chunks: [chunk], .. }] = self.parts {
            let observations = chunk.items().observations(id).into();
            self.known.push(InPart { shared: Shared { sum: 0, observations }, bands: 0 });
            self.by_id.insert((place.chunk, id), number as u32);
        } else {
            self.find_everywhere(number);
        }
        number
    }

    /// Notes a candidate's ids in all chunks, and sums its observations.
    fn find_everywhere(&mut self, number: usize) {
        let (name, hash) = (self.name(number), self.hash(number));
        self.parts.iter().flat_map(|part| part.chunks).for_each(|chunk| chunk.items().touch(hash));
        let mut chunk_number = 0;
        for part in self.parts {
            let mut observations = 0;
            for chunk in part.chunks {
                if let Some(id) = chunk.item_by_hash(name, hash) {
                    observations += u64::from(chunk.items().observations(id));
                    self.by_id.insert((chunk_number, id), number as u32);
                }
                chunk_number += 1;
            }
            self.known.push(InPart { shared: Shared { sum: 0, observations }, bands: 0 });
        }
    }

    fn first_sight(&self, number: usize) -> (&'a Chunk, u32) {
        let Candidate { place, id, .. } = self.list[number];
        (self.parts[place.part].chunks[place.in_part], id)
    }

    /// The candidate's name.
    pub fn name(&self, number: usize) -> &'a [u8] {
        let (chunk, id) = self.first_sight(number);
        chunk.items().name(id)
    }

    /// The hash of the candidate's name.
    pub fn hash(&self, number: usize) -> u32 {
        let (chunk, id) = self.first_sight(number);
        chunk.items().hash(id)
    }

    fn known(&self, number: usize, part: usize) -> &InPart {
        &self.known[number * self.parts.len() + part]
    }

    /// Adds to what a candidate shares in a part: what `share` says for its observations there, in a
    /// band.
    pub fn share(&mut self, number: usize, part: usize, band: u16, share: impl FnOnce(u64) -> u128) {
        let known = &mut self.known[number * self.parts.len() + part];
        known.shared.sum += share(known.shared.observations);
        if self.parts[part].min_bands <= 1 {
            known.bands = 1;
            return;
        }
        let seen = self.bands.entry((number, part)).or_default();
        let (word, bit) = (usize::from(band) / 64, 1u64 << (band % 64));
        if seen.len() <= word {
            seen.resize(word + 1, 0);
        }
        known.bands += u16::from(seen[word] & bit == 0);
        seen[word] |= bit;
    }

    /// Whether a candidate shares as many bands as it must, in at least one part.
    pub fn is_admitted(&self, number: usize) -> bool {
        self.parts.iter().enumerate().any(|(at, part)| self.known(number, at).bands >= part.min_bands)
    }

    /// A candidate's observations in the window, over all parts.
    pub fn observations(&self, number: usize) -> u64 {
        (0..self.parts.len()).map(|part| self.known(number, part).shared.observations).sum()
    }

    /// Whether either side has data in a part.
    fn counts_in(&self, number: usize, at: usize) -> bool {
        self.scales[at].query > 0 || self.known(number, at).shared.observations > 0
    }

    /// What was read so far of what a candidate shares in a part.
    pub fn shared(&self, number: usize, at: usize) -> &Shared {
        &self.known(number, at).shared
    }

    /// The same; `None` where a side has no data.
    fn shared_data(&self, number: usize, at: usize) -> Option<&Shared> {
        let shared = self.shared(number, at);
        (shared.observations > 0 && self.scales[at].query > 0).then_some(shared)
    }

    /// The score in a part; `None` where neither side has data, 0 where only one side has.
    pub fn part_score(&self, number: usize, at: usize) -> Option<f64> {
        let of = |shared| self.scales[at].of(shared);
        self.counts_in(number, at).then(|| self.shared_data(number, at).map_or(0.0, of))
    }

    /// The mean of the scores of the parts where either side has data, of what was read so far.
    pub fn score(&self, number: usize) -> f64 {
        if self.scales.len() == 1 {
            return self.part_score(number, 0).unwrap_or(0.0);
        }
        let counted = (0..self.scales.len()).filter(|at| self.counts_in(number, *at));
        mean(counted.map(|at| self.shared_data(number, at).map_or(0, |shared| self.scales[at].fixed(shared))))
    }

    /// How many parts count for a candidate.
    pub fn divisor(&self, number: usize) -> usize {
        (0..self.parts.len()).filter(|at| self.counts_in(number, *at)).count().max(1)
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
