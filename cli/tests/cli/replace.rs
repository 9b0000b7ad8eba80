//! `simile load --replace` and `--once`: what is loaded twice is there once.

use crate::cluster::Cluster;
use crate::load::counts;
use crate::program::{Running, run, run_with, simile, write};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;
use testkit::{Kind, Server, on_each_server, wait_until};

const PLAIN: &str = "--create 'BANDS 4 ROWS 1 INTERVAL 0 SHINGLE WORDS 1'";
const FIELDS: &str = "--text title=title --text body=body";

/// JSON lines with a title, and a body unless its number is divisible by 7. Each item has one to three of them, which
/// are not next to each other.
fn lines(version: &str, items: u64) -> String {
    let line = |n: u64| {
        let body =
            if n.is_multiple_of(7) { String::new() } else { format!(", \"body\": \"b{n} {version}\"") };
        format!("{{\"id\": \"i{}\", \"title\": \"t{n} {version}\"{body}}}\n", n % items)
    };
    (0..items * 5 / 2).map(line).collect()
}

/// What a scope has: the profile of each item in each index.
fn content(server: &Server, scope: &str) -> BTreeMap<String, String> {
    let mut content = BTreeMap::new();
    for index in ["title", "body"] {
        for item in counts(server, scope, index).into_keys() {
            let frequencies = server.does(format!("SIM.FREQUENCIES {scope} {index} {item}")).to_string();
            content.insert(format!("{index} {item}"), frequencies);
        }
    }
    content
}

on_each_server! {
    fn a_corrected_file_takes_the_place_of_what_was_loaded(server: Server) {
        let path = server.directory().join("lines");
        let load = |scope: &str, options: &str| run(&server, &format!("load {scope} {} {FIELDS} {PLAIN} {options}", path.display()));
        write(&path, lines("old", 400));
        load("s", "").fine();
        server.does("SIM.RECORD s alone TEXT title stays");
        write(&path, lines("corrected", 400));
        load("fresh", "").fine();
        server.does("SIM.RECORD fresh alone TEXT title stays");
        let expected = content(&server, "fresh");
        for _ in 0..2 {
            let out = load("s", "--replace").fine();
            assert!(out.starts_with("1,000 lines read in ") && out.ends_with(" s: 1,000 recorded.\n"), "{out}");
            assert!(content(&server, "s") == expected);
        }
        // The file has grown since.
        write(&path, lines("corrected", 400) + "{\"id\": \"new\", \"title\": \"t\"}\n");
        assert!(load("s", "--grown").out.ends_with(" (1,000 before): 1 recorded.\n"));
        assert!(run(&server, &format!("load s {} --replace --once", path.display())).failed(2).contains("cannot be used with"));
    }

    fn an_item_whose_first_line_is_refused_is_replaced_by_its_next_one(server: Server) {
        server.does("SIM.CREATE s BANDS 4 ROWS 1 INTERVAL 0 SHINGLE WORDS 1");
        server.does("SIM.RECORD s a TEXT text old");
        server.does("SIM.RECORD s b TEXT text old");
        server.does("SIM.RECORD s c TEXT text old");
        let long = "x".repeat(2 << 20);
        let line = |id: &str, text: &str| format!("{{\"id\": \"{id}\", \"text\": \"{text}\"}}\n");
        let input = line("a", &long) + &line("a", "one") + &line("a", "two") + &line("b", "") + &line("b", "three") + &line("c", &long);
        let ran = run_with(&server, "load s - --replace", input.as_bytes());
        assert!(ran.out.ends_with(": 3 recorded, 1 without any feature, 2 NOT LOADED.\n"), "{}", ran.out);
        ran.failed(3);
        server.expect("SIM.COUNT s text 3 a b c", "[2, 1, 1]");
        server.expect("SIM.CLASSIFY s TEXT text old", "[[['c', '1']]]");
    }

    fn a_replacement_that_was_killed_begins_again(server: Server) {
        let load = |scope: &str, options: &str, input: &str| run_with(&server, &format!("load {scope} - --id queue {FIELDS} {PLAIN} {options}"), input.as_bytes());
        load("s", "", &lines("old", 400)).fine();
        load("fresh", "", &lines("new", 400)).fine();
        let mut command = simile(&server, &format!("load s - --id queue {FIELDS} --replace"));
        command.stdin(Stdio::piped());
        let mut running = Running::start(command);
        running.0.stdin.as_mut().expect("a pipe").write_all(lines("new", 400).as_bytes()).expect("it reads");
        wait_until("it waits for more", || server.run("HGET {s}:simile-load:queue records").to_string() == "'768'");
        running.kill();
        assert!(load("s", "--replace", &lines("new", 400)).fine().ends_with(": 1,000 recorded.\n"));
        assert!(content(&server, "s") == content(&server, "fresh"));
    }

    fn what_is_there_is_passed_over_with_once(server: Server) {
        let path = server.directory().join("lines");
        let load = |options: &str| run(&server, &format!("load s {} {PLAIN} --once {options}", path.display()));
        let line = |id: &str, text: &str| format!("{{\"id\": \"{id}\", \"text\": \"{text}\"}}\n");
        write(&path, line("a", "red") + &line("b", "green") + &line("a", "blue") + &line("c", ""));
        assert!(load("").fine().ends_with(": 2 recorded, 1 there already, 1 without any feature.\n"));
        assert!(load("").out.ends_with(" (4 before): 0 recorded, 0 there already.\n"));
        // A file that has changed is loaded from its beginning.
        write(&path, line("a", "redder") + &line("d", "yellow"));
        let out = load("--json").fine();
        let summary: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!((&summary["recorded"], &summary["known"], &summary["before"]), (&1.into(), &1.into(), &0.into()));
        let all = ["a", "b", "d"].map(|item| (item.to_string(), 1));
        assert_eq!(counts(&server, "s", "text"), BTreeMap::from(all));
        server.expect("SIM.CLASSIFY s TEXT text red", "[[['a', '1']]]");
        // Sets of features, more than a script can pass on, and times.
        let many: Vec<String> = (0..9_000).map(|n| format!("\"f{n}\"")).collect();
        let input = format!("{{\"id\": \"many\", \"at\": {}, \"tags\": [{}]}}\n", server.now(), many.join(",")).repeat(2);
        let ran = run_with(&server, "load s - --once --features tags --time at", input.as_bytes());
        assert!(ran.fine().ends_with(": 1 recorded, 1 there already.\n"));
    }

    fn parts_are_replaced_and_passed_over_as_well(kind: Kind) {
        let cluster = Cluster::start(kind);
        let load = |options: &str, version: &str| {
            run_with(&cluster.0[0], &format!("load s - --cluster 3 {FIELDS} {PLAIN} {options}"), lines(version, 100).as_bytes()).fine()
        };
        let counts = || -> BTreeMap<String, i64> {
            let parts = (0..3).map(|part| format!("s:{{{part}}}"));
            parts.flat_map(|part| counts(cluster.node_of(&part), &part, "title")).collect()
        };
        load("", "old");
        let expected = counts();
        assert!(load("--replace", "new").ends_with(": 250 recorded.\n"));
        assert_eq!(counts(), expected);
        assert!(load("--once", "newer").ends_with(": 0 recorded, 250 there already.\n"));
        assert_eq!(counts(), expected);
    }
}
