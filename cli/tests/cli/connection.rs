//! The ways to reach a server: options on either side of the subcommand, TLS, and Sentinels.

use crate::program::{Ran, Running, run, simile, simile_at_port, write};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::path::Path;
use std::process::{Command, Stdio};
use testkit::{Client, Kind, Server, free_port, on_each_server, wait_until};

/// Runs a command to its end.
fn ran(mut command: Command) -> Ran {
    command.output().expect("the program runs").into()
}

on_each_server! {
    fn options_of_the_connection_go_before_or_after_the_subcommand(server: Server) {
        server.does("SIM.CREATE s INTERVAL 0");
        server.does("SIM.RECORD s a TEXT text hello");
        let url = format!("--url redis://127.0.0.1:{}", server.port());
        let nowhere = free_port();
        for line in [
            format!("{url} query s hello"),
            format!("query {url} s hello"),
            format!("query s hello {url}"),
            format!("--user default query s hello {url}"),
            format!("--url redis://127.0.0.1:{nowhere} query s hello {url}"), // the last one counts
        ] {
            assert_eq!(ran(simile_at_port(nowhere, &line)).fine(), "1.0000  a\n", "{line}");
        }
    }

    fn a_sentinel_is_asked_for_the_primary(kind: Kind) {
        let (mut primary, replica) = (kind.start(), kind.start());
        replica.follow(&primary);
        let directory = tempfile::tempdir().expect("a directory");
        let port = free_port();
        let sentinel = Sentinel::start(kind, directory.path(), port, &primary);
        write(&directory.path().join("lines"), "{\"id\": \"a\", \"text\": \"hello\"}\n");
        write(&directory.path().join("more"), "{\"id\": \"b\", \"text\": \"hello\"}\n");
        let load = |file: &str| {
            let path = directory.path().join(file).display().to_string();
            let options = format!("--sentinel 127.0.0.1:{port} --master shop");
            ran(simile_at_port(free_port(), &format!("{options} load s {path} --create 'INTERVAL 0'")))
        };
        assert!(load("lines").fine().ends_with(": 1 recorded.\n"));
        replica.catch_up_with(&primary);

        primary.kill();
        let error = load("more").failed(1);
        assert!(error.contains("Sentinel"), "{error}");
        sentinel.wait_for_primary(replica.port());
        // Until the failover has ended, the Sentinel may still name the old one.
        wait_until("the same command works again", || load("more").code == Some(0));
        // A failover closes the connections of clients.
        let promoted = Client::connect(replica.port(), "").expect("a client");
        promoted.expect("SIM.CLASSIFY s TEXT text hello", "[[['a', '1'], ['b', '1']]]");

        let wrong = |options: &str| ran(simile_at_port(free_port(), &format!("{options} info s")));
        let error = wrong(&format!("--sentinel 127.0.0.1:{port} --master shoes")).failed(1);
        assert!(error.contains("knows a primary 'shoes' that is up: is --master its name?"), "{error}");
        let error = wrong(&format!("--sentinel 127.0.0.1:{} --master shop", free_port())).failed(1);
        assert!(error.contains("no answer from the Sentinel at 127.0.0.1:"), "{error}");
        // Another Sentinel than the one that is down.
        let two = format!("--sentinel 127.0.0.1:{},127.0.0.1:{port} --master shop", free_port());
        assert!(wrong(&two).fine().starts_with("Scope 's':\n"));
    }
}

/// A Sentinel that watches one primary.
struct Sentinel {
    _process: Running,
    client: Client,
}

impl Sentinel {
    fn start(kind: Kind, directory: &Path, port: u16, primary: &Server) -> Sentinel {
        let configuration = directory.join("sentinel.conf");
        let lines = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor shop 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds shop 500\nsentinel failover-timeout shop 3000\n",
            directory.display(),
            primary.port()
        );
        write(&configuration, lines);
        let mut command = Command::new(kind.program());
        command.arg(&configuration).arg("--sentinel").stdout(Stdio::null()).stderr(Stdio::null());
        let process = Running::start(command);
        let mut client = None;
        wait_until("the Sentinel answers", || {
            client = Client::connect(port, "").ok();
            client.is_some()
        });
        let client = client.expect("a client");
        wait_until("the Sentinel knows the replica", || {
            !client.does("SENTINEL REPLICAS shop").array().is_empty()
        });
        Sentinel { _process: process, client }
    }

    /// Waits until the primary is the server at this port.
    fn wait_for_primary(&self, port: u16) {
        wait_until("the replica is promoted", || {
            let address = self.client.does("SENTINEL GET-MASTER-ADDR-BY-NAME shop");
            address.array()[1].text() == port.to_string()
                && Client::connect(port, "").is_ok_and(|client| client.info("role") == "master")
        });
    }
}

