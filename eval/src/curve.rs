//! The meeting curve: how often two sets of a similarity share a bucket, beside what theory says.

use crate::corpus::Corpus;
use crate::lab::Lab;
use crate::pairs;
use crate::setting::Setting;
use serde_json::{Value, json};

/// Steps of similarity.
const BINS: usize = 20;

/// What pairs of about the same similarity did, summed.
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

/// A curve, pooled over sets and seeds.
pub struct Curve {
    pub bands: u16,
    pub rows: u16,
    bins: [Bin; BINS],
}

impl Curve {
    pub fn new(bands: u16, rows: u16) -> Curve {
        Curve { bands, rows, bins: [Bin::default(); BINS] }
    }

    /// Adds all pairs of a corpus, whose events should be distinct.
    pub fn add(&mut self, lab: &Lab, corpus: &Corpus, seeds: &[u32]) {
        let (bands, rows) = (i32::from(self.bands), i32::from(self.rows));
        for &seed in seeds {
            let setting = Setting { seed, ..Setting::new(self.bands, self.rows, corpus.text) };
            pairs::visit(lab, corpus, &setting, |pair| {
                let bin = &mut self.bins[((pair.similarity * BINS as f64) as usize).min(BINS - 1)];
                let band = pair.similarity.powi(rows);
                bin.pairs += 1.0;
                bin.similarity += pair.similarity;
                bin.meet += f64::from(u8::from(pair.score.is_some()));
                bin.meet_in_theory += 1.0 - (1.0 - band).powi(bands);
                bin.bands += pair.score.unwrap_or_default();
                bin.bands_in_theory += band;
            });
        }
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
        json!({ "bands": self.bands, "rows": self.rows, "bins": bins.collect::<Vec<_>>(), "error": self.error() })
    }

    /// The largest distance of what was measured from theory, over bins of a thousand pairs and more.
    fn error(&self) -> f64 {
        let many = self.bins.iter().filter(|bin| bin.pairs >= 1_000.0);
        many.map(|bin| (bin.meet - bin.meet_in_theory).abs() / bin.pairs).fold(0.0, f64::max)
    }
}
