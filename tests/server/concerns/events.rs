//! docs/events.md: the keyspace events that each command sends.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use testkit::{Client, Kind, Page, Reply, Server, on_each_server, wait_until, words};

/// The commands of the page's table, each with the events that it sends.
fn table() -> Vec<(String, Vec<String>)> {
    let page = Page::read("docs/events.md").text;
    let rows = page.lines().filter(|line| line.starts_with("| `SIM."));
    let spans = |cell: &str| cell.split('`').skip(1).step_by(2).map(String::from).collect::<Vec<_>>();
    rows.map(|row| {
        let (command, events) = row[1..].split_once('|').expect("two cells");
        (spans(command).remove(0), spans(events))
    })
    .collect()
}

/// The words of a command of the table, in which `blob` is what SIM.EXPORT returns.
fn words_of(server: &Server, command: &str) -> Vec<Vec<u8>> {
    let mut words = words(command);
    if words.last().is_some_and(|word| word == b"blob") {
        let exported = server.does("SIM.EXPORT errors message issue-1");
        *words.last_mut().expect("a word") = exported.array()[0].bytes().to_vec();
    }
    words
}

/// The channel on which a test tells its own listener that all events have come. It has a name of its own, because what is
/// published on a primary also comes on its replicas.
fn end(server: &Server) -> String {
    format!("end-{}", server.port())
}

/// A connection that receives each event of the classes as `key event`.
fn listener(server: &Server, classes: &str) -> Client {
    server.does(format!("CONFIG SET notify-keyspace-events {classes}"));
    let listener = server.client();
    for command in [format!("SUBSCRIBE {}", end(server)), "PSUBSCRIBE __keyspace@0__:*".into()] {
        listener.send(&command);
        listener.receive();
    }
    listener
}

/// The events that have been received since the last call.
fn received(server: &Server, listener: &Client) -> Vec<String> {
    let end = end(server);
    server.does(format!("PUBLISH {end} now"));
    let messages = std::iter::repeat_with(|| {
        listener.receive().array().iter().map(Reply::text).collect::<Vec<String>>()
    });
    let events = messages.take_while(|message| message[1] != end).map(|message| {
        let key = message[2].strip_prefix("__keyspace@0__:").expect("a keyspace event");
        format!("{key} {}", message[3])
    });
    events.collect()
}

/// The events that the source sends: those after `notify_changed`.
fn sent_by_the_source() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = walkdir::WalkDir::new(source).into_iter().map(|entry| entry.expect("an entry"));
    let mut events = BTreeSet::new();
    for file in files.filter(|file| file.file_type().is_file()) {
        let text = fs::read_to_string(file.path()).expect("text");
        let sent = text.split("notify_changed(c\"").skip(1).filter_map(|rest| rest.split_once('"'));
        events.extend(sent.map(|(event, _)| event.to_string()));
    }
    events
}

#[test]
fn the_page_names_every_event() {
    let named: BTreeSet<String> = table().into_iter().flat_map(|(_, events)| events).collect();
    assert_eq!(named, sent_by_the_source());
    let page = Page::read("docs/events.md").text;
    assert!(page.contains("These eight are all there are.") && named.len() == 8, "{named:?}");
}

