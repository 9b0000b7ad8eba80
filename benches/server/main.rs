//! The module compared with what one would run without it, on the same server and in one run.
//!
//!     cargo bench --bench server -- [--quick] [--check] [--only NAME] [--server NAME] [--output FILE]
//!
//! `benches/README.md` says what is measured and how to read it. The results go to target/bench.json;
//! `benches/report.py` makes docs/benchmarks.md of them.

mod bench;
mod check;
mod compare;
mod contender;
mod corpus;
mod hot;
mod machine;
mod memory;
mod random;
mod record;
mod reference;
mod report;
mod signing;
mod ten_million;
mod text;
mod traffic;
mod very_hot;
mod wire;

use bench::{Bench, Extent};
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;
use testkit::Kind;

/// A section of the benchmark, and the name that `--only` takes.
type Section = (&'static str, fn(&Bench, &mut Report));

const SECTIONS: [Section; 9] = [
    ("reference", reference::run),
    ("record", record::run),
    ("compare", compare::run),
    ("hot", hot::run),
    ("very-hot", very_hot::run),
    ("text", text::run),
    ("memory", memory::run),
    ("ten-million", ten_million::run),
    ("signing", signing::run),
];

struct Arguments {
    extent: Extent,
    kind: Kind,
    /// Only check the script against the module.
    check: bool,
    only: Vec<String>,
    output: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        return ExitCode::SUCCESS;
    };
    let bench = Bench::start(arguments.kind, arguments.extent);
    check::run(&bench);
    if arguments.check {
        println!("the script and the module agree");
        return ExitCode::SUCCESS;
    }
    let mut report = Report::default();
    let is_selected =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    for section in SECTIONS.into_iter().filter(|(name, _)| is_selected(name)) {
        report.append(measure(section, &bench));
    }
    finish(&bench, &report, &arguments)
}

/// The number of times that a quick run measures a section that fails: the machine may have been busy.
const ATTEMPTS: usize = 3;

fn measure((name, run): Section, bench: &Bench) -> Report {
    let run_once = || {
        let mut report = Report::default();
        run(bench, &mut report);
        report
    };
    let mut report = run_once();
    for _ in 1..bench.extent.pick(1, ATTEMPTS) {
        if report.failures().is_empty() {
            break;
        }
        bench.progress(&format!("{name} again, since it failed"));
        report = run_once();
    }
    report
}

/// Writes and prints the results. A quick run fails if less than half of a target is reached.
fn finish(bench: &Bench, report: &Report, arguments: &Arguments) -> ExitCode {
    let json = report.json(machine::describe(bench), bench.elapsed().as_secs_f64());
    let output = arguments.output.clone().unwrap_or_else(|| default_output(arguments.extent));
    let text = serde_json::to_string_pretty(&json).expect("JSON");
    std::fs::write(&output, text + "\n").expect("the results can be written");
    println!("{}", report.table());
    bench.progress(&format!("done; the results are in {}", output.display()));
    let failures = report.failures();
    for failure in &failures {
        eprintln!("FAILED: {failure}; at least half of it is expected");
    }
    // A full run makes a page, which says what was missed; a quick run only finds out if something broke.
    let is_accepted = failures.is_empty() || arguments.extent == Extent::Full;
    if is_accepted { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A file for each extent, since the page is made from full runs only.
fn default_output(extent: Extent) -> PathBuf {
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target");
    std::fs::create_dir_all(&target).expect("a directory for the results");
    target.join(extent.pick("bench.json", "bench-quick.json"))
}

/// `None` if `cargo test --all-targets` runs this: it passes no `--bench`, and no benchmark is wanted.
fn arguments() -> Option<Arguments> {
    let mut arguments = Arguments {
        extent: Extent::Full,
        kind: Kind::Redis7_0,
        check: false,
        only: Vec::new(),
        output: None,
    };
    let mut is_benchmark = false;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| panic!("{word} needs a value"));
        match word.as_str() {
            "--bench" => is_benchmark = true,
            "--quick" => arguments.extent = Extent::Quick,
            "--check" => arguments.check = true,
            "--only" => arguments.only.push(value()),
            "--server" => arguments.kind = Kind::named(&value()),
            "--output" => arguments.output = Some(value().into()),
            _ => panic!("unknown option {word}: there are --quick, --check, --only, --server and --output"),
        }
    }
    is_benchmark.then_some(arguments)
}
