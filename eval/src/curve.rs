//! The meeting curve: how often two sets share a bucket, by their similarity, as measured and in theory.

use crate::corpus::Corpus;
use crate::lab::Lab;
use crate::made_pairs;
use crate::pairs::{self, Pair};
use crate::setting::{PLAIN, Setting};
use serde_json::{Value, json};

/// The number of steps of similarity.
const BINS: usize = 20;

/// Sums over the pairs of about the same similarity.
#[derive(Clone, Copy, Default)]
struct Bin {
    pairs: f64,
    similarity: f64,
    /// Pairs that share at least one bucket, and how many would by `1 - (1 - s^rows)^bands`.
    meet: f64,
    meet_in_theory: f64,
    /// Shares of bands in which they do, and the same by `s^rows`.
    bands: f64,
    bands_in_theory: f64,
}

/// A curve, pooled over what is added to it.
pub struct Curve {
    /// `real sets` or `made pairs`.
    pub source: &'static str,
    pub bands: u16,
    pub rows: u16,
    bins: [Bin; BINS],
}

impl Curve {
    pub fn new(source: &'static str, bands: u16, rows: u16) -> Curve {
        Curve { source, bands, rows, bins: [Bin::default(); BINS] }
    }

    /// Adds all pairs of a corpus, whose events should be distinct.
    pub fn add_corpus(&mut self, lab: &Lab, corpus: &Corpus, seeds: &[u32]) {
        for &seed in seeds {
            let setting = Setting { seed, ..Setting::new(self.bands, self.rows, corpus.text) };
            pairs::visit(lab, corpus, &setting, |pair| self.add(pair));
        }
    }

    /// Adds generated pairs, `each` of them for each bin.
    pub fn add_made_pairs(&mut self, lab: &Lab, size: usize, each: usize) {
        let middles: Vec<f64> = (0..BINS).map(|bin| (bin as f64 + 0.5) / BINS as f64).collect();
        let setting = Setting::new(self.bands, self.rows, PLAIN);
        made_pairs::visit(lab, &setting, size, &middles, each, |pair| self.add(pair));
    }

    fn add(&mut self, pair: &Pair) {
        let bin = &mut self.bins[((pair.similarity * BINS as f64) as usize).min(BINS - 1)];
        let band = pair.similarity.powi(self.rows.into());
        bin.pairs += 1.0;
        bin.similarity += pair.similarity;
        bin.meet += f64::from(u8::from(pair.score.is_some()));
        bin.meet_in_theory += 1.0 - (1.0 - band).powi(self.bands.into());
        bin.bands += pair.score.unwrap_or_default();
        bin.bands_in_theory += band;
    }

    pub fn json(&self) -> Value {
        let filled = self.bins.iter().filter(|bin| bin.pairs > 0.0);
        let bins = filled.map(|bin| {
            json!({
                "pairs": bin.pairs, "similarity": bin.similarity / bin.pairs,
                "meet": bin.meet / bin.pairs, "meet_in_theory": bin.meet_in_theory / bin.pairs,
                "bands": bin.bands / bin.pairs, "bands_in_theory": bin.bands_in_theory / bin.pairs,
            })
        });
        json!({
            "source": self.source, "bands": self.bands, "rows": self.rows,
            "bins": bins.collect::<Vec<_>>(), "error": self.error(),
        })
    }

    /// The largest distance of what was measured from theory, over bins of a thousand pairs and more.
    fn error(&self) -> f64 {
        let many = self.bins.iter().filter(|bin| bin.pairs >= 1_000.0);
        many.map(|bin| (bin.meet - bin.meet_in_theory).abs() / bin.pairs).fold(0.0, f64::max)
    }
}
