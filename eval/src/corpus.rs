//! The events of one set, with their exact similarities under one set of rules for text.

use crate::event::Event;
use crate::exact::Similarities;
use crate::features::{self, Features};
use simile::signature::TextRules;
use std::collections::{BTreeSet, HashSet};

pub struct Corpus<'a> {
    /// The name of the set, or of a selection from it.
    pub name: &'a str,
    pub text: TextRules,
    pub events: Vec<&'a Event>,
    pub features: Vec<Features>,
    pub exact: Similarities,
    labels: BTreeSet<&'a str>,
}

impl<'a> Corpus<'a> {
    pub fn new(name: &'a str, events: &[&'a Event], text: TextRules) -> Corpus<'a> {
        let features = features::extract(events, text);
        let exact = Similarities::of(&features);
        let labels = events.iter().filter_map(|event| event.label.as_deref()).collect();
        Corpus { name, text, events: events.to_vec(), features, exact, labels }
    }

    /// The corpus of the events with distinct, non-empty sets of features. If a set of features occurred a thousand
    /// times, the same pair would count a million times.
    pub fn distinct(name: &'a str, events: &[&'a Event], text: TextRules) -> Corpus<'a> {
        let mut seen = HashSet::from([Features::new()]);
        let all = events.iter().zip(features::extract(events, text));
        let distinct: Vec<&Event> =
            all.filter(|(_, set)| seen.insert(set.clone())).map(|(e, _)| *e).collect();
        Corpus::new(name, &distinct, text)
    }

    /// The corpus's own copy of a label.
    pub fn label(&self, name: &[u8]) -> Option<&'a str> {
        self.labels.get(std::str::from_utf8(name).ok()?).copied()
    }

    pub fn len(&self) -> usize {
        self.events.len()
    }
}
