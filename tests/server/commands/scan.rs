//! SIM.SCAN: every item, while the index changes.

use std::collections::BTreeMap;
use testkit::{Server, on_each_server};

/// Scans to the end. Gives for each item how often it was returned and its observations the last time, and the number
/// of calls.
#[track_caller]
fn scan(
    server: &Server,
    options: &str,
    mut between: impl FnMut(usize),
) -> (BTreeMap<String, (usize, i64)>, usize) {
    let (mut found, mut cursor, mut calls) = (BTreeMap::new(), "0".to_string(), 0);
    loop {
        let reply = server.does(format!("SIM.SCAN s i {cursor} {options}"));
        calls += 1;
        for (item, observations) in reply.array()[1].pairs() {
            let seen: &mut (usize, i64) = found.entry(item.text()).or_default();
            *seen = (seen.0 + 1, observations.integer());
        }
        cursor = reply.array()[0].text();
        if cursor == "0" {
            return (found, calls);
        }
        between(calls);
        assert!(calls < 10_000, "the scan ends");
    }
}

/// A scope `s` with intervals of an hour and 100 items, each in one of four hours. Every third is also in the next hour,
/// with two observations.
fn hundred(server: &Server) -> i64 {
    server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 3600 RETENTION 5");
    let now = server.now_inside(3600);
    for n in 0..100 {
        let hour = n % 4;
        server.does(format!(
            "SIM.RECORD s item-{n} TIMESTAMP {} SIGNATURE i 2 {n} hot SIGNATURE other 2 a b",
            now - hour * 3600
        ));
        if n % 3 == 0 {
            let next = now - (hour - 1).max(0) * 3600;
            server
                .does(format!("SIM.RECORD s item-{n} TIMESTAMP {next} SIGNATURE i 2 a b SIGNATURE i 2 a c"));
        }
    }
    now
}

on_each_server! {
    fn each_item_comes_once_with_all_its_observations(server: Server) {
        hundred(&server);
        for options in ["", "COUNT 1", "COUNT 7", "COUNT 1000000", "COUNT 4294967295"] {
            let (found, calls) = scan(&server, options, |_| {});
            assert_eq!(found.len(), 100, "{options}");
            for (item, (times, observations)) in &found {
                let n: i64 = item.strip_prefix("item-").and_then(|n| n.parse().ok()).expect("an item");
                assert_eq!((*times, *observations), (1, if n % 3 == 0 { 3 } else { 1 }), "{item} {options}");
            }
            assert!(options.len() > 9 && calls == 1 || calls >= 10, "{options}: {calls}");
        }
    }

    fn match_picks_by_glob(server: Server) {
        hundred(&server);
        let names = |options: &str| scan(&server, options, |_| {}).0.into_keys().collect::<Vec<_>>();
        assert_eq!(names("MATCH item-7"), ["item-7"]);
        assert_eq!(names("MATCH item-?0 COUNT 100"), ["item-10", "item-20", "item-30", "item-40", "item-50", "item-60", "item-70", "item-80", "item-90"]);
        assert_eq!(names("COUNT 3 MATCH *9[^0-8]"), ["item-99"]);
        assert_eq!(names("MATCH *").len(), 100);
        assert_eq!(names("MATCH nothing").len(), 0);
        assert_eq!(names("match ITEM* count 5").len(), 0);
    }

    fn what_is_there_all_the_time_comes_while_chunks_come_and_go(server: Server) {
        let now = hundred(&server);
        let there_all_the_time: Vec<i64> = (0..100).filter(|n| n % 4 < 2 && n % 10 != 7).collect();
        let (found, calls) = scan(&server, "COUNT 3", |call| match call {
            // items are deleted, and others are recorded in their slots
            2 => (0..100).filter(|n| n % 10 == 7).for_each(|n| drop(server.does(format!("SIM.DELETE s * item-{n}")))),
            3 => (0..30).for_each(|n| drop(server.does(format!("SIM.RECORD s new-{n} TIMESTAMP {} SIGNATURE i 2 x y", now - n % 4 * 3600)))),
            // the chunks that the scan began with go
            4 => drop(server.does("SIM.ALTER s RETENTION 1")),
            // and another comes
            5 => drop(server.does(format!("SIM.RECORD s ahead TIMESTAMP {} SIGNATURE i 2 x y", now + 3600))),
            6 => drop(server.does("SIM.MERGE s item-1 i item-3")),
            _ => {}
        });
        for n in there_all_the_time.into_iter().filter(|n| *n != 3) {
            assert!(found.contains_key(&format!("item-{n}")), "item-{n} is missing after {calls} calls");
        }
        assert!(found.contains_key("ahead"), "the newest chunk is scanned last");
    }

    fn after_a_mass_deletion_only_what_is_left_is_scanned(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        for n in 0..300 {
            server.does(format!("SIM.RECORD s {n} SIGNATURE i 1 a"));
        }
        for n in 1..299 {
            server.does(format!("SIM.DELETE s i {n}"));
        }
        let (found, calls) = scan(&server, "COUNT 1", |_| {});
        assert_eq!(found.into_keys().collect::<Vec<_>>(), ["0", "299"]);
        assert_eq!(calls, 2);
    }

    fn what_is_there_all_the_time_comes_while_most_items_are_deleted(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        for n in 0..300 {
            server.does(format!("SIM.RECORD s {n} SIGNATURE i 1 {}", n % 9));
        }
        // Each call is followed by deletions from either end, so that others move.
        let mut deleted = (0..300).filter(|n| n % 7 > 0).collect::<std::collections::VecDeque<usize>>();
        let (found, calls) = scan(&server, "COUNT 2", |call| {
            for _ in 0..4 {
                let item = if call % 2 == 0 { deleted.pop_front() } else { deleted.pop_back() };
                item.into_iter().for_each(|n| drop(server.does(format!("SIM.DELETE s i {n}"))));
            }
        });
        let missing: Vec<usize> = (0..300).step_by(7).filter(|n| !found.contains_key(&n.to_string())).collect();
        assert!(missing.is_empty() && calls > 20, "{missing:?} after {calls} calls");
        server.validate_all();
    }

    fn the_end_is_the_end_wherever_a_cursor_comes_from(server: Server) {
        hundred(&server);
        for cursor in ["1", "4294967295", "4294967296", "18446744073709551615", "9223372036854775808"] {
            server.does(format!("SIM.SCAN s i {cursor}"));
        }
        server.expect("SIM.SCAN s i 18446744073709551615", "['0', []]");
        server.expect("SIM.SCAN s nowhere 0", "['0', []]");
        server.expect("SIM.SCAN missing i 0 MATCH * COUNT 5", "['0', []]");
        server.does("DEL s");
        server.expect("SIM.SCAN s i 0", "['0', []]");
    }
}
