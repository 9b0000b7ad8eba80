//! The sets: files of a directory that is not part of the repository.

use crate::event::Event;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Reads `NAME.jsonl.zst`: one event a line, in the order of arrival. `None` if there is no such file.
pub fn read(directory: &Path, name: &str) -> Result<Option<Vec<Event>>, String> {
    let path = directory.join(format!("{name}.jsonl.zst"));
    if !path.exists() {
        return Ok(None);
    }
    let error_in_file = |what: String| format!("{}: {what}", path.display());
    let file = File::open(&path).map_err(|error| error_in_file(error.to_string()))?;
    let decoder =
        ruzstd::decoding::StreamingDecoder::new(file).map_err(|error| error_in_file(error.to_string()))?;
    let events = BufReader::new(decoder).lines().enumerate().map(|(number, line)| {
        let line = line.map_err(|error| error.to_string())?;
        Event::parse(&line).map_err(|error| format!("line {}: {error}", number + 1))
    });
    events.collect::<Result<_, _>>().map(Some).map_err(error_in_file)
}

/// The events of each system, in the order of arrival.
pub fn by_system(events: &[Event]) -> BTreeMap<&str, Vec<&Event>> {
    let mut systems = BTreeMap::<&str, Vec<&Event>>::new();
    for event in events {
        systems.entry(event.system.as_deref().unwrap_or_default()).or_default().push(event);
    }
    systems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_set_is_none() {
        assert!(read(Path::new("/nowhere"), "none").unwrap().is_none());
    }
}
