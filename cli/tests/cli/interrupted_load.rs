//! What happens to a scope, its slot and its server during a load: nothing is lost, and nothing counted twice.
//! The same cases on one server, in a cluster, and in a cluster with a scope that is split.

use crate::cluster::Cluster;
use crate::load::{PLAIN, counts, lines};
use crate::program::{Ran, Running, run_with, simile};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;
use testkit::{Kind, Server, amount, figure, on_each_server, wait_until};

/// A scope that is loaded into.
struct Place<'a> {
    cluster: Option<&'a Cluster>,
    server: &'a Server,
    name: &'static str,
    options: &'static str,
    parts: Vec<String>,
}

impl<'a> Place<'a> {
    fn of_server(server: &'a Server) -> Place<'a> {
        Place { cluster: None, server, name: "s", options: "", parts: vec!["s".into()] }
    }

    fn of_cluster(cluster: &'a Cluster) -> Place<'a> {
        let (server, parts) = (&cluster.0[0], vec!["c".into()]);
        Place { cluster: Some(cluster), server, name: "c", options: "--cluster 1", parts }
    }

    fn of_parts(cluster: &'a Cluster) -> Place<'a> {
        let parts = (0..3).map(|n| format!("p:{{{n}}}")).collect();
        Place { cluster: Some(cluster), server: &cluster.0[0], name: "p", options: "--cluster 3", parts }
    }

    fn node(&self, part: &str) -> &'a Server {
        self.cluster.map_or(self.server, |cluster| cluster.node_of(part))
    }

    fn nodes(&self) -> &'a [Server] {
        self.cluster.map_or(std::slice::from_ref(self.server), |cluster| &cluster.0)
    }

    fn line(&self, options: &str) -> String {
        format!("load {} - --id queue {} {options}", self.name, self.options)
    }

    /// Loads these lines from standard input: all of them, of which some may be loaded.
    fn load(&self, input: &str, options: &str) -> Ran {
        run_with(self.server, &self.line(options), input.as_bytes())
    }

    /// Starts a load, and waits until 3 batches of 256 lines have arrived and it waits for more than 1,000 lines.
    fn paused(&self, options: &str) -> Running {
        let mut command = simile(self.server, &self.line(options));
        command.stdin(Stdio::piped());
        let mut load = Running::start(command);
        load.0.stdin.as_mut().expect("a pipe").write_all(lines(0..1_000).as_bytes()).expect("it reads");
        wait_until("it waits for more", || self.parts.iter().all(|part| self.position(part) == "'768'"));
        load
    }

    fn position_key(part: &str) -> String {
        let tag = if part.contains('{') { part.into() } else { format!("{{{part}}}") };
        format!("{tag}:simile-load:queue")
    }

    fn position(&self, part: &str) -> String {
        self.node(part).run(format!("HGET {} records", Place::position_key(part))).to_string()
    }

    fn counts(&self) -> BTreeMap<String, i64> {
        self.parts.iter().flat_map(|part| counts(self.node(part), part, "text")).collect()
    }

    #[track_caller]
    fn has_each_once(&self, numbers: std::ops::Range<u64>) {
        let expected: BTreeMap<String, i64> = numbers.map(|n| (format!("i{n}"), 1)).collect();
        let found = self.counts();
        let missing = expected.keys().filter(|item| !found.contains_key(*item)).count();
        let wrong: Vec<_> = found.iter().filter(|(item, n)| expected.get(*item) != Some(n)).take(5).collect();
        assert!(found == expected, "{}: {missing} lost, others wrong: {wrong:?}", self.name);
    }

    fn drop(&self) {
        for part in &self.parts {
            self.node(part).does(format!("SIM.DROP {part}"));
            self.node(part).does(format!("DEL {}", Place::position_key(part)));
        }
    }
}

/// Gives a paused load the lines from 1,000 to 2,000, and waits for its end.
fn finish(mut load: Running) -> Ran {
    let mut pipe = load.0.stdin.take().expect("a pipe");
    let _ = pipe.write_all(lines(1_000..2_000).as_bytes()); // it may have ended
    drop(pipe);
    let mut ran = Ran { out: String::new(), err: String::new(), code: None };
    std::io::Read::read_to_string(load.0.stdout.as_mut().expect("a pipe"), &mut ran.out).expect("text");
    std::io::Read::read_to_string(load.0.stderr.as_mut().expect("a pipe"), &mut ran.err).expect("text");
    ran.code = load.0.wait().expect("it ends").code();
    ran
}

/// A case on one server, in a cluster, and in a split scope.
fn everywhere(kind: Kind, case: impl Fn(&Place)) {
    let (server, cluster) = (kind.start(), Cluster::start(kind));
    [Place::of_server(&server), Place::of_cluster(&cluster), Place::of_parts(&cluster)].iter().for_each(case);
}

on_each_server! {
    fn a_line_that_is_refused_is_named_and_tried_again(kind: Kind) {
        everywhere(kind, |place| {
            let long = format!("{{\"id\": \"{}\", \"text\": \"red\"}}\n", "x".repeat(70_000));
            let input = lines(0..300) + &long + &lines(300..600);
            let refused = "simile: line 301 was refused: ERR item must be at most 65536 bytes long (simile.max-name)\n";
            let first = place.load(&input, PLAIN);
            assert!(first.out.ends_with(": 600 recorded, 1 NOT LOADED.\n"), "{}", first.out);
            assert_eq!(first.failed(3), refused);
            place.has_each_once(0..600);
            let again = place.load(&input, "");
            assert!(again.out.starts_with("1 line read") && again.out.ends_with(" (601 before): 0 recorded, 1 NOT LOADED.\n"), "{}", again.out);
            let continuing = "simile: continuing after line 601 of standard input: everything up to it was loaded before, except 1 line, refused by the server: trying again\n";
            assert_eq!(again.failed(3), format!("{continuing}{refused}"));
            place.has_each_once(0..600);
            // --strict stops at it; without, the load continues.
            let longer = input.clone() + &lines(600..700);
            let strict = place.load(&longer, "--strict").failed(1);
            assert!(strict.contains("line 301 was refused"), "{strict}");
            place.nodes().iter().for_each(|node| drop(node.does("CONFIG SET simile.max-name 100000")));
            let last = place.load(&longer, "");
            assert!(last.out.ends_with(" (601 before): 101 recorded.\n"), "{}{}", last.out, last.err);
            assert_eq!(last.code, Some(0));
            assert_eq!(place.counts().len(), 701);
            assert!(place.counts().values().all(|count| *count == 1));
            assert!(!place.load(&longer, "").err.contains("refused"), "it is forgotten");
            place.nodes().iter().for_each(|node| drop(node.does("CONFIG SET simile.max-name 65536")));
        });
    }

    fn lines_refused_by_a_limit_that_is_lowered_and_raised_are_loaded_by_the_next_run(kind: Kind) {
        everywhere(kind, |place| {
            let set = |value: &str| {
                place.nodes().iter().for_each(|node| drop(node.does(format!("CONFIG SET simile.max-text {value}"))));
            };
            let load = place.paused(PLAIN);
            set("1");
            let lowered = finish(load);
            assert!(lowered.out.ends_with(": 768 recorded, 1,232 NOT LOADED.\n"), "{}{}", lowered.out, lowered.err);
            assert_eq!(lowered.code, Some(3));
            set("1048576");
            let raised = place.load(&lines(0..2_100), "");
            assert!(raised.out.ends_with(" (2,000 before): 1,332 recorded.\n"), "{}{}", raised.out, raised.err);
            place.has_each_once(0..2_100);
        });
    }

    fn a_scope_that_is_dropped_or_renamed_ends_the_load(kind: Kind) {
        everywhere(kind, |place| {
            let changed = |change: &dyn Fn(&str, &Server)| {
                let load = place.paused(PLAIN);
                let part = place.parts.last().expect("a part");
                change(part, place.node(part));
                let error = finish(load).failed(1);
                assert!(error.contains(&format!("the scope '{part}' was dropped, renamed or replaced during the load")), "{error}");
                part.clone()
            };
            let part = changed(&|part, node| drop(node.does(format!("SIM.DROP {part}"))));
            place.node(&part).expect(format!("EXISTS {part}"), "0");
            place.drop();
            changed(&|part, node| drop(node.does(format!("DEL {part}"))));
            place.drop();
            let part = changed(&|part, node| {
                node.does(format!("SIM.DROP {part}"));
                node.does(format!("SIM.CREATE {part} BANDS 2 ROWS 1 INTERVAL 0 SHINGLE WORDS 1"));
            });
            place.node(&part).expect(format!("SIM.SCAN {part} text 0"), "['0', []]");
            place.drop();
            // Renamed back, it is continued.
            let other = |part: &str| if part.contains('{') { format!("{part}x") } else { format!("{{{part}}}x") };
            let part = changed(&|part, node| drop(node.does(format!("RENAME {part} {}", other(part)))));
            place.node(&part).does(format!("RENAME {} {part}", other(&part)));
            assert_eq!(place.load(&lines(0..2_000), "").code, Some(0));
            place.has_each_once(0..2_000);
        });
    }

    fn a_server_that_is_full_for_a_while_loses_nothing(kind: Kind) {
        everywhere(kind, |place| {
            let set = |value: &str| {
                place.nodes().iter().for_each(|node| drop(node.does(format!("CONFIG SET maxmemory {value}"))));
            };
            let load = place.paused(PLAIN);
            set("1");
            let error = finish(load).failed(1);
            assert!(error.contains("is out of memory"), "{error}");
            set("0");
            assert_eq!(place.load(&lines(0..2_000), "").code, Some(0));
            place.has_each_once(0..2_000);
        });
    }

    fn a_set_of_ten_thousand_features_is_recorded_as_it_is(server: Server) {
        for create in ["BANDS 3 ROWS 2 INTERVAL 0", "BANDS 3 ROWS 2 INTERVAL 0 SKETCH 32"] {
            let features: Vec<String> = (0..10_000).map(|n| format!("\"f{n}\"")).collect();
            let line = format!("{{\"id\": \"big\", \"text\": \"t\", \"tags\": [{}]}}\n", features.join(","));
            let load = format!("load s - --id {} --features tags=tags --create '{create}'", create.len());
            server.does("CONFIG SET simile.max-feature-slots 1000");
            let refused = run_with(&server, &load, line.as_bytes()).failed(3);
            assert!(refused.starts_with("simile: line 1 was refused: ERR ") && refused.contains("simile.max-feature-slots"), "{refused}");
            server.does("CONFIG SET simile.max-feature-slots 16777216");
            let raised = run_with(&server, &load, line.as_bytes());
            assert!(raised.out.ends_with(" (1 before): 1 recorded.\n"), "{}{}", raised.out, raised.err);
            let words: Vec<String> = (0..10_000).map(|n| format!("f{n}")).collect();
            server.does(format!("SIM.RECORD s same FEATURES tags 10000 {}", words.join(" ")));
            server.expect("SIM.COMPARE s big 1 tags", "[[['big', '1'], ['same', '1']]]");
            if create.contains("SKETCH") {
                server.expect("SIM.COMPARE s big 1 tags SCORE JACCARD", "[[['big', '1'], ['same', '1']]]");
            }
            server.does("SIM.DROP s");
        }
    }

    /// In each state in which a slot can be on its way when a batch arrives.
    fn a_slot_that_moves_loses_nothing(kind: Kind) {
        let cluster = Cluster::start(kind);
        for place in [Place::of_cluster(&cluster), Place::of_parts(&cluster)] {
            let part = &place.parts[0];
            let slot = cluster.slot(part);
            // What has moved before the batch arrives: the chunk, the scope, the position, all of it.
            for moved in ["", "c", "s", "cs", "sc", "p", "pc", "csp"] {
                let from = cluster.node_of(part);
                let to = cluster.0.iter().find(|node| node.port() != from.port()).expect("another");
                let load = place.paused(PLAIN);
                let keys = from.does(format!("CLUSTER GETKEYSINSLOT {slot} 100"));
                let keys: Vec<String> = keys.array().iter().map(|key| key.text()).collect();
                assert_eq!(keys.len(), 3, "{keys:?}");
                cluster.begin_move(slot, from, to);
                for kind in moved.chars() {
                    let is_wanted = |key: &&String| match kind {
                        's' => *key == part,
                        'p' => key.contains("simile-load"),
                        _ => *key != part && !key.contains("simile-load"),
                    };
                    cluster.move_key(keys.iter().find(is_wanted).expect("it is there"), from, to);
                }
                let ran = finish(load);
                assert_eq!(ran.code, Some(if moved.is_empty() { 0 } else { 1 }), "{moved}: {}{}", ran.out, ran.err);
                cluster.end_move(slot, from, to);
                let again = place.load(&lines(0..2_000), "");
                assert_eq!(again.code, Some(0), "{moved}: {}", again.err);
                place.has_each_once(0..2_000);
                place.drop();
            }
        }
    }

    /// Whatever a batch meets: the moves and the load take no notice of each other.
    fn a_slot_that_moves_while_a_load_runs_loses_nothing(kind: Kind) {
        let cluster = Cluster::start(kind);
        let (rounds, mut stopped) = (amount(6, 20) as u64, 0);
        let place = Place::of_parts(&cluster);
        let part = &place.parts[1];
        let slot = cluster.slot(part);
        for round in 0..rounds {
            let from = cluster.node_of(part);
            let to = cluster.0.iter().find(|node| node.port() != from.port()).expect("another");
            let lines = lines(0..(round + 1) * 4_000);
            let mut command = simile(place.server, &place.line(PLAIN));
            command.stdin(Stdio::piped());
            let mut load = Running::start(command);
            let mut pipe = load.0.stdin.take().expect("a pipe");
            let input = lines.clone();
            let writer = std::thread::spawn(move || drop(pipe.write_all(input.as_bytes())));
            let begin = format!("'{}'", round * 4_000);
            wait_until("some lines have arrived", || {
                ![begin.as_str(), "nil"].contains(&place.position(part).as_str())
            });
            if kind == Kind::Valkey9_1 && round % 2 == 0 {
                let to_id = Cluster::id(to);
                from.expect(format!("CLUSTER MIGRATESLOTS SLOTSRANGE {slot} {slot} NODE {to_id}"), "OK");
                wait_until("the slot has moved", || to.run(format!("EXISTS {part}")).to_string() == "1");
            } else {
                cluster.begin_move(slot, from, to);
                cluster.end_move(slot, from, to);
            }
            let code = load.0.wait().expect("it ends").code();
            writer.join().expect("no panic");
            stopped += u64::from(code == Some(1));
            let again = place.load(&lines, "");
            assert_eq!(again.code, Some(0), "{}", again.err);
            place.has_each_once(0..(round + 1) * 4_000);
        }
        figure(rounds as usize, "moves of a slot under simile load");
        println!("{stopped} of {rounds} loads were stopped by a move");
    }

    fn a_dead_node_is_named_by_its_own_address(kind: Kind) {
        let mut cluster = Cluster::start(kind);
        let place = Place::of_parts(&cluster);
        let load = place.paused(PLAIN);
        let dead = place.node(place.parts.iter().find(|part| cluster.node_of(part).port() != cluster.0[0].port()).expect("a part")).port();
        let number = cluster.0.iter().position(|node| node.port() == dead).expect("a node");
        cluster.0[number].kill();
        let error = finish(load).failed(1);
        assert!(error.contains(&format!("no answer from 127.0.0.1:{dead} (")), "{error}");
        assert!(error.contains("a node of the cluster: is it running?"), "{error}");
        // And if it was dead before the load began.
        let place = Place::of_parts(&cluster);
        let error = place.load(&lines(0..10), "").failed(1);
        assert!(error.contains(&format!("no answer from 127.0.0.1:{dead} (")), "{error}");
    }
}
