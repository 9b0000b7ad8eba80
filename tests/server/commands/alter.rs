//! SIM.ALTER: the window changes, and with it the expiry of every chunk; or the score of queries that name none.

use testkit::{Kind, Server, on_each_server, wait_until};

/// A scope `s` of hours with `retention`, and an item `back-n` in each of the hours up to `back` before this one, in
/// two indexes. Gives the time.
fn hours(server: &Server, retention: i64, back: i64) -> i64 {
    server.does(format!("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION {retention}"));
    let now = server.now_inside(3600);
    for n in 0..=back {
        server.does(format!(
            "SIM.RECORD s back-{n} TIMESTAMP {} SIGNATURE i 1 a SIGNATURE j 1 a",
            now - n * 3600
        ));
    }
    now
}

/// The expiry of each chunk, sorted by name, in hours after the beginning of the hour of `now`.
fn expiries(server: &Server, now: i64) -> Vec<i64> {
    let chunks = server.chunks();
    let expiry = |chunk: &String| server.does(format!("PEXPIRETIME {chunk}")).integer();
    chunks.iter().map(|chunk| (expiry(chunk) / 1000 - (now - now % 3600)) / 3600).collect()
}

on_each_server! {
    fn a_longer_window_prolongs_the_life_of_every_chunk(server: Server) {
        let now = hours(&server, 3, 2);
        assert_eq!(expiries(&server, now), [2, 2, 3, 3, 4, 4]);
        server.expect("SIM.ALTER s RETENTION 10", "OK");
        assert_eq!(expiries(&server, now), [9, 9, 10, 10, 11, 11]);
        server.expect(format!("SIM.RECORD s late TIMESTAMP {} SIGNATURE i 1 a", now - 9 * 3600), "[[1]]");
        server.expect("SIM.COMPARE s late 1 i", "[[['late', '1'], ['back-2', '1'], ['back-1', '1'], ['back-0', '1']]]");
        assert_eq!(server.does("SIM.INFO s").get("retention").integer(), 10);
        server.refuses("SIM.CREATE s RETENTION 3", "ERR the scope exists with RETENTION 10, not 3");
        server.validate_all();
    }

    fn a_shorter_window_ends_the_life_of_what_has_left_it(server: Server) {
        let now = hours(&server, 5, 4);
        server.expect("DBSIZE", "11");
        server.expect("SIM.ALTER s RETENTION 1", "OK");
        server.expect("DBSIZE", "5");
        assert_eq!(expiries(&server, now), [1, 1, 2, 2]);
        server.expect("SIM.COMPARE s back-0 1 i", "[[['back-1', '1'], ['back-0', '1']]]");
        let info = server.does("SIM.INFO s");
        assert_eq!(info.get("indexes").get("i").get("chunks").integer(), 2);
        server.refusal(format!("SIM.RECORD s late TIMESTAMP {} SIGNATURE i 1 a", now - 3 * 3600));
        // Chunks that have expired do not come back.
        server.expect("SIM.ALTER s RETENTION 5", "OK");
        server.expect("DBSIZE", "5");
        assert_eq!(expiries(&server, now), [5, 5, 6, 6]);
        server.expect("SIM.ALTER s RETENTION 0", "OK");
        server.expect("DBSIZE", "3");
        server.validate_all();
    }

    fn a_window_without_end_has_none(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
        server.does("SIM.RECORD s item SIGNATURE i 1 a");
        server.expect("SIM.ALTER s RETENTION 0", "OK");
        server.expect(format!("PEXPIRETIME {}", server.only_chunk()), "-1");
        server.expect("SIM.COMPARE s item 1 i", "[[['item', '1']]]");
    }

    fn replicas_and_the_aof_come_to_the_same(kind: Kind) {
        let server = kind.launch().options("--appendonly yes").start();
        let replica = kind.start();
        replica.follow(&server);
        let now = hours(&server, 5, 4);
        let before = server.appended().len();
        for (retention, names) in [
            (5, &[][..]),
            (9, &["SIM.ALTER"]),
            (3, &["MULTI", "DEL", "DEL", "SIM.ALTER", "EXEC"]),
            (0, &["MULTI", "DEL", "DEL", "DEL", "DEL", "DEL", "DEL", "SIM.ALTER", "EXEC"]),
            (7, &["SIM.ALTER"]),
        ] {
            let before = server.appended().len();
            server.expect(format!("SIM.ALTER s RETENTION {retention}"), "OK");
            assert_eq!(server.appended_names()[before..], *names, "{retention}");
            replica.catch_up_with(&server);
            assert_eq!(replica.digest(), server.digest(), "{retention}");
            assert_eq!(replica.does("DBSIZE"), server.does("DBSIZE"), "{retention}");
            assert_eq!(expiries(&replica, now), expiries(&server, now), "{retention}");
        }
        assert!(server.appended().len() > before);
        replica.validate_all();
        let (digest, size, after) = (server.digest(), server.does("DBSIZE"), expiries(&server, now));
        server.does("DEBUG RELOAD");
        assert_eq!(server.digest(), digest);
        let server = server.restart();
        assert_eq!((server.digest(), server.does("DBSIZE"), expiries(&server, now)), (digest, size, after));
    }

    fn chunks_that_are_gone_already_leave_the_directory_everywhere(kind: Kind) {
        let server = kind.start();
        let replica = kind.start();
        replica.follow(&server);
        let now = hours(&server, 5, 2);
        let chunks = server.chunks();
        server.does(format!("DEL {}", chunks[1]));
        server.expect("SIM.ALTER s RETENTION 8", "OK");
        replica.catch_up_with(&server);
        assert_eq!(replica.digest(), server.digest());
        assert_eq!(expiries(&replica, now), expiries(&server, now));
        // A second SIM.ALTER, which finds no chunk missing, leaves the same directory.
        server.expect("SIM.ALTER s RETENTION 9", "OK");
        replica.catch_up_with(&server);
        assert_eq!(replica.digest(), server.digest());
    }

    fn a_chunk_expires_by_its_new_time(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 1 RETENTION 1000");
        server.does("SIM.RECORD s item SIGNATURE i 1 a");
        server.expect("SIM.ALTER s RETENTION 1", "OK");
        wait_until("the chunk has expired", || server.does("DBSIZE").integer() == 1);
        server.expect("SIM.COMPARE s item 1 i", "[[]]");
    }

    fn another_score_is_that_of_all_queries_that_name_none(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 0 SKETCH 16");
        server.does("SIM.RECORD s one SIGNATURE i 2 a b SKETCH i aaaaaaaaaaaaaaaa");
        server.does("SIM.RECORD s two SIGNATURE i 2 a c SKETCH i aaaaaaaabbbbbbbb");
        let by = |score: &str, found: &str| {
            server.expect(format!("SIM.ALTER s SCORE {score}"), "OK");
            assert_eq!(server.does("SIM.INFO s").get("score").text(), score.to_uppercase());
            server.expect("SIM.COMPARE s one 1 i NOSELF", format!("[[['two', '{found}']]]"));
            server.expect("SIM.CLASSIFY s SIGNATURE i 2 a c SKETCH i aaaaaaaabbbbbbbb LIMIT 1", "[[['two', '1']]]");
            assert_eq!(server.does("SIM.EXPLAIN s i one two").get("score").text(), found);
        };
        by("jaccard", "0.4980392156862745");
        by("OVERLAP", "0.5");
        by("JACCARD", "0.4980392156862745");
        server.expect("SIM.ASSIGN s new MINSCORE 0.49 SIGNATURE i 2 a z SKETCH i aaaabbbbbbbbbbbb", "['two', '0.7490196078431373', 0]");
        by("COVERAGE", "0.5");
        server.expect("SIM.CREATE s SCORE COVERAGE", "OK");
        server.refuses("SIM.CREATE s SCORE OVERLAP", "ERR the scope exists with SCORE COVERAGE, not OVERLAP");
    }

    fn score_and_retention_change_together_or_not_at_all(server: Server) {
        let now = hours(&server, 3, 2);
        server.expect("SIM.ALTER s SCORE COVERAGE RETENTION 1", "OK");
        assert_eq!(expiries(&server, now), [1, 1, 2, 2]);
        server.expect("SIM.ALTER s RETENTION 5 SCORE SIGNIFICANCE", "OK");
        server.expect("SIM.CREATE s RETENTION 5 SCORE SIGNIFICANCE", "OK");
        let before = server.digest();
        // The scope has no sketch.
        let no_sketch = "ERR SCORE JACCARD needs a scope with a SKETCH, and this one has none: name another SCORE, or create a scope with SIM.CREATE ... SKETCH 256";
        server.refuses("SIM.ALTER s SCORE JACCARD", no_sketch);
        server.refuses("SIM.ALTER s RETENTION 0 SCORE JACCARD", no_sketch);
        server.refuses("SIM.ALTER s SCORE OVERLAP RETENTION 1001", "ERR RETENTION must be an integer between 0 and 1000");
        server.refuses("SIM.ALTER s SCORE OVERLAP SCORE OVERLAP", "ERR SCORE is given twice");
        assert_eq!(server.digest(), before);
    }

    fn another_score_goes_out_once_and_is_an_event(kind: Kind) {
        let server = kind.launch().options("--appendonly yes").start();
        let replica = kind.start();
        replica.follow(&server);
        hours(&server, 3, 1);
        server.does("CONFIG SET notify-keyspace-events Kd");
        let listener = server.client();
        listener.send("PSUBSCRIBE __keyspace@0__:*");
        listener.receive();
        let count = server.appended().len();
        for command in ["SIM.ALTER s SCORE COVERAGE", "SIM.ALTER s score coverage retention 3", "SIM.ALTER s RETENTION 4 SCORE OVERLAP"] {
            server.expect(command, "OK");
        }
        // The second one changed nothing.
        assert_eq!(server.appended_names()[count..], ["SIM.ALTER", "SIM.ALTER"]);
        for _ in 0..2 {
            assert_eq!(listener.receive().to_string(), "['pmessage', '__keyspace@0__:*', '__keyspace@0__:s', 'sim.alter']");
        }
        server.does("SIM.RECORD s item SIGNATURE i 1 a");
        assert!(listener.receive().to_string().contains("sim.record"));
        replica.catch_up_with(&server);
        assert_eq!(replica.digest(), server.digest());
        server.expect("SIM.ALTER s SCORE SIGNIFICANCE", "OK");
        replica.catch_up_with(&server);
        assert_eq!(replica.does("SIM.INFO s").get("score").text(), "SIGNIFICANCE");
        assert_eq!(replica.digest(), server.digest());
        let digest = server.digest();
        server.does("DEBUG RELOAD");
        assert_eq!(server.digest(), digest);
        let server = server.restart();
        assert_eq!(server.digest(), digest);
        assert_eq!(server.does("SIM.INFO s").get("score").text(), "SIGNIFICANCE");
        server.rewrite_aof();
        assert_eq!(server.restart().digest(), digest);
    }
}
