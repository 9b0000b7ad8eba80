//! `simile load`: records many texts or sets of features, and continues where an earlier run was stopped.
//!
//! The input is read in batches. Each batch is sorted by the part of the scope that its items are in, and
//! each part gets its share at once, together with the position after the batch ([`SavedPositions`], which
//! explains why). The server does nothing else meanwhile, so a batch is small.

use crate::connection::ConnectionOptions;
use crate::interrupt::StopNote;
use crate::progress::Progress;
use crate::report::{Failures, ReportOptions};
use crate::saved_positions::{BLOCK_RECORDS, Outcome, PendingRecord, SavedPositions, StartMode};
use crate::scope::Scope;
use crate::source::{self, Clause, FieldOptions, Format, Input, Observation, Position, Record};
use crate::{Result, display};
use redis::{Value, cmd};
use serde_json::json;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

/// A batch ends with its block of the input, or with the first record after this number of bytes.
const MAX_BATCH_BYTES: u64 = 2 << 20;
/// Lua passes at most 8,000 arguments on to a command.
const MAX_SCRIPT_WORDS: usize = 7_000;

/// Records texts or sets of features from JSON lines, CSV or a directory.
///
/// It may be stopped at any moment: the same command then continues from there, and nothing is recorded
/// twice. Exits with 3 if some records could not be loaded; all are counted, and the first few are shown.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Scope to record into
    scope: String,
    /// File or directory; `-` is standard input
    input: PathBuf,
    /// Format of the input; default: guessed from its name, and JSON lines for standard input
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Create the scope first, with these parameters of SIM.CREATE: --create 'THRESHOLD 0.8 INTERVAL 0'.
    /// It may exist already, with the same parameters
    #[arg(long, value_name = "PARAMETERS")]
    create: Option<String>,
    /// Name under which the position is saved; default: the path. For standard input without a name no
    /// position is saved: after a stop, it must be loaded into a new scope
    #[arg(long)]
    id: Option<String>,
    /// Load all of the input, whatever was loaded before: its observations are added to those in the
    /// scope
    #[arg(long, conflicts_with = "grown")]
    restart: bool,
    /// The file has grown at its end since it was loaded: load what is new
    #[arg(long)]
    grown: bool,
    /// Stop at the first record that cannot be loaded
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    fields: FieldOptions,
}

/// What `--help` shows at its end.
const EXAMPLES: &str = "\
Examples:
  simile load errors errors.jsonl --create 'THRESHOLD 0.8 INTERVAL 0'
  simile load errors reports.csv --item number --text title --text body=description
  zcat log.jsonl.gz | simile load errors - --id log   # may be stopped, and continues";

/// Runs the subcommand.
///
/// # Errors
/// Besides those of the input and the server: with --strict, the first record that cannot be loaded.
pub fn run(options: &Options, connection: &ConnectionOptions) -> Result<ExitCode> {
    let input = source::open(&options.input, options.format, &options.fields)?;
    let mut scope = Scope::open(connection, &options.scope)?;
    match &options.create {
        Some(words) => scope.create(&words.split_whitespace().map(String::from).collect::<Vec<_>>())?,
        None => check_exists(&mut scope)?,
    }
    let mut load = Load::start(options, scope, input)?;
    let stop_note = StopNote::start(load.describe_stop(), &load.progress)?;
    if let Err(error) = load.record_all(&stop_note) {
        if load.recorded + load.empty + load.failures.count() > 0 {
            load.progress.print_line(&load.describe_stop());
        }
        return Err(error);
    }
    load.print_summary()
}

/// Checks that the scope exists.
fn check_exists(scope: &mut Scope) -> Result<()> {
    let name = scope.name.clone();
    scope.require_infos().map(drop).map_err(|error| {
        format!("{error} To create it: --create 'THRESHOLD 0.8 INTERVAL 0', or SIM.CREATE {name}").into()
    })
}

/// A load that is running.
struct Load<'a> {
    options: &'a Options,
    scope: Scope,
    input: Input<'a>,
    /// Not saved for standard input without a name.
    positions: SavedPositions,
    progress: Progress,
    /// The position at which this run began.
    begin: Position,
    /// The position after the last record that was read.
    end: Position,
    /// Records before `begin` that the server had refused, and that were sent once more.
    retried: u64,
    recorded: u64,
    /// Records without any feature: there was nothing to record.
    empty: u64,
    failures: Failures,
}

/// Some records of the input, to be sent together.
#[derive(Default)]
struct Batch {
    /// The observations, each with the position after it. Malformed records have been counted and left out.
    observations: Vec<(Position, Observation)>,
    /// With --strict, the error for the malformed record that the batch ends before.
    strict_error: Option<String>,
}

