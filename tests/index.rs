//! The index checked against a naive model of plain maps: random histories over several chunks must give the
//! same profiles, members, scores and order.

use proptest::prelude::*;
use simile::index::{
    Budget, Chunk, Glob, IndexQuery, Match, Profile, ScanPosition, ScoreMode, SearchOptions, codec, combine,
    scan, search,
};
use std::collections::{BTreeMap, BTreeSet};
use testkit::Random;

/// The model of some chunks.
#[derive(Default, Clone)]
struct Model {
    /// What is known of each (chunk, item).
    items: BTreeMap<(usize, u8), Seen>,
    /// The number of arrivals, in all chunks.
    arrivals: usize,
}

/// What is known of an item in one chunk.
#[derive(Default, Clone)]
struct Seen {
    /// For each band, bucket -> count.
    bands: Vec<BTreeMap<u8, u64>>,
    arrival: usize,
    sketch: Option<Vec<u8>>,
}

/// The first chunk of the window that has an item, and its arrival there.
type FirstSeen = (usize, usize);

#[derive(Debug, Clone)]
enum Step {
    /// The same observation several times, so that counts grow and, with many items, buckets become hot.
    Record {
        chunk: usize,
        item: u8,
        signature: Vec<u8>,
        times: u8,
    },
    Merge {
        chunk: usize,
        destination: u8,
        source: u8,
    },
    Delete {
        chunk: usize,
        item: u8,
    },
    Forget {
        chunk: usize,
        item: u8,
        signature: Vec<u8>,
        times: u8,
    },
}

const SCORES: [ScoreMode; 4] =
    [ScoreMode::Overlap, ScoreMode::Coverage, ScoreMode::Significance, ScoreMode::Jaccard];
const SKETCH: usize = 16;
const BANDS: usize = 3;
const CHUNKS: usize = 3;

/// The bytes of a bucket: some are too long for a bucket's record.
fn bucket(number: u8) -> Vec<u8> {
    if number.is_multiple_of(3) {
        format!("a long bucket {number}").into_bytes()
    } else {
        vec![number; usize::from(number % 9)]
    }
}

fn name(item: u8) -> Vec<u8> {
    format!("item {item}").into_bytes()
}

/// The sketch of an observation: the nearer two signatures, the more slots agree. Some observations have none.
fn sketch(signature: &[u8]) -> Option<Vec<u8>> {
    let slot = |slot: usize| signature[slot % signature.len()] / (1 + slot as u8 % 3);
    (!signature[0].is_multiple_of(5)).then(|| (0..SKETCH).map(slot).collect())
}

fn new_chunk() -> Chunk {
    Chunk::with_sketches(BANDS as u16, SKETCH as u16)
}

fn step(items: u8, buckets: u8) -> impl Strategy<Value = Step> {
    let signature = prop::collection::vec(0..buckets, BANDS);
    let few = prop::collection::vec(0..buckets.min(4), BANDS);
    prop_oneof![
        8 => (0..CHUNKS, 0..items, signature, 1..4u8)
            .prop_map(|(chunk, item, signature, times)| Step::Record { chunk, item, signature, times }),
        1 => (0..CHUNKS, 0..items, 0..items)
            .prop_map(|(chunk, destination, source)| Step::Merge { chunk, destination, source }),
        1 => (0..CHUNKS, 0..items).prop_map(|(chunk, item)| Step::Delete { chunk, item }),
        // Nearly the same signatures, so that what is taken back has often been recorded.
        2 => (0..CHUNKS, 0..items.min(4), few.clone(), 1..4u8)
            .prop_map(|(chunk, item, signature, times)| Step::Record { chunk, item, signature, times }),
        4 => (0..CHUNKS, 0..items.min(4), few, 1..3u8)
            .prop_map(|(chunk, item, signature, times)| Step::Forget { chunk, item, signature, times }),
    ]
}

impl Model {
    fn apply(&mut self, step: &Step) -> Option<Vec<u64>> {
        match step {
            Step::Record { chunk, item, signature, times } => {
                let seen = self.entry(*chunk, *item);
                seen.sketch = seen.sketch.take().or_else(|| sketch(signature));
                let counts = seen.bands.iter_mut().zip(signature).map(|(band, bucket)| {
                    let count = band.entry(*bucket).or_default();
                    *count += u64::from(*times);
                    *count
                });
                Some(counts.collect())
            }
            Step::Merge { chunk, destination, source } => {
                if destination != source
                    && let Some(from) = self.items.remove(&(*chunk, *source))
                {
                    let to = self.entry(*chunk, *destination);
                    let (first, second) = match to.arrival < from.arrival {
                        true => (to.sketch.take(), from.sketch),
                        false => (from.sketch, to.sketch.take()),
                    };
                    to.sketch = first.or(second);
                    to.arrival = to.arrival.min(from.arrival);
                    for (to, from) in to.bands.iter_mut().zip(from.bands) {
                        from.into_iter().for_each(|(bucket, count)| *to.entry(bucket).or_default() += count);
                    }
                }
                None
            }
            Step::Delete { chunk, item } => {
                self.items.remove(&(*chunk, *item));
                None
            }
            Step::Forget { chunk, item, signature, times } => {
                let seen = self.items.get_mut(&(*chunk, *item))?;
                let times = u64::from(*times);
                let buckets = || signature.iter().enumerate();
                if buckets()
                    .any(|(band, bucket)| seen.bands[band].get(bucket).is_none_or(|count| *count < times))
                {
                    return None;
                }
                let left = buckets().map(|(band, bucket)| {
                    let count = seen.bands[band].get_mut(bucket).expect("it is there");
                    *count -= times;
                    let left = *count;
                    seen.bands[band].retain(|_, count| *count > 0);
                    left
                });
                let left = left.collect();
                if seen.bands[0].is_empty() {
                    self.items.remove(&(*chunk, *item));
                }
                Some(left)
            }
        }
    }