/// Files of an authority, of a server's certificate and of a client's, each with its key.
fn certificates(directory: &Path) {
    let params = |subject: &str, names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, subject);
        params
    };
    let key = || KeyPair::generate().expect("a key");
    let mut authority = params("authority", &[]);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, key()).expect("an authority");
    write(&directory.join("ca.pem"), authority.pem());
    for (name, names) in [("server", &["127.0.0.1", "localhost"][..]), ("client", &["client"])] {
        let key = key();
        let certificate = params(name, names).signed_by(&key, &authority).expect("a certificate");
        write(&directory.join(format!("{name}.pem")), certificate.pem());
        write(&directory.join(format!("{name}.key")), key.serialize_pem());
    }
}

/// A server with TLS that asks clients for certificates, and its port for TLS. Of the servers that are tested, only
/// Debian's is built with TLS.
fn server_with_tls(kind: Kind, directory: &Path) -> (Server, u16) {
    certificates(directory);
    let port = free_port();
    let file = |name: &str| directory.join(name).display().to_string();
    let options = format!(
        "--tls-port {port} --tls-cert-file {} --tls-key-file {} --tls-ca-cert-file {}",
        file("server.pem"),
        file("server.key"),
        file("ca.pem")
    );
    let server = kind.launch().options(&options).start();
    server.does("SIM.CREATE s INTERVAL 0");
    server.does("SIM.RECORD s a TEXT text hello");
    (server, port)
}

#[test]
fn tls_with_certificates_on_both_sides() {
    Kind::Redis7_0.run(|kind: Kind| {
        let directory = tempfile::tempdir().expect("a directory");
        let (server, port) = server_with_tls(kind, directory.path());
        let file = |name: &str| directory.path().join(name).display().to_string();
        let (cacert, cert, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
        let query = |host: &str, options: &str| {
            run(&server, &format!("query s hello --url rediss://{host}:{port} {options}"))
        };
        let all = format!("--cacert {cacert} --cert {cert} --key {key}");
        for host in ["127.0.0.1", "localhost"] {
            assert_eq!(query(host, &all).fine(), "1.0000  a\n");
        }
        // Each certificate is needed.
        let advice = "name the file of its authority's certificates with --cacert";
        let error = query("127.0.0.1", &format!("--cert {cert} --key {key}")).failed(1);
        assert!(error.contains("UnknownIssuer") && error.contains(advice), "{error}");
        let error = query("127.0.0.1", &format!("--cacert {cacert}")).failed(1);
        assert!(error.contains("CertificateRequired") && error.contains("--cert and --key"), "{error}");

        // By environment variables, as in a container.
        let mut command = simile(&server, "query s hello");
        command.env("SIMILE_URL", format!("rediss://127.0.0.1:{port}"));
        command.envs([("SIMILE_CACERT", &cacert), ("SIMILE_CERT", &cert), ("SIMILE_KEY", &key)]);
        assert_eq!(ran(command).fine(), "1.0000  a\n");

        // What is wrong with the options is said before anything is sent.
        for (line, status, message) in [
            (format!("--cacert {cacert} query s x"), 2, "are for a connection with TLS"),
            (
                format!("--cert {cert} query s x --url rediss://127.0.0.1:{port}"),
                2,
                "--cert FILE and --key FILE go together",
            ),
            (
                format!("query s x --url rediss://127.0.0.1:{port} --cacert /missing"),
                1,
                "/missing: No such file",
            ),
            (
                format!("query s x --url rediss://127.0.0.1:{port} --cert {key} --key {key}"),
                1,
                "are not certificates and a key in PEM",
            ),
            (
                format!("query s x --url rediss://127.0.0.1:{port} --cert {cert} --key {cert}"),
                1,
                "are not certificates and a key in PEM",
            ),
        ] {
            let error = run(&server, &line).failed(status);
            assert!(error.contains(message), "{line}: {error}");
        }
    });
}

#[test]
fn a_sentinel_and_its_primary_are_reached_by_tls() {
    Kind::Redis7_0.run(|kind: Kind| {
        let directory = tempfile::tempdir().expect("a directory");
        let (_server, tls_port) = server_with_tls(kind, directory.path());
        let (file, port) = (|name: &str| directory.path().join(name).display().to_string(), free_port());
        let tls = format!(
            "tls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\n",
            file("server.pem"),
            file("server.key"),
            file("ca.pem")
        );
        let configuration = directory.path().join("sentinel.conf");
        let lines = format!(
            "port 0\ntls-port {port}\nbind 127.0.0.1\ndir {}\n{tls}tls-replication yes\n\
             sentinel monitor shop 127.0.0.1 {tls_port} 1\n",
            directory.path().display()
        );
        write(&configuration, lines);
        let mut command = Command::new(kind.program());
        command.arg(&configuration).arg("--sentinel").stdout(Stdio::null()).stderr(Stdio::null());
        let _sentinel = Running::start(command);
        wait_until("the Sentinel listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        let line = format!(
            "query s hello --url rediss://by-sentinel --sentinel 127.0.0.1:{port} --master shop --cacert {} --cert {} --key {}",
            file("ca.pem"),
            file("client.pem"),
            file("client.key")
        );
        // It takes the primary for down until it has reached it.
        wait_until("the Sentinel has reached the primary", || ran(simile_at_port(port, &line)).code == Some(0));
        assert_eq!(ran(simile_at_port(port, &line)).fine(), "1.0000  a\n");
    });
}
