//! PING of one client while ten others load the server: how much a scope is in the way of other clients, beside built-in
//! types under a load of the same kind.
//!
//! Of the calls of a load, half write and half read:
//!
//! - of this module: RECORDs go in turns to a large scope and to one whose chunks cover a second, of which one expires
//!   each second; COMPAREs ask for the best ten of items of the large scope, one in [`HOT_ONE_IN`] of them for an item
//!   that shares a bucket with [`HOT_MEMBERS`] others;
//! - of built-in types: SADDs go in turns to large sets and to one that is made anew each second and expires as those
//!   chunks do; ZRANGEs give ten members of a large sorted set.
//!
//! First the ten clients send as fast as they can, and then, in each turn, half as many calls as that. Meanwhile the
//! server saves, so that pages are copied.

use super::latency::Waits;
use super::{BANDS, sleep_until, stream};
use crate::bench::{Bench, Extent, median};
use crate::contender::{Command, INDEX, words};
use crate::random::Random;
use crate::traffic::{microseconds, percentile};
use crate::wire::{Batch, Wire};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use testkit::{Kind, wait_until};

const CLIENTS: u64 = 10;
/// The members of the hot bucket, and how many COMPAREs go to other items for each that goes to one of these.
const HOT_MEMBERS: usize = 10_000;
const HOT_ONE_IN: usize = 50;
/// The length of a turn.
const SECONDS: u64 = 4;
/// The time between two PINGs.
const PING_EVERY: Duration = Duration::from_micros(250);
/// The seconds for which what is made anew each second is kept.
const KEPT: u64 = 2;

#[derive(Clone, Copy, PartialEq)]
enum Load {
    /// Nothing but PING.
    Idle,
    Module,
    /// SADD of this many members.
    BuiltIn(usize),
}

const LOADS: [Load; 4] = [Load::Idle, Load::Module, Load::BuiltIn(BANDS as usize), Load::BuiltIn(1)];

impl Load {
    fn title(self) -> String {
        match self {
            Load::Idle => "no other client".into(),
            Load::Module => format!("RECORD of {BANDS} buckets and COMPARE"),
            Load::BuiltIn(1) => "SADD of one member and ZRANGE".into(),
            Load::BuiltIn(members) => format!("SADD of {members} members and ZRANGE"),
        }
    }
}

/// Measures each load in turns, each in a server of its own.
pub fn run(kind: Kind, extent: Extent) -> Value {
    let items = extent.pick(500_000, 50_000);
    let arenas: Vec<Arena> = LOADS.map(|load| Arena::prepare(kind, extent, load, items)).into();
    let mut turns: Vec<Vec<Turn>> = LOADS.map(|_| Vec::new()).into();
    for turn in 0..extent.pick(5, 1) {
        for (arena, turns) in arenas.iter().zip(&mut turns) {
            arena.bench.progress(&format!("PING beside {}, turn {}", arena.load.title(), turn + 1));
            turns.push(arena.turn());
        }
    }
    let hot = arenas.iter().find(|arena| arena.load == Load::Module).map(Arena::hot_compare);
    let results = arenas.iter().zip(&turns).map(|(arena, turns)| arena.result(turns));
    json!({
        "clients": CLIENTS,
        "items": items,
        "hot_members": hot_members(items),
        "hot_one_in": HOT_ONE_IN,
        "hot_compare": hot,
        "seconds": extent.pick(SECONDS, 1),
        "loads": results.collect::<Vec<_>>(),
    })
}

/// A server that is filled for one of the loads.
struct Arena {
    bench: Bench,
    load: Load,
    items: usize,
    /// Calls a second of all clients, when they send as fast as they can.
    capacity: f64,
}

/// What one turn gave, in microseconds.
struct Turn {
    calls_per_second: f64,
    p50: f64,
    p99: f64,
    p999: f64,
    /// Less the time that the server or the client waited for a processor.
    p999_without_waits: f64,
    worst: f64,
    saves: f64,
    expired: f64,
}