    /// What is known of an item, which arrives if it is new.
    fn entry(&mut self, chunk: usize, item: u8) -> &mut Seen {
        self.arrivals += 1;
        let arrival = self.arrivals;
        let new = || Seen { bands: vec![BTreeMap::new(); BANDS], arrival, sketch: None };
        self.items.entry((chunk, item)).or_insert_with(new)
    }

    fn seen<'m>(
        &'m self,
        chunks: &'m [usize],
        item: u8,
    ) -> impl DoubleEndedIterator<Item = (usize, &'m Seen)> {
        let seen = move |(number, chunk): (usize, &usize)| Some((number, self.items.get(&(*chunk, item))?));
        chunks.iter().enumerate().filter_map(seen)
    }

    fn first_seen(&self, chunks: &[usize], item: u8) -> Option<FirstSeen> {
        self.seen(chunks, item).next().map(|(number, seen)| (number, seen.arrival))
    }

    /// The sketch of the newest chunk that has one.
    fn sketch<'m>(&'m self, chunks: &'m [usize], item: u8) -> Option<&'m Vec<u8>> {
        self.seen(chunks, item).rev().find_map(|(_, seen)| seen.sketch.as_ref())
    }

    /// The profile of an item over some chunks: (band, bucket) -> count.
    fn profile(&self, chunks: &[usize], item: u8) -> BTreeMap<(usize, u8), u64> {
        let mut profile = BTreeMap::new();
        for chunk in chunks {
            let seen = self.items.get(&(*chunk, item));
            for (band, buckets) in seen.iter().flat_map(|seen| &seen.bands).enumerate() {
                buckets
                    .iter()
                    .for_each(|(bucket, count)| *profile.entry((band, *bucket)).or_default() += count);
            }
        }
        profile
    }

    fn members(&self, chunk: usize, band: usize, bucket: u8) -> BTreeSet<Vec<u8>> {
        let seen = self.items.iter();
        let seen = seen.filter(|((c, _), seen)| *c == chunk && seen.bands[band].contains_key(&bucket));
        seen.map(|((_, item), _)| name(*item)).collect()
    }

    /// The sum of the counts of all items in all bands, over some chunks.
    fn all(&self, chunks: &[usize]) -> f64 {
        let of_window = self.items.iter().filter(|((chunk, _), _)| chunks.contains(chunk));
        of_window.flat_map(|(_, seen)| &seen.bands).flat_map(BTreeMap::values).sum::<u64>() as f64
    }

    /// The estimated similarity of two items.
    fn jaccard(&self, chunks: &[usize], items: [u8; 2]) -> Option<f64> {
        let [one, other] = items.map(|item| self.sketch(chunks, item));
        let agreeing = one?.iter().zip(other?).filter(|(one, other)| one == other).count();
        Some((((agreeing as f64 / SKETCH as f64) - 1.0 / 256.0) / (1.0 - 1.0 / 256.0)).max(0.0))
    }

    /// The score by its definition; `all` is the sum from [`Model::all`].
    fn score(
        score: ScoreMode,
        query: &BTreeMap<(usize, u8), u64>,
        item: &BTreeMap<(usize, u8), u64>,
        all: f64,
    ) -> f64 {
        let total = |p: &BTreeMap<(usize, u8), u64>| p.values().sum::<u64>() as f64 / BANDS as f64;
        let (tq, t) = (total(query), total(item));
        let of = |p: &BTreeMap<(usize, u8), u64>, key: &(usize, u8)| *p.get(key).unwrap_or(&0) as f64;
        let shared = query.keys().filter(|key| item.contains_key(key));
        match score {
            // The mean over bands of 1 - L1/2 of the scaled frequencies.
            ScoreMode::Overlap => {
                let keys: BTreeSet<_> = query.keys().chain(item.keys()).collect();
                let l1: f64 =
                    keys.into_iter().map(|key| (of(query, key) / tq - of(item, key) / t).abs()).sum();
                1.0 - l1 / 2.0 / BANDS as f64
            }
            ScoreMode::Coverage => shared.map(|key| of(query, key) / tq).sum::<f64>() / BANDS as f64,
            ScoreMode::Significance => match shared.map(|key| of(item, key)).sum::<f64>() {
                0.0 => 0.0,
                n => (n.ln() + 1.0) * (((all + 1.0) / (BANDS as f64 * t + 1.0)).ln() + 1.0),
            },
            ScoreMode::Jaccard => unreachable!("it is no score of profiles"),
        }
    }

    /// Every item that shares at least `min_bands` bands with the queried one.
    fn similar(&self, chunks: &[usize], asking: u8, min_bands: usize, score: ScoreMode) -> Vec<Expected> {
        let (all, query) = (self.all(chunks), self.profile(chunks, asking));
        let items: BTreeSet<u8> = self.items.keys().map(|(_, item)| *item).collect();
        let mut matches = Vec::new();
        for item in items {
            let profile = self.profile(chunks, item);
            let bands: BTreeSet<usize> =
                profile.keys().filter(|key| query.contains_key(key)).map(|key| key.0).collect();
            if !bands.is_empty() && bands.len() >= min_bands {
                let observations = profile.values().sum::<u64>() / BANDS as u64;
                let score = match score {
                    // Without a sketch it is not found.
                    ScoreMode::Jaccard => self.jaccard(chunks, [asking, item]),
                    _ => Some(Self::score(score, &query, &profile, all)),
                };
                let first_seen = self.first_seen(chunks, item).expect("it has a profile");
                matches.extend(score.map(|score| (item, score, observations, first_seen)));
            }
        }
        matches
    }
}

/// An item with its score, its observations, and when it was seen first.
type Expected = (u8, f64, u64, FirstSeen);

