//! The memory that the server uses for an item.

use crate::bench::Bench;
use crate::contender::{Contender, Shape};
use crate::corpus::Event;
use crate::record::{self, EIGHT, EVENTS, FreshItems, GROUPS};
use crate::report::{Baseline, Report, Row, Target, Unit, three_digits};
use serde_json::{Value, json};

pub fn run(bench: &Bench, report: &mut Report) {
    distinct(bench, report, "memory-distinct-8", 8, 350.0);
    distinct(bench, report, "memory-distinct-16", 16, 600.0);
    groups(bench, report);
}

/// Items of one observation and distinct buckets: the memory of buckets that have one member.
fn distinct(bench: &Bench, report: &mut Report, name: &'static str, bands: u16, most: f64) {
    bench.progress(name);
    let module = Growth::measure(bench, Contender::Module, bands, bench.extent.pick(1_000_000, 100_000));
    let lua = Growth::measure(bench, Contender::Lua, bands, bench.extent.pick(100_000, 10_000));
    let Point { items, bytes } = *lua.last(); // compared at the size that both reach
    report.rows.push(Row {
        name,
        work: format!(
            "memory an item, {bands} bands, all buckets distinct, {} items",
            three_digits(items as f64)
        ),
        unit: Unit::Bytes,
        baseline: Baseline::new("Lua", bytes),
        module: module.at(items).into(),
        target: Some(Target::AtMost(most)),
        note: module.remark(),
    });
    report.curves.insert(name.into(), json!({ "module": module.json(), "lua": lua.json() }));
}

/// Bytes for each item, after this number of items.
struct Point {
    items: usize,
    bytes: f64,
}

/// The memory of one contender while it grows.
struct Growth {
    points: Vec<Point>,
    /// MEMORY USAGE of the chunk in the end, as a share of what the allocator has given.
    claimed: Option<f64>,
}

impl Growth {
    /// After 1,000, 2,000, 5,000, 10,000, ... items.
    fn measure(bench: &Bench, contender: Contender, bands: u16, most: usize) -> Growth {
        bench.flush();
        let before = bench.used_memory();
        let shape = bench.shape("scope", bands, EIGHT.interval, EIGHT.intervals);
        let mut fresh = FreshItems::new(&shape, contender, bench.clock());
        let (mut points, mut so_far) = (Vec::new(), 0);
        let steps = (3..).flat_map(|power| [1, 2, 5].map(|n| n * 10usize.pow(power)));
        for items in steps.take_while(|&items| items <= most) {
            bench.load(fresh.by_ref().take(items - so_far));
            so_far = items;
            points.push(Point { items, bytes: (bench.used_memory() - before) as f64 / items as f64 });
        }
        let held = (bench.used_memory() - before) as f64;
        let claimed = (contender == Contender::Module).then(|| claimed_by_chunk(bench) / held);
        bench.flush();
        Growth { points, claimed }
    }

    fn last(&self) -> &Point {
        self.points.last().expect("at least one point")
    }

    fn at(&self, items: usize) -> f64 {
        self.points
            .iter()
            .find(|point| point.items == items)
            .expect("both contenders grow by the same steps")
            .bytes
    }

    fn remark(&self) -> String {
        let worst = self.points.iter().map(|point| point.bytes).fold(0.0, f64::max);
        format!(
            "at most {} anywhere between {} and {} items; MEMORY USAGE says {:.0} % of what the \
             allocator has given",
            Unit::Bytes.show(worst),
            three_digits(self.points[0].items as f64),
            three_digits(self.last().items as f64),
            self.claimed.unwrap_or(f64::NAN) * 100.0
        )
    }

    fn json(&self) -> Vec<Value> {
        self.points.iter().map(|Point { items, bytes }| json!([items, bytes])).collect()
    }
}

/// The bytes that MEMORY USAGE reports for the only chunk.
fn claimed_by_chunk(bench: &Bench) -> f64 {
    bench.server.does(format!("MEMORY USAGE {}", bench.server.only_chunk())).integer() as f64
}

/// The groups that are compared: ten events each on average, spread over four chunks.
fn groups(bench: &Bench, report: &mut Report) {
    bench.progress("memory-groups");
    let events = record::events(&EIGHT);
    let [module, lua] = Contender::BOTH.map(|contender| bytes_a_group(bench, contender, &events));
    report.rows.push(Row {
        name: "memory-groups",
        work: format!("memory a group, {} events of each on average, 4 chunks, 8 bands", EVENTS / GROUPS),
        unit: Unit::Bytes,
        baseline: Baseline::new("Lua", lua),
        module: module.into(),
        target: Some(Target::AtMost(1_700.0)),
        note: String::new(),
    });
}

fn bytes_a_group(bench: &Bench, contender: Contender, events: &[Event]) -> f64 {
    bench.flush();
    let bytes = bench.memory_of(|| {
        let shape: Shape = bench.shape("scope", EIGHT.bands, EIGHT.interval, EIGHT.intervals);
        bench.load(record::commands(&shape, contender, bench.clock(), events));
    });
    bench.flush();
    bytes as f64 / GROUPS as f64
}
