//! `simile load`: every form of input, and every way to stop it.

use crate::program::{Running, run, run_with, simile, write};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use testkit::{Client, Kind, Server, on_each_server, wait_until};

pub const PLAIN: &str = "--create 'BANDS 2 ROWS 1 INTERVAL 0 SHINGLE WORDS 1'";
const LINES: u64 = 100_000;

/// JSON lines of these numbers: `i7` with a text of its own.
pub fn lines(numbers: std::ops::Range<u64>) -> String {
    numbers.fold(String::new(), |mut all, n| {
        writeln!(all, r#"{{"id": "i{n}", "text": "w{n} x{} y{}"}}"#, n % 1_000, n % 7).expect("memory");
        all
    })
}

fn file(server: &Server, name: &str, content: &str) -> PathBuf {
    let path = server.directory().join(name);
    write(&path, content);
    path
}

fn append(path: &Path, content: &str) {
    let mut file = OpenOptions::new().append(true).open(path).expect("a file");
    file.write_all(content.as_bytes()).expect("it can be written");
}

/// The observations of every item of an index.
pub fn counts(server: &Client, scope: &str, index: &str) -> BTreeMap<String, i64> {
    let (mut counts, mut cursor) = (BTreeMap::new(), "0".to_string());
    loop {
        let reply = server.does(format!("SIM.SCAN {scope} {index} {cursor} COUNT 10000"));
        for pair in reply.array()[1].array().chunks(2) {
            let is_new = counts.insert(pair[0].text(), pair[1].integer()).is_none();
            assert!(is_new, "one chunk gives an item once");
        }
        cursor = reply.array()[0].text();
        if cursor == "0" {
            return counts;
        }
    }
}

/// Checks that each of these lines was recorded once.
#[track_caller]
fn each_once(server: &Client, scope: &str, numbers: std::ops::Range<u64>) {
    let expected: BTreeMap<String, i64> = numbers.map(|n| (format!("i{n}"), 1)).collect();
    let found = counts(server, scope, "text");
    let wrong: Vec<_> =
        found.iter().filter(|(item, count)| expected.get(*item) != Some(count)).take(5).collect();
    assert!(found == expected, "{} items, not {}; wrong: {wrong:?}", found.len(), expected.len());
}

/// The number of lines of an input that a scope has had.
fn position(server: &Client, path: &Path) -> u64 {
    let reply = server.run(format!("HGET {{s}}:simile-load:{} records", path.display()));
    if reply.to_string() == "nil" { 0 } else { reply.integer() as u64 }
}

/// Starts a load, and waits until this many lines have arrived.
fn loading(server: &Server, path: &Path, least: u64) -> Running {
    let loading = Running::start(simile(server, &format!("load s {} {PLAIN}", path.display())));
    wait_until("some lines have arrived", || position(server, path) >= least);
    loading
}

/// Sends a signal to a server: `STOP` or `CONT`.
fn signal(server: &Server, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), server.process_id().to_string()]).status();
    assert!(status.expect("kill runs").success());
}

/// Bytes that have arrived at a server and that it has not read yet.
fn unread(server: &Server) -> u64 {
    let sockets = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's list of sockets");
    let port = format!(":{:04X}", server.port());
    let queue = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, queue) = fields.get(4)?.split_once(':')?;
        (fields[1].ends_with(&port) && fields[3] == "01").then(|| u64::from_str_radix(queue, 16).ok())?
    };
    sockets.lines().filter_map(queue).sum()
}

/// Kills a load while the server is stopped and has a batch in its socket that it has not read yet.
fn kill_with_a_batch_on_its_way(server: &Server, load: Running) {
    wait_until("a batch has arrived", || {
        signal(server, "STOP");
        // It may have read everything before it stopped; a moment later what was on its way has arrived.
        std::thread::sleep(Duration::from_millis(20));
        let is_batch = unread(server) > 5_000; // a smaller one only asks for the position
        if !is_batch {
            signal(server, "CONT");
        }
        is_batch
    });
    load.kill();
    signal(server, "CONT");
}

