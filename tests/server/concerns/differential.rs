//! Random commands to a server, whose replies are compared with a plain model of the index that has exact scores.
//!
//! For each scope, index, interval and item, the model keeps a map bucket -> count in each band, and a sketch. Scores
//! are fractions of integers, so ties are exact.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use testkit::{Client, Kind, Random, Reply, Server, on_each_server, quoted, wait_until};

type Bytes = Vec<u8>;
/// One map for each band.
type Profile = Vec<BTreeMap<Bytes, u64>>;

/// The slots of a sketch, in every scope.
const SLOTS: usize = 16;

/// An observation in an index: its buckets and the slots of its sketch, if it has any.
struct Clause {
    index: Bytes,
    buckets: Vec<Bytes>,
    sketch: Option<Bytes>,
}

/// What is searched for in an index.
struct Query {
    index: Bytes,
    profile: Profile,
    sketch: Option<Bytes>,
}

/// An exact fraction.
#[derive(Clone, Copy, Debug)]
struct Score {
    numerator: u128,
    denominator: u128,
}

impl Score {
    const ZERO: Score = Score { numerator: 0, denominator: 1 };

    fn add(self, other: Score) -> Score {
        Score {
            numerator: self.numerator * other.denominator + other.numerator * self.denominator,
            denominator: self.denominator * other.denominator,
        }
    }

    fn divide(self, n: usize) -> Score {
        Score { numerator: self.numerator, denominator: self.denominator * n as u128 }
    }

    fn order(self, other: Score) -> Ordering {
        (self.numerator * other.denominator).cmp(&(other.numerator * self.denominator))
    }

    fn double(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }
}

#[derive(Clone, Copy)]
struct Definition {
    bands: usize,
    interval: i64,
    retention: i64,
}

/// The key of a profile: one interval of one index of one scope, and an item in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ProfileKey {
    scope: Bytes,
    index: Bytes,
    start: i64,
    item: Bytes,
}

