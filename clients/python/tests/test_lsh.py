"""MinHashLSH over a scope does what datasketch's own does, in memory and on Redis."""

import os
import random
import subprocess
import sys
import unittest

import numpy as np
from connections import CLUSTER, Kind
from datasketch import LeanMinHash, MinHash, WeightedMinHashGenerator
from datasketch import MinHashLSH as Peer
from datasketch.lsh import _optimal_param
from simile import Scope, Signature, SplitScope
from simile.lsh import MinHashLSH, optimal_params
from waiting import wait_until


def minhashes(count, num_perm=128, seed=1):
    """MinHashes of random sets, some of which are similar, since each has most elements of one of a few centres."""
    draw = random.Random(seed)
    for _ in range(count):
        centre = draw.randrange(count // 4)
        minhash = MinHash(num_perm=num_perm)
        minhash.update_batch(
            [b"%d-%d" % (centre if draw.random() < 0.9 else draw.randrange(9), element) for element in range(40)]
        )
        yield minhash


class LshTest(unittest.TestCase):
    kind = Kind("redis", is_async=False, protocol=2, decodes=False)

    def setUp(self):
        self.client = self.kind.connect()
        self.addCleanup(self.client.close)
        self.names = 0

    def index(self, *args, client=None, name=None, **kwargs):
        """An index in a scope of its own."""
        self.names += 1
        name = name or f"lsh {self._testMethodName} {self.names}"
        lsh = MinHashLSH(self.scope(client or self.client, name), *args, **kwargs)
        self.addCleanup(lsh.scope.drop)
        return lsh

    def scope(self, client, name):
        return Scope(client, name)

    def peer_on_redis(self, **kwargs):
        """datasketch's index on the same server. It leaves keys behind, so it has a database of its own."""
        if CLUSTER:
            self.skipTest("datasketch does not support a cluster")
        other = self.kind.connect(db=1)
        self.addCleanup(other.close)
        self.addCleanup(other.flushdb)
        server = {"host": "127.0.0.1", "port": int(os.environ["PORT"]), "db": 1}
        return Peer(storage_config={"type": "redis", "basename": b"peer", "redis": server}, **kwargs)

    def assertFinds(self, lsh, peer, queries):
        found = 0
        for query in queries:
            keys = lsh.query(query)
            self.assertEqual(len(keys), len(set(keys)))
            self.assertEqual(set(keys), set(peer.query(query)))
            found += len(keys)
        return found


class SameAsDatasketch(LshTest):
    def test_the_parameters_are_those_that_datasketch_chooses(self):
        for num_perm in (4, 16, 100, 128):
            for threshold in (0, 0.1, 0.37, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1):
                for weights in ((0.5, 0.5), (0.1, 0.9), (0.9, 0.1)):
                    expected = _optimal_param(threshold, num_perm, *weights)
                    self.assertEqual(optimal_params(threshold, num_perm, weights), expected)
        self.assertEqual(optimal_params(0.98, 256), (3, 85))

    def test_random_sets_are_found_as_in_memory(self):
        for number, (threshold, num_perm) in enumerate([(0.5, 128), (0.8, 128), (0.98, 256), (0.3, 16), (0.3, 5)]):
            lsh, peer = self.index(threshold, num_perm), Peer(threshold, num_perm)
            self.assertEqual((lsh.b, lsh.r, lsh.h), (peer.b, peer.r, peer.h))
            for key, minhash in enumerate(minhashes(120, num_perm, number)):
                lsh.insert(key, minhash)
                peer.insert(key, minhash)
            queries = list(minhashes(120, num_perm, number))
            found = self.assertFinds(lsh, peer, queries)
            self.assertGreaterEqual(found, len(queries))
            self.assertEqual(lsh.get_counts(), [dict(counts) for counts in peer.get_counts()])
            subset = lsh.get_subset_counts(3, 5, 7, 5)
            self.assertEqual(subset, [dict(counts) for counts in peer.get_subset_counts(3, 5, 7, 5)])
            for key in range(0, 120, 2):
                lsh.remove(key)
                peer.remove(key)
            self.assertFinds(lsh, peer, queries)
            self.assertEqual([key in lsh for key in range(121)], [key in peer for key in range(121)])

    def test_random_histories_end_as_on_redis(self):
        options = {"threshold": 0.6, "num_perm": 64}
        lsh, peer = self.index(**options), self.peer_on_redis(**options)
        draw = random.Random(4)
        known = list(minhashes(60, 64))
        outcomes = {True: 0, False: 0}
        for _ in range(400):
            key, minhash = draw.randrange(60), draw.choice(known)
            act = draw.choice(["insert", "insert", "remove", "query"])
            results = []
            for index in (lsh, peer):
                try:
                    if act == "insert":
                        results.append(index.insert(key, minhash))
                    elif act == "remove":
                        results.append(index.remove(key))
                    else:
                        results.append((set(index.query(minhash)), key in index, index.is_empty()))
                except ValueError as error:
                    results.append(str(error))
            self.assertEqual(*results)
            outcomes[isinstance(results[0], str)] += 1
        self.assertGreater(min(outcomes.values()), 30)
        # The keys of its buckets are the same, but it has the key of a bucket that is empty.
        counts = [{bucket: count for bucket, count in band.items() if count} for band in peer.get_counts()]
        self.assertEqual(lsh.get_counts(), counts)

    def test_each_kind_of_minhash_will_do(self):
        lean = [LeanMinHash(minhash) for minhash in minhashes(40)]
        legacy = [MinHash(128, hashvalues=minhash.hashvalues, scheme="legacy") for minhash in minhashes(40)]
        wide = []
        for number in range(40):
            wide.append(MinHash(128, scheme="affine64"))
            wide[-1].update_batch([b"%d" % (number // 2 + n) for n in range(30)])
        generator = WeightedMinHashGenerator(20, sample_size=128, seed=1)
        draw = np.random.RandomState(1)
        base = draw.uniform(0, 9, 20)
        weighted = [generator.minhash(base + draw.uniform(0, n / 9, 20)) for n in range(40)]
        for sketches in (lean, legacy, wide, weighted):
            lsh, peer = self.index(0.7), Peer(0.7)
            for key, sketch in enumerate(sketches):
                lsh.insert(key, sketch)
                peer.insert(key, sketch)
            self.assertGreater(self.assertFinds(lsh, peer, sketches), 40)
            for query in sketches[:10]:
                for key, score in lsh.query_with_scores(query):
                    self.assertAlmostEqual(score, query.jaccard(sketches[key]), delta=0.03)

    def test_errors_are_those_of_datasketch(self):
        minhash, short = next(minhashes(9)), next(minhashes(9, 64))
        for wrong in (
            {"threshold": 1.1},
            {"num_perm": 1},
            {"weights": (0.7, 0.7)},
            {"weights": (1.5, -0.5)},
            {"params": (20, 20)},
            {"params": (1, 100)},
            {"threshold": 1.0, "num_perm": 2},
        ):
            for make in (Peer, self.index):
                with self.assertRaises(ValueError, msg=wrong):
                    make(**wrong)
        lsh, peer = self.index(), Peer()
        for index in (lsh, peer):
            index.insert("a", minhash)
        old = MinHash(hashvalues=minhash.hashvalues, scheme="legacy")
        for act in (
            lambda index: index.insert("a", minhash),
            lambda index: index.insert("b", short),
            lambda index: index.insert("b", old),
            lambda index: index.query(short),
            lambda index: index.query(old),
            lambda index: index.add_to_query_buffer(short),
            lambda index: index.remove("b"),
            lambda index: index.insertion_session().insert("a", minhash),
            lambda index: index.deletion_session().remove("b"),
        ):
            texts = set()
            for index in (lsh, peer):
                with self.assertRaises(ValueError) as raised:
                    act(index)
                texts.add(str(raised.exception))
            self.assertEqual(len(texts), 1, texts)
        with self.assertRaisesRegex(TypeError, "hashvalues"):
            lsh.query("a text")
        with self.assertRaisesRegex(ValueError, "1024"):
            self.index(num_perm=2048, params=(1025, 1))

    def test_the_query_buffer_gives_the_intersection(self):
        lsh, peer = self.index(0.2), Peer(0.2)
        known = list(minhashes(60))
        for key, minhash in enumerate(known):
            lsh.insert(key, minhash)
            peer.insert(key, minhash)
        sizes = set()
        for count in (0, 1, 2, 3):
            for start in range(0, 60, 7):
                for minhash in known[start : start + count]:
                    lsh.add_to_query_buffer(minhash)
                    peer.add_to_query_buffer(minhash)
                found = lsh.collect_query_buffer()
                self.assertEqual(set(found), set(peer.collect_query_buffer()))
                sizes.add(len(found) > 0)
        self.assertEqual(sizes, {True, False})

    def test_indexes_are_merged(self):
        known = list(minhashes(60))
        makers = [lambda: self.index(0.6), lambda: Peer(0.6)]
        pairs = [(make(), make()) for make in makers]
        for into, other in pairs:
            for key in range(40):
                into.insert(key, known[key])
            for key in range(30, 60):
                other.insert(key, known[key - 20])
            with self.assertRaisesRegex(ValueError, "overlapping"):
                into.merge(other, check_overlap=True)
            self.assertNotIn(50, into)
            into.merge(other)
            self.assertEqual(other.query(known[39]), other.query(known[39]))
        (lsh, _), (peer, _) = pairs
        self.assertFinds(lsh, peer, known)
        before = lsh.get_counts()
        self.assertEqual(before, [dict(counts) for counts in peer.get_counts()])
        # Once more: nothing changes.
        lsh.merge(pairs[0][1])
        self.assertEqual(lsh.get_counts(), before)
        self.assertFinds(lsh, peer, known)
        self.assertIn((59, 1.0), lsh.query_with_scores(known[39]))

        for other in (self.index(0.9), self.index(0.6, 64), self.index(0.6, ttl=60), Peer(0.6)):
            with self.assertRaisesRegex(ValueError, "Cannot merge"):
                lsh.merge(other)
        old = self.index(0.6)
        old.insert(1, MinHash(hashvalues=known[1].hashvalues, scheme="legacy"))
        with self.assertRaisesRegex(ValueError, "scheme"):
            lsh.merge(old)


class Keys(LshTest):
    def test_any_hashable_object_is_a_key(self):
        keys = ["a", b"a", 1, ("a", "a"), ("a", ("b", 2)), None, frozenset([1]), "Größe", b"\xff"]
        lsh = self.index(0.5)
        minhash = next(minhashes(9))
        for key in keys:
            lsh.insert(key, minhash)
        self.assertCountEqual(lsh.query(minhash), keys)
        # Equal, and not the same object: nothing is the same object twice, or once.
        same = "".join(["a"])
        self.assertIn((same, same), lsh)
        self.assertIn((same, "".join(["", "a"])), lsh)
        self.assertNotIn("b", lsh)

    def test_keys_without_pickle_are_bytes(self):
        lsh, peer = self.index(0.5, prepickle=False), None
        minhash = next(minhashes(9))
        lsh.insert(b"page-1", minhash)
        self.assertEqual(lsh.query(minhash), [b"page-1"])
        self.assertEqual(lsh.scope.count("minhash", "page-1"), [1])
        self.assertIn(b"page-1", lsh)
        for act in (lambda: lsh.insert("page-2", minhash), lambda: "page-1" in lsh, lambda: lsh.remove("page-1")):
            with self.assertRaisesRegex(TypeError, "bytes keys"):
                act()
        lsh.remove(b"page-1")
        self.assertTrue(lsh.is_empty())

    def test_the_client_may_decode(self):
        for library in ("redis", "valkey"):
            for protocol in (2, 3):
                client = Kind(library, is_async=False, protocol=protocol, decodes=True).connect()
                self.addCleanup(client.close)
                lsh = self.index(0.5, client=client)
                known = list(minhashes(8))
                for key, minhash in enumerate(known):
                    lsh.insert((key, b"\xff"), minhash)
                self.assertIn((3, b"\xff"), lsh.query(known[3]))
                self.assertEqual(dict(lsh.query_with_scores(known[3]))[3, b"\xff"], 1.0)
                lsh.remove((3, b"\xff"))
                self.assertFalse(lsh.is_empty())
                self.assertEqual(sum(lsh.get_counts()[0].values()), 7)


class Duplicates(LshTest):
    def test_a_key_is_inserted_once_unless_it_is_not_checked(self):
        lsh = self.index(0.5)
        one, other = list(minhashes(200))[::199]
        self.assertLess(one.jaccard(other), 0.1)
        lsh.insert("a", one)
        with self.assertRaisesRegex(ValueError, "already exists"):
            lsh.insert("a", other)
        self.assertEqual(lsh.query(other), [])
        lsh.insert("a", other, check_duplication=False)
        self.assertEqual(lsh.query(other), ["a"])
        self.assertEqual(lsh.query(one), ["a"])
        self.assertEqual(lsh.query_with_scores(one), [("a", 1.0)])
        lsh.remove("a")
        self.assertEqual((lsh.query(one), lsh.query(other)), ([], []))
        self.assertTrue(lsh.is_empty())


class Sessions(LshTest):
    def test_unchecked_insertions_are_sent_together(self):
        lsh = self.index(0.5)
        known = list(minhashes(50))
        with lsh.insertion_session(buffer_size=20) as session:
            for key, minhash in enumerate(known):
                session.insert(key, minhash, check_duplication=False)
                self.assertEqual(0 in lsh, key >= 19)
            self.assertNotIn(49, lsh)
            with self.assertRaisesRegex(ValueError, "already exists"):
                session.insert(49, known[0])  # in the buffer
            with self.assertRaisesRegex(ValueError, "already exists"):
                session.insert(0, known[0])  # on the server
            session.insert("checked", known[0])
            self.assertIn("checked", lsh)
        self.assertTrue(all(key in lsh for key in range(50)))

    def test_what_was_buffered_is_sent_if_the_session_fails(self):
        lsh = self.index(0.5)
        minhash = next(minhashes(9))
        with self.assertRaises(ZeroDivisionError):
            with lsh.insertion_session() as session:
                session.insert("a", minhash, check_duplication=False)
                1 / 0
        self.assertIn("a", lsh)

    def test_keys_are_removed_together(self):
        lsh = self.index(0.5)
        minhash = next(minhashes(9))
        for key in range(30):
            lsh.insert(key, minhash)
        with lsh.deletion_session(buffer_size=10) as session:
            for key in range(25):
                session.remove(key, check_existence=False)
                self.assertEqual(0 in lsh, key < 9)
            session.remove(29)
            self.assertNotIn(29, lsh)
            with self.assertRaisesRegex(ValueError, "does not exist"):
                session.remove(29)
            session.remove(29, check_existence=False)
        self.assertCountEqual(lsh.query(minhash), range(25, 29))
        self.assertEqual([sum(counts.values()) for counts in lsh.get_counts()], [4] * lsh.b)


class Scores(LshTest):
    def test_scores_are_the_similarities_that_the_minhashes_estimate(self):
        lsh = self.index(0.3, 256)
        known = list(minhashes(60, 256))
        for key, minhash in enumerate(known):
            lsh.insert(key, minhash)
        between = 0
        for query in known:
            found = lsh.query_with_scores(query)
            self.assertCountEqual([key for key, _ in found], lsh.query(query))
            self.assertEqual([score for _, score in found], sorted((score for _, score in found), reverse=True))
            for key, score in found:
                self.assertAlmostEqual(score, query.jaccard(known[key]), delta=0.02)
                between += 0.2 < score < 0.9
            self.assertEqual(lsh.query_with_scores(query, limit=2), found[:2])
            above = [(key, score) for key, score in found if score >= 0.5]
            self.assertEqual(lsh.query_with_scores(query, min_score=0.5), above)
        self.assertGreater(between, 30)

    def test_few_and_many_hash_values_are_scored(self):
        for num_perm, params in ((5, (5, 1)), (5000, (100, 50))):
            lsh = self.index(num_perm=num_perm, params=params)
            one, other = MinHash(num_perm), MinHash(num_perm)
            one.update_batch([b"%d" % n for n in range(1000)])
            other.update_batch([b"%d" % n for n in range(20, 1020)])
            lsh.insert("one", one)
            self.assertEqual(lsh.query_with_scores(one), [("one", 1.0)])
            ((_, score),) = lsh.query_with_scores(other)
            self.assertAlmostEqual(score, one.jaccard(other), delta=0.02)

    def test_shorter_buckets_find_the_same(self):
        import hashlib

        def shortened(bucket):
            return hashlib.sha1(bucket).digest()[:8]

        short, whole = self.index(0.5, hashfunc=shortened), self.index(0.5)
        known = list(minhashes(80))
        for key, minhash in enumerate(known):
            short.insert(key, minhash)
            whole.insert(key, minhash)
        self.assertFinds(short, whole, known)
        self.assertTrue(all(len(bucket) == 8 for bucket in short.get_counts()[0]))
        sizes = [index.scope.info().indexes[b"minhash"].bytes for index in (short, whole)]
        self.assertLess(*sizes)


class OverParts:
    """The same over a split scope."""

    def scope(self, client, name):
        return SplitScope(client, name, 3)


class SameAsDatasketchOverParts(OverParts, SameAsDatasketch):
    def test_an_index_of_one_scope_is_merged_into_one_of_many(self):
        parts, one = self.index(0.6), MinHashLSH(Scope(self.client, "one"), 0.6)
        self.addCleanup(one.scope.drop)
        known = list(minhashes(60))
        for key, minhash in enumerate(known):
            one.insert(key, minhash)
        parts.merge(one)
        self.assertFinds(parts, one, known)
        self.assertEqual(parts.get_counts(), one.get_counts())
        self.assertTrue(all(part.indexes[b"minhash"].items for part in parts.scope.info().parts))


class SessionsOverParts(OverParts, Sessions):
    pass


class ScoresOverParts(OverParts, Scores):
    pass


class Scopes(LshTest):
    def test_an_index_is_opened_again_with_the_same_parameters_only(self):
        lsh = self.index(0.8, ttl=100)
        name = lsh.scope.name
        minhash = next(minhashes(9))
        lsh.insert("a", minhash)
        again = self.index(params=(lsh.b, lsh.r), name=name, ttl=100)
        self.assertEqual(again.query(minhash), ["a"])
        for other in (
            {"threshold": 0.8},
            {"threshold": 0.8, "ttl": 10},
            {"threshold": 0.5, "ttl": 100},
            {"params": (lsh.b, lsh.r - 1), "ttl": 100},
            {"params": (lsh.b, lsh.r), "num_perm": 256, "ttl": 100},
        ):
            with self.assertRaisesRegex(ValueError, "exists with"):
                self.index(name=name, **other)
        other = self.index(0.8, ttl=100, name=name, index="titles")
        self.assertTrue(other.is_empty())
        other.insert("a", minhash)
        again.remove("a")
        self.assertTrue(again.is_empty())
        self.assertFalse(other.is_empty())

    def test_datasketch_is_not_imported(self):
        code = "import simile.lsh, sys; print(*{'datasketch', 'numpy', 'redis', 'valkey'}.intersection(sys.modules))"
        printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        self.assertEqual(printed, "\n")

    def test_buckets_are_the_same_on_every_machine(self):
        minhash = MinHash(4, hashvalues=[1, 2, 3, 0x01020304], scheme="affine32")
        lsh = self.index(num_perm=4, params=(2, 2))
        lsh.insert("a", minhash)
        ((first, second),) = [[*counts] for counts in zip(*lsh.get_counts())]
        self.assertEqual((first, second), (b"\0\0\0\1\0\0\0\2", b"\0\0\0\3\1\2\3\4"))
        # A sketch of 16 slots, each value four times. The bytes must never change.
        clause = Signature("minhash", [first, second], bytes.fromhex("9e3cdacc" * 4))
        self.assertEqual(lsh.scope.classify(clause, score="JACCARD")[0].score, 1.0)


class Expiry(LshTest):
    def time(self):
        """The server's, in seconds."""
        seconds, microseconds = self.client.time(target_nodes="random") if CLUSTER else self.client.time()
        return seconds + microseconds / 1e6

    def test_a_key_goes_after_its_ttl(self):
        lsh = self.index(0.5, ttl=2)
        minhash = next(minhashes(9))
        before = self.time()
        lsh.insert("a", minhash)
        after = self.time()
        # Each bound leaves out the time that a busy machine may take for a step.
        seen = asked = after
        while "a" in lsh:
            seen, asked = asked, self.time()
        self.assertGreaterEqual(self.time() - before, 2)
        self.assertLessEqual(seen - after, 3)
        self.assertEqual(lsh.query(minhash), [])
        self.assertEqual(lsh.query_with_scores(minhash), [])
        # The chunk's key goes within a moment of leaving the window.
        wait_until("the chunk is gone", lsh.is_empty)
        lsh.insert("a", minhash)  # a new key
        wait_until("the next chunk is gone", lambda: lsh.scope.info().indexes == {})

    def test_a_ttl_becomes_an_interval_and_a_retention(self):
        for ttl, interval, retention in ((1, 1, 1), (8, 1, 8), (9, 2, 5), (60, 8, 8), (86_400, 10_800, 8)):
            parameters = self.index(0.5, ttl=ttl).scope.info().parameters
            self.assertEqual((parameters["interval"], parameters["retention"]), (interval, retention), ttl)
            self.assertGreaterEqual(interval * retention, ttl)
        self.assertEqual(self.index(0.5).scope.info().parameters["interval"], 0)
        for wrong in (0, -1, 1.5, "60"):
            with self.assertRaisesRegex(ValueError, "ttl"):
                self.index(0.5, ttl=wrong)


if __name__ == "__main__":
    unittest.main()
