//! The README's tour, line by line: what it shows is what redis-cli prints.

use crate::harness::{Server, on_each_server, on_path};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const PROMPT: &str = "127.0.0.1:6379> ";

/// A command of the transcript, and what it prints.
struct Step {
    line: usize,
    command: String,
    output: String,
}

/// The steps of all ```console blocks of the README that show redis-cli.
fn transcript() -> Vec<Step> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(path).expect("README.md");
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (number, line) in readme.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && let Some(command) = line.strip_prefix(PROMPT) {
            steps.push(Step { line: number + 1, command: command.into(), output: String::new() });
        } else if inside && let Some(step) = steps.last_mut() {
            step.output.push_str(line);
            step.output.push('\n');
        }
    }
    steps
}

/// What redis-cli prints for a line typed at its prompt.
fn redis_cli(server: &Server, line: &str) -> String {
    let program = on_path("redis-cli").expect("redis-cli is not installed: `make test` installs it");
    let mut process = Command::new(program)
        .args(["--no-raw", "-p", &server.port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-cli starts");
    let mut input = process.stdin.take().expect("a pipe");
    writeln!(input, "{line}").expect("redis-cli reads");
    drop(input);
    let output = process.wait_with_output().expect("redis-cli ends");
    String::from_utf8(output.stdout).expect("text")
}

on_each_server! {
    fn the_tour_of_the_readme_prints_what_it_says(server: Server) {
        let steps = transcript();
        assert!(!steps.is_empty(), "README.md has no ```console block with lines that begin with {PROMPT:?}");
        for step in steps {
            let printed = redis_cli(&server, &step.command);
            assert_eq!(printed.trim_end(), step.output.trim_end(), "README.md, line {}: {}", step.line, step.command);
        }
    }
}
