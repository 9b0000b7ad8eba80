//! COMPARE with a LIMIT when most items share a bucket in each of two bands, as happens with texts that begin
//! alike. The best items are found by the other bands, and the two hot buckets need not be read.

use crate::bench::{Bench, Cost, PIPELINE};
use crate::contender::{Command, Contender, Shape};
use crate::random::Random;
use crate::record::EIGHT;
use crate::report::{Baseline, Report, Row, Target, Unit, three_digits};
use crate::wire::Batch;

const BANDS: u16 = 16;
/// The number of items that are compared, each of which has neighbours of its own.
const QUERIES: usize = 200;
/// The number of neighbours of each, which share three to fourteen of the bands that are not hot.
const NEIGHBOURS: usize = 20;

pub fn run(bench: &Bench, report: &mut Report) {
    bench.progress("COMPARE LIMIT 10, two very hot bands");
    let members = bench.extent.pick(100_000, 20_000);
    let hot = fill(bench, "hot", members);
    let cold = fill(bench, "cold", 0);
    let [hot, cold] = costs(bench, [&hot, &cold]).map(|turns| Cost::median(&turns));
    bench.flush();
    report.rows.push(Row {
        name: "compare-very-hot",
        work: format!("COMPARE LIMIT 10, 2 of 16 bands hot, {} members each", three_digits(members as f64)),
        unit: Unit::Microseconds,
        baseline: Baseline::new("without the hot bands", cold),
        module: hot.into(),
        target: Some(Target::TimesLess(0.5)),
        note: format!("{NEIGHBOURS} candidates in the other bands; Lua would take minutes"),
    });
}

/// Records the neighbourhoods and a crowd, of which `members` are in each hot bucket. With 0 members, the two bands
/// are like the others.
fn fill<'a>(bench: &'a Bench, scope: &'static str, members: usize) -> Hotness<'a> {
    let shape = bench.shape(scope, BANDS, EIGHT.interval, EIGHT.intervals);
    let hotness = Hotness { bench, shape, clock: bench.clock(), members };
    bench.load(hotness.neighbourhoods());
    bench.load(hotness.crowd(bench.extent.pick(150_000, 30_000)));
    hotness
}

struct Hotness<'a> {
    bench: &'a Bench,
    shape: Shape,
    clock: u64,
    members: usize,
}

impl Hotness<'_> {
    fn neighbourhoods(&self) -> Vec<Command> {
        let mut random = Random::new(20);
        let mut records = Vec::new();
        for query in 0..QUERIES {
            let buckets = random.buckets(BANDS);
            records.push(self.record(&query_name(query), &buckets, [true; 2], query));
            for neighbour in 0..NEIGHBOURS {
                let shared = 3 + random.below(12);
                let mut similar = random.buckets(BANDS);
                similar[2..2 + shared].clone_from_slice(&buckets[2..2 + shared]);
                let name = format!("near-{query:03}-{neighbour:02}");
                records.push(self.record(&name, &similar, [true; 2], query + neighbour));
            }
        }
        records
    }

    /// Two thirds of the crowd are in each of the hot buckets, a third in both.
    fn crowd(&self, items: usize) -> impl Iterator<Item = Command> {
        let mut random = Random::new(21);
        (0..items).map(move |item| {
            let is_hot = [item < self.members, item >= items - self.members];
            self.record(&format!("i{item:09}"), &random.buckets(BANDS), is_hot, item)
        })
    }

    fn record(&self, item: &str, buckets: &[Vec<u8>], is_hot: [bool; 2], number: usize) -> Command {
        let mut buckets = buckets.to_vec();
        for (bucket, is_hot) in buckets.iter_mut().zip(is_hot) {
            if is_hot && self.members > 0 {
                *bucket = b"everyone".to_vec();
            }
        }
        let moment = self.shape.moment(self.clock, number % EIGHT.intervals as usize);
        self.shape.record(Contender::Module, item, moment, &buckets)
    }

    fn cost(&self) -> Cost {
        let now = self.shape.now(self.clock);
        let compare = |query| self.shape.compare(Contender::Module, &query_name(query), now, 10);
        let batch: Batch = (0..QUERIES).map(compare).collect();
        self.bench.cost(&batch, PIPELINE)
    }
}

fn costs(bench: &Bench, both: [&Hotness; 2]) -> [Vec<Cost>; 2] {
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..bench.extent.pick(15, 5) {
        for (costs, hotness) in costs.iter_mut().zip(both) {
            costs.push(hotness.cost());
        }
    }
    costs
}

fn query_name(query: usize) -> String {
    format!("query-{query:03}")
}
