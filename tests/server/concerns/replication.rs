//! The commands that reach a replica and the append-only file, and the keyspace events of a change.

use testkit::{Client, Kind, Reply, Server, on_each_server, wait_until};

pub(super) fn with_aof(kind: Kind) -> Server {
    kind.launch().options("--appendonly yes").start()
}

/// The argument that follows a word of a replicated command.
#[track_caller]
pub(super) fn after<'a>(command: &'a [Reply], word: &str) -> &'a Reply {
    let index = command.iter().position(|argument| argument.bytes() == word.as_bytes());
    let index = index.unwrap_or_else(|| panic!("no {word} in {}", Reply::Array(command.to_vec())));
    &command[index + 1]
}

/// Commands that change nothing: in the scope `s` of [`something`], and elsewhere.
const IDLE: [&str; 46] = [
    "SIM.CREATE s",
    "SIM.CREATE s BANDS 1 ROWS 1",
    "SIM.RECORD s item TEXT i \"\"",
    "SIM.RECORD s item FEATURES i 0 FEATURES j 0",
    "SIM.RECORD s item NX SIGNATURE i 1 b",
    "SIM.MERGE s item i nobody",
    "SIM.MERGE s nobody nowhere item",
    "SIM.MERGE missing item i nobody",
    "SIM.DELETE s i nobody",
    "SIM.DELETE s nowhere item * nobody",
    "SIM.DELETE missing i item",
    "SIM.DROP missing",
    "SIM.DROP missing i",
    "SIM.DROP s nowhere",
    "SIM.COMPARE s item 1 i",
    "SIM.CLASSIFY s TEXT i words",
    "SIM.FREQUENCIES s i item",
    "SIM.COUNT s i 2 item nobody",
    "SIM.COMPARE s item 1 i MATCH i* WITHCOUNTS",
    "SIM.MEMBERS s i 0 a",
    "SIM.SIGNATURE s TEXT words",
    "SIM.INFO s",
    "SIM.EXPLAIN s i item other",
    "SIM.SIGNIFICANT s i item",
    "SIM.SCAN s i 0",
    "SIM.EXPORT s i item i nobody",
    "SIM.SWEEP 0",
    "SIM.ASSIGN s item MINSCORE 1 TEXT i \"\"",
    "SIM.ASSIGN missing item MINSCORE 1 FEATURES i 0",
    "SIM.ALTER s RETENTION 3",
    // errors change nothing either
    "SIM.DELETE s i item TIMESTAMP 1",
    "SIM.MERGE s other i item TIMESTAMP 1",
    "SIM.CREATE s BANDS 2",
    "SIM.RECORD s item SIGNATURE i 2 a b",
    "SIM.RECORD s item SIGNATURE i 1 a NONSENSE",
    "SIM.RECORD s item TIMESTAMP 1 SIGNATURE i 1 a",
    "SIM.FORGET s item SIGNATURE i 1 b",
    "SIM.FORGET missing item SIGNATURE i 16 a b c d e f g h i j k l m n o p",
    "SIM.MERGE s item i other i item",
    "SIM.DELETE s i item i",
    "SIM.MERGE s item * item",
    "SIM.ASSIGN s item MINSCORE 1 TIMESTAMP 1 SIGNATURE i 1 a",
    "SIM.ALTER missing RETENTION 3",
    "SIM.IMPORT s i item nonsense",
    "SIM.IMPORT missing i item nonsense",
    "SIM.CLASSIFY s PROFILE i nonsense",
];

/// A scope `s` of one band with an item.
fn something(server: &Server) {
    server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 3");
    server.does("SIM.RECORD s item SIGNATURE i 1 a");
    server.does("SIM.RECORD s other SIGNATURE i 1 a");
}

/// Commands each of which changes the scope `s`, and the keyspace events it causes.
const BUSY: [(&str, &str); 10] = [
    ("SIM.RECORD s item SIGNATURE i 1 a", "sim.record"),
    ("SIM.RECORD s item COUNT 2 SIGNATURE i 1 a", "sim.record"),
    ("SIM.RECORD s new SIGNATURE new 1 a", "sim.record"),
    ("SIM.FORGET s item SIGNATURE i 1 a", "sim.forget"),
    ("SIM.ASSIGN s new MINSCORE 1 SIGNATURE i 1 a", "sim.record"),
    ("SIM.ALTER s RETENTION 4", "sim.alter"),
    ("SIM.MERGE s item i other", "sim.merge"),
    ("SIM.DELETE s i item", "sim.delete"),
    ("SIM.DROP s new", "sim.drop"),
    ("SIM.DROP s", "sim.drop"),
];

