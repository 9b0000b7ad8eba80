//! The bounds of MaxScore pruning: what an item can still reach, and what it must.
//!
//! Everything here errs on one side. An upper bound is too low, and the threshold too high, by rounding at most, and
//! [`certainly_below`] allows for that.

use super::candidates::Candidates;
use super::locate::{QueryBucket, Search};
use super::score::{ScoreMode, Scorer, SharedSum};

/// An upper bound on what a set of query buckets can add to a score.
pub enum RemainingBound {
    /// OVERLAP and COVERAGE: at most this much to the sum of the candidate's scores in all indexes.
    Additive(f64),
    /// SIGNIFICANCE is not a sum: for each bucket its query, and an upper bound on the counts in it.
    Significance(Vec<(usize, u64)>),
}

impl Search<'_, '_> {
    /// True if no item that is still unseen can be in the result.
    pub fn is_complete(&self, remaining: &[QueryBucket], candidates: &Candidates) -> bool {
        // An unseen item is out if its score is certainly too low, or if it shares too few bands in every index.
        let bound = self.upper_bound_unseen(&self.remaining_bound(remaining));
        certainly_below(bound, self.threshold(candidates)) || !self.can_qualify_unseen(remaining)
    }

    /// An upper bound on what these buckets can add to any score.
    pub fn remaining_bound(&self, buckets: &[QueryBucket]) -> RemainingBound {
        match self.options.mode {
            ScoreMode::Overlap | ScoreMode::Coverage | ScoreMode::Jaccard => {
                // min(c/Q, n/T) is at most c/Q.
                let query_share = |bucket: &QueryBucket| {
                    let scorer = &self.scorers[bucket.query];
                    bucket.frequency.count as f64
                        / (f64::from(scorer.bands) * scorer.query_observations as f64)
                };
                RemainingBound::Additive(buckets.iter().map(query_share).sum())
            }
            ScoreMode::Significance => {
                let count_bound = |bucket: &QueryBucket| (bucket.query, self.max_count_bound(bucket));
                RemainingBound::Significance(buckets.iter().map(count_bound).collect())
            }
        }
    }

    /// An upper bound on any item's count in a bucket, over all chunks.
    fn max_count_bound(&self, bucket: &QueryBucket) -> u64 {
        self.locations(bucket).map(|(_, chunk, id)| u64::from(chunk.chunk.max_count_bound(id))).sum()
    }

    /// An upper bound on the final score of a candidate, given what the remaining buckets can add.
    pub fn upper_bound(&self, candidates: &Candidates, candidate: usize, remaining: &RemainingBound) -> f64 {
        let scored_indexes = candidates.scored_indexes(candidate) as f64;
        match remaining {
            // The mean over indexes divides both what is there and what may come.
            RemainingBound::Additive(bound) => candidates.score(candidate) + bound / scored_indexes,
            RemainingBound::Significance(count_bounds) => {
                let bound_in = |(query, scorer): (usize, &Scorer)| {
                    let SharedSum { sum, observations } = candidates.accumulated(candidate, query);
                    // A candidate cannot have more counts in a bucket than it has observations.
                    let of_query = count_bounds.iter().filter(|(bucket_query, _)| *bucket_query == query);
                    let more: u64 = of_query.map(|(_, count)| *count.min(&observations)).sum();
                    scorer.score(&SharedSum { sum: sum + u128::from(more), observations })
                };
                self.scorers.iter().enumerate().map(bound_in).sum::<f64>() / scored_indexes
            }
        }
    }

    /// An upper bound on the score of an item that is in none of the buckets read so far.
    fn upper_bound_unseen(&self, remaining: &RemainingBound) -> f64 {
        // The indexes where the query has data count in any case. An index where only the item has data would count as
        // 0 and lower the mean, so leaving it out keeps the bound an upper one.
        let with_data = self.scorers.iter().filter(|scorer| scorer.query_observations > 0);
        let scored_indexes = with_data.count().max(1) as f64;
        match remaining {
            RemainingBound::Additive(bound) => bound / scored_indexes,
            RemainingBound::Significance(count_bounds) => {
                let bound_in = |(query, scorer): (usize, &Scorer)| {
                    let of_query = count_bounds.iter().filter(|(bucket_query, _)| *bucket_query == query);
                    let sum = of_query.map(|(_, count)| u128::from(*count)).sum();
                    // The score decreases with the observations, and the item has at least one.
                    scorer.score(&SharedSum { sum, observations: 1 })
                };
                self.scorers.iter().enumerate().map(bound_in).sum::<f64>() / scored_indexes
            }
        }
    }

    /// True if an item that is only in these buckets can share the bands that MINBANDS asks for.
    fn can_qualify_unseen(&self, buckets: &[QueryBucket]) -> bool {
        self.queries.iter().enumerate().any(|(number, query)| {
            // A band may have several buckets: the distinct ones count.
            let of_query = buckets.iter().filter(|bucket| bucket.query == number);
            let mut bands: Vec<u16> = of_query.map(|bucket| bucket.frequency.band).collect();
            bands.sort_unstable();
            bands.dedup();
            bands.len() >= usize::from(query.min_bands)
        })
    }

    /// No result scores less than this: the k-th best score among the candidates that qualify, or MINSCORE if that is
    /// higher. Incomplete scores count as they are: they only grow, so this is safe, and for the same reason it has to be
    /// computed again after reading. [`Ranking::threshold`](super::rank::Ranking::threshold) is for complete scores.
    pub fn threshold(&self, candidates: &Candidates) -> f64 {
        let min_score = self.options.min_score.unwrap_or(0.0);
        let Some(limit) = self.options.limit else { return min_score };
        let qualifying = candidates.qualifying_from(0);
        let mut scores: Vec<f64> = qualifying.map(|candidate| candidates.score(candidate)).collect();
        // Fewer than k results so far: any item could be one of them.
        if limit == 0 || scores.len() < limit {
            return min_score;
        }
        let (_, kth_best, _) = scores.select_nth_unstable_by(limit - 1, |a, b| b.total_cmp(a));
        kth_best.max(min_score)
    }
}

/// Covers rounding. A sum of n doubles is off by at most n * 2^-53 of its value, so this is enough for 9 million buckets of
/// a query. The few roundings of each term are far smaller, and so are the 2^-81 of a mean, for any score above 2^-45.
const ROUNDING_MARGIN: f64 = 1e-9;

/// True if an upper bound is below a threshold by more than rounding can explain.
pub fn certainly_below(upper_bound: f64, threshold: f64) -> bool {
    upper_bound * (1.0 + ROUNDING_MARGIN) < threshold
}

#[cfg(test)]
mod tests {
    use super::certainly_below;

    #[test]
    fn a_bound_within_rounding_of_the_threshold_is_not_below_it() {
        assert!(certainly_below(0.5, 0.500_001));
        for (bound, threshold) in
            [(0.5, 0.5), (0.5, 0.5 + f64::EPSILON), (0.3, 0.1 + 0.2), (0.0, 0.0), (0.6, 0.5)]
        {
            assert!(!certainly_below(bound, threshold), "{bound} {threshold}");
        }
    }
}
