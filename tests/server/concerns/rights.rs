//! Access control by command, by category and by key.

use testkit::{Client, Kind, Server, on_each_server, varint, wait_until, words};

const NO_KEY: &str = "!NOPERM";

/// A connection of a user with these rules.
fn user(server: &Server, name: &str, rules: &str) -> Client {
    server.expect(format!("ACL SETUSER {name} on >secret {rules}"), "OK");
    let client = server.client();
    client.expect(format!("AUTH {name} secret"), "OK");
    client
}

/// Every command on a scope, in an order in which each has something to do.
fn commands(scope: &str) -> Vec<String> {
    [
        "SIM.CREATE $ BANDS 1 ROWS 1 INTERVAL 3600",
        "SIM.RECORD $ item SIGNATURE i 1 b",
        "SIM.RECORD $ other SIGNATURE i 1 b",
        "SIM.CLASSIFY $ SIGNATURE i 1 b",
        "SIM.COMPARE $ item 1 i",
        "SIM.COMPARE $ item 1 i MATCH * WITHCOUNTS",
        "SIM.FREQUENCIES $ i item",
        "SIM.COUNT $ i 2 item other",
        "SIM.MEMBERS $ i 0 b",
        "SIM.SIGNATURE $ TEXT words",
        "SIM.INFO $",
        "SIM.EXPLAIN $ i item other",
        "SIM.SIGNIFICANT $ i item",
        "SIM.SCAN $ i 0",
        "SIM.EXPORT $ i item",
        "SIM.ASSIGN $ item MINSCORE 2 SIGNATURE i 1 b",
        "SIM.ALTER $ RETENTION 4",
        "SIM.MERGE $ item i other",
        "SIM.DELETE $ i item",
        "SIM.DROP $",
    ]
    .iter()
    .map(|command| command.replace('$', scope))
    .collect()
}

fn script(command: &str) -> String {
    let words: Vec<String> = words(command).iter().map(|word| format!("'{}'", word.escape_ascii())).collect();
    format!("return redis.call({})", words.join(", "))
}

/// A scope `renamed` that was created as `first`.
fn renamed(server: &Server) {
    server.does("SIM.CREATE first BANDS 1 ROWS 1 INTERVAL 3600");
    server.does("SIM.RECORD first item SIGNATURE i 1 b");
    server.does("RENAME first renamed");
}

/// A dump of a scope, changed to say that it was saved under another name. The checksum stays: the server is told not
/// to check it.
fn forged(dump: &[u8], saved_as: &[u8], now: &[u8]) -> Vec<u8> {
    let named = |name: &[u8]| [varint(name.len() as u64), name.to_vec()].concat();
    forged_head(dump, &named(saved_as), &named(now))
}

/// A dump of a scope whose first bytes are replaced by others.
fn forged_head(dump: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    // type, id, opcode, then a string of less than 2^14 bytes: its length takes one byte, or two
    let (length, rest) = match dump[11] >> 6 {
        0 => (usize::from(dump[11]), &dump[12..]),
        1 => (usize::from(dump[11] & 0x3f) << 8 | usize::from(dump[12]), &dump[13..]),
        _ => panic!("a longer string: {}", dump.escape_ascii()),
    };
    let (part, rest) = rest.split_at(length);
    let part = [new, part.strip_prefix(old).expect("the head")].concat();
    let length = (part.len() as u16 | 0x4000).to_be_bytes();
    [&dump[..11], &length, &part, rest].concat()
}

/// A dump of a scope of this name, changed to have another uid.
fn with_uid(dump: &[u8], scope: &str, old: &str, new: &str) -> Vec<u8> {
    let head = |uid: &str| {
        let uid = u64::from_str_radix(uid, 16).expect("a uid");
        [varint(scope.len() as u64), scope.as_bytes().to_vec(), varint(uid)].concat()
    };
    forged_head(dump, &head(old), &head(new))
}

