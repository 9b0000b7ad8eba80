//! docs/monitoring/: the script gives redis_exporter what it expects, and the alerts and the dashboard name only metrics
//! that it gives. (`make test-docs` loads them into Prometheus.)

use super::cluster::Cluster;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use testkit::{Client, Kind, Page, Server, on_each_server};

const FILES: [&str; 3] =
    ["docs/monitoring/alerts.yml", "docs/monitoring/dashboard.json", "docs/monitoring/prometheus.yml"];

/// The script, reporting the indexes of these scopes: `'errors', 'docs'`.
fn script(scopes: &str) -> String {
    let script = Page::read("docs/monitoring/simile.lua").text;
    let listing = format!("\nlocal scopes = {{{scopes}}}\n");
    assert!(script.contains("\nlocal scopes = {}\n"));
    script.replace("\nlocal scopes = {}\n", &listing)
}

/// What the script returns, called as redis_exporter calls it: names and numbers in turn, all of them strings.
fn metrics(client: &Client, scopes: &str) -> BTreeMap<String, f64> {
    let reply = client.call(&["EVAL", &script(scopes), "0", "0"]);
    let pairs = reply.array().chunks(2);
    pairs.map(|pair| (pair[0].text(), pair[1].text().parse().expect("a number"))).collect()
}

/// The words of a text that begin with `simile_`, and do not end there.
fn named(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_word(c)).filter(|word| word.starts_with("simile_") && *word != "simile_");
    words.map(String::from).collect()
}

/// The names as Prometheus has them: what identifies an index has become labels.
fn metric_names(metrics: &BTreeMap<String, f64>) -> BTreeSet<String> {
    metrics.keys().map(|key| key.split(':').next().expect("a name").to_string()).collect()
}

on_each_server! {
    fn the_script_gives_every_number_of_info(server: Server) {
        server.does("SIM.CREATE errors BANDS 2 ROWS 1 INTERVAL 0");
        server.does("SIM.RECORD errors issue-1 COUNT 3 SIGNATURE message 2 a b");
        server.does("SIM.COMPARE errors issue-1 1 message");
        let given = metrics(&server, "");
        let section = server.does("INFO simile").text();
        let fields: BTreeMap<&str, &str> =
            section.lines().filter_map(|line| line.trim().split_once(':')).collect();
        let numbers = fields.iter().filter_map(|(name, value)| Some((name.to_string(), value.parse().ok()?)));
        let mut expected: BTreeMap<String, f64> = numbers.collect();
        let version: Vec<f64> = fields["simile_version"].split('.').map(|n| n.parse().expect("a number")).collect();
        expected.insert("simile_version".into(), version[0] * 10_000.0 + version[1] * 100.0 + version[2]);
        assert_eq!(given, expected);
        assert_eq!((given["simile_observations"], given["simile_searches"]), (3.0, 1.0));
    }

    fn the_script_gives_the_indexes_of_the_scopes_that_it_lists(server: Server) {
        server.does("SIM.CREATE errors BANDS 2 ROWS 1 INTERVAL 0");
        server.does("SIM.CREATE other BANDS 2 ROWS 1 INTERVAL 0");
        server.does("SIM.RECORD errors issue-1 SIGNATURE message 2 a b SIGNATURE \"odd: \\xff\\n%\" 2 a b");
        server.does("SIM.RECORD other issue-1 SIGNATURE message 2 a b");
        server.does("SET text value");
        let given = metrics(&server, "'errors', 'missing', 'text'");
        let of_indexes: Vec<&String> = given.keys().filter(|key| key.contains(':')).collect();
        assert_eq!(of_indexes.len(), 2 * 7, "{of_indexes:?}");
        assert_eq!(given["simile_index_items:errors:message"], 1.0);
        assert_eq!(given["simile_index_buckets:errors:odd%3A%20%FF%0A%25"], 2.0);
    }

    fn alerts_and_dashboard_name_only_metrics_that_there_are(server: Server) {
        server.does("SIM.RECORD errors issue-1 TEXT message timeout");
        let there = metric_names(&metrics(&server, "'errors'"));
        for file in FILES {
            let named = named(&Page::read(file).text);
            assert!(named.len() > 1, "{file} names {named:?}");
            let missing: Vec<&String> = named.difference(&there).collect();
            assert!(missing.is_empty(), "{file} names {missing:?}; there are {there:?}");
        }
        let on_the_page = named(&Page::read("docs/monitoring.md").text);
        assert_eq!(on_the_page, there, "docs/monitoring.md names each metric");
    }

    /// A node reports what it has, and leaves out what another one has.
    fn the_script_runs_on_each_node_of_a_cluster(kind: Kind) {
        let cluster = Cluster::start(kind);
        let nodes: Vec<Client> = cluster.ports()[..3].iter().map(|port| Client::connect(*port, "").expect("a connection")).collect();
        for node in &nodes {
            node.run("SIM.RECORD errors issue-1 TEXT message timeout"); // MOVED on two of them
        }
        let given: Vec<_> = nodes.iter().map(|node| metrics(node, "'errors'")).collect();
        let with_index = given.iter().filter(|metrics| metrics.contains_key("simile_index_items:errors:message"));
        assert_eq!(with_index.count(), 1);
        assert_eq!(given.iter().map(|metrics| metrics["simile_scopes"]).sum::<f64>(), 1.0);
    }
}

/// Grafana shows one panel for each id, and lays them out on a grid of 24 columns.
#[test]
fn the_dashboard_is_laid_out_without_overlap() {
    let dashboard: Value = serde_json::from_str(&Page::read(FILES[1]).text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().expect("an id")).collect();
    assert_eq!(ids.len(), panels.len());
    let mut taken = BTreeSet::new();
    for panel in panels {
        let side = |name: &str| panel["gridPos"][name].as_u64().expect("a number");
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(x < 24 && taken.insert((x, y)), "{} overlaps at {x}, {y}", panel["title"]);
            }
        }
        let targets = panel["targets"].as_array().expect("targets");
        assert!(targets.iter().all(|target| target["expr"].is_string()), "{}", panel["title"]);
    }
}
