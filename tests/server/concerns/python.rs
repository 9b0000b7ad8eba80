//! The package in clients/python: its tests, with each library that it serves, and the examples of its page.

use super::clients::{installed, printed, project};
use super::cluster::Cluster;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use testkit::{Kind, Server, on_each_server};

/// What needs no server.
const ALONE: [&str; 2] = ["test_commands", "test_refusals"];
/// What every kind of client does, on one server or on a cluster.
const WITH_EACH_KIND: [&str; 2] = ["test_scope", "test_pipeline"];

/// A Python that finds the package, and what scripts/install-clients.sh installed of these names, the first first.
pub fn python(directories: &[&str]) -> Command {
    let mut paths: Vec<PathBuf> = vec![project().join("clients/python/src")];
    paths.extend(directories.iter().map(|directory| installed(directory)));
    let paths: OsString = std::env::join_paths(paths).expect("paths without colons");
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", paths).env("PYTHONDONTWRITEBYTECODE", "1");
    // What a client leaves open is an error.
    command.args(["-W", "error::ResourceWarning"]).current_dir(project().join("clients/python/tests"));
    command
}

/// Runs modules of the package's tests, all of which must pass.
#[track_caller]
pub fn passes(python: &mut Command, modules: &[&str]) {
    let output = python.args(["-m", "unittest"]).args(modules).output().expect("python3");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("Ran 0 tests"), "{modules:?}: {said}");
}

#[test]
fn what_needs_no_server() {
    passes(&mut python(&["python"]), &ALONE);
}

// What a library does depends on no kind of server: one is enough for these.

#[test]
fn the_oldest_libraries_do() {
    Kind::Redis7_0.run(|server: Server| {
        passes(python(&["python-oldest"]).env("PORT", server.port().to_string()), &WITH_EACH_KIND);
    });
}

#[test]
fn parsers_in_c_do() {
    Kind::Redis7_0.run(|server: Server| {
        let mut python = python(&["python-parsers", "python"]);
        passes(python.env("PORT", server.port().to_string()), &WITH_EACH_KIND);
    });
}

#[test]
fn the_wheel_does_in_a_bare_environment() {
    Kind::Redis7_0.run(|server: Server| {
        let mut script = Command::new(project().join("tests/clients/wheel.sh"));
        printed(script.arg(server.port().to_string()));
        server.expect("DBSIZE", "0");
    });
}

on_each_server! {
    fn every_kind_of_client_does(server: Server) {
        let port = server.port().to_string();
        passes(python(&["python"]).env("PORT", port), &WITH_EACH_KIND);
        server.expect("DBSIZE", "0");
    }

    fn the_examples_of_the_page_do_what_they_show(server: Server) {
        let port = server.port().to_string();
        passes(python(&["python", "datasketch"]).env("PORT", port), &["test_page"]);
        server.expect("DBSIZE", "0");
    }

    fn every_kind_of_client_does_on_a_cluster(kind: Kind) {
        let cluster = Cluster::start(kind);
        let mut python = python(&["python"]);
        python.env("PORT", cluster.ports()[0].to_string()).env("CLUSTER", "yes");
        passes(&mut python, &[&WITH_EACH_KIND[..], &["test_cluster"]].concat());
    }
}