on_each_server! {
    fn a_load_killed_with_a_batch_on_its_way_goes_on_behind_it(server: Server) {
        let path = file(&server, "lines", &lines(0..LINES));
        for least in [10_000, 30_000, 50_000] {
            kill_with_a_batch_on_its_way(&server, loading(&server, &path, least));
            assert!(position(&server, &path) < LINES);
        }
        assert!(run(&server, &format!("load s {}", path.display())).out.contains("recorded"));
        each_once(&server, "s", 0..LINES);
    }

    fn a_load_killed_in_the_middle_goes_on_where_it_was(server: Server) {
        let path = file(&server, "lines", &lines(0..LINES));
        for least in [20_000, 60_000] {
            loading(&server, &path, least).kill();
            let done = position(&server, &path);
            assert!((least..LINES).contains(&done), "killed in the middle, at {done}");
        }
        let done = position(&server, &path);
        let last = run(&server, &format!("load s {} --json", path.display()));
        let summary: serde_json::Value = serde_json::from_str(&last.out).expect("JSON");
        assert_eq!(summary["before"], done);
        assert_eq!(summary["recorded"], LINES - done);
        each_once(&server, "s", 0..LINES);
        println!("killed twice, the second time at {done} of {LINES}");
    }

    fn a_load_whose_server_is_killed_goes_on_where_it_was(kind: Kind) {
        let server = kind.launch().options("--appendonly yes").start();
        let path = file(&server, "lines", &lines(0..LINES));
        let mut load = loading(&server, &path, 20_000);
        let server = server.restart();
        let status = load.0.wait().expect("it ends");
        assert_eq!(status.code(), Some(1));
        let mut error = String::new();
        std::io::Read::read_to_string(load.0.stderr.as_mut().expect("a pipe"), &mut error).expect("text");
        assert!(error.contains("is the server running"), "{error}");
        let done = position(&server, &path);
        assert!((20_000..LINES).contains(&done), "in the middle, at {done}");
        assert!(run(&server, &format!("load s {}", path.display())).out.contains("recorded"));
        each_once(&server, "s", 0..LINES);
    }

    fn a_second_load_of_the_same_source_at_the_same_time_is_refused(server: Server) {
        let mut first = Running::start({
            let mut command = simile(&server, &format!("load s - --id queue {PLAIN}"));
            command.stdin(Stdio::piped());
            command
        });
        let mut pipe = first.0.stdin.take().expect("a pipe");
        pipe.write_all(lines(0..1_000).as_bytes()).expect("it reads");
        // Three batches of 256 are sent; the fourth waits for more lines.
        wait_until("the first waits for more", || position(&server, Path::new("queue")) == 768);
        run_with(&server, "load s - --id queue", lines(0..2_000).as_bytes());
        pipe.write_all(lines(1_000..2_000).as_bytes()).expect("it reads");
        drop(pipe);
        assert_eq!(first.0.wait().expect("it ends").code(), Some(1));
        let mut error = String::new();
        std::io::Read::read_to_string(first.0.stderr.as_mut().expect("a pipe"), &mut error).expect("text");
        assert!(error.ends_with("simile: another load of the same input is running on this scope: wait for it, or stop it\n"), "{error}");
        assert!(error.starts_with("simile: stopped after line 768: ") && error.contains("; the same command continues from there\n"), "{error}");
        each_once(&server, "s", 0..2_000);
    }

    fn a_source_that_was_loaded_is_not_loaded_again_unless_one_says_so(server: Server) {
        let path = file(&server, "lines", &lines(0..300));
        let load = |options: &str| run(&server, &format!("load s {} {options}", path.display()));
        assert!(load(PLAIN).out.ends_with(" s: 300 recorded.\n"));
        let again = load("");
        assert_eq!(again.err, format!("simile: continuing after line 300 of {}: everything up to it was loaded before\n", path.display()));
        assert!(again.out.ends_with(" s (300 before): 0 recorded.\n"), "{}", again.out);
        each_once(&server, "s", 0..300);

        append(&path, &lines(300..400));
        let changed = load("").failed(1);
        assert!(changed.contains("has changed since 300 records of it were loaded: --grown loads what was added"), "{changed}");
        assert!(load("--grown").out.ends_with(" s (300 before): 100 recorded.\n"));
        each_once(&server, "s", 0..400);

        assert!(load("--restart").out.ends_with(" s: 400 recorded.\n"));
        assert!(counts(&server, "s", "text").values().all(|count| *count == 2));
        server.does("SIM.DROP s");
        assert!(load(PLAIN).out.ends_with(" s: 400 recorded.\n"), "a new scope has had nothing");
        each_once(&server, "s", 0..400);
    }

    fn standard_input_with_a_name_goes_on_too(server: Server) {
        let load = |input: String| run_with(&server, &format!("load s - --id queue {PLAIN}"), input.as_bytes());
        load(lines(0..700)).fine();
        assert!(load(lines(0..1_000)).out.ends_with(" s (700 before): 300 recorded.\n"));
        each_once(&server, "s", 0..1_000);
        let shorter = load(lines(0..10)).failed(1);
        assert!(shorter.ends_with("standard input ends after line 10, but 1000 were loaded before: is it a different input? (--restart loads it from the beginning)\n"), "{shorter}");
        assert_eq!(server.chunks().len(), 1);
        run_with(&server, &format!("load t - {PLAIN}"), lines(0..10).as_bytes()).fine();
        server.expect("KEYS *t*:simile-load:*", "[]");
    }

    fn csv_is_read_with_its_quotes_its_times_and_its_line_breaks(server: Server) {
        let head = "name,when,title,\"all, tags\"\n";
        // No two records share a tag: the matches do not depend on the hour of the test.
        let record = |n: u64| format!("i{n},{},\"a title, of\ntwo lines {n}\",red{n}  green{n}\n", 3_600 * n);
        let body: String = (0..500).map(record).collect();
        let path = file(&server, "t.csv", &format!("{head}{body}"));
        let load = |options: &str| {
            let fields = "--item name --time when --text title --features 'tags=all, tags'";
            run(&server, &format!("load s {} {fields} {options}", path.display()))
        };
        let create = "--create 'BANDS 2 ROWS 1 INTERVAL 3600 RETENTION 1000 SHINGLE WORDS 1'";
        // The times are in 1970: every record is refused, and the refusals are counted and shown.
        let old = load(create).failed(3);
        assert!(old.contains("record 1 was refused: ERR TIMESTAMP 0 is older than the window"), "{old}");
        let now = server.now() / 3_600;
        let body: String = (0..500).map(|n| record(now as u64 - n)).collect();
        write(&path, format!("{head}{body}"));
        assert!(load("--restart").out.ends_with(": 500 recorded.\n"));
        let found = counts(&server, "s", "tags");
        assert_eq!((found.len(), found.values().sum::<i64>()), (500, 500));
        let info = server.does("SIM.INFO s");
        assert_eq!(info.get("indexes").get("text").get("chunks").integer(), 500);
        let item = format!("i{now}");
        server.expect(
            format!("SIM.COMPARE s {item} 1 tags NOSELF LIMIT 1 MINSCORE 0.9"),
            "[[]]",
        );
        server.expect(format!("SIM.CLASSIFY s LIMIT 1 FEATURES tags 2 red{now} green{now}"), format!("[[['{item}', '1']]]"));
        // A position in the middle of the file is found again.
        append(&path, &(500..600).map(|n| record(now as u64 - n)).collect::<String>());
        assert!(load("--grown").out.contains("100 records read"));
        assert_eq!(counts(&server, "s", "tags").len(), 600);
    }

    fn tabs_and_missing_fields(server: Server) {
        let path = file(&server, "t.tsv", "id\ttext\na\tred\n\tgreen\nb\t\nc\n");
        let load = run(&server, &format!("load s {} {PLAIN}", path.display()));
        assert!(load.out.ends_with(" s: 1 recorded, 3 NOT LOADED.\n"), "{}", load.out);
        assert_eq!(
            load.failed(3),
            "simile: record 2 has nothing in 'id', the name of the item\n\
             simile: record 3 has nothing in 'text'\n\
             simile: record 4 has no field 'text': it is too short\n"
        );
        let wrong = run(&server, &format!("load s {} --text body", path.display())).failed(1);
        assert_eq!(wrong, "simile: the first line has no field 'body'; it has 'id', 'text': name the fields with --item, --text, --features and --time\n");
    }

    fn a_directory_is_loaded_file_by_file(server: Server) {
        let root = server.directory().join("texts");
        for directory in ["a", ".hidden"] {
            std::fs::create_dir_all(root.join(directory)).expect("a directory");
        }
        for (name, text) in [("a/1.txt", "red"), ("a/2.txt", "green"), (".hidden/x", "no"), ("z", "blue")] {
            write(&root.join(name), text);
        }
        write(&root.join("binary"), b"\xff\xff");
        let load = |options: &str| run(&server, &format!("load s {} {options}", root.display()));
        let first = load(PLAIN);
        assert!(first.out.starts_with("4 files read") && first.out.ends_with(": 3 recorded, 1 NOT LOADED.\n"), "{}", first.out);
        assert_eq!(first.failed(3), "simile: file 3 (binary) is not UTF-8 (--lossy loads it, with U+FFFD in place of what is wrong)\n");
        let loaded = ["a/1.txt", "a/2.txt", "z"].map(|name| (name.to_string(), 1));
        assert_eq!(counts(&server, "s", "text"), BTreeMap::from(loaded));
        server.expect("SIM.CLASSIFY s TEXT text blue", "[[['z', '1']]]");
        assert!(load("").out.contains("0 files read"));
    }

    fn what_cannot_be_loaded_is_counted_and_shown(server: Server) {
        let long = "x".repeat(2 << 20);
        let input = format!(
            "{}\n{{\"id\": 1}}\nnonsense\n\n{{\"id\": 2, \"text\": \"\"}}\n{{\"id\": 3, \"text\": \"{long}\"}}\n{}",
            r#"{"id": "i0", "text": "w"}"#,
            lines(1..100)
        );
        let ran = run_with(&server, &format!("load s - --json {PLAIN}"), input.as_bytes());
        let summary: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        assert_eq!((&summary["recorded"], &summary["empty"], &summary["failed"]), (&100.into(), &1.into(), &3.into()));
        assert_eq!(
            ran.failed(3),
            "simile: line 2 has nothing in 'text'\n\
             simile: line 3 is not JSON: expected ident at column 2\n\
             simile: line 6 was refused: ERR text must be at most 1048576 bytes long (simile.max-text)\n"
        );
        let few = run_with(&server, "load s - --show 1", b"{\"id\": 1, \"text\": \"t\"}\nx\ny\nz\n").failed(3);
        assert_eq!(few, "simile: line 2 is not JSON: expected value at column 1\nsimile: further failures are counted but not shown (--show N shows more)\n");
    }

    fn a_strict_load_stops_and_goes_on_when_it_is_told_to(server: Server) {
        let path = file(&server, "lines", &format!("{}oops\n{}", lines(0..400), lines(400..500)));
        let load = |options: &str| run(&server, &format!("load s {} {options}", path.display()));
        let stopped = load(&format!("--strict {PLAIN}")).failed(1);
        assert_eq!(stopped, "simile: stopped after line 400: 400 recorded; the same command continues from there\nsimile: line 401 is not JSON: expected value at column 1 (--strict: stopped here; the lines before it are loaded)\n");
        each_once(&server, "s", 0..400);
        assert!(load("").out.ends_with(" s (400 before): 100 recorded, 1 NOT LOADED.\n"));
        each_once(&server, "s", 0..500);
    }

    fn a_pipe_is_shown_plain_lines(server: Server) {
        let ran = run_with(&server, &format!("load s - --report-every 0 {PLAIN}"), lines(0..2_000).as_bytes());
        assert!(ran.err.lines().count() >= 7, "{}", ran.err);
        assert!(ran.err.lines().all(|line| line.starts_with("simile: ") && line.contains(" lines, ")), "{}", ran.err);
        let is_plain = |text: &str| text.chars().all(|c| c == '\n' || !c.is_control());
        assert!(is_plain(&ran.err) && is_plain(&ran.out));
    }
}
