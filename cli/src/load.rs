//! `simile load`: records many texts or sets of features, and continues where an earlier run was stopped.
//!
//! The input is read in batches. Each batch is sorted by the part of the scope that its items are in, and
//! each part gets its share at once, together with the position after the batch ([`SavedPositions`], which
//! explains why). The server does nothing else meanwhile, so a batch is small.

use crate::action::{Action, Change};
use crate::connection::ConnectionOptions;
use crate::interrupt::StopNote;
use crate::progress::Progress;
use crate::report::{Failures, ReportOptions};
use crate::saved_positions::{BLOCK_RECORDS, Outcome, PendingRecord, SavedPositions, StartMode};
use crate::scope::Scope;
use crate::script_words::script_words;
use crate::source::{self, FieldOptions, Format, Input, Observation, Position, Record};
use crate::{Result, display};
use serde_json::json;
use std::error::Error;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

/// A batch ends with its block of the input, or with the first record after this number of bytes.
const MAX_BATCH_BYTES: u64 = 2 << 20;

/// Records texts or sets of features from JSON, CSV, plain text or a directory, compressed or not.
///
/// It may be stopped at any moment: the same command then continues from there, and nothing is recorded
/// twice. Exits with 3 if some records could not be loaded; all are counted, and the first few are shown.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    #[command(flatten)]
    run: RunOptions,
    /// Replace what the scope has of each item of the input: a corrected file takes the place of what was
    /// loaded. It is loaded from its beginning. Needs about 30 bytes of memory for each item
    #[arg(long, conflicts_with_all = ["once", "grown"])]
    replace: bool,
    /// Record only items that the scope does not have yet. A file that has changed is loaded from its
    /// beginning
    #[arg(long)]
    once: bool,
}

/// The options of every run that reads an input into a scope.
#[derive(clap::Args)]
pub struct RunOptions {
    /// Scope to record into
    scope: String,
    /// File or directory; `-` is standard input
    input: PathBuf,
    /// Format of the input; default: guessed from its name, otherwise JSON. An input in gzip or zstd, or in UTF-16 with
    /// a byte order mark, is recognized in any format
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
    /// The file grows at its end: load what is new since it was loaded, and leave a last line that has no line
    /// break yet for the next run
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
    let change = match options {
        Options { replace: true, .. } => Change::Replace,
        Options { once: true, .. } => Change::AddOnce,
        _ => Change::Add,
    };
    run_action(&options.run, connection, Action::record(change, &options.run.fields))
}

