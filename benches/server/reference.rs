//! The cost of the server's own commands, as a scale for the rest.

use crate::bench::{Bench, Cost, PIPELINE};
use crate::contender::{Command, words};
use crate::random::Random;
use crate::report::{Report, three_digits};
use crate::wire::Batch;
use serde_json::json;

const ROUNDS: usize = 5;

pub fn run(bench: &Bench, report: &mut Report) {
    bench.progress("reference: commands of the server itself");
    let calls = bench.extent.pick(50_000, 5_000);
    let nothing = bench.server.does("SCRIPT LOAD \"return 1\"").text();
    let sixteen: Vec<String> = (0..16).map(|member| format!("member-{member:03}")).collect();
    let known: Vec<&str> = ["SADD", "small"].into_iter().chain(sixteen.iter().map(String::as_str)).collect();
    let same = [
        ("PING", vec!["PING"]),
        ("HINCRBY", vec!["HINCRBY", "hash", "field", "1"]),
        ("SADD of 16 known members", known),
        ("EVALSHA of `return 1`", vec!["EVALSHA", &nothing, "0"]),
    ];
    for (name, command) in same {
        let batch: Batch = std::iter::repeat_n(words(&command), calls).collect();
        let costs: Vec<Cost> = (0..ROUNDS).map(|_| bench.cost(&batch, PIPELINE)).collect();
        add(report, name, &costs);
    }
    let members = bench.extent.pick(1_000_000, 200_000);
    let costs = sadd_of_new_members(bench, members, calls / 5);
    add(report, &format!("SADD of 16 new members to a set of {}", three_digits(members as f64)), &costs);
    bench.flush();
}

/// The cost of adding 16 new members by SADD to a set of `members`.
pub fn sadd_of_new_members(bench: &Bench, members: usize, calls: usize) -> Vec<Cost> {
    bench.run(&words(&["DEL", "large"]));
    let mut random = Random::new(16);
    bench.load((0..members / 16).map(|_| sadd(&mut random)));
    (0..ROUNDS)
        .map(|_| bench.cost(&(0..calls / ROUNDS).map(|_| sadd(&mut random)).collect(), PIPELINE))
        .collect()
}

/// SADD of 16 members of eight random bytes.
fn sadd(random: &mut Random) -> Command {
    let mut command = words(&["SADD", "large"]);
    command.extend((0..16).map(|_| random.bucket()));
    command
}

fn add(report: &mut Report, name: &str, costs: &[Cost]) {
    let Cost { server, processor, throughput } = Cost::median(costs);
    report
        .reference
        .push(json!({ "name": name, "server": server, "processor": processor, "throughput": throughput }));
}
