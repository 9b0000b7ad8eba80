//! Reading items best first: how a search ends among a great many copies.
//!
//! If a million items have the best score that any item can have, the results are those of them with the most
//! observations and, among equals, those that were seen first. So a search need not look at all of them. It looks at
//! ranges of items in the order of their bounds ([`crate::index::chunk::RangeBound`]), the best bound first, and ends
//! when it has k items of the best score and no range is left that could hold a better one:
//!
//! ```text
//! ranges       | at most 3, from 0 | at most 1, from 0 | at most 1, from 128 | at most 1, from 256 | ...
//!                observations, arrival
//! k = 10       the first range: 2 items of 3 and of 2 observations, 126 of one
//!              the k-th best has 1 observation, and arrived as number 7: no other range can hold a better one
//! ```
//!
//! # Several chunks
//! Each item is expected where it was seen first. So the bound on its observations is that of its range, plus the
//! most that an item has in each later chunk; and the bound on its arrival is exact. With copies in several chunks,
//! the first bound is often too high to end a search, because it cannot be excluded that an item is in all of them.
//! Then each member of one bucket is tested by itself: it is looked up in the later chunks, where a tag nearly always
//! says that it is not there.

use super::candidates::Candidates;
use super::cost::{self, Budget, TooManyPostings};
use super::locate::{QueryBucket, Search};
use super::query::SearchChunk;
use super::rank::{FirstSeen, RankedCandidate, Ranking};
use super::score::{self, ScoreMode};
use crate::index::chunk::{Bounds, RangeBound};
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Candidates that are looked up and ranked together, at least.
pub const BATCH: usize = 64;
/// The ids of a range.
const RANGE_IDS: usize = Bounds::RANGE as usize;

/// A range with its bounds. The order is that of results: more observations come first, then what was seen first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct BoundedRange {
    observations: u64,
    first_seen: Reverse<FirstSeen>,
    /// The number of the chunk.
    chunk: u32,
    /// The number of the range in it.
    range: usize,
}

impl BoundedRange {
    /// All ranges of these chunks; the heap gives the one first that can hold the best item.
    fn all_of(chunks: &[SearchChunk]) -> BinaryHeap<BoundedRange> {
        let mut ranges = Vec::new();
        // From the last chunk to the first: what the later ones can add is known by then.
        let mut later = 0;
        for (number, SearchChunk { chunk, .. }) in chunks.iter().enumerate().rev() {
            let mut most = 0;
            for (range, bound) in chunk.items().range_bounds().enumerate() {
                let RangeBound { max_observations, earliest_arrival } = bound;
                most = most.max(u64::from(max_observations));
                let first_seen = Reverse((number as u32, earliest_arrival));
                let observations = u64::from(max_observations) + later;
                if max_observations > 0 {
                    ranges.push(BoundedRange { observations, first_seen, chunk: number as u32, range });
                }
            }
            later += most;
        }
        BinaryHeap::from(ranges)
    }

    /// True unless every item of the range comes after `other` if their scores are equal.
    fn may_beat(&self, other: &RankedCandidate) -> bool {
        other.loses_a_tie_to(self.observations, self.first_seen.0)
    }
}

