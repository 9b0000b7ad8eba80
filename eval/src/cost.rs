//! The cost of a classification, after all events have been recorded.

use crate::command::{Command, SCOPE, clause, command, found, item_of};
use crate::event::Event;
use crate::lab::Lab;
use crate::setting::{Setting, describe_text};
use serde_json::{Value, json};

/// About this many events are classified to measure the cost.
const SAMPLE: usize = 250;
/// The number of measurements, of which the least counts.
const TIMES: usize = 3;

/// The cost of classifying by COVERAGE.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Microseconds of the server for each classification.
    pub microseconds: Option<f64>,
    /// The share of all items that share a bucket with an event.
    pub candidates: f64,
    /// Bytes of the index, for each event.
    pub bytes: f64,
}

impl Cost {
    /// Classifies some of the events that an index has.
    pub fn measure(lab: &Lab, events: &[&Event], index: &str) -> Cost {
        let classify = |limit: &str| -> Vec<Command> {
            let some = events.iter().step_by(events.len().div_ceil(SAMPLE));
            let words = ["SIM.CLASSIFY", SCOPE, "LIMIT", limit, "SCORE", "COVERAGE"];
            some.map(|event| command(&words, clause(index, event))).collect()
        };
        let replies = lab.run(&classify("0"));
        let candidates: usize = replies.iter().map(|reply| found(reply).count()).sum();
        // The least of some times, since other programs can only add to one.
        let times = (0..TIMES).filter_map(|_| lab.server_time(&classify("10")));
        Cost {
            microseconds: times.reduce(f64::min),
            candidates: candidates as f64 / (replies.len() * lab.items(index)) as f64,
            bytes: lab.bytes(index) as f64 / events.len() as f64,
        }
    }

    pub fn json(&self) -> Value {
        json!({ "microseconds": self.microseconds, "candidates": self.candidates, "bytes": self.bytes })
    }
}

/// One line of the results: a whole set, each event an item.
pub struct Measured {
    pub set: &'static str,
    pub events: usize,
    pub setting: Setting,
    pub bands: usize,
    pub rows: usize,
    pub cost: Cost,
}

impl Measured {
    pub fn json(&self) -> Value {
        json!({
            "set": self.set, "events": self.events, "text": describe_text(self.setting.text),
            "bands": self.bands, "rows": self.rows, "cost": self.cost.json(),
        })
    }
}

/// Records all events, and classifies some.
pub fn run(lab: &Lab, set: &'static str, events: &[&Event], setting: Setting) -> Measured {
    lab.create(&setting);
    lab.begin(&format!("{set}: what a classification costs with {setting}"), events.len());
    let record = |event: usize| {
        vec![command(&["SIM.RECORD", SCOPE, &item_of(event)], clause("events", events[event]))]
    };
    lab.each_step(events.len(), record, |_, _| ());
    let (bands, rows) = (lab.number("bands"), lab.number("rows"));
    let cost = Cost::measure(lab, events, "events");
    Measured { set, events: events.len(), setting, bands, rows, cost }
}
