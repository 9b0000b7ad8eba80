//! The inputs of `simile load`: JSON, CSV, plain text, or a directory of files.
//!
//! A [`Source`] gives one record after the other, each with the [`Position`] after it. In a later run it
//! can go to such a position again: it reads what is before it, and checks that it is what was there before.
//!
//! - [`byte_input`]: the file or pipe as text, decompressed. [`byte_source`]: its records, and their positions.
//!   [`text_input`]: the first made into the second, in any format.
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
mod text_input;

pub use fields::FieldOptions;
pub use format::Format;

use crate::Result;
use byte_input::ByteInput;
use std::cmp::Ordering;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The longest line or file that is read. A longer one is a mistake, and would fill the memory.
const MAX_RECORD_BYTES: u64 = 16 << 20;

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
    /// False for a last record without a line break: it may still be being written.
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
    // The bytes that come out of a compressed file do not add up to its size.
    let total_bytes = (!bytes.is_converted()).then_some(size);
    let (source, format) = text_input::open(bytes, &name, format, guess, fields)?;
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
    let bytes = ByteInput::open_pipe(stream).map_err(|error| describe_unreadable(name, &error))?;
    let (source, format) = text_input::open(bytes, name, format, Format::of_name(Path::new(name)), fields)?;
    let identity = Identity { name: name.into(), path: "-".into(), size: 0, modified: 0 };
    Ok(Input { source, format, identity, total_bytes: None })
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
    use std::io::Cursor;

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
        let (mut source, _) = text_input::open(bytes, name, None, guess, &fields).expect("a source");
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
