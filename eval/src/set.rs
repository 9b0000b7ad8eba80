//! The sets: files of a directory that is no part of the repository.

use crate::event::Event;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Reads `NAME.jsonl.zst`: one event a line, in the order of arrival. `None` where there is no such file.
pub fn read(directory: &Path, name: &str) -> Result<Option<Vec<Event>>, String> {
    let path = directory.join(format!("{name}.jsonl.zst"));
    if !path.exists() {
        return Ok(None);
    }
    let wrong = |what: String| format!("{}: {what}", path.display());
    let file = File::open(&path).map_err(|error| wrong(error.to_string()))?;
    let decoder = ruzstd::decoding::StreamingDecoder::new(file).map_err(|error| wrong(error.to_string()))?;
    let events = BufReader::new(decoder).lines().enumerate().map(|(number, line)| {
        let line = line.map_err(|error| error.to_string())?;
        Event::parse(&line).map_err(|error| format!("line {}: {error}", number + 1))
    });
    events.collect::<Result<_, _>>().map(Some).map_err(wrong)
}

/// The events of each system, in their order.
pub fn by_system(events: &[Event]) -> BTreeMap<&str, Vec<&Event>> {
    let mut systems = BTreeMap::<&str, Vec<&Event>>::new();
    for event in events {
        systems.entry(event.system.as_deref().unwrap_or_default()).or_default().push(event);
    }
    systems
}

/// Every `step`th event of each system, the systems in turns: several logs that arrive at one place.
pub fn mixed(events: &[Event], step: usize) -> Vec<&Event> {
    let thin = |events: Vec<_>| events.into_iter().step_by(step);
    let mut systems: Vec<_> = by_system(events).into_values().map(thin).collect();
    let mut mixed = Vec::new();
    loop {
        let turn: Vec<&Event> = systems.iter_mut().filter_map(Iterator::next).collect();
        if turn.is_empty() {
            return mixed;
        }
        mixed.extend(turn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_take_turns() {
        let line = |text: &str, system: &str| format!(r#"{{"text":"{text}","group":"{system}"}}"#);
        let lines = [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("a4", "a"), ("a5", "a")];
        let events: Vec<Event> =
            lines.iter().map(|(text, system)| Event::parse(&line(text, system)).unwrap()).collect();
        let texts: Vec<_> = mixed(&events, 2).iter().map(|event| event.text()).collect();
        assert_eq!(texts, [Some("a1"), Some("b1"), Some("a3"), Some("a5")]);
    }

    #[test]
    fn a_missing_set_is_none() {
        assert!(read(Path::new("/nowhere"), "none").unwrap().is_none());
    }
}
