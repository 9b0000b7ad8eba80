//! Checks that the script is right, without which a comparison with it would mean nothing: sends random commands to
//! it and to the module, and compares their replies.

use crate::bench::Bench;
use crate::contender::{Command, Contender, Shape};
use crate::random::Random;
use testkit::Reply;

/// The number of items, and of buckets in a band: few, so that items share buckets.
const ITEMS: usize = 12;
const BUCKETS: usize = 5;
/// Long enough that no interval begins while the check runs.
const INTERVAL: u64 = 10_000_000;

/// Panics at the first difference. Scores may differ by a millionth.
pub fn run(bench: &Bench) {
    let (seeds, steps) = (10, 1_500);
    bench.progress(&format!("check: {seeds} times {steps} random commands, Lua against the module"));
    for seed in 0..seeds {
        bench.flush();
        let mut random = Random::new(seed);
        let (bands, intervals) = (1 + random.below(6) as u16, 1 + random.below(4) as u64);
        let shape = bench.shape("check", bands, INTERVAL, intervals);
        let clock = bench.clock();
        let mut check = Check { bench, shape, clock, random };
        for step in 0..steps {
            check.step(&format!("seed {seed}, step {step}"));
        }
    }
}

struct Check<'a> {
    bench: &'a Bench,
    shape: Shape,
    clock: u64,
    random: Random,
}

impl Check<'_> {
    fn step(&mut self, step: &str) {
        let (item, other) = (self.item(), self.item());
        let moment = self.moment();
        let signature = self.signature();
        let limit = [0, 0, 1, 3, 10][self.random.below(5)];
        let shape = self.shape.clone();
        match self.random.below(100) {
            0..50 => self.same(step, |contender| shape.record(contender, &item, moment, &signature)),
            50..70 => {
                self.similar(step, limit, |contender, limit| shape.compare(contender, &item, moment, limit))
            }
            70..90 => self.similar(step, limit, |contender, limit| {
                shape.classify(contender, moment, limit, &signature)
            }),
            90..95 if item != other => {
                self.both(|contender| shape.merge(contender, &item, &other, self.clock))
            }
            _ => self.both(|contender| shape.delete(contender, &item, self.clock)),
        }
    }

    fn item(&mut self) -> String {
        format!("item-{}", self.random.below(ITEMS))
    }

    fn signature(&mut self) -> Vec<Vec<u8>> {
        (0..self.shape.bands).map(|_| format!("{}", self.random.below(BUCKETS)).into_bytes()).collect()
    }

    /// A moment in the present interval or in one of the earlier ones in the window.
    fn moment(&mut self) -> u64 {
        let age = self.random.below(self.shape.retention as usize + 1) as u64;
        self.clock - age * INTERVAL
    }

    fn both(&self, command: impl Fn(Contender) -> Command) {
        for contender in Contender::BOTH {
            self.bench.run(&command(contender));
        }
    }

    /// Checks that both contenders give the same reply.
    fn same(&self, step: &str, command: impl Fn(Contender) -> Command) {
        let [ours, theirs] = Contender::BOTH.map(|contender| self.bench.run(&command(contender)));
        assert_eq!(ours, theirs, "{step}: the module, and the script");
    }

    /// Checks that without a limit both contenders find the same items with the same scores, best first, and that
    /// with a limit each gives the first of these.
    fn similar(&self, step: &str, limit: usize, command: impl Fn(Contender, usize) -> Command) {
        let all = Contender::BOTH.map(|contender| scores(&self.bench.run(&command(contender, 0))));
        let [mut ours, mut theirs] = all.clone();
        ours.sort_by(|a, b| a.0.cmp(&b.0));
        theirs.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(ours.len(), theirs.len(), "{step}: {ours:?} and {theirs:?}");
        for (a, b) in ours.iter().zip(&theirs) {
            assert!(a.0 == b.0 && (a.1 - b.1).abs() < 1e-6, "{step}: {a:?} and {b:?}");
        }
        for (contender, all) in Contender::BOTH.into_iter().zip(all) {
            let limited = scores(&self.bench.run(&command(contender, limit)));
            let expected = if limit == 0 { all.len() } else { limit.min(all.len()) };
            assert_eq!(limited, all[..expected], "{step}: {} with LIMIT {limit}", contender.name());
            assert!(all.is_sorted_by(|a, b| a.1 >= b.1), "{step}: {} is not sorted", contender.name());
        }
    }
}

/// The items and scores in the only list of a reply, in its order.
fn scores(reply: &Reply) -> Vec<(String, f64)> {
    let pair = |pair: &Reply| (pair.array()[0].text(), pair.array()[1].double());
    reply.array()[0].array().iter().map(pair).collect()
}
