//! The program under test: starts it, gives it input, stops it, and collects its output.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use testkit::Server;

/// The program with these words on its command line, connected to this server.
pub fn simile(server: &Server, line: &str) -> Command {
    simile_at_port(server.port(), line)
}

/// The same, by the server's port.
pub fn simile_at_port(port: u16, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simile"));
    command.args(words(line)).env("SIMILE_URL", format!("redis://127.0.0.1:{port}"));
    command.env_remove("SIMILE_USER").env_remove("SIMILE_PASSWORD");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The words of a line, separated by blanks; `'...'` may contain blanks.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (n, part) in line.split('\'').enumerate() {
        match n % 2 {
            0 => words.extend(part.split_whitespace().map(String::from)),
            _ => words.push(part.to_string()),
        }
    }
    words
}

/// The output of a run, and its exit status.
pub struct Ran {
    pub out: String,
    pub err: String,
    pub code: Option<i32>,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Ran { out: text(output.stdout), err: text(output.stderr), code: output.status.code() }
    }
}

impl Ran {
    /// Its standard output, after checking that it succeeded.
    #[track_caller]
    pub fn fine(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    /// Its standard error, after checking that it exited with this status.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self.err
    }
}

/// Runs the program to its end.
#[track_caller]
pub fn run(server: &Server, line: &str) -> Ran {
    simile(server, line).output().expect("the program runs").into()
}

/// Runs it with this standard input.
#[track_caller]
pub fn run_with(server: &Server, line: &str, input: &[u8]) -> Ran {
    let mut child = simile(server, line).stdin(Stdio::piped()).spawn().expect("the program starts");
    child.stdin.take().expect("a pipe").write_all(input).expect("the program reads");
    child.wait_with_output().expect("the program ends").into()
}

/// A running program; killed when it is dropped.
pub struct Running(pub Child);

impl Running {
    pub fn start(mut command: Command) -> Running {
        Running(command.spawn().expect("the program starts"))
    }

    /// Kills it, like `kill -9`.
    pub fn kill(mut self) {
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it has ended");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes a file for a test.
pub fn write(path: &Path, content: impl AsRef<[u8]>) {
    std::fs::write(path, content).expect("a file can be written");
}
