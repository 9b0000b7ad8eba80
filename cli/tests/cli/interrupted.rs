//! Ctrl-C: where the run was stopped, and how to go on.

use crate::program::{Ran, Running, run_with, simile};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use testkit::{Server, on_each_server, wait_until};

/// What Ctrl-C does.
fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(status.expect("kill runs").success());
}

/// Waits for the end, and returns what was printed since.
fn finish(running: &mut Running) -> Ran {
    let code = running.0.wait().expect("it ends").code();
    let (mut out, mut err) = (String::new(), String::new());
    running.0.stdout.take().map(|mut pipe| pipe.read_to_string(&mut out).expect("text"));
    running.0.stderr.take().map(|mut pipe| pipe.read_to_string(&mut err).expect("text"));
    Ran { out, err, code }
}

fn lines(count: u64) -> String {
    (0..count).map(|n| format!("{{\"id\": \"i{n}\", \"text\": \"w{n} x{}\"}}\n", n % 7)).collect()
}

const CREATE: &str = "--create 'BANDS 4 ROWS 1 SHINGLE WORDS 1 INTERVAL 0'";

on_each_server! {
    fn a_load_says_where_it_stopped_and_goes_on_there(server: Server) {
        let mut command = simile(&server, &format!("load s - --id queue {CREATE}"));
        command.stdin(Stdio::piped());
        let mut load = Running::start(command);
        let mut pipe = load.0.stdin.take().expect("a pipe");
        pipe.write_all(lines(1_000).as_bytes()).expect("it reads");
        let position = || server.run("HGET {s}:simile-load:queue records").to_string();
        wait_until("it waits for more lines", || position().contains("768"));
        // Exact even if the load does not know yet that the batch has been recorded.
        interrupt(&load.0);
        let stopped = finish(&mut load);
        drop(pipe);
        let expected = "simile: stopped after line 768: 768 recorded; the same command continues from there\n";
        assert_eq!((stopped.code, stopped.out.as_str(), stopped.err.as_str()), (Some(130), "", expected));
        let rest = run_with(&server, "load s - --id queue", lines(1_000).as_bytes());
        assert!(rest.out.contains("(768 before): 232 recorded"), "{}", rest.out);
    }

    fn a_search_for_groups_says_that_it_begins_again(server: Server) {
        run_with(&server, &format!("load s - {CREATE}"), lines(60_000).as_bytes()).fine();
        let mut groups = Running::start(simile(&server, "groups s --min-score 0.9 --report-every 0"));
        let mut reports = BufReader::new(groups.0.stderr.take().expect("a pipe"));
        let mut report = String::new();
        reports.read_line(&mut report).expect("text");
        assert!(report.contains("scanned"), "{report}");
        // It cannot be at its end: its reports are twice what a pipe holds. And now it cannot get there.
        server.run("CLIENT PAUSE 60000 ALL");
        interrupt(&groups.0);
        let mut rest = String::new();
        reports.read_to_string(&mut rest).expect("text");
        let stopped = finish(&mut groups);
        let last = rest.lines().last().expect("a line");
        assert!(last.starts_with("simile: stopped after ") && last.contains(" of 60,000 items: ") && last.contains("The same command begins again"), "{last}");
        assert_eq!((stopped.code, stopped.out.as_str()), (Some(130), ""));
    }

    fn a_dedup_drops_its_scope_and_says_where_its_output_ends(server: Server) {
        let input: String = (0..100).map(|n| format!("{{\"id\": \"i{n}\", \"text\": \"w{n} x{n} y{n}\"}}\n")).collect();
        let mut command = simile(&server, "dedup -");
        command.stdin(Stdio::piped());
        let mut dedup = Running::start(command);
        let mut pipe = dedup.0.stdin.take().expect("a pipe");
        pipe.write_all(input.as_bytes()).expect("it reads");
        wait_until("it waits for more lines", || server.does("INFO simile").text().contains("simile_items:96\r\n"));
        let scopes = server.run("KEYS simile-dedup:*").to_string();
        let name = scopes.split('\'').nth(1).expect("a scope of its own");
        interrupt(&dedup.0);
        let stopped = finish(&mut dedup);
        drop(pipe);
        let expected = format!(
            "simile: stopped after line 96: THE OUTPUT IS INCOMPLETE\nsimile: the scope '{name}' was dropped\n"
        );
        assert_eq!((stopped.code, stopped.err), (Some(130), expected));
        assert_eq!(stopped.out, input.lines().take(96).map(|line| format!("{line}\n")).collect::<String>());
        assert_eq!(server.run("DBSIZE").to_string(), "0");
    }

    fn a_dedup_leaves_a_scope_of_the_users(server: Server) {
        let mut command = simile(&server, "dedup - --scope s --id input");
        command.stdin(Stdio::piped());
        let mut dedup = Running::start(command);
        let mut pipe = dedup.0.stdin.take().expect("a pipe");
        pipe.write_all(lines(40).as_bytes()).expect("it reads");
        wait_until("it waits for more lines", || server.does("INFO simile").text().contains("simile_items:32\r\n"));
        interrupt(&dedup.0);
        let stopped = finish(&mut dedup);
        drop(pipe);
        let expected = "simile: stopped after line 32: THE OUTPUT IS INCOMPLETE\n";
        assert_eq!((stopped.code, stopped.err.as_str()), (Some(130), expected));
        assert_eq!(server.run("EXISTS s").to_string(), "1");
    }
}
