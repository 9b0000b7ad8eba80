//! Why two items are alike: their score, and what each band has in it.

use crate::index::Chunk;
use crate::index::search::profile::{Frequency, Profile};
use crate::index::search::score::{ScoreMode, Scorer, SharedSum};

/// Why a candidate has its score.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explanation<'a> {
    /// The score; 0 where only one side was observed, `None` where neither was.
    pub score: Option<f64>,
    /// Observations of the query and of the candidate.
    pub observations: [u64; 2],
    /// Each band.
    pub bands: Vec<BandShare<'a>>,
}

/// What a band has in a score.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BandShare<'a> {
    /// Its share of the score. The shares of all bands add up to the score: OVERLAP and COVERAGE are
    /// sums over bands. SIGNIFICANCE is not: the logarithm is taken of the candidate's counts in all
    /// bands together, so the score is divided among the bands as these counts are.
    pub share: f64,
    /// The shared buckets by their bytes, with the counts of the query and of the candidate.
    pub buckets: Vec<(&'a [u8], [u64; 2])>,
}

/// Explains the score that a candidate has for a query, whose profiles are of the same chunks.
pub fn explain<'a>(
    mode: ScoreMode,
    [query, candidate]: &[Profile<'a>; 2],
    bands: u16,
    chunks: &[&Chunk],
) -> Explanation<'a> {
    let all = chunks.iter().map(|chunk| chunk.observations()).sum();
    let scorer = Scorer { mode, bands, query_observations: query.observations(), all_observations: all };
    let observations = [query.observations(), candidate.observations()];
    let of_bands = query.by_band(bands).into_iter().zip(candidate.by_band(bands));
    let shared: Vec<_> = of_bands.map(|(own, others)| in_both(&own, &others)).collect();
    let sum_of = |buckets: &[(&[u8], [u64; 2])]| -> u128 {
        buckets.iter().map(|(_, [c, n])| scorer.contribution(*c, *n, observations[1])).sum()
    };
    let whole =
        SharedSum { sum: shared.iter().map(|buckets| sum_of(buckets)).sum(), observations: observations[1] };
    let score = match observations {
        [0, 0] => None,
        _ if whole.sum == 0 => Some(0.0),
        _ => Some(scorer.score(&whole)),
    };
    let band = |buckets: Vec<_>| BandShare { share: scorer.share(sum_of(&buckets), &whole), buckets };
    Explanation { score, observations, bands: shared.into_iter().map(band).collect() }
}

/// The buckets that are in a band of both profiles.
fn in_both<'a>(query: &[Frequency<'a>], others: &[Frequency<'a>]) -> Vec<(&'a [u8], [u64; 2])> {
    let shared = query.iter().filter_map(|own| {
        let at = others.binary_search_by_key(&own.bucket, |other| other.bucket).ok()?;
        Some((own.bucket, [own.count, others.get(at)?.count]))
    });
    shared.collect()
}
