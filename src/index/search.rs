//! Search: which items share buckets with a query, and how much.
//!
//! For scaled frequencies p and q, `1 - L1(p, q)/2` is the sum over shared buckets of `min(p, q)`.
//! Only shared buckets matter, and those are exactly what the query's postings hold, so no
//! candidate's profile is ever read. The unit is a bucket over all chunks of the window: an item's
//! counts in it are summed first, and its observations over the *whole* window are known before its
//! first share is computed; chunk by chunk would overstate it.
//!
//! # Exact top-k, without reading everything
//!
//! Shared buckets only ever add to a score. So when units are read from the shortest to the longest,
//! there may come a point where an item that has not been met cannot reach the k-th best any more:
//! all that is left to read is worth less. From there on only the candidates are of interest, and what
//! they have in the long units is looked up from their side. Before a unit is opened that is longer
//! than these look-ups together, they are made: that raises the floor, and usually the unit need not
//! be opened at all. With fewer than k candidates, it must be.
//!
//! What a unit is worth is, for OVERLAP and COVERAGE, the query's share of it, which only adds. For
//! SIGNIFICANCE it is what a candidate may have counted there, which is no more than the candidate's
//! observations, nor than the largest count in the unit: the score grows with the sum of these, and
//! falls with the observations, of which a newcomer has at least one.
//!
//! Bounds are doubles, and rounded such that a candidate is given up only where it is certainly below
//! the floor: one that ties may still win by order. The result is the same as by reading everything.

use super::candidate::{Candidates, Place};
use super::part::Part;
use super::profile::Frequency;
use super::score::{Scale, Score, Shared};
use smallvec::SmallVec;

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

/// How many postings searches may read, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Postings that may still be read.
    pub left: u64,
    /// Postings that did not have to be read.
    pub skipped: u64,
}

impl Budget {
    /// So many postings.
    pub fn new(postings: u64) -> Budget {
        Budget { left: postings, skipped: 0 }
    }

    fn take(&mut self, postings: u64) -> Result<(), TooManyPostings> {
        self.left = self.left.checked_sub(postings).ok_or(TooManyPostings { postings })?;
        Ok(())
    }
}

/// A search would read more postings than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a bucket of the query has {postings} members")]
pub struct TooManyPostings {
    /// Members, over all chunks of the window, of the bucket that was one too many.
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

/// The items of one index that are like the query, best first.
///
/// # Errors
/// More postings would have to be read than the budget holds.
pub fn search<'a>(
    part: &Part<'a>,
    wanted: &Wanted,
    budget: &mut Budget,
) -> Result<Vec<Found<'a>>, TooManyPostings> {
    run(std::slice::from_ref(part), wanted, budget, false)
}

/// The items that are like the query in several indexes together, best first. An item is admitted by
/// one part alone; then every part is scored, and the score is the mean of those where either side
/// has data.
///
/// # Errors
/// More postings would have to be read than the budget holds.
pub fn combine<'a>(
    parts: &[Part<'a>],
    wanted: &Wanted,
    budget: &mut Budget,
) -> Result<Vec<Found<'a>>, TooManyPostings> {
    run(parts, wanted, budget, true)
}

fn run<'a>(
    parts: &[Part<'a>],
    wanted: &Wanted,
    budget: &mut Budget,
    with_parts: bool,
) -> Result<Vec<Found<'a>>, TooManyPostings> {
    let search = Search::new(parts, wanted);
    let candidates = search.candidates(budget)?;
    let found = best(wanted, &candidates).into_iter().map(|Ranked { item, number, score, observations }| {
        let in_part = |part| candidates.part_score(number, part);
        let scores = if with_parts { (0..parts.len()).map(in_part).collect() } else { Vec::new() };
        Found { item, score, observations, parts: scores }
    });
    Ok(found.collect())
}

/// A candidate by what it is ranked by.
struct Ranked<'a> {
    /// Looked up once: where many are equal, it is compared again and again.
    item: &'a [u8],
    number: usize,
    score: f64,
    observations: u64,
}

