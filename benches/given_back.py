#!/usr/bin/env python3
"""Fills a scope and a set, deletes nine tenths of each, fills them again: docs/benchmarks-given-back.svg.

    benches/given_back.py MODULE [ITEMS [docs]]

The memory is the growth of `used_memory`. The set has as many members as the scope has items, with the same names, and
goes through the same steps in a server of its own. Needs only Python and the redis-server on PATH.
"""

import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report

BANDS = 16
STEP = 10_000


class Server:
    """A server in a directory of its own, and a connection to it."""

    def __init__(self, *options):
        self.directory = tempfile.TemporaryDirectory()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = ["redis-server", "--port", str(port), "--save", "", "--dir", self.directory.name, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.socket = self.connect(port)
        self.replies = self.socket.makefile("rb")

    def connect(self, port):
        while self.process.poll() is None:
            try:
                return socket.create_connection(("127.0.0.1", port))
            except ConnectionRefusedError:
                time.sleep(0.05)
        sys.exit("the server did not start")

    def send(self, commands):
        """Sends commands in batches, and skips their replies; an error ends the program."""
        for first in range(0, len(commands), 500):
            batch = commands[first : first + 500]
            self.socket.sendall(b"".join(map(encode, batch)))
            for _ in batch:
                self.skip_reply()

    def skip_reply(self):
        line = self.replies.readline()
        if line[:1] == b"-":
            sys.exit(line.decode())
        if line[:1] == b"*":
            for _ in range(int(line[1:])):
                self.skip_reply()

    def used_memory(self):
        self.socket.sendall(encode([b"INFO", b"memory"]))
        text = self.replies.read(int(self.replies.readline()[1:]) + 2).decode()
        return int(text.split("used_memory:")[1].split()[0])

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()


def encode(words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def record(item, numbers):
    buckets = [numbers.randbytes(8) for _ in range(BANDS)]
    return [b"SIM.RECORD", b"scope", item, b"SIGNATURE", b"index", b"%d" % BANDS, *buckets]


def steps(items):
    """For each step, the names that are added and those that are deleted."""
    numbers = random.Random(7)
    filled = [b"item:%d" % number for number in range(items)]
    again = [b"again:%d" % number for number in range(items * 9 // 10)]
    deleted = filled[:]
    numbers.shuffle(deleted)
    for names, is_added in ((filled, True), (deleted[: len(again)], False), (again, True)):
        for first in range(0, len(names), STEP):
            part = names[first : first + STEP]
            yield (part, []) if is_added else ([], part)


def growth(server, items, create, add, delete):
    """Points of items that were added or deleted so far, and bytes."""
    server.send(create)
    before, points, done = server.used_memory(), [], 0
    for added, deleted in steps(items):
        server.send([add(item) for item in added] + [delete(item) for item in deleted])
        done += len(added) + len(deleted)
        points.append((done, max(server.used_memory() - before, 1)))
    server.stop()
    return points


def main():
    module, items, docs = [*sys.argv[1:], *["", "300000", report.ROOT / "docs"][len(sys.argv) - 1 :]]
    items, numbers = int(items), random.Random(1)
    scope = growth(
        Server("--loadmodule", str(Path(module).resolve())),
        items,
        [[b"SIM.CREATE", b"scope", b"BANDS", b"%d" % BANDS, b"ROWS", b"1", b"INTERVAL", b"0"]],
        lambda item: record(item, numbers),
        lambda item: [b"SIM.DELETE", b"scope", b"index", item],
    )
    members = growth(
        Server(), items, [], lambda item: [b"SADD", b"set", item], lambda item: [b"SREM", b"set", item]
    )
    picture = report.plot(
        f"Memory while {items:,} items are added, 90 % deleted, and others added",
        "items added or deleted so far",
        lambda byte: f"{byte / 1e6:,.0f} MB",
        [(f"a scope, {BANDS} bands", "module", scope), ("a set", "lua", members)],
        report.LinearAxis,
    )
    (Path(docs) / "benchmarks-given-back.svg").write_text(picture)
    full, least, last = ([points[at][1] for points in (scope, members)] for at in at_ends(scope, items))
    for name, number in (("scope", 0), ("set", 1)):
        print(
            f"{name}: full {full[number] / 1e6:.1f} MB, a tenth left {least[number] / 1e6:.1f} MB, "
            f"full again {last[number] / 1e6:.1f} MB"
        )


def at_ends(points, items):
    """The numbers of the points at the end of each phase."""
    ends = [items, items + items * 9 // 10, items + 2 * (items * 9 // 10)]
    return [next(number for number, (done, _) in enumerate(points) if done >= end) for end in ends]


if __name__ == "__main__":
    main()
