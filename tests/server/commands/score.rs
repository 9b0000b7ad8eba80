//! SCORE: the items that each of the three scores prefers, and values computed by hand.

use testkit::{Kind, Reply, Server, on_each_server};

/// Baskets of a shop. A product is an item, and a basket that it was in is a bucket of its one band.
const BASKETS: [&str; 8] = [
    "milk butter flour",
    "milk butter flour",
    "milk bread",
    "milk bread beer",
    "bread beer",
    "bread chips",
    "bread",
    "beer chips bread",
];

/// The scope `shop` with what was bought: 19 observations, 4 of milk, 6 of bread, 2 of butter and of flour, 3 of
/// beer, 2 of chips.
fn shop(kind: Kind) -> Server {
    let server = kind.start();
    server.does("SIM.CREATE shop BANDS 1 ROWS 1");
    for (basket, products) in BASKETS.iter().enumerate() {
        for product in products.split(' ') {
            server.does(format!("SIM.RECORD shop {product} SIGNATURE i 1 basket-{basket}"));
        }
    }
    server
}

/// A list of results, with four decimals.
fn rounded(list: &Reply) -> Vec<(String, String)> {
    let one = |found: &Reply| (found.array()[0].text(), format!("{:.4}", found.array()[1].double()));
    list.array().iter().map(one).collect()
}

/// The results of the first index or clause, with four decimals.
#[track_caller]
fn found(server: &Server, line: &str) -> Vec<(String, String)> {
    rounded(&server.does(line).array()[0])
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(item, score)| (item.to_string(), score.to_string())).collect()
}

on_each_server! {
    fn significance_finds_what_goes_well_with_milk(kind: Kind) {
        let server = shop(kind);
        // butter was bought twice with milk, and never without: (ln 2 + 1) * (ln(20 / 3) + 1)
        // bread too, but four times without:                    (ln 2 + 1) * (ln(20 / 7) + 1)
        // beer once of three times:                             (ln 1 + 1) * (ln(20 / 4) + 1)
        assert_eq!(
            found(&server, "SIM.COMPARE shop milk 1 i SCORE SIGNIFICANCE NOSELF"),
            pairs(&[("butter", "4.9053"), ("flour", "4.9053"), ("bread", "3.4707"), ("beer", "2.6094")])
        );
        // milk itself: (ln 4 + 1) * (ln(20 / 5) + 1)
        assert_eq!(found(&server, "SIM.COMPARE shop milk 1 i SCORE SIGNIFICANCE LIMIT 1"), pairs(&[("milk", "5.6944")]));
    }

    fn coverage_is_the_part_of_the_query_that_an_item_has_seen(kind: Kind) {
        let server = shop(kind);
        // bread is in two of the four baskets with milk, and more often elsewhere: that does not count against it
        server.expect("SIM.COMPARE shop milk 1 i SCORE COVERAGE", "[[['milk', '1'], ['bread', '0.5'], ['butter', '0.5'], ['flour', '0.5'], ['beer', '0.25']]]");
        // OVERLAP: two of its six are there, min(1/4, 1/6) twice
        server.expect("SIM.COMPARE shop milk 1 i SCORE OVERLAP NOSELF", "[[['butter', '0.5'], ['flour', '0.5'], ['bread', '0.3333333333333333'], ['beer', '0.25']]]");
    }

    fn coverage_weighs_buckets_by_the_query(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        for buckets in ["a x", "a x", "a y", "b y"] {
            server.does(format!("SIM.RECORD s asks SIGNATURE i 2 {buckets}"));
        }
        server.does("SIM.RECORD s one SIGNATURE i 2 a z");
        server.does("SIM.RECORD s one SIGNATURE i 2 c y");
        // (3/4 + 2/4) / 2
        server.expect("SIM.COMPARE s asks 1 i SCORE COVERAGE", "[[['asks', '1'], ['one', '0.625']]]");
        // the other way: (1/2 + 1/2) / 2
        server.expect("SIM.COMPARE s one 1 i SCORE COVERAGE", "[[['one', '1'], ['asks', '0.5']]]");
        server.expect("SIM.CLASSIFY s SIGNATURE i 2 b y SCORE COVERAGE", "[[['asks', '1'], ['one', '0.5']]]");
        server.expect("SIM.CLASSIFY s SIGNATURE i 2 b y SCORE COVERAGE MINSCORE 0.6", "[[['asks', '1']]]");
        server.expect("SIM.CLASSIFY s SIGNATURE i 2 b y SCORE COVERAGE MINBANDS 1 2", "[[['asks', '1']]]");
    }

    fn significance_counts_what_is_in_the_window_alone(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 3600 RETENTION 2");
        let now = server.now_inside(3600);
        for (back, item, buckets) in [(0, "one", "a b"), (0, "two", "a c"), (1, "two", "a b"), (1, "three", "x y"), (2, "three", "x y")] {
            server.does(format!("SIM.RECORD s {item} TIMESTAMP {} SIGNATURE i 2 {buckets}", now - back * 3600));
        }
        // M = 5, B = 2; two shares 2 + 1 of its 2 observations: (ln 3 + 1) * (ln(11 / 5) + 1)
        let expected = pairs(&[("two", "3.7533"), ("one", "3.8930")]);
        let all = found(&server, "SIM.CLASSIFY s SIGNATURE i 2 a b SCORE SIGNIFICANCE");
        // one shares 1 + 1 of its 1: (ln 2 + 1) * (ln(11 / 3) + 1)
        assert_eq!(all, [expected[1].clone(), expected[0].clone()]);
        // M = 2: two shares 1 of its 1: (ln 1 + 1) * (ln(5 / 3) + 1)
        assert_eq!(
            found(&server, "SIM.CLASSIFY s SIGNATURE i 2 a b SCORE SIGNIFICANCE WINDOW 1"),
            pairs(&[("one", "2.5581"), ("two", "1.5108")])
        );
    }

    fn combine_takes_the_mean_of_each_score(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        for (item, i, j) in [("one", "a", "b"), ("two", "a", "c"), ("three", "d", "b")] {
            server.does(format!("SIM.RECORD s {item} SIGNATURE i 1 {i} SIGNATURE j 1 {j}"));
        }
        server.expect(
            "SIM.COMPARE s one 2 i j COMBINE SCORE COVERAGE",
            "[['one', '1', ['1', '1']], ['two', '0.5', ['1', '0']], ['three', '0.5', ['0', '1']]]",
        );
        // In each index (ln 1 + 1) * (ln(4 / 2) + 1); the mean of one and of nothing is half of it.
        let full = (4.0f64 / 2.0).ln() + 1.0;
        let combined = server.does("SIM.COMPARE s one 2 i j COMBINE SCORE SIGNIFICANCE");
        let scores: Vec<f64> = combined.array().iter().map(|found| found.array()[1].double()).collect();
        assert_eq!(scores, [full, full / 2.0, full / 2.0]);
        server.expect(format!("SIM.COMPARE s one 1 i COMBINE SCORE SIGNIFICANCE LIMIT 1 MINSCORE {full}"), format!("[['one', '{full}', ['{full}']]]"));
    }
}