/// A pattern for MATCH, and the names that it matches.
type Pattern = (&'static [u8], fn(&[u8]) -> bool);

const PATTERNS: [Pattern; 5] = [
    (b"*1*", |name| name.contains(&b'1')),
    (b"?", |name| name.len() == 1),
    (b"[^0-4]*", |name| name.first().is_some_and(|first| !(b'0'..=b'4').contains(first))),
    (b"\\*", |name| name == b"*"),
    (b"*", |_| true),
];

/// The options of a query.
#[derive(Clone, Default)]
struct Options {
    timestamp: i64,
    window: Option<i64>,
    limit: Option<usize>,
    minscore: Option<f64>,
    minbands: Vec<usize>,
    combine: bool,
    pattern: Option<Pattern>,
    with_counts: bool,
    /// By JACCARD, and not by OVERLAP.
    by_sketch: bool,
    /// The item that is left out.
    noself: Option<Bytes>,
}

/// An item that a query found.
struct Found {
    item: Bytes,
    score: Score,
    observations: u64,
    /// The first query and the first interval of the window that has it, and its arrival there.
    first_seen: (usize, i64, u64),
    /// With COMBINE, the score by each query.
    scores: Vec<Option<Score>>,
}

/// What an item had in an interval: the start, its profile, its arrival, and its sketch.
type Taken = (i64, Profile, u64, Option<Bytes>);

struct Model {
    now: i64,
    scopes: BTreeMap<Bytes, Definition>,
    counts: BTreeMap<ProfileKey, Profile>,
    /// When each of these arrived. Those that have left may still be here.
    arrivals: BTreeMap<ProfileKey, u64>,
    next_arrival: u64,
    /// The sketches of these. Those that have left may still be here.
    sketches: BTreeMap<ProfileKey, Bytes>,
}

impl Model {
    fn starts(&self, scope: &[u8], options: &Options) -> BTreeSet<i64> {
        let Definition { interval, retention, .. } = self.scopes[scope];
        let last = options.timestamp - options.timestamp.rem_euclid(interval);
        let first = last - options.window.map_or(retention, |n| (n - 1).min(retention)) * interval;
        let all = self.counts.keys().filter(|key| key.scope == scope).map(|key| key.start);
        all.filter(|start| (first..=last).contains(start)).collect()
    }

    fn has_expired(&self, scope: &[u8], start: i64) -> bool {
        let Definition { interval, retention, .. } = self.scopes[scope];
        start + (retention + 1) * interval <= self.now
    }

    /// Removes the intervals that have expired.
    fn expire(&mut self, now: i64) {
        self.now = now;
        let counts = std::mem::take(&mut self.counts);
        self.counts =
            counts.into_iter().filter(|(key, _)| !self.has_expired(&key.scope, key.start)).collect();
    }

    /// The new counts, or none for a time whose interval has expired.
    fn record(&mut self, scope: &[u8], item: &[u8], t: i64, clauses: &[Clause]) -> Option<Vec<Vec<u64>>> {
        let Definition { bands, interval, .. } = self.scopes[scope];
        let start = t - t.rem_euclid(interval);
        if self.has_expired(scope, start) {
            return None;
        }
        let mut replies = Vec::new();
        for Clause { index, buckets, sketch } in clauses {
            let key = ProfileKey { scope: scope.into(), index: index.clone(), start, item: item.into() };
            if !self.counts.contains_key(&key) {
                self.arrivals.insert(key.clone(), self.next_arrival);
                self.next_arrival += 1;
                self.sketches.remove(&key);
            }
            if let Some(sketch) = sketch {
                self.sketches.entry(key.clone()).or_insert_with(|| sketch.clone());
            }
            let profile = self.counts.entry(key).or_insert_with(|| vec![BTreeMap::new(); bands]);
            let count = |(band, bucket): (&mut BTreeMap<Bytes, u64>, &Bytes)| {
                let count = band.entry(bucket.clone()).or_insert(0);
                *count += 1;
                *count
            };
            replies.push(profile.iter_mut().zip(buckets).map(count).collect());
        }
        Some(replies)
    }

    fn profile(&self, scope: &[u8], index: &[u8], starts: &BTreeSet<i64>, item: &[u8]) -> Profile {
        let mut sum = vec![BTreeMap::new(); self.scopes[scope].bands];
        for &start in starts {
            let key = ProfileKey { scope: scope.into(), index: index.into(), start, item: item.into() };
            for (band, counts) in self.counts.get(&key).into_iter().flatten().enumerate() {
                for (bucket, count) in counts {
                    *sum[band].entry(bucket.clone()).or_insert(0) += count;
                }
            }
        }
        sum
    }

    /// The sketch of the newest interval that has one.
    fn sketch(&self, scope: &[u8], index: &[u8], starts: &BTreeSet<i64>, item: &[u8]) -> Option<Bytes> {
        let key = |start: &i64| ProfileKey {
            scope: scope.into(),
            index: index.into(),
            start: *start,
            item: item.into(),
        };
        let mut keys = starts.iter().rev().map(key).filter(|key| self.counts.contains_key(key));
        keys.find_map(|key| self.sketches.get(&key).cloned())
    }

    fn members(
        &self,
        scope: &[u8],
        index: &[u8],
        starts: &BTreeSet<i64>,
        band: usize,
        bucket: &[u8],
    ) -> BTreeSet<Bytes> {
        let holds = |(key, profile): &(&ProfileKey, &Profile)| {
            key.scope == scope
                && key.index == index
                && starts.contains(&key.start)
                && profile[band].contains_key(bucket)
        };
        self.counts.iter().filter(holds).map(|(key, _)| key.item.clone()).collect()
    }

    /// All that a query finds: one list with COMBINE, otherwise one for each clause or index.
    fn query(&self, scope: &[u8], queries: &[Query], options: &Options) -> Vec<Vec<Found>> {
        let starts = self.starts(scope, options);
        let least = |n: usize| match options.minbands[..] {
            [] => 1,
            [all] => all,
            ref each => each[n],
        };
        // for each query, each item's profile, and the items that qualify by it
        let mut profiles: Vec<BTreeMap<Bytes, Profile>> = Vec::new();
        let mut admitted: Vec<BTreeSet<Bytes>> = Vec::new();
        for (n, query) in queries.iter().enumerate() {
            let index = &query.index;
            let items: BTreeSet<Bytes> = self
                .counts
                .keys()
                .filter(|key| key.scope == scope && &key.index == index && starts.contains(&key.start))
                .map(|key| key.item.clone())
                .collect();
            let all: BTreeMap<Bytes, Profile> = items
                .into_iter()
                .map(|item| (item.clone(), self.profile(scope, index, &starts, &item)))
                .collect();
            let reaches = |(item, profile): (&Bytes, &Profile)| {
                let bands = query.profile.iter().zip(profile);
                let shared = bands.filter(|(q, p)| q.keys().any(|bucket| p.contains_key(bucket))).count();
                let is_comparable = !options.by_sketch
                    || query.sketch.is_some() && self.sketch(scope, index, &starts, item).is_some();
                let is_wanted = Some(item) != options.noself.as_ref()
                    && options.pattern.is_none_or(|(_, matches)| matches(item));
                (shared >= least(n) && is_comparable && is_wanted).then(|| item.clone())
            };
            admitted.push(all.iter().filter_map(reaches).collect());
            profiles.push(all);
        }
        let score_by = |n: usize, item: &Bytes| match (total(&queries[n].profile), profiles[n].get(item)) {
            (0, None) => None,
            (0, Some(_)) | (_, None) => Some(Score::ZERO),
            (_, Some(_)) if options.by_sketch => {
                Some(jaccard(&queries[n].sketch, &self.sketch(scope, &queries[n].index, &starts, item)))
            }
            (_, Some(profile)) => Some(overlap(&queries[n].profile, profile)),
        };
        let observations = |n: usize, item: &Bytes| profiles[n].get(item).map_or(0, total);
        let first_seen = |n: usize, item: &Bytes| {
            let key = |start: &i64| ProfileKey {
                scope: scope.into(),
                index: queries[n].index.clone(),
                start: *start,
                item: item.clone(),
            };
            let first = starts.iter().map(key).find(|key| self.counts.contains_key(key))?;
            Some((n, first.start, self.arrivals[&first]))
        };
        let lists: Vec<Vec<Found>> = if options.combine {
            let anyone: BTreeSet<&Bytes> = admitted.iter().flatten().collect();
            let combined = anyone.into_iter().map(|item| {
                let scores: Vec<Option<Score>> = (0..queries.len()).map(|n| score_by(n, item)).collect();
                let counted: Vec<Score> = scores.iter().flatten().copied().collect();
                let score =
                    counted.iter().fold(Score::ZERO, |sum, score| sum.add(*score)).divide(counted.len());
                let observations = (0..queries.len()).map(|n| observations(n, item)).sum();
                let first_seen = (0..queries.len()).find_map(|n| first_seen(n, item)).expect("it was found");
                Found { item: item.clone(), score, observations, first_seen, scores }
            });
            vec![combined.collect()]
        } else {
            let one = |n: usize| {
                let found = |item: &Bytes| Found {
                    item: item.clone(),
                    score: score_by(n, item).unwrap_or(Score::ZERO),
                    observations: observations(n, item),
                    first_seen: first_seen(n, item).expect("it was found"),
                    scores: Vec::new(),
                };
                admitted[n].iter().map(found).collect()
            };
            (0..queries.len()).map(one).collect()
        };
        lists.into_iter().map(|list| ranked(list, options)).collect()
    }

    /// Takes an item out of an index, or of all of them, and gives what it had, by index.
    fn take(&mut self, scope: &[u8], index: &[u8], item: &[u8]) -> Vec<(Bytes, Vec<Taken>)> {
        let indexes: BTreeSet<Bytes> = match index {
            b"*" => {
                self.counts.keys().filter(|key| key.scope == scope).map(|key| key.index.clone()).collect()
            }
            _ => [index.to_vec()].into(),
        };
        let mut taken = Vec::new();
        for index in indexes {
            let mine = |key: &ProfileKey| key.scope == scope && key.index == index && key.item == item;
            let keys: Vec<ProfileKey> = self.counts.keys().filter(|key| mine(key)).cloned().collect();
            let had: Vec<Taken> = keys
                .iter()
                .filter_map(|key| {
                    let sketch = self.sketches.remove(key);
                    Some((key.start, self.counts.remove(key)?, self.arrivals[key], sketch))
                })
                .collect();
            if !had.is_empty() {
                taken.push((index, had));
            }
        }
        taken
    }

    /// Gives the number of pairs that had observations, or `None` if an item would be merged into itself.
    fn merge(&mut self, scope: &[u8], destination: &[u8], pairs: &[(Bytes, Bytes)]) -> Option<usize> {
        if pairs.iter().any(|(_, source)| source == destination) {
            return None;
        }
        let mut merged = 0;
        // Of each index, the sources come in the order of their bytes. It matters for the sketch of three items, of
        // which the first to arrive has none.
        let mut pairs = pairs.to_vec();
        pairs.sort_by(|(_, one), (_, other)| one.cmp(other));
        for (index, source) in &pairs {
            for (index, had) in self.take(scope, index, source) {
                merged += 1;
                for (start, profile, arrival, sketch) in had {
                    let key = ProfileKey {
                        scope: scope.into(),
                        index: index.clone(),
                        start,
                        item: destination.into(),
                    };
                    let arrival_here = self.counts.contains_key(&key).then(|| self.arrivals[&key]);
                    let sketch_here = self.sketches.remove(&key).filter(|_| arrival_here.is_some());
                    let is_here_first = arrival_here.is_some_and(|here| here < arrival);
                    let kept = if is_here_first { sketch_here.or(sketch) } else { sketch.or(sketch_here) };
                    kept.map(|sketch| self.sketches.insert(key.clone(), sketch));
                    self.arrivals.insert(key.clone(), arrival.min(arrival_here.unwrap_or(arrival)));
                    let into = self.counts.entry(key).or_insert_with(|| vec![BTreeMap::new(); profile.len()]);
                    for (band, counts) in into.iter_mut().zip(profile) {
                        counts
                            .into_iter()
                            .for_each(|(bucket, count)| *band.entry(bucket).or_insert(0) += count);
                    }
                }
            }
        }
        Some(merged)
    }

    fn delete(&mut self, scope: &[u8], pairs: &[(Bytes, Bytes)]) -> usize {
        pairs.iter().map(|(index, item)| self.take(scope, index, item).len()).sum()
    }

    /// Removes an index, and gives the number of its chunks.
    fn drop_index(&mut self, scope: &[u8], index: &[u8]) -> usize {
        let mine = |key: &ProfileKey| key.scope == scope && key.index == index;
        let starts: BTreeSet<i64> = self.counts.keys().filter(|key| mine(key)).map(|key| key.start).collect();
        self.counts.retain(|key, _| !mine(key));
        starts.len()
    }
}

/// Observations: the same number in every band.
fn total(profile: &Profile) -> u64 {
    profile[0].values().sum()
}

/// The mean over the bands of `1 - L1/2` of the frequencies scaled to sum 1, by that very formula.
fn overlap(left: &Profile, right: &Profile) -> Score {
    let (left_total, right_total) = (total(left) as i128, total(right) as i128);
    let mut distance = 0; // in units of 1 / (left_total * right_total)
    for (l, r) in left.iter().zip(right) {
        let buckets: BTreeSet<&Bytes> = l.keys().chain(r.keys()).collect();
        for bucket in buckets {
            let (l, r) = (*l.get(bucket).unwrap_or(&0) as i128, *r.get(bucket).unwrap_or(&0) as i128);
            distance += (l * right_total - r * left_total).abs();
        }
    }
    let whole = 2 * left.len() as i128 * left_total * right_total;
    Score { numerator: (whole - distance) as u128, denominator: whole as u128 }
}

/// The share of slots that agree, less those that do by chance: (k/n - 1/256) / (1 - 1/256).
fn jaccard(left: &Option<Bytes>, right: &Option<Bytes>) -> Score {
    let (Some(left), Some(right)) = (left, right) else { return Score::ZERO };
    let agreeing = left.iter().zip(right).filter(|(left, right)| left == right).count();
    let numerator = (256 * agreeing).saturating_sub(SLOTS) as u128;
    Score { numerator, denominator: 255 * SLOTS as u128 }
}

fn ranked(mut list: Vec<Found>, options: &Options) -> Vec<Found> {
    list.retain(|found| options.minscore.is_none_or(|least| found.score.double() >= least));
    list.sort_by(|a, b| {
        b.score.order(a.score).then(b.observations.cmp(&a.observations)).then(a.first_seen.cmp(&b.first_seen))
    });
    match options.limit.unwrap_or(10) {
        0 => {}
        limit => list.truncate(limit),
    }
    list
}

/// Sends random commands to a server and the same to the model.
struct Driver<'a> {
    server: &'a Client,
    /// Use intervals short enough that chunks expire during the run.
    live: bool,
    model: Model,
    random: Random,
    items: Vec<Bytes>,
    buckets: Vec<Bytes>,
    indexes: Vec<Bytes>,
    scopes: Vec<Bytes>,
    /// The command sent last, for the report.
    sent: String,
}

