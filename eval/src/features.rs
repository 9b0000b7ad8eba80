//! The sets of features that the exact similarities are computed from, by the module's own rules for text.

use crate::event::{Content, Event};
use simile::signature::TextRules;
use std::collections::HashMap;

/// A set of features, each a number; sorted and without duplicates.
pub type Features = Vec<u32>;

/// The features of all events, numbered in order of appearance.
pub fn extract(events: &[&Event], rules: TextRules) -> Vec<Features> {
    let mut numbers = HashMap::<Vec<u8>, u32>::new();
    let mut number = |feature: &[u8]| {
        let next = numbers.len() as u32;
        match numbers.get(feature) {
            Some(known) => *known,
            None => *numbers.entry(feature.to_vec()).or_insert(next),
        }
    };
    let features_of = |event: &&Event| {
        let mut features: Features = match &event.content {
            Content::Text(text) => rules.prepare(text).features().map(&mut number).collect(),
            Content::Features(features) => features.iter().map(|f| number(f.as_bytes())).collect(),
        };
        features.sort_unstable();
        features.dedup();
        features
    };
    events.iter().map(features_of).collect()
}
