//! A directory: all files below it that are not hidden, in the order of their names.
//!
//! Links are followed. What cannot be a text, such as a link to nothing or to a directory that it is in, a
//! directory that may not be read, or a named pipe, takes the place of a file and is an error of its own.

use super::byte_input::ByteInput;
use super::fields::decode_text;
use super::{
    Clause, FieldOptions, Format, MAX_RECORD_BYTES, Observation, Position, Record, Source,
    describe_early_end, describe_other_input, hash_after, modified_seconds,
};
use crate::Result;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Texts, each in a file of its own.
pub struct Directory {
    root: PathBuf,
    /// As the user gave it.
    name: String,
    /// The index that the texts are recorded into.
    index: String,
    lossy: bool,
    /// All files, listed when the directory is opened.
    files: Vec<Entry>,
    /// The position before the next file. Its bytes are those of all files before it.
    position: Position,
}

/// A file, or what is there in its place.
struct Entry {
    path: PathBuf,
    size: u64,
    /// The time of the last modification, in Unix seconds.
    modified: u64,
    /// Why it cannot be read, if that is known already.
    problem: Option<String>,
}

impl Directory {
    /// Lists the files.
    ///
    /// # Errors
    /// The directory cannot be read, there are no files, or the options name fields.
    pub fn open(root: &Path, name: &str, fields: &FieldOptions) -> Result<Directory> {
        if fields.given_item().is_some() {
            return Err("the items of a directory are the paths of its files: leave out --item".into());
        }
        let index = fields.index_of_whole_text("a directory", "content")?;
        let is_visible =
            |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
        let mut files = Vec::new();
        for entry in
            WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter().filter_entry(is_visible)
        {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => files.push(Entry::of_entry(&entry)),
                Err(error) if error.depth() == 0 => return Err(error.into()),
                Err(error) if is_hidden(error.path()) => {}
                Err(error) => files.push(Entry::of_error(&error, root)),
            }
        }
        if files.is_empty() {
            return Err(format!("{name} has no files (hidden ones do not count)").into());
        }
        let (root, name) = (root.into(), name.into());
        Ok(Directory { root, name, index, lossy: fields.lossy, files, position: Position::default() })
    }

    /// The bytes of all files.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// The last modification of the newest file, in Unix seconds.
    pub fn modified(&self) -> u64 {
        self.files.iter().map(|file| file.modified).max().unwrap_or_default()
    }

    /// Reads the next file, if there is one, and moves the position past it.
    fn read_next(&mut self) -> Option<std::result::Result<Observation, String>> {
        let entry = self.files.get(self.position.records as usize)?;
        let name = entry.path.strip_prefix(&self.root).unwrap_or(&entry.path);
        let item = name.as_os_str().as_encoded_bytes().to_vec();
        let content = entry.read();
        let hash = hash_after(self.position.hash, &item);
        self.position = Position {
            records: self.position.records + 1,
            bytes: self.position.bytes + entry.size,
            hash: content.as_ref().map_or(hash, |content| hash_after(hash, content)),
        };
        let text = content.and_then(|content| Ok(decode_text(&content, self.lossy)?.into_owned()));
        let text = text.map_err(|reason| format!("({}) {reason}", crate::display::name(&item)));
        Some(text.map(|text| {
            let clauses = vec![Clause::Text { index: self.index.clone(), text }];
            Observation { item, timestamp: None, clauses }
        }))
    }
}

/// True if a path below the directory is hidden.
fn is_hidden(path: Option<&Path>) -> bool {
    let name = path.and_then(Path::file_name);
    name.is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

impl Entry {
    fn of_entry(entry: &DirEntry) -> Entry {
        let metadata = entry.metadata().ok();
        let modified = metadata.as_ref().and_then(modified_seconds).unwrap_or_default();
        let size = metadata.map_or(0, |metadata| metadata.len());
        let problem = (!entry.file_type().is_file()).then(|| "is not a regular file".to_string());
        Entry { path: entry.path().into(), size, modified, problem }
    }

    fn of_error(error: &walkdir::Error, root: &Path) -> Entry {
        let problem = match (error.loop_ancestor(), error.io_error()) {
            (Some(ancestor), _) => {
                let ancestor = ancestor.strip_prefix(root).unwrap_or(ancestor);
                let ancestor = if ancestor == Path::new("") { Path::new(".") } else { ancestor };
                format!("is a link to the directory that it is in: {}", ancestor.display())
            }
            (_, Some(error)) => format!("cannot be read: {error}"),
            _ => error.to_string(),
        };
        Entry { path: error.path().unwrap_or(root).into(), size: 0, modified: 0, problem: Some(problem) }
    }

    /// The text in the file, decompressed and without a byte order mark.
    fn read(&self) -> std::result::Result<Vec<u8>, String> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        let unreadable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::InvalidData => error.to_string(),
            _ => format!("cannot be read: {error}"),
        };
        let file = File::open(&self.path).map_err(unreadable)?;
        let input = ByteInput::open(Box::new(file)).map_err(unreadable)?;
        let mut content = Vec::new();
        input.take(MAX_RECORD_BYTES + 1).read_to_end(&mut content).map_err(unreadable)?;
        match content.len() as u64 > MAX_RECORD_BYTES {
            true => Err(format!("is longer than {} MiB", MAX_RECORD_BYTES >> 20)),
            false => Ok(content),
        }
    }
}

impl Source for Directory {
    fn next(&mut self) -> Result<Option<Record>> {
        let observation = self.read_next();
        let end = self.position;
        Ok(observation.map(|observation| Record { end, observation, is_complete: true }))
    }

    fn go_to(&mut self, position: Position) -> Result<()> {
        while self.position.records < position.records {
            if self.read_next().is_none() {
                return Err(describe_early_end(&self.name, Format::Directory, self.position, position).into());
            }
        }
        if position.records > 0 && self.position.hash != position.hash {
            return Err(describe_other_input(&self.name, Format::Directory, position).into());
        }
        Ok(())
    }
}
