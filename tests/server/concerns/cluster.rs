//! A real cluster: three primaries with a replica each, on loopback.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use testkit::{Client, Kind, Random, Reply, Server, amount, figure, free_port, wait_until, words};

const SLOTS: usize = 16_384;

/// Three primaries, then their replicas.
pub struct Cluster {
    nodes: Vec<Server>,
}

impl Cluster {
    pub fn start(kind: Kind) -> Cluster {
        let node = || {
            // The bus takes its port only when the server starts: try again if another process was faster.
            kind.launch()
                .options("--cluster-enabled yes --cluster-node-timeout 2000 --appendonly no")
                .options(&format!("--cluster-port {} --cluster-replica-validity-factor 0", free_port()))
                .options("--cluster-announce-ip 127.0.0.1")
                .start()
        };
        let nodes: Vec<Server> = (0..6).map(|_| node()).collect();
        let cluster = Cluster { nodes };
        for (n, node) in cluster.nodes[..3].iter().enumerate() {
            let (first, last) = (SLOTS * n / 3, SLOTS * (n + 1) / 3 - 1);
            node.expect(format!("CLUSTER ADDSLOTSRANGE {first} {last}"), "OK");
            node.does(format!("CLUSTER SET-CONFIG-EPOCH {}", n + 1));
        }
        for node in &cluster.nodes[1..] {
            let bus = node.does("CONFIG GET cluster-port").array()[1].text();
            cluster.nodes[0].expect(format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port()), "OK");
        }
        let knows_all = |node: &Server| node.does("CLUSTER NODES").text().lines().count() == 6;
        wait_until("all nodes know each other", || cluster.nodes.iter().all(knows_all));
        for n in 0..3 {
            let id = cluster.id(n);
            let replica = &cluster.nodes[n + 3];
            wait_until("a replica knows its primary", || {
                replica.run(format!("CLUSTER REPLICATE {id}")).to_string() == "OK"
            });
        }
        let is_up = |node: &Server| node.does("CLUSTER INFO").text().contains("cluster_state:ok");
        wait_until("the cluster is up", || cluster.nodes.iter().all(is_up));
        for n in 0..3 {
            let replica = &cluster.nodes[n + 3];
            wait_until("the replica is linked", || replica.info("master_link_status") == "up");
        }
        cluster
    }

    fn id(&self, node: usize) -> String {
        self.nodes[node].does("CLUSTER MYID").text()
    }

    pub fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(Server::port).collect()
    }

    fn client(&self) -> Follower {
        Follower::new(self.ports())
    }

    /// The primary that serves a slot.
    fn owner(&self, slot: i64) -> usize {
        let serves = |n: &usize| {
            let nodes = self.nodes[*n].does("CLUSTER NODES").text();
            let own =
                nodes.lines().find(|line| line.contains("myself")).expect("a line of its own").to_string();
            own.split(' ').skip(8).filter(|range| !range.starts_with('[')).any(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                (first.parse().expect("a slot")..=last.parse::<i64>().expect("a slot")).contains(&slot)
            })
        };
        (0..self.nodes.len()).find(serves).expect("a node that serves the slot")
    }
}

/// A client that follows MOVED and ASK, and tries again on TRYAGAIN.
struct Follower {
    ports: Vec<u16>,
    clients: BTreeMap<u16, Client>,
    /// The node on which each key was found last.
    routes: BTreeMap<Vec<u8>, u16>,
    moved: usize,
    tried_again: usize,
}

impl Follower {
    fn new(ports: Vec<u16>) -> Follower {
        Follower { ports, clients: BTreeMap::new(), routes: BTreeMap::new(), moved: 0, tried_again: 0 }
    }

