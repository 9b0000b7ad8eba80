//! Scopes and chunks that are renamed, dropped, deleted or evicted, or whose names are taken by other keys.

use testkit::{Kind, Reply, Server, on_each_server, wait_until, words};

/// A scope `s` with one item in two indexes.
fn something(server: &Server) {
    server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 3600 RETENTION 3");
    server.does("SIM.RECORD s item SIGNATURE i 2 a b SIGNATURE j 2 a b");
}

/// True if a key's name is that of a chunk of this scope and index.
fn is_chunk_of(chunk: &str, scope: &str, index: &str) -> bool {
    chunk.starts_with(&format!("{{{scope}}}:")) && chunk.ends_with(&format!(":{index}"))
}

/// Records the same item in many indexes.
fn record_in_indexes(server: &Server, scope: &str, count: usize) {
    let record = |n| words(&format!("SIM.RECORD {scope} item SIGNATURE index-{n} 1 b"));
    let replies = server.pipeline(&(0..count).map(record).collect::<Vec<_>>());
    assert_eq!(replies.into_iter().find(|reply| matches!(reply, Reply::Error(_))), None);
}

/// The error of a RECORD that needs a key which holds something else.
fn occupied(chunk: &str) -> String {
    format!("ERR a chunk of the scope needs the key '{chunk}', which holds something else: rename it")
}

