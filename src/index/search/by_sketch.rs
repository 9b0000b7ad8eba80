//! Phase 2 of a search by JACCARD: comparing the sketch of each item that shares a bucket with the query.
//!
//! A shared bucket says nothing about the score: it only makes an item one to look at. So every member of the query's
//! buckets is looked at, once, and its sketch is compared with the query's. Most comparisons end after a few slots,
//! when it is certain that the item cannot reach the k-th best score, or MINSCORE. Only the others become candidates.
//! Copies mostly have sketches of one likeness, which are equal: then the first comparison counts for all.
//!
//! ```text
//! add the queried item itself, with score 1
//! look at items best first, as long as that can end the search       copies: k items of score 1
//! for each bucket, the shortest first:
//!     for each member that was not met before:
//!         compare its sketch; drop it if too few slots agree
//!         drop it if its score is that of the k-th best, and it would come after it
//!         else it becomes a candidate
//! ```
//!
//! The sketch of an item is that of the newest chunk that has one of it, and its score in an index is 0 if it or the
//! query has none there.

use super::best_first::BATCH;
use super::candidates::Candidates;
use super::cost::{self, Budget, TooManyPostings};
use super::locate::Search;
use super::met::MetItems;
use super::query::SearchChunk;
use super::rank::Ranking;
use super::similarity::{agreeing_for, count_agreeing, similarity};
use smallvec::SmallVec;

/// In how many slots sketches agree with the query's, by their chunk and likeness: a direct-mapped cache.
#[derive(Default)]
struct Agreements([Option<(u32, u32, Option<usize>)>; 16]);

impl Agreements {
    /// What `compare` returns, unless it is known from a sketch of this chunk and likeness: the number of slots in which it
    /// agrees, or `None` if these are too few. What was too few once must be too few later.
    #[inline]
    fn get_or_compare(
        &mut self,
        chunk: u32,
        likeness: Option<u32>,
        compare: impl FnOnce() -> Option<usize>,
    ) -> Option<usize> {
        let Some(likeness) = likeness else { return compare() };
        let known = &mut self.0[likeness as usize % self.0.len()];
        match *known {
            Some((of_chunk, of_likeness, agreeing)) if (of_chunk, of_likeness) == (chunk, likeness) => {
                agreeing
            }
            _ => {
                let agreeing = compare();
                *known = Some((chunk, likeness, agreeing));
                agreeing
            }
        }
    }
}