impl Driver<'_> {
    fn new(server: &Client, seed: u64, live: bool) -> Driver<'_> {
        let bytes = |all: &[&[u8]]| all.iter().map(|one| one.to_vec()).collect::<Vec<_>>();
        let long = b"long ".repeat(50);
        let mut items: Vec<Bytes> = (0..12).map(|n| n.to_string().into_bytes()).collect();
        items.extend(bytes(&[b"k:1", b"\xff\xfe item", b"\x00", b"TIMESTAMP", b"*", &long]));
        let mut driver = Driver {
            server,
            live,
            model: Model {
                now: server.now(),
                scopes: BTreeMap::new(),
                counts: BTreeMap::new(),
                arrivals: BTreeMap::new(),
                next_arrival: 0,
                sketches: BTreeMap::new(),
            },
            random: Random::new(seed),
            items,
            buckets: bytes(&[b"0", b"1", b"2", b"3", b"4", b"1,2", b"x:y", b"", b"\x00\x01", &long]),
            indexes: bytes(&[b"a", b"b", b"i:x", b"LIMIT"]),
            scopes: bytes(&[b"s1", b"s:2", b"t{3}x", b"\xffs4\x00"]),
            sent: String::new(),
        };
        for scope in driver.scopes.clone() {
            driver.create(&scope);
        }
        driver
    }

    /// Sends a command and gives its reply.
    fn send(&mut self, words: &[Bytes]) -> Reply {
        self.sent = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        self.server.call(words)
    }

    #[track_caller]
    fn check(&self, got: &Reply, expected: impl ToString) {
        assert_eq!(got.to_string(), expected.to_string(), "{}", self.sent);
    }

    fn create(&mut self, scope: &[u8]) {
        // Intervals that end more than 300 seconds from now, so that nothing expires during a run.
        let now = self.model.now;
        let intervals: Vec<i64> =
            [900, 1800, 3600, 86400, 2592000].into_iter().filter(|i| now % i < i - 300).collect();
        let definition = Definition {
            bands: *self.random.pick(&[1, 2, 3, 4, 8, 16]),
            interval: if self.live { *self.random.pick(&[1, 2]) } else { *self.random.pick(&intervals) },
            retention: *self.random.pick(if self.live { &[0, 1, 2, 3] } else { &[0, 1, 2, 3, 12] }),
        };
        let Definition { bands, interval, retention } = definition;
        let reply = self.send(&[
            b"SIM.CREATE".to_vec(),
            scope.to_vec(),
            b"BANDS".to_vec(),
            text(bands),
            b"INTERVAL".to_vec(),
            text(interval),
            b"RETENTION".to_vec(),
            text(retention),
            b"SKETCH".to_vec(),
            text(SLOTS),
        ]);
        self.check(&reply, "OK");
        self.model.scopes.insert(scope.to_vec(), definition);
    }

    fn step(&mut self) {
        if self.live {
            // Just after and just before a second begins, the server and this may disagree about the time.
            wait_until("a second is well under way", || {
                (100..700).contains(&(self.server.now_in_milliseconds() % 1000))
            });
            self.model.expire(self.server.now());
        }
        let scope = if self.random.one_in(2) {
            self.scopes[0].clone()
        } else {
            self.random.pick(&self.scopes).clone()
        };
        match self.random.below(100) {
            0..40 => self.record(&scope),
            40..58 => self.compare(&scope),
            58..76 => self.classify(&scope),
            76..83 => self.merge(&scope),
            83..88 => self.delete(&scope),
            88..91 => self.frequencies(&scope),
            91..93 => self.count(&scope),
            93..97 => self.members(&scope),
            97 => self.info(&scope),
            98 => self.lose(&scope),
            _ => self.drop(&scope),
        }
    }

    fn item(&mut self) -> Bytes {
        self.random.pick(&self.items).clone()
    }

    fn index(&mut self) -> Bytes {
        let several = if self.random.one_in(3) { self.indexes.len() } else { 2 };
        self.indexes[self.random.below(several)].clone()
    }

    /// Now, or some intervals before or after it.
    fn timestamp(&mut self, scope: &[u8]) -> i64 {
        let Definition { interval, retention, .. } = self.model.scopes[scope];
        if self.random.one_in(2) {
            return self.model.now;
        }
        let most = retention + 2 + 2.min(retention + 1);
        let intervals = self.random.below(most as usize + 1) as i64 - (retention + 2);
        self.model.now + intervals * interval
    }

    fn clauses(&mut self, scope: &[u8]) -> Vec<Clause> {
        let bands = self.model.scopes[scope].bands;
        let several = *self.random.pick(&[1, 1, 1, 2, 3]);
        // Slots belong to all clauses of an index.
        let mut sketches: BTreeMap<Bytes, Option<Bytes>> = BTreeMap::new();
        let clause = |_| {
            let index = self.index();
            let buckets = (0..bands).map(|_| self.random.pick(&self.buckets).clone()).collect();
            let sketch = sketches.entry(index.clone()).or_insert_with(|| sketch(&mut self.random)).clone();
            Clause { index, buckets, sketch }
        };
        (0..several).map(clause).collect()
    }

    fn pairs(&mut self) -> Vec<(Bytes, Bytes)> {
        let several = *self.random.pick(&[1, 1, 2, 3]);
        let pair = |driver: &mut Self| {
            let index = if driver.random.one_in(8) { b"*".to_vec() } else { driver.index() };
            (index, driver.item())
        };
        (0..several).map(|_| pair(self)).collect()
    }

    fn record(&mut self, scope: &[u8]) {
        let (item, t, clauses) = (self.item(), self.timestamp(scope), self.clauses(scope));
        let mut words =
            vec![b"SIM.RECORD".to_vec(), scope.to_vec(), item.clone(), b"TIMESTAMP".to_vec(), text(t)];
        words.extend(signatures(&clauses));
        let got = self.send(&words);
        match self.model.record(scope, &item, t, &clauses) {
            Some(counts) => self.check(&got, format!("{counts:?}")),
            None => assert!(matches!(got, Reply::Error(_)), "{} should be refused, replied {got}", self.sent),
        }
    }

    /// Random options, as the model and as the command take them.
    fn options(&mut self, scope: &[u8], queries: usize) -> (Options, Vec<Bytes>) {
        let bands = self.model.scopes[scope].bands;
        let mut options = Options { timestamp: self.timestamp(scope), ..Options::default() };
        let mut words = vec![b"TIMESTAMP".to_vec(), text(options.timestamp)];
        if self.random.one_in(2) {
            options.limit = Some(*self.random.pick(&[0, 0, 1, 2, 3, 5, 10]));
            words.extend([b"LIMIT".to_vec(), text(options.limit.unwrap_or_default())]);
        }
        if self.random.one_in(3) {
            let least = *self.random.pick(&[0.0, 0.21, 0.25, 0.5, 0.53, 0.87, 1.0]);
            options.minscore = Some(least);
            words.extend([b"MINSCORE".to_vec(), text(least)]);
        }
        if self.random.one_in(3) {
            let several = if self.random.one_in(2) { queries } else { 1 };
            options.minbands = (0..several).map(|_| 1 + self.random.below(bands.min(4))).collect();
            words.extend([b"MINBANDS".to_vec(), text(several)]);
            words.extend(options.minbands.iter().map(text));
        }
        if self.random.one_in(3) {
            let window = 1 + self.random.below(self.model.scopes[scope].retention as usize + 1) as i64;
            options.window = Some(window);
            words.extend([b"WINDOW".to_vec(), text(window)]);
        }
        if self.random.one_in(3) {
            options.combine = true;
            words.push(b"COMBINE".to_vec());
        }
        if self.random.one_in(3) {
            options.with_counts = true;
            words.push(b"WITHCOUNTS".to_vec());
        }
        if self.random.one_in(4) {
            let pattern = *self.random.pick(&PATTERNS);
            options.pattern = Some(pattern);
            words.extend([b"MATCH".to_vec(), pattern.0.to_vec()]);
        }
        if self.random.one_in(3) {
            options.by_sketch = true;
            words.extend([b"SCORE".to_vec(), b"JACCARD".to_vec()]);
        }
        (options, words)
    }

    fn compare(&mut self, scope: &[u8]) {
        let item = self.item();
        let several = *self.random.pick(&[1, 1, 2, 3]);
        let indexes: Vec<Bytes> = (0..several).map(|_| self.index()).collect();
        let (mut options, words) = self.options(scope, several);
        let mut command = vec![b"SIM.COMPARE".to_vec(), scope.to_vec(), item.clone(), text(several)];
        command.extend(indexes.iter().cloned());
        command.extend(words);
        if self.random.one_in(4) {
            options.noself = Some(item.clone());
            command.push(b"NOSELF".to_vec());
        }
        let starts = self.model.starts(scope, &options);
        let query = |index: &Bytes| Query {
            index: index.clone(),
            profile: self.model.profile(scope, index, &starts, &item),
            sketch: self.model.sketch(scope, index, &starts, &item),
        };
        let queries: Vec<Query> = indexes.iter().map(query).collect();
        self.found(scope, &command, &queries, &options);
    }

    fn classify(&mut self, scope: &[u8]) {
        let clauses = self.clauses(scope);
        let (options, words) = self.options(scope, clauses.len());
        let mut command = vec![b"SIM.CLASSIFY".to_vec(), scope.to_vec()];
        if self.random.one_in(2) {
            command.extend(words);
            command.extend(signatures(&clauses));
        } else {
            command.extend(signatures(&clauses));
            command.extend(words);
        }
        let query = |Clause { index, buckets, sketch }: Clause| Query {
            index,
            profile: buckets.into_iter().map(|bucket| BTreeMap::from([(bucket, 1)])).collect(),
            sketch,
        };
        let queries: Vec<Query> = clauses.into_iter().map(query).collect();
        self.found(scope, &command, &queries, &options);
    }

    fn found(&mut self, scope: &[u8], command: &[Bytes], queries: &[Query], options: &Options) {
        let mut got = self.send(command);
        let expected = self.model.query(scope, queries, options);
        if options.combine {
            got = Reply::Array(vec![got]);
        }
        let items = |list: &Reply| {
            list.array().iter().map(|entry| entry.array()[0].bytes().to_vec()).collect::<Vec<_>>()
        };
        let got_items: Vec<Vec<Bytes>> = got.array().iter().map(items).collect();
        let expected_items: Vec<Vec<Bytes>> =
            expected.iter().map(|list| list.iter().map(|found| found.item.clone()).collect()).collect();
        assert_eq!(
            got_items, expected_items,
            "the items that are found, and their order: {}\n{got}",
            self.sent
        );
        for (entry, found) in got.array().iter().flat_map(Reply::array).zip(expected.iter().flatten()) {
            let score = &entry.array()[1];
            if options.combine {
                // The exact mean of exact scores; a mean of doubles may differ from it in its last digits.
                assert!(
                    (score.double() - found.score.double()).abs() < 1e-12,
                    "{score} for {:?}: {}",
                    found.score,
                    self.sent
                );
                let scores: Vec<String> =
                    found.scores.iter().map(|score| score.map_or("nil".into(), resp2_double)).collect();
                self.check(&entry.array()[2], format!("[{}]", scores.join(", ")));
            } else {
                self.check(score, resp2_double(found.score));
            }
            let count = entry.array().get(if options.combine { 3 } else { 2 });
            let expected = options.with_counts.then_some(found.observations as i64);
            assert_eq!(count.map(Reply::integer), expected, "observations: {}", self.sent);
        }
    }

    fn merge(&mut self, scope: &[u8]) {
        let (item, pairs) = (self.item(), self.pairs());
        let mut command = vec![b"SIM.MERGE".to_vec(), scope.to_vec(), item.clone()];
        command.extend(pairs.iter().flat_map(|(index, source)| [index.clone(), source.clone()]));
        let got = self.send(&command);
        match self.model.merge(scope, &item, &pairs) {
            Some(merged) => self.check(&got, merged),
            None => assert!(matches!(got, Reply::Error(_)), "{} should be refused, replied {got}", self.sent),
        }
    }

    fn delete(&mut self, scope: &[u8]) {
        let pairs = self.pairs();
        let mut command = vec![b"SIM.DELETE".to_vec(), scope.to_vec()];
        command.extend(pairs.iter().flat_map(|(index, item)| [index.clone(), item.clone()]));
        let got = self.send(&command);
        let deleted = self.model.delete(scope, &pairs);
        self.check(&got, deleted);
    }

    fn count(&mut self, scope: &[u8]) {
        let (index, items) = (self.index(), [self.item(), self.item()]);
        let options = Options { timestamp: self.timestamp(scope), ..Options::default() };
        let mut command = vec![b"SIM.COUNT".to_vec(), scope.to_vec(), index.clone(), text(items.len())];
        command.extend(items.iter().cloned());
        command.extend([b"TIMESTAMP".to_vec(), text(options.timestamp)]);
        let got = self.send(&command);
        let starts = self.model.starts(scope, &options);
        let count = |item: &Bytes| total(&self.model.profile(scope, &index, &starts, item));
        self.check(&got, format!("{:?}", items.iter().map(count).collect::<Vec<_>>()));
    }

    fn frequencies(&mut self, scope: &[u8]) {
        let (index, item) = (self.index(), self.item());
        let options = Options { timestamp: self.timestamp(scope), ..Options::default() };
        let command = [
            b"SIM.FREQUENCIES".to_vec(),
            scope.to_vec(),
            index.clone(),
            item.clone(),
            b"TIMESTAMP".to_vec(),
            text(options.timestamp),
        ];
        let got = self.send(&command);
        let expected = self.model.profile(scope, &index, &self.model.starts(scope, &options), &item);
        let shown: Profile = got
            .array()
            .iter()
            .map(|band| band.pairs().iter().map(|(b, n)| (b.bytes().to_vec(), n.integer() as u64)).collect())
            .collect();
        assert_eq!(shown, expected, "{}", self.sent);
    }

    fn members(&mut self, scope: &[u8]) {
        let (index, bucket) = (self.index(), self.random.pick(&self.buckets).clone());
        let band = self.random.below(self.model.scopes[scope].bands);
        let options = Options { timestamp: self.timestamp(scope), ..Options::default() };
        let command = [
            b"SIM.MEMBERS".to_vec(),
            scope.to_vec(),
            index.clone(),
            text(band),
            bucket.clone(),
            b"TIMESTAMP".to_vec(),
            text(options.timestamp),
        ];
        let got = self.send(&command);
        let expected = self.model.members(scope, &index, &self.model.starts(scope, &options), band, &bucket);
        let expected: Vec<String> = expected.iter().map(|member| quoted(member)).collect();
        self.check(&got, format!("[{}]", expected.join(", ")));
    }

    /// Compares the counts of each index in SIM.INFO.
    fn info(&mut self, scope: &[u8]) {
        let got = self.send(&[b"SIM.INFO".to_vec(), scope.to_vec()]);
        for index in self.indexes.clone() {
            let mine = |key: &&ProfileKey| key.scope == scope && key.index == index;
            let keys: Vec<&ProfileKey> = self.model.counts.keys().filter(mine).collect();
            let starts: BTreeSet<i64> = keys.iter().map(|key| key.start).collect();
            let mut buckets = BTreeSet::new();
            let mut observations = 0;
            for key in &keys {
                let profile = &self.model.counts[*key];
                observations += total(profile);
                for (band, counts) in profile.iter().enumerate() {
                    buckets.extend(counts.keys().map(|bucket| (key.start, band, bucket)));
                }
            }
            let Some((_, shown)) =
                got.get("indexes").pairs().into_iter().find(|(name, _)| name.bytes() == index)
            else {
                assert!(keys.is_empty(), "{} does not show {}: {got}", self.sent, quoted(&index));
                continue;
            };
            for (field, count) in [
                ("chunks", starts.len()),
                ("items", keys.len()),
                ("buckets", buckets.len()),
                ("observations", observations as usize),
            ] {
                assert_eq!(
                    shown.get(field).integer(),
                    count as i64,
                    "{field} of {}: {}",
                    index.escape_ascii(),
                    self.sent
                );
            }
        }
    }

    /// Deletes the key of a chunk, as an eviction would.
    fn lose(&mut self, scope: &[u8]) {
        let index = self.index();
        let mine = |key: &&ProfileKey| key.scope == scope && key.index == index;
        let Some(ProfileKey { start, .. }) = self.model.counts.keys().find(mine).cloned() else { return };
        let tag = if scope.contains(&b'{') { scope.to_vec() } else { [b"{", scope, b"}"].concat() };
        let begin = [&tag, &b":"[..]].concat();
        let escaped = index.iter().flat_map(|byte| match byte {
            b':' => b"%3A".to_vec(),
            b'%' => b"%25".to_vec(),
            byte => vec![*byte],
        });
        let end = [b":".to_vec(), text(start), b":".to_vec(), escaped.collect()].concat();
        let is_named = |key: &Vec<u8>| {
            key.starts_with(&begin) && key.ends_with(&end) && key.len() == begin.len() + 16 + end.len()
        };
        let chunk = self.server.keys_of_type("sim-chunk").into_iter().find(is_named);
        let chunk = chunk.unwrap_or_else(|| panic!("no chunk {}...{}", quoted(&begin), quoted(&end)));
        let got = self.send(&[b"DEL".to_vec(), chunk]);
        self.check(&got, "1");
        self.model.counts.retain(|key, _| (&key.scope[..], &key.index, key.start) != (scope, &index, start));
    }

    fn drop(&mut self, scope: &[u8]) {
        if self.random.one_in(2) {
            let index = self.index();
            let got = self.send(&[b"SIM.DROP".to_vec(), scope.to_vec(), index.clone()]);
            let dropped = self.model.drop_index(scope, &index);
            self.check(&got, dropped);
        } else {
            let got = self.send(&[b"SIM.DROP".to_vec(), scope.to_vec()]);
            let dropped: usize =
                self.indexes.clone().iter().map(|index| self.model.drop_index(scope, index)).sum();
            self.check(&got, dropped);
            self.create(scope);
        }
    }
}

