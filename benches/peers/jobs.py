#!/usr/bin/env python3
"""One job of a tool that is written in Python: from a file of texts to groups, as JSON lines.

    benches/peers/jobs.py JOB documents.jsonl [PORT] >groups.jsonl

JOB is `exact`, `datasketch-128`, `datasketch-256`, `datasketch-redis-128` (which needs the port of a server),
`rensa-128` or `rensa-256`; the number is that of hash slots.

MinHashLSH finds candidates, and each is verified by the similarity that the two signatures estimate, unless the
groups link the two already. All signatures have bands of eight slots. With 128 slots these are 16 bands, in which
two texts of similarity 0.8 meet with a probability of 0.95: the recall that THRESHOLD asks for, too.
"""

import json
import sys

import documents
from documents import THRESHOLD
from groups import UnionFind

ROWS = 8


def main():
    job, path, *port = sys.argv[1:]
    tool, _, slots = job.rpartition("-")
    if job == "exact":
        import exact

        groups = exact.groups(documents.read(path), THRESHOLD)
    elif tool == "datasketch":
        groups = datasketch_groups(path, int(slots))
    elif tool == "datasketch-redis":
        groups = datasketch_groups(path, int(slots), int(port[0]))
    elif tool == "rensa":
        groups = rensa_groups(path, int(slots))
    else:
        sys.exit(f"there is no job {job}")
    for group in groups:
        print(json.dumps({"items": group}))


def datasketch_groups(path, slots, port=None):
    from datasketch import MinHash, MinHashLSH

    names = []

    def encoded_shingles():
        for name, shingles in documents.read(path):
            if shingles:
                names.append(name)
                yield [shingle.encode() for shingle in shingles]

    signatures = MinHash.bulk(encoded_shingles(), num_perm=slots)
    bands = (slots // ROWS, ROWS)
    if port is None:
        index = MinHashLSH(num_perm=slots, params=bands)
        for number, signature in enumerate(signatures):
            index.insert(number, signature, check_duplication=False)
    else:
        storage = {"type": "redis", "basename": b"peer", "redis": {"host": "127.0.0.1", "port": port}}
        index = MinHashLSH(num_perm=slots, params=bands, storage_config=storage)
        with index.insertion_session() as session:
            for number, signature in enumerate(signatures):
                session.insert(number, signature, check_duplication=False)
    return link(names, signatures, index.query)


def rensa_groups(path, slots):
    from rensa import RMinHash, RMinHashLSH

    names = []

    def shingle_sets():
        for name, shingles in documents.read(path):
            if shingles:
                names.append(name)
                yield shingles

    signatures = RMinHash.from_token_sets(shingle_sets(), num_perm=slots, seed=42)
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=slots, num_bands=slots // ROWS)
    index.insert_many(signatures)
    return link(names, signatures, index.query)


def link(names, signatures, query):
    """Links each document with the verified candidates that a query for its signature gives."""
    links = UnionFind(range(len(names)))
    for number, signature in enumerate(signatures):
        for candidate in query(signature):
            if candidate < number and not links.are_linked(number, candidate):
                if signature.jaccard(signatures[candidate]) >= THRESHOLD:
                    links.link(number, candidate)
    return [[names[number] for number in group] for group in links.groups()]


if __name__ == "__main__":
    main()
