//! Search: which items share buckets with a query, and how much.
//!
//! `docs/concepts.md` defines observation, band, bucket and window; a chunk holds one interval of the window. Queries,
//! chunks, query buckets and candidates have a *number*: their position in the lists of the search, from 0. Below, k,
//! MINSCORE and MINBANDS are the options `limit`, `min_score` and `min_bands`.
//!
//! # What is read
//!
//! For frequencies p and q, each scaled to sum 1, `1 - L1(p, q)/2` is the sum over shared buckets of
//! `min(p, q)`. Only shared buckets matter, and those are exactly what the query's posting lists hold, so
//! the profile of a candidate is never read.
//!
//! The unit of a search is the *query bucket*: a bucket of the query over all chunks of the window. An item's
//! counts in it are summed over the chunks first, and the item's observations in the *whole* window are known
//! before its first contribution is computed. Scoring chunk by chunk would overstate the score: in each chunk the query's
//! whole share of the bucket would be available again, and `min(c, n1) + min(c, n2)` can exceed `min(c, n1 + n2)`.
//!
//! # Exact top k without reading everything: MaxScore
//!
//! This is the pruning that Turtle and Flood called MaxScore ("Query evaluation: strategies and optimizations",
//! 1995), in its term-at-a-time form: posting lists are read one after the other, and each candidate has an
//! accumulator. WAND (Broder et al. 2003) and Fagin's threshold algorithm rest on the same two facts:
//!
//! - *A bucket can only add to a score*, and what it can add has an upper bound that is known before it is read.
//! - *The k-th best score so far is a threshold* that no result falls below.
//!
//! ```text
//! sort the query buckets by length, the shortest first      short lists are rare buckets: they tell items apart
//! while buckets remain:
//!     if the next one is long (64 postings, and at least
//!        as many as candidates times remaining buckets):
//!         for each candidate that can still reach the threshold:
//!             look up its counts in all remaining buckets   random access; the candidate is finished
//!         if upper_bound(an unseen item) < threshold, or
//!            no unseen item can reach MINBANDS: stop        nothing unread can bring a new result
//!         if one bucket of one index remains,
//!            with more than k postings:
//!             read it pruned; stop                          many of its members can be dropped at once
//!     read the next buckets; every member becomes a candidate
//! rank the candidates
//! ```
//!
//! The candidates are looked up *before* the test. That is what makes a hot bucket cheap: the look-ups raise the
//! threshold, and usually the bucket need not be opened at all. With fewer than k candidates, only MINSCORE or MINBANDS
//! can spare it.
//!
//! # Bounds
//!
//! For OVERLAP and COVERAGE, a bucket can add the query's own share of it at most. A SIGNIFICANCE score is not a
//! sum: it increases with the candidate's counts in shared buckets and decreases with its observations. For a candidate,
//! its bound takes the largest count in each remaining bucket, but no more than the candidate's observations, which are
//! known. For an unseen item it takes the largest counts together with a single observation: no item has both, but the
//! bound is safe.
//!
//! Bounds are doubles, and comparisons leave room for rounding: a candidate is given up only if it is certainly below
//! the threshold, never if it might tie and win by order. So the result is, to the bit, that of reading everything. (One
//! comparison has no margin, that of the pruned reading, and its comment proves why it needs none.)
//!
//! # Map
//!
//! | file | what it holds |
//! | --- | --- |
//! | `query` | [`IndexQuery`]: what is searched for in one index, and the chunks to search; [`SearchOptions`] |
//! | `profile` | [`Profile`]: how often an item, or a query, was seen in each bucket |
//! | `locate` | phase 1: where the query's buckets are in the chunks |
//! | `collect` | phase 2: reading postings until nothing unread can change the result |
//! | `prune` | the bounds that phase 2 stops by |
//! | `best_first` | how phase 2 ends among copies, which all have the best score |
//! | `by_sketch` | phase 2 of a search by JACCARD: comparing sketches |
//! | `met` | the items that phase 2 of JACCARD has met |
//! | `glob` | [`Glob`]: patterns that names must match |
//! | `candidates` | the candidates and their accumulators |
//! | `recent` | a direct-mapped cache of candidates, for items that share several buckets |
//! | `once_sketch` | a counting sketch: which members of a bucket are in one chunk only |
//! | `rank` | phase 3: the order of results, and the k best |
//! | `score` | [`ScoreMode`], and the arithmetic of each |
//! | `similarity` | the Jaccard similarity of two sketches |
//! | `cost` | [`Budget`], and what each step takes from it |