on_each_server! {
    fn a_renamed_scope_keeps_its_data_and_its_chunks(server: Server) {
        something(&server);
        let chunks = server.chunks();
        server.expect("RENAME s other", "OK");
        server.expect("SIM.COMPARE other item 1 i", "[[['item', '1']]]");
        server.expect("SIM.COMPARE s item 1 i", "[[]]");
        server.expect("SIM.RECORD other item SIGNATURE i 2 a b", "[[2, 2]]");
        assert_eq!(server.chunks(), chunks, "under their old names");
        something(&server);
        server.expect("SIM.FREQUENCIES s i item", "[[['a', 1]], [['b', 1]]]");
        server.expect("SIM.FREQUENCIES other i item", "[[['a', 2]], [['b', 2]]]");
        server.validate_all();
    }

    fn drop_frees_the_scope_and_its_chunks(server: Server) {
        something(&server);
        server.does("SIM.CREATE bystander");
        server.expect("SIM.DROP s", "2");
        server.expect("KEYS *", "['bystander']");
        server.expect("SIM.DROP s", "0");
        server.expect("SIM.COMPARE s item 1 i", "[[]]");
    }

    fn drop_of_an_index_leaves_the_scope_and_the_others(server: Server) {
        something(&server);
        server.does(format!("SIM.RECORD s item TIMESTAMP {} SIGNATURE i 2 a b", server.now() - 3600));
        server.expect("SIM.DROP s i nowhere i", "2");
        server.expect("SIM.DROP s i", "0");
        server.expect("SIM.COMPARE s item 2 i j", "[[], [['item', '1']]]");
        server.expect("SIM.CREATE s BANDS 2 INTERVAL 3600", "OK");
        server.expect("SIM.RECORD s item SIGNATURE i 2 a b", "[[1, 1]]");
    }

    fn drop_reaches_chunks_outside_the_window_of_now(server: Server) {
        something(&server);
        server.does(format!("SIM.RECORD s item TIMESTAMP {} SIGNATURE i 2 a b", server.now() + 2 * 3600));
        server.expect("SIM.DROP s", "3");
        server.expect("DBSIZE", "0");
    }

    fn a_scope_that_is_gone_is_forgotten_at_once_and_its_chunks_when_they_expire(server: Server) {
        server.does("CONFIG SET simile.del-frees-chunks no");
        for delete in ["DEL s", "UNLINK s", "PEXPIREAT s 1", "SET s text"] {
            something(&server);
            let chunks = server.chunks();
            server.does(delete);
            server.does("DEL s");
            assert_eq!(server.chunks(), chunks, "left until they expire");
            for chunk in &chunks {
                assert!(server.does(format!("PTTL {chunk}")).integer() > 0);
            }
            server.expect("SIM.COMPARE s item 1 i", "[[]]");
            server.expect("SIM.COUNT s i 1 item", "[0]");
            something(&server); // anew, under the same name
            server.expect("SIM.COUNT s i 1 item", "[1]");
            server.expect("SIM.DROP s", "2");
            assert_eq!(server.chunks(), chunks, "not its own");
            server.does("FLUSHALL");
        }
    }

    /// On Valkey 8.1 this holds because the module hears of no keys, so that SIM.SWEEP frees what DEL leaves.
    fn a_client_stays_in_its_database(kind: Kind) {
        let server = kind.start();
        something(&server);
        server.does("SET text 1");
        for leave in ["COPY text copy DB 1", "MOVE text 1", "MOVE s 1"] {
            server.expect(leave, "1");
            let client = server.does("CLIENT INFO").text();
            assert!(client.contains(" db=0 "), "{leave}: {client}");
        }
        server.does("SELECT 1");
        server.does("DEL s");
        server.does("SELECT 0");
        if kind.frees_chunks_at_del() {
            return;
        }
        server.does("SIM.RECORD last item TEXT i words");
        server.expect("DEL last", "1");
        server.expect("SIM.SWEEP 0 COUNT 1000", "['0', 3]");
    }

    fn del_and_unlink_of_a_scope_free_its_chunks(kind: Kind) {
        if !kind.frees_chunks_at_del() {
            return;
        }
        let primary = kind.launch().options("--appendonly yes").start();
        let replica = kind.start();
        replica.follow(&primary);
        primary.does("SIM.CREATE bystander INTERVAL 0");
        primary.does("SIM.RECORD bystander item TEXT i words");
        let left = primary.digest();
        for delete in [
            "DEL s",
            "UNLINK s",
            "DEL nothing s bystander:2",
            "EVAL \"redis.call('DUMP', 's') return redis.call('DEL', 's')\" 1 s",
            "MULTI; DUMP s; DEL s; SIM.CREATE s; DEL s; EXEC",
            "DUMP s; DEL s",
            "SELECT 3; DEL s; SELECT 0",
        ] {
            if delete.starts_with("SELECT") {
                primary.does("SELECT 3");
            }
            primary.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
            record_in_indexes(&primary, "s", 300);
            delete.split("; ").for_each(|command| drop(primary.does(command)));
            wait_until("the chunks are freed", || primary.digest() == left);
            replica.catch_up_with(&primary);
            assert_eq!(replica.digest(), left, "{delete}");
        }
        assert_eq!(primary.restart().digest(), left, "from the AOF");
    }

    /// Chunks are freed one scope after the other, so when those of `last` are, none of the others will be.
    fn chunks_of_a_scope_that_left_in_another_way_stay(kind: Kind) {
        if !kind.frees_chunks_at_del() {
            return; // none are freed in any way
        }
        let (server, other) = (kind.start(), kind.start());
        let replica = kind.start();
        let fresh = || {
            server.does("FLUSHALL");
            server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
            record_in_indexes(&server, "s", 3);
            server.chunks()
        };
        let migrate = format!("MIGRATE 127.0.0.1 {} s 0 5000 REPLACE", other.port());
        for leave in [
            migrate.clone(),
            format!("MULTI; {migrate}; EXEC"),
            format!("EVAL \"return redis.call({})\" 1 s", migrate.split(' ').map(|word| format!("'{word}'")).collect::<Vec<_>>().join(",")),
            "RENAME s renamed; DEL renamed".to_string(),
            "SIM.CREATE new; RENAME new s".to_string(),
            "MOVE s 1".to_string(),
            "SET s text".to_string(),
            "PEXPIRE s 1".to_string(),
            "RESTORE".to_string(),
        ] {
            let mut chunks = fresh();
            if leave == "RESTORE" {
                server.does("SIM.CREATE empty");
                let dump = server.does("DUMP empty");
                assert_eq!(server.call(&[b"RESTORE", b"s".as_slice(), b"0", dump.bytes(), b"REPLACE"]).to_string(), "OK");
            } else {
                leave.split("; ").for_each(|command| drop(server.does(command)));
            }
            wait_until("an expired key is gone", || !leave.starts_with("PEXPIRE") || server.does("EXISTS s").integer() == 0);
            server.does("SIM.RECORD last item TEXT i words");
            let last = server.chunks().into_iter().find(|chunk| is_chunk_of(chunk, "last", "i")).expect("a chunk of last");
            server.does("DEL last");
            wait_until("the last chunk is freed", || server.does(format!("EXISTS {last}")).integer() == 0);
            chunks.sort();
            assert_eq!(server.chunks(), chunks, "{leave}");
        }
        // A replica does what its primary says.
        let chunks = fresh();
        replica.follow(&server);
        server.does("CONFIG SET simile.del-frees-chunks no");
        server.does("DEL s");
        replica.catch_up_with(&server);
        assert_eq!(replica.chunks(), chunks);
    }

    fn chunks_that_another_scope_has_too_stay(kind: Kind) {
        if !kind.frees_chunks_at_del() {
            return;
        }
        let server = kind.start();
        something(&server);
        let chunks = server.chunks();
        let dump = server.does("DUMP s");
        server.does("RENAME s twin");
        assert_eq!(server.call(&[b"RESTORE", b"s".as_slice(), b"0", dump.bytes()]).to_string(), "OK");
        server.does("DEL s");
        server.does("SIM.RECORD last item TEXT i words");
        server.does("DEL last");
        wait_until("the last chunk is freed", || server.chunks().len() == 2);
        assert_eq!(server.chunks(), chunks);
        server.expect("SIM.COUNT twin i 1 item", "[1]");
    }

    fn many_chunks_are_freed_a_few_at_a_time(kind: Kind) {
        if !kind.frees_chunks_at_del() {
            return;
        }
        let server = kind.start();
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
        record_in_indexes(&server, "s", 30_000);
        server.expect("DEL s", "1");
        let mut seen = 0;
        wait_until("all chunks are freed", || {
            seen += 1;
            server.does("DBSIZE").integer() == 0
        });
        assert!(seen > 3, "other clients have their turn");
    }

    fn flushall_and_flushdb_leave_nothing(server: Server) {
        for flush in ["FLUSHALL SYNC", "FLUSHALL ASYNC", "FLUSHDB"] {
            something(&server);
            server.expect(flush, "OK");
            server.expect("DBSIZE", "0");
            server.expect("SIM.COMPARE s item 1 i", "[[]]");
        }
    }

    fn each_database_has_its_own_scopes(server: Server) {
        something(&server);
        server.does("SELECT 1");
        server.expect("SIM.COMPARE s item 1 i", "[[]]");
        something(&server);
        server.does("SIM.RECORD s item SIGNATURE i 2 a b");
        server.expect("SIM.FREQUENCIES s i item", "[[['a', 2]], [['b', 2]]]");
        server.does("SELECT 0");
        server.expect("SIM.FREQUENCIES s i item", "[[['a', 1]], [['b', 1]]]");
        server.expect("SWAPDB 0 1", "OK");
        server.expect("SIM.FREQUENCIES s i item", "[[['a', 2]], [['b', 2]]]");
    }

    fn a_lost_chunk_is_as_good_as_empty(server: Server) {
        something(&server);
        let lost = server.chunks().into_iter().find(|chunk| is_chunk_of(chunk, "s", "i")).expect("a chunk of i");
        for lose in ["DEL", "UNLINK"] {
            server.expect(format!("{lose} {lost}"), "1");
            server.expect("SIM.COMPARE s item 2 i j", "[[], [['item', '1']]]");
            server.expect("SIM.FREQUENCIES s i item", "[[], []]");
            server.expect("SIM.DELETE s i item", "0");
            server.does("SIM.INFO s");
            server.expect("SIM.RECORD s item SIGNATURE i 2 a b", "[[1, 1]]");
            server.validate_all();
        }
        server.does(format!("DEL {lost}"));
        server.expect("SIM.DROP s", "1");
    }

    fn a_chunk_that_the_scope_does_not_list_is_foreign(server: Server) {
        something(&server);
        let chunk = server.chunks().into_iter().find(|chunk| is_chunk_of(chunk, "s", "i")).expect("a chunk of i");
        let dump = server.does(format!("DUMP {chunk}"));
        server.expect("SIM.DELETE s i item", "1");
        server.expect(format!("EXISTS {chunk}"), "0");
        assert_eq!(server.call(&[b"RESTORE", chunk.as_bytes(), b"0", dump.bytes()]).to_string(), "OK");
        server.expect("SIM.COMPARE s item 1 i", "[[]]");
        server.expect("SIM.FREQUENCIES s i item", "[[], []]");
        server.expect("SIM.MEMBERS s i 0 a", "[]");
        server.expect("SIM.DELETE s i item", "0");
        server.expect("SIM.RECORD s new SIGNATURE i 2 a b", "[[1, 1]]");
        server.expect("SIM.COMPARE s new 1 i", "[[['new', '1']]]"); // a fresh chunk: without the old item
        assert!(server.does(format!("PTTL {chunk}")).integer() > 0);
    }

    fn a_key_of_another_type_in_the_place_of_a_chunk_is_foreign(server: Server) {
        something(&server);
        let chunk = server.chunks().into_iter().find(|chunk| is_chunk_of(chunk, "s", "i")).expect("a chunk of i");
        for prepare in ["SIM.RECORD s item SIGNATURE i 2 a b", "SIM.DELETE s i item"] {
            server.does(prepare); // the scope lists a chunk of this name, or does not
            server.does(format!("SET {chunk} text"));
            server.expect("SIM.COMPARE s item 1 i", "[[]]");
            server.expect("SIM.FREQUENCIES s i item", "[[], []]");
            server.expect("SIM.DELETE s i item", "0");
            let before = server.digest();
            server.refuses("SIM.RECORD s item SIGNATURE j 2 a b SIGNATURE i 2 a b", occupied(&chunk));
            server.refuses("SIM.ASSIGN s item MINSCORE 2 SIGNATURE i 2 a b", occupied(&chunk));
            let blob = server.does("SIM.EXPORT s j item").array()[0].bytes().to_vec();
            let import = server.call(&[b"SIM.IMPORT", b"s".as_slice(), b"i", b"item", &blob]);
            assert_eq!(import.to_string(), format!("!{}", occupied(&chunk)));
            server.expect(format!("GET {chunk}"), "'text'");
            assert_eq!(server.digest(), before, "all is left as it was");
            server.expect(format!("RENAME {chunk} elsewhere"), "OK");
            server.expect("SIM.RECORD s item SIGNATURE i 2 a b", "[[1, 1]]");
            assert!(server.does(format!("PTTL {chunk}")).integer() > 0);
            server.validate_all();
        }
    }

    fn a_chunk_of_another_scope_under_this_name_is_not_taken(server: Server) {
        something(&server);
        server.does("SIM.CREATE other BANDS 2 ROWS 1 INTERVAL 3600 RETENTION 3");
        server.does("SIM.RECORD other stranger SIGNATURE i 2 a b");
        let chunks = server.chunks();
        let mine = chunks.iter().find(|chunk| is_chunk_of(chunk, "s", "i")).expect("a chunk of s");
        let theirs = chunks.iter().find(|chunk| is_chunk_of(chunk, "other", "i")).expect("a chunk of other");
        server.expect(format!("RENAME {theirs} {mine}"), "OK");
        let reply = server.run("SIM.COMPARE s stranger 1 i").to_string();
        assert_eq!(reply, "[[]]");
        server.expect("SIM.FREQUENCIES s i item", "[[], []]");
        server.refuses("SIM.RECORD s item SIGNATURE i 2 a b", occupied(mine));
        server.expect("SIM.DROP s", "1"); // that of j
        server.expect(format!("RENAME {mine} {theirs}"), "OK");
        server.expect("SIM.COUNT other i 1 stranger", "[1]");
    }

    /// A RECORD may replace a chunk only with itself.
    fn a_chunk_of_another_index_or_start_is_left_alone(server: Server) {
        something(&server);
        server.does(format!("SIM.RECORD s item TIMESTAMP {} SIGNATURE i 2 a b", server.now() - 3600));
        let chunks: Vec<String> = server.chunks().into_iter().filter(|chunk| is_chunk_of(chunk, "s", "i")).collect();
        let of_j = server.chunks().into_iter().find(|chunk| is_chunk_of(chunk, "s", "j")).expect("a chunk of j");
        let newest = chunks.iter().max().expect("two chunks of i").clone();
        let oldest = chunks.iter().min().expect("two chunks of i").clone();
        for other in [oldest, of_j] {
            let dump = server.does(format!("DUMP {other}"));
            assert_eq!(server.call(&[b"RESTORE", newest.as_bytes(), b"0", dump.bytes(), b"REPLACE"]).to_string(), "OK");
            let before = server.digest();
            server.refuses("SIM.RECORD s item SIGNATURE i 2 a b", occupied(&newest));
            assert_eq!(server.digest(), before);
        }
    }

    /// A client that makes up names of indexes leaves thousands of them, which are never written again.
    fn the_directory_forgets_indexes_that_are_written_no_more(kind: Kind) {
        const DEAD: usize = 20_000;
        let primary = kind.launch().options("--appendonly yes").start();
        let replica = kind.start();
        replica.follow(&primary);
        for scope in ["s", "t"] {
            primary.does(format!("SIM.CREATE {scope} BANDS 1 ROWS 1 INTERVAL 1 RETENTION 0"));
            record_in_indexes(&primary, scope, DEAD);
        }
        wait_until("the chunks have expired", || primary.chunks().is_empty());
        let size = |server: &Server| server.does("MEMORY USAGE s").integer();
        let full = size(&primary);
        for (command, reply) in [("SIM.DELETE s * item", "0"), ("SIM.MERGE s item * other", "0")] {
            primary.expect(command, reply);
        }
        assert_eq!(primary.does("SIM.INFO s").get("indexes").to_string(), "[]");
        assert_eq!(size(&primary), full, "reads change nothing, nor do commands without an effect");
        primary.expect("SIM.ALTER t RETENTION 900", "OK");
        // A few entries leave with every write.
        let record = |_| words("SIM.RECORD s item SIGNATURE live 1 b");
        primary.pipeline(&(0..100).map(record).collect::<Vec<_>>());
        assert!(size(&primary) < full - 100 * 3 * 50, "{} of {full} bytes", size(&primary));
        primary.pipeline(&(0..DEAD / 4).map(record).collect::<Vec<_>>());
        let left = size(&primary);
        assert!(left < full / 1000 + 1000, "{left} of {full} bytes");
        wait_until("the last chunk is freed", || primary.does("DBSIZE").integer() == 2);
        replica.catch_up_with(&primary);
        assert_eq!((size(&replica), replica.digest()), (left, primary.digest()));
        let digest = primary.digest();
        assert_eq!(primary.restart().digest(), digest, "from the AOF");
    }

    /// A chunk that was deleted by hand is found, too, and each of the writing commands looks for it.
    fn every_write_looks_for_dead_entries(server: Server) {
        server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 0");
        server.does("SIM.RECORD s item SIGNATURE i 2 a b SIGNATURE j 2 a b");
        let blob = server.does("SIM.EXPORT s i item").array()[0].bytes().to_vec();
        for write in ["SIM.RECORD s item SIGNATURE i 2 a b", "SIM.FORGET s item SIGNATURE i 2 a b", "SIM.DELETE s i item", "SIM.MERGE s other i item", "SIM.IMPORT s i item", "SIM.ASSIGN s new MINSCORE 2 SIGNATURE i 2 a b"] {
            server.does("SIM.RECORD s item SIGNATURE i 2 a b SIGNATURE j 2 a b SIGNATURE k 2 a b");
            let lost = server.chunks().into_iter().find(|chunk| is_chunk_of(chunk, "s", "j")).expect("a chunk of j");
            server.expect(format!("DEL {lost}"), "1");
            let size = || server.does("MEMORY USAGE s").integer();
            let before = size();
            let mut writes = 0;
            while size() >= before {
                server.does("SIM.RECORD s item SIGNATURE i 2 a b");
                let mut command = words(write);
                command.extend((command.len() == 4 && write.contains("IMPORT")).then(|| blob.clone()));
                let reply = server.call(&command);
                assert!(!matches!(reply, Reply::Error(_)), "{write}: {reply}");
                writes += 1;
                assert!(writes < 100, "{write}");
            }
        }
    }

    /// One command deletes 5,000 keys of chunks, and a timer the rest of a scope.
    fn a_drop_has_no_limit(kind: Kind) {
        let (server, replica) = (kind.start(), kind.start());
        replica.follow(&server);
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
        server.does("SIM.CREATE old BANDS 1 ROWS 1 INTERVAL 0");
        record_in_indexes(&server, "s", 12_000);
        record_in_indexes(&server, "old", 5_001);
        server.does("CONFIG SET simile.max-postings 1000");
        server.expect("SIM.DROP s", "12000");
        server.expect("EXISTS s", "0");
        wait_until("the chunks of s are freed", || server.does("DBSIZE").integer() == 5_002);
        // Events and replicas know the chunks of a renamed scope by another name.
        server.expect("RENAME old new", "OK");
        server.refuses("SIM.DROP new", "ERR the scope was renamed and has more than 5000 chunks: name the indexes to drop, some at a time, or give it its old name first");
        server.expect("SIM.DROP new index-7", "1");
        server.expect("SIM.DROP new", "5000");
        server.expect("DBSIZE", "0");
        replica.catch_up_with(&server);
        replica.expect("DBSIZE", "0");
    }

    fn very_many_indexes_are_dropped_in_steps(kind: Kind) {
        let (server, replica) = (kind.start(), kind.start());
        replica.follow(&server);
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
        record_in_indexes(&server, "s", 6_001);
        let drop = format!("SIM.DROP s{}", (1..=6_000).map(|n| format!(" index-{n}")).collect::<String>());
        for (reply, left) in [("5000", 1_002), ("1000", 2), ("0", 2)] {
            server.expect(&drop, reply);
            server.expect("DBSIZE", left.to_string());
            replica.catch_up_with(&server);
            assert_eq!(replica.digest(), server.digest());
        }
        server.expect("SIM.DROP s", "1");
    }

    fn memory_usage_is_plausible_and_grows(server: Server) {
        server.does("SIM.CREATE s BANDS 16 ROWS 1 INTERVAL 0");
        let mut sizes = Vec::new();
        for n in 0..2000 {
            let buckets: Vec<String> = (0..16).map(|band| format!("{band}-{n}-bucket")).collect();
            server.does(format!("SIM.RECORD s item-{n} SIGNATURE i 16 {}", buckets.join(" ")));
            if [0, 199, 1999].contains(&n) {
                sizes.push(server.does(format!("MEMORY USAGE {}", server.only_chunk())).integer());
            }
        }
        assert!(sizes[0] > 100 && sizes[0] < 50_000, "one item: {sizes:?}");
        assert!(sizes[1] > 2 * sizes[0] && sizes[2] > 5 * sizes[1] && sizes[2] < 20 * sizes[1], "{sizes:?}");
        let each = sizes[2] / 2000;
        assert!((16 * 10..16 * 200).contains(&each), "{each} bytes an item of 16 buckets");
        assert!((50..10_000).contains(&server.does("MEMORY USAGE s").integer()));
        let used = || server.info("used_memory").parse::<i64>().expect("bytes");
        let before = used();
        server.does("SIM.DROP s");
        wait_until("about as much memory is free as MEMORY USAGE said", || {
            (sizes[2] / 2..sizes[2] * 2).contains(&(before - used()))
        });
    }

    fn the_server_can_describe_the_keys(server: Server) {
        something(&server);
        for key in [server.chunks()[0].as_str(), "s"] {
            server.expect(format!("OBJECT ENCODING {key}"), "'raw'");
            server.expect(format!("OBJECT REFCOUNT {key}"), "1");
            server.does(format!("OBJECT IDLETIME {key}"));
            server.does(format!("DEBUG OBJECT {key}"));
            server.does(format!("DEBUG DIGEST-VALUE {key}"));
        }
        server.expect("TYPE s", "sim-scope");
        let scanned = server.does("SCAN 0 TYPE sim-chunk COUNT 100");
        assert_eq!(scanned.array()[1].array().len(), 2);
    }

    fn without_memory_writes_are_refused_and_reads_and_deletes_work(server: Server) {
        something(&server);
        server.does("CONFIG SET maxmemory 1");
        let before = server.digest();
        for command in ["SIM.RECORD s item SIGNATURE i 2 a b", "SIM.CREATE t", "SIM.MERGE s other i item"] {
            server.refuses(command, "OOM command not allowed when used memory > 'maxmemory'.");
        }
        assert_eq!(server.digest(), before);
        server.expect("SIM.COMPARE s item 1 i", "[[['item', '1']]]");
        server.expect("SIM.DELETE s i item", "1");
        server.expect("SIM.DROP s", "1");
    }

    fn eviction_of_chunks_does_no_harm(kind: Kind) {
        let server = kind.launch().options("--maxmemory-policy volatile-ttl").start();
        server.does("SIM.CREATE s BANDS 4 ROWS 1 INTERVAL 3600 RETENTION 200");
        let now = server.now();
        for n in 0..4000 {
            server.does(format!("SIM.RECORD s {n} TIMESTAMP {} SIGNATURE i 4 a{n} b{n} c{n} d{n}", now - n % 200 * 3600));
        }
        let chunks = server.chunks().len();
        let used = server.info("used_memory").parse::<u64>().unwrap();
        server.does(format!("CONFIG SET maxmemory {}", used - 100_000));
        for n in 0..200 {
            server.does(format!("SIM.RECORD s {n} SIGNATURE i 4 a b c d"));
        }
        assert!(server.chunks().len() < chunks, "some were evicted");
        assert!(!server.chunks().is_empty(), "not all were evicted");
        server.does("SIM.COMPARE s 7 1 i");
        server.does("SIM.INFO s");
        server.expect("EXISTS s", "1"); // volatile-ttl never takes a key without expiry
        server.validate_all();
    }

    fn a_panic_is_one_error_and_the_server_lives(server: Server) {
        something(&server);
        let error = server.refusal("SIM.DEBUG PANIC");
        assert!(error.starts_with("ERR "), "{error}");
        server.expect("PING", "PONG");
        server.expect("SIM.COMPARE s item 1 i", "[[['item', '1']]]");
    }

    fn debug_commands_are_off_unless_asked_for(kind: Kind) {
        let server = kind.launch().without_module().module("").start();
        let error = server.refusal("SIM.DEBUG PANIC");
        assert!(error.starts_with("ERR "), "{error}");
        server.refusal("SIM.DEBUG VALIDATE s");
    }
}
