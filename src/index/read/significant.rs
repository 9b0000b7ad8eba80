//! What sets an item apart: the buckets that it is in more than the rest of the index is.

use crate::index::Chunk;
use crate::index::search::profile::Profile;
use crate::index::search::score::significance;
use std::cmp::Ordering;

/// A bucket of an item, and how telling it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignificantBucket<'a> {
    /// The band.
    pub band: u16,
    /// The bucket's bytes.
    pub bucket: &'a [u8],
    /// Solr's significantTerms: `(ln(f) + 1) * (ln((M + 1) / (g + 1)) + 1)`, with f and g below and M
    /// the observations of the index.
    pub score: f64,
    /// How many of the item's observations fell into the bucket.
    pub foreground: u64,
    /// How many observations of all items did.
    pub background: u64,
}

/// The buckets of an item that was observed in these chunks, best first; at most `limit`.
pub fn significant<'a>(
    item: &Profile<'a>,
    chunks: &[&Chunk],
    limit: Option<usize>,
) -> Vec<SignificantBucket<'a>> {
    let all: u64 = chunks.iter().map(|chunk| chunk.observations()).sum();
    let scored = item.frequencies().iter().map(|frequency| {
        let key = frequency.key();
        let in_chunk = |chunk: &&Chunk| chunk.bucket(&key);
        let totals = chunks.iter().filter_map(|chunk| Some(chunk.total(in_chunk(chunk)?)));
        let (foreground, background) = (frequency.count, totals.sum::<u64>());
        let score = significance(foreground as f64, background as f64, all as f64);
        SignificantBucket { band: frequency.band, bucket: frequency.bucket, score, foreground, background }
    });
    let mut scored: Vec<SignificantBucket> = scored.collect();
    if let Some(limit) = limit.filter(|limit| *limit < scored.len()) {
        if limit > 0 {
            scored.select_nth_unstable_by(limit - 1, order);
        }
        scored.truncate(limit);
    }
    scored.sort_unstable_by(order);
    scored
}

/// Best first; ties by band, then by the bucket's bytes.
fn order(a: &SignificantBucket, b: &SignificantBucket) -> Ordering {
    b.score.total_cmp(&a.score).then_with(|| (a.band, a.bucket).cmp(&(b.band, b.bucket)))
}
