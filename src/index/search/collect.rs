//! Phase 2 of a search: reading postings until nothing unread can change the result. The
//! [module documentation](super) explains the algorithm.

use super::candidates::{CandidateCount, Candidates, PostingHit};
use super::cost::{self, Budget, TooManyPostings};
use super::locate::{QueryBucket, Search};
use super::once_sketch::OnceSketch;
use super::profile::Frequency;
use super::prune::certainly_below;
use super::query::{SearchChunk, SearchOptions};
use super::rank::{RankedCandidate, Ranking};
use super::score::SharedSum;
use crate::index::chunk::buckets::Posting;

/// Buckets with fewer postings are simply read: checking whether the search can stop would cost as much.
const SHORT_BUCKET: usize = 64;
/// The most postings of a last bucket that is read pruned at once.
const MODERATE_BUCKET: usize = 1 << 14;
/// A search that reads everything scores after about this many postings: enough for their cache misses to overlap. A
/// batch ends with the bucket that fills it, so only a hot last bucket makes the counts that wait exceed 256 KiB.
const BATCH_POSTINGS: usize = 1 << 14;

impl<'s, 'a> Search<'s, 'a> {
    /// Reads postings until the result is certain. Candidates in the result have their complete scores. The others may
    /// have incomplete ones, already known to be below the threshold.
    pub fn collect_candidates(&self, budget: &mut Budget) -> Result<Candidates<'_, 'a>, TooManyPostings> {
        let all_postings: usize = self.buckets.iter().map(|bucket| bucket.posting_count).sum();
        let expected = all_postings.min(BATCH_POSTINGS);
        let mut candidates = self.new_candidates(expected, budget);
        // What the queried item shares with itself is known without reading, so it goes first: it already raises the
        // threshold.
        if !self.options.exclude_self {
            candidates.add_self();
        }
        // Invariant: the first `read` buckets have been read. Every item in them, except an excluded queried item, is a
        // candidate. An unfinished candidate has exactly the counts of these buckets in its accumulators. A finished one
        // has its complete score, or was given up.
        let mut read = 0;
        while let Some(next) = self.buckets.get(read) {
            let remaining = &self.buckets[read..];
            // Looking up all candidates in all remaining buckets pays if the next bucket has at least as many postings as
            // there are pairs of both. (An estimate: finished candidates are counted too, and chunks are not.)
            let look_ups = candidates.len() * remaining.len();
            if self.can_prune() && next.posting_count >= SHORT_BUCKET.max(look_ups) {
                // Random access instead of reading. Afterwards every candidate is finished, and the only question is
                // whether an unseen item can still be in the result.
                self.finish_candidates(remaining, &mut candidates);
                if self.is_complete(remaining, &candidates) {
                    budget.skipped += remaining.iter().map(|bucket| bucket.posting_count as u64).sum::<u64>();
                    break;
                }
                // It can. If that is because many items are alike, the order among them ends the search. A last bucket of
                // moderate length is read before one could know.
                let can_read_pruned = self.can_read_pruned(remaining);
                let is_moderate = can_read_pruned && next.posting_count <= MODERATE_BUCKET;
                if !is_moderate && self.end_among_copies(remaining, &mut candidates, budget)? {
                    break;
                }
                // The bucket has to be opened, but perhaps not every member has to become a candidate.
                if can_read_pruned {
                    self.read_last_pruned(read, &mut candidates, budget)?;
                    break;
                }
            }
            // Sequential access: all members of the next buckets become candidates, and are scored together.
            let batch = read..read + self.batch_length(remaining);
            for bucket_number in batch.clone() {
                self.charge(bucket_number, budget)?;
                self.check_members(bucket_number, candidates.len(), budget)?;
                self.read_postings(bucket_number, &mut candidates);
            }
            self.score_hits(&mut candidates, budget)?;
            read = batch.end;
        }
        Ok(candidates)
    }

    /// No candidates yet, with memory for some.
    pub(super) fn new_candidates(&self, expected: usize, budget: &Budget) -> Candidates<'_, 'a> {
        let pattern = self.options.pattern;
        Candidates::with_capacity(self.queries, &self.scorers, &self.chunks, expected, pattern, budget)
    }

