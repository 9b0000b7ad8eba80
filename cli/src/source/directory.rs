//! A directory: all files below it that are not hidden, in the order of their names.

use super::{
    Clause, FieldOptions, MAX_RECORD_BYTES, Observation, Position, Record, Source, modified_seconds,
};
use crate::Result;
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Texts, each in a file of its own.
pub struct Directory {
    root: PathBuf,
    /// The index that the texts are recorded into.
    index: String,
    /// All files, listed when the directory is opened.
    files: Vec<File>,
    /// The position before the next file. Its bytes are those of all files before it.
    position: Position,
}

struct File {
    path: PathBuf,
    size: u64,
    /// The time of the last modification, in Unix seconds.
    modified: u64,
}

impl Directory {
    /// Lists the files.
    ///
    /// # Errors
    /// A directory cannot be read, there are no files, or the options name fields.
    pub fn open(root: &Path, fields: &FieldOptions) -> Result<Directory> {
        if fields.item != "id"
            || fields.time.is_some()
            || !fields.features.is_empty()
            || fields.text.len() > 1
        {
            return Err(
                "a directory has no fields: the only such option that it takes is --text INDEX=content, \
                        which names the index"
                    .into(),
            );
        }
        let is_visible =
            |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
        let mut files = Vec::new();
        for entry in WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(is_visible) {
            let entry = entry?;
            if entry.file_type().is_file() {
                let metadata = entry.metadata()?;
                let modified = modified_seconds(&metadata).unwrap_or_default();
                files.push(File { path: entry.into_path(), size: metadata.len(), modified });
            }
        }
        if files.is_empty() {
            return Err(format!("{} has no files (hidden ones do not count)", root.display()).into());
        }
        let index = fields.texts().next().map_or_else(|| "text".into(), |(index, _)| index);
        Ok(Directory { root: root.into(), index, files, position: Position::default() })
    }

    /// The bytes of all files.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// The last modification of the newest file, in Unix seconds.
    pub fn modified(&self) -> u64 {
        self.files.iter().map(|file| file.modified).max().unwrap_or_default()
    }

    fn read_file(&self, path: &Path) -> std::result::Result<Observation, String> {
        let name = path.strip_prefix(&self.root).unwrap_or(path);
        let with_name = |reason: String| format!("({}) {reason}", name.display());
        let unreadable = |error: std::io::Error| with_name(format!("cannot be read: {error}"));
        if fs::metadata(path).map_err(unreadable)?.len() > MAX_RECORD_BYTES {
            return Err(with_name(format!("is longer than {} MiB", MAX_RECORD_BYTES >> 20)));
        }
        let text = String::from_utf8(fs::read(path).map_err(unreadable)?);
        let text = text.map_err(|_| with_name("is not UTF-8 text".into()))?;
        let item = name.as_os_str().as_encoded_bytes().to_vec();
        let clauses = vec![Clause::Text { index: self.index.clone(), text }];
        Ok(Observation { item, timestamp: None, clauses })
    }
}

impl Source for Directory {
    fn next(&mut self) -> Result<Option<Record>> {
        let Some(file) = self.files.get(self.position.records as usize) else { return Ok(None) };
        let end = Position { records: self.position.records + 1, bytes: self.position.bytes + file.size };
        let observation = self.read_file(&file.path);
        self.position = end;
        Ok(Some(Record { end, observation }))
    }

    fn go_to(&mut self, position: Position) -> Result<()> {
        if position.records > self.files.len() as u64 {
            return Err("there are fewer files than were loaded before: --restart loads all of them".into());
        }
        self.position = position;
        Ok(())
    }
}
