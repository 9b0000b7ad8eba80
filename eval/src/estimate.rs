//! Scores as estimates of the Jaccard similarity: how far they are off, by the size of the sets.
//!
//! With one row a score is the share of equal slots, whose mean is the similarity. Classic MinHash has
//! independent slots, and errs by `sqrt(s (1 - s) / slots)`.

use crate::corpus::Corpus;
use crate::lab::Lab;
use crate::made_pairs::{self, MADE_PAIRS};
use crate::pairs::{self, Pair};
use crate::setting::{MURMUR3, PLAIN, Setting};
use serde_json::{Value, json};
use simile::signature::Hash;

/// Slots, each a band of one row.
const SLOTS: u16 = 128;
/// Less similar pairs are left out: both schemes get it right that these are not similar.
const LEAST: f64 = 0.3;
/// The sizes of generated sets, and the classes by which the sizes of real ones are counted.
const SIZES: [usize; 8] = [10, 20, 50, 75, 100, 200, 500, 1_000];
const CLASSES: [(usize, usize); 4] = [(1, 9), (10, 100), (101, 300), (301, 1_000_000)];
/// The similarities of generated pairs.
const SIMILARITIES: [f64; 4] = [0.3, 0.5, 0.7, 0.9];

/// Sums of squared errors.
#[derive(Clone, Copy, Default)]
struct Errors {
    pairs: f64,
    squares: f64,
    squares_in_theory: f64,
}

impl Errors {
    fn add(&mut self, pair: &Pair) {
        self.pairs += 1.0;
        self.squares += (pair.score.unwrap_or_default() - pair.similarity).powi(2);
        self.squares_in_theory += pair.similarity * (1.0 - pair.similarity) / f64::from(SLOTS);
    }

    fn root_mean(&self, squares: f64) -> f64 {
        (squares / self.pairs).sqrt()
    }
}

/// One line of the results: pairs of sets of about the same size.
pub struct Estimated {
    /// The name of a set, or [`MADE_PAIRS`].
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

/// The errors on generated pairs, `each` of them for each size and similarity.
pub fn of_made_pairs(lab: &Lab, each: usize) -> Vec<Estimated> {
    let lines = SIZES.map(|size| {
        let mut line = Estimated::new(MADE_PAIRS, (size, size));
        for hash in [Hash::Fss, MURMUR3] {
            let setting = Setting { hash, ..Setting::new(SLOTS, 1, PLAIN) };
            let errors = line.errors(hash);
            made_pairs::visit(lab, &setting, size, &SIMILARITIES, each, |pair| errors.add(pair));
        }
        line
    });
    lines.into()
}

/// The errors on the pairs of a real set, by their size.
pub fn of_real_pairs(lab: &Lab, corpus: &Corpus, seeds: &[u32]) -> Vec<Estimated> {
    let mut lines = CLASSES.map(|class| Estimated::new(corpus.name, class));
    for hash in [Hash::Fss, MURMUR3] {
        for &seed in seeds {
            let setting = Setting { hash, seed, ..Setting::new(SLOTS, 1, corpus.text) };
            pairs::visit(lab, corpus, &setting, |pair| {
                let size = pair.size.round() as usize;
                let line = lines.iter_mut().find(|line| (line.sizes.0..=line.sizes.1).contains(&size));
                if let Some(line) = line.filter(|_| pair.similarity >= LEAST) {
                    line.errors(hash).add(pair);
                }
            });
        }
    }
    lines.into_iter().filter(|line| line.fss.pairs >= 100.0).collect()
}