/// Reads the input, and does this with each of its records.
pub fn run_action(options: &RunOptions, connection: &ConnectionOptions, action: Action) -> Result<ExitCode> {
    let input = source::open(&options.input, options.format, &options.fields)?;
    let mut scope = Scope::open(connection, &options.scope)?;
    action.check_scope(&scope)?;
    match &options.create {
        Some(words) => scope.create(&words.split_whitespace().map(String::from).collect::<Vec<_>>())?,
        None => check_exists(&mut scope)?,
    }
    let mut load = Load::start(options, action, scope, input)?;
    let stop_note = StopNote::start(load.describe_stop(), &load.progress)?;
    let outcome = load.record_all(&stop_note);
    // What is in the output need not be printed again by the next run.
    let marked = load.mark_printed();
    if let Err(error) = outcome.and(marked) {
        if load.recorded + load.empty + load.known + load.failures.count() > 0 {
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
    options: &'a RunOptions,
    action: Action<'a>,
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
    /// Malformed records without a line break, after which the position has not moved on.
    incomplete: u64,
    /// Records without any feature: there was nothing to record.
    empty: u64,
    /// With --once, records of items that the scope had.
    known: u64,
    /// Assignments that started a group.
    new_groups: u64,
    failures: Failures,
}

/// Some records of the input, to be sent together.
#[derive(Default)]
struct Batch {
    /// The observations, each with the position after it. Malformed records have been counted and left out.
    observations: Vec<(Position, Observation)>,
    /// The error that the load ends with, after this batch: the rest of the input cannot be read, or with --strict
    /// the next record is malformed.
    error: Option<Box<dyn Error>>,
}

impl<'a> Load<'a> {
    /// Goes to the position where the load begins.
    fn start(
        options: &'a RunOptions,
        action: Action<'a>,
        mut scope: Scope,
        input: Input<'a>,
    ) -> Result<Load<'a>> {
        let mode = match options {
            RunOptions { restart: true, .. } => StartMode::Restart,
            RunOptions { grown: true, .. } => StartMode::ContinueGrown,
            _ => action.start_mode(),
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
                display::name(input.identity.name.as_bytes())
            ));
            progress.set_done_before(begin.bytes);
        }
        let failures = Failures::new(&options.report);
        Ok(Load {
            options,
            action,
            scope,
            input,
            positions,
            progress,
            begin,
            end: Position::default(),
            retried: 0,
            incomplete: 0,
            recorded: 0,
            empty: 0,
            known: 0,
            new_groups: 0,
            failures,
        })
    }

    /// Records the rest of the input, batch by batch.
    fn record_all(&mut self, stop_note: &StopNote) -> Result<()> {
        self.action.print_left_over(&mut self.scope, &self.positions)?;
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
            if let Some(error) = batch.error {
                return Err(error);
            }
            if is_at_end {
                return Ok(());
            }
            self.report_progress();
        }
    }

    /// Reads the next batch. It ends before the first record that cannot be read or, with --strict, is malformed.
    /// A last record without a line break may not be written to its end: if it is malformed, or the user says that
    /// the input grows, the position stays before it.
    fn read_batch(&mut self) -> Result<Batch> {
        let mut batch = Batch::default();
        let begin = self.end;
        let block_end = (begin.records / BLOCK_RECORDS + 1) * BLOCK_RECORDS;
        let batch_end = block_end.min(begin.records + self.action.max_batch_records());
        while self.end.records < batch_end && self.end.bytes.saturating_sub(begin.bytes) < MAX_BATCH_BYTES {
            let Record { end, observation, is_complete } = match self.input.source.next() {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(error) => {
                    batch.error = Some(error);
                    break;
                }
            };
            self.check_position(end)?;
            if !is_complete && self.options.grown {
                self.print_incomplete(end);
                break;
            }
            match observation {
                Ok(observation) => batch.observations.push((end, observation)),
                // An earlier run has counted it.
                Err(_) if end <= self.begin => {}
                Err(reason) if self.options.strict => {
                    let noun = self.input.format.record_noun();
                    batch.error = Some(
                        format!(
                            "{noun} {} {reason} (--strict: stopped here; the {noun}s before it are loaded)",
                            end.records
                        )
                        .into(),
                    );
                    return Ok(batch);
                }
                Err(reason) => {
                    self.add_failure(end, &reason);
                    if !is_complete {
                        self.incomplete += 1;
                        continue;
                    }
                }
            }
            self.end = end;
        }
        Ok(batch)
    }

    /// Checks that an earlier run has seen the same input up to here, if it has saved this position.
    fn check_position(&self, end: Position) -> Result<()> {
        match self.positions.contradicts(end) {
            true => {
                Err(source::describe_other_input(&self.input.identity.name, self.input.format, end).into())
            }
            false => Ok(()),
        }
    }

    /// Says that a last record is left for the next run.
    fn print_incomplete(&self, end: Position) {
        let noun = self.input.format.record_noun();
        self.progress.print_line(&format!(
            "{noun} {} has no line break yet: it is left for the next run (without --grown it is loaded)",
            display::number(end.records)
        ));
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
            let (options, clauses) = self.action.words(&observation);
            let words = script_words(&mut self.scope, part, &observation, options, clauses)?;
            records_by_part[part].push((end, words));
        }
        // Phase 2: send. A part without a record in the batch saves the position too, so that all parts
        // are near each other after a stop.
        let mut strict_error = None;
        for (part, records) in records_by_part.into_iter().enumerate() {
            let (mut begin, mut rest) = (begin, &records[..]);
            while !rest.is_empty()
                || (self.positions.are_saved() && !self.positions.has_reached(part, self.end))
            {
                let command = self.action.command();
                let outcomes =
                    self.positions.send_batch(&mut self.scope, part, command, rest, begin, self.end)?;
                let sent;
                (sent, rest) = rest.split_at(outcomes.len());
                for (record, outcome) in sent.iter().zip(outcomes) {
                    begin = record.0;
                    self.action.note(record, &outcome)?;
                    let error = self.count(begin, &record.1[0], outcome);
                    strict_error = strict_error.or(error);
                }
                self.action.flush()?;
            }
        }
        match strict_error {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Counts a record that was sent. Returns the error that a load with --strict ends with.
    fn count(&mut self, end: Position, item: &[u8], outcome: Outcome) -> Option<String> {
        match outcome {
            Outcome::Recorded => self.recorded += 1,
            Outcome::Empty => self.empty += 1,
            Outcome::Known => self.known += 1,
            Outcome::Assigned(choice) => {
                self.recorded += 1;
                self.new_groups += u64::from(choice.is_new);
            }
            Outcome::Refused(error) => {
                // A file has a name that its number does not tell.
                let name = match self.input.format {
                    Format::Directory => format!("({}) ", display::name(item)),
                    _ => String::new(),
                };
                let reason = format!("{name}was refused: {error}");
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
        let advice = match (self.action.start_mode(), self.positions.are_saved()) {
            (StartMode::Restart, _) => "the same command begins again, and replaces these once more",
            (_, true) => "the same command continues from there",
            (StartMode::ContinueOrRestart, false) => "the same command passes over what is recorded",
            (_, false) => {
                "without --id the position is not saved: loading this input again would count its records twice"
            }
        };
        let place = match self.positions.earliest().records {
            0 => String::new(),
            records => format!(" after {} {}", self.input.format.record_noun(), display::number(records)),
        };
        let words = self.action.report_words();
        let (recorded, failed) = (display::number(self.recorded), self.not_loaded(words.failed));
        format!("stopped{place}: {recorded} {}{failed}; {advice}", words.done)
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
        let read = end.records.saturating_sub(begin.records) + self.retried + self.incomplete;
        let seconds = self.progress.seconds();
        if self.options.report.json {
            let words = self.action.report_words();
            let mut summary = json!({
                words.done: recorded, "empty": empty, "failed": failures.count(), "read": read,
                "before": begin.records, "seconds": (seconds * 1000.0).round() / 1000.0,
            });
            self.action.add_to_summary(&mut summary, self.known, self.new_groups);
            self.print_summary_line(&summary.to_string())?;
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
        let words = self.action.report_words();
        self.print_summary_line(&format!(
            "{} read in {seconds:.1} s{before}: {} {}{}{empty}{}.",
            display::quantity(read, self.input.format.record_noun()),
            display::number(*recorded),
            words.done,
            self.action.describe_counts(self.known, self.new_groups),
            self.not_loaded(words.failed)
        ))?;
        Ok(failures.exit_code())
    }

    /// Prints the summary: to standard error if the output is what the records became.
    fn print_summary_line(&self, line: &str) -> Result<()> {
        match self.action.has_output() {
            true => eprintln!("simile: {line}"),
            false => writeln!(stdout(), "{line}")?,
        }
        Ok(())
    }

    /// Tells the server that what this run was to print is printed.
    fn mark_printed(&mut self) -> Result<()> {
        match self.action.is_printed() {
            true => self.positions.mark_printed(&mut self.scope),
            false => Ok(()),
        }
    }

    /// `, 7 NOT LOADED`, in these words; nothing if there are no failures.
    fn not_loaded(&self, words: &str) -> String {
        match self.failures.count() {
            0 => String::new(),
            count => format!(", {} {words}", display::number(count)),
        }
    }
}
