//! The module compared with what one would run without it, on the same server and in one run.
//!
//!     cargo bench --bench server -- [--quick] [--check] [--only NAME] [--server NAME] [--output FILE]
//!     cargo bench --bench server -- --growth [--quick] [--items COUNT] [--minutes COUNT] [--server NAME] [--output FILE]
//!     cargo bench --bench server -- --misses BANDS
//!
//! `benches/README.md` says what is measured and how to read it. The results go to target/bench.json;
//! `benches/report.py` makes docs/benchmarks.md of them.

mod bench;
mod check;
mod classify;
mod compare;
mod contender;
mod corpus;
mod growth;
mod hot;
mod machine;
mod memory;
mod misses;
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
use growth::Limits;
use report::Report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use testkit::Kind;

/// A section of the benchmark, and the name that `--only` takes.
type Section = (&'static str, fn(&Bench, &mut Report));

const SECTIONS: [Section; 10] = [
    ("reference", reference::run),
    ("record", record::run),
    ("compare", compare::run),
    ("classify", classify::run),
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
    /// Only measure how costs grow, up to these limits.
    growth: Option<Limits>,
    /// Only do what `benches/misses.py` counts, with this number of bands.
    misses: Option<u16>,
    output: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        return ExitCode::SUCCESS;
    };
    if let Some(limits) = arguments.growth {
        return grow(limits, &arguments);
    }
    if let Some(bands) = arguments.misses {
        misses::run(bands);
        return ExitCode::SUCCESS;
    }
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

/// Measures how costs grow, and writes the results.
fn grow(limits: Limits, arguments: &Arguments) -> ExitCode {
    let start = Instant::now();
    let mut results = growth::run(arguments.kind, arguments.extent, limits);
    results["seconds"] = start.elapsed().as_secs_f64().into();
    let default = in_target(arguments.extent.pick("growth.json", "growth-quick.json"));
    let output = arguments.output.clone().unwrap_or(default);
    write(&output, &results);
    eprintln!("done in {:.0} s; the results are in {}", start.elapsed().as_secs_f64(), output.display());
    ExitCode::SUCCESS
}

fn write(file: &Path, results: &serde_json::Value) {
    let text = serde_json::to_string_pretty(results).expect("JSON");
    std::fs::write(file, text + "\n").expect("the results can be written");
}

/// Writes and prints the results. A quick run fails if less than half of a target is reached.
fn finish(bench: &Bench, report: &Report, arguments: &Arguments) -> ExitCode {
    let json = report.json(machine::describe(bench), bench.elapsed().as_secs_f64());
    // A file for each extent, since the page is made from full runs only.
    let default = in_target(arguments.extent.pick("bench.json", "bench-quick.json"));
    let output = arguments.output.clone().unwrap_or(default);
    write(&output, &json);
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

/// A file in the directory for what is built and measured.
fn in_target(file: &str) -> PathBuf {
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target");
    std::fs::create_dir_all(&target).expect("a directory for the results");
    target.join(file)
}

/// `None` if `cargo test --all-targets` runs this: it passes no `--bench`, and no benchmark is wanted.
fn arguments() -> Option<Arguments> {
    let mut arguments = Arguments {
        extent: Extent::Full,
        kind: Kind::Redis7_0,
        check: false,
        only: Vec::new(),
        growth: None,
        misses: None,
        output: None,
    };
    let (mut is_benchmark, mut is_growth) = (false, false);
    let (mut items, mut minutes) = (None, growth::MINUTES);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| panic!("{word} needs a value"));
        match word.as_str() {
            "--bench" => is_benchmark = true,
            "--quick" => arguments.extent = Extent::Quick,
            "--check" => arguments.check = true,
            "--only" => arguments.only.push(value()),
            "--growth" => is_growth = true,
            "--items" => items = Some(value().parse().expect("a number of items")),
            "--minutes" => minutes = value().parse().expect("a number of minutes"),
            "--misses" => arguments.misses = Some(value().parse().expect("8 or 16 bands")),
            "--server" => arguments.kind = Kind::named(&value()),
            "--output" => arguments.output = Some(value().into()),
            _ => panic!(
                "unknown option {word}: there are --quick, --check, --only, --growth, --items, --minutes, --misses, \
                 --server and --output"
            ),
        }
    }
    let items = items.unwrap_or(arguments.extent.pick(growth::ITEMS, growth::QUICK_ITEMS));
    let limits = Limits { items, time: Duration::from_secs(60 * minutes) };
    arguments.growth = is_growth.then_some(limits);
    is_benchmark.then_some(arguments)
}
