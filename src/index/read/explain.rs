//! Why two items are similar: their score, and each band's share of it.
//!
//! A search never reads a candidate's profile: it finds the shared buckets from the query's side. Here there is
//! only one pair of items, so both profiles are read and compared band by band. The contributions of the shared
//! buckets are computed by the same [`Scorer`] as in a search and added up in integers, so the score is the
//! same to the last bit.
//!
//! JACCARD is not made of buckets: it compares sketches. Its explanation is which of their slots agree. The shared
//! buckets are there as well, since without one the items would not have met.

use crate::index::Chunk;
use crate::index::search::profile::{Frequency, Profile};
use crate::index::search::score::{ScoreMode, Scorer, SharedSum};
use crate::index::search::similarity::{agreeing_slots, similarity};

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
    /// With JACCARD, what the sketches have in common; `None` if one of the items has none.
    pub agreement: Option<Agreement>,
}

/// The slots in which two sketches agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// The numbers of these slots, from 0, ascending.
    pub slots: Vec<u16>,
    /// The number of all slots.
    pub of: usize,
}

/// The share of a band in a score.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BandShare<'a> {
    /// The band's share of the score. The shares of all bands add up to the score. OVERLAP and COVERAGE are
    /// sums over the bands, so a share is a term of the sum. SIGNIFICANCE takes the logarithm of the
    /// candidate's counts in all bands together, so it is divided among the bands in proportion to their
    /// counts. `None` with JACCARD, which is not made of bands.
    pub share: Option<f64>,
    /// The shared buckets, in the order of their bytes, with the counts of the query and of the candidate.
    pub buckets: Vec<SharedBucket<'a>>,
}

/// Explains the score that a candidate, the second item, has for a query by the first one: given their profiles and
/// sketches, and the chunks that these were read from.
pub fn explain<'a>(
    mode: ScoreMode,
    [query, candidate]: &[Profile<'a>; 2],
    sketches: [Option<&[u8]>; 2],
    bands: u16,
    chunks: &[&Chunk],
) -> Explanation<'a> {
    // Step 1: find the buckets that both have, band by band.
    let observations = [query.observations(), candidate.observations()];
    let pairs_of_bands = query.by_band(bands).into_iter().zip(candidate.by_band(bands));
    let shared: Vec<Vec<SharedBucket>> =
        pairs_of_bands.map(|(query, candidate)| shared_buckets(&query, &candidate)).collect();

    if mode == ScoreMode::Jaccard {
        return explain_by_sketches(sketches, observations, shared);
    }
    // Step 2: add up their contributions to the score, of each band and in total.
    let all = chunks.iter().map(|chunk| chunk.observations()).sum();
    let scorer = Scorer { mode, bands, query_observations: observations[0], all_observations: all, slots: 0 };
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
    let band_share =
        |buckets: Vec<_>| BandShare { share: Some(scorer.share(band_sum(&buckets), &total)), buckets };
    let bands = shared.into_iter().map(band_share).collect();
    Explanation { score, observations, bands, agreement: None }
}

/// The explanation of JACCARD: the slots in which the sketches of both agree.
fn explain_by_sketches<'a>(
    sketches: [Option<&[u8]>; 2],
    observations: [u64; 2],
    shared: Vec<Vec<SharedBucket<'a>>>,
) -> Explanation<'a> {
    let agreement = match sketches {
        [Some(one), Some(other)] => Some(Agreement { slots: agreeing_slots(one, other), of: one.len() }),
        _ => None,
    };
    let score = match (&agreement, observations) {
        (_, [0, 0]) => None,
        (Some(Agreement { slots, of }), _) => Some(similarity(slots.len(), *of)),
        (None, _) => Some(0.0),
    };
    let bands = shared.into_iter().map(|buckets| BandShare { share: None, buckets }).collect();
    Explanation { score, observations, bands, agreement }
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
