//! A chunk that grows to ten million items and is then freed: neither may stop the server for long.

use crate::bench::{Bench, PIPELINE, median};
use crate::contender::{Contender, words};
use crate::record::FreshItems;
use crate::report::{Baseline, Report, Row, Target, Unit};
use crate::wire::Batch;

/// The milliseconds that a RECORD may take.
const STALL: u64 = 2;
/// The number of RECORDs that are packed at a time.
const BATCH: usize = 100_000;
/// The bytes of each string of the control, which shows how slowly the system gives memory.
const STRING: u64 = 1 << 16;

pub fn run(bench: &Bench, report: &mut Report) {
    let records = bench.extent.pick(10_000_000, 500_000);
    grow(bench, report, records);
    // Another chunk, since the strings of the control lie in memory between the parts of the first.
    bench.progress(&format!("DEL of {} RECORDs", millions(records)));
    let chunk = Chunk::fill(bench, records, |_, _| {});
    report_freeing(report, "free-del", "DEL", &chunk, chunk.delete());
    let records = bench.extent.pick(2_000_000, 500_000);
    bench.progress(&format!("expiry of {} RECORDs", millions(records)));
    let chunk = Chunk::fill(bench, records, |_, _| {});
    report_freeing(report, "free-expire", "expiry", &chunk, chunk.expire());
    bench.flush();
}

fn millions(records: usize) -> String {
    format!("{} million", records as f64 / 1e6)
}

/// Counts the RECORDs of distinct items into one chunk that take too long. The system makes calls slow, too, when it
/// takes the processor away or is slow to give memory. A control without the module, in turns with it, shows how
/// many: the same number of calls of a script that only counts, each as long as a RECORD, and new strings of the
/// same size together, 64 KiB each.
fn grow(bench: &Bench, report: &mut Report, records: usize) {
    bench.progress(&format!("{} RECORDs into one chunk", millions(records)));
    bench.server.expect(format!("CONFIG SET slowlog-log-slower-than {}", STALL * 1_000), "OK");
    bench.server.expect("CONFIG SET slowlog-max-len 1000000", "OK");
    let counting = Counting::calibrate(bench);
    bench.server.expect("SLOWLOG RESET", "OK");
    let (mut times, mut strings) = (Vec::new(), 0);
    let chunk =
        Chunk::fill(bench, records, |time, bytes| {
            counting.run(time, BATCH);
            times.push(time);
            let more = strings..strings + bytes.div_ceil(STRING);
            strings = more.end;
            bench.load(more.map(|string| {
                words(&["SETRANGE", &format!("string-{string}"), &(STRING - 1).to_string(), "x"])
            }));
        });
    bench.server.expect("CONFIG SET slowlog-log-slower-than -1", "OK");
    let [slow, counting, strings] =
        ["SIM.RECORD", "EVALSHA", "SETRANGE"].map(|command| slow_calls(bench, command));
    let control = [counting, strings].concat();
    report.rows.push(Row {
        name: "ten-million",
        work: format!("RECORDs slower than {STALL} ms, of {} into one chunk", millions(records)),
        unit: Unit::Calls,
        baseline: Baseline::new(
            "the same number of script calls that take as long, and strings of the same size",
            control.len() as f64,
        ),
        module: (slow.len() as f64).into(),
        target: Some(Target::Above(10.0)),
        note: format!(
            "{} on average, the slowest {}, the slowest of the control {}; {} an item",
            Unit::Microseconds.show(times.iter().sum::<f64>() / times.len() as f64),
            slowest(&slow),
            slowest(&control),
            Unit::Bytes.show(chunk.bytes as f64 / records as f64)
        ),
    });
}

/// Microseconds of each call of a command in the slow log.
pub fn slow_calls(bench: &Bench, command: &str) -> Vec<f64> {
    let log = bench.server.does("SLOWLOG GET -1");
    let entries = log.array().iter().map(|entry| entry.array());
    let calls = entries.filter(|entry| entry[3].array()[0].bytes() == command.as_bytes());
    calls.map(|entry| entry[2].integer() as f64).collect()
}

