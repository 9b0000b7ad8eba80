//! The score of a candidate: four measures. Three are made of one sum over the shared buckets, and JACCARD of the slots
//! in which the sketches agree.
//!
//! | symbol | meaning |
//! | --- | --- |
//! | c, n | the counts of the query and of the candidate in a bucket |
//! | Q, T | the observations of the query and of the candidate in the window |
//! | M | the observations of all items of the index in the window |
//! | B | the number of bands |
//! | k, S | the slots in which the sketches of both agree, and all slots of a sketch |
//!
//! | mode | each bucket contributes | perfect sum | score |
//! | --- | --- | --- | --- |
//! | OVERLAP | `min(c*T, n*Q)` | `B*Q*T` | sum / perfect sum, which is the mean over bands of `sum of min(c/Q, n/T)` |
//! | COVERAGE | `c` | `B*Q` | sum / perfect sum |
//! | SIGNIFICANCE | `n` | none | `(ln(sum) + 1) * (ln((B*M + 1) / (B*T + 1)) + 1)` |
//! | JACCARD | nothing: the sum is k | | see [`super::similarity`] |
//!
//! # Why integers
//!
//! Sums are exact integers of 128 bits and are divided once, at the end. So a score does not depend on the order in
//! which buckets were read, and equal similarities in one index give equal doubles (for means see [`mean`]): a real tie
//! is seen as one, and then observations and name decide, the same way on every server. (Similarities that differ by a
//! few units in the last place may come out equal, or swapped.)
//!
//! Q and T, and so c and n, are below 2^42: a window has at most 1,001 chunks (the current interval and the largest
//! RETENTION), each with 32-bit counts. B is at most 2^10. So `B*Q*T` is below 2^94; [`fixed_point`] needs 2^96.

use super::similarity::{similarity, similarity_fraction};

/// A measure of similarity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScoreMode {
    /// The mean over bands of `1 - L1/2` of the frequencies scaled to sum 1: the score of Sentry's index. It equals
    /// the sum over shared buckets of `min(c/Q, n/T)`, divided by B.
    #[default]
    Overlap,
    /// The share of the query's observations that fall into buckets the candidate has been seen in: the sum over
    /// shared buckets of `c/Q`, divided by B.
    Coverage,
    /// Solr's scoreNodes, which favours what is rare elsewhere: `ln(n) + 1`, with n summed over the shared buckets,
    /// times `ln((B*M + 1) / (B*T + 1)) + 1`.
    Significance,
    /// The Jaccard similarity, estimated from sketches.
    Jaccard,
}

impl ScoreMode {
    /// Every mode with the word that users write for it. The position of a mode is its number in an encoding.
    pub const WORDS: [(&'static str, ScoreMode); 4] = [
        ("OVERLAP", ScoreMode::Overlap),
        ("COVERAGE", ScoreMode::Coverage),
        ("SIGNIFICANCE", ScoreMode::Significance),
        ("JACCARD", ScoreMode::Jaccard),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        ScoreMode::WORDS[self as usize].0
    }

    /// True if it can be computed with sketches of this many slots: JACCARD cannot with none.
    pub fn is_possible_with(self, sketch: u16) -> bool {
        self != ScoreMode::Jaccard || sketch > 0
    }

    /// Its number in an encoding.
    pub(crate) const fn number(self) -> u64 {
        self as u64
    }

    /// The mode with a number.
    pub(crate) fn from_number(number: u64) -> Option<ScoreMode> {
        ScoreMode::WORDS.get(usize::try_from(number).ok()?).map(|(_, mode)| *mode)
    }
}

/// The parts of a candidate's score in one index: the numerator, and the candidate's observations.
#[derive(Debug, Clone, Copy, Default)]
pub struct SharedSum {
    /// The sum of [`Scorer::contribution`] over shared buckets; with JACCARD, the number of slots that agree.
    pub sum: u128,
    /// The candidate's observations in the window.
    pub observations: u64,
}

/// Computes the scores of candidates in one index: all that a score needs apart from the candidate.
#[derive(Debug, Clone, Copy)]
pub struct Scorer {
    /// The measure.
    pub mode: ScoreMode,
    /// The number of bands.
    pub bands: u16,
    /// Observations of the query.
    pub query_observations: u64,
    /// Observations of all items in the window.
    pub all_observations: u64,
    /// Slots of a sketch; 0 if there are no sketches.
    pub slots: u16,
}

impl Scorer {
    /// The amount that one bucket adds to a candidate's sum: `c` of the query's observations and `n` of the candidate's
    /// `candidate_observations` fell into it.
    pub fn contribution(&self, c: u64, n: u64, candidate_observations: u64) -> u128 {
        match self.mode {
            // min(c/Q, n/T), multiplied by Q*T.
            ScoreMode::Overlap => {
                let query_side = u128::from(c) * u128::from(candidate_observations);
                query_side.min(u128::from(n) * u128::from(self.query_observations))
            }
            ScoreMode::Coverage => c.into(),
            ScoreMode::Significance => n.into(),
            ScoreMode::Jaccard => 0,
        }
    }

