//! The commands that are sent, and what their replies found.

use crate::event::{Content, Event};
use testkit::Reply;

/// A command, or a part of one, as its words.
pub type Command = Vec<Vec<u8>>;

/// The only scope; it is created anew for each measurement.
pub const SCOPE: &str = "eval";

/// Words, followed by a clause.
pub fn command(words: &[&str], clause: Command) -> Command {
    words.iter().map(|word| word.as_bytes().to_vec()).chain(clause).collect()
}

/// The clause TEXT or FEATURES that says what an event is compared by.
pub fn clause(index: &str, event: &Event) -> Command {
    match &event.content {
        Content::Text(text) => command(&["TEXT", index, text], Vec::new()),
        Content::Features(features) => features_clause(index, features),
    }
}

pub fn features_clause(index: &str, features: &[String]) -> Command {
    let words = features.iter().map(|feature| feature.as_bytes().to_vec()).collect();
    command(&["FEATURES", index, &features.len().to_string()], words)
}

/// The items and scores that a query found for its first clause or index.
pub fn found(reply: &Reply) -> impl Iterator<Item = (&[u8], f64)> {
    reply.array()[0].array().iter().map(|pair| (pair.array()[0].bytes(), pair.array()[1].double()))
}

/// The item that an event is recorded as. Items sort as the events arrived.
pub fn item_of(event: usize) -> String {
    format!("{event:06}")
}

/// The number of the event that was recorded as this item.
pub fn event_of(item: &[u8]) -> usize {
    std::str::from_utf8(item)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .expect("an item that `item_of` named")
}
