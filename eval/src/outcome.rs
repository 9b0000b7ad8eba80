//! The accuracy of a classifier on events with known labels.

use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// The number of best items that are looked at.
pub const BEST: usize = 5;

/// The result of classifying one event among all earlier ones.
pub struct Answer<'a> {
    pub label: Option<&'a str>,
    /// The labels of the best items, best first.
    pub found: Vec<Option<&'a str>>,
    /// The score of the best item; 0 if nothing was found.
    pub score: f64,
}

#[derive(Serialize, Clone, Copy, PartialEq, Debug)]
pub struct Outcome {
    pub events: usize,
    /// Events whose label had occurred before.
    pub known_events: usize,
    /// The share of known events whose label is found first.
    pub known: Option<f64>,
    /// The mean over labels of the same share for each label.
    pub macro_average: Option<f64>,
    /// The share of known events whose label is among the best five.
    pub among_best: Option<f64>,
    /// The probability that the best score of a known event is above that of a new one (the area under the ROC curve):
    /// 0.5 by chance.
    pub auc: Option<f64>,
}

impl Outcome {
    /// The outcome of the answers for all events, which are in the order of arrival.
    pub fn of(answers: &[Answer]) -> Outcome {
        let (mut seen, mut labels) = (HashSet::new(), HashMap::<&str, Share>::new());
        let (mut first, mut among) = (Share::default(), Share::default());
        let mut scores: [Vec<f64>; 2] = Default::default(); // of new events, of known ones
        for answer in answers {
            let Some(label) = answer.label else { continue };
            let is_known = !seen.insert(label);
            scores[usize::from(is_known)].push(answer.score);
            if is_known {
                let is_right = answer.found.first() == Some(&Some(label));
                first.count(is_right);
                among.count(answer.found.contains(&Some(label)));
                labels.entry(label).or_default().count(is_right);
            }
        }
        let [new, known] = scores;
        Outcome {
            events: answers.len(),
            known_events: first.total,
            known: first.value(),
            macro_average: mean(labels.values().filter_map(Share::value)),
            among_best: among.value(),
            auc: auc(&known, &new),
        }
    }

    /// The mean of each figure over several replays, which must have the same number of events.
    pub fn mean_of<'a>(outcomes: impl Iterator<Item = &'a Outcome> + Clone) -> Option<Outcome> {
        let mean_of = |figure: fn(&Outcome) -> Option<f64>| mean(outcomes.clone().filter_map(figure));
        Some(Outcome {
            known: mean_of(|outcome| outcome.known),
            macro_average: mean_of(|outcome| outcome.macro_average),
            among_best: mean_of(|outcome| outcome.among_best),
            auc: mean_of(|outcome| outcome.auc),
            ..*outcomes.clone().next()?
        })
    }
}

/// A share: how many of how many.
#[derive(Default, Clone, Copy)]
pub struct Share {
    pub hits: usize,
    pub total: usize,
}

impl Share {
    pub fn count(&mut self, is_hit: bool) {
        self.hits += usize::from(is_hit);
        self.total += 1;
    }

    pub fn value(&self) -> Option<f64> {
        (self.total > 0).then(|| self.hits as f64 / self.total as f64)
    }
}

pub fn mean(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = figures.fold((0.0, 0), |(sum, count), figure| (sum + figure, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// The standard error of the mean of some figures.
pub fn standard_error(figures: &[f64]) -> Option<f64> {
    let (mean, count) = (mean(figures.iter().copied())?, figures.len() as f64);
    let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
    (figures.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt())
}

/// The share of pairs (one of `higher`, one of `lower`) that are in this order; ties count half.
fn auc(higher: &[f64], lower: &[f64]) -> Option<f64> {
    let mut sorted = lower.to_vec();
    sorted.sort_by(f64::total_cmp);
    let below = |score: &f64| {
        let (less, not_more) =
            (sorted.partition_point(|s| s < score), sorted.partition_point(|s| s <= score));
        (less + not_more) as f64 / 2.0
    };
    let pairs = higher.len() * lower.len();
    (pairs > 0).then(|| higher.iter().map(below).sum::<f64>() / pairs as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer<'a>(label: &'a str, found: &[&'a str], score: f64) -> Answer<'a> {
        Answer { label: Some(label), found: found.iter().map(|label| Some(*label)).collect(), score }
    }

    #[test]
    fn shares_are_of_the_events_with_a_known_label() {
        let answers = [
            answer("a", &[], 0.0),         // new
            answer("a", &["a"], 0.9),      // right
            answer("b", &["a"], 0.4),      // new
            answer("a", &["b", "a"], 0.4), // wrong, but among the best
            answer("b", &["b", "a"], 0.8), // right
            Answer { label: None, found: vec![Some("a")], score: 1.0 },
        ];
        let outcome = Outcome::of(&answers);
        assert_eq!((outcome.events, outcome.known_events), (6, 3));
        assert_eq!(outcome.known, Some(2.0 / 3.0));
        assert_eq!(outcome.macro_average, Some(0.75)); // of a half, of b all
        assert_eq!(outcome.among_best, Some(1.0));
        // Known .9 .4 .8 against new .0 .4: five of six in order, and one tie.
        assert_eq!(outcome.auc, Some(5.5 / 6.0));
    }

    #[test]
    fn standard_errors() {
        assert_eq!(standard_error(&[1.0, 2.0, 3.0, 4.0]), Some((5.0_f64 / 3.0 / 4.0).sqrt()));
        assert_eq!(standard_error(&[1.0]), None);
    }

    #[test]
    fn nothing_known_is_no_figure() {
        let outcome = Outcome::of(&[answer("a", &[], 0.0), answer("b", &["a"], 0.1)]);
        assert_eq!((outcome.known, outcome.macro_average, outcome.auc), (None, None, None));
    }
}