impl Arena {
    fn prepare(kind: Kind, extent: Extent, load: Load, items: usize) -> Arena {
        let bench = Bench::start(kind, extent);
        bench.progress(&format!("PING beside {}: preparing", load.title()));
        if load == Load::Module {
            for (scope, interval, retention) in [("large", "0", "0"), ("brief", "1", "1")] {
                let bands = BANDS.to_string();
                let shape = ["SIM.CREATE", scope, "BANDS", &bands, "ROWS", "2", "INTERVAL", interval];
                bench.run(&words(&shape).into_iter().chain(words(&["RETENTION", retention])).collect());
            }
        }
        let filling = Calls { load, items, random: Random::new(1) };
        for first in (0..items).step_by(20_000).filter(|_| load != Load::Idle) {
            bench.load((first..items.min(first + 20_000)).flat_map(|item| filling.fill(item)));
        }
        let mut arena = Arena { bench, load, items, capacity: f64::INFINITY };
        arena.capacity = arena.calls_per_second(Duration::from_secs(extent.pick(3, 1)));
        arena
    }

    /// The calls that ten clients get done in a second.
    fn calls_per_second(&self, time: Duration) -> f64 {
        let (calls, start) = (AtomicUsize::new(0), Instant::now());
        self.with_clients(&calls, || std::thread::sleep(time));
        calls.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
    }

    /// Runs the clients for as long as `work` does.
    fn with_clients<Result>(&self, calls: &AtomicUsize, work: impl FnOnce() -> Result) -> Result {
        if self.load == Load::Idle {
            return work();
        }
        let (stop, port) = (AtomicBool::new(false), self.bench.server.port());
        let (load, items) = (self.load, self.items);
        // Half of the capacity, shared by the clients; as fast as possible while there is no capacity yet.
        let pause = Duration::from_secs_f64(2.0 * CLIENTS as f64 / self.capacity);
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let stop = &stop;
                scope.spawn(move || {
                    let mut wire = Wire::connect(port);
                    let mut own = Calls { load, items, random: Random::new(client + 100) };
                    let (start, mut sent) = (Instant::now(), 0);
                    while !stop.load(Ordering::Relaxed) {
                        sleep_until(start + pause * sent);
                        sent += 1;
                        for command in own.next(sent as usize) {
                            wire.send_one(&[command].into_iter().collect::<Batch>(), 0);
                        }
                        calls.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let result = work();
            stop.store(true, Ordering::Relaxed);
            result
        })
    }

    /// Measures PING beside the load, while the server saves again and again.
    fn turn(&self) -> Turn {
        let server = &self.bench.server;
        let expired = || server.info("expired_keys").parse::<f64>().expect("a number");
        let (calls, expired_before, mut saves) = (AtomicUsize::new(0), expired(), 0.0);
        let (mut times, mut without_waits) = (Vec::new(), Vec::new());
        let time = Duration::from_secs(self.bench.extent.pick(SECONDS, 1));
        // Closed after the others have stopped: while the server saves, its child holds all connections open.
        let mut wire = Wire::connect(server.port());
        let seconds = self.with_clients(&calls, || {
            let mut waits = Waits::of(&self.bench);
            let ping: Batch = [words(&["PING"])].into_iter().collect();
            let (start, mut asked) = (Instant::now(), Instant::now());
            while start.elapsed() < time {
                // Once in a while: INFO takes longer than the calls.
                if asked.elapsed() > Duration::from_millis(500) {
                    if server.info("rdb_bgsave_in_progress") == "0" {
                        server.does("BGSAVE");
                        saves += 1.0;
                    }
                    asked = Instant::now();
                }
                std::thread::sleep(PING_EVERY);
                waits.take();
                let time = wire.send_one(&ping, 0);
                times.push(microseconds(time));
                without_waits.push(microseconds(time.saturating_sub(waits.take())));
            }
            start.elapsed().as_secs_f64()
        });
        wait_until("the last save ends", || server.info("rdb_bgsave_in_progress") == "0");
        times.sort_by(f64::total_cmp);
        without_waits.sort_by(f64::total_cmp);
        Turn {
            calls_per_second: calls.load(Ordering::Relaxed) as f64 / seconds,
            p50: percentile(&times, 500),
            p99: percentile(&times, 990),
            p999: percentile(&times, 999),
            p999_without_waits: percentile(&without_waits, 999),
            worst: percentile(&times, 1_000),
            saves,
            expired: expired() - expired_before,
        }
    }

    /// Microseconds of a processor that a COMPARE takes for an item of the hot bucket.
    fn hot_compare(&self) -> f64 {
        let calls = self.bench.extent.pick(2_000, 100);
        let hot = (0..calls).map(|item| compare(item * 7 % hot_members(self.items)));
        self.bench.cost(&hot.collect(), 1).processor
    }

    /// The medians of the turns, and all figures of p99.9, which vary most.
    fn result(&self, turns: &[Turn]) -> Value {
        let middle = |figure: fn(&Turn) -> f64| median(turns.iter().map(figure).collect());
        json!({
            "title": self.load.title(),
            "capacity": (self.load != Load::Idle).then_some(self.capacity),
            "calls_per_second": middle(|turn| turn.calls_per_second),
            "p50": middle(|turn| turn.p50),
            "p99": middle(|turn| turn.p99),
            "p999": middle(|turn| turn.p999),
            "p999_without_waits": middle(|turn| turn.p999_without_waits),
            "worst": middle(|turn| turn.worst),
            "each_p999": turns.iter().map(|turn| turn.p999).collect::<Vec<_>>(),
            "saves": turns.iter().map(|turn| turn.saves).sum::<f64>(),
            "expired": turns.iter().map(|turn| turn.expired).sum::<f64>(),
        })
    }
}

/// The number of items that share the hot bucket: the first of them.
fn hot_members(items: usize) -> usize {
    HOT_MEMBERS.min(items / 10)
}

fn compare(item: usize) -> Command {
    words(&["SIM.COMPARE", "large", &stream::name(item), "1", INDEX, "LIMIT", "10"])
}

/// The calls of one client.
struct Calls {
    load: Load,
    items: usize,
    random: Random,
}

impl Calls {
    /// What fills the server with one item.
    fn fill(&self, item: usize) -> Vec<Command> {
        match self.load {
            Load::Idle => Vec::new(),
            Load::Module => vec![self.record("large", item, stream::buckets(item, BANDS))],
            Load::BuiltIn(members) => vec![
                self.sadd(&format!("large:{}", item % 16), item, members),
                words(&["ZADD", "sorted", &stream::founder(item).to_string(), &stream::name(item)]),
            ],
        }
    }

