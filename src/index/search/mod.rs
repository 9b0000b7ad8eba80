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
//! SharedSum buckets only ever add to a score. So when units are read from the shortest to the longest,
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
//! Where the last unit must be opened, it is sifted: what a member has in it is all that a newcomer
//! shares, so that most members are seen to be behind the k-th best before they become candidates, and
//! before anybody asks how often they were observed in the other chunks.
//!
//! Bounds are doubles, and rounded such that a candidate is given up only where it is certainly below
//! the floor: one that ties may still win by order. The result is the same as by reading everything.

mod candidates;
pub(crate) mod profile;
mod query;
mod rank;
pub(crate) mod score;
mod seen_once;

pub use profile::{Frequency, Profile};
pub use query::IndexQuery;
pub use score::ScoreMode;

use self::candidates::{Candidates, Met, Place};
use self::profile::ProfileEntry;
use self::rank::{RankedCandidate, Ranking};
use self::score::{Scorer, SharedSum};
use self::seen_once::SeenOnce;
use crate::index::chunk::Chunk;
use crate::index::chunk::buckets::{BucketKey, Posting};
use smallvec::SmallVec;

/// What of a search's result is wanted.
#[derive(Debug, Clone, Copy)]
pub struct SearchOptions {
    /// How scores are computed.
    pub score: ScoreMode,
    /// At most so many items; `None`: all.
    pub limit: Option<usize>,
    /// No item below this score.
    pub min_score: Option<f64>,
    /// The item that asks is not to be found.
    pub exclude_self: bool,
}

impl Default for SearchOptions {
    /// Everything, by OVERLAP.
    fn default() -> Self {
        SearchOptions { score: ScoreMode::Overlap, limit: None, min_score: None, exclude_self: false }
    }
}

/// What searches may cost, in postings, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// What they may still cost.
    pub left: u64,
    /// Postings that were read.
    pub read: u64,
    /// Postings that did not have to be read.
    pub skipped: u64,
}

impl Budget {
    /// So many postings.
    pub fn new(postings: u64) -> Budget {
        Budget { left: postings, read: 0, skipped: 0 }
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
pub struct Match<'a> {
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
    part: &IndexQuery<'a>,
    wanted: &SearchOptions,
    budget: &mut Budget,
) -> Result<Vec<Match<'a>>, TooManyPostings> {
    run(std::slice::from_ref(part), wanted, budget, false)
}

/// The items that are like the query in several indexes together, best first. An item is admitted by
/// one part alone; then every part is scored, and the score is the mean of those where either side
/// has data.
///
/// # Errors
/// More postings would have to be read than the budget holds.
pub fn combine<'a>(
    parts: &[IndexQuery<'a>],
    wanted: &SearchOptions,
    budget: &mut Budget,
) -> Result<Vec<Match<'a>>, TooManyPostings> {
    run(parts, wanted, budget, true)
}

fn run<'a>(
    parts: &[IndexQuery<'a>],
    wanted: &SearchOptions,
    budget: &mut Budget,
    with_parts: bool,
) -> Result<Vec<Match<'a>>, TooManyPostings> {
    let search = Search::new(parts, wanted);
    let candidates = search.candidates(budget)?;
    let mut ranking = Ranking::new(wanted.limit, wanted.min_score, candidates.len());
    search.rank(&candidates, 0, &mut ranking);
    let scores_of_each = if with_parts { parts.len() } else { 0 };
    budget.take((ranking.count() * (1 + scores_of_each)) as u64 * FOUND)?;
    let found = ranking.into_sorted().into_iter().map(
        |RankedCandidate { item, number, score, observations, .. }| {
            let scores = (0..scores_of_each).map(|part| candidates.part_score(number, part)).collect();
            Match { item, score, observations, parts: scores }
        },
    );
    Ok(found.collect())
}

/// What it costs to rank an item that is found, and to reply it.
const FOUND: u64 = 6;
/// What it costs to note that a candidate shares a band.
const BAND: u64 = 4;
/// What it costs to see whether a member may be among the best, beside reading its posting.
const SIFTED: u64 = 2;
/// So many parts of a search cost as much for a candidate as a posting.
const PARTS: usize = 4;

/// A bucket of a query in a chunk.
#[derive(Debug, Clone, Copy, Default)]
struct InChunk {
    /// The chunk's number over all parts.
    chunk: u32,
    bucket: u32,
}

