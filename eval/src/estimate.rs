//! Scores as estimates of the Jaccard similarity: how far they are off, by the size of the sets.
//!
//! With one row a score is the share of equal slots, whose mean is the similarity. Classic MinHash has
//! independent slots, and errs by `sqrt(s (1 - s) / slots)`.

use crate::corpus::Corpus;
use crate::harness::Random;
use crate::lab::{Lab, SCOPE, command, features_clause, found};
use crate::pairs;
use crate::setting::{MURMUR3, PLAIN, Setting, hash_name};
use serde_json::{Value, json};
use simile::signature::Hash;

/// Slots, each a band of one row.
const SLOTS: u16 = 128;
/// Pairs of less similarity teach little: both schemes are right that they are unlike.
const LEAST: f64 = 0.3;
/// Sizes of made sets; the sizes of real ones are counted by these bounds.
const SIZES: [usize; 8] = [10, 20, 50, 75, 100, 200, 500, 1_000];
const CLASSES: [(usize, usize); 4] = [(1, 9), (10, 100), (101, 300), (301, 1_000_000)];
/// Similarities of made pairs.
const SIMILARITIES: [f64; 4] = [0.3, 0.5, 0.7, 0.9];

/// Squared errors, summed.
#[derive(Clone, Copy, Default)]
struct Errors {
    pairs: f64,
    squares: f64,
    squares_in_theory: f64,
}

impl Errors {
    fn add(&mut self, similarity: f64, score: f64) {
        self.pairs += 1.0;
        self.squares += (score - similarity).powi(2);
        self.squares_in_theory += similarity * (1.0 - similarity) / f64::from(SLOTS);
    }

    fn root_mean(&self, squares: f64) -> f64 {
        (squares / self.pairs).sqrt()
    }
}

/// One line of the results: pairs of sets of about the same size.
pub struct Estimated {
    /// A set, or `made`.
    pub source: String,
    pub sizes: (usize, usize),
    fss: Errors,
    murmur3: Errors,
}

impl Estimated {
    fn new(source: &str, sizes: (usize, usize)) -> Estimated {
        Estimated { source: source.into(), sizes, fss: Errors::default(), murmur3: Errors::default() }
    }

    fn errors(&mut self, hash: Hash) -> &mut Errors {
        match hash {
            Hash::Fss => &mut self.fss,
            Hash::Murmur3 { .. } => &mut self.murmur3,
        }
    }

    /// The error of FSS over that of MURMUR3.
    pub fn ratio(&self) -> f64 {
        self.fss.root_mean(self.fss.squares) / self.murmur3.root_mean(self.murmur3.squares)
    }

    pub fn json(&self) -> Value {
        let theory = self.murmur3.root_mean(self.murmur3.squares_in_theory);
        json!({
            "source": self.source, "least": self.sizes.0, "most": self.sizes.1, "pairs": self.fss.pairs,
            "fss": self.fss.root_mean(self.fss.squares), "ratio": self.ratio(), "theory": theory,
            "murmur3": self.murmur3.root_mean(self.murmur3.squares),
        })
    }
}

/// Pairs made for it: sets of one size, of chosen similarities, that share nothing with other pairs.
pub fn of_made_pairs(lab: &Lab, pairs_each: usize) -> Vec<Estimated> {
    let lines = SIZES.map(|size| {
        let mut line = Estimated::new("made", (size, size));
        for hash in [Hash::Fss, MURMUR3] {
            lab.create(&Setting { hash, ..Setting::new(SLOTS, 1, PLAIN) });
            let what = format!("made pairs of {size} features: estimating, {}", hash_name(hash));
            lab.begin(&what, pairs_each * SIMILARITIES.len());
            let mut random = Random::new(size as u64); // the same pairs for both
            for similarity in SIMILARITIES {
                let pairs: Vec<_> =
                    (0..pairs_each).map(|_| made_pair(&mut random, size, similarity)).collect();
                estimate(lab, &pairs, line.errors(hash));
            }
        }
        line
    });
    lines.into()
}

struct MadePair {
    similarity: f64,
    sets: [Vec<String>; 2],
}

/// Two sets of `size` features each, as similar as whole numbers allow.
fn made_pair(random: &mut Random, size: usize, similarity: f64) -> MadePair {
    let shared = (2.0 * size as f64 * similarity / (1.0 + similarity)).round() as usize;
    let mut features = |count| (0..count).map(|_| format!("{:016x}", random.number())).collect::<Vec<_>>();
    let [both, one, other] = [features(shared), features(size - shared), features(size - shared)];
    MadePair {
        similarity: shared as f64 / (2 * size - shared) as f64,
        sets: [[both.clone(), one].concat(), [both, other].concat()],
    }
}

/// Records one of each pair, and then classifies the other.
fn estimate(lab: &Lab, pairs: &[MadePair], errors: &mut Errors) {
    let commands = |pair: usize| {
        let [one, other] = &pairs[pair].sets;
        // Its own features' first: a name that no other pair has.
        let record = command(&["SIM.RECORD", SCOPE, &one[0]], features_clause("made", one));
        let classify = command(&["SIM.CLASSIFY", SCOPE, "LIMIT", "1"], features_clause("made", other));
        vec![record, classify]
    };
    lab.each_step(pairs.len(), commands, |pair, replies| {
        let score = found(&replies[1]).next().map_or(0.0, |(_, score)| score);
        errors.add(pairs[pair].similarity, score);
    });
}

/// Pairs of a real set, by the size of its members.
pub fn of_real_pairs(lab: &Lab, corpus: &Corpus, seeds: &[u32]) -> Vec<Estimated> {
    let mut lines = CLASSES.map(|class| Estimated::new(corpus.name, class));
    for hash in [Hash::Fss, MURMUR3] {
        for &seed in seeds {
            let setting = Setting { hash, seed, ..Setting::new(SLOTS, 1, corpus.text) };
            pairs::visit(lab, corpus, &setting, |pair| {
                let size = pair.size.round() as usize;
                let line = lines.iter_mut().find(|line| (line.sizes.0..=line.sizes.1).contains(&size));
                if let Some(line) = line.filter(|_| pair.similarity >= LEAST) {
                    line.errors(hash).add(pair.similarity, pair.score.unwrap_or_default());
                }
            });
        }
    }
    lines.into_iter().filter(|line| line.fss.pairs >= 100.0).collect()
}
