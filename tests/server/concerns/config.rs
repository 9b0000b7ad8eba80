//! The module's settings: as arguments of loadmodule, in redis.conf, and by CONFIG SET.

use testkit::{Kind, Server, on_each_server};

/// Checks some parameters of a scope that is created now by default.
#[track_caller]
fn expect_defaults(server: &Server, parameters: &str) {
    server.does("SIM.RECORD probe item TEXT i words");
    server.expect(format!("SIM.CREATE probe {parameters}"), "OK");
    server.does("SIM.DROP probe");
}

on_each_server! {
    fn the_defaults_are_those_of_the_reference(server: Server) {
        for (name, value) in [
            ("bands", "16"),
            ("rows", "2"),
            ("interval", "2592000"),
            ("retention", "3"),
            ("hash", "FSS"),
            ("seed", "0"),
            ("lowercase", "no"),
            ("mask", "no"),
            ("sketch", "0"),
            ("score", "OVERLAP"),
            ("auto-create", "yes"),
            ("del-frees-chunks", "yes"),
            ("max-postings", "1000000"),
        ] {
            server.expect(format!("CONFIG GET simile.{name}"), format!("['simile.{name}', '{value}']"));
        }
    }

    fn arguments_of_loadmodule_set_the_defaults(kind: Kind) {
        let server = kind.launch().module("bands 32 ROWS 4 hash murmur3 seed 7 interval 60 retention 9 lowercase yes mask yes score jaccard sketch 64").start();
        server.expect("CONFIG GET simile.bands", "['simile.bands', '32']");
        server.expect("CONFIG GET simile.hash", "['simile.hash', 'MURMUR3']");
        expect_defaults(&server, "BANDS 32 ROWS 4 HASH MURMUR3 SEED 7 INTERVAL 60 RETENTION 9 LOWERCASE yes MASK yes SKETCH 64 SCORE JACCARD");
    }

    fn config_set_changes_what_comes_and_not_what_is(server: Server) {
        server.does("SIM.CREATE old");
        for (name, value) in [("bands", "8"), ("rows", "3"), ("interval", "60"), ("retention", "9"), ("hash", "MURMUR3"), ("seed", "5"), ("lowercase", "yes"), ("mask", "yes"), ("sketch", "128"), ("score", "JACCARD")] {
            server.expect(format!("CONFIG SET simile.{name} {value}"), "OK");
            server.expect(format!("CONFIG GET simile.{name}"), format!("['simile.{name}', '{value}']"));
        }
        expect_defaults(&server, "BANDS 8 ROWS 3 INTERVAL 60 RETENTION 9 HASH MURMUR3 SEED 5 LOWERCASE yes MASK yes SKETCH 128 SCORE JACCARD");
        server.does("SIM.CREATE new");
        server.expect("SIM.CREATE new BANDS 8 ROWS 3", "OK");
        server.expect("SIM.CREATE old BANDS 16 ROWS 2 HASH FSS SKETCH 0 SCORE OVERLAP", "OK");
        let signature = server.does("SIM.SIGNATURE nowhere TEXT words");
        assert_eq!(signature.array().len(), 8);
    }

    fn config_set_refuses_what_create_would(server: Server) {
        for (name, value) in [
            ("bands", "0"),
            ("bands", "1025"),
            ("bands", "many"),
            ("rows", "65"),
            ("interval", "-1"),
            ("interval", "4294967297"),
            ("retention", "1001"),
            ("hash", "sha1"),
            ("lowercase", "perhaps"),
            ("sketch", "15"),
            ("sketch", "4097"),
            ("sketch", "65552"),
            ("sketch", "-1"),
            ("score", "best"),
            ("auto-create", "perhaps"),
            ("max-postings", "-1"),
        ] {
            let before = server.does(format!("CONFIG GET simile.{name}"));
            let error = server.refusal(format!("CONFIG SET simile.{name} {value}"));
            assert!(error.starts_with("ERR ") && error.contains(&format!("simile.{name}")), "{name} {value}: {error}");
            assert_eq!(server.does(format!("CONFIG GET simile.{name}")), before);
        }
        expect_defaults(&server, "BANDS 16 ROWS 2 INTERVAL 2592000 RETENTION 3 HASH FSS LOWERCASE no");
    }

    fn config_set_refuses_more_slots_than_a_scope_may_have(server: Server) {
        server.expect("CONFIG SET simile.bands 1024 simile.rows 4", "OK");
        let error = server.refusal("CONFIG SET simile.rows 5");
        assert!(error.contains("bands times rows must be at most 4096, not 5120"), "{error}");
        expect_defaults(&server, "BANDS 1024 ROWS 4");
    }

    fn the_score_jaccard_needs_a_sketch(kind: Kind) {
        let needs = "score JACCARD needs a sketch: set sketch, too, for example to 256";
        let log = kind.launch().configuration("simile.score jaccard").fails();
        assert!(log.contains(needs), "{log}");
        let server = kind.start();
        let refuses = |command: &str| {
            let error = server.refusal(command);
            assert!(error.contains(needs), "{command}: {error}");
        };
        refuses("CONFIG SET simile.score JACCARD");
        expect_defaults(&server, "SKETCH 0 SCORE OVERLAP");
        server.expect("CONFIG SET simile.score JACCARD simile.sketch 256", "OK");
        refuses("CONFIG SET simile.sketch 0");
        server.expect("CONFIG SET simile.sketch 32", "OK");
        expect_defaults(&server, "SKETCH 32 SCORE JACCARD");
        server.expect("CONFIG SET simile.sketch 0 simile.score COVERAGE", "OK");
        expect_defaults(&server, "SKETCH 0 SCORE COVERAGE");
    }

    fn what_create_gives_goes_before_the_settings(kind: Kind) {
        let server = kind.launch().module("sketch 64 score jaccard").start();
        for (parameters, sketch, score) in [
            ("", 64, "JACCARD"),
            ("SKETCH 0", 0, "OVERLAP"), // without a sketch the score of the settings is impossible
            ("SKETCH 16", 16, "JACCARD"),
            ("SCORE COVERAGE", 64, "COVERAGE"),
            ("THRESHOLD 0.8", 64, "JACCARD"),
        ] {
            server.does(format!("SIM.CREATE s {parameters}"));
            let info = server.does("SIM.INFO s");
            assert_eq!((info.get("sketch").integer(), info.get("score").text().as_str()), (sketch, score), "{parameters}");
            server.does("SIM.DROP s");
        }
        server.does("SIM.RECORD s item TEXT i words");
        server.expect("SIM.COMPARE s item 1 i", "[[['item', '1']]]");
        server.expect("SIM.CREATE s SCORE JACCARD", "OK");
    }

    fn lines_of_redis_conf_set_the_defaults(kind: Kind) {
        let server = kind.launch().configuration("simile.score jaccard\nsimile.sketch 512\nsimile.bands 12\nsimile.hash murmur3\nsimile.auto-create no\n").start();
        server.expect("CONFIG GET simile.bands", "['simile.bands', '12']");
        server.expect("CONFIG GET simile.auto-create", "['simile.auto-create', 'no']");
        server.does("SIM.CREATE s");
        server.expect("SIM.CREATE s BANDS 12 HASH MURMUR3 SKETCH 512 SCORE JACCARD", "OK");
    }

    fn config_rewrite_keeps_what_was_set(kind: Kind) {
        let server = kind.launch().configuration("").start();
        server.does("CONFIG SET simile.bands 24");
        server.does("CONFIG SET simile.auto-create no");
        server.expect("CONFIG REWRITE", "OK");
        let written = std::fs::read_to_string(server.directory().join("redis.conf")).expect("redis.conf");
        assert!(written.lines().any(|line| line == "simile.bands 24"), "{written}");
        assert!(written.lines().any(|line| line == "simile.auto-create no"), "{written}");
        assert!(!written.contains("simile.rows"), "only what differs from the defaults: {written}");
    }

    fn a_bad_argument_stops_the_load_and_says_why(kind: Kind) {
        for (arguments, name) in [
            ("bands 0", "bands"),
            ("bands 1025", "bands"),
            ("bands many", "bands"),
            ("bands 99999999999999999999", "bands"),
            ("bands", "bands"),
            ("rows 65", "rows"),
            ("bands 1024 rows 64", "bands"),
            ("interval -1", "interval"),
            ("retention 1001", "retention"),
            ("hash sha1", "hash"),
            ("seed -1", "seed"),
            ("lowercase perhaps", "lowercase"),
            ("sketch 15", "sketch"),
            ("score best", "score"),
            ("score jaccard", "sketch"),
            ("auto-create perhaps", "auto-create"),
            ("nonsense 1", "nonsense"),
            ("bands 8 nonsense", "nonsense"),
        ] {
            let log = kind.launch().module(arguments).fails();
            let said = log.lines().any(|line| line.contains("simile") && !line.contains(".so") && line.contains(name));
            assert!(said, "loadmodule {arguments}: no line of the log names {name}:\n{log}");
        }
    }

    fn a_bad_line_of_redis_conf_stops_the_server(kind: Kind) {
        for line in ["simile.bands 0", "simile.hash sha1", "simile.sketch 4097", "simile.score best"] {
            let log = kind.launch().configuration(line).fails();
            assert!(log.contains(line.split(' ').next().unwrap()), "{line}:\n{log}");
        }
        kind.launch().configuration("simile.nonsense 1").fails(); // the server itself knows no such line
    }

    fn without_auto_create_a_record_needs_its_scope(kind: Kind) {
        let server = kind.launch().module("auto-create no").start();
        let error = server.refusal("SIM.RECORD s item TEXT i words");
        assert!(error.starts_with("ERR ") && error.contains("SIM.CREATE"), "{error}");
        server.expect("DBSIZE", "0");
        server.expect("SIM.RECORD s item TEXT i \"\"", "[[]]"); // nothing to record: nothing missing
        server.does("SIM.CREATE s BANDS 1");
        server.expect("SIM.RECORD s item TEXT i words", "[[1]]");
        server.expect("CONFIG SET simile.auto-create yes", "OK");
        server.does("SIM.RECORD other item TEXT i words");
        server.expect("EXISTS other", "1");
    }

    fn max_postings_bounds_one_query(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1");
        for item in 0..100 {
            server.does(format!("SIM.RECORD s {item} SIGNATURE i 1 hot"));
        }
        server.does("SIM.RECORD s rare SIGNATURE i 1 cold");
        server.does("CONFIG SET simile.max-postings 500");
        for query in ["SIM.COMPARE s 1 1 i LIMIT 0", "SIM.CLASSIFY s SIGNATURE i 1 hot LIMIT 0"] {
            let error = server.refusal(query);
            assert!(error.starts_with("ERR ") && error.contains("simile.max-postings"), "{error}");
        }
        server.expect("SIM.COMPARE s rare 1 i LIMIT 0", "[[['rare', '1']]]");
        server.does("CONFIG SET simile.max-postings 2000");
        assert_eq!(server.does("SIM.COMPARE s 1 1 i LIMIT 0").array()[0].array().len(), 100);
    }

    fn configurations_and_arguments_may_come_with_the_load(kind: Kind) {
        let server = kind.launch().without_module().start();
        let module = testkit::module();
        server.expect(format!("MODULE LOADEX {} CONFIG simile.rows 3 ARGS bands 4", module.display()), "OK");
        server.does("SIM.CREATE s");
        server.expect("SIM.CREATE s BANDS 4 ROWS 3", "OK");
        let refusal = server.refusal("MODULE UNLOAD simile");
        assert!(refusal.contains("data types"), "{refusal}"); // what it saved could not be read again
        server.expect("SIM.CREATE s", "OK");
    }

    fn the_module_loads_at_run_time_too(kind: Kind) {
        let server = kind.launch().without_module().start();
        let module = testkit::module();
        server.expect(format!("MODULE LOAD {} bands 4", module.display()), "OK");
        server.does("SIM.CREATE s");
        server.expect("SIM.CREATE s BANDS 4", "OK");
        server.refusal(format!("MODULE LOAD {}", module.display())); // it is there already
        server.expect("PING", "PONG");
    }
}
