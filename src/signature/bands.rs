//! The banding curve of locality-sensitive hashing, and the choice of bands and rows for a threshold.
//!
//! A signature of `bands * rows` slots is cut into bands, and all rows of a band must agree for two
//! sets to share its bucket. Two sets of Jaccard similarity `s` then share at least one bucket with
//! probability `1 - (1 - s^rows)^bands` (Indyk and Motwani 1998; Leskovec, Rajaraman, Ullman: Mining of
//! Massive Datasets, 3.4). As a function of `s` that is an S-curve: nearly 0 up to a threshold, nearly
//! 1 beyond it.
//!
//! ```text
//! shares a bucket                                 17 bands of 5 rows:
//!    1 |                           *---*---*---*
//!      |                       *                    s         .3   .4   .5   .6   .7   .8
//!   .5 |                   *                        shares    .04  .16  .42  .75  .96  .999
//!      |               *
//!    0 *---*---*---*                                More rows move the step to the right,
//!      +---+---+---+---+---+---+---+---+---+---+    more bands to the left.
//!      0  .1  .2  .3  .4  .5  .6  .7  .8  .9   1 = s
//! ```

/// The most rows a band may have.
const MAX_ROWS: u16 = 64;
/// The most bands a signature may have.
const MAX_BANDS: u16 = 1024;

/// Chooses bands and rows that find sets of a similarity of at least `threshold`.
///
/// Returns `(bands, rows)`: the largest number of rows (1..=64), and for it the smallest number of
/// bands (1..=1024), with `bands * rows <= slots` and a probability of at least `recall` that two
/// sets of similarity `threshold` share a bucket. Many rows keep out less similar sets, and so does
/// taking only as many bands as the recall needs. `None` if no choice reaches `recall`, or an argument
/// is not a number.
///
/// The recall is a floor *at* the threshold. Optimisers that balance both kinds of error over the
/// whole curve reach far less there: datasketch's choice for .8 misses 60 % of the pairs at .8.
///
/// ```
/// assert_eq!(simile::signature::choose_bands(0.7, 0.95, 128), Some((17, 5)));
/// ```
pub fn choose_bands(threshold: f64, recall: f64, slots: usize) -> Option<(u16, u16)> {
    (1..=MAX_ROWS).rev().find_map(|rows| {
        let fitting_bands = slots / usize::from(rows);
        let max_bands = u16::try_from(fitting_bands).unwrap_or(MAX_BANDS).min(MAX_BANDS);
        let reaches_recall = |bands: &u16| missing_probability(threshold, *bands, rows) <= 1.0 - recall;
        // The probability only grows with the number of bands. So if the largest number fails, all
        // fail, and these rows are out after one test; otherwise the smallest that passes is taken.
        let bands = reaches_recall(&max_bands).then(|| (1..=max_bands).find(reaches_recall))??;
        Some((bands, rows))
    })
}

/// The Jaccard similarity from which on two sets share a bucket with a probability of at least `recall`.
///
/// ```
/// let similarity = simile::signature::meeting_similarity(17, 5, 0.95);
/// assert!((similarity - 0.6945).abs() < 0.0005); // `choose_bands` chose them for 0.7
/// ```
pub fn meeting_similarity(bands: u16, rows: u16, recall: f64) -> f64 {
    (1.0 - (1.0 - recall).powf(1.0 / f64::from(bands))).powf(1.0 / f64::from(rows))
}

/// The probability that two sets of Jaccard similarity `similarity` share no bucket at all,
/// `(1 - similarity^rows)^bands`.
///
/// This is compared, rather than 1 minus it, because it is exact near 0: 1 minus a tiny number rounds
/// to 1 (54 bands would seem to reach a recall of 1 at similarity .5), while `1 - recall` is free of
/// rounding for any recall from .5 on.
fn missing_probability(similarity: f64, bands: u16, rows: u16) -> f64 {
    (1.0 - similarity.powf(f64::from(rows))).powf(f64::from(bands))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every choice there is, tried in the order of preference.
    fn first_of_all_choices(threshold: f64, recall: f64, slots: usize) -> Option<(u16, u16)> {
        let rows_then_bands = (1..=64).rev().flat_map(|rows| (1..=1024).map(move |b| (b, rows)));
        rows_then_bands
            .filter(|&(bands, rows)| usize::from(bands) * usize::from(rows) <= slots)
            .find(|&(bands, rows)| missing_probability(threshold, bands, rows) <= 1.0 - recall)
    }

    #[test]
    fn known_choices() {
        for (threshold, choice) in [(0.5, (23, 3)), (0.7, (17, 5)), (0.8, (13, 7)), (0.9, (10, 12))] {
            assert_eq!(choose_bands(threshold, 0.95, 128), Some(choice), "{threshold}");
        }
    }

    #[test]
    fn equal_sets_need_one_band() {
        assert_eq!(choose_bands(1.0, 0.95, 128), Some((1, 64)));
        assert_eq!(choose_bands(1.0, 1.0, 10), Some((1, 10)));
    }

    #[test]
    fn a_recall_reached_exactly_is_reached() {
        assert_eq!(choose_bands(0.5, 0.75, 2), Some((2, 1)));
        assert_eq!(choose_bands(0.5, 0.875, 3), Some((3, 1)));
        assert_eq!(choose_bands(0.9, 0.99, 2), Some((2, 1)));
        assert_eq!(choose_bands(0.95, 0.95, 1), Some((1, 1)));
    }

    #[test]
    fn no_choice() {
        for (threshold, recall, slots) in [
            (0.1, 0.95, 10),
            (0.5, 1.0, 128),
            (0.001, 0.95, 4096), // 2995 bands would do, 1024 are allowed
            (0.5, 0.95, 0),
            (f64::NAN, 0.95, 128),
            (0.5, f64::NAN, 128),
        ] {
            assert_eq!(choose_bands(threshold, recall, slots), None, "{threshold} {recall}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_choice_is_the_first_of_all(
            threshold in 0.01..=1.0, recall in 0.5..1.0, slots in 1..=512_usize,
        ) {
            prop_assert_eq!(
                choose_bands(threshold, recall, slots),
                first_of_all_choices(threshold, recall, slots)
            );
        }
    }
}