    fn at(&mut self, port: u16) -> redis::RedisResult<&Client> {
        match self.clients.entry(port) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => Ok(new.insert(Client::connect(port, "")?)),
        }
    }

    /// The reply to a command on one key; `None` if the connection broke and the outcome is unknown.
    fn try_run(&mut self, line: &str) -> Option<Reply> {
        let command = words(line);
        let key = command[1].clone();
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut port = self.routes.get(&key).copied().unwrap_or(self.ports[0]);
        let mut asking = false;
        loop {
            assert!(
                Instant::now() < deadline,
                "30 s for {line}: {} moved, {} again",
                self.moved,
                self.tried_again
            );
            let ask = asking;
            let reply = self.at(port).and_then(|client| {
                if ask {
                    client.try_call(&["ASKING"])?;
                }
                client.try_call(&command)
            });
            asking = false;
            let Ok(reply) = reply else {
                self.clients.remove(&port);
                self.routes.clear();
                self.ports.rotate_left(1);
                return None;
            };
            let Reply::Error(error) = &reply else {
                if !ask {
                    self.routes.insert(key, port);
                }
                return Some(reply);
            };
            let to = error.rsplit(':').next().and_then(|port| port.parse().ok());
            match error.split(' ').next().unwrap_or_default() {
                "MOVED" => (port, self.moved) = (to.expect("a port"), self.moved + 1),
                "ASK" => (port, asking) = (to.expect("a port"), true),
                "TRYAGAIN" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" => {
                    self.tried_again += 1;
                    std::thread::sleep(Duration::from_millis(2));
                    port = self.routes.get(&key).copied().unwrap_or(port);
                }
                _ => return Some(reply),
            }
        }
    }

    #[track_caller]
    fn run(&mut self, line: &str) -> Reply {
        self.try_run(line).unwrap_or_else(|| panic!("{line}: the connection broke"))
    }

    #[track_caller]
    fn does(&mut self, line: &str) -> Reply {
        match self.run(line) {
            Reply::Error(error) => panic!("{line}: {error}"),
            reply => reply,
        }
    }
}

/// The count of an item in its only bucket.
fn count(client: &mut Follower, scope: &str, index: &str, item: &str) -> i64 {
    let reply = client.does(&format!("SIM.FREQUENCIES {scope} {index} {item}"));
    let pairs = reply.array().first().map(|band| band.pairs()).unwrap_or_default();
    pairs.iter().map(|(_, count)| count.integer()).sum()
}

/// The writes that were acknowledged and those without a reply, for each (scope, index, item).
type Written = BTreeMap<(String, String, String), (i64, i64)>;

/// Writes to these scopes until it is told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    writer: std::thread::JoinHandle<(Written, usize)>,
}

impl Load {
    fn on(cluster: &Cluster, scopes: &[&str], seed: u64) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut client, stopped) = (cluster.client(), stop.clone());
        let scopes: Vec<String> = scopes.iter().map(|scope| scope.to_string()).collect();
        let writer = std::thread::spawn(move || {
            let (mut written, mut random, mut done) = (Written::new(), Random::new(seed), 0);
            while !stopped.load(Ordering::Relaxed) {
                let scope = random.pick(&scopes).clone();
                let (index, item) = (format!("i{}", random.below(25)), format!("item{}", random.below(8)));
                let line = format!("SIM.RECORD {scope} {item} SIGNATURE {index} 1 b");
                let reply = client.try_run(&line);
                let entry = written.entry((scope, index, item)).or_default();
                match reply {
                    Some(Reply::Error(error)) => panic!("{line}: {error}"),
                    Some(_) => (entry.0, done) = (entry.0 + 1, done + 1),
                    None => entry.1 += 1,
                }
            }
            (written, done)
        });
        Load { stop, writer }
    }

    fn end(self) -> (Written, usize) {
        self.stop.store(true, Ordering::Relaxed);
        self.writer.join().expect("the load meets no error")
    }
}

/// Checks that every acknowledged write is there, and none twice.
#[track_caller]
fn check(client: &mut Follower, written: &Written) {
    for ((scope, index, item), (acknowledged, unknown)) in written {
        let found = count(client, scope, index, item);
        let expected = *acknowledged..=acknowledged + unknown;
        assert!(expected.contains(&found), "{scope} {index} {item}: {found} of {expected:?}");
    }
}

/// Moves a slot key by key, as `redis-cli --cluster reshard` does.
fn move_slot(cluster: &Cluster, slot: i64, to: usize, is_scope: impl Fn(&str) -> bool, scope_first: bool) {
    let from = cluster.owner(slot);
    let (source, target) = (&cluster.nodes[from], &cluster.nodes[to]);
    target.expect(format!("CLUSTER SETSLOT {slot} IMPORTING {}", cluster.id(from)), "OK");
    source.expect(format!("CLUSTER SETSLOT {slot} MIGRATING {}", cluster.id(to)), "OK");
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        assert!(Instant::now() < deadline, "a slot is stuck");
        let keys = source.does(format!("CLUSTER GETKEYSINSLOT {slot} 100"));
        let mut keys: Vec<String> = keys.array().iter().map(Reply::text).collect();
        if keys.is_empty() {
            break;
        }
        keys.sort_by_key(|key| is_scope(key) != scope_first);
        // One key at a time, then list again, to find keys that were written in between.
        let reply = source.run(format!("MIGRATE 127.0.0.1 {} {} 0 5000", target.port(), keys[0])).to_string();
        assert!(reply == "OK" || reply == "NOKEY", "MIGRATE {}: {reply}", keys[0]);
    }
    target.expect(format!("CLUSTER SETSLOT {slot} NODE {}", cluster.id(to)), "OK");
    source.expect(format!("CLUSTER SETSLOT {slot} NODE {}", cluster.id(to)), "OK");
}

