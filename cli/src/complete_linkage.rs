//! Groups in which every two items are linked (*complete-linkage clustering*, cut at the least score of a link).
//!
//! [`UnionFind`](crate::union_find::UnionFind) joins whatever is linked, directly or through others, so a chain of
//! texts, each similar to the next one, is one group whose ends have nothing in common. Here a group is a clique of the
//! graph of links: there is no chain.
//!
//! The algorithm is the usual agglomerative one: begin with each item as a group, and join the two groups whose *lowest*
//! score between two of their items is the highest, as long as every two of their items are linked. The scores between
//! two groups that are joined and a third are the lower one of both; if one of them has no link to it, neither has the
//! joined one. A priority queue gives the next pair; what has become outdated in it is skipped. With L links that takes
//! O(L log L). Pairs of the same score are joined in the order of their items' names, so that the groups do not depend
//! on the order in which the links were found.
//!
//! Items that are equal, which have the same score with every other item and 1 with each other, are one node.

use crate::union_find::Group;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// The links between items. One takes 12 bytes, but may be kept twice.
#[derive(Default)]
pub struct Links {
    /// The number of each item.
    numbers: HashMap<Box<[u8]>, u32>,
    /// For each item the one that it is equal to, or itself.
    equals: Vec<u32>,
    links: Vec<Link>,
    /// The number of links when doubles were last removed.
    distinct: usize,
}

/// Two items by their numbers, the lower one first, and the bits of their score.
type Link = (u32, u32, u32);

/// The lowest and the highest score between the items of a group and those of others.
type Scores = HashMap<u32, [f32; 2]>;

/// The range of no scores.
const NO_SCORE: [f32; 2] = [f32::INFINITY, f32::NEG_INFINITY];

/// A group while groups are being joined.
struct Cluster {
    nodes: Vec<u32>,
    scores: Scores,
    /// The lowest and the highest score of a link inside.
    range: [f32; 2],
}

impl Links {
    /// The number of links, of which some may be counted twice.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// Links two items with this score.
    pub fn link(&mut self, one: &[u8], other: &[u8], score: f32) {
        let (one, other) = (self.number(one), self.number(other));
        if one == other {
            return;
        }
        self.links.push((one.min(other), one.max(other), score.to_bits()));
        // Each link is found from both of its ends.
        if self.links.len() > 2 * self.distinct + 1_000_000 {
            self.remove_doubles();
        }
    }

    /// Notes that two items have the same score with every other item, and 1 with each other.
    pub fn mark_equal(&mut self, item: &[u8], first: &[u8]) {
        let (item, first) = (self.number(item), self.number(first));
        let (item, first) = (self.first_equal(item), self.first_equal(first));
        self.equals[item.max(first) as usize] = item.min(first);
    }

    fn number(&mut self, item: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(item) {
            return *number;
        }
        let number = self.equals.len() as u32;
        self.numbers.insert(item.into(), number);
        self.equals.push(number);
        number
    }

    fn first_equal(&self, mut item: u32) -> u32 {
        while self.equals[item as usize] != item {
            item = self.equals[item as usize];
        }
        item
    }

    /// Keeps one of several links of the same two items: the one with the highest score, which differs only by a score
    /// that is not symmetric.
    fn remove_doubles(&mut self) {
        // Scores are not negative, so their bits are in the order of the scores.
        self.links.sort_unstable_by_key(|(one, other, score)| (*one, *other, Reverse(*score)));
        self.links.dedup_by_key(|(one, other, _)| (*one, *other));
        self.distinct = self.links.len();
    }

