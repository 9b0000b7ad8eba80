//! SIM.FORGET, and COUNT, NX and REPLACE of SIM.RECORD.

use testkit::{Kind, Server, on_each_server};

fn scope(server: &Server) {
    server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 3600 RETENTION 3");
}

on_each_server! {
    fn what_was_recorded_is_taken_back(server: Server) {
        scope(&server);
        server.expect("SIM.RECORD s a COUNT 5 SIGNATURE i 2 x y SIGNATURE j 2 x y", "[[5, 5], [5, 5]]");
        server.expect("SIM.RECORD s a SIGNATURE i 2 x z", "[[6, 1]]");
        server.expect("SIM.FORGET s a COUNT 2 SIGNATURE i 2 x y", "[[4, 3]]");
        server.expect("SIM.FREQUENCIES s i a", "[[['x', 4]], [['y', 3], ['z', 1]]]");
        server.expect("SIM.FORGET s a SIGNATURE i 2 x z SIGNATURE j 2 x y FEATURES i 0", "[[3, 0], [4, 4], []]");
        server.expect("SIM.FREQUENCIES s i a", "[[['x', 3]], [['y', 3]]]");
        server.expect("SIM.MEMBERS s i 1 z", "[]");
        server.expect("SIM.COUNT s i 2 a b", "[3, 0]");
        server.validate_all();
        // The last observation takes the item, and the last item the chunk.
        server.expect("SIM.FORGET s a COUNT 3 SIGNATURE i 2 x y", "[[0, 0]]");
        server.expect("SIM.FORGET s a COUNT 4 SIGNATURE j 2 x y", "[[0, 0]]");
        server.expect("DBSIZE", "1");
    }

    fn text_and_features_are_taken_back_as_they_were_recorded(server: Server) {
        server.does("SIM.CREATE t THRESHOLD 0.8 SHINGLE WORDS 1");
        server.does("SIM.RECORD t a TEXT i \"one two three\" FEATURES j 2 p q");
        server.does("SIM.FORGET t a TEXT i \"three one two\" FEATURES j 2 q p");
        server.expect("SIM.COUNT t i 1 a", "[0]");
        server.expect("DBSIZE", "1");
    }

    fn it_is_all_or_nothing(server: Server) {
        scope(&server);
        server.does("SIM.RECORD s a COUNT 2 SIGNATURE i 2 x y SIGNATURE j 2 x y");
        server.does("SIM.RECORD s b SIGNATURE i 2 x z");
        let digest = server.digest();
        let now = server.now_inside(3600);
        for (command, clause) in [
            ("SIM.FORGET s a COUNT 3 SIGNATURE i 2 x y".to_string(), 1),
            ("SIM.FORGET s a SIGNATURE i 2 x z".to_string(), 1),
            ("SIM.FORGET s a SIGNATURE i 2 x y SIGNATURE k 2 x y".to_string(), 2),
            ("SIM.FORGET s a SIGNATURE i 2 x y SIGNATURE j 2 x y SIGNATURE i 2 x y SIGNATURE i 2 x y".to_string(), 4),
            ("SIM.FORGET s nobody SIGNATURE i 2 x y".to_string(), 1),
            ("SIM.FORGET nowhere a TEXT i words".to_string(), 1),
            (format!("SIM.FORGET s a TIMESTAMP {} SIGNATURE i 2 x y", now - 3600), 1),
        ] {
            let error = format!("ERR clause {clause} cannot be forgotten: the item was not seen in each of its buckets so often at that time");
            server.refuses(&command, &error);
            assert_eq!(server.digest(), digest, "{command}");
        }
        server.expect("EXISTS nowhere", "0");
    }

    fn a_merge_is_undone_event_by_event(server: Server) {
        scope(&server);
        server.does("SIM.RECORD s a COUNT 3 SIGNATURE i 2 x y");
        server.does("SIM.RECORD s b SIGNATURE i 2 p q");
        server.does("SIM.RECORD s b COUNT 2 SIGNATURE i 2 p y");
        let before = server.does("SIM.FREQUENCIES s i a");
        server.does("SIM.MERGE s a i b");
        for (times, buckets) in [(1, "p q"), (2, "p y")] {
            server.does(format!("SIM.FORGET s a COUNT {times} SIGNATURE i 2 {buckets}"));
            server.does(format!("SIM.RECORD s b COUNT {times} SIGNATURE i 2 {buckets}"));
        }
        assert_eq!(server.does("SIM.FREQUENCIES s i a"), before);
        server.expect("SIM.FREQUENCIES s i b", "[[['p', 3]], [['q', 1], ['y', 2]]]");
        server.validate_all();
    }

    fn the_sketch_stays_until_the_item_goes(server: Server) {
        server.does("SIM.CREATE t BANDS 2 ROWS 1 SKETCH 16 SCORE JACCARD SHINGLE WORDS 1");
        server.does("SIM.RECORD t a TEXT i one TEXT i two");
        server.does("SIM.FORGET t a TEXT i one");
        server.expect("SIM.CLASSIFY t TEXT i two MINSCORE 1", "[[]]");
        server.does("SIM.FORGET t a TEXT i two");
        server.does("SIM.RECORD t a TEXT i two");
        server.expect("SIM.CLASSIFY t TEXT i two MINSCORE 1", "[[['a', '1']]]");
    }

    fn nx_records_only_what_is_new(server: Server) {
        scope(&server);
        let now = server.now_inside(3600);
        server.expect(format!("SIM.RECORD s a TIMESTAMP {} NX SIGNATURE i 2 x y", now - 7200), "[[1, 1]]");
        let digest = server.digest();
        // Known in any chunk of any index named.
        server.expect("SIM.RECORD s a NX SIGNATURE j 2 x y SIGNATURE i 2 p q", "[[], []]");
        assert_eq!(server.digest(), digest);
        server.expect("SIM.RECORD s a NX COUNT 2 SIGNATURE j 2 x y", "[[2, 2]]");
        // Arguments and time are checked before.
        server.refuses("SIM.RECORD s a NX SIGNATURE i 1 x", "ERR count must be 2, the scope's BANDS: a signature has one bucket for each band");
        assert!(server.refusal("SIM.RECORD s a TIMESTAMP 5 NX SIGNATURE i 2 x y").contains("older than the window"));
        server.refuses("SIM.RECORD s a NX REPLACE SIGNATURE i 2 x y", "ERR NX or REPLACE is given twice");
        server.refuses("SIM.RECORD s a COUNT 0 SIGNATURE i 2 x y", "ERR COUNT must be an integer between 1 and 4294967295");
    }

    fn replace_takes_the_place_of_what_was_there(server: Server) {
        scope(&server);
        let now = server.now_inside(3600);
        server.does(format!("SIM.RECORD s a TIMESTAMP {} COUNT 3 SIGNATURE i 2 x y SIGNATURE j 2 x y", now - 7200));
        server.does("SIM.RECORD s a SIGNATURE i 2 p q");
        server.does("SIM.RECORD s b SIGNATURE i 2 p q");
        server.expect("SIM.RECORD s a REPLACE SIGNATURE i 2 n m", "[[1, 1]]");
        server.expect("SIM.FREQUENCIES s i a", "[[['n', 1]], [['m', 1]]]");
        server.expect("SIM.COUNT s j 1 a", "[3]");
        // It arrives anew.
        server.does("SIM.RECORD s a REPLACE SIGNATURE i 2 p q");
        server.expect("SIM.COMPARE s b 1 i", "[[['b', '1'], ['a', '1']]]");
        // By nothing.
        server.expect("SIM.RECORD s b REPLACE FEATURES i 0", "[[]]");
        server.expect("SIM.COUNT s i 2 a b", "[1, 0]");
        // Of an item with as many observations as there may be.
        server.does("SIM.RECORD s full COUNT 4294967295 SIGNATURE i 2 x y");
        server.refuses("SIM.RECORD s full SIGNATURE i 2 x y", "ERR an item would have more than 4294967295 observations in one chunk");
        server.expect("SIM.RECORD s full REPLACE COUNT 4294967295 SIGNATURE i 2 x y", "[[4294967295, 4294967295]]");
        server.refuses("SIM.RECORD s new COUNT 4294967295 SIGNATURE i 2 x y SIGNATURE i 2 x y", "ERR an item would have more than 4294967295 observations in one chunk");
        server.expect("SIM.RECORD new{t} a REPLACE FEATURES i 0", "[[]]");
        server.expect("EXISTS new{t}", "0");
        server.validate_all();
    }

    fn replicas_and_the_aof_receive_what_it_became(kind: Kind) {
        let server = kind.launch().options("--appendonly yes").start();
        let replica = kind.start();
        replica.follow(&server);
        server.does("SIM.CREATE s THRESHOLD 0.8 SHINGLE WORDS 1");
        for command in [
            "SIM.RECORD s a COUNT 3 TEXT i \"one two\" TEXT j three",
            "SIM.RECORD s a NX TEXT i \"one two\"",
            "SIM.RECORD s b NX TEXT i \"one two\"",
            "SIM.RECORD s b REPLACE TEXT i \"four five\" TEXT j six",
            "SIM.FORGET s a COUNT 2 TEXT i \"one two\"",
            "SIM.FORGET s a COUNT 3 TEXT j three",
            "SIM.RECORD s c REPLACE TEXT i seven",
        ] {
            server.does(command);
        }
        let digest = server.digest();
        replica.catch_up_with(&server);
        assert_eq!(replica.digest(), digest);
        server.does("DEBUG LOADAOF");
        assert_eq!(server.digest(), digest);
        server.rewrite_aof();
        server.does("DEBUG LOADAOF");
        assert_eq!(server.digest(), digest);
        server.validate_all();
    }
}
