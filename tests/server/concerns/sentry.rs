//! The cases with which Sentry tested its own similarity index in 2017, with its own hashing: the features of a
//! text are its characters. The scores of texts that are not similar were computed without the module.

use testkit::{Kind, Server, on_each_server};

fn sentry(kind: Kind) -> Server {
    let server = kind.start();
    for scope in ["s", "another"] {
        server.does(format!(
            "SIM.CREATE {scope} HASH MURMUR3 MODULUS 65535 BANDS 16 ROWS 2 INTERVAL 3600 RETENTION 12 SHINGLE CHARS 1"
        ));
    }
    server
}

/// "hello world" twice, and texts that are less and less similar to it.
fn basic(kind: Kind) -> Server {
    let server = sentry(kind);
    for (item, text) in [
        ("1", "hello world"),
        ("2", "hello world"),
        ("3", "jello world"),
        ("4", "yellow world"),
        ("4", "mellow world"),
        ("5", "pizza world"),
    ] {
        server.does(format!("SIM.RECORD s {item} TEXT index \"{text}\""));
    }
    server
}

/// Items that are similar in both indexes, similar in one, and recorded in only one.
fn several(kind: Kind) -> Server {
    let server = sentry(kind);
    for item in ["1", "2"] {
        server.does(format!("SIM.RECORD s {item} TEXT a \"hello world\" TEXT b \"hello world\""));
    }
    server.does("SIM.RECORD s 3 TEXT a \"hello world\" TEXT b \"pizza world\"");
    server.does("SIM.RECORD s 4 TEXT a \"hello world\"");
    server.does("SIM.RECORD s 5 TEXT b \"hello world\"");
    server
}

const ALL: &str = "[[['1', '1'], ['2', '1'], ['4', '0.46875'], ['3', '0.375'], ['5', '0.25']]]";

on_each_server! {
    fn basic_finds_the_like_first(kind: Kind) {
        let server = basic(kind);
        server.expect("SIM.COMPARE s 1 1 index", ALL);
        server.expect("SIM.CLASSIFY s TEXT index \"hello world\"", ALL);
    }

    fn basic_thresholds_are_numbers_of_common_bands(kind: Kind) {
        let server = basic(kind);
        let without_5 = "[[['1', '1'], ['2', '1'], ['4', '0.46875'], ['3', '0.375']]]";
        let same = "[[['1', '1'], ['2', '1']]]";
        server.expect("SIM.COMPARE s 1 1 index MINBANDS 1 6", without_5);
        server.expect("SIM.CLASSIFY s MINBANDS 1 6 TEXT index \"hello world\"", without_5);
        server.expect("SIM.COMPARE s 1 1 index MINBANDS 1 16", same);
        server.expect("SIM.CLASSIFY s MINBANDS 1 16 TEXT index \"hello world\"", same);
    }

    fn basic_limit_keeps_the_best_ties_by_name(kind: Kind) {
        let server = basic(kind);
        server.expect("SIM.COMPARE s 1 1 index LIMIT 1", "[[['1', '1']]]");
        server.expect("SIM.COMPARE s 2 1 index LIMIT 1", "[[['1', '1']]]");
        server.expect("SIM.CLASSIFY s LIMIT 1 TEXT index \"hello world\"", "[[['1', '1']]]");
    }

    fn basic_delete_takes_out_one(kind: Kind) {
        let server = basic(kind);
        server.expect("SIM.DELETE s index 3", "1");
        server.expect("SIM.COMPARE s 1 1 index", "[[['1', '1'], ['2', '1'], ['4', '0.46875'], ['5', '0.25']]]");
    }

    fn basic_another_scope_has_nothing(kind: Kind) {
        let server = basic(kind);
        server.expect("SIM.COMPARE another 1 1 index", "[[]]");
        server.expect("SIM.CLASSIFY another TEXT index \"hello world\"", "[[]]");
        server.expect("SIM.COMPARE missing 1 1 index", "[[]]");
    }

    fn several_indexes_are_ranked_by_the_mean(kind: Kind) {
        let server = several(kind);
        server.expect(
            "SIM.COMPARE s 1 2 a b COMBINE",
            "[['1', '1', ['1', '1']], ['2', '1', ['1', '1']], ['3', '0.625', ['1', '0.25']], ['4', '0.5', ['1', '0']], ['5', '0.5', ['0', '1']]]",
        );
    }

    fn several_indexes_admit_by_any_of_them(kind: Kind) {
        let server = several(kind);
        server.expect(
            "SIM.CLASSIFY s COMBINE MINBANDS 2 16 8 TEXT a \"pizza world\" TEXT b \"pizza world\"",
            "[['3', '0.625', ['0.25', '1']]]",
        );
    }

    fn several_indexes_with_nothing_to_say_in_one(kind: Kind) {
        let server = several(kind);
        let found = "[['4', '1', ['1', nil]], ['1', '0.5', ['1', '0']], ['2', '0.5', ['1', '0']], ['3', '0.5', ['1', '0']]]";
        server.expect("SIM.CLASSIFY s COMBINE TEXT a \"hello world\" TEXT b \"\"", found);
        server.expect("SIM.COMPARE s 4 2 a b COMBINE", found);
    }

    fn merge_mixes_and_moves(kind: Kind) {
        let server = sentry(kind);
        let question = "SIM.CLASSIFY s FEATURES index 2 foo bar";
        server.does("SIM.RECORD s 1 FEATURES index 2 foo bar");
        server.does("SIM.RECORD s 2 FEATURES index 1 baz");
        server.expect(question, "[[['1', '1']]]");
        server.expect("SIM.MERGE s 1 index 2", "1");
        server.expect(question, "[[['1', '0.5']]]");
        server.expect("SIM.MERGE s 2 index 1", "1");
        server.expect(question, "[[['2', '0.5']]]");
    }

    fn flush_leaves_nothing(kind: Kind) {
        let server = basic(kind);
        server.expect("SIM.DROP s", "1");
        server.expect("SIM.COMPARE s 1 1 index", "[[]]");
        server.expect("SIM.CLASSIFY s TEXT index \"hello world\"", "[[]]");
        server.expect("KEYS *", "['another']");
    }
}
