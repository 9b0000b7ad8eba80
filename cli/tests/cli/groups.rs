//! `simile groups`: the groups are those that follow from comparing every pair of items.

use crate::program::{run, simile};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use testkit::{Random, Server, on_each_server};

/// Items around some centres: copies, near-copies, and items without a link. One group is larger than a
/// search is limited to at first.
fn record(server: &Server, scope: &str) {
    server.does(format!("SIM.CREATE {scope} BANDS 8 ROWS 1 INTERVAL 0"));
    let mut random = Random::new(7);
    let mut commands = Vec::new();
    for item in 0..900 {
        let centre = if random.one_in(3) { 0 } else { random.below(150) };
        let changed = random.below(6);
        let bucket = |band: usize| match band < changed && random.one_in(2) {
            true => format!("own{}", random.below(5_000)),
            false => format!("c{centre}"),
        };
        let buckets: Vec<String> = (0..8).map(bucket).collect();
        let line = format!("SIM.RECORD {scope} i{item} SIGNATURE index 8 {}", buckets.join(" "));
        commands.push(line.split(' ').map(|word| word.as_bytes().to_vec()).collect());
    }
    server.pipeline(&commands);
}

type Group = (Vec<String>, f64, f64);

/// The groups that follow from comparing every pair of items.
fn expected(server: &Server, scope: &str, least: f64) -> BTreeSet<(Vec<String>, String, String)> {
    let mut links: BTreeMap<String, Vec<(String, f64)>> = BTreeMap::new();
    for item in (0..900).map(|n| format!("i{n}")) {
        let reply =
            server.does(format!("SIM.COMPARE {scope} {item} 1 index NOSELF LIMIT 0 MINSCORE {least}"));
        let found =
            reply.array()[0].array().iter().map(|pair| (pair.array()[0].text(), pair.array()[1].double()));
        links.insert(item, found.collect());
    }
    let (mut seen, mut groups) = (BTreeSet::new(), BTreeSet::new());
    for item in links.keys() {
        let (mut members, mut low, mut high) = (BTreeSet::new(), f64::INFINITY, 0.0f64);
        let mut open = vec![item.clone()];
        while let Some(item) = open.pop() {
            if seen.insert(item.clone()) {
                for (other, score) in &links[&item] {
                    (low, high) = (low.min(*score), high.max(*score));
                    open.push(other.clone());
                }
                members.insert(item);
            }
        }
        if members.len() > 1 {
            groups.insert(shown((members.into_iter().collect(), low, high)));
        }
    }
    groups
}

fn shown((items, low, high): Group) -> (Vec<String>, String, String) {
    (items, format!("{low:.4}"), format!("{high:.4}"))
}

fn of_json(line: &str) -> Group {
    let group: Json = serde_json::from_str(line).expect("JSON");
    let items = group["items"].as_array().expect("a list").iter();
    let items = items.map(|item| item.as_str().expect("text").to_string()).collect();
    (items, group["weakest"].as_f64().expect("a score"), group["strongest"].as_f64().expect("a score"))
}

on_each_server! {
    fn groups_are_those_that_every_pair_gives(server: Server) {
        record(&server, "s");
        for least in [0.4, 0.75, 1.0] {
            let out = run(&server, &format!("groups s --min-score {least} --json")).fine();
            let groups: Vec<Group> = out.lines().map(of_json).collect();
            assert!(groups.is_sorted_by(|a, b| a.0.len() >= b.0.len()));
            assert!(least == 1.0 || groups[0].0.len() > 150, "one is larger than the limit of a first search");
            assert!(groups.len() > 20);
            let groups: BTreeSet<_> = groups.into_iter().map(shown).collect();
            assert!(groups == expected(&server, "s", least), "at {least}");
        }
    }

    fn a_link_behind_a_hundred_better_ones_counts_too(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 0");
        for n in 0..150 {
            server.does(format!("SIM.RECORD s a{n} SIGNATURE index 2 both a"));
            server.does(format!("SIM.RECORD s b{n} SIGNATURE index 2 both b"));
        }
        assert!(run(&server, "groups s --min-score 0.5").fine().starts_with("300 items scanned: 300 in 1 group.\n"));
        assert!(run(&server, "groups s --min-score 0.6").fine().starts_with("300 items scanned: 300 in 2 groups.\n"));
    }

    fn a_table_shows_the_first_names(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 0");
        for (item, buckets) in [("a", "x y"), ("b", "x y"), ("c", "x z"), ("d", "p q"), ("e", "r s"), ("f", "r s")] {
            server.does(format!("SIM.RECORD s {item} SIGNATURE index 2 {buckets}"));
        }
        assert_eq!(
            run(&server, "groups s --min-score 0.5 --names 2").fine(),
            "6 items scanned: 5 in 2 groups.\n\n items   scores      which\n     3   0.50-1.00   a\n                     b\n\
             \u{20}                    ... and 1 more\n     2   1.00-1.00   e\n                     f\n"
        );
        assert_eq!(run(&server, "groups s --min-score 2").fine(), "6 items scanned: 0 in 0 groups.\n");
        let error = run(&server, "groups s --min-score 0.5 --max-items 4").failed(1);
        assert!(error.contains("more than 4 items are similar to others with a score of 0.5 or more: raise --min-score, or --max-items"), "{error}");
        assert!(run(&server, "groups s").failed(1).contains("say with --min-score how similar the items of a group are"));
    }

    fn the_reader_of_the_output_may_stop(server: Server) {
        record(&server, "s");
        let mut command = simile(&server, "groups s --min-score 0.4 --json");
        let mut child = command.spawn().expect("the program starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    }
}
