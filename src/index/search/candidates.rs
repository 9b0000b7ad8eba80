//! Candidates: the items that share a bucket with a query, known by the hash of their names in every
//! chunk of the window.

use super::profile::Frequency;
use super::query::IndexQuery;
use super::score::{Scorer, SharedSum, mean};
use crate::index::chunk::Chunk;
use crate::index::chunk::buckets::Posting;
use crate::index::chunk::hash::{self, spread};
use crate::index::memory::select::select_branchless;
use hashbrown::HashTable;
use std::collections::HashMap;

/// An item that shares a bucket with the query. There may be a hundred thousand of them, so little
/// is kept of each; its name is looked up where it is needed.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// A chunk that has it, and its id there.
    chunk: u32,
    id: u32,
    hash: u32,
    /// The last of its tallies, if it has any.
    tally: u32,
    /// The chunks whose observations of it are counted, a bit for each of the first 64.
    counted: u64,
    /// Nothing of it is left to read: its score is known, or too low.
    is_finished: bool,
}

impl Candidate {
    fn name<'a>(&self, chunks: &[Place<'a>]) -> &'a [u8] {
        chunks[self.chunk as usize].chunk.items().name(self.id)
    }
}

/// What is known of a candidate in one part of the search. Packed, because what is aligned to more
/// than 8 bytes does not come from the server's allocator.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, packed(8))]
struct InPart {
    /// As in [`SharedSum`].
    sum: u128,
    observations: u64,
    /// How many bands it shares; where MINBANDS asks for one alone, 1 if any.
    bands: u16,
}

/// A chunk of a search.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The number of its part.
    pub part: usize,
    /// The chunk.
    pub chunk: &'a Chunk,
    /// The id of the item that asks.
    pub own: Option<u32>,
}

/// A posting that was read.
#[derive(Debug, Clone, Copy)]
pub struct Met {
    /// The number of the unit.
    pub unit: u32,
    /// The number of the chunk.
    pub chunk: u32,
    /// The posting.
    pub posting: Posting,
}

/// Postings that are looked at together, in passes: the reads of a pass do not depend on each other, so
/// they wait for memory together.
const TOGETHER: usize = 1 << 12;

/// What it costs to note a candidate, in postings.
const NEW: usize = 3;

/// A candidate's count in a unit, over all chunks.
#[derive(Debug, Clone, Copy)]
pub struct Tally {
    /// The number of the candidate.
    pub candidate: u32,
    /// The number of the unit.
    pub unit: u32,
    /// The count.
    pub count: u64,
}

/// All candidates of a search, by their numbers.
pub struct Candidates<'s, 'a> {
    parts: &'s [IndexQuery<'a>],
    /// Of each part.
    scales: &'s [Scorer],
    /// The chunks of all parts.
    chunks: &'s [Place<'a>],
    list: Vec<Candidate>,
    /// For each candidate, what is known of it in each part.
    known: Vec<InPart>,
    /// Postings that were read, but not looked at.
    met: Vec<Met>,
    /// Counts that were read, but are not shared yet.
    tallies: Vec<Tally>,
    /// The bands that candidates share, by candidate and part; kept where MINBANDS asks for several.
    bands: HashMap<(usize, usize), Vec<u64>>,
    /// The numbers of the candidates, by the hash of their names.
    by_hash: HashTable<u32>,
    /// Candidates that were met lately: what shares a bucket with the query mostly shares more.
    lately: Lately,
    /// The observations of so many, the first, are counted in all chunks.
    complete: usize,
}

