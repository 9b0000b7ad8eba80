//! The types of replies in RESP2 and RESP3, and commands inside transactions and scripts.

use testkit::{Kind, Server, on_each_server};

/// Ten bands, of which `one` and `two` share one; `three` is in another index too.
fn populated(kind: Kind) -> Server {
    let server = kind.start();
    server.does("SIM.CREATE s BANDS 10 ROWS 1 INTERVAL 0");
    server.does("SIM.RECORD s one SIGNATURE i 10 a b c d e f g h i j");
    server.does("SIM.RECORD s two SIGNATURE i 10 a 2 2 2 2 2 2 2 2 2");
    server.does("SIM.RECORD s three SIGNATURE i 10 3 b c d e f g 3 3 3 SIGNATURE j 10 a b c d e f g h i j");
    server
}

on_each_server! {
    fn resp2_sends_scores_as_the_shortest_decimal(kind: Kind) {
        let server = populated(kind);
        server.expect("SIM.COMPARE s one 1 i", "[[['one', '1'], ['three', '0.6'], ['two', '0.1']]]");
        server.expect("SIM.COMPARE s one 2 i j COMBINE", "[['one', '1', ['1', nil]], ['three', '0.3', ['0.6', '0']], ['two', '0.1', ['0.1', nil]]]");
    }

    fn resp3_sends_scores_as_doubles(kind: Kind) {
        let server = populated(kind);
        let client = server.client_resp3();
        client.expect("SIM.COMPARE s one 1 i", "[[['one', 1.0], ['three', 0.6], ['two', 0.1]]]");
        client.expect("SIM.CLASSIFY s SIGNATURE i 10 a b c d e f g h i j LIMIT 1", "[[['one', 1.0]]]");
        client.expect("SIM.CLASSIFY s SIGNATURE i 10 a b c d e f g h i j LIMIT 1 WITHCOUNTS", "[[['one', 1.0, 1]]]");
        client.expect("SIM.COMPARE s one 2 i j COMBINE WITHCOUNTS LIMIT 2", "[['one', 1.0, [1.0, nil], 1], ['three', 0.3, [0.6, 0.0], 2]]");
        client.expect("SIM.COMPARE s one 2 i j COMBINE", "[['one', 1.0, [1.0, nil]], ['three', 0.3, [0.6, 0.0]], ['two', 0.1, [0.1, nil]]]");
    }

    fn resp3_sends_maps(kind: Kind) {
        let server = populated(kind);
        server.does("SIM.CREATE t BANDS 2 ROWS 1");
        server.does("SIM.RECORD t item SIGNATURE i 2 x y");
        let client = server.client_resp3();
        let info = client.does("SIM.INFO t").to_string();
        assert!(info.starts_with("{'bands': 2,") && info.contains("'indexes': [['i', {'chunks': 1,"), "{info}");
        client.expect("SIM.INFO missing", "nil");
        let explained = client.does("SIM.EXPLAIN t i item item").to_string();
        assert!(explained.starts_with("{'score': 1.0,") && explained.contains("'bands': [{'share': 0.5,"), "{explained}");
        // RESP2 has flat arrays instead.
        let flat = server.does("SIM.INFO t").to_string();
        assert!(flat.starts_with("['bands', 2,") && flat.contains("'indexes', [['i', ['chunks', 1,"), "{flat}");
    }

    /// A client that decodes the keys of a map would take different ones for the same.
    fn no_map_has_keys_that_a_user_chose(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
        for index in [r#""\xff""#, r#""\xfe""#] {
            server.does(format!(r#"SIM.RECORD s item SIGNATURE {index} 1 "\xff" SIGNATURE {index} 1 "\xfe""#));
        }
        let resp3 = server.client_resp3();
        for client in [&*server, &resp3] {
            client.expect(r#"SIM.FREQUENCIES s "\xff" item"#, r"[[['\xfe', 1], ['\xff', 1]]]");
            let explained = client.does(r#"SIM.EXPLAIN s "\xff" item item"#);
            let buckets = explained.get("bands").array()[0].get("buckets").to_string();
            assert_eq!(buckets, r"[['\xfe', 1, 1], ['\xff', 1, 1]]");
            let info = client.does("SIM.INFO s");
            let names: Vec<&[u8]> = info.get("indexes").array().iter().map(|index| index.array()[0].bytes()).collect();
            assert_eq!(names, [b"\xfe", b"\xff"]);
        }
    }

    fn what_is_no_map_and_no_double_is_the_same_in_both(kind: Kind) {
        let server = populated(kind);
        let client = server.client_resp3();
        for command in [
            "SIM.CREATE s",
            "SIM.RECORD s four TEXT i \"\"",
            "SIM.MEMBERS s i 1 b",
            "SIM.FREQUENCIES s i one",
            "SIM.FREQUENCIES s i nobody",
            "SIM.COUNT s i 2 one nobody",
            "SIM.ASSIGN s four MINSCORE 1 TEXT i \"\"",
            "SIM.SIGNATURE s TEXT words",
            "SIM.MERGE s one i nobody",
            "SIM.DELETE s i nobody",
            "SIM.DROP missing",
            "SIM.COMPARE s nobody 2 i j",
            "SIM.CREATE s BANDS 11",
            "SIM.EXPORT s i one LIMIT 1",
        ] {
            assert_eq!(client.run(command), server.run(command), "{command}");
        }
    }

    fn every_command_works_in_a_transaction(server: Server) {
        server.expect("MULTI", "OK");
        for (command, _) in EACH {
            server.expect(command, "QUEUED");
        }
        let replies = server.does("EXEC");
        for ((command, reply), got) in EACH.iter().zip(replies.array()) {
            if !reply.is_empty() {
                assert_eq!(got.to_string(), *reply, "{command}");
            }
            assert!(!got.to_string().starts_with('!'), "{command}: {got}");
        }
        server.expect("DBSIZE", "0");
    }

    fn every_command_works_in_a_script(server: Server) {
        for (command, reply) in EACH {
            let words: Vec<&str> = command.split(' ').collect();
            let arguments = [&words[..1], &words[2..]].concat().join(" ");
            let script = "local a = {unpack(ARGV, 2)} return redis.call(ARGV[1], KEYS[1], unpack(a))";
            let got = server.does(format!("EVAL \"{script}\" 1 {} {arguments}", words[1]));
            if !reply.is_empty() {
                assert_eq!(got.to_string(), reply, "{command}");
            }
        }
        server.expect("DBSIZE", "0");
    }

    fn an_import_works_in_a_transaction_and_a_script(kind: Kind) {
        let server = populated(kind);
        let blob = server.does("SIM.EXPORT s i one").array()[0].bytes().to_vec();
        server.does("MULTI");
        assert_eq!(server.call(&[b"SIM.IMPORT", b"s".as_slice(), b"i", b"new", &blob]).to_string(), "QUEUED");
        server.expect("EXEC", "[[1]]");
        let script = b"return redis.call('SIM.IMPORT', KEYS[1], 'i', 'new', ARGV[1])";
        assert_eq!(server.call(&[b"EVAL".as_slice(), script, b"1", b"s", &blob]).to_string(), "[1]");
        server.expect("SIM.COMPARE s new 1 i LIMIT 2", "[[['new', '1'], ['one', '1']]]");
    }

    fn an_error_in_a_script_can_be_caught(server: Server) {
        server.expect("EVAL \"return redis.pcall('SIM.CREATE', KEYS[1], 'BANDS', '0').err ~= nil\" 1 s", "1");
        server.expect("EXISTS s", "0");
    }

    fn the_server_knows_each_commands_key_and_kind(server: Server) {
        for (command, _) in EACH {
            server.expect(format!("COMMAND GETKEYS {command}"), "['s']");
        }
        let flags = |name: &str| server.does(format!("COMMAND INFO {name}")).array()[0].array()[2].to_string();
        for name in ["SIM.CREATE", "SIM.RECORD", "SIM.MERGE", "SIM.ASSIGN", "SIM.IMPORT"] {
            assert!(flags(name).contains("write") && flags(name).contains("denyoom"), "{name}: {}", flags(name));
        }
        for name in ["SIM.DELETE", "SIM.DROP", "SIM.ALTER", "SIM.SWEEP"] {
            assert!(flags(name).contains("write") && !flags(name).contains("denyoom"), "{name}: {}", flags(name));
        }
        for name in ["SIM.CLASSIFY", "SIM.COMPARE", "SIM.FREQUENCIES", "SIM.COUNT", "SIM.MEMBERS", "SIM.SIGNATURE", "SIM.INFO", "SIM.EXPLAIN", "SIM.SIGNIFICANT", "SIM.SCAN", "SIM.EXPORT"] {
            assert!(flags(name).contains("readonly"), "{name}: {}", flags(name));
        }
    }
}

/// Each command once, with its reply (empty: any), on a server that is empty before and after.
const EACH: [(&str, &str); 22] = [
    ("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 0", "OK"),
    ("SIM.RECORD s one SIGNATURE i 2 a b", "[[1, 1]]"),
    ("SIM.RECORD s two SIGNATURE i 2 a c", "[[1, 1]]"),
    ("SIM.CLASSIFY s SIGNATURE i 2 a b", "[[['one', '1'], ['two', '0.5']]]"),
    ("SIM.COMPARE s two 1 i NOSELF", "[[['one', '0.5']]]"),
    ("SIM.COMPARE s two 1 i MATCH o* WITHCOUNTS", "[[['one', '0.5', 1]]]"),
    ("SIM.COMPARE s two 1 i COMBINE WITHCOUNTS NOSELF", "[['one', '0.5', ['0.5'], 1]]"),
    ("SIM.FREQUENCIES s i one", "[[['a', 1]], [['b', 1]]]"),
    ("SIM.COUNT s i 3 one nobody two", "[1, 0, 1]"),
    ("SIM.MEMBERS s i 0 a", "['one', 'two']"),
    ("SIM.SIGNATURE s TEXT words", ""),
    ("SIM.INFO s", ""),
    ("SIM.EXPLAIN s i one two", ""),
    ("SIM.SIGNIFICANT s i one LIMIT 1", "[[1, 'b', '1.4054651081081644', 1, 1]]"),
    ("SIM.SCAN s i 0", "['0', ['two', 1, 'one', 1]]"),
    ("SIM.EXPORT s i one i nobody", ""),
    ("SIM.ALTER s RETENTION 5", "OK"),
    ("SIM.MERGE s one i two", "1"),
    ("SIM.ASSIGN s three MINSCORE 0.5 SIGNATURE i 2 a b", "['one', '0.75', 0]"),
    ("SIM.DELETE s i one i nobody", "1"),
    ("SIM.RECORD s two SIGNATURE i 2 a c", "[[1, 1]]"),
    ("SIM.DROP s", "1"),
];
