//! The package in clients/python: what it builds upon the commands, which are split scopes and MinHashLSH.

use super::cluster::Cluster;
use super::python::{passes, python};
use testkit::{Kind, Server, on_each_server};

#[test]
fn the_part_of_an_item_is_that_of_the_tool() {
    passes(&mut python(&["python"]), &["test_parts"]);
}

// What the package makes of the commands depends on no kind of server: one is enough for these.

#[test]
fn a_split_scope_on_one_server() {
    Kind::Redis7_0.run(|server: Server| {
        passes(python(&["python"]).env("PORT", server.port().to_string()), &["test_split"]);
        server.expect("DBSIZE", "0");
    });
}

#[test]
fn a_split_scope_by_the_oldest_libraries() {
    Kind::Redis7_0.run(|server: Server| {
        passes(python(&["python-oldest"]).env("PORT", server.port().to_string()), &["test_split"]);
    });
}

#[test]
fn split_scopes_and_minhash_lsh_on_a_cluster() {
    Kind::Redis7_0.run(|kind: Kind| {
        let cluster = Cluster::start(kind);
        let mut python = python(&["python", "datasketch"]);
        python.env("PORT", cluster.ports()[0].to_string()).env("CLUSTER", "yes");
        passes(&mut python, &["test_split", "test_lsh"]);
    });
}

on_each_server! {
    fn minhash_lsh_does_what_datasketch_does(server: Server) {
        let mut python = python(&["python", "datasketch"]);
        passes(python.env("PORT", server.port().to_string()), &["test_lsh"]);
        server.expect("DBSIZE", "0");
    }

    fn a_split_scope_on_a_cluster_on_which_nodes_are_killed(kind: Kind) {
        let cluster = Cluster::start(kind);
        let mut python = python(&["python"]);
        // The port of a replica: none of the primaries is left in the end.
        python.env("PORT", cluster.ports()[3].to_string()).env("CLUSTER", "yes");
        passes(&mut python, &["test_failover"]);
    }
}
