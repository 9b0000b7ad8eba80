//! `simile dedup`: the input without its near-duplicates.
//!
//! Each record is assigned (SIM.ASSIGN, by JACCARD): either it is similar to a record that stays, and goes; or it stays,
//! and later records are compared with it. A record is compared only with those that stay, and an item keeps its first
//! sketch, so there are no chains: whatever goes is as similar as the threshold says to a record in the output.
//!
//! The server holds what was seen. The tool holds one batch of records, whatever the length of the input: what it must
//! know about the original of a copy is in the name of the item, which is `NUMBER#ID`, or `INPUT#NUMBER#ID` in a scope
//! that the user names.
//!
//! The tool drops a scope of its own at the end, and on Ctrl-C. If it is killed, the scope expires, and so do its chunks.

use crate::assign::assign_words;
use crate::connection::ConnectionOptions;
use crate::interrupt::StopNote;
use crate::progress::Progress;
use crate::report::{Failures, ReportOptions};
use crate::saved_positions::{BatchCommand, Outcome, PendingRecord, SavedPositions, StartMode};
use crate::scope::Scope;
use crate::script_words::script_words;
use crate::search::Score;
use crate::source::{self, FieldOptions, Format, Input, Observation, Position};
use crate::{Result, display};
use redis::cmd;
use serde_json::json;
use std::error::Error;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufWriter, Stdout, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The records of a batch. Each is a search, and the server does nothing else meanwhile.
const BATCH_RECORDS: usize = 32;
/// A batch ends with the first record after this number of bytes.
const MAX_BATCH_BYTES: u64 = 2 << 20;
/// A scope of the tool's own expires after this number of seconds: no run may take longer.
const MAX_SECONDS: u64 = 24 * 3_600;
/// The intervals of its chunks, which expire by themselves. They keep an item for MAX_SECONDS at least, and are gone
/// after another interval.
const INTERVALS: u64 = 4;
/// How a text becomes features, as docs/choosing.md recommends for documents.
const TEXT_PARAMETERS: &str = "SHINGLE WORDS 3";

/// Prints the input without near-duplicates: in its order, of similar records the first, each as it is in the input.
///
/// Records are similar if their Jaccard similarity is at least the threshold; it is estimated from sketches, typically
/// within 0.03. What could not be compared stays in the output, is counted, and the first few are shown; the exit status
/// is then 3. The summary goes to standard error.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// File of JSON, CSV or plain text, compressed or not; `-` is standard input
    input: PathBuf,
    /// Format of the input; default: guessed from its name, otherwise JSON
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The Jaccard similarity from which on a record is a copy; above 0, at most 1
    #[arg(long, value_name = "JACCARD", default_value_t = 0.8, value_parser = parse_threshold)]
    threshold: f64,
    /// Write what was removed to this file, as JSON lines: {"line": 7, "id": ..., "copy_of": ...,
    /// "copy_of_line": 3, "score": 0.9}
    #[arg(long, value_name = "FILE")]
    removed: Option<PathBuf>,
    /// Compare with what this scope holds too, and keep it: what stays is recorded in it. It is created if
    /// it is missing. Without this, a scope of its own is made, and dropped at the end
    #[arg(long, value_name = "NAME")]
    scope: Option<String>,
    /// Parameters of SIM.CREATE for the scope besides THRESHOLD [default: 'SHINGLE WORDS 3', and with --scope
    /// 'INTERVAL 0']
    #[arg(long, value_name = "PARAMETERS")]
    create: Option<String>,
    /// With --scope, the name of the input, which tells its records from those of others; default: the path
    #[arg(long, requires = "scope")]
    id: Option<String>,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    fields: FieldOptions,
}

/// What `--help` shows at its end.
const EXAMPLES: &str = "\
Examples:
  simile dedup pages.jsonl --removed removed.jsonl > unique.jsonl
  simile dedup pages.csv --item url --text body --threshold 0.9 > unique.csv
  simile dedup today.jsonl --scope corpus > new.jsonl  # also without what earlier files had";

