//! Other tools, written in Python, that do the same in the same run: scripts beside this crate's `src` call them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The directory in which the tools are installed: the value of the environment variable `EVAL_PYTHON`. `None` if there
/// is no such variable.
pub fn directory() -> Option<PathBuf> {
    std::env::var_os("EVAL_PYTHON").map(PathBuf::from)
}

/// Runs a script, which reads `input` as JSON, and returns what it writes.
///
/// # Panics
/// If the script does not run to its end.
pub fn run<Output: DeserializeOwned>(script: &str, directory: &Path, input: &impl Serialize) -> Output {
    let mut child = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(script))
        .env("PYTHONPATH", directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{script}: {error}"));
    // It reads everything before it writes. Dropping its input at the end of this statement closes it.
    serde_json::to_writer(child.stdin.take().expect("a pipe"), input).expect("the script reads");
    let output = child.wait_with_output().expect("the script ends");
    assert!(output.status.success(), "{script} failed: {}", output.status);
    serde_json::from_slice(&output.stdout).expect("what the script writes")
}
