//! `simile assign`: a stream is grouped, each record once, and the output has each of them.

use crate::cluster::Cluster;
use crate::program::{Ran, Running, run, run_with, simile, write};
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::process::Stdio;
use testkit::{Client, Kind, Server, on_each_server, wait_until};

const GROUPED: &str = "--min-score 0.5 --create 'BANDS 8 ROWS 1 SHINGLE WORDS 1 INTERVAL 0'";

/// JSON lines of these numbers: their texts are of ten kinds, and each has a word of its own.
fn lines(numbers: std::ops::Range<u64>) -> String {
    let line = |n: u64| {
        let words: Vec<String> = (0..12).map(|word| format!("k{}_{word}", n % 10)).collect();
        format!("{{\"id\": \"i{n}\", \"text\": \"{} w{n}\"}}\n", words.join(" "))
    };
    numbers.map(line).collect()
}

fn objects(output: &str) -> Vec<Json> {
    output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The observations of all items of a scope together.
fn observations(server: &Client, scope: &str) -> i64 {
    let reply = server.does(format!("SIM.SCAN {scope} text 0 COUNT 1000000"));
    reply.array()[1].array().chunks(2).map(|pair| pair[1].integer()).sum()
}

fn position(server: &Client) -> String {
    server.run("HGET {s}:simile-load:queue records").to_string()
}

/// Starts to assign these lines and more from standard input.
fn assigning(server: &Server, input: &str) -> Running {
    let mut command = simile(server, &format!("assign s - --id queue {GROUPED}"));
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    running.0.stdin.as_mut().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    running
}

/// What a process that has ended, or is killed now, has printed.
fn killed(mut running: Running) -> String {
    let mut out = running.0.stdout.take().expect("a pipe");
    running.kill();
    let mut printed = String::new();
    out.read_to_string(&mut printed).expect("text");
    printed
}

/// Checks that a run and the one before it have printed each of these lines, and at most a batch of them twice.
#[track_caller]
fn each_is_printed(first: &str, second: &Ran, lines: u64) -> usize {
    assert_eq!(second.code, Some(0), "{}", second.err);
    // A line that was cut off was not printed.
    let whole = &first[..first.rfind('\n').map_or(0, |end| end + 1)];
    let mut all: Vec<Json> = objects(whole);
    all.extend(objects(&second.out));
    let printed = all.len();
    all.sort_by_key(|object| object["line"].as_u64());
    all.dedup();
    let numbers: Vec<u64> = all.iter().filter_map(|object| object["line"].as_u64()).collect();
    assert_eq!(numbers, (1..=lines).collect::<Vec<u64>>());
    for object in all {
        let n = object["line"].as_u64().expect("a number") - 1;
        assert_eq!(
            (&object["id"], &object["group"]),
            (&json!(format!("i{n}")), &json!(format!("i{}", n % 10)))
        );
    }
    printed - lines as usize
}

on_each_server! {
    fn a_stream_is_grouped_in_its_order(server: Server) {
        let input = concat!(
            "{\"id\": \"a\", \"text\": \"disk is full\"}\n",
            "{\"id\": 2, \"text\": \"disk is full\"}\n",
            "{\"id\": \"c\", \"text\": \"\"}\n",
            "{\"id\": \"d\"}\n",
            "{\"id\": \"e\\u0007\", \"text\": \"no route to host\"}\n"
        );
        let ran = run_with(&server, &format!("assign s - {GROUPED}"), input.as_bytes());
        assert_eq!(
            ran.out,
            concat!(
                "{\"group\":\"a\",\"id\":\"a\",\"line\":1,\"new\":true,\"score\":null}\n",
                "{\"group\":\"a\",\"id\":\"2\",\"line\":2,\"new\":false,\"score\":1.0}\n",
                "{\"group\":null,\"id\":\"c\",\"line\":3,\"new\":false,\"score\":null}\n",
                "{\"group\":\"e\\u0007\",\"id\":\"e\\u0007\",\"line\":5,\"new\":true,\"score\":null}\n"
            )
        );
        let error = ran.failed(3);
        assert!(error.starts_with("simile: line 4 has nothing in 'text'\nsimile: 5 lines read in "), "{error}");
        assert!(error.ends_with(" s: 3 assigned, 2 new groups, 1 without any feature, 1 NOT ASSIGNED.\n"), "{error}");
        server.expect("SIM.COUNT s text 3 a 2 \"e\\x07\"", "['2', '0', '1']".replace('\'', "").as_str());
        let json = run_with(&server, "assign s - --min-score 0.5 --json", b"{\"id\": \"f\", \"text\": \"disk is full\"}\n");
        let summary: Json = serde_json::from_str(json.err.trim_start_matches("simile: ")).expect("JSON");
        assert_eq!((&summary["assigned"], &summary["new_groups"]), (&1.into(), &0.into()));
        assert!(run(&server, "assign s -").failed(2).contains("--min-score"));
    }

    fn by_jaccard_a_record_is_compared_with_the_one_that_began_the_group(server: Server) {
        let path = server.directory().join("lines");
        write(&path, "{\"id\": 1, \"text\": \"a b c d e f g h\"}\n{\"id\": 2, \"text\": \"a b c d e f g x\"}\n{\"id\": 3, \"text\": \"a b c d y z u v\"}\n");
        let ran = run(&server, &format!("assign s {} --min-score 0.6 --create 'THRESHOLD 0.5 SHINGLE WORDS 1'", path.display()));
        let groups: Vec<Json> = objects(&ran.out).into_iter().map(|object| object["group"].clone()).collect();
        assert_eq!(groups, [json!("1"), json!("1"), json!("3")]);
    }

    fn a_stream_that_was_stopped_goes_on_and_prints_nothing_twice(server: Server) {
        let input = format!("{}oops\n{}", lines(0..300), lines(300..400));
        let assign = |options: &str| run_with(&server, &format!("assign s - --id queue {GROUPED} {options}"), input.as_bytes());
        let stopped = assign("--strict");
        assert_eq!(stopped.out.lines().count(), 300);
        let error = stopped.failed(1);
        assert!(error.starts_with("simile: stopped after line 300: 300 assigned; the same command continues from there\nsimile: line 301 is not JSON"), "{error}");
        let rest = assign("");
        assert_eq!(objects(&rest.out)[0]["line"], 302);
        assert_eq!((rest.out.lines().count(), rest.code), (100, Some(3)));
        assert_eq!(assign("").out, "");
        assert_eq!(observations(&server, "s"), 400);
        server.expect("KEYS *unprinted*", "[]");
    }

    fn what_was_assigned_and_not_printed_is_printed_by_the_next_run(server: Server) {
        // The reader of the output has gone, so the first batch is assigned and cannot be printed.
        let mut command = simile(&server, &format!("assign s - --id queue {GROUPED}"));
        command.stdin(Stdio::piped());
        let mut running = Running::start(command);
        drop(running.0.stdout.take());
        let mut pipe = running.0.stdin.take().expect("a pipe");
        let _ = pipe.write_all(lines(0..100).as_bytes()); // it may have ended
        drop(pipe);
        assert_eq!(running.0.wait().expect("it ends").code(), Some(0));
        assert_eq!(position(&server), "'32'");
        let second = run_with(&server, "assign s - --id queue --min-score 0.5", lines(0..100).as_bytes());
        assert_eq!(each_is_printed("", &second, 100), 0);
        assert_eq!(observations(&server, "s"), 100);
    }

    fn a_stream_that_was_killed_goes_on(server: Server) {
        let running = assigning(&server, &lines(0..500));
        // It waits for the rest of a batch of 32.
        wait_until("it waits for more", || position(&server) == "'480'");
        let first = killed(running);
        let second = run_with(&server, "assign s - --id queue --min-score 0.5", lines(0..700).as_bytes());
        assert!(each_is_printed(&first, &second, 700) <= 32);
        assert_eq!(observations(&server, "s"), 700);
    }

    fn a_scope_that_is_dropped_ends_it(server: Server) {
        let mut running = assigning(&server, &lines(0..100));
        wait_until("it waits for more", || position(&server) == "'96'");
        server.does("SIM.DROP s");
        let mut pipe = running.0.stdin.take().expect("a pipe");
        let _ = pipe.write_all(lines(100..200).as_bytes()); // it may have ended
        drop(pipe);
        assert_eq!(running.0.wait().expect("it ends").code(), Some(1));
        server.expect("EXISTS s", "0");
        // Nothing of the old scope is printed for a new one.
        let again = run_with(&server, &format!("assign s - --id queue {GROUPED}"), lines(0..50).as_bytes());
        assert_eq!((again.out.lines().count(), again.code), (50, Some(0)));
    }

    fn a_scope_in_a_cluster_must_be_whole(kind: Kind) {
        let cluster = Cluster::start(kind);
        let assign = |parts: u32| run_with(&cluster.0[0], &format!("assign s - --cluster {parts} {GROUPED}"), lines(0..100).as_bytes());
        let error = assign(3).failed(1);
        assert!(error.starts_with("simile: SIM.ASSIGN searches and records in one step, and a part of a split scope knows only its own items"), "{error}");
        assert!(error.contains("--cluster 1"), "{error}");
        let ran = assign(1);
        assert_eq!((ran.out.lines().count(), ran.code), (100, Some(0)), "{}", ran.err);
    }
}