    /// The groups, largest first; groups of the same size in the order of their first items.
    pub fn into_groups(mut self) -> Vec<Group> {
        // Phase 1: put equal items into one node, and number the nodes in the order of their first names.
        let mut items: Vec<(Box<[u8]>, u32)> = std::mem::take(&mut self.numbers).into_iter().collect();
        items.sort_unstable();
        let mut node_of_first: HashMap<u32, u32> = HashMap::new();
        let mut node_of_item = vec![0; items.len()];
        let mut nodes: Vec<Vec<Box<[u8]>>> = Vec::new();
        for (item, number) in items {
            let node = *node_of_first.entry(self.first_equal(number)).or_insert(nodes.len() as u32);
            if node as usize == nodes.len() {
                nodes.push(Vec::new());
            }
            node_of_item[number as usize] = node;
            nodes[node as usize].push(item);
        }
        // Phase 2: link the nodes.
        for (one, other, _) in &mut self.links {
            let ends = (node_of_item[*one as usize], node_of_item[*other as usize]);
            (*one, *other) = (ends.0.min(ends.1), ends.0.max(ends.1));
        }
        self.links.retain(|(one, other, _)| one != other);
        self.remove_doubles();
        // Phase 3: join them, and put the names back.
        let mut groups: Vec<Group> = Vec::new();
        for cluster in join(nodes.len(), &self.links) {
            let mut range = cluster.range;
            let mut items = Vec::new();
            for node in cluster.nodes {
                let equal = std::mem::take(&mut nodes[node as usize]);
                range = if equal.len() > 1 { [range[0].min(1.0), range[1].max(1.0)] } else { range };
                items.extend(equal);
            }
            if items.len() > 1 {
                items.sort();
                groups.push(Group { items, weakest: range[0], strongest: range[1] });
            }
        }
        groups.sort_by(|a, b| b.items.len().cmp(&a.items.len()).then_with(|| a.items.cmp(&b.items)));
        groups
    }
}

/// Joins nodes to groups. The links are distinct.
fn join(nodes: usize, links: &[Link]) -> Vec<Cluster> {
    let new_cluster = |node| Cluster { nodes: vec![node], scores: Scores::new(), range: NO_SCORE };
    let mut clusters: Vec<Option<Cluster>> = (0..nodes as u32).map(|node| Some(new_cluster(node))).collect();
    // The highest score first; of equal scores the lowest numbers.
    let mut queue: BinaryHeap<(u32, Reverse<(u32, u32)>)> = BinaryHeap::with_capacity(links.len());
    for (one, other, score) in links {
        queue.push((*score, Reverse((*one, *other))));
        for (from, to) in [(one, other), (other, one)] {
            if let Some(cluster) = &mut clusters[*from as usize] {
                cluster.scores.insert(*to, [f32::from_bits(*score); 2]);
            }
        }
    }
    while let Some((score, Reverse((one, other)))) = queue.pop() {
        // What is outdated has a group that is gone, or a score that was lowered since.
        let current = clusters[one as usize].as_ref().and_then(|cluster| cluster.scores.get(&other));
        let Some(range) = current.copied().filter(|range| range[0].to_bits() == score) else { continue };
        let Some(joined) = clusters[other as usize].take() else { continue };
        for third in join_scores(&mut clusters, one, other, &joined.scores) {
            queue.push((third.1.to_bits(), Reverse((one.min(third.0), one.max(third.0)))));
        }
        if let Some(cluster) = &mut clusters[one as usize] {
            cluster.nodes.extend(joined.nodes);
            for range in [range, joined.range] {
                cluster.range = [cluster.range[0].min(range[0]), cluster.range[1].max(range[1])];
            }
        }
    }
    clusters.into_iter().flatten().collect()
}

