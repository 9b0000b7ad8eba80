"""Transactions while a cluster changes, with every kind of client; on a cluster only."""

import itertools
import unittest

from connections import CLUSTER, ScopeTest, load_only_kinds, port, with_each_kind
from redis.cluster import RedisCluster
from simile import Text

#: Tells apart the scopes that tests move, since a slot that has moved stays there.
NUMBERS = itertools.count()


class Changes(ScopeTest):
    def setUp(self):
        super().setUp()
        self.nodes = RedisCluster(host="127.0.0.1", port=port())
        self.addCleanup(self.nodes.close)

    def run_transaction(self, scope):
        batch = scope.pipeline(transaction=True)
        return batch.record("one", Text("i", "x")).count("i", "one").execute()[1]

    def test_a_slot_that_has_moved_is_found(self):
        if (self.kind.library, self.kind.protocol) == ("valkey", 3):
            self.skipTest("valkey-py 6.2 itself takes MOVED for any error in RESP3, without libvalkey")
        scope = self.open("moved:{%s %d}" % (self.kind.name, next(NUMBERS)))
        self.assertEqual(self.run_transaction(scope), [1])
        scope.drop()
        slot = self.nodes.keyslot(scope.name)
        owner = self.nodes.get_node_from_key(scope.name)
        target = next(node for node in self.nodes.get_primaries() if node != owner)
        identity = self.nodes.execute_command("CLUSTER MYID", target_nodes=target)
        for node in [target, owner, *self.nodes.get_primaries()]:
            self.nodes.execute_command("CLUSTER SETSLOT", slot, "NODE", identity, target_nodes=node)
        self.assertEqual(self.run_transaction(scope), [1])
        scope.drop()

    def test_a_connection_that_broke_is_made_again(self):
        self.assertEqual(self.run_transaction(self.scope), [1])
        for node in self.nodes.get_primaries():
            self.nodes.execute_command("CLIENT KILL TYPE normal SKIPME yes", target_nodes=node)
        self.assertEqual(self.run_transaction(self.scope), [2])

    def test_a_transaction_is_in_one_slot(self):
        other = self.open("{elsewhere}")
        batch = self.scope.pipeline(transaction=True).info().add(other.commands.info())
        with self.assertRaisesRegex(ValueError, "must be in one slot"):
            batch.execute()
        both = self.scope.pipeline().info().add(other.commands.info())
        self.assertEqual(both.execute(), [None, None])


if CLUSTER:
    with_each_kind(globals(), Changes)


def load_tests(loader: unittest.TestLoader, *_: object) -> unittest.TestSuite:
    return load_only_kinds(globals(), loader)
