//! Search: which items share buckets with a query, and how much.
//!
//! For scaled frequencies p and q, `1 - L1(p, q)/2` is the sum over shared buckets of `min(p, q)`.
//! Only shared buckets matter, and those are exactly what the query's postings hold, so no
//! candidate's profile is ever read. The unit is a bucket over all chunks of the window: an item's
//! counts in it are summed first, and its observations over the *whole* window are known before its
//! first share is computed; chunk by chunk would overstate it.

use super::chunk::Chunk;
use super::hash;
use super::profile::Profile;
use super::score::{Score, Shared};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// One index to search: what is looked for, and where.
#[derive(Debug)]
pub struct Part<'a> {
    /// The chunks of the window.
    pub chunks: &'a [&'a Chunk],
    /// What is looked for.
    pub query: Profile<'a>,
    /// An item must share at least so many bands, 1 or more.
    pub min_bands: u16,
}

/// What of a search's result is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// How scores are computed.
    pub score: Score,
    /// At most so many items; `None`: all.
    pub limit: Option<usize>,
    /// No item below this score.
    pub min_score: Option<f64>,
    /// An item that is not to be found: the one that asks.
    pub except: Option<&'a [u8]>,
}

impl Default for Wanted<'_> {
    /// Everything, by OVERLAP.
    fn default() -> Self {
        Wanted { score: Score::Overlap, limit: None, min_score: None, except: None }
    }
}

/// A search would read more postings than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the query's buckets have {postings} members")]
pub struct TooManyPostings {
    /// Members of the query's buckets, over all chunks of the window.
    pub postings: u64,
}

/// An item that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<'a> {
    /// The item's name.
    pub item: &'a [u8],
    /// Its score; of a combined search the mean of `parts`.
    pub score: f64,
    /// Its observations in the window; of a combined search in all parts.
    pub observations: u64,
    /// The score in each part of a combined search; `None` where neither side has data.
    pub parts: Vec<Option<f64>>,
}

/// The items of one index that are like the query, best first. The search may read as many postings
/// as the budget holds, and takes what it reads from it.
///
/// # Errors
/// The query's buckets have more members than the budget.
pub fn search<'a>(
    part: &Part<'a>,
    wanted: &Wanted,
    budget: &mut u64,
) -> Result<Vec<Found<'a>>, TooManyPostings> {
    let bands = part.bands();
    let found = candidates(part, wanted.score, budget)?.into_iter().filter_map(|candidate| {
        let score = wanted.score.of(&candidate.shared, bands, part.query.observations());
        let observations = candidate.shared.observations;
        let admitted = candidate.bands >= part.min_bands;
        admitted.then_some(Found { item: candidate.item, score, observations, parts: Vec::new() })
    });
    Ok(best(found.collect(), wanted))
}

/// The items that are like the query in several indexes together, best first. An item is admitted by
/// one part alone; then every part is scored. The budget is that of [`search`].
///
/// # Errors
/// The query's buckets have more members than the budget.
pub fn combine<'a>(
    parts: &[Part<'a>],
    wanted: &Wanted,
    budget: &mut u64,
) -> Result<Vec<Found<'a>>, TooManyPostings> {
    let mut admitted: HashMap<&[u8], ()> = HashMap::new();
    let mut shared: Vec<HashMap<&[u8], Shared>> = Vec::with_capacity(parts.len());
    for part in parts {
        let candidates = candidates(part, wanted.score, budget)?;
        let reached = candidates.iter().filter(|candidate| candidate.bands >= part.min_bands);
        admitted.extend(reached.map(|candidate| (candidate.item, ())));
        shared.push(candidates.into_iter().map(|candidate| (candidate.item, candidate.shared)).collect());
    }
    let found = admitted.into_keys().map(|item| {
        let shared = parts.iter().zip(&shared).map(|(part, shared)| match shared.get(item) {
            Some(shared) => *shared,
            None => Shared { sum: 0, observations: part.observations_of(item) },
        });
        mean(item, parts, shared.collect(), wanted.score)
    });
    Ok(best(found.collect(), wanted))
}

/// The score of an item over several parts: the mean of those where either side has data.
fn mean<'a>(item: &'a [u8], parts: &[Part<'a>], shared: Vec<Shared>, score: Score) -> Found<'a> {
    let scores: Vec<Option<f64>> = parts
        .iter()
        .zip(&shared)
        .map(|(part, shared)| match (part.query.is_empty(), shared.observations) {
            (true, 0) => None,
            (true, _) | (_, 0) => Some(0.0),
            _ => Some(score.of(shared, part.bands(), part.query.observations())),
        })
        .collect();
    let counted = scores.iter().flatten().count().max(1);
    Found {
        item,
        score: scores.iter().flatten().sum::<f64>() / counted as f64,
        observations: shared.iter().map(|shared| shared.observations).sum(),
        parts: scores,
    }
}

/// The wanted ones, in the order of results: score, then observations, both descending, then the
/// item's bytes.
fn best<'a>(mut found: Vec<Found<'a>>, wanted: &Wanted) -> Vec<Found<'a>> {
    found.retain(|found| {
        wanted.min_score.is_none_or(|least| found.score >= least) && Some(found.item) != wanted.except
    });
    if let Some(limit) = wanted.limit
        && limit < found.len()
    {
        if limit > 0 {
            found.select_nth_unstable_by(limit - 1, order);
        }
        found.truncate(limit);
    }
    found.sort_unstable_by(order);
    found
}

