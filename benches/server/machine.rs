//! The machine and the server that the figures were measured on.

use crate::bench::{Bench, Extent};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

pub fn describe(bench: &Bench) -> Value {
    let server = |field: &str| bench.server.info(field);
    json!({
        "cpu": cpu(),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "memory": line_of("/proc/meminfo", "MemTotal"),
        "kernel": output("uname", &["-sr"]),
        "server": bench.kind.name(),
        "server_version": server("redis_version"),
        "allocator": server("mem_allocator"),
        "rustc": output("rustc", &["--version"]),
        "revision": output("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
        "date": output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        "preemptions": bench.preemptions(),
        "extent": if bench.extent == Extent::Full { "full" } else { "quick" },
    })
}

/// The model that the kernel names, or else the kind of machine.
fn cpu() -> String {
    line_of("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.into())
}

/// The text after `field:` in a file of such lines.
fn line_of(file: &str, field: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    Some(line.split_once(':')?.1.trim().to_string())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
}
