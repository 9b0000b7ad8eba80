//! Sessions with redis-cli and a shell: those in Markdown, replayed, and those on a terminal, with hints.

use crate::{Server, on_path, wait_until};
use std::fs::File;
use std::io::{Read, Write};
use std::iter::Peekable;
use std::os::fd::FromRawFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::str::Lines;

const PROMPT: &str = "127.0.0.1:6379> ";

/// Replays the transcripts of a page, in order, and gives the page with this server's replies in them.
///
/// A transcript is a block of the language `console`. A line that begins with the prompt is a command, and
/// the lines up to the next one are redis-cli's output. A block may begin with a line such as
/// `$ redis-cli -3`, whose options apply to all its commands. `...` in the page matches any output.
///
/// # Panics
/// If a block has a command of a shell: see [`replayed_with`].
pub fn replayed(server: &Server, page: &str) -> String {
    replayed_with(server, page, |command, _| panic!("no shell runs {command}"))
}

/// The same for a page whose blocks also have commands of a shell: behind `$ `, continued behind `> `. `shell` runs one,
/// is also given the output that the page shows, and returns the one that it should show.
pub fn replayed_with(server: &Server, page: &str, shell: impl Fn(&str, &str) -> String) -> String {
    let mut lines = page.lines().peekable();
    let (mut replayed, mut block) = (String::new(), None);
    while let Some(line) = lines.next() {
        replayed.push_str(line);
        replayed.push('\n');
        if line.starts_with("```") {
            block = (line == "```console").then(Vec::new);
        } else if let Some(options) = &mut block {
            if let Some(given) = line.strip_prefix("$ redis-cli") {
                *options = given.split_whitespace().collect();
            } else if let Some(command) = line.strip_prefix(PROMPT) {
                let shown = taken(&mut lines, |line| line.starts_with(PROMPT));
                let printed = redis_cli(server, options, command);
                replayed.push_str(if matches(&shown, &printed) { &shown } else { &printed });
            } else if let Some(command) = line.strip_prefix("$ ") {
                let continued = taken(&mut lines, |line| !line.starts_with("> "));
                replayed.push_str(&continued);
                let shown = taken(&mut lines, |line| line.starts_with("$ "));
                let command = format!("{command}\n{continued}").replace("\n> ", "\n");
                replayed.push_str(&shell(command.trim_end(), &shown));
            }
        }
    }
    replayed
}

/// The next lines, up to the end of the block or one that is not to be taken.
fn taken(lines: &mut Peekable<Lines>, is_other: impl Fn(&str) -> bool) -> String {
    let next = std::iter::from_fn(|| lines.next_if(|line| *line != "```" && !is_other(line)));
    next.map(|line| format!("{line}\n")).collect()
}

/// The number of commands in the transcripts of a page.
pub fn count_commands(page: &str) -> usize {
    page.lines().filter(|line| line.starts_with(PROMPT)).count()
}

/// The output of redis-cli for a line typed at its prompt.
pub fn redis_cli(server: &Server, options: &[&str], line: &str) -> String {
    let mut process = Command::new(program())
        .args(["--no-raw", "-p", &server.port().to_string()])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-cli starts");
    let mut input = process.stdin.take().expect("a pipe");
    writeln!(input, "{line}").expect("redis-cli reads");
    drop(input);
    let output = process.wait_with_output().expect("redis-cli ends");
    let printed = String::from_utf8(output.stdout).expect("text");
    format!("{}\n", without_time(printed.trim_end()))
}

/// The output without its last line if that is `(0.57s)`, which redis-cli adds if a reply took long.
fn without_time(printed: &str) -> &str {
    let is_time = |line: &str| {
        let seconds = line.strip_prefix('(').and_then(|line| line.strip_suffix("s)"));
        seconds.is_some_and(|seconds| seconds.parse::<f64>().is_ok())
    };
    match printed.rsplit_once('\n') {
        Some((reply, last)) if is_time(last) => reply,
        _ => printed,
    }
}

#[test]
fn the_time_of_a_slow_reply_is_not_part_of_it() {
    assert_eq!(without_time("1) \"a\"\n(0.57s)"), "1) \"a\"");
    for reply in ["(integer) 1", "1) \"a\"\n(nil)", "OK\n(integer) 1"] {
        assert_eq!(without_time(reply), reply);
    }
}

fn program() -> PathBuf {
    on_path("redis-cli").expect("redis-cli is not installed: `make test` installs it")
}

/// Types into a redis-cli that runs on a terminal, and waits until it shows this hint.
#[track_caller]
pub fn type_until(server: &Server, keys: &str, hint: &str) {
    let (near, far) = terminal();
    let mut process = Command::new(program())
        .args(["-p", &server.port().to_string()])
        .env("TERM", "xterm")
        .stdin(far.try_clone().expect("the terminal"))
        .stdout(far)
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-cli starts");
    let mut shown = String::new();
    let mut is_shown = |what: &str| {
        let mut bytes = [0; 4096];
        let length = (&near).read(&mut bytes).unwrap_or(0); // an error if there is nothing to read yet
        shown.push_str(&String::from_utf8_lossy(&bytes[..length]));
        shown.contains(what)
    };
    wait_until("redis-cli prompts", || is_shown("> "));
    (&near).write_all(keys.as_bytes()).expect("redis-cli reads");
    wait_until(&format!("redis-cli shows {hint:?} after {keys:?}"), || is_shown(hint));
    process.kill().expect("redis-cli can be killed");
    process.wait().expect("redis-cli ends");
}

/// A terminal wide enough for every hint: our end, whose reads never block, and the program's.
fn terminal() -> (File, File) {
    let (mut near, mut far) = (-1, -1);
    let mut size = libc::winsize { ws_row: 40, ws_col: 2_000, ws_xpixel: 0, ws_ypixel: 0 };
    let nothing = std::ptr::null_mut();
    // SAFETY: the numbers and the size live through the call, and no name or settings are asked for.
    let made = unsafe { libc::openpty(&mut near, &mut far, nothing, std::ptr::null_mut(), &raw mut size) };
    assert_eq!(made, 0, "there is a terminal");
    // SAFETY: both descriptors have just been opened, and nothing else owns them.
    unsafe {
        libc::fcntl(near, libc::F_SETFL, libc::O_NONBLOCK);
        (File::from_raw_fd(near), File::from_raw_fd(far))
    }
}

/// True if the output is as the page shows it; `...` in the page matches anything.
fn matches(shown: &str, printed: &str) -> bool {
    let mut rest = printed;
    let mut pieces = shown.split("...");
    let first = pieces.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.is_empty()
}
