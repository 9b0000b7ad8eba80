//! SIM.RECORD, and the counts that SIM.FREQUENCIES, SIM.COUNT and SIM.MEMBERS show after it.

use testkit::{Server, on_each_server};

on_each_server! {
    fn replies_the_new_count_in_each_band(server: Server) {
        server.expect("SIM.CREATE fruit BANDS 2 ROWS 1", "OK");
        server.expect("SIM.RECORD fruit apple SIGNATURE looks 2 red round", "[[1, 1]]");
        server.expect("SIM.RECORD fruit apple SIGNATURE looks 2 red oval", "[[2, 1]]");
        server.expect("SIM.RECORD fruit apple SIGNATURE looks 2 red round", "[[3, 2]]");
    }

    fn counts_each_item_by_itself(server: Server) {
        server.does("SIM.CREATE fruit BANDS 2 ROWS 1");
        server.does("SIM.RECORD fruit apple SIGNATURE looks 2 red round");
        server.expect("SIM.RECORD fruit cherry SIGNATURE looks 2 red round", "[[1, 1]]");
    }

    fn counts_each_scope_and_index_by_itself(server: Server) {
        for scope in ["fruit", "paint"] {
            server.does(format!("SIM.CREATE {scope} BANDS 1 ROWS 1"));
            server.expect(format!("SIM.RECORD {scope} apple SIGNATURE looks 1 red"), "[[1]]");
            server.expect(format!("SIM.RECORD {scope} apple SIGNATURE smells 1 red"), "[[1]]");
        }
    }

    fn counts_each_band_by_itself(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        server.does("SIM.RECORD s item SIGNATURE i 2 left right");
        server.expect("SIM.RECORD s item SIGNATURE i 2 right left", "[[1, 1]]");
        server.expect("SIM.MEMBERS s i 0 left", "['item']");
        server.expect("SIM.MEMBERS s i 1 left", "['item']");
        server.expect("SIM.MEMBERS s i 0 nobody", "[]");
    }

    fn takes_several_clauses(server: Server) {
        server.does("SIM.CREATE fruit BANDS 2 ROWS 1");
        server.expect("SIM.RECORD fruit apple SIGNATURE looks 2 red round SIGNATURE smells 2 sweet mild", "[[1, 1], [1, 1]]");
        server.expect("SIM.RECORD fruit apple SIGNATURE smells 2 sweet sharp SIGNATURE looks 2 green round", "[[2, 1], [1, 2]]");
    }

    fn counts_an_index_named_twice_twice(server: Server) {
        server.does("SIM.CREATE fruit BANDS 2 ROWS 1");
        server.expect("SIM.RECORD fruit apple SIGNATURE looks 2 red round SIGNATURE looks 2 red oval", "[[1, 1], [2, 1]]");
    }

    fn counts_each_interval_by_itself(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 3");
        let now = server.now_inside(3600);
        server.expect(format!("SIM.RECORD s item TIMESTAMP {now} SIGNATURE i 1 b"), "[[1]]");
        server.expect(format!("SIM.RECORD s item TIMESTAMP {} SIGNATURE i 1 b", now - 3600), "[[1]]");
        server.expect(format!("SIM.RECORD s item TIMESTAMP {now} SIGNATURE i 1 b"), "[[2]]");
        server.expect("SIM.FREQUENCIES s i item", "[[['b', 3]]]");
    }

    fn takes_options_and_clauses_in_any_order_and_case(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 3");
        let before = server.now() - 3600;
        server.expect(format!("SIM.RECORD s item SIGNATURE i 1 b TIMESTAMP {before}"), "[[1]]");
        server.expect(format!("SIM.RECORD s item SIGNATURE i 1 b TIMESTAMP {before} SIGNATURE j 1 b"), "[[2], [1]]");
        server.expect(format!("sim.record s item timestamp {before} signature i 1 b"), "[[3]]");
        server.expect("SIM.FREQUENCIES s i item WINDOW 1", "[[]]"); // nothing went into the present interval
    }

    fn takes_any_bytes_as_names_and_buckets(server: Server) {
        server.does(r#"SIM.CREATE "\x00\xff scope" BANDS 2 ROWS 1"#);
        server.expect(r#"SIM.RECORD "\x00\xff scope" "\x00" SIGNATURE "\xfe:\x00" 2 "" "\x00""#, "[[1, 1]]");
        server.expect(r#"SIM.RECORD "\x00\xff scope" "\x00\x00" SIGNATURE "\xfe:\x00" 2 "" "\x00\x00""#, "[[1, 1]]");
        server.expect(r#"SIM.MEMBERS "\x00\xff scope" "\xfe:\x00" 0 """#, r"['\x00', '\x00\x00']");
        server.expect(r#"SIM.MEMBERS "\x00\xff scope" "\xfe:\x00" 1 "\x00""#, r"['\x00']");
        server.expect(r#"SIM.FREQUENCIES "\x00\xff scope" "\xfe:\x00" "\x00\x00""#, r"[[['', 1]], [['\x00\x00', 1]]]");
    }

    fn takes_the_words_of_its_own_syntax_as_names(server: Server) {
        server.does("SIM.CREATE LIMIT BANDS 1 ROWS 1");
        server.expect("SIM.RECORD LIMIT TIMESTAMP SIGNATURE SIGNATURE 1 TEXT", "[[1]]");
        server.expect("SIM.RECORD LIMIT * SIGNATURE WINDOW 1 TIMESTAMP", "[[1]]");
        server.expect("SIM.COMPARE LIMIT TIMESTAMP 1 SIGNATURE LIMIT 1", "[[['TIMESTAMP', '1']]]");
        server.expect("SIM.COMPARE LIMIT * 2 WINDOW SIGNATURE", "[[['*', '1']], []]");
        server.expect("SIM.MEMBERS LIMIT WINDOW 0 TIMESTAMP", "['*']");
    }

    fn makes_a_missing_scope_with_the_defaults(server: Server) {
        server.expect("SIM.RECORD notes one TEXT words \"the quick brown fox\"", format!("[[{}]]", ["1"; 16].join(", ")));
        server.expect("TYPE notes", "sim-scope");
        for parameters in ["BANDS 16 ROWS 2", "INTERVAL 2592000 RETENTION 3", "HASH FSS", "SEED 0", "SHINGLE CHARS 5 LOWERCASE no MASK no"] {
            server.expect(format!("SIM.CREATE notes {parameters}"), "OK");
        }
    }

    fn observes_nothing_in_a_clause_without_features(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        server.expect("SIM.RECORD s item TEXT i \"\"", "[[]]");
        server.expect("SIM.RECORD s item FEATURES i 0", "[[]]");
        server.expect("DBSIZE", "1"); // the scope: no chunk was made
        server.expect("SIM.RECORD s item FEATURES i 0 SIGNATURE j 1 b TEXT k \"\"", "[[], [1], []]");
        server.expect("SIM.FREQUENCIES s i item", "[[]]");
    }

    fn makes_no_scope_when_there_is_nothing_to_record(server: Server) {
        server.expect("SIM.RECORD s item TEXT i \"\" FEATURES j 0", "[[], []]");
        server.expect("DBSIZE", "0");
    }

    fn counts_a_feature_given_twice_once(server: Server) {
        server.does("SIM.CREATE s BANDS 4 ROWS 2");
        server.expect("SIM.RECORD s one FEATURES i 3 a b b", "[[1, 1, 1, 1]]");
        server.expect("SIM.RECORD s two FEATURES i 2 b a", "[[1, 1, 1, 1]]");
        server.expect("SIM.COMPARE s one 1 i", "[[['one', '1'], ['two', '1']]]");
    }

    fn records_a_text_as_the_set_of_its_shingles(server: Server) {
        server.does("SIM.CREATE s BANDS 4 ROWS 2 SHINGLE CHARS 3");
        server.does("SIM.RECORD s text TEXT i abcabcd");
        server.does("SIM.RECORD s features FEATURES i 4 abc bca cab bcd");
        server.expect("SIM.COMPARE s text 1 i", "[[['text', '1'], ['features', '1']]]");
    }

    fn stores_nothing_when_one_clause_is_wrong(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        server.does("SIM.RECORD s item SIGNATURE i 2 a b");
        let before = server.digest();
        server.refusal("SIM.RECORD s item SIGNATURE i 2 a b SIGNATURE i 1 a");
        server.refusal("SIM.RECORD s item SIGNATURE i 2 a b SIGNATURE j 2 a b NONSENSE");
        assert_eq!(server.digest(), before);
        server.refusal("SIM.RECORD missing item SIGNATURE i 2 a b"); // 16 by default
        server.expect("EXISTS missing", "0");
    }

    fn frequencies_show_the_profile_of_an_item(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        for bucket in ["x", "x", "y"] {
            server.does(format!("SIM.RECORD s item SIGNATURE i 2 {bucket} z"));
        }
        let reply = server.does("SIM.FREQUENCIES s i item");
        // In order of the buckets' bytes.
        assert_eq!(reply.to_string(), "[[['x', 2], ['y', 1]], [['z', 3]]]");
    }

    fn counts_are_the_observations_in_the_window(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 3600 RETENTION 3");
        let now = server.now_inside(3600);
        for (item, back) in [("one", 0), ("one", 0), ("one", 2), ("two", 1), ("\"\\x00\"", 3)] {
            server.does(format!("SIM.RECORD s {item} TIMESTAMP {} SIGNATURE i 2 a b", now - back * 3600));
        }
        server.expect("SIM.COUNT s i 4 one two nobody one", "[3, 1, 0, 3]");
        server.expect("SIM.COUNT s i 2 one two WINDOW 1", "[2, 0]");
        server.expect("SIM.COUNT s i 1 \"\\x00\"", "[1]");
        server.expect(format!("SIM.COUNT s i 2 one two TIMESTAMP {} WINDOW 2", now - 3600), "[1, 1]");
        server.expect(format!("SIM.COUNT s i 2 one two WINDOW 2 TIMESTAMP {}", now + 4 * 3600), "[0, 0]");
        // Items may be called like options.
        server.expect("SIM.COUNT s i 2 WINDOW TIMESTAMP WINDOW 2", "[0, 0]");
        server.expect("SIM.COUNT s nowhere 1 one", "[0]");
        server.expect("SIM.COUNT missing i 2 one two", "[0, 0]");
        server.expect("EXISTS missing", "0");
    }

    fn frequencies_of_what_is_not_there(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        server.does("SIM.RECORD s item SIGNATURE i 2 x z");
        server.expect("SIM.FREQUENCIES s i nobody", "[[], []]");
        server.expect("SIM.FREQUENCIES s nowhere item", "[[], []]");
        server.expect("SIM.FREQUENCIES missing i item", "[]");
    }

    fn members_come_in_the_order_of_their_bytes(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        for item in ["b", "a", "\"\\xff\"", "\"\\x00\"", "ab", "B", "10", "9"] {
            server.does(format!("SIM.RECORD s {item} SIGNATURE i 1 x"));
        }
        server.expect("SIM.MEMBERS s i 0 x", r"['\x00', '10', '9', 'B', 'a', 'ab', 'b', '\xff']");
    }

    fn members_of_what_is_not_there(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        server.does("SIM.RECORD s item SIGNATURE i 2 x z");
        server.expect("SIM.MEMBERS s i 1 x", "[]");
        server.expect("SIM.MEMBERS s nowhere 0 x", "[]");
        server.expect("SIM.MEMBERS missing i 0 x", "[]");
    }

    fn frequencies_and_members_look_at_the_window(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 3");
        let now = server.now_inside(3600);
        for age in 0..4 {
            server.does(format!("SIM.RECORD s item{age} TIMESTAMP {} SIGNATURE i 1 x", now - age * 3600));
            server.does(format!("SIM.RECORD s all TIMESTAMP {} SIGNATURE i 1 x", now - age * 3600));
        }
        server.expect("SIM.MEMBERS s i 0 x", "['all', 'item0', 'item1', 'item2', 'item3']");
        server.expect("SIM.MEMBERS s i 0 x WINDOW 2", "['all', 'item0', 'item1']");
        server.expect(format!("SIM.MEMBERS s i 0 x TIMESTAMP {}", now - 3600), "['all', 'item1', 'item2', 'item3']");
        server.expect(format!("SIM.MEMBERS s i 0 x WINDOW 1 TIMESTAMP {}", now - 3600), "['all', 'item1']");
        server.expect("SIM.FREQUENCIES s i all", "[[['x', 4]]]");
        server.expect("SIM.FREQUENCIES s i all WINDOW 3", "[[['x', 3]]]");
        server.expect(format!("SIM.FREQUENCIES s i all TIMESTAMP {} WINDOW 2", now - 2 * 3600), "[[['x', 2]]]");
    }

    fn info_shows_the_definition_and_each_index(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 3 INTERVAL 3600 RETENTION 5 HASH MURMUR3 SEED 7 MODULUS 65535 SHINGLE WORDS 2 LOWERCASE yes");
        let now = server.now_inside(3600);
        let start = now - now % 3600;
        server.does(format!("SIM.RECORD s one TIMESTAMP {now} SIGNATURE i 2 a b SIGNATURE j 2 a b"));
        server.does(format!("SIM.RECORD s one TIMESTAMP {now} SIGNATURE i 2 a c"));
        server.does(format!("SIM.RECORD s two TIMESTAMP {} SIGNATURE i 2 a b", now - 3600));
        let info = server.does("SIM.INFO s");
        for (parameter, value) in [("bands", 2), ("rows", 3), ("interval", 3600), ("retention", 5), ("seed", 7), ("modulus", 65535)] {
            assert_eq!(info.get(parameter).integer(), value, "{parameter} in {info}");
        }
        assert_eq!(info.get("hash").text(), "MURMUR3");
        let indexes = info.get("indexes");
        assert_eq!(indexes.pairs().len(), 2, "{info}");
        let i = indexes.get("i");
        for (field, value) in [("chunks", 2), ("items", 2), ("buckets", 5), ("observations", 3), ("oldest", start - 3600), ("newest", start)] {
            assert_eq!(i.get(field).integer(), value, "{field} in {info}");
        }
        assert!(i.get("bytes").integer() > 0, "{info}");
        server.expect("SIM.INFO missing", "nil");
    }
}
