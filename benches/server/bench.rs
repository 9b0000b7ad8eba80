//! The server under measurement: the cost of its calls, and the memory that it uses.

use crate::contender::{Command, Contender, SCRIPT, Shape, words};
use crate::wire::{Batch, Wire};
use std::time::{Duration, Instant};
use testkit::{Kind, Reply, Server, wait_until};

/// The number of commands in flight when a client pipelines.
pub const PIPELINE: usize = 64;

/// The amount of work: all of it, or enough to find out if something is wrong.
#[derive(Clone, Copy, PartialEq)]
pub enum Extent {
    Full,
    Quick,
}

impl Extent {
    pub fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Extent::Full => full,
            Extent::Quick => quick,
        }
    }
}

/// A server with the module and the script, and a clock for the progress lines.
pub struct Bench {
    pub server: Server,
    pub kind: Kind,
    pub extent: Extent,
    script: String,
    started: Instant,
}

/// The mean cost of the calls of a phase.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Microseconds of the server, from INFO commandstats.
    pub server: f64,
    /// Microseconds of a processor, for the call and for reading, parsing and answering it. This is more than
    /// `server`, and hardly changes when other programs keep the server waiting.
    pub processor: f64,
    /// Calls per second of one client.
    pub throughput: f64,
}

impl Cost {
    /// The median of each figure: a disturbed turn does not move it.
    pub fn median(turns: &[Cost]) -> Cost {
        let median_of = |figure: fn(&Cost) -> f64| median(turns.iter().map(figure).collect());
        Cost {
            server: median_of(|cost| cost.server),
            processor: median_of(|cost| cost.processor),
            throughput: median_of(|cost| cost.throughput),
        }
    }
}

/// A command's line in INFO commandstats.
pub struct CommandStats {
    pub calls: f64,
    /// Microseconds of each call.
    pub each: f64,
}

impl Bench {
    pub fn start(kind: Kind, extent: Extent) -> Bench {
        // No limit on the time of a script: by default the server refuses other commands after five seconds of one.
        let server = kind.launch().options("--busy-reply-threshold 0 --latency-tracking yes").start();
        let script = server.call(&["SCRIPT", "LOAD", SCRIPT]).text();
        Bench { server, kind, extent, script, started: Instant::now() }
    }

