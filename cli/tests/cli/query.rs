//! `simile query` and `simile explain`.

use crate::program::{run, run_with};
use testkit::{Server, on_each_server};

fn record(server: &Server) {
    server.does("SIM.CREATE s BANDS 4 ROWS 1 SHINGLE WORDS 1 MASK yes INTERVAL 0");
    for (item, text) in [
        ("issue-1", "connection to db-7 refused after 30000 ms"),
        ("issue-2", "connection to cache-2 refused after 500 ms"),
        ("issue-3", "division by zero in report 4711"),
    ] {
        server.does(format!("SIM.RECORD s {item} TEXT message \"{text}\""));
    }
    server.does("SIM.RECORD s \"\\xff\\n\" SIGNATURE other 4 main connect retry timeout");
}

on_each_server! {
    fn a_text_is_asked_for_from_the_line_or_from_standard_input(server: Server) {
        record(&server);
        let found = "1.0000  issue-1\n0.7500  issue-2\n0.2500  issue-3\n";
        let text = "connection to db-1 refused after 10000 ms";
        assert_eq!(run(&server, &format!("query s '{text}' --index message")).fine(), found);
        assert_eq!(run_with(&server, "query s --index message", text.as_bytes()).fine(), found);
        assert_eq!(run(&server, &format!("query s '{text}' --index message --min-score 0.8")).fine(), "1.0000  issue-1\n");
        assert_eq!(run(&server, &format!("query s '{text}' --index message --limit 1 --json")).fine(), "{\"item\":\"issue-1\",\"score\":1.0}\n");
        assert_eq!(run(&server, "query s unheard --index message").fine(), "Nothing in 's' is similar to it.\n");
        assert_eq!(run(&server, "query s unheard --index message --json").fine(), "");
    }

    fn an_item_is_asked_for_without_itself(server: Server) {
        record(&server);
        assert_eq!(run(&server, "query s --item issue-2 --index message").fine(), "0.7500  issue-1\n0.2500  issue-3\n");
    }

    fn only_names_that_match_are_found(server: Server) {
        record(&server);
        let text = "connection to db-1 refused after 10000 ms";
        let found = |options: &str| run(&server, &format!("query s '{text}' --index message {options}")).fine();
        assert_eq!(found("--match *[23] --limit 1"), "0.7500  issue-2\n");
        assert_eq!(found("--match *[23]"), "0.7500  issue-2\n0.2500  issue-3\n");
        assert_eq!(found("--match other*"), "Nothing in 's' is similar to it.\n");
        assert_eq!(run(&server, "query s --item issue-2 --index message --match *3").fine(), "0.2500  issue-3\n");
    }

    fn any_bytes_can_be_shown(server: Server) {
        record(&server);
        server.does("SIM.RECORD s plain SIGNATURE other 4 main connect retry x");
        assert_eq!(run(&server, "query s --item plain --index other").fine(), "0.7500  \\xff\\n\n");
        assert_eq!(run(&server, "query s --item plain --index other --json").fine(), "{\"item\":{\"hex\":\"ff0a\"},\"score\":0.75}\n");
    }

    fn without_a_score_the_scope_has_its_own(server: Server) {
        server.does("SIM.CREATE s THRESHOLD 0.5 SHINGLE WORDS 1 INTERVAL 0");
        server.does("SIM.RECORD s a TEXT text \"one two three four five six seven eight\"");
        server.does("SIM.RECORD s b TEXT text \"one two three four five six seven nine\"");
        let score = |line: &str| -> f64 {
            let found = run(&server, &format!("{line} --json")).fine();
            let json: serde_json::Value = serde_json::from_str(&found).expect("JSON");
            json["score"].as_f64().expect("a score")
        };
        // Seven of nine words: 0.78.
        let jaccard = score("query s --item a --score jaccard");
        assert!((jaccard - 7.0 / 9.0).abs() < 0.06, "{jaccard}");
        let overlap = score("query s --item a --score overlap");
        assert!((overlap - jaccard).abs() > 0.05, "{overlap}");
        assert_eq!((score("query s --item a"), score("explain s a b")), (jaccard, jaccard));
        assert_eq!(score("query s 'one two three four five six seven eight' --limit 1"), 1.0);
        assert!(run(&server, &format!("groups s --min-score {jaccard}")).fine().starts_with("2 items scanned: 2 in 1 group.\n"));
        server.does("SIM.ALTER s SCORE OVERLAP");
        assert_eq!((score("query s --item a"), score("explain s a b")), (overlap, overlap));
        server.does("SIM.CREATE plain INTERVAL 0");
        server.does("SIM.RECORD plain a TEXT text hello");
        for line in ["query plain hello", "explain plain a b", "groups plain --min-score 1"] {
            assert_eq!(
                run(&server, &format!("{line} --score jaccard")).failed(1),
                "simile: --score jaccard compares sketches, and the scope 'plain' keeps none: choose another score, or create \
                 a scope with SKETCH 256\n"
            );
        }
    }

    fn an_explanation_by_jaccard_has_slots(server: Server) {
        server.does("SIM.CREATE s BANDS 4 ROWS 1 INTERVAL 0 SKETCH 16 SCORE JACCARD");
        for (item, sketch) in [("a", "0123456789abcdef"), ("b", "0123456789......"), ("c", "")] {
            let sketch = if sketch.is_empty() { String::new() } else { format!("SKETCH i {sketch}") };
            server.does(format!("SIM.RECORD s {item} SIGNATURE i 4 main connect retry {item} {sketch}"));
        }
        let explain = |line: &str| run(&server, &format!("explain s {line}")).fine();
        assert_eq!(
            explain("a b"),
            "'a' was observed 1 time; 'b' was observed 1 time.\n\
             JACCARD 0.6235: 10 of 16 slots agree; 3 of 4 bands share a bucket.\n\n\
             band  buckets in both (counts of the one, the other)\n\
             \u{20}  0  main (1, 1)\n\
             \u{20}  1  connect (1, 1)\n\
             \u{20}  2  retry (1, 1)\n\
             \u{20}  3\n"
        );
        assert!(explain("a c").contains("\nJACCARD 0.0000: one of the items has no sketch; 3 of 4 bands share a bucket.\n"));
        let json: serde_json::Value = serde_json::from_str(&explain("a b --json")).expect("JSON");
        assert_eq!((&json["slots"], &json["agreeing"]), (&16.into(), &serde_json::json!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])));
        assert_eq!(json["bands"][3], serde_json::json!({"band": 3, "buckets": []}));
        assert!(explain("a b --score overlap").contains("OVERLAP 0.7500: 3 of 4"));
    }

    fn an_explanation_is_a_table(server: Server) {
        record(&server);
        server.does("SIM.RECORD s a SIGNATURE frames 4 main connect retry timeout");
        server.does("SIM.RECORD s b SIGNATURE frames 4 main connect retry \"\\x00\\xff\"");
        server.does("SIM.RECORD s b SIGNATURE frames 4 main listen retry \"\\x00\\xff\"");
        server.does("SIM.RECORD s c SIGNATURE frames 4 m l r \"\\x00\\xff\"");
        let explain = |line: &str| run(&server, &format!("explain s {line} --index frames")).fine();
        assert_eq!(
            explain("a b"),
            "'a' was observed 1 time; 'b' was observed 2 times.\n\
             OVERLAP 0.6250: 3 of 4 bands share a bucket.\n\n\
             band  share                         buckets in both (counts of the one, the other)\n\
             \u{20}  0  0.2500  ####################  main (1, 2)\n\
             \u{20}  1  0.1250  ##########..........  connect (1, 1)\n\
             \u{20}  2  0.2500  ####################  retry (1, 2)\n\
             \u{20}  3  0.0000  ....................\n"
        );
        assert!(explain("b c").contains("   3  0.2500  ####################  00ff (2, 1)\n"));
        assert!(explain("a b --score coverage").contains("COVERAGE 0.7500: 3 of 4"));
        for (items, unknown) in [("nobody a", "nobody"), ("a none", "none"), ("nobody none", "nobody")] {
            for option in ["", "--json"] {
                let error = run(&server, &format!("explain s {items} --index frames {option}")).failed(1);
                assert_eq!(error, format!("simile: the scope 's' has no such item: {unknown}\n"));
            }
        }
        let error = run(&server, "explain s a none --index frames --window 1").failed(1);
        assert_eq!(error, "simile: the scope 's' has no observation of 'none' in this window\n");
        server.does("SIM.RECORD s \"\\x1b[2J\" SIGNATURE frames 4 main connect retry timeout");
        assert!(explain("a '\u{1b}[2J'").starts_with("'a' was observed 1 time; '\\x1b[2J' was observed 1 time.\n"));
        let json: serde_json::Value = serde_json::from_str(&explain("a b --json")).expect("JSON");
        assert_eq!((&json["score"], &json["observations"]), (&0.625.into(), &serde_json::json!([1, 2])));
        assert_eq!(json["bands"][1], serde_json::json!({"band": 1, "share": 0.125, "buckets": [{"bucket": "connect", "counts": [1, 1]}]}));
    }
}
