//! RECORD with a ready signature.

use crate::bench::{Bench, Cost, PIPELINE};
use crate::contender::{Command, Contender, Shape};
use crate::corpus::{self, Event, Sizes};
use crate::random::Random;
use crate::reference;
use crate::report::{Baseline, Report, Row, Target, Unit, three_digits};
use crate::traffic;
use crate::wire::Batch;

/// The shape of an index that a target names.
pub struct Grid {
    pub bands: u16,
    pub interval: u64,
    pub intervals: u64,
}

/// 8 bands, four intervals of 30 days.
pub const EIGHT: Grid = Grid { bands: 8, interval: 30 * 86_400, intervals: 4 };
/// 16 bands, 13 intervals of an hour.
pub const SIXTEEN: Grid = Grid { bands: 16, interval: 3_600, intervals: 13 };

/// The number of groups whose events are recorded and compared.
pub const GROUPS: usize = 2_000;
/// The number of their events.
pub const EVENTS: usize = 20_000;

/// The number of parts of the events, in which the contenders take turns.
const TURNS: usize = 4;

pub fn run(bench: &Bench, report: &mut Report) {
    events_of_groups(bench, report, "record-8", &EIGHT, 27.0);
    events_of_groups(bench, report, "record-16", &SIXTEEN, 33.0);
    new_items(bench, report);
}

/// The events of the groups, spread over the intervals.
pub fn events(grid: &Grid) -> Vec<Event> {
    corpus::events(1, GROUPS, &Sizes::Zipf { events: EVENTS }, grid.intervals as usize)
}

/// The events of the corpus as commands of one contender.
pub fn commands<'a>(
    shape: &'a Shape,
    contender: Contender,
    clock: u64,
    events: &'a [Event],
) -> impl Iterator<Item = Command> + 'a {
    events.iter().map(move |event| {
        let signature = corpus::signature(&event.text, shape.bands);
        shape.record(contender, &event.item(), shape.moment(clock, event.age), &signature)
    })
}

fn events_of_groups(bench: &Bench, report: &mut Report, name: &'static str, grid: &Grid, times: f64) {
    bench.progress(name);
    let events = events(grid);
    let rounds = bench.extent.pick(3, 1);
    let mut costs = [Vec::new(), Vec::new()];
    for round in 1..=rounds {
        bench.flush();
        let shape = bench.shape("scope", grid.bands, grid.interval, grid.intervals);
        let clock = bench.clock();
        for turn in events.chunks(EVENTS / TURNS) {
            for (contender, costs) in Contender::BOTH.into_iter().zip(&mut costs) {
                let batch: Batch = commands(&shape, contender, clock, turn).collect();
                costs.push(bench.cost(&batch, PIPELINE));
            }
        }
        for contender in Contender::BOTH.into_iter().filter(|_| round == rounds) {
            let batch = commands(&shape, contender, clock, &events[..EVENTS / TURNS]).collect();
            traffic::measure(bench, report, name, contender, &batch);
        }
    }
    bench.flush();
    let [module, lua] = costs.map(|turns| Cost::median(&turns));
    report.rows.push(Row {
        name,
        work: format!("RECORD, {} bands, ready signature", grid.bands),
        unit: Unit::Microseconds,
        baseline: Baseline::new("Lua", lua),
        module: module.into(),
        target: Some(Target::TimesLess(times)),
        note: String::new(),
    });
}

/// New items with new buckets, compared with as many new members of one set.
fn new_items(bench: &Bench, report: &mut Report) {
    bench.progress("record-16-new against SADD");
    let entries = bench.extent.pick(1_000_000, 200_000);
    let calls = bench.extent.pick(20_000, 5_000);
    let sadd = reference::sadd_of_new_members(bench, entries, calls);
    bench.flush();
    let shape = bench.shape("scope", 16, EIGHT.interval, EIGHT.intervals);
    let clock = bench.clock();
    let mut fresh = FreshItems::new(&shape, Contender::Module, clock);
    bench.load(fresh.by_ref().take(entries / 16));
    let record = |_| bench.cost(&fresh.by_ref().take(calls / 5).collect(), PIPELINE);
    let module = Cost::median(&(0..5).map(record).collect::<Vec<_>>());
    bench.flush();
    report.rows.push(Row {
        name: "record-16-new",
        work: format!(
            "RECORD of a new item and 16 new buckets, after {} buckets",
            three_digits(entries as f64)
        ),
        unit: Unit::Microseconds,
        baseline: Baseline::new("SADD of 16 new members", Cost::median(&sadd)),
        module: module.into(),
        target: Some(Target::TimesLess(1.0)),
        note: String::new(),
    });
}

/// RECORDs of distinct items, each with buckets of its own.
pub struct FreshItems<'a> {
    shape: &'a Shape,
    contender: Contender,
    timestamp: u64,
    random: Random,
    count: usize,
}

impl<'a> FreshItems<'a> {
    pub fn new(shape: &'a Shape, contender: Contender, clock: u64) -> FreshItems<'a> {
        FreshItems { shape, contender, timestamp: shape.now(clock), random: Random::new(8), count: 0 }
    }
}

impl Iterator for FreshItems<'_> {
    type Item = Command;

    fn next(&mut self) -> Option<Command> {
        self.count += 1;
        let buckets = self.random.buckets(self.shape.bands);
        Some(self.shape.record(self.contender, &format!("i{:09}", self.count), self.timestamp, &buckets))
    }
}
