//! How well the groups that were found in a stream agree with the true ones.
//!
//! Grouping accuracy is that of the log-parsing benchmark LogPAI (Zhu et al. 2019): an event counts only if its group
//! consists of exactly the events of its true group, so that one stray event spoils both groups. The adjusted Rand
//! index (Hubert and Arabie 1985) counts pairs of events that are together in both groupings, less what chance gives:
//! a stray event costs little, the merger of two large groups much.

use crate::outcome::mean;
use serde::Serialize;
use std::collections::HashMap;
use std::hash::Hash;

#[derive(Serialize, Clone, Debug, PartialEq)]
pub struct Agreement {
    pub events: usize,
    /// The number of groups found, and of true ones. The first is a mean if several seeds were tried.
    pub groups: f64,
    pub true_groups: usize,
    /// The first by the second.
    pub ratio: f64,
    pub accuracy: f64,
    pub rand_index: f64,
}

impl Agreement {
    /// The agreement of two groupings of the same events, which are not empty.
    pub fn of<F: Hash + Eq + Copy, T: Hash + Eq + Copy>(found: &[F], truth: &[T]) -> Agreement {
        debug_assert_eq!(found.len(), truth.len(), "each event is in a group of both");
        let pairs: Vec<(F, T)> = found.iter().copied().zip(truth.iter().copied()).collect();
        let (found, truth, common) = (sizes(found), sizes(truth), sizes(&pairs));
        let is_exact = |&(&(f, t), &size): &(&(F, T), &usize)| found[&f] == size && truth[&t] == size;
        let exact: usize = common.iter().filter(is_exact).map(|(_, size)| size).sum();
        Agreement {
            events: pairs.len(),
            groups: found.len() as f64,
            true_groups: truth.len(),
            ratio: found.len() as f64 / truth.len() as f64,
            accuracy: exact as f64 / pairs.len() as f64,
            rand_index: rand_index(&found, &truth, &common, pairs.len()),
        }
    }

    /// The mean over several groupings of the same events.
    pub fn mean_of(agreements: &[Agreement]) -> Option<Agreement> {
        let figure = |figure: fn(&Agreement) -> f64| mean(agreements.iter().map(figure));
        Some(Agreement {
            groups: figure(|agreement| agreement.groups)?,
            ratio: figure(|agreement| agreement.ratio)?,
            accuracy: figure(|agreement| agreement.accuracy)?,
            rand_index: figure(|agreement| agreement.rand_index)?,
            ..agreements.first()?.clone()
        })
    }
}

/// The number of events in each group.
fn sizes<G: Hash + Eq + Copy>(groups: &[G]) -> HashMap<G, usize> {
    let mut sizes = HashMap::new();
    groups.iter().for_each(|group| *sizes.entry(*group).or_default() += 1);
    sizes
}

/// 1 if both groupings are the same, 0 on average if one is random.
fn rand_index<F, T>(
    found: &HashMap<F, usize>,
    truth: &HashMap<T, usize>,
    common: &HashMap<(F, T), usize>,
    events: usize,
) -> f64 {
    let [found, truth] = [pairs_within(found), pairs_within(truth)];
    let by_chance = found * truth / pairs_of(events).max(1.0);
    let most = (found + truth) / 2.0;
    // Both are one group, or both only single events: the same grouping.
    if most == by_chance { 1.0 } else { (pairs_within(common) - by_chance) / (most - by_chance) }
}

/// The number of pairs of events that share a group.
fn pairs_within<G>(sizes: &HashMap<G, usize>) -> f64 {
    sizes.values().copied().map(pairs_of).sum()
}

fn pairs_of(count: usize) -> f64 {
    count as f64 * (count as f64 - 1.0) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_counts_only_if_its_whole_group_is_right() {
        let truth = ["a", "a", "a", "b", "b", "c"];
        let agreement = Agreement::of(&[1, 1, 2, 3, 3, 4], &truth);
        assert_eq!(agreement.accuracy, 3.0 / 6.0); // those of b and c
        assert_eq!((agreement.groups, agreement.true_groups, agreement.ratio), (4.0, 3, 4.0 / 3.0));
        // A merger spoils both groups.
        assert_eq!(Agreement::of(&[1, 1, 1, 1, 1, 2], &truth).accuracy, 1.0 / 6.0);
        assert_eq!(Agreement::of(&[1, 1, 1, 2, 2, 3], &truth).accuracy, 1.0);
    }

    #[test]
    fn the_rand_index_by_hand() {
        // Of 15 pairs, 2 are together in both, 2 in what was found, 4 in truth: (2 - 8/15) / (3 - 8/15).
        let agreement = Agreement::of(&[1, 1, 2, 3, 3, 4], &["a", "a", "a", "b", "b", "c"]);
        assert!((agreement.rand_index - 22.0 / 37.0).abs() < 1e-12, "{}", agreement.rand_index);
        assert_eq!(Agreement::of(&[1, 2, 3], &[3, 1, 2]).rand_index, 1.0);
        assert_eq!(Agreement::of(&[1, 1, 1], &[2, 2, 2]).rand_index, 1.0);
        assert_eq!(Agreement::of(&[1], &[1]).rand_index, 1.0);
        // As far apart as chance: of two groups each half is in either.
        assert!(Agreement::of(&[1, 1, 2, 2], &[1, 2, 1, 2]).rand_index < 0.0);
    }
}
