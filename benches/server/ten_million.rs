//! A chunk that grows to ten million items, and how it goes: nothing may stop the server meanwhile.

use crate::bench::{Bench, PIPELINE, median};
use crate::harness::wait_until;
use crate::record::FreshItems;
use crate::report::{Beside, Report, Row, Target, Unit};
use crate::side::{Side, words};
use crate::wire::{Batch, Wire};

/// Milliseconds that a RECORD may take.
const STALL: u64 = 2;
/// RECORDs that are packed at a time.
const BATCH: usize = 100_000;

pub fn run(bench: &Bench, report: &mut Report) {
    let chunk = growing(bench, report, bench.extent.pick(10_000_000, 500_000));
    going(report, "free-del", "DEL", &chunk, chunk.delete());
    let records = bench.extent.pick(2_000_000, 500_000);
    bench.progress(&format!("expiry of {} RECORDs", millions(records)));
    let chunk = Chunk::fill(bench, records);
    going(report, "free-expire", "expiry", &chunk, chunk.expire());
    bench.flush();
}

fn millions(records: usize) -> String {
    format!("{} million", records as f64 / 1e6)
}

/// RECORDs of distinct items into one chunk: how many take too long. A machine that takes the processor
/// away makes calls slow, too; as many calls of a script that only counts, each as long, show how many.
fn growing<'a>(bench: &'a Bench, report: &mut Report, records: usize) -> Chunk<'a> {
    bench.progress(&format!("{} RECORDs into one chunk", millions(records)));
    bench.server.expect("CONFIG RESETSTAT", "OK");
    let (slow, chunk) = slow_calls(bench, "SIM.RECORD", || Chunk::fill(bench, records));
    let mean = bench.calls_of("SIM.RECORD").each;
    bench.progress(&format!("{} calls of a script that counts for {mean:.1} us", millions(records)));
    let loops = loops_that_take(bench, mean);
    let (control, ()) = slow_calls(bench, "EVALSHA", || count(bench, loops, records));
    report.rows.push(Row {
        name: "ten-million",
        work: format!("of {} RECORDs into one chunk, slower than {STALL} ms", millions(records)),
        unit: Unit::Records,
        beside: Beside::new("as many calls that only count, as long", control.len() as f64),
        module: (slow.len() as f64).into(),
        target: Target::Above(10.0),
        note: format!(
            "{} on average, the slowest {}; of the calls that only count {}; {} an item",
            Unit::Microseconds.show(mean),
            slowest(&slow),
            slowest(&control),
            Unit::Bytes.show(chunk.bytes as f64 / records as f64)
        ),
    });
    chunk
}

fn slowest(slow: &[f64]) -> String {
    let slowest = slow.iter().copied().reduce(f64::max);
    slowest.map_or(format!("within {STALL} ms"), |slowest| Unit::Microseconds.show(slowest))
}

/// Microseconds of each call of a command that took too long while the work was done.
fn slow_calls<Done>(bench: &Bench, command: &str, work: impl FnOnce() -> Done) -> (Vec<f64>, Done) {
    bench.server.expect(format!("CONFIG SET slowlog-log-slower-than {}", STALL * 1_000), "OK");
    bench.server.expect("CONFIG SET slowlog-max-len 1000000", "OK");
    bench.server.expect("SLOWLOG RESET", "OK");
    let done = work();
    let log = bench.server.does("SLOWLOG GET -1");
    bench.server.expect("CONFIG SET slowlog-log-slower-than -1", "OK");
    let entries = log.array().iter().map(|entry| entry.array());
    let theirs = entries.filter(|entry| entry[3].array()[0].bytes() == command.as_bytes());
    (theirs.map(|entry| entry[2].integer() as f64).collect(), done)
}

