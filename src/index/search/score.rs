//! How alike a query and a candidate are.
//!
//! With c and n the counts of the query and the candidate in a bucket, Tq and T their observations
//! in the window, M those of all items of the index, and B bands.

/// What a score measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScoreMode {
    /// The mean over bands of `1 - L1/2` of the frequencies scaled to sum 1: the score of Sentry's
    /// index. It equals the sum over shared buckets of `min(c/Tq, n/T)`, divided by B.
    #[default]
    Overlap,
    /// How much of the query the candidate has ever seen: the sum over shared buckets of `c/Tq`,
    /// divided by B.
    Coverage,
    /// Solr's scoreNodes, which prefers what is rare elsewhere: `ln(n) + 1`, n summed over the shared
    /// buckets, times `ln((B*M + 1) / (B*T + 1)) + 1`.
    Significance,
}

/// What was found out about a candidate in the buckets that it shares with the query.
#[derive(Debug, Clone, Copy, Default)]
pub struct SharedSum {
    /// The sum of what [`Scorer::part`] gave.
    pub sum: u128,
    /// Observations of the candidate in the window.
    pub observations: u64,
}

/// What a score is made of beside the candidate: the same for all candidates of one index.
#[derive(Debug, Clone, Copy)]
pub struct Scorer {
    /// What is measured.
    pub score: ScoreMode,
    /// The number of bands.
    pub bands: u16,
    /// Observations of the query.
    pub query: u64,
    /// Observations of all items in the window.
    pub all: u64,
}

impl Scorer {
    /// The share of one bucket, as an integer that [`Self::of`] scales: c of the query's observations
    /// and n of the candidate's `candidate` observations fell into it.
    pub fn part(&self, c: u64, n: u64, candidate: u64) -> u128 {
        match self.score {
            ScoreMode::Overlap => {
                (u128::from(c) * u128::from(candidate)).min(u128::from(n) * u128::from(self.query))
            }
            ScoreMode::Coverage => c.into(),
            ScoreMode::Significance => n.into(),
        }
    }

    /// Whether the score of a candidate falls with each observation that it has in other buckets, where
    /// this one is all that it shares: it does not while the query's own share is the smaller one.
    pub fn falls(&self, c: u64, n: u64, candidate: u64) -> bool {
        let of_query = u128::from(c) * u128::from(candidate);
        self.score == ScoreMode::Overlap && u128::from(n) * u128::from(self.query) <= of_query
    }

    /// The score of a candidate: but for SIGNIFICANCE exact up to one division.
    pub fn of(&self, shared: &SharedSum) -> f64 {
        match self.score {
            ScoreMode::Overlap | ScoreMode::Coverage => ratio(shared.sum, self.whole(shared)),
            ScoreMode::Significance => self.significance(shared),
        }
    }

    /// The share in a score of a `part` of its sum; the shares of all parts add up to the score. What
    /// is not a sum itself is divided in proportion.
    pub fn share(&self, part: u128, whole: &SharedSum) -> f64 {
        match self.score {
            _ if part == 0 => 0.0,
            ScoreMode::Overlap | ScoreMode::Coverage => self.of(&SharedSum { sum: part, ..*whole }),
            ScoreMode::Significance => self.of(whole) * ratio(part, whole.sum),
        }
    }

    /// The score of a candidate in units of 2^-96, for a `mean`.
    pub fn fixed(&self, shared: &SharedSum) -> u128 {
        match self.score {
            ScoreMode::Overlap | ScoreMode::Coverage => fixed(shared.sum, self.whole(shared)),
            // No digit is lost: a score is 0, or 1 and more and far below 2^32.
            ScoreMode::Significance => (self.significance(shared) * (1u128 << 96) as f64) as u128,
        }
    }

    /// What the sum of an item is that is exactly like the query.
    fn whole(&self, shared: &SharedSum) -> u128 {
        let whole = u128::from(self.bands) * u128::from(self.query);
        if self.score == ScoreMode::Overlap { whole * u128::from(shared.observations) } else { whole }
    }

    /// 0 where nothing is shared; otherwise it grows with the sum, and falls with the observations.
    fn significance(&self, shared: &SharedSum) -> f64 {
        if shared.sum == 0 {
            return 0.0;
        }
        let bands = f64::from(self.bands);
        significance(shared.sum as f64, bands * shared.observations as f64, bands * self.all as f64)
    }
}

/// How telling it is that `foreground` of `background` fell where they did, out of `all`.
pub fn significance(foreground: f64, background: f64, all: f64) -> f64 {
    (foreground.ln() + 1.0) * (((all + 1.0) / (background + 1.0)).ln() + 1.0)
}

