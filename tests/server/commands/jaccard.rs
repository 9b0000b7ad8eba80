//! SKETCH and the score JACCARD, in each command: sketches written by hand, and those that the server makes.

use testkit::{Reply, Server, on_each_server, words};

/// Sketches of this scope have 16 slots. All queries are by JACCARD unless they name another score.
const BY_HAND: &str = "SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 0 SKETCH 16 SCORE JACCARD";

/// A sketch of 16 slots that agrees with `slots(16)` in this many.
fn slots(agreeing: usize) -> String {
    "a".repeat(agreeing) + &"z".repeat(16 - agreeing)
}

/// The score of two sketches that agree in this many of 16 slots: (k/16 - 1/256) / (1 - 1/256).
fn score(agreeing: usize) -> f64 {
    (16 * agreeing).saturating_sub(1) as f64 / 255.0
}

/// Records an item in the buckets `a` and `b` of index `i`, with these slots.
#[track_caller]
fn record(server: &Server, item: &str, slots: &str) {
    server.does(format!("SIM.RECORD s {item} SIGNATURE i 2 a b SKETCH i {slots}"));
}

/// The score of two items by JACCARD.
#[track_caller]
fn compared(server: &Server, item: &str, other: &str, options: &str) -> Option<f64> {
    let reply = server.does(format!("SIM.COMPARE s {item} 1 i LIMIT 0 {options}"));
    let found = reply.array()[0].array().iter().find(|found| found.array()[0].text() == other);
    found.map(|found| found.array()[1].double())
}

/// A list of results, as RESP2 has it.
fn list(found: &[(&str, f64)]) -> String {
    let found: Vec<String> = found.iter().map(|(item, score)| format!("['{item}', '{score}']")).collect();
    format!("[{}]", found.join(", "))
}

/// The clause SIGNATURE with SKETCH of a text in the index `i`.
fn signed(server: &Server, scope: &str, text: &str) -> Vec<Vec<u8>> {
    let reply = server.does(format!("SIM.SIGNATURE {scope} TEXT \"{text}\" WITHSKETCH"));
    let buckets = reply.array()[0].array();
    let mut clause = words(&format!("SIGNATURE i {}", buckets.len()));
    clause.extend(buckets.iter().map(|bucket| bucket.bytes().to_vec()));
    clause.extend([b"SKETCH".to_vec(), b"i".to_vec(), reply.array()[1].bytes().to_vec()]);
    clause
}

/// The reply to a command that ends with this clause.
fn with_clause(server: &Server, line: &str, clause: Vec<Vec<u8>>) -> Reply {
    server.call(&[words(line), clause].concat())
}

