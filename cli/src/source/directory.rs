//! A directory: every file below it that is not hidden, in the order of their names.

use super::{Clause, Fields, LONGEST, Observation, Place, Record, Source};
use crate::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use walkdir::{DirEntry, WalkDir};

/// Texts, each in a file.
pub struct Directory {
    root: PathBuf,
    index: String,
    files: Vec<File>,
    place: Place,
}

struct File {
    path: PathBuf,
    size: u64,
    modified: u64,
}

impl Directory {
    /// Lists the files.
    ///
    /// # Errors
    /// A directory cannot be read, or there are no files.
    pub fn open(root: &Path, fields: &Fields) -> Result<Directory> {
        if fields.item != "id"
            || fields.time.is_some()
            || !fields.features.is_empty()
            || fields.text.len() > 1
        {
            return Err(
                "a directory has no fields: only --text INDEX=content, to name the index, goes with it"
                    .into(),
            );
        }
        let visible =
            |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
        let mut files = Vec::new();
        for entry in WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(visible) {
            let entry = entry?;
            if entry.file_type().is_file() {
                let metadata = entry.metadata()?;
                let modified =
                    metadata.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
                files.push(File { path: entry.into_path(), size: metadata.len(), modified });
            }
        }
        if files.is_empty() {
            return Err(format!("{} holds no files (hidden ones do not count)", root.display()).into());
        }
        let index = fields.texts().next().map_or_else(|| "text".into(), |(index, _)| index);
        Ok(Directory { root: root.into(), index, files, place: Place::default() })
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// When the newest was last written, in Unix seconds.
    pub fn modified(&self) -> u64 {
        self.files.iter().map(|file| file.modified).max().unwrap_or_default()
    }

    fn observation(&self, path: &Path) -> std::result::Result<Observation, String> {
        let name = path.strip_prefix(&self.root).unwrap_or(path);
        let of_file = |why: String| format!("({}) {why}", name.display());
        let unreadable = |error: std::io::Error| of_file(format!("cannot be read: {error}"));
        if fs::metadata(path).map_err(unreadable)?.len() > LONGEST {
            return Err(of_file(format!("is longer than {} MiB", LONGEST >> 20)));
        }
        let text = String::from_utf8(fs::read(path).map_err(unreadable)?);
        let text = text.map_err(|_| of_file("is not UTF-8 text".into()))?;
        let item = name.as_os_str().as_encoded_bytes().to_vec();
        Ok(Observation {
            item,
            timestamp: None,
            clauses: vec![Clause::Text { index: self.index.clone(), text }],
        })
    }
}

impl Source for Directory {
    fn next(&mut self) -> Result<Option<Record>> {
        let Some(file) = self.files.get(self.place.records as usize) else { return Ok(None) };
        let end = Place { records: self.place.records + 1, bytes: self.place.bytes + file.size };
        let observation = self.observation(&file.path);
        self.place = end;
        Ok(Some(Record { end, observation }))
    }

    fn go_to(&mut self, place: Place) -> Result<()> {
        if place.records > self.files.len() as u64 {
            return Err("there are fewer files than were loaded before: --restart loads all of them".into());
        }
        self.place = place;
        Ok(())
    }
}
