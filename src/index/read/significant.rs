//! The buckets that set an item apart: it was seen in them more often than the rest of the index.
//!
//! The score of a bucket is that of Apache Solr's streaming expression `significantTerms`, a tf-idf weight. It
//! compares the *foreground* f, the number of times that the item was seen in the bucket (for Solr, a term's
//! frequency in the documents found), with the *background* g, the number of times that any item was (the
//! term's frequency in the corpus). With M observations of all items in the window:
//!
//! ```text
//! score = (ln f + 1) * (ln((M + 1) / (g + 1)) + 1)
//! ```
//!
//! A bucket that every observation falls into scores `ln f + 1`. A bucket that only this item is in scores
//! more, the larger the index is. The SIGNIFICANCE of a search (Solr's `scoreNodes`) is the same formula for an
//! item: f is the sum of its counts in the shared buckets, g is the number of all its observations, and M that
//! of all observations of the index, each counted in every band.

use crate::index::Chunk;
use crate::index::search::profile::Profile;
use crate::index::search::score::significance;
use std::cmp::Ordering;

/// A bucket of an item, and its significance for the item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignificantBucket<'a> {
    /// The band, from 0.
    pub band: u16,
    /// The bucket's bytes.
    pub bucket: &'a [u8],
    /// `(ln f + 1) * (ln((M + 1) / (g + 1)) + 1)`, with the foreground f, the background g and M
    /// observations in the index.
    pub score: f64,
    /// The number of the item's observations that fell into the bucket.
    pub foreground: u64,
    /// The number of all items' observations that fell into the bucket.
    pub background: u64,
}

/// The most significant buckets of an item, best first, at most `limit` of them. `chunks` are those that the
/// item's profile was read from.
pub fn significant<'a>(
    item: &Profile<'a>,
    chunks: &[&Chunk],
    limit: Option<usize>,
) -> Vec<SignificantBucket<'a>> {
    let all: u64 = chunks.iter().map(|chunk| chunk.observations()).sum();
    // Score every bucket. Its background is the total of the bucket in each chunk that has it.
    let scored = item.frequencies().iter().map(|frequency| {
        let key = frequency.key();
        let chunk_totals = chunks.iter().filter_map(|chunk| Some(chunk.total(chunk.bucket_id(&key)?)));
        let (foreground, background) = (frequency.count, chunk_totals.sum::<u64>());
        let score = significance(foreground as f64, background as f64, all as f64);
        SignificantBucket { band: frequency.band, bucket: frequency.bucket, score, foreground, background }
    });
    let mut scored: Vec<SignificantBucket> = scored.collect();

    // An item may be in a great many buckets. Select the best in linear time, and sort only those.
    if let Some(limit) = limit.filter(|limit| *limit < scored.len()) {
        if limit > 0 {
            scored.select_nth_unstable_by(limit - 1, best_first);
        }
        scored.truncate(limit);
    }
    scored.sort_unstable_by(best_first);
    scored
}

/// The order of the reply: the best first, ties by band, then by the bucket's bytes.
fn best_first(a: &SignificantBucket, b: &SignificantBucket) -> Ordering {
    b.score.total_cmp(&a.score).then_with(|| (a.band, a.bucket).cmp(&(b.band, b.bucket)))
}
