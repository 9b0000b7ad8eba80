//! SIM.EXPLAIN: why two items are similar.

use testkit::{Kind, Reply, Server, on_each_server};

/// The scope `s` of two bands. `one`: band 0 {a: 2, b: 1}, band 1 {c: 3}; `two`: band 0 {a: 1, d: 1}, band 1 {c: 1,
/// e: 1}; `far` shares nothing with them.
fn two_items(kind: Kind) -> Server {
    let server = kind.start();
    server.does("SIM.CREATE s BANDS 2 ROWS 1");
    for (item, buckets) in
        [("one", "a c"), ("one", "a c"), ("one", "b c"), ("two", "a c"), ("two", "d e"), ("far", "x y")]
    {
        server.does(format!("SIM.RECORD s {item} SIGNATURE i 2 {buckets}"));
    }
    server
}

/// The shares of the bands, and the score.
fn shares(explained: &Reply) -> (Vec<f64>, f64) {
    let bands = explained.get("bands").array();
    (bands.iter().map(|band| band.get("share").double()).collect(), explained.get("score").double())
}

on_each_server! {
    fn says_which_bands_and_buckets_a_score_is_made_of(kind: Kind) {
        let server = two_items(kind);
        // min(2/3, 1/2) / 2 and min(1, 1/2) / 2
        server.expect(
            "SIM.EXPLAIN s i one two",
            "['score', '0.5', 'observations', [3, 2], 'bands', [['share', '0.25', 'buckets', [['a', 2, 1]]], ['share', '0.25', 'buckets', [['c', 3, 1]]]]]",
        );
        server.client_resp3().expect(
            "SIM.EXPLAIN s i one two",
            "{'score': 0.5, 'observations': [3, 2], 'bands': [{'share': 0.25, 'buckets': [['a', 2, 1]]}, {'share': 0.25, 'buckets': [['c', 3, 1]]}]}",
        );
        server.expect(
            "SIM.EXPLAIN s i two two",
            "['score', '1', 'observations', [2, 2], 'bands', [['share', '0.5', 'buckets', [['a', 1, 1], ['d', 1, 1]]], ['share', '0.5', 'buckets', [['c', 1, 1], ['e', 1, 1]]]]]",
        );
    }

    fn explains_each_score(kind: Kind) {
        let server = two_items(kind);
        // of one's frequencies two has seen 2/3 and 1, of two's one has seen 1/2 and 1/2
        assert_eq!(shares(&server.does("SIM.EXPLAIN s i one two SCORE COVERAGE")), (vec![2.0 / 6.0, 3.0 / 6.0], 5.0 / 6.0));
        assert_eq!(shares(&server.does("SIM.EXPLAIN s i two one SCORE COVERAGE")), (vec![0.25, 0.25], 0.5));
        // (ln 2 + 1) * (ln(13 / 5) + 1), divided as two's counts are: 1 and 1; one's are 2 and 3 of 5
        let score = (2.0f64.ln() + 1.0) * ((13.0f64 / 5.0).ln() + 1.0);
        assert_eq!(shares(&server.does("SIM.EXPLAIN s i one two SCORE SIGNIFICANCE")), (vec![score / 2.0; 2], score));
        let score = (5.0f64.ln() + 1.0) * ((13.0f64 / 7.0).ln() + 1.0);
        assert_eq!(shares(&server.does("SIM.EXPLAIN s i two one SCORE SIGNIFICANCE")), (vec![score * (2.0 / 5.0), score * (3.0 / 5.0)], score));
    }

    fn gives_the_score_of_compare_in_parts_that_add_up(server: Server) {
        server.does("SIM.CREATE s BANDS 7 ROWS 1");
        for n in 0..60 {
            let buckets: Vec<String> = (2..9).map(|band| (n * band % 11).to_string()).collect();
            server.does(format!("SIM.RECORD s item-{} SIGNATURE i 7 {}", n % 5, buckets.join(" ")));
        }
        for score in ["OVERLAP", "COVERAGE", "SIGNIFICANCE"] {
            let compared = server.does(format!("SIM.COMPARE s item-0 1 i SCORE {score}"));
            assert_eq!(compared.array()[0].array().len(), 5);
            for found in compared.array()[0].array() {
                let (item, expected) = (found.array()[0].text(), found.array()[1].double());
                let (shares, score) = shares(&server.does(format!("SIM.EXPLAIN s i item-0 {item} SCORE {score}")));
                assert_eq!(score, expected);
                assert!((shares.iter().sum::<f64>() - score).abs() < 1e-12 && shares.len() == 7, "{shares:?} {score}");
            }
        }
    }

    fn nothing_is_shared_with_what_is_not_there(kind: Kind) {
        let server = two_items(kind);
        let bands = "'bands', [['share', '0', 'buckets', []], ['share', '0', 'buckets', []]]";
        for score in ["OVERLAP", "COVERAGE", "SIGNIFICANCE"] {
            server.expect(format!("SIM.EXPLAIN s i one far SCORE {score}"), format!("['score', '0', 'observations', [3, 1], {bands}]"));
            server.expect(format!("SIM.EXPLAIN s i one nobody SCORE {score}"), format!("['score', '0', 'observations', [3, 0], {bands}]"));
            server.expect(format!("SIM.EXPLAIN s i nobody one SCORE {score}"), format!("['score', '0', 'observations', [0, 3], {bands}]"));
            server.expect(format!("SIM.EXPLAIN s nowhere one two SCORE {score}"), format!("['score', nil, 'observations', [0, 0], {bands}]"));
        }
        server.expect("SIM.EXPLAIN missing i one two", "['score', nil, 'observations', [0, 0], 'bands', []]");
    }

    fn explains_a_window(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 2");
        let now = server.now_inside(3600);
        for (back, item) in [(0, "one"), (0, "two"), (1, "one")] {
            server.does(format!("SIM.RECORD s {item} TIMESTAMP {} SIGNATURE i 1 a", now - back * 3600));
        }
        let explained = |counts: &str, options: &str| server.expect(
            format!("SIM.EXPLAIN s i one two {options}"),
            format!("['score', '1', 'observations', [{counts}], 'bands', [['share', '1', 'buckets', [['a', {counts}]]]]]"),
        );
        explained("2, 1", "");
        explained("1, 1", "WINDOW 1");
        explained("2, 1", &format!("TIMESTAMP {now} SCORE COVERAGE WINDOW 2"));
    }

    fn by_jaccard_it_says_which_slots_agree(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 0 SKETCH 16 SCORE JACCARD");
        server.does("SIM.RECORD s one SIGNATURE i 2 a b SKETCH i abcdefghijklmnop");
        server.does("SIM.RECORD s two SIGNATURE i 2 a c SKETCH i a--d----i------p");
        server.does("SIM.RECORD s bare SIGNATURE i 2 a b");
        // (4/16 - 1/256) / (1 - 1/256)
        let score = 63.0 / 255.0;
        server.expect(
            "SIM.EXPLAIN s i one two",
            format!("['score', '{score}', 'observations', [1, 1], 'slots', 16, 'agreeing', [0, 3, 8, 15], 'bands', [['buckets', [['a', 1, 1]]], ['buckets', []]]]"),
        );
        let resp3 = server.client_resp3();
        resp3.expect(
            "SIM.EXPLAIN s i two one SCORE jaccard",
            format!("{{'score': {score:?}, 'observations': [1, 1], 'slots': 16, 'agreeing': [0, 3, 8, 15], 'bands': [{{'buckets': [['a', 1, 1]]}}, {{'buckets': []}}]}}"),
        );
        let itself = server.does("SIM.EXPLAIN s i one one");
        assert_eq!((itself.get("score").text(), itself.get("agreeing").array().len()), ("1".into(), 16));
        // An item without slots, and one that is not there.
        let bands = "'bands', [['buckets', [['a', 1, 1]]], ['buckets', [['b', 1, 1]]]]";
        server.expect("SIM.EXPLAIN s i one bare", format!("['score', '0', 'observations', [1, 1], 'slots', 0, 'agreeing', [], {bands}]"));
        resp3.expect("SIM.EXPLAIN s i one nobody", "{'score': 0.0, 'observations': [1, 0], 'slots': 0, 'agreeing': [], 'bands': [{'buckets': []}, {'buckets': []}]}");
        server.expect("SIM.EXPLAIN s nowhere one two", "['score', nil, 'observations', [0, 0], 'slots', 0, 'agreeing', [], 'bands', [['buckets', []], ['buckets', []]]]");
        server.expect("SIM.EXPLAIN missing i one two SCORE JACCARD", "['score', nil, 'observations', [0, 0], 'slots', 0, 'agreeing', [], 'bands', []]");
        // By another score the bands have shares, and there are no slots.
        server.expect("SIM.EXPLAIN s i one two SCORE OVERLAP", "['score', '0.5', 'observations', [1, 1], 'bands', [['share', '0.5', 'buckets', [['a', 1, 1]]], ['share', '0', 'buckets', []]]]");
    }

    fn by_jaccard_it_gives_the_score_of_compare(server: Server) {
        server.does("SIM.CREATE s THRESHOLD 0.5 SHINGLE WORDS 1");
        for n in 0..12 {
            let words: Vec<String> = (n..n + 10).map(|word| format!("word{word}")).collect();
            server.does(format!("SIM.RECORD s item-{n} TEXT i \"{}\"", words.join(" ")));
        }
        let compared = server.does("SIM.COMPARE s item-5 1 i LIMIT 0");
        let found = compared.array()[0].array();
        assert!(found.len() > 4, "{compared}");
        for found in found {
            let item = found.array()[0].text();
            let explained = server.does(format!("SIM.EXPLAIN s i item-5 {item}"));
            assert_eq!(explained.get("score"), &found.array()[1], "{item}");
            let agreeing = explained.get("agreeing").array().len() as f64;
            let estimate = (agreeing / 256.0 - 1.0 / 256.0) / (1.0 - 1.0 / 256.0);
            assert!((estimate - found.array()[1].double()).abs() < 1e-12, "{item}: {agreeing} of {}", explained.get("slots"));
        }
    }

    fn by_jaccard_it_compares_the_newest_slots_of_the_window(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 2 SKETCH 16 SCORE JACCARD");
        let now = server.now_inside(3600);
        for (back, item, sketch) in [(1, "one", "SKETCH i aaaaaaaaaaaaaaaa"), (0, "one", ""), (1, "two", "SKETCH i aaaaaaaabbbbbbbb"), (0, "two", "SKETCH i aaaabbbbbbbbbbbb")] {
            server.does(format!("SIM.RECORD s {item} TIMESTAMP {} SIGNATURE i 1 a {sketch}", now - back * 3600));
        }
        let agreeing = |options: &str| server.does(format!("SIM.EXPLAIN s i one two {options}")).get("agreeing").array().len();
        assert_eq!(agreeing(""), 4);
        assert_eq!(agreeing(&format!("TIMESTAMP {}", now - 3600)), 8);
        assert_eq!(agreeing("WINDOW 1"), 0);
    }
}
