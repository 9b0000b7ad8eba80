//! Runs the whole program on the small generated set, for which the results must show known facts.

use serde_json::Value;
use std::process::{Command, Output};

fn eval(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eval"));
    command.args(arguments).env("SIMILE_MODULE", testkit::module()).output().expect("the program runs")
}

/// The results of one run on the generated set.
fn results() -> Value {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("results.json");
    let output = eval(&["--made", "--output", file.to_str().expect("a path of text")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(file).expect("results")).expect("JSON")
}

/// The lines of one kind that have all of these fields.
fn lines<'a>(results: &'a Value, kind: &str, fields: &[(&str, Value)]) -> Vec<&'a Value> {
    let all = results[kind].as_array().expect("a list");
    let matches = |line: &&Value| {
        fields.iter().all(|(path, value)| {
            path.split('.').try_fold(*line, |value, key| value.get(key)).is_some_and(|found| found == value)
        })
    };
    all.iter().filter(matches).collect()
}

fn number(line: &Value, path: &str) -> f64 {
    let found = path.split('.').try_fold(line, |value, key| value.get(key));
    found.and_then(Value::as_f64).unwrap_or_else(|| panic!("no number {path} in {line}"))
}

/// The share of known events found first, by bands of two rows, items and score.
fn known(results: &Value, mask: bool, bands: u16, items: &str, score: &str) -> f64 {
    let fields = [
        ("text.mask", mask.into()),
        ("bands", bands.into()),
        ("items", items.into()),
        ("score", score.into()),
    ];
    let found = lines(results, "classified", &fields);
    assert_eq!(found.len(), 1, "one line of {fields:?}");
    number(found[0], "outcome.known")
}

#[test]
fn known_facts_come_out() {
    let results = results();
    accuracy_comes_near_the_ceiling(&results);
    thresholds_keep_their_recall(&results);
    pairs_meet_as_the_theory_says(&results);
    fss_errs_less_than_murmur3_on_small_sets(&results);
    a_stream_is_grouped(&results);
}

fn accuracy_comes_near_the_ceiling(results: &Value) {
    for mask in [false, true] {
        let ceiling = lines(results, "ceilings", &[("text.mask", mask.into())]);
        let ceiling = number(ceiling[0], "outcome.known");
        let [few, many] = [16, 32].map(|bands| known(results, mask, bands, "events", "OVERLAP"));
        assert!(few < many && many < ceiling + 0.01, "16, 32 bands, exact: {few} {many} {ceiling}");
        assert!(many > ceiling - 0.06, "32 bands reach {many} of {ceiling}");
    }
    let of_groups = |mask| known(results, mask, 32, "groups", "COVERAGE");
    assert!(of_groups(true) > of_groups(false), "a message is easier to recognise without its numbers");
    assert!(of_groups(true) > 0.94, "groups by COVERAGE: {}", of_groups(true));
}

fn thresholds_keep_their_recall(results: &Value) {
    for (threshold, bands, rows) in [(0.5, 23, 3), (0.8, 13, 7)] {
        for slots in [256, 512] {
            let fields = [("threshold", threshold.into()), ("slots", slots.into())];
            let found = lines(results, "retrieved", &fields);
            let line = found[0];
            assert_eq!((&line["bands"], &line["rows"]), (&bands.into(), &rows.into()));
            assert!(number(line, "pairs") > 50.0, "too few pairs of {threshold}: {line}");
            assert!(number(line, "met") >= 0.95, "{line}");
            assert!(number(line, "f1") > 0.8, "{line}");
            assert!(number(line, "error") < 0.04, "{line}");
        }
    }
}

fn pairs_meet_as_the_theory_says(results: &Value) {
    let curves = lines(results, "curves", &[("source", "made pairs".into())]);
    assert_eq!(curves.len(), 4);
    for bin in curves.iter().flat_map(|curve| curve["bins"].as_array().expect("bins")) {
        for figure in ["meet", "bands"] {
            let (measured, theory) = (number(bin, figure), number(bin, &format!("{figure}_in_theory")));
            // Four standard errors of a hundred pairs.
            assert!((measured - theory).abs() < 0.2, "{figure}: {bin}");
        }
    }
}

fn fss_errs_less_than_murmur3_on_small_sets(results: &Value) {
    for size in [10, 20, 50, 75] {
        let found = lines(results, "estimated", &[("source", "made pairs".into()), ("most", size.into())]);
        let line = found[0];
        assert!(number(line, "ratio") < 0.85, "{line}");
        assert!((number(line, "murmur3") / number(line, "theory") - 1.0).abs() < 0.15, "{line}");
    }
}

fn a_stream_is_grouped(results: &Value) {
    let found = lines(results, "grouped", &[("grouper", "SIM.ASSIGN".into()), ("score", "COVERAGE".into())]);
    assert_eq!(found.len(), 1);
    let line = found[0];
    assert_eq!(line["streams"]["made set"]["true_groups"], 30);
    assert!((0.8..1.25).contains(&number(line, "ratio")), "{line}");
    // Groups of a family are hard to tell apart, and many are merged.
    assert!(number(line, "rand_index") > 0.6, "{line}");
    assert!(number(line, "accuracy") > 0.2, "{line}");
}

#[test]
fn a_directory_without_sets_is_an_error_that_names_them() {
    let empty = tempfile::tempdir().expect("a directory");
    let output = eval(&["--data", empty.path().to_str().expect("a path of text")]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(error.contains("none of firefox49.jsonl.zst, loghub12.jsonl.zst"), "{error}");
}