    /// True if the score of a candidate whose only shared bucket is this one certainly decreases with every
    /// observation that it has in other buckets. Under OVERLAP it does if the candidate's share is the smaller one,
    /// `n/T <= c/Q`; while the query's is smaller, more observations change nothing. COVERAGE never decreases.
    /// SIGNIFICANCE does, but its logarithms may round to the same double, so the answer is no.
    pub fn decreases_with_observations(&self, c: u64, n: u64, candidate_observations: u64) -> bool {
        let query_side = u128::from(c) * u128::from(candidate_observations);
        self.mode == ScoreMode::Overlap && u128::from(n) * u128::from(self.query_observations) <= query_side
    }

    /// The score of a candidate. OVERLAP and COVERAGE are exact but for the division at the end: one rounding, or
    /// three if the denominator exceeds 2^53.
    pub fn score(&self, shared: &SharedSum) -> f64 {
        match self.mode {
            ScoreMode::Overlap | ScoreMode::Coverage => ratio(shared.sum, self.perfect_sum(shared)),
            ScoreMode::Significance => self.significance(shared),
            ScoreMode::Jaccard => similarity(shared.sum as usize, self.slots.into()),
        }
    }

    /// For EXPLAIN: how much of a candidate's score comes from the buckets that contributed `sum`. The shares of all
    /// buckets add up to the score, up to rounding; SIGNIFICANCE, which is not a sum, is divided in proportion.
    pub fn share(&self, sum: u128, shared: &SharedSum) -> f64 {
        match self.mode {
            _ if sum == 0 => 0.0,
            ScoreMode::Overlap | ScoreMode::Coverage => self.score(&SharedSum { sum, ..*shared }),
            ScoreMode::Significance | ScoreMode::Jaccard => self.score(shared) * ratio(sum, shared.sum),
        }
    }

    /// The score of a candidate in units of 2^-96, for [`mean`].
    pub fn score_fixed_point(&self, shared: &SharedSum) -> u128 {
        match self.mode {
            ScoreMode::Overlap | ScoreMode::Coverage => fixed_point(shared.sum, self.perfect_sum(shared)),
            // No digit is lost: a score is 0, or between 1 and far below 2^32.
            ScoreMode::Significance => (self.significance(shared) * (1u128 << 96) as f64) as u128,
            ScoreMode::Jaccard => {
                let (numerator, denominator) = similarity_fraction(shared.sum as usize, self.slots.into());
                fixed_point(numerator as u128, denominator as u128)
            }
        }
    }

    /// The sum of a candidate that is exactly like the query: what OVERLAP and COVERAGE divide by.
    fn perfect_sum(&self, shared: &SharedSum) -> u128 {
        debug_assert!(
            matches!(self.mode, ScoreMode::Overlap | ScoreMode::Coverage),
            "others have no perfect sum"
        );
        let query_side = u128::from(self.bands) * u128::from(self.query_observations);
        match self.mode {
            ScoreMode::Overlap => query_side * u128::from(shared.observations),
            _ => query_side,
        }
    }

