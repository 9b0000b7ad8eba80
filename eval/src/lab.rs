//! The server that everything is replayed through, and the progress that somebody who waits sees.

use crate::event::{Content, Event};
use crate::setting::Setting;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::time::Instant;
use testkit::{Kind, Reply, Server};

pub type Command = Vec<Vec<u8>>;

/// The one scope there is at a time.
pub const SCOPE: &str = "eval";
/// Commands sent in one go.
const PIPELINE: usize = 128;

/// A server with the module, a bar, and a clock.
pub struct Lab {
    server: Server,
    bar: ProgressBar,
    started: Instant,
}

impl Lab {
    pub fn start() -> Lab {
        let bar = ProgressBar::no_length();
        let style = ProgressStyle::with_template("{elapsed:>5} {wide_msg} {bar:24} {percent:>3} %");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Lab { server: Kind::Redis7_0.start(), bar, started: Instant::now() }
    }

    /// Says what is done next, in so many steps.
    pub fn begin(&self, what: &str, steps: usize) {
        if !stderr().is_terminal() {
            eprintln!("[{:4.0} s] {what}", self.seconds());
        }
        self.bar.set_message(what.to_string());
        self.bar.set_length(steps as u64);
        self.bar.set_position(0);
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Which server this is.
    pub fn describe(&self) -> String {
        format!("Redis {}", self.server.info("redis_version"))
    }

    /// The module's own default of a scope's parameter.
    pub fn default(&self, parameter: &str) -> String {
        let reply = self.server.does(format!("CONFIG GET simile.{parameter}"));
        reply.pairs().first().map(|(_, value)| value.text()).unwrap_or_default()
    }

    /// Empties the server and makes the scope.
    pub fn create(&self, setting: &Setting) {
        self.server.expect("FLUSHALL SYNC", "OK");
        self.run(&[setting.create()]);
    }

    /// Sends commands, none of which may fail, and gives their replies.
    pub fn run(&self, commands: &[Command]) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(commands.len());
        for batch in commands.chunks(PIPELINE) {
            replies.extend(self.server.pipeline(batch));
        }
        for (command, reply) in commands.iter().zip(&replies) {
            if let Reply::Error(error) = reply {
                panic!("{}: {error}", command[0].escape_ascii());
            }
        }
        replies
    }

    /// The same for each step of something long: a step's commands are sent and read together, and the
    /// bar moves. Steps are numbered from 0.
    pub fn each_step(
        &self,
        steps: usize,
        commands: impl Fn(usize) -> Vec<Command>,
        mut read: impl FnMut(usize, &[Reply]),
    ) {
        const TOGETHER: usize = 32;
        for from in (0..steps).step_by(TOGETHER) {
            let batches: Vec<_> = (from..steps.min(from + TOGETHER)).map(&commands).collect();
            let replies = self.run(&batches.concat());
            let mut rest = replies.as_slice();
            for (place, batch) in batches.iter().enumerate() {
                let (own, others) = rest.split_at(batch.len());
                read(from + place, own);
                rest = others;
            }
            self.bar.inc(batches.len() as u64);
        }
    }

    /// Microseconds that the server takes for each of these commands, which are of one kind.
    pub fn server_time(&self, commands: &[Command]) -> Option<f64> {
        self.server.expect("CONFIG RESETSTAT", "OK");
        self.run(commands);
        let name = String::from_utf8_lossy(commands.first()?.first()?).to_lowercase();
        let stats = self.server.does("INFO commandstats").text();
        let line = stats.lines().find(|line| line.to_lowercase().starts_with(&format!("cmdstat_{name}:")))?;
        line.split(',').find_map(|field| field.strip_prefix("usec_per_call="))?.parse().ok()
    }

    /// A number that SIM.INFO has of the scope.
    pub fn number(&self, field: &str) -> usize {
        self.server.does(format!("SIM.INFO {SCOPE}")).get(field).integer() as usize
    }

    /// Bytes of an index.
    pub fn bytes(&self, index: &str) -> usize {
        self.number_of(index, "bytes")
    }

    /// Items of an index.
    pub fn items(&self, index: &str) -> usize {
        self.number_of(index, "items")
    }

    fn number_of(&self, index: &str, field: &str) -> usize {
        let info = self.server.does(format!("SIM.INFO {SCOPE}"));
        info.get("indexes").get(index).get(field).integer() as usize
    }
}

/// A command of words, with a clause at its end.
pub fn command(words: &[&str], clause: Command) -> Command {
    words.iter().map(|word| word.as_bytes().to_vec()).chain(clause).collect()
}

/// What an event is compared by, as a clause.
pub fn clause(index: &str, event: &Event) -> Command {
    match &event.content {
        Content::Text(text) => command(&["TEXT", index, text], Vec::new()),
        Content::Features(features) => features_clause(index, features),
    }
}

pub fn features_clause(index: &str, features: &[String]) -> Command {
    let features_of = features.iter().map(|feature| feature.as_bytes().to_vec()).collect();
    command(&["FEATURES", index, &features.len().to_string()], features_of)
}

/// Items and scores of the first clause or index of a reply.
pub fn found(reply: &Reply) -> impl Iterator<Item = (&[u8], f64)> {
    reply.array()[0].array().iter().map(|pair| (pair.array()[0].bytes(), pair.array()[1].double()))
}

/// The name of the item that an event is, such that names sort as the events arrived.
pub fn name(place: usize) -> String {
    format!("{place:06}")
}

/// The event that an item is.
pub fn place(name: &[u8]) -> usize {
    std::str::from_utf8(name).ok().and_then(|digits| digits.parse().ok()).expect("a name that `name` gave")
}
