//! Groups of what is linked, directly or through others.

use std::collections::HashMap;

/// Items joined by links. Holds only items that have a link: one takes about 200 bytes, its
/// name included where that is short.
#[derive(Default)]
pub struct Groups {
    numbers: HashMap<Box<[u8]>, u32>,
    /// Each item's parent; a root is its own.
    parents: Vec<u32>,
    /// The lowest and the highest score among the links of a root's group.
    scores: Vec<[f32; 2]>,
    /// Items that are known to be seen exactly as another that was asked for.
    copies: Vec<bool>,
}

/// Items that are alike.
pub struct Group {
    /// Sorted.
    pub items: Vec<Box<[u8]>>,
    /// The lowest score of a link between them.
    pub weakest: f32,
    /// The highest.
    pub strongest: f32,
}

impl Groups {
    /// How many items it holds.
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Links two items of this score.
    pub fn link(&mut self, one: &[u8], other: &[u8], score: f32) {
        let (one, other) = (self.number(one), self.number(other));
        let (one, other) = (self.root(one), self.root(other));
        let ([low, high], [other_low, other_high]) = (self.scores[one], self.scores[other]);
        // The older root stays: paths are halved at every look, and so stay short.
        let (root, child) = (one.min(other), one.max(other));
        self.parents[child] = root as u32;
        self.scores[root] = [low.min(other_low).min(score), high.max(other_high).max(score)];
    }

    /// Notes that what is linked to an item is known already, by one that is exactly like it.
    pub fn set_copy(&mut self, item: &[u8]) {
        let number = self.number(item);
        self.copies[number] = true;
    }

    /// Whether what is linked to an item is known already.
    pub fn is_copy(&self, item: &[u8]) -> bool {
        self.numbers.get(item).is_some_and(|number| self.copies[*number as usize])
    }

    fn number(&mut self, item: &[u8]) -> usize {
        if let Some(number) = self.numbers.get(item) {
            return *number as usize;
        }
        let number = self.parents.len();
        self.numbers.insert(item.into(), number as u32);
        self.parents.push(number as u32);
        self.scores.push([f32::INFINITY, f32::NEG_INFINITY]);
        self.copies.push(false);
        number
    }

    fn root(&mut self, mut item: usize) -> usize {
        while self.parents[item] as usize != item {
            self.parents[item] = self.parents[self.parents[item] as usize];
            item = self.parents[item] as usize;
        }
        item
    }

    /// The groups, the biggest first, then by their first item.
    pub fn into_sorted(mut self) -> Vec<Group> {
        let numbers = std::mem::take(&mut self.numbers);
        let mut members: HashMap<usize, Vec<Box<[u8]>>> = HashMap::new();
        for (item, number) in numbers {
            members.entry(self.root(number as usize)).or_default().push(item);
        }
        let group = |(root, mut items): (usize, Vec<Box<[u8]>>)| {
            items.sort();
            let [weakest, strongest] = self.scores[root];
            Group { items, weakest, strongest }
        };
        let mut groups: Vec<Group> = members.into_iter().map(group).collect();
        groups.sort_by(|a, b| b.items.len().cmp(&a.items.len()).then_with(|| a.items.cmp(&b.items)));
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_join_groups_and_keep_their_scores() {
        let mut groups = Groups::default();
        for (one, other, score) in [("a", "b", 0.5), ("c", "d", 0.9), ("x", "y", 1.0), ("d", "b", 0.7)] {
            groups.link(one.as_bytes(), other.as_bytes(), score);
        }
        assert_eq!(groups.len(), 6);
        let groups = groups.into_sorted();
        let shown: Vec<_> = groups.iter().map(|g| (g.items.concat(), g.weakest, g.strongest)).collect();
        assert_eq!(shown, [(b"abcd".to_vec(), 0.5, 0.9), (b"xy".to_vec(), 1.0, 1.0)]);
    }

    #[test]
    fn any_order_of_the_same_links_gives_the_same_groups() {
        let links: Vec<(u32, u32)> = (0..500).map(|n| (n * 7 % 500, n * 13 % 500 / 5 * 5)).collect();
        let grouped = |links: &mut dyn Iterator<Item = &(u32, u32)>| {
            let mut groups = Groups::default();
            links.for_each(|(a, b)| groups.link(&a.to_be_bytes(), &b.to_be_bytes(), 0.5));
            groups.into_sorted().into_iter().map(|group| group.items).collect::<Vec<_>>()
        };
        assert_eq!(grouped(&mut links.iter()), grouped(&mut links.iter().rev()));
    }
}
