//! How alike a query and a candidate are.
//!
//! With c and n the counts of the query and the candidate in a bucket, Tq and T their observations
//! in the window, and B bands.

/// What a score measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Score {
    /// The mean over bands of `1 - L1/2` of the frequencies scaled to sum 1: the score of Sentry's
    /// index. It equals the sum over shared buckets of `min(c/Tq, n/T)`, divided by B.
    #[default]
    Overlap,
}

/// What was found out about a candidate in the buckets that it shares with the query.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shared {
    /// The sum of what [`Score::part`] gave.
    pub sum: u128,
    /// Observations of the candidate in the window.
    pub observations: u64,
}

impl Score {
    /// The share of one bucket, as an integer that [`Self::of`] scales: c of the query's `query`
    /// observations and n of the candidate's `candidate` observations fell into it.
    pub fn part(self, c: u64, n: u64, query: u64, candidate: u64) -> u128 {
        match self {
            Score::Overlap => (u128::from(c) * u128::from(candidate)).min(u128::from(n) * u128::from(query)),
        }
    }

    /// The score of a candidate: exact, but for one division.
    pub fn of(self, shared: &Shared, bands: u16, query: u64) -> f64 {
        match self {
            Score::Overlap => {
                let whole = u128::from(bands) * u128::from(query) * u128::from(shared.observations);
                ratio(shared.sum, whole)
            }
        }
    }
}

/// Integers up to here are doubles.
const EXACT: u128 = 1 << f64::MANTISSA_DIGITS;

/// A fraction between 0 and 1 as a double, such that equal fractions give equal doubles.
fn ratio(part: u128, whole: u128) -> f64 {
    let divisor = if whole > EXACT { gcd(part, whole) } else { 1 };
    (part / divisor) as f64 / (whole / divisor) as f64
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
    fn overlap_is_one_minus_half_the_distance() {
        // Two observations in buckets a and b against four, three of them in a: min(1/2, 3/4).
        let shared = Shared { sum: Score::Overlap.part(1, 3, 2, 4), observations: 4 };
        assert_eq!(Score::Overlap.of(&shared, 1, 2), 0.5);
    }
}