    // Reading buckets whole.

    /// The number of buckets to read before anything is scored, at least one.
    fn batch_length(&self, remaining: &[QueryBucket]) -> usize {
        if self.can_prune() {
            // All short buckets: the search only considers stopping before a long one.
            let following = remaining.iter().skip(1);
            return 1 + following.take_while(|next| next.posting_count < SHORT_BUCKET).count();
        }
        // Up to and including the bucket that fills the batch.
        let mut postings = 0;
        let filled_by = remaining.iter().position(|bucket| {
            postings += bucket.posting_count;
            postings >= BATCH_POSTINGS
        });
        filled_by.map_or(remaining.len(), |last| last + 1)
    }

    /// Checks that the budget is enough for all members of a bucket to become candidates, and results if all candidates
    /// are. What they cost is charged when they are, but it must not take long to find out that it is too much.
    fn check_members(
        &self,
        bucket_number: usize,
        candidates: usize,
        budget: &Budget,
    ) -> Result<(), TooManyPostings> {
        // The members in one chunk are different items, and at most as many are candidates already.
        let locations = self.locations(&self.buckets[bucket_number]);
        let members = locations.map(|(_, chunk, id)| chunk.chunk.member_count(id)).max().unwrap_or(0);
        let new = members.saturating_sub(candidates + 1);
        let SearchOptions { limit, min_score, pattern, .. } = self.options;
        let are_all_results = limit.is_none()
            && min_score.is_none()
            && pattern.is_none()
            && self.queries.iter().all(|query| query.min_bands <= 1);
        let per_result = if are_all_results { cost::PER_RESULT } else { 0 };
        let per_candidate = cost::of_candidate(self.queries.len(), self.chunks.len());
        budget.check(new as u64 * (per_candidate + per_result))
    }

    /// Charges the budget for reading a bucket. Each posting costs more if there are many indexes to score in, or
    /// bands to note.
    fn charge(&self, bucket_number: usize, budget: &mut Budget) -> Result<(), TooManyPostings> {
        let QueryBucket { query, posting_count, .. } = self.buckets[bucket_number];
        let for_band = if self.queries[query].min_bands > 1 { cost::PER_BAND } else { 0 };
        let per_posting = (1 + self.queries.len() / cost::INDEXES_PER_POSTING) as u64 + for_band;
        budget.take(posting_count as u64 * per_posting)?;
        budget.read += posting_count as u64;
        Ok(())
    }

    /// Reads a bucket's postings in all chunks, but for those of the queried item.
    fn read_postings(&self, bucket_number: usize, candidates: &mut Candidates) {
        let bucket = &self.buckets[bucket_number];
        for (chunk_number, SearchChunk { chunk, self_id, .. }, id) in self.locations(bucket) {
            chunk.postings(id).for_each(|posting| {
                // What the item shares with itself was added by `add_self`, or is not wanted.
                if *self_id != Some(posting.item) {
                    candidates.push_hit(PostingHit {
                        bucket: bucket_number as u32,
                        chunk: chunk_number,
                        posting,
                    });
                }
            });
        }
    }

    /// Adds what was read to the scores of the candidates.
    fn score_hits(&self, candidates: &mut Candidates, budget: &mut Budget) -> Result<(), TooManyPostings> {
        // The budget is asked between the passes: after the first it is known how many candidates are new, and the second
        // is the one that can be expensive.
        candidates.tally_pending();
        budget.take(candidates.resolve_cost())?;
        candidates.resolve();
        for CandidateCount { candidate, bucket, count } in candidates.take_counts() {
            self.score_count(&self.buckets[bucket as usize], candidates, candidate as usize, count);
        }
        Ok(())
    }

    /// Adds a bucket's contribution to a candidate's score, given the candidate's count in it.
    #[inline]
    fn score_count(&self, bucket: &QueryBucket, candidates: &mut Candidates, candidate: usize, count: u64) {
        let Frequency { band, count: query_count, .. } = *bucket.frequency;
        let scorer = &self.scorers[bucket.query];
        let contribution = |observations| scorer.contribution(query_count, count, observations);
        candidates.accumulate(candidate, bucket.query, band, contribution);
    }

