//! No command stops the server for long: the cost of a command is bounded, and within the bounds it is quick.
//! `make soak` measures and prints the worst time of each command.

use std::thread::sleep;
use std::time::Duration;
use testkit::{Client, Kind, Reply, Server, amount, on_each_server, wait_until, words};

const LONGEST: u64 = 50_000; // microseconds

fn load(server: &Server, from: usize, to: usize, line: impl Fn(usize) -> String) {
    for first in (from..to).step_by(5_000) {
        let batch: Vec<Vec<Vec<u8>>> = (first..to.min(first + 5_000)).map(|n| words(&line(n))).collect();
        let wrong = server.pipeline(&batch).into_iter().find(|reply| matches!(reply, Reply::Error(_)));
        assert_eq!(wrong, None);
    }
}

/// The reply to a command, and the microseconds that the server took for it.
fn timed(client: &Client, command: &[Vec<u8>]) -> (Reply, u64) {
    client.does("CONFIG RESETSTAT");
    let reply = client.call(command);
    let statistics = client.does("INFO commandstats").text().to_lowercase();
    let name = format!("cmdstat_{}:", command[0].escape_ascii()).to_lowercase();
    let line = statistics.lines().find(|line| line.starts_with(&name)).expect("a line of its own");
    let usec = line.split(',').find_map(|field| field.strip_prefix("usec=")).expect("its time");
    (reply, usec.parse().expect("microseconds"))
}

/// The worst times that were seen.
#[derive(Default)]
struct Table(Vec<(String, u64)>);

impl Table {
    fn note(&mut self, what: &str, usec: u64) {
        match self.0.iter_mut().find(|(known, _)| known == what) {
            Some((_, worst)) => *worst = usec.max(*worst),
            None => self.0.push((what.to_string(), usec)),
        }
    }

    /// Runs a read three times, and more often if all were too slow: the machine may be slow for some seconds. Notes the
    /// shortest time. True if it was executed.
    fn read(&mut self, client: &Client, what: &str, command: &[Vec<u8>]) -> bool {
        let (reply, mut least) = timed(client, command);
        for run in 2..=30 {
            match run {
                2..=3 => {}
                _ if least <= LONGEST => break,
                _ => sleep(Duration::from_secs(1)),
            }
            least = least.min(timed(client, command).1);
        }
        self.note(what, least);
        is_executed(&reply)
    }

    fn write(&mut self, client: &Client, what: &str, command: &[Vec<u8>]) -> bool {
        let (reply, usec) = timed(client, command);
        self.note(what, usec);
        is_executed(&reply)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        for (what, usec) in &self.0 {
            println!("{:>7.1} ms  {what}", *usec as f64 / 1_000.0);
        }
    }
}

/// True if the command was executed; false if it was refused because it would cost too much. Panics on another error.
fn is_executed(reply: &Reply) -> bool {
    match reply {
        Reply::Error(error) => {
            assert!(error.contains("simile.max-"), "{error}");
            false
        }
        _ => true,
    }
}

/// Reads while the data grow, until each of the commands has been refused.
fn growing(table: &mut Table, server: &Server, line: impl Fn(usize) -> String, commands: &[(&str, &str)]) {
    let mut pending: Vec<&(&str, &str)> = commands.iter().collect();
    let (mut size, mut next) = (0, 20_000);
    while !pending.is_empty() && size < 1_200_000 {
        load(server, size, next, &line);
        (size, next) = (next, next * 5 / 4);
        pending.retain(|(what, command)| table.read(server, what, &words(command)));
    }
    server.does("FLUSHALL");
}

/// The longest command of words of the same kind that is not refused.
fn lengthening(table: &mut Table, server: &Server, what: &str, begin: &str, word: impl Fn(usize) -> String) {
    let mut count = 1_000;
    loop {
        let command = format!("{begin}{}", (0..count).map(|n| format!(" {}", word(n))).collect::<String>());
        if !table.read(server, what, &words(&command.replace("{count}", &count.to_string())))
            || count > 1_000_000
        {
            return;
        }
        count = count * 5 / 4;
    }
}

