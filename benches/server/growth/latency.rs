//! The times of calls, one after the other, as one client sees them.

use super::structure::{Effect, Structure};
use crate::bench::Bench;
use crate::contender::words;
use crate::random::Random;
use crate::traffic::{microseconds, percentile};
use crate::wire::{Batch, Wire};
use serde_json::{Map, Value, json};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// The number of calls of a kind. Those that add items are a tenth of what is there at most, so that the structure is
/// about as large as it is said to be.
const CALLS: usize = 20_000;
const FEWEST_CALLS: usize = 1_000;

/// Measures PING, as a floor, and then each kind of call. `recorded` is the number of items, which grows.
pub fn measure_all(bench: &Bench, structure: &Structure, recorded: &mut usize) -> Value {
    let most = bench.extent.pick(CALLS, FEWEST_CALLS);
    let mut results = Map::new();
    let pings = std::iter::repeat_n(words(&["PING"]), most).collect();
    results.insert("PING".into(), measure(bench, &pings));
    let items = *recorded;
    let few = (items / 10).clamp(FEWEST_CALLS, most);
    for (seed, call) in (50..).zip(structure.calls()) {
        let mut random = Random::new(seed);
        let mut known = |calls| (0..calls).map(|_| random.below(items)).collect::<Vec<_>>();
        let operands = match call.effect {
            Effect::Reads => known(most),
            Effect::Writes => known(few),
            Effect::Adds => (*recorded..*recorded + few).collect(),
        };
        if call.effect == Effect::Adds {
            *recorded += few;
        }
        let batch: Batch = operands.into_iter().map(|item| (call.command)(structure, item)).collect();
        results.insert(call.name.into(), measure(bench, &batch));
    }
    Value::Object(results)
}

/// Microseconds of the calls: as the client sees them, and as the server counts them.
fn measure(bench: &Bench, batch: &Batch) -> Value {
    let mut waits = Waits::of(bench);
    let timed = |wire: &mut Wire| {
        waits.take();
        (0..batch.len()).map(|command| (wire.send_one(batch, command), waits.take())).collect::<Vec<_>>()
    };
    let (cost, timed) = bench.measure(batch, timed);
    let mut times: Vec<f64> = timed.iter().map(|(time, _)| microseconds(*time)).collect();
    times.sort_by(f64::total_cmp);
    let mut without_waits: Vec<f64> =
        timed.iter().map(|(time, wait)| microseconds(time.saturating_sub(*wait))).collect();
    without_waits.sort_by(f64::total_cmp);
    json!({
        "calls": batch.len(),
        "server": cost.server,
        "processor": cost.processor,
        "p50": percentile(&times, 500),
        "p99": percentile(&times, 990),
        "p999": percentile(&times, 999),
        "worst": percentile(&times, 1_000),
        "p999_without_waits": percentile(&without_waits, 999),
        "worst_without_waits": percentile(&without_waits, 1_000),
    })
}

/// The time for which the server's main thread and this one were ready to run, but the system ran others: what a slow
/// call is not to blame for.
pub struct Waits {
    files: [File; 2],
    before: Duration,
}

impl Waits {
    /// For calls of the thread that this is called on.
    pub fn of(bench: &Bench) -> Waits {
        let open = |path: String| File::open(path).expect("Linux counts the waits of threads");
        let server = format!("/proc/{}/schedstat", bench.server.process_id());
        let files = [open(server), open("/proc/thread-self/schedstat".into())];
        Waits { files, before: Duration::ZERO }
    }

    /// The time waited since the last call of this.
    pub fn take(&mut self) -> Duration {
        let total = self.files.iter().map(waited).sum();
        let since = total - self.before;
        self.before = total;
        since
    }
}

/// The second number of the file: nanoseconds.
fn waited(file: &File) -> Duration {
    let mut bytes = [0; 100];
    let length = file.read_at(&mut bytes, 0).expect("the counts of a thread");
    let text = std::str::from_utf8(&bytes[..length]).expect("numbers");
    let nanoseconds = text.split_whitespace().nth(1).and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number of nanoseconds"))
}
