//! The inputs of `simile load`: JSON, CSV, plain text, or a directory of files.
//!
//! A [`Source`] gives one record after the other, each with the [`Position`] after it. In a later run it
//! can go to such a position again: it reads what is before it, and checks that it is what was there before.
//!
//! - [`byte_input`]: the file or pipe as text, decompressed. [`byte_source`]: its records, and their positions.
//! - Where a record ends, and what it says: [`lines`] for JSON lines and plain text, [`json_stream`] for
//!   other JSON, [`json_object`] for an object of either, and [`csv`].
//! - [`directory`]: files as records.
//! - [`format`]: which of these an input is. [`fields`]: which fields of a record are recorded, and how.

mod byte_input;
mod byte_source;
mod csv;
mod directory;
mod fields;
mod format;
mod json_object;
mod json_stream;
mod lines;

pub use fields::FieldOptions;
pub use format::Format;

use crate::Result;
use byte_input::ByteInput;
use byte_source::{ByteSource, Parser, RawRecord, Splitter};
use std::cmp::Ordering;
use std::fs::{self, File, Metadata};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The longest line or file that is read. A longer one is a mistake, and would fill the memory.
const MAX_RECORD_BYTES: u64 = 16 << 20;
/// The number of objects that show whether an input of JSON is one, and has the fields.
const SAMPLE_RECORDS: usize = 100;

/// A sequence of records.
pub trait Source {
    /// Reads the next record; `None` at the end.
    ///
    /// # Errors
    /// The rest cannot be read. A record that is malformed is not such an error: the error is in the
    /// record, and the next one can be read.
    fn next(&mut self) -> Result<Option<Record>>;

    /// The line that names the fields, as it is in the input; empty if there is none.
    fn header_bytes(&self) -> &[u8] {
        &[]
    }

    /// The last record, as it is in the input, with its line break; an object of JSON that is not on a line of its
    /// own has one too. Empty if the input has no records in its bytes, or if the record was too long to be kept.
    fn record_bytes(&self) -> &[u8] {
        &[]
    }

    /// Goes on to a position that this source gave, in this run or an earlier one, and that is not before the
    /// present one.
    ///
    /// # Errors
    /// The source ends before the position, or what is before it is not what was there.
    fn go_to(&mut self, position: Position) -> Result<()>;
}

/// A position in a source, between two records. Positions are compared by the number of records before them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Position {
    /// The number of records before it: lines of JSON, records of CSV, files.
    pub records: u64,
    /// The number of bytes before it, decompressed.
    pub bytes: u64,
    /// A hash of everything before it, but not of line breaks.
    pub hash: u64,
}

impl PartialEq for Position {
    fn eq(&self, other: &Position) -> bool {
        self.records == other.records
    }
}

impl Eq for Position {}

impl Ord for Position {
    fn cmp(&self, other: &Position) -> Ordering {
        self.records.cmp(&other.records)
    }
}

impl PartialOrd for Position {
    fn partial_cmp(&self, other: &Position) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The hash of a position: of the one before it and what is between the two.
fn hash_after(hash: u64, content: &[u8]) -> u64 {
    xxh3_64_with_seed(content, hash)
}

/// A record, or what is wrong with it.
pub struct Record {
    /// The position after it; its `records` is the record's own number, counted from 1.
    pub end: Position,
    pub observation: std::result::Result<Observation, String>,
    /// False for a last record without a line break: whoever writes the input may not be done with it.
    pub is_complete: bool,
}

/// The arguments of one SIM.RECORD.
#[derive(Debug, PartialEq)]
pub struct Observation {
    pub item: Vec<u8>,
    /// Unix seconds; `None` is now.
    pub timestamp: Option<u64>,
    pub clauses: Vec<Clause>,
}

/// A clause of SIM.RECORD.
#[derive(Debug, PartialEq)]
pub enum Clause {
    Text { index: String, text: String },
    Features { index: String, features: Vec<String> },
}

impl Observation {
    /// The arguments of SIM.RECORD after the scope. `clauses` are this observation's, or others in their place.
    pub fn to_words(&self, clauses: impl IntoIterator<Item = Vec<Vec<u8>>>) -> Vec<Vec<u8>> {
        let mut words = vec![self.item.clone()];
        if let Some(seconds) = self.timestamp {
            words.extend([b"TIMESTAMP".to_vec(), seconds.to_string().into_bytes()]);
        }
        words.extend(clauses.into_iter().flatten());
        words
    }
}

impl Clause {
    /// The index that it is recorded into.
    pub fn index(&self) -> &str {
        match self {
            Clause::Text { index, .. } | Clause::Features { index, .. } => index,
        }
    }