on_each_server! {
    fn rights_to_the_scope_alone_are_enough(server: Server) {
        let alice = user(&server, "alice", "resetkeys ~mine ~{mine} ~x{mine}y +@all");
        for scope in ["mine", "{mine}", "x{mine}y"] {
            for command in commands(scope) {
                alice.does(&command);
            }
            for command in commands(scope) {
                alice.does(format!("EVAL \"{}\" 1 {scope}", script(&command)));
            }
            alice.does("MULTI");
            for command in commands(scope) {
                alice.expect(command, "QUEUED");
            }
            let replies = alice.does("EXEC").to_string();
            assert!(!replies.contains('!'), "{replies}");
        }
        server.expect("DBSIZE", "0");
    }

    fn who_may_not_touch_a_scope_does_nothing_to_it(server: Server) {
        server.does("SIM.CREATE theirs BANDS 1 ROWS 1 INTERVAL 3600");
        server.does("SIM.RECORD theirs item SIGNATURE i 1 b");
        server.does("FUNCTION LOAD \"#!lua name=f\nredis.register_function('f', function(k, a) return redis.call(unpack(a)) end)\"");
        // Full rights to the chunks are not enough.
        let bob = user(&server, "bob", "resetkeys ~mine ~{theirs}:* +@all");
        let before = server.digest();
        for command in commands("theirs") {
            for attempt in [
                command.clone(),
                format!("EVAL \"{}\" 1 theirs", script(&command)),
                format!("EVAL \"{}\" 1 mine", script(&command)),
                format!("EVAL \"{}\" 0", script(&command)),
                format!("FCALL f 0 {command}"),
                format!("FCALL f 1 mine {command}"),
            ] {
                let refusal = bob.refusal(&attempt);
                assert!(refusal.contains("NOPERM") || refusal.contains("No permissions") || refusal.contains("can't access"), "{attempt}: {refusal}");
            }
            bob.does("MULTI");
            assert!(bob.run(&command).to_string().starts_with(NO_KEY), "{command}");
            assert!(bob.refusal("EXEC").starts_with("EXECABORT"));
        }
        assert_eq!(server.digest(), before);
    }

    fn who_may_only_read_a_scope_writes_nothing(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600");
        server.does("SIM.RECORD s item SIGNATURE i 1 b");
        let reader = user(&server, "reader", "resetkeys %R~s +@all");
        let writer = user(&server, "writer", "resetkeys %W~s +@all");
        let before = server.digest();
        for command in commands("s") {
            let reads = ["CLASSIFY", "COMPARE", "FREQUENCIES", "COUNT", "MEMBERS", "SIGNATURE", "INFO", "EXPLAIN", "SIGNIFICANT", "SCAN", "EXPORT"];
            if reads.iter().any(|read| command.starts_with(&format!("SIM.{read} "))) {
                reader.does(&command);
                assert!(writer.refusal(&command).starts_with("NOPERM"), "{command}");
            } else {
                assert!(reader.refusal(&command).starts_with("NOPERM"), "{command}");
            }
        }
        assert_eq!(server.digest(), before);
    }

    fn an_import_is_a_write(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600");
        server.does("SIM.RECORD s item SIGNATURE i 1 b");
        let blob = server.does("SIM.EXPORT s i item").array()[0].bytes().to_vec();
        let import = |client: &Client| client.call(&[b"SIM.IMPORT", b"s".as_slice(), b"i", b"new", &blob]).to_string();
        assert!(import(&user(&server, "reader", "resetkeys %R~s +@all")).starts_with(NO_KEY));
        assert!(import(&user(&server, "other", "resetkeys ~t +@all")).starts_with(NO_KEY));
        assert_eq!(import(&user(&server, "owner", "resetkeys ~s +@all")), "[1]");
        server.does("RENAME s renamed");
        let renamed = user(&server, "renamer", "resetkeys ~renamed +@all");
        let refusal = renamed.call(&[b"SIM.IMPORT", b"renamed".as_slice(), b"i", b"new", &blob]).to_string();
        assert!(refusal.starts_with(NO_KEY), "{refusal}");
    }

    fn categories_hold_the_commands(kind: Kind) {
        let server = kind.start();
        if kind == Kind::Redis7_0 {
            return; // a module cannot name categories there
        }
        let of = |category: &str| server.does(format!("ACL CAT {category}")).to_string().to_lowercase();
        for command in commands("s") {
            let name = command.split(' ').next().expect("a name").to_lowercase();
            assert!(of("similarity").contains(&format!("'{name}'")), "{name}");
            let is_read = of("read").contains(&format!("'{name}'"));
            assert_ne!(is_read, of("write").contains(&format!("'{name}'")), "{name}");
        }
        let only = user(&server, "only", "~* -@all +@similarity");
        commands("s").iter().for_each(|command| drop(only.does(command)));
        assert!(only.refusal("GET s").starts_with("NOPERM"));
        let none = user(&server, "none", "~* +@all -@similarity");
        commands("s").iter().for_each(|command| assert!(none.refusal(command).starts_with("NOPERM"), "{command}"));
        let reader = user(&server, "reader", "~* -@all +@read");
        server.does("SIM.RECORD s item TEXT i words");
        reader.does("SIM.COMPARE s item 1 i");
        assert!(reader.refusal("SIM.DELETE s i item").starts_with("NOPERM"));
    }

    fn what_is_for_replication_alone_is_refused_to_everybody(server: Server) {
        for attempt in ["SIM.CREATE s UID 00000000000000ab", "SIM.CREATE s TAG {other}", "SIM.LOAD s c"] {
            let direct = server.refusal(attempt);
            assert!(direct.contains("only for replication and the AOF"), "{direct}");
            let scripted = server.refusal(format!("EVAL \"{}\" 1 s", script(attempt)));
            assert!(scripted.contains("only for replication and the AOF"), "{scripted}");
            server.does("MULTI");
            server.does(attempt);
            assert!(server.does("EXEC").to_string().contains("only for replication and the AOF"));
        }
        server.expect("DBSIZE", "0");
    }

    fn the_chunks_of_a_renamed_scope_need_rights_of_their_own(server: Server) {
        renamed(&server);
        let only_scope = user(&server, "only_scope", "resetkeys ~renamed +@all");
        let read_too = user(&server, "read_too", "resetkeys ~renamed %R~{first}:* +@all");
        let all = user(&server, "all", "resetkeys ~renamed ~{first}:* +@all");
        let before = server.digest();
        let refused = |client: &Client, command: &str| {
            for attempt in [command.to_string(), format!("EVAL \"{}\" 1 renamed", script(command))] {
                let refusal = client.refusal(&attempt);
                assert!(refusal.contains("NOPERM"), "{attempt}: {refusal}");
            }
            client.does("MULTI");
            client.expect(command, "QUEUED");
            let refusal = client.does("EXEC").to_string();
            assert!(refusal.contains("NOPERM"), "{command}: {refusal}");
        };
        for command in commands("renamed").iter().filter(|c| !c.contains("CREATE") && !c.contains("SIGNATURE $")) {
            if command.starts_with("SIM.SIGNATURE") {
                only_scope.does(command); // touches no chunk
                continue;
            }
            refused(&only_scope, command);
            let is_write = ["RECORD", "MERGE", "DELETE", "DROP", "ASSIGN", "ALTER"].iter().any(|write| command.contains(write));
            if is_write {
                refused(&read_too, command);
            } else {
                read_too.does(command);
            }
        }
        assert_eq!(server.digest(), before, "nothing was changed");
        commands("renamed").iter().filter(|c| !c.contains("CREATE")).for_each(|command| drop(all.does(command)));
        server.expect("DBSIZE", "0");
    }

    fn a_forged_scope_reaches_nobodys_chunks(kind: Kind) {
        let server = kind.launch().options("--rdbcompression no").start();
        server.does("SIM.CREATE theirs BANDS 1 ROWS 1 INTERVAL 0");
        server.does("SIM.RECORD theirs item SIGNATURE i 1 b");
        server.expect("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1", "OK");
        let mallory = user(&server, "mallory", "resetkeys ~mine +@all");
        let dump = server.does("DUMP theirs");
        let payload = forged(dump.bytes(), b"theirs", b"mine");
        // The payload says that it was saved as `mine`, but has the tag, the uid and the chunks of `theirs`.
        assert_eq!(mallory.call(&[b"RESTORE", b"mine".as_slice(), b"0", &payload]).to_string(), "OK");
        let before = server.digest();
        for command in commands("mine") {
            if ["CREATE", "SIGNATURE mine"].iter().any(|harmless| command.contains(harmless)) {
                continue;
            }
            for attempt in [command.clone(), format!("EVAL \"{}\" 1 mine", script(&command)), format!("EVAL \"{}\" 0", script(&command))] {
                assert!(mallory.refusal(&attempt).contains("NOPERM"), "{attempt}");
            }
        }
        assert_eq!(server.digest(), before);
        server.expect("SIM.COMPARE theirs item 1 i", "[[['item', '1']]]");
        let chunk = server.only_chunk();
        let copy = server.does(format!("DUMP {chunk}"));
        let forgery = mallory.call(&[b"RESTORE", chunk.as_bytes(), b"0", copy.bytes(), b"REPLACE"]).to_string();
        assert!(forgery.starts_with("!NOPERM"), "{forgery}");
    }

    /// The names `theirs` and `{theirs}` have the same tag, but rights to the one give none to the other.
    fn a_scope_forged_under_the_tag_reaches_nobodys_chunks(kind: Kind) {
        for (theirs, mine) in [("theirs", "{theirs}"), ("{theirs}", "theirs")] {
            let server = kind.launch().options("--rdbcompression no").start();
            server.does(format!("SIM.CREATE {theirs} BANDS 1 ROWS 1 INTERVAL 0"));
            server.does(format!("SIM.RECORD {theirs} item SIGNATURE i 1 b"));
            server.expect("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1", "OK");
            let mallory = user(&server, "mallory", &format!("resetkeys ~{mine} +@all"));
            let payload = forged(server.does(format!("DUMP {theirs}")).bytes(), theirs.as_bytes(), mine.as_bytes());
            assert_eq!(mallory.call(&[b"RESTORE", mine.as_bytes(), b"0", &payload]).to_string(), "OK");
            let before = server.digest();
            for command in commands(mine) {
                if !["CREATE", "SIM.SIGNATURE"].iter().any(|harmless| command.contains(harmless)) {
                    assert!(mallory.refusal(&command).contains("NOPERM"), "{command}");
                }
            }
            assert_eq!(server.digest(), before);
            server.expect(format!("SIM.COMPARE {theirs} item 1 i"), "[[['item', '1']]]");
            server.expect(format!("SIM.DROP {theirs}"), "1");
        }
    }

    /// Who gives a scope the uid of another one might make the name of a chunk come out as that of the other's, by
    /// moving what is between two colons from the index into the scope's name.
    fn a_scope_forged_with_a_longer_name_reaches_nobodys_chunks(kind: Kind) {
        let server = kind.launch().options("--rdbcompression no").start();
        server.expect("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1", "OK");
        let uid = |scope: &str| server.does(format!("SIM.INFO {scope}")).get("uid").text();
        server.does("SIM.CREATE i:{7} BANDS 1 ROWS 1 INTERVAL 0");
        let theirs = uid("i:{7}");
        let (long, longer) = ("i:{7}:message".to_string(), format!("i:{{7}}:{theirs}:0"));
        for mine in [&long, &longer] {
            server.does(format!("SIM.CREATE {mine} BANDS 1 ROWS 1 INTERVAL 0"));
        }
        let of_longer = format!("{}:0:v2", uid(&longer));
        for index in ["message:v2", &of_longer] {
            server.does(format!("SIM.RECORD i:{{7}} item SIGNATURE {index} 1 b"));
        }
        let (chunks, before) = (server.chunks(), server.does("SIM.INFO i:{7}"));
        for mine in [&long, &longer] {
            let mallory = user(&server, "mallory", &format!("resetkeys ~{mine} +@all"));
            let dump = server.does(format!("DUMP {mine}"));
            let payload = with_uid(dump.bytes(), mine, &uid(mine), &theirs);
            for payload in [dump.bytes(), &payload] {
                assert_eq!(mallory.call(&[b"RESTORE", mine.as_bytes(), b"0", payload, b"REPLACE"]).to_string(), "OK");
                mallory.expect(format!("SIM.RECORD {mine} item SIGNATURE v2 1 b"), "[[1]]");
                mallory.expect(format!("SIM.DROP {mine} v2"), "1");
            }
        }
        assert_eq!((server.chunks(), server.does("SIM.INFO i:{7}")), (chunks, before));
    }

    fn a_sweep_frees_only_what_the_caller_may_delete(server: Server) {
        server.does("CONFIG SET simile.del-frees-chunks no");
        for scope in ["mine", "theirs"] {
            server.does(format!("SIM.RECORD {scope} item TEXT i words"));
            server.does(format!("DEL {scope}"));
        }
        let reader = user(&server, "reader", "resetkeys %R~* +@all");
        let mallory = user(&server, "mallory", "resetkeys ~mine ~theirs +@all");
        for client in [&reader, &mallory] {
            client.expect("SIM.SWEEP 0", "['0', 0]");
            client.expect(format!("EVAL \"{}\" 0", script("SIM.SWEEP 0")), "['0', 0]");
        }
        let owner = user(&server, "owner", "resetkeys %W~{mine}:* +@all");
        owner.expect("SIM.SWEEP 0", "['0', 1]");
        assert!(server.only_chunk().starts_with("{theirs}:"));
        server.expect("SIM.SWEEP 0", "['0', 1]");
    }

    /// The forged scope has the tag, the uid and the directory of one that was lost.
    fn del_of_a_forged_scope_frees_nobodys_chunks(kind: Kind) {
        if !kind.frees_chunks_at_del() {
            return;
        }
        let server = kind.launch().options("--rdbcompression no").start();
        server.expect("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1", "OK");
        server.does("SIM.CREATE theirs BANDS 1 ROWS 1 INTERVAL 0");
        server.does("SIM.RECORD theirs item SIGNATURE i 1 b");
        let chunk = server.only_chunk();
        let payload = forged(server.does("DUMP theirs").bytes(), b"theirs", b"mine");
        let mallory = user(&server, "mallory", "resetkeys ~mine ~last +@all");
        for is_lost in [false, true] {
            if is_lost {
                server.does("SET theirs lost");
            }
            assert_eq!(mallory.call(&[b"RESTORE", b"mine".as_slice(), b"0", &payload]).to_string(), "OK");
            mallory.expect("DEL mine", "1");
            mallory.does("SIM.RECORD last item TEXT i words");
            mallory.does("DEL last");
            wait_until("the last chunk is freed", || server.chunks().len() == 1);
            assert_eq!(server.only_chunk(), chunk);
        }
    }

    /// A replica obeys its primary whatever its own users may do; its own clients are checked.
    fn a_replica_lives_through_the_writes_to_a_renamed_scope(kind: Kind) {
        let (primary, replica) = (kind.launch().options("--appendonly yes").start(), kind.launch().options("--appendonly yes").start());
        replica.follow(&primary);
        renamed(&primary);
        let alice = user(&primary, "alice", "resetkeys ~renamed ~{first}:* +@all");
        alice.does("SIM.RECORD renamed new SIGNATURE i 1 b SIGNATURE j 1 b");
        alice.does(format!("EVAL \"{}\" 1 renamed", script("SIM.RECORD renamed scripted SIGNATURE k 1 b")));
        alice.does("SIM.MERGE renamed new i item");
        alice.does("SIM.DELETE renamed j new");
        replica.catch_up_with(&primary);
        assert_eq!(replica.digest(), primary.digest());
        let reader = user(&replica, "reader", "resetkeys ~renamed +@all");
        assert!(reader.refusal("SIM.COMPARE renamed new 1 i").starts_with("NOPERM"));
        replica.does("SIM.COMPARE renamed new 1 i");
        replica.finish_rewriting();
        let digest = primary.digest();
        let (primary, replica) = (primary.restart(), replica.restart());
        assert_eq!((primary.digest(), replica.digest()), (digest.clone(), digest), "loaded from the AOF");
    }
}
