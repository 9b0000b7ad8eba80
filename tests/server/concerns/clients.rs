//! The clients of examples/, in three languages: each runs against a real server, and prints what
//! docs/clients.md shows.

use super::cluster::Cluster;
use super::python::python;
use std::path::PathBuf;
use std::process::Command;
use testkit::{Kind, Page, Server, on_each_server};

pub fn project() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// The directory of a client, which scripts/install-clients.sh fills.
pub fn installed(client: &str) -> PathBuf {
    let directory = project().join("target/clients").join(client);
    assert!(
        directory.join(".installed").exists(),
        "the {client} client is not installed: `make test` installs it"
    );
    directory
}

/// The output of a client, which must succeed.
#[track_caller]
pub fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// The output of each client, according to docs/clients.md.
pub fn shown() -> String {
    let page = Page::read("docs/clients.md").text;
    let (_, after) = page.split_once("```text\nrecorded").expect("docs/clients.md shows the output");
    let (shown, _) = after.split_once("```").expect("the end of the block");
    format!("recorded{shown}")
}

on_each_server! {
    fn the_tour_in_python(server: Server) {
        let tour = project().join("examples/python/tour.py");
        let port = server.port().to_string();
        assert_eq!(printed(python(&["python"]).arg(tour).args(["--port", &port])), shown());
        server.expect("DBSIZE", "0");
    }

    fn the_tour_in_rust(server: Server) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(project()).args(["run", "--quiet", "--example", "tour"]);
        assert_eq!(printed(cargo.arg(server.port().to_string())), shown());
        server.expect("DBSIZE", "0");
    }

    fn the_tour_in_python_on_a_cluster(kind: Kind) {
        let cluster = Cluster::start(kind);
        let port = cluster.ports()[0].to_string();
        let tour = project().join("examples/python/tour.py");
        assert_eq!(printed(python(&["python"]).arg(tour).args(["--cluster", "--port", &port])), shown());
    }
}