/// Calls of a script that counts so far.
fn count(bench: &Bench, loops: usize, calls: usize) {
    let script = format!("local sum = 0 for i = 1, {loops} do sum = sum + i end");
    let script = bench.server.call(&["SCRIPT", "LOAD", &script]).text();
    let batch: Batch = std::iter::repeat_n(words(&["EVALSHA", &script, "0"]), calls.min(BATCH)).collect();
    let mut wire = Wire::connect(bench.server.port());
    for _ in 0..calls.div_ceil(BATCH) {
        wire.send(&batch, PIPELINE);
    }
}

/// How far a script must count to take so many microseconds.
fn loops_that_take(bench: &Bench, wanted: f64) -> usize {
    let time_of = |loops| {
        bench.server.expect("CONFIG RESETSTAT", "OK");
        count(bench, loops, BATCH);
        bench.calls_of("EVALSHA").each
    };
    let (little, much) = (time_of(0), time_of(1_000));
    ((wanted - little) / (much - little) * 1_000.0).max(0.0) as usize
}

/// How long the server stands still when a chunk goes, beside strings of as many bytes.
fn going(report: &mut Report, name: &'static str, what: &str, chunk: &Chunk, time: f64) {
    let strings = median((0..3).map(|_| chunk.time_of_strings()).collect());
    report.rows.push(Row {
        name,
        work: format!("{what} of a chunk of {} RECORDs", millions(chunk.records)),
        unit: Unit::Microseconds,
        beside: Beside::new("DEL of 16 strings of as many bytes", strings),
        module: time.into(),
        target: Target::TimesLess(1.0),
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
    fn fill(bench: &Bench, records: usize) -> Chunk<'_> {
        bench.flush();
        let before = bench.used_memory();
        let shape = bench.shape("scope", 8, 0, 1);
        let mut fresh = FreshItems::new(&shape, Side::Module, bench.clock());
        let mut wire = Wire::connect(bench.server.port());
        for _ in 0..records.div_ceil(BATCH) {
            let batch: Batch = fresh.by_ref().take(BATCH).collect();
            wire.send(&batch, PIPELINE);
        }
        drop(wire);
        Chunk { bench, records, bytes: bench.used_memory() - before }
    }

    fn name(&self) -> Vec<u8> {
        self.bench.server.only_chunk().into_bytes()
    }

    /// Microseconds that DEL takes.
    fn delete(&self) -> f64 {
        self.bench.server.expect("CONFIG RESETSTAT", "OK");
        self.bench.done(&vec![b"DEL".to_vec(), self.name()]);
        self.bench.calls_of("DEL").each
    }

    /// Microseconds of the command that finds the chunk expired: it frees it, as the server's own
    /// rounds would have.
    fn expire(&self) -> f64 {
        let name = self.name();
        let server = &self.bench.server;
        server.expect("DEBUG SET-ACTIVE-EXPIRE 0", "OK");
        self.bench.done(&vec![b"PEXPIRE".to_vec(), name.clone(), b"1".to_vec()]);
        let due = server.now_in_milliseconds() + 20;
        wait_until("the chunk has expired", || server.now_in_milliseconds() > due);
        server.expect("CONFIG RESETSTAT", "OK");
        self.bench.done(&vec![b"STRLEN".to_vec(), name]);
        server.expect("DEBUG SET-ACTIVE-EXPIRE 1", "OK");
        self.bench.calls_of("STRLEN").each
    }

    /// Microseconds of a DEL of strings of as many bytes together.
    fn time_of_strings(&self) -> f64 {
        self.bench.flush();
        self.bench.server.expect("CONFIG RESETSTAT", "OK");
        let names: Vec<String> = (0..16).map(|string| format!("string-{string}")).collect();
        for name in &names {
            self.bench.done(&words(&["SETRANGE", name, &(self.bytes / 16).to_string(), "x"]));
        }
        let delete: Vec<&str> = ["DEL"].into_iter().chain(names.iter().map(String::as_str)).collect();
        self.bench.done(&words(&delete));
        self.bench.calls_of("DEL").each
    }
}