impl<'a> Search<'_, 'a> {
    /// Compares sketches until the result is certain. Candidates have their complete scores.
    pub fn collect_by_sketch(&self, budget: &mut Budget) -> Result<Candidates<'_, 'a>, TooManyPostings> {
        let mut candidates = self.new_candidates(BATCH, budget);
        if !self.options.exclude_self {
            candidates.add_self();
        }
        let mut ranking = self.rank_all(&candidates);
        let finish = |candidates: &mut Candidates<'_, 'a>, from: usize, budget: &mut Budget| {
            self.finish_by_sketch(candidates, from, budget)
        };

        // Copies: an item of score 1 has the query's sketch, and is most likely in all of its buckets, so also in the one
        // with the fewest members.
        let fewest = self.buckets.first().map_or(0, |bucket| bucket.posting_count); // sorted, if there is a limit
        if self.options.limit.is_some_and(|limit| fewest > BATCH.max(limit)) {
            let allowance = fewest / cost::POSTINGS_PER_SKETCH_LOOK;
            let mut agreements = Agreements::default();
            let is_copy = |chunk: u32, id: u32| {
                let query = self.chunks[chunk as usize].query;
                let slots = self.queries[query].sketch.map_or(0, <[u8]>::len);
                self.agreeing_slots(query, chunk, id, slots, &mut agreements).is_some()
            };
            let state = (&mut candidates, &mut ranking);
            if self.read_best_first(1.0, allowance, state, is_copy, finish, budget)? {
                return Ok(candidates);
            }
        }

        // Everything: the members of all buckets, each once.
        let meetings = self.buckets.iter().map(|bucket| bucket.posting_count).sum();
        let mut met = MetItems::new(meetings, self.chunks.iter().map(|chunk| chunk.chunk.items().end()));
        for (chunk, SearchChunk { self_id, .. }) in (0..).zip(&self.chunks) {
            met.insert_all(chunk, self_id.iter().copied(), |_| {});
        }
        let mut new_from = candidates.len();
        ranking.keep_best();
        let mut agreements = Agreements::default();
        let mut new = Vec::new(); // the members of a bucket that were not met before
        for bucket in &self.buckets {
            budget.take((bucket.posting_count / cost::REPEATS_PER_POSTING) as u64)?;
            budget.read += bucket.posting_count as u64;
            let mut needed = self.needed_slots(bucket.query, &ranking);
            for (chunk_number, SearchChunk { chunk, .. }, id) in self.locations(bucket) {
                new.clear();
                let members = chunk.postings(id).map(|posting| posting.item);
                met.insert_all(chunk_number, members, |item| new.push(item));
                budget.take((new.len() / cost::SKETCHES_PER_POSTING) as u64)?;
                for item in new.iter().copied() {
                    let agreeing =
                        self.agreeing_slots(bucket.query, chunk_number, item, needed, &mut agreements);
                    let Some(agreeing) = agreeing else { continue };
                    if !self.may_enter(agreeing, chunk_number, item, &ranking) {
                        continue;
                    }
                    candidates.add(chunk_number, item);
                    if candidates.len() - new_from >= BATCH.max(self.options.limit.unwrap_or(0)) {
                        self.finish_new(new_from, &mut candidates, &mut ranking, finish, budget)?;
                        ranking.keep_best();
                        new_from = candidates.len();
                        needed = self.needed_slots(bucket.query, &ranking);
                    }
                }
            }
        }
        self.finish_new(new_from, &mut candidates, &mut ranking, finish, budget)?;
        Ok(candidates)
    }

    /// The fewest slots that must agree in an index so that an item can be in the result.
    fn needed_slots(&self, query: usize, ranking: &Ranking) -> usize {
        // The score is a mean. Every other index where the query has data counts, and adds 1 at most.
        let others = self.scorers.iter().enumerate();
        let others =
            others.filter(|(other, scorer)| *other != query && scorer.query_observations > 0).count();
        let needed_score = ranking.threshold() * (others + 1) as f64 - others as f64;
        // One index needs no margin: its scores are those of `similarity`. A mean is rounded.
        let margin = if others > 0 { 1e-9 } else { 0.0 };
        agreeing_for(needed_score - margin, self.scorers[query].slots.into())
    }

    /// The slots in which an item, given by a chunk that has it and its id there, agrees with a query. `None` if these are
    /// fewer than `needed`, or if one of the two has no sketch.
    #[inline]
    fn agreeing_slots(
        &self,
        query: usize,
        chunk: u32,
        id: u32,
        needed: usize,
        agreements: &mut Agreements,
    ) -> Option<usize> {
        let items = self.chunks[chunk as usize].chunk.items();
        let ours = self.queries[query].sketch?;
        let newest = || self.sketch_of(query, items.name(id), items.hash(id));
        let newer = self.chunks[chunk as usize + 1..].iter();
        let mut newer = newer.take_while(|newer| newer.query == query);
        if newer.any(|newer| newer.chunk.items().may_have(items.hash(id))) {
            return count_agreeing(ours, newest()?, needed);
        }
        // Nearly always no newer chunk has the item, and it has a sketch here.
        let compare = || count_agreeing(ours, items.sketch(id).or_else(newest)?, needed);
        agreements.get_or_compare(chunk, items.likeness(id), compare)
    }

    /// The newest sketch of an item in the chunks of a query.
    fn sketch_of(&self, query: usize, name: &[u8], hash: u32) -> Option<&'a [u8]> {
        let of_query = self.chunks.iter().rev().filter(|chunk| chunk.query == query);
        let mut sketches = of_query
            .map(|SearchChunk { chunk, .. }| chunk.items().sketch(chunk.item_id_by_hash(name, hash)?));
        sketches.find_map(|sketch| sketch)
    }

    /// Returns false only if an item with this many agreeing slots certainly comes after the k-th best.
    fn may_enter(&self, agreeing: usize, chunk: u32, id: u32, ranking: &Ranking) -> bool {
        let Some(kth_best) = ranking.kth_best() else { return true };
        // In one index the score is known, and at a tie the order decides.
        let [scorer] = &self.scorers[..] else { return true };
        similarity(agreeing, scorer.slots.into()) > kth_best.score || self.may_beat(chunk, id, kth_best)
    }

    /// Finishes the candidates from a number on: compares their sketches and counts the bands that they share, in every
    /// index.
    fn finish_by_sketch(
        &self,
        candidates: &mut Candidates,
        from: usize,
        budget: &mut Budget,
    ) -> Result<(), TooManyPostings> {
        let count = candidates.len() - from;
        budget.take((count * (self.buckets.len() + self.chunks.len())) as u64)?;
        for candidate in from..candidates.len() {
            if candidates.is_finished(candidate) {
                continue; // its name does not match
            }
            candidates.mark_finished(candidate);
            let (name, hash) = (candidates.name(candidate), candidates.hash(candidate));
            for (query, of_index) in self.queries.iter().enumerate() {
                let both = of_index.sketch.zip(self.sketch_of(query, name, hash));
                let Some((ours, theirs)) = both else { continue };
                let agreeing = count_agreeing(ours, theirs, 0).unwrap_or(0);
                let shared_bands = self.shared_bands(query, name, hash);
                candidates.set_agreement(candidate, query, agreeing, shared_bands);
            }
        }
        Ok(())
    }

    /// The number of bands that an item shares with a query, or MINBANDS if that is fewer.
    fn shared_bands(&self, query: usize, name: &[u8], hash: u32) -> u16 {
        let min_bands = self.queries[query].min_bands;
        let mut bands: SmallVec<[u16; 16]> = SmallVec::new();
        for bucket in self.buckets.iter().filter(|bucket| bucket.query == query) {
            let is_new = !bands.contains(&bucket.frequency.band);
            if is_new && self.look_up_count(bucket, name, hash) > 0 {
                bands.push(bucket.frequency.band);
                if bands.len() >= usize::from(min_bands) {
                    break;
                }
            }
        }
        bands.len() as u16
    }
}
