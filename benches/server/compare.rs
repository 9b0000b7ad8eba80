//! COMPARE of groups with the groups that look like them.

use crate::bench::{Bench, Cost, PIPELINE};
use crate::contender::{Contender, Shape};
use crate::corpus::{self, Event};
use crate::random::Random;
use crate::record::{self, EIGHT, GROUPS, Grid, SIXTEEN};
use crate::report::{Baseline, Report, Row, Target, Unit};
use crate::traffic;
use crate::wire::Batch;

pub fn run(bench: &Bench, report: &mut Report) {
    groups(bench, report, "compare-8", &EIGHT, 200.0);
    groups(bench, report, "compare-16", &SIXTEEN, 500.0);
}

/// COMPARE without a limit, of groups drawn evenly; with 8 bands, also of items that were observed often.
fn groups(bench: &Bench, report: &mut Report, name: &'static str, grid: &Grid, times: f64) {
    bench.progress(name);
    let events = record::events(grid);
    let shape = bench.shape("scope", grid.bands, grid.interval, grid.intervals);
    let clock = bench.clock();
    load(bench, &shape, clock, &events);
    let mut random = Random::new(2);
    let calls = bench.extent.pick(500, 150) * 8 / usize::from(grid.bands);
    let items: Vec<String> = (0..calls).map(|_| corpus::item(random.below(GROUPS))).collect();
    let work = format!("COMPARE, {} bands, {} chunks", grid.bands, grid.intervals);
    row(bench, report, &Queries { name, work, shape: &shape, clock, items: &items }, times);
    if grid.bands == 8 {
        bench.progress("compare-50");
        let items = often_seen(bench, &shape, clock);
        let work = "COMPARE, an item of 50 distinct observations".to_string();
        row(bench, report, &Queries { name: "compare-50", work, shape: &shape, clock, items: &items }, 200.0);
    }
    bench.flush();
}

fn load(bench: &Bench, shape: &Shape, clock: u64, events: &[Event]) {
    for contender in Contender::BOTH {
        bench.load(record::commands(shape, contender, clock, events));
    }
}

/// Records items of 50 distinct observations each, similar to some groups of the corpus.
fn often_seen(bench: &Bench, shape: &Shape, clock: u64) -> Vec<String> {
    let count = bench.extent.pick(20, 5);
    let events: Vec<(String, usize, String)> = (0..count)
        .flat_map(|item| {
            let texts = corpus::unlike_texts(1, GROUPS, GROUPS / 2 + item, 50);
            let observation =
                move |(number, text)| (format!("often-{item:04}"), number % EIGHT.intervals as usize, text);
            texts.into_iter().enumerate().map(observation)
        })
        .collect();
    for contender in Contender::BOTH {
        bench.load(events.iter().map(|(item, age, text)| {
            shape.record(contender, item, shape.moment(clock, *age), &corpus::signature(text, shape.bands))
        }));
    }
    (0..count).map(|item| format!("often-{item:04}")).collect()
}

/// The least number of calls in a turn of the module: enough for a tenth of a second.
const MODULE_CALLS: usize = 4_000;

/// The items of the COMPAREs of one row.
struct Queries<'a> {
    name: &'static str,
    work: String,
    shape: &'a Shape,
    clock: u64,
    items: &'a [String],
}

impl Queries<'_> {
    /// The commands of a turn. One round of the items would be over for the module before the processor is warm,
    /// so its turn repeats them until it lasts, as one of the script does anyway.
    fn batch(&self, contender: Contender) -> Batch {
        let now = self.shape.now(self.clock);
        let calls = if contender == Contender::Module {
            MODULE_CALLS.max(self.items.len())
        } else {
            self.items.len()
        };
        let items = self.items.iter().cycle().take(calls);
        items.map(|item| self.shape.compare(contender, item, now, 0)).collect()
    }
}

fn row(bench: &Bench, report: &mut Report, queries: &Queries, times: f64) {
    let candidates = checked_candidates(bench, queries);
    let batches = Contender::BOTH.map(|contender| queries.batch(contender));
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..bench.extent.pick(3, 1) {
        costs[0].extend((0..3).map(|_| bench.cost(&batches[0], PIPELINE)));
        costs[1].push(bench.cost(&batches[1], PIPELINE));
    }
    for (contender, batch) in Contender::BOTH.into_iter().zip(&batches) {
        traffic::measure(bench, report, queries.name, contender, batch);
    }
    let [module, lua] = costs.map(|turns| Cost::median(&turns));
    report.rows.push(Row {
        name: queries.name,
        work: queries.work.clone(),
        unit: Unit::Microseconds,
        baseline: Baseline::new("Lua", lua),
        module: module.into(),
        target: Some(Target::TimesLess(times)),
        note: format!("{candidates:.1} candidates on average"),
    });
}

/// The mean number of items that a query finds. Checks for some of the queries that both contenders find the same.
fn checked_candidates(bench: &Bench, queries: &Queries) -> f64 {
    let now = queries.shape.now(queries.clock);
    for item in &queries.items[..5] {
        bench.agree(|contender| queries.shape.compare(contender, item, now, 0));
    }
    let found = |item: &String| bench.found(&queries.shape.compare(Contender::Module, item, now, 0)).len();
    queries.items.iter().map(found).sum::<usize>() as f64 / queries.items.len() as f64
}