fn parse_threshold(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(threshold) if threshold > 0.0 && threshold <= 1.0 => Ok(threshold),
        _ => Err("must be a number above 0, at most 1".into()),
    }
}

/// Runs the subcommand.
///
/// # Errors
/// Besides those of the input and the server: the input is a directory, or the scope keeps no sketches.
pub fn run(options: &Options, connection: &ConnectionOptions) -> Result<ExitCode> {
    let input = source::open(&options.input, options.format, &options.fields)?;
    if input.format == Format::Directory {
        return Err("a directory has no lines to print: `simile load` its files into a scope with THRESHOLD, and `simile \
                    groups` finds the copies"
            .into());
    }
    if options.fields.time.is_some() && options.scope.is_none() {
        return Err("--time is only for a scope of yours (--scope): its window says what is compared".into());
    }
    let removed = options.removed.as_deref().map(|path| create_file(path, &input)).transpose()?;
    let prefix = item_prefix(options, &input)?;
    let mut scope = open_scope(options, connection)?;
    let result =
        Deduplication::start(options, &mut scope, input, prefix, removed).and_then(|mut deduplication| {
            let stop_note = deduplication.start_stop_note(&scope, connection)?;
            deduplication.run(&mut scope, &stop_note)
        });
    if options.scope.is_none()
        && let Err(reason) = drop_scope(&mut scope)
    {
        eprintln!("simile: {reason}");
    }
    result
}

/// Creates the file for what is removed.
///
/// # Errors
/// It cannot be created, or is the input.
fn create_file(path: &Path, input: &Input) -> Result<BufWriter<File>> {
    if path.canonicalize().is_ok_and(|path| path == Path::new(&input.identity.path)) {
        return Err(format!("--removed {} is the input", path.display()).into());
    }
    let file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(BufWriter::new(file))
}

/// What the names of the items begin with: nothing in a scope of the tool's own, and otherwise the name of the input.
///
/// # Errors
/// The input needs another name.
fn item_prefix(options: &Options, input: &Input) -> Result<String> {
    if options.scope.is_none() {
        return Ok(String::new());
    }
    match options.id.as_deref().unwrap_or(&input.identity.path) {
        "-" => Err("with --scope, standard input needs a name of its own: --id NAME".into()),
        name if name.contains('#') => {
            Err(format!("the name '{name}' of the input has a #: give it another with --id").into())
        }
        name => Ok(format!("{name}#")),
    }
}

/// Opens the scope that the user names, and creates it if it is missing; or makes one that expires.
fn open_scope(options: &Options, connection: &ConnectionOptions) -> Result<Scope> {
    let threshold = format!("THRESHOLD {}", options.threshold);
    let Some(name) = &options.scope else {
        let name = format!("simile-dedup:{:016x}", RandomState::new().hash_one(()));
        let mut scope = Scope::open(connection, &name)?;
        scope.require_whole("SIM.ASSIGN")?;
        let interval = MAX_SECONDS / INTERVALS;
        let text = options.create.as_deref().unwrap_or(TEXT_PARAMETERS);
        let parameters = format!("{threshold} {text} INTERVAL {interval} RETENTION {INTERVALS}");
        create_expiring(&mut scope, &parameters)?;
        return Ok(scope);
    };
    let mut scope = Scope::open(connection, name)?;
    scope.require_whole("SIM.ASSIGN")?;
    let is_missing = scope.read_infos()?.iter().all(Option::is_none);
    if is_missing || options.create.is_some() {
        let others = options.create.clone().unwrap_or_else(|| format!("{TEXT_PARAMETERS} INTERVAL 0"));
        let parameters = format!("{threshold} {others}");
        scope.create(&parameters.split_whitespace().map(String::from).collect::<Vec<_>>())?;
    }
    if scope.require_infos()?.iter().any(|info| info.definition.scheme.sketch == 0) {
        return Err(format!(
            "the scope '{}' keeps no sketches, and copies are found by them: create one with THRESHOLD {}",
            display::name(name.as_bytes()),
            options.threshold
        )
        .into());
    }
    Ok(scope)
}

