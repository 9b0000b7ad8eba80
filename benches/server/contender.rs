//! The two contenders, the module and the Lua script, behind the same few commands.

use std::fmt::Display;

/// A command, as its arguments.
pub type Command = Vec<Vec<u8>>;

/// The script's text: the same index on built-in types.
pub const SCRIPT: &str = include_str!("../lua/index.lua");

/// The program that does the work.
#[derive(Clone, Copy, PartialEq)]
pub enum Contender {
    Module,
    Lua,
}

impl Contender {
    pub const BOTH: [Contender; 2] = [Contender::Module, Contender::Lua];

    pub fn name(self) -> &'static str {
        match self {
            Contender::Module => "module",
            Contender::Lua => "lua",
        }
    }
}

/// An index of one scope: its bands, and its grid of time.
#[derive(Clone)]
pub struct Shape {
    pub scope: &'static str,
    pub bands: u16,
    /// Seconds of an interval; 0 for one without end, which the script does not support.
    pub interval: u64,
    /// The number of intervals that the window keeps before the present one.
    pub retention: u64,
    /// The SHA-1 by which EVALSHA calls the script.
    pub script: String,
}

/// The name of the only index.
pub const INDEX: &str = "message";

impl Shape {
    /// SIM.CREATE, for the module; the script needs nothing like it.
    pub fn create(&self) -> Command {
        let head = words(&["SIM.CREATE", self.scope, "ROWS", "2"]);
        let grid = ["BANDS", "INTERVAL", "RETENTION"].map(String::from).into_iter();
        let numbers = [u64::from(self.bands), self.interval, self.retention].map(|n| n.to_string());
        let pairs = grid.zip(numbers).flat_map(|(name, number)| [name.into_bytes(), number.into_bytes()]);
        head.into_iter().chain(pairs).collect()
    }

    pub fn record(&self, contender: Contender, item: &str, timestamp: u64, buckets: &[Vec<u8>]) -> Command {
        let head = match contender {
            Contender::Module => words(&["SIM.RECORD", self.scope, item, "TIMESTAMP", &text(timestamp)]),
            Contender::Lua => self.call("RECORD", timestamp, &[item]),
        };
        self.with_signature(contender, head, buckets)
    }

    pub fn record_text(&self, item: &str, timestamp: u64, observed: &str) -> Command {
        words(&["SIM.RECORD", self.scope, item, "TIMESTAMP", &text(timestamp), "TEXT", INDEX, observed])
    }

    pub fn classify(
        &self,
        contender: Contender,
        timestamp: u64,
        limit: usize,
        buckets: &[Vec<u8>],
    ) -> Command {
        let head = match contender {
            Contender::Module => {
                words(&["SIM.CLASSIFY", self.scope, "TIMESTAMP", &text(timestamp), "LIMIT", &text(limit)])
            }
            Contender::Lua => self.call("CLASSIFY", timestamp, &[&text(limit)]),
        };
        self.with_signature(contender, head, buckets)
    }

    /// ASSIGN, which only the module has.
    pub fn assign(&self, item: &str, timestamp: u64, min_score: &str, buckets: &[Vec<u8>]) -> Command {
        let head =
            words(&["SIM.ASSIGN", self.scope, item, "MINSCORE", min_score, "TIMESTAMP", &text(timestamp)]);
        self.with_signature(Contender::Module, head, buckets)
    }

    pub fn compare(&self, contender: Contender, item: &str, timestamp: u64, limit: usize) -> Command {
        match contender {
            Contender::Module => words(&[
                "SIM.COMPARE",
                self.scope,
                item,
                "1",
                INDEX,
                "TIMESTAMP",
                &text(timestamp),
                "LIMIT",
                &text(limit),
            ]),
            Contender::Lua => self.call("COMPARE", timestamp, &[&text(limit), item, INDEX]),
        }
    }

    pub fn merge(&self, contender: Contender, destination: &str, source: &str, timestamp: u64) -> Command {
        match contender {
            Contender::Module => words(&["SIM.MERGE", self.scope, destination, INDEX, source]),
            Contender::Lua => self.call("MERGE", timestamp, &[destination, INDEX, source]),
        }
    }

    pub fn delete(&self, contender: Contender, item: &str, timestamp: u64) -> Command {
        match contender {
            Contender::Module => words(&["SIM.DELETE", self.scope, INDEX, item]),
            Contender::Lua => self.call("DELETE", timestamp, &[INDEX, item]),
        }
    }

    /// A call of the script.
    fn call(&self, command: &str, timestamp: u64, rest: &[&str]) -> Command {
        let numbers = [timestamp, u64::from(self.bands), self.interval, self.retention]
            .map(|number| number.to_string());
        let mut call = words(&["EVALSHA", &self.script, "1", self.scope, command]);
        call.extend(numbers.map(String::into_bytes));
        call.extend(words(rest));
        call
    }

    fn with_signature(&self, contender: Contender, mut head: Command, buckets: &[Vec<u8>]) -> Command {
        match contender {
            Contender::Module => head.extend(words(&["SIGNATURE", INDEX, &text(buckets.len())])),
            Contender::Lua => head.extend(words(&[INDEX])),
        }
        head.extend(buckets.iter().cloned());
        head
    }

    /// The moment of queries: the beginning of the next interval, so that nothing expires while a phase runs.
    /// [`Shape::moment`] counts back from it.
    pub fn now(&self, clock: u64) -> u64 {
        clock.checked_div(self.interval).map_or(clock, |before| (before + 1) * self.interval)
    }

    /// The moment `age` intervals before [`Shape::now`].
    pub fn moment(&self, clock: u64, age: usize) -> u64 {
        self.now(clock) - age as u64 * self.interval
    }
}

pub fn words(words: &[&str]) -> Command {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn text(value: impl Display) -> String {
    value.to_string()
}
