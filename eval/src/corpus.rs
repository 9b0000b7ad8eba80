//! Events of one set, with their exact similarities under one rule for text.

use crate::event::Event;
use crate::exact::Similarities;
use crate::features::{self, Features};
use simile::signature::TextRules;
use std::collections::{BTreeSet, HashSet};

pub struct Corpus<'a> {
    /// The set and the part of it.
    pub name: &'a str,
    pub text: TextRules,
    pub events: Vec<&'a Event>,
    pub features: Vec<Features>,
    pub exact: Similarities,
    labels: BTreeSet<&'a str>,
}

impl<'a> Corpus<'a> {
    pub fn new(name: &'a str, events: &[&'a Event], text: TextRules) -> Corpus<'a> {
        let features = features::of(events, text);
        let exact = Similarities::of(&features);
        let labels = events.iter().filter_map(|event| event.label.as_deref()).collect();
        Corpus { name, text, events: events.to_vec(), features, exact, labels }
    }

    /// Each set of features once, and none that is empty: of a set that comes a thousand times, the same
    /// pair would count a million times.
    pub fn distinct(name: &'a str, events: &[&'a Event], text: TextRules) -> Corpus<'a> {
        let mut seen = HashSet::from([Features::new()]);
        let all = events.iter().zip(features::of(events, text));
        let distinct: Vec<&Event> =
            all.filter(|(_, set)| seen.insert(set.clone())).map(|(e, _)| *e).collect();
        Corpus::new(name, &distinct, text)
    }

    /// The label that is written like this.
    pub fn label(&self, name: &[u8]) -> Option<&'a str> {
        self.labels.get(std::str::from_utf8(name).ok()?).copied()
    }

    pub fn len(&self) -> usize {
        self.events.len()
    }
}
