//! Measures how accurate the answers are: replays sets of real events through a real server, and compares what it
//! finds with exact Jaccard similarities, computed by brute force.
//!
//! ```text
//! eval [--data DIRECTORY | --made] [--output FILE]
//! ```
//!
//! `--data` names the directory of the sets that `plan.rs` lists; missing ones are left out. `--made` takes a small
//! generated set instead. The results go to FILE (target/eval.json by default), from which `report.py` makes
//! docs/choosing.md. The environment variable SIMILE_MODULE names the module.

// The events, and their exact similarities.
mod corpus; // the events of one set, with their features, labels and exact similarities
mod event; // an event, read from a line of JSON
mod exact; // Jaccard similarities by brute force
mod features; // the sets of features that the exact similarities are computed from
mod made; // a small generated set of events
mod made_pairs; // generated pairs of sets of a chosen size and similarity
mod set; // the files of the sets

// The server.
mod command; // the commands that are sent to it
mod lab; // the server itself, and the progress bar
mod pairs; // the scores and the exact similarities of all pairs of a corpus
mod setting; // the parameters that a scope is created with

// The measurements.
mod agreement; // how well the groups found in a stream agree with the true ones
mod cost; // time and memory of a classification
mod curve; // how often two sets of a similarity share a bucket, and what theory says
mod estimate; // the error of scores as estimates of the similarity
mod grouping; // SIM.ASSIGN over a stream
mod outcome; // how well a classifier did on events with known labels
mod plan; // what is measured on which set: begin here
mod python; // other tools, in Python
mod replay; // classification of each event against all earlier ones
mod results; // all that was measured, as JSON
mod retrieval; // recall and precision of pairs above a threshold
mod sketch_cost; // what a sketch costs
mod target; // the figures that must be reached

use lab::Lab;
use results::Results;
use serde_json::Value;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The source of the events.
enum Source {
    Made,
    Sets(PathBuf),
}

struct Arguments {
    source: Source,
    output: PathBuf,
}

fn main() -> ExitCode {
    match arguments().and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("eval: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let output = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/eval.json");
    let mut arguments = Arguments { source: Source::Sets("../shared/data".into()), output };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--made" => arguments.source = Source::Made,
            "--data" => arguments.source = Source::Sets(value()?.into()),
            "--output" => arguments.output = value()?.into(),
            _ => return Err(format!("unknown option {word}: there are --data, --made and --output").into()),
        }
    }
    Ok(arguments)
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if std::env::var_os("SIMILE_MODULE").is_none() {
        return Err("the environment variable SIMILE_MODULE must name the module".into());
    }
    let mut results = Results::default();
    let lab = Lab::start();
    match &arguments.source {
        Source::Made => plan::small(&lab, &mut results),
        Source::Sets(directory) => measure_sets(&lab, directory, &mut results)?,
    }
    lab.finish();
    write(&lab, &results, &arguments.output)?;
    print(&lab, &results, &arguments.output);
    Ok(())
}

fn measure_sets(lab: &Lab, directory: &Path, results: &mut Results) -> Result<(), Box<dyn Error>> {
    for (name, measure) in plan::SETS {
        match set::read(directory, name)? {
            Some(events) => {
                measure(lab, &events, results);
                results.present.push((name, events.len()));
            }
            None => results.missing.push(name),
        }
    }
    if results.present.is_empty() {
        let names = results.missing.iter().map(|name| format!("{name}.jsonl.zst"));
        let names = names.collect::<Vec<_>>().join(", ");
        return Err(format!("none of {names} is in {}", directory.display()).into());
    }
    plan::without_sets(lab, results);
    Ok(())
}

fn write(lab: &Lab, results: &Results, output: &Path) -> Result<(), Box<dyn Error>> {
    let mut json = results.json();
    json["seconds"] = lab.seconds().into();
    json["server"] = lab.describe().into();
    for parameter in ["bands", "rows", "shingle", "lowercase", "mask"] {
        json["defaults"][parameter] = lab.default(parameter).into();
    }
    json["targets"] = target::all(results).iter().map(target::Target::json).collect::<Value>();
    if let Some(directory) = output.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(output, serde_json::to_string_pretty(&json)? + "\n")?;
    Ok(())
}

/// Prints the table of targets, and the sets that were missing.
fn print(lab: &Lab, results: &Results, output: &Path) {
    for target in target::all(results).iter().filter(|target| target.reached.is_some()) {
        let met = if target.is_met() == Some(true) { "met" } else { "NOT MET" };
        let reached = target.reached.unwrap_or_default();
        println!("{:<80} {:<36} {reached:7.4}  {met}", target.what, target.wanted());
    }
    for name in &results.missing {
        println!("{name} is missing: nothing was measured on it");
    }
    println!("{:.0} seconds; all results are in {}", lab.seconds(), output.display());
}
