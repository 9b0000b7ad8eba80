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
        ratio(shared.sum, self.whole(shared, bands, query))
    }

    /// The score of a candidate in units of 2^-96, for a `mean`.
    pub fn fixed(self, shared: &Shared, bands: u16, query: u64) -> u128 {
        fixed(shared.sum, self.whole(shared, bands, query))
    }

    /// What the sum of an item is that is exactly like the query.
    fn whole(self, shared: &Shared, bands: u16, query: u64) -> u128 {
        match self {
            Score::Overlap => u128::from(bands) * u128::from(query) * u128::from(shared.observations),
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

/// The mean of scores of which [`Score::fixed`] gave each. Equal means are equal doubles, however
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

    #[test]
    fn overlap_is_one_minus_half_the_distance() {
        // Two observations in buckets a and b against four, three of them in a: min(1/2, 3/4).
        let shared = Shared { sum: Score::Overlap.part(1, 3, 2, 4), observations: 4 };
        assert_eq!(Score::Overlap.of(&shared, 1, 2), 0.5);
    }
}
