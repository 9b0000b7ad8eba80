//! Retrieval: the pairs above a threshold, found by bands and verified by sketches.

use crate::corpus::Corpus;
use crate::features::Features;
use crate::lab::Lab;
use crate::outcome::Share;
use crate::pairs;
use crate::python;
use crate::setting::{Setting, describe_text};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One line of the results.
pub struct Retrieved {
    pub corpus: String,
    /// `None` for a peer.
    pub setting: Option<Setting>,
    pub finder: Finder,
    pub events: usize,
    /// Pairs of at least this similarity should be found.
    pub threshold: f64,
    /// Of the pairs above the threshold, those that score at least the threshold.
    pub recall: Share,
    /// Of the pairs that score at least the threshold, those above it.
    pub precision: Share,
}

/// What finds the pairs.
pub enum Finder {
    Simile {
        bands: usize,
        rows: usize,
        slots: usize,
        /// Of the pairs above the threshold, those that meet, whatever they score.
        met: Share,
        /// The root mean square error of the scores of all pairs that meet.
        error: f64,
    },
    /// A library of Python, its version and the slots of its signatures.
    Peer(String),
}

impl Retrieved {
    /// The harmonic mean of recall and precision; `None` if there is no pair.
    pub fn f1(&self) -> Option<f64> {
        let pairs = self.recall.total + self.precision.total;
        (pairs > 0).then(|| 2.0 * self.recall.hits as f64 / pairs as f64)
    }

    pub fn json(&self) -> Value {
        let mut line = json!({
            "set": self.corpus, "events": self.events, "threshold": self.threshold, "pairs": self.recall.total,
            "found": self.precision.total, "recall": self.recall.value(), "precision": self.precision.value(),
            "f1": self.f1(), "text": self.setting.map(|setting| describe_text(setting.text)),
        });
        match &self.finder {
            Finder::Simile { bands, rows, slots, met, error } => {
                line["bands"] = (*bands).into();
                line["rows"] = (*rows).into();
                line["slots"] = (*slots).into();
                line["met"] = met.value().into();
                line["error"] = (*error).into();
            }
            Finder::Peer(name) => line["peer"] = name.as_str().into(),
        }
        line
    }
}

/// Finds pairs as a user would: by SIM.CREATE with THRESHOLD, and a MINSCORE of the threshold.
pub fn run(lab: &Lab, corpus: &Corpus, setting: Setting, threshold: f64) -> Retrieved {
    let [mut recall, mut precision, mut met] = [Share::default(); 3];
    let least = single_precision(threshold);
    let (mut squares, mut candidates) = (0.0, 0.0);
    pairs::visit(lab, corpus, &setting, |pair| {
        let is_above = pair.similarity >= least;
        let is_found = pair.score.is_some_and(|score| score >= threshold);
        if is_above {
            met.count(pair.score.is_some());
            recall.count(is_found);
        }
        if is_found {
            precision.count(is_above);
        }
        if let Some(score) = pair.score {
            squares += (score - pair.similarity).powi(2);
            candidates += 1.0;
        }
    });
    let [bands, rows, slots] = ["bands", "rows", "sketch"].map(|field| lab.number(field));
    let finder = Finder::Simile { bands, rows, slots, met, error: f64::sqrt(squares / candidates) };
    let (corpus, events) = (corpus.name.into(), corpus.len());
    Retrieved { corpus, setting: Some(setting), finder, events, threshold, recall, precision }
}

#[derive(Serialize)]
struct Task<'a> {
    threshold: f64,
    sets: &'a [Features],
}

#[derive(Deserialize)]
struct Found {
    tool: String,
    pairs: Vec<(usize, usize)>,
}

/// The same with libraries of Python, if they are installed.
pub fn run_peers(lab: &Lab, corpus: &Corpus, threshold: f64) -> Vec<Retrieved> {
    let Some(directory) = python::directory() else { return Vec::new() };
    lab.begin(&format!("{}: pairs of {threshold} and more with datasketch and rensa", corpus.name), 1);
    let least = single_precision(threshold);
    let is_above = |similarity: f32| f64::from(similarity) >= least;
    let rows = (0..corpus.len()).map(|event| corpus.exact.to_earlier(event));
    let total = rows.flatten().filter(|similarity| is_above(**similarity)).count();
    let task = Task { threshold, sets: &corpus.features };
    let lines = python::run::<Vec<Found>>("peers.py", &directory, &task).into_iter().map(|found| {
        let is_right =
            |(earlier, event): &&(usize, usize)| is_above(corpus.exact.to_earlier(*event)[*earlier]);
        let hits = found.pairs.iter().filter(is_right).count();
        Retrieved {
            corpus: corpus.name.into(),
            setting: None,
            finder: Finder::Peer(found.tool),
            events: corpus.len(),
            threshold,
            recall: Share { hits, total },
            precision: Share { hits, total: found.pairs.len() },
        }
    });
    lines.collect()
}

/// The threshold as the similarities are kept, so that one of 0.8 reaches 0.8.
fn single_precision(threshold: f64) -> f64 {
    f64::from(threshold as f32)
}
