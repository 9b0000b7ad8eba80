//! SIM.SIGNIFICANT: what sets an item apart.

use testkit::{Reply, Server, on_each_server};

/// The rows of a reply, with four decimals: band, bucket, score, foreground, background.
fn rounded(reply: &Reply) -> Vec<(i64, String, String, i64, i64)> {
    let rounded = |found: &Reply| {
        let row = found.array();
        (
            row[0].integer(),
            row[1].text(),
            format!("{:.4}", row[2].double()),
            row[3].integer(),
            row[4].integer(),
        )
    };
    reply.array().iter().map(rounded).collect()
}

fn row(
    band: i64,
    bucket: &str,
    score: &str,
    foreground: i64,
    background: i64,
) -> (i64, String, String, i64, i64) {
    (band, bucket.into(), score.into(), foreground, background)
}

on_each_server! {
    fn finds_the_buckets_that_are_rare_elsewhere(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        for (item, buckets, times) in [("one", "rare x", 3), ("one", "common y", 3), ("one", "b x", 1), ("other", "common z", 13)] {
            for _ in 0..times {
                server.does(format!("SIM.RECORD s {item} SIGNATURE i 2 {buckets}"));
            }
        }
        // M = 20. x: (ln 4 + 1) * (ln(21 / 5) + 1); rare, y: (ln 3 + 1) * (ln(21 / 4) + 1);
        // b: (ln 1 + 1) * (ln(21 / 2) + 1); common: (ln 3 + 1) * (ln(21 / 17) + 1)
        let all = [
            row(1, "x", "5.8108", 4, 4),
            row(0, "rare", "5.5786", 3, 3),
            row(1, "y", "5.5786", 3, 3),
            row(0, "b", "3.3514", 1, 1),
            row(0, "common", "2.5421", 3, 16),
        ];
        assert_eq!(rounded(&server.does("SIM.SIGNIFICANT s i one")), all);
        assert_eq!(rounded(&server.does("SIM.SIGNIFICANT s i one LIMIT 0")), all);
        assert_eq!(rounded(&server.does("SIM.SIGNIFICANT s i one LIMIT 2")), all[..2]);
        assert!(matches!(server.client_resp3().does("SIM.SIGNIFICANT s i one LIMIT 1").array()[0].array()[2], Reply::Double(_)));
    }

    fn gives_ten_unless_told_otherwise_and_ties_by_band_then_bytes(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        for bucket in ["\"\\xff\"", "b", "B", "a", "9", "10", "\"\""] {
            server.does(format!("SIM.RECORD s one SIGNATURE i 2 {bucket} {bucket}"));
        }
        let places = |line: &str| -> Vec<String> {
            let found = server.does(line);
            found.array().iter().map(|found| format!("{} {}", found.array()[0], found.array()[1])).collect()
        };
        let order = ["''", "'10'", "'9'", "'B'", "'a'", "'b'", "'\\xff'"];
        let all: Vec<String> = (0..2).flat_map(|band| order.map(|bucket| format!("{band} {bucket}"))).collect();
        assert_eq!(places("SIM.SIGNIFICANT s i one"), all[..10]);
        assert_eq!(places("SIM.SIGNIFICANT s i one LIMIT 0"), all);
        assert_eq!(places("SIM.SIGNIFICANT s i one LIMIT 9"), all[..9]);
    }

    fn sums_over_the_window_and_over_hot_buckets(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 2");
        let now = server.now_inside(3600);
        for n in 0..50 {
            server.does(format!("SIM.RECORD s item-{n} TIMESTAMP {} SIGNATURE i 1 hot", now - n % 2 * 3600));
        }
        server.does("SIM.RECORD s item-0 SIGNATURE i 1 hot");
        server.does("SIM.DELETE s i item-4");
        // All of the index is in the one bucket: (ln 2 + 1) * (ln 1 + 1)
        let score = 2.0f64.ln() + 1.0;
        server.expect("SIM.SIGNIFICANT s i item-0", format!("[[0, 'hot', '{score}', 2, 50]]"));
        server.expect("SIM.SIGNIFICANT s i item-0 WINDOW 1", format!("[[0, 'hot', '{score}', 2, 25]]"));
        server.expect(format!("SIM.SIGNIFICANT s i item-1 TIMESTAMP {}", now - 3600), "[[0, 'hot', '1', 1, 25]]");
        server.validate_all();
    }

    fn finds_nothing_for_what_is_not_there(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        server.does("SIM.RECORD s one SIGNATURE i 1 a");
        for line in ["SIM.SIGNIFICANT s i nobody", "SIM.SIGNIFICANT s nowhere one", "SIM.SIGNIFICANT missing i one"] {
            server.expect(line, "[]");
        }
    }
}
