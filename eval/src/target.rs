//! The figures that must be reached.

use crate::agreement::Agreement;
use crate::made_pairs::MADE_PAIRS;
use crate::outcome::mean;
use crate::plan::{FIREFOX, LICENSES, LOG_STREAMS, LOGHUB, SPDX};
use crate::replay::Classified;
use crate::results::Results;
use crate::setting::{Banding, MASKED, PLAIN, Setting};
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
    targets.extend([LICENSES, SPDX].map(|set| recall(results, set)));
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

/// The least recall of THRESHOLD 0.8 over all shingles.
fn recall(results: &Results, set: &str) -> Target {
    let lines = results.retrieved.iter();
    let chosen = lines.filter(|line| line.corpus == set && line.setting.banding == Banding::Threshold(0.8));
    Target {
        what: format!("{set}: recall of pairs of .8 and more with THRESHOLD 0.8"),
        bound: Bound::AtLeast(0.95),
        reached: chosen.filter_map(|line| line.recall.value()).reduce(f64::min),
    }
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
