//! Memory is given back: after DROP, and by active defragmentation.

use testkit::{Kind, Server, amount, figure, on_each_server, wait_until, words};

/// Records observations of this many items, spread over the scopes.
fn fill(server: &Server, scopes: usize, items: usize) {
    for first in (0..items).step_by(1_000) {
        let record = |n: usize| {
            let scope = n * 7_919 % scopes;
            words(&format!("SIM.RECORD s{scope} item{n} TEXT i \"some text {n} of {} words\"", n % 77))
        };
        let batch: Vec<Vec<Vec<u8>>> = (first..items.min(first + 1_000)).map(record).collect();
        server.pipeline(&batch);
    }
}

fn number(server: &Server, field: &str) -> i64 {
    server.info(field).parse().expect("a number")
}

on_each_server! {
    fn what_is_dropped_is_given_back(kind: Kind) {
        let server = kind.start();
        fill(&server, 10, 10_000); // what a server takes once
        (0..10).for_each(|n| drop(server.does(format!("SIM.DROP s{n}"))));
        wait_until("what was dropped is freed", || {
            server.does("INFO simile").text().contains("simile_bytes:0\r\n")
        });
        let resident = || {
            server.does("MEMORY PURGE");
            server.process_status("VmRSS") << 10
        };
        let (before, held) = (server.used_memory(), resident());
        for _ in 0..amount(2, 10) {
            fill(&server, 10, amount(20_000, 100_000));
            let full = server.used_memory();
            assert!(full > before + (4 << 20), "{before} {full}");
            (0..10).for_each(|n| drop(server.does(format!("SIM.DROP s{n}"))));
            server.memory_returns_to(before);
            if server.info("mem_allocator").starts_with("jemalloc") {
                wait_until("the pages are given back", || resident() < held + (full - before) / 2);
            }
            figure(((full - before) >> 20) as usize, "MiB filled and given back");
        }
    }

    fn active_defragmentation_keeps_what_is_there_and_gives_memory_back(kind: Kind) {
        let server = kind.launch().module("sketch 64").start();
        if server.run("CONFIG SET activedefrag yes").to_string().starts_with('!') {
            eprintln!("not run: {} was built without active defragmentation", kind.name());
            return;
        }
        server.does("CONFIG SET activedefrag no");
        let scopes = amount(2_000, 20_000);
        fill(&server, scopes, scopes * 12);
        // One of four neighbours stays, so that hardly any page becomes free.
        for n in (0..scopes).filter(|n| n % 4 > 0) {
            server.does(format!("SIM.DROP s{n}"));
        }
        let digest = server.digest();
        let much = (scopes as i64) << 12;
        let fragmented = || number(&server, "allocator_frag_bytes");
        wait_until("the chunks are freed", || fragmented() > much);
        let before = fragmented();
        for (name, value) in [("ignore-bytes", "100kb"), ("threshold-lower", "2"), ("cycle-min", "40"), ("cycle-max", "60")] {
            server.does(format!("CONFIG SET active-defrag-{name} {value}"));
        }
        server.does("CONFIG SET activedefrag yes");
        wait_until("most of it is given back", || fragmented() < much / 2);
        assert_eq!(server.digest(), digest);
        server.validate_all();
        // Items that were moved are counted, changed and freed as before.
        fill(&server, scopes, scopes);
        server.validate_all();
        figure((before >> 20) as usize, "MiB fragmented");
        figure((fragmented() >> 20) as usize, "MiB fragmented still after defragmentation");
        (0..scopes).for_each(|n| drop(server.does(format!("SIM.DROP s{n}"))));
        wait_until("nothing is left", || server.does("INFO simile").text().contains("simile_bytes:0\r\n"));
    }
}