    /// Prints a line that says what the benchmark does now.
    pub fn progress(&self, what: &str) {
        eprintln!("[{:4.0} s] {what}", self.started.elapsed().as_secs_f64());
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Creates a scope anew, with a window of `intervals`, and gives the shape of its index.
    pub fn shape(&self, scope: &'static str, bands: u16, interval: u64, intervals: u64) -> Shape {
        let shape = Shape { scope, bands, interval, retention: intervals - 1, script: self.script.clone() };
        self.run(&shape.create());
        shape
    }

    /// The server's clock, in seconds.
    pub fn clock(&self) -> u64 {
        self.server.now().unsigned_abs()
    }

    /// Sends a command that must not fail, and gives the reply.
    pub fn run(&self, command: &Command) -> Reply {
        match self.server.call(command) {
            Reply::Error(error) => panic!("{}: {error}", command[0].escape_ascii()),
            reply => reply,
        }
    }

    /// Sends all commands in pipelines, without measuring anything.
    pub fn load(&self, commands: impl IntoIterator<Item = Command>) {
        Wire::connect(self.server.port()).send(&commands.into_iter().collect(), PIPELINE);
    }

    /// The cost of commands of one kind, `pipeline` of them in flight at a time.
    pub fn cost(&self, batch: &Batch, pipeline: usize) -> Cost {
        self.measure(batch, |wire| wire.send(batch, pipeline)).0
    }

    /// The same for one command after the other, and the times that the client waited for each, longest last.
    pub fn latencies(&self, batch: &Batch) -> (Cost, Vec<Duration>) {
        let (cost, mut latencies) = self.measure(batch, |wire| wire.send_singly(batch));
        latencies.sort();
        (cost, latencies)
    }

    /// The cost of the commands of a batch, which `send` sends, and what that gives.
    pub fn measure<Result>(&self, batch: &Batch, send: impl FnOnce(&mut Wire) -> Result) -> (Cost, Result) {
        let mut wire = Wire::connect(self.server.port());
        self.server.expect("CONFIG RESETSTAT", "OK");
        let (processor, start) = (self.processor_time(), Instant::now());
        let result = send(&mut wire);
        let (elapsed, processor) = (start.elapsed(), self.processor_time() - processor);
        let counted = self.calls_of(&batch.command_name());
        let calls = batch.len() as f64;
        assert_eq!(
            counted.calls,
            calls,
            "the server counted another number of calls of {}",
            batch.command_name()
        );
        let throughput = calls / elapsed.as_secs_f64();
        (Cost { server: counted.each, processor: processor / calls, throughput }, result)
    }

    /// Microseconds for which the server's main thread had a processor.
    pub fn processor_time(&self) -> f64 {
        let info = self.server.does("INFO cpu").text();
        let seconds = |line: &str| {
            let is_main = line.starts_with("used_cpu") && line.contains("main_thread");
            line.split_once(':').filter(|_| is_main)?.1.trim().parse::<f64>().ok()
        };
        info.lines().filter_map(seconds).sum::<f64>() * 1e6
    }

    /// Calls of a command since CONFIG RESETSTAT, and the server time of each.
    pub fn calls_of(&self, command: &str) -> CommandStats {
        let info = self.server.does("INFO commandstats").text();
        let wanted = format!("cmdstat_{}:", command.to_lowercase());
        let line = info.lines().find(|line| line.to_lowercase().starts_with(&wanted));
        let line = line.unwrap_or_else(|| panic!("commandstats has no {command}"));
        let field = |name: &str| {
            let found = line[wanted.len()..].split(',').find_map(|field| field.strip_prefix(name));
            found.and_then(|value| value.parse::<f64>().ok()).expect("a number of commandstats")
        };
        CommandStats { calls: field("calls="), each: field("usec=") / field("calls=") }
    }

    /// Microseconds for which a command that deletes keys stops the server: DEL or UNLINK.
    pub fn deletion_time(&self, command: &str, keys: &[String]) -> f64 {
        self.server.expect("CONFIG RESETSTAT", "OK");
        self.run(&[command].into_iter().chain(keys.iter().map(String::as_str)).map(Vec::from).collect());
        self.calls_of(command).each
    }

    /// Microseconds of the command that finds a key expired and so frees it.
    pub fn expiry_time(&self, key: &str) -> f64 {
        let server = &self.server;
        server.expect("DEBUG SET-ACTIVE-EXPIRE 0", "OK");
        self.run(&words(&["PEXPIRE", key, "1"]));
        let due = server.now_in_milliseconds() + 20;
        wait_until("the key has expired", || server.now_in_milliseconds() > due);
        server.expect("CONFIG RESETSTAT", "OK");
        self.run(&words(&["STRLEN", key]));
        server.expect("DEBUG SET-ACTIVE-EXPIRE 1", "OK");
        self.calls_of("STRLEN").each
    }

    /// Bytes that the server has allocated, after waiting until no other client has buffers.
    pub fn used_memory(&self) -> u64 {
        wait_until("the other clients are gone", || self.server.info("connected_clients") == "1");
        self.server.info("used_memory").parse().expect("a number of bytes")
    }

    /// Bytes by which a piece of work makes the server grow.
    pub fn memory_of(&self, work: impl FnOnce()) -> u64 {
        let before = self.used_memory();
        work();
        self.used_memory().saturating_sub(before)
    }

    /// The number of times that the system took the processor from the server. Each may make a call look slow.
    pub fn preemptions(&self) -> u64 {
        self.server.process_status("nonvoluntary_ctxt_switches") as u64
    }

    /// Empties the server.
    pub fn flush(&self) {
        self.server.expect("FLUSHALL SYNC", "OK");
    }

    /// The items that a query finds and their scores, sorted by item: to compare the two contenders.
    pub fn found(&self, command: &Command) -> Vec<(Vec<u8>, f64)> {
        let reply = self.run(command);
        let pair = |pair: &Reply| (pair.array()[0].bytes().to_vec(), pair.array()[1].double());
        let mut found: Vec<_> = reply.array()[0].array().iter().map(pair).collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// Checks that both contenders find the same items with the same scores, but for a millionth. Gives the number of
    /// items.
    pub fn agree(&self, command: impl Fn(Contender) -> Command) -> usize {
        let [ours, theirs] = Contender::BOTH.map(|contender| self.found(&command(contender)));
        assert_eq!(ours.len(), theirs.len(), "the module and the script find different numbers of items");
        for ((item, score), (other, other_score)) in ours.iter().zip(&theirs) {
            assert_eq!(item.escape_ascii().to_string(), other.escape_ascii().to_string());
            assert!((score - other_score).abs() < 1e-6, "{}: {score}, {other_score}", item.escape_ascii());
        }
        ours.len()
    }
}

/// The median; of an even number of figures, the mean of the middle two.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.len() % 2 == 1 { figures[middle] } else { (figures[middle - 1] + figures[middle]) / 2.0 }
}
