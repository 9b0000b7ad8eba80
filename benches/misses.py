#!/usr/bin/env python3
"""Counts the cache lines that a COMPARE reads, under valgrind; a part of `make bench`.

    benches/misses.py [--output FILE]

Two caches are simulated: one of the size of a processor's first level, and one that holds all that a COMPARE touches.
Before each COMPARE both are filled with something else, so that the second one misses each cache line exactly once. With
the data laid out as they are, that is the least; if the first level misses as often, no line is read twice. The results
go to target/bench-misses.json, of which report.py makes a table. Needs valgrind and cargo.
"""

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROWS = [("compare-8", 8), ("compare-16", 16)]
COUNTED = "server::misses::counted_compare"
# Size, ways, line: the first level of a present processor, and eight mebibytes.
CACHES = ["--D1=49152,12,64", "--LL=8388608,16,64"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "target/bench-misses.json")
    output = parser.parse_args().output
    program = built()
    rows = [counts(program, name, bands) for name, bands in ROWS]
    output.write_text(json.dumps(rows, indent=1) + "\n")
    for row in rows:
        print(f"{row['name']}: {row['lines']:.0f} cache lines a COMPARE, {row['misses']:.0f} misses of the first level")


def built():
    """Builds the program whose COMPAREs are counted, and returns its path."""
    build = ["cargo", "bench", "--quiet", "--bench", "server", "--no-run", "--message-format", "json"]
    messages = subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    programs = [json.loads(line).get("executable") for line in messages.splitlines()]
    return next(program for program in programs if program)


def counts(program, name, bands):
    """What one COMPARE takes on average."""
    with tempfile.TemporaryDirectory() as directory:
        counted = Path(directory) / "callgrind.out"
        valgrind = ["valgrind", "--quiet", "--tool=callgrind", "--cache-sim=yes", *CACHES]
        only = [f"--toggle-collect={COUNTED}*", f"--callgrind-out-file={counted}"]
        run = [*valgrind, *only, program, "--bench", "--misses", str(bands)]
        compares, found = map(int, subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout.split())
        text = counted.read_text()
    events = re.search(r"^events: (.*)$", text, re.MULTILINE)[1].split()
    totals = re.search(r"^(?:totals|summary): (.*)$", text, re.MULTILINE)[1].split()
    one = {event: int(total) / compares for event, total in zip(events, totals)}
    return {
        "name": name,
        "found": found / compares,
        "instructions": one["Ir"],
        "accesses": one["Dr"] + one["Dw"],
        "lines": one["DLmr"] + one["DLmw"],
        "misses": one["D1mr"] + one["D1mw"],
    }


if __name__ == "__main__":
    main()
