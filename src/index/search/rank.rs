//! Phase 3 of a search: the order of results, and the k best of many candidates.
//!
//! The k best are kept in a buffer of up to 2k. When it is full, quickselect (`select_nth_unstable`) cuts it back to
//! k, so that a candidate costs amortized O(1); a heap would pay O(log k) for each that gets in. tantivy's
//! `TopNComputer` is the same idea. Everything is sorted once, at the end.

use super::candidates::Candidates;
use super::locate::Search;
use std::cmp::Ordering;

/// When an item was seen first: the number of the first chunk of the search that has it, and its arrival there. The
/// chunks of a search are in order: those of the first index, oldest first, then those of the next.
pub type FirstSeen = (u32, u64);

/// A candidate with what it is ranked by.
#[derive(Debug, Clone, Copy)]
pub struct RankedCandidate {
    /// The candidate's number.
    pub number: usize,
    /// Its score, not negative.
    pub score: f64,
    /// Its observations.
    pub observations: u64,
    /// When it was seen first.
    pub first_seen: FirstSeen,
}

impl RankedCandidate {
    /// True if an item of the same score, with these observations and first seen then, would come before.
    pub fn loses_a_tie_to(&self, observations: u64, first_seen: FirstSeen) -> bool {
        RankedCandidate { observations, first_seen, ..*self }.result_order(self).is_lt()
    }

    /// The order of results: score, then observations, both descending, then first seen, first.
    fn result_order(&self, other: &RankedCandidate) -> Ordering {
        debug_assert!(self.score.is_sign_positive() && other.score.is_sign_positive());
        // Doubles that are not negative are in the order of their bits.
        let by_score = other.score.to_bits().cmp(&self.score.to_bits());
        by_score.then(other.observations.cmp(&self.observations)).then(self.first_seen.cmp(&other.first_seen))
    }
}

/// The best candidates so far: `limit` of them, and none below the lowest score.
pub struct Ranking {
    limit: usize,
    min_score: Option<f64>,
    /// The best so far, and at most as many others, in no order.
    buffer: Vec<RankedCandidate>,
    /// The last of the `limit` best at the last cut; `None` while there were fewer.
    kth_best: Option<RankedCandidate>,
}

impl Ranking {
    /// An empty ranking that expects to be offered this many candidates.
    pub fn new(limit: Option<usize>, min_score: Option<f64>, expected: usize) -> Ranking {
        let limit = limit.unwrap_or(usize::MAX);
        let buffer = Vec::with_capacity(expected.min(limit.saturating_mul(2)));
        Ranking { limit, min_score, buffer, kth_best: None }
    }

    /// Takes a candidate in, unless it is certainly not among the best.
    pub fn offer(&mut self, candidate: RankedCandidate) {
        let is_too_low = self.min_score.is_some_and(|min_score| candidate.score < min_score);
        if is_too_low || !self.would_enter(&candidate) {
            return;
        }
        self.buffer.push(candidate);
        if self.buffer.len() >= self.limit.saturating_mul(2).max(1) {
            self.keep_best();
        }
    }

    /// True unless there are already `limit` candidates known to be better.
    pub fn would_enter(&self, candidate: &RankedCandidate) -> bool {
        self.kth_best.as_ref().is_none_or(|kth_best| candidate.result_order(kth_best).is_lt())
    }

    /// The last of the `limit` best as of the last cut; `None` while there are fewer.
    pub fn kth_best(&self) -> Option<&RankedCandidate> {
        self.kth_best.as_ref()
    }

    /// The lowest score that a result can have, as of the last cut.
    pub fn threshold(&self) -> f64 {
        self.kth_best.map_or(0.0, |kth_best| kth_best.score).max(self.min_score.unwrap_or(0.0))
    }

    /// Drops all but the best, which brings [`Self::threshold`] up to date.
    pub fn keep_best(&mut self) {
        if self.limit > 0 && self.limit <= self.buffer.len() {
            self.buffer.select_nth_unstable_by(self.limit - 1, RankedCandidate::result_order);
        }
        self.buffer.truncate(self.limit);
        self.kth_best = self.limit.checked_sub(1).and_then(|kth| self.buffer.get(kth)).copied();
    }

    /// The number of results.
    pub fn count(&self) -> usize {
        self.buffer.len().min(self.limit)
    }

    /// The best, in the order of results.
    pub fn into_sorted(mut self) -> Vec<RankedCandidate> {
        self.keep_best();
        self.buffer.sort_unstable_by(RankedCandidate::result_order);
        self.buffer
    }
}

impl Search<'_, '_> {
    /// Ranks all candidates.
    pub fn rank_all(&self, candidates: &Candidates) -> Ranking {
        let mut ranking = Ranking::new(self.options.limit, self.options.min_score, candidates.len());
        self.rank_from(0, candidates, &mut ranking);
        ranking
    }

    /// Offers the candidates from `first` on to a ranking.
    pub fn rank_from(&self, first: usize, candidates: &Candidates, ranking: &mut Ranking) {
        for candidate in candidates.qualifying_from(first) {
            ranking.offer(candidates.ranked(candidate));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_is_the_worst_of_the_best_however_many_there_are() {
        for offered in 3..20 {
            let mut ranking = Ranking::new(Some(3), None, 0);
            (0..offered).for_each(|n| {
                ranking.offer(RankedCandidate {
                    number: n,
                    score: n as f64,
                    observations: 1,
                    first_seen: (0, 0),
                })
            });
            ranking.keep_best();
            assert_eq!(ranking.threshold(), (offered - 3) as f64);
        }
    }

    #[test]
    fn ties_are_ordered_by_observations_and_then_by_when_they_were_first_seen() {
        let candidates = [
            (0.5, 1, (0, 7)),
            (0.5, 1, (0, 1 << 32)),
            (0.5, 1, (2, 0)),
            (0.5, 2, (3, 9)),
            (0.7, 1, (9, 9)),
            (0.5, 1, (0, 2)),
        ];
        let mut ranking = Ranking::new(None, None, 0);
        for (number, (score, observations, first_seen)) in candidates.into_iter().enumerate() {
            ranking.offer(RankedCandidate { number, score, observations, first_seen });
        }
        let order: Vec<usize> = ranking.into_sorted().iter().map(|candidate| candidate.number).collect();
        assert_eq!(order, [4, 3, 5, 0, 1, 2]);
    }

    #[test]
    fn nothing_below_the_lowest_score_is_ranked_and_no_more_than_the_limit() {
        let mut ranking = Ranking::new(Some(2), Some(0.5), 0);
        for (number, score) in [0.4, 0.5, 0.6, 0.55].into_iter().enumerate() {
            ranking.offer(RankedCandidate { number, score, observations: 1, first_seen: (0, 0) });
        }
        assert_eq!(ranking.count(), 2);
        let order: Vec<usize> = ranking.into_sorted().iter().map(|candidate| candidate.number).collect();
        assert_eq!(order, [2, 3]);
    }
}