    // Looking up candidates in the remaining buckets.

    /// Finishes every candidate: looks up its counts in the remaining buckets, or gives it up if even all of them could
    /// not bring it up to the threshold.
    fn finish_candidates(&self, remaining: &[QueryBucket], candidates: &mut Candidates) {
        let (threshold, bound) = (self.threshold(candidates), self.remaining_bound(remaining));
        for candidate in 0..candidates.len() {
            if candidates.is_finished(candidate) {
                continue;
            }
            // The bound assumes that the candidate has everything in the remaining buckets. The threshold is not updated in
            // this loop: it could only rise, and recomputing it would cost more than it saves.
            if certainly_below(self.upper_bound(candidates, candidate, &bound), threshold) {
                candidates.mark_finished(candidate);
            } else {
                self.finish(candidate, remaining, candidates);
            }
        }
    }

    /// Finishes a candidate: looks up its count in each remaining bucket, in every chunk that has the bucket.
    pub(super) fn finish(&self, candidate: usize, remaining: &[QueryBucket], candidates: &mut Candidates) {
        if candidates.is_finished(candidate) {
            return;
        }
        candidates.mark_finished(candidate);
        let (name, hash) = (candidates.name(candidate), candidates.hash(candidate));
        for bucket in remaining {
            let count = self.look_up_count(bucket, name, hash);
            if count > 0 {
                self.score_count(bucket, candidates, candidate, count);
            }
        }
    }

    /// An item's count in a bucket, over all chunks.
    pub(super) fn look_up_count(&self, bucket: &QueryBucket, item: &[u8], hash: u32) -> u64 {
        // By the item's id in that chunk, if it is there at all; a hot bucket finds its posting by a table.
        let in_chunk = |(_, SearchChunk { chunk, .. }, id): (u32, &SearchChunk, u32)| {
            Some(u64::from(chunk.count(id, chunk.item_id_by_hash(item, hash)?)))
        };
        self.locations(bucket).filter_map(in_chunk).sum()
    }

    // Reading the last bucket pruned.

    /// True if one bucket of one index remains, and it has more postings than there may be results. In a combined
    /// search a member's score would depend on the other indexes too.
    fn can_read_pruned(&self, remaining: &[QueryBucket]) -> bool {
        let [last] = remaining else { return false };
        let may_drop_some = self.options.limit.is_none_or(|limit| limit < last.posting_count);
        self.queries.len() == 1 && may_drop_some
    }