/// A bucket of a query over all chunks of the window.
#[derive(Debug, Clone)]
struct Unit<'s, 'a> {
    part: usize,
    frequency: &'s Frequency<'a>,
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
    parts: &'s [IndexQuery<'a>],
    wanted: &'s SearchOptions,
    /// Of each part.
    scales: SmallVec<[Scorer; 2]>,
    chunks: SmallVec<[Place<'a>; 16]>,
    buckets: Vec<InChunk>,
    /// From the shortest to the longest, where not all must be read.
    units: Vec<Unit<'s, 'a>>,
}

/// A unit shorter than this is read without asking whether it need be.
const SHORT: usize = 64;
/// Postings of units that are read together, where all must be read.
const TOGETHER: usize = 1 << 14;

impl<'s, 'a> Search<'s, 'a> {
    fn new(parts: &'s [IndexQuery<'a>], wanted: &'s SearchOptions) -> Search<'s, 'a> {
        let of_part = |(part, of): (usize, &'s IndexQuery<'a>)| {
            let chunks = of.chunks.iter().enumerate();
            chunks.map(move |(at, chunk)| Place { part, chunk, own: of.own.ids.get(at).copied().flatten() })
        };
        let chunks = parts.iter().enumerate().flat_map(of_part).collect();
        let scales = parts.iter().map(|part| part.scale(wanted.score)).collect();
        let mut search = Search { parts, wanted, scales, chunks, buckets: Vec::new(), units: Vec::new() };
        search.find_buckets();
        if search.can_be_complete() {
            search.units.sort_unstable_by_key(|unit| unit.members);
        }
        search
    }

    /// Finds the buckets of the query, chunk by chunk, and orders them by unit. Those of the item that asks
    /// are known.
    fn find_buckets(&mut self) {
        let of_part = |(part, of): (usize, &'s IndexQuery<'a>)| {
            let frequencies = of.query.frequencies().iter();
            frequencies.map(move |frequency| Unit { part, frequency, buckets: 0..0, members: 0 })
        };
        let mut units: Vec<Unit<'s, 'a>> = self.parts.iter().enumerate().flat_map(of_part).collect();
        let mut found = Vec::with_capacity(2 * units.len());
        let (mut first, mut number) = (0, 0);
        for part in self.parts {
            let key: Vec<BucketKey> = part.query.frequencies().iter().map(Frequency::key).collect();
            let (mut last_seen, mut room) = (vec![usize::MAX; key.len()], vec![0; key.len()]);
            let mut seen = part.own.seen.iter().peekable();
            for (at, chunk) in part.chunks.iter().enumerate() {
                let own = self.chunks[number].own;
                let mut note = |frequency, bucket| {
                    // What the item that asks shares with itself is known.
                    if own.is_some_and(|own| chunk.is_sole_member(bucket, own)) {
                        return;
                    }
                    let unit: &mut Unit = &mut units[first + frequency];
                    unit.members += chunk.member_count(bucket);
                    unit.buckets.end += 1;
                    found.push((first + frequency, InChunk { chunk: number as u32, bucket }));
                };
                while let Some(ProfileEntry { frequency, bucket, .. }) = seen.next_if(|seen| seen.chunk == at)
                {
                    last_seen[*frequency] = at;
                    note(*frequency, *bucket);
                }
                chunk.locate_buckets(&key, &mut room, |frequency| last_seen[frequency] != at, note);
                number += 1;
            }
            first += key.len();
        }
        // Sorted by counting: each unit knows by now how many buckets it has.
        let mut end = 0;
        for unit in &mut units {
            let start = end;
            end += unit.buckets.end;
            unit.buckets = start..start;
        }
        self.buckets = vec![InChunk::default(); found.len()];
        for (unit, bucket) in found {
            let next = &mut units[unit].buckets.end;
            self.buckets[*next] = bucket;
            *next += 1;
        }
        units.retain(|unit| unit.members > 0);
        self.units = units;
    }

    /// The buckets of a unit: the number of the chunk, the chunk, and the bucket's id.
    fn buckets(&self, unit: &Unit) -> impl Iterator<Item = (u32, &Place<'a>, u32)> {
        let buckets = self.buckets[unit.buckets.clone()].iter();
        buckets.map(|InChunk { chunk, bucket }| (*chunk, &self.chunks[*chunk as usize], *bucket))
    }

    /// The candidates with all that they share; those that cannot be in the result with a part of it.
    fn candidates(&self, budget: &mut Budget) -> Result<Candidates<'_, 'a>, TooManyPostings> {
        let members: usize = self.units.iter().map(|unit| unit.members).sum();
        let expected = members.min(TOGETHER);
        let mut candidates = Candidates::with_capacity(self.parts, &self.scales, &self.chunks, expected);
        if !self.wanted.exclude_self {
            candidates.add_own();
        }
        let mut done = 0;
        while let Some(unit) = self.units.get(done) {
            let left = &self.units[done..];
            let look_ups = candidates.len() * left.len();
            if unit.members >= SHORT.max(look_ups) && self.can_be_complete() {
                self.finish(left, &mut candidates);
                if self.is_complete(left, &candidates) {
                    budget.skipped += left.iter().map(|unit| unit.members as u64).sum::<u64>();
                    break;
                }
                let are_few_wanted = self.wanted.limit.is_none_or(|limit| limit < unit.members);
                if left.len() == 1 && self.parts.len() == 1 && are_few_wanted {
                    self.sift(done, &mut candidates, budget)?;
                    break;
                }
            }
            let together = self.together(left);
            for number in done..done + together {
                self.pay_for(number, budget)?;
                self.read(number, &mut candidates);
            }
            self.share_all(&mut candidates, budget)?;
            done += together;
        }
        Ok(candidates)
    }

    /// Takes what it costs to read a unit: each posting costs more where there are many parts to keep,
    /// or bands to note.
    fn pay_for(&self, number: usize, budget: &mut Budget) -> Result<(), TooManyPostings> {
        let Unit { part, members, .. } = self.units[number];
        let bands = if self.parts[part].min_bands > 1 { BAND } else { 0 };
        let each = (1 + self.parts.len() / PARTS) as u64 + bands;
        budget.take(members as u64 * each)?;
        budget.read += members as u64;
        Ok(())
    }

    /// How many units are read before anything is shared, at least one: as long as nobody would ask
    /// whether the next need be read.
    fn together(&self, left: &[Unit]) -> usize {
        let mut members = 0;
        let more = left.iter().skip(1).zip(left).take_while(|(next, before)| {
            members += before.members;
            if self.can_be_complete() { next.members < SHORT } else { members < TOGETHER }
        });
        1 + more.count()
    }

    /// Reads a unit's postings: what its members share with the query.
    fn read(&self, number: usize, candidates: &mut Candidates) {
        for (chunk, place, bucket) in self.buckets(&self.units[number]) {
            place.chunk.postings(bucket).for_each(|posting| {
                if place.own != Some(posting.item) {
                    candidates.meet(Met { unit: number as u32, chunk, posting });
                }
            });
        }
    }

    /// Reads the last unit, a long one, of a search of one part whose candidates are all finished: of
    /// its members it notes those alone that may be in the result.
    fn sift(
        &self,
        number: usize,
        candidates: &mut Candidates<'_, 'a>,
        budget: &mut Budget,
    ) -> Result<(), TooManyPostings> {
        let unit = &self.units[number];
        self.pay_for(number, budget)?;
        budget.take(unit.members as u64 * SIFTED)?;
        let alone = self.members_of_one_chunk(unit);
        let mut ranking = Ranking::new(self.wanted.limit, self.wanted.min_score, 0);
        let (mut ranked, mut noted, mut of_several) = (0, 0, Vec::new());
        let together = SHORT.max(self.wanted.limit.unwrap_or(0));
        for (chunk, place, bucket) in self.buckets(unit) {
            for posting in place.chunk.postings(bucket).filter(|posting| place.own != Some(posting.item)) {
                let met = Met { unit: number as u32, chunk, posting };
                if !alone.has(place.chunk.items().hash(posting.item)) {
                    of_several.push(met); // its counts have to be noted together
                } else if self.may_rank(unit, place.chunk, posting, &ranking) {
                    if noted % together == 0 {
                        self.share_all(candidates, budget)?;
                        self.rank(candidates, ranked, &mut ranking);
                        ranking.cut();
                        ranked = candidates.len();
                    }
                    noted += 1;
                    candidates.meet(met);
                }
            }
        }
        of_several.into_iter().for_each(|met| candidates.meet(met));
        self.share_all(candidates, budget)
    }

    /// The members of a unit that are in it in one chunk alone.
    fn members_of_one_chunk(&self, unit: &Unit) -> SeenOnce {
        let mut once = SeenOnce::with_capacity(unit.members);
        for (_, place, bucket) in self.buckets(unit) {
            let items = place.chunk.items();
            place.chunk.postings(bucket).for_each(|posting| once.add(items.hash(posting.item)));
        }
        once
    }

    /// Whether a member of the last unit, which is in it in this chunk alone, may be among the best. It
    /// is known but for its observations in other chunks, and these can only take from its score; where
    /// the score falls with each of them, it cannot tie by having more.
    fn may_rank(&self, unit: &Unit, chunk: &Chunk, posting: Posting, ranking: &Ranking) -> bool {
        let (scale, items) = (&self.scales[unit.part], chunk.items());
        let (c, n) = (unit.frequency.count, posting.count.into());
        let observations = items.observations(posting.item).into();
        let score = scale.of(&SharedSum { sum: scale.part(c, n, observations), observations });
        let is_before_last =
            || ranking.takes(&RankedCandidate::new(0, score, observations, items.name(posting.item)));
        !is_below(score, ranking.floor()) && (!scale.falls(c, n, observations) || is_before_last())
    }

    /// Ranks the candidates from a number on.
    fn rank(&self, candidates: &Candidates<'_, 'a>, from: usize, ranking: &mut Ranking<'a>) {
        for number in candidates.admitted_from(from) {
            let (score, observations) = (candidates.score(number), candidates.observations(number));
            ranking.offer(RankedCandidate::new(number, score, observations, candidates.name(number)));
        }
    }

    /// Adds what was read to what the candidates share.
    fn share_all(&self, candidates: &mut Candidates, budget: &mut Budget) -> Result<(), TooManyPostings> {
        budget.take(candidates.look_ups())?;
        for tally in candidates.take_tallies() {
            self.share(&self.units[tally.unit as usize], candidates, tally.candidate as usize, tally.count);
        }
        Ok(())
    }

    /// Adds what a candidate with this count in a unit shares there.
    #[inline]
    fn share(&self, unit: &Unit, candidates: &mut Candidates, at: usize, count: u64) {
        let (frequency, scale) = (unit.frequency, &self.scales[unit.part]);
        let share = |observations| scale.part(frequency.count, count, observations);
        candidates.share(at, unit.part, frequency.band, share);
    }

    /// Looks up what the candidates have in the units that are left, but for those that cannot reach
    /// the floor with all of it.
    fn finish(&self, left: &[Unit], candidates: &mut Candidates) {
        let (floor, rest) = (self.floor(candidates), self.rest(left));
        for at in 0..candidates.len() {
            if candidates.finish(at) || is_below(self.most(candidates, at, &rest), floor) {
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
        let in_chunk = |(_, Place { chunk, .. }, bucket): (u32, &Place, u32)| {
            Some(u64::from(chunk.count(bucket, chunk.item_by_hash(item, hash)?)))
        };
        self.buckets(unit).filter_map(in_chunk).sum()
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
        if self.wanted.score != ScoreMode::Significance {
            let worth = |unit: &Unit| {
                let scale = &self.scales[unit.part];
                unit.frequency.count as f64 / (f64::from(scale.bands) * scale.query as f64)
            };
            return Rest::Worth(units.iter().map(worth).sum());
        }
        Rest::Counts(units.iter().map(|unit| (unit.part, self.largest(unit))).collect())
    }

    /// No candidate's count in a unit is larger.
    fn largest(&self, unit: &Unit) -> u64 {
        let largest = |(_, place, bucket): (u32, &Place, u32)| u64::from(place.chunk.max_count_bound(bucket));
        self.buckets(unit).map(largest).sum()
    }

    /// The most that a candidate can reach with all of the rest.
    fn most(&self, candidates: &Candidates, at: usize, rest: &Rest) -> f64 {
        let divisor = candidates.divisor(at) as f64;
        match rest {
            Rest::Worth(worth) => candidates.score(at) + worth / divisor,
            Rest::Counts(counts) => {
                let with_rest = |(part, scale): (usize, &Scorer)| {
                    let SharedSum { sum, observations } = candidates.shared(at, part);
                    let of_part = counts.iter().filter(|(of, _)| *of == part);
                    let more: u64 = of_part.map(|(_, largest)| *largest.min(&observations)).sum();
                    scale.of(&SharedSum { sum: sum + u128::from(more), observations })
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
                let with_rest = |(part, scale): (usize, &Scorer)| {
                    let sum = counts.iter().filter(|(of, _)| *of == part).map(|(_, n)| u128::from(*n)).sum();
                    scale.of(&SharedSum { sum, observations: 1 })
                };
                self.scales.iter().enumerate().map(with_rest).sum::<f64>() / with_data
            }
        }
    }

    /// Whether an item that is in these units alone can share the bands that it must.
    fn can_admit(&self, units: &[Unit]) -> bool {
        self.parts.iter().enumerate().any(|(number, part)| {
            let mut bands: Vec<u16> =
                units.iter().filter(|unit| unit.part == number).map(|unit| unit.frequency.band).collect();
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
        let mut scores: Vec<f64> =
            candidates.admitted_from(0).map(|number| candidates.score(number)).collect();
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
