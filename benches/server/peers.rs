//! Other software on the same server: datasketch's MinHashLSH, from PyPI, if BENCH_PEERS=1.

use crate::bench::Bench;
use crate::report::Report;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

pub fn run(bench: &Bench, report: &mut Report) {
    if std::env::var_os("BENCH_PEERS").is_none_or(|value| value != "1") {
        bench.progress("peers: left out; BENCH_PEERS=1 adds them");
        return;
    }
    let items = bench.extent.pick(5_000, 1_000);
    for bands in [8, 16] {
        bench.progress(&format!("peers: datasketch, {bands} bands"));
        bench.flush();
        let warm_up = insert(bench, bands, 10); // this also installs it
        if let Err(failure) = warm_up {
            bench.progress(&format!("peers: left out, {failure}"));
            return;
        }
        bench.flush();
        let before = bench.used_memory();
        bench.server.expect("CONFIG RESETSTAT", "OK");
        let run = insert(bench, bands, items).expect("a second run succeeds like the first");
        report.peers.push(json!({
            "name": run["name"],
            "bands": bands,
            "items": items,
            "server": bench.time_of_all_calls() / items as f64,
            "per_second": items as f64 / run["seconds"].as_f64().expect("seconds"),
            "bytes": (bench.used_memory() - before) as f64 / items as f64,
            "keys": bench.server.does("DBSIZE").integer() as f64 / items as f64,
        }));
        bench.flush();
    }
}

/// Inserts items, each with buckets of its own.
///
/// # Errors
/// If Python is missing, or datasketch cannot be installed.
fn insert(bench: &Bench, bands: usize, items: usize) -> Result<Value, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers.py");
    let arguments = [bench.server.port().to_string(), bands.to_string(), items.to_string()];
    let output = Command::new(script).args(arguments).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}