fn apply(chunks: &mut [Chunk], step: &Step) -> Option<Vec<u64>> {
    match step {
        Step::Record { chunk, item, signature, times } => {
            let buckets: Vec<Vec<u8>> = signature.iter().map(|number| bucket(*number)).collect();
            let mut counts = Vec::new();
            for _ in 0..*times {
                let recorded = chunks[*chunk].record(&name(*item), buckets.iter().map(Vec::as_slice));
                if let Some(sketch) = sketch(signature) {
                    chunks[*chunk].keep_sketch(&name(*item), &sketch);
                }
                counts = recorded.iter().map(|count| u64::from(*count)).collect();
            }
            return Some(counts);
        }
        Step::Merge { chunk, destination, source } if destination != source => {
            chunks[*chunk].merge(&name(*destination), &name(*source));
        }
        Step::Merge { .. } => {}
        Step::Delete { chunk, item } => {
            chunks[*chunk].delete(&name(*item));
        }
        Step::Forget { chunk, item, signature, times } => {
            let (chunk, name, times) = (&mut chunks[*chunk], name(*item), u32::from(*times));
            let buckets: Vec<Vec<u8>> = signature.iter().map(|number| bucket(*number)).collect();
            if (0..).zip(&buckets).all(|(band, bucket)| chunk.count_in(&name, band, bucket) >= times) {
                chunk.forget(&name, buckets.iter().map(Vec::as_slice), times);
                let left =
                    (0..).zip(&buckets).map(|(band, bucket)| chunk.count_in(&name, band, bucket).into());
                return Some(left.collect());
            }
        }
    }
    None
}

/// Compares a result with the model's, cut at the limit; scores to 1e-12, order by score, observations, first seen.
fn same(matches: &[Match], mut expected: Vec<Expected>, limit: Option<usize>) -> Result<(), TestCaseError> {
    // The model's doubles carry rounding errors: scores that differ by no more count as ties.
    let rounded = |score: f64| (score * 1e10).round() as i64;
    expected.sort_by(|a, b| (rounded(b.1), b.2).cmp(&(rounded(a.1), a.2)).then_with(|| a.3.cmp(&b.3)));
    expected.truncate(limit.unwrap_or(usize::MAX));
    prop_assert_eq!(matches.len(), expected.len());
    for (found, (item, score, observations, _)) in matches.iter().zip(expected) {
        prop_assert_eq!(found.item, &name(item)[..]);
        prop_assert!(
            (found.score - score).abs() < 1e-12 * score.max(1.0),
            "{} instead of {}",
            found.score,
            score
        );
        prop_assert_eq!(found.observations, observations);
    }
    Ok(())
}

fn all(limit: Option<usize>) -> SearchOptions<'static> {
    SearchOptions { limit, ..SearchOptions::default() }
}

