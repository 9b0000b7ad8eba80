//! A scope split by item over the nodes of a real cluster: it answers like one scope that has all items.

use crate::cluster::Cluster;
use crate::program::{Running, run, simile, write};
use std::path::Path;
use testkit::{Client, Kind, Random, on_each_server, wait_until};

const PARTS: usize = 5;

/// Texts in JSON lines; some are similar.
fn texts(path: &Path, count: usize) {
    let mut random = Random::new(5);
    let mut lines = String::new();
    for n in 0..count {
        let centre = random.below(count / 4);
        let words: Vec<String> = (0..6)
            .map(|word| match random.one_in(5) {
                true => format!("x{}", random.below(9)),
                false => format!("w{centre}_{word}"),
            })
            .collect();
        // Some are seen twice, since observations decide the order of equal scores.
        for _ in 0..1 + usize::from(random.one_in(3)) {
            lines += &format!("{{\"id\": \"i{n}\", \"text\": \"{}\"}}\n", words.join(" "));
        }
    }
    write(path, lines);
}

const CREATE: &str = "--create 'BANDS 8 ROWS 1 SHINGLE WORDS 1 INTERVAL 0 SKETCH 64'";

fn counts(server: &Client, part: &str) -> (usize, i64) {
    let reply = server.does(format!("SIM.SCAN {part} text 0 COUNT 1000000"));
    let counts: Vec<i64> = reply.array()[1].array().chunks(2).map(|pair| pair[1].integer()).collect();
    (counts.len(), counts.iter().sum())
}