    pub fn to_words(&self) -> Vec<Vec<u8>> {
        match self {
            Clause::Text { index, text } => {
                [b"TEXT", index.as_bytes(), text.as_bytes()].map(Vec::from).into()
            }
            Clause::Features { index, features } => {
                let count = features.len().to_string();
                let head = [b"FEATURES", index.as_bytes(), count.as_bytes()];
                head.into_iter()
                    .chain(features.iter().map(|feature| feature.as_bytes()))
                    .map(Vec::from)
                    .collect()
            }
        }
    }
}

/// The identity of an input when it was opened. A saved position is valid only for the same input, and
/// after a change only if the user says how it has changed.
pub struct Identity {
    /// The path as the user gave it.
    pub name: String,
    /// The absolute path with all links resolved; `-` for standard input.
    pub path: String,
    /// Bytes; 0 for standard input.
    pub size: u64,
    /// The time of the last modification, in Unix seconds; 0 for standard input.
    pub modified: u64,
}

/// An open input.
pub struct Input<'a> {
    pub source: Box<dyn Source + 'a>,
    pub format: Format,
    pub identity: Identity,
    /// The number of bytes in it, if it is known.
    pub total_bytes: Option<u64>,
}

/// Opens a file or a directory, or standard input for `-`.
///
/// # Errors
/// It cannot be opened, or is not what the options say, or does not have the fields.
pub fn open<'a>(path: &Path, format: Option<Format>, fields: &'a FieldOptions) -> Result<Input<'a>> {
    let format = Format::named(format, fields)?;
    if path == Path::new("-") {
        return open_stream(Box::new(io::stdin()), "standard input", format, fields);
    }
    let name = path.display().to_string();
    let with_path = |error: io::Error| format!("{name}: {error}");
    let metadata = fs::metadata(path).map_err(with_path)?;
    check_kind(&name, &metadata, format)?;
    // A named pipe or a device, such as the /dev/fd/63 of a shell's <(...), is read like standard input.
    if !metadata.is_dir() && !metadata.is_file() {
        let file = File::open(path).map_err(with_path)?;
        return open_stream(Box::new(file), &name, format, fields);
    }
    let resolved = fs::canonicalize(path).map_err(with_path)?;
    let resolved_path = path_text(&resolved)?;
    if metadata.is_dir() {
        let directory = directory::Directory::open(&resolved, &name, fields)?;
        let (size, modified) = (directory.size(), directory.modified());
        let identity = Identity { name, path: resolved_path, size, modified };
        let source = Box::new(directory);
        return Ok(Input { source, format: Format::Directory, identity, total_bytes: Some(size) });
    }
    let guess = Format::of_name(path).or(Format::of_name(&resolved));
    let bytes = ByteInput::open(Box::new(File::open(&resolved).map_err(with_path)?));
    let bytes = bytes.map_err(|error| describe_unreadable(&name, &error))?;
    let (size, modified) = (metadata.len(), modified_seconds(&metadata).unwrap_or_default());
    // The bytes that come out of a compressed file are no share of its size.
    let total_bytes = (!bytes.is_converted()).then_some(size);
    let (source, format) = split_bytes(bytes, &name, format, guess, fields)?;
    let identity = Identity { name, path: resolved_path, size, modified };
    Ok(Input { source, format, identity, total_bytes })
}

/// Checks that a directory is to be read as one, and nothing else is.
fn check_kind(name: &str, metadata: &Metadata, format: Option<Format>) -> Result<()> {
    match (metadata.is_dir(), format) {
        (true, Some(Format::Directory) | None) => Ok(()),
        (true, _) => Err(format!("{name} is a directory, and --format needs a file").into()),
        (false, Some(Format::Directory)) => {
            Err(format!("{name} is a file, and --format needs a directory").into())
        }
        (false, _) => Ok(()),
    }
}

/// Opens what can be read only once, from its beginning.
fn open_stream<'a>(
    stream: Box<dyn Read>,
    name: &str,
    format: Option<Format>,
    fields: &'a FieldOptions,
) -> Result<Input<'a>> {
    if format == Some(Format::Directory) {
        return Err(format!("{name} is not a directory: give the path of one").into());
    }
    let bytes = ByteInput::open(stream).map_err(|error| describe_unreadable(name, &error))?;
    let (source, format) = split_bytes(bytes, name, format, Format::of_name(Path::new(name)), fields)?;
    let identity = Identity { name: name.into(), path: "-".into(), size: 0, modified: 0 };
    Ok(Input { source, format, identity, total_bytes: None })
}

