//! SIM.CLASSIFY and SIM.COMPARE: the items that are found, their scores and their order.

use testkit::{Kind, Server, on_each_server};

/// A scope `s` of four bands in which `one` and the others share four, three, two, one and no bucket.
fn with_neighbours(kind: Kind) -> Server {
    let server = kind.start();
    server.does("SIM.CREATE s BANDS 4 ROWS 1");
    for (item, buckets) in [
        ("one", "a b c d"),
        ("twin", "a b c d"),
        ("sister", "a b c x"),
        ("cousin", "a b x x"),
        ("guest", "a x x x"),
        ("stranger", "x x x x"),
    ] {
        server.does(format!("SIM.RECORD s {item} SIGNATURE i 4 {buckets}"));
    }
    server
}

const NEIGHBOURS: &str =
    "[[['one', '1'], ['twin', '1'], ['sister', '0.75'], ['cousin', '0.5'], ['guest', '0.25']]]";

on_each_server! {
    fn finds_whoever_shares_a_bucket_best_first(kind: Kind) {
        let server = with_neighbours(kind);
        server.expect("SIM.COMPARE s one 1 i", NEIGHBOURS);
        server.expect("SIM.CLASSIFY s SIGNATURE i 4 a b c d", NEIGHBOURS);
    }

    fn compare_leaves_the_item_out_on_request(kind: Kind) {
        let server = with_neighbours(kind);
        server.expect("SIM.COMPARE s one 1 i NOSELF LIMIT 2", "[[['twin', '1'], ['sister', '0.75']]]");
        server.expect("SIM.COMPARE s twin 1 i LIMIT 1 NOSELF", "[[['one', '1']]]");
    }

    fn an_item_scores_exactly_1_against_itself(server: Server) {
        server.does("SIM.CREATE s BANDS 3 ROWS 1");
        for n in 0..7 {
            server.does(format!("SIM.RECORD s item SIGNATURE i 3 a{} b{} c{n}", n % 2, n % 3));
        }
        server.expect("SIM.COMPARE s item 1 i", "[[['item', '1']]]");
    }

    fn the_score_is_the_mean_overlap_of_frequencies(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        // one: band 0 {a: 2, b: 1}, band 1 {c: 3}; two: band 0 {a: 1, d: 1}, band 1 {c: 1, e: 1}
        for buckets in ["a c", "a c", "b c"] {
            server.does(format!("SIM.RECORD s one SIGNATURE i 2 {buckets}"));
        }
        for buckets in ["a c", "d e"] {
            server.does(format!("SIM.RECORD s two SIGNATURE i 2 {buckets}"));
        }
        // (min(2/3, 1/2) + min(1, 1/2)) / 2
        server.expect("SIM.COMPARE s one 1 i", "[[['one', '1'], ['two', '0.5']]]");
        // (min(1, 2/3) + 0) / 2
        server.expect("SIM.CLASSIFY s SIGNATURE i 2 a z", "[[['one', '0.3333333333333333'], ['two', '0.25']]]");
    }

    fn counts_are_summed_over_the_window_before_they_are_compared(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 2");
        let now = server.now_inside(3600);
        server.does(format!("SIM.RECORD s one TIMESTAMP {now} SIGNATURE i 1 a"));
        server.does(format!("SIM.RECORD s one TIMESTAMP {} SIGNATURE i 1 b", now - 3600));
        server.does(format!("SIM.RECORD s two TIMESTAMP {} SIGNATURE i 1 a", now - 3600));
        server.does(format!("SIM.RECORD s two TIMESTAMP {} SIGNATURE i 1 b", now - 7200));
        server.expect("SIM.COMPARE s one 1 i", "[[['two', '1'], ['one', '1']]]");
        server.expect("SIM.COMPARE s one 1 i WINDOW 2", "[[['one', '1'], ['two', '0.5']]]");
        server.expect("SIM.COMPARE s one 1 i WINDOW 1", "[[['one', '1']]]");
        server.expect(format!("SIM.COMPARE s one 1 i TIMESTAMP {}", now - 3600), "[[['one', '1'], ['two', '0.5']]]");
        server.expect(format!("SIM.COMPARE s one 1 i TIMESTAMP {}", now - 7200), "[[]]");
        server.expect("SIM.CLASSIFY s SIGNATURE i 1 a WINDOW 1", "[[['one', '1']]]");
        server.expect("SIM.CLASSIFY s SIGNATURE i 1 a WINDOW 1001", "[[['two', '0.5'], ['one', '0.5']]]"); // all there is
    }

    fn ties_go_to_more_observations_then_to_what_was_seen_first(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        for item in ["b", "a", "often", "often", "\"\\xff\"", "10", "9", "B", "\"\\x00\""] {
            server.does(format!("SIM.RECORD s {item} SIGNATURE i 1 x"));
        }
        let order = r"[[['often', '1'], ['b', '1'], ['a', '1'], ['\xff', '1'], ['10', '1'], ['9', '1'], ['B', '1'], ['\x00', '1']]]";
        server.expect("SIM.CLASSIFY s SIGNATURE i 1 x", order);
        server.expect("SIM.COMPARE s b 1 i", order);
        server.expect("SIM.COMPARE s b 1 i LIMIT 3", r"[[['often', '1'], ['b', '1'], ['a', '1']]]");
    }

    fn gives_ten_unless_told_otherwise(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        for item in 10..35 {
            server.does(format!("SIM.RECORD s {item} SIGNATURE i 1 x SIGNATURE j 1 x"));
        }
        let sizes = |line: &str| -> Vec<usize> {
            server.does(line).array().iter().map(|list| list.array().len()).collect()
        };
        assert_eq!(sizes("SIM.COMPARE s 10 2 i j"), [10, 10]);
        assert_eq!(sizes("SIM.COMPARE s 10 1 i LIMIT 0"), [25]);
        assert_eq!(sizes("SIM.COMPARE s 10 1 i LIMIT 0 NOSELF"), [24]);
        assert_eq!(sizes("SIM.COMPARE s 10 2 i j LIMIT 24"), [24, 24]);
        assert_eq!(sizes("SIM.COMPARE s 10 1 i LIMIT 1000000"), [25]);
        assert_eq!(sizes("SIM.CLASSIFY s SIGNATURE i 1 x"), [10]);
        assert_eq!(sizes("SIM.CLASSIFY s SIGNATURE i 1 x LIMIT 0 SIGNATURE j 1 x"), [25, 25]);
    }

    fn minscore_keeps_who_reaches_it(kind: Kind) {
        let server = with_neighbours(kind);
        server.expect("SIM.COMPARE s one 1 i MINSCORE 0.5 NOSELF", "[[['twin', '1'], ['sister', '0.75'], ['cousin', '0.5']]]");
        server.expect("SIM.COMPARE s one 1 i MINSCORE 0.500001 NOSELF", "[[['twin', '1'], ['sister', '0.75']]]");
        server.expect("SIM.CLASSIFY s MINSCORE 1 SIGNATURE i 4 a b c d", "[[['one', '1'], ['twin', '1']]]");
        server.expect("SIM.COMPARE s one 1 i MINSCORE 0", NEIGHBOURS);
    }

    fn minbands_keeps_who_shares_enough_bands(kind: Kind) {
        let server = with_neighbours(kind);
        server.expect("SIM.COMPARE s one 1 i MINBANDS 1 3 NOSELF", "[[['twin', '1'], ['sister', '0.75']]]");
        server.expect("SIM.CLASSIFY s SIGNATURE i 4 a b c d MINBANDS 1 4", "[[['one', '1'], ['twin', '1']]]");
        server.expect("SIM.COMPARE s one 1 i MINBANDS 1 1", NEIGHBOURS);
    }

    fn minbands_counts_a_band_however_little_is_shared_in_it(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        for buckets in ["a x", "b x", "c x", "d y"] {
            server.does(format!("SIM.RECORD s one SIGNATURE i 2 {buckets}"));
        }
        server.does("SIM.RECORD s two SIGNATURE i 2 d q");
        server.does("SIM.RECORD s two SIGNATURE i 2 z y");
        server.expect("SIM.COMPARE s one 1 i MINBANDS 1 2", "[[['one', '1'], ['two', '0.25']]]");
    }

    fn minbands_may_differ_by_index(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        server.does("SIM.RECORD s one SIGNATURE i 2 a b SIGNATURE j 2 a b");
        server.does("SIM.RECORD s two SIGNATURE i 2 a x SIGNATURE j 2 a x");
        let both = "['one', '1'], ['two', '0.5']";
        server.expect("SIM.COMPARE s one 2 i j MINBANDS 2 1 2", format!("[[{both}], [['one', '1']]]"));
        server.expect("SIM.COMPARE s one 2 i j MINBANDS 2 2 1", format!("[[['one', '1']], [{both}]]"));
        server.expect("SIM.COMPARE s one 2 i j MINBANDS 1 2", "[[['one', '1']], [['one', '1']]]");
        server.expect("SIM.CLASSIFY s MINBANDS 2 2 1 SIGNATURE i 2 a b SIGNATURE j 2 a b", format!("[[['one', '1']], [{both}]]"));
    }

    fn answers_each_index_and_clause_in_turn(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        server.does("SIM.RECORD s one SIGNATURE i 1 a SIGNATURE j 1 b");
        server.does("SIM.RECORD s two SIGNATURE i 1 a");
        let (i, j) = ("[['one', '1'], ['two', '1']]", "[['one', '1']]");
        server.expect("SIM.COMPARE s one 4 j i j nowhere", format!("[{j}, {i}, {j}, []]"));
        server.expect("SIM.CLASSIFY s SIGNATURE j 1 b SIGNATURE i 1 a SIGNATURE i 1 z SIGNATURE i 1 a", format!("[{j}, {i}, [], {i}]"));
    }

    fn finds_nothing_for_what_is_not_there(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        server.does("SIM.RECORD s one SIGNATURE i 1 a");
        server.expect("SIM.COMPARE s nobody 1 i", "[[]]");
        server.expect("SIM.COMPARE s one 2 nowhere i", "[[], [['one', '1']]]");
        server.expect("SIM.CLASSIFY s SIGNATURE nowhere 1 a", "[[]]");
        server.expect("SIM.COMPARE missing one 3 i j i", "[[], [], []]");
        server.expect("SIM.CLASSIFY missing TEXT i words TEXT j words", "[[], []]");
        server.expect("EXISTS missing", "0");
    }

    fn finds_nothing_for_a_clause_without_features(server: Server) {
        server.does("SIM.RECORD s one TEXT i words");
        server.expect("SIM.CLASSIFY s TEXT i \"\"", "[[]]");
        server.expect("SIM.CLASSIFY s FEATURES i 0 TEXT i words", "[[], [['one', '1']]]");
    }

    fn classifies_features_and_text(server: Server) {
        server.does("SIM.CREATE s SHINGLE WORDS 1 LOWERCASE yes MASK yes");
        server.does("SIM.RECORD s one TEXT i \"Error 17 at line 0x7f\"");
        server.expect("SIM.CLASSIFY s TEXT i \"error 4711 at LINE 0xabc\"", "[[['one', '1']]]");
        server.expect("SIM.CLASSIFY s FEATURES i 4 line at error 0", "[[['one', '1']]]");
    }

    fn takes_options_in_any_order_and_case(kind: Kind) {
        let server = with_neighbours(kind);
        let now = server.now();
        let found = "[[['twin', '1'], ['sister', '0.75']]]";
        for options in [
            format!("MATCH *i* NOSELF LIMIT 5 MINSCORE 0.6 MINBANDS 1 2 WINDOW 1 TIMESTAMP {now} SCORE OVERLAP"),
            format!("SCORE OVERLAP TIMESTAMP {now} WINDOW 1 MINBANDS 1 2 MINSCORE 0.6 LIMIT 5 NOSELF"),
            format!("timestamp {now} limit 5 match *i* noself window 1 minscore 0.6 score overlap minbands 1 2"),
        ] {
            server.expect(format!("SIM.COMPARE s one 1 i {options}"), found);
        }
        let best = "[[['one', '1']]]";
        server.expect("SIM.CLASSIFY s LIMIT 1 SIGNATURE i 4 a b c d MINSCORE 0.6", best);
        server.expect("SIM.CLASSIFY s SIGNATURE i 4 a b c d MINSCORE 0.6 LIMIT 1", best);
        server.expect("sim.classify s minscore 0.6 limit 1 signature i 4 a b c d", best);
    }

    fn match_keeps_whose_names_match(kind: Kind) {
        let server = with_neighbours(kind);
        server.expect("SIM.COMPARE s one 1 i MATCH *i* NOSELF", "[[['twin', '1'], ['sister', '0.75'], ['cousin', '0.5']]]");
        server.expect("SIM.CLASSIFY s MATCH [^st]* SIGNATURE i 4 a b c d", "[[['one', '1'], ['cousin', '0.5'], ['guest', '0.25']]]");
        server.expect("SIM.COMPARE s one 1 i MATCH gue?t", "[[['guest', '0.25']]]");
        server.expect("SIM.COMPARE s one 1 i MATCH *", NEIGHBOURS);
        server.expect("SIM.COMPARE s one 1 i MATCH str*", "[[]]"); // it shares nothing
        server.expect("SIM.COMPARE s one 1 i MATCH T*", "[[]]"); // case matters
        server.expect("SIM.COMPARE s one 1 i MATCH \"\"", "[[]]");
        server.expect("SIM.COMPARE missing one 2 i j MATCH *", "[[], []]");
    }

    fn what_does_not_match_does_not_count_for_the_limit(kind: Kind) {
        let server = with_neighbours(kind);
        server.expect("SIM.COMPARE s one 1 i MATCH *s* LIMIT 2", "[[['sister', '0.75'], ['cousin', '0.5']]]");
        server.expect("SIM.COMPARE s one 1 i MATCH *s* LIMIT 2 COMBINE", "[['sister', '0.75', ['0.75']], ['cousin', '0.5', ['0.5']]]");
        server.expect("SIM.COMPARE s one 1 i MATCH *s* LIMIT 2 MINSCORE 0.6", "[[['sister', '0.75']]]");
    }

    fn match_takes_names_of_any_bytes(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        for item in [r#""\x00\xff""#, r#""*""#, r#""a\nb""#] {
            server.does(format!("SIM.RECORD s {item} SIGNATURE i 1 x"));
        }
        server.expect(r#"SIM.CLASSIFY s SIGNATURE i 1 x MATCH "[\x80-\xff\x00]?""#, r"[[['\x00\xff', '1']]]");
        server.expect(r#"SIM.CLASSIFY s SIGNATURE i 1 x MATCH "\\*""#, "[[['*', '1']]]");
        server.expect("SIM.CLASSIFY s SIGNATURE i 1 x MATCH a?b", r"[[['a\nb', '1']]]");
    }

    fn withcounts_adds_the_observations_in_the_window(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 3600 RETENTION 2");
        let now = server.now_inside(3600);
        for (item, back, index) in [("one", 0, "i"), ("one", 0, "j"), ("two", 0, "i"), ("two", 1, "i"), ("two", 1, "j"), ("two", 1, "j")] {
            server.does(format!("SIM.RECORD s {item} TIMESTAMP {} SIGNATURE {index} 2 a b", now - back * 3600));
        }
        server.expect("SIM.COMPARE s one 2 i j WITHCOUNTS", "[[['two', '1', 2], ['one', '1', 1]], [['two', '1', 2], ['one', '1', 1]]]");
        server.expect("SIM.COMPARE s one 2 i j WITHCOUNTS WINDOW 1", "[[['one', '1', 1], ['two', '1', 1]], [['one', '1', 1]]]");
        server.expect("SIM.CLASSIFY s WITHCOUNTS SIGNATURE i 2 a x LIMIT 1", "[[['two', '0.5', 2]]]");
        // COMBINE counts what is in any of the indexes.
        server.expect("SIM.COMPARE s one 2 i j WITHCOUNTS COMBINE", "[['two', '1', ['1', '1'], 4], ['one', '1', ['1', '1'], 2]]");
        server.expect("SIM.CLASSIFY s COMBINE WITHCOUNTS SIGNATURE i 2 a b SIGNATURE k 2 a b", "[['two', '0.5', ['1', '0'], 2], ['one', '0.5', ['1', '0'], 1]]");
        server.expect("SIM.COMPARE missing one 2 i j WITHCOUNTS", "[[], []]");
        server.expect("SIM.COMPARE missing one 2 i j WITHCOUNTS COMBINE", "[]");
    }

    fn combine_gives_one_list_by_the_mean(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        server.does("SIM.RECORD s one SIGNATURE i 2 a b SIGNATURE j 2 a b");
        server.does("SIM.RECORD s two SIGNATURE i 2 a x SIGNATURE j 2 a b");
        server.does("SIM.RECORD s three SIGNATURE i 2 a b");
        server.does("SIM.RECORD s four SIGNATURE j 2 a x");
        let found = "[['one', '1', ['1', '1']], ['two', '0.75', ['0.5', '1']], ['three', '0.5', ['1', '0']], ['four', '0.25', ['0', '0.5']]]";
        server.expect("SIM.COMPARE s one 2 i j COMBINE", found);
        server.expect("SIM.CLASSIFY s COMBINE SIGNATURE i 2 a b SIGNATURE j 2 a b", found);
    }

    fn combine_leaves_out_of_the_mean_what_neither_side_has(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        server.does("SIM.RECORD s one SIGNATURE i 2 a b");
        server.does("SIM.RECORD s two SIGNATURE i 2 a x");
        server.does("SIM.RECORD s three SIGNATURE i 2 a x SIGNATURE j 2 a b");
        server.expect("SIM.COMPARE s one 2 i j COMBINE", "[['one', '1', ['1', nil]], ['two', '0.5', ['0.5', nil]], ['three', '0.25', ['0.5', '0']]]");
        server.expect("SIM.CLASSIFY s SIGNATURE i 2 a b TEXT j \"\" COMBINE", "[['one', '1', ['1', nil]], ['two', '0.5', ['0.5', nil]], ['three', '0.25', ['0.5', '0']]]");
    }

    fn combine_scores_every_part_once_one_part_has_admitted(server: Server) {
        server.does("SIM.CREATE s BANDS 4 ROWS 1");
        server.does("SIM.RECORD s one SIGNATURE i 4 a b c d SIGNATURE j 4 a b c d");
        server.does("SIM.RECORD s two SIGNATURE i 4 a b c x SIGNATURE j 4 a x x x");
        server.does("SIM.RECORD s three SIGNATURE i 4 a b x x SIGNATURE j 4 a b x x");
        server.expect("SIM.COMPARE s one 2 i j COMBINE MINBANDS 1 3 NOSELF", "[['two', '0.5', ['0.75', '0.25']]]");
        server.expect("SIM.COMPARE s one 2 i j COMBINE MINBANDS 2 4 2 NOSELF", "[['three', '0.5', ['0.5', '0.5']]]");
    }

    fn combine_applies_minscore_and_limit_to_the_mean(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        server.does("SIM.RECORD s one SIGNATURE i 2 a b SIGNATURE j 2 a b");
        server.does("SIM.RECORD s two SIGNATURE i 2 a b SIGNATURE j 2 x x");
        server.does("SIM.RECORD s three SIGNATURE i 2 a x SIGNATURE j 2 a b");
        server.expect("SIM.COMPARE s one 2 i j COMBINE MINSCORE 0.6 NOSELF", "[['three', '0.75', ['0.5', '1']]]");
        server.expect("SIM.COMPARE s one 2 i j COMBINE LIMIT 1 NOSELF", "[['three', '0.75', ['0.5', '1']]]");
    }

    fn combine_breaks_ties_by_the_observations_of_all_parts(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        server.does("SIM.RECORD s query SIGNATURE i 1 a SIGNATURE j 1 b");
        server.does("SIM.RECORD s a SIGNATURE i 1 a SIGNATURE i 1 a SIGNATURE j 1 b");
        server.does("SIM.RECORD s b SIGNATURE i 1 a SIGNATURE j 1 b SIGNATURE j 1 b SIGNATURE j 1 b");
        server.does("SIM.RECORD s c SIGNATURE i 1 a SIGNATURE j 1 b");
        let reply = server.does("SIM.COMPARE s query 2 i j COMBINE NOSELF");
        let order: Vec<String> = reply.array().iter().map(|entry| entry.array()[0].text()).collect();
        assert_eq!(order, ["b", "a", "c"]);
    }

    fn combine_ranks_equal_means_as_equal(server: Server) {
        server.does("SIM.CREATE s BANDS 10 ROWS 1");
        let sharing = |n: usize| (0..10).map(|band| if band < n { "x" } else { "y" }).collect::<Vec<_>>().join(" ");
        for (item, shared) in [("query", [10, 10, 10]), ("a", [3, 2, 1]), ("b", [1, 2, 3])] {
            for (index, n) in ["i", "j", "k"].iter().zip(shared) {
                server.does(format!("SIM.RECORD s {item} SIGNATURE {index} 10 {}", sharing(n)));
            }
        }
        // 0.3 + 0.2 + 0.1 and 0.1 + 0.2 + 0.3 are not the same double.
        server.expect("SIM.COMPARE s query 3 i j k COMBINE NOSELF", "[['a', '0.2', ['0.3', '0.2', '0.1']], ['b', '0.2', ['0.1', '0.2', '0.3']]]");
    }

    fn combine_of_one_index_has_one_part(kind: Kind) {
        let server = with_neighbours(kind);
        server.expect("SIM.COMPARE s one 1 i COMBINE LIMIT 3", "[['one', '1', ['1']], ['twin', '1', ['1']], ['sister', '0.75', ['0.75']]]");
        server.expect("SIM.COMPARE s nobody 1 i COMBINE", "[]");
    }
}
