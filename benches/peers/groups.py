"""Groups of linked documents, and how well the groups of two tools agree."""

from collections import Counter, defaultdict


class UnionFind:
    """Groups of linked items: a forest with union by size and path halving (Tarjan 1975)."""

    def __init__(self, items):
        self.parents = {item: item for item in items}
        self.sizes = dict.fromkeys(self.parents, 1)

    def root(self, item):
        parents = self.parents
        while parents[item] != item:
            parents[item] = parents[parents[item]]
            item = parents[item]
        return item

    def are_linked(self, one, other):
        return self.root(one) == self.root(other)

    def link(self, one, other):
        small, large = sorted((self.root(one), self.root(other)), key=self.sizes.__getitem__)
        if small != large:
            self.parents[small] = large
            self.sizes[large] += self.sizes[small]

    def groups(self):
        """The groups of two and more items."""
        members = defaultdict(list)
        for item in self.parents:
            members[self.root(item)].append(item)
        return [group for group in members.values() if len(group) > 1]


def agreement(found, exact):
    """Precision, recall and F1 of the pairs of items in the same group, against the exact groups."""
    exact_group = {item: number for number, group in enumerate(exact) for item in group}
    exact_pairs, found_pairs = (sum(pairs(len(group)) for group in groups) for groups in (exact, found))
    shared_pairs = 0
    for group in found:
        sizes = Counter(exact_group[item] for item in group if item in exact_group)
        shared_pairs += sum(map(pairs, sizes.values()))
    return {
        "precision": shared_pairs / found_pairs if found_pairs else 1.0,
        "recall": shared_pairs / exact_pairs if exact_pairs else 1.0,
        "f1": 2 * shared_pairs / (found_pairs + exact_pairs) if found_pairs + exact_pairs else 1.0,
    }


def pairs(size):
    return size * (size - 1) // 2
