//! What it takes to save a structure while it is written to, to load it, to copy it to a replica, and to free it.

use super::structure::Structure;
use super::{MEMORY, sleep_until};
use crate::bench::Bench;
use crate::contender::words;
use crate::traffic::{microseconds, percentile};
use crate::wire::{Batch, Wire};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The writes a second while the server saves. A steady stream: as fast as possible, every page would be copied.
const WRITES_PER_SECOND: u32 = 1_000;
/// The longest that a copy or a save may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// Measures all of it. What can be is measured on a second server, which the first one fills by a full synchronisation;
/// if there is no memory for it, then on the first one, which is empty afterwards (`is_last`).
pub fn measure(bench: &Bench, structure: &Structure, recorded: &mut usize, is_last: bool) -> Value {
    let items = *recorded;
    bench.progress(&format!("{}: BGSAVE under writes", structure.title()));
    let saving = save(bench, structure, recorded);
    let dump = bench.server.directory().join("dump.rdb");
    let file = std::fs::metadata(&dump).expect("a saved file").len();
    let fits = 2 * bench.used_memory() + copied(bench) < MEMORY;
    if !fits && !is_last {
        return json!({ "items": items, "file": file, "saving": saving });
    }
    let replica = fits.then(|| Bench::start(bench.kind, bench.extent));
    let sync = replica.as_ref().map(|replica| {
        bench.progress(&format!("{}: full synchronisation of a replica", structure.title()));
        synchronise(bench, replica)
    });
    let server = replica.as_ref().unwrap_or(bench);
    let keys = structure.keys(server);
    let del = server.deletion_time("DEL", &keys);
    // A replica has the file that it received, and the first server the one that it saved.
    bench.progress(&format!("{}: load", structure.title()));
    // 20 million items take longer than a client of the tests waits.
    let reload: Batch = [words(&["DEBUG", "RELOAD", "NOSAVE"])].into_iter().collect();
    let load = Wire::connect(server.server.port()).send(&reload, 1).as_secs_f64();
    let loaded_bytes = server.used_memory();
    let expiry = server.expiry_time(&keys[0]);
    let _ = std::fs::remove_file(&dump);
    json!({
        "items": items,
        "file": file,
        "saving": saving,
        "sync": sync,
        "keys": keys.len(),
        "del": del,
        "load": load,
        "loaded_bytes": loaded_bytes,
        "expiry": expiry,
    })
}

/// Bytes that the last save copied.
fn copied(bench: &Bench) -> u64 {
    bench.server.info("rdb_last_cow_size").parse().expect("a number of bytes")
}

/// Saves in the background, while one client adds items.
fn save(bench: &Bench, structure: &Structure, recorded: &mut usize) -> Value {
    let server = &bench.server;
    let mut wire = Wire::connect(server.port());
    let (start, mut times) = (Instant::now(), Vec::new());
    server.does("BGSAVE");
    let fork = server.info("latest_fork_usec").parse::<f64>().expect("microseconds");
    while server.info("rdb_bgsave_in_progress") != "0" {
        assert!(start.elapsed() < PATIENCE, "the save does not end");
        let batch: Batch = (*recorded..*recorded + 20).map(|item| structure.add(item)).collect();
        *recorded += batch.len();
        for command in 0..batch.len() {
            let due = start + (times.len() as u32 + 1) * Duration::from_secs(1) / WRITES_PER_SECOND;
            sleep_until(due);
            times.push(microseconds(wire.send_one(&batch, command)));
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(server.info("rdb_last_bgsave_status"), "ok");
    times.sort_by(f64::total_cmp);
    let at = |thousandths| if times.is_empty() { 0.0 } else { percentile(&times, thousandths) };
    json!({
        "seconds": seconds,
        "fork": fork,
        "writes": times.len(),
        "copied": copied(bench),
        "p50": at(500),
        "p999": at(999),
        "worst": at(1_000),
    })
}

/// Makes `replica` follow until it has everything, and then stand by itself; gives the seconds that it took.
fn synchronise(bench: &Bench, replica: &Bench) -> f64 {
    let start = Instant::now();
    replica.server.expect(format!("REPLICAOF 127.0.0.1 {}", bench.server.port()), "OK");
    while replica.server.info("master_link_status") != "up" {
        assert!(start.elapsed() < PATIENCE, "the replica does not catch up");
        std::thread::sleep(Duration::from_millis(5));
    }
    let seconds = start.elapsed().as_secs_f64();
    replica.server.expect("REPLICAOF NO ONE", "OK");
    seconds
}