fn reads(table: &mut Table, server: &Server) {
    server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
    growing(
        table,
        server,
        |n| format!("SIM.RECORD s item{n} SIGNATURE i 1 hot"),
        &[
            ("COMPARE, all of a hot bucket", "SIM.COMPARE s item1 1 i LIMIT 0"),
            ("COMPARE, ten of a hot bucket", "SIM.COMPARE s item1 1 i"),
            ("CLASSIFY, all of a hot bucket, COMBINE", "SIM.CLASSIFY s SIGNATURE i 1 hot COMBINE LIMIT 0"),
            ("CLASSIFY by SIGNIFICANCE", "SIM.CLASSIFY s SIGNATURE i 1 hot SCORE SIGNIFICANCE LIMIT 0"),
            ("MEMBERS", "SIM.MEMBERS s i 0 hot"),
            ("SCAN of one chunk", "SIM.SCAN s i 0 COUNT 4000000000"),
        ],
    );
    server.does("SIM.CREATE s BANDS 16 ROWS 1 INTERVAL 0");
    let deep = "SIGNATURE i 16 a b c d e f g h i j k l m n o p";
    growing(
        table,
        server,
        |n| format!("SIM.RECORD s item{n} {deep}"),
        &[
            ("COMPARE, all of 16 hot buckets", "SIM.COMPARE s item1 1 i LIMIT 0"),
            ("COMPARE, all of 16 hot buckets, MINBANDS", "SIM.COMPARE s item1 1 i LIMIT 0 MINBANDS 1 9"),
            ("COMPARE, names that match", "SIM.COMPARE s item1 1 i MATCH *1*2*3* WITHCOUNTS"),
            ("COMPARE of one index three times", "SIM.COMPARE s item1 3 i i i"),
        ],
    );
    server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 1000");
    let now = server.now_inside(3600);
    let late = |n: usize| now - (n % 1001) as i64 * 3600;
    growing(
        table,
        server,
        |n| format!("SIM.RECORD s item{n} TIMESTAMP {} SIGNATURE i 1 hot{}", late(n), n % 40),
        &[
            ("COMPARE over 1001 chunks", "SIM.COMPARE s item1 1 i LIMIT 0"),
            ("SCAN over 1001 chunks", "SIM.SCAN s i 0 COUNT 4000000000"),
            ("MEMBERS over 1001 chunks", "SIM.MEMBERS s i 0 hot1"),
        ],
    );
    server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
    growing(
        table,
        server,
        |n| format!("SIM.RECORD s item{} SIGNATURE i 1 b{}", n % 2, n / 2),
        &[
            ("COMPARE by an item of many buckets", "SIM.COMPARE s item1 1 i LIMIT 0"),
            ("FREQUENCIES", "SIM.FREQUENCIES s i item1"),
            ("SIGNIFICANT", "SIM.SIGNIFICANT s i item1 LIMIT 0"),
            ("EXPLAIN", "SIM.EXPLAIN s i item0 item1"),
            ("EXPORT", "SIM.EXPORT s i item1"),
        ],
    );
    server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
    growing(
        table,
        server,
        |n| format!("SIM.RECORD s item SIGNATURE i{n} 1 b"),
        &[
            ("INFO of a scope with many chunks", "SIM.INFO s"),
            ("MERGE that finds nothing", "SIM.MERGE s other * nobody"),
        ],
    );
}

fn long_commands(table: &mut Table, server: &Server) {
    server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
    load(server, 0, 2_000, |n| format!("SIM.RECORD s item{} SIGNATURE i 1 b{}", n % 100, n % 7));
    lengthening(table, server, "COMPARE of many indexes", "SIM.COMPARE s item1 {count}", |_| "i".into());
    lengthening(table, server, "CLASSIFY of many clauses", "SIM.CLASSIFY s", |n| {
        format!("SIGNATURE i 1 b{}", n % 7)
    });
    lengthening(table, server, "EXPORT of many items", "SIM.EXPORT s", |n| format!("i item{}", n % 100));
    lengthening(table, server, "DELETE that finds nothing", "SIM.DELETE s", |n| format!("i nobody{n}"));
    for hash in ["FSS", "MURMUR3"] {
        for (bands, rows) in [(1, 1), (16, 4), (1024, 4)] {
            let scope = format!("{hash}{bands}");
            server.does(format!("SIM.CREATE {scope} BANDS {bands} ROWS {rows} HASH {hash}"));
            let what = format!("SIGNATURE, features, {hash}, {} slots", bands * rows);
            lengthening(table, server, &what, &format!("SIM.SIGNATURE {scope} FEATURES {{count}}"), |n| {
                format!("f{n}")
            });
        }
        for (rules, word) in
            [("CHARS 5", "\u{e9}"), ("WORDS 64", "A "), ("CHARS 64", "0x1f "), ("WORDS 1", "a1 ")]
        {
            let scope = format!("{hash}{}", rules.replace(' ', ""));
            server.does(format!(
                "SIM.CREATE {scope} BANDS 1 ROWS 1 HASH {hash} SHINGLE {rules} LOWERCASE yes MASK yes"
            ));
            let text: Vec<u8> = word.bytes().cycle().take((1 << 20) / word.len() * word.len()).collect();
            let command = [words(&format!("SIM.CLASSIFY {scope} TEXT i")), vec![text]].concat();
            table.read(server, &format!("CLASSIFY, {rules}, {hash}, a mebibyte of text"), &command);
        }
    }
    server.does("FLUSHALL");
}

