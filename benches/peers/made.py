#!/usr/bin/env python3
"""Made documents: texts, copies and near copies of them, and passages that many of them share.

    benches/peers/made.py COUNT SEED >documents.jsonl

The same seed gives the same documents on every machine and in every version of Python. So everything is drawn by
random(), the only method of Python's generator whose numbers never change, and computed by operations that IEEE 754
defines to the last bit: powers are not among them.
"""

import json
import math
import random
import sys
from bisect import bisect
from itertools import accumulate

from documents import SHINGLE_WORDS

VOCABULARY = 20_000
# A document has 20 to 200 words, 80 on average.
FEWEST_WORDS, MOST_WORDS = 20, 200
# The part of the documents that are made from an earlier one, and about how similar they are to it.
DERIVED = 0.4
SIMILARITIES = [1.0, 1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5]
# Notices that documents of their own begin or end with.
NOTICES, NOTICE_WORDS, WITH_NOTICE = 100, 12, 0.3


def main():
    count, seed = (int(argument) for argument in sys.argv[1:])
    for name, text in documents(count, seed):
        print(json.dumps({"id": name, "text": text}))


def documents(count, seed):
    """The names and texts of `count` documents."""
    maker = Maker(seed)
    originals = []
    for number in range(count):
        if originals and maker.draw() < DERIVED:
            # The earliest originals are the most popular.
            fraction = maker.draw()
            original = originals[int(len(originals) * fraction * math.sqrt(fraction))]
            words = maker.derive(original, maker.pick(SIMILARITIES))
        else:
            words = maker.original()
            originals.append(words)
        yield f"doc:{number}", " ".join(words)


class Maker:
    def __init__(self, seed):
        self.draw = random.Random(seed).random
        self.vocabulary = [self.new_word() for _ in range(VOCABULARY)]
        self.frequencies = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
        self.notices = [self.words(NOTICE_WORDS) for _ in range(NOTICES)]

    def pick(self, choices):
        return choices[int(self.draw() * len(choices))]

    def new_word(self):
        syllables = 2 + int(self.draw() * 3)
        return "".join(self.pick("bdfgklmnprstvz") + self.pick("aeiou") for _ in range(syllables))

    def words(self, count):
        """Words of the vocabulary, by Zipf's law: the n-th word is n times rarer than the first."""
        total = self.frequencies[-1]
        return [self.vocabulary[bisect(self.frequencies, total * self.draw())] for _ in range(count)]

    def original(self):
        fraction = self.draw()
        words = self.words(FEWEST_WORDS + int((MOST_WORDS - FEWEST_WORDS + 1) * fraction * fraction))
        if self.draw() < WITH_NOTICE:
            words = self.pick(self.notices) + words
        if self.draw() < WITH_NOTICE:
            words = words + self.pick(self.notices)
        return words

    def derive(self, original, similarity):
        """The original with other words in some places: in one run, or scattered.

        If d of n shingles differ, the similarity is (n - d) / (n + d).
        """
        different = len(original) * (1 - similarity) / (1 + similarity)
        words = list(original)
        if self.draw() < 0.5:
            # A run of k words is in k + SHINGLE_WORDS - 1 shingles.
            run = max(0, round(different) - SHINGLE_WORDS + 1)
            begin = int(self.draw() * (len(words) - run + 1))
            words[begin : begin + run] = self.words(run)
        else:
            # A single word is in SHINGLE_WORDS shingles.
            for _ in range(round(different / SHINGLE_WORDS)):
                words[int(self.draw() * len(words))] = self.words(1)[0]
        return words


if __name__ == "__main__":
    main()
