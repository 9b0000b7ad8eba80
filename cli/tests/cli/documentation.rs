//! docs/cli.md and docs/migrating.md, line by line: the output that they show is the real one.
//!
//! Every ```console block is typed into a shell: `$ ` begins a command, `> ` continues it. Only times
//! may differ: durations in seconds, and moments (ten digits).

use std::path::Path;
use std::process::Command;
use testkit::{Server, on_each_server};

/// A command of a page, and its output.
struct Step {
    line: usize,
    command: String,
    output: String,
}

fn steps(page: &str) -> Vec<Step> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(path).expect("a page");
    let (mut steps, mut inside): (Vec<Step>, bool) = (Vec::new(), false);
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { line: number, command: command.into(), output: String::new() });
        } else if inside && let Some(step) = steps.last_mut() {
            match line.strip_prefix("> ") {
                Some(more) if step.output.is_empty() => step.command += &format!("\n{more}"),
                _ => step.output += &format!("{line}\n"),
            }
        }
    }
    steps
}

/// The text without the numbers that differ from run to run, and without sizes, which differ from allocator to
/// allocator.
pub fn without_times(text: &str) -> String {
    let mut parts: Vec<&str> = text.split(" KiB").collect();
    let rest = parts.pop().unwrap_or_default();
    let without_size =
        |part: &&str| part.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').to_string();
    let text: String = parts.iter().map(without_size).map(|part| part + "(size)").collect::<String>() + rest;
    let is_digit = |c: char| c.is_ascii_digit();
    let runs = text.split_inclusive(|c| !is_digit(c)).map(|run| {
        match run.trim_end_matches(|c| !is_digit(c)).len() {
            10 => format!("(moment){}", &run[10..]),
            _ => run.to_string(),
        }
    });
    let text: String = runs.collect();
    let words = text.split_inclusive(' ').map(|word| match word.trim_end().split_once('.') {
        Some((a, b)) if a.parse::<u64>().is_ok() && b.len() == 1 && b.chars().all(is_digit) => "(seconds) ",
        _ => word,
    });
    words.collect::<String>().trim_end().to_string()
}

/// Types all commands of a page into a shell.
fn type_all(server: &Server, page: &str) {
    let steps = steps(page);
    assert!(steps.len() > 3, "docs/{page} shows nothing");
    let programs = Path::new(env!("CARGO_BIN_EXE_simile")).parent().expect("a directory");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    for Step { line, command, output } in steps {
        let redis_cli = format!("redis-cli -p {} ", server.port());
        let script = command.replace("redis-cli ", &redis_cli);
        let ran = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{script}")])
            .current_dir(server.directory())
            .env("PATH", &path)
            .env("SIMILE_URL", format!("redis://127.0.0.1:{}", server.port()))
            .output()
            .expect("a shell");
        let printed = String::from_utf8(ran.stdout).expect("text");
        assert_eq!(without_times(&printed), without_times(&output), "docs/{page}, line {line}: {command}");
    }
}

#[test]
fn times_may_differ_and_nothing_else() {
    assert_eq!(without_times("in 0.3 s (6 before)\n"), without_times("in 12.0 s (6 before)"));
    assert_eq!(without_times("{\"a\":1795392000,"), without_times("{\"a\":1500000000,"));
    assert_ne!(without_times("in 0.3 s: 6"), without_times("in 0.3 s: 7"));
    assert_ne!(without_times("0.75 a"), without_times("0.25 a"));
    assert_eq!(without_times("1  2.06 KiB  0\n"), without_times("1  12.50 KiB  0\n"));
    assert_ne!(without_times("1  2.06 KiB  0"), without_times("1  2.06 KiB  3"));
    assert_ne!(without_times("1  2.06 KiB  0"), without_times("2  2.06 KiB  0"));
}

on_each_server! {
    fn the_page_of_the_tool_shows_what_it_prints(server: Server) {
        type_all(&server, "cli.md");
    }

    fn the_page_about_migrating_shows_what_it_prints(server: Server) {
        type_all(&server, "migrating.md");
    }
}