/// Writes of about the largest size that is not refused.
fn writes(table: &mut Table, server: &Server) {
    let mut largest =
        |what: &str, sizes: &[usize], make: &dyn Fn(usize), command: &dyn Fn(usize) -> Vec<Vec<u8>>| {
            for size in sizes {
                make(*size);
                let is_done = table.write(server, what, &command(*size));
                server.does("FLUSHALL");
                if !is_done {
                    return;
                }
            }
            panic!("{what}: nothing was refused up to {sizes:?}");
        };
    let scope = || drop(server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0"));
    let sizes: Vec<usize> = (0..24).map(|n| (5_000.0 * 1.25f64.powi(n)) as usize).collect();
    let all = |size: usize, word: &dyn Fn(usize) -> String| (0..size).map(word).collect::<String>();

    let buckets = |size| {
        scope();
        load(server, 0, size, |n| format!("SIM.RECORD s item SIGNATURE i 1 b{n}"))
    };
    largest("DELETE of an item of many buckets", &sizes, &buckets, &|_| words("SIM.DELETE s i item"));
    let two = |size| {
        buckets(size);
        load(server, 0, size, |n| format!("SIM.RECORD s other SIGNATURE i 1 b{n}"))
    };
    largest("MERGE of an item of many buckets", &sizes, &two, &|_| words("SIM.MERGE s item i other"));
    let items = |size| {
        scope();
        load(server, 0, size, |n| format!("SIM.RECORD s item{n} SIGNATURE i 1 hot"))
    };
    largest("DELETE of many items", &sizes, &items, &|size| {
        words(&format!("SIM.DELETE s{}", all(size, &|n| format!(" i item{n}"))))
    });
    largest("MERGE of many items", &sizes, &items, &|size| {
        words(&format!("SIM.MERGE s new{}", all(size, &|n| format!(" i item{n}"))))
    });
    let indexes = |size| {
        scope();
        load(server, 0, size, |n| format!("SIM.RECORD s item SIGNATURE i{n} 1 b"))
    };
    for (what, command) in [
        ("DELETE in many indexes", "SIM.DELETE s * item"),
        ("MERGE in many indexes", "SIM.MERGE s other * item"),
        ("ALTER of many chunks", "SIM.ALTER s RETENTION 9"),
    ] {
        largest(what, &sizes, &indexes, &|_| words(command));
    }
    largest("RECORD of many clauses", &sizes, &|_| scope(), &|size| {
        words(&format!("SIM.RECORD s item{}", all(size, &|n| format!(" SIGNATURE i 1 b{n}"))))
    });
    largest("RECORD in many new indexes", &sizes, &|_| scope(), &|size| {
        words(&format!("SIM.RECORD s item{}", all(size, &|n| format!(" SIGNATURE i{n} 1 b"))))
    });
    largest("ASSIGN of many clauses", &sizes, &|_| scope(), &|size| {
        words(&format!("SIM.ASSIGN s item MINSCORE 1{}", all(size, &|n| format!(" SIGNATURE i 1 b{n}"))))
    });
    let blob = |size| {
        server.does("CONFIG SET simile.max-postings 1000000000");
        buckets(size);
        let blob = server.does("SIM.EXPORT s i item").array()[0].bytes().to_vec();
        server.does(format!("CONFIG SET simile.max-postings {DEFAULT}"));
        blob
    };
    for (what, begin) in [
        ("IMPORT of an item of many buckets", "SIM.IMPORT s i other"),
        ("CLASSIFY by PROFILE", "SIM.CLASSIFY s PROFILE i"),
    ] {
        let bytes = std::cell::RefCell::new(Vec::new());
        largest(what, &sizes, &|size| *bytes.borrow_mut() = blob(size), &|_| {
            [words(begin), vec![bytes.borrow().clone()]].concat()
        });
    }
}

/// Commands to a scope that is large in one way, whether they are refused or not.
fn ask_large(table: &mut Table, server: &Server, scope: &str, commands: &[&str]) {
    for command in commands {
        let words = words(command);
        let name = words[0].escape_ascii().to_string();
        table.write(server, &format!("{name}, {scope}"), &words);
    }
}

const LONG: usize = 65_000;

/// A scope that is large in one way is deleted, and filled again and dropped.
fn free_large(table: &mut Table, server: &Server, kind: Kind, scope: &str, fill: &dyn Fn()) {
    let is_empty = || server.does("DBSIZE").integer() == 0;
    ask_large(table, server, scope, &["DEL s"]);
    if !kind.frees_chunks_at_del() {
        server.does("FLUSHALL");
    }
    wait_until("the timer has freed the chunks", is_empty);
    fill();
    ask_large(table, server, scope, &["SIM.DROP s"]);
    wait_until("the timer has freed the chunks", is_empty);
}

fn create(server: &Server, parameters: &str) {
    server.does(format!("SIM.CREATE s {parameters}"));
}

fn many_indexes(table: &mut Table, server: &Server, kind: Kind) {
    let indexes = || {
        create(server, "BANDS 1 ROWS 1 INTERVAL 0");
        load(server, 0, 20_000, |n| format!("SIM.RECORD s item SIGNATURE i{n} 1 b"));
    };
    indexes();
    let commands = [
        "SIM.RECORD s item SIGNATURE new 1 b",
        "SIM.CLASSIFY s SIGNATURE i7 1 b",
        "SIM.INFO s",
        "SIM.MERGE s other * item",
        "SIM.DELETE s * other",
        "SIM.DELETE s * item",
        "SIM.ALTER s RETENTION 9",
        "SIM.DROP s i1 i2 i3",
    ];
    ask_large(table, server, "20,000 indexes", &commands);
    free_large(table, server, kind, "20,000 indexes", &indexes);
}

fn many_chunks(table: &mut Table, server: &Server, kind: Kind) {
    let chunks = || {
        create(server, "BANDS 16 ROWS 1 INTERVAL 3600 RETENTION 1000");
        let now = server.now_inside(3_600);
        load(server, 0, 100_000, |n| {
            let (moment, bucket) = (now - (n % 1_000) as i64 * 3_600, n / 1_000 % 7);
            format!(
                "SIM.RECORD s item{} TIMESTAMP {moment} SIGNATURE i 16 a b c d e f g h i j k l m n o {bucket}",
                n / 10_000
            )
        });
    };
    chunks();
    let commands = [
        "SIM.RECORD s item1 SIGNATURE i 16 a b c d e f g h i j k l m n o 1",
        "SIM.ASSIGN s new MINSCORE 0.9 SIGNATURE i 16 a b c d e f g h i j k l m n o 1",
        "SIM.CLASSIFY s SIGNATURE i 16 a b c d e f g h i j k l m n o 1",
        "SIM.COMPARE s item1 1 i",
        "SIM.COUNT s i 3 item1 item2 item3",
        "SIM.FREQUENCIES s i item1",
        "SIM.SIGNIFICANT s i item1",
        "SIM.EXPLAIN s i item1 item2",
        "SIM.EXPORT s i item1",
        "SIM.SCAN s i 0 COUNT 100",
        "SIM.MEMBERS s i 0 a",
        "SIM.INFO s",
        "SIM.MERGE s item1 i item2",
        "SIM.DELETE s i item1",
        "SIM.ALTER s RETENTION 900",
    ];
    ask_large(table, server, "1,000 chunks", &commands);
    free_large(table, server, kind, "1,000 chunks", &chunks);
}

fn long_names(table: &mut Table, server: &Server, kind: Kind) {
    let long = "a".repeat(LONG);
    let bytes = || {
        create(server, "BANDS 1 ROWS 1 INTERVAL 0");
        load(server, 0, 6_000, |n| format!("SIM.RECORD s {long}{n} SIGNATURE i 1 hot"));
        load(server, 0, 4_800, |n| format!("SIM.RECORD s item SIGNATURE j 1 {long}{n}"));
    };
    bytes();
    let pattern = format!("{}*b", "a*".repeat(500));
    let commands = [
        "SIM.MEMBERS s i 0 hot",
        "SIM.CLASSIFY s LIMIT 0 SIGNATURE i 1 hot",
        "SIM.CLASSIFY s LIMIT 100 SIGNATURE i 1 hot",
        &format!("SIM.CLASSIFY s MATCH {pattern} SIGNATURE i 1 hot"),
        "SIM.SCAN s i 0 COUNT 10000",
        &format!("SIM.SCAN s i 0 MATCH {pattern} COUNT 10"),
        &format!("SIM.SCAN s i 0 MATCH {pattern} COUNT 100"),
        "SIM.EXPORT s j item",
        "SIM.FREQUENCIES s j item",
        "SIM.SIGNIFICANT s j item LIMIT 0",
        "SIM.EXPLAIN s j item item",
        "SIM.COMPARE s item 1 j",
        "SIM.INFO s",
        "SIM.MERGE s other j item",
        "SIM.DELETE s j other",
    ];
    ask_large(table, server, "names and buckets of 65 kB", &commands);
    free_large(table, server, kind, "names and buckets of 65 kB", &bytes);
}

fn many_items(table: &mut Table, server: &Server, kind: Kind) {
    let items = || {
        create(server, "BANDS 2 ROWS 1 INTERVAL 0");
        load(server, 0, 5_000_000, |n| format!("SIM.RECORD s {n} SIGNATURE i 2 hot{} {}", n % 2, n / 2));
    };
    items();
    let commands = [
        "SIM.RECORD s new SIGNATURE i 2 hot1 b",
        "SIM.ASSIGN s new MINSCORE 0.9 SIGNATURE i 2 hot1 b",
        "SIM.CLASSIFY s SIGNATURE i 2 hot1 b",
        "SIM.CLASSIFY s LIMIT 0 SIGNATURE i 2 hot1 b",
        "SIM.COMPARE s 7 1 i",
        "SIM.COMPARE s 7 1 i MATCH *99*",
        "SIM.MEMBERS s i 0 hot1",
        "SIM.SIGNIFICANT s i 7",
        "SIM.EXPLAIN s i 7 8",
        "SIM.SCAN s i 0 COUNT 1000000000",
        "SIM.INFO s",
        "SIM.MERGE s 7 i 8",
        "SIM.DELETE s i 7",
        "SIM.FORGET s 9 SIGNATURE i 2 hot1 4",
        "SIM.ALTER s RETENTION 9",
    ];
    ask_large(table, server, "5 million items", &commands);
    free_large(table, server, kind, "5 million items", &|| create(server, "BANDS 2 ROWS 1 INTERVAL 0"));
}

/// Commands that free keys.
fn sweeps(table: &mut Table, server: &Server) {
    load(server, 0, 20_000, |n| {
        format!("SIM.RECORD s{n} item SIGNATURE i 16 a b c d e f g h i j k l m n o p")
    });
    server.does("CONFIG SET simile.del-frees-chunks no");
    load(server, 0, 20_000, |n| format!("DEL s{n}"));
    server.does("CONFIG SET simile.del-frees-chunks yes");
    let most = words("SIM.SWEEP 0 COUNT 5000");
    assert!(table.write(server, "SWEEP", &most));
    server.does("FLUSHALL");
}

const DEFAULT: u64 = 1_000_000;

/// Copies of one text, among a thousand others.
struct Copies<'s> {
    server: &'s Server,
    count: usize,
    table: Table,
}

