//! `simile migrate-sentry`: the scores are the same before and after.

use crate::program::{Running, run, simile};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use testkit::{Random, Server, on_each_server, wait_until};

pub const BANDS: usize = 8;
pub const INTERVAL: u64 = 86_400;
pub const RETENTION: u64 = 3;

/// Sentry's index of 2017, with its keys written as its Lua script does, and a plain model of its scores.
pub struct Sentry {
    namespace: String,
    scope: String,
    /// (index, time, band from 1, item) -> bucket -> count
    frequencies: BTreeMap<(String, u64, usize, String), BTreeMap<String, u64>>,
}

impl Sentry {
    pub fn new(namespace: &str, scope: &str) -> Sentry {
        Sentry { namespace: namespace.into(), scope: scope.into(), frequencies: BTreeMap::new() }
    }

    /// RECORD, in the index on the server and in the model: for each band, SADD and EXPIREAT the
    /// members, HINCRBY and EXPIREAT the frequencies.
    pub fn record(&mut self, server: &Server, time: u64, item: &str, index: &str, buckets: &[String]) {
        let expiry = ((time + 1 + RETENTION) * INTERVAL).to_string();
        let key = |kind: &str, band: usize, end: &str| {
            format!("{}:{}:{kind}:{index}:{time}:{band}:{end}", self.namespace, self.scope)
        };
        let mut commands: Vec<Vec<Vec<u8>>> = Vec::new();
        for (band, bucket) in (1..).zip(buckets) {
            let (members, hash) = (key("m", band, bucket), key("f", band, item));
            for words in [
                vec!["SADD", &members, item],
                vec!["EXPIREAT", &members, &expiry],
                vec!["HINCRBY", &hash, bucket, "1"],
                vec!["EXPIREAT", &hash, &expiry],
            ] {
                commands.push(words.into_iter().map(|word| word.as_bytes().to_vec()).collect());
            }
            let entry = (index.to_string(), time, band, item.to_string());
            *self.frequencies.entry(entry).or_default().entry(bucket.clone()).or_default() += 1;
        }
        server.pipeline(&commands);
    }

    /// Every item's frequencies in every band, summed over the intervals and scaled to 1.
    fn scaled(&self, index: &str) -> BTreeMap<String, Vec<BTreeMap<String, f64>>> {
        let mut items: BTreeMap<String, Vec<BTreeMap<String, f64>>> = BTreeMap::new();
        for ((_, _, band, item), buckets) in self.frequencies.iter().filter(|((of, ..), _)| of == index) {
            let bands = items.entry(item.clone()).or_insert_with(|| vec![BTreeMap::new(); BANDS]);
            for (bucket, count) in buckets {
                *bands[band - 1].entry(bucket.clone()).or_default() += *count as f64;
            }
        }
        for band in items.values_mut().flatten() {
            let total: f64 = band.values().sum();
            band.values_mut().for_each(|count| *count /= total);
        }
        items
    }

    /// The number of entries: (index, time, item).
    pub fn entries(&self) -> usize {
        self.frequencies.keys().filter(|(_, _, band, _)| *band == 1).count()
    }

    /// The observations of all items in all indexes.
    pub fn observations(&self) -> u64 {
        let first = self.frequencies.iter().filter(|((_, _, band, _), _)| *band == 1);
        first.map(|(_, buckets)| buckets.values().sum::<u64>()).sum()
    }

    /// Checks that the scope gives the scores that Sentry gave, for every item.
    #[track_caller]
    pub fn holds_in(&self, server: &Server, scope: &str, index: &str, name: &str) {
        let (items, mut compared) = (self.scaled(index), 0);
        for item in items.keys() {
            let reply = server.call(&["SIM.COMPARE", scope, item, "1", name, "LIMIT", "0"]);
            let found: BTreeMap<String, f64> = reply.array()[0]
                .array()
                .iter()
                .map(|pair| (pair.array()[0].text(), pair.array()[1].double()))
                .collect();
            let expected = compare(&items, item);
            assert_eq!(
                found.keys().collect::<Vec<_>>(),
                expected.keys().collect::<Vec<_>>(),
                "{index} {item}"
            );
            for (other, score) in &expected {
                assert!(
                    (score - found[other]).abs() < 1e-12,
                    "{index} {item} {other}: {score}, {}",
                    found[other]
                );
                compared += 1;
            }
        }
        assert!(compared > items.len(), "some items are similar");
    }
}

