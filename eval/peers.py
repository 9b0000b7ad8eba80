#!/usr/bin/env python3
"""Finds the pairs above a threshold with datasketch and rensa, which `make eval` compares with THRESHOLD.

    PYTHONPATH=target/eval/python eval/peers.py <sets.json >pairs.json

Reads the threshold and a list of sets of numbers. Writes for each tool its name and the pairs of sets, by their places in
the list, whose signatures share a band and estimate a similarity of at least the threshold.
"""

import json
import sys
from importlib.metadata import version

from datasketch import MinHash, MinHashLSH
from rensa import RMinHash, RMinHashLSH


def main():
    task = json.load(sys.stdin)
    threshold, sets = task["threshold"], task["sets"]
    tools = []
    for slots in (128, 256):
        signatures = list(MinHash.bulk([[b"%d" % feature for feature in s] for s in sets], num_perm=slots))
        index = MinHashLSH(threshold=threshold, num_perm=slots)
        for number, signature in enumerate(signatures):
            index.insert(number, signature)
        tools.append(verified("datasketch", slots, signatures, index, threshold))
    for slots in (128, 256):
        signatures = [RMinHash(num_perm=slots, seed=42) for _ in sets]
        for signature, s in zip(signatures, sets):
            signature.update([str(feature) for feature in s])
        index = RMinHashLSH(threshold=threshold, num_perm=slots, num_bands=slots // rows(threshold, slots))
        for number, signature in enumerate(signatures):
            index.insert(number, signature)
        tools.append(verified("rensa", slots, signatures, index, threshold))
    json.dump(tools, sys.stdout)


def rows(threshold, slots):
    """The most rows with which two sets at the threshold meet with a probability of nine in ten."""
    choices = (rows for rows in (1, 2, 4, 8, 16, 32) if 1 - (1 - threshold**rows) ** (slots // rows) >= 0.9)
    return max(choices)


def verified(name, slots, signatures, index, threshold):
    pairs = []
    for number, signature in enumerate(signatures):
        for candidate in index.query(signature):
            if candidate < number and signature.jaccard(signatures[candidate]) >= threshold:
                pairs.append((candidate, number))
    return {"tool": f"{name} {version(name)}, {slots} slots", "pairs": pairs}


if __name__ == "__main__":
    main()