impl<'a> Load<'a> {
    /// Goes to the position where the load begins.
    fn start(options: &'a Options, mut scope: Scope, input: Input<'a>) -> Result<Load<'a>> {
        let mode = match options {
            Options { restart: true, .. } => StartMode::Restart,
            Options { grown: true, .. } => StartMode::ContinueGrown,
            _ => StartMode::Continue,
        };
        let path = Some(&input.identity.path).filter(|path| *path != "-");
        let name = options.id.as_ref().or(path).map(String::as_str);
        let positions = SavedPositions::read(&mut scope, name, &input.identity, mode)?;
        let mut progress = Progress::start(input.total_bytes, &options.report.progress);
        let begin = positions.earliest();
        if begin.records > 0 {
            let noun = input.format.record_noun();
            let refused = match positions.refused_records() {
                0 => String::new(),
                count => format!(
                    ", except {}, refused by the server: trying again",
                    display::quantity(count, noun)
                ),
            };
            progress.print_line(&format!(
                "continuing after {noun} {} of {}: everything up to it was loaded before{refused}",
                display::number(begin.records),
                input.identity.name
            ));
            progress.set_done_before(begin.bytes);
        }
        let failures = Failures::new(&options.report);
        Ok(Load {
            options,
            scope,
            input,
            positions,
            progress,
            begin,
            end: Position::default(),
            retried: 0,
            recorded: 0,
            empty: 0,
            failures,
        })
    }

    /// Records the rest of the input, batch by batch.
    fn record_all(&mut self, stop_note: &StopNote) -> Result<()> {
        loop {
            let batch_begin = self.positions.next_needed(self.end);
            if batch_begin > self.end {
                self.input.source.go_to(batch_begin)?;
                self.end = batch_begin;
            }
            let batch = self.read_batch()?;
            let is_at_end = self.end == batch_begin;
            // Sent even if it is empty: that moves the saved positions past records that failed.
            let mut note = stop_note.hold();
            self.send_batch(batch.observations, batch_begin)?;
            *note = self.describe_stop();
            drop(note);
            if let Some(error) = batch.strict_error {
                return Err(error.into());
            }
            if is_at_end {
                return Ok(());
            }
            self.report_progress();
        }
    }

    /// Reads the next batch. With --strict it ends before the first malformed record.
    fn read_batch(&mut self) -> Result<Batch> {
        let mut batch = Batch::default();
        let begin = self.end;
        let block_end = (begin.records / BLOCK_RECORDS + 1) * BLOCK_RECORDS;
        while self.end.records < block_end && self.end.bytes - begin.bytes < MAX_BATCH_BYTES {
            let Some(Record { end, observation }) = self.input.source.next()? else { break };
            match observation {
                Ok(observation) => batch.observations.push((end, observation)),
                // An earlier run has counted it.
                Err(_) if end <= self.begin => {}
                Err(reason) if self.options.strict => {
                    let noun = self.input.format.record_noun();
                    batch.strict_error = Some(format!(
                        "{noun} {} {reason} (--strict: stopped here; the {noun}s before it are loaded)",
                        end.records
                    ));
                    return Ok(batch);
                }
                Err(reason) => self.add_failure(end, &reason),
            }
            self.end = end;
        }
        Ok(batch)
    }

    /// Sends a batch to the parts that its items are in, and saves the position in each part.
    fn send_batch(&mut self, observations: Vec<(Position, Observation)>, begin: Position) -> Result<()> {
        // Phase 1: sort by part. A part of a split scope may have had a record in an earlier run already.
        let mut records_by_part: Vec<Vec<PendingRecord>> = vec![Vec::new(); self.scope.parts.len()];
        for (end, observation) in observations {
            let part = self.scope.part_of(&observation.item);
            if !self.positions.needs(part, end) {
                continue;
            }
            self.retried += u64::from(end <= self.begin && self.positions.was_refused(end));
            records_by_part[part].push((end, self.words_of(&observation, part)?));
        }
        // Phase 2: send. A part without a record in the batch saves the position too, so that all parts
        // are near each other after a stop.
        let mut strict_error = None;
        for (part, records) in records_by_part.into_iter().enumerate() {
            let (mut begin, mut rest) = (begin, &records[..]);
            while !rest.is_empty()
                || (self.positions.are_saved() && !self.positions.has_reached(part, self.end))
            {
                let outcomes = self.positions.send_batch(&mut self.scope, part, rest, begin, self.end)?;
                let sent;
                (sent, rest) = rest.split_at(outcomes.len());
                for ((end, _), outcome) in sent.iter().zip(outcomes) {
                    begin = *end;
                    let error = self.count(*end, outcome);
                    strict_error = strict_error.or(error);
                }
            }
        }
        match strict_error {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// The words of a record, as the script takes them. Thousands of features are more than a script can pass on:
    /// they are sent as their signature, which the server makes first. If it refuses to, its error is the only word.
    fn words_of(&mut self, observation: &Observation, part: usize) -> Result<Vec<Vec<u8>>> {
        let mut clauses: Vec<_> = observation.clauses.iter().map(Clause::to_words).collect();
        let has_many_words = clauses.iter().map(Vec::len).sum::<usize>() > MAX_SCRIPT_WORDS;
        for (clause, words) in observation.clauses.iter().zip(&mut clauses).filter(|_| has_many_words) {
            let Clause::Features { index, features } = clause else { continue };
            let mut sign = cmd("SIM.SIGNATURE");
            sign.arg(&self.scope.parts[part]).arg("FEATURES").arg(features.len()).arg(features);
            let reply = self.scope.server.pipeline(&[sign.arg("WITHSKETCH").clone()])?.pop();
            if let Some(Value::ServerError(error)) = &reply
                && error.code() == "ERR"
            {
                return Ok(vec![self.scope.server.describe_error(&error.clone().into()).into_bytes()]);
            }
            let (buckets, sketch): (Vec<Vec<u8>>, Vec<u8>) =
                self.scope.server.parse_reply(reply.unwrap_or(Value::Nil))?;
            let count = buckets.len().to_string();
            *words = [b"SIGNATURE", index.as_bytes(), count.as_bytes()].map(Vec::from).into();
            words.extend(buckets);
            if !sketch.is_empty() {
                words.extend([b"SKETCH".to_vec(), index.clone().into_bytes(), sketch]);
            }
        }
        Ok(observation.to_words(clauses))
    }

    /// Counts a record that was sent. Returns the error that a load with --strict ends with.
    fn count(&mut self, end: Position, outcome: Outcome) -> Option<String> {
        match outcome {
            Outcome::Recorded => self.recorded += 1,
            Outcome::Empty => self.empty += 1,
            Outcome::Refused(error) => {
                let reason = format!("was refused: {error}");
                if self.options.strict {
                    let noun = self.input.format.record_noun();
                    return Some(format!(
                        "{noun} {} {reason} (--strict: stopped after the batch that it is in)",
                        end.records
                    ));
                }
                self.add_failure(end, &reason);
            }
        }
        None
    }

    fn add_failure(&mut self, end: Position, reason: &str) {
        let noun = self.input.format.record_noun();
        self.failures.add(&self.progress, || format!("{noun} {} {reason}", end.records));
    }

    /// What is said if the load ends here: what was done, and how to go on.
    fn describe_stop(&self) -> String {
        let advice = match self.positions.are_saved() {
            true => "the same command continues from there",
            false => {
                "without --id the position is not saved: loading this input again would count its records twice"
            }
        };
        let place = match self.positions.earliest().records {
            0 => String::new(),
            records => format!(" after {} {}", self.input.format.record_noun(), display::number(records)),
        };
        let (recorded, not_loaded) = (display::number(self.recorded), self.not_loaded("NOT LOADED"));
        format!("stopped{place}: {recorded} recorded{not_loaded}; {advice}")
    }

    fn report_progress(&mut self) {
        let (end, noun) = (self.end, self.input.format.record_noun());
        let not_loaded = self.not_loaded("not loaded");
        let rate = match self.progress.rate(end.bytes) as u64 {
            0 => String::new(),
            bytes => format!(", {}/s", display::size(bytes)),
        };
        self.progress
            .report(end.bytes, || format!("{}{rate}{not_loaded}", display::quantity(end.records, noun)));
    }

    fn print_summary(&self) -> Result<ExitCode> {
        self.progress.finish();
        let Load { begin, end, recorded, empty, failures, .. } = self;
        let read = end.records.saturating_sub(begin.records) + self.retried;
        let seconds = self.progress.seconds();
        if self.options.report.json {
            let summary = json!({
                "recorded": recorded, "empty": empty, "failed": failures.count(), "read": read,
                "before": begin.records, "seconds": (seconds * 1000.0).round() / 1000.0,
            });
            writeln!(stdout(), "{summary}")?;
            return Ok(failures.exit_code());
        }
        let before = match begin.records {
            0 => String::new(),
            before => format!(" ({} before)", display::number(before)),
        };
        let empty = match empty {
            0 => String::new(),
            _ => format!(", {} without any feature", display::number(*empty)),
        };
        writeln!(
            stdout(),
            "{} read in {seconds:.1} s{before}: {} recorded{empty}{}.",
            display::quantity(read, self.input.format.record_noun()),
            display::number(*recorded),
            self.not_loaded("NOT LOADED")
        )?;
        Ok(failures.exit_code())
    }

    /// `, 7 NOT LOADED`, in these words; nothing if there are no failures.
    fn not_loaded(&self, words: &str) -> String {
        match self.failures.count() {
            0 => String::new(),
            count => format!(", {} {words}", display::number(count)),
        }
    }
}
