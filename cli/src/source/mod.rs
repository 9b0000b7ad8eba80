//! Where `simile load` reads from: JSON lines, CSV, or a directory of files.
//!
//! A source gives records one after the other, each with the place behind it, and can go to a place
//! again: by a seek in a file, by reading and dropping where there is none.

mod csv;
mod directory;
mod jsonl;
mod lines;

use crate::Result;
use redis::Cmd;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The longest line or file that is read: past it something is wrong, and memory is not filled.
const LONGEST: u64 = 16 << 20;

/// Where records come from.
pub trait Source {
    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// Nothing more can be read. (A record that is wrong is no such error: it is in the record.)
    fn next(&mut self) -> Result<Option<Record>>;

    /// Goes to a place that it gave in an earlier run.
    ///
    /// # Errors
    /// There is no such place.
    fn go_to(&mut self, place: Place) -> Result<()>;
}

/// A place behind a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Records before it: lines of JSON, records of CSV, files.
    pub records: u64,
    /// Bytes before it.
    pub bytes: u64,
}

/// A record, or what is wrong with it.
pub struct Record {
    /// The place behind it; its `records` is the record's own number, from 1.
    pub end: Place,
    pub observation: std::result::Result<Observation, String>,
}

/// What SIM.RECORD is given.
#[derive(Debug, PartialEq)]
pub struct Observation {
    pub item: Vec<u8>,
    /// Unix seconds.
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
    /// The command that records it.
    pub fn command(&self, scope: &str) -> Cmd {
        let mut command = redis::cmd("SIM.RECORD");
        command.arg(scope).arg(&self.item);
        if let Some(seconds) = self.timestamp {
            command.arg("TIMESTAMP").arg(seconds);
        }
        for clause in &self.clauses {
            match clause {
                Clause::Text { index, text } => command.arg("TEXT").arg(index).arg(text),
                Clause::Features { index, features } => {
                    command.arg("FEATURES").arg(index).arg(features.len()).arg(features)
                }
            };
        }
        command
    }
}

/// Which fields of a record are what.
#[derive(clap::Args)]
pub struct Fields {
    /// Field with the name of the item
    #[arg(long, value_name = "FIELD", default_value = "id")]
    pub item: String,
    /// Field with a text, and the index it goes to (default: `text`); may be given several times. Without
    /// any --text or --features: the field `text`
    #[arg(long, value_name = "[INDEX=]FIELD", value_parser = Mapping::parse)]
    pub text: Vec<Mapping>,
    /// Field with a set of features (in JSON a list of strings, in CSV parted by --separator), and the
    /// index it goes to (default: `features`); may be given several times
    #[arg(long, value_name = "[INDEX=]FIELD", value_parser = Mapping::parse)]
    pub features: Vec<Mapping>,
    /// What parts features in a field of CSV
    #[arg(long, value_name = "TEXT", default_value = " ")]
    pub separator: String,
    /// Field with the time, in Unix seconds; default: now
    #[arg(long, value_name = "FIELD")]
    pub time: Option<String>,
}

/// A field, and the index its content goes to.
#[derive(Clone, Debug)]
pub struct Mapping {
    index: Option<String>,
    pub field: String,
}

impl Mapping {
    fn parse(text: &str) -> std::result::Result<Mapping, String> {
        match text.split_once('=') {
            Some((index, field)) if !index.is_empty() && !field.is_empty() => {
                Ok(Mapping { index: Some(index.into()), field: field.into() })
            }
            None if !text.is_empty() => Ok(Mapping { index: None, field: text.into() }),
            _ => Err("expected FIELD, or INDEX=FIELD".into()),
        }
    }
}

impl Fields {
    /// The fields with text, each with its index.
    fn texts(&self) -> impl Iterator<Item = (String, &str)> {
        let default = self.text.is_empty() && self.features.is_empty();
        let default = default.then_some(("text".to_string(), "text"));
        let index = |mapping: &Mapping| mapping.index.clone().unwrap_or_else(|| "text".into());
        self.text.iter().map(move |mapping| (index(mapping), mapping.field.as_str())).chain(default)
    }

    /// The fields with features, each with its index.
    fn feature_sets(&self) -> impl Iterator<Item = (String, &str)> {
        let index = |mapping: &Mapping| mapping.index.clone().unwrap_or_else(|| "features".into());
        self.features.iter().map(move |mapping| (index(mapping), mapping.field.as_str()))
    }

    /// What is wrong with a record that has none of the fields to record.
    fn nothing(&self) -> String {
        let fields: Vec<&str> = self.texts().chain(self.feature_sets()).map(|(_, field)| field).collect();
        format!("has nothing in {}", quoted(&fields))
    }
}