/// COMPARE: all candidates with a common bucket, each with the mean over bands of 1 - L1/2.
fn compare(items: &BTreeMap<String, Vec<BTreeMap<String, f64>>>, item: &str) -> BTreeMap<String, f64> {
    let (own, mut scores) = (&items[item], BTreeMap::new());
    for (other, others) in items {
        let is_candidate = own.iter().zip(others).any(|(a, b)| a.keys().any(|bucket| b.contains_key(bucket)));
        if is_candidate {
            let similarity = own.iter().zip(others).map(|(a, b)| {
                let buckets: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                let get = |of: &BTreeMap<String, f64>, bucket| of.get(bucket).copied().unwrap_or(0.0);
                1.0 - buckets.into_iter().map(|bucket| (get(a, bucket) - get(b, bucket)).abs()).sum::<f64>()
                    / 2.0
            });
            scores.insert(other.clone(), similarity.sum::<f64>() / BANDS as f64);
        }
    }
    scores
}

/// An index of two features over four days, with items seen once and often, similar to others or to none.
pub fn sample(server: &Server, namespace: &str, scope: &str) -> Sentry {
    let mut sentry = Sentry::new(namespace, scope);
    let today = server.now_inside(INTERVAL as i64) as u64 / INTERVAL;
    let mut random = Random::new(3);
    for n in 0..1_200 {
        let item = if n % 50 == 0 { format!("with:1:colons {n}") } else { random.below(200).to_string() };
        let (centre, index) = (random.below(60), *random.pick(&["a", "b"]));
        let bucket = |_| format!("{},{}", centre * 7, if random.one_in(3) { random.below(4) } else { 0 });
        let buckets: Vec<String> = (0..BANDS).map(bucket).collect();
        let time = today - random.below(RETENTION as usize + 1) as u64;
        sentry.record(server, time, &item, index, &buckets);
    }
    sentry
}

fn migrate(server: &Server, options: &str) -> crate::program::Ran {
    run(server, &line(server, options))
}

fn line(server: &Server, options: &str) -> String {
    format!(
        "migrate-sentry s --from redis://127.0.0.1:{} --project 1 --interval {INTERVAL} {options}",
        server.port()
    )
}

#[track_caller]
fn summary(ran: crate::program::Ran) -> Json {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err))
}

