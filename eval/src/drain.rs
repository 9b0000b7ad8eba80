//! Drain3, a miner of log templates: `drain.py` groups a stream with it, so that both methods are measured in one run.

use crate::event::{Content, Event};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The groups of one stream.
#[derive(Deserialize)]
pub struct Grouping {
    /// The version of Drain3.
    pub version: String,
    /// The number of each event's group.
    pub groups: Vec<u64>,
}

/// The directory in which Drain3 is installed: the value of the environment variable `DRAIN3`. `None` if there is no
/// such variable.
pub fn directory() -> Option<PathBuf> {
    std::env::var_os("DRAIN3").map(PathBuf::from)
}

/// Groups the texts of a stream.
///
/// # Panics
/// If an event is not a text, or if Drain3 does not run.
pub fn group(directory: &Path, events: &[&Event]) -> Grouping {
    let text_of = |event: &&Event| match &event.content {
        Content::Text(text) => text.clone(),
        Content::Features(_) => panic!("Drain3 groups only texts"),
    };
    let texts: Vec<String> = events.iter().map(text_of).collect();
    let mut child = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("drain.py"))
        .env("PYTHONPATH", directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("drain.py starts");
    // It reads everything before it writes. Dropping its input at the end of this statement closes it.
    serde_json::to_writer(child.stdin.take().expect("a pipe"), &texts).expect("drain.py reads");
    let output = child.wait_with_output().expect("drain.py ends");
    assert!(output.status.success(), "drain.py failed: {}", output.status);
    serde_json::from_slice(&output.stdout).expect("what drain.py writes")
}