fn order(a: &Found, b: &Found) -> Ordering {
    let score = b.score.total_cmp(&a.score);
    score.then(b.observations.cmp(&a.observations)).then(a.item.cmp(b.item))
}

impl<'a> Part<'a> {
    fn bands(&self) -> u16 {
        self.chunks.first().map_or(1, |chunk| chunk.bands())
    }

    /// An item's observations in the window.
    fn observations_of(&self, item: &[u8]) -> u64 {
        let hash = hash::name(item);
        let chunks = self.chunks.iter();
        chunks
            .filter_map(|chunk| Some(u64::from(chunk.items().observations(chunk.item_by_hash(item, hash)?))))
            .sum()
    }
}

/// An item that shares a bucket with the query.
struct Candidate<'a> {
    item: &'a [u8],
    shared: Shared,
    /// How many bands it shares.
    bands: u16,
    /// The last of them.
    last_band: Option<u16>,
    /// The bucket being read, and the item's count in it so far.
    bucket: usize,
    count: u64,
}

/// Every item that shares a bucket with the query.
fn candidates<'a>(
    part: &Part<'a>,
    score: Score,
    budget: &mut u64,
) -> Result<Vec<Candidate<'a>>, TooManyPostings> {
    let buckets = find_buckets(part, budget)?;
    let mut numbers = Numbers::default();
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut touched: Vec<u32> = Vec::new();
    for same_bucket in buckets.chunk_by(|a, b| a.frequency == b.frequency) {
        let Some(frequency) = same_bucket.first().map(|first| first.frequency) else { continue };
        for found in same_bucket {
            for posting in part.chunks[found.chunk].postings(found.bucket) {
                let number = numbers.of(part, found.chunk, posting.item, &mut candidates);
                let candidate = &mut candidates[number as usize];
                if candidate.bucket != frequency {
                    (candidate.bucket, candidate.count) = (frequency, 0);
                    touched.push(number);
                }
                candidate.count += u64::from(posting.count);
            }
        }
        let frequency = &part.query.frequencies()[frequency];
        for number in touched.drain(..) {
            let candidate = &mut candidates[number as usize];
            let shared = &mut candidate.shared;
            shared.sum +=
                score.part(frequency.count, candidate.count, part.query.observations(), shared.observations);
            if candidate.last_band != Some(frequency.band) {
                candidate.last_band = Some(frequency.band);
                candidate.bands += 1;
            }
        }
    }
    Ok(candidates)
}

/// A bucket of the query in a chunk.
struct InChunk {
    /// The number of the query's frequency.
    frequency: usize,
    chunk: usize,
    bucket: u32,
}

/// The query's buckets, by frequency, in the chunks that have them.
fn find_buckets(part: &Part, budget: &mut u64) -> Result<Vec<InChunk>, TooManyPostings> {
    let mut found = Vec::new();
    let mut postings = 0;
    for (number, frequency) in part.query.frequencies().iter().enumerate() {
        let hash = hash::bucket(frequency.band, frequency.bucket);
        for (chunk, in_chunk) in part.chunks.iter().enumerate() {
            if let Some(bucket) = in_chunk.bucket(frequency.band, frequency.bucket, hash) {
                postings += in_chunk.member_count(bucket) as u64;
                found.push(InChunk { frequency: number, chunk, bucket });
            }
        }
    }
    *budget = budget.checked_sub(postings).ok_or(TooManyPostings { postings })?;
    Ok(found)
}

/// The number of each candidate, by its ids in the chunks of the window.
#[derive(Default)]
struct Numbers {
    by_id: HashMap<(u32, u32), u32, BuildHasherDefault<IdHasher>>,
}

impl Numbers {
    /// The candidate with an id in a chunk. At its first sight its ids in all chunks are noted, and
    /// its observations summed.
    fn of<'a>(&mut self, part: &Part<'a>, chunk: usize, id: u32, candidates: &mut Vec<Candidate<'a>>) -> u32 {
        if let Some(number) = self.by_id.get(&(chunk as u32, id)) {
            return *number;
        }
        let number = candidates.len() as u32;
        let items = part.chunks[chunk].items();
        let (item, hash) = (items.name(id), items.hash(id));
        let mut observations = 0;
        for (other, in_other) in part.chunks.iter().enumerate() {
            let id = if other == chunk { Some(id) } else { in_other.item_by_hash(item, hash) };
            if let Some(id) = id {
                observations += u64::from(in_other.items().observations(id));
                self.by_id.insert((other as u32, id), number);
            }
        }
        candidates.push(Candidate {
            item,
            shared: Shared { sum: 0, observations },
            bands: 0,
            last_band: None,
            bucket: usize::MAX,
            count: 0,
        });
        number
    }
}

/// Mixes ids: they are given by the chunks, so nobody chooses them.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, id: u32) {
        self.0 = (self.0.rotate_left(32) ^ u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}