/// Creates a scope that expires, in one step.
fn create_expiring(scope: &mut Scope, parameters: &str) -> Result<()> {
    const SCRIPT: &str = "redis.call('SIM.CREATE', KEYS[1], unpack(ARGV, 2)); \
                          return redis.call('EXPIRE', KEYS[1], ARGV[1])";
    let mut command = cmd("EVAL");
    command.arg(SCRIPT).arg(1).arg(&scope.parts[0]).arg(MAX_SECONDS);
    command.arg(parameters.split_whitespace().collect::<Vec<_>>());
    let created = scope.server.ask::<()>(&command);
    Ok(created.map_err(|error| format!("SIM.CREATE {} {parameters}: {error}", scope.name))?)
}

/// Drops the scope of the tool's own.
fn drop_scope(scope: &mut Scope) -> Result<()> {
    let dropped = scope.server.ask::<()>(cmd("SIM.DROP").arg(&scope.parts[0]));
    Ok(dropped.map_err(|error| describe_undropped(&scope.name, &*error))?)
}

/// Drops it over a connection of its own, after Ctrl-C: that of the run may be in use. Returns what to say.
fn drop_interrupted_scope(name: &str, connection: &ConnectionOptions) -> String {
    let opened = Scope::open(connection, name).map_err(|error| describe_undropped(name, &*error).into());
    match opened.and_then(|mut scope| drop_scope(&mut scope)) {
        Ok(()) => format!("the scope '{name}' was dropped"),
        Err(reason) => reason.to_string(),
    }
}

fn describe_undropped(name: &str, error: &dyn Error) -> String {
    format!("the scope '{name}' was not dropped and expires by itself: {error}")
}

/// A run.
struct Deduplication<'a> {
    options: &'a Options,
    input: Input<'a>,
    /// What the names of the items begin with.
    prefix: String,
    out: BufWriter<Stdout>,
    removed_file: Option<BufWriter<File>>,
    /// Not saved: only the identity of the scope is checked.
    positions: SavedPositions,
    progress: Progress,
    end: Position,
    kept: u64,
    removed: u64,
    /// Records without any feature, which stay.
    empty: u64,
    failures: Failures,
}

/// A record of the input.
struct Line {
    end: Position,
    /// As it is in the input.
    bytes: Vec<u8>,
    /// `None` if it cannot be compared: that was counted.
    observation: Option<Observation>,
}

/// The record that another one is a copy of, as its item is named.
struct Original<'n> {
    /// The name of its input, if it is not this one.
    input: Option<&'n [u8]>,
    line: Option<u64>,
    id: &'n [u8],
}