on_each_server! {
    fn each_command_sends_the_events_that_the_page_lists(kind: Kind) {
        let (server, replica) = (kind.start(), kind.start());
        replica.follow(&server);
        let (here, there) = (listener(&server, "KEd"), listener(&replica, "KEd"));
        for (command, events) in table() {
            let words = words_of(&server, &command);
            let reply = server.call(&words);
            assert!(!matches!(reply, Reply::Error(_)), "{command}: {reply}");
            let scope = String::from_utf8(words[1].clone()).expect("text");
            let expected: Vec<String> = events.iter().map(|event| format!("{scope} {event}")).collect();
            assert_eq!(received(&server, &here), expected, "{command}");
            replica.catch_up_with(&server);
            assert_eq!(received(&replica, &there), expected, "{command}, on a replica");
        }
    }

    fn an_event_has_a_channel_of_its_own_too(server: Server) {
        server.does("CONFIG SET notify-keyspace-events Ed");
        let listener = server.client();
        listener.send("SUBSCRIBE __keyevent@0__:sim.drop");
        listener.receive();
        server.does("SIM.CREATE errors");
        server.does("SIM.DROP errors");
        assert_eq!(listener.receive().array()[2].text(), "errors");
    }

    fn chunks_that_the_module_creates_and_frees(server: Server) {
        let listener = listener(&server, "KAn");
        let events = || received(&server, &listener);
        server.does("SIM.CREATE errors BANDS 1 ROWS 1 INTERVAL 0");
        assert_eq!(events(), ["errors new", "errors sim.create"]);
        for freed_by in [
            "SIM.DROP errors message",
            "SIM.DELETE errors message issue-1",
            "SIM.FORGET errors issue-1 SIGNATURE message 1 a",
        ] {
            server.does("SIM.RECORD errors issue-1 SIGNATURE message 1 a");
            let chunk = server.only_chunk();
            assert_eq!(events(), [format!("{chunk} new"), "errors sim.record".into()]);
            server.does(freed_by);
            let event = freed_by.split(' ').next().expect("a command").to_lowercase();
            assert_eq!(events(), [format!("errors {event}")], "{freed_by}");
        }
    }

    fn scopes_have_the_events_of_any_key(server: Server) {
        let listener = listener(&server, "KA");
        server.does("SIM.CREATE errors");
        let saved = server.does("DUMP errors");
        server.does("RENAME errors renamed");
        server.does("EXPIRE renamed 1000");
        server.call(&[b"RESTORE", b"errors".as_slice(), b"0", saved.bytes()]);
        server.does("DEL errors");
        assert_eq!(received(&server, &listener), [
            "errors sim.create", "errors rename_from", "renamed rename_to", "renamed expire",
            "errors restore", "errors del",
        ]);
    }

    fn chunks_that_go_by_themselves(kind: Kind) {
        let (server, replica) = (kind.start(), kind.start());
        replica.follow(&server);
        let (here, there) = (listener(&server, "KA"), listener(&replica, "KA"));
        // The chunk of the scope goes, so that these keys are left; its event here, and on the replica.
        let goes = |event: Option<&str>, chunk: &str, left: i64| {
            wait_until("only scopes are left", || server.does("DBSIZE").integer() == left);
            let seen = received(&server, &here);
            let of_chunk: Vec<&String> = seen.iter().filter(|seen| seen.starts_with(chunk)).collect();
            assert_eq!(of_chunk, event.map(|event| format!("{chunk} {event}")).iter().collect::<Vec<_>>());
            replica.catch_up_with(&server);
            let seen = received(&replica, &there);
            assert!(seen.contains(&format!("{chunk} del")), "{seen:?}");
        };
        // Deleted with its scope.
        server.does("SIM.RECORD deleted issue-1 TEXT message timeout");
        let chunk = server.only_chunk();
        if kind.frees_chunks_at_del() {
            server.does("DEL deleted");
            goes(None, &chunk, 0);
        } else {
            server.does("SIM.DROP deleted");
            received(&server, &here);
        }
        // Evicted.
        server.does("SIM.RECORD evicted issue-1 TEXT message timeout");
        let chunk = server.only_chunk();
        server.does("CONFIG SET maxmemory-policy volatile-ttl");
        server.does("CONFIG SET maxmemory 1");
        goes(Some("evicted"), &chunk, 1);
        server.does("CONFIG SET maxmemory 0");
        // Expired. Its name is in the event, because it may expire before it is asked for.
        server.does("SIM.CREATE expired BANDS 1 ROWS 1 INTERVAL 1 RETENTION 0");
        let moment = server.now() + 1;
        server.does(format!("SIM.RECORD expired issue-1 TIMESTAMP {moment} SIGNATURE message 1 a"));
        let uid = server.does("SIM.INFO expired").get("uid").text();
        goes(Some("expired"), &format!("{{expired}}:{uid}:{moment}:message"), 2);
    }
}