fn text(n: impl ToString) -> Bytes {
    n.to_string().into_bytes()
}

/// Slots, most of which agree with many others; sometimes none.
fn sketch(random: &mut Random) -> Option<Bytes> {
    let slot = |random: &mut Random| if random.one_in(4) { b'b' } else { b'a' };
    (!random.one_in(4)).then(|| (0..SLOTS).map(|_| slot(random)).collect())
}

/// The clauses SIGNATURE, and after them SKETCH for each index that has slots.
fn signatures(clauses: &[Clause]) -> Vec<Bytes> {
    let words = |Clause { index, buckets, .. }: &Clause| {
        let head = [b"SIGNATURE".to_vec(), index.clone(), text(buckets.len())];
        head.into_iter().chain(buckets.iter().cloned()).collect::<Vec<_>>()
    };
    let sketches: BTreeMap<&Bytes, &Bytes> =
        clauses.iter().filter_map(|clause| Some((&clause.index, clause.sketch.as_ref()?))).collect();
    let sketches =
        sketches.into_iter().flat_map(|(index, sketch)| [b"SKETCH".to_vec(), index.clone(), sketch.clone()]);
    clauses.iter().flat_map(words).chain(sketches).collect()
}

/// A score as a RESP2 reply has it.
fn resp2_double(score: Score) -> String {
    format!("'{}'", score.double())
}

