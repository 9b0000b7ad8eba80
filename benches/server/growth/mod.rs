//! How the costs of a scope grow with it, and how much it is in the way of others: `make bench-growth`.
//!
//! A structure (a scope, a scope of 13 chunks, a set, a sorted set) grows from 10,000 items to many millions in a server
//! of its own. On the way the program stops at some numbers of items, and measures calls one after the other; at some
//! of these also what it takes to save, load, copy and free it. Then follow the memory of an item by bands and sketch,
//! and PING beside load. The results go to target/growth.json; `benches/scaling.py` makes docs/scaling.md of them.

mod latency;
mod memory;
mod persistence;
mod ping;
mod stream;
mod structure;

use crate::bench::{Bench, Extent};
use crate::machine;
use crate::report::three_digits;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use structure::Structure;
use testkit::Kind;

/// The number of items that a structure grows to, unless `--items` says another.
pub const ITEMS: usize = 20_000_000;
/// The minutes that the whole run may take, unless `--minutes` says another number.
pub const MINUTES: u64 = 25;
/// The number of items for a quick run, which only finds out if the program works.
pub const QUICK_ITEMS: usize = 100_000;
/// The bands of the scopes that grow.
const BANDS: u16 = 16;
/// The numbers of items at which a structure is measured, up to the one at which it ends.
const POINTS: [usize; 7] = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000];
/// The number of items that a structure grows to whatever the time: before, too little is known of the time.
const ALWAYS: usize = 300_000;
/// The memory that the program may take, in bytes.
const MEMORY: u64 = 18 << 30;
/// The connections that fill a structure, and the commands that each has in flight.
const FILLERS: usize = 2;
const IN_FLIGHT: usize = 200;
/// A call is slow if it takes the server longer than this, in microseconds.
const SLOW: u64 = 2_000;

/// What the program may do.
#[derive(Clone, Copy)]
pub struct Limits {
    /// The number of items that each structure grows to.
    pub items: usize,
    /// The time that the whole run may take. A structure ends with fewer items if it would take too long.
    pub time: Duration,
}

/// A structure, the share of the time that it may take, and the points at which it is also saved, loaded, copied and
/// freed, besides the last.
type Plan = (Structure, f64, &'static [usize]);

/// Measures everything, and gives the results.
pub fn run(kind: Kind, extent: Extent, limits: Limits) -> Value {
    // What is left of the time is for the memory of an item, PING, and split scopes.
    let plans: [Plan; 4] = [
        (Structure::scope(1), 0.39, &[100_000, 1_000_000, 3_000_000]),
        (Structure::scope(13), 0.31, &[1_000_000]),
        (Structure::Set, 0.06, &[100_000, 1_000_000, 3_000_000]),
        (Structure::SortedSet, 0.06, &[1_000_000]),
    ];
    let structures: Vec<Value> = plans.into_iter().map(|plan| grow(kind, extent, plan, limits)).collect();
    let bench = Bench::start(kind, extent);
    let memory = memory::run(&bench);
    let ping = ping::run(kind, extent);
    json!({
        "machine": machine::describe(&bench),
        "items": limits.items,
        "minutes": limits.time.as_secs() / 60,
        "memory_limit": MEMORY,
        "bands": BANDS,
        "slow": SLOW,
        "structures": structures,
        "memory": memory,
        "ping": ping,
    })
}

/// Lets a structure grow, and measures it on the way.
fn grow(kind: Kind, extent: Extent, (mut structure, share, saved_at): Plan, limits: Limits) -> Value {
    let bench = Bench::start(kind, extent);
    bench.server.expect(format!("CONFIG SET slowlog-log-slower-than {SLOW}"), "OK");
    bench.server.expect("CONFIG SET slowlog-max-len 1000000", "OK");
    structure.create(&bench);
    let before = bench.used_memory();
    let (mut recorded, mut points, mut saved) = (0, Vec::new(), Vec::new());
    let mut stops = POINTS.into_iter().filter(|&point| point < limits.items).chain([limits.items]).peekable();
    while let Some(stop) = stops.next() {
        bench.progress(&format!("{}: {} items", structure.title(), three_digits(stop as f64)));
        let filling = fill(&bench, &structure, recorded..stop.max(recorded));
        recorded = stop.max(recorded);
        let bytes = bench.used_memory().saturating_sub(before);
        let items = recorded;
        let calls = latency::measure_all(&bench, &structure, &mut recorded);
        points.push(json!({ "items": items, "bytes": bytes, "filling": filling, "calls": calls }));
        // Time and memory grow about as the items do; copies of pages while the server saves come on top.
        let fits = |next: usize| {
            let times = next as f64 / items as f64;
            bench.elapsed().mul_f64(times) < limits.time.mul_f64(share)
                && 1.7 * bytes as f64 * times < MEMORY as f64
        };
        let is_last = !stops.peek().is_some_and(|&next| fits(next) || next <= ALWAYS);
        if is_last || saved_at.contains(&stop) {
            saved.push(persistence::measure(&bench, &structure, &mut recorded, is_last));
        }
        if is_last {
            break;
        }
    }
    json!({ "name": structure.name(), "title": structure.title(), "points": points, "saved": saved })
}

/// Adds items through several connections, and tells how long the server's calls took.
fn fill(bench: &Bench, structure: &Structure, items: std::ops::Range<usize>) -> Value {
    const BLOCK: usize = 5_000;
    bench.server.expect("SLOWLOG RESET", "OK");
    bench.server.expect("CONFIG RESETSTAT", "OK");
    let (start, processor) = (Instant::now(), bench.processor_time());
    let (next, port) = (AtomicUsize::new(items.start), bench.server.port());
    std::thread::scope(|scope| {
        for _ in 0..FILLERS {
            scope.spawn(|| {
                let mut wire = crate::wire::Wire::connect(port);
                loop {
                    let first = next.fetch_add(BLOCK, Ordering::Relaxed);
                    if first >= items.end {
                        break;
                    }
                    let block = first..items.end.min(first + BLOCK);
                    wire.send(&block.map(|item| structure.add(item)).collect(), IN_FLIGHT);
                }
            });
        }
    });
    if items.is_empty() {
        return Value::Null;
    }
    let processor = bench.processor_time() - processor;
    let slow = crate::ten_million::slow_calls(bench, structure.adding());
    json!({
        "calls": items.len(),
        "seconds": start.elapsed().as_secs_f64(),
        "processor": processor / items.len() as f64,
        "server": bench.calls_of(structure.adding()).each,
        "slow": slow.len(),
        "slowest": slow.iter().copied().fold(0.0, f64::max),
    })
}

fn sleep_until(due: Instant) {
    std::thread::sleep(due.saturating_duration_since(Instant::now()));
}
