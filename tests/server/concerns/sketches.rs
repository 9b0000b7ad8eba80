//! Sketches that travel: what is replicated of them, and that they survive every form of a scope's data.

use super::replication::{after, with_aof};
use testkit::{Kind, Reply, Server, on_each_server, words};

/// Scopes with sketches, in several chunks: written by hand in `s`, made by the server in `docs`. Some items
/// have none.
fn populate(server: &Server) {
    server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 3600 RETENTION 2 SKETCH 16 SCORE JACCARD");
    server.does("SIM.CREATE docs THRESHOLD 0.5 SHINGLE WORDS 1");
    server.does("SIM.CREATE plain BANDS 2 ROWS 1 INTERVAL 0");
    let now = server.now_inside(3600);
    for n in 0..60 {
        let slots: String = (0..16).map(|slot| char::from(b'a' + (n * slot / 16 % 7) as u8)).collect();
        let sketch = if n % 5 == 0 { String::new() } else { format!("SKETCH i {slots}") };
        let t = now - n % 3 * 3600;
        server.does(format!("SIM.RECORD s item{} TIMESTAMP {t} SIGNATURE i 2 a b{} {sketch}", n % 25, n % 3));
        let words: Vec<String> = (0..12).map(|word| format!("word{}", (n / 3 + word) % 40)).collect();
        server.does(format!("SIM.RECORD docs doc{n} TEXT i \"{}\"", words.join(" ")));
        server.does(format!("SIM.ASSIGN docs group{n} MINSCORE 0.6 TEXT j \"{}\"", words.join(" ")));
        server.does(format!("SIM.RECORD plain item{n} SIGNATURE i 2 a b{}", n % 4));
    }
    server.does("SIM.MERGE s item1 i item2 i item3");
    server.does("SIM.MERGE docs new i doc7 i doc8");
    server.does("SIM.DELETE s i item4");
    server.does("SIM.RECORD docs empty FEATURES i 0");
}

/// All that must survive: the digest of every value, and what JACCARD finds.
#[derive(PartialEq, Debug)]
struct Held {
    digest: String,
    values: Vec<String>,
    answers: Vec<String>,
}

fn held(server: &Server) -> Held {
    server.validate_all();
    let mut keys = server.keys_of_type("sim-scope");
    keys.extend(server.keys_of_type("sim-chunk"));
    let value = |key: &Vec<u8>| server.call(&[b"DEBUG", b"DIGEST-VALUE".as_slice(), key]).to_string();
    let mut questions: Vec<String> = (0..25).map(|n| format!("SIM.COMPARE s item{n} 1 i LIMIT 0")).collect();
    questions.extend((0..60).map(|n| format!("SIM.COMPARE docs doc{n} 2 i j COMBINE LIMIT 0")));
    questions.extend((0..60).map(|n| format!("SIM.COMPARE docs group{n} 1 j")));
    questions.extend((1..25).map(|n| format!("SIM.EXPLAIN s i item0 item{n}")));
    questions
        .extend(["SIM.EXPORT s i item1 i item7 i item9", "SIM.EXPORT docs i new j group0"].map(String::from));
    questions
        .push("SIM.CLASSIFY docs TEXT i \"word1 word2 word3 word4 word5 word6 word7\" MINSCORE 0.3".into());
    let answers = questions.iter().map(|question| server.does(question).to_string()).collect();
    Held { digest: server.digest(), values: keys.iter().map(value).collect(), answers }
}

/// Checks that the answers have some scores between 0 and 1, which no server has without the slots.
fn populated(server: &Server) -> Held {
    populate(server);
    let before = held(server);
    let compared = before.answers.iter().filter(|answer| answer.contains("'0.")).count();
    assert!(compared > 60, "JACCARD finds much: {compared} of {}", before.answers.len());
    before
}

/// The words of the last command that was appended, from the first clause on.
fn last_clauses(server: &Server) -> Vec<Reply> {
    let last = server.appended().pop().expect("a command");
    let name = last[0].text();
    assert_eq!((name.as_str(), last[3].text().as_str()), ("SIM.RECORD", "TIMESTAMP"));
    last[5..].to_vec()
}