fn quoted(fields: &[&str]) -> String {
    fields.iter().map(|field| format!("'{field}'")).collect::<Vec<_>>().join(", ")
}

/// A time, in Unix seconds.
fn seconds(text: &str) -> std::result::Result<u64, String> {
    let whole = text.trim().split('.').next().unwrap_or_default(); // fractions of a second do not count
    whole
        .parse()
        .map_err(|_| format!("has the time '{}': expected Unix seconds, such as 1500000000", text.trim()))
}

/// The form of a source.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// A JSON object a line
    Jsonl,
    /// Comma-separated, the first line names the fields
    Csv,
    /// Tab-separated, the first line names the fields
    Tsv,
    /// Every file below a directory: its path from there is the item, its content the text
    Directory,
}

impl Format {
    /// What a path looks like.
    fn of(path: &Path) -> Format {
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.is_dir() => Format::Directory,
            Some("csv") => Format::Csv,
            Some("tsv") => Format::Tsv,
            _ => Format::Jsonl,
        }
    }

    /// What a record of it is called.
    pub fn unit(self) -> &'static str {
        match self {
            Format::Jsonl => "line",
            Format::Csv | Format::Tsv => "record",
            Format::Directory => "file",
        }
    }
}

/// What a source was when it was opened: the same again, or a change that a stopped load must not miss.
pub struct Identity {
    /// The path as it was given.
    pub name: String,
    /// The path without links, or `-`.
    pub path: String,
    /// Bytes; 0 for standard input.
    pub size: u64,
    /// When it was last written, in Unix seconds; 0 for standard input.
    pub modified: u64,
}

/// An open source.
pub struct Opened<'a> {
    pub source: Box<dyn Source + 'a>,
    pub format: Format,
    pub identity: Identity,
    /// Bytes there are to read, where that is known.
    pub bytes: Option<u64>,
}

/// Opens a path, or standard input for `-`.
///
/// # Errors
/// It cannot be opened, or does not suit the fields.
pub fn open<'a>(path: &Path, format: Option<Format>, fields: &'a Fields) -> Result<Opened<'a>> {
    let name = if path == Path::new("-") { "standard input".into() } else { path.display().to_string() };
    let cannot = |error: std::io::Error| format!("{}: {error}", path.display());
    if path == Path::new("-") {
        let format = format.unwrap_or(Format::Jsonl);
        let input = Box::new(lines::Input::stdin());
        let source: Box<dyn Source + 'a> = match format {
            Format::Jsonl => Box::new(jsonl::JsonLines::new(input, fields)),
            Format::Csv | Format::Tsv => Box::new(csv::Csv::new(input, format, fields)?),
            Format::Directory => return Err("standard input is no directory: give its path".into()),
        };
        let identity = Identity { name, path: "-".into(), size: 0, modified: 0 };
        return Ok(Opened { source, format, identity, bytes: None });
    }
    let whole = fs::canonicalize(path).map_err(cannot)?;
    let format = format.unwrap_or_else(|| Format::of(&whole));
    if whole.is_dir() != (format == Format::Directory) {
        let (is, wanted) = if whole.is_dir() { ("a directory", "a file") } else { ("a file", "a directory") };
        return Err(format!("{} is {is}, and --format wants {wanted}", path.display()).into());
    }
    if format == Format::Directory {
        let directory = directory::Directory::open(&whole, fields)?;
        let (size, modified) = (directory.size(), directory.modified());
        let identity = Identity { name, path: shown(&whole)?, size, modified };
        return Ok(Opened { source: Box::new(directory), format, identity, bytes: Some(size) });
    }
    let metadata = fs::metadata(&whole).map_err(cannot)?;
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified = modified.map_or(0, |since| since.as_secs());
    let identity = Identity { name, path: shown(&whole)?, size: metadata.len(), modified };
    let input = Box::new(lines::Input::file(&whole).map_err(cannot)?);
    let source: Box<dyn Source + 'a> = match format {
        Format::Csv | Format::Tsv => Box::new(csv::Csv::new(input, format, fields)?),
        _ => Box::new(jsonl::JsonLines::new(input, fields)),
    };
    Ok(Opened { source, format, identity, bytes: metadata.is_file().then_some(metadata.len()) })
}

fn shown(path: &Path) -> Result<String> {
    let text = PathBuf::from(path).into_os_string().into_string();
    text.map_err(|path| format!("{}: a path that is not UTF-8 cannot be remembered", path.display()).into())
}
