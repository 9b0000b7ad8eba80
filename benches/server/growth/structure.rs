//! What grows: a scope, or a built-in type beside it, and the calls that are measured.

use super::{BANDS, stream};
use crate::bench::Bench;
use crate::contender::{Command, Contender, Shape, words};

/// The score from which ASSIGN adds to an item that it found.
pub const MINSCORE: &str = "0.5";

pub enum Structure {
    /// A scope whose items are spread over this many chunks, and the clock when it was created.
    Scope {
        chunks: u64,
        shape: Shape,
        clock: u64,
    },
    Set,
    SortedSet,
}

/// A kind of call that is measured.
pub struct Call {
    pub name: &'static str,
    pub effect: Effect,
    /// The command, for an item.
    pub command: fn(&Structure, usize) -> Command,
}

/// What a call does to the structure, and so which item it is given.
#[derive(Clone, Copy, PartialEq)]
pub enum Effect {
    /// It adds the item that it is given, which is new.
    Adds,
    /// It adds to an item that is similar to the one that it is given.
    Writes,
    Reads,
}

/// So long that no chunk expires while the program runs, in seconds.
const INTERVAL: u64 = 30 * 86_400;
const KEY: &str = "growing";

impl Structure {
    pub fn scope(chunks: u64) -> Structure {
        let interval = if chunks == 1 { 0 } else { INTERVAL };
        let shape =
            Shape { scope: KEY, bands: BANDS, interval, retention: chunks - 1, script: String::new() };
        Structure::Scope { chunks, shape, clock: 0 }
    }

    /// Creates the scope. The other structures begin with their first item.
    pub fn create(&mut self, bench: &Bench) {
        if let Structure::Scope { shape, clock, .. } = self {
            bench.run(&shape.create());
            *clock = bench.clock();
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Structure::Scope { chunks: 1, .. } => "one-chunk",
            Structure::Scope { .. } => "chunks",
            Structure::Set => "set",
            Structure::SortedSet => "sorted-set",
        }
    }

    pub fn title(&self) -> String {
        match self {
            Structure::Scope { chunks: 1, .. } => "a scope of one chunk".into(),
            Structure::Scope { chunks, .. } => format!("a scope of {chunks} chunks"),
            Structure::Set => "a set".into(),
            Structure::SortedSet => "a sorted set".into(),
        }
    }

    /// The name of the command that adds an item.
    pub fn adding(&self) -> &'static str {
        match self {
            Structure::Scope { .. } => "SIM.RECORD",
            Structure::Set => "SADD",
            Structure::SortedSet => "ZADD",
        }
    }

    /// The command that adds item `n`.
    pub fn add(&self, n: usize) -> Command {
        let name = stream::name(n);
        match self {
            Structure::Scope { shape, .. } => {
                shape.record(Contender::Module, &name, self.moment(n), &stream::buckets(n, BANDS))
            }
            Structure::Set => words(&["SADD", KEY, &name]),
            // A score that does not grow with the item: members arrive in all places of the order.
            Structure::SortedSet => {
                words(&["ZADD", KEY, &(stream::founder(n) * 7 % 1_000_003).to_string(), &name])
            }
        }
    }

    /// The moment of item `n`: its chunk.
    fn moment(&self, n: usize) -> u64 {
        match self {
            Structure::Scope { chunks, shape, clock } => shape.moment(*clock, n % *chunks as usize),
            _ => 0,
        }
    }

    /// The calls that are measured, in order.
    pub fn calls(&self) -> Vec<Call> {
        match self {
            Structure::Scope { .. } => vec![
                Call { name: "RECORD", effect: Effect::Adds, command: Structure::add },
                Call { name: "COMPARE", effect: Effect::Reads, command: |structure, n| structure.compare(n) },
                Call {
                    name: "CLASSIFY",
                    effect: Effect::Reads,
                    command: |structure, n| structure.classify(n),
                },
                Call { name: "ASSIGN", effect: Effect::Writes, command: |structure, n| structure.assign(n) },
            ],
            Structure::Set => vec![
                Call { name: "SADD", effect: Effect::Adds, command: Structure::add },
                Call {
                    name: "SISMEMBER",
                    effect: Effect::Reads,
                    command: |_, n| words(&["SISMEMBER", KEY, &stream::name(n)]),
                },
            ],
            Structure::SortedSet => vec![
                Call { name: "ZADD", effect: Effect::Adds, command: Structure::add },
                // Ranks are as random as items.
                Call {
                    name: "ZRANGE",
                    effect: Effect::Reads,
                    command: |_, n| words(&["ZRANGE", KEY, &n.to_string(), &(n + 9).to_string()]),
                },
            ],
        }
    }

    fn compare(&self, n: usize) -> Command {
        let Structure::Scope { shape, clock, .. } = self else { panic!("only a scope compares") };
        shape.compare(Contender::Module, &stream::name(n), shape.now(*clock), 10)
    }

    /// A search for an observation that belongs to the group of item `n`, but was never recorded.
    fn classify(&self, n: usize) -> Command {
        let Structure::Scope { shape, clock, .. } = self else { panic!("only a scope classifies") };
        shape.classify(Contender::Module, shape.now(*clock), 10, &unseen(n))
    }

    /// An observation that belongs to the group of item `n`. If it is similar to none, it founds an item, with a name
    /// that is not in the stream.
    fn assign(&self, n: usize) -> Command {
        let Structure::Scope { shape, clock, .. } = self else { panic!("only a scope assigns") };
        shape.assign(&format!("assigned{n:09}"), shape.now(*clock), MINSCORE, &unseen(n))
    }

    /// The keys that the structure is made of, apart from the scope's own.
    pub fn keys(&self, bench: &Bench) -> Vec<String> {
        match self {
            Structure::Scope { .. } => bench.server.chunks(),
            _ => vec![KEY.into()],
        }
    }
}

/// The buckets of an observation that belongs to the group of item `n` and is that of no item.
fn unseen(n: usize) -> Vec<Vec<u8>> {
    stream::observation(stream::founder(n), n as u64 + (1 << 40), BANDS)
}