fn every_command_follows_its_slot(kind: Kind) {
    let cluster = Cluster::start(kind);
    let mut client = cluster.client();
    let scopes: Vec<String> =
        (0..12).map(|n| format!("plain{n}")).chain((0..12).map(|n| format!("x:{{t{n}}}:y"))).collect();
    for scope in &scopes {
        let mut expect = |line: &str, reply: &str| {
            let line = line.replace('$', scope);
            assert_eq!(client.run(&line).to_string(), reply, "{line}");
        };
        expect("SIM.CREATE $ BANDS 1 ROWS 1 INTERVAL 3600", "OK");
        expect("SIM.RECORD $ item SIGNATURE i 1 b SIGNATURE j 1 c", "[[1], [1]]");
        expect("SIM.RECORD $ other SIGNATURE i 1 b", "[[1]]");
        expect("SIM.CLASSIFY $ SIGNATURE i 1 b", "[[['item', '1'], ['other', '1']]]");
        expect("SIM.COMPARE $ item 2 i j", "[[['item', '1'], ['other', '1']], [['item', '1']]]");
        expect("SIM.FREQUENCIES $ i item", "[[['b', 1]]]");
        expect("SIM.MEMBERS $ i 0 b", "['item', 'other']");
        expect("SIM.SIGNATURE $ FEATURES 0", "[]");
        expect("SIM.MERGE $ item i other", "1");
        expect("SIM.DELETE $ j item", "1");
        expect("SIM.FREQUENCIES $ i item", "[[['b', 2]]]");
        expect("TYPE $", "sim-scope");
    }
    assert!(client.moved > 0, "some are elsewhere");
    // Every chunk lies in the slot of its scope, and is counted there.
    for scope in &scopes {
        let slot = cluster.nodes[0].does(format!("CLUSTER KEYSLOT {scope}")).integer();
        let owner = &cluster.nodes[cluster.owner(slot)];
        owner.expect(format!("CLUSTER COUNTKEYSINSLOT {slot}"), "2");
        assert!(client.does(&format!("SIM.INFO {scope}")).to_string().contains("'i'"));
    }
    for n in 0..3 {
        cluster.nodes[n + 3].catch_up_with(&cluster.nodes[n]);
        assert_eq!(cluster.nodes[n + 3].digest(), cluster.nodes[n].digest());
        cluster.nodes[n].validate_all();
        // A replica answers a client that has sent READONLY.
        let replica = cluster.nodes[n + 3].client();
        replica.expect("READONLY", "OK");
        for scope in &scopes {
            let reply = replica.run(format!("SIM.FREQUENCIES {scope} i item")).to_string();
            assert!(reply == "[[['b', 2]]]" || reply.starts_with("!MOVED"), "{reply}");
        }
    }
    for (number, scope) in scopes.iter().enumerate() {
        let command = if kind.frees_chunks_at_del() && number % 2 == 0 { "DEL" } else { "SIM.DROP" };
        assert_eq!(client.run(&format!("{command} {scope}")).to_string(), "1");
    }
    for node in &cluster.nodes[..3] {
        wait_until("the chunks are freed", || node.does("DBSIZE").integer() == 0);
    }
}

