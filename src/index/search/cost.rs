//! What a search may cost, and the weight of each step.
//!
//! The unit is one posting, read in order. The weights are the time of other steps in that unit, measured with
//! `cargo bench --bench core`, and need to be right within a factor of two. So a budget bounds the time for what is
//! read and for the candidates that come of it. Locating buckets is charged by the caller, who knows the profile and
//! the chunks. The look-ups that finish candidates are not charged. A search makes them only if the next bucket has at
//! least as many postings as there are pairs of a candidate and a remaining bucket; but a pair costs a look-up in each
//! chunk that has the bucket, so in a window of many chunks this time is not bounded by the budget.

/// For each result: ranking it, and replying with it.
pub const PER_RESULT: u64 = 6;
/// Bytes of the names of results, for each posting: replying with them.
pub const RESULT_BYTES_PER_POSTING: u64 = 64;
/// For each posting, noting which band the candidate shares, if MINBANDS asks for several.
pub const PER_BAND: u64 = 4;
/// For each posting of a bucket that is read pruned, testing whether the member can be in the result.
pub const PER_PRUNED_POSTING: u64 = 2;
/// For each new candidate: its records, its scores in all indexes, and the look-ups in all chunks.
pub fn of_candidate(indexes: usize, chunks: usize) -> u64 {
    (3 + indexes + chunks) as u64
}
/// Bounds of ranges that are put in order, for each posting.
pub const RANGES_PER_POSTING: usize = 8;
/// For each range of items that is looked at best first.
pub const PER_RANGE: u64 = 32;
/// Postings of a bucket for each item that a search among copies may look at best first, before it gives that up.
pub const POSTINGS_PER_LOOK: usize = 4;
/// The same with JACCARD, where a look reads slots, and everything can be read quickly if there are no copies.
pub const POSTINGS_PER_SKETCH_LOOK: usize = 32;
/// With JACCARD, postings of items that were met before, for each posting.
pub const REPEATS_PER_POSTING: usize = 32;
/// Sketches that are compared, for each posting.
pub const SKETCHES_PER_POSTING: usize = 2;
/// In a combined search, each posting costs one more unit for every this many indexes.
pub const INDEXES_PER_POSTING: usize = 4;

/// The cost that searches may still have, in postings, and an account of what they did. One budget may serve several searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Postings that may still be spent.
    pub left: u64,
    /// Postings that were read.
    pub read: u64,
    /// Postings that pruning made unnecessary to read.
    pub skipped: u64,
}

impl Budget {
    /// A budget of this many postings.
    pub fn new(postings: u64) -> Budget {
        Budget { left: postings, read: 0, skipped: 0 }
    }

    /// Checks that there are `postings` left, which something will certainly cost.
    pub(super) fn check(&self, postings: u64) -> Result<(), TooManyPostings> {
        if postings <= self.left { Ok(()) } else { Err(TooManyPostings { postings }) }
    }

    /// Spends `postings`, before the work that they stand for is done.
    pub(super) fn take(&mut self, postings: u64) -> Result<(), TooManyPostings> {
        self.left = self.left.checked_sub(postings).ok_or(TooManyPostings { postings })?;
        Ok(())
    }
}

/// The next step of a search would cost more than its budget has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the next step of the search would cost {postings} postings, more than its budget has left")]
pub struct TooManyPostings {
    /// The cost of that step.
    pub postings: u64,
}