mod best_first;
mod by_sketch;
mod candidates;
mod collect;
mod cost;
mod glob;
mod locate;
mod met;
mod once_sketch;
pub(crate) mod profile;
mod prune;
mod query;
mod rank;
mod recent;
pub(crate) mod score;
pub(crate) mod similarity;

pub use cost::{Budget, TooManyPostings};
pub use glob::Glob;
pub use profile::{Frequency, Profile};
pub use query::{IndexQuery, SearchOptions, newest_sketch};
pub use score::ScoreMode;

use locate::Search;
use rank::RankedCandidate;

/// An item that a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Match<'a> {
    /// The item's name.
    pub item: &'a [u8],
    /// Its score; in a combined search, the mean of `index_scores`, taken before they are rounded.
    pub score: f64,
    /// Its observations in the window; in a combined search, the sum over the indexes.
    pub observations: u64,
    /// In a combined search, its score in each index: `None` if neither side has data there. Otherwise empty.
    pub index_scores: Vec<Option<f64>>,
}

/// Finds the items of one index that are most similar to the query, best first.
///
/// # Errors
/// The next step would cost more than the budget has left.
pub fn search<'a>(
    query: &IndexQuery<'a>,
    options: &SearchOptions,
    budget: &mut Budget,
) -> Result<Vec<Match<'a>>, TooManyPostings> {
    search_indexes(std::slice::from_ref(query), options, budget, false)
}

/// Finds the items that are most similar to the query in several indexes together, best first.
///
/// An item qualifies if it shares enough bands in any one index. Then it is scored in every index, and its
/// score is the mean over those where either side has data.
///
/// # Errors
/// The next step would cost more than the budget has left.
pub fn combine<'a>(
    queries: &[IndexQuery<'a>],
    options: &SearchOptions,
    budget: &mut Budget,
) -> Result<Vec<Match<'a>>, TooManyPostings> {
    search_indexes(queries, options, budget, true)
}

/// The three phases, for [`search`] and [`combine`].
fn search_indexes<'a>(
    queries: &[IndexQuery<'a>],
    options: &SearchOptions,
    budget: &mut Budget,
    with_index_scores: bool,
) -> Result<Vec<Match<'a>>, TooManyPostings> {
    let search = Search::locate(queries, options);
    let candidates = match options.mode {
        ScoreMode::Jaccard => search.collect_by_sketch(budget)?,
        _ => search.collect_candidates(budget)?,
    };
    let ranking = search.rank_all(&candidates);
    let index_score_count = if with_index_scores { queries.len() } else { 0 };
    budget.take((ranking.count() * (1 + index_score_count)) as u64 * cost::PER_RESULT)?;
    let ranked = ranking.into_sorted();
    let bytes: usize = ranked.iter().map(|ranked| candidates.name(ranked.number).len()).sum();
    budget.take(bytes as u64 / cost::RESULT_BYTES_PER_POSTING)?;
    let to_match = |RankedCandidate { number, score, observations, .. }| {
        let index_scores = (0..index_score_count).map(|query| candidates.score_in(number, query)).collect();
        Match { item: candidates.name(number), score, observations, index_scores }
    };
    Ok(ranked.into_iter().map(to_match).collect())
}