fn slowest(slow: &[f64]) -> String {
    let slowest = slow.iter().copied().reduce(f64::max);
    slowest.map_or(format!("within {STALL} ms"), |slowest| Unit::Microseconds.show(slowest))
}

/// A script that does nothing, for a chosen time.
struct Counting<'a> {
    bench: &'a Bench,
    script: String,
    /// Microseconds of a call of no steps, and of each step.
    call: f64,
    step: f64,
}

impl Counting<'_> {
    fn calibrate(bench: &Bench) -> Counting<'_> {
        let script = "local sum = 0 for i = 1, ARGV[1] do sum = sum + i end";
        let script = bench.server.call(&["SCRIPT", "LOAD", script]).text();
        let mut counting = Counting { bench, script, call: 0.0, step: 1.0 };
        let [call, longer] = [0.0, 1_000.0].map(|steps| counting.run(steps, BATCH / 10));
        (counting.call, counting.step) = (call, (longer - call) / 1_000.0);
        counting
    }

    /// Makes calls that take this many microseconds each, and gives the times that they took.
    fn run(&self, time: f64, calls: usize) -> f64 {
        let steps = ((time - self.call) / self.step).max(0.0);
        let call = words(&["EVALSHA", &self.script, "0", &format!("{steps:.0}")]);
        let batch: Batch = std::iter::repeat_n(call, calls).collect();
        self.bench.cost(&batch, PIPELINE).server
    }
}

/// The time for which the server stops when a chunk is freed, compared with strings of the same size together.
fn report_freeing(report: &mut Report, name: &'static str, what: &str, chunk: &Chunk, time: f64) {
    let strings = median((0..3).map(|_| chunk.time_of_strings()).collect());
    report.rows.push(Row {
        name,
        work: format!("{what} of a chunk of {} RECORDs", millions(chunk.records)),
        unit: Unit::Microseconds,
        baseline: Baseline::new("DEL of 16 strings of the same size together", strings),
        module: time.into(),
        target: Some(Target::TimesLess(1.0)),
        note: format!(
            "{} of memory, {:.1} ms a GB",
            Unit::Bytes.show(chunk.bytes as f64),
            time / 1e3 / (chunk.bytes as f64 / 1e9)
        ),
    });
}

/// The only chunk of a scope without intervals.
struct Chunk<'a> {
    bench: &'a Bench,
    records: usize,
    bytes: u64,
}

impl Chunk<'_> {
    /// Fills a chunk in batches. After each, `after_batch` gets the microseconds that a RECORD took and the bytes by
    /// which the chunk grew.
    fn fill(bench: &Bench, records: usize, mut after_batch: impl FnMut(f64, u64)) -> Chunk<'_> {
        bench.flush();
        let mut bytes = 0;
        let shape = bench.shape("scope", 8, 0, 1);
        let mut fresh = FreshItems::new(&shape, Contender::Module, bench.clock());
        for _ in 0..records.div_ceil(BATCH) {
            let batch: Batch = fresh.by_ref().take(BATCH).collect();
            let mut time = 0.0;
            let grown = bench.memory_of(|| time = bench.cost(&batch, PIPELINE).server);
            bytes += grown;
            after_batch(time, grown);
        }
        Chunk { bench, records, bytes }
    }

    fn name(&self) -> String {
        self.bench.server.only_chunk()
    }

    /// Microseconds that DEL takes.
    fn delete(&self) -> f64 {
        self.bench.deletion_time("DEL", &[self.name()])
    }

    /// Microseconds of the command that finds the chunk expired and so frees it.
    fn expire(&self) -> f64 {
        self.bench.expiry_time(&self.name())
    }

    /// Microseconds of a DEL of 16 strings that have as many bytes together.
    fn time_of_strings(&self) -> f64 {
        self.bench.flush();
        self.bench.server.expect("CONFIG RESETSTAT", "OK");
        let names: Vec<String> = (0..16).map(|string| format!("string-{string}")).collect();
        for name in &names {
            self.bench.run(&words(&["SETRANGE", name, &(self.bytes / 16).to_string(), "x"]));
        }
        let delete: Vec<&str> = ["DEL"].into_iter().chain(names.iter().map(String::as_str)).collect();
        self.bench.run(&words(&delete));
        self.bench.calls_of("DEL").each
    }
}
