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

/// Sets of features around some centres, with sketches: near-duplicates, items that were seen more than once, and
/// copies of three sets that are similar to each other; each of these has more copies than a search is limited to
/// at first.
fn record_sets(server: &Server, scope: &str) {
    server.does(format!("SIM.CREATE {scope} BANDS 16 ROWS 1 INTERVAL 60 SKETCH 64"));
    let mut random = Random::new(11);
    let mut commands = Vec::new();
    let now = server.now_inside(60);
    for item in 0..900 {
        let (mut centre, mut changed, mut times) =
            (3 + random.below(80), random.below(12), 1 + random.below(2));
        if random.one_in(2) {
            (centre, changed, times) = (random.below(3), 0, if random.one_in(9) { 2 } else { 1 });
        }
        for _ in 0..times {
            let feature = |number: usize| match (number < changed && random.one_in(2), centre < 3) {
                (true, _) => format!("x{}", random.below(1_000)),
                (false, true) => format!("c{}", if number < 5 * centre { number + 100 } else { number }),
                (false, false) => format!("c{centre}_{number}"),
            };
            let features: Vec<String> = (0..20).map(feature).collect();
            let time = now - 60 * i64::from(item % 2);
            let line = format!(
                "SIM.RECORD {scope} i{item} TIMESTAMP {time} FEATURES index 20 {}",
                features.join(" ")
            );
            commands.push(line.split(' ').map(|word| word.as_bytes().to_vec()).collect());
        }
    }
    server.pipeline(&commands);
}

type Group = (Vec<String>, f64, f64);
type Shown = BTreeSet<(Vec<String>, String, String)>;

/// What each item is linked with, in either direction, and the scores.
fn links(server: &Server, scope: &str, score: &str, least: f64) -> BTreeMap<String, Vec<(String, f64)>> {
    let mut links: BTreeMap<String, Vec<(String, f64)>> = BTreeMap::new();
    for item in (0..900).map(|n| format!("i{n}")) {
        let query =
            format!("SIM.COMPARE {scope} {item} 1 index NOSELF LIMIT 0 SCORE {score} MINSCORE {least}");
        for pair in server.does(query).array()[0].array() {
            let (other, score) = (pair.array()[0].text(), pair.array()[1].double());
            links.entry(other.clone()).or_default().push((item.clone(), score));
            links.entry(item.clone()).or_default().push((other, score));
        }
    }
    links
}