fn check(
    steps: &[Step],
    items: u8,
    buckets: u8,
    limit: Option<usize>,
    min_bands: u16,
) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    let mut chunks: Vec<Chunk> = (0..CHUNKS).map(|_| new_chunk()).collect();
    for step in steps {
        prop_assert_eq!(apply(&mut chunks, step), model.apply(step));
    }
    for (number, chunk) in chunks.iter().enumerate() {
        prop_assert_eq!(chunk.internal_validate(), Ok(()));
        for (band, number_of_bucket) in (0..BANDS).flat_map(|band| (0..buckets).map(move |b| (band, b))) {
            let members = chunk.members(band as u16, &bucket(number_of_bucket));
            let members: BTreeSet<Vec<u8>> = members.map(<[u8]>::to_vec).collect();
            prop_assert_eq!(members, model.members(number, band, number_of_bucket));
        }
    }
    for window in [vec![0], vec![0, 1, 2]] {
        let chunks: Vec<&Chunk> = window.iter().map(|number| &chunks[*number]).collect();
        for item in 0..items.min(12) {
            let expected_profile = model.profile(&window, item);
            let profile = Profile::of_item(&name(item), &chunks);
            let frequencies: BTreeMap<(usize, Vec<u8>), u64> =
                profile.frequencies().iter().map(|f| ((f.band.into(), f.bucket.to_vec()), f.count)).collect();
            let expected = expected_profile
                .iter()
                .map(|((band, number), count)| ((*band, bucket(*number)), *count))
                .collect();
            prop_assert_eq!(frequencies, expected);
            let asking = name(item);
            // A search by an item and a search by its profile find the same.
            let sketch = model.sketch(&window, item).map(Vec::as_slice);
            let by_profile = IndexQuery::new(profile, &chunks).with_sketch(sketch);
            for query in [IndexQuery::of_item(&asking, &chunks), by_profile] {
                let query = query.with_min_bands(min_bands);
                for score in SCORES {
                    let options = SearchOptions { mode: score, ..all(limit) };
                    let matches =
                        search(&query, &options, &mut Budget::new(u64::MAX)).expect("no limit of postings");
                    let expected = model.similar(&window, item, min_bands.into(), score);
                    same(&matches, expected, limit)?;
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn agrees_with_the_model(
        steps in prop::collection::vec(step(10, 12), 1..120),
        limit in prop::option::of(1..6usize),
        min_bands in 1..4u16,
    ) {
        check(&steps, 10, 12, limit, min_bands)?;
    }

    #[test]
    fn agrees_with_the_model_when_buckets_are_hot(
        steps in prop::collection::vec(step(150, 2), 200..600),
        limit in prop::option::of(1..6usize),
    ) {
        check(&steps, 150, 2, limit, 1)?;
    }

    #[test]
    fn a_combined_score_is_the_mean_of_the_indexes_with_data(
        first in prop::collection::vec(step(8, 8), 1..40),
        second in prop::collection::vec(step(8, 8), 1..40),
        item in 0..8u8,
        min_bands in 1..4u16,
        score in prop::sample::select(&SCORES[..]),
    ) {
        let window = [0, 1, 2];
        let built: Vec<(Vec<Chunk>, Model)> = [first, second].iter().map(|steps| {
            let mut model = Model::default();
            let mut chunks: Vec<Chunk> = window.iter().map(|_| new_chunk()).collect();
            steps.iter().for_each(|step| { apply(&mut chunks, step); model.apply(step); });
            (chunks, model)
        }).collect();
        let chunks: Vec<Vec<&Chunk>> = built.iter().map(|(chunks, _)| chunks.iter().collect()).collect();
        let asking = name(item);
        let queries: Vec<IndexQuery> =
            chunks.iter().map(|chunks| IndexQuery::of_item(&asking, chunks).with_min_bands(min_bands)).collect();
        let options = SearchOptions { mode: score, ..all(None) };
        let matches = combine(&queries, &options, &mut Budget::new(u64::MAX)).expect("no limit of postings");

        let query_profiles: Vec<_> = built.iter().map(|(_, model)| model.profile(&window, item)).collect();
        let mut expected = Vec::new();
        for other in 0..8u8 {
            let profiles: Vec<_> = built.iter().map(|(_, model)| model.profile(&window, other)).collect();
            let admitted = (0..2).any(|index| {
                let similar = built[index].1.similar(&window, item, min_bands.into(), score);
                similar.iter().any(|(item, ..)| *item == other)
            });
            let scores: Vec<f64> = (0..2).filter_map(|index| {
                let (query, profile) = (&query_profiles[index], &profiles[index]);
                match (query.is_empty(), profile.is_empty()) {
                    (true, true) => None,
                    (false, false) => Some(match score {
                        ScoreMode::Jaccard => built[index].1.jaccard(&window, [item, other]).unwrap_or(0.0),
                        _ => Model::score(score, query, profile, built[index].1.all(&window)),
                    }),
                    _ => Some(0.0),
                }
            }).collect();
            if admitted {
                let observations = profiles.iter().flat_map(|p| p.values()).sum::<u64>() / BANDS as u64;
                let first_seen = (0..2).find_map(|index| Some((index, built[index].1.first_seen(&window, other)?)));
                let (index, (chunk, arrival)) = first_seen.expect("it was admitted");
                let score = scores.iter().sum::<f64>() / scores.len() as f64;
                expected.push((other, score, observations, (index * CHUNKS + chunk, arrival)));
            }
        }
        same(&matches, expected, None)?;
    }
}

/// Observations with two bands of small buckets and one bucket that nearly all items share, as pruning needs
/// it.
fn skewed(steps: &[(usize, u8, u8, u8, u8)]) -> Vec<Step> {
    let record = |(chunk, item, first, second, third): &(usize, u8, u8, u8, u8)| Step::Record {
        chunk: *chunk,
        item: *item,
        signature: vec![*first, *second, third / 50],
        times: 1 + first % 2,
    };
    steps.iter().map(record).collect()
}

/// No pattern, or one that about half of the names match.
fn pattern() -> impl Strategy<Value = Option<Glob>> {
    prop::option::of(Just(()))
        .prop_map(|is_given| is_given.and_then(|()| Glob::new(b"*[02468\x00-\x2f\x3a-\x80]")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Pruning changes no result, in one index and in two together, ties included.
    #[test]
    fn what_pruning_leaves_out_does_not_change_the_result(
        steps in prop::collection::vec((0..CHUNKS, 0..200u8, 0..40u8, 0..200u8, 0..60u8), 300..900),
        others in prop::collection::vec((0..CHUNKS, 0..200u8, 0..40u8, 0..200u8, 0..60u8), 300..900),
        item in 0..200u8,
        limit in prop::option::of(1..12usize),
        least in prop::option::of(0.0..1.0),
        min_bands in 1..4u16,
        exclude_self: bool,
        pattern in pattern(),
        score in prop::sample::select(&SCORES[..]),
    ) {
        let built: Vec<Vec<Chunk>> = [steps, others].iter().map(|steps| {
            let mut chunks: Vec<Chunk> = (0..CHUNKS).map(|_| new_chunk()).collect();
            skewed(steps).iter().for_each(|step| drop(apply(&mut chunks, step)));
            chunks
        }).collect();
        let chunks: Vec<Vec<&Chunk>> = built.iter().map(|chunks| chunks.iter().collect()).collect();
        let asking = name(item);
        let queries: Vec<IndexQuery> =
            chunks.iter().map(|chunks| IndexQuery::of_item(&asking, chunks).with_min_bands(min_bands)).collect();
        let except = exclude_self.then_some(&asking[..]);
        // The highest SIGNIFICANCE here is about 20.
        let min_score = least.map(|least| if score == ScoreMode::Significance { least * 20.0 } else { least });
        let options = SearchOptions { mode: score, limit, min_score, exclude_self, pattern: pattern.as_ref() };
        let unpruned = SearchOptions { mode: score, ..SearchOptions::default() };
        // Without a limit and a least score nothing is pruned; what the options leave out is cut afterwards.
        let cut = |mut all: Vec<Match<'_>>| -> Vec<String> {
            all.retain(|found| Some(found.item) != except && min_score.is_none_or(|least| found.score >= least));
            all.retain(|found| pattern.as_ref().is_none_or(|pattern| pattern.matches(found.item)));
            all.truncate(limit.unwrap_or(usize::MAX));
            all.iter().map(|found| format!("{found:?}")).collect()
        };
        let mut budget = Budget::new(u64::MAX);
        for query in &queries {
            let everything = search(query, &unpruned, &mut Budget::new(u64::MAX)).expect("no limit of postings");
            prop_assert_eq!(cut(search(query, &options, &mut budget).expect("no limit of postings")), cut(everything));
        }
        let everything = combine(&queries, &unpruned, &mut Budget::new(u64::MAX)).expect("no limit of postings");
        prop_assert_eq!(cut(combine(&queries, &options, &mut budget).expect("no limit of postings")), cut(everything));
    }
}

/// A history among copies: (chunk, text, items, times) records some new items with one of a few texts, the first of
/// them several times; now and then an item is deleted or merged away, or was in another chunk before.
type Copies = Vec<(usize, u8, u16, u8)>;

fn copies() -> impl Strategy<Value = Copies> {
    prop::collection::vec((0..CHUNKS, 0..4u8, 1..500u16, 1..4u8), 1..8)
}

fn chunks_of_copies(history: &Copies) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = (0..CHUNKS).map(|_| new_chunk()).collect();
    let mut record = |chunk: usize, item: u16, text: u8, times: u8| {
        // Texts 0 and 1 share two bands, 2 shares one with them, and 3 none.
        let signature = [[1, 2, 3], [1, 2, 4], [1, 7, 8], [11, 12, 13]][usize::from(text)];
        for _ in 0..times {
            chunks[chunk].record(&item.to_be_bytes(), signature.iter().map(std::slice::from_ref));
        }
        // By their sketches, 0 and 2 are equal: what is nearest is not met first.
        let slots = [[1, 2, 3], [11, 12, 13], [1, 2, 4], [1, 7, 8]][usize::from(text)];
        chunks[chunk].keep_sketch(&item.to_be_bytes(), &sketch(&slots).expect("no text is without one"));
    };
    let mut item = 0;
    for (chunk, text, count, times) in history {
        for number in 0..*count {
            record(*chunk, item, *text, if number % 100 == 7 { *times } else { 1 });
            if item % 97 == 5 {
                record((chunk + 1) % CHUNKS, item, (text + 1) % 4, 1); // elsewhere too
            }
            item += 1;
        }
    }
    for chunk in &mut chunks {
        (0..item).step_by(61).for_each(|item| _ = chunk.delete(&item.to_be_bytes()));
        (0..item)
            .step_by(83)
            .for_each(|item| _ = chunk.merge(&(item + 1).to_be_bytes(), &item.to_be_bytes()));
    }
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// However many copies there are, the k best are those of the search that reads everything.
    #[test]
    fn among_copies_the_result_is_that_of_reading_everything(
        first in copies(),
        second in copies(),
        item in 0..500u16,
        window in 1..=CHUNKS,
        limit in 1..15usize,
        min_score in prop::option::of(0.0..1.0),
        min_bands in 1..3u16,
        exclude_self: bool,
        pattern in pattern(),
        score in prop::sample::select(&SCORES[..]),
    ) {
        let built = [chunks_of_copies(&first), chunks_of_copies(&second)];
        let chunks: Vec<Vec<&Chunk>> = built.iter().map(|chunks| chunks.iter().take(window).collect()).collect();
        built.iter().flatten().try_for_each(|chunk| {
            prop_assert_eq!(chunk.internal_validate(), Ok(()));
            Ok(())
        })?;
        let asking = item.to_be_bytes();
        let query = |chunks| IndexQuery::of_item(&asking, chunks).with_min_bands(min_bands);
        let queries: Vec<IndexQuery> = chunks.iter().map(|chunks| query(chunks)).collect();
        let all = SearchOptions { mode: score, exclude_self, ..SearchOptions::default() };
        let best = SearchOptions { limit: Some(limit), min_score, pattern: pattern.as_ref(), ..all };
        let admitted = |mut all: Vec<Match<'_>>| -> Vec<String> {
            all.retain(|found| pattern.as_ref().is_none_or(|pattern| pattern.matches(found.item)));
            all.retain(|found| min_score.is_none_or(|min_score| found.score >= min_score));
            all.iter().take(limit).map(|found| format!("{found:?}")).collect()
        };
        let budget = || Budget::new(u64::MAX);
        for query in &queries {
            let everything = search(query, &all, &mut budget()).expect("no limit of postings");
            let found = search(query, &best, &mut budget()).expect("no limit of postings");
            prop_assert_eq!(admitted(found), admitted(everything));
        }
        let everything = combine(&queries, &all, &mut budget()).expect("no limit of postings");
        let found = combine(&queries, &best, &mut budget()).expect("no limit of postings");
        prop_assert_eq!(admitted(found), admitted(everything));
    }
}

/// Records an item with the text that every copy has, or with one that shares the first half of its bands.
fn record_copy(chunk: &mut Chunk, item: &str, is_copy: bool) {
    let other = if is_copy { b"c" } else { b"d" };
    let signature = (0..16).map(|band| if band < 8 { &b"c"[..] } else { other });
    chunk.record(item.as_bytes(), signature);
    let sketch: Vec<u8> = (0..SKETCH as u8).map(|slot| if is_copy || slot < 8 { 1 } else { 2 }).collect();
    chunk.keep_sketch(item.as_bytes(), &sketch);
}

#[test]
fn a_search_among_copies_costs_little_however_they_were_observed() {
    const COPIES: u32 = 50_000;
    let mut chunk = Chunk::with_sketches(16, SKETCH as u16);
    record_copy(&mut chunk, "removed later", true);
    (0..COPIES).for_each(|item| record_copy(&mut chunk, &format!("copy {item}"), true));
    // Some were seen more often, the first ones are gone, and another item was seen very often.
    (0..COPIES).step_by(9_999).for_each(|item| record_copy(&mut chunk, &format!("copy {item}"), true));
    (0..200).for_each(|_| record_copy(&mut chunk, "half", false));
    record_copy(&mut chunk, "another half", false);
    chunk.delete(b"removed later");
    (0..1_000).for_each(|item| _ = chunk.delete(format!("copy {item}").as_bytes()));
    let chunks = [&chunk];
    let first = |asking: &str, mode, budget: u64| {
        let options = SearchOptions { mode, exclude_self: true, ..all(Some(7)) };
        let query = IndexQuery::of_item(asking.as_bytes(), &chunks);
        let found = search(&query, &options, &mut Budget::new(budget)).expect("a large enough budget");
        found.iter().map(|found| String::from_utf8_lossy(found.item).into_owned()).collect::<Vec<_>>()
    };
    let often = ["copy 9999", "copy 19998", "copy 29997", "copy 39996", "copy 49995"];
    let of_copy = [&often[..], &["copy 1000", "copy 1001"]].concat();
    for mode in [ScoreMode::Overlap, ScoreMode::Coverage, ScoreMode::Jaccard] {
        assert_eq!(first("copy 2000", mode, 3_000), of_copy, "{mode:?}");
    }
    let of_half = [&["half"], &often[..], &["copy 1000"]].concat();
    for mode in [ScoreMode::Overlap, ScoreMode::Coverage] {
        assert_eq!(first("another half", mode, 3_000), of_half, "{mode:?}");
    }
    // Here nothing bounds the similarity of a copy, so each is looked at, once.
    assert_eq!(first("another half", ScoreMode::Jaccard, 2 * u64::from(COPIES)), of_half);
}

#[test]
fn a_search_among_copies_in_several_chunks_looks_at_each_once() {
    const COPIES: u32 = 10_000;
    let mut chunks: Vec<Chunk> = (0..3).map(|_| Chunk::with_sketches(16, SKETCH as u16)).collect();
    for (number, chunk) in chunks.iter_mut().enumerate() {
        (0..COPIES).for_each(|item| record_copy(chunk, &format!("copy {number} {item}"), true));
    }
    record_copy(&mut chunks[2], "copy 1 77", true);
    let chunks: Vec<&Chunk> = chunks.iter().collect();
    for mode in [ScoreMode::Overlap, ScoreMode::Coverage, ScoreMode::Jaccard] {
        let query = IndexQuery::of_item(b"copy 0 5", &chunks);
        let options = SearchOptions { mode, ..all(Some(3)) };
        let mut budget = Budget::new(u64::from(6 * COPIES));
        let found = search(&query, &options, &mut budget).expect("a large enough budget");
        let names: Vec<_> = found.iter().map(|found| String::from_utf8_lossy(found.item)).collect();
        assert_eq!(names, ["copy 1 77", "copy 0 0", "copy 0 1"], "{mode:?}");
    }
}

#[test]
fn sketches_of_different_chunks_are_compared_each() {
    let mut chunks: Vec<Chunk> = (0..2).map(|_| Chunk::with_sketches(2, SKETCH as u16)).collect();
    // The nearest shares fewer bands with the query, so that it is met later.
    for (chunk, item, signature, slots) in
        [(0, "far", [b"a", b"b"], 2), (1, "near", [b"a", b"c"], 1), (1, "query", [b"a", b"b"], 1)]
    {
        chunks[chunk].record(item.as_bytes(), signature.iter().map(|bucket| &bucket[..]));
        chunks[chunk].keep_sketch(item.as_bytes(), &[slots; SKETCH]);
    }
    let chunks: Vec<&Chunk> = chunks.iter().collect();
    let options =
        SearchOptions { mode: ScoreMode::Jaccard, min_score: Some(0.5), exclude_self: true, ..all(None) };
    let query = IndexQuery::of_item(b"query", &chunks);
    let found = search(&query, &options, &mut Budget::new(1_000)).expect("a large enough budget");
    let names: Vec<_> = found.iter().map(|found| String::from_utf8_lossy(found.item)).collect();
    assert_eq!(names, ["near"]);
}

/// An event between the steps of a scan.
#[derive(Debug, Clone)]
enum Between {
    Step(Step),
    /// The oldest chunk expires.
    Expire,
    /// An interval begins.
    Begin,
    /// The next step of the scan, which looks at this many items.
    Scan(usize),
}

fn between() -> impl Strategy<Value = Between> {
    prop_oneof![
        6 => step(12, 3).prop_map(Between::Step),
        1 => Just(Between::Expire),
        1 => Just(Between::Begin),
        4 => (1..5usize).prop_map(Between::Scan),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// However chunks and items come and go: every item that is there all the time is returned.
    #[test]
    fn a_scan_returns_what_is_there_all_the_time(
        before in prop::collection::vec(step(12, 3), 10..60),
        meanwhile in prop::collection::vec(between(), 0..60),
    ) {
        let mut chunks: Vec<Chunk> = (0..CHUNKS).map(|_| new_chunk()).collect();
        before.iter().for_each(|step| drop(apply(&mut chunks, step)));
        let mut chunks: Vec<(u64, Chunk)> = (10..).step_by(10).zip(chunks).collect();
        let items = |chunks: &[(u64, Chunk)]| -> BTreeSet<Vec<u8>> {
            chunks.iter().flat_map(|(_, chunk)| chunk.contents()).map(|(item, ..)| item.to_vec()).collect()
        };
        let (mut always, mut returned) = (items(&chunks), BTreeSet::new());
        let mut position = Some(ScanPosition::default());
        // After the last event the scan goes on until it is over.
        for event in meanwhile.iter().chain(std::iter::repeat(&Between::Scan(3))) {
            let live = chunks.len();
            match event {
                Between::Step(_) if live == 0 => {}
                Between::Step(step) => {
                    let (mut step, starts): (_, Vec<u64>) = (step.clone(), chunks.iter().map(|(s, _)| *s).collect());
                    let mut bare: Vec<Chunk> = chunks.drain(..).map(|(_, chunk)| chunk).collect();
                    match &mut step {
                        Step::Record { chunk, .. } | Step::Forget { chunk, .. } => {
                            *chunk %= live;
                            apply(&mut bare, &step);
                            // What leaves one chunk only may have been passed over there, and be missed in another.
                            if let Step::Forget { item, .. } = step {
                                always.remove(&name(item));
                            }
                        }
                        // These concern every chunk.
                        Step::Merge { destination, source, .. } if destination != source =>
                            bare.iter_mut().for_each(|c| { c.merge(&name(*destination), &name(*source)); }),
                        Step::Merge { .. } => {}
                        Step::Delete { item, .. } => bare.iter_mut().for_each(|c| { c.delete(&name(*item)); }),
                    }
                    chunks = starts.into_iter().zip(bare).collect();
                }
                Between::Expire if live > 0 => drop(chunks.remove(0)),
                Between::Expire => {}
                Between::Begin => {
                    let next = chunks.last().map_or(100, |(start, _)| start + 10);
                    chunks.push((next, new_chunk()));
                }
                Between::Scan(count) => {
                    let Some(from) = position else { break };
                    let borrowed: Vec<(u64, &Chunk)> = chunks.iter().map(|(start, chunk)| (*start, chunk)).collect();
                    let (found, next) = scan(&borrowed, from, *count);
                    for (item, observations) in found {
                        let all = chunks.iter().map(|(_, chunk)| u64::from(chunk.observations_of(item))).sum();
                        prop_assert_eq!(observations, all);
                        returned.insert(item.to_vec());
                    }
                    position = next;
                }
            }
            let now = items(&chunks);
            always.retain(|item| now.contains(item));
        }
        prop_assert!(always.is_subset(&returned), "{:?} is missing in {:?}", always, returned);
    }
}

#[test]
fn a_hot_bucket_that_cannot_matter_is_not_read() {
    let mut chunk = Chunk::new(4);
    for i in 0..10_000u32 {
        let own = i.to_le_bytes();
        let near = if i < 20 { &b"near"[..] } else { &own };
        chunk.record(&own, [near, near, near, b"hot"].into_iter());
    }
    let chunks = [&chunk];
    let asking = 3u32.to_le_bytes();
    let query = IndexQuery::of_item(&asking, &chunks);
    let mut budget = Budget::new(300); // far less than it costs to read the hot bucket
    assert_eq!(search(&query, &all(Some(10)), &mut budget).expect("within the budget").len(), 10);
    assert_eq!(budget.skipped, 10_000);
}

#[test]
fn a_newcomer_that_just_reaches_the_floor_is_not_left_out() {
    let mut chunk = Chunk::new(2);
    (0..100).for_each(|i: u32| drop(chunk.record(&i.to_le_bytes(), [&b"hot"[..], b"hot"].into_iter())));
    chunk.record(b"asking", [&b"hot"[..], b"hot"].into_iter());
    // The candidate shares 4 of its 12 observations: (ln 4 + 1) * (ln(229 / 25) + 1) is 7.672.
    for i in 0..12u8 {
        let (own, other) = ([i], [i + 100]);
        let near = if i < 4 { &b"near"[..] } else { &own };
        chunk.record(b"candidate", [near, &other].into_iter());
    }
    chunk.record(b"asking", [&b"near"[..], b"own"].into_iter());
    // Each newcomer shares all of its one observation: (ln 2 + 1) * (ln(229 / 3) + 1) is 9.033.
    let chunks = [&chunk];
    let query = IndexQuery::of_item(b"asking", &chunks);
    let options = SearchOptions { mode: ScoreMode::Significance, exclude_self: true, ..all(Some(1)) };
    let matches = search(&query, &options, &mut Budget::new(u64::MAX)).expect("no limit of postings");
    assert_eq!((matches[0].item, (matches[0].score * 1e3).round()), (&0u32.to_le_bytes()[..], 9_033.0));
}

#[test]
fn a_member_of_a_hot_bucket_that_ties_by_its_observations_elsewhere_is_not_left_out() {
    let (mut old, mut new) = (Chunk::new(1), Chunk::new(1));
    let record =
        |chunk: &mut Chunk, item: &[u8], bucket: &[u8]| drop(chunk.record(item, [bucket].into_iter()));
    record(&mut new, b"asking", b"own");
    record(&mut new, b"asking", b"hot");
    record(&mut new, b"brief", b"hot");
    (0..1_000u16).for_each(|item| record(&mut new, &item.to_be_bytes(), b"hot"));
    // Half of its observations are in the bucket, as half of the query's are: it scores the same as the
    // others, and was observed more often.
    record(&mut new, b"often", b"hot");
    record(&mut old, b"often", b"other");
    let chunks = [&old, &new];
    let best = |item: &'static [u8], score| {
        let options = SearchOptions { mode: score, exclude_self: true, ..all(Some(2)) };
        let matches = search(&IndexQuery::of_item(item, &chunks), &options, &mut Budget::new(u64::MAX));
        let matches = matches.expect("no limit of postings").into_iter();
        matches.map(|found| (found.item.to_vec(), found.score, found.observations)).collect::<Vec<_>>()
    };
    for score in [ScoreMode::Overlap, ScoreMode::Coverage] {
        assert_eq!(best(b"asking", score), [(b"often".to_vec(), 0.5, 2), (b"brief".to_vec(), 0.5, 1)]);
    }
    // Both have been seen in the only bucket of this one.
    assert_eq!(
        best(b"brief", ScoreMode::Coverage),
        [(b"often".to_vec(), 1.0, 2), (b"asking".to_vec(), 1.0, 2)]
    );
}

#[test]
fn an_item_scores_exactly_one_with_itself() {
    let mut chunk = Chunk::new(2);
    for i in 0..37u8 {
        chunk.record(b"a", [&[i % 5][..], &[i % 7]].into_iter());
    }
    let chunks = [&chunk];
    let query = IndexQuery::of_item(b"a", &chunks);
    assert_eq!(search(&query, &all(None), &mut Budget::new(u64::MAX)).expect("found")[0].score, 1.0);
}

#[test]
fn a_search_that_would_read_too_much_is_refused() {
    let mut chunk = Chunk::new(1);
    for i in 0..100u8 {
        chunk.record(&[i], [&b"hot"[..]].into_iter());
    }
    let chunks = [&chunk];
    let query = IndexQuery::of_item(&[3], &chunks);
    assert_eq!(search(&query, &all(None), &mut Budget::new(99)).expect_err("more than 99").postings, 100);
    // Each of the 100 members is read and returned, with a name of one byte. All but the queried item are also noted and
    // looked up.
    let cost = 100 + 99 * (3 + 1 + 1) + 100 * 6 + 100 / 64;
    assert!(search(&query, &all(None), &mut Budget::new(cost - 1)).is_err());
    let mut budget = Budget::new(cost + 1);
    assert!(search(&query, &all(None), &mut budget).is_ok());
    assert_eq!(budget, Budget { left: 1, read: 100, skipped: 0 });
}

#[test]
fn an_item_that_asks_can_be_left_out() {
    let mut chunk = Chunk::new(1);
    [1, 2, 3].iter().for_each(|i| drop(chunk.record(&[*i], [&b"same"[..]].into_iter())));
    let chunks = [&chunk];
    let query = IndexQuery::of_item(&[2], &chunks);
    let options = SearchOptions { exclude_self: true, ..all(Some(10)) };
    let matches = search(&query, &options, &mut Budget::new(u64::MAX)).expect("few");
    assert_eq!(matches.iter().map(|found| found.item).collect::<Vec<_>>(), [[1], [3]]);
}

/// A part of a history: many records, then many removals.
#[derive(Debug, Clone)]
struct Wave {
    records: usize,
    /// The items that are removed, in percent.
    removed: usize,
    /// Whether those go first that came last, those that came first, or any.
    order: Order,
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Newest,
    Oldest,
    Any,
}

fn wave() -> impl Strategy<Value = Wave> {
    let order = prop::sample::select(&[Order::Newest, Order::Oldest, Order::Any, Order::Any][..]);
    let wave = (1..3_000usize, 0..=100usize, order);
    wave.prop_map(|(records, removed, order)| Wave { records, removed, order })
}

/// Records a random item: mostly a new one, sometimes one of a few that get very many buckets. Some names and buckets
/// are long, some buckets have very many members and some a few.
fn record_random(chunk: &mut Chunk, random: &mut Random, items: &mut Vec<Vec<u8>>) {
    let number = random.number();
    let known = random.below(8) == 0 && !items.is_empty();
    let item = match random.below(6) {
        0 => b"many".to_vec(),
        _ if known => items[random.below(items.len())].clone(),
        1 => [&number.to_be_bytes()[..], &vec![b'x'; random.below(300)]].concat(),
        _ => number.to_be_bytes()[random.below(4)..].to_vec(),
    };
    let bucket = |band: usize| match (band, random.below(20)) {
        (0, 3..) => vec![b'h'],
        (_, 0..3) => (random.below(200) as u16).to_be_bytes().to_vec(),
        (_, 3) => [&random.number().to_be_bytes()[..], b" and many bytes more"].concat(),
        _ => random.number().to_be_bytes().to_vec(),
    };
    let signature: Vec<Vec<u8>> = (0..BANDS).map(bucket).collect();
    if chunk.item_id(&item).is_none() {
        items.push(item.clone());
    }
    chunk.record(&item, signature.iter().map(Vec::as_slice));
    if chunk.sketch_length() > 0 && random.below(3) > 0 {
        chunk.keep_sketch(&item, &[number as u8; SKETCH]);
    }
}

/// A new chunk with the content of another one.
fn rebuilt(chunk: &Chunk) -> Chunk {
    let mut new = Chunk::with_sketches(chunk.bands(), chunk.sketch_length());
    let mut pieces = codec::encode_pieces(chunk, 1 << 18);
    assert!(pieces.all(|piece| codec::decode_piece(&mut new, &piece).is_ok()));
    new
}

/// What a chunk may take in addition: its smallest blocks.
const SLACK: usize = 1 << 13;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever was removed from a chunk: it takes little more memory than a new one with the same content, and no
    /// removal makes it take more.
    #[test]
    fn memory_is_given_back(seed: u64, has_sketches: bool, waves in prop::collection::vec(wave(), 1..4)) {
        let (mut random, mut items) = (Random::new(seed), Vec::new());
        let mut chunk = Chunk::with_sketches(BANDS as u16, if has_sketches { SKETCH as u16 } else { 0 });
        let check = |chunk: &Chunk| {
            let (memory, fresh) = (chunk.memory(), rebuilt(chunk).memory());
            prop_assert!(memory <= fresh + fresh / 2 + SLACK, "{memory} instead of {fresh}");
            Ok(())
        };
        for Wave { records, removed, order } in waves {
            for step in 0..records {
                record_random(&mut chunk, &mut random, &mut items);
                if step % 100 == 99 {
                    check(&chunk)?;
                }
            }
            for step in 0..items.len() * removed / 100 {
                let index = match order {
                    Order::Newest => items.len() - 1,
                    Order::Oldest => 0,
                    Order::Any => random.below(items.len()),
                };
                let (item, before) = (items.remove(index), chunk.memory());
                let other = (random.below(8) == 0 && !items.is_empty()).then(|| &items[random.below(items.len())]);
                match other {
                    Some(other) => prop_assert!(chunk.merge(other, &item)),
                    None => {
                        prop_assert!(chunk.delete(&item));
                        prop_assert!(chunk.memory() <= before + 4_096, "{} after {before}", chunk.memory());
                    }
                }
                if step % 100 == 99 {
                    check(&chunk)?;
                }
            }
            check(&chunk)?;
            prop_assert_eq!(chunk.internal_validate(), Ok(()));
            prop_assert_eq!(chunk.item_count(), items.len());
        }
    }
}
