//! The inputs of `simile load`: JSON lines, CSV, or a directory of files.
//!
//! A [`Source`] gives one record after the other, each with the [`Position`] after it. In a later run it
//! can go to such a position again: by a seek in a file, and in standard input by reading and dropping
//! what is before it.
//!
//! - [`jsonl`], [`csv`], [`directory`]: the three forms. [`byte_input`]: the file or pipe below the first
//!   two; [`byte_copy`]: the bytes of a record, as they are in it.
//! - [`fields`]: which fields of a record are recorded, and how.

mod byte_copy;
mod byte_input;
mod csv;
mod directory;
mod fields;
mod jsonl;

pub use fields::FieldOptions;

use crate::Result;
use byte_input::ByteInput;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

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

    /// The last record, as it is in the input, with its line break; empty lines before it may be part of it. Empty if
    /// the input has no lines, or if the line was too long to be kept.
    fn record_bytes(&self) -> &[u8] {
        &[]
    }

    /// Goes to a position that this source gave, in this run or an earlier one.
    ///
    /// # Errors
    /// The source ends before the position.
    fn go_to(&mut self, position: Position) -> Result<()>;
}

/// A position in a source, between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The number of records before it: lines of JSON, records of CSV, files.
    pub records: u64,
    /// The number of bytes before it.
    pub bytes: u64,
}

/// A record, or what is wrong with it.
pub struct Record {
    /// The position after it; its `records` is the record's own number, counted from 1.
    pub end: Position,
    pub observation: std::result::Result<Observation, String>,
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

/// The form of an input.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line
    Jsonl,
    /// Comma-separated; the first line names the fields
    Csv,
    /// Tab-separated; the first line names the fields
    Tsv,
    /// All files below a directory: the path of a file inside it is the item, its content the text
    Directory,
}

impl Format {
    /// Guesses the format from a path.
    fn guess(path: &Path) -> Format {
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.is_dir() => Format::Directory,
            Some("csv") => Format::Csv,
            Some("tsv") => Format::Tsv,
            _ => Format::Jsonl,
        }
    }

    /// The word for one record of this format.
    pub fn record_noun(self) -> &'static str {
        match self {
            Format::Jsonl => "line",
            Format::Csv | Format::Tsv => "record",
            Format::Directory => "file",
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
/// It cannot be opened, or does not have the fields.
pub fn open<'a>(path: &Path, format: Option<Format>, fields: &'a FieldOptions) -> Result<Input<'a>> {
    if path == Path::new("-") {
        return open_stdin(format.unwrap_or(Format::Jsonl), fields);
    }
    let name = path.display().to_string();
    let with_path = |error: std::io::Error| format!("{name}: {error}");
    let resolved = fs::canonicalize(path).map_err(with_path)?;
    let format = format.unwrap_or_else(|| Format::guess(&resolved));
    if resolved.is_dir() != (format == Format::Directory) {
        let (actual, expected) =
            if resolved.is_dir() { ("a directory", "a file") } else { ("a file", "a directory") };
        return Err(format!("{name} is {actual}, and --format needs {expected}").into());
    }
    if format == Format::Directory {
        let directory = directory::Directory::open(&resolved, fields)?;
        let (size, modified) = (directory.size(), directory.modified());
        let identity = Identity { name, path: path_text(&resolved)?, size, modified };
        return Ok(Input { source: Box::new(directory), format, identity, total_bytes: Some(size) });
    }
    let metadata = fs::metadata(&resolved).map_err(with_path)?;
    let input = ByteInput::open(&resolved).map_err(with_path)?;
    let (size, modified) = (metadata.len(), modified_seconds(&metadata).unwrap_or_default());
    let identity = Identity { name, path: path_text(&resolved)?, size, modified };
    let source = parse_bytes(input, format, fields)?;
    // The size of a device or a named pipe says nothing.
    Ok(Input { source, format, identity, total_bytes: metadata.is_file().then_some(size) })
}

fn open_stdin(format: Format, fields: &FieldOptions) -> Result<Input<'_>> {
    if format == Format::Directory {
        return Err("standard input is not a directory: give the path of one".into());
    }
    let source = parse_bytes(ByteInput::stdin(), format, fields)?;
    let identity = Identity { name: "standard input".into(), path: "-".into(), size: 0, modified: 0 };
    Ok(Input { source, format, identity, total_bytes: None })
}

fn parse_bytes<'a>(
    input: ByteInput,
    format: Format,
    fields: &'a FieldOptions,
) -> Result<Box<dyn Source + 'a>> {
    let input = Box::new(input);
    Ok(match format {
        Format::Csv | Format::Tsv => Box::new(csv::Csv::open(input, format, fields)?),
        _ => Box::new(jsonl::JsonLines::new(input, fields)),
    })
}

/// The time of the last modification, in Unix seconds; `None` if the system does not tell, or for a time
/// before 1970.
fn modified_seconds(metadata: &Metadata) -> Option<u64> {
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(modified.as_secs())
}

/// The error of an input that ends before a position that an earlier load has reached.
fn describe_early_end(format: Format, end: Position, saved: Position) -> String {
    format!(
        "the input ends after {} {}, but {} were loaded before: is it a different input? (--restart loads it from \
         the beginning)",
        format.record_noun(),
        end.records,
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