/// Words as the append-only file has them.
fn replies(words: Vec<Vec<u8>>) -> Vec<Reply> {
    words.into_iter().map(Reply::Bytes).collect()
}

on_each_server! {
    fn a_record_goes_out_with_the_slots_that_were_kept(kind: Kind) {
        let server = with_aof(kind);
        server.does("SIM.CREATE s BANDS 2 ROWS 1 SKETCH 16 SHINGLE WORDS 1");
        let signed = |index: &str, source: &str, with_sketch: bool| {
            let reply = server.does(format!("SIM.SIGNATURE s {source} WITHSKETCH"));
            let mut clause = words(&format!("SIGNATURE {index} 2"));
            clause.extend(reply.array()[0].array().iter().map(|bucket| bucket.bytes().to_vec()));
            if with_sketch {
                clause.extend([b"SKETCH".to_vec(), index.into(), reply.array()[1].bytes().to_vec()]);
            }
            replies(clause)
        };
        server.does("SIM.RECORD s item TEXT i \"a few words\" FEATURES j 2 x y FEATURES k 0");
        assert_eq!(last_clauses(&server), [signed("i", "TEXT \"a few words\"", true), signed("j", "FEATURES 2 x y", true)].concat());
        // The item has slots in i by now, and none in k.
        server.does("SIM.RECORD s item TEXT i \"other words\" TEXT k \"other words\"");
        assert_eq!(last_clauses(&server), [signed("i", "TEXT \"other words\"", false), signed("k", "TEXT \"other words\"", true)].concat());
        // Two observations of one index: the slots of the first are kept.
        server.does("SIM.RECORD s twin TEXT i \"some words\" TEXT i \"other words\"");
        let [first, second] = ["some", "other"].map(|word| format!("TEXT \"{word} words\""));
        assert_eq!(last_clauses(&server), [signed("i", &first, true), signed("i", &second, false)].concat());

        server.does("SIM.ASSIGN s group MINSCORE 2 TEXT l words");
        assert_eq!(last_clauses(&server), signed("l", "TEXT words", true));
        server.expect("SIM.ASSIGN s other MINSCORE 1 SCORE JACCARD TEXT l words", "['group', '1', 0]");
        assert_eq!(last_clauses(&server), signed("l", "TEXT words", false));
        server.expect("SIM.ASSIGN s other MINSCORE 2 SCORE JACCARD TEXT l words", "['other', '1', 1]");
        assert_eq!(last_clauses(&server), signed("l", "TEXT words", true));
    }

    fn slots_of_a_client_go_out_once(kind: Kind) {
        let server = with_aof(kind);
        server.does("SIM.CREATE s BANDS 1 ROWS 1 SKETCH 16");
        let clauses = |line: &str| {
            server.does(line);
            Reply::Array(last_clauses(&server)).to_string()
        };
        let with_slots = "['SIGNATURE', 'i', '1', 'a', 'SKETCH', 'i', 'abcdefghijklmnop']";
        assert_eq!(clauses("SIM.RECORD s one SKETCH i abcdefghijklmnop SIGNATURE i 1 a"), with_slots);
        assert_eq!(clauses("SIM.RECORD s one SKETCH i abcdefghijklmnop SIGNATURE i 1 a"), "['SIGNATURE', 'i', '1', 'a']");
        assert_eq!(clauses("SIM.ASSIGN s two MINSCORE 2 SIGNATURE i 1 a SKETCH i abcdefghijklmnop"), with_slots);
        // A command that says all goes out as it came.
        let now = server.now();
        server.does(format!("SIM.RECORD s one TIMESTAMP {now} SKETCH i ponmlkjihgfedcba SIGNATURE i 1 a"));
        let last = Reply::Array(server.appended().pop().expect("a command")).to_string();
        assert_eq!(last, format!("['SIM.RECORD', 's', 'one', 'TIMESTAMP', '{now}', 'SKETCH', 'i', 'ponmlkjihgfedcba', 'SIGNATURE', 'i', '1', 'a']"));
        let before = server.digest();
        assert_eq!(server.restart().digest(), before);
    }

    fn a_create_goes_out_with_sketch_and_score(kind: Kind) {
        let server = kind.launch().options("--appendonly yes").module("sketch 32 score jaccard").start();
        server.does("SIM.CREATE s THRESHOLD 0.8 SKETCH 64 SCORE COVERAGE");
        server.does("SIM.RECORD t item TEXT i words");
        let commands = server.appended();
        for (command, sketch, score) in [(&commands[0], "64", "COVERAGE"), (&commands[2], "32", "JACCARD")] {
            assert_eq!(command[0].text(), "SIM.CREATE");
            assert_eq!(after(command, "SKETCH").text(), sketch);
            assert_eq!(after(command, "SCORE").text(), score);
        }
    }

    fn replicas_have_the_same_slots(kind: Kind) {
        let primary = kind.start();
        // Its settings would make other scopes.
        let early = kind.launch().module("sketch 128 score jaccard").start();
        early.follow(&primary);
        let expected = populated(&primary);
        let late = kind.start();
        late.follow(&primary);
        early.catch_up_with(&primary);
        assert_eq!(held(&early), expected, "the replica that was there before");
        assert_eq!(held(&late), expected, "the replica that came after");
    }

    fn an_rdb_has_the_slots(server: Server) {
        let before = populated(&server);
        server.expect("DEBUG RELOAD", "OK");
        assert_eq!(held(&server), before);
        server.expect("SAVE", "OK");
        assert_eq!(held(&server.restart()), before);
    }

    fn the_aof_as_written_has_the_slots(kind: Kind) {
        let server = with_aof(kind);
        let before = populated(&server);
        // The settings of the server that reads it would make other scopes.
        let server = server.restart_with("--simile.sketch 128");
        assert_eq!(held(&server), before);
    }

    fn a_rewritten_aof_has_the_slots(kind: Kind) {
        for preamble in ["no", "yes"] {
            let server = kind.launch().options(&format!("--appendonly yes --aof-use-rdb-preamble {preamble}")).start();
            let before = populated(&server);
            server.rewrite_aof();
            assert_eq!(held(&server.restart()), before, "aof-use-rdb-preamble {preamble}");
        }
    }

    fn a_large_chunk_in_several_pieces_has_the_slots(kind: Kind) {
        let server = kind.launch().options("--appendonly yes --aof-use-rdb-preamble no").start();
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0 SKETCH 4096 SCORE JACCARD");
        for n in 0..3_000 {
            server.does(format!("SIM.RECORD s item-{n} FEATURES i 2 {} x{}", n / 2, n % 7));
        }
        let answers = |server: &Server| (server.digest(), server.does("SIM.CLASSIFY s FEATURES i 2 700 x1 LIMIT 0"));
        let before = answers(&server);
        server.expect("DEBUG RELOAD", "OK");
        assert_eq!(answers(&server), before, "RDB");
        server.rewrite_aof();
        let server = server.restart();
        assert_eq!(answers(&server), before, "AOF");
        server.validate_all();
    }

    fn the_digest_depends_on_the_slots(kind: Kind) {
        let (one, other) = (kind.start(), kind.start());
        one.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0 SKETCH 16");
        let dump = one.does("DUMP s");
        other.call(&[b"RESTORE", b"s".as_slice(), b"0", dump.bytes()]); // the same uid
        let record = |server: &Server, slots: &str| server.does(format!("SIM.RECORD s item SIGNATURE i 1 a {slots}"));
        record(&one, "SKETCH i abcdefghijklmnop");
        record(&other, "");
        assert_ne!(other.digest(), one.digest(), "one has slots");
        record(&one, "");
        record(&other, "SKETCH i abcdefghijklmnop");
        assert_eq!(other.digest(), one.digest(), "the same slots");
        for server in [&one, &other] {
            server.does("SIM.DELETE s i item");
        }
        record(&one, "SKETCH i abcdefghijklmnop");
        record(&other, "SKETCH i abcdefghijklmnoq");
        assert_ne!(other.digest(), one.digest(), "one slot differs");
    }
}