on_each_server! {
    fn an_implicit_create_goes_out_before_the_record_and_says_everything(kind: Kind) {
        let server = with_aof(kind);
        let before = server.now();
        server.does("SIM.RECORD s item TEXT words \"a few words\" FEATURES nothing 0 FEATURES tags 2 x y");
        let after_it = server.now();
        assert_eq!(server.appended_names(), ["MULTI", "SIM.CREATE", "SIM.RECORD", "EXEC"]);
        let commands = server.appended();
        let (create, record) = (&commands[1], &commands[2]);

        assert_eq!(create[1].text(), "s");
        for (word, value) in [
            ("BANDS", "16"),
            ("ROWS", "2"),
            ("INTERVAL", "2592000"),
            ("RETENTION", "3"),
            ("HASH", "FSS"),
            ("SEED", "0"),
            ("SHINGLE", "CHARS"),
            ("CHARS", "5"),
            ("LOWERCASE", "no"),
            ("MASK", "no"),
            ("TAG", "{s}"),
        ] {
            assert_eq!(after(create, word).text(), value, "{word}");
        }
        let uid = after(create, "UID").text();
        assert!(server.chunks().iter().all(|chunk| chunk.starts_with(&format!("{{s}}:{uid}:"))), "{uid}: {:?}", server.chunks());

        assert_eq!([record[1].text(), record[2].text()], ["s", "item"]);
        let timestamp = after(record, "TIMESTAMP").integer();
        assert!((before..=after_it).contains(&timestamp), "{timestamp}");
        let clauses: Vec<usize> = (0..record.len()).filter(|n| record[*n].bytes() == b"SIGNATURE").collect();
        assert_eq!(clauses.len(), 2, "one for each clause that has features");
        for (clause, index, source) in [(clauses[0], "words", "TEXT \"a few words\""), (clauses[1], "tags", "FEATURES 2 x y")] {
            assert_eq!(record[clause + 1].text(), index);
            assert_eq!(record[clause + 2].integer(), 16);
            let signature = server.does(format!("SIM.SIGNATURE s {source}"));
            assert_eq!(&record[clause + 3..clause + 19], signature.array());
        }
        assert!(!record.iter().any(|argument| [b"TEXT".as_slice(), b"FEATURES"].contains(&argument.bytes())));
    }

    fn an_explicit_create_carries_its_uid_and_tag(kind: Kind) {
        let server = with_aof(kind);
        server.does("SIM.CREATE a{b}c THRESHOLD 0.5 HASH MURMUR3 MODULUS 65535 SHINGLE WORDS 2 LOWERCASE yes MASK yes SEED 3");
        server.does("SIM.RECORD a{b}c item TEXT i words");
        assert_eq!(server.appended_names(), ["SIM.CREATE", "SIM.RECORD"]);
        let create = &server.appended()[0];
        for (word, value) in [("BANDS", "23"), ("ROWS", "3"), ("HASH", "MURMUR3"), ("SEED", "3"), ("MODULUS", "65535"), ("WORDS", "2"), ("LOWERCASE", "yes"), ("MASK", "yes"), ("TAG", "a{b}c")] {
            assert_eq!(after(create, word).text(), value, "{word}");
        }
        let uid = after(create, "UID").text();
        assert!(server.only_chunk().starts_with(&format!("a{{b}}c:{uid}:")));
    }

    fn a_record_that_says_all_goes_out_as_it_came(kind: Kind) {
        let server = with_aof(kind);
        something(&server);
        let now = server.now();
        server.does(format!("SIM.RECORD s item TIMESTAMP {now} SIGNATURE i 1 a"));
        let last = server.appended().pop().unwrap();
        assert_eq!(Reply::Array(last).to_string(), format!("['SIM.RECORD', 's', 'item', 'TIMESTAMP', '{now}', 'SIGNATURE', 'i', '1', 'a']"));
    }

    fn a_transaction_stays_one_transaction(kind: Kind) {
        let server = with_aof(kind);
        for command in ["MULTI", "SIM.RECORD s item TEXT i words", "SIM.RECORD s item TEXT i words", "SIM.DELETE s i item"] {
            server.does(command);
        }
        server.does("EXEC");
        assert_eq!(server.appended_names(), ["MULTI", "SIM.CREATE", "SIM.RECORD", "SIM.RECORD", "SIM.DELETE", "EXEC"]);
        server.does("EVAL \"for i = 1, 2 do redis.call('SIM.RECORD', KEYS[1], 'item', 'TEXT', 'i', 'words') end\" 1 t");
        assert_eq!(server.appended_names()[6..], ["MULTI", "SIM.CREATE", "SIM.RECORD", "SIM.RECORD", "EXEC"]);
    }

    fn merge_delete_and_drop_go_out_once(kind: Kind) {
        let server = with_aof(kind);
        something(&server);
        let count = server.appended().len();
        for (command, name) in [("SIM.MERGE s item * other", "SIM.MERGE"), ("SIM.DELETE s * item", "SIM.DELETE"), ("SIM.RECORD s item SIGNATURE i 1 b", "SIM.RECORD"), ("SIM.DROP s", "SIM.DROP")] {
            server.does(command);
            assert_eq!(server.appended_names().last().unwrap(), name);
        }
        assert_eq!(server.appended().len(), count + 4, "{:?}", server.appended_names());
    }

    fn nothing_goes_out_when_nothing_changed(kind: Kind) {
        let server = with_aof(kind);
        something(&server);
        let (names, changes, digest) = (server.appended_names(), server.info("rdb_changes_since_last_save"), server.digest());
        for command in IDLE {
            server.run(command);
            assert_eq!(server.appended_names(), names, "{command}");
            assert_eq!(server.info("rdb_changes_since_last_save"), changes, "{command}");
            assert_eq!(server.digest(), digest, "{command}");
        }
    }

    fn watch_notices_each_change_and_nothing_else(server: Server) {
        something(&server);
        let watcher = server.client();
        for command in IDLE {
            for step in ["WATCH s missing", "MULTI", "PING"] {
                watcher.does(step);
            }
            server.run(command);
            watcher.expect("EXEC", "[PONG]");
        }
        for (command, _) in BUSY {
            for step in ["WATCH s", "MULTI", "PING"] {
                watcher.does(step);
            }
            server.does(command);
            assert_eq!(watcher.run("EXEC"), Reply::Nil, "{command}");
        }
        watcher.does("WATCH s");
        watcher.does("MULTI");
        server.does("SIM.RECORD s item TEXT i words"); // makes the scope anew
        watcher.expect("EXEC", "nil");
    }

    fn tracking_invalidates_what_changed_and_nothing_else(server: Server) {
        something(&server);
        let tracker = server.client_resp3();
        tracker.expect("CLIENT TRACKING ON", "OK");
        let invalidated = |command: &str| {
            tracker.does("SIM.COMPARE s item 1 i"); // it asks to be told when a key that it has read changes
            server.run(command);
            tracker.send("PING");
            let mut told = Vec::new();
            loop {
                match tracker.receive() {
                    Reply::Status(_) => return told,
                    push => told.push(push.to_string()),
                }
            }
        };
        for command in IDLE {
            assert_eq!(invalidated(command), [""; 0], "{command}");
        }
        for (command, _) in BUSY {
            assert_eq!(invalidated(command), ["[['s']]"], "{command}");
        }
    }

    fn keyspace_events_come_on_the_scopes_key(server: Server) {
        server.does("CONFIG SET notify-keyspace-events Kd");
        let listener = server.client();
        listener.send("SUBSCRIBE end");
        listener.receive();
        listener.send("PSUBSCRIBE __keyspace@0__:*");
        listener.receive();
        let events = |commands: &[&str]| {
            for command in commands {
                server.run(command);
            }
            server.does("PUBLISH end now");
            heard(&listener)
        };
        assert_eq!(events(&["SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 3"]), ["s sim.create"]);
        assert_eq!(events(&["SIM.RECORD s item SIGNATURE i 1 a", "SIM.RECORD s other SIGNATURE i 1 a"]), ["s sim.record"; 2]);
        assert_eq!(events(&["SIM.RECORD implicit item TEXT i words"]), ["implicit sim.create", "implicit sim.record"]);
        assert_eq!(events(&IDLE), [""; 0]);
        for (command, event) in BUSY {
            assert_eq!(events(&[command]), [format!("s {event}")], "{command}");
        }
    }

    fn a_record_that_has_expired_since_is_obeyed_from_the_aof(kind: Kind) {
        let server = with_aof(kind);
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 1 RETENTION 0");
        let now = server.now();
        let recorded = server.run(format!("SIM.RECORD s item TIMESTAMP {} SIGNATURE i 1 a", now + 1));
        assert_eq!(recorded.to_string(), "[[1]]");
        wait_until("the chunk has expired", || server.now() > now + 2);
        let server = server.restart();
        server.expect("SIM.COMPARE s item 1 i", "[[]]");
        wait_until("the server has deleted the chunk", || server.does("DBSIZE").integer() == 1);
        server.expect("SIM.RECORD s item SIGNATURE i 1 a", "[[1]]");
        server.validate_all();
    }

    fn a_replica_obeys_what_its_clock_or_limits_would_refuse(kind: Kind) {
        let primary = kind.start();
        let replica = kind.launch().module("auto-create no").start();
        replica.follow(&primary);
        primary.does("SIM.RECORD s item TEXT i words");
        replica.catch_up_with(&primary);
        assert_eq!(replica.digest(), primary.digest());
        replica.expect("SIM.COMPARE s item 1 i", "[[['item', '1']]]");
    }

    fn a_replica_refuses_writes_and_answers_reads(kind: Kind) {
        let primary = kind.start();
        let replica = kind.start();
        replica.follow(&primary);
        something(&primary);
        replica.catch_up_with(&primary);
        for command in ["SIM.CREATE t", "SIM.RECORD s item SIGNATURE i 1 a", "SIM.MERGE s item i other", "SIM.DELETE s i item", "SIM.ASSIGN s new MINSCORE 1 SIGNATURE i 1 a", "SIM.ALTER s RETENTION 4", "SIM.DROP s"] {
            replica.refuses(command, "READONLY You can't write against a read only replica.");
        }
        replica.expect("SIM.COMPARE s item 1 i", "[[['item', '1'], ['other', '1']]]");
        replica.expect("SIM.FREQUENCIES s i item", "[[['a', 1]]]");
        replica.expect("SIM.MEMBERS s i 0 a", "['item', 'other']");
        replica.expect("REPLICAOF NO ONE", "OK");
        replica.expect("SIM.RECORD s item SIGNATURE i 1 a", "[[2]]"); // promoted
    }

    fn a_replica_does_not_show_what_has_expired(kind: Kind) {
        let primary = kind.start();
        let replica = kind.start();
        replica.follow(&primary);
        primary.does("DEBUG SET-ACTIVE-EXPIRE 0"); // the primary reports no expiry until a command finds the key expired
        primary.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 1 RETENTION 1");
        let now = primary.now();
        primary.expect(format!("SIM.RECORD s item TIMESTAMP {now} SIGNATURE i 1 a"), "[[1]]");
        replica.catch_up_with(&primary);
        wait_until("the chunk has expired", || replica.now() > now + 2);
        replica.expect("DBSIZE", "2");
        replica.expect(format!("SIM.COMPARE s item 1 i TIMESTAMP {now}"), "[[]]");
        replica.expect(format!("SIM.FREQUENCIES s i item TIMESTAMP {now}"), "[[]]");
        for _ in 0..3 {
            primary.does("SIM.RECORD s item SIGNATURE i 1 a");
        }
        primary.does("DEBUG SET-ACTIVE-EXPIRE 1");
        wait_until("both hold the same", || {
            replica.catch_up_with(&primary);
            replica.digest() == primary.digest()
        });
        replica.validate_all();
    }

    fn reads_never_change_the_directory_of_a_scope(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 1 RETENTION 0");
        server.does("SIM.RECORD s item SIGNATURE i 1 a");
        let digest = || server.does("DEBUG DIGEST-VALUE s").to_string();
        let before = digest();
        wait_until("the chunk has expired", || server.does("DBSIZE").integer() == 1);
        for read in ["SIM.COMPARE s item 1 i", "SIM.CLASSIFY s SIGNATURE i 1 a", "SIM.FREQUENCIES s i item", "SIM.COUNT s i 1 item", "SIM.MEMBERS s i 0 a", "SIM.INFO s", "SIM.EXPLAIN s i item item", "SIM.SIGNIFICANT s i item", "SIM.SCAN s i 0"] {
            server.does(read);
            assert_eq!(digest(), before, "{read}");
        }
        server.does("SIM.RECORD s item SIGNATURE i 1 a");
        assert_ne!(digest(), before);
    }

    fn a_replica_sees_a_chunk_vanish_when_its_primary_does(kind: Kind) {
        let primary = kind.start();
        let replica = kind.start();
        replica.follow(&primary);
        primary.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 1 RETENTION 1");
        primary.does("SIM.RECORD s item SIGNATURE i 1 a");
        let chunk = primary.only_chunk();
        replica.catch_up_with(&primary);
        assert_eq!(replica.does(format!("PEXPIRETIME {chunk}")), primary.does(format!("PEXPIRETIME {chunk}")));
        wait_until("both have deleted the chunk", || {
            primary.does("DBSIZE").integer() == 1 && replica.does("DBSIZE").integer() == 1
        });
        primary.does("SIM.RECORD s item SIGNATURE i 1 a");
        replica.catch_up_with(&primary);
        assert_eq!(replica.digest(), primary.digest());
        replica.validate_all();
    }
}

/// The events that a subscriber got up to the message on the channel `end`, as `key event`.
fn heard(listener: &Client) -> Vec<String> {
    let mut events = Vec::new();
    loop {
        let message = listener.receive();
        let parts: Vec<String> = message.array().iter().map(|part| part.text()).collect();
        if parts[1] == "end" {
            return events;
        }
        let key = parts[2].strip_prefix("__keyspace@0__:").expect("a keyspace event");
        events.push(format!("{key} {}", parts[3]));
    }
}
