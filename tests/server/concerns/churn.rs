//! Chunks that expire while they are written to and read.

use testkit::{Kind, Random, Reply, amount, figure, on_each_server, wait_until, words};

on_each_server! {
    fn chunks_expire_under_load_and_leave_nothing(kind: Kind) {
        let (primary, replica) = (kind.launch().options("--appendonly yes").start(), kind.start());
        replica.follow(&primary);
        for scope in 0..10 {
            primary.does(format!("SIM.CREATE s{scope} BANDS 4 ROWS 1 INTERVAL 1 RETENTION 1"));
        }
        let mut random = Random::new(6);
        let end = primary.now() + amount(5, 60) as i64;
        let mut writes = 0;
        while primary.now() < end {
            let line = |_| {
                let (scope, item, index) = (random.below(10), random.below(300), random.below(3));
                words(&match random.below(20) {
                    0 => format!("SIM.COMPARE s{scope} item{item} 1 i{index} LIMIT 0"),
                    1 => format!("SIM.DELETE s{scope} * item{item}"),
                    2 => format!("SIM.MERGE s{scope} item{item} i{index} other"),
                    _ => format!("SIM.RECORD s{scope} item{item} TEXT i{index} \"text {} of {}\"", random.below(900), random.below(9)),
                })
            };
            let batch: Vec<Vec<Vec<u8>>> = (0..500).map(line).collect();
            let wrong = primary.pipeline(&batch).into_iter().find(|reply| matches!(reply, Reply::Error(_)));
            assert_eq!(wrong, None);
            writes += batch.len();
        }
        primary.validate_all();
        let expired: usize = primary.info("expired_keys").parse().expect("a number");
        assert!(expired > 20, "{expired} chunks expired");
        wait_until("the chunks have expired", || primary.chunks().is_empty());
        wait_until("what has expired is freed", || primary.does("INFO simile").text().contains("simile_observations:0\r\n"));
        replica.catch_up_with(&primary);
        assert_eq!(replica.digest(), primary.digest());
        assert_eq!(replica.chunks().len(), 0);
        let bytes: usize = primary.info("simile_bytes").parse().expect("a number");
        assert!(bytes < 20_000, "{bytes} bytes for ten scopes");
        let digest = primary.digest();
        let primary = primary.restart();
        assert_eq!(primary.digest(), digest);
        figure(writes, "commands while chunks expired");
        figure(expired, "chunks expired under load");
    }
}
