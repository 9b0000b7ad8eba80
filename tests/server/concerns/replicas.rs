//! Replicas under load: attached at any time, cut off, promoted, and with chunks that expire.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use testkit::{Client, Kind, Random, Reply, Server, amount, on_each_server, wait_until, words};

/// A client that writes until it is told to stop, or is no longer allowed to write.
struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    writer: JoinHandle<()>,
}

impl Load {
    fn on(server: &Server, seed: u64) -> Load {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (port, stopped, counter) = (server.port(), stop.clone(), done.clone());
        let writer = std::thread::spawn(move || {
            let client = Client::connect(port, "").expect("a connection");
            let mut random = Random::new(seed);
            while !stopped.load(Ordering::Relaxed) {
                let batch: Vec<Vec<Vec<u8>>> = (0..20).map(|_| words(&command(&mut random))).collect();
                let Ok(replies) = client.try_pipeline(&batch) else { return };
                let wrong = replies.iter().find_map(|reply| match reply {
                    Reply::Error(error) if !error.starts_with("READONLY") => Some(error),
                    _ => None,
                });
                assert_eq!(wrong, None);
                counter.fetch_add(batch.len(), Ordering::Relaxed);
            }
        });
        Load { stop, done, writer }
    }

    /// Waits until this many more commands have been written.
    #[track_caller]
    fn go_on(&self, more: usize) {
        let aim = self.done.load(Ordering::Relaxed) + more;
        wait_until("more is written", || self.done.load(Ordering::Relaxed) >= aim);
    }

    fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.writer.join().expect("the load meets no error");
        self.done.load(Ordering::Relaxed)
    }
}

/// Writes of all kinds to a few scopes, some of which are created and dropped again and again.
fn command(random: &mut Random) -> String {
    let scope = random.pick(&["a", "b", "{c}", "d"]).to_string();
    let (item, other) = (format!("item{}", random.below(50)), format!("other{}", random.below(50)));
    match random.below(40) {
        0 => format!("SIM.MERGE {scope} {item} * {other}"),
        1 | 2 => format!("SIM.DELETE {scope} * {item} * {other}"),
        3 => "SIM.DROP d".to_string(),
        4 => "SIM.DROP d i".to_string(),
        5 => "DEL d".to_string(),
        6 => "SIM.CREATE d BANDS 16".to_string(),
        8..12 => format!(
            "SIM.RECORD {scope} {other} FEATURES j 3 f{} f{} f{}",
            random.below(9),
            random.below(9),
            random.below(9)
        ),
        _ => format!(
            "SIM.RECORD {scope} {item} TEXT i \"some text {} of {}\"",
            random.below(20),
            random.below(7)
        ),
    }
}

#[track_caller]
fn alike(primary: &Server, replicas: &[&Server]) {
    primary.validate_all();
    for replica in replicas {
        replica.catch_up_with(primary);
        assert_eq!(replica.digest(), primary.digest());
        replica.validate_all();
    }
}

