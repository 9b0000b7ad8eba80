//! Phase 1 of a search: where the query's buckets are in the chunks. The result is a [`Search`], ready to be read.
//!
//! What is found is a sparse matrix in compressed rows (CSR): a row for each bucket of the query, holding the
//! chunks that have it. Chunks are probed one after the other, so the entries come column by column; a counting
//! sort turns them into rows in two passes, because each row's length is known by then.
//!
//! ```text
//! buckets   [ b0: refs 0..2 | b1: refs 2..3 | b2: refs 3..6 ]
//! refs      [ (c0, 17) (c2, 4) | (c1, 9) | (c0, 3) (c1, 30) (c2, 8) ]     (chunk, bucket id in that chunk)
//! ```

use super::profile::{Frequency, ProfileEntry};
use super::query::{IndexQuery, SearchChunk, SearchOptions};
use super::score::Scorer;
use crate::index::chunk::buckets::BucketKey;
use smallvec::SmallVec;
use std::ops::Range;

/// A bucket of the query in one chunk.
#[derive(Debug, Clone, Copy, Default)]
pub struct BucketRef {
    /// The chunk's number in the search.
    pub chunk: u32,
    /// The bucket's id in the chunk.
    pub bucket: u32,
}

/// A bucket of the query over all chunks of the window: what a search reads at a time.
#[derive(Debug, Clone)]
pub struct QueryBucket<'s, 'a> {
    /// The number of its query.
    pub query: usize,
    /// The query's count in it.
    pub frequency: &'s Frequency<'a>,
    /// Where its row is in [`Search::refs`].
    pub row: Range<usize>,
    /// The length of its posting lists, over all chunks.
    pub posting_count: usize,
}

/// A search whose buckets are located. It does not change: what is read goes into
/// [`Candidates`](super::candidates::Candidates).
pub struct Search<'s, 'a> {
    pub(super) queries: &'s [IndexQuery<'a>],
    pub(super) options: &'s SearchOptions<'s>,
    /// One for each query.
    pub(super) scorers: SmallVec<[Scorer; 2]>,
    /// The chunks of all queries.
    pub(super) chunks: SmallVec<[SearchChunk<'a>; 16]>,
    /// From the shortest to the longest, if pruning is possible.
    pub(super) buckets: Vec<QueryBucket<'s, 'a>>,
    /// Where the buckets are: a row for each.
    refs: Vec<BucketRef>,
}

impl<'s, 'a> Search<'s, 'a> {
    /// Locates the buckets of the queries in their chunks.
    pub fn locate(queries: &'s [IndexQuery<'a>], options: &'s SearchOptions) -> Search<'s, 'a> {
        let chunks: SmallVec<[SearchChunk; 16]> = SearchChunk::of_queries(queries).collect();
        let scorers = queries.iter().map(|query| query.scorer(options.mode)).collect();
        let mut locator = Locator::new(queries);
        locator.probe_chunks(queries, &chunks);
        let (buckets, refs) = locator.into_rows();
        let mut search = Search { queries, options, scorers, chunks, buckets, refs };
        // Rare buckets first: they tell items apart, raise the threshold early, and are cheap to read. A search that
        // reads everything gains nothing from sorting.
        if search.can_prune() {
            search.buckets.sort_unstable_by_key(|bucket| bucket.posting_count);
        }
        search
    }

    /// Where a bucket is: the chunk's number, the chunk, and the bucket's id there.
    pub(super) fn locations(
        &self,
        bucket: &QueryBucket,
    ) -> impl Iterator<Item = (u32, &SearchChunk<'a>, u32)> {
        let row = self.refs[bucket.row.clone()].iter();
        row.map(|BucketRef { chunk, bucket }| (*chunk, &self.chunks[*chunk as usize], *bucket))
    }

    /// True if the options leave anything out, so that reading on may become unnecessary.
    pub fn can_prune(&self) -> bool {
        let is_bounded = self.options.limit.is_some() || self.options.min_score.is_some();
        is_bounded || self.queries.iter().any(|query| query.min_bands > 1)
    }
}

/// Buckets being located.
struct Locator<'s, 'a> {
    /// One for each frequency of each query. Until the rows are made, `row.end` counts the entries of the row.
    buckets: Vec<QueryBucket<'s, 'a>>,
    /// The number of a bucket, and where it is; chunk by chunk.
    found: Vec<(usize, BucketRef)>,
}

