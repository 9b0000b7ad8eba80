//! Time: the chunk that a RECORD goes to, its name, and its expiry.

use testkit::{Server, on_each_server, wait_until};

/// The index, start and uid of a chunk's name, which has them after its tag in the opposite order.
fn parts<'a>(chunk: &'a str, tag: &str) -> (&'a str, i64, &'a str) {
    let rest = chunk.strip_prefix(tag).unwrap_or_else(|| panic!("{chunk} should begin with {tag}"));
    let mut parts = rest.strip_prefix(':').expect("a colon").splitn(3, ':');
    let (uid, start, index) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    (index, start.parse().expect("a start in decimal"), uid)
}

on_each_server! {
    fn a_chunk_is_named_after_scope_index_and_interval(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 3");
        let now = server.now_inside(3600);
        server.does(format!("SIM.RECORD s item TIMESTAMP {now} SIGNATURE looks:like 1 b"));
        let chunk = server.only_chunk();
        let (index, start, uid) = parts(&chunk, "{s}");
        assert_eq!((index, start), ("looks%3Alike", now - now % 3600));
        assert!(uid.len() == 16 && uid.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)), "uid {uid}");
        server.expect(format!("TYPE {chunk}"), "sim-chunk");
        server.expect(format!("OBJECT ENCODING {chunk}"), "'raw'");
    }

    fn a_hash_tag_in_the_scopes_name_stays_the_tag(server: Server) {
        for scope in ["t{3}x", "{user:7}", "a{b}c{d}", "{{x}}"] {
            server.does(format!("SIM.RECORD {scope} item FEATURES i 1 f"));
            parts(&server.only_chunk(), scope);
            server.does("FLUSHALL");
        }
    }

    fn one_uid_for_all_chunks_of_a_scope_and_another_for_the_next(server: Server) {
        let now = server.now_inside(60);
        for scope in ["s", "z"] {
            server.does(format!("SIM.CREATE {scope} BANDS 1 ROWS 1 INTERVAL 60 RETENTION 9"));
            server.does(format!("SIM.RECORD {scope} item TIMESTAMP {now} SIGNATURE i 1 b SIGNATURE j 1 b"));
            server.does(format!("SIM.RECORD {scope} item TIMESTAMP {} SIGNATURE i 1 b", now - 60));
        }
        let chunks = server.chunks();
        assert_eq!(chunks.len(), 6, "{chunks:?}");
        let mut uids: Vec<&str> = chunks.iter().map(|chunk| chunk.rsplit(':').nth(2).unwrap()).collect();
        uids.dedup(); // the chunks of s come before those of z
        assert_eq!(uids.len(), 2, "{chunks:?}");
    }

    fn a_chunk_expires_when_it_leaves_the_window_of_now(server: Server) {
        for (interval, retention) in [(1, 1000), (3600, 0), (3600, 12), (86400, 1000), (2592000, 3), (4294967296, 1000)] {
            server.does(format!("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL {interval} RETENTION {retention}"));
            let now = server.now();
            server.does(format!("SIM.RECORD s item TIMESTAMP {now} SIGNATURE i 1 b"));
            let expiry = (now - now % interval) + (retention + 1) * interval;
            let chunk = server.only_chunk();
            server.expect(format!("PEXPIRETIME {chunk}"), (expiry * 1000).to_string());
            server.expect(format!("EXPIRETIME {chunk}"), expiry.to_string());
            let ttl = server.does(format!("TTL {chunk}")).integer();
            assert!((expiry - now - 2..=expiry - now).contains(&ttl), "TTL {ttl}, expiry {expiry}, now {now}");
            server.expect("PEXPIRETIME s", "-1"); // the scope itself stays
            server.does("FLUSHALL");
        }
    }

    fn a_late_record_neither_shortens_nor_prolongs_the_life_of_a_chunk(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 3");
        let now = server.now_inside(3600);
        let times = [now, now - 3 * 3600, now - 3600, now + 3600];
        let record = |n: &str| for t in times {
            server.expect(format!("SIM.RECORD s item TIMESTAMP {t} SIGNATURE i 1 b"), format!("[[{n}]]"));
        };
        let lives = || server.chunks().iter().map(|c| server.does(format!("PEXPIRETIME {c}")).integer()).collect::<Vec<_>>();
        record("1");
        let first = lives();
        let start = now - now % 3600;
        let mut expected: Vec<i64> = times.iter().map(|t| (t - t % 3600 + 4 * 3600) * 1000).collect();
        expected.sort();
        assert_eq!(first, expected, "start {start}");
        record("2");
        assert_eq!(lives(), first);
    }

    fn interval_0_keeps_everything_in_one_chunk_for_ever(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
        let now = server.now();
        server.expect("SIM.RECORD s item SIGNATURE i 1 b", "[[1]]");
        server.expect(format!("SIM.RECORD s item TIMESTAMP {now} SIGNATURE i 1 b"), "[[2]]");
        server.expect(format!("SIM.RECORD s item TIMESTAMP {} SIGNATURE i 1 b", now - 1_000_000_000), "[[3]]");
        let chunk = server.only_chunk();
        assert_eq!(parts(&chunk, "{s}").1, 0);
        server.expect(format!("PEXPIRETIME {chunk}"), "-1");
        server.expect(format!("SIM.COMPARE s item 1 i TIMESTAMP {}", now - 2_000_000), "[[['item', '1']]]");
    }

    fn a_record_older_than_the_window_is_refused_and_leaves_nothing(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 3");
        let now = server.now_inside(3600);
        let oldest = now - now % 3600 - 3 * 3600; // the first second of the oldest interval kept
        let before = server.digest();
        for t in [oldest - 1, oldest - 3600, 0, -1, i64::MIN] {
            server.refusal(format!("SIM.RECORD s item TIMESTAMP {t} SIGNATURE i 1 b"));
            server.refusal(format!("SIM.RECORD s item SIGNATURE i 1 b SIGNATURE j 1 b TIMESTAMP {t}"));
        }
        server.expect("DBSIZE", "1");
        assert_eq!(server.digest(), before);
        // The next interval may begin during the test; the second oldest is in the window in either case.
        server.expect(format!("SIM.RECORD s item TIMESTAMP {} SIGNATURE i 1 b", oldest + 3600), "[[1]]");
    }

    fn a_record_too_far_ahead_is_refused_and_told_that_time_is_in_seconds(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 3");
        let now = server.now_inside(3600);
        let before = server.digest();
        for t in [now + 4 * 3600 + 60, now * 1000, now * 1_000_000, now * 1_000_000_000, i64::MAX] {
            let error = server.refusal(format!("SIM.RECORD s item TIMESTAMP {t} SIGNATURE i 1 b"));
            assert!(error.starts_with("ERR TIMESTAMP ") && error.contains("seconds"), "{error}");
        }
        assert_eq!(server.digest(), before);
        server.expect(format!("SIM.RECORD s item TIMESTAMP {} SIGNATURE i 1 b", now + 4 * 3600), "[[1]]");
        server.expect("SIM.COMPARE s item 1 i", "[[]]"); // not yet in the window of now
        server.expect(format!("SIM.COMPARE s item 1 i TIMESTAMP {}", now + 4 * 3600), "[[['item', '1']]]");
    }

    fn a_refused_record_makes_no_scope(server: Server) {
        server.refusal("SIM.RECORD s item TIMESTAMP 1 FEATURES i 1 f");
        server.expect("DBSIZE", "0");
    }

    fn a_query_sees_its_window_and_nothing_else(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 2");
        let now = server.now_inside(3600);
        for (item, hours) in [("ahead", 1), ("present", 0), ("hour", -1), ("hours", -2)] {
            server.does(format!("SIM.RECORD s {item} TIMESTAMP {} SIGNATURE i 1 b", now + hours * 3600));
        }
        let seen = |hours: i64| {
            let reply = server.does(format!("SIM.CLASSIFY s TIMESTAMP {} SIGNATURE i 1 b", now + hours * 3600));
            reply.array()[0].array().iter().map(|entry| entry.array()[0].text()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(seen(0), "hours hour present");
        assert_eq!(seen(1), "hour present ahead");
        assert_eq!(seen(2), "present ahead");
        assert_eq!(seen(3), "ahead");
        assert_eq!(seen(4), "");
        assert_eq!(seen(-1), "hours hour");
        assert_eq!(seen(-2), "hours");
        assert_eq!(seen(-3), "");
        assert_eq!(seen(-now / 3600), ""); // 1970
        assert_eq!(seen(1_000_000_000), "");
    }

    fn chunks_vanish_by_themselves_at_the_right_second(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 1 RETENTION 2");
        let start = server.now();
        server.does(format!("SIM.RECORD s item TIMESTAMP {start} SIGNATURE i 1 b"));
        let chunk = server.only_chunk();
        let expiry = (start + 3) * 1000;
        server.expect(format!("PEXPIRETIME {chunk}"), expiry.to_string());
        let (mut seen_alive, mut seen_dead) = (false, false);
        wait_until("the chunk has lived and died", || {
            let before = server.now_in_milliseconds();
            let exists = server.does(format!("EXISTS {chunk}")).integer() == 1;
            let found = server.run(format!("SIM.COMPARE s item 1 i TIMESTAMP {start}")).to_string();
            let counted = server.run(format!("SIM.FREQUENCIES s i item TIMESTAMP {start}")).to_string();
            let after = server.now_in_milliseconds();
            if after < expiry {
                assert!(exists && found == "[[['item', '1']]]" && counted == "[[['b', 1]]]", "{} ms before: {found} {counted}", expiry - after);
                seen_alive = true;
            } else if before > expiry {
                assert!(!exists && found == "[[]]" && counted == "[[]]", "{} ms after: {found} {counted}", before - expiry);
                seen_dead = true;
            }
            seen_dead
        });
        assert!(seen_alive, "the chunk was never looked at while it lived");
        server.expect("KEYS *", "['s']");
    }

    fn an_item_seen_again_outlives_its_first_chunk(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 1 RETENTION 2");
        let start = server.now();
        server.does(format!("SIM.RECORD s item TIMESTAMP {start} SIGNATURE i 1 old"));
        server.does(format!("SIM.RECORD s item TIMESTAMP {} SIGNATURE i 1 new", start + 3));
        wait_until("the first chunk is gone", || server.now() > start + 3);
        let t = server.now();
        assert!(t < start + 6, "too slow a machine for this test");
        server.expect(format!("SIM.FREQUENCIES s i item TIMESTAMP {t}"), "[[['new', 1]]]");
        server.expect("SIM.DELETE s i item", "1");
        server.expect("SIM.DELETE s i item", "0");
    }

    fn merge_and_delete_do_not_change_when_a_chunk_expires(server: Server) {
        server.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 3600 RETENTION 3");
        let now = server.now_inside(3600);
        for t in [now, now - 3600, now - 2 * 3600, now + 3600] {
            for item in ["a", "b", "c"] {
                server.does(format!("SIM.RECORD s {item} TIMESTAMP {t} SIGNATURE i 1 x"));
            }
        }
        let lives = || server.chunks().iter().map(|c| (c.clone(), server.does(format!("PEXPIRETIME {c}")).integer())).collect::<Vec<_>>();
        let before = lives();
        server.expect("SIM.MERGE s a i b", "1");
        server.expect("SIM.DELETE s i c", "1");
        assert_eq!(lives(), before);
    }
}
