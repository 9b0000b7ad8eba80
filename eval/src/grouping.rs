//! Grouping: SIM.ASSIGN puts each event of a stream, in the order of arrival, into the most similar group or into a new
//! one. No label is used; what comes out is compared with the labels.

use crate::agreement::Agreement;
use crate::command::{Command, SCOPE, clause, command, event_of, item_of};
use crate::event::{Content, Event};
use crate::lab::Lab;
use crate::outcome::mean;
use crate::python;
use crate::setting::{Banding, Setting, describe_text};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What groups a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Grouper {
    Assign {
        setting: Setting,
        score: &'static str,
        min_score: f64,
    },
    /// Drain3, of this version.
    Drain3(String),
}

/// Streams, each grouped by itself, by their names.
pub type Streams<'a> = BTreeMap<&'a str, Vec<&'a Event>>;

/// One line of the results.
pub struct Grouped {
    pub set: String,
    pub grouper: Grouper,
    /// The agreement of each stream, by the stream's name.
    pub streams: BTreeMap<String, Agreement>,
}

impl Grouped {
    /// The mean of a figure over all streams.
    pub fn mean(&self, figure: fn(&Agreement) -> f64) -> Option<f64> {
        mean(self.streams.values().map(figure))
    }

    pub fn json(&self) -> Value {
        let mut line = match &self.grouper {
            Grouper::Assign { setting, score, min_score } => {
                let (bands, rows) = match setting.banding {
                    Banding::Fixed { bands, rows } => (bands, rows),
                    Banding::Threshold(..) => (0, 0),
                };
                json!({
                    "grouper": "SIM.ASSIGN", "text": describe_text(setting.text), "bands": bands,
                    "rows": rows, "score": score, "min_score": min_score,
                })
            }
            Grouper::Drain3(version) => json!({ "grouper": format!("Drain3 {version}") }),
        };
        line["set"] = self.set.as_str().into();
        line["accuracy"] = self.mean(|agreement| agreement.accuracy).into();
        line["rand_index"] = self.mean(|agreement| agreement.rand_index).into();
        line["ratio"] = self.mean(|agreement| agreement.ratio).into();
        line["streams"] = json!(self.streams);
        line
    }
}

/// Groups each stream once for each seed, and gives the mean over seeds.
pub fn run(
    lab: &Lab,
    set: &str,
    streams: &Streams,
    setting: Setting,
    (score, min_score): (&'static str, f64),
    seeds: &[u32],
) -> Grouped {
    lab.begin(&format!("{set}: grouping with {setting}, {score} {min_score}"), streams.len() * seeds.len());
    let agreement_of = |events: &[&Event]| {
        let of_seed = |seed: &u32| {
            let found = assign(lab, events, &Setting { seed: *seed, ..setting }, score, min_score);
            Agreement::of(&found, &labels(events))
        };
        Agreement::mean_of(&seeds.iter().map(of_seed).collect::<Vec<_>>()).expect("a seed")
    };
    let streams = streams.iter().map(|(name, events)| (name.to_string(), agreement_of(events)));
    Grouped {
        set: set.into(),
        grouper: Grouper::Assign { setting, score, min_score },
        streams: streams.collect(),
    }
}

/// The group of each event: the number of the event that founded it.
fn assign(lab: &Lab, events: &[&Event], setting: &Setting, score: &str, min_score: f64) -> Vec<usize> {
    lab.create(setting);
    let least = min_score.to_string();
    let assign = |(number, event): (usize, &&Event)| {
        let words = ["SIM.ASSIGN", SCOPE, &item_of(number), "MINSCORE", &least, "SCORE", score];
        command(&words, clause("events", event))
    };
    let commands: Vec<Command> = events.iter().enumerate().map(assign).collect();
    lab.run(&commands).iter().map(|reply| event_of(reply.array()[0].bytes())).collect()
}

#[derive(Deserialize)]
struct Drain3Groups {
    version: String,
    /// The number of each event's group.
    groups: Vec<u64>,
}

/// The same with Drain3; `None` if it is not installed.
pub fn run_drain3(lab: &Lab, set: &str, streams: &Streams) -> Option<Grouped> {
    let directory = python::directory()?;
    lab.begin(&format!("{set}: grouping with Drain3"), streams.len());
    let (mut version, mut agreements) = (String::new(), BTreeMap::new());
    for (name, events) in streams {
        let grouping: Drain3Groups = python::run("drain.py", &directory, &texts(events));
        version = grouping.version;
        agreements.insert(name.to_string(), Agreement::of(&grouping.groups, &labels(events)));
    }
    Some(Grouped { set: set.into(), grouper: Grouper::Drain3(version), streams: agreements })
}

/// # Panics
/// If an event is not a text.
fn texts<'a>(events: &[&'a Event]) -> Vec<&'a str> {
    let text_of = |event: &&'a Event| match &event.content {
        Content::Text(text) => text.as_str(),
        Content::Features(_) => panic!("Drain3 groups only texts"),
    };
    events.iter().map(text_of).collect()
}

/// The true group of each event.
fn labels<'a>(events: &[&'a Event]) -> Vec<&'a str> {
    events
        .iter()
        .map(|event| event.label.as_deref().expect("a stream whose events all have a label"))
        .collect()
}