impl<'s, 'a> Locator<'s, 'a> {
    fn new(queries: &'s [IndexQuery<'a>]) -> Locator<'s, 'a> {
        let empty_buckets = |(query, of_query): (usize, &'s IndexQuery<'a>)| {
            let frequencies = of_query.profile.frequencies().iter();
            frequencies.map(move |frequency| QueryBucket { query, frequency, row: 0..0, posting_count: 0 })
        };
        let buckets: Vec<QueryBucket> = queries.iter().enumerate().flat_map(empty_buckets).collect();
        let found = Vec::with_capacity(2 * buckets.len());
        Locator { buckets, found }
    }

    /// Looks for each query's buckets in each of its chunks.
    fn probe_chunks(&mut self, queries: &[IndexQuery<'a>], chunks: &[SearchChunk<'a>]) {
        let mut numbered_chunks = (0..).zip(chunks);
        let mut first_bucket = 0;
        for query in queries {
            // The hash of each bucket is known from its profile, and the key is prepared once for all chunks.
            let keys: Vec<BucketKey> = query.profile.frequencies().iter().map(Frequency::key).collect();
            let mut scratch = vec![0; keys.len()];
            // The entries that the item's own profile was read from, chunk by chunk: their ids are known.
            let entries = &query.self_location.entries;
            debug_assert!(entries.is_sorted_by_key(|entry| entry.chunk));
            let mut known = entries.iter().peekable();
            // For each bucket, the last chunk where it was known.
            let mut last_known_in = vec![usize::MAX; keys.len()];
            for (chunk_in_query, (chunk_number, chunk)) in
                numbered_chunks.by_ref().take(query.chunks.len()).enumerate()
            {
                while let Some(ProfileEntry { frequency, bucket, .. }) =
                    known.next_if(|entry| entry.chunk == chunk_in_query)
                {
                    last_known_in[*frequency] = chunk_in_query;
                    self.add_entry(first_bucket + frequency, chunk_number, chunk, *bucket);
                }
                // All other buckets have to be looked up. Most are not there.
                chunk.chunk.locate_buckets(
                    &keys,
                    &mut scratch,
                    |frequency| last_known_in[frequency] != chunk_in_query,
                    |frequency, bucket| self.add_entry(first_bucket + frequency, chunk_number, chunk, bucket),
                );
            }
            first_bucket += keys.len();
        }
    }

    /// Adds a bucket of a chunk to its row, unless the queried item is known to be its only member there. No other item can
    /// be found by it, and what the item shares with itself is added by
    /// [`Candidates::add_self`](super::candidates::Candidates::add_self).
    fn add_entry(&mut self, bucket_number: usize, chunk_number: u32, chunk: &SearchChunk, bucket: u32) {
        if chunk.self_id.is_some_and(|self_id| chunk.chunk.is_sole_member(bucket, self_id)) {
            return;
        }
        // The row's length is counted now; its place follows when all lengths are known.
        let query_bucket = &mut self.buckets[bucket_number];
        query_bucket.posting_count += chunk.chunk.member_count(bucket);
        query_bucket.row.end += 1;
        self.found.push((bucket_number, BucketRef { chunk: chunk_number, bucket }));
    }

    /// The counting sort: entries that came chunk by chunk become one row for each bucket.
    fn into_rows(mut self) -> (Vec<QueryBucket<'s, 'a>>, Vec<BucketRef>) {
        // First pass: the rows' lengths become their places; each row is empty again.
        let mut row_end = 0;
        for bucket in &mut self.buckets {
            let row_start = row_end;
            row_end += bucket.row.end;
            bucket.row = row_start..row_start;
        }
        // Second pass: each entry goes to the end of its row.
        let mut refs = vec![BucketRef::default(); self.found.len()];
        for (bucket_number, bucket_ref) in self.found {
            let row_end = &mut self.buckets[bucket_number].row.end;
            refs[*row_end] = bucket_ref;
            *row_end += 1;
        }
        // Drop the buckets that are in no chunk, or only with the queried item. Their rows are empty.
        self.buckets.retain(|bucket| bucket.posting_count > 0);
        (self.buckets, refs)
    }
}
