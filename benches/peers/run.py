#!/usr/bin/env python3
"""Finds the near-duplicates of sets of texts by this module and by others; `make bench-peers`.

    benches/peers/run.py [--quick] [--documents COUNT] [--output FILE]

Every tool does the whole job, from a file of texts to groups, in processes of its own. Its groups are compared
with the exact ones. The results go to target/bench-peers.json, of which benches/report.py makes a part of
docs/benchmarks.md; --quick makes a tenth of the documents, and writes to target/bench-peers-quick.json.

The environment variable DATA names the directory that has license_rules.jsonl.zst.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import groups
import measure
from documents import SHINGLE_WORDS, THRESHOLD
from measure import Cost

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "release"
SEED = 1

CREATE = f"THRESHOLD {THRESHOLD} INTERVAL 0 SHINGLE WORDS {SHINGLE_WORDS} LOWERCASE yes"


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as directory:
        sets = [
            measure_set(name, documents, Path(directory))
            for name, documents in document_sets(arguments.documents, Path(directory))
        ]
        # Last, because it makes this process large: see measure.Process.
        for document_set in sets:
            judge(document_set, Path(directory))
    results = {
        "sets": sets,
        "threshold": THRESHOLD,
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "revision": revision(),
    }
    arguments.output.write_text(json.dumps(results, indent=2) + "\n")
    progress(f"done; the results are in {arguments.output}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--documents", type=int, help="the number of documents to make")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    arguments.documents = arguments.documents or (20_000 if arguments.quick else 200_000)
    name = "bench-peers-quick.json" if arguments.quick else "bench-peers.json"
    arguments.output = arguments.output or ROOT / "target" / name
    return arguments


def revision():
    command = ["git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def progress(message):
    print(message, file=sys.stderr, flush=True)


# --- the sets ---


def document_sets(made_count, directory):
    """The name of each set, and its file, which is uncompressed or made when it is asked for."""
    source = Path(os.environ.get("DATA", ROOT.parent / "shared/data")) / "license_rules.jsonl.zst"
    if source.exists():
        path = directory / "license_rules.jsonl"
        with open(path, "wb") as file:
            measure.run([sys.executable, HERE / "uncompress.py", source], file)
        yield "license_rules", path
    else:
        progress(f"license_rules is left out: {source} does not exist; DATA=directory says where it is")
    path = directory / "made.jsonl"
    with open(path, "w") as file:
        measure.run([sys.executable, HERE / "made.py", made_count, SEED], file)
    yield "made", path


# --- the jobs ---


def measure_set(name, documents, directory):
    """What each tool costs on a set. The groups are in files of the directory."""
    with open(documents, "rb") as lines:
        count = sum(1 for _ in lines)
    progress(f"{name}: {count:,} documents; the exact groups")
    python_job("exact")(documents, groups_file(directory, name, "exact"))
    tools = []
    for tool, job in JOBS.items():
        begin = time.perf_counter()
        client, server = job(documents, groups_file(directory, name, tool))
        cost = {
            "processor": client.processor + server.processor,
            "processor_of_server": server.processor,
            "memory": client.memory + server.memory,
            "wall": time.perf_counter() - begin,
        }
        progress(f"{name}: {tool}: {cost['processor']:.1f} s of processor time, {cost['wall']:.1f} s")
        tools.append({"tool": tool, **cost})
    return {"name": name, "documents": count, "tools": tools}


def groups_file(directory, name, tool):
    return directory / f"{name}, {tool}.jsonl"


def python_job(job, needs_server=False):
    """A job of jobs.py: a function that returns the costs of the client and the server."""

    def run(documents, output):
        command = [sys.executable, HERE / "jobs.py", job, documents]
        with open(output, "w") as file:
            if not needs_server:
                return measure.run(command, file), Cost()
            with measure.Server([]) as server:
                client = measure.run([*command, server.port], file)
        return client, server.cost

    return run


def simile_job(documents, output):
    """The job of this module: two clients, one after the other. Their memory is that of the larger one."""
    simile = RELEASE / "simile"
    with open(output, "w") as file, measure.Server(["--loadmodule", RELEASE / "libsimile.so"]) as server:
        url = ["--url", f"redis://127.0.0.1:{server.port}"]
        load = measure.run([simile, "load", "documents", documents, "--create", CREATE, *url])
        find = [simile, "groups", "documents", "--min-score", THRESHOLD, "--json", *url]
        grouping = measure.run(find, file)
    return Cost(load.processor + grouping.processor, max(load.memory, grouping.memory)), server.cost


JOBS = {
    "simile": simile_job,
    "rensa, 128 slots": python_job("rensa-128"),
    "rensa, 256 slots": python_job("rensa-256"),
    "datasketch, 128 slots": python_job("datasketch-128"),
    "datasketch, 256 slots": python_job("datasketch-256"),
    "datasketch on Redis, 128 slots": python_job("datasketch-redis-128", needs_server=True),
}


# --- the groups ---


def judge(document_set, directory):
    """Adds how good the groups of each tool are."""
    name = document_set["name"]
    exact = read_groups(groups_file(directory, name, "exact"))
    sizes = [len(group) for group in exact]
    document_set |= {"groups": len(sizes), "grouped": sum(sizes), "largest": max(sizes, default=0)}
    for tool in document_set["tools"]:
        found = read_groups(groups_file(directory, name, tool["tool"]))
        tool |= groups.agreement(found, exact)
        progress(f"{name}: {tool['tool']}: F1 {tool['f1']:.3f}")


def read_groups(path):
    with open(path) as lines:
        return [json.loads(line)["items"] for line in lines]


if __name__ == "__main__":
    main()