fn a_slot_moves_under_load(kind: Kind) {
    let cluster = Cluster::start(kind);
    // Two scopes in one slot: the name of one is the tag of the other.
    let scopes = ["load", "x{load}y"];
    let mut client = cluster.client();
    for scope in scopes {
        client.does(&format!("SIM.CREATE {scope} BANDS 1 ROWS 1 INTERVAL 86400"));
    }
    let slot = cluster.nodes[0].does("CLUSTER KEYSLOT load").integer();
    let loads: Vec<Load> = (0..2).map(|seed| Load::on(&cluster, &scopes, seed)).collect();
    let first = cluster.owner(slot);
    let rounds = amount(4, 20);
    wait_until("there is something to move", || cluster.nodes[first].chunks().len() > 40);
    for round in 0..rounds {
        let to = (cluster.owner(slot) + 1) % 3;
        move_slot(&cluster, slot, to, |key| scopes.contains(&key), round % 2 == 0);
    }
    let mut acknowledged = 0;
    for load in loads {
        let (written, done) = load.end();
        acknowledged += done;
        // Two writers wrote to the same items: their sums are checked below, each one's share here.
        assert!(written.values().all(|(_, unknown)| *unknown == 0), "no connection broke");
        SUMS.with_borrow_mut(|sums| {
            written.into_iter().for_each(|(key, (known, _))| *sums.entry(key).or_insert(0) += known);
        });
    }
    let sums = SUMS.take();
    let written: Written = sums.into_iter().map(|(key, sum)| (key, (sum, 0))).collect();
    check(&mut client, &written);
    cluster.nodes[..3].iter().for_each(|node| node.validate_all());
    figure(rounds, "moves of a slot under load");
    figure(acknowledged, "acknowledged writes, all there after the moves");
    assert!(acknowledged > 200);
}

std::thread_local! {
    static SUMS: std::cell::RefCell<BTreeMap<(String, String, String), i64>> = const { std::cell::RefCell::new(BTreeMap::new()) };
}

/// While one chunk is already on the other node, every command that needs it says so and changes nothing.
fn commands_wait_for_a_chunk_on_its_way(kind: Kind) {
    let cluster = Cluster::start(kind);
    let mut client = cluster.client();
    client.does("SIM.CREATE s BANDS 1 ROWS 1 INTERVAL 86400");
    client.does("SIM.RECORD s item SIGNATURE i 1 b SIGNATURE j 1 b");
    client.does("SIM.RECORD s other SIGNATURE i 1 b");
    let blob = client.does("SIM.EXPORT s i item").array()[0].bytes().to_vec();
    let slot = cluster.nodes[0].does("CLUSTER KEYSLOT s").integer();
    let from = cluster.owner(slot);
    let to = (from + 1) % 3;
    let (source, target) = (&cluster.nodes[from], &cluster.nodes[to]);
    target.expect(format!("CLUSTER SETSLOT {slot} IMPORTING {}", cluster.id(from)), "OK");
    source.expect(format!("CLUSTER SETSLOT {slot} MIGRATING {}", cluster.id(to)), "OK");
    let moves = |key: &str| source.expect(format!("MIGRATE 127.0.0.1 {} {key} 0 5000", target.port()), "OK");
    let chunk = source.chunks().into_iter().find(|chunk| chunk.ends_with(":i")).expect("the chunk of i");

    let import = [words("SIM.IMPORT s i item"), vec![blob]].concat();
    let commands: Vec<Vec<Vec<u8>>> = [
        "SIM.RECORD s item SIGNATURE i 1 b",
        "SIM.CLASSIFY s SIGNATURE i 1 b",
        "SIM.COMPARE s item 2 i j",
        "SIM.ASSIGN s new MINSCORE 1 SIGNATURE i 1 b",
        "SIM.MERGE s item i other",
        "SIM.DELETE s i item",
        "SIM.EXPORT s i item",
        "SIM.FREQUENCIES s i item",
        "SIM.COUNT s i 1 item",
        "SIM.MEMBERS s i 0 b",
        "SIM.EXPLAIN s i item other",
        "SIM.SIGNIFICANT s i item",
        "SIM.SCAN s i 0",
        "SIM.ALTER s RETENTION 9",
        "SIM.INFO s",
        "SIM.DROP s",
    ]
    .iter()
    .map(|line| words(line))
    .chain([import])
    .collect();
    let all_wait = |node: &Client, prefix: &[&str]| {
        let before = node.digest();
        for command in &commands {
            prefix.iter().for_each(|word| drop(node.does(word)));
            let reply = node.call(command).to_string();
            assert!(reply.starts_with("!TRYAGAIN"), "{}: {reply}", command[0].escape_ascii());
        }
        assert_eq!(node.digest(), before);
    };
    moves(&chunk);
    all_wait(source, &[]);
    source.expect("SIM.COMPARE s item 1 j", "[[['item', '1']]]"); // all of this index is here
    moves("s");
    let other = source.only_chunk();
    // On the new node the commands need the chunk of j, which has not arrived.
    target.expect("ASKING", "OK");
    assert!(target.run("SIM.COMPARE s item 1 j").to_string().starts_with("!TRYAGAIN"));
    target.expect("ASKING", "OK");
    target.expect("SIM.COMPARE s item 1 i", "[[['item', '1'], ['other', '1']]]");
    moves(&other);
    target.expect(format!("CLUSTER SETSLOT {slot} NODE {}", cluster.id(to)), "OK");
    source.expect(format!("CLUSTER SETSLOT {slot} NODE {}", cluster.id(to)), "OK");
    for command in commands.iter().filter(|command| command[0] != b"SIM.DROP") {
        let reply = target.call(command);
        assert!(!matches!(reply, Reply::Error(_)), "{}: {reply}", command[0].escape_ascii());
    }
    target.validate_all();
    target.expect("SIM.DROP s", "2");
}