/// The records of a stream of bytes. The format is the one that the options name, or else the one that the name
/// of the input stands for, or else some form of JSON, and the content tells which.
fn split_bytes<'a>(
    mut bytes: ByteInput,
    name: &str,
    named: Option<Format>,
    guess: Option<Format>,
    fields: &'a FieldOptions,
) -> Result<(Box<dyn Source + 'a>, Format)> {
    check_sample(name, bytes.sample(), named.is_none() && guess == Some(Format::Lines))?;
    let format = Format::with_csv_options(named.or(guess), fields)?;
    let format = format.unwrap_or_else(|| Format::of_content(&bytes));
    let with_name = |error: Box<dyn std::error::Error>| format!("{name}: {error}");
    let (splitter, parser): (Box<dyn Splitter>, Box<dyn Parser + 'a>) = match format {
        Format::Csv | Format::Tsv => {
            let default = if format == Format::Tsv { b'\t' } else { b',' };
            let delimiter = fields.delimiter.unwrap_or(default);
            let mut splitter = csv::CsvSplitter::new(delimiter, !fields.no_quotes);
            let header = splitter.read_record(&mut bytes).map_err(with_name)?;
            if let Some(problem) = header.as_ref().and_then(|header| header.problem.as_ref()) {
                return Err(format!("{name}: the first line {problem}").into());
            }
            let content = header.as_ref().map(RawRecord::content);
            let parser = Box::new(csv::CsvParser::new(content, delimiter, fields)?);
            let source = ByteSource::new(name, format, bytes, Box::new(splitter), parser);
            return Ok((Box::new(source.with_header(header)), format));
        }
        Format::Lines => {
            // The name of standard input has a blank, and is no name for items.
            let input_name = if name == "standard input" { "stdin" } else { name };
            (Box::new(lines::LineSplitter), Box::new(lines::TextParser::new(input_name, fields)?))
        }
        _ => {
            json_object::check_first_objects(fields, &first_contents(&bytes, format))
                .map_err(|error| format!("{name}: {error}"))?;
            (json_splitter(format), Box::new(json_object::JsonParser(fields)))
        }
    };
    Ok((Box::new(ByteSource::new(name, format, bytes, splitter, parser)), format))
}

fn json_splitter(format: Format) -> Box<dyn Splitter> {
    match format {
        Format::Json => Box::new(json_stream::JsonSplitter::default()),
        _ => Box::new(lines::LineSplitter),
    }
}

/// The contents of the first records of JSON: those that are in the sample as a whole.
fn first_contents(bytes: &ByteInput, format: Format) -> Vec<Vec<u8>> {
    let mut contents = Vec::new();
    let (is_all, mut splitter) = (bytes.sample_is_all(), json_splitter(format));
    let Ok(mut sample) = ByteInput::open(Box::new(Cursor::new(bytes.sample().to_vec()))) else {
        return contents;
    };
    while let Ok(Some(record)) = splitter.read_record(&mut sample) {
        let is_blank = record.content().trim_ascii().is_empty();
        if contents.len() < SAMPLE_RECORDS && (record.is_complete || is_all) && !is_blank {
            contents.push(record.content().to_vec());
        }
    }
    contents
}

/// Checks that the beginning of an input is text, and not JSON if only its name says that it is plain text.
fn check_sample(name: &str, sample: &[u8], is_plain_text_by_name: bool) -> Result<()> {
    let first_line = sample.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    if first_line.contains(&0) {
        return Err(format!(
            "{name} is not text: its first line has a byte of zero. Is it binary, or UTF-16 without a byte order mark?"
        )
        .into());
    }
    let is_object = || serde_json::from_slice::<serde_json::Map<_, _>>(first_line).is_ok();
    if is_plain_text_by_name && is_object() {
        return Err(format!(
            "{name} is plain text by its name and JSON lines by its content: --format jsonl reads the fields, --lines \
             loads each line as a text"
        )
        .into());
    }
    Ok(())
}

/// The time of the last modification, in Unix seconds; `None` if the system does not tell, or for a time
/// before 1970.
fn modified_seconds(metadata: &Metadata) -> Option<u64> {
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(modified.as_secs())
}

