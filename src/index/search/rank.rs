//! Phase 3 of a search: the order of results, and the k best of many candidates.
//!
//! The k best are kept in a buffer of up to 2k. When it is full, quickselect (`select_nth_unstable`) cuts it back to
//! k, so that a candidate costs amortized O(1); a heap would pay O(log k) for each that gets in. tantivy's
//! `TopNComputer` is the same idea. Everything is sorted once, at the end.

use super::candidates::Candidates;
use super::locate::Search;
use std::cmp::Ordering;

/// A candidate with what it is ranked by.
#[derive(Debug, Clone, Copy)]
pub struct RankedCandidate<'a> {
    /// The candidate's number.
    pub number: usize,
    /// Its score.
    pub score: f64,
    /// Its observations.
    pub observations: u64,
    /// Eight bytes of its name, after the prefix that all results share, as a number in the order of the bytes; 0
    /// until the final sort. It nearly always breaks ties without reading the names.
    name_key: u64,
    /// Its name.
    pub item: &'a [u8],
}

impl<'a> RankedCandidate<'a> {
    /// A candidate with a score, observations and a name.
    pub fn new(number: usize, score: f64, observations: u64, item: &'a [u8]) -> RankedCandidate<'a> {
        debug_assert!(score.is_sign_positive(), "the order compares the bits of scores");
        RankedCandidate { number, score, observations, name_key: 0, item }
    }

    /// The order of results: score, then observations, both descending, then the item's bytes.
    fn result_order(&self, other: &RankedCandidate) -> Ordering {
        // Doubles that are not negative are in the order of their bits.
        let by_score = other.score.to_bits().cmp(&self.score.to_bits());
        by_score
            .then(other.observations.cmp(&self.observations))
            .then(self.name_key.cmp(&other.name_key))
            .then_with(|| self.item.cmp(other.item))
    }
}

/// The best candidates so far: `limit` of them, and none below the lowest score.
pub struct Ranking<'a> {
    limit: usize,
    min_score: Option<f64>,
    /// The best so far, and at most as many others, in no order.
    buffer: Vec<RankedCandidate<'a>>,
    /// The last of the `limit` best at the last cut; `None` while there were fewer.
    kth_best: Option<RankedCandidate<'a>>,
}

impl<'a> Ranking<'a> {
    /// An empty ranking that expects to be offered this many candidates.
    pub fn new(limit: Option<usize>, min_score: Option<f64>, expected: usize) -> Ranking<'a> {
        let limit = limit.unwrap_or(usize::MAX);
        let buffer = Vec::with_capacity(expected.min(limit.saturating_mul(2)));
        Ranking { limit, min_score, buffer, kth_best: None }
    }

    /// Takes a candidate in, unless it is certainly not among the best.
    pub fn offer(&mut self, candidate: RankedCandidate<'a>) {
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
    pub fn into_sorted(mut self) -> Vec<RankedCandidate<'a>> {
        self.keep_best();
        // With many ties the sort mostly compares names, and each of those is a cache miss. So every name is read here,
        // for the prefix and for the key, and hardly ever again.
        let mut prefix = CommonPrefix::default();
        self.buffer.iter().for_each(|candidate| prefix.narrow_to(candidate.item));
        self.buffer.iter_mut().for_each(|candidate| candidate.name_key = prefix.key_after(candidate.item));
        // Without a limit the candidates are still in the order in which they were found, often with runs of
        // ascending names, which the stable sort merges.
        self.buffer.sort_by(RankedCandidate::result_order);
        self.buffer
    }
}

impl<'a> Search<'_, 'a> {
    /// Ranks all candidates.
    pub fn rank_all(&self, candidates: &Candidates<'_, 'a>) -> Ranking<'a> {
        let mut ranking = Ranking::new(self.options.limit, self.options.min_score, candidates.len());
        self.rank_from(0, candidates, &mut ranking);
        ranking
    }

    /// Offers the candidates from `first` on to a ranking.
    pub fn rank_from(&self, first: usize, candidates: &Candidates<'_, 'a>, ranking: &mut Ranking<'a>) {
        for candidate in candidates.qualifying_from(first) {
            let (score, observations) = (candidates.score(candidate), candidates.observations(candidate));
            ranking.offer(RankedCandidate::new(candidate, score, observations, candidates.name(candidate)));
        }
    }
}

/// The longest prefix of all names seen; `None` before the first.
#[derive(Default)]
struct CommonPrefix<'a>(Option<&'a [u8]>);

impl<'a> CommonPrefix<'a> {
    /// Cuts the prefix to what `name` begins with too.
    fn narrow_to(&mut self, name: &'a [u8]) {
        let prefix = self.0.get_or_insert(name);
        if !name.starts_with(prefix) {
            let length = prefix.iter().zip(name).take_while(|(a, b)| a == b).count();
            *prefix = &prefix[..length];
        }
    }

    /// The first eight bytes after the prefix, as a number in the order of the bytes. Shorter names are filled up
    /// with zeros; the names themselves decide between equal keys.
    fn key_after(&self, name: &[u8]) -> u64 {
        let rest = &name[self.0.map_or(0, <[u8]>::len)..];
        if let Some(first) = rest.first_chunk() {
            return u64::from_be_bytes(*first);
        }
        let mut first = [0; 8];
        first.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
        u64::from_be_bytes(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_is_the_worst_of_the_best_however_many_there_are() {
        for offered in 3..20 {
            let mut ranking = Ranking::new(Some(3), None, 0);
            (0..offered).for_each(|n| ranking.offer(RankedCandidate::new(n, n as f64, 1, b"item")));
            ranking.keep_best();
            assert_eq!(ranking.threshold(), (offered - 3) as f64);
        }
    }

    #[test]
    fn ties_are_ordered_by_observations_and_then_by_the_whole_name() {
        let candidates: [(f64, u64, &[u8]); 7] = [
            (0.5, 1, b"item:10"),
            (0.5, 1, b"item:1"),
            (0.5, 1, b"item:1\0"),
            (0.5, 2, b"item:9"),
            (0.7, 1, b"item:5"),
            (0.5, 1, b"item:1 and a long end, b"),
            (0.5, 1, b"item:1 and a long end, a"),
        ];
        let mut ranking = Ranking::new(None, None, 0);
        for (number, (score, observations, item)) in candidates.into_iter().enumerate() {
            ranking.offer(RankedCandidate::new(number, score, observations, item));
        }
        let order: Vec<usize> = ranking.into_sorted().iter().map(|candidate| candidate.number).collect();
        assert_eq!(order, [4, 3, 1, 2, 6, 5, 0]);
    }

    #[test]
    fn nothing_below_the_lowest_score_is_ranked_and_no_more_than_the_limit() {
        let mut ranking = Ranking::new(Some(2), Some(0.5), 0);
        for (number, score) in [0.4, 0.5, 0.6, 0.55].into_iter().enumerate() {
            ranking.offer(RankedCandidate::new(number, score, 1, b"item"));
        }
        assert_eq!(ranking.count(), 2);
        let order: Vec<usize> = ranking.into_sorted().iter().map(|candidate| candidate.number).collect();
        assert_eq!(order, [2, 3]);
    }
}
