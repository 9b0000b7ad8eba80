//! `simile dedup`: the input without its near-duplicates, byte for byte.

use crate::program::{Running, run, run_with, simile, write};
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use testkit::{Random, Server, on_each_server, wait_until};

fn objects(path: &Path) -> Vec<Json> {
    let text = std::fs::read_to_string(path).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The keys of scopes of the tool's own, and of their chunks.
fn own_keys(server: &Server) -> Vec<String> {
    server.does("KEYS *simile-dedup*").array().iter().map(|key| key.text()).collect()
}

const FOX: &str = "the quick brown fox jumps over the lazy dog, and the dog dreams on and on, all day long";

on_each_server! {
    fn lines_stay_as_they_are(server: Server) {
        let path = server.directory().join("lines");
        let removed = server.directory().join("removed");
        let lines = [
            format!("  {{\"text\" : \"{FOX}\", \"id\":1 , \"more\": [1.50]}}\r\n"),
            "\n".into(),
            format!("{{\"id\": \"b\", \"text\": \"{FOX}\"}}\n"),
            "not JSON\n".into(),
            "{\"id\": \"c\", \"text\": \"\"}\n".into(),
            "{\"id\": \"c\", \"text\": \"\"}\n".into(),
            format!("{{\"id\": 1, \"text\": \"{FOX}!\"}}\n"),
            "{\"id\": 1, \"text\": \"another text with the id of the first one\"}".into(),
        ];
        write(&path, lines.concat());
        let ran = run(&server, &format!("dedup {} --removed {}", path.display(), removed.display()));
        let kept = [0, 3, 4, 5, 7].map(|n: usize| lines[n].as_str());
        assert_eq!(ran.out, kept.concat());
        let error = ran.failed(3);
        assert!(error.starts_with("simile: line 4 is not JSON: expected ident at column 2\nsimile: 7 lines read in "), "{error}");
        assert!(error.ends_with(" s: 5 kept, 2 removed, 2 without any feature, 1 NOT COMPARED.\n"), "{error}");
        assert_eq!(
            objects(&removed),
            [
                json!({"line": 3, "id": "b", "copy_of": "1", "copy_of_line": 1, "score": 1.0}),
                json!({"line": 7, "id": "1", "copy_of": "1", "copy_of_line": 1, "score": 1.0}),
            ]
        );
        assert_eq!(own_keys(&server), Vec::<String>::new());
    }

    fn a_table_keeps_its_header_and_its_line_breaks(server: Server) {
        for (name, separator, line_break) in [("t.csv", ",", "\n"), ("t.tsv", "\t", "\n"), ("t.csv", ",", "\r\n")] {
            let path = server.directory().join(name);
            let record = |id: &str, text: &str| format!("{id}{separator}\"{text}\"{separator}{line_break}");
            let header = format!("id{separator}text{separator}more{line_break}");
            let broken = FOX.replace(", ", &format!(",{line_break}"));
            let records: Vec<String> = (0..3_000)
                .map(|n| match n % 3 {
                    0 => record(&format!("own{n}"), &format!("\"\"{n}\"\" is a number of {} and of {}", n * 7, n * 9)),
                    1 => record(&format!("copy{n}"), &broken),
                    _ => record(&format!("copy{n}"), FOX),
                })
                .collect();
            write(&path, header.clone() + &records.concat());
            let ran = run(&server, &format!("dedup {}", path.display()));
            let kept = records.iter().enumerate().filter(|(n, _)| *n == 1 || n % 3 == 0);
            let kept: String = kept.map(|(_, record)| record.as_str()).collect();
            assert!(ran.out == header + &kept, "{name} {line_break:?}");
            assert!(ran.err.ends_with(" s: 1,001 kept, 1,999 removed.\n"), "{}", ran.err);
        }
    }

    fn whatever_goes_is_similar_to_something_that_stays(server: Server) {
        let mut random = Random::new(3);
        let mut texts: Vec<Vec<String>> = Vec::new();
        for n in 0..1_500 {
            let mut words: Vec<String> = (0..60).map(|word| format!("t{n}w{word}")).collect();
            if n > 0 && random.one_in(2) {
                // A copy of an earlier text, with some words changed: similar or not.
                words = texts[random.below(n)].clone();
                (0..random.below(8)).for_each(|_| words[random.below(60)] = format!("x{}", random.below(1_000_000)));
            }
            texts.push(words);
        }
        let shingles = |n: usize| -> std::collections::BTreeSet<String> {
            texts[n].windows(3).map(|words| words.join(" ")).collect()
        };
        let jaccard = |one: usize, other: usize| {
            let (one, other) = (shingles(one), shingles(other));
            one.intersection(&other).count() as f64 / one.union(&other).count() as f64
        };
        let path = server.directory().join("texts");
        let removed = server.directory().join("removed");
        let line = |(n, words): (usize, &Vec<String>)| format!("{{\"id\": {n}, \"text\": \"{}\"}}\n", words.join(" "));
        let lines: Vec<String> = texts.iter().enumerate().map(line).collect();
        write(&path, lines.concat());
        let ran = run(&server, &format!("dedup {} --threshold 0.7 --removed {}", path.display(), removed.display()));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let gone: Vec<usize> = objects(&removed).iter().map(|object| object["line"].as_u64().expect("a line") as usize - 1).collect();
        assert!(gone.len() > 200, "{}", gone.len());
        let kept: Vec<&String> = (0..1_500).filter(|n| !gone.contains(n)).map(|n| &lines[n]).collect();
        assert!(ran.out.lines().map(|line| format!("{line}\n")).eq(kept.into_iter().cloned()));
        for object in objects(&removed) {
            let [copy, original] = ["line", "copy_of_line"].map(|field| object[field].as_u64().expect("a line") as usize - 1);
            assert!(original < copy && !gone.contains(&original), "{object}");
            assert!(jaccard(original, copy) > 0.6, "{object}: {}", jaccard(original, copy));
        }
        // What is clearly a copy of something that stays has gone.
        let stays: Vec<usize> = (0..1_500).filter(|n| !gone.contains(n)).collect();
        for (place, copy) in stays.iter().enumerate() {
            for original in &stays[..place] {
                let share = texts[*original].iter().zip(&texts[*copy]).filter(|(one, other)| one == other).count();
                assert!(share < 59 || jaccard(*original, *copy) < 0.85, "{original} {copy}");
            }
        }
    }

    fn a_run_that_is_killed_leaves_nothing_for_ever(server: Server) {
        let mut command = simile(&server, "dedup -");
        command.stdin(Stdio::piped());
        let mut running = Running::start(command);
        let lines: String = (0..100).map(|n| format!("{{\"id\": {n}, \"text\": \"text {n} of {}\"}}\n", n * n)).collect();
        running.0.stdin.as_mut().expect("a pipe").write_all(lines.as_bytes()).expect("it reads");
        wait_until("it has a chunk", || own_keys(&server).len() >= 2);
        running.kill();
        for key in own_keys(&server) {
            let seconds = server.does(format!("TTL {key}")).integer();
            assert!((1..=30 * 3_600).contains(&seconds), "{key}: {seconds}");
        }
    }

    fn a_run_that_fails_says_that_its_output_is_incomplete(server: Server) {
        let mut command = simile(&server, "dedup -");
        command.stdin(Stdio::piped());
        let mut running = Running::start(command);
        let lines = |numbers: std::ops::Range<u32>| -> String {
            numbers.map(|n| format!("{{\"id\": {n}, \"text\": \"text {n} of {}\"}}\n", n * n)).collect()
        };
        let mut pipe = running.0.stdin.take().expect("a pipe");
        pipe.write_all(lines(0..100).as_bytes()).expect("it reads");
        wait_until("it has a chunk", || own_keys(&server).len() >= 2);
        let scope = own_keys(&server).into_iter().find(|key| key.starts_with("simile-dedup")).expect("a scope");
        server.does(format!("SIM.DROP {scope}"));
        let _ = pipe.write_all(lines(100..200).as_bytes()); // it may have ended
        drop(pipe);
        let output = {
            let mut error = String::new();
            std::io::Read::read_to_string(running.0.stderr.as_mut().expect("a pipe"), &mut error).expect("text");
            (running.0.wait().expect("it ends").code(), error)
        };
        assert_eq!(output.0, Some(1), "{}", output.1);
        assert!(output.1.starts_with("simile: stopped after line ") && output.1.contains(": THE OUTPUT IS INCOMPLETE\n"), "{}", output.1);
        assert_eq!(own_keys(&server), Vec::<String>::new());
    }

    fn a_scope_of_ones_own_is_compared_with_and_kept(server: Server) {
        let lines = |ids: &[&str]| -> String {
            let line = |id: &&str| format!("{{\"id\": \"{id}\", \"text\": \"{} {FOX}\"}}\n", format!("{} ", id.trim_end_matches('x')).repeat(30));
            ids.iter().map(line).collect()
        };
        let [old, new, removed] = ["old", "new", "removed"].map(|name| server.directory().join(name));
        write(&old, lines(&["a", "b", "bx"]));
        write(&new, lines(&["c", "b", "cx"]));
        let dedup = |path: &Path| run(&server, &format!("dedup {} --scope corpus --removed {}", path.display(), removed.display())).out;
        // Once more, and it is the same: what a run that was stopped has recorded is not taken for copies.
        for _ in 0..2 {
            assert_eq!(dedup(&old), lines(&["a", "b"]));
        }
        for _ in 0..2 {
            assert_eq!(dedup(&new), lines(&["c"]));
        }
        let gone = objects(&removed);
        assert_eq!((&gone[0]["copy_of"], &gone[0]["copy_of_line"], &gone[0]["copy_of_input"]), (&json!("b"), &json!(2), &json!(old.display().to_string())));
        assert_eq!(gone[1], json!({"line": 3, "id": "cx", "copy_of": "c", "copy_of_line": 1, "score": 1.0}));
        server.expect("TTL corpus", "-1");
        // A scope that was loaded by other means.
        server.does("SIM.CREATE other THRESHOLD 0.8 SHINGLE WORDS 3 INTERVAL 0");
        server.does(format!("SIM.RECORD other \"my own\" TEXT text \"{FOX}\""));
        let ran = run_with(&server, &format!("dedup - --scope other --id x --removed {}", removed.display()), format!("{{\"id\": 1, \"text\": \"{FOX}\"}}\n").as_bytes());
        assert_eq!((ran.out.as_str(), ran.code), ("", Some(0)), "{}", ran.err);
        assert_eq!(objects(&removed), [json!({"line": 1, "id": "1", "copy_of": "my own", "copy_of_line": null, "score": 1.0})]);
    }

    fn what_cannot_be_done_is_said_before(server: Server) {
        let directory = server.directory().join("texts");
        std::fs::create_dir_all(&directory).expect("a directory");
        write(&directory.join("a"), "text");
        let error = run(&server, &format!("dedup {}", directory.display())).failed(1);
        assert!(error.starts_with("simile: a directory has no lines to print"), "{error}");
        let path = server.directory().join("lines");
        write(&path, "{\"id\": 1, \"text\": \"a\"}\n");
        let path = path.display();
        let error = run(&server, &format!("dedup {path} --removed {path}")).failed(1);
        assert_eq!(error, format!("simile: --removed {path} is the input\n"));
        for threshold in ["0", "1.1", "NaN", "x"] {
            assert!(run(&server, &format!("dedup {path} --threshold {threshold}")).failed(2).contains("must be a number above 0, at most 1"));
        }
        server.does("SIM.CREATE plain INTERVAL 0");
        let error = run(&server, &format!("dedup {path} --scope plain")).failed(1);
        assert!(error.starts_with("simile: the scope 'plain' keeps no sketches"), "{error}");
        let error = run_with(&server, "dedup - --scope s", b"").failed(1);
        assert!(error.contains("standard input needs a name of its own: --id NAME"), "{error}");
        let error = run(&server, &format!("dedup {path} --create 'BANDS 0'")).failed(1);
        assert!(error.contains("BANDS"), "{error}");
        assert_eq!(own_keys(&server), Vec::<String>::new());
    }
}