on_each_server! {
    fn the_score_is_the_share_of_slots_that_agree_less_those_by_chance(server: Server) {
        server.does(BY_HAND);
        for agreeing in [8, 0, 16, 1, 15, 12] {
            record(&server, &format!("of-{agreeing}"), &slots(agreeing));
        }
        let best_first = [16, 15, 12, 8, 1, 0].map(|agreeing| (format!("of-{agreeing}"), score(agreeing)));
        let best_first = best_first.each_ref().map(|(item, score)| (item.as_str(), *score));
        assert_eq!(best_first[0].1, 1.0);
        assert_eq!(best_first[5].1, 0.0);
        let classify = format!("SIM.CLASSIFY s SIGNATURE i 2 a b SKETCH i {}", slots(16));
        for query in [classify.as_str(), "SIM.COMPARE s of-16 1 i"] {
            server.expect(query, format!("[{}]", list(&best_first)));
            server.expect(format!("{query} LIMIT 2"), format!("[{}]", list(&best_first[..2])));
            // 12 of 16 slots are 0.749 and not 0.75.
            server.expect(format!("{query} MINSCORE 0.75"), format!("[{}]", list(&best_first[..2])));
            server.expect(format!("{query} MINSCORE {}", score(12)), format!("[{}]", list(&best_first[..3])));
            server.expect(format!("{query} MINSCORE 1"), format!("[{}]", list(&best_first[..1])));
        }
        server.client_resp3().expect(format!("{classify} LIMIT 2"), format!("[[['of-16', 1.0], ['of-15', {:?}]]]", score(15)));
    }

    fn only_items_that_share_a_band_are_compared(server: Server) {
        server.does(BY_HAND);
        record(&server, "one", &slots(16));
        server.does(format!("SIM.RECORD s half SIGNATURE i 2 a y SKETCH i {}", slots(16)));
        server.does(format!("SIM.RECORD s none SIGNATURE i 2 x y SKETCH i {}", slots(16)));
        server.expect("SIM.COMPARE s one 1 i", "[[['one', '1'], ['half', '1']]]");
        server.expect("SIM.COMPARE s one 1 i MINBANDS 1 2", "[[['one', '1']]]");
        server.expect("SIM.COMPARE s one 1 i NOSELF", "[[['half', '1']]]");
    }

    fn without_slots_an_item_is_not_found_and_a_query_finds_nothing(server: Server) {
        server.does(BY_HAND);
        record(&server, "one", &slots(16));
        server.does("SIM.RECORD s bare SIGNATURE i 2 a b");
        server.expect("SIM.COMPARE s one 1 i", "[[['one', '1']]]");
        server.expect("SIM.COMPARE s bare 1 i", "[[]]");
        server.expect("SIM.COMPARE s nobody 1 i", "[[]]");
        server.expect("SIM.CLASSIFY s SIGNATURE i 2 a b", "[[]]");
        server.expect("SIM.CLASSIFY s SIGNATURE i 2 a b MINSCORE 0 LIMIT 0", "[[]]");
        server.expect("SIM.COMPARE missing one 1 i SCORE JACCARD", "[[]]");
        // By another score, both are there.
        server.expect("SIM.COMPARE s bare 1 i SCORE OVERLAP", "[[['one', '1'], ['bare', '1']]]");
        // The first observation that has slots gives them, whether it is the first or not.
        record(&server, "bare", &slots(12));
        assert_eq!(compared(&server, "one", "bare", ""), Some(score(12)));
        server.validate_all();
    }

    fn the_score_of_the_scope_is_used_unless_a_query_names_another(server: Server) {
        server.does(BY_HAND);
        server.does("SIM.CREATE overlap BANDS 2 ROWS 1 INTERVAL 0 SKETCH 16");
        for scope in ["s", "overlap"] {
            server.does(format!("SIM.RECORD {scope} one SIGNATURE i 2 a b SKETCH i {}", slots(16)));
            server.does(format!("SIM.RECORD {scope} two SIGNATURE i 2 a c SKETCH i {}", slots(8)));
        }
        let by_sketch = format!("[[['two', '{}']]]", score(8));
        server.expect("SIM.COMPARE s one 1 i NOSELF", &by_sketch);
        server.expect("SIM.COMPARE s one 1 i NOSELF SCORE OVERLAP", "[[['two', '0.5']]]");
        server.expect("SIM.COMPARE overlap one 1 i NOSELF", "[[['two', '0.5']]]");
        server.expect("SIM.COMPARE overlap one 1 i NOSELF SCORE jaccard", &by_sketch);
        let clause = format!("SIGNATURE i 2 a b SKETCH i {}", slots(16));
        server.expect(format!("SIM.CLASSIFY s LIMIT 1 {clause}"), "[[['one', '1']]]");
        server.expect(format!("SIM.CLASSIFY s SCORE COVERAGE {clause}"), "[[['one', '1'], ['two', '0.5']]]");
        server.expect(format!("SIM.CLASSIFY overlap {clause}"), "[[['one', '1'], ['two', '0.5']]]");
    }

    fn equal_scores_come_by_observations_and_then_first_seen_first(server: Server) {
        server.does(BY_HAND);
        for item in ["second", "third", "most", "most"] {
            record(&server, item, &slots(8));
        }
        record(&server, "first", &slots(16));
        server.expect(
            "SIM.COMPARE s first 1 i",
            format!("[{}]", list(&[("first", 1.0), ("most", score(8)), ("second", score(8)), ("third", score(8))])),
        );
        server.expect("SIM.COMPARE s second 1 i LIMIT 2", "[[['most', '1'], ['second', '1']]]");
    }

    fn the_first_slots_of_an_item_are_kept(server: Server) {
        server.does(BY_HAND);
        record(&server, "query", &slots(16));
        record(&server, "item", &slots(12));
        record(&server, "item", &slots(16));
        assert_eq!(compared(&server, "query", "item", ""), Some(score(12)));
        // After it was deleted it begins anew.
        server.expect("SIM.DELETE s i item", "1");
        record(&server, "item", &slots(15));
        assert_eq!(compared(&server, "query", "item", ""), Some(score(15)));
        server.validate_all();
    }

    fn the_newest_chunk_of_the_window_that_has_slots_counts(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 3600 RETENTION 3 SKETCH 16 SCORE JACCARD");
        let now = server.now_inside(3600);
        let record = |item: &str, back: i64, sketch: &str| server.does(format!("SIM.RECORD s {item} TIMESTAMP {} SIGNATURE i 2 a b {sketch}", now - back * 3600));
        for back in 0..4 {
            record("query", back, &format!("SKETCH i {}", slots(16)));
        }
        record("item", 3, &format!("SKETCH i {}", slots(8)));
        record("item", 2, &format!("SKETCH i {}", slots(12)));
        record("item", 1, "");
        assert_eq!(compared(&server, "query", "item", ""), Some(score(12)));
        assert_eq!(compared(&server, "query", "item", "WINDOW 2"), None, "no slots in the last two hours");
        assert_eq!(compared(&server, "query", "item", &format!("TIMESTAMP {}", now - 3 * 3600)), Some(score(8)));
        record("item", 1, &format!("SKETCH i {}", slots(15)));
        assert_eq!(compared(&server, "query", "item", ""), Some(score(15)));
        assert_eq!(compared(&server, "query", "item", "WINDOW 2"), Some(score(15)));
        // What comes later into an older chunk changes nothing, and as a query the newest slots count, too.
        record("item", 2, &format!("SKETCH i {}", slots(1)));
        assert_eq!(compared(&server, "query", "item", ""), Some(score(15)));
        assert_eq!(compared(&server, "item", "query", ""), Some(score(15)));
        assert_eq!(compared(&server, "item", "query", &format!("TIMESTAMP {}", now - 2 * 3600)), Some(score(12)));
    }

    fn each_index_has_its_own_slots(server: Server) {
        server.does(BY_HAND);
        let both = |item: &str, i: usize, j: usize| server.does(format!("SIM.RECORD s {item} SKETCH j {} SIGNATURE i 2 a b SIGNATURE j 2 a b SKETCH i {}", slots(j), slots(i)));
        both("one", 16, 16);
        both("two", 12, 8);
        server.expect("SIM.COMPARE s one 2 i j NOSELF", format!("[[['two', '{}']], [['two', '{}']]]", score(12), score(8)));
        // COMBINE: the mean of both.
        let mean = (score(12) + score(8)) / 2.0;
        server.expect("SIM.COMPARE s one 2 i j NOSELF COMBINE", format!("[['two', '{mean}', ['{}', '{}']]]", score(12), score(8)));
        server.expect(
            format!("SIM.CLASSIFY s COMBINE LIMIT 1 SIGNATURE i 2 a b SKETCH i {} SIGNATURE j 2 a b SKETCH j {}", slots(16), slots(8)),
            format!("[['two', '{}', ['{}', '1']]]", (score(12) + 1.0) / 2.0, score(12)),
        );
        server.expect(format!("SIM.COMPARE s one 2 i j NOSELF COMBINE MINSCORE {}", mean + 1e-9), "[]");
        // An index without data on either side does not count.
        server.expect("SIM.COMPARE s one 2 i k NOSELF COMBINE", format!("[['two', '{}', ['{}', nil]]]", score(12), score(12)));
    }

    fn slots_of_an_index_belong_to_each_of_its_signatures(server: Server) {
        server.does(BY_HAND);
        server.expect(format!("SIM.RECORD s one SIGNATURE i 2 a b SIGNATURE i 2 a c SKETCH i {}", slots(16)), "[[1, 1], [2, 1]]");
        let found = format!("[{}]", list(&[("one", score(8))]));
        server.expect(
            format!("SIM.CLASSIFY s SIGNATURE i 2 x b SIGNATURE i 2 x c SKETCH i {}", slots(8)),
            format!("[{}, {}]", &found[1..found.len() - 1], &found[1..found.len() - 1]),
        );
    }

    fn assign_joins_by_similarity_and_a_group_keeps_the_slots_of_its_founder(server: Server) {
        server.does(BY_HAND);
        let assign = |item: &str, min_score: f64, options: &str, agreeing: usize| {
            server.run(format!("SIM.ASSIGN s {item} MINSCORE {min_score} {options} SIGNATURE i 2 a b SKETCH i {}", slots(agreeing))).to_string()
        };
        assert_eq!(assign("founder", 0.7, "", 16), "['founder', nil, 1]");
        assert_eq!(assign("near", 0.7, "", 12), format!("['founder', '{}', 0]", score(12)));
        assert_eq!(assign("nearer", 0.7, "", 12), format!("['founder', '{}', 0]", score(12)), "the slots are still those of the founder");
        assert_eq!(assign("far", 0.75, "", 8), format!("['far', '{}', 1]", score(8)));
        assert_eq!(assign("other", 0.75, "", 8), "['far', '1', 0]");
        assert_eq!(assign("last", 1.0, "SCORE OVERLAP", 0), "['founder', '1', 0]");
        // Without slots nothing is found, and a group without slots is not found again.
        server.expect("SIM.ASSIGN s bare MINSCORE 0 SIGNATURE i 2 a b", "['bare', nil, 1]");
        server.expect("SIM.ASSIGN s barer MINSCORE 0 SIGNATURE i 2 a b", "['barer', nil, 1]");
        server.expect("SIM.FREQUENCIES s i founder", "[[['a', 4]], [['b', 4]]]");
        server.expect("SIM.FREQUENCIES s i far", "[[['a', 2]], [['b', 2]]]");
        server.validate_all();
    }

    fn equal_texts_score_exactly_1_whatever_they_come_from(server: Server) {
        server.does("SIM.CREATE s THRESHOLD 0.8 SHINGLE WORDS 1 INTERVAL 0");
        let text = "the quick brown fox jumps over the lazy dog";
        server.does(format!("SIM.RECORD s text TEXT i \"{text}\""));
        server.does("SIM.RECORD s features FEATURES i 8 dog lazy over jumps fox brown quick the");
        let clause = signed(&server, "s", text);
        with_clause(&server, "SIM.RECORD s signature", clause.clone());
        let everything = list(&[("text", 1.0), ("features", 1.0), ("signature", 1.0)]);
        server.expect("SIM.COMPARE s signature 1 i MINSCORE 1", format!("[{everything}]"));
        server.expect("SIM.CLASSIFY s MINSCORE 1 TEXT i \"  The\n quick brown\u{a0}fox jumps over the lazy DOG\"", "[[]]");
        server.expect("SIM.CLASSIFY s MINSCORE 1 TEXT i \" the\n quick brown\u{a0}fox jumps over the lazy dog.\"", format!("[{everything}]"));
        server.expect("SIM.CLASSIFY s MINSCORE 1 FEATURES i 8 the quick brown fox jumps over lazy dog", format!("[{everything}]"));
        assert_eq!(with_clause(&server, "SIM.CLASSIFY s MINSCORE 1", clause).to_string(), format!("[{everything}]"));
        for item in ["text", "features", "signature"] {
            let blob = server.does(format!("SIM.EXPORT s i {item}")).array()[0].bytes().to_vec();
            let found = with_clause(&server, "SIM.CLASSIFY s MINSCORE 1", vec![b"PROFILE".to_vec(), b"i".to_vec(), blob]);
            assert_eq!(found.to_string(), format!("[{everything}]"), "{item}");
        }
        server.expect(format!("SIM.ASSIGN s new MINSCORE 1 TEXT i \"{text}\""), "['text', '1', 0]");
        server.expect("SIM.CLASSIFY s TEXT i \"\"", "[[]]");
    }

    fn the_estimate_is_near_the_similarity(server: Server) {
        // 80 of 100 different features are in both sets of 90.
        let features = |from: usize| (from..from + 90).map(|n| format!("feature-{n}")).collect::<Vec<_>>().join(" ");
        for (scope, options) in [("one", "THRESHOLD 0.8"), ("two", "THRESHOLD 0.8 SKETCH 1024"), ("three", "BANDS 64 ROWS 1 SKETCH 256 HASH MURMUR3 SCORE JACCARD")] {
            server.does(format!("SIM.CREATE {scope} {options}"));
            server.does(format!("SIM.RECORD {scope} item FEATURES i 90 {}", features(0)));
            let reply = server.does(format!("SIM.CLASSIFY {scope} FEATURES i 90 {}", features(10)));
            let found = reply.array()[0].array()[0].array()[1].double();
            assert!((0.7..0.9).contains(&found) && found != 0.8, "{options}: {found}");
        }
    }

    fn a_query_by_another_score_needs_no_sketch(server: Server) {
        // A sketch of 4096 slots for 3000 features is more than the limit of a clause; their buckets are not: FSS needs
        // 3000 draws and 48 for their only slot.
        server.does("SIM.CREATE s BANDS 1 ROWS 1 SKETCH 4096");
        server.does("CONFIG SET simile.max-feature-slots 3048");
        let features: String = (0..3000).map(|n| format!(" {n}")).collect();
        server.expect(format!("SIM.CLASSIFY s FEATURES i 3000{features}"), "[[]]");
        let error = server.refusal(format!("SIM.CLASSIFY s SCORE JACCARD FEATURES i 3000{features}"));
        assert_eq!(error, "ERR features must be at most 0 distinct features of 4097 slots (simile.max-feature-slots)");
        server.refuses(format!("SIM.RECORD s item FEATURES i 3000{features}"), error);
    }

    fn merge_keeps_the_slots_of_whichever_arrived_first(server: Server) {
        server.does(BY_HAND);
        record(&server, "query", &slots(16));
        record(&server, "first", &slots(15));
        record(&server, "second", &slots(8));
        record(&server, "third", &slots(12));
        server.expect("SIM.MERGE s first i second", "1");
        assert_eq!(compared(&server, "query", "first", ""), Some(score(15)));
        assert_eq!(compared(&server, "query", "second", ""), None);
        server.expect("SIM.MERGE s third i first", "1");
        assert_eq!(compared(&server, "query", "third", ""), Some(score(15)), "the source was there before");
        // Of two items of which one has slots, these are kept.
        for (destination, source) in [("bare", "with"), ("with", "bare")] {
            server.does("SIM.RECORD s bare SIGNATURE i 2 a b");
            record(&server, "with", &slots(8));
            server.expect(format!("SIM.MERGE s {destination} i {source}"), "1");
            assert_eq!(compared(&server, "query", destination, ""), Some(score(8)), "{source} into {destination}");
            server.does(format!("SIM.DELETE s i {destination}"));
        }
        // A merge into an item that is not there takes the slots along.
        server.expect("SIM.MERGE s moved i third", "1");
        assert_eq!(compared(&server, "query", "moved", ""), Some(score(15)));
        server.validate_all();
    }

    fn memory_and_info_count_the_slots(server: Server) {
        const SLOTS: i64 = 4096;
        const ITEMS: i64 = 1000;
        server.does("SIM.CREATE with BANDS 1 ROWS 1 INTERVAL 0 SKETCH 4096");
        server.does("SIM.CREATE bare BANDS 1 ROWS 1 INTERVAL 0 SKETCH 4096");
        server.does("SIM.CREATE none BANDS 1 ROWS 1 INTERVAL 0");
        for n in 0..ITEMS {
            server.does(format!("SIM.RECORD with item-{n} FEATURES i 1 {n}"));
            server.does(format!("SIM.RECORD none item-{n} FEATURES i 1 {n}"));
            server.does(format!("SIM.RECORD bare item-{n} SIGNATURE i 1 bucket-{n}"));
        }
        let info = |scope: &str| server.does(format!("SIM.INFO {scope}")).get("indexes").get("i").get("bytes").integer();
        let usage = |scope: &str| {
            let chunk = server.chunks().into_iter().find(|chunk| chunk.starts_with(&format!("{{{scope}}}"))).expect("a chunk");
            server.does(format!("MEMORY USAGE {chunk}")).integer()
        };
        for (what, bytes) in [("SIM.INFO", &info as &dyn Fn(&str) -> i64), ("MEMORY USAGE", &usage)] {
            let slots = bytes("with") - bytes("none");
            assert!((SLOTS * ITEMS..SLOTS * ITEMS * 5 / 4).contains(&slots), "{what}: {slots} bytes for the slots");
            let bare = bytes("bare") - bytes("none");
            assert!(bare.abs() < 20 * ITEMS, "{what}: {bare} bytes for items without slots");
        }
        // What is deleted is given back, but for a mebibyte.
        for n in 1..ITEMS {
            server.does(format!("SIM.DELETE with i item-{n}"));
        }
        let left = info("with");
        assert!(left < 5 << 18, "{left} bytes are left for one item");
    }

    fn info_shows_sketch_and_score(server: Server) {
        let shown = |parameters: &str| {
            server.does(format!("SIM.CREATE s {parameters}"));
            let info = server.does("SIM.INFO s");
            server.does("SIM.DROP s");
            (info.get("sketch").integer(), info.get("score").text())
        };
        assert_eq!(shown(""), (0, "OVERLAP".into()));
        assert_eq!(shown("SKETCH 0"), (0, "OVERLAP".into()));
        assert_eq!(shown("SKETCH 16"), (16, "OVERLAP".into()));
        assert_eq!(shown("SCORE coverage"), (0, "COVERAGE".into()));
        assert_eq!(shown("SKETCH 4096 SCORE JACCARD"), (4096, "JACCARD".into()));
        assert_eq!(shown("SCORE JACCARD SKETCH 100"), (100, "JACCARD".into()));
        assert_eq!(shown("THRESHOLD 0.8"), (256, "JACCARD".into()));
        assert_eq!(shown("THRESHOLD 0.8 SKETCH 512"), (512, "JACCARD".into()));
        assert_eq!(shown("SKETCH 0 THRESHOLD 0.8"), (0, "OVERLAP".into()));
        assert_eq!(shown("SCORE overlap THRESHOLD 0.8"), (256, "OVERLAP".into()));
        assert_eq!(shown("THRESHOLD 0.8 SCORE SIGNIFICANCE SKETCH 16"), (16, "SIGNIFICANCE".into()));
        assert_eq!(shown("THRESHOLD 0.8 SCORE COVERAGE SKETCH 0"), (0, "COVERAGE".into()));
    }

    fn a_scope_is_made_again_only_with_its_sketch_and_score(server: Server) {
        server.does("SIM.CREATE s THRESHOLD 0.8");
        for parameters in ["", "THRESHOLD 0.8", "SKETCH 256", "SCORE jaccard", "THRESHOLD 0.8 SKETCH 256 SCORE JACCARD"] {
            server.expect(format!("SIM.CREATE s {parameters}"), "OK");
        }
        server.refuses("SIM.CREATE s SKETCH 512", "ERR the scope exists with SKETCH 256, not 512");
        server.refuses("SIM.CREATE s SKETCH 0", "ERR the scope exists with SKETCH 256, not 0");
        server.refuses("SIM.CREATE s SCORE OVERLAP", "ERR the scope exists with SCORE JACCARD, not OVERLAP");
        server.refuses("SIM.CREATE s THRESHOLD 0.8 SKETCH 0", "ERR the scope exists with SKETCH 256, not 0");
        server.does("SIM.CREATE t BANDS 13 ROWS 7");
        server.refuses("SIM.CREATE t THRESHOLD 0.8", "ERR the scope exists with SKETCH 0, not 256");
        server.expect("SIM.CREATE t THRESHOLD 0.8 SKETCH 0", "OK");
    }

    fn any_bytes_are_slots(server: Server) {
        server.does(BY_HAND);
        let sketch = r#""\x00\xff\x0a\x0d\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00 ""#;
        record(&server, "one", sketch);
        server.expect(format!("SIM.CLASSIFY s SIGNATURE i 2 a b SKETCH i {sketch}"), "[[['one', '1']]]");
        record(&server, "other", &slots(16));
        assert_eq!(compared(&server, "one", "other", ""), Some(0.0));
    }
}
