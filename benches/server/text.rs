//! RECORD of a text, compared with RECORD of its signature: the cost of shingling and hashing in the server.

use crate::bench::{Bench, Cost, PIPELINE};
use crate::contender::{Contender, Shape};
use crate::corpus::{self, Event, Sizes};
use crate::record::{self, EIGHT, GROUPS};
use crate::report::{Baseline, Report, Row, Target, Unit};
use crate::wire::Batch;

const LENGTH: usize = 120;
const BANDS: u16 = 16;

pub fn run(bench: &Bench, report: &mut Report) {
    bench.progress("text-120");
    let mut events = corpus::events(3, GROUPS, &Sizes::Even { each: 10 }, EIGHT.intervals as usize);
    events.iter_mut().for_each(|event| event.text.truncate(LENGTH));
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..bench.extent.pick(5, 2) {
        let [text, ready] =
            ["text", "ready"].map(|scope| bench.shape(scope, BANDS, EIGHT.interval, EIGHT.intervals));
        let clock = bench.clock();
        for turn in events.chunks(events.len() / 4) {
            costs[0].push(bench.cost(&texts(&text, clock, turn), PIPELINE));
            let signatures: Batch = record::commands(&ready, Contender::Module, clock, turn).collect();
            costs[1].push(bench.cost(&signatures, PIPELINE));
        }
        bench.flush();
    }
    let [text, ready] = costs.map(|turns| Cost::median(&turns));
    report.rows.push(Row {
        name: "text-120",
        work: format!("RECORD, TEXT of {LENGTH} characters, 32 slots"),
        unit: Unit::Microseconds,
        baseline: Baseline::new("the same, signature ready", ready),
        module: text.into(),
        target: Some(Target::Above(5.0)),
        note: format!("signing adds {}", Unit::Microseconds.show(text.server - ready.server)),
    });
}

fn texts(shape: &Shape, clock: u64, events: &[Event]) -> Batch {
    let record =
        |event: &Event| shape.record_text(&event.item(), shape.moment(clock, event.age), &event.text);
    events.iter().map(record).collect()
}
