//! CLASSIFY of events that were not recorded, and ASSIGN, which finds the group of an event and records it there.

use crate::bench::{Bench, Cost, PIPELINE};
use crate::contender::{Command, Contender};
use crate::corpus::{self, Event};
use crate::record::{self, EIGHT, EVENTS, Grid, SIXTEEN};
use crate::report::{Baseline, Report, Row, Unit};
use crate::traffic;
use crate::wire::Batch;

/// The score from which ASSIGN records an event under a group.
const MINSCORE: &str = "0.1";
/// The turns of each contender.
const TURNS: usize = 4;

pub fn run(bench: &Bench, report: &mut Report) {
    classify(bench, report, "classify-8", &EIGHT);
    classify(bench, report, "classify-16", &SIXTEEN);
    assign(bench, report, "assign-8", &EIGHT);
    assign(bench, report, "assign-16", &SIXTEEN);
}

/// The events of `record-*`: those that are recorded first, and then those that are asked about.
fn events(grid: &Grid) -> (Vec<Event>, Vec<Event>) {
    let mut recorded = record::events(grid);
    let unseen = recorded.split_off(EVENTS * 9 / 10);
    (recorded, unseen)
}

/// CLASSIFY without a limit, beside the script.
fn classify(bench: &Bench, report: &mut Report, name: &'static str, grid: &Grid) {
    bench.progress(name);
    let (recorded, unseen) = events(grid);
    let shape = bench.shape("scope", grid.bands, grid.interval, grid.intervals);
    let clock = bench.clock();
    for contender in Contender::BOTH {
        bench.load(record::commands(&shape, contender, clock, &recorded));
    }
    let call = |contender, event: &Event| -> Command {
        shape.classify(contender, shape.now(clock), 0, &corpus::signature(&event.text, shape.bands))
    };
    let calls = bench.extent.pick(500, 150) * 8 / usize::from(grid.bands);
    let asked = &unseen[..calls];
    let found: usize = asked.iter().map(|event| bench.agree(|contender| call(contender, event))).sum();
    // The module's turn goes on until the processor is warm.
    let events = |contender| match contender {
        Contender::Module => &unseen[..],
        Contender::Lua => asked,
    };
    let batches = Contender::BOTH
        .map(|contender| events(contender).iter().map(|event| call(contender, event)).collect::<Batch>());
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..bench.extent.pick(3, 1) {
        costs[0].extend((0..3).map(|_| bench.cost(&batches[0], PIPELINE)));
        costs[1].push(bench.cost(&batches[1], PIPELINE));
    }
    for (contender, batch) in Contender::BOTH.into_iter().zip(&batches) {
        traffic::measure(bench, report, name, contender, batch);
    }
    bench.flush();
    let [module, lua] = costs.map(|turns| Cost::median(&turns));
    report.rows.push(Row {
        name,
        work: format!("CLASSIFY, {} bands, {} chunks", grid.bands, grid.intervals),
        unit: Unit::Microseconds,
        baseline: Baseline::new("Lua", lua),
        module: module.into(),
        target: None,
        note: format!("{:.1} candidates on average", found as f64 / calls as f64),
    });
}

/// ASSIGN, beside the CLASSIFY and the RECORD that a client would send one after the other, in a scope of the same
/// content.
fn assign(bench: &Bench, report: &mut Report, name: &'static str, grid: &Grid) {
    bench.progress(name);
    let (recorded, unseen) = events(grid);
    let [joined, separate] =
        ["joined", "separate"].map(|scope| bench.shape(scope, grid.bands, grid.interval, grid.intervals));
    let clock = bench.clock();
    for shape in [&joined, &separate] {
        bench.load(record::commands(shape, Contender::Module, clock, &recorded));
    }
    let (mut at_once, mut apart) = (Vec::new(), Vec::new());
    for (turn, events) in unseen.chunks(unseen.len() / TURNS).enumerate() {
        let signed = || events.iter().map(|event| (event, corpus::signature(&event.text, grid.bands)));
        let now = joined.now(clock);
        let assigns: Batch = (0..)
            .zip(signed())
            .map(|(number, (_, buckets))| {
                joined.assign(&format!("new-{turn}-{number:05}"), now, MINSCORE, &buckets)
            })
            .collect();
        let classifies: Batch =
            signed().map(|(_, buckets)| separate.classify(Contender::Module, now, 1, &buckets)).collect();
        let records: Batch = signed()
            .map(|(event, buckets)| separate.record(Contender::Module, &event.item(), now, &buckets))
            .collect();
        let mut one = || at_once.push(bench.cost(&assigns, PIPELINE));
        let mut two = || apart.push(sum(bench.cost(&classifies, PIPELINE), bench.cost(&records, PIPELINE)));
        // Each is first as often as the other.
        if turn % 2 == 0 {
            one();
            two();
        } else {
            two();
            one();
        }
    }
    bench.flush();
    let [module, both] = [at_once, apart].map(|turns| Cost::median(&turns));
    report.rows.push(Row {
        name,
        work: format!("ASSIGN, {} bands, {} chunks", grid.bands, grid.intervals),
        unit: Unit::Microseconds,
        baseline: Baseline::new("CLASSIFY LIMIT 1 and RECORD", both),
        module: module.into(),
        target: None,
        note: "the two would also take a client one more round trip, in which another could come between"
            .into(),
    });
}

/// The cost of one call of each kind.
fn sum(one: Cost, other: Cost) -> Cost {
    Cost {
        server: one.server + other.server,
        processor: one.processor + other.processor,
        throughput: 1.0 / (1.0 / one.throughput + 1.0 / other.throughput),
    }
}
