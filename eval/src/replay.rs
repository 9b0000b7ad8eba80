//! Classification: each event is classified against all earlier ones, then recorded.

use crate::command::{Command, SCOPE, clause, command, event_of, found, item_of};
use crate::corpus::Corpus;
use crate::cost::Cost;
use crate::lab::Lab;
use crate::outcome::{Answer, BEST, Outcome, mean, standard_error};
use crate::setting::{Banding, Setting, describe_text, hash_name};
use serde_json::{Value, json};
use testkit::Reply;

/// The ways of classifying: (index, score). In the index `events` each event is an item of one observation, for which
/// OVERLAP and COVERAGE are the same; in `groups` an item has all observations of a label.
const WAYS: [(&str, &str); 4] =
    [("events", "OVERLAP"), ("groups", "OVERLAP"), ("groups", "COVERAGE"), ("groups", "SIGNIFICANCE")];

/// One line of the results: the mean of one way over some seeds.
#[derive(Clone)]
pub struct Classified {
    pub corpus: String,
    pub setting: Setting,
    pub items: &'static str,
    pub score: &'static str,
    pub outcome: Outcome,
    /// The standard error of the share of known events found first, from chance in hashing.
    pub standard_error: Option<f64>,
    /// With items = events: the mean of J(found first) / J(nearest).
    pub nearness: Option<f64>,
    pub cost: Cost,
}

impl Classified {
    pub fn json(&self) -> Value {
        let (bands, rows) = match self.setting.banding {
            Banding::Fixed { bands, rows } => (bands, rows),
            Banding::Threshold(..) => (0, 0),
        };
        json!({
            "set": self.corpus, "text": describe_text(self.setting.text), "bands": bands, "rows": rows,
            "hash": hash_name(self.setting.hash), "items": self.items, "score": self.score,
            "outcome": self.outcome, "standard_error": self.standard_error,
            "nearness": self.nearness, "cost": self.cost.json(),
        })
    }
}

/// The ceiling: the nearest earlier event by exact Jaccard similarity, of equals the earliest.
pub fn ceiling(corpus: &Corpus) -> Outcome {
    let answer = |event: usize| {
        let nearest = corpus.exact.nearest(event, BEST);
        Answer {
            label: corpus.events[event].label.as_deref(),
            found: nearest.iter().map(|(earlier, _)| corpus.events[*earlier].label.as_deref()).collect(),
            score: nearest.first().map_or(0.0, |best| f64::from(best.1)),
        }
    };
    Outcome::of(&(0..corpus.len()).map(answer).collect::<Vec<_>>())
}

/// The share of events with exactly the features of an earlier one.
pub fn identical(corpus: &Corpus) -> f64 {
    let is_known = |event: &usize| corpus.exact.to_earlier(*event).contains(&1.0);
    (0..corpus.len()).filter(is_known).count() as f64 / corpus.len() as f64
}

/// Replays a corpus once for each seed, and gives for each way the mean over seeds.
pub fn run(lab: &Lab, corpus: &Corpus, setting: Setting, seeds: &[u32]) -> Vec<Classified> {
    let runs: Vec<_> = seeds.iter().map(|&seed| replay(lab, corpus, Setting { seed, ..setting })).collect();
    mean_of_all(&runs)
}

/// The mean of several replays, a line for each way.
pub fn mean_of_all(runs: &[Vec<Classified>]) -> Vec<Classified> {
    let line = |way: usize| mean_of(&runs.iter().map(|run| &run[way]).collect::<Vec<_>>());
    (0..WAYS.len()).filter_map(line).collect()
}

fn mean_of(runs: &[&Classified]) -> Option<Classified> {
    let outcome = Outcome::mean_of(runs.iter().map(|run| &run.outcome))?;
    let known: Vec<f64> = runs.iter().filter_map(|run| run.outcome.known).collect();
    let nearness = mean(runs.iter().filter_map(|run| run.nearness));
    let first = runs.first()?;
    let microseconds = runs.iter().filter_map(|run| run.cost.microseconds).reduce(f64::min);
    let cost = Cost { microseconds, ..first.cost };
    Some(Classified { outcome, standard_error: standard_error(&known), nearness, cost, ..(*first).clone() })
}

fn replay(lab: &Lab, corpus: &Corpus, setting: Setting) -> Vec<Classified> {
    lab.create(&setting);
    lab.begin(&format!("{}: classifying with {setting}", corpus.name), corpus.len());
    let mut answers: Vec<Vec<Answer>> = WAYS.iter().map(|_| Vec::new()).collect();
    let mut nearness = Vec::new();
    lab.each_step(
        corpus.len(),
        |event| commands(corpus, event),
        |event, replies| {
            for ((way, answers), reply) in WAYS.iter().zip(&mut answers).zip(replies) {
                answers.push(answer(corpus, event, way.0, reply));
            }
            nearness.extend(nearness_of(corpus, event, &replies[0]));
        },
    );
    let [of_events, of_groups] = ["events", "groups"].map(|index| Cost::measure(lab, &corpus.events, index));
    let line = |(&(items, score), answers): (&(&'static str, &'static str), &Vec<Answer>)| {
        let outcome = Outcome::of(answers);
        Classified {
            corpus: corpus.name.into(),
            setting,
            items,
            score,
            outcome,
            standard_error: None,
            nearness: (items == "events").then(|| mean(nearness.iter().copied())).flatten(),
            cost: if items == "events" { of_events } else { of_groups },
        }
    };
    WAYS.iter().zip(&answers).map(line).collect()
}

/// The commands for an event: classify it in each way, then record it as an item of its own and under its label.
fn commands(corpus: &Corpus, event: usize) -> Vec<Command> {
    let recorded = corpus.events[event];
    let limit = BEST.to_string();
    let classify = |(index, score): &(&str, &str)| {
        command(&["SIM.CLASSIFY", SCOPE, "LIMIT", &limit, "SCORE", score], clause(index, recorded))
    };
    let mut commands: Vec<Command> = WAYS.iter().map(classify).collect();
    commands.push(command(&["SIM.RECORD", SCOPE, &item_of(event)], clause("events", recorded)));
    let group = recorded.label.clone().unwrap_or_else(|| item_of(event));
    commands.push(command(&["SIM.RECORD", SCOPE, &group], clause("groups", recorded)));
    commands
}

fn answer<'a>(corpus: &Corpus<'a>, event: usize, index: &str, reply: &Reply) -> Answer<'a> {
    // A group's name is looked up among the labels, so that the answer borrows the corpus's strings.
    let label_of = |item: &[u8]| match index {
        "events" => corpus.events[event_of(item)].label.as_deref(),
        _ => corpus.label(item),
    };
    Answer {
        label: corpus.events[event].label.as_deref(),
        found: found(reply).map(|(item, _)| label_of(item)).collect(),
        score: found(reply).next().map_or(0.0, |(_, score)| score),
    }
}

/// J(found first) / J(nearest); `None` if no earlier event shares a feature.
fn nearness_of(corpus: &Corpus, event: usize, reply: &Reply) -> Option<f64> {
    let (_, nearest) = *corpus.exact.nearest(event, 1).first()?;
    let first = found(reply).next();
    let similarity = first.map_or(0.0, |(item, _)| corpus.exact.to_earlier(event)[event_of(item)]);
    Some(f64::from(similarity) / f64::from(nearest))
}
