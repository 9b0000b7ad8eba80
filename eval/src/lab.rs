//! The server through which everything is replayed, and the progress bar.

use crate::command::{Command, SCOPE};
use crate::setting::Setting;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::time::Instant;
use testkit::{Kind, Reply, Server};

/// Commands sent before the first reply is read.
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

    /// Shows what is done next, and sets the bar to this many steps.
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

    /// The name and the version of the server.
    pub fn describe(&self) -> String {
        format!("Redis {}", self.server.info("redis_version"))
    }

    /// The module's own default of a scope's parameter.
    pub fn default(&self, parameter: &str) -> String {
        let reply = self.server.does(format!("CONFIG GET simile.{parameter}"));
        reply.pairs().first().map(|(_, value)| value.text()).unwrap_or_default()
    }

    /// Empties the server and creates the scope.
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

    /// The same for each step of something long, moving the bar: `commands` gives the commands of a step, and `read`
    /// gets its replies. Steps are numbered from 0; a pipeline has the commands of several.
    pub fn each_step(
        &self,
        steps: usize,
        commands: impl Fn(usize) -> Vec<Command>,
        mut read: impl FnMut(usize, &[Reply]),
    ) {
        const STEPS_AT_A_TIME: usize = 32;
        for from in (0..steps).step_by(STEPS_AT_A_TIME) {
            let batches: Vec<_> = (from..steps.min(from + STEPS_AT_A_TIME)).map(&commands).collect();
            let replies = self.run(&batches.concat());
            let mut rest = replies.as_slice();
            for (step, batch) in (from..).zip(&batches) {
                let (replies_of_step, others) = rest.split_at(batch.len());
                read(step, replies_of_step);
                rest = others;
            }
            self.bar.inc(batches.len() as u64);
        }
    }

    /// The server's mean time for these commands, which are all of one kind, in microseconds.
    pub fn server_time(&self, commands: &[Command]) -> Option<f64> {
        self.server.expect("CONFIG RESETSTAT", "OK");
        self.run(commands);
        let name = String::from_utf8_lossy(commands.first()?.first()?).to_lowercase();
        let stats = self.server.does("INFO commandstats").text();
        let line = stats.lines().find(|line| line.to_lowercase().starts_with(&format!("cmdstat_{name}:")))?;
        line.split(',').find_map(|field| field.strip_prefix("usec_per_call="))?.parse().ok()
    }

    /// A number of the scope in the reply of SIM.INFO.
    pub fn number(&self, field: &str) -> usize {
        self.server.does(format!("SIM.INFO {SCOPE}")).get(field).integer() as usize
    }

    /// The bytes that an index takes.
    pub fn bytes(&self, index: &str) -> usize {
        self.number_of(index, "bytes")
    }

    /// The number of items in an index.
    pub fn items(&self, index: &str) -> usize {
        self.number_of(index, "items")
    }

    fn number_of(&self, index: &str, field: &str) -> usize {
        let info = self.server.does(format!("SIM.INFO {SCOPE}"));
        info.get("indexes").get(index).get(field).integer() as usize
    }
}
