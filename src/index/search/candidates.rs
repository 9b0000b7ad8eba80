//! The candidates of a search, and an accumulator for each in every index.
//!
//! Postings are not scored as they are read. They wait as hits ([`Candidates::push_hit`]), and are then processed in
//! passes. A pass does one kind of random access for many hits in a row, so that its cache misses overlap:
//!
//! ```text
//! 1. tally_pending          find or make the candidate of each hit,     a look-up by name for each new (chunk, id)
//!                           sum its counts in the same query bucket
//! 2. resolve                find each new candidate in all chunks       a look-up by name for each chunk
//! 3. accumulate             turn each count into a part of the score    by now the observations are known
//! ```
//!
//! A hot bucket makes a hundred thousand candidates, so little is kept of each: a name, for instance, stays in its
//! chunk and is read where it is needed. The queried item itself is the first candidate, if it is one; its postings
//! are never pushed.

use super::cost::{self, Budget};
use super::glob::Glob;
use super::query::{IndexQuery, SearchChunk};
use super::rank::RankedCandidate;
use super::recent::RecentCandidates;
use super::score::{ScoreMode, Scorer, SharedSum, mean};
use crate::index::chunk::buckets::Posting;
use crate::index::chunk::hash::spread;
use crate::index::memory::MAX_ALIGN;
use crate::index::memory::select::select_branchless;
use hashbrown::HashTable;
use std::collections::HashMap;

/// A posting that was read.
#[derive(Debug, Clone, Copy)]
pub struct PostingHit {
    /// The number of the query bucket.
    pub bucket: u32,
    /// The number of the chunk.
    pub chunk: u32,
    /// The posting.
    pub posting: Posting,
}

/// A candidate's count in a query bucket, over all chunks.
#[derive(Debug, Clone, Copy)]
pub struct CandidateCount {
    /// The number of the candidate.
    pub candidate: u32,
    /// The number of the query bucket.
    pub bucket: u32,
    /// The count.
    pub count: u64,
}

/// An item that shares a bucket with the query.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// The first chunk that is known to have the item, and its id there. For a resolved candidate, the first of all.
    chunk: u32,
    id: u32,
    /// The hash of its name.
    hash: u32,
    /// The position in `counts` of its last [`CandidateCount`]; [`NO_COUNT`] before the first.
    last_count: u32,
    /// The chunks whose observations of it are in its accumulator: a bit for each of the first 64.
    counted_chunks: u64,
    /// No more hits are counted: its score is complete, or it was given up, or its name does not match the pattern.
    is_finished: bool,
}

/// No count has this number.
const NO_COUNT: u32 = u32::MAX;

impl Candidate {
    fn name<'a>(&self, chunks: &[SearchChunk<'a>]) -> &'a [u8] {
        chunks[self.chunk as usize].chunk.items().name(self.id)
    }

    /// Notes that a chunk has the item.
    fn note_chunk(&mut self, chunk: u32, id: u32) {
        if chunk < self.chunk {
            (self.chunk, self.id) = (chunk, id);
        }
    }
}

/// The state of a candidate in one index. Packed to 8 bytes, because the memory of an index does not give the 16
/// that a `u128` is aligned to: see [`MAX_ALIGN`].
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, packed(8))]
struct Accumulator {
    /// The sum of its contributions, as in [`SharedSum`].
    sum: u128,
    observations: u64,
    /// The number of bands it shares; if MINBANDS asks for one only, 1 if it shares any.
    shared_bands: u16,
}

const _: () = assert!(align_of::<Accumulator>() <= MAX_ALIGN);

/// Hits, or candidates, that go through a pass together: 64 or 128 KiB of records, which stay in the second-level cache.
const PER_PASS: usize = 1 << 12;