/// The wanted candidates, in the order of results: score, then observations, both descending, then
/// the item's bytes.
fn best<'a>(wanted: &Wanted, candidates: &Candidates<'_, 'a>) -> Vec<Ranked<'a>> {
    let mut ranked = Vec::with_capacity(candidates.len());
    for number in wanted_candidates(wanted, candidates) {
        let (score, observations) = (candidates.score(number), candidates.observations(number));
        if wanted.min_score.is_none_or(|least| score >= least) {
            ranked.push(Ranked { item: candidates.name(number), number, score, observations });
        }
    }
    let order = |a: &Ranked, b: &Ranked| {
        let by_score = b.score.total_cmp(&a.score).then(b.observations.cmp(&a.observations));
        by_score.then_with(|| a.item.cmp(b.item))
    };
    if let Some(limit) = wanted.limit.filter(|limit| *limit < ranked.len()) {
        if limit > 0 {
            ranked.select_nth_unstable_by(limit - 1, order);
        }
        ranked.truncate(limit);
    }
    ranked.sort_unstable_by(order);
    ranked
}

/// The candidates that may be found: all that share the bands that they must, but the one that asks.
fn wanted_candidates(wanted: &Wanted, candidates: &Candidates) -> impl Iterator<Item = usize> {
    let is_excepted = |number| wanted.except.is_some_and(|except| candidates.name(number) == except);
    (0..candidates.len()).filter(move |number| candidates.is_admitted(*number) && !is_excepted(*number))
}

/// A bucket of a query in a chunk.
#[derive(Debug, Clone, Copy)]
struct InChunk {
    /// The number of the query's frequency in its part.
    frequency: usize,
    place: Place,
    bucket: u32,
    members: usize,
}

/// A bucket of a query over all chunks of the window.
#[derive(Debug, Clone)]
struct Unit {
    part: usize,
    frequency: usize,
    /// Where its buckets are in [`Search::buckets`].
    buckets: std::ops::Range<usize>,
    members: usize,
}

/// What some units can add to scores.
enum Rest {
    /// At most so much to the sum of a candidate's scores.
    Worth(f64),
    /// For SIGNIFICANCE: the part of each unit, and the largest count there.
    Counts(Vec<(usize, u64)>),
}

/// A search, before its first posting is read.
struct Search<'s, 'a> {
    parts: &'s [Part<'a>],
    wanted: &'s Wanted<'s>,
    /// Of each part.
    scales: SmallVec<[Scale; 2]>,
    buckets: Vec<InChunk>,
    /// From the shortest to the longest.
    units: Vec<Unit>,
}

/// A unit shorter than this is read without asking whether it need be.
const SHORT: usize = 64;

