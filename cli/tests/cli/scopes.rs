//! `simile info`, `simile drop` and `simile sweep`.

use crate::cluster::Cluster;
use crate::program::{run, simile};
use serde_json::{Value as Json, json};
use std::process::Command;
use testkit::{Kind, Server, on_each_server, on_path};

fn record(server: &Server) {
    server.does("SIM.CREATE s BANDS 4 ROWS 1 SHINGLE WORDS 1 INTERVAL 0");
    server.does("SIM.RECORD s a SIGNATURE frames 4 main connect retry timeout");
    server.does("SIM.RECORD s a TEXT message hello");
    server.does("SIM.RECORD s b TEXT message hello");
    server.does("SIM.RECORD s b TEXT message hello");
}

on_each_server! {
    fn info_is_a_table_or_an_object(server: Server) {
        record(&server);
        let table = run(&server, "info s").fine();
        assert!(table.starts_with(
            "Scope 's':\n  BANDS 4 ROWS 1 INTERVAL 0 RETENTION 3 HASH FSS SEED 0 SHINGLE WORDS 1 LOWERCASE no MASK no SKETCH \
             0 SCORE OVERLAP\nTwo sets as similar as 0.527 share a bucket with the probability RECALL.\n\n"
        ), "{table}");
        let rows: Vec<Vec<&str>> = table.lines().skip(4).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[0], ["index", "items", "observations", "buckets", "chunks", "memory", "oldest", "newest"]);
        assert_eq!((rows[1][..5].to_vec(), rows[2][..5].to_vec(), rows.len()), (vec!["frames", "1", "1", "4", "1"], vec!["message", "2", "3", "4", "1"], 3));

        let object: Json = serde_json::from_str(&run(&server, "info s --json").fine()).expect("JSON");
        let part = &object["parts"][0];
        let asked = server.does("SIM.INFO s");
        assert_eq!((&object["scope"], &part["part"], &part["exists"], &part["meets"]), (&json!("s"), &json!("s"), &json!(true), &json!(0.527)));
        assert_eq!(part["uid"], asked.get("uid").text());
        assert_eq!((&part["parameters"]["bands"], &part["parameters"]["shingle"]), (&json!(4), &json!("WORDS 1")));
        let bytes = asked.get("indexes").get("message").get("bytes").integer();
        let message = json!({
            "index": "message", "items": 2, "observations": 3, "buckets": 4, "chunks": 1, "bytes": bytes, "oldest": 0, "newest": 0,
        });
        assert_eq!(part["indexes"][1], message);

        server.does("SIM.CREATE empty INTERVAL 0");
        assert!(run(&server, "info empty").fine().ends_with("\n\nIt holds no observations.\n"));
        assert!(run(&server, "info nobody").failed(1).contains("there is no scope 'nobody'"));
    }

    fn names_are_shown_escaped(server: Server) {
        server.does("SIM.CREATE s INTERVAL 0");
        server.does("SIM.RECORD s a SIGNATURE \"\\x1b[31m\\xff\\n\" 16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15");
        assert!(run(&server, "info s").fine().contains("\n\\x1b[31m\\xff\\n "));
        let object: Json = serde_json::from_str(&run(&server, "info s --json").fine()).expect("JSON");
        assert_eq!(object["parts"][0]["indexes"][0]["index"], json!({"hex": "1b5b33316dff0a"}));
        // In errors too, those of this program and those of the server.
        let name = "\u{1b}[31m\u{202e}\n";
        let shown = "\\x1b[31m\\u{202e}\\n";
        for line in ["info", "query NAME text", "groups NAME --min-score 1", "explain NAME a b", "drop NAME", "load NAME /dev/null"] {
            let mut command = simile(&server, "");
            let words = line.split(' ').map(|word| if word == "NAME" { name } else { word });
            command.args(words);
            if line == "info" {
                command.arg(name);
            }
            let error = String::from_utf8(command.output().expect("the program runs").stderr).expect("text");
            assert!(error.contains(&format!("there is no scope '{shown}'")), "{line}: {error:?}");
            assert_eq!(error.matches(char::is_control).count(), 1, "{error:?}");
        }
        let mut command = simile(&server, "load t /dev/null --create");
        let output = command.arg(format!("BANDS {name}")).output().expect("the program runs");
        let error = String::from_utf8(output.stderr).expect("text");
        assert!(error.contains("\\x1b[31m") && error.matches(char::is_control).count() == 1, "{error:?}");
        let mut command = simile(&server, "explain s a");
        let output = command.arg(name).output().expect("the program runs");
        let error = String::from_utf8(output.stderr).expect("text");
        assert_eq!(error, format!("simile: the scope 's' has no such item: {shown}\n"));
    }

    fn drop_deletes_a_scope_or_an_index_and_asks_before(server: Server) {
        record(&server);
        assert!(run(&server, "drop s").failed(2).contains("without a terminal nobody can be asked whether to delete this: say --yes"));
        assert!(run(&server, "drop s nothing --yes").failed(1).contains("has no index 'nothing'; it has: frames, message"));
        assert!(run(&server, "drop nobody --yes").failed(1).contains("there is no scope 'nobody'"));
        server.expect("DBSIZE", "3");
        assert_eq!(run(&server, "drop s frames --yes").fine(), "Deleted the index 'frames' of the scope 's' with 1 observation: 1 chunk freed.\n");
        server.expect("DBSIZE", "2");
        assert_eq!(run(&server, "drop s -y").fine(), "Deleted the scope 's' with 3 observations: 1 chunk freed.\n");
        server.expect("DBSIZE", "0");
        record(&server);
        assert_eq!(run(&server, "drop s --yes --json").fine(), "{\"chunks\":2}\n");
    }

    fn on_a_terminal_drop_waits_for_a_yes(server: Server) {
        // `script` runs a command on a terminal of its own.
        assert!(on_path("script").is_some(), "script is missing: it is in util-linux");
        record(&server);
        let answer = |answer: &str| {
            let mut command = Command::new("sh");
            let tool = env!("CARGO_BIN_EXE_simile");
            command.args(["-c", &format!("echo {answer} | script -qec '{tool} drop s' /dev/null")]);
            let output = command.env("SIMILE_URL", format!("redis://127.0.0.1:{}", server.port())).output().expect("a shell");
            (String::from_utf8(output.stdout).expect("text"), output.status.code())
        };
        let (out, code) = answer("n");
        assert!(out.contains("Delete the scope 's' with 4 observations? [y/N] "), "{out}");
        assert!(out.contains("simile: nothing was deleted") && code == Some(1), "{out}");
        server.expect("DBSIZE", "3");
        let (out, code) = answer("y");
        assert!(out.contains("Deleted the scope 's' with 4 observations: 2 chunks freed.") && code == Some(0), "{out}");
        server.expect("DBSIZE", "0");
    }

    fn sweep_frees_what_is_left_of_scopes(server: Server) {
        record(&server);
        for n in 0..1_500 {
            server.does(format!("SET k{n} v"));
        }
        server.does("SIM.RECORD kept a TEXT message hello");
        assert_eq!(run(&server, "sweep").fine(), "0 chunks freed.\n");
        server.does("SET s other");
        let line = "sweep --report-every 0";
        let swept = run(&server, line);
        assert!(swept.err.lines().all(|line| line.starts_with("simile: ") && line.contains(" freed")), "{}", swept.err);
        assert_eq!(swept.out, "2 chunks freed.\n");
        assert_eq!(server.chunks().len(), 1);
        server.does("SET kept other");
        assert_eq!(run(&server, "sweep --json").fine(), "{\"chunks\":1}\n");
    }

    fn a_split_scope_is_described_and_dropped_in_all_its_parts(kind: Kind) {
        let cluster = Cluster::start(kind);
        let node = &cluster.0[0];
        let path = node.directory().join("lines");
        let lines: String = (0..300).map(|n| format!("{{\"id\": \"i{n}\", \"text\": \"w{n}\"}}\n")).collect();
        crate::program::write(&path, lines);
        run(node, &format!("--cluster 3 load s {} --create 'BANDS 4 ROWS 1 INTERVAL 0'", path.display())).fine();
        let table = run(node, "info s --cluster 3").fine();
        assert!(table.starts_with("Scope 's', in 3 parts:\n"), "{table}");
        let items = |name: &str| {
            let row = table.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            row.split_whitespace().next().expect("a number").parse::<u64>().expect("a number")
        };
        assert_eq!(items("text"), 300);
        assert_eq!((0..3).map(|part| items(&format!("in s:{{{part}}}"))).sum::<u64>(), 300);

        cluster.node_of("s:{1}").does("SIM.DROP s:{1}");
        let rest = run(node, "info s --cluster 3");
        assert!(rest.out.contains("\n  MISSING: 's:{1}'\n"), "{}", rest.out);
        rest.failed(3);
        let object = run(node, "info s --cluster 3 --json").out;
        let object: Json = serde_json::from_str(&object).expect("JSON");
        assert_eq!(object["parts"][1], json!({"part": "s:{1}", "exists": false}));
        assert!(run(node, "drop s --cluster 3 --yes").fine().ends_with(" observations: 2 chunks freed.\n"));
        assert!(run(node, "drop s --cluster 3 --yes").failed(1).contains("there is no scope 's:{0}'"));
        assert!(run(node, "sweep --cluster 1").failed(2).contains("a cluster cannot be swept"));
        assert!(run(node, "sweep").failed(1).contains("SIM.SWEEP does not work in a cluster"));
    }
}
