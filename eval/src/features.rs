//! The sets of features that the exact similarities are of: by the module's own definition.

use crate::event::{Content, Event};
use simile::signature::TextRules;
use std::collections::HashMap;

/// A set of features, each a number: sorted, none twice.
pub type Features = Vec<u32>;

/// The features of all events. Numbers are given in order of appearance.
pub fn of(events: &[&Event], rules: TextRules) -> Vec<Features> {
    let mut numbers = HashMap::<Vec<u8>, u32>::new();
    let mut number = |feature: &[u8]| {
        let next = numbers.len() as u32;
        match numbers.get(feature) {
            Some(known) => *known,
            None => *numbers.entry(feature.to_vec()).or_insert(next),
        }
    };
    let set = |event: &&Event| {
        let mut features: Features = match &event.content {
            Content::Text(text) => rules.prepare(text).features().map(&mut number).collect(),
            Content::Features(features) => features.iter().map(|f| number(f.as_bytes())).collect(),
        };
        features.sort_unstable();
        features.dedup();
        features
    };
    events.iter().map(set).collect()
}
