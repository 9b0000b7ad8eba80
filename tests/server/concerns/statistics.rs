//! The section `simile` of INFO.

use std::collections::BTreeMap;
use testkit::{Client, Kind, Server, amount, on_each_server, wait_until};

/// The numbers in the section.
fn section(client: &Client) -> BTreeMap<String, u64> {
    let text = client.does("INFO simile").text();
    assert!(text.contains("# simile"), "{text}");
    let fields = text.lines().filter_map(|line| line.trim().strip_prefix("simile_")?.split_once(':'));
    fields.filter_map(|(field, value)| Some((field.to_string(), value.parse().ok()?))).collect()
}

/// The totals of scopes, chunks, items, observations and bytes.
fn held(client: &Client) -> [u64; 5] {
    let section = section(client);
    ["scopes", "chunks", "items", "observations", "bytes"].map(|field| section[field])
}

/// The same totals, summed over the replies for each scope and key.
fn added_up(client: &Client) -> [u64; 5] {
    let (scopes, chunks) = (client.keys_of_type("sim-scope"), client.keys_of_type("sim-chunk"));
    let mut sums = [scopes.len() as u64, chunks.len() as u64, 0, 0, 0];
    for scope in &scopes {
        let info = client.call(&[b"SIM.INFO", scope.as_slice()]);
        for (_, index) in info.get("indexes").pairs() {
            sums[2] += index.get("items").integer() as u64;
            sums[3] += index.get("observations").integer() as u64;
        }
    }
    let text = |name: &Vec<u8>| String::from_utf8(name.clone()).expect("a name of text");
    let usage = |name: &Vec<u8>| client.does(format!("SIM.DEBUG MEMORY {}", text(name))).integer() as u64;
    sums[4] = scopes.iter().chain(&chunks).map(usage).sum();
    sums
}

fn populate(server: &Server, scope: &str) {
    server.does(format!("SIM.CREATE {scope} BANDS 4 ROWS 1 INTERVAL 3600 RETENTION 5"));
    let now = server.now_inside(3600);
    for n in 0..300 {
        let t = now - n % 3 * 3600;
        server.does(format!(
            "SIM.RECORD {scope} item{} TIMESTAMP {t} FEATURES i 2 a{n} b FEATURES j 1 x",
            n % 70
        ));
    }
}

const NOTHING: [u64; 5] = [0; 5];

