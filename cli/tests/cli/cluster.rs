//! A cluster of three primaries, whose slots can be moved.

use testkit::{Kind, Server, free_port, wait_until};

/// Three primaries.
pub struct Cluster(pub Vec<Server>);

impl Cluster {
    pub fn start(kind: Kind) -> Cluster {
        let node = || {
            let bus = format!("--cluster-port {} --cluster-announce-ip 127.0.0.1", free_port());
            kind.launch().options("--cluster-enabled yes --cluster-node-timeout 2000").options(&bus).start()
        };
        let nodes: Vec<Server> = (0..3).map(|_| node()).collect();
        for (n, node) in nodes.iter().enumerate() {
            let (first, last) = (16_384 * n / 3, 16_384 * (n + 1) / 3 - 1);
            node.expect(format!("CLUSTER ADDSLOTSRANGE {first} {last}"), "OK");
            node.does(format!("CLUSTER SET-CONFIG-EPOCH {}", n + 1));
        }
        for node in &nodes[1..] {
            let bus = node.does("CONFIG GET cluster-port").array()[1].text();
            nodes[0].expect(format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port()), "OK");
        }
        let is_up = |node: &Server| {
            let info = node.does("CLUSTER INFO").text();
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        };
        wait_until("the cluster is up", || nodes.iter().all(is_up));
        Cluster(nodes)
    }

    /// The node that serves a key.
    pub fn node_of(&self, key: &str) -> &Server {
        let serves = |node: &&Server| !node.run(format!("EXISTS {key}")).to_string().starts_with("!MOVED");
        self.0.iter().find(serves).expect("a node serves the slot")
    }

    /// The number by which the cluster knows a node.
    pub fn id(node: &Server) -> String {
        node.does("CLUSTER MYID").text()
    }

    /// The slot of a key.
    pub fn slot(&self, key: &str) -> i64 {
        self.0[0].does(format!("CLUSTER KEYSLOT {key}")).integer()
    }

    /// Begins to move a slot, as `redis-cli --cluster reshard` does.
    pub fn begin_move(&self, slot: i64, from: &Server, to: &Server) {
        to.expect(format!("CLUSTER SETSLOT {slot} IMPORTING {}", Cluster::id(from)), "OK");
        from.expect(format!("CLUSTER SETSLOT {slot} MIGRATING {}", Cluster::id(to)), "OK");
    }

    /// Moves one key of a slot.
    pub fn move_key(&self, key: &str, from: &Server, to: &Server) {
        from.expect(format!("MIGRATE 127.0.0.1 {} {key} 0 5000", to.port()), "OK");
    }

    /// Moves the keys of a slot that are left, and ends the move.
    pub fn end_move(&self, slot: i64, from: &Server, to: &Server) {
        loop {
            let keys = from.does(format!("CLUSTER GETKEYSINSLOT {slot} 100"));
            if keys.array().is_empty() {
                break;
            }
            for key in keys.array() {
                // A key may have expired, or been deleted with the last field of a hash.
                let reply = from.run(format!("MIGRATE 127.0.0.1 {} {} 0 5000", to.port(), key.text()));
                assert!(["OK", "NOKEY"].contains(&reply.to_string().as_str()), "{reply}");
            }
        }
        for node in [to, from] {
            node.expect(format!("CLUSTER SETSLOT {slot} NODE {}", Cluster::id(to)), "OK");
        }
        wait_until("all nodes know who has the slot", || {
            self.0.iter().all(|node| {
                let asked = node.does("CLUSTER SLOTS");
                let owner = asked.array().iter().find(|range| {
                    let range = range.array();
                    (range[0].integer()..=range[1].integer()).contains(&slot)
                });
                owner.is_some_and(|range| range.array()[2].array()[1].integer() == i64::from(to.port()))
            })
        });
    }
}