impl<'s, 'a> Search<'s, 'a> {
    fn new(parts: &'s [Part<'a>], wanted: &'s Wanted<'s>) -> Search<'s, 'a> {
        let mut buckets = Vec::new();
        let mut chunk = 0;
        for (number, part) in parts.iter().enumerate() {
            let hashes: Vec<u32> = part.query.frequencies().iter().map(|frequency| frequency.hash).collect();
            for in_part in 0..part.chunks.len() {
                find_buckets(part, Place { part: number, in_part, chunk }, &hashes, &mut buckets);
                chunk += 1;
            }
        }
        buckets.sort_unstable_by_key(|found| (found.place.part, found.frequency, found.place.chunk));
        let mut units = Vec::with_capacity(buckets.len());
        let mut start = 0;
        for same in buckets.chunk_by(|a, b| (a.place.part, a.frequency) == (b.place.part, b.frequency)) {
            let members = same.iter().map(|found| found.members).sum();
            let Some(first) = same.first() else { continue };
            let buckets = start..start + same.len();
            start = buckets.end;
            units.push(Unit { part: first.place.part, frequency: first.frequency, buckets, members });
        }
        units.sort_unstable_by_key(|unit| (unit.members, unit.part, unit.frequency));
        let scales = parts.iter().map(|part| part.scale(wanted.score)).collect();
        Search { parts, wanted, scales, buckets, units }
    }

    fn frequency(&self, unit: &Unit) -> &Frequency<'a> {
        &self.parts[unit.part].query.frequencies()[unit.frequency]
    }

    /// The candidates with all that they share; those that cannot be in the result with a part of it.
    fn candidates(&self, budget: &mut Budget) -> Result<Candidates<'_, 'a>, TooManyPostings> {
        let members: usize = self.units.iter().map(|unit| unit.members).sum();
        let mut candidates = Candidates::with_capacity(self.parts, &self.scales, members.min(1 << 16));
        let mut touched = Vec::new();
        for (number, unit) in self.units.iter().enumerate() {
            let left = &self.units[number..];
            let look_ups = candidates.len() * left.len();
            if unit.members >= SHORT.max(look_ups) && self.can_be_complete() {
                self.finish(left, &mut candidates);
                if self.is_complete(left, &candidates) {
                    budget.skipped += left.iter().map(|unit| unit.members as u64).sum::<u64>();
                    break;
                }
            }
            budget.take(unit.members as u64)?;
            self.read(number as u32, unit, &mut candidates, &mut touched);
        }
        Ok(candidates)
    }

    /// Reads a unit's postings: what its members share with the query.
    fn read(&self, number: u32, unit: &Unit, candidates: &mut Candidates, touched: &mut Vec<usize>) {
        for found in &self.buckets[unit.buckets.clone()] {
            let chunk = self.parts[unit.part].chunks[found.place.in_part];
            for posting in chunk.postings(found.bucket) {
                let at = candidates.number(found.place, posting.item);
                let candidate = candidates.get_mut(at);
                if candidate.is_finished {
                    continue;
                }
                if candidate.unit != number {
                    (candidate.unit, candidate.count) = (number, 0);
                    touched.push(at);
                }
                candidate.count += u64::from(posting.count);
            }
        }
        for at in touched.drain(..) {
            let count = candidates.get_mut(at).count;
            self.share(unit, candidates, at, count);
        }
    }

    /// Adds what a candidate with this count in a unit shares there.
    fn share(&self, unit: &Unit, candidates: &mut Candidates, at: usize, count: u64) {
        let (frequency, scale) = (self.frequency(unit), &self.scales[unit.part]);
        let share = |observations| scale.part(frequency.count, count, observations);
        candidates.share(at, unit.part, frequency.band, share);
    }

    /// Looks up what the candidates have in the units that are left, but for those that cannot reach
    /// the floor with all of it.
    fn finish(&self, left: &[Unit], candidates: &mut Candidates) {
        let (floor, rest) = (self.floor(candidates), self.rest(left));
        for at in 0..candidates.len() {
            if std::mem::replace(&mut candidates.get_mut(at).is_finished, true) {
                continue;
            }
            if is_below(self.most(candidates, at, &rest), floor) {
                continue;
            }
            let (name, hash) = (candidates.name(at), candidates.hash(at));
            for unit in left {
                let count = self.count(unit, name, hash);
                if count > 0 {
                    self.share(unit, candidates, at, count);
                }
            }
        }
    }

    /// An item's count in a unit.
    fn count(&self, unit: &Unit, item: &[u8], hash: u32) -> u64 {
        let in_chunk = |found: &InChunk| {
            let chunk = self.parts[unit.part].chunks[found.place.in_part];
            Some(u64::from(chunk.count(found.bucket, chunk.item_by_hash(item, hash)?)))
        };
        self.buckets[unit.buckets.clone()].iter().filter_map(in_chunk).sum()
    }

    /// Whether anything is wanted that may make reading on unnecessary.
    fn can_be_complete(&self) -> bool {
        let is_bounded = self.wanted.limit.is_some() || self.wanted.min_score.is_some();
        is_bounded || self.parts.iter().any(|part| part.min_bands > 1)
    }

    /// Whether no item that has not been met can be in the result.
    fn is_complete(&self, left: &[Unit], candidates: &Candidates) -> bool {
        is_below(self.most_of_newcomer(&self.rest(left)), self.floor(candidates)) || !self.can_admit(left)
    }

    /// What the units can add to scores.
    fn rest(&self, units: &[Unit]) -> Rest {
        if self.wanted.score != Score::Significance {
            let worth = |unit: &Unit| {
                let scale = &self.scales[unit.part];
                self.frequency(unit).count as f64 / (f64::from(scale.bands) * scale.query as f64)
            };
            return Rest::Worth(units.iter().map(worth).sum());
        }
        Rest::Counts(units.iter().map(|unit| (unit.part, self.largest(unit))).collect())
    }

    /// No candidate's count in a unit is larger.
    fn largest(&self, unit: &Unit) -> u64 {
        let in_chunk = |found: &InChunk| {
            u64::from(self.parts[unit.part].chunks[found.place.in_part].largest_count(found.bucket))
        };
        self.buckets[unit.buckets.clone()].iter().map(in_chunk).sum()
    }

    /// The most that a candidate can reach with all of the rest.
    fn most(&self, candidates: &Candidates, at: usize, rest: &Rest) -> f64 {
        let divisor = candidates.divisor(at) as f64;
        match rest {
            Rest::Worth(worth) => candidates.score(at) + worth / divisor,
            Rest::Counts(counts) => {
                let with_rest = |(part, scale): (usize, &Scale)| {
                    let Shared { sum, observations } = *candidates.shared(at, part);
                    let of_part = counts.iter().filter(|(of, _)| *of == part);
                    let more: u64 = of_part.map(|(_, largest)| *largest.min(&observations)).sum();
                    scale.of(&Shared { sum: sum + u128::from(more), observations })
                };
                self.scales.iter().enumerate().map(with_rest).sum::<f64>() / divisor
            }
        }
    }

    /// The most that an item can reach that has not been met yet.
    fn most_of_newcomer(&self, rest: &Rest) -> f64 {
        let with_data = self.scales.iter().filter(|scale| scale.query > 0).count().max(1) as f64;
        match rest {
            Rest::Worth(worth) => worth / with_data,
            Rest::Counts(counts) => {
                let with_rest = |(part, scale): (usize, &Scale)| {
                    let sum = counts.iter().filter(|(of, _)| *of == part).map(|(_, n)| u128::from(*n)).sum();
                    scale.of(&Shared { sum, observations: 1 })
                };
                self.scales.iter().enumerate().map(with_rest).sum::<f64>() / with_data
            }
        }
    }

    /// Whether an item that is in these units alone can share the bands that it must.
    fn can_admit(&self, units: &[Unit]) -> bool {
        self.parts.iter().enumerate().any(|(number, part)| {
            let mut bands: Vec<u16> = units
                .iter()
                .filter(|unit| unit.part == number)
                .map(|unit| self.frequency(unit).band)
                .collect();
            bands.sort_unstable();
            bands.dedup();
            bands.len() >= usize::from(part.min_bands)
        })
    }

    /// What an item in the result certainly reaches: the k-th best of what admitted candidates have by
    /// now, or MINSCORE.
    fn floor(&self, candidates: &Candidates) -> f64 {
        let least = self.wanted.min_score.unwrap_or(0.0);
        let Some(limit) = self.wanted.limit else { return least };
        let admitted = wanted_candidates(self.wanted, candidates);
        let mut scores: Vec<f64> = admitted.map(|number| candidates.score(number)).collect();
        if limit == 0 || scores.len() < limit {
            return least;
        }
        let (_, kth, _) = scores.select_nth_unstable_by(limit - 1, |a, b| b.total_cmp(a));
        kth.max(least)
    }
}

/// Whether a bound is below a floor, and not only by rounding.
fn is_below(bound: f64, floor: f64) -> bool {
    bound * (1.0 + 1e-9) < floor
}

/// Finds the query's buckets in a chunk.
fn find_buckets(part: &Part, place: Place, hashes: &[u32], found: &mut Vec<InChunk>) {
    let chunk = part.chunks[place.in_part];
    chunk.touch_buckets(hashes);
    for (number, frequency) in part.query.frequencies().iter().enumerate() {
        if let Some(bucket) = chunk.bucket(frequency.band, frequency.bucket, frequency.hash) {
            found.push(InChunk { frequency: number, place, bucket, members: chunk.member_count(bucket) });
        }
    }
}
