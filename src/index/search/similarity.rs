//! The Jaccard similarity of two sets, estimated from their sketches.
//!
//! In each slot of Fast Similarity Sketching two sets of similarity J agree with probability J. A sketch keeps only
//! a byte of each slot, and two bytes that come from different slots are equal once in 256 times. So of n slots
//! the expected number that agree is `k = n * (J + (1 - J)/256)`, which gives the estimate
//!
//! ```text
//! J = (k/n - 1/256) / (1 - 1/256) = (256 * k - n) / (255 * n)        0 if that is negative
//! ```
//!
//! Fewer bits for each slot allow more slots in the same memory, and that is the better trade: it is the idea of
//! b-bit minwise hashing (Li and König 2010).

/// Slots that are compared between two looks at whether it is worth going on: as many as a vector register has.
const STRIDE: usize = 64;

/// The estimate for `agreeing` of `slots` slots, which is not 0. Equal fractions give equal doubles, and 1 is
/// exact.
pub fn similarity(agreeing: usize, slots: usize) -> f64 {
    let (numerator, denominator) = similarity_fraction(agreeing, slots);
    numerator as f64 / denominator as f64
}

/// The same, as numerator and denominator.
pub fn similarity_fraction(agreeing: usize, slots: usize) -> (usize, usize) {
    ((256 * agreeing).saturating_sub(slots), 255 * slots)
}

/// The fewest of `slots` slots that must agree for an estimate of at least `score`; more than `slots` if none
/// would do.
pub fn agreeing_for(score: f64, slots: usize) -> usize {
    if score <= 0.0 {
        return 0;
    }
    let enough = |agreeing: &usize| similarity(*agreeing, slots) >= score;
    // The formula, solved for k, is at most one off by rounding.
    let estimate = ((score * 255.0 + 1.0) / 256.0 * slots as f64) as usize;
    (estimate.saturating_sub(1)..=slots).find(enough).unwrap_or(slots + 1)
}

/// The number of slots in which two sketches of the same length agree, if it is at least `needed`. The
/// comparison stops as soon as it cannot be.
#[inline]
pub fn count_agreeing(one: &[u8], other: &[u8], needed: usize) -> Option<usize> {
    debug_assert_eq!(one.len(), other.len());
    let mut agreeing = 0;
    let mut left = one.len();
    for (one, other) in one.chunks(STRIDE).zip(other.chunks(STRIDE)) {
        // A sum of bytes, which cannot overflow: the compiler makes vector instructions of it.
        let equal = one.iter().zip(other).map(|(one, other)| u8::from(one == other)).sum::<u8>();
        agreeing += usize::from(equal);
        left -= one.len();
        if agreeing + left < needed {
            return None;
        }
    }
    Some(agreeing)
}

/// The numbers of the slots in which two sketches agree, ascending.
pub fn agreeing_slots(one: &[u8], other: &[u8]) -> Vec<u16> {
    let agreeing = (0..).zip(one.iter().zip(other)).filter(|(_, (one, other))| one == other);
    agreeing.map(|(number, _)| number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_takes_equal_bytes_by_chance_into_account() {
        assert_eq!([0, 1, 256].map(|agreeing| similarity(agreeing, 256)), [0.0, 0.0, 1.0]);
        assert_eq!(similarity(205, 256), 204.0 / 255.0); // 0.8
        assert_eq!((similarity(0, 16), similarity(16, 16), similarity(4_096, 4_096)), (0.0, 1.0, 1.0));
        assert_eq!(similarity(30, 60), similarity(15, 30));
    }

    #[test]
    fn the_slots_needed_are_the_fewest_that_reach_the_score() {
        for slots in [16, 100, 256, 4_096] {
            for score in [0.0, 1e-9, 0.1, 0.5, 0.8, 0.999_999, 1.0] {
                let needed = agreeing_for(score, slots);
                assert!(similarity(needed, slots) >= score, "{score} {slots}");
                assert!(needed == 0 || similarity(needed - 1, slots) < score, "{score} {slots}");
            }
            assert_eq!(agreeing_for(1.1, slots), slots + 1);
        }
    }

    #[test]
    fn slots_are_counted_unless_too_few_can_agree() {
        let one: Vec<u8> = (0..200).collect();
        let other: Vec<u8> = (0..200).map(|slot| if slot % 4 == 0 { 255 } else { slot }).collect();
        assert_eq!(count_agreeing(&one, &other, 0), Some(150));
        assert_eq!(count_agreeing(&one, &other, 150), Some(150));
        assert_eq!(count_agreeing(&one, &other, 151), None);
        assert_eq!(count_agreeing(&one, &one, 200), Some(200));
        let agreeing = agreeing_slots(&one, &other);
        assert_eq!((agreeing.len(), &agreeing[..4]), (150, &[1, 2, 3, 5][..]));
    }
}