on_each_server! {
    fn attached_before_during_and_after_load_they_hold_the_same(kind: Kind) {
        let primary = kind.start();
        let before = kind.start();
        before.follow(&primary);
        let load = Load::on(&primary, 1);
        load.go_on(2_000);
        let during = kind.start();
        during.expect(format!("REPLICAOF 127.0.0.1 {}", primary.port()), "OK");
        load.go_on(amount(6_000, 100_000));
        load.end();
        let after = kind.start();
        after.follow(&primary);
        alike(&primary, &[&before, &during, &after]);
    }

    /// The replica serves its old data while it loads the new.
    fn a_replica_that_loads_beside_its_old_data_ends_with_the_new(kind: Kind) {
        let primary = kind.launch().options("--repl-diskless-sync yes").start();
        let replica = kind.launch().options("--repl-diskless-load swapdb").start();
        replica.follow(&primary);
        for round in 0..2 {
            let load = Load::on(&primary, 10 + round);
            load.go_on(2_000);
            replica.expect("REPLICAOF NO ONE", "OK");
            replica.does("SIM.RECORD a mine TEXT i \"of the replica alone\"");
            load.go_on(500);
            replica.expect(format!("REPLICAOF 127.0.0.1 {}", primary.port()), "OK");
            load.go_on(500);
            load.end();
            alike(&primary, &[&replica]);
            let held = |server: &Server| {
                let text = server.does("INFO simile").text();
                text.lines().filter(|line| line.contains("scopes") || line.contains("observations")).map(str::to_string).collect::<Vec<_>>()
            };
            wait_until("the old data is freed", || held(&replica) == held(&primary));
        }
    }

    fn a_partial_resynchronisation_loses_nothing(kind: Kind) {
        let primary = kind.launch().options("--repl-backlog-size 64mb").start();
        let replica = kind.start();
        replica.follow(&primary);
        let load = Load::on(&primary, 2);
        for _ in 0..amount(3, 20) {
            load.go_on(1_000);
            primary.does("CLIENT KILL TYPE replica");
            load.go_on(1_000);
            wait_until("the replica is linked again", || replica.info("master_link_status") == "up");
        }
        load.end();
        alike(&primary, &[&replica]);
        assert_eq!(primary.info("sync_full"), "1", "only the first was a full one");
        assert!(primary.info("sync_partial_ok").parse::<u32>().expect("a number") >= 1);
    }

    fn a_replica_promoted_under_load_has_all_it_was_given(kind: Kind) {
        let (primary, replica) = (kind.start(), kind.start());
        replica.follow(&primary);
        let load = Load::on(&primary, 3);
        load.go_on(2_000);
        replica.expect("REPLICAOF NO ONE", "OK");
        load.go_on(100);
        load.end();
        replica.validate_all();
        // From here on the promoted one is the primary, and the old one its replica.
        let load = Load::on(&replica, 4);
        load.go_on(1_000);
        primary.expect(format!("REPLICAOF 127.0.0.1 {}", replica.port()), "OK");
        load.go_on(1_000);
        load.end();
        alike(&replica, &[&primary]);
    }

    fn waited_for_writes_are_on_the_promoted_replica(kind: Kind) {
        let (primary, replica) = (kind.start(), kind.start());
        replica.follow(&primary);
        primary.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 0");
        for n in 0..200 {
            primary.does(format!("SIM.RECORD s item{} SIGNATURE i 1 b", n % 10));
        }
        primary.expect("WAIT 1 5000", "1");
        replica.expect("REPLICAOF NO ONE", "OK");
        drop(primary);
        for item in 0..10 {
            replica.expect(format!("SIM.FREQUENCIES s i item{item}"), "[[['b', 20]]]");
        }
        replica.expect("SIM.RECORD s item0 SIGNATURE i 1 b", "[[21]]");
        replica.validate_all();
    }

    fn writes_around_an_expiry_leave_both_alike(kind: Kind) {
        // Chunks of intervals of a second expire meanwhile.
        let primary = kind.launch().options("--appendonly yes").start();
        let replica = kind.start();
        replica.follow(&primary);
        primary.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 1 RETENTION 1");
        let mut random = Random::new(5);
        let end = primary.now() + amount(5, 60) as i64;
        let mut writes = 0;
        while primary.now() < end {
            let item = random.below(5);
            let late = random.below(2) as i64;
            let line = match random.below(5) {
                0 => format!("SIM.DELETE s * item{item}"),
                1 => format!("SIM.MERGE s item{item} * item9"),
                _ => format!("SIM.RECORD s item{item} TIMESTAMP {} SIGNATURE i{} 1 b", primary.now() - late, random.below(2)),
            };
            match primary.run(&line) {
                Reply::Error(error) if error.contains("older than the window") => {}
                Reply::Error(error) => panic!("{line}: {error}"),
                _ => writes += 1,
            }
            replica.does("SIM.COMPARE s item1 2 i0 i1"); // a replica that is read expires nothing
            primary.does("SIM.COMPARE s item1 2 i0 i1");
        }
        assert!(writes > 100, "{writes} writes");
        wait_until("the chunks have expired", || primary.chunks().is_empty());
        alike(&primary, &[&replica]);
        primary.does("SIM.RECORD s item SIGNATURE i0 1 b");
        alike(&primary, &[&replica]);
        // The directory is the same again, whatever has expired meanwhile.
        let directory = primary.does("DEBUG DIGEST-VALUE s");
        let primary = primary.restart();
        assert_eq!(primary.does("DEBUG DIGEST-VALUE s"), directory);
        primary.validate_all();
    }
}