/// The groups that follow from comparing every pair of items, by this score, in either direction.
fn expected(server: &Server, scope: &str, score: &str, least: f64) -> Shown {
    let links = links(server, scope, score, least);
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
            assert!(groups == expected(&server, "s", "OVERLAP", least), "at {least}");
        }
    }

    fn groups_by_any_score_are_those_that_every_pair_gives(server: Server) {
        record_sets(&server, "s");
        for (score, least) in [("jaccard", 0.5), ("jaccard", 1.0), ("overlap", 0.4), ("coverage", 0.5), ("coverage", 1.0)] {
            let expected = expected(&server, "s", score, least);
            assert!(expected.len() > 20, "{}", expected.len());
            let found = || run(&server, &format!("groups s --score {score} --min-score {least} --json"));
            let groups = |out: String| -> Shown { out.lines().map(of_json).map(shown).collect() };
            assert!(groups(found().fine()) == expected, "{score} {least}");
            // The server allows only searches with a limit. By a symmetric score nothing is missing.
            server.does("CONFIG SET simile.max-postings 3000");
            let refusal = server.refusal(format!("SIM.COMPARE s i0 1 index LIMIT 0 SCORE {score} MINSCORE {least}"));
            assert!(refusal.contains("simile.max-postings"), "{refusal}");
            let found = found();
            server.does("CONFIG SET simile.max-postings 1000000");
            if score == "coverage" {
                let error = found.failed(3);
                assert!(error.starts_with("simile: LINKS MAY BE MISSING: to find all that is similar to "), "{error}");
                assert!(error.contains("Raise simile.max-postings or --min-score"), "{error}");
                assert!(error.lines().skip(1).take(10).all(|line| line.starts_with("simile: links may be missing: i")), "{error}");
                assert!(error.lines().count() <= 12, "{error}");
            } else {
                assert!(groups(found.fine()) == expected, "{score} {least}, refused");
            }
        }
    }

    fn among_copies_each_is_searched_for_once_at_most(server: Server) {
        const COPIES: u64 = 20_000;
        server.does("SIM.CREATE s THRESHOLD 0.8 SHINGLE WORDS 1 INTERVAL 0");
        let words = |name: &str| (0..30).map(|word| format!("{name}{word}")).collect::<Vec<_>>().join(" ");
        // Pairs of near-duplicates, some near-duplicates of the copies, and others that are similar to nothing.
        let mut texts: Vec<(String, String)> = (0..COPIES).map(|n| (format!("copy{n}"), words("c"))).collect();
        for n in 0..100 {
            texts.push((format!("one{n}"), words(&format!("p{n}_"))));
            texts.push((format!("other{n}"), words(&format!("p{n}_")) + " more"));
            texts.push((format!("alone{n}"), words(&format!("a{n}_"))));
        }
        texts.extend((0..10).map(|n| (format!("near{n}"), words("c") + &format!(" n{n}"))));
        let record = |(item, text): &(String, String)| {
            ["SIM.RECORD", "s", item, "TEXT", "text", text].map(|word| word.as_bytes().to_vec()).to_vec()
        };
        server.pipeline(&texts.iter().map(record).collect::<Vec<_>>());
        let calls = |command: &str| {
            let stats = server.does("INFO commandstats").text().to_lowercase();
            let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
            let calls = line.and_then(|line| line.split_once("calls=")?.1.split(',').next()?.parse().ok());
            calls.unwrap_or(0u64)
        };
        // What is nearly equal shares a band at least, so its OVERLAP is not 0.
        for (score, limit) in [("jaccard", 1_000_000), ("jaccard", 50_000), ("overlap", 1_000_000), ("overlap", 50_000)] {
            let least = if score == "jaccard" { 0.7 } else { 0.01 };
            server.does(format!("CONFIG SET simile.max-postings {limit}"));
            server.does("CONFIG RESETSTAT");
            let out = run(&server, &format!("groups s --min-score {least} --score {score} --json")).fine();
            let sizes: Vec<usize> = out.lines().map(|line| of_json(line).0.len()).collect();
            assert_eq!((sizes[0], sizes.len()), (COPIES as usize + 10, 101), "{score} {limit}");
            assert!(calls("sim.compare") < 600, "{score} {limit}: {} searches", calls("sim.compare"));
            assert!(calls("sim.export") < COPIES + 1_000, "{score} {limit}: {} exports", calls("sim.export"));
        }
        let error = run(&server, "groups s --min-score 0.7 --max-items 10000").failed(1);
        assert!(error.contains("more than 10,000 items are similar to others"), "{error}");
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

    fn the_same_buckets_do_not_make_copies(server: Server) {
        // Two kinds of items, more of each than a first search is limited to, and all in the same buckets.
        server.does("SIM.CREATE often BANDS 1 ROWS 1 INTERVAL 0");
        server.does("SIM.CREATE sketched BANDS 1 ROWS 1 INTERVAL 0 SKETCH 16 SCORE JACCARD");
        for n in 0..150 {
            for (kind, times, sketch) in [("a", 1, "0123456789abcdef"), ("b", 4, "0123............")] {
                (0..times).for_each(|_| drop(server.does(format!("SIM.RECORD often {kind}{n} SIGNATURE index 1 x"))));
                server.does(format!("SIM.RECORD often {kind}{n} SIGNATURE index 1 y"));
                server.does(format!("SIM.RECORD sketched {kind}{n} SIGNATURE index 1 x SKETCH index {sketch}"));
            }
        }
        // Half of the observations in each bucket, or a fifth and four: an OVERLAP of 0.7. A JACCARD of 0.25.
        for scope in ["often", "sketched"] {
            assert!(run(&server, &format!("groups {scope} --min-score 0.8")).fine().starts_with("300 items scanned: 300 in 2 groups.\n"));
            assert!(run(&server, &format!("groups {scope} --min-score 0.2")).fine().starts_with("300 items scanned: 300 in 1 group.\n"));
        }
    }

    fn complete_linkage_cuts_a_chain(server: Server) {
        // Each item has four of five buckets in common with the next one, and none with the fifth.
        server.does("SIM.CREATE s BANDS 5 ROWS 1 INTERVAL 0");
        for item in 0..300 {
            let buckets: Vec<String> = (0..5).map(|band| format!("b{}", (item + band) / 5)).collect();
            server.does(format!("SIM.RECORD s i{item:03} SIGNATURE index 5 {}", buckets.join(" ")));
        }
        let groups = |options: &str| run(&server, &format!("groups s --min-score 0.8 {options}")).fine();
        assert!(groups("").starts_with("300 items scanned: 300 in 1 group.\n"));
        assert!(groups("--linkage single").starts_with("300 items scanned: 300 in 1 group.\n"));
        assert!(groups("--linkage complete").starts_with("300 items scanned: 300 in 150 groups.\n"), "{}", groups("--linkage complete"));
        let error = run(&server, "groups s --min-score 0.8 --linkage complete --max-links 100").failed(1);
        assert!(error.contains("there are more than 100 links with a score of 0.8 or more: raise --min-score, or --max-links"), "{error}");
    }

    fn every_two_items_of_a_complete_group_are_linked(server: Server) {
        record(&server, "s");
        record_sets(&server, "sets");
        for (scope, score, least) in [("s", "OVERLAP", 0.4), ("s", "OVERLAP", 0.75), ("sets", "JACCARD", 0.5), ("sets", "COVERAGE", 0.5)] {
            let links = links(&server, scope, score, least);
            let linked = |one: &String, other: &String| {
                links.get(one).into_iter().flatten().filter(|(item, _)| item == other).map(|(_, score)| *score).reduce(f64::max)
            };
            let out = run(&server, &format!("groups {scope} --min-score {least} --score {} --linkage complete --json", score.to_lowercase())).fine();
            let groups: Vec<Group> = out.lines().map(of_json).collect();
            assert!(groups.len() > 20 && groups[0].0.len() > 20, "{scope} {score}");
            for (number, (items, weakest, strongest)) in groups.iter().enumerate() {
                let (mut low, mut high) = (f64::INFINITY, 0.0f64);
                for (place, one) in items.iter().enumerate() {
                    for other in &items[..place] {
                        let score = linked(one, other).unwrap_or_else(|| panic!("{scope} {score}: {one} {other}"));
                        (low, high) = (low.min(score), high.max(score));
                    }
                }
                assert_eq!(shown((vec![], low, high)), shown((vec![], *weakest, *strongest)), "{scope} {score} {items:?}");
                // No two groups could be one.
                for (others, ..) in &groups[..number] {
                    assert!(!items.iter().all(|one| others.iter().all(|other| linked(one, other).is_some())), "{items:?} {others:?}");
                }
            }
        }
    }

    fn each_group_has_a_text_of_the_input(server: Server) {
        let path = server.directory().join("lines");
        let lines = "{\"id\": \"a\", \"text\": \"disk\\u001b is\\n full\"}\n{\"id\": \"b\", \"text\": \"disk\\u001b is\\n full\"}\noops\n\
                     {\"id\": \"c\", \"text\": \"no route\"}\n{\"id\": \"d\", \"text\": \"no route\"}\n";
        crate::program::write(&path, lines);
        run(&server, &format!("load s {} --create 'BANDS 4 ROWS 1 SHINGLE WORDS 1 INTERVAL 0'", path.display())).failed(3);
        let out = run(&server, &format!("groups s --min-score 1 --texts {}", path.display())).fine();
        assert!(out.ends_with(
            "     2   1.00-1.00   a\n                     b\n                     \"disk\\x1b is full\"\n     2   1.00-1.00   c\n                     d\n                     \"no route\"\n"
        ), "{out}");
        // A file that has only some of the items.
        crate::program::write(&path, "{\"key\": \"d\", \"message\": \"no route\"}\n");
        let out = run(&server, &format!("groups s --min-score 1 --json --texts {} --item key --text message", path.display())).fine();
        let texts: Vec<Json> = out.lines().map(|line| serde_json::from_str::<Json>(line).expect("JSON")["text"].clone()).collect();
        assert_eq!(texts, [Json::Null, "no route".into()]);
        let error = run(&server, "groups s --min-score 1 --texts /no/such/file").failed(1);
        assert!(error.contains("/no/such/file"), "{error}");
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
        // By which score, the server had to say.
        assert!(run(&server, "groups s --min-score 2").failed(2).contains("by OVERLAP no score is above 1"));
        assert!(run(&server, "groups s --min-score 2 --score significance").fine().starts_with("6 items scanned: "));
        let error = run(&server, "groups s --min-score 0.5 --max-items 4").failed(1);
        assert!(error.contains("more than 4 items are similar to others with a score of 0.5 or more: raise --min-score, or --max-items"), "{error}");
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
