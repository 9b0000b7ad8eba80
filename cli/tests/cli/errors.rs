//! Errors before anything is done: the user reads what is wrong and what to do.

use crate::program::{run, run_with, simile, simile_at_port};
use testkit::{Kind, Server, free_port, on_each_server};

#[test]
fn no_server_answers() {
    let port = free_port();
    let output = simile_at_port(port, "query s text").output().expect("the program runs");
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        error,
        format!(
            "simile: no answer from 127.0.0.1:{port} (Connection refused (os error 111)): is the server running, and \
             is --url its address?\n"
        )
    );
}

#[test]
fn the_url_is_not_an_address() {
    let output =
        simile_at_port(1, "query s text --url http://user:secret@host").output().expect("the program runs");
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2));
    assert!(error.starts_with("error: http://...@host/ is not the address of a server"), "{error}");
    assert!(error.contains("expected redis://HOST:PORT") && !error.contains("secret"), "{error}");
}

/// What can be seen without a server is said without one, with the status of a wrong command line.
#[test]
fn a_wrong_command_line_has_a_status_of_its_own() {
    for (line, message) in [
        ("", "Usage: simile"),
        ("groups s", "--min-score <SCORE>"),
        ("groups s --min-score 0", "must be a number above 0"),
        ("groups s --min-score NaN", "must be a number above 0"),
        ("groups s --min-score 1.1 --score overlap", "by OVERLAP no score is above 1"),
        ("groups s --min-score 0.5 --names 0", "0 is not in 1.."),
        ("groups s --min-score 0.5 --max-items 1", "1 is not in 2.."),
        ("groups s --min-score 0.5 --report-every -1", "unexpected argument '-1'"),
        ("groups s --min-score 0.5 --report-every=-1", "must be a number of seconds, 0 or more"),
        ("groups s --min-score 0.5 --report-every inf", "must be a number of seconds, 0 or more"),
        ("query s x --min-score=-1", "must be a number, 0 or more"),
        ("query s x --min-score inf", "must be a number, 0 or more"),
        ("query s x --min-score 1.5 --score jaccard", "by JACCARD no score is above 1"),
        ("query s x --window 0", "0 is not in 1.."),
        ("query s x --limit ten", "invalid digit"),
        ("query s x --cluster 0", "0 is not in 1..=1024"),
        ("query s{1} x --cluster 2", "must not contain braces"),
        ("query s x --sentinel host:1", "--sentinel HOST:PORT and --master NAME go together"),
        ("query s x --master shop", "--sentinel HOST:PORT and --master NAME go together"),
        ("query s x --sentinel host:port --master shop", "--sentinel host:port: expected HOST:PORT"),
        ("query s x --sentinel host:1 --master shop --cluster 1", "not both"),
        ("explain s a b --min-score 0.5", "unexpected argument '--min-score'"),
        ("sweep --cluster 1", "a cluster cannot be swept"),
        ("completions csh", "invalid value 'csh'"),
    ] {
        let output = simile_at_port(free_port(), line).output().expect("the program runs");
        let error = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{line}: {error}");
        assert!(error.contains(message), "{line}: {error}");
    }
}

