//! The figures that must be reached.

use crate::agreement::Agreement;
use crate::made_pairs::MADE_PAIRS;
use crate::outcome::mean;
use crate::plan::{FIREFOX, LICENSES, LOG_STREAMS, LOGHUB, SPDX};
use crate::replay::Classified;
use crate::results::Results;
use crate::retrieval::{Finder, Retrieved};
use crate::setting::{MASKED, PLAIN, Setting, WORDS_3};
use serde_json::{Value, json};
use simile::signature::TextRules;

/// A figure and its bound.
pub struct Target {
    pub what: String,
    bound: Bound,
    /// `None` if its set is missing.
    pub reached: Option<f64>,
}

enum Bound {
    AtLeast(f64),
    AtMost(f64),
    Within(f64, f64),
}

impl Target {
    pub fn is_met(&self) -> Option<bool> {
        let reached = self.reached?;
        Some(match self.bound {
            Bound::AtLeast(least) => reached >= least,
            Bound::AtMost(most) => reached <= most,
            Bound::Within(least, most) => (least..=most).contains(&reached),
        })
    }

    pub fn wanted(&self) -> String {
        match self.bound {
            Bound::AtLeast(least) if least < 0.0 => format!("at least 0, but for chance: {least:.4}"),
            Bound::AtLeast(least) => format!("at least {least}"),
            Bound::AtMost(most) => format!("at most {most}"),
            Bound::Within(least, most) => format!("{least} to {most}"),
        }
    }

    pub fn json(&self) -> Value {
        json!({ "what": self.what, "wanted": self.wanted(), "reached": self.reached, "met": self.is_met() })
    }
}

/// The least F1 for each set of documents and threshold.
const VERIFIED: [(&str, f64, f64); 6] = [
    (LICENSES, 0.5, 0.945),
    (LICENSES, 0.7, 0.92),
    (LICENSES, 0.8, 0.92),
    (LICENSES, 0.9, 0.875),
    (SPDX, 0.5, 0.96),
    (SPDX, 0.8, 0.96),
];

/// All targets, reached or not.
pub fn all(results: &Results) -> Vec<Target> {
    let known = |set, bands, rows, text, least| Target {
        what: format!("{set}{}, groups by COVERAGE, {bands} x {rows}: known", masked(text)),
        bound: Bound::AtLeast(least),
        reached: known(results, set, &Setting::new(bands, rows, text)),
    };
    let mut targets = vec![
        known(FIREFOX, 32, 2, PLAIN, 0.915),
        known(FIREFOX, 64, 2, PLAIN, 0.93),
        known(FIREFOX, 64, 1, PLAIN, 0.93),
        known(LOGHUB, 32, 2, PLAIN, 0.985),
        known(LOGHUB, 32, 2, MASKED, 0.998),
    ];
    targets.extend(VERIFIED.iter().flat_map(|wanted| verified(results, *wanted)));
    targets.extend(estimates(results));
    targets.extend(costs_of_sketches(results));
    targets.extend([MADE_PAIRS, FIREFOX, LOGHUB].map(|source| error(results, source)));
    targets.push(gain_of_fss(results));
    targets.extend([
        grouped(results, "grouping accuracy", Bound::AtLeast(0.8), |agreement| agreement.accuracy),
        grouped(results, "adjusted Rand index", Bound::AtLeast(0.96), |agreement| agreement.rand_index),
        grouped(results, "groups by true groups", Bound::Within(0.8, 1.25), |agreement| agreement.ratio),
    ]);
    targets
}

fn masked(text: TextRules) -> &'static str {
    if text.mask { ", masked" } else { "" }
}

/// The share of known events that are found first, with groups as items and by COVERAGE.
fn known(results: &Results, set: &str, setting: &Setting) -> Option<f64> {
    let is_same = |line: &&Classified| {
        (line.corpus.as_str(), line.items, line.score) == (set, "groups", "COVERAGE")
            && line.setting == *setting
    };
    results.classified.iter().find(is_same)?.outcome.known
}

/// The lines of a set of documents with `WORDS 3`, and the number of slots; `None` for a peer.
fn documents<'a>(
    results: &'a Results,
    set: &str,
    threshold: f64,
) -> impl Iterator<Item = (&'a Retrieved, Option<usize>)> {
    let is_same = move |line: &&Retrieved| {
        line.corpus == set && line.threshold == threshold && line.setting.is_none_or(|s| s.text == WORDS_3)
    };
    results.retrieved.iter().filter(is_same).map(|line| match &line.finder {
        Finder::Simile { slots, .. } => (line, Some(*slots)),
        Finder::Peer(_) => (line, None),
    })
}

