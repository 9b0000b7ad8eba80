"""Reading documents, and their shingles: the same for every tool that is written in Python."""

import json
import re

THRESHOLD = 0.8
SHINGLE_WORDS = 3
# A word is a run of letters, digits and underscores.
WORD = re.compile(r"\w+")


def read(path):
    """The name and the shingles of each document in a file of JSON lines."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            document = json.loads(line)
            yield document["id"], shingles(document["text"])


def shingles(text):
    """The set of all runs of three words; all words if there are fewer."""
    words = WORD.findall(text.lower())
    if len(words) < SHINGLE_WORDS:
        return {" ".join(words)} if words else set()
    return set(map(" ".join, zip(*(words[first:] for first in range(SHINGLE_WORDS)))))