/// Integers up to here are doubles.
const EXACT: u128 = 1 << f64::MANTISSA_DIGITS;

/// A fraction between 0 and 1 as a double, such that equal fractions give equal doubles.
fn ratio(part: u128, whole: u128) -> f64 {
    if whole <= EXACT {
        return part as u64 as f64 / whole as u64 as f64; // nearly always, and much faster
    }
    let divisor = gcd(part, whole);
    (part / divisor) as f64 / (whole / divisor) as f64
}

/// A fraction between 0 and 1 in units of 2^-96, rounded down: what means are made of.
fn fixed(part: u128, whole: u128) -> u128 {
    // 32 binary digits at a time; `whole` is below 2^95, so that a remainder can be shifted by 32.
    let first = (part.checked_div(whole).unwrap_or(0), part.checked_rem(whole).unwrap_or(0));
    let (digits, _) = (0..3).fold(first, |(digits, remainder), _| {
        let next = remainder << 32;
        (digits << 32 | next.checked_div(whole).unwrap_or(0), next.checked_rem(whole).unwrap_or(0))
    });
    digits
}

/// The mean of scores of which [`Scorer::fixed`] gave each. Equal means are equal doubles, however
/// they came about.
pub fn mean(scores: impl Iterator<Item = u128>) -> f64 {
    let (sum, count) = scores.fold((0, 0), |(sum, count), score| (sum + score, count + 1));
    // What was rounded off lies far below the last of 80 binary digits.
    let mean = ((sum / u128::max(count, 1)) + (1 << 15)) >> 16;
    mean as f64 / (1u128 << 80) as f64
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_fractions_are_equal_doubles() {
        let odd = (1u128 << 60) + 7;
        assert_eq!(ratio(odd, 3 * odd), 1.0 / 3.0);
        assert_eq!(ratio(7 * odd, 7 * odd), 1.0);
        assert_eq!(ratio(0, odd), 0.0);
    }

    #[test]
    fn equal_means_are_equal_doubles() {
        let tenths = |parts: [u128; 3]| mean(parts.into_iter().map(|part| fixed(part, 10)));
        assert_eq!(tenths([1, 2, 3]), 0.2);
        assert_eq!(tenths([3, 2, 1]), tenths([1, 3, 2]));
        assert_eq!(tenths([10, 10, 10]), 1.0);
        assert_eq!(mean([fixed(1, 3), fixed(2, 3)].into_iter()), 0.5);
        assert_eq!(mean(std::iter::empty()), 0.0);
    }

    const OVERLAP: Scorer = Scorer { score: ScoreMode::Overlap, bands: 1, query: 2, all: 10 };

    #[test]
    fn overlap_is_one_minus_half_the_distance() {
        // Two observations in buckets a and b against four, three of them in a: min(1/2, 3/4).
        let shared = SharedSum { sum: OVERLAP.part(1, 3, 4), observations: 4 };
        assert_eq!(OVERLAP.of(&shared), 0.5);
    }

    #[test]
    fn coverage_is_the_part_of_the_query_that_was_seen() {
        let coverage = Scorer { score: ScoreMode::Coverage, bands: 3, query: 4, ..OVERLAP };
        let shared =
            SharedSum { sum: coverage.part(3, 1, 1_000) + coverage.part(4, 9, 1_000), observations: 1_000 };
        assert_eq!(coverage.of(&shared), 7.0 / 12.0);
    }

    #[test]
    fn significance_is_that_of_solr() {
        let significance = Scorer { score: ScoreMode::Significance, bands: 2, all: 49, ..OVERLAP };
        let of = |sum, observations| significance.of(&SharedSum { sum, observations });
        // (ln 3 + 1) * (ln(99 / 9) + 1)
        assert!((of(3, 4) - 7.130_864_775_1).abs() < 1e-9, "{}", of(3, 4));
        assert_eq!(of(0, 4), 0.0);
        assert_eq!(of(1, 49), 1.0); // the least that anything shared gives
    }

    #[test]
    fn a_mean_of_one_score_is_that_score() {
        let significance = Scorer { score: ScoreMode::Significance, bands: 3, all: 12_345, ..OVERLAP };
        for (sum, observations) in [(0, 1), (1, 1), (7, 90), (12_345, 12_345), (u128::from(u32::MAX), 5)] {
            let shared = SharedSum { sum, observations };
            assert_eq!(mean(std::iter::once(significance.fixed(&shared))), significance.of(&shared));
        }
    }
}
