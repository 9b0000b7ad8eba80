//! The observations of one item that Sentry has and a scope lacks.

use super::sentry_index::Bands;
use simile::index::blob::BandCounts;
use std::collections::BTreeMap;

/// The counts that the scope lacks, band by band; all bands are empty if it lacks nothing. `None` if it is
/// unclear: then each side has counts that the other lacks.
///
/// A scope that has more than Sentry is fine as long as it lacks nothing: the rest was recorded since. But
/// if it lacks some counts and has others, the others may be the missing ones (an observation of another
/// time, say, or one that was recorded twice), and adding could count them twice.
pub fn missing_counts(sentry: &Bands, scope: &[BandCounts]) -> Option<Bands> {
    let mut missing = vec![BTreeMap::new(); sentry.len()];
    let mut scope_has_more = false;
    let empty = BTreeMap::new();
    for (band, sentry_counts) in sentry.iter().enumerate() {
        let scope_counts = scope.get(band).unwrap_or(&empty);
        scope_has_more |= scope_counts
            .iter()
            .any(|(bucket, count)| sentry_counts.get(bucket).is_none_or(|at_sentry| at_sentry < count));
        for (bucket, count) in sentry_counts {
            let in_scope = scope_counts.get(bucket).copied().unwrap_or_default();
            if *count > in_scope {
                missing[band].insert(bucket.clone(), count - in_scope);
            }
        }
    }
    (is_empty(&missing) || !scope_has_more).then_some(missing)
}

/// True if no band has a count.
pub fn is_empty(bands: &Bands) -> bool {
    bands.iter().all(BTreeMap::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bands(counts: &[&[(&str, u32)]]) -> Bands {
        let band = |band: &&[(&str, u32)]| {
            band.iter().map(|(name, count)| (name.as_bytes().to_vec(), *count)).collect()
        };
        counts.iter().map(band).collect()
    }

    #[test]
    fn only_missing_counts_are_added() {
        let sentry = bands(&[&[("a", 2), ("b", 1)], &[("c", 3)]]);
        let missing = |scope: &[&[(&str, u32)]]| missing_counts(&sentry, &bands(scope));
        assert_eq!(missing(&[]), Some(sentry.clone()));
        assert_eq!(missing(&[&[], &[]]), Some(sentry.clone()));
        assert_eq!(missing(&[&[("a", 2), ("b", 1)], &[("c", 3)]]), Some(bands(&[&[], &[]])));
        assert_eq!(missing(&[&[("a", 2)], &[("c", 2)]]), Some(bands(&[&[("b", 1)], &[("c", 1)]])));
        // The scope has everything, and more that was recorded since.
        assert_eq!(missing(&[&[("a", 2), ("b", 2)], &[("c", 3), ("d", 1)]]), Some(bands(&[&[], &[]])));
        // The scope has counts that Sentry lacks, and lacks some itself.
        assert_eq!(missing(&[&[("x", 1)], &[("c", 1)]]), None);
        assert_eq!(missing(&[&[("a", 3)], &[("c", 3)]]), None);
    }
}