/// A line of results without the name of its item, which is an i and a number.
fn without_item(line: &str) -> String {
    let words = line.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    let is_item = |word: &&str| {
        word.strip_prefix('i').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    words.filter(|word| !is_item(word)).collect()
}

fn scores(results: &str) -> Vec<String> {
    results.lines().map(|line| without_item(line).trim().to_string()).collect()
}

/// The results with a better score than the last one.
fn above_the_last(results: &str) -> std::collections::BTreeSet<&str> {
    let last = results.lines().last().map(without_item);
    results.lines().filter(|line| Some(without_item(line)) != last).collect()
}

on_each_server! {
    fn a_split_scope_answers_as_one_that_is_not_split(kind: Kind) {
        let cluster = Cluster::start(kind);
        let node = &cluster.0[0];
        let path = node.directory().join("texts");
        texts(&path, 600);
        let load = |scope: &str| run(node, &format!("load {scope} {} {CREATE}", path.display())).fine();
        load("whole --cluster 1");
        load("split --cluster 5");
        let nodes: std::collections::BTreeSet<u16> = (0..PARTS).map(|n| cluster.node_of(&format!("split:{{{n}}}")).port()).collect();
        assert_eq!(nodes.len(), 3, "the parts are on all nodes");
        let answers = |line: &str| {
            ["whole --cluster 1", "split --cluster 5"].map(|scope| run(node, &line.replace('$', scope)).fine())
        };
        let both = |line: &str| {
            let [whole, split] = answers(line);
            assert_eq!(whole.replace("whole", "split"), split, "{line}");
            split
        };
        // What is equal in score may come in any order, and at the end of the list it may be another item.
        let both_found = |line: &str| {
            let [whole, split] = answers(line);
            assert_eq!(scores(&whole), scores(&split), "{line}");
            assert_eq!(above_the_last(&whole), above_the_last(&split), "{line}");
            split
        };
        let mut ties = 0;
        for n in 0..60 {
            let found = both_found(&format!("query $ --item i{n} --limit {} --json", 1 + n % 12));
            ties += usize::from(found.lines().count() > 1);
            both_found(&format!("query $ --item i{n} --min-score 0.3 --score coverage"));
            both_found(&format!("query $ 'w{n}_0 w{n}_1 w{n}_2 x1 x2' --limit 7"));
            both(&format!("explain $ i{n} i{}", n + 1));
            both_found(&format!("query $ --item i{n} --limit 9 --score jaccard"));
            both_found(&format!("query $ 'w{n}_0 w{n}_1 w{n}_2 x1 x2' --min-score 0.1 --score jaccard"));
            both(&format!("explain $ i{n} i{} --score jaccard", n + 1));
            both(&format!("explain $ i{n} i{} --score jaccard --json", n + 2));
        }
        assert!(ties > 30);
        let groups = both("groups $ --min-score 0.7 --json");
        assert!(groups.lines().count() > 20, "{groups}");
        both("groups $ --min-score 0.3");
        let groups = both("groups $ --min-score 0.7 --score jaccard --json");
        assert!(groups.lines().count() > 20, "{groups}");

        // A scope's own score.
        let (text, part) = ("query $ 'w3_0 w3_1 w3_2 x1 x2'", cluster.node_of("split:{3}"));
        let [_, by_overlap] = answers(text);
        part.does("SIM.ALTER split:{3} SCORE JACCARD");
        let error = run(node, "query split --cluster 5 text").failed(1);
        assert_eq!(error, "simile: 'split:{0}' has SCORE OVERLAP, and 'split:{3}' JACCARD: choose one with --score, or give the parts the same one with SIM.ALTER\n");
        assert_eq!(answers(&format!("{text} --score overlap"))[1], by_overlap);
        for key in ["whole", "split:{0}", "split:{1}", "split:{2}", "split:{4}"] {
            cluster.node_of(key).does(format!("SIM.ALTER {key} SCORE JACCARD"));
        }
        assert_eq!(both_found(text), answers(&format!("{text} --score jaccard"))[1]);
        assert_ne!(both_found(text), by_overlap);
        let error = run(node, "query split --cluster 5 text --score significance").failed(2);
        assert!(error.contains("no part of a split scope knows that"), "{error}");
        let error = run(node, "query split{1} --cluster 5 text").failed(2);
        assert!(error.contains("must not contain braces"), "{error}");
    }

    fn ties_go_to_more_observations_and_then_by_name(kind: Kind) {
        let cluster = Cluster::start(kind);
        let node = &cluster.0[0];
        let path = node.directory().join("copies");
        let line = |n: usize| format!("{{\"id\": \"i{n}\", \"text\": \"a copy of one text\"}}\n").repeat(1 + n % 3);
        write(&path, (10..30).map(line).collect::<String>());
        run(node, &format!("load split {} --cluster {PARTS} {CREATE}", path.display())).fine();
        let mut order: Vec<usize> = (10..30).collect();
        order.sort_by_key(|n| (2 - n % 3, *n));
        let shown = |numbers: &[usize]| numbers.iter().map(|n| format!("1.0000  i{n}\n")).collect::<String>();
        let query = |options: &str| run(node, &format!("query split --cluster {PARTS} {options}")).fine();
        assert_eq!(query("'a copy of one text' --limit 0"), shown(&order));
        assert_eq!(query("'a copy of one text' --limit 7"), shown(&order[..7]));
        order.retain(|n| *n != 20);
        assert_eq!(query("--item i20 --limit 9"), shown(&order[..9]));
        order.retain(|n| n % 10 < 5);
        assert_eq!(query("--item i20 --limit 4 --match i?[0-4]"), shown(&order[..4]));
    }

    fn a_load_into_parts_is_killed_and_goes_on(kind: Kind) {
        let cluster = Cluster::start(kind);
        let node = &cluster.0[0];
        let path = node.directory().join("lines");
        let lines: String = (0..30_000).map(|n| format!("{{\"id\": \"i{n}\", \"text\": \"w{n} x\"}}\n")).collect();
        write(&path, lines);
        let line = format!("load s {} --cluster {PARTS} {CREATE}", path.display());
        for least in [5_000, 15_000] {
            let load = Running::start(simile(node, &line));
            let key = format!("s:{{0}}:simile-load:{}", path.display());
            let first = cluster.node_of("s:{0}");
            wait_until("some lines have arrived", || {
                let records = first.run(format!("HGET {key} records")).to_string();
                records.trim_matches('\'').parse().unwrap_or(0) >= least
            });
            load.kill();
        }
        let rest = run(node, &line);
        assert!(rest.out.contains(" before): ") && rest.code == Some(0), "{}{}", rest.out, rest.err);
        let parts: Vec<(usize, i64)> = (0..PARTS).map(|n| {
            let part = format!("s:{{{n}}}");
            counts(cluster.node_of(&part), &part)
        }).collect();
        assert_eq!(parts.iter().map(|part| part.0).sum::<usize>(), 30_000, "nothing lost: {parts:?}");
        assert_eq!(parts.iter().map(|part| part.1).sum::<i64>(), 30_000, "nothing twice: {parts:?}");
        assert!(parts.iter().all(|(items, _)| (5_000..7_000).contains(items)), "{parts:?}");
    }

    fn a_scope_on_another_node_says_what_to_add(kind: Kind) {
        let cluster = Cluster::start(kind);
        let other = cluster.0.iter().find(|node| node.port() != cluster.node_of("s").port()).expect("another");
        let error = run(other, "query s text").failed(1);
        assert!(error.contains("is one node of a cluster, and the scope is on another"), "{error}");
        assert!(error.contains("add --cluster 1"), "{error}");
    }
}
