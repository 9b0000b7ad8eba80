//! Union-find (a disjoint-set forest, Galler and Fischer 1964): items joined by links, directly or
//! through others.
//!
//! Each group is a tree of items: an item points to its parent, and the root, its own parent, stands for
//! the whole group. A link makes the root of one tree the parent of the other's root. Following parents
//! to a root is where the time goes, so every walk shortens its own path (*path halving*: each item on
//! the way is pointed to its grandparent). This is enough to make a link cost O(log n) amortised,
//! whichever of two roots stays; so there are no ranks or sizes to store, and the older root stays.
//!
//! Beyond the textbook, a root carries the lowest and the highest score of the links in its group, and
//! an item may be marked as a copy, which need not be compared again.
//!
//! The trees are two flat arrays, indexed by a number that each item gets when it is first linked.

use std::collections::HashMap;

/// Items joined by links. Holds only items that have a link: one takes about 200 bytes, its name
/// included if that is short.
#[derive(Default)]
pub struct UnionFind {
    /// The number of each item: its index in the arrays below.
    numbers: HashMap<Box<[u8]>, u32>,
    /// Each item's parent; a root is its own parent.
    parents: Vec<u32>,
    /// The lowest and the highest score of the links in a root's group; outdated in items that are no
    /// longer roots.
    score_ranges: Vec<[f32; 2]>,
    /// True for items that are exact copies of another item whose links are known.
    copies: Vec<bool>,
}

/// Items that are joined by links.
pub struct Group {
    /// The names, sorted.
    pub items: Vec<Box<[u8]>>,
    /// The lowest score of a link in the group.
    pub weakest: f32,
    /// The highest score of a link in the group.
    pub strongest: f32,
}

impl UnionFind {
    /// The number of items that have a link.
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Links two items with this score: from now on their groups are one.
    pub fn link(&mut self, one: &[u8], other: &[u8], score: f32) {
        let (one, other) = (self.find_or_add(one), self.find_or_add(other));
        let (one, other) = (self.find_root(one), self.find_root(other));
        let [lowest, highest] = self.score_ranges[one];
        let [other_lowest, other_highest] = self.score_ranges[other];
        // The older root has the lower number. If both roots are the same, this only widens its scores.
        let (root, child) = (one.min(other), one.max(other));
        self.parents[child] = root as u32;
        self.score_ranges[root] =
            [lowest.min(other_lowest).min(score), highest.max(other_highest).max(score)];
    }

    /// Marks an item as an exact copy of one whose links are known: its own links would be the same.
    pub fn mark_copy(&mut self, item: &[u8]) {
        let number = self.find_or_add(item);
        self.copies[number] = true;
    }

    /// True if the item is marked as a copy, so that its links are known already.
    pub fn is_copy(&self, item: &[u8]) -> bool {
        self.numbers.get(item).is_some_and(|number| self.copies[*number as usize])
    }

    /// The item's number; a new item becomes a group of its own, without any score yet.
    fn find_or_add(&mut self, item: &[u8]) -> usize {
        if let Some(number) = self.numbers.get(item) {
            return *number as usize;
        }
        let number = self.parents.len();
        self.numbers.insert(item.into(), number as u32);
        self.parents.push(number as u32);
        self.score_ranges.push([f32::INFINITY, f32::NEG_INFINITY]);
        self.copies.push(false);
        number
    }

    /// The root of the item's group. Halves the path on the way.
    fn find_root(&mut self, mut item: usize) -> usize {
        while self.parents[item] as usize != item {
            self.parents[item] = self.parents[self.parents[item] as usize];
            item = self.parents[item] as usize;
        }
        item
    }

    /// The groups, largest first; groups of the same size in the order of their first items.
    pub fn into_groups(mut self) -> Vec<Group> {
        let numbers = std::mem::take(&mut self.numbers);
        let mut items_by_root: HashMap<usize, Vec<Box<[u8]>>> = HashMap::new();
        for (item, number) in numbers {
            items_by_root.entry(self.find_root(number as usize)).or_default().push(item);
        }
        let to_group = |(root, mut items): (usize, Vec<Box<[u8]>>)| {
            items.sort();
            let [weakest, strongest] = self.score_ranges[root];
            Group { items, weakest, strongest }
        };
        let mut groups: Vec<Group> = items_by_root.into_iter().map(to_group).collect();
        groups.sort_by(|a, b| b.items.len().cmp(&a.items.len()).then_with(|| a.items.cmp(&b.items)));
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_join_groups_and_keep_their_scores() {
        let mut items = UnionFind::default();
        for (one, other, score) in [("a", "b", 0.5), ("c", "d", 0.9), ("x", "y", 1.0), ("d", "b", 0.7)] {
            items.link(one.as_bytes(), other.as_bytes(), score);
        }
        assert_eq!(items.len(), 6);
        let groups = items.into_groups();
        let summaries: Vec<_> =
            groups.iter().map(|group| (group.items.concat(), group.weakest, group.strongest)).collect();
        assert_eq!(summaries, [(b"abcd".to_vec(), 0.5, 0.9), (b"xy".to_vec(), 1.0, 1.0)]);
    }

    #[test]
    fn any_order_of_the_same_links_gives_the_same_groups() {
        let links: Vec<(u32, u32)> = (0..500).map(|n| (n * 7 % 500, n * 13 % 500 / 5 * 5)).collect();
        let grouped = |links: &mut dyn Iterator<Item = &(u32, u32)>| {
            let mut items = UnionFind::default();
            links.for_each(|(a, b)| items.link(&a.to_be_bytes(), &b.to_be_bytes(), 0.5));
            items.into_groups().into_iter().map(|group| group.items).collect::<Vec<_>>()
        };
        assert_eq!(grouped(&mut links.iter()), grouped(&mut links.iter().rev()));
    }
}
