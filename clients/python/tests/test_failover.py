"""A split scope on a cluster of which a node is killed, and its replica promoted; on a cluster with replicas only."""

import os
import random
import signal
import unittest

from connections import CLUSTER, Kind, load_only_kinds, port
from histories import History
from redis import Redis
from redis.cluster import RedisCluster
from simile import Text
from test_split import SplitTest, server_time
from waiting import wait_until


class Failover(SplitTest):
    """Kills a node for each kind of client, so there may be as many kinds as primaries."""

    def attempt(self, method, *args, **kwargs):
        """Calls a method, which does no harm if it is called again, until it succeeds."""
        results = []

        def succeeds():
            try:
                results.append(method(*args, **kwargs))
            except self.temporary:
                self.interrupted += 1
            return results

        wait_until("a call succeeds", succeeds)
        return results[0]

    def primary_with_replica(self):
        """The port of a primary that has parts of the split scope, and a replica that has all of its data."""
        with RedisCluster(host="127.0.0.1", port=port()) as nodes:
            ports = {nodes.get_node_from_key(scope.name).port for scope in self.split.scopes()}
        for number in sorted(ports):
            with Redis(port=number) as node:
                if node.info("replication")["connected_slaves"]:
                    return number
        self.fail("no primary has a replica")

    def kill(self, number):
        """Kills a node, whose replica has got all that was written before."""

        def has_caught_up():
            replication = node.info("replication")
            return replication["slave0"]["offset"] == replication["master_repl_offset"]

        with Redis(port=number) as node:
            wait_until("the replica has caught up", has_caught_up)
            os.kill(node.info("server")["process_id"], signal.SIGKILL)

    def test_it_goes_on_as_one_scope_when_a_replica_is_promoted(self):
        exceptions = self.kind.exceptions
        # What a client raises while a node is gone, after its own attempts. ResponseError: of the cluster being down.
        self.temporary = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.ResponseError)
        self.temporary += (getattr(exceptions, "RedisClusterException", exceptions.ConnectionError),)
        self.temporary += (getattr(exceptions, "ValkeyClusterException", exceptions.ConnectionError),)
        self.interrupted = 0
        history = History(self, self.scope, self.split, server_time(), seed=9, sketch=0)
        history.go_on(60)
        number = self.primary_with_replica()
        with RedisCluster(host="127.0.0.1", port=port()) as nodes:
            lost = {n for n, scope in enumerate(self.split.scopes()) if nodes.get_node_from_key(scope.name).port == number}
        self.kill(number)

        # While nobody serves these parts: a merge out of and into them is repeated, and a search asks them all.
        draw = random.Random(3)
        inside = [item for item in history.items if self.split.steps.part_of(item) in lost]
        outside = [item for item in history.items if item not in inside]
        for sources, destinations in ((inside, outside), (outside, inside)):
            source, destination = draw.choice(sources), draw.choice(destinations)
            self.attempt(self.split.merge, destination, ("*", source))
            self.attempt(self.scope.merge, destination, ("*", source))
        query = Text("i", history.text())
        whole = self.attempt(self.scope.classify, query, limit=0, with_counts=True)
        history.same(whole, self.attempt(self.split.classify, query, limit=0, with_counts=True))

        # Each client has found the new primary, since it has reached every part.
        history.go_on(60)
        history.end()
        self.assertGreater(history.compared["merge"], 5)


if CLUSTER:
    for kind in (Kind("redis", False, 2, False), Kind("redis", True, 3, False), Kind("valkey", False, 3, True)):
        name = f"FailoverWith{kind.name}"
        globals()[name] = type(name, (Failover,), {"kind": kind, "__module__": __name__})


def load_tests(loader: unittest.TestLoader, *_: object) -> unittest.TestSuite:
    return load_only_kinds(globals(), loader)
