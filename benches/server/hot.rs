//! COMPARE when a bucket has many members.

use crate::bench::{Bench, Cost, PIPELINE};
use crate::contender::{Command, Contender, Shape};
use crate::random::Random;
use crate::record::{EIGHT, Grid, SIXTEEN};
use crate::report::{Baseline, Report, Row, Target, Unit};
use serde_json::{Value, json};

/// A row of the table: its name, its LIMIT and its target.
struct HotRow {
    name: &'static str,
    limit: usize,
    times: f64,
}

pub fn run(bench: &Bench, report: &mut Report) {
    let all = |name| HotRow { name, limit: 0, times: 300.0 };
    let best = |name| HotRow { name, limit: 10, times: 2_000.0 };
    sizes(bench, report, &EIGHT, &[all("compare-hot-8"), best("compare-hot-8-limit")]);
    sizes(bench, report, &SIXTEEN, &[all("compare-hot-16"), best("compare-hot-16-limit")]);
}

/// A point of the plot for each size of the bucket, and the rows for 10,000 members.
fn sizes(bench: &Bench, report: &mut Report, grid: &Grid, rows: &[HotRow]) {
    let mut points = Vec::new();
    let most = bench.extent.pick(100_000, 10_000);
    for members in [10, 100, 1_000, 10_000, 100_000].into_iter().filter(|&members| members <= most) {
        bench.progress(&format!("COMPARE, a bucket of {members} members, {} bands", grid.bands));
        if members > HOT {
            // By default the server refuses a command that would cost this much.
            bench.server.expect("CONFIG SET simile.max-postings 10000000", "OK");
        }
        let bucket = HotBucket::fill(bench, grid, members);
        for hot_row in rows {
            let (lua, module) = (bucket.lua_cost(hot_row.limit), bucket.module_cost(hot_row.limit));
            points.push(json!({
                "members": members,
                "limit": hot_row.limit,
                "module": module.server,
                "lua": lua.map(|lua| lua.server),
            }));
            if members == HOT {
                report.rows.push(row(hot_row, grid, module, lua.expect("10,000 are not too many for Lua")));
            }
        }
        bench.flush();
    }
    report.curves.insert(format!("compare-hot-{}", grid.bands), Value::Array(points));
}

fn row(hot_row: &HotRow, grid: &Grid, module: Cost, lua: Cost) -> Row {
    Row {
        name: hot_row.name,
        work: format!("COMPARE LIMIT {}, a bucket of 10,000 members, {} bands", hot_row.limit, grid.bands),
        unit: Unit::Microseconds,
        baseline: Baseline::new("Lua", lua),
        module: module.into(),
        target: Some(Target::TimesLess(hot_row.times)),
        note: String::new(),
    }
}

/// Items of one observation each, spread over the window, that share their bucket in the first band and no
/// other.
struct HotBucket<'a> {
    bench: &'a Bench,
    shape: Shape,
    clock: u64,
    members: usize,
}

/// The size of the bucket in the rows of the table. With more members Lua takes minutes.
const HOT: usize = 10_000;

impl HotBucket<'_> {
    fn fill<'a>(bench: &'a Bench, grid: &Grid, members: usize) -> HotBucket<'a> {
        let shape = bench.shape("scope", grid.bands, grid.interval, grid.intervals);
        let hot = HotBucket { bench, shape, clock: bench.clock(), members };
        bench.load(hot.records(Contender::Module));
        if members <= HOT {
            bench.load(hot.records(Contender::Lua));
            let now = hot.shape.now(hot.clock);
            let compare = |contender| hot.shape.compare(contender, &member(0), now, 0);
            if members <= 1_000 {
                assert_eq!(bench.agree(compare), members);
            }
        }
        hot
    }

    fn records(&self, contender: Contender) -> impl Iterator<Item = Command> {
        let mut random = Random::new(10);
        let intervals = self.shape.retention as usize + 1;
        (0..self.members).map(move |item| {
            let mut buckets = random.buckets(self.shape.bands);
            buckets[0] = b"everyone".to_vec();
            self.shape.record(
                contender,
                &member(item),
                self.shape.moment(self.clock, item % intervals),
                &buckets,
            )
        })
    }

    fn median_cost(&self, contender: Contender, limit: usize, calls: usize) -> Cost {
        Cost::median(&[(); 3].map(|()| self.cost(contender, limit, calls)))
    }

    /// The cost in a turn of `calls` COMPAREs.
    fn cost(&self, contender: Contender, limit: usize, calls: usize) -> Cost {
        let now = self.shape.now(self.clock);
        let compare = |call| self.shape.compare(contender, &member(call * 7 % self.members), now, limit);
        self.bench.cost(&(0..calls).map(compare).collect(), PIPELINE)
    }

    fn module_cost(&self, limit: usize) -> Cost {
        // Turns of a tenth of a second or more, which the warming up of the processor does not affect.
        let calls = (1_000_000 / self.members).clamp(10, 10_000);
        self.median_cost(Contender::Module, limit, calls)
    }

    /// `None` if it would take minutes.
    fn lua_cost(&self, limit: usize) -> Option<Cost> {
        let calls = (self.bench.extent.pick(3_000, 1_000) / self.members).clamp(1, 30);
        (self.members <= HOT).then(|| self.median_cost(Contender::Lua, limit, calls))
    }
}

fn member(item: usize) -> String {
    format!("i{item:09}")
}