impl<'a> Search<'_, 'a> {
    /// Returns false only if an item, given by a chunk that has it and its id there, comes after `other` if their scores
    /// are equal.
    pub fn may_beat(&self, chunk: u32, id: u32, other: &RankedCandidate) -> bool {
        let items = self.chunks[chunk as usize].chunk.items();
        let observations_in = |SearchChunk { chunk, .. }: &SearchChunk| {
            let id = chunk.item_id_by_hash(items.name(id), items.hash(id))?;
            Some(u64::from(chunk.items().observations(id)))
        };
        let (earlier, from_here) = self.chunks.split_at(chunk as usize);
        if earlier.iter().any(|earlier| observations_in(earlier).is_some()) {
            return true; // it was seen first there
        }
        let in_later = from_here.iter().skip(1).filter_map(observations_in).sum::<u64>();
        other.loses_a_tie_to(u64::from(items.observations(id)) + in_later, (chunk, items.arrival(id)))
    }

    /// Looks at items best first, until the k best are known to be `best_score` items and in the result, or until
    /// `allowance` items were looked at. Returns true if the result is certain.
    ///
    /// `best_score` is the best that an item can have that is not a candidate yet. Such an item must be one for
    /// which `is_candidate` returns true, given a chunk that has it and its id there. `finish` completes the
    /// candidates from a number on.
    pub fn read_best_first(
        &self,
        best_score: f64,
        mut allowance: usize,
        (candidates, ranking): (&mut Candidates<'_, 'a>, &mut Ranking),
        mut is_candidate: impl FnMut(u32, u32) -> bool,
        finish: impl Fn(&mut Candidates<'_, 'a>, usize, &mut Budget) -> Result<(), TooManyPostings>,
        budget: &mut Budget,
    ) -> Result<bool, TooManyPostings> {
        let mut ranges = BoundedRange::all_of(&self.chunks);
        budget.take((ranges.len() / cost::RANGES_PER_POSTING) as u64)?;
        let step = self.options.limit.unwrap_or(BATCH).clamp(1, BATCH);
        loop {
            let kth_best = |ranking: &Ranking| {
                ranking.kth_best().filter(|kth_best| kth_best.score >= best_score).copied()
            };
            ranking.keep_best();
            let Some(range) = ranges.pop() else { return Ok(kth_best(ranking).is_some()) };
            if kth_best(ranking).is_some_and(|kth_best| !range.may_beat(&kth_best)) {
                return Ok(true);
            }
            let SearchChunk { chunk, self_id, .. } = self.chunks[range.chunk as usize];
            let items = chunk.items();
            let ids = items.ids_of_range(range.range);
            if allowance < ids.len() {
                return Ok(false);
            }
            allowance -= ids.len();
            budget.take(cost::PER_RANGE)?;
            // The best of the range first, a few at a time: often they rule out the others.
            let ids = ids.filter(|id| items.observations(*id) > 0 && Some(*id) != self_id);
            let mut ids: SmallVec<[u32; RANGE_IDS]> = ids.collect();
            ids.sort_unstable_by_key(|id| (Reverse(items.observations(*id)), items.arrival(*id)));
            for some in ids.chunks(step) {
                let new_from = candidates.len();
                let kth_best = kth_best(ranking);
                for id in some {
                    let may_rank = kth_best.is_none_or(|kth_best| self.may_beat(range.chunk, *id, &kth_best));
                    if may_rank && is_candidate(range.chunk, *id) {
                        candidates.add(range.chunk, *id);
                    }
                }
                self.finish_new(new_from, candidates, ranking, &finish, budget)?;
                ranking.keep_best();
            }
        }
    }

    /// Completes and ranks the candidates from a number on.
    pub fn finish_new(
        &self,
        new_from: usize,
        candidates: &mut Candidates<'_, 'a>,
        ranking: &mut Ranking,
        finish: impl Fn(&mut Candidates<'_, 'a>, usize, &mut Budget) -> Result<(), TooManyPostings>,
        budget: &mut Budget,
    ) -> Result<(), TooManyPostings> {
        budget.take(candidates.resolve_cost())?;
        candidates.resolve();
        finish(candidates, new_from, budget)?;
        self.rank_from(new_from, candidates, ranking);
        Ok(())
    }

    /// Tries to end a search by shared buckets whose remaining buckets have many members in common. All candidates must
    /// be finished. Returns true if the result is certain; otherwise some items have become finished candidates.
    pub fn end_among_copies(
        &self,
        remaining: &[QueryBucket],
        candidates: &mut Candidates<'_, 'a>,
        budget: &mut Budget,
    ) -> Result<bool, TooManyPostings> {
        let (Some(limit), Some(best_score)) = (self.options.limit, self.best_unseen_score(remaining)) else {
            return Ok(false);
        };
        // An item of the best score is in every remaining bucket, so also in this one. It is of the first index that
        // has any, because results are in the order in which they were seen in that.
        let Some(pivot) = remaining.iter().min_by_key(|bucket| bucket.query) else { return Ok(false) };
        if pivot.posting_count <= BATCH.max(limit) {
            return Ok(false); // reading it is as cheap
        }
        let is_in_pivot = |chunk: u32, id: u32| {
            let mut here = self.locations(pivot).filter(|(number, ..)| *number == chunk);
            if here.any(|(_, SearchChunk { chunk, .. }, bucket)| chunk.count(bucket, id) > 0) {
                return true;
            }
            // It may be there in a later chunk only.
            let hash = self.chunks[chunk as usize].chunk.items().hash(id);
            let mut later = self.locations(pivot).filter(|(number, ..)| *number > chunk);
            later.any(|(_, SearchChunk { chunk, .. }, _)| chunk.items().may_have(hash))
        };
        let finish = |candidates: &mut Candidates<'_, 'a>, from: usize, budget: &mut Budget| {
            let count = candidates.len() - from;
            budget.take((count * remaining.len()) as u64)?;
            (from..candidates.len()).for_each(|candidate| self.finish(candidate, remaining, candidates));
            Ok(())
        };
        let mut ranking = self.rank_all(candidates);
        let allowance = pivot.posting_count / cost::POSTINGS_PER_LOOK;
        let state = (&mut *candidates, &mut ranking);
        if self.read_best_first(best_score, allowance, state, is_in_pivot, finish, budget)? {
            return Ok(true);
        }

        // The bounds did not end it. If k items have the best score, a pass over one bucket does: no other bucket has an
        // item that could come before them.
        ranking.keep_best();
        if ranking.kth_best().is_none_or(|kth_best| kth_best.score < best_score) {
            return Ok(false);
        }
        budget.take(pivot.posting_count as u64)?;
        let mut new_from = candidates.len();
        for (chunk_number, SearchChunk { chunk, self_id, .. }, bucket) in self.locations(pivot) {
            for posting in chunk.postings(bucket).filter(|posting| Some(posting.item) != *self_id) {
                let may_beat = |kth_best| self.may_beat(chunk_number, posting.item, kth_best);
                if ranking.kth_best().is_none_or(may_beat) {
                    candidates.add(chunk_number, posting.item);
                }
                if candidates.len() - new_from >= BATCH.max(limit) {
                    self.finish_new(new_from, candidates, &mut ranking, finish, budget)?;
                    ranking.keep_best();
                    new_from = candidates.len();
                }
            }
        }
        self.finish_new(new_from, candidates, &mut ranking, finish, budget)?;
        Ok(true)
    }

    /// The score of an item that has all of the query's share of these buckets, and nothing else: the best that an item
    /// can have that is in no other bucket. `None` for SIGNIFICANCE, which has no best score.
    fn best_unseen_score(&self, remaining: &[QueryBucket]) -> Option<f64> {
        if self.options.mode == ScoreMode::Significance {
            return None;
        }
        // For each index where the query has data, a fraction. An exact one, so that an item that has it all has the
        // same double for its score.
        let shares = self.scorers.iter().enumerate().filter(|(_, scorer)| scorer.query_observations > 0);
        let shares: SmallVec<[(u128, u128); 2]> = shares
            .map(|(query, scorer)| {
                let of_query = remaining.iter().filter(|bucket| bucket.query == query);
                let share = of_query.map(|bucket| u128::from(bucket.frequency.count)).sum();
                (share, u128::from(scorer.bands) * u128::from(scorer.query_observations))
            })
            .collect();
        Some(match shares[..] {
            [(share, all)] if self.scorers.len() == 1 => score::ratio(share, all),
            _ => score::mean(shares.iter().map(|(share, all)| score::fixed_point(*share, *all))),
        })
    }
}
