//! Keys that leave: to another server, to another database, or by eviction.

use testkit::{Kind, Reply, Server, on_each_server, wait_until};

/// A scope `s` with items in two indexes and three intervals, that never come near their end.
fn populate(server: &Server) {
    server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 3600 RETENTION 5");
    let now = server.now_inside(3600);
    for n in 0..60 {
        let t = now - n % 3 * 3600;
        server.does(format!(
            "SIM.RECORD s item{} TIMESTAMP {t} SIGNATURE i 2 a{} b SIGNATURE j 2 x y{}",
            n % 9,
            n % 4,
            n % 5
        ));
    }
}

fn answers(server: &Server) -> String {
    let questions = ["SIM.COMPARE s item1 2 i j LIMIT 0", "SIM.FREQUENCIES s i item2", "SIM.MEMBERS s j 0 x"];
    questions.map(|question| server.does(question).to_string()).join("\n")
}

#[track_caller]
fn migrate(from: &Server, to: &Server, key: &str, options: &str) {
    from.expect(format!("MIGRATE 127.0.0.1 {} {key} 0 5000 {options}", to.port()), "OK");
}

on_each_server! {
    fn a_scope_migrates_with_its_chunks_in_any_order(kind: Kind) {
        for scope_at in [0, 3, 6] {
            let (from, to) = (kind.start(), kind.start());
            populate(&from);
            let (expected, digest) = (answers(&from), from.digest());
            let mut keys = from.chunks();
            let expiries: Vec<Reply> = keys.iter().map(|key| from.does(format!("PEXPIRETIME {key}"))).collect();
            assert_eq!(keys.len(), 6);
            keys.insert(scope_at, "s".to_string());
            for (n, key) in keys.iter().enumerate() {
                migrate(&from, &to, key, if n % 2 == 0 { "" } else { "REPLACE" });
            }
            from.expect("DBSIZE", "0");
            assert_eq!((answers(&to), to.digest()), (expected, digest), "the scope went as number {scope_at}");
            let chunks = to.chunks();
            for (key, expiry) in chunks.iter().zip(expiries) {
                let drift = to.does(format!("PEXPIRETIME {key}")).integer() - expiry.integer();
                assert!(drift.abs() < 2_000, "{key} expires when it did: {drift} ms"); // MIGRATE sends a TTL
            }
            to.validate_all();
            to.does("SIM.RECORD s item1 SIGNATURE i 2 a1 b");
            to.expect("SIM.DROP s", "6");
            to.expect("DBSIZE", "0");
        }
    }

    /// A sweep frees chunks that arrived before their scope: it cannot tell them from those whose scope is gone.
    fn a_scope_that_comes_first_keeps_its_chunks_from_a_sweep(kind: Kind) {
        let (from, to) = (kind.start(), kind.start());
        populate(&from);
        let expected = answers(&from);
        migrate(&from, &to, "s", "");
        for chunk in from.chunks() {
            migrate(&from, &to, &chunk, "");
            to.expect("SIM.SWEEP 0 COUNT 1000", "['0', 0]");
        }
        assert_eq!(answers(&to), expected);
        let (first, chunk) = (to.does("DUMP s").bytes().to_vec(), to.chunks()[0].clone());
        to.does("CONFIG SET simile.del-frees-chunks no");
        to.expect("DEL s", "1");
        assert!(to.does("SIM.SWEEP 0 COUNT 1000").array()[1].integer() > 0);
        to.expect(format!("EXISTS {chunk}"), "0");
        assert_eq!(to.call(&[b"RESTORE", b"s".as_slice(), b"0", &first]).to_string(), "OK");
        to.expect("SIM.COMPARE s item1 1 i", "[[]]");
    }

    fn a_scope_migrates_in_one_command(kind: Kind) {
        let (from, to) = (kind.start(), kind.start());
        populate(&from);
        let expected = answers(&from);
        let keys = from.chunks().join(" ");
        migrate(&from, &to, "\"\"", &format!("COPY KEYS {keys} s"));
        assert_eq!((answers(&from), answers(&to)), (expected.clone(), expected));
        assert_eq!(from.digest(), to.digest());
    }

    fn swapped_databases_keep_scopes_and_chunks_together(server: Server) {
        populate(&server);
        let expected = answers(&server);
        server.expect("SWAPDB 0 3", "OK");
        server.expect("SIM.COMPARE s item1 1 i", "[[]]");
        server.does("SIM.RECORD s other SIGNATURE i 16 a b c d e f g h i j k l m n o p");
        server.does("SELECT 3");
        assert_eq!(answers(&server), expected);
        server.expect("SWAPDB 0 3", "OK");
        server.does("SELECT 0");
        assert_eq!(answers(&server), expected);
        server.validate_all();
    }

    fn flushed_in_another_thread_the_memory_comes_back(server: Server) {
        let before = server.used_memory();
        for lazily in ["FLUSHALL ASYNC", "FLUSHDB ASYNC", "UNLINK"] {
            server.does("SIM.CREATE s BANDS 8 ROWS 1 INTERVAL 0");
            for n in 0..5_000 {
                server.does(format!("SIM.RECORD s item{n} FEATURES i 3 a{n} b{} c{}", n % 50, n % 7));
            }
            assert!(server.used_memory() > before + (1 << 20));
            match lazily {
                "UNLINK" => server.expect(format!("UNLINK s {}", server.only_chunk()), "2"),
                flush => server.expect(flush, "OK"),
            }
            server.expect("SIM.COMPARE s item1 1 i", "[[]]");
            server.memory_returns_to(before);
        }
    }

    /// MOVE takes only the scope: its chunks stay, and are there again when it comes back.
    fn moved_to_another_database_a_scope_is_empty_there(server: Server) {
        populate(&server);
        let expected = answers(&server);
        server.expect("MOVE s 1", "1");
        server.expect("SIM.COMPARE s item1 1 i", "[[]]");
        server.does("SELECT 1");
        server.expect("SIM.COMPARE s item1 1 i", "[[]]");
        server.expect("SIM.DELETE s i item1", "0");
        server.validate_all();
        server.expect("MOVE s 0", "1");
        server.does("SELECT 0");
        assert_eq!(answers(&server), expected);
    }

    /// Replies are exact for what is left, as if what was evicted had never been recorded.
    fn answers_stay_right_while_old_chunks_are_evicted(kind: Kind) {
        let server = kind.launch().options("--maxmemory-policy volatile-ttl --maxmemory-samples 64").start();
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 100");
        let now = server.now_inside(3600);
        let starts: Vec<i64> = (0..60).map(|n| now - n * 3600).collect();
        for (n, t) in starts.iter().enumerate() {
            server.does(format!("SIM.RECORD s item TIMESTAMP {t} SIGNATURE i 1 b"));
            for other in 0..40 {
                server.does(format!("SIM.RECORD s other-{n}-{other}-{} TIMESTAMP {t} SIGNATURE i 1 own{other}", "x".repeat(300)));
            }
        }
        let all = server.chunks().len() as i64;
        server.does(format!("CONFIG SET maxmemory {}", server.used_memory() - 200_000));
        wait_until("old chunks are evicted", || {
            server.run("SIM.RECORD s passing SIGNATURE j 1 b");
            server.info("evicted_keys").parse::<i64>().expect("a number") > 5
        });
        server.does("CONFIG SET maxmemory 0");
        let left: Vec<String> = server.chunks().into_iter().filter(|chunk| chunk.ends_with(":i")).collect();
        assert!((left.len() as i64) < all && !left.is_empty(), "{} of {all} chunks are left", left.len());
        server.expect("SIM.FREQUENCIES s i item", format!("[[['b', {}]]]", left.len()));
        let info = server.does("SIM.INFO s");
        assert_eq!(info.get("indexes").get("i").get("observations").integer(), left.len() as i64 * 41);
        assert_eq!(info.get("indexes").get("i").get("chunks").integer(), left.len() as i64);
        server.expect("EXISTS s", "1");
        server.expect("SIM.DELETE s i item", "1");
        server.expect("SIM.FREQUENCIES s i item", "[[]]");
        server.validate_all();
    }
}