impl<'a> Deduplication<'a> {
    fn start(
        options: &'a Options,
        scope: &mut Scope,
        input: Input<'a>,
        prefix: String,
        removed_file: Option<BufWriter<File>>,
    ) -> Result<Deduplication<'a>> {
        let positions = SavedPositions::read(scope, None, &input.identity, StartMode::Restart)?;
        let progress = Progress::start(input.total_bytes, &options.report.progress);
        Ok(Deduplication {
            options,
            prefix,
            out: BufWriter::new(stdout()),
            removed_file,
            positions,
            progress,
            end: Position::default(),
            kept: 0,
            removed: 0,
            empty: 0,
            failures: Failures::new(&options.report),
            input,
        })
    }

    /// Handles Ctrl-C: says where the output ends, and drops a scope of the tool's own.
    fn start_stop_note(&self, scope: &Scope, connection: &ConnectionOptions) -> Result<StopNote> {
        let is_own = self.options.scope.is_none();
        let (name, connection) = (scope.name.clone(), connection.clone());
        let clean_up = move || is_own.then(|| drop_interrupted_scope(&name, &connection));
        StopNote::start_with_cleanup(self.describe_stop(), &self.progress, clean_up)
    }

    fn run(&mut self, scope: &mut Scope, stop_note: &StopNote) -> Result<ExitCode> {
        self.out.write_all(self.input.source.header_bytes())?;
        if let Err(error) = self.print_all(scope, stop_note) {
            self.progress.print_line(&self.describe_stop());
            return Err(error);
        }
        self.flush()?;
        self.print_summary();
        Ok(self.failures.exit_code())
    }

    fn describe_stop(&self) -> String {
        format!("stopped after {}: THE OUTPUT IS INCOMPLETE", self.noun_and_number(self.end))
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush()?;
        Ok(self.removed_file.as_mut().map_or(Ok(()), Write::flush)?)
    }

    /// Prints what stays, batch by batch. The note is held from what is asked to what is printed: where a run was
    /// stopped, its output ends.
    fn print_all(&mut self, scope: &mut Scope, stop_note: &StopNote) -> Result<()> {
        loop {
            let begin = self.end;
            let lines = self.read_batch()?;
            if lines.is_empty() {
                return Ok(());
            }
            let end = lines.last().map_or(begin, |line| line.end);
            let mut note = stop_note.hold();
            let mut outcomes = self.assign(scope, &lines, begin, end)?.into_iter();
            for line in lines {
                let outcome = line.observation.as_ref().and_then(|_| outcomes.next());
                self.print(&line, outcome)?;
                self.end = line.end;
            }
            self.flush()?;
            *note = self.describe_stop();
            drop(note);
            self.report_progress();
        }
    }

    fn read_batch(&mut self) -> Result<Vec<Line>> {
        let mut lines: Vec<Line> = Vec::new();
        let begin = self.end;
        let mut end = begin;
        while lines.len() < BATCH_RECORDS && end.bytes - begin.bytes < MAX_BATCH_BYTES {
            let Some(record) = self.input.source.next()? else { break };
            end = record.end;
            let bytes = self.input.source.record_bytes().to_vec();
            if bytes.is_empty() {
                let reason = record.observation.err().unwrap_or_else(|| "has no line of its own".into());
                return Err(format!("{} {reason}: it cannot be passed on", self.noun_and_number(end)).into());
            }
            let observation = match record.observation {
                Ok(observation) => Some(observation),
                Err(reason) => {
                    self.add_failure(end, &reason);
                    None
                }
            };
            lines.push(Line { end, bytes, observation });
        }
        Ok(lines)
    }

    /// Assigns the lines that can be compared. Returns their outcomes.
    fn assign(
        &mut self,
        scope: &mut Scope,
        lines: &[Line],
        begin: Position,
        end: Position,
    ) -> Result<Vec<Outcome>> {
        let options = assign_words(self.options.threshold, Some(Score::Jaccard));
        let mut records: Vec<PendingRecord> = Vec::new();
        for line in lines {
            let Some(observation) = &line.observation else { continue };
            let mut words = script_words(scope, 0, observation, options.clone(), Vec::new())?;
            if words.len() > 1 {
                words[0] = self.item_name(line.end, &observation.item);
            }
            records.push((line.end, words));
        }
        let mut outcomes = Vec::new();
        while outcomes.len() < records.len() {
            let rest = &records[outcomes.len()..];
            outcomes.extend(self.positions.send_batch(scope, 0, BatchCommand::Assign, rest, begin, end)?);
        }
        Ok(outcomes)
    }

    /// Prints a line, or notes that it is removed.
    fn print(&mut self, line: &Line, outcome: Option<Outcome>) -> Result<()> {
        match (&line.observation, outcome) {
            (Some(observation), Some(Outcome::Assigned(choice)))
                if choice.group != self.item_name(line.end, &observation.item) =>
            {
                self.removed += 1;
                return self.note_removed(line.end, &observation.item, &choice.group, choice.score);
            }
            (_, Some(Outcome::Empty)) => self.empty += 1,
            (_, Some(Outcome::Refused(error))) => {
                self.add_failure(line.end, &format!("was refused: {error}"))
            }
            _ => {}
        }
        self.kept += 1;
        Ok(self.out.write_all(&line.bytes)?)
    }

    /// Writes to the file of what is removed.
    fn note_removed(&mut self, end: Position, id: &[u8], group: &[u8], score: Option<f64>) -> Result<()> {
        let original = parse_item(&self.prefix, group);
        let Some(file) = &mut self.removed_file else { return Ok(()) };
        let mut object = json!({
            "line": end.records,
            "id": display::json_name(id),
            "copy_of": display::json_name(original.id),
            "copy_of_line": original.line,
            "score": score,
        });
        if let Some(input) = original.input {
            object["copy_of_input"] = display::json_name(input);
        }
        Ok(writeln!(file, "{object}")?)
    }

    /// The name of a record's item.
    fn item_name(&self, end: Position, id: &[u8]) -> Vec<u8> {
        [format!("{}{}#", self.prefix, end.records).as_bytes(), id].concat()
    }

    fn add_failure(&mut self, end: Position, reason: &str) {
        let record = self.noun_and_number(end);
        self.failures.add(&self.progress, || format!("{record} {reason}"));
    }

    fn noun_and_number(&self, end: Position) -> String {
        format!("{} {}", self.input.format.record_noun(), end.records)
    }

    fn report_progress(&mut self) {
        let noun = self.input.format.record_noun();
        let (read, removed) = (self.kept + self.removed, self.removed);
        let rate = read as f64 / self.progress.seconds().max(0.001);
        self.progress.report(self.end.bytes, || {
            let (records, rate) = (display::quantity(read, noun), display::number(rate as u64));
            format!("{records}, {rate}/s, {} removed", display::number(removed))
        });
    }

    fn print_summary(&self) {
        self.progress.finish();
        let Deduplication { kept, removed, empty, failures, .. } = self;
        let (read, seconds) = (kept + removed, self.progress.seconds());
        if self.options.report.json {
            let summary = json!({
                "read": read, "kept": kept, "removed": removed, "empty": empty, "failed": failures.count(),
                "seconds": (seconds * 1000.0).round() / 1000.0,
            });
            eprintln!("{summary}");
            return;
        }
        let only_some = |count: u64, words: &str| match count {
            0 => String::new(),
            _ => format!(", {} {words}", display::number(count)),
        };
        eprintln!(
            "simile: {} read in {seconds:.1} s: {} kept, {} removed{}{}.",
            display::quantity(read, self.input.format.record_noun()),
            display::number(*kept),
            display::number(*removed),
            only_some(*empty, "without any feature"),
            only_some(failures.count(), "NOT COMPARED"),
        );
    }
}

