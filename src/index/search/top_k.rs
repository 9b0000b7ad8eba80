//! Phase 2 of a search: reading postings until nothing unread can change the result. [The folder's head](super)
//! tells the algorithm.

use super::candidates::{Candidates, PostingHit};
use super::cost::{self, Budget, TooManyPostings};
use super::locate::{BucketRef, LocatedBuckets, QueryBucket};
use super::prune::certainly_below;
use super::query::{IndexQuery, SearchChunk};
use super::rank::{RankedCandidate, Ranking};
use super::score::{Scorer, SharedSum};
use super::seen_once::SeenOnce;
use super::{SearchOptions, profile::Frequency};
use crate::index::chunk::Chunk;
use crate::index::chunk::buckets::Posting;
use smallvec::SmallVec;

/// A bucket with fewer members is read without asking if it has to be: the question would cost as much.
const SHORT_BUCKET: usize = 64;
/// Postings read before any is scored, in a search that reads everything: enough for their misses to overlap, and
/// few enough for what they need to stay in the cache.
const BATCH_POSTINGS: usize = 1 << 14;

/// A search whose buckets are located, before its first posting is read.
pub struct Search<'s, 'a> {
    pub(super) queries: &'s [IndexQuery<'a>],
    pub(super) options: &'s SearchOptions,
    /// One for each query.
    pub(super) scorers: SmallVec<[Scorer; 2]>,
    /// The chunks of all queries.
    chunks: SmallVec<[SearchChunk<'a>; 16]>,
    /// From the shortest to the longest, if pruning is possible.
    buckets: Vec<QueryBucket<'s, 'a>>,
    /// Where the buckets are: see [`LocatedBuckets`].
    refs: Vec<BucketRef>,
}

