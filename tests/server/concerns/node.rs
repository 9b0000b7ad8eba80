//! node-redis in either protocol and in a cluster: the examples of examples/node/ print what docs/clients.md shows, and
//! what that page says of binary replies is so.

use super::clients::{installed, printed, project, shown};
use super::cluster::Cluster;
use std::path::Path;
use std::process::Command;
use testkit::{Kind, Page, Server, on_each_server};

/// The output of a program of the project, which must succeed.
#[track_caller]
fn node(program: &str, port: u16, options: &[&str]) -> String {
    // Node looks for packages in the program's directory and those above it: run a copy beside them.
    let copies = tempfile::tempdir_in(installed("node")).expect("a directory");
    let name = Path::new(program).file_name().expect("a name");
    std::fs::copy(project().join(program), copies.path().join(name)).expect("a copy");
    std::fs::write(copies.path().join("package.json"), r#"{"type": "module"}"#).expect("a file");
    printed(
        Command::new("node").arg(copies.path().join(name)).args(["--port", &port.to_string()]).args(options),
    )
}

const PROTOCOLS: [&[&str]; 3] = [&[], &["--resp", "2"], &["--resp", "3"]];

on_each_server! {
    fn the_tour_in_node(server: Server) {
        for options in PROTOCOLS {
            assert_eq!(node("examples/node/tour.js", server.port(), options), shown(), "{options:?}");
        }
        server.expect("DBSIZE", "0");
    }

    fn binary_replies_in_node(server: Server) {
        assert_eq!(node("examples/node/bytes.js", server.port(), &[]), "[ [ 'issue-1', 1 ] ]\n");
        for options in PROTOCOLS {
            assert_eq!(node("tests/clients/test_node.js", server.port(), options), "", "{options:?}");
        }
        server.expect("DBSIZE", "0");
    }

    fn node_in_a_cluster(kind: Kind) {
        let cluster = Cluster::start(kind);
        let port = cluster.ports()[0];
        for options in [&["--cluster"] as &[&str], &["--cluster", "--resp", "2"]] {
            assert_eq!(node("examples/node/tour.js", port, options), shown(), "{options:?}");
            assert_eq!(node("tests/clients/test_node.js", port, options), "", "{options:?}");
        }
    }
}

/// What the page says of the client's default is so for the version that is installed.
#[test]
fn the_page_names_the_version_that_is_tested() {
    let package = std::fs::read_to_string(project().join("examples/node/package.json")).expect("a manifest");
    let package: serde_json::Value = serde_json::from_str(&package).expect("JSON");
    let version = package["dependencies"]["redis"].as_str().expect("a version");
    let (major, _) = version.split_once('.').expect("a major version");
    let page = Page::read("docs/clients.md").text;
    assert!(
        page.contains(&format!("node-redis {major} speaks RESP3")),
        "docs/clients.md speaks of node-redis {major}"
    );
}