on_each_server! {
    fn info_says_what_is_held_after_every_change(kind: Kind) {
        let server = kind.launch().options("--appendonly yes").start();
        assert_eq!(held(&server), NOTHING);
        populate(&server, "s");
        populate(&server, "t");
        let full = held(&server);
        assert_eq!(full[..4], [2, 12, 2 * (70 * 3) * 2, 2 * 300 * 2]);
        assert!(full[4] > 10_000, "{full:?}");
        for command in [
            "SIM.RECORD s new TEXT i \"a few words\"",
            "SIM.RECORD s item1 TEXT k \"a few words\"",
            "SIM.MERGE s item1 * item2 i item3",
            "SIM.DELETE s * item4 * item5",
            "SIM.ASSIGN s new MINSCORE 0.5 TEXT i \"a few words\"",
            "SIM.ALTER s RETENTION 1",
            "RENAME t u",
            "SIM.DROP s j",
            "SIM.RECORD made by TEXT default \"words\"",
            "DEBUG RELOAD",
            "COPY s v",
            "SET made text",
            "SIM.SWEEP 0 COUNT 1000",
        ] {
            let before = held(&server);
            server.run(command);
            // The chunk of a scope that was overwritten stays, and is in no scope's directory.
            let is_orphaned = command == "SET made text";
            wait_until("what was unlinked is freed", || is_orphaned || held(&server) == added_up(&server));
            assert!(held(&server) != before || !command.starts_with("SIM."), "{command} changes something");
        }
        let before = held(&server);
        server.does("SWAPDB 0 1");
        assert_eq!(held(&server), before, "of all databases");
        server.does("SWAPDB 1 0");
        let blob = server.does("SIM.EXPORT s i item1").array()[0].bytes().to_vec();
        server.call(&[b"SIM.IMPORT", b"s".as_slice(), b"other", b"item9", &blob]);
        assert_eq!(held(&server), added_up(&server));

        let before = held(&server);
        server.rewrite_aof();
        let server = server.restart();
        assert_eq!(held(&server)[..4], before[..4], "loaded from a rewritten AOF");
        assert_eq!(held(&server), added_up(&server));
        server.does("CONFIG SET aof-use-rdb-preamble no");
        server.rewrite_aof();
        let server = server.restart();
        assert_eq!(held(&server)[..4], before[..4], "loaded from an AOF of commands");
        assert_eq!(held(&server), added_up(&server));

        server.does("FLUSHALL ASYNC");
        wait_until("all is freed", || held(&server) == NOTHING);
    }

    fn info_counts_what_goes_by_itself(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 1 RETENTION 1");
        server.does("SIM.RECORD s item SIGNATURE i 2 a b");
        assert_eq!(held(&server)[..4], [1, 1, 1, 1]);
        wait_until("the chunk has expired", || held(&server)[1] == 0);
        assert_eq!(held(&server)[..4], [1, 0, 0, 0]);
        server.does("DEL s");
        assert_eq!(held(&server), NOTHING);
    }

    fn info_counts_nothing_of_a_payload_that_is_refused(kind: Kind) {
        let server = kind.launch().options("--rdbcompression no").start();
        populate(&server, "s");
        server.does("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1");
        let dumps: Vec<Vec<u8>> = ["s", &server.chunks()[0]].iter().map(|key| server.does(format!("DUMP {key}")).bytes().to_vec()).collect();
        let before = held(&server);
        let mut refused = 0;
        for dump in &dumps {
            // The footer of ten bytes stays: the server reads it first.
            for cut in (12..dump.len() - 10).step_by(dump.len() / 100 + 1) {
                let damaged = [&dump[..cut], &dump[dump.len() - 10..]].concat();
                refused += usize::from(server.call(&[b"RESTORE", b"{s}r".as_slice(), b"0", &damaged]).to_string().starts_with('!'));
            }
        }
        assert!(refused > 50, "{refused}");
        assert_eq!(held(&server), before);
        let restored = server.call(&[b"RESTORE", b"{s}r".as_slice(), b"0", &dumps[1]]);
        assert_eq!(restored.to_string(), "OK");
        assert_eq!(held(&server)[1], before[1] + 1);
        server.does("DEL {s}r");
        assert_eq!(held(&server), before);
    }

    /// Thousands of chunks in one scope: each is counted when it changes.
    fn info_counts_many_chunks(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
        let records: Vec<Vec<Vec<u8>>> = (0..amount(3_500, 7_500))
            .map(|n| testkit::words(&format!("SIM.RECORD s item SIGNATURE i{n} 1 b")))
            .collect();
        server.pipeline(&records);
        let all = records.len() as u64;
        assert_eq!(held(&server)[..4], [1, all, all, all]);
        server.expect("SIM.DROP s", all.to_string());
        wait_until("all is freed", || held(&server) == NOTHING);
    }

    fn info_says_what_commands_did(server: Server) {
        let of = |field: &str| section(&server)[field];
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
        // Enough items that the search which reads and returns them all is the slowest even on a busy machine.
        let records: Vec<Vec<Vec<u8>>> =
            (0..9_999).map(|n| testkit::words(&format!("SIM.RECORD s item{n} SIGNATURE i 1 b"))).collect();
        server.pipeline(&records);
        assert_eq!([of("commands"), of("searches"), of("postings_read"), of("slowest_search_usec")], [10_000, 0, 0, 0]);
        server.does("SIM.COMPARE s item1 1 i LIMIT 0");
        assert_eq!(
            [of("commands"), of("searches"), of("postings_read"), of("postings_skipped")],
            [10_001, 1, 9_999, 0]
        );
        server.does("SIM.CLASSIFY s SIGNATURE i 1 b MINSCORE 2");
        assert_eq!([of("searches"), of("postings_read"), of("postings_skipped")], [2, 9_999, 9_999]);
        let text = server.does("INFO everything").text();
        assert!(text.contains("simile_slowest_search_command:SIM.COMPARE\r\n"), "{text}");
        assert!(text.contains(&format!("simile_version:{}\r\n", env!("CARGO_PKG_VERSION"))), "{text}");
        assert!(server.does("INFO modules").text().contains("simile_scopes:1\r\n"));
        assert!(!server.does("INFO server").text().contains("simile_scopes"));
        assert!(of("slowest_search_usec") > 0);
        server.refusal("SIM.COMPARE s");
        server.does("SIM.ASSIGN s new MINSCORE 1 SIGNATURE i 1 c");
        assert_eq!([of("commands"), of("searches"), of("postings_read")], [10_003, 3, 9_999]);
    }
}
