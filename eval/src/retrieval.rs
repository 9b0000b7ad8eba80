//! Retrieval: recall and precision of the pairs above a threshold.

use crate::corpus::Corpus;
use crate::lab::Lab;
use crate::outcome::Share;
use crate::pairs;
use crate::setting::{Setting, describe_text};
use serde_json::{Value, json};

/// The distance below a threshold at which a pair is still close to it.
const CLOSE: f64 = 0.15;

/// One line of the results.
pub struct Retrieved {
    pub corpus: String,
    pub setting: Setting,
    pub events: usize,
    /// Pairs of at least this similarity should be found.
    pub threshold: f64,
    pub bands: usize,
    pub rows: usize,
    /// Of the pairs above the threshold, those that meet, and those that also score threshold^rows.
    pub recall: Share,
    pub scored_recall: Share,
    /// Of the pairs that meet, and of those that also score threshold^rows, those above the threshold.
    pub precision: Share,
    pub scored_precision: Share,
    /// Of the pairs that meet, those that are at most [`CLOSE`] below the threshold, or above it.
    pub close: Share,
}

impl Retrieved {
    pub fn json(&self) -> Value {
        json!({
            "set": self.corpus, "text": describe_text(self.setting.text), "events": self.events,
            "threshold": self.threshold, "bands": self.bands, "rows": self.rows, "pairs": self.recall.total,
            "met": self.precision.total, "recall": self.recall.value(), "precision": self.precision.value(),
            "scored_recall": self.scored_recall.value(),
            "scored_precision": self.scored_precision.value(), "close": self.close.value(),
        })
    }
}

pub fn run(lab: &Lab, corpus: &Corpus, setting: Setting, threshold: f64) -> Retrieved {
    let [mut recall, mut scored_recall, mut precision, mut scored_precision, mut close] =
        [Share::default(); 5];
    // Rounded to single precision, as the similarities are, so that a similarity of 0.8 reaches 0.8.
    let least = f64::from(threshold as f32);
    let mut minimum = None;
    pairs::visit(lab, corpus, &setting, |pair| {
        // The mean score of pairs of exactly the threshold. It depends on the scope's rows, so ask after the scope exists.
        let minimum = *minimum.get_or_insert_with(|| threshold.powi(lab.number("rows") as i32));
        let is_above = pair.similarity >= least;
        let scores = pair.score.is_some_and(|score| score >= minimum);
        if is_above {
            recall.count(pair.score.is_some());
            scored_recall.count(scores);
        }
        if pair.score.is_some() {
            precision.count(is_above);
            close.count(pair.similarity >= least - CLOSE);
        }
        if scores {
            scored_precision.count(is_above);
        }
    });
    let (bands, rows) = (lab.number("bands"), lab.number("rows"));
    let (corpus, events) = (corpus.name.into(), corpus.len());
    Retrieved {
        corpus,
        setting,
        events,
        threshold,
        bands,
        rows,
        recall,
        scored_recall,
        precision,
        scored_precision,
        close,
    }
}
