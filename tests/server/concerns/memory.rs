//! Memory is given back: after DROP and DELETE, and by active defragmentation.

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

/// Records a chunk of this many items, removes its key in one of the ways. True if another thread freed it.
fn is_freed_in_another_thread(server: &Server, items: usize, way: &str) -> bool {
    fill(server, 1, items);
    let chunk = server.only_chunk();
    server.expect("CONFIG RESETSTAT", "OK");
    match way {
        "expiry" => {
            server.expect(format!("PEXPIRE {chunk} 1"), "1");
            wait_until("the chunk has expired", || server.does(format!("EXISTS {chunk}")).integer() == 0);
        }
        command => server.expect(format!("{command} {chunk}"), "1"),
    }
    wait_until("what was handed over is freed", || server.info("lazyfree_pending_objects") == "0");
    server.expect("DEL s0", "1");
    number(server, "lazyfreed_objects") == 1
}

on_each_server! {
    /// A chunk whose blocks are many takes long to free, and one of few blocks is free at once.
    fn a_large_chunk_is_freed_in_another_thread_and_a_small_one_at_once(kind: Kind) {
        let server = kind.start();
        for lazily in ["no", "yes"] {
            server.expect(format!("CONFIG SET lazyfree-lazy-user-del {lazily}"), "OK");
            server.expect(format!("CONFIG SET lazyfree-lazy-expire {lazily}"), "OK");
            for way in ["DEL", "UNLINK", "expiry"] {
                let expected = lazily == "yes" || way == "UNLINK";
                assert_eq!(is_freed_in_another_thread(&server, 20_000, way), expected, "{way}, {lazily}");
                assert!(!is_freed_in_another_thread(&server, 500, way), "{way}, {lazily}");
            }
        }
    }

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

    fn what_is_deleted_is_given_back(kind: Kind) {
        let server = kind.start();
        server.does("SIM.CREATE s BANDS 16 ROWS 1 INTERVAL 0 SKETCH 64");
        let items = amount(10_000, 100_000);
        let all = |line: &dyn Fn(usize) -> String, ids: &dyn Fn(usize) -> bool| {
            let batch: Vec<Vec<Vec<u8>>> = (0..items).filter(|n| ids(*n)).map(|n| words(&line(n))).collect();
            server.pipeline(&batch);
        };
        let record = |n: usize| format!("SIM.RECORD s item{n} TEXT i \"a text {n} of {} words that is number {n}\"", n % 77);
        let usage = || server.chunks().iter().map(|key| server.does(format!("MEMORY USAGE {key}")).integer()).sum::<i64>();
        all(&record, &|_| true);
        let (full, mut before) = (usage(), usage());
        for tenth in 1..10 {
            all(&|n| format!("SIM.DELETE s * item{n}"), &|n| n % 10 == tenth);
            let now = usage();
            assert!(now < before, "{now} after {before}");
            before = now;
        }
        server.validate_all();
        // What is left takes little more than the same content in a new chunk, and is the same.
        let digest = server.digest();
        server.does("DEBUG RELOAD");
        let (left, new) = (before, usage());
        assert!(left < new * 3 / 2 && left < full / 5, "{full} {left} {new}");
        assert_eq!(server.digest(), digest);
        figure((full >> 20) as usize, "MiB before nine tenths of the items were deleted");
        figure((left >> 20) as usize, "MiB after that");
    }

    fn a_deletion_ends_a_lack_of_memory(kind: Kind) {
        let server = kind.start();
        let items = 20_000;
        fill(&server, 1, items);
        let limit = server.used_memory() - (1 << 20);
        server.does("CONFIG SET maxmemory-policy noeviction");
        server.does(format!("CONFIG SET maxmemory {limit}"));
        let record = "SIM.RECORD s0 another TEXT i \"one more text\"";
        assert!(server.refusal(record).starts_with("OOM"));
        for n in (0..items).step_by(2) {
            server.does(format!("SIM.DELETE s0 * item{n}"));
        }
        server.does(record);
        server.does("CONFIG SET maxmemory 0");
        server.validate_all();
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
        wait_until("two thirds of it are given back", || fragmented() < before / 3);
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