    /// The next call, and now and then what belongs to it.
    fn next(&mut self, number: usize) -> Vec<Command> {
        let item = self.random.below(self.items);
        let fresh = item + (1 << 30); // observations that the filling did not have
        match (self.load, number % 4) {
            (Load::Idle, _) => Vec::new(),
            (Load::Module, 0) => vec![self.record("large", item, stream::buckets(fresh, BANDS))],
            (Load::Module, 2) => vec![self.record("brief", item, stream::buckets(item, BANDS))],
            (Load::Module, _) => {
                let is_hot = self.random.below(HOT_ONE_IN) == 0;
                vec![compare(if is_hot { self.random.below(hot_members(self.items)) } else { item })]
            }
            (Load::BuiltIn(members), 0) => vec![self.sadd(&format!("large:{}", item % 16), fresh, members)],
            (Load::BuiltIn(members), 2) => {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                let brief = format!("brief:{}", now.expect("a clock").as_secs());
                let add = self.sadd(&brief, item, members);
                // A set has no expiry of its own: each client gives it one, now and then.
                let expire = words(&["EXPIRE", &brief, &KEPT.to_string()]);
                if number % 128 == 2 { vec![add, expire] } else { vec![add] }
            }
            (Load::BuiltIn(_), _) => {
                vec![words(&["ZRANGE", "sorted", &item.to_string(), &(item + 9).to_string()])]
            }
        }
    }

    fn record(&self, scope: &str, item: usize, mut buckets: Vec<Vec<u8>>) -> Command {
        if scope == "large" && item < hot_members(self.items) {
            buckets[0] = b"hot".to_vec();
        }
        let bands = BANDS.to_string();
        let mut command = words(&["SIM.RECORD", scope, &stream::name(item), "SIGNATURE", INDEX, &bands]);
        command.extend(buckets);
        command
    }

    fn sadd(&self, key: &str, item: usize, members: usize) -> Command {
        let mut command = words(&["SADD", key]);
        command.extend(stream::buckets(item, members as u16));
        command
    }
}