impl Copies<'_> {
    const TEXT: &'static str =
        "the same words in the same order as on every page of this site, and below them the same menu";

    fn other(number: usize) -> String {
        format!(
            "number {number} has words of its own: {}",
            ["alpha", "beta", "gamma", "delta"][number % 4].repeat(3)
        )
    }

    /// Fills a scope with these parameters. Copies are imported, which is much less work than to sign each.
    fn fill(&self, parameters: &str) {
        self.server.does("FLUSHALL");
        self.server.does(format!("SIM.CREATE s INTERVAL 0 {parameters}"));
        self.server.does(format!("SIM.RECORD s copy0 TEXT i \"{}\"", Self::TEXT));
        let blob = self.server.does("SIM.EXPORT s i copy0").array()[0].bytes().to_vec();
        for first in (1..self.count).step_by(100) {
            let copies = (first..self.count.min(first + 100))
                .flat_map(|n| [b"i".to_vec(), format!("copy{n}").into_bytes(), blob.clone()]);
            self.server.call(&[words("SIM.IMPORT s"), copies.collect()].concat()).array();
        }
        load(self.server, 0, 1_000, |n| format!("SIM.RECORD s other{n} TEXT i \"{}\"", Self::other(n)));
    }

    /// Asks, and checks that the items found begin with these, and that it is quick.
    fn ask(&mut self, parameters: &str, command: &[Vec<u8>], first: &[String], longest: u64) {
        let what = format!(
            "{} copies, {parameters}: {:.60}",
            self.count,
            command.join(&b' ').escape_ascii().to_string()
        );
        let (reply, mut least) = timed(self.server, command);
        for _ in 0..4 {
            least = least.min(timed(self.server, command).1);
        }
        let found: Vec<String> =
            reply.array()[0].array().iter().map(|found| found.array()[0].text()).collect();
        assert!(found.starts_with(first), "{what}: {found:?}");
        self.table.note(&what, least);
        let longest = longest * amount(4, 1) as u64; // other tests run beside an ordinary run
        assert!(least <= longest, "{what}: {least} microseconds");
    }
}

