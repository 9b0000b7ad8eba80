//! What a sketch costs in time: a COMPARE by JACCARD beside OVERLAP, and a RECORD with slots beside one without.

use crate::command::{Command, SCOPE, clause, command, item_of};
use crate::event::{Content, Event};
use crate::lab::Lab;
use crate::setting::{Setting, WORDS_3};
use serde_json::{Value, json};

/// Each time is the least of this many measurements, which alternate.
const TIMES: usize = 5;
/// The number of commands in a measurement.
const COMMANDS: usize = 1_000;
/// The slots of a sketch that THRESHOLD implies.
const SLOTS: u16 = 256;
/// The features of each text that is recorded.
const FEATURES: usize = 75;

/// Microseconds of the server for each command.
pub struct SketchCost {
    pub compare_by_overlap: f64,
    pub compare_by_jaccard: f64,
    pub record: f64,
    pub record_with_sketch: f64,
}

impl SketchCost {
    pub fn json(&self) -> Value {
        json!({
            "compare_by_overlap": self.compare_by_overlap, "compare_by_jaccard": self.compare_by_jaccard,
            "record": self.record, "record_with_sketch": self.record_with_sketch,
        })
    }
}

/// Compares some of these events, with `THRESHOLD 0.8`, and records texts.
pub fn measure(lab: &Lab, events: &[&Event]) -> SketchCost {
    let setting = Setting::threshold(0.8, WORDS_3);
    lab.create(&setting);
    lab.begin("what a sketch costs", events.len());
    let record = |event: usize| {
        vec![command(&["SIM.RECORD", SCOPE, &item_of(event)], clause("events", events[event]))]
    };
    lab.each_step(events.len(), record, |_, _| ());
    let [compare_by_overlap, compare_by_jaccard] =
        least([&|| lab.server_time(&compare(events.len(), "OVERLAP")), &|| {
            lab.server_time(&compare(events.len(), "JACCARD"))
        }]);
    let record = |slots: u16| {
        lab.create(&Setting::threshold_and_sketch(0.8, slots, WORDS_3));
        lab.server_time(&(0..COMMANDS).map(record_text).collect::<Vec<_>>())
    };
    let [record, record_with_sketch] = least([&|| record(0), &|| record(SLOTS)]);
    SketchCost { compare_by_overlap, compare_by_jaccard, record, record_with_sketch }
}

fn least(measurements: [&dyn Fn() -> Option<f64>; 2]) -> [f64; 2] {
    let mut least = [f64::INFINITY; 2];
    for _ in 0..TIMES {
        for (least, measure) in least.iter_mut().zip(measurements) {
            *least = measure().map_or(*least, |time| least.min(time));
        }
    }
    least
}

fn compare(events: usize, score: &str) -> Vec<Command> {
    let some = (0..events).step_by(events.div_ceil(COMMANDS));
    let compare =
        |event| command(&["SIM.COMPARE", SCOPE, &item_of(event), "1", "events", "SCORE", score], Vec::new());
    some.map(compare).collect()
}

/// Records a text of [`FEATURES`] features that no other text has.
fn record_text(number: usize) -> Command {
    let words: Vec<String> = (0..FEATURES + 2).map(|word| format!("word{}", number * 1_000 + word)).collect();
    let event = Event { label: None, system: None, content: Content::Text(words.join(" ")) };
    command(&["SIM.RECORD", SCOPE, &item_of(number)], clause("events", &event))
}