/// Sends random commands until there are enough.
fn run(server: &Server, seed: u64, live: bool, enough: impl Fn(usize) -> bool) {
    let mut driver = Driver::new(server, seed, live);
    for step in (0..).take_while(|step| !enough(*step)) {
        let one = std::panic::AssertUnwindSafe(|| driver.step());
        if let Err(failure) = std::panic::catch_unwind(one) {
            eprintln!("seed {seed}, step {step}: {}", driver.sent);
            std::panic::resume_unwind(failure);
        }
        if step % 1000 == 999 && !live {
            let before = server.digest();
            server.expect("DEBUG RELOAD", "OK");
            assert_eq!(server.digest(), before, "seed {seed}, step {step}: after a reload");
        }
    }
    server.validate_all();
}

on_each_server! {
    fn random_commands_agree_with_a_plain_model(server: Server) {
        for seed in 1..=5 {
            run(&server, seed, false, |steps| steps == 4000);
            server.does("FLUSHALL");
        }
    }

    fn random_commands_agree_while_chunks_expire(server: Server) {
        let start = server.now();
        run(&server, 6, true, |_| server.now() > start + 7);
    }

    fn random_commands_reach_a_replica_and_the_aof(kind: Kind) {
        for (seed, live) in [(7, false), (8, true)] {
            let primary = kind.launch().options("--appendonly yes").start();
            let replica = kind.start();
            replica.follow(&primary);
            let start = primary.now();
            run(&primary, seed, live, |steps| if live { primary.now() > start + 4 } else { steps == 3000 });
            wait_until("the replica holds the same", || {
                replica.catch_up_with(&primary);
                replica.digest() == primary.digest()
            });
            replica.validate_all();
            if !live {
                let digest = primary.digest();
                let primary = primary.restart();
                assert_eq!(primary.digest(), digest, "from the append-only file");
                primary.validate_all();
            }
        }
    }
}