/// The F1 of `THRESHOLD t` and MINSCORE t with 256 slots: above this, above every peer, and with 512 slots as good.
fn verified(results: &Results, (set, threshold, least): (&str, f64, f64)) -> [Target; 3] {
    let f1 = |slots: Option<usize>| {
        let lines = documents(results, set, threshold).filter(|line| line.1 == slots);
        lines.filter_map(|(line, _)| line.f1()).reduce(f64::max)
    };
    let (reached, peer, double) = (f1(Some(256)), f1(None), f1(Some(512)));
    let what = format!("{set}, WORDS 3, THRESHOLD {threshold}, MINSCORE {threshold}: F1 of pairs");
    let less = |other: Option<f64>| Some(reached? - other?);
    [
        Target { what: what.clone(), bound: Bound::AtLeast(least), reached },
        Target {
            what: format!("{what}, less that of the best peer"),
            bound: Bound::AtLeast(0.0),
            reached: less(peer),
        },
        Target {
            what: format!("{what} with SKETCH 512, less that with 256"),
            bound: Bound::AtLeast(0.0),
            reached: less(double).map(|difference| -difference),
        },
    ]
}

/// The bound of the error of scores and of recall after MINSCORE, over all sets of documents with 256 slots.
fn estimates(results: &Results) -> [Target; 2] {
    let lines = || VERIFIED.iter().flat_map(|(set, threshold, _)| documents(results, set, *threshold));
    let of_256 = || lines().filter(|line| line.1 == Some(256)).map(|line| line.0);
    let error = |line: &Retrieved| match line.finder {
        Finder::Simile { error, .. } => Some(error),
        Finder::Peer(_) => None,
    };
    [
        Target {
            what: "documents, 256 slots: root mean square error of JACCARD".into(),
            bound: Bound::AtMost(0.023),
            reached: of_256().filter_map(error).reduce(f64::max),
        },
        Target {
            what: "documents, 256 slots: recall of pairs above the threshold after MINSCORE".into(),
            bound: Bound::AtLeast(0.92),
            reached: of_256().filter_map(|line| line.recall.value()).reduce(f64::min),
        },
    ]
}

fn costs_of_sketches(results: &Results) -> [Target; 2] {
    let cost = results.sketch_cost.as_ref();
    [
        Target {
            what: "license_rules, THRESHOLD 0.8: time of COMPARE by JACCARD over that by OVERLAP".into(),
            bound: Bound::AtMost(2.0),
            reached: cost.map(|cost| cost.compare_by_jaccard / cost.compare_by_overlap),
        },
        Target {
            what: "RECORD of a text of 75 features: microseconds for 256 slots".into(),
            bound: Bound::AtMost(5.0),
            reached: cost.map(|cost| cost.record_with_sketch - cost.record),
        },
    ]
}

/// The largest ratio of errors over sets of 10 to 100 features.
fn error(results: &Results, source: &str) -> Target {
    let lines = results.estimated.iter();
    let chosen = lines.filter(|line| line.source == source && line.sizes.0 >= 10 && line.sizes.1 <= 100);
    Target {
        what: format!("{source}, sets of 10 to 100 features: error of FSS over that of MURMUR3"),
        bound: Bound::AtMost(0.75),
        reached: chosen.map(|line| line.ratio()).reduce(f64::max),
    }
}

/// The mean of a figure over the systems of the logs, with the recommended setting: the first that was measured.
fn grouped(results: &Results, name: &str, bound: Bound, figure: fn(&Agreement) -> f64) -> Target {
    Target {
        what: format!("{LOG_STREAMS} grouped by SIM.ASSIGN: {name}"),
        bound,
        reached: results
            .grouped
            .iter()
            .find(|line| line.set == LOG_STREAMS)
            .and_then(|line| line.mean(figure)),
    }
}

/// FSS must not know fewer events than MURMUR3, but for chance: two standard errors of the difference.
fn gain_of_fss(results: &Results) -> Target {
    let gain = |[fss, murmur3]: &[Classified; 2]| Some(fss.outcome.known? - murmur3.outcome.known?);
    let variance = |lines: &[Classified; 2]| {
        lines.iter().filter_map(|line| line.standard_error).map(|error| error.powi(2)).sum::<f64>()
    };
    let count = results.hashes.len().max(1) as f64;
    let error = (results.hashes.iter().map(variance).sum::<f64>()).sqrt() / count;
    Target {
        what: format!("{FIREFOX}, groups by COVERAGE: known with FSS less known with MURMUR3"),
        bound: Bound::AtLeast(-2.0 * error),
        reached: mean(results.hashes.iter().filter_map(gain)),
    }
}