/// The error of an input that cannot be read from its beginning.
fn describe_unreadable(name: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::InvalidData => format!("{name} {error}"),
        io::ErrorKind::UnexpectedEof => {
            format!("{name} ends in the middle of its compressed data: is the file complete?")
        }
        _ => format!("{name}: {error}"),
    }
}

/// The error of an input that ends before a position that an earlier load has reached.
fn describe_early_end(name: &str, format: Format, end: Position, saved: Position) -> String {
    format!(
        "{name} ends after {} {}, but {} were loaded before: is it a different input? (--restart loads it from \
         the beginning)",
        format.record_noun(),
        end.records,
        saved.records
    )
}

/// The error of an input whose beginning is not that of an earlier load.
pub fn describe_other_input(name: &str, format: Format, saved: Position) -> String {
    let noun = format.record_noun();
    format!(
        "{name} is not what was loaded before: up to {noun} {} something is different. Was the input replaced or \
         edited, or its last {noun} not written to its end then? (--restart loads it from the beginning, in addition \
         to what the scope holds)",
        saved.records
    )
}

/// A path as text: a saved position is stored under it.
fn path_text(path: &Path) -> Result<String> {
    let text = PathBuf::from(path).into_os_string().into_string();
    text.map_err(|path| {
        format!("{}: its position cannot be saved, because the path is not UTF-8", path.display()).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Options {
        #[command(flatten)]
        fields: FieldOptions,
    }

    const CSV: &str = "id,text\r\na,\"x\ny\"\r\nb,\"z\nc,w";

    fn with_source<T>(name: &str, content: &str, run: impl Fn(&mut dyn Source) -> T) -> T {
        let fields = Options::try_parse_from(["x"]).expect("options").fields;
        let bytes = ByteInput::open(Box::new(Cursor::new(content.to_string()))).expect("bytes");
        let guess = Format::of_name(Path::new(name));
        let (mut source, _) = split_bytes(bytes, name, None, guess, &fields).expect("a source");
        run(&mut *source)
    }

    fn ends(source: &mut dyn Source) -> Vec<Position> {
        std::iter::from_fn(|| source.next().expect("a record")).map(|record| record.end).collect()
    }

    #[test]
    fn records_are_given_as_they_are_in_the_input() {
        let bytes = |source: &mut dyn Source| {
            let mut all = source.header_bytes().to_vec();
            while source.next().expect("a record").is_some() {
                all.extend_from_slice(source.record_bytes());
            }
            String::from_utf8(all).expect("text")
        };
        let objects = "{\"id\": 1, \"text\": \"a\"}\r\n{x\n{}";
        for (name, content) in [("a.jsonl", objects), ("a.csv", CSV), ("a.log", "one\r\ntwo\nthree")] {
            assert_eq!(with_source(name, content, bytes), content);
        }
        let array = "[{\"id\": 1,\n\"text\": \"a\"} , {}]";
        assert_eq!(with_source("a.json", array, bytes), "{\"id\": 1,\n\"text\": \"a\"}\n{}\n");
    }

    #[test]
    fn every_position_is_found_again_and_proves_itself() {
        let lines = "{\"id\": 1, \"text\": \"a\"}\n\nx\n{\"id\": 2, \"text\": \"b\"}";
        for (name, content) in
            [("a.jsonl", lines), ("a.json", "[{\"id\": 1, \"text\": 2}, {}, 3]"), ("a.csv", CSV)]
        {
            let all = with_source(name, content, ends);
            assert!(all.len() >= 3, "{name}");
            assert_eq!(
                all.last().map(|end| end.bytes),
                Some(content.trim_end_matches(']').len() as u64),
                "{name}"
            );
            for (n, position) in all.iter().enumerate() {
                let rest = |source: &mut dyn Source| source.go_to(*position).map(|()| ends(source));
                assert_eq!(with_source(name, content, rest).expect("the position"), all[n + 1..]);
                // A change anywhere before it is seen, and one after it is not.
                for changed in content.match_indices(['1', '2', 'a', 'b', 'w']).map(|(place, _)| place) {
                    let other = format!("{}0{}", &content[..changed], &content[changed + 1..]);
                    let is_refused = with_source(name, &other, rest).is_err();
                    assert_eq!(is_refused, (changed as u64) < position.bytes, "{other}");
                }
            }
            let beyond = Position { records: 9, bytes: 0, hash: 0 };
            let error =
                with_source(name, content, |source| source.go_to(beyond).map_err(|error| error.to_string()));
            assert!(error.expect_err("an error").contains("but 9 were loaded before"));
        }
    }
}