fn a_slot_moves_at_once_under_load(kind: Kind) {
    let cluster = Cluster::start(kind);
    let mut client = cluster.client();
    client.does("SIM.CREATE load BANDS 1 ROWS 1 INTERVAL 86400");
    let slot = cluster.nodes[0].does("CLUSTER KEYSLOT load").integer();
    let load = Load::on(&cluster, &["load"], 7);
    let mut owner = cluster.owner(slot);
    wait_until("there is something to move", || cluster.nodes[owner].chunks().len() > 15);
    let rounds = amount(3, 15);
    for _ in 0..rounds {
        let to = (owner + 1) % 3;
        cluster.nodes[owner]
            .expect(format!("CLUSTER MIGRATESLOTS SLOTSRANGE {slot} {slot} NODE {}", cluster.id(to)), "OK");
        wait_until("the slot has moved", || {
            let status = cluster.nodes[owner].does("CLUSTER GETSLOTMIGRATIONS").to_string();
            assert!(!status.contains("failed"), "{status}");
            cluster.nodes[to].run("EXISTS load").to_string() == "1"
        });
        owner = to;
    }
    let (written, acknowledged) = load.end();
    check(&mut client, &written);
    cluster.nodes[..3].iter().for_each(|node| node.validate_all());
    figure(rounds, "moves of a slot at once under load");
    figure(acknowledged, "acknowledged writes, all there after the moves");
    assert!(acknowledged > 200);
}

fn a_killed_primary_is_replaced_by_its_replica(kind: Kind) {
    let mut cluster = Cluster::start(kind);
    let mut client = cluster.client();
    let scopes: Vec<String> = (0..9).map(|n| format!("s{n}")).collect();
    for scope in &scopes {
        client.does(&format!("SIM.CREATE {scope} BANDS 1 ROWS 1 INTERVAL 86400"));
        for n in 0..30 {
            client.does(&format!("SIM.RECORD {scope} item{} SIGNATURE i 1 b", n % 5));
        }
    }
    // Writes that a replica has confirmed survive the loss of its primary.
    for n in 0..3 {
        cluster.nodes[n + 3].catch_up_with(&cluster.nodes[n]);
    }
    let digest = cluster.nodes[0].digest();
    let killed = cluster.nodes.remove(0);
    let promoted = 2; // the replica of the first, now that it is gone
    drop(killed);
    wait_until("the replica is promoted", || {
        cluster.nodes[promoted].does("ROLE").array()[0].text() == "master"
    });
    assert_eq!(cluster.nodes[promoted].digest(), digest);
    wait_until("the cluster is up", || {
        cluster.nodes.iter().all(|node| node.does("CLUSTER INFO").text().contains("cluster_state:ok"))
    });
    let mut client = cluster.client();
    for scope in &scopes {
        for item in 0..5 {
            assert_eq!(count(&mut client, scope, "i", &format!("item{item}")), 6);
        }
        assert_eq!(client.does(&format!("SIM.RECORD {scope} item0 SIGNATURE i 1 b")).to_string(), "[[7]]");
    }
    cluster.nodes[..=promoted].iter().for_each(|node| node.validate_all());
}

/// Tests of clusters run on the newest Redis and the newest Valkey, the plainest of them on Valkey 8.1 too.
macro_rules! on_clusters {
    ($($name:ident: $($kind:ident)+;)+) => {$(
        mod $name {
            $(
                #[test]
                #[allow(non_snake_case)]
                fn $kind() {
                    testkit::Kind::$kind.run(super::$name)
                }
            )+
        }
    )+};
}

on_clusters! {
    every_command_follows_its_slot: Redis8_2 Valkey8_1 Valkey9_1;
    a_slot_moves_under_load: Redis8_2 Valkey8_1 Valkey9_1;
    commands_wait_for_a_chunk_on_its_way: Redis8_2 Valkey9_1;
    a_slot_moves_at_once_under_load: Valkey9_1;
    a_killed_primary_is_replaced_by_its_replica: Redis8_2 Valkey9_1;
}