    /// Reads the last bucket, a long one, and makes candidates only of the members that may be in the result.
    ///
    /// Every candidate is finished, so any other member was in no bucket read so far: this bucket is all that it
    /// shares. If it is in this bucket in one chunk only, its posting and its observations there give an upper bound on its
    /// score; if that is below the threshold, the member is dropped before it becomes a candidate, and before it is
    /// looked up in the other chunks. Members in several chunks are all kept. Finished candidates may be pushed again;
    /// their hits are ignored.
    ///
    /// This prunes well if most members are in one chunk and have been seen in other buckets as well. Under COVERAGE all
    /// members have the same score and none is dropped: the path is taken all the same, at the cost of one walk more.
    fn read_last_pruned(
        &self,
        bucket_number: usize,
        candidates: &mut Candidates<'_, 'a>,
        budget: &mut Budget,
    ) -> Result<(), TooManyPostings> {
        let bucket = &self.buckets[bucket_number];
        debug_assert!(
            self.queries[bucket.query].min_bands <= 1,
            "with one band left the search was complete"
        );
        self.charge(bucket_number, budget)?;
        budget.take(bucket.posting_count as u64 * cost::PER_PRUNED_POSTING)?;

        // Step 1: which members are in this bucket in one chunk only? Only their count is complete in one posting.
        let in_one_chunk = self.members_of_one_chunk(bucket);

        // Step 2: take in those that may rank. Before the first, and then after every batch, all that is new is ranked:
        // that raises the threshold. (This ranking serves for the threshold only; the result is ranked at the end.)
        let mut ranking = Ranking::new(self.options.limit, self.options.min_score, 0);
        let rank_every = SHORT_BUCKET.max(self.options.limit.unwrap_or(0));
        let (mut ranked, mut taken_in) = (0, 0);
        let mut in_several_chunks = Vec::new();
        for (chunk_number, SearchChunk { chunk, self_id, .. }, id) in self.locations(bucket) {
            for posting in chunk.postings(id).filter(|posting| *self_id != Some(posting.item)) {
                let hit = PostingHit { bucket: bucket_number as u32, chunk: chunk_number, posting };
                if !in_one_chunk.was_added_once(chunk.items().hash(posting.item)) {
                    // Its count in this bucket is a sum, which this posting alone does not bound.
                    in_several_chunks.push(hit);
                } else if self.may_rank(bucket, hit, &ranking) {
                    if taken_in % rank_every == 0 {
                        // Ranking runs a quickselect over up to 2k entries, so it is done once for every k members (or
                        // 64): only then can the threshold have risen much.
                        self.score_hits(candidates, budget)?;
                        self.rank_from(ranked, candidates, &mut ranking);
                        ranking.keep_best();
                        ranked = candidates.len();
                    }
                    taken_in += 1;
                    candidates.push_hit(hit);
                }
            }
        }

        // Step 3: the members that may be in several chunks. All of them are pushed before any is scored, since an
        // item's hits in this bucket have to be summed first. (In step 2 each item had one hit only.)
        in_several_chunks.into_iter().for_each(|hit| candidates.push_hit(hit));
        self.score_hits(candidates, budget)
    }

    /// The members of a bucket that are in it in one chunk only.
    fn members_of_one_chunk(&self, bucket: &QueryBucket) -> OnceSketch {
        // A first walk over the postings, which touches nothing but them and the hashes of names. It costs less than
        // looking up every member in every chunk.
        let mut sketch = OnceSketch::with_capacity(bucket.posting_count);
        for (_, SearchChunk { chunk, .. }, id) in self.locations(bucket) {
            chunk.postings(id).for_each(|posting| sketch.add(chunk.items().hash(posting.item)));
        }
        sketch
    }

    /// Returns false only if a member certainly cannot be in the result. `posting` must be its only posting in the last
    /// bucket: then its score is known, except for its observations in other chunks.
    ///
    /// 1. More observations never raise the score, so those of this chunk give an upper bound. If that is certainly
    ///    below the threshold, the member is out.
    /// 2. At a tie, more observations would win. They cannot if each of them also lowers the score.
    /// 3. Then comparing the bound itself, by the order of results, is safe: either no observation is unseen, and this is
    ///    the final score of an item that was first seen here, or the final score is lower by at least one part in 2^42
    ///    (T is below 2^42, see `score`): far more than the rounding of a double, which is 2^-53.
    fn may_rank(&self, bucket: &QueryBucket, hit: PostingHit, ranking: &Ranking) -> bool {
        let PostingHit { chunk, posting: Posting { item, count }, .. } = hit;
        let items = self.chunks[chunk as usize].chunk.items();
        let scorer = &self.scorers[bucket.query];
        let (query_count, count) = (bucket.frequency.count, count.into());
        let observations = items.observations(item).into();
        // Step 1: the upper bound.
        let sum = scorer.contribution(query_count, count, observations);
        let bound = scorer.score(&SharedSum { sum, observations });
        if certainly_below(bound, ranking.threshold()) {
            return false;
        }
        // Step 2: observations that are not seen here may win a tie.
        if !scorer.decreases_with_observations(query_count, count, observations) {
            return true;
        }
        // Step 3: the order of results.
        let first_seen = (chunk, items.arrival(item));
        ranking.would_enter(&RankedCandidate { number: 0, score: bound, observations, first_seen })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{IndexQuery, Match, SearchOptions, search};
    use super::*;
    use crate::index::{Chunk, ScoreMode};

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
        assert_eq!(names(&found), ["near:1", "crowd:00000", "crowd:00001"]); // ties by arrival
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
