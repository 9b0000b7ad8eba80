//! The plan of a run: what is measured on which set.

use crate::corpus::Corpus;
use crate::event::Event;
use crate::grouping::{self, Streams};
use crate::lab::Lab;
use crate::made_pairs::MADE_PAIRS;
use crate::results::{Ceiling, Results};
use crate::setting::{MASKED, MURMUR3, PLAIN, Setting, WORDS_3};
use crate::{cost, estimate, made, replay, retrieval, set, sketch_cost};
use simile::signature::{Hash, Shingle, TextRules};

/// The bands and rows for which accuracy is measured.
const GRID: [(u16, u16); 13] = [
    (8, 1),
    (16, 1),
    (32, 1),
    (64, 1),
    (128, 1),
    (8, 2),
    (16, 2),
    (32, 2),
    (64, 2),
    (128, 2),
    (16, 4),
    (32, 4),
    (64, 4),
];
/// A selection of them, for sets on which all would take long.
const SOME: [(u16, u16); 5] = [(16, 1), (16, 2), (32, 2), (64, 1), (64, 2)];
/// The bands and rows for which the cost of a classification is measured.
const COSTS: [(u16, u16); 7] = [(16, 1), (32, 1), (64, 1), (16, 2), (32, 2), (64, 2), (32, 4)];
/// The bands and rows of the meeting curves: of generated pairs, and of all pairs of real sets.
const CURVES: [(u16, u16); 4] = [(64, 1), (16, 2), (32, 4), (13, 7)];
const REAL_CURVES: [(u16, u16); 2] = [(16, 2), (13, 7)];

/// The number of features of the sets that are generated for the curves.
const MADE_SIZE: usize = 100;

/// Figures that depend on chance in hashing are means over these seeds. They are far apart, since the slots of MURMUR3
/// hash with SEED, SEED + 1 and so on: neighbouring seeds would share nearly all of them.
const SEEDS: [u32; 5] = seeds();
const MANY_SEEDS: [u32; 20] = seeds();

/// Only this many events of a longer set are replayed, as for the figures that the results are compared with.
const FIRST: usize = 3_000;

/// The ways of grouping a stream of log lines: bands and rows, shingle, score and MINSCORE. The first is the recommended
/// one.
const GROUP_LINES: [Grouping; 6] = [
    (64, 2, Shingle::Words(1), "COVERAGE", 0.55),
    (64, 2, Shingle::Words(1), "COVERAGE", 0.5),
    (64, 2, Shingle::Words(1), "COVERAGE", 0.6),
    (32, 2, Shingle::Words(1), "COVERAGE", 0.55),
    (32, 2, Shingle::Chars(5), "COVERAGE", 0.5),
    (64, 2, Shingle::Words(1), "OVERLAP", 0.55),
];
/// The same for stack traces, which have no text.
const GROUP_TRACES: [Grouping; 4] = [
    (64, 1, Shingle::Chars(5), "COVERAGE", 0.4),
    (64, 1, Shingle::Chars(5), "OVERLAP", 0.1),
    (64, 1, Shingle::Chars(5), "COVERAGE", 0.2),
    (32, 2, Shingle::Chars(5), "COVERAGE", 0.4),
];

/// Names by which the targets find what was measured.
pub const FIREFOX: &str = "firefox49";
pub const LOGHUB: &str = "loghub12 mixed";
pub const LICENSES: &str = "license_rules";
pub const SPDX: &str = "spdx_licenses";

/// Streams of log lines, each grouped by itself.
pub const LOG_STREAMS: &str = "loghub12, each system";