/// All candidates of a search, by number in the order in which they were met.
pub struct Candidates<'s, 'a> {
    queries: &'s [IndexQuery<'a>],
    /// One for each query.
    scorers: &'s [Scorer],
    /// The chunks of all queries.
    chunks: &'s [SearchChunk<'a>],
    list: Vec<Candidate>,
    /// One for each candidate and query: those of a candidate are side by side.
    accumulators: Vec<Accumulator>,
    /// Hits that wait for [`Self::tally_pending`].
    pending: Vec<PostingHit>,
    /// Counts that wait to be scored.
    counts: Vec<CandidateCount>,
    /// The bands that a candidate shares with a query, a bit for each; only if MINBANDS asks for several.
    band_sets: HashMap<(usize, usize), Vec<u64>>,
    /// The numbers of candidates, found by the hash of their names.
    by_name: HashTable<u32>,
    recent: RecentCandidates,
    /// The candidates below this number are resolved: their accumulators include the observations of every chunk.
    resolved: usize,
    /// The pattern that names must match.
    pattern: Option<&'s Glob>,
    /// What may be spent on matching names, in postings.
    match_allowance: u64,
    /// What was spent on matching names since the last [`Self::resolve_cost`].
    match_cost: u64,
}

impl<'s, 'a> Candidates<'s, 'a> {
    /// No candidates yet, with memory for some.
    pub fn with_capacity(
        queries: &'s [IndexQuery<'a>],
        scorers: &'s [Scorer],
        chunks: &'s [SearchChunk<'a>],
        expected: usize,
        pattern: Option<&'s Glob>,
        budget: &Budget,
    ) -> Candidates<'s, 'a> {
        debug_assert_eq!(queries.len(), scorers.len());
        Candidates {
            queries,
            scorers,
            chunks,
            list: Vec::with_capacity(expected),
            accumulators: Vec::with_capacity(expected * queries.len()),
            pending: Vec::with_capacity(expected.min(PER_PASS)),
            counts: Vec::with_capacity(expected),
            band_sets: HashMap::new(),
            by_name: HashTable::with_capacity(expected),
            recent: RecentCandidates::with_capacity(expected),
            resolved: 0,
            pattern,
            match_allowance: budget.left,
            match_cost: 0,
        }
    }

    /// The number of candidates, without those of pending hits.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    // Noting what was read.

    /// Adds the queried item itself, finished, with all that it shares with itself. It must come first.
    pub fn add_self(&mut self) {
        debug_assert!(self.list.is_empty());
        // The same item is queried in all indexes, so any chunk that has it will do.
        let located = (0..).zip(self.chunks).find_map(|(number, chunk)| Some((number, chunk.self_id?)));
        let Some((chunk, id)) = located else { return };
        let items = self.chunks[chunk as usize].chunk.items();
        if !self.matches(items.name(id)) {
            return;
        }
        let hash = items.hash(id);
        let last_count = NO_COUNT;
        self.list.push(Candidate { chunk, id, hash, last_count, counted_chunks: 0, is_finished: true });
        // In each index it has the query's own counts, in every bucket, and so shares every band; and it looks exactly like
        // the query, unless nothing is known of that.
        self.accumulators.extend(self.queries.iter().zip(self.scorers).map(|(query, scorer)| {
            let observations = query.profile.observations();
            if scorer.mode == ScoreMode::Jaccard {
                let agreeing = query.sketch.map_or(0, <[u8]>::len) as u128;
                let shared_bands = if agreeing > 0 { scorer.bands } else { 0 };
                return Accumulator { sum: agreeing, observations, shared_bands };
            }
            let frequencies = query.profile.frequencies().iter();
            let contributions = frequencies
                .map(|frequency| scorer.contribution(frequency.count, frequency.count, observations));
            let shared_bands = if observations > 0 { scorer.bands } else { 0 };
            Accumulator { sum: contributions.sum(), observations, shared_bands }
        }));
        // Its observations are the query's, so there is nothing to resolve.
        self.resolved = 1;
    }

    /// Adds an item that is in a chunk under this id, unless it is a candidate already. There must be no pending hits.
    pub fn add(&mut self, chunk: u32, id: u32) {
        debug_assert!(self.pending.is_empty());
        let number = self.find_or_add(chunk, id);
        self.add_observations(number, chunk, id);
    }

    /// Notes a posting that was read. All hits of an item in one query bucket must be pushed before the next
    /// [`Self::take_counts`], with no hit of that item in another bucket between them: otherwise its count would be scored
    /// in two halves, which OVERLAP would overstate.
    pub fn push_hit(&mut self, hit: PostingHit) {
        if self.pending.len() == PER_PASS {
            self.tally_pending();
        }
        self.pending.push(hit);
    }

    /// Turns pending hits into candidates and their counts.
    pub fn tally_pending(&mut self) {
        // Taken out for the loop, because each step borrows all candidates.
        let mut pending = std::mem::take(&mut self.pending);
        pending.iter().for_each(|hit| self.tally(hit));
        pending.clear();
        self.pending = pending; // keeps its allocation
    }

    /// The cost of resolving and scoring the candidates that came since the last time: noting each, looking for it in
    /// all chunks, and scoring it in all indexes; and of matching names. There must be no pending hits.
    pub fn resolve_cost(&mut self) -> u64 {
        debug_assert!(self.pending.is_empty());
        let new = (self.list.len() - self.resolved) as u64;
        new * cost::of_candidate(self.queries.len(), self.chunks.len()) + std::mem::take(&mut self.match_cost)
    }

    /// True if an item of this name may be a result. Once matching has cost more than a command may, no name is looked at
    /// any more: the search will end at the next [`Self::resolve_cost`].
    fn matches(&mut self, name: &[u8]) -> bool {
        let Some(pattern) = self.pattern else { return true };
        self.match_cost += pattern.cost(name);
        self.match_cost <= self.match_allowance && pattern.matches(name)
    }

    /// Takes the counts of all hits that were tallied.
    pub fn take_counts(&mut self) -> Vec<CandidateCount> {
        debug_assert!(self.pending.is_empty());
        std::mem::take(&mut self.counts)
    }

    fn tally(&mut self, hit: &PostingHit) {
        let PostingHit { chunk, posting, .. } = *hit;
        // Which candidate? Most hits are of an item that was met a moment ago in the same chunk. For a (chunk, id) that is
        // new, its observations there are at hand now: its record has just been read for the hash.
        let number = self.recent.get(chunk, posting.item).unwrap_or_else(|| {
            let number = self.find_or_add(chunk, posting.item);
            self.add_observations(number, chunk, posting.item);
            self.recent.insert(chunk, posting.item, number);
            number
        });
        let Candidate { is_finished, last_count, .. } = &mut self.list[number as usize];
        if *is_finished {
            return;
        }
        // The hits of a bucket come together, so if the candidate has a count in this bucket, it is its last one. That number
        // may be stale: `take_counts` empties `counts`, and then it points past the end, or at another candidate's entry.
        // Hence the comparison.
        let count = u64::from(posting.count);
        match self.counts.get_mut(*last_count as usize) {
            // A further chunk of the same bucket.
            Some(last) if (last.candidate, last.bucket) == (number, hit.bucket) => last.count += count,
            _ => {
                *last_count = self.counts.len() as u32;
                self.counts.push(CandidateCount { candidate: number, bucket: hit.bucket, count });
            }
        }
    }

    /// The number of the item with this id in a chunk; a new candidate if it has none.
    fn find_or_add(&mut self, chunk: u32, id: u32) -> u32 {
        let (list, chunks) = (&self.list, self.chunks);
        let items = chunks[chunk as usize].chunk.items();
        let hash = items.hash(id);
        let is_same_item = |number: &u32| {
            let candidate = &list[*number as usize];
            if candidate.chunk == chunk {
                candidate.id == id // ids are unique in a chunk: no name has to be read
            } else {
                candidate.hash == hash && candidate.name(chunks) == items.name(id)
            }
        };
        if let Some(number) = self.by_name.find(spread(hash), is_same_item) {
            return *number;
        }
        // A new candidate, known by this chunk: from here its name is read. Its accumulators are empty, and stay so if its
        // name does not match: then it shares no band, and does not qualify.
        let is_finished = !self.matches(items.name(id));
        let list = &mut self.list;
        let number = list.len() as u32;
        self.by_name.insert_unique(spread(hash), number, |number| spread(list[*number as usize].hash));
        let last_count = NO_COUNT;
        list.push(Candidate { chunk, id, hash, last_count, counted_chunks: 0, is_finished });
        self.accumulators.extend(std::iter::repeat_n(Accumulator::default(), self.queries.len()));
        number
    }

    /// Adds an unresolved candidate's observations in one chunk, once.
    fn add_observations(&mut self, number: u32, chunk: u32, id: u32) {
        let SearchChunk { query, chunk: source, .. } = self.chunks[chunk as usize];
        // The bit says whether this chunk was added; it may come again, because the cache of recent candidates forgets. A
        // chunk past the first 64 has no bit, so the test fails and `resolve` adds it. With `== 0` such a chunk
        // would be added here as well.
        let candidate = &mut self.list[number as usize];
        candidate.note_chunk(chunk, id);
        let Candidate { counted_chunks, .. } = candidate;
        if number as usize >= self.resolved && *counted_chunks & chunk_bit(chunk) != chunk_bit(chunk) {
            *counted_chunks |= chunk_bit(chunk);
            let accumulator = &mut self.accumulators[number as usize * self.queries.len() + query];
            accumulator.observations += u64::from(source.items().observations(id));
        }
    }

    /// Resolves the candidates that came since the last time: looks for them in the chunks where no posting of theirs was
    /// read, and adds their observations there.
    pub fn resolve(&mut self) {
        let (list, query_count) = (&mut self.list, self.queries.len());
        // One pass of candidates at a time, and within it chunk by chunk: the candidates' records stay in the cache while
        // one chunk's table after another is probed.
        let mut scratch = vec![0; PER_PASS.min(list.len() - self.resolved)];
        for first in (self.resolved..list.len()).step_by(PER_PASS) {
            let pass = first..list.len().min(first + PER_PASS);
            for (chunk_number, SearchChunk { query, chunk, .. }) in (0..).zip(self.chunks) {
                let (items, bit) = (chunk.items(), chunk_bit(chunk_number));
                // First the tags: one byte for each candidate says whether the chunk may have it, and rules out nearly all.
                // `&` instead of `&&` keeps this free of branches, so that the reads of the tags overlap.
                let may_be_there = pass.clone().zip(&list[pass.clone()]).map(|(number, candidate)| {
                    (number, (candidate.counted_chunks & bit == 0) & items.may_have(candidate.hash))
                });
                // Then the few that may be there, in full.
                for number in select_branchless(may_be_there, &mut scratch) {
                    let candidate = &mut list[*number];
                    if let Some(id) = items.find(candidate.name(self.chunks), candidate.hash) {
                        candidate.note_chunk(chunk_number, id);
                        let accumulator = &mut self.accumulators[number * query_count + query];
                        accumulator.observations += u64::from(items.observations(id));
                    }
                }
            }
        }
        self.resolved = self.list.len();
    }

    /// Adds the contribution of one bucket, which is in `band`, to a candidate's accumulator. `contribution` computes it
    /// from the candidate's observations in the index. The candidate must be resolved.
    pub fn accumulate(
        &mut self,
        number: usize,
        query: usize,
        band: u16,
        contribution: impl FnOnce(u64) -> u128,
    ) {
        debug_assert!(number < self.resolved, "its observations must be known");
        // The order of additions does not matter: they are integers.
        let accumulator = &mut self.accumulators[number * self.queries.len() + query];
        accumulator.sum += contribution(accumulator.observations);
        // One band is enough, nearly always: then there is no need to remember which.
        if self.queries[query].min_bands <= 1 {
            accumulator.shared_bands = 1;
            return;
        }
        // A band may have several shared buckets, and counts once.
        let bands = self.band_sets.entry((number, query)).or_default();
        let (word, bit) = (usize::from(band) / 64, 1u64 << (band % 64));
        if bands.len() <= word {
            bands.resize(word + 1, 0);
        }
        accumulator.shared_bands += u16::from(bands[word] & bit == 0);
        bands[word] |= bit;
    }

    /// Sets what a candidate has in common with a query by its sketch: the slots that agree, and the bands it shares.
    pub fn set_agreement(&mut self, number: usize, query: usize, agreeing: usize, shared_bands: u16) {
        let accumulator = &mut self.accumulators[number * self.queries.len() + query];
        (accumulator.sum, accumulator.shared_bands) = (agreeing as u128, shared_bands);
    }

    /// Marks a candidate as finished: later hits of it are ignored.
    pub fn mark_finished(&mut self, number: usize) {
        self.list[number].is_finished = true;
    }

    // Reading what is known.

    /// True if a candidate is marked as finished.
    pub fn is_finished(&self, number: usize) -> bool {
        self.list[number].is_finished
    }

    /// The candidate's name.
    pub fn name(&self, number: usize) -> &'a [u8] {
        self.list[number].name(self.chunks)
    }

    /// The hash of the candidate's name.
    pub fn hash(&self, number: usize) -> u32 {
        self.list[number].hash
    }

    fn accumulator(&self, number: usize, query: usize) -> &Accumulator {
        &self.accumulators[number * self.queries.len() + query]
    }

    /// The candidates from `first` on that qualify: they share enough bands with at least one query.
    pub fn qualifying_from(&self, first: usize) -> impl Iterator<Item = usize> {
        let by_candidate = self.accumulators.chunks_exact(self.queries.len().max(1)).enumerate().skip(first);
        let qualifies =
            |(accumulator, query): (&Accumulator, &IndexQuery)| accumulator.shared_bands >= query.min_bands;
        by_candidate
            .filter(move |(_, accumulators)| accumulators.iter().zip(self.queries).any(qualifies))
            .map(|(number, _)| number)
    }

    /// A candidate's observations in the window, over all indexes.
    pub fn observations(&self, number: usize) -> u64 {
        (0..self.queries.len()).map(|query| self.accumulator(number, query).observations).sum()
    }

    /// A candidate with what it is ranked by. It must be resolved.
    pub fn ranked(&self, number: usize) -> RankedCandidate {
        let Candidate { chunk, id, .. } = self.list[number];
        let first_seen = (chunk, self.chunks[chunk as usize].chunk.items().arrival(id));
        let (score, observations) = (self.score(number), self.observations(number));
        RankedCandidate { number, score, observations, first_seen }
    }

    /// The sum and the observations accumulated for a candidate in one index.
    pub fn accumulated(&self, number: usize, query: usize) -> SharedSum {
        let Accumulator { sum, observations, .. } = *self.accumulator(number, query);
        SharedSum { sum, observations }
    }

    /// True if an index counts for a candidate's score: the query or the candidate has data there.
    fn is_scored(&self, number: usize, query: usize) -> bool {
        self.scorers[query].query_observations > 0 || self.accumulator(number, query).observations > 0
    }

    /// The same; `None` unless both sides have data there.
    fn comparable(&self, number: usize, query: usize) -> Option<SharedSum> {
        let shared = self.accumulated(number, query);
        (shared.observations > 0 && self.scorers[query].query_observations > 0).then_some(shared)
    }

    /// The score in one index: `None` if neither side has data there, 0 if only one side has.
    pub fn score_in(&self, number: usize, query: usize) -> Option<f64> {
        let score = |shared| self.scorers[query].score(&shared);
        self.is_scored(number, query).then(|| self.comparable(number, query).map_or(0.0, score))
    }

    /// The score by what has been accumulated: the mean over the indexes where either side has data.
    pub fn score(&self, number: usize) -> f64 {
        // Nearly always there is one index, and its score is rounded once. `mean` of this one score is the same for
        // SIGNIFICANCE; for the other modes it may differ in the last bits, because it keeps 80 binary digits.
        if let [scorer] = self.scorers {
            return self.comparable(number, 0).map_or(0.0, |shared| scorer.score(&shared));
        }
        // An index where only one side has data counts as 0; where neither has, it does not count.
        let with_data = (0..self.scorers.len()).filter(|query| self.is_scored(number, *query));
        mean(with_data.map(|query| {
            let shared = self.comparable(number, query);
            shared.map_or(0, |shared| self.scorers[query].score_fixed_point(&shared))
        }))
    }

    /// The number of indexes that a candidate's score is the mean of.
    pub fn scored_indexes(&self, number: usize) -> usize {
        (0..self.queries.len()).filter(|query| self.is_scored(number, *query)).count().max(1)
    }
}

/// A chunk's bit in [`Candidate::counted_chunks`]. Those past the first 64 have none: a candidate's observations
/// there are not added when it is met, but by [`Candidates::resolve`], which looks it up.
fn chunk_bit(chunk: u32) -> u64 {
    1u64.checked_shl(chunk).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_the_first_chunks_have_a_bit() {
        let bits = [0, 63, 64, 1_000].map(super::chunk_bit);
        assert_eq!(bits, [1, 1 << 63, 0, 0]);
    }
}
