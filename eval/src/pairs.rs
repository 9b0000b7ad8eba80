//! All pairs of a corpus: the score that the index gives each, and its exact similarity.

use crate::command::{Command, SCOPE, clause, command, event_of, found, item_of};
use crate::corpus::Corpus;
use crate::lab::Lab;
use crate::setting::Setting;

/// Two events.
pub struct Pair {
    /// Their exact Jaccard similarity.
    pub similarity: f64,
    /// The score that COMPARE gives; `None` if they share no bucket.
    pub score: Option<f64>,
    /// The mean number of their features.
    pub size: f64,
}

/// Records each event as an item, compares each with all others, and calls `see` once for each pair.
pub fn visit(lab: &Lab, corpus: &Corpus, setting: &Setting, mut see: impl FnMut(&Pair)) {
    lab.create(setting);
    lab.begin(&format!("{}: all pairs with {setting}", corpus.name), 2 * corpus.len());
    lab.each_step(corpus.len(), |event| vec![record(corpus, event)], |_, _| ());
    let mut scores = vec![None; corpus.len()];
    lab.each_step(
        corpus.len(),
        |event| vec![compare(event)],
        |event, replies| {
            scores.fill(None);
            found(&replies[0]).for_each(|(item, score)| scores[event_of(item)] = Some(score));
            for (earlier, similarity) in corpus.exact.to_earlier(event).iter().enumerate() {
                let sizes = corpus.features[event].len() + corpus.features[earlier].len();
                see(&Pair {
                    similarity: f64::from(*similarity),
                    score: scores[earlier],
                    size: sizes as f64 / 2.0,
                });
            }
        },
    );
}

fn record(corpus: &Corpus, event: usize) -> Command {
    command(&["SIM.RECORD", SCOPE, &item_of(event)], clause("events", corpus.events[event]))
}

fn compare(event: usize) -> Command {
    let words = ["SIM.COMPARE", SCOPE, &item_of(event), "1", "events", "NOSELF", "LIMIT", "0"];
    command(&words, Vec::new())
}
