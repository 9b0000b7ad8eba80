//! The order of results, and the best of them.

use std::cmp::Ordering;

/// A candidate by what it is ranked by.
#[derive(Debug, Clone, Copy)]
pub struct RankedCandidate<'a> {
    /// The candidate's number.
    pub number: usize,
    /// Its score.
    pub score: f64,
    /// Its observations.
    pub observations: u64,
    /// The first bytes of its name behind those that all names begin with, or 0 in all: they nearly
    /// always tell equals apart.
    begins: u64,
    /// Its name.
    pub item: &'a [u8],
}

impl<'a> RankedCandidate<'a> {
    /// A candidate with a score, observations and a name.
    pub fn new(number: usize, score: f64, observations: u64, item: &'a [u8]) -> RankedCandidate<'a> {
        RankedCandidate { number, score, observations, begins: 0, item }
    }

    /// The order of results: score, then observations, both descending, then the item's bytes.
    fn order(&self, other: &RankedCandidate) -> Ordering {
        // No score is negative, so that their bits are in the same order.
        let by_score = other.score.to_bits().cmp(&self.score.to_bits());
        let by_score = by_score.then(other.observations.cmp(&self.observations));
        by_score.then(self.begins.cmp(&other.begins)).then_with(|| self.item.cmp(other.item))
    }
}

/// The best of many candidates: as many as are wanted, and none below a score.
pub struct Ranking<'a> {
    limit: usize,
    least: Option<f64>,
    /// At most twice as many as are wanted, in no order.
    list: Vec<RankedCandidate<'a>>,
    /// The last of the best of those that were there at the last cut, if they were as many.
    last: Option<RankedCandidate<'a>>,
}

impl<'a> Ranking<'a> {
    /// None yet of so many that are expected.
    pub fn new(limit: Option<usize>, least: Option<f64>, expected: usize) -> Ranking<'a> {
        let limit = limit.unwrap_or(usize::MAX);
        let list = Vec::with_capacity(expected.min(limit.saturating_mul(2)));
        Ranking { limit, least, list, last: None }
    }

    /// Takes a candidate in, unless it is not among the best for certain.
    pub fn offer(&mut self, candidate: RankedCandidate<'a>) {
        let is_low = self.least.is_some_and(|least| candidate.score < least);
        if is_low || !self.takes(&candidate) {
            return;
        }
        self.list.push(candidate);
        if self.list.len() >= self.limit.saturating_mul(2).max(1) {
            self.cut();
        }
    }

    /// Whether there is room for a candidate before the last.
    pub fn takes(&self, candidate: &RankedCandidate) -> bool {
        self.last.as_ref().is_none_or(|last| candidate.order(last).is_lt())
    }

    /// No candidate with a lower score is among the best.
    pub fn floor(&self) -> f64 {
        self.last.map_or(0.0, |last| last.score).max(self.least.unwrap_or(0.0))
    }

    /// Leaves the best of those that are there.
    pub fn cut(&mut self) {
        if (1..=self.list.len()).contains(&self.limit) {
            self.list.select_nth_unstable_by(self.limit - 1, RankedCandidate::order);
        }
        self.list.truncate(self.limit);
        self.last = self.limit.checked_sub(1).and_then(|last| self.list.get(last)).copied();
    }

    /// How many of the best there are.
    pub fn count(&self) -> usize {
        self.list.len().min(self.limit)
    }

    /// The best, in the order of results.
    pub fn into_sorted(mut self) -> Vec<RankedCandidate<'a>> {
        self.cut();
        let mut common = CommonPrefix::default();
        self.list.iter().for_each(|ranked| common.add(ranked.item));
        self.list.iter_mut().for_each(|ranked| ranked.begins = common.behind(ranked.item));
        self.list.sort_by(RankedCandidate::order); // names of growing numbers come in runs, which it merges
        self.list
    }
}

/// What some names all begin with.
#[derive(Default)]
struct CommonPrefix<'a>(Option<&'a [u8]>);

impl<'a> CommonPrefix<'a> {
    fn add(&mut self, name: &'a [u8]) {
        let common = self.0.get_or_insert(name);
        if !name.starts_with(common) {
            let length = common.iter().zip(name).take_while(|(a, b)| a == b).count();
            *common = &common[..length];
        }
    }

    /// The first bytes behind it as a number that orders names as their bytes do.
    fn behind(&self, name: &[u8]) -> u64 {
        let behind = &name[self.0.map_or(0, <[u8]>::len)..];
        if let Some(first) = behind.first_chunk() {
            return u64::from_be_bytes(*first);
        }
        let mut first = [0; 8];
        first.iter_mut().zip(behind).for_each(|(to, byte)| *to = *byte);
        u64::from_be_bytes(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_the_worst_of_the_best_however_many_there_are() {
        for offered in 3..20 {
            let mut ranking = Ranking::new(Some(3), None, 0);
            (0..offered).for_each(|n| ranking.offer(RankedCandidate::new(n, n as f64, 1, b"item")));
            ranking.cut();
            assert_eq!(ranking.floor(), (offered - 3) as f64);
        }
    }
}
