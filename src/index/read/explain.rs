//! Why two items are similar: their score, and each band's share of it.
//!
//! A search never reads a candidate's profile: it finds the shared buckets from the query's side. Here there is
//! only one pair of items, so both profiles are read and compared band by band. The contributions of the shared
//! buckets are computed by the same [`Scorer`] as in a search and added up in integers, so the score is the
//! same to the last bit.

use crate::index::Chunk;
use crate::index::search::profile::{Frequency, Profile};
use crate::index::search::score::{ScoreMode, Scorer, SharedSum};

/// A shared bucket: its bytes, and the counts of the query and of the candidate.
type SharedBucket<'a> = (&'a [u8], [u64; 2]);

/// A candidate's score, and the reasons for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explanation<'a> {
    /// The score; 0 if only one side was observed, `None` if neither was.
    pub score: Option<f64>,
    /// The numbers of observations of the query and of the candidate.
    pub observations: [u64; 2],
    /// The share of each band.
    pub bands: Vec<BandShare<'a>>,
}

/// The share of a band in a score.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BandShare<'a> {
    /// The band's share of the score. The shares of all bands add up to the score. OVERLAP and COVERAGE are
    /// sums over the bands, so a share is a term of the sum. SIGNIFICANCE takes the logarithm of the
    /// candidate's counts in all bands together, so it is divided among the bands in proportion to their
    /// counts.
    pub share: f64,
    /// The shared buckets, in the order of their bytes, with the counts of the query and of the candidate.
    pub buckets: Vec<SharedBucket<'a>>,
}

/// Explains the score that a candidate has for a query. `chunks` are those that both profiles were read from.
pub fn explain<'a>(
    mode: ScoreMode,
    [query, candidate]: &[Profile<'a>; 2],
    bands: u16,
    chunks: &[&Chunk],
) -> Explanation<'a> {
    let all = chunks.iter().map(|chunk| chunk.observations()).sum();
    let scorer = Scorer { mode, bands, query_observations: query.observations(), all_observations: all };
    let observations = [query.observations(), candidate.observations()];

    // Step 1: find the buckets that both have, band by band.
    let pairs_of_bands = query.by_band(bands).into_iter().zip(candidate.by_band(bands));
    let shared: Vec<Vec<SharedBucket>> =
        pairs_of_bands.map(|(query, candidate)| shared_buckets(&query, &candidate)).collect();

    // Step 2: add up their contributions to the score, of each band and in total.
    let band_sum = |buckets: &[SharedBucket]| -> u128 {
        buckets
            .iter()
            .map(|(_, [query, candidate])| scorer.contribution(*query, *candidate, observations[1]))
            .sum()
    };
    let total = SharedSum {
        sum: shared.iter().map(|buckets| band_sum(buckets)).sum(),
        observations: observations[1],
    };
    // Step 3: turn the sums into the score, and into each band's share of it.
    let score = match observations {
        [0, 0] => None,
        _ if total.sum == 0 => Some(0.0),
        _ => Some(scorer.score(&total)),
    };
    let band_share = |buckets: Vec<_>| BandShare { share: scorer.share(band_sum(&buckets), &total), buckets };
    Explanation { score, observations, bands: shared.into_iter().map(band_share).collect() }
}

/// The buckets of a band that both profiles have, with the counts of both. Both are sorted by bucket.
fn shared_buckets<'a>(query: &[Frequency<'a>], candidate: &[Frequency<'a>]) -> Vec<SharedBucket<'a>> {
    debug_assert!(candidate.is_sorted_by_key(|frequency| frequency.bucket));
    let shared = query.iter().filter_map(|ours| {
        let found = candidate.binary_search_by_key(&ours.bucket, |theirs| theirs.bucket).ok()?;
        Some((ours.bucket, [ours.count, candidate.get(found)?.count]))
    });
    shared.collect()
}