on_each_server! {
    fn the_module_is_not_loaded(kind: Kind) {
        let server = kind.launch().without_module().start();
        let error = run(&server, "query s text").failed(1);
        assert_eq!(
            error,
            format!(
                "simile: the server at 127.0.0.1:{} has not loaded Simile: load it with MODULE LOAD /path/to/libsimile.so, \
                 or put `loadmodule /path/to/libsimile.so` into its redis.conf and restart it\n",
                server.port()
            )
        );
    }

    fn a_password_is_wanted(kind: Kind) {
        let server = kind.start();
        server.does("SIM.CREATE s INTERVAL 0");
        server.does("ACL SETUSER reader on >secret ~s %R~* +@all");
        server.does("CONFIG SET requirepass other");
        let wanted = "put the password into the environment variable SIMILE_PASSWORD";
        let error = run(&server, "query s text --index x").failed(1);
        assert!(error.contains(wanted), "{error}");
        let with = |password: &str| {
            let mut command = simile(&server, "query s text --index x --user reader");
            let output = command.env("SIMILE_PASSWORD", password).output().expect("the program runs");
            String::from_utf8(output.stderr).expect("text")
        };
        assert!(with("wrong").contains(wanted));
        assert!(!with("wrong").contains("wrong\""));
        assert_eq!(with("secret"), "simile: the scope 's' has no index 'x'; it has: none\n");
    }

    fn scopes_and_indexes_that_are_not_there(server: Server) {
        let missing = "there is no scope 's': is the name right, and is --url the server that has it?";
        for line in ["query s text", "groups s --min-score 1", "explain s a b"] {
            assert_eq!(run(&server, line).failed(1), format!("simile: {missing}\n"));
        }
        assert_eq!(
            run(&server, "load s /dev/null").failed(1),
            format!("simile: {missing} To create it: --create 'THRESHOLD 0.8 INTERVAL 0', or SIM.CREATE s\n")
        );
        assert_eq!(
            run(&server, "load s /dev/null --create 'BANDS 0'").failed(1),
            "simile: SIM.CREATE s BANDS 0: ERR BANDS must be an integer between 1 and 1024\n"
        );
        server.does("SIM.CREATE s INTERVAL 0");
        assert_eq!(
            run(&server, "query s text").failed(1),
            "simile: the scope 's' holds no observations yet: load some first\n"
        );
        server.does("SIM.RECORD s a TEXT x hello TEXT y hello");
        assert_eq!(
            run(&server, "query s text").failed(1),
            "simile: the scope 's' has several indexes (x, y): choose one with --index\n"
        );
        assert_eq!(
            run(&server, "query s text --index z").failed(1),
            "simile: the scope 's' has no index 'z'; it has: x, y\n"
        );
        assert_eq!(run(&server, "query s --item nobody --index x").failed(1), "simile: the scope 's' has no such item: nobody\n");
        // What a terminal would obey is shown as text.
        for line in ["query 'a\u{1b}[2Jb' text", "groups 'a\u{1b}[2Jb' --min-score 1", "explain 'a\u{1b}[2Jb' a b", "query s text --index 'a\u{1b}[2Jb'"] {
            let error = run(&server, line).failed(1);
            assert!(error.contains("'a\\x1b[2Jb'") && !error.contains('\u{1b}'), "{error}");
        }
        let input = b"{\"id\": 1, \"text\": \"x\"}\n{\"a\\u001b[2Jb\": 1}\n";
        let unknown = run_with(&server, "load s -", input).failed(3);
        assert!(unknown.contains("line 2 has no field 'id'; it has 'a\\") && !unknown.contains('\u{1b}'), "{unknown}");
        server.does("SET k v");
        assert!(run(&server, "query k text").failed(1).contains("WRONGTYPE"));
        assert_eq!(
            run(&server, "query s text --cluster 2").failed(1),
            format!("simile: the server at 127.0.0.1:{} is not a cluster: leave out --cluster\n", server.port())
        );
    }

    fn no_room_and_no_rights(server: Server) {
        server.does("SIM.CREATE s INTERVAL 0");
        server.does("CONFIG SET maxmemory 1");
        let load = || run(&server, &format!("load s {}", file(&server))).failed(1);
        assert!(load().contains("is out of memory and refuses to add"), "{}", load());
        server.does("CONFIG SET maxmemory 0");
        for command in ["eval", "hset", "sim.record"] {
            server.does(format!("ACL SETUSER default -{command}"));
            assert!(load().contains("the user may not do this ("), "{command}: {}", load());
            server.does("ACL SETUSER default +@all");
        }
        assert!(run(&server, &format!("load s {}", file(&server))).out.contains("1 recorded"), "nothing was done before");
    }
}

/// A file of one line.
fn file(server: &Server) -> String {
    let path = server.directory().join("line");
    crate::program::write(&path, "{\"id\": 1, \"text\": \"hello world\"}\n");
    path.display().to_string()
}