/// A scope `s` with 500 items in one bucket, an item of 500 buckets, one in 60 indexes, and one of 40 long buckets.
fn costly(server: &Server) {
    server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
    load(server, 0, 500, |n| format!("SIM.RECORD s item{n} SIGNATURE i 1 hot"));
    load(server, 0, 500, |n| format!("SIM.RECORD s big SIGNATURE j 1 b{n}"));
    load(server, 0, 60, |n| format!("SIM.RECORD s item SIGNATURE i{n} 1 b"));
    let long = "x".repeat(3_200);
    load(server, 0, 40, |n| format!("SIM.RECORD s long SIGNATURE k 1 {long}{n}"));
}

on_each_server! {
    fn what_would_cost_too_much_is_refused_whole(server: Server) {
        costly(&server);
        let blob = server.does("SIM.EXPORT s j big").array()[0].bytes().to_vec();
        server.does("CONFIG SET simile.max-postings 1000");
        let digest = server.digest();
        let many = |word: &str| word.repeat(60);
        for command in [
            "SIM.COMPARE s item1 1 i LIMIT 0".to_string(),
            "SIM.COMPARE s item1 1 i".to_string(),
            "SIM.CLASSIFY s SIGNATURE i 1 hot LIMIT 0".to_string(),
            "SIM.COMPARE s big 1 j".to_string(),
            format!("SIM.COMPARE s item1 60{}", many(" i1")),
            "SIM.ASSIGN s new MINSCORE 1 SIGNATURE i 1 hot".to_string(),
            "SIM.MEMBERS s i 0 hot".to_string(),
            format!("SIM.COUNT s i 300{}", many(" a b c d e")),
            "SIM.FREQUENCIES s j big".to_string(),
            "SIM.SIGNIFICANT s j big".to_string(),
            "SIM.EXPLAIN s j big other".to_string(),
            "SIM.EXPORT s j big".to_string(),
            "SIM.INFO s".to_string(),
            "SIM.MERGE s other j big".to_string(),
            "SIM.MERGE s other * item".to_string(),
            "SIM.DELETE s j big".to_string(),
            "SIM.COMPARE s long 1 k".to_string(),
            "SIM.FREQUENCIES s k long".to_string(),
            "SIM.SIGNIFICANT s k long".to_string(),
            "SIM.EXPLAIN s k long other".to_string(),
            "SIM.EXPORT s k long".to_string(),
            "SIM.MERGE s other k long".to_string(),
            "SIM.DELETE s k long".to_string(),
            "SIM.DELETE s * nobody".to_string(),
            format!("SIM.DELETE s{}", many(" i nobody")),
            "SIM.ALTER s RETENTION 7".to_string(),
            format!("SIM.RECORD s item{}", many(" SIGNATURE i 1 b")),
            format!("SIM.RECORD s item TEXT i \"{}\"", "some words ".repeat(300)),
            format!("SIM.SIGNATURE s FEATURES 5000{}", " f".repeat(5000)),
        ] {
            let error = server.refusal(&command);
            assert!(error.starts_with("ERR ") && error.contains("simile.max-postings"), "{command:.50}: {error}");
            assert_eq!(server.digest(), digest, "{command:.50}");
        }
        // The cost of a blob grows with its length: six times the blob is too much.
        let triples = (0..6).flat_map(|_| [b"i".to_vec(), b"new".to_vec(), blob.clone()]);
        let import = [words("SIM.IMPORT s"), triples.collect()].concat();
        assert!(server.call(&import).to_string().contains("simile.max-postings"));
        assert_eq!(server.digest(), digest);
        // The advice in the error helps.
        server.does("SIM.DROP s i0 i1 i2");
        server.does("CONFIG SET simile.max-postings 10000");
        assert_eq!(server.does("SIM.COMPARE s item1 1 i LIMIT 0").array()[0].array().len(), 500);
        server.does("SIM.DELETE s j big");
        server.does("SIM.DROP s");
    }

    fn a_search_that_costs_too_much_names_the_cost_and_what_was_not_done_yet(server: Server) {
        // `o` has two chunks in its window, and can have no more rows.
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
        server.does("SIM.CREATE o BANDS 1 ROWS 64 INTERVAL 3600");
        let now = server.now_inside(3600);
        load(&server, 0, 500, |n| format!("SIM.RECORD s item{n} SIGNATURE i 1 hot"));
        load(&server, 0, 500, |n| format!("SIM.RECORD o item{n} TIMESTAMP {} SIGNATURE i 1 hot", now - 3600 * (n as i64 % 2)));
        server.does("CONFIG SET simile.max-postings 1000");
        for (command, remedies) in [
            ("SIM.CLASSIFY s LIMIT 0 SIGNATURE i 1 hot", "set a LIMIT, or set a MINSCORE, or create the scope with more ROWS, or "),
            ("SIM.CLASSIFY s LIMIT 400 SIGNATURE i 1 hot", "lower the LIMIT, or set a MINSCORE, or create the scope with more ROWS, or "),
            ("SIM.CLASSIFY s LIMIT 0 MINSCORE 0.1 SIGNATURE i 1 hot", "set a LIMIT, or create the scope with more ROWS, or "),
            ("SIM.CLASSIFY o LIMIT 0 MINSCORE 0.1 SIGNATURE i 1 hot", "set a LIMIT, or set a WINDOW, or "),
            ("SIM.CLASSIFY o LIMIT 0 MINSCORE 0.1 WINDOW 2 SIGNATURE i 1 hot", "set a LIMIT, or "),
        ] {
            let error = server.refusal(command);
            let begin = "ERR the query would cost ";
            let end = format!(" postings or more, and simile.max-postings is 1000: {remedies}raise the limit");
            let cost = error.strip_prefix(begin).and_then(|rest| rest.strip_suffix(&end));
            let cost = cost.and_then(|cost| cost.parse::<u32>().ok()).unwrap_or_else(|| panic!("{command}: {error}"));
            assert!((1_001..10_000).contains(&cost), "{command}: {error}");
        }
    }

    /// 1 posting for each name, and 1 more for each 16 bytes of it and 64 sets of the pattern.
    fn matching_names_has_a_cost(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
        let long = "x".repeat(3_200);
        load(&server, 0, 100, |n| format!("SIM.RECORD s {n}{long} SIGNATURE i 1 hot"));
        let least = |options: &str| {
            let is_enough = |limit: u32| {
                server.does(format!("CONFIG SET simile.max-postings {limit}"));
                server.run(format!("SIM.CLASSIFY s LIMIT 0 SIGNATURE i 1 hot {options}")).to_string().starts_with('[')
            };
            let (mut low, mut high) = (1, 1 << 20);
            while low < high {
                let middle = (low + high) / 2;
                if is_enough(middle) { high = middle } else { low = middle + 1 }
            }
            low
        };
        let free = least("");
        for (pattern, words) in [("*", 1), ("*x*", 1), (&format!("*{}*", "?".repeat(63)), 1), (&format!("*{}*", "?".repeat(64)), 2)] {
            assert_eq!(least(&format!("MATCH {pattern}")), free + 100 * (1 + words * 200), "{pattern}");
        }
    }

    /// A scan may take smaller steps than COUNT asks for.
    fn a_scan_is_never_refused(server: Server) {
        costly(&server);
        server.does("CONFIG SET simile.max-postings 1000");
        let (mut cursor, mut items) = ("0".to_string(), 0);
        loop {
            let page = server.does(format!("SIM.SCAN s i {cursor} COUNT 1000000"));
            assert!(page.array()[1].array().len() < 2 * 400);
            items += page.array()[1].array().len() / 2;
            cursor = page.array()[0].text();
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(items, 500);
    }

    fn what_comes_from_a_primary_or_an_aof_is_obeyed_whatever_it_costs(kind: Kind) {
        let primary = kind.launch().options("--appendonly yes").start();
        let replica = kind.launch().module("max-postings 1").start();
        replica.follow(&primary);
        costly(&primary);
        for command in ["SIM.MERGE s other * item", "SIM.MERGE s other j big", "SIM.DELETE s * other", "SIM.ALTER s RETENTION 7", "SIM.RECORD s item TEXT i words"] {
            primary.does(command);
        }
        let blob = primary.does("SIM.EXPORT s i item1").array()[0].bytes().to_vec();
        primary.call(&[b"SIM.IMPORT", b"s".as_slice(), b"i", b"item2", &blob]);
        replica.catch_up_with(&primary);
        assert_eq!(replica.digest(), primary.digest());
        primary.does("CONFIG SET simile.max-postings 1");
        let digest = primary.digest();
        let primary = primary.restart_with("--simile.max-postings 1");
        assert_eq!(primary.digest(), digest);
        primary.refusal("SIM.INFO s");
    }

    /// With a million copies in `make soak`.
    fn copies_do_not_close_a_scope(server: Server) {
        const SHORT: u64 = 1_000;
        let mut copies = Copies { server: &server, count: amount(20_000, 1_000_000), table: Table::default() };
        let ten: Vec<String> = (0..10).map(|n| format!("copy{n}")).collect();
        for parameters in ["BANDS 16 ROWS 2", "BANDS 32 ROWS 2", "BANDS 64 ROWS 1", "THRESHOLD 0.8"] {
            copies.fill(parameters);
            let text = [words("SIM.CLASSIFY s LIMIT 10 TEXT i"), vec![Copies::TEXT.into()]].concat();
            copies.ask(parameters, &text, &ten, SHORT);
            copies.ask(parameters, &words("SIM.COMPARE s copy7 1 i LIMIT 10"), &ten, SHORT);
            copies.ask(parameters, &words("SIM.COMPARE s other7 1 i LIMIT 10"), &["other7".to_string()], 2 * SHORT);

            // A query that shares every other band.
            let signature = server.call(&[&b"SIM.SIGNATURE"[..], b"s", b"TEXT", Copies::TEXT.as_bytes()]);
            let buckets = signature.array().iter().enumerate().map(|(band, bucket)| match band % 2 {
                0 => bucket.bytes().to_vec(),
                _ => format!("own{band}").into_bytes(),
            });
            for score in ["OVERLAP", "COVERAGE"] {
                let begin = words(&format!("SIM.CLASSIFY s LIMIT 10 SCORE {score} SIGNATURE i {}", buckets.len()));
                copies.ask(parameters, &[begin, buckets.clone().collect()].concat(), &ten, SHORT);
            }
            // By JACCARD every copy has to be compared.
            if parameters.starts_with("THRESHOLD") {
                let near = [words("SIM.CLASSIFY s TEXT i"), vec![format!("{} again", Copies::TEXT).into()]].concat();
                copies.ask(parameters, &near, &ten, SHORT + copies.count as u64 / 20);
            }
            // Last, since it records.
            let assign = [words("SIM.ASSIGN s new MINSCORE 0.8 TEXT i"), vec![Copies::TEXT.into()]].concat();
            let (reply, usec) = timed(&server, &assign);
            assert_eq!(reply.to_string(), "['copy0', '1', 0]");
            copies.table.note(&format!("{} copies, {parameters}: SIM.ASSIGN", copies.count), usec);
            assert!(usec <= 5 * SHORT, "{parameters}: ASSIGN takes {usec} microseconds"); // once, so more may come in between
        }
    }

    fn the_worst_of_each_command_is_short(kind: Kind) {
        if amount(0, 1) == 0 {
            return; // a minute of work, and of no use while other tests run
        }
        let server = kind.launch().options("--lazyfree-lazy-user-flush yes").start();
        server.expect("CONFIG GET simile.max-postings", format!("['simile.max-postings', '{DEFAULT}']"));
        let mut table = Table::default();
        reads(&mut table, &server);
        long_commands(&mut table, &server);
        writes(&mut table, &server);
        sweeps(&mut table, &server);
        many_indexes(&mut table, &server, kind);
        many_chunks(&mut table, &server, kind);
        long_names(&mut table, &server, kind);
        many_items(&mut table, &server, kind);
        let slow: Vec<&(String, u64)> = table.0.iter().filter(|(_, usec)| *usec > LONGEST).collect();
        assert!(slow.is_empty(), "{slow:?}");
    }
}