impl<'s, 'a> Search<'s, 'a> {
    /// Locates the buckets of the queries.
    pub fn new(queries: &'s [IndexQuery<'a>], options: &'s SearchOptions) -> Search<'s, 'a> {
        let chunks: SmallVec<[SearchChunk; 16]> = SearchChunk::of_queries(queries).collect();
        let scorers = queries.iter().map(|query| query.scorer(options.mode)).collect();
        let LocatedBuckets { buckets, refs } = LocatedBuckets::new(queries, &chunks);
        let mut search = Search { queries, options, scorers, chunks, buckets, refs };
        if search.can_prune() {
            search.buckets.sort_unstable_by_key(|bucket| bucket.member_count);
        }
        search
    }

    /// Where a bucket is: the chunk's number, the chunk, and the bucket's id there.
    pub(super) fn refs(&self, bucket: &QueryBucket) -> impl Iterator<Item = (u32, &SearchChunk<'a>, u32)> {
        let refs = self.refs[bucket.refs.clone()].iter();
        refs.map(|BucketRef { chunk, bucket }| (*chunk, &self.chunks[*chunk as usize], *bucket))
    }

    /// Reads postings until the result is certain. The candidates that are in it have their full scores; others
    /// may have a part of theirs, which is too low.
    pub fn collect_candidates(&self, budget: &mut Budget) -> Result<Candidates<'_, 'a>, TooManyPostings> {
        let all_members: usize = self.buckets.iter().map(|bucket| bucket.member_count).sum();
        let expected = all_members.min(BATCH_POSTINGS);
        let mut candidates = Candidates::with_capacity(self.queries, &self.scorers, &self.chunks, expected);
        if !self.options.exclude_self {
            candidates.add_self();
        }
        let mut read = 0;
        while let Some(next) = self.buckets.get(read) {
            let remaining = &self.buckets[read..];
            // Looking up all candidates in all remaining buckets pays if the next bucket is longer than that.
            let look_ups = candidates.len() * remaining.len();
            if self.can_prune() && next.member_count >= SHORT_BUCKET.max(look_ups) {
                self.finish_candidates(remaining, &mut candidates);
                if self.is_complete(remaining, &candidates) {
                    budget.skipped += remaining.iter().map(|bucket| bucket.member_count as u64).sum::<u64>();
                    break;
                }
                if self.can_read_pruned(remaining) {
                    self.read_last_pruned(read, &mut candidates, budget)?;
                    break;
                }
            }
            let batch = read..read + self.batch_length(remaining);
            for number in batch.clone() {
                self.charge(number, budget)?;
                self.read_postings(number, &mut candidates);
            }
            self.add_contributions(&mut candidates, budget)?;
            read = batch.end;
        }
        Ok(candidates)
    }

    /// Ranks all candidates.
    pub fn rank_all(&self, candidates: &Candidates<'_, 'a>) -> Ranking<'a> {
        let mut ranking = Ranking::new(self.options.limit, self.options.min_score, candidates.len());
        self.rank_from(0, candidates, &mut ranking);
        ranking
    }

    /// Offers the candidates from `first` on to a ranking.
    fn rank_from(&self, first: usize, candidates: &Candidates<'_, 'a>, ranking: &mut Ranking<'a>) {
        for number in candidates.admitted_from(first) {
            let (score, observations) = (candidates.score(number), candidates.observations(number));
            ranking.offer(RankedCandidate::new(number, score, observations, candidates.name(number)));
        }
    }

    // Reading buckets whole.

    /// The number of buckets to read before anything is scored, at least one. Together they are read as long as the
    /// question whether to read on would not be asked in between.
    fn batch_length(&self, remaining: &[QueryBucket]) -> usize {
        let can_prune = self.can_prune();
        let mut members = 0;
        let joins_batch = |(next, before): &(&QueryBucket, &QueryBucket)| {
            members += before.member_count;
            if can_prune { next.member_count < SHORT_BUCKET } else { members < BATCH_POSTINGS }
        };
        1 + remaining.iter().skip(1).zip(remaining).take_while(joins_batch).count()
    }

    /// Charges the budget for reading a bucket. Each posting costs more if there are many indexes to score in, or
    /// bands to note.
    fn charge(&self, number: usize, budget: &mut Budget) -> Result<(), TooManyPostings> {
        let QueryBucket { query, member_count, .. } = self.buckets[number];
        let per_band = if self.queries[query].min_bands > 1 { cost::PER_BAND } else { 0 };
        let per_posting = (1 + self.queries.len() / cost::INDEXES_PER_POSTING) as u64 + per_band;
        budget.take(member_count as u64 * per_posting)?;
        budget.read += member_count as u64;
        Ok(())
    }

    /// Reads a bucket's postings in all chunks, but for those of the queried item.
    fn read_postings(&self, number: usize, candidates: &mut Candidates) {
        for (chunk_number, SearchChunk { chunk, self_id, .. }, id) in self.refs(&self.buckets[number]) {
            chunk.postings(id).for_each(|posting| {
                if *self_id != Some(posting.item) {
                    candidates.push_hit(PostingHit { bucket: number as u32, chunk: chunk_number, posting });
                }
            });
        }
    }

    /// Adds what was read to the scores of the candidates.
    fn add_contributions(
        &self,
        candidates: &mut Candidates,
        budget: &mut Budget,
    ) -> Result<(), TooManyPostings> {
        candidates.tally_pending();
        budget.take(candidates.pending_cost())?;
        for count in candidates.take_counts() {
            let bucket = &self.buckets[count.bucket as usize];
            self.add_contribution(bucket, candidates, count.candidate as usize, count.count);
        }
        Ok(())
    }

    /// Adds what a candidate with this count in a bucket shares there.
    #[inline]
    fn add_contribution(&self, bucket: &QueryBucket, candidates: &mut Candidates, number: usize, count: u64) {
        let Frequency { band, count: query_count, .. } = *bucket.frequency;
        let scorer = &self.scorers[bucket.query];
        let contribution = |observations| scorer.contribution(query_count, count, observations);
        candidates.add_contribution(number, bucket.query, band, contribution);
    }

    // Random access: the candidates' side of the remaining buckets.

    /// Finishes all candidates: looks up what they have in the remaining buckets, unless all of it would not lift
    /// them to the threshold.
    fn finish_candidates(&self, remaining: &[QueryBucket], candidates: &mut Candidates) {
        let (threshold, bound) = (self.threshold(candidates), self.remaining_bound(remaining));
        for number in 0..candidates.len() {
            if candidates.is_finished(number) {
                continue;
            }
            candidates.mark_finished(number);
            if certainly_below(self.upper_bound(candidates, number, &bound), threshold) {
                continue;
            }
            let (name, hash) = (candidates.name(number), candidates.hash(number));
            for bucket in remaining {
                let count = self.look_up_count(bucket, name, hash);
                if count > 0 {
                    self.add_contribution(bucket, candidates, number, count);
                }
            }
        }
    }

    /// An item's count in a bucket, over all chunks.
    fn look_up_count(&self, bucket: &QueryBucket, item: &[u8], hash: u32) -> u64 {
        let in_chunk = |(_, SearchChunk { chunk, .. }, id): (u32, &SearchChunk, u32)| {
            Some(u64::from(chunk.count(id, chunk.item_by_hash(item, hash)?)))
        };
        self.refs(bucket).filter_map(in_chunk).sum()
    }

    // Reading the last bucket pruned.

    /// True if the remaining buckets are a single one, of a search of one index, which may have more members than
    /// there will be results.
    fn can_read_pruned(&self, remaining: &[QueryBucket]) -> bool {
        let [last] = remaining else { return false };
        let are_few_wanted = self.options.limit.is_none_or(|limit| limit < last.member_count);
        self.queries.len() == 1 && are_few_wanted
    }

    /// Reads the last bucket, a long one, and makes candidates only of the members that may be in the result.
    ///
    /// All candidates are finished, so that whoever else is in this bucket shares nothing but this bucket: from its
    /// posting and its observations in this chunk follows an upper bound on its score. Most members fail it, before
    /// they become candidates and before they are looked up in the other chunks.
    fn read_last_pruned(
        &self,
        number: usize,
        candidates: &mut Candidates<'_, 'a>,
        budget: &mut Budget,
    ) -> Result<(), TooManyPostings> {
        let bucket = &self.buckets[number];
        self.charge(number, budget)?;
        budget.take(bucket.member_count as u64 * cost::PER_PRUNED_POSTING)?;

        // Phase 1: which members have all their counts in one chunk? Only for these one posting tells everything.
        let in_one_chunk = self.members_of_one_chunk(bucket);

        // Phase 2: take in the members that may rank. After each batch the threshold is raised by ranking it.
        let mut ranking = Ranking::new(self.options.limit, self.options.min_score, 0);
        let batch = SHORT_BUCKET.max(self.options.limit.unwrap_or(0));
        let (mut ranked, mut taken_in) = (0, 0);
        let mut in_several_chunks = Vec::new();
        for (chunk_number, SearchChunk { chunk, self_id, .. }, id) in self.refs(bucket) {
            for posting in chunk.postings(id).filter(|posting| *self_id != Some(posting.item)) {
                let hit = PostingHit { bucket: number as u32, chunk: chunk_number, posting };
                if !in_one_chunk.has(chunk.items().hash(posting.item)) {
                    in_several_chunks.push(hit);
                } else if self.may_rank(bucket, chunk, posting, &ranking) {
                    if taken_in % batch == 0 {
                        self.add_contributions(candidates, budget)?;
                        self.rank_from(ranked, candidates, &mut ranking);
                        ranking.keep_best();
                        ranked = candidates.len();
                    }
                    taken_in += 1;
                    candidates.push_hit(hit);
                }
            }
        }

        // Phase 3: the members of several chunks, whose counts have to be summed. They come last and together, since
        // the hits of a bucket must not be parted by a scoring.
        in_several_chunks.into_iter().for_each(|hit| candidates.push_hit(hit));
        self.add_contributions(candidates, budget)
    }

    /// The members of a bucket that are in it in one chunk only.
    fn members_of_one_chunk(&self, bucket: &QueryBucket) -> SeenOnce {
        let mut seen_once = SeenOnce::with_capacity(bucket.member_count);
        for (_, SearchChunk { chunk, .. }, id) in self.refs(bucket) {
            chunk.postings(id).for_each(|posting| seen_once.add(chunk.items().hash(posting.item)));
        }
        seen_once
    }

    /// True unless a member of the last bucket, which is in it in this chunk only, is certainly not among the best.
    ///
    /// Its score is known but for its observations in other chunks. Those can only lower it; so by this chunk alone
    /// the score is an upper bound. Equal scores are ordered by observations, of which it may have more than are known
    /// here: only if each of them would lower its score as well, it cannot win a tie by them.
    fn may_rank(&self, bucket: &QueryBucket, chunk: &Chunk, posting: Posting, ranking: &Ranking) -> bool {
        let scorer = &self.scorers[bucket.query];
        let (query_count, count) = (bucket.frequency.count, posting.count.into());
        let observations = chunk.items().observations(posting.item).into();
        let sum = scorer.contribution(query_count, count, observations);
        let bound = scorer.score(&SharedSum { sum, observations });
        if certainly_below(bound, ranking.threshold()) {
            return false;
        }
        if !scorer.decreases_with_observations(query_count, count, observations) {
            return true;
        }
        let name = chunk.items().name(posting.item);
        ranking.may_admit(&RankedCandidate::new(0, bound, observations, name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Match, search};
    use super::*;
    use crate::index::ScoreMode;

    const BANDS: u16 = 4;

    /// A chunk of four bands in which `crowd` items share the bucket of band 0, and nothing else.
    fn crowded(crowd: u32) -> Chunk {
        let mut chunk = Chunk::new(BANDS);
        for item in 0..crowd {
            let own = item.to_be_bytes();
            chunk.record(format!("crowd:{item:05}").as_bytes(), [&b"hot"[..], &own, &own, &own].into_iter());
        }
        chunk
    }

    /// Items that share all bands.
    fn add_near(chunk: &mut Chunk, items: &[&str]) {
        for item in items {
            chunk.record(item.as_bytes(), [&b"hot"[..], b"1", b"2", b"3"].into_iter());
        }
    }

    fn run<'a>(
        chunks: &'a [&'a Chunk],
        item: &str,
        limit: Option<usize>,
        budget: &mut Budget,
    ) -> Result<Vec<Match<'a>>, TooManyPostings> {
        let options = SearchOptions { limit, exclude_self: true, ..SearchOptions::default() };
        search(&IndexQuery::of_item(item.as_bytes(), chunks), &options, budget)
    }

    fn names(matches: &[Match]) -> Vec<String> {
        matches.iter().map(|found| String::from_utf8_lossy(found.item).into_owned()).collect()
    }

    #[test]
    fn a_hot_bucket_is_skipped_once_enough_items_are_better() {
        let mut chunk = crowded(1_000);
        add_near(&mut chunk, &["query", "near:1", "near:2"]);
        let mut budget = Budget::new(1_000_000);
        let chunks = [&chunk];
        let found = run(&chunks, "query", Some(2), &mut budget).expect("a large budget");
        assert_eq!(names(&found), ["near:1", "near:2"]);
        assert_eq!((budget.read, budget.skipped), (3 * 3, 1_003)); // three short buckets of three members
    }

    #[test]
    fn with_too_few_better_items_the_hot_bucket_is_read_and_gives_the_rest() {
        let mut chunk = crowded(1_000);
        add_near(&mut chunk, &["query", "near:1"]);
        let mut budget = Budget::new(1_000_000);
        let chunks = [&chunk];
        let found = run(&chunks, "query", Some(3), &mut budget).expect("a large budget");
        assert_eq!(names(&found), ["near:1", "crowd:00000", "crowd:00001"]); // ties by name
        assert_eq!(budget.skipped, 0);
    }

    #[test]
    fn a_member_of_several_chunks_is_found_by_the_sum_of_its_counts() {
        // Each of the crowd was seen elsewhere in the second chunk; `loyal` is in the hot bucket in both.
        let (mut one, mut two) = (crowded(500), Chunk::new(BANDS));
        for item in 0..500u32 {
            let other = [&b"elsewhere"[..], &item.to_be_bytes()].concat();
            let name = format!("crowd:{item:05}");
            two.record(name.as_bytes(), std::iter::repeat_n(&other[..], BANDS.into()));
        }
        for chunk in [&mut one, &mut two] {
            chunk.record(b"loyal", [&b"hot"[..], b"x", b"y", b"z"].into_iter());
        }
        add_near(&mut one, &["query"]);
        let chunks = [&one, &two];
        let found = run(&chunks, "query", Some(1), &mut Budget::new(1_000_000)).expect("a large budget");
        assert_eq!(names(&found), ["loyal"]);
        assert_eq!((found[0].score, found[0].observations), (0.25, 2));
    }

    #[test]
    fn pruning_changes_no_result_of_any_mode() {
        let mut chunk = crowded(700);
        add_near(&mut chunk, &["query", "near:1", "near:2", "near:3"]);
        for mode in [ScoreMode::Overlap, ScoreMode::Coverage, ScoreMode::Significance] {
            let chunks = [&chunk];
            let query = IndexQuery::of_item(b"query", &chunks);
            let mut budget = Budget::new(1_000_000);
            let everything = SearchOptions { mode, ..SearchOptions::default() };
            let all = search(&query, &everything, &mut budget).expect("a large budget");
            for limit in [1, 2, 4, 5, 100, 703] {
                let options = SearchOptions { limit: Some(limit), ..everything };
                let best = search(&query, &options, &mut budget).expect("a large budget");
                assert_eq!(best, all[..limit], "{mode:?}, limit {limit}");
            }
        }
    }

    #[test]
    fn a_search_that_would_cost_too_much_says_what_the_step_would_have_cost() {
        let mut chunk = crowded(1_000);
        add_near(&mut chunk, &["query"]);
        let mut budget = Budget::new(1_500);
        let error = run(&[&chunk], "query", None, &mut budget).expect_err("a small budget");
        assert!(error.postings >= 1_000, "{error}");
        assert!(budget.left <= 1_500);
    }
}