/// Computes the scores of a group with all others after `other`, which had these scores, has joined it. Returns those
/// that were lowered, with the number of the other group.
fn join_scores(clusters: &mut [Option<Cluster>], one: u32, other: u32, scores: &Scores) -> Vec<(u32, f32)> {
    let own = match &mut clusters[one as usize] {
        Some(cluster) => std::mem::take(&mut cluster.scores),
        None => Scores::new(),
    };
    let (mut both, mut lowered) = (Scores::new(), Vec::new());
    for (third, range) in &own {
        let Some(cluster) = clusters[*third as usize].as_mut().filter(|_| *third != other) else { continue };
        let Some(other_range) = scores.get(third) else {
            cluster.scores.remove(&one);
            continue;
        };
        let joined = [range[0].min(other_range[0]), range[1].max(other_range[1])];
        both.insert(*third, joined);
        cluster.scores.insert(one, joined);
        if joined[0] < range[0] {
            lowered.push((*third, joined[0]));
        }
    }
    for third in scores.keys() {
        if let Some(cluster) = &mut clusters[*third as usize] {
            cluster.scores.remove(&other);
        }
    }
    if let Some(cluster) = &mut clusters[one as usize] {
        cluster.scores = both;
    }
    lowered
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn groups(links: &[(&str, &str, f32)]) -> Vec<(String, f32, f32)> {
        let mut all = Links::default();
        links.iter().for_each(|(one, other, score)| all.link(one.as_bytes(), other.as_bytes(), *score));
        summaries(all)
    }

    fn summaries(links: Links) -> Vec<(String, f32, f32)> {
        let name = |group: &Group| String::from_utf8(group.items.concat()).expect("text");
        links.into_groups().iter().map(|group| (name(group), group.weakest, group.strongest)).collect()
    }

    #[test]
    fn a_chain_is_cut_into_pairs() {
        let chain = [("a", "b", 0.8), ("b", "c", 0.8), ("c", "d", 0.8), ("d", "e", 0.8)];
        assert_eq!(groups(&chain), [("ab".into(), 0.8, 0.8), ("cd".into(), 0.8, 0.8)]);
        let reversed: Vec<_> = chain.iter().rev().copied().collect();
        assert_eq!(groups(&reversed), groups(&chain));
    }

    #[test]
    fn the_best_pairs_are_joined_first() {
        // b and c are closest, and a is linked with both; d only with c.
        let links = [("a", "b", 0.7), ("a", "c", 0.8), ("b", "c", 0.9), ("c", "d", 0.85)];
        assert_eq!(groups(&links), [("abc".into(), 0.7, 0.9)]);
    }

    #[test]
    fn equal_items_stay_together() {
        let mut links = Links::default();
        links.mark_equal(b"b", b"a");
        links.link(b"b", b"c", 0.8);
        links.link(b"c", b"d", 0.9);
        links.mark_equal(b"e", b"b");
        assert_eq!(summaries(links), [("abe".into(), 1.0, 1.0), ("cd".into(), 0.9, 0.9)]);
    }

    /// Every group is a clique, and no two groups could be joined.
    #[test]
    fn groups_are_cliques_that_cannot_grow() {
        let mut state = 1u32;
        let mut draw = move |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        for items in [5, 20, 60] {
            let mut score_of = BTreeMap::new();
            let mut links = Links::default();
            for _ in 0..items * 4 {
                let (one, other) = (draw(items) as u8, draw(items) as u8);
                let pair = (one.min(other), one.max(other));
                if one != other && !score_of.contains_key(&pair) {
                    let score = 0.5 + draw(50) as f32 / 100.0;
                    score_of.insert(pair, score);
                    links.link(&[one], &[other], score);
                    links.link(&[other], &[one], score);
                }
            }
            let linked = |one: u8, other: u8| score_of.get(&(one.min(other), one.max(other)));
            let groups: Vec<Vec<u8>> = links.into_groups().iter().map(|group| group.items.concat()).collect();
            for (number, group) in groups.iter().enumerate() {
                let is_clique =
                    |one: &u8| group.iter().all(|other| one == other || linked(*one, *other).is_some());
                assert!(group.iter().all(is_clique), "{group:?}");
                let joins =
                    |other: &Vec<u8>| group.iter().all(|a| other.iter().all(|b| linked(*a, *b).is_some()));
                assert!(!groups[..number].iter().any(joins), "{group:?}");
            }
        }
    }
}
