//! `simile load`: records many texts or sets of features, and goes on where it was stopped.

use crate::position::{Positions, Start};
use crate::progress::Progress;
use crate::scope::Scope;
use crate::server::Address;
use crate::show;
use crate::source::{self, Fields, Format, Observation, Opened, Place, Record};
use crate::{INCOMPLETE, Result};
use redis::{Cmd, Value};
use serde_json::json;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

/// Observations of a batch. The server does nothing else while it carries one out.
const BATCH: usize = 256;
/// Bytes of a batch, about.
const BATCH_BYTES: u64 = 2 << 20;

/// Records texts or sets of features from JSON lines, CSV or a directory.
///
/// Stopped at any moment, the same command goes on where it was: what was recorded is not recorded
/// again. Exits with 3 where some records could not be loaded; each is counted, and the first are shown.
#[derive(clap::Args)]
pub struct Options {
    /// Scope to record into
    scope: String,
    /// File or directory; `-` is standard input
    input: PathBuf,
    /// Form of the input; default: by its name, and JSON lines for standard input
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Make the scope first, with these parameters of SIM.CREATE: --create 'THRESHOLD 0.8 INTERVAL 0'.
    /// Fine where it exists with the same
    #[arg(long, value_name = "PARAMETERS")]
    create: Option<String>,
    /// Name by which the position is remembered; default: the path. Standard input without a name is
    /// not remembered: stopped, it must be loaded into a new scope
    #[arg(long)]
    id: Option<String>,
    /// Load all of it, whatever was loaded before: observations are added to those that are there
    #[arg(long, conflicts_with = "grown")]
    restart: bool,
    /// The file has grown at its end since it was loaded: load what is new
    #[arg(long)]
    grown: bool,
    /// Stop at the first record that cannot be loaded
    #[arg(long)]
    strict: bool,
    /// How many of the records that cannot be loaded are shown; all are counted
    #[arg(long, value_name = "N", default_value_t = 10)]
    show: u64,
    /// Seconds between reports where standard error is no terminal
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    report_every: f64,
    /// The summary as a JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    address: Address,
}

/// Carries the subcommand out.
///
/// # Errors
/// The input or the server cannot be reached, or refuses.
pub fn run(options: &Options) -> Result<ExitCode> {
    let opened = source::open(&options.input, options.format, &options.fields)?;
    let mut scope = Scope::open(&options.address, &options.scope)?;
    match &options.create {
        Some(words) => scope.create(&words.split_whitespace().map(String::from).collect::<Vec<_>>())?,
        None => check_scope(&mut scope)?,
    }
    let mut load = Load::begin(options, scope, opened)?;
    if let Err(error) = load.all() {
        load.stopped();
        return Err(error);
    }
    load.summary()
}

fn check_scope(scope: &mut Scope) -> Result<()> {
    let name = scope.name.clone();
    scope.existing().map(drop).map_err(|error| {
        format!("{error} To make it: --create 'THRESHOLD 0.8 INTERVAL 0', or SIM.CREATE {name}").into()
    })
}

/// A load under way.
struct Load<'a> {
    options: &'a Options,
    scope: Scope,
    opened: Opened<'a>,
    /// `None`: standard input without a name.
    positions: Option<Positions>,
    progress: Progress,
    /// Where it began.
    began: Place,
    /// Where the last record that was read ends.
    end: Place,
    recorded: u64,
    /// Records without any feature: there was nothing to record.
    empty: u64,
    failed: u64,
}

