"""The exact groups: documents linked if their Jaccard similarity reaches the threshold.

A set-similarity join with prefix filtering (Chaudhuri, Ganti and Kaushik 2006; AllPairs: Bayardo, Ma and
Srikant 2007). Put the shingles of every set in one order, rarest first. Two sets of similarity t and more share
at least t * n of the n shingles of either, so one of the first n - ceil(t * n) + 1 shingles of each, its
*prefix*, is in the other's prefix too. Rare shingles are in few prefixes, so few pairs are left to count.

A shingle that only one document has matches nothing, so such shingles are only counted.
"""

import math
from array import array
from collections import defaultdict

from groups import UnionFind

# Counters of shingles; a power of two. Shingles that share a counter look more frequent than they are.
COUNTERS = 1 << 25


def groups(documents, threshold):
    """The exact groups of (name, shingles) pairs.

    A shingle is taken for its 64-bit hash. Among ten million shingles two have the same with a probability of
    one in 400,000.
    """
    documents = [(name, array("q", map(hash, shingles))) for name, shingles in documents if shingles]
    order = RarestFirst(tokens for _, tokens in documents)
    links = UnionFind(name for name, _ in documents)
    # Phase 1: copies. A document with a shingle of its own has none.
    sets = {}
    for name, tokens in documents:
        shared = order.sort_shared(tokens)
        own = len(tokens) - len(shared)
        first = sets.setdefault(name if own else tuple(shared), (name, len(tokens), shared))[0]
        links.link(first, name)
    # Phase 2: the join, from small sets to large ones.
    prefixes = defaultdict(list)
    for entry in sorted(sets.values(), key=lambda entry: entry[1]):
        name, size, shared = entry
        # A hair less, in case the product is rounded up.
        least_shared = math.ceil(threshold * size - 1e-9)
        # The shingles of its own come first, since they are the rarest.
        prefix_length = max(0, size - least_shared + 1 - (size - len(shared)))
        prefix = shared[:prefix_length]
        tokens = set(shared)
        for candidate in {other[0]: other for token in prefix for other in prefixes[token]}.values():
            if candidate[1] >= least_shared and not links.are_linked(name, candidate[0]):
                if jaccard(tokens, size, candidate) >= threshold:
                    links.link(name, candidate[0])
        for token in prefix:
            prefixes[token].append(entry)
    return links.groups()


def jaccard(tokens, size, other):
    _, other_size, other_tokens = other
    both = len(tokens.intersection(other_tokens))
    return both / (size + other_size - both)


class RarestFirst:
    """The order of shingles by the number of documents that have them."""

    def __init__(self, sets):
        self.counters = array("I", bytes(4 * COUNTERS))
        for tokens in sets:
            for token in tokens:
                self.counters[token % COUNTERS] += 1

    def sort_shared(self, tokens):
        """The shingles that other documents may have too."""
        counters = self.counters
        shared = [(counters[token % COUNTERS], token) for token in tokens if counters[token % COUNTERS] > 1]
        return array("q", (token for _, token in sorted(shared)))
