#!/usr/bin/env python3
"""Inserts items into datasketch's MinHashLSH on the Redis under measurement; `make bench BENCH_PEERS=1`.

    benches/peers.py PORT BANDS ITEMS

Every item has buckets of its own. Prints what it did as a line of JSON; the benchmark itself reads off
the server what that cost. datasketch is installed from PyPI into target/peers, once.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ENVIRONMENT = Path(__file__).resolve().parent.parent / "target/peers"
PACKAGES = ["datasketch==2.0.0", "redis"]


def main():
    python = ENVIRONMENT / "bin/python"
    if Path(sys.prefix) != ENVIRONMENT:
        if not (ENVIRONMENT / "installed").exists():
            install(python)
        os.execv(python, [str(python), *sys.argv])
    port, bands, items = (int(argument) for argument in sys.argv[1:])
    print(json.dumps(insert(port, bands, items)))


def install(python):
    subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True, stdout=sys.stderr)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True, stdout=sys.stderr)
    (ENVIRONMENT / "installed").touch()


def insert(port, bands, items):
    import datasketch
    import numpy

    rows = 2
    storage = {"type": "redis", "basename": b"peer", "redis": {"host": "127.0.0.1", "port": port}}
    index = datasketch.MinHashLSH(num_perm=bands * rows, params=(bands, rows), storage_config=storage)
    random = numpy.random.default_rng(8)
    slots = random.integers(0, 2**32, size=(items, bands * rows), dtype=numpy.uint64)
    # Any scheme will do: an index only compares for equality.
    signatures = [datasketch.MinHash(num_perm=bands * rows, hashvalues=row, scheme="legacy") for row in slots]
    start = time.perf_counter()
    for number, signature in enumerate(signatures):
        index.insert(f"i{number:09}", signature)
    return {"name": f"datasketch {datasketch.__version__}", "seconds": time.perf_counter() - start}


if __name__ == "__main__":
    main()