    /// 0 if nothing is shared; otherwise it grows with the sum, and decreases with the observations.
    fn significance(&self, shared: &SharedSum) -> f64 {
        if shared.sum == 0 {
            return 0.0;
        }
        let bands = f64::from(self.bands);
        significance(
            shared.sum as f64,
            bands * shared.observations as f64,
            bands * self.all_observations as f64,
        )
    }
}

/// Solr's significance: high if `foreground` is large and `background` is rare among `all`.
pub fn significance(foreground: f64, background: f64, all: f64) -> f64 {
    (foreground.ln() + 1.0) * (((all + 1.0) / (background + 1.0)).ln() + 1.0)
}

/// Integers up to here are exact doubles.
const EXACT: u128 = 1 << f64::MANTISSA_DIGITS;

/// A fraction between 0 and 1 as a double, such that equal fractions give equal doubles.
pub fn ratio(numerator: u128, denominator: u128) -> f64 {
    debug_assert!(numerator <= denominator, "a fraction between 0 and 1");
    if denominator <= EXACT {
        // Nearly always, and much faster: both are exact, and a division of doubles is rounded once.
        return numerator as u64 as f64 / denominator as u64 as f64;
    }
    // Both would be rounded. In lowest terms equal fractions have equal terms, so they are rounded alike.
    let divisor = gcd(numerator, denominator);
    (numerator / divisor) as f64 / (denominator / divisor) as f64
}

/// A fraction between 0 and 1 in units of 2^-96, rounded down: what means are computed from. 0 of 0 is 0.
pub fn fixed_point(numerator: u128, denominator: u128) -> u128 {
    debug_assert!(denominator >> 96 == 0, "a remainder is shifted by 32 bits");
    // Long division, 32 binary digits at a time.
    let mut digits = numerator.checked_div(denominator).unwrap_or(0);
    let mut remainder = numerator.checked_rem(denominator).unwrap_or(0);
    for _ in 0..3 {
        remainder <<= 32;
        digits = digits << 32 | remainder.checked_div(denominator).unwrap_or(0);
        remainder = remainder.checked_rem(denominator).unwrap_or(0);
    }
    digits
}

/// The mean of scores that [`Scorer::score_fixed_point`] gave. Equal means give equal doubles, regardless of which
/// scores they average: exactly so for multiples of 2^-80, and for others unless they lie within 2^-95 of a rounding
/// boundary, which is accepted.
pub fn mean(scores: impl Iterator<Item = u128>) -> f64 {
    let (sum, count) = scores.fold((0, 0), |(sum, count), score| (sum + score, count + 1));
    // Each score was rounded down in its 96th binary digit. Rounding the mean to 80 digits hides that.
    let mean = ((sum / u128::max(count, 1)) + (1 << 15)) >> 16;
    mean as f64 / (1u128 << 80) as f64
}

/// The greatest common divisor, by Euclid's algorithm.
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
        let tenths = |numerators: [u128; 3]| mean(numerators.into_iter().map(|n| fixed_point(n, 10)));
        assert_eq!(tenths([1, 2, 3]), 0.2);
        assert_eq!(tenths([3, 2, 1]), tenths([1, 3, 2]));
        assert_eq!(tenths([10, 10, 10]), 1.0);
        assert_eq!(mean([fixed_point(1, 3), fixed_point(2, 3)].into_iter()), 0.5);
        assert_eq!(mean(std::iter::empty()), 0.0);
    }

    const OVERLAP: Scorer =
        Scorer { mode: ScoreMode::Overlap, bands: 1, query_observations: 2, all_observations: 10, slots: 0 };

    #[test]
    fn overlap_is_one_minus_half_the_distance() {
        // Two observations in buckets a and b against four, three of them in a: min(1/2, 3/4).
        let shared = SharedSum { sum: OVERLAP.contribution(1, 3, 4), observations: 4 };
        assert_eq!(OVERLAP.score(&shared), 0.5);
    }

    #[test]
    fn overlap_decreases_with_observations_once_the_candidate_has_the_smaller_share() {
        // Of the query's two observations one is here; the candidate has all n of its T here, or fewer.
        assert!(!OVERLAP.decreases_with_observations(1, 4, 4)); // 1/2 < 4/4: the query's share counts
        assert!(OVERLAP.decreases_with_observations(1, 2, 4)); // equal: one more observation lowers it
        assert!(OVERLAP.decreases_with_observations(2, 1, 4));
        let coverage = Scorer { mode: ScoreMode::Coverage, ..OVERLAP };
        assert!(!coverage.decreases_with_observations(2, 1, 4));
    }

    #[test]
    fn coverage_is_the_part_of_the_query_that_was_seen() {
        let coverage = Scorer { mode: ScoreMode::Coverage, bands: 3, query_observations: 4, ..OVERLAP };
        let sum = coverage.contribution(3, 1, 1_000) + coverage.contribution(4, 9, 1_000);
        assert_eq!(coverage.score(&SharedSum { sum, observations: 1_000 }), 7.0 / 12.0);
    }

    #[test]
    fn significance_is_that_of_solr() {
        let scorer = Scorer { mode: ScoreMode::Significance, bands: 2, all_observations: 49, ..OVERLAP };
        let score = |sum, observations| scorer.score(&SharedSum { sum, observations });
        // (ln 3 + 1) * (ln(99 / 9) + 1)
        assert!((score(3, 4) - 7.130_864_775_1).abs() < 1e-9, "{}", score(3, 4));
        assert_eq!(score(0, 4), 0.0);
        assert_eq!(score(1, 49), 1.0); // the least that anything shared gives
    }

    #[test]
    fn a_mean_of_one_score_is_that_score() {
        let scorer = Scorer { mode: ScoreMode::Significance, bands: 3, all_observations: 12_345, ..OVERLAP };
        for (sum, observations) in [(0, 1), (1, 1), (7, 90), (12_345, 12_345), (u128::from(u32::MAX), 5)] {
            let shared = SharedSum { sum, observations };
            assert_eq!(mean(std::iter::once(scorer.score_fixed_point(&shared))), scorer.score(&shared));
        }
    }
}