type Grouping = (u16, u16, Shingle, &'static str, f64);

type Measure = fn(&Lab, &[Event], &mut Results);

/// The files, and what is measured on each.
pub const SETS: [(&str, Measure); 6] = [
    ("firefox49", firefox),
    ("loghub12", loghub),
    ("license_rules", license_rules),
    ("spdx_licenses", spdx_licenses),
    ("hadoop_bugs", hadoop_bugs),
    ("groceries", groceries),
];

/// Measures what needs no set.
pub fn without_sets(lab: &Lab, results: &mut Results) {
    measure_made_pairs(lab, 2_000, results);
}

fn measure_made_pairs(lab: &Lab, each: usize, results: &mut Results) {
    results.estimated.extend(estimate::of_made_pairs(lab, each));
    for (bands, rows) in CURVES {
        results.curve(MADE_PAIRS, bands, rows).add_made_pairs(lab, MADE_SIZE, each);
    }
}

/// Measures a little of everything on the small generated set.
pub fn small(lab: &Lab, results: &mut Results) {
    let events = made::events();
    let events: Vec<&Event> = events.iter().collect();
    for text in [PLAIN, MASKED] {
        let corpus = Corpus::new("made set", &events, text);
        add_ceiling(results, &corpus);
        classify(lab, &corpus, &[(16, 2), (32, 2)], &SEEDS, results);
    }
    let streams = Streams::from([("made set", events.clone())]);
    group(lab, "made set", &streams, &[(64, 1, Shingle::Words(1), "COVERAGE", 0.6)], results);
    let distinct = Corpus::distinct("made set", &events, MASKED);
    retrieve(lab, &distinct, &[0.5, 0.8], results);
    trace_curves(lab, &distinct, &SEEDS, results);
    results.estimated.extend(estimate::of_real_pairs(lab, &distinct, &SEEDS));
    measure_made_pairs(lab, 100, results);
}

/// Stack traces.
fn firefox(lab: &Lab, events: &[Event], results: &mut Results) {
    let events: Vec<&Event> = events.iter().take(FIRST).collect();
    let corpus = Corpus::new(FIREFOX, &events, PLAIN);
    add_ceiling(results, &corpus);
    classify(lab, &corpus, &GRID, &SEEDS, results);
    compare_hashes(lab, &corpus, results);
    group(lab, FIREFOX, &Streams::from([(FIREFOX, events.clone())]), &GROUP_TRACES, results);
    let distinct = Corpus::distinct(FIREFOX, &events, PLAIN);
    trace_curves(lab, &distinct, &MANY_SEEDS, results);
    results.estimated.extend(estimate::of_real_pairs(lab, &distinct, &SEEDS));
    // A large part of the set has one signature of Mozilla's, which does not follow from the frames.
    let is_other = |event: &&Event| !event.label.as_ref().is_some_and(|l| l.contains("msgtype=0x820017"));
    let others: Vec<&Event> = events.into_iter().filter(is_other).collect();
    let corpus = Corpus::new("firefox49 without IPCError 0x820017", &others, PLAIN);
    add_ceiling(results, &corpus);
    classify(lab, &corpus, &SOME, &SEEDS, results);
    group(lab, corpus.name, &Streams::from([(FIREFOX, others)]), &GROUP_TRACES, results);
}

/// Compares FSS and MURMUR3 on groups by COVERAGE.
fn compare_hashes(lab: &Lab, corpus: &Corpus, results: &mut Results) {
    for (bands, rows) in [(16, 2), (32, 2)] {
        let lines = [Hash::Fss, MURMUR3].map(|hash| {
            let setting = Setting { hash, ..Setting::new(bands, rows, corpus.text) };
            let lines = replay::run(lab, corpus, setting, &MANY_SEEDS);
            lines.into_iter().find(|line| (line.items, line.score) == ("groups", "COVERAGE"))
        });
        if let [Some(fss), Some(murmur3)] = lines {
            results.hashes.push([fss, murmur3]);
        }
    }
}

/// Log lines: twelve systems mixed, and each by itself.
fn loghub(lab: &Lab, events: &[Event], results: &mut Results) {
    let mixed: Vec<&Event> = events.iter().step_by(8).collect();
    for text in [PLAIN, MASKED] {
        let corpus = Corpus::new(LOGHUB, &mixed, text);
        add_ceiling(results, &corpus);
        classify(lab, &corpus, &GRID, &SEEDS, results);
        for shingle in [Shingle::Chars(3), Shingle::Chars(8), Shingle::Words(1), Shingle::Words(2)] {
            let corpus = Corpus::new(LOGHUB, &mixed, TextRules { shingle, ..text });
            add_ceiling(results, &corpus);
            classify(lab, &corpus, &[(16, 2), (32, 2)], &SEEDS, results);
        }
        each_system(lab, events, text, results);
    }
    let distinct = Corpus::distinct(LOGHUB, &mixed, PLAIN);
    trace_curves(lab, &distinct, &MANY_SEEDS, results);
    results.estimated.extend(estimate::of_real_pairs(lab, &distinct, &SEEDS));
    measure_costs(lab, "loghub12", events, PLAIN, results);
    let systems = set::by_system(events);
    group(lab, LOG_STREAMS, &systems, &GROUP_LINES, results);
    results.grouped.extend(grouping::run_drain3(lab, LOG_STREAMS, &systems));
}

/// The mean over systems, each replayed by itself.
fn each_system(lab: &Lab, events: &[Event], text: TextRules, results: &mut Results) {
    let (mut ceilings, mut runs) = (Vec::new(), Vec::new());
    for events in set::by_system(events).into_values() {
        let corpus = Corpus::new("loghub12, mean of systems", &events, text);
        ceilings.push(Ceiling::of(&corpus));
        runs.push(replay::run(lab, &corpus, Setting::new(32, 2, text), &[0]));
    }
    results.ceilings.extend(Ceiling::mean_of(&ceilings));
    results.classified.extend(replay::mean_of_all(&runs));
}

/// Documents. Many labels differ only in a phrase, so the set is mainly for retrieval.
fn license_rules(lab: &Lab, events: &[Event], results: &mut Results) {
    let first: Vec<&Event> = events.iter().take(FIRST).collect();
    for text in [PLAIN, WORDS_3] {
        let corpus = Corpus::new(LICENSES, &first, text);
        add_ceiling(results, &corpus);
        classify(lab, &corpus, &SOME, &[0], results);
        retrieve(lab, &corpus, &[0.5, 0.7, 0.8, 0.9], results);
    }
    let distinct = Corpus::distinct(LICENSES, &first[..first.len().min(1_000)], PLAIN);
    trace_curves(lab, &distinct, &MANY_SEEDS, results);
    results.estimated.extend(estimate::of_real_pairs(lab, &distinct, &[0]));
    measure_costs(lab, "license_rules", events, PLAIN, results);
    let all: Vec<&Event> = events.iter().collect();
    let corpus = Corpus::new("license_rules, all", &all, WORDS_3);
    retrieve(lab, &corpus, &[0.8], results);
    results.sketch_cost = Some(sketch_cost::measure(lab, &all));
}

/// Long documents.
fn spdx_licenses(lab: &Lab, events: &[Event], results: &mut Results) {
    let events: Vec<&Event> = events.iter().collect();
    for text in [PLAIN, WORDS_3] {
        retrieve(lab, &Corpus::new(SPDX, &events, text), &[0.5, 0.7, 0.8, 0.9], results);
    }
}

/// Bug reports that people linked as duplicates.
fn hadoop_bugs(lab: &Lab, events: &[Event], results: &mut Results) {
    let events: Vec<&Event> = events.iter().collect();
    let corpus = Corpus::new("hadoop_bugs", &events, PLAIN);
    add_ceiling(results, &corpus);
    classify(lab, &corpus, &SOME, &SEEDS, results);
    retrieve(lab, &corpus, &[0.8], results);
}

/// Baskets: small sets without labels.
fn groceries(lab: &Lab, events: &[Event], results: &mut Results) {
    let first: Vec<&Event> = events.iter().take(FIRST).collect();
    let corpus = Corpus::new("groceries", &first, PLAIN);
    classify(lab, &corpus, &SOME, &SEEDS, results);
    let distinct = Corpus::distinct("groceries", &first, PLAIN);
    retrieve(lab, &distinct, &[0.5, 0.7, 0.8], results);
    results.estimated.extend(estimate::of_real_pairs(lab, &distinct, &SEEDS));
}

const fn seeds<const COUNT: usize>() -> [u32; COUNT] {
    let mut seeds = [0; COUNT];
    let mut index = 1;
    while index < COUNT {
        seeds[index] = seeds[index - 1] + 10_000;
        index += 1;
    }
    seeds
}

fn add_ceiling(results: &mut Results, corpus: &Corpus) {
    results.ceilings.push(Ceiling::of(corpus));
}

fn classify(lab: &Lab, corpus: &Corpus, grid: &[(u16, u16)], seeds: &[u32], results: &mut Results) {
    for (bands, rows) in grid {
        let setting = Setting::new(*bands, *rows, corpus.text);
        results.classified.extend(replay::run(lab, corpus, setting, seeds));
    }
}

/// Groups streams by SIM.ASSIGN, with each of these settings.
fn group(lab: &Lab, set: &str, streams: &Streams, settings: &[Grouping], results: &mut Results) {
    for &(bands, rows, shingle, score, min_score) in settings {
        let setting = Setting::new(bands, rows, TextRules { shingle, ..MASKED });
        results.grouped.push(grouping::run(lab, set, streams, setting, (score, min_score), &SEEDS));
    }
}

fn measure_costs(lab: &Lab, set: &'static str, events: &[Event], text: TextRules, results: &mut Results) {
    let events: Vec<&Event> = events.iter().collect();
    for (bands, rows) in COSTS {
        results.costs.push(cost::run(lab, set, &events, Setting::new(bands, rows, text)));
    }
}

fn retrieve(lab: &Lab, corpus: &Corpus, thresholds: &[f64], results: &mut Results) {
    for &threshold in thresholds {
        let settings = [
            Setting::threshold(threshold, corpus.text),
            Setting::threshold_and_sketch(threshold, 512, corpus.text),
        ];
        for setting in settings {
            results.retrieved.push(retrieval::run(lab, corpus, setting, threshold));
        }
        results.retrieved.extend(retrieval::run_peers(lab, corpus, threshold));
    }
}

/// Adds the pairs of a corpus to the curves.
fn trace_curves(lab: &Lab, corpus: &Corpus, seeds: &[u32], results: &mut Results) {
    for (bands, rows) in REAL_CURVES {
        results.curve("real sets", bands, rows).add_corpus(lab, corpus, seeds);
    }
}