impl<'s, 'a> Candidates<'s, 'a> {
    /// None yet, with room for some.
    pub fn with_capacity(
        parts: &'s [IndexQuery<'a>],
        scales: &'s [Scorer],
        chunks: &'s [Place<'a>],
        expected: usize,
    ) -> Candidates<'s, 'a> {
        Candidates {
            parts,
            scales,
            chunks,
            list: Vec::with_capacity(expected),
            known: Vec::with_capacity(expected * parts.len()),
            met: Vec::with_capacity(expected.min(TOGETHER)),
            tallies: Vec::with_capacity(expected),
            bands: HashMap::new(),
            by_hash: HashTable::with_capacity(expected),
            lately: Lately::with_capacity(expected),
            complete: 0,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds the item that asks, first of all, with all that it shares with itself.
    pub fn add_own(&mut self) {
        let own = |(chunk, place): (u32, &Place)| Some((chunk, place.own?));
        let Some((chunk, id)) = (0..).zip(self.chunks).find_map(own) else { return };
        let hash = self.chunks[chunk as usize].chunk.items().hash(id);
        self.list.push(Candidate { chunk, id, hash, tally: u32::MAX, counted: 0, is_finished: true });
        self.known.extend(self.parts.iter().zip(self.scales).map(|(part, scale)| {
            let observations = part.query.observations();
            let share = |frequency: &Frequency| scale.part(frequency.count, frequency.count, observations);
            let bands = if observations > 0 { scale.bands } else { 0 };
            InPart { sum: part.query.frequencies().iter().map(share).sum(), observations, bands }
        }));
        self.complete = 1;
    }

    /// Notes a posting. Those of one unit must come one after the other.
    pub fn meet(&mut self, met: Met) {
        if self.met.len() == TOGETHER {
            self.tally_all();
        }
        self.met.push(met);
    }

    /// What it costs to note the new candidates, to look for them in all chunks, and to score them in all
    /// parts.
    pub fn look_ups(&mut self) -> u64 {
        self.tally_all();
        let new = self.list.len() - self.complete;
        (new * (NEW + self.parts.len() + self.chunks.len())) as u64
    }

    /// Takes the counts of all that was noted. From here on, what is asked of a candidate is known.
    pub fn take_tallies(&mut self) -> Vec<Tally> {
        self.tally_all();
        self.count_all_observations();
        std::mem::take(&mut self.tallies)
    }

    /// Adds up the postings that were noted.
    fn tally_all(&mut self) {
        let mut all = std::mem::take(&mut self.met);
        all.iter().for_each(|met| self.tally(met));
        all.clear();
        self.met = all;
    }

    fn tally(&mut self, met: &Met) {
        let (chunk, id) = (met.chunk, met.posting.item);
        let candidate = self.lately.number(chunk, id).unwrap_or_else(|| {
            let number = self.number(chunk, id);
            self.count_observations(number, chunk, id);
            self.lately.add(chunk, id, number);
            number
        });
        let Candidate { is_finished, tally, .. } = &mut self.list[candidate as usize];
        let count = u64::from(met.posting.count);
        match self.tallies.get_mut(*tally as usize) {
            _ if *is_finished => {}
            Some(last) if (last.candidate, last.unit) == (candidate, met.unit) => last.count += count,
            _ => {
                *tally = self.tallies.len() as u32;
                self.tallies.push(Tally { candidate, unit: met.unit, count });
            }
        }
    }

    /// The candidate with an id in a chunk, an old one or a new one.
    fn number(&mut self, chunk: u32, id: u32) -> u32 {
        let (list, chunks) = (&mut self.list, self.chunks);
        let items = chunks[chunk as usize].chunk.items();
        let hash = items.hash(id);
        let is = |number: &u32| {
            let candidate = &list[*number as usize];
            if candidate.chunk == chunk {
                candidate.id == id
            } else {
                candidate.hash == hash && candidate.name(chunks) == items.name(id)
            }
        };
        if let Some(number) = self.by_hash.find(spread(hash), is) {
            return *number;
        }
        let number = list.len() as u32;
        self.by_hash.insert_unique(spread(hash), number, |number| spread(list[*number as usize].hash));
        list.push(Candidate { chunk, id, hash, tally: u32::MAX, counted: 0, is_finished: false });
        self.known.extend(std::iter::repeat_n(InPart::default(), self.parts.len()));
        number
    }

    /// Adds a candidate's observations in a chunk, unless that was done.
    fn count_observations(&mut self, candidate: u32, chunk: u32, id: u32) {
        let Place { part, chunk: of, .. } = self.chunks[chunk as usize];
        let Candidate { counted, .. } = &mut self.list[candidate as usize];
        if candidate as usize >= self.complete && *counted & bit(chunk) != bit(chunk) {
            *counted |= bit(chunk);
            let known = &mut self.known[candidate as usize * self.parts.len() + part];
            known.observations += u64::from(of.items().observations(id));
        }
    }

    /// Adds the observations of new candidates in all chunks where they were not met.
    fn count_all_observations(&mut self) {
        let (list, parts) = (&self.list, self.parts.len());
        let mut room = vec![0; TOGETHER.min(list.len() - self.complete)];
        for first in (self.complete..list.len()).step_by(TOGETHER) {
            let new = first..list.len().min(first + TOGETHER);
            for (chunk, place) in (0..).zip(self.chunks) {
                let (items, bit) = (place.chunk.items(), bit(chunk));
                let new = new.clone().zip(&list[new.clone()]);
                let may_be = |(number, of): (usize, &Candidate)| {
                    (number, (of.counted & bit == 0) & items.may_have(of.hash))
                };
                for number in select_branchless(new.map(may_be), &mut room) {
                    let of = &list[*number];
                    if let Some(id) = items.find(of.name(self.chunks), of.hash) {
                        let known = &mut self.known[number * parts + place.part];
                        known.observations += u64::from(items.observations(id));
                    }
                }
            }
        }
        self.complete = self.list.len();
    }

    /// Marks a candidate as one of which nothing is left to read; whether it has been.
    pub fn finish(&mut self, number: usize) -> bool {
        std::mem::replace(&mut self.list[number].is_finished, true)
    }

    /// The candidate's name.
    pub fn name(&self, number: usize) -> &'a [u8] {
        self.list[number].name(self.chunks)
    }

    /// The hash of the candidate's name.
    pub fn hash(&self, number: usize) -> u32 {
        self.list[number].hash
    }

    fn known(&self, number: usize, part: usize) -> &InPart {
        &self.known[number * self.parts.len() + part]
    }

    /// Adds to what a candidate shares in a part: what `share` says for its observations there, in a
    /// band.
    pub fn share(&mut self, number: usize, part: usize, band: u16, share: impl FnOnce(u64) -> u128) {
        let known = &mut self.known[number * self.parts.len() + part];
        known.sum += share(known.observations);
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

    /// The candidates from a number on that share as many bands as they must, in at least one part.
    pub fn admitted_from(&self, first: usize) -> impl Iterator<Item = usize> {
        let of_parts = self.known.chunks_exact(self.parts.len().max(1)).enumerate().skip(first);
        let is_admitted = |(known, part): (&InPart, &IndexQuery)| known.bands >= part.min_bands;
        of_parts.filter(move |(_, of)| of.iter().zip(self.parts).any(is_admitted)).map(|(number, _)| number)
    }

    /// A candidate's observations in the window, over all parts.
    pub fn observations(&self, number: usize) -> u64 {
        (0..self.parts.len()).map(|part| self.known(number, part).observations).sum()
    }

    /// Whether either side has data in a part.
    fn counts_in(&self, number: usize, at: usize) -> bool {
        self.scales[at].query > 0 || self.known(number, at).observations > 0
    }

    /// What was read so far of what a candidate shares in a part.
    pub fn shared(&self, number: usize, at: usize) -> SharedSum {
        let InPart { sum, observations, .. } = *self.known(number, at);
        SharedSum { sum, observations }
    }

    /// The same; `None` where a side has no data.
    fn shared_data(&self, number: usize, at: usize) -> Option<SharedSum> {
        let shared = self.shared(number, at);
        (shared.observations > 0 && self.scales[at].query > 0).then_some(shared)
    }

    /// The score in a part; `None` where neither side has data, 0 where only one side has.
    pub fn part_score(&self, number: usize, at: usize) -> Option<f64> {
        let of = |shared| self.scales[at].of(&shared);
        self.counts_in(number, at).then(|| self.shared_data(number, at).map_or(0.0, of))
    }

    /// The mean of the scores of the parts where either side has data, of what was read so far.
    pub fn score(&self, number: usize) -> f64 {
        if let [scale] = self.scales {
            return self.shared_data(number, 0).map_or(0.0, |shared| scale.of(&shared));
        }
        let counted = (0..self.scales.len()).filter(|at| self.counts_in(number, *at));
        let fixed =
            |at: usize| self.shared_data(number, at).map_or(0, |shared| self.scales[at].fixed(&shared));
        mean(counted.map(fixed))
    }

    /// How many parts count for a candidate.
    pub fn divisor(&self, number: usize) -> usize {
        (0..self.parts.len()).filter(|at| self.counts_in(number, *at)).count().max(1)
    }
}

/// The numbers of some candidates, by a chunk and their ids there. Each has one slot where it can be, so
/// that it is soon found or not.
struct Lately {
    /// Chunk, id and number.
    slots: Vec<(u32, u32, u32)>,
}

impl Lately {
    /// Slots at most.
    const MOST: usize = 1_024;

    /// None yet, of so many that are expected.
    fn with_capacity(expected: usize) -> Lately {
        Lately { slots: vec![(u32::MAX, 0, 0); expected.clamp(1, Lately::MOST).next_power_of_two()] }
    }

    fn slot(&self, chunk: u32, id: u32) -> usize {
        hash::id(id.wrapping_add(chunk << 16)) as usize & (self.slots.len() - 1)
    }

    fn number(&self, chunk: u32, id: u32) -> Option<u32> {
        let (of_chunk, of_id, number) = self.slots[self.slot(chunk, id)];
        ((of_chunk, of_id) == (chunk, id)).then_some(number)
    }

    fn add(&mut self, chunk: u32, id: u32, number: u32) {
        let slot = self.slot(chunk, id);
        self.slots[slot] = (chunk, id, number);
    }
}

/// A chunk's bit in [`Candidate::counted`]; none past the first 64, which are looked up again.
fn bit(chunk: u32) -> u64 {
    1u64.checked_shl(chunk).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_the_first_chunks_have_a_bit() {
        assert_eq!((super::bit(0), super::bit(63), super::bit(64), super::bit(1_000)), (1, 1 << 63, 0, 0));
    }
}
