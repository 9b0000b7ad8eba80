//! SIM.ASSIGN: grouping a stream, one observation at a time.

use testkit::{Kind, Reply, Server, on_each_server};

on_each_server! {
    fn joins_the_best_item_or_founds_one(server: Server) {
        server.does("SIM.CREATE s BANDS 4 ROWS 1");
        server.expect("SIM.ASSIGN s first MINSCORE 0.5 SIGNATURE i 4 a b c d", "['first', nil, 1]");
        server.expect("SIM.ASSIGN s second MINSCORE 0.5 SIGNATURE i 4 a b c x", "['first', '0.75', 0]");
        server.expect("SIM.ASSIGN s third MINSCORE 0.5 SIGNATURE i 4 a x y z", "['third', '0.25', 1]");
        server.expect("SIM.ASSIGN s fourth MINSCORE 0.5 SIGNATURE i 4 p q r s", "['fourth', nil, 1]");
        server.expect("SIM.FREQUENCIES s i first", "[[['a', 2]], [['b', 2]], [['c', 2]], [['d', 1], ['x', 1]]]");
        server.expect("SIM.FREQUENCIES s i third", "[[['a', 1]], [['x', 1]], [['y', 1]], [['z', 1]]]");
        server.expect("SIM.FREQUENCIES s i second", "[[], [], [], []]");
        // The given item may exist already, and differ from the most similar one.
        server.expect("SIM.ASSIGN s third MINSCORE 0.9 SIGNATURE i 4 a b c e", "['third', '0.75', 0]");
        server.expect("SIM.ASSIGN s third MINSCORE 0.75 SIGNATURE i 4 a b c f", "['first', '0.75', 0]");
        server.expect("SIM.ASSIGN s fifth MINSCORE 0 SIGNATURE i 4 p q y z", "['fourth', '0.5', 0]");
        server.validate_all();
    }

    fn resp3_gets_a_double(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        let client = server.client_resp3();
        client.expect("SIM.ASSIGN s first MINSCORE 0.5 SIGNATURE i 2 a b", "['first', nil, 1]");
        client.expect("SIM.ASSIGN s second MINSCORE 0.5 SIGNATURE i 2 a c", "['first', 0.5, 0]");
    }

    fn goes_by_the_combined_score_of_all_clauses(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        server.does("SIM.RECORD s one SIGNATURE i 2 a b SIGNATURE j 2 p q");
        server.does("SIM.RECORD s two SIGNATURE i 2 a x SIGNATURE j 2 r s");
        // two: (0.5 + 1) / 2; one: (1 + 0) / 2
        server.expect("SIM.ASSIGN s new MINSCORE 0.7 SIGNATURE i 2 a b SIGNATURE j 2 r s", "['two', '0.75', 0]");
        // three's part in j is 0, since only the query has data there; without a clause for j it does not count
        server.does("SIM.RECORD s three SIGNATURE i 2 k l");
        server.expect("SIM.ASSIGN s newer MINSCORE 0.7 SIGNATURE i 2 k l", "['three', '1', 0]");
        server.expect("SIM.ASSIGN s new MINSCORE 0.7 SIGNATURE i 2 k l SIGNATURE j 2 y z", "['new', '0.5', 1]");
        // recorded in both indexes
        server.expect("SIM.FREQUENCIES s j two", "[[['r', 2]], [['s', 2]]]");
        server.expect("SIM.FREQUENCIES s j new", "[[['y', 1]], [['z', 1]]]");
    }

    fn goes_by_the_score_that_is_asked_for(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        for bucket in ["a", "b", "c", "d"] {
            server.does(format!("SIM.RECORD s broad SIGNATURE i 1 {bucket}"));
        }
        server.expect("SIM.ASSIGN s new MINSCORE 0.9 SCORE COVERAGE SIGNATURE i 1 a", "['broad', '1', 0]");
        server.expect("SIM.ASSIGN s new MINSCORE 0.9 SCORE OVERLAP SIGNATURE i 1 b", "['new', '0.2', 1]");
        // broad: (ln 1 + 1) * (ln(7 / 6) + 1), new: the whole of one of six
        let new = (7.0f64 / 2.0).ln() + 1.0;
        server.expect("SIM.ASSIGN s other MINSCORE 2 SCORE SIGNIFICANCE SIGNATURE i 1 b", format!("['new', '{new}', 0]"));
    }

    fn looks_at_the_window_of_its_moment(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 1");
        let now = server.now_inside(3600);
        let assign = |item: &str, back: i64| server.run(format!("SIM.ASSIGN s {item} MINSCORE 1 TIMESTAMP {} SIGNATURE i 1 a", now - back * 3600)).to_string();
        assert_eq!(assign("first", 0), "['first', nil, 1]");
        assert_eq!(assign("second", 1), "['second', nil, 1]"); // first lies after it
        assert_eq!(assign("second", 1), "['second', '1', 0]");
        // equals now, but second has more observations
        assert_eq!(assign("third", 0), "['second', '1', 0]");
        let ahead = server.run(format!("SIM.ASSIGN s second MINSCORE 0.5 TIMESTAMP {} SIGNATURE i 1 z", now + 2 * 3600));
        assert_eq!(ahead.to_string(), "['second', nil, 1]"); // not in that window
        server.refusal(format!("SIM.ASSIGN s first MINSCORE 1 TIMESTAMP {} SIGNATURE i 1 a", now - 9 * 3600));
        server.refusal(format!("SIM.ASSIGN s first MINSCORE 1 TIMESTAMP {} SIGNATURE i 1 a", now + 9 * 3600));
    }

    fn without_features_nothing_is_recorded(server: Server) {
        server.expect("SIM.ASSIGN s item MINSCORE 0.5 TEXT i \"\" FEATURES j 0", "nil");
        server.expect("DBSIZE", "0");
        server.does("SIM.ASSIGN s item MINSCORE 0.5 TEXT i words");
        let digest = server.digest();
        server.expect("SIM.ASSIGN s item MINSCORE 0.5 TEXT i \"\"", "nil");
        assert_eq!(server.digest(), digest);
        server.expect("SIM.ASSIGN s new MINSCORE 0.5 TEXT i \"\" TEXT k words", "['new', nil, 1]");
    }

    fn a_missing_scope_is_made_unless_that_is_forbidden(kind: Kind) {
        let server = kind.launch().module("auto-create no").start();
        server.refuses("SIM.ASSIGN s item MINSCORE 1 TEXT i words", "ERR no such scope: make it with SIM.CREATE, or set simile.auto-create to yes");
        server.expect("DBSIZE", "0");
        server.does("CONFIG SET simile.auto-create yes");
        server.expect("SIM.ASSIGN s item MINSCORE 1 TEXT i words", "['item', nil, 1]");
        server.expect("SIM.ASSIGN s other MINSCORE 1 TEXT i words", "['item', '1', 0]");
    }

    fn a_search_that_would_read_too_much_records_nothing(kind: Kind) {
        let server = kind.launch().start();
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        for n in 0..6 {
            server.does(format!("SIM.RECORD s {n} SIGNATURE i 1 a"));
        }
        let digest = server.digest();
        server.does("CONFIG SET simile.max-postings 100");
        let error = server.refusal("SIM.ASSIGN s new MINSCORE 1 SIGNATURE i 1 a");
        assert!(error.contains("simile.max-postings"), "{error}");
        assert_eq!(server.digest(), digest);
    }

    fn goes_out_as_the_record_it_became(kind: Kind) {
        let server = kind.launch().options("--appendonly yes").start();
        let replica = kind.start();
        replica.follow(&server);
        let before = server.now();
        server.does("SIM.ASSIGN s first MINSCORE 0.5 TEXT i \"some words\"");
        assert_eq!(server.appended_names(), ["MULTI", "SIM.CREATE", "SIM.RECORD", "EXEC"]);
        server.expect("SIM.ASSIGN s second SCORE COVERAGE TEXT i \"some words\" MINSCORE 0.5 FEATURES j 0", "['first', '1', 0]");
        let record = server.appended().pop().expect("a command");
        assert_eq!(record[..3].iter().map(Reply::text).collect::<Vec<_>>(), ["SIM.RECORD", "s", "first"]);
        assert_eq!((record[3].text(), record[5].text(), record[6].text()), ("TIMESTAMP".into(), "SIGNATURE".into(), "i".into()));
        assert!((before..=server.now()).contains(&record[4].integer()));
        assert_eq!(record.len(), 8 + 16);
        for n in 0..40 {
            server.does(format!("SIM.ASSIGN s item-{n} MINSCORE 0.3 FEATURES i 3 {n} {} {}", n / 2, n / 4));
        }
        replica.catch_up_with(&server);
        assert_eq!(replica.digest(), server.digest());
        replica.validate_all();
        let digest = server.digest();
        assert_eq!(server.restart().digest(), digest);
    }
}
