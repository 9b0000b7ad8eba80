//! Throughput and latency as a client sees them: calls per second, and the wait for a reply.

use crate::bench::{Bench, PIPELINE};
use crate::contender::Contender;
use crate::report::Report;
use crate::wire::Batch;
use serde_json::json;
use std::time::Duration;

/// Measures one kind of call at a pipeline of 1 and of [`PIPELINE`].
pub fn measure(bench: &Bench, report: &mut Report, name: &str, contender: Contender, batch: &Batch) {
    let (single, latencies) = bench.latencies(batch);
    let pipelined = bench.cost(batch, PIPELINE);
    report.traffic.push(json!({
        "name": name,
        "side": contender.name(),
        "calls": batch.len(),
        "per_second": single.throughput,
        "per_second_pipelined": pipelined.throughput,
        "server": single.server,
        "server_pipelined": pipelined.server,
        "p50": microseconds(percentile(&latencies, 500)),
        "p99": microseconds(percentile(&latencies, 990)),
        "max": microseconds(percentile(&latencies, 1_000)),
    }));
}

pub fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// A percentile of sorted figures, in thousandths.
pub fn percentile<Figure: Copy>(sorted: &[Figure], thousandths: usize) -> Figure {
    sorted[(sorted.len() * thousandths / 1_000).min(sorted.len() - 1)]
}