impl<'a> Load<'a> {
    fn begin(options: &'a Options, mut scope: Scope, mut opened: Opened<'a>) -> Result<Load<'a>> {
        let start = match options {
            Options { restart: true, .. } => Start::Anew,
            Options { grown: true, .. } => Start::Grown,
            _ => Start::Behind,
        };
        let path = Some(&opened.identity.path).filter(|path| *path != "-");
        let positions = match options.id.as_ref().or(path) {
            Some(source) => Some(Positions::read(&mut scope, source, &opened.identity, start)?),
            None => None,
        };
        let mut progress = Progress::new(opened.bytes, options.report_every);
        let began = positions.as_ref().map(Positions::least).unwrap_or_default();
        if began.records > 0 {
            let (unit, name) = (opened.format.unit(), &opened.identity.name);
            let last = show::number(began.records);
            progress.say(&format!(
                "going on behind {unit} {last} of {name}: it and all before were loaded earlier"
            ));
            opened.source.go_to(began)?;
            progress.resume(began.bytes);
        }
        Ok(Load {
            options,
            scope,
            opened,
            positions,
            progress,
            began,
            end: began,
            recorded: 0,
            empty: 0,
            failed: 0,
        })
    }

    fn all(&mut self) -> Result<()> {
        loop {
            let (mut batch, from) = (Vec::new(), self.end);
            let mut at_fault = None;
            while batch.len() < BATCH && self.end.bytes - from.bytes < BATCH_BYTES {
                let Some(Record { end, observation }) = self.opened.source.next()? else { break };
                match observation {
                    Ok(observation) => batch.push((end, observation)),
                    Err(why) if self.options.strict => {
                        at_fault = Some(self.strictly(end, &why));
                        break;
                    }
                    Err(why) => self.fail(end, &why),
                }
                self.end = end;
            }
            let is_over = self.end == from;
            self.send(batch)?;
            if let Some(error) = at_fault {
                return Err(error.into());
            }
            if is_over {
                return Ok(());
            }
            self.report();
        }
    }

    /// Sends a batch to the parts that its items are in, and each part's position with it.
    fn send(&mut self, batch: Vec<(Place, Observation)>) -> Result<()> {
        let mut by_part: Vec<(Vec<Place>, Vec<Cmd>)> = vec![Default::default(); self.scope.parts.len()];
        for (end, observation) in batch {
            let part = self.scope.part_of(&observation.item);
            if !self.positions.as_ref().is_some_and(|positions| positions.has(part, end)) {
                by_part[part].0.push(end);
                by_part[part].1.push(observation.command(&self.scope.parts[part]));
            }
        }
        let mut refused = None;
        for (part, (ends, commands)) in by_part.into_iter().enumerate() {
            let replies = match &mut self.positions {
                Some(positions) if positions.has(part, self.end) => continue,
                Some(positions) => positions.send(&mut self.scope, part, commands, self.end)?,
                None => self.scope.server.ask_all(&commands)?,
            };
            for (end, reply) in ends.into_iter().zip(replies) {
                let error = self.take(end, reply);
                refused = refused.or(error);
            }
        }
        match refused {
            Some(error) if self.options.strict => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Counts a reply; gives what a strict load ends with.
    fn take(&mut self, end: Place, reply: Value) -> Option<String> {
        match reply {
            Value::Array(clauses) if clauses.iter().all(|counts| *counts == Value::Array(Vec::new())) => {
                self.empty += 1
            }
            Value::ServerError(error) => {
                let why = format!("was refused: {}", self.scope.server.in_words(&error.into()));
                if self.options.strict {
                    let unit = self.opened.format.unit();
                    return Some(format!(
                        "{unit} {} {why} (--strict: stopped behind the batch it is in)",
                        end.records
                    ));
                }
                self.fail(end, &why);
            }
            _ => self.recorded += 1,
        }
        None
    }

    fn strictly(&self, end: Place, why: &str) -> String {
        let unit = self.opened.format.unit();
        format!("{unit} {} {why} (--strict: stopped here; the {unit}s before it are loaded)", end.records)
    }

    /// Counts a record that cannot be loaded, and shows it if it is one of the first.
    fn fail(&mut self, end: Place, why: &str) {
        self.failed += 1;
        if self.failed <= self.options.show {
            self.progress.say(&format!("{} {} {why}", self.opened.format.unit(), end.records));
        }
        if self.failed == self.options.show + 1 {
            self.progress.say("more cannot be loaded; from here on they are counted (--show N shows more)");
        }
    }

    /// Says what was done before an error ended the load.
    fn stopped(&self) {
        if self.recorded + self.empty + self.failed == 0 {
            return;
        }
        let failed = if self.failed > 0 {
            format!(", {} NOT LOADED", show::number(self.failed))
        } else {
            String::new()
        };
        let then = match self.positions {
            Some(_) => "the same command goes on from there",
            None => "without --id nobody knows where it was: another load of it adds to what is there",
        };
        self.progress.say(&format!("stopped: {} recorded{failed}; {then}", show::number(self.recorded)));
    }

    fn report(&mut self) {
        let (end, failed, unit) = (self.end, self.failed, self.opened.format.unit());
        let rate = (end.records - self.began.records) as f64 / self.progress.seconds().max(0.001);
        self.progress.at(end.bytes, || {
            let failed =
                if failed > 0 { format!(", {} not loaded", show::number(failed)) } else { String::new() };
            format!("{}, {}/s{failed}", show::count(end.records, unit), show::number(rate as u64))
        });
    }

    fn summary(&self) -> Result<ExitCode> {
        self.progress.finish();
        let Load { began, end, recorded, empty, failed, .. } = self;
        let (read, seconds) = (end.records - began.records, self.progress.seconds());
        if self.options.json {
            let summary = json!({
                "recorded": recorded, "empty": empty, "failed": failed, "read": read,
                "before": began.records, "seconds": (seconds * 1000.0).round() / 1000.0,
            });
            writeln!(stdout(), "{summary}")?;
        } else {
            let unit = self.opened.format.unit();
            let before = match began.records {
                0 => String::new(),
                before => format!(" ({} before)", show::number(before)),
            };
            let empty = if *empty > 0 {
                format!(", {} without any feature", show::number(*empty))
            } else {
                String::new()
            };
            let failed =
                if *failed > 0 { format!(", {} NOT LOADED", show::number(*failed)) } else { String::new() };
            writeln!(
                stdout(),
                "{} read in {seconds:.1} s{before}: {} recorded{empty}{failed}.",
                show::count(read, unit),
                show::number(*recorded)
            )?;
        }
        Ok(if *failed > 0 { ExitCode::from(INCOMPLETE) } else { ExitCode::SUCCESS })
    }
}