on_each_server! {
    fn scores_after_are_scores_before(server: Server) {
        let sentry = sample(&server, "sim", "1");
        sample(&server, "sim", "11"); // another project, which is not to be touched
        let plan = summary(migrate(&server, "--dry-run --json"));
        assert_eq!((&plan["added"], &plan["observations"]), (&sentry.entries().into(), &sentry.observations().into()));
        assert_eq!((&plan["bands"], &plan["indexes"]), (&BANDS.into(), &serde_json::json!(["a", "b"])));
        assert_eq!((&plan["odd_expiries"], &plan["failed"]), (&0.into(), &0.into()));
        server.expect("EXISTS s", "0");

        let done = summary(migrate(&server, "--json"));
        assert_eq!((&done["added"], &done["observations"]), (&plan["added"], &plan["observations"]));
        for index in ["a", "b"] {
            sentry.holds_in(&server, "s", index, index);
        }
        // The times are the same, too: each interval has a chunk and an expiry of its own.
        server.validate_all();
        assert_eq!(server.chunks().len(), 2 * (RETENTION as usize + 1));
        let info = server.does("SIM.INFO s");
        assert_eq!(info.get("modulus").integer(), 65_535);

        // A second run adds nothing, and the scores stay.
        let again = summary(migrate(&server, "--json"));
        assert_eq!((&again["added"], &again["there"]), (&0.into(), &sentry.entries().into()));
        for index in ["a", "b"] {
            sentry.holds_in(&server, "s", index, index);
        }
    }

    fn a_migration_that_is_killed_is_run_again(server: Server) {
        let sentry = sample(&server, "sim", "1");
        // SCAN meets other keys between those of the index, as with a large database.
        server.does("DEBUG POPULATE 300000 other 3");
        let run = Running::start(simile(&server, &line(&server, "")));
        let info = || server.run("SIM.INFO s").to_string();
        wait_until("something has been added", || info().contains("'observations'"));
        run.kill();
        let rest = summary(migrate(&server, "--json"));
        let (added, there) = (rest["added"].as_u64().expect("a number"), rest["there"].as_u64().expect("a number"));
        assert_eq!((added + there) as usize, sentry.entries());
        assert!(added > 0 && there > 0, "killed in the middle: {added} added, {there} there");
        for index in ["a", "b"] {
            sentry.holds_in(&server, "s", index, index);
        }
    }

    fn an_index_in_use_is_caught_up_with(server: Server) {
        let mut sentry = sample(&server, "sim", "1");
        summary(migrate(&server, "--json"));
        let today = server.now() as u64 / INTERVAL;
        let buckets: Vec<String> = (0..BANDS).map(|_| "7,0".to_string()).collect();
        for item in ["0", "1", "new", "0"] {
            sentry.record(&server, today, item, "a", &buckets);
        }
        let rest = summary(migrate(&server, "--json"));
        assert_eq!((&rest["added"], &rest["observations"]), (&3.into(), &4.into()));
        sentry.holds_in(&server, "s", "a", "a");
    }

    fn indexes_are_chosen_and_renamed(server: Server) {
        let sentry = sample(&server, "sim", "1");
        let mut colons = Sentry::new("sim", "1");
        let buckets: Vec<String> = (0..BANDS).map(|band| band.to_string()).collect();
        let today = server.now() as u64 / INTERVAL;
        colons.record(&server, today, "1:2", "exception:message", &buckets);
        colons.record(&server, today, "3", "exception:message", &buckets);
        migrate(&server, "--index a=message --index exception:message=text").fine();
        sentry.holds_in(&server, "s", "a", "message");
        colons.holds_in(&server, "s", "exception:message", "text");
        assert_eq!(server.does("SIM.INFO s").get("indexes").pairs().len(), 2);
        let error = migrate(&server, "--index a=x --index b=x").failed(1);
        assert!(error.contains("observations of two would mix"), "{error}");
    }

    fn a_scope_with_sketches_takes_an_index_that_has_none(server: Server) {
        let sentry = sample(&server, "sim", "1");
        migrate(&server, "--sketch 64").fine();
        assert_eq!((server.does("SIM.INFO s").get("sketch").integer(), server.does("SIM.INFO s").get("score").text()), (64, "OVERLAP".into()));
        sentry.holds_in(&server, "s", "a", "a");
        server.does("DEL s");
        // One that exists keeps its definition; its own score is JACCARD, and what is copied has no sketch.
        server.does(format!("SIM.CREATE s BANDS {BANDS} HASH MURMUR3 MODULUS 65535 INTERVAL {INTERVAL} SKETCH 16 SCORE JACCARD"));
        migrate(&server, "").fine();
        server.expect("SIM.COMPARE s 1 1 a", "[[]]");
        server.expect("SIM.ALTER s SCORE OVERLAP", "OK");
        sentry.holds_in(&server, "s", "a", "a");
        let again = summary(migrate(&server, "--json"));
        assert_eq!((&again["added"], &again["there"]), (&0.into(), &sentry.entries().into()));
        server.does("DEL s");
        let error = migrate(&server, "--score jaccard").failed(1);
        assert!(error.contains("SIM.CREATE s BANDS 8") && error.contains("SKETCH"), "{error}");
    }

    fn what_cannot_be_carried_over_is_counted_and_shown(server: Server) {
        let mut sentry = Sentry::new("sim", "1");
        let buckets: Vec<String> = (0..BANDS).map(|band| band.to_string()).collect();
        let today = server.now() as u64 / INTERVAL;
        for item in ["good", "torn", "mixed"] {
            sentry.record(&server, today, item, "a", &buckets);
        }
        server.does(format!("DEL sim:1:f:a:{today}:3:torn"));
        server.does(format!("PERSIST sim:1:f:a:{today}:1:good"));
        server.does(format!("SIM.CREATE s BANDS {BANDS} HASH MURMUR3 INTERVAL {INTERVAL}"));
        server.does("SIM.RECORD s mixed SIGNATURE a 8 x x x x x x x x");
        let ran = migrate(&server, "");
        assert_eq!(ran.code, Some(3));
        assert_eq!(
            ran.err,
            format!(
                "simile: item 'torn' in index 'a', interval {today}: has 1 observation in band 1 and 0 in band 3: \
                 Sentry wrote all bands together\n\
                 simile: item 'mixed' in index 'a', interval {today}: the scope has other observations of it in this \
                 interval, and it is unknown which are the same: SIM.DELETE it there and run the same command again, or leave it\n"
            )
        );
        assert!(ran.out.contains("           2 NOT CARRIED OVER\n"), "{}", ran.out);
        assert!(ran.out.contains("The expiry of 1 of them does not agree with --interval 86400 --retention 3"), "{}", ran.out);
        server.expect("SIM.FREQUENCIES s a good", "[[['0', 1]], [['1', 1]], [['2', 1]], [['3', 1]], [['4', 1]], [['5', 1]], [['6', 1]], [['7', 1]]]");
    }

    fn what_does_not_fit_is_refused(server: Server) {
        let error = migrate(&server, "").failed(1);
        assert!(error.contains("has no key sim:1:f:INDEX:TIME:1:KEY: are --namespace and --project right?"), "{error}");
        sample(&server, "sim", "1");
        server.does("SIM.CREATE s BANDS 4 INTERVAL 60");
        let error = migrate(&server, "--dry-run").failed(1);
        assert!(error.contains("the scope 's' has BANDS 4 INTERVAL 60, and Sentry's index has 8 bands and, by --interval, 86400"), "{error}");
    }
}
