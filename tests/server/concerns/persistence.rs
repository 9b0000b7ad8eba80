//! Data that return: from RDB, from the append-only file, by DUMP and RESTORE, and on a replica.

use testkit::{Kind, Reply, Server, on_each_server};

/// Creates scopes of every kind: with binary names, a hash tag, without expiry, emptied, renamed.
fn populate(server: &Server) {
    let now = server.now_inside(3600);
    server.does("SIM.CREATE s BANDS 3 ROWS 2 INTERVAL 3600 RETENTION 12 HASH MURMUR3 SEED 9 MODULUS 65535 SHINGLE WORDS 2 LOWERCASE yes MASK yes");
    server.does(r#"SIM.CREATE "{t\x00g}\xff" BANDS 2 ROWS 1 INTERVAL 3600 RETENTION 2"#);
    server.does("SIM.CREATE for-ever BANDS 1 ROWS 1 INTERVAL 0");
    server.does("SIM.CREATE empty BANDS 7");
    for n in 0..300 {
        let t = now - n % 13 * 3600;
        server.does(format!(
            "SIM.RECORD s item{} TIMESTAMP {t} SIGNATURE i 3 a{} b{} c{}",
            n % 40,
            n % 3,
            n % 7,
            n % 11
        ));
        server.does(format!(
            "SIM.RECORD s item{} TIMESTAMP {t} TEXT words \"this is message {n} of thread {}\"",
            n % 40,
            n % 5
        ));
        server.does(format!(
            r#"SIM.RECORD "{{t\x00g}}\xff" "\x00{}\xff" SIGNATURE "\x00" 2 "" "\xff\x00{}""#,
            n % 6,
            n % 4
        ));
        server.does(format!("SIM.RECORD for-ever item{} SIGNATURE i 1 b{}", n % 40, n % 9));
    }
    server.does("SIM.RECORD emptied item TEXT i \"a few words\"");
    server.does("SIM.DELETE emptied i item");
    server.does("SIM.MERGE s item1 * item2 * item3");
    server.does("SIM.DELETE s * item4");
    server.does("SIM.RECORD before item TEXT i \"a few words\"");
    server.does("RENAME before after");
    server.does("SIM.RECORD after item TEXT i \"a few more words\"");
}

/// All that must survive: the digest of the keyspace, the expiry of each key, and replies.
#[derive(PartialEq, Debug)]
struct Held {
    digest: String,
    keys: Vec<(String, i64)>,
    answers: Vec<String>,
}

fn held(server: &Server) -> Held {
    server.validate_all();
    let mut keys: Vec<(String, i64)> = server
        .does("KEYS *")
        .array()
        .iter()
        .map(|key| (key.to_string(), server.call(&[b"PEXPIRETIME", key.bytes()]).integer()))
        .collect();
    keys.sort();
    let answers = [
        "SIM.COMPARE s item1 2 i words LIMIT 0",
        "SIM.COMPARE s item7 2 i words COMBINE LIMIT 0",
        "SIM.CLASSIFY s TEXT words \"This is MESSAGE 5000 of thread 3\"",
        r#"SIM.COMPARE "{t\x00g}\xff" "\x003\xff" 1 "\x00" LIMIT 0"#,
        r#"SIM.MEMBERS "{t\x00g}\xff" "\x00" 1 "\xff\x002""#,
        "SIM.COMPARE for-ever item5 1 i LIMIT 0",
        "SIM.COMPARE after item 1 i",
        "SIM.SIGNATURE s TEXT \"This is MESSAGE 5000 of thread 3\"",
        "SIM.SIGNATURE empty TEXT \"seven bands\"",
    ];
    let answers = answers.iter().map(|question| server.does(question).to_string()).collect();
    Held { digest: server.digest(), keys, answers }
}

/// Renames scopes just before they are saved: a scope keeps its tag and its uid.
fn rename(server: &Server) {
    server.expect("RENAME s z", "OK");
    server.expect("RENAME z s", "OK");
    server.expect("RENAME after {other}place", "OK");
    server.expect("RENAME {other}place after", "OK");
    server.does("SIM.RECORD young item SIGNATURE i 16 a b c d e f g h i j k l m n o p");
    server.expect("RENAME young old", "OK");
}

/// Checks the replies of a renamed scope, whichever way the server came by it.
fn renamed_answers(server: &Server) {
    server.expect("SIM.COMPARE old item 1 i", "[[['item', '1']]]");
    server.expect("SIM.COMPARE young item 1 i", "[[]]");
    let more = server.does("SIM.RECORD old item SIGNATURE i 16 a b c d e f g h i j k l m n o p");
    assert_eq!(more.array()[0].array(), [const { Reply::Integer(2) }; 16]);
}

on_each_server! {
    fn a_restart_from_rdb_loses_nothing(server: Server) {
        populate(&server);
        rename(&server);
        let before = held(&server);
        server.expect("SAVE", "OK");
        let server = server.restart();
        assert_eq!(held(&server), before);
        renamed_answers(&server);
    }

    fn debug_reload_loses_nothing(server: Server) {
        populate(&server);
        rename(&server);
        let before = held(&server);
        server.expect("DEBUG RELOAD", "OK");
        assert_eq!(held(&server), before);
        renamed_answers(&server);
    }

    fn a_restart_from_the_aof_as_written_loses_nothing(kind: Kind) {
        let server = kind.launch().options("--appendonly yes").start();
        populate(&server);
        rename(&server);
        let before = held(&server);
        let server = server.restart();
        assert_eq!(held(&server), before);
        renamed_answers(&server);
    }

    fn a_restart_from_a_rewritten_aof_loses_nothing(kind: Kind) {
        for preamble in ["no", "yes"] {
            let server = kind.launch().options(&format!("--appendonly yes --aof-use-rdb-preamble {preamble}")).start();
            populate(&server);
            rename(&server);
            let before = held(&server);
            server.rewrite_aof();
            let server = server.restart();
            assert_eq!(held(&server), before, "aof-use-rdb-preamble {preamble}");
            renamed_answers(&server);
            let after = held(&server);
            let server = server.restart();
            assert_eq!(held(&server), after, "written after a rewrite, aof-use-rdb-preamble {preamble}");
        }
    }

    fn a_rewritten_aof_does_not_depend_on_the_order_of_keys(kind: Kind) {
        // With many scopes some chunks are read before their scope and some after it.
        let server = kind.launch().options("--appendonly yes --aof-use-rdb-preamble no").start();
        for n in 0..60 {
            server.does(format!("SIM.RECORD s{n} item TEXT i \"text number {n}\" TEXT j \"another\""));
        }
        let before = server.digest();
        server.rewrite_aof();
        let server = server.restart();
        assert_eq!(server.digest(), before);
        for n in 0..60 {
            server.expect(format!("SIM.COMPARE s{n} item 2 i j"), "[[['item', '1']], [['item', '1']]]");
        }
        server.validate_all();
    }

    fn replicas_hold_the_same(kind: Kind) {
        let primary = kind.start();
        let early = kind.start();
        early.follow(&primary);
        populate(&primary);
        let late = kind.start();
        late.follow(&primary);
        rename(&primary);
        primary.does("SIM.RECORD s item9 SIGNATURE i 3 after all replicas");
        early.catch_up_with(&primary);
        late.catch_up_with(&primary);
        let expected = held(&primary);
        assert_eq!(held(&early), expected, "the replica that was there before");
        assert_eq!(held(&late), expected, "the replica that came after");
    }

    fn a_lost_chunk_is_lost_alike_on_a_replica(kind: Kind) {
        let primary = kind.launch().options("--appendonly yes").start();
        let replica = kind.start();
        replica.follow(&primary);
        primary.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 3");
        let now = primary.now_inside(3600);
        for write in ["SIM.RECORD s item SIGNATURE i 1 b", "SIM.DELETE s * item", "SIM.MERGE s other * item", "SIM.DROP s i", "SIM.DROP s"] {
            for t in [now, now - 3600] {
                primary.does(format!("SIM.RECORD s item TIMESTAMP {t} SIGNATURE i 1 a SIGNATURE j 1 a"));
            }
            let chunks = primary.chunks();
            primary.does(format!("DEL {} {}", chunks[0], chunks[3]));
            primary.does(write);
            replica.catch_up_with(&primary);
            assert_eq!(replica.digest(), primary.digest(), "{write}");
            replica.validate_all();
        }
        let digest = primary.digest();
        assert_eq!(primary.restart().digest(), digest);
    }

    fn a_replica_restarts_from_its_own_aof(kind: Kind) {
        let primary = kind.start();
        let replica = kind.launch().options("--appendonly yes").start();
        replica.follow(&primary);
        populate(&primary);
        rename(&primary);
        replica.catch_up_with(&primary);
        replica.finish_rewriting();
        let expected = held(&primary);
        drop(primary);
        let replica = replica.restart();
        assert_eq!(held(&replica), expected);
    }

    fn a_large_chunk_survives(kind: Kind) {
        let server = kind.launch().options("--appendonly yes --aof-use-rdb-preamble no").start();
        server.does("SIM.CREATE s BANDS 16 ROWS 1 INTERVAL 0");
        for n in 0..30_000 {
            let buckets: Vec<String> = (0..16).map(|band| format!("bucket-{}", n * 31 % (1000 + band))).collect();
            server.does(format!("SIM.RECORD s item-{n} SIGNATURE i 16 {}", buckets.join(" ")));
        }
        let before = server.digest();
        let answer = server.does("SIM.COMPARE s item-77 1 i LIMIT 0");
        server.expect("DEBUG RELOAD", "OK");
        assert_eq!(server.digest(), before, "RDB");
        server.rewrite_aof();
        let server = server.restart();
        assert_eq!(server.digest(), before, "AOF");
        assert_eq!(server.does("SIM.COMPARE s item-77 1 i LIMIT 0"), answer);
        server.validate_all();
    }

    fn restored_under_its_own_name_a_scope_has_its_data_back(server: Server) {
        server.does("CONFIG SET simile.del-frees-chunks no");
        server.does("SIM.RECORD s item TEXT i words");
        let dump = server.does("DUMP s");
        server.does("DEL s");
        server.expect("SIM.COMPARE s item 1 i", "[[]]");
        assert_eq!(server.call(&[b"RESTORE", b"s".as_slice(), b"0", dump.bytes()]).to_string(), "OK");
        server.expect("SIM.COMPARE s item 1 i", "[[['item', '1']]]");
    }

    fn restored_under_another_name_a_scope_begins_empty(server: Server) {
        server.does("SIM.CREATE s BANDS 3 ROWS 5 INTERVAL 60 RETENTION 9");
        server.does("SIM.RECORD s item TEXT i words");
        let dump = server.does("DUMP s");
        for name in ["copy", "other"] {
            assert_eq!(server.call(&[b"RESTORE", name.as_bytes(), b"0", dump.bytes()]).to_string(), "OK");
            server.expect(format!("SIM.CREATE {name} BANDS 3 ROWS 5 INTERVAL 60 RETENTION 9"), "OK");
            server.expect(format!("SIM.COMPARE {name} item 1 i"), "[[]]");
            server.expect(format!("SIM.RECORD {name} item TEXT i words"), "[[1, 1, 1]]");
        }
        server.expect("SIM.COMPARE s item 1 i", "[[['item', '1']]]");
        let mut uids: Vec<String> = server.chunks().iter().map(|chunk| chunk.rsplit(':').nth(2).unwrap().into()).collect();
        uids.sort();
        uids.dedup();
        assert_eq!(uids.len(), 3, "three scopes, three uids: {:?}", server.chunks());
    }

    fn restored_under_a_name_without_a_tag_a_scope_is_refused(server: Server) {
        server.does("SIM.RECORD s item TEXT i words");
        let dump = server.does("DUMP s");
        for name in ["q}r", "{}x", "x{y", ""] {
            let reply = server.call(&[b"RESTORE", name.as_bytes(), b"0", dump.bytes()]).to_string();
            assert!(reply.starts_with("!ERR"), "RESTORE {name:?}: {reply}");
        }
        assert_eq!(server.keys_of_type("sim-scope"), [b"s"]);
    }

    fn a_damaged_dump_is_refused_and_the_server_lives(server: Server) {
        server.does("CONFIG SET simile.del-frees-chunks no");
        server.does("SIM.CREATE s BANDS 2 ROWS 1");
        server.does("SIM.RECORD s item SIGNATURE i 2 left right");
        server.expect("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1", "OK");
        for key in ["s".to_string(), server.only_chunk()] {
            let whole = server.does(format!("DUMP {key}")).bytes().to_vec();
            server.does(format!("DEL {key}"));
            let (body, footer) = whole.split_at(whole.len() - 10);
            for length in 0..body.len() {
                let cut = [&body[..length], footer].concat();
                let reply = server.call(&[b"RESTORE", key.as_bytes(), b"0", &cut]).to_string();
                assert!(reply.starts_with("!ERR"), "{key} cut to {length} bytes: {reply}");
            }
            for offset in 1..body.len() {
                // The first byte is the server's, and says of which built-in type the value is.
                for bit in 0..8 {
                    let mut damaged = whole.clone();
                    damaged[offset] ^= 1 << bit;
                    let reply = server.call(&[b"RESTORE", key.as_bytes(), b"0", &damaged, b"REPLACE"]);
                    if reply == Reply::Status("OK".into()) {
                        // If RESTORE accepts another value, it satisfies the invariants.
                        if server.does(format!("TYPE {key}")).text().starts_with("sim-") {
                            server.expect(format!("SIM.DEBUG VALIDATE {key}"), "OK");
                        }
                    }
                }
            }
            let reply = server.call(&[b"RESTORE", key.as_bytes(), b"0", &whole, b"REPLACE"]).to_string();
            assert_eq!(reply, "OK", "{key} as it was");
        }
        server.expect("SIM.COMPARE s item 1 i", "[[['item', '1']]]");
        server.validate_all();
    }

    fn copy_is_refused(server: Server) {
        server.does("SIM.RECORD s item TEXT i words");
        let before = server.digest();
        for key in ["s".to_string(), server.only_chunk()] {
            server.refuses(format!("COPY {key} other"), "ERR not supported for this module key");
        }
        assert_eq!(server.digest(), before);
    }

    fn the_digest_depends_on_the_order_of_arrival_and_on_no_other(kind: Kind) {
        let (one, other) = (kind.start(), kind.start());
        one.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 0");
        let dump = one.does("DUMP s");
        other.call(&[b"RESTORE", b"s".as_slice(), b"0", dump.bytes()]); // the same uid
        let records: Vec<String> = (0..200).map(|n| format!("SIM.RECORD s item{} SIGNATURE i 2 a{} b{}", n % 17, n % 5, n % 3)).collect();
        records.iter().for_each(|record| drop(one.does(record)));
        // The first 17 are of different items: from then on the order changes nothing.
        let (arrivals, others) = records.split_at(17);
        arrivals.iter().chain(others.iter().rev()).for_each(|record| drop(other.does(record)));
        other.does("SIM.RECORD s passing SIGNATURE i 2 through here");
        other.does("SIM.DELETE s i passing");
        assert_eq!(other.digest(), one.digest());
        // Gone and back: the same observations, but it arrived last.
        let blob = one.does("SIM.EXPORT s i item3").array()[0].bytes().to_vec();
        other.does("SIM.DELETE s i item3");
        other.call(&[b"SIM.IMPORT", b"s".as_slice(), b"i", b"item3", &blob]);
        assert_ne!(other.digest(), one.digest());
    }
}
