#!/usr/bin/env python3
"""Searches split scopes on three nodes of a cluster, by the number of parts; a part of `make bench-growth`.

    benches/fan_out.py MODULE [--quick] [--output FILE]

One client calls the methods of SplitScope one after the other. The results go to target/growth-fan-out.json, of which
benches/scaling.py makes a section of docs/scaling.md; --quick does less, and writes to target/growth-fan-out-quick.json.
Needs redis-server on PATH, and the packages redis and simile on PYTHONPATH.
"""

import argparse
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import ConnectionError
from simile import Observation, Scope, Signature, SplitScope

import report

NODES = 3
BANDS = 16
SLOTS = 16_384
# 0 is a scope that is not split.
PARTS = [0, 1, 2, 4, 8, 16, 32, 64]
INDEX = "index"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    items, calls = (1_000, 50) if arguments.quick else (10_000, 500)
    default = "growth-fan-out-quick.json" if arguments.quick else "growth-fan-out.json"
    with tempfile.TemporaryDirectory() as directory:
        cluster = Cluster(arguments.module.resolve(), Path(directory))
        try:
            rows = [measure(cluster, parts, items, calls) for parts in PARTS]
        finally:
            cluster.stop()
    results = {"nodes": NODES, "items": items, "calls": calls, "bands": BANDS, "rows": rows}
    output = arguments.output or report.ROOT / "target" / default
    output.write_text(json.dumps(results, indent=2) + "\n")
    print(f"done; the results are in {output}", file=sys.stderr)


class Cluster:
    """Three servers that are a cluster, and a client of it."""

    def __init__(self, module, directory):
        self.processes, self.nodes = [], []
        for number in range(NODES):
            self.start_node(module, directory / str(number))
        for number, node in enumerate(self.nodes):
            first, last = SLOTS * number // NODES, SLOTS * (number + 1) // NODES - 1
            node.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
            node.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        bus = self.nodes[0].config_get("cluster-port")["cluster-port"]
        for node in self.nodes[1:]:
            node.execute_command("CLUSTER MEET", "127.0.0.1", self.nodes[0].get_connection_kwargs()["port"], bus)
        wait_until(lambda: all(self.knows_all(node) for node in self.nodes))
        self.client = RedisCluster(host="127.0.0.1", port=self.nodes[0].get_connection_kwargs()["port"])

    def start_node(self, module, directory):
        directory.mkdir()
        port, bus = free_port(), free_port()
        options = f"--port {port} --cluster-port {bus} --cluster-enabled yes --save --appendonly no --bind 127.0.0.1"
        command = ["redis-server", *options.split(), "--dir", str(directory), "--loadmodule", str(module)]
        self.processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        self.nodes.append(Redis(port=port))
        wait_until(lambda: answers(self.nodes[-1]))

    def knows_all(self, node):
        state = node.execute_command("CLUSTER INFO")
        return state["cluster_state"] == "ok" and state["cluster_known_nodes"] == str(NODES)

    def commands(self):
        """Calls of the module's commands on all nodes since the servers started, and their microseconds."""
        lines = [
            line
            for node in self.nodes
            for name, line in node.info("commandstats").items()
            if name.lower().startswith("cmdstat_sim.")
        ]
        return sum(line["calls"] for line in lines), sum(line["usec"] for line in lines)

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(node):
    try:
        return node.ping()
    except ConnectionError:
        return False


def wait_until(fact):
    deadline = time.monotonic() + 30
    while not fact():
        if time.monotonic() > deadline:
            sys.exit("the cluster did not start")
        time.sleep(0.02)


def measure(cluster, parts, items, calls):
    """The costs of the methods of a scope of this number of parts, of which 0 is not split."""
    title = f"{parts} parts" if parts else "not split"
    print(f"fan-out: {title}", file=sys.stderr)
    name = f"events-{parts}"
    scope = SplitScope(cluster.client, name, parts) if parts else Scope(cluster.client, name)
    scope.create(bands=BANDS, rows=2, interval=0)
    stream = Stream(items)
    scope.record_many(Observation(stream.name(n), stream.observation(n, n)) for n in range(items))
    numbers = random.Random(parts)
    draws = iter(range(items, items + 10 * calls))

    def known(_):
        return numbers.randrange(items)

    def unseen(_=None):
        return stream.observation(known(0), next(draws))

    # What makes the arguments of a call, before its time begins, and the call.
    methods = {
        "record": (unseen, lambda n, seen: scope.record(stream.name(items + n), seen)),
        "compare": (known, lambda _, item: scope.compare(stream.name(item), INDEX, score="OVERLAP")),
        "classify": (unseen, lambda _, seen: scope.classify(seen, score="OVERLAP")),
        "assign": (unseen, lambda n, seen: scope.assign(f"assigned-{n}", seen, min_score=0.5, score="OVERLAP")),
    }
    row = {"parts": parts, **{method: times(cluster, *both, calls) for method, both in methods.items()}}
    scope.drop()
    return row


def times(cluster, prepare, call, calls):
    """Microseconds that the client waits, and the commands and the microseconds of the nodes, for each call."""
    for number in range(calls // 10):  # so that connections and caches are warm
        call(calls + number, prepare(number))
    commands, busy = cluster.commands()
    waits = []
    for number in range(calls):
        argument = prepare(number)
        start = time.perf_counter()
        call(number, argument)
        waits.append((time.perf_counter() - start) * 1e6)
    commands_after, busy_after = cluster.commands()
    waits.sort()
    return {
        "p50": waits[calls // 2],
        "p99": waits[calls * 99 // 100],
        "commands": (commands_after - commands) / calls,
        "nodes": (busy_after - busy) / calls,
    }


class Stream:
    """Observations as those of benches/server/growth/stream.rs: one item of four founds a group, others join one."""

    def __init__(self, items):
        self.numbers = random.Random(1)
        self.founders = [n if n % 4 == 0 else 4 * self.numbers.randrange(n // 4 + 1) for n in range(items)]

    def name(self, n):
        return f"item-{n}"

    def observation(self, item, draw):
        """What an item of the group of `item` looks like. Each draw gives another."""
        group, own = random.Random(f"group {self.founders[item]}"), random.Random(f"own {draw}")
        shared = [group.randbytes(8) for _ in range(BANDS)]
        return Signature(INDEX, [bucket if own.randrange(4) else own.randbytes(8) for bucket in shared])


if __name__ == "__main__":
    main()