/// Parses the name of an item, as [`Deduplication::item_name`] gives it. An item of the user's scope may have any name:
/// then this is its id.
fn parse_item<'n>(prefix: &str, item: &'n [u8]) -> Original<'n> {
    let split = |bytes: &'n [u8]| {
        let hash = bytes.iter().position(|byte| *byte == b'#')?;
        Some((&bytes[..hash], &bytes[hash + 1..]))
    };
    let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse().ok();
    let numbered = |bytes: &'n [u8]| split(bytes).and_then(|(line, id)| Some((number(line)?, id)));
    if let Some((line, id)) = item.strip_prefix(prefix.as_bytes()).and_then(numbered) {
        return Original { input: None, line: Some(line), id };
    }
    match split(item).and_then(|(input, rest)| Some((input, numbered(rest)?))) {
        Some((input, (line, id))) => Original { input: Some(input), line: Some(line), id },
        None => Original { input: None, line: None, id: item },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_item_tells_its_line_and_its_input() {
        let parsed = |prefix, item: &'static str| {
            let Original { input, line, id } = parse_item(prefix, item.as_bytes());
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
            (input.map(text), line, text(id))
        };
        assert_eq!(parsed("", "7#a#b"), (None, Some(7), "a#b".into()));
        assert_eq!(parsed("/x#", "/x#7#a"), (None, Some(7), "a".into()));
        assert_eq!(parsed("/x#", "/y#7#a"), (Some("/y".into()), Some(7), "a".into()));
        assert_eq!(parsed("/x#", "issue-1"), (None, None, "issue-1".into()));
        assert_eq!(parsed("/x#", "a#b"), (None, None, "a#b".into()));
    }
}
