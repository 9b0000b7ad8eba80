//! SIM.MERGE and SIM.DELETE.

use testkit::{Kind, Server, on_each_server};

/// A scope `s` with items in the indexes `i` and `j`, over three intervals.
fn populated(kind: Kind) -> Server {
    let server = kind.start();
    server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 3600 RETENTION 3");
    let now = server.now_inside(3600);
    for t in [now, now - 3600, now + 3600] {
        server.does(format!("SIM.RECORD s one TIMESTAMP {t} SIGNATURE i 2 a b SIGNATURE j 2 a b"));
        server.does(format!("SIM.RECORD s two TIMESTAMP {t} SIGNATURE i 2 a c"));
        server.does(format!("SIM.RECORD s three TIMESTAMP {t} SIGNATURE j 2 z z"));
    }
    server
}

/// A time whose window has all three intervals.
fn later(server: &Server) -> i64 {
    server.now() + 3600
}

on_each_server! {
    fn merge_adds_the_counts_of_the_source(kind: Kind) {
        let server = populated(kind);
        let t = later(&server);
        server.expect("SIM.MERGE s one i two", "1");
        server.expect(format!("SIM.FREQUENCIES s i one TIMESTAMP {t} WINDOW 1"), "[[['a', 2]], [['b', 1], ['c', 1]]]");
        server.expect(format!("SIM.FREQUENCIES s i two TIMESTAMP {t}"), "[[], []]");
        server.expect(format!("SIM.MEMBERS s i 1 c TIMESTAMP {t}"), "['one']");
        server.expect(format!("SIM.CLASSIFY s TIMESTAMP {t} SIGNATURE i 2 a c"), "[[['one', '0.75']]]");
        server.expect(format!("SIM.FREQUENCIES s j one TIMESTAMP {t} WINDOW 1"), "[[['a', 1]], [['b', 1]]]"); // another index
    }

    fn merge_reaches_every_live_chunk(kind: Kind) {
        let server = populated(kind);
        let now = server.now();
        server.expect("SIM.MERGE s one i two", "1");
        for t in [now - 3600, now, now + 3600] {
            server.expect(format!("SIM.FREQUENCIES s i two TIMESTAMP {t}"), "[[], []]");
            server.expect(format!("SIM.MEMBERS s i 1 c TIMESTAMP {t} WINDOW 1"), "['one']");
        }
    }

    fn merge_into_a_new_item_is_a_move(kind: Kind) {
        let server = populated(kind);
        let t = later(&server);
        let profile = server.does(format!("SIM.FREQUENCIES s i two TIMESTAMP {t}"));
        server.expect("SIM.MERGE s new i two", "1");
        assert_eq!(server.does(format!("SIM.FREQUENCIES s i new TIMESTAMP {t}")), profile);
        server.expect(format!("SIM.COMPARE s two 1 i TIMESTAMP {t}"), "[[]]");
        server.expect(format!("SIM.COMPARE s new 1 i TIMESTAMP {t} NOSELF"), "[[['one', '0.5']]]");
    }

    fn merge_counts_the_pairs_that_had_anything(kind: Kind) {
        let server = populated(kind);
        server.expect("SIM.MERGE s new i nobody", "0");
        server.expect("SIM.MERGE s new nowhere one", "0");
        server.expect("SIM.MERGE missing new i one", "0");
        server.expect("SIM.MERGE s new i two i two j two i nobody j three", "2");
        server.expect("EXISTS missing", "0");
    }

    fn merge_of_a_star_takes_every_index(kind: Kind) {
        let server = populated(kind);
        let t = later(&server);
        server.expect("SIM.MERGE s new * one", "2");
        server.expect("SIM.MERGE s new * one", "0");
        server.expect("SIM.MERGE s new * three * two", "2");
        server.expect(format!("SIM.FREQUENCIES s i new TIMESTAMP {t} WINDOW 1"), "[[['a', 2]], [['b', 1], ['c', 1]]]");
        server.expect(format!("SIM.MEMBERS s j 0 z TIMESTAMP {t}"), "['new']");
    }

    fn merge_into_itself_changes_nothing_at_all(kind: Kind) {
        let server = populated(kind);
        let before = server.digest();
        for pairs in ["i one", "i two i one", "nowhere one", "* one", "* two * one"] {
            server.refuses(format!("SIM.MERGE s one {pairs}"), "ERR source must be an item other than the destination");
        }
        assert_eq!(server.digest(), before);
    }

    fn delete_forgets_an_item_in_an_index(kind: Kind) {
        let server = populated(kind);
        let t = later(&server);
        server.expect("SIM.DELETE s i one", "1");
        server.expect("SIM.DELETE s i one", "0");
        server.expect(format!("SIM.COMPARE s two 1 i TIMESTAMP {t}"), "[[['two', '1']]]");
        server.expect(format!("SIM.COMPARE s one 2 i j TIMESTAMP {t}"), "[[], [['one', '1']]]");
        server.expect(format!("SIM.MEMBERS s i 0 a TIMESTAMP {t}"), "['two']");
        server.expect(format!("SIM.FREQUENCIES s i one TIMESTAMP {t}"), "[[], []]");
    }

    fn delete_counts_the_pairs_that_had_anything(kind: Kind) {
        let server = populated(kind);
        server.expect("SIM.DELETE s i nobody nowhere one", "0");
        server.expect("SIM.DELETE missing i one", "0");
        server.expect("SIM.DELETE s i one i one j one j two", "2");
        server.expect("EXISTS missing", "0");
    }

    fn delete_of_a_star_takes_every_index(kind: Kind) {
        let server = populated(kind);
        let t = later(&server);
        server.expect("SIM.DELETE s * one", "2");
        server.expect("SIM.DELETE s * one * two", "1");
        server.expect(format!("SIM.COMPARE s one 2 i j TIMESTAMP {t}"), "[[], []]");
        server.expect(format!("SIM.COMPARE s three 2 i j TIMESTAMP {t}"), "[[], [['three', '1']]]");
    }

    /// An option where an index is expected is a mistake, unless the scope has an index of that name.
    fn an_index_may_be_called_like_an_option_if_the_scope_has_it(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
        server.does("SIM.RECORD s one SIGNATURE i 1 a SIGNATURE TIMESTAMP 1 a");
        server.expect("SIM.EXPORT s TIMESTAMP nobody", "[nil]");
        server.expect("SIM.MERGE s two TIMESTAMP one i nobody", "1");
        server.expect("SIM.DELETE s i one TIMESTAMP one", "1");
        server.expect("SIM.DELETE s TIMESTAMP two", "1");
        // With the chunk of its last item the index is gone.
        let error = "ERR the command takes no options, and the scope has no index TIMESTAMP";
        server.does("SIM.RECORD s one SIGNATURE i 1 a");
        for command in ["SIM.DELETE s i one TIMESTAMP two", "SIM.EXPORT s i one Timestamp 1", "SIM.MERGE s two i one TIMESTAMP one"] {
            server.refuses(command, error);
        }
        server.expect("SIM.COUNT s i 1 one", "[1]");
        // The star is not an option, and items may be called like one.
        server.expect("SIM.MERGE s LIMIT * one", "1");
        server.expect("SIM.DELETE s * LIMIT", "1");
    }

    fn a_deleted_item_may_come_back(kind: Kind) {
        let server = populated(kind);
        server.does("SIM.DELETE s * one");
        server.expect("SIM.RECORD s one SIGNATURE i 2 a b", "[[1, 1]]");
    }

    fn a_chunk_goes_with_its_last_item(kind: Kind) {
        let server = populated(kind);
        assert_eq!(server.chunks().len(), 6);
        server.expect("SIM.DELETE s i one i two", "2");
        assert_eq!(server.chunks().len(), 3);
        server.expect("SIM.DELETE s * one * two * three", "2");
        server.expect("KEYS *", "['s']");
        server.expect("SIM.RECORD s one SIGNATURE i 2 a b", "[[1, 1]]");
    }
}
