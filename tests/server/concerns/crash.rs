//! `kill -9` at any moment, under load: every acknowledged write is there, and none twice.

use std::collections::BTreeMap;
use std::time::Duration;
use testkit::{Client, Kind, Random, Reply, Server, amount, figure, on_each_server};

/// Observations of each item of the scope `s`, in the index `i`; one bucket each, in one band.
type Counts = BTreeMap<String, i64>;

const ITEMS: usize = 40;

/// The effect of one command on the counts.
#[derive(Clone, Debug)]
enum Step {
    Record(String),
    Merge(String, String),
    Delete(String),
}

impl Step {
    fn draw(random: &mut Random, writer: usize) -> Step {
        // Each writer has items of its own, so that the order of its commands is the order of theirs.
        let mut item = || format!("w{writer}-{}", random.below(ITEMS));
        let (one, other) = (item(), item());
        match random.below(12) {
            0 if one != other => Step::Merge(one, other),
            1 => Step::Delete(one),
            _ => Step::Record(one),
        }
    }

    fn line(&self) -> String {
        match self {
            Step::Record(item) => format!("SIM.RECORD s {item} SIGNATURE i 1 bucket"),
            Step::Merge(to, from) => format!("SIM.MERGE s {to} i {from}"),
            Step::Delete(item) => format!("SIM.DELETE s i {item}"),
        }
    }

    fn apply(&self, counts: &mut Counts) {
        match self {
            Step::Record(item) => *counts.entry(item.clone()).or_default() += 1,
            Step::Merge(to, from) => {
                if let Some(count) = counts.remove(from) {
                    *counts.entry(to.clone()).or_default() += count;
                }
            }
            Step::Delete(item) => drop(counts.remove(item)),
        }
    }
}

/// Writes until the server is gone. Returns the counts that were acknowledged, how many commands those
/// were, and the one without a reply.
fn write(port: u16, writer: usize, seed: u64, mut counts: Counts) -> (Counts, usize, Option<Step>) {
    let client = Client::connect(port, "").expect("a connection");
    let mut random = Random::new(seed);
    let mut acknowledged = 0;
    loop {
        let step = Step::draw(&mut random, writer);
        match client.try_call(&testkit::words(&step.line())) {
            Ok(Reply::Error(error)) => panic!("{}: {error}", step.line()),
            Ok(_) => step.apply(&mut counts),
            Err(_) => return (counts, acknowledged, Some(step)),
        }
        acknowledged += 1;
    }
}

/// The counts that the server has, of one writer.
fn counts(server: &Server, writer: usize) -> Counts {
    let mut counts = Counts::new();
    for item in (0..ITEMS).map(|n| format!("w{writer}-{n}")) {
        let reply = server.does(format!("SIM.FREQUENCIES s i {item}"));
        let pairs = reply.array().first().map(|band| band.pairs()).unwrap_or_default();
        let count: i64 = pairs.iter().map(|(_, count)| count.integer()).sum();
        if count > 0 {
            counts.insert(item, count);
        }
    }
    counts
}

on_each_server! {
    fn what_was_acknowledged_survives_a_kill_and_nothing_comes_twice(kind: Kind) {
        const WRITERS: usize = 3;
        let mut server = kind.launch().options("--appendonly yes --appendfsync always").start();
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
        let mut random = Random::new(9);
        let mut known = vec![Counts::new(); WRITERS];
        let mut acknowledged = 0;
        let rounds = amount(5, 30);
        for round in 0..rounds {
            let port = server.port();
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let (seed, counts) = (random.number(), known[writer].clone());
                    std::thread::spawn(move || write(port, writer, seed, counts))
                })
                .collect();
            // The moment of the kill is drawn, so this waits for a time and not for a fact.
            std::thread::sleep(Duration::from_millis(50 + random.below(400) as u64));
            if round % 3 == 2 {
                server.does("BGREWRITEAOF"); // a kill in the middle of a rewrite, or just after it
            }
            std::thread::sleep(Duration::from_millis(random.below(40) as u64));
            server.kill();
            let ends: Vec<_> = writers.into_iter().map(|writer| writer.join().expect("a writer")).collect();
            server = server.restart();
            server.validate_all();
            for (writer, (expected, done, unanswered)) in ends.into_iter().enumerate() {
                acknowledged += done;
                let found = counts(&server, writer);
                // The command without a reply may or may not have been executed.
                let mut with_unanswered = expected.clone();
                unanswered.iter().for_each(|step| step.apply(&mut with_unanswered));
                assert!(found == expected || found == with_unanswered, "round {round}, writer {writer}: {unanswered:?}\n{expected:?}\n{found:?}");
                known[writer] = found;
            }
        }
        figure(rounds, "kills survived");
        figure(acknowledged, "acknowledged writes, all there after the kills");
        assert!(acknowledged > rounds * 10, "{acknowledged} writes were too few to show anything");
    }
}
