"""examples/python/simile.py against the server on port PORT, or the cluster there if CLUSTER is set.

tests/server/concerns/clients.rs starts the server and runs this.
"""

import os
import unittest

from redis import Redis, ResponseError
from redis.cluster import RedisCluster
from simile import (
    Assigned,
    Combined,
    Features,
    IndexInfo,
    Match,
    Profile,
    Scope,
    SharedBand,
    Signature,
    SignificantBucket,
    Text,
)

CONNECT = RedisCluster if os.environ.get("CLUSTER") else Redis
PORT = int(os.environ["PORT"])


class EachCommand:
    """Tests that every kind of client passes: either protocol, replies decoded or not."""

    protocol: int
    decodes: bool

    def setUp(self):
        self.client = CONNECT(
            host="127.0.0.1", port=PORT, protocol=self.protocol, decode_responses=self.decodes
        )
        self.scope = Scope(self.client, "python:{%s}" % self.id())
        self.scope.create(bands=2, rows=1, interval=0, shingle="WORDS 1", mask=True, lowercase=True)

    def tearDown(self):
        self.scope.drop()
        self.client.close()

    def name(self, text):
        """A name as this client gives it."""
        return text if self.decodes else text.encode()

    def populate(self):
        self.assertEqual(self.scope.record("one", Signature("i", ["a", "b"])), [[1, 1]])
        self.assertEqual(self.scope.record("two", Signature("i", ["a", "c"])), [[1, 1]])

    def test_a_text_is_found_by_what_it_says(self):
        self.scope.record("apple", Text("looks", "Round and red 17"))
        self.assertEqual(
            self.scope.classify(Text("looks", "round and red 4711")), [Match(self.name("apple"), 1.0)]
        )
        self.assertEqual(self.scope.signature("round and red 1"), self.scope.signature(["round", "and", "red", "0"]))

    def test_items_are_compared(self):
        self.populate()
        one, two = self.name("one"), self.name("two")
        self.assertEqual(self.scope.compare("one", "i"), [Match(two, 0.5)])
        self.assertEqual(self.scope.compare("one", "i", min_score=0.6), [])
        both = self.scope.compare_each("one", ["i", "j"], with_self=True, limit=5, min_bands=[1, 1])
        self.assertEqual(both, [[Match(one, 1.0), Match(two, 0.5)], []])
        self.assertEqual(self.scope.compare_combined("one", ["i", "j"]), [Combined(two, 0.5, [0.5, None])])
        found = self.scope.classify_combined(Signature("i", "ac"), Features("j", "xy"), min_score=0.3)
        self.assertEqual(found, [Combined(two, 0.5, [1.0, 0.0])])
        with self.assertRaises(TypeError):
            self.scope.compare("one", "i", colour="red")

    def test_matches_have_counts_and_names_that_match(self):
        self.populate()
        self.scope.record("two", Signature("i", "ac"))
        one, two = self.name("one"), self.name("two")
        found = self.scope.classify(Signature("i", "ab"), with_counts=True)
        self.assertEqual(found, [Match(one, 1.0, 1), Match(two, 0.5, 2)])
        self.assertEqual(self.scope.classify(Signature("i", "ab"), match="t*", limit=1), [Match(two, 0.5)])
        self.assertEqual(self.scope.compare("one", "i", match=b"*", with_counts=True), [Match(two, 0.5, 2)])
        combined = self.scope.compare_combined("one", ["i", "j"], match="t?o", with_counts=True)
        self.assertEqual(combined, [Combined(two, 0.5, [0.5, None], 2)])
        self.assertEqual(self.scope.classify_combined(Signature("i", "ab"), match="x*"), [])

    def test_a_score_is_explained(self):
        self.populate()
        explained = self.scope.explain("i", "one", "two", score="COVERAGE")
        self.assertEqual((explained.score, explained.observations), (0.5, (1, 1)))
        self.assertEqual(explained.bands, [SharedBand(0.5, {b"a": (1, 1)}), SharedBand(0.0, {})])
        self.assertIsNone(self.scope.explain("i", "nobody", "none").score)
        self.assertEqual(
            self.scope.significant("i", "one", limit=1), [SignificantBucket(1, b"b", 1.4054651081081644, 1, 1)]
        )

    def test_items_are_compared_by_sketch(self):
        self.scope.drop()
        self.scope.create(bands=2, rows=1, interval=0, shingle="WORDS 1", sketch=16, score="JACCARD")
        self.scope.record("apple", Text("looks", "round and red"))
        apple = self.name("apple")
        buckets, sketch = self.scope.signature_with_sketch("red and round")
        self.assertEqual((buckets, len(sketch)), (self.scope.signature(["and", "red", "round"]), 16))
        self.assertEqual(self.scope.classify(Text("looks", "red and round"), min_score=1), [Match(apple, 1.0)])
        self.assertEqual(self.scope.classify(Signature("looks", buckets, sketch)), [Match(apple, 1.0)])
        self.assertEqual(self.scope.classify(Signature("looks", buckets)), [])
        half = sketch[:8] + bytes(slot ^ 1 for slot in sketch[8:])
        self.scope.record("plum", Signature("looks", buckets, half))
        explained = self.scope.explain("looks", "apple", "plum")
        self.assertEqual((explained.score, explained.observations), (127 / 255, (1, 1)))
        self.assertEqual((explained.slots, explained.agreeing), (16, list(range(8))))
        self.assertEqual(explained.bands[1], SharedBand(None, {buckets[1]: (1, 1)}))
        self.scope.alter(score="OVERLAP", retention=5)
        self.assertEqual(self.scope.compare("apple", "looks"), [Match(self.name("plum"), 1.0)])
        by_overlap = self.scope.explain("looks", "apple", "plum")
        self.assertEqual((by_overlap.bands[0].share, by_overlap.slots, by_overlap.agreeing), (0.5, None, None))
        parameters = self.scope.info().parameters
        self.assertEqual((parameters["sketch"], parameters["score"], parameters["retention"]), (16, "OVERLAP", 5))

    def test_what_is_recorded_can_be_seen(self):
        self.populate()
        self.assertEqual(self.scope.frequencies("i", "one"), [{b"a": 1}, {b"b": 1}])
        self.assertEqual(self.scope.count("i", "two", "nobody", "one", window=1), [1, 0, 1])
        self.assertEqual(self.scope.members("i", 0, "a"), [self.name("one"), self.name("two")])
        self.assertEqual(dict(self.scope.scan("i", count=1)), {self.name("one"): 1, self.name("two"): 1})
        self.assertEqual(list(self.scope.scan("i", match="t*")), [(self.name("two"), 1)])
        info = self.scope.info()
        self.assertEqual((info.parameters["bands"], info.parameters["shingle"]), (2, "WORDS 1"))
        self.assertEqual(len(info.uid), 16)
        held = info.indexes[self.name("i")]
        self.assertEqual(held, IndexInfo(1, 2, 3, 2, held.bytes, 0, 0))
        self.assertIsNone(Scope(self.client, "missing").info())

    def test_items_are_assigned_merged_and_deleted(self):
        self.assertEqual(
            self.scope.assign("one", Signature("i", "ab"), min_score=0.5), Assigned(self.name("one"), None, True)
        )
        self.assertEqual(
            self.scope.assign("two", Signature("i", "ac"), min_score=0.5), Assigned(self.name("one"), 0.5, False)
        )
        self.assertIsNone(self.scope.assign("three", Text("i", ""), min_score=0.5))
        self.scope.record("two", Signature("i", ["a", "c"]))
        self.assertEqual(self.scope.merge("one", ("i", "two")), 1)
        self.assertEqual(self.scope.frequencies("i", "one"), [{b"a": 3}, {b"b": 1, b"c": 2}])
        self.assertEqual(self.scope.delete(("*", "one"), ("i", "nobody")), 1)

    def test_an_item_travels(self):
        self.populate()
        blob, nothing = self.scope.export(("i", "one"), ("i", "nobody"))
        self.assertIsNone(nothing)
        self.assertEqual(self.scope.classify(Profile("i", blob), limit=1), [Match(self.name("one"), 1.0)])
        self.assertEqual(self.scope.import_(("j", "copy", blob)), [1])
        self.assertEqual(self.scope.frequencies("j", "copy"), [{b"a": 1}, {b"b": 1}])

    def test_any_bytes_are_a_bucket(self):
        self.scope.record("one", Signature("i", [b"\xff", b"\x00"]))
        self.assertEqual(self.scope.frequencies("i", "one"), [{b"\xff": 1}, {b"\x00": 1}])

    def test_a_refusal_is_raised(self):
        with self.assertRaisesRegex(ResponseError, "the scope exists with BANDS 2, not 3"):
            self.scope.create(bands=3)
        self.scope.alter(retention=7)
        self.assertEqual(self.scope.info().parameters["retention"], 7)


class Resp2(EachCommand, unittest.TestCase):
    protocol, decodes = 2, False


class Resp2Decoded(EachCommand, unittest.TestCase):
    protocol, decodes = 2, True


class Resp3(EachCommand, unittest.TestCase):
    protocol, decodes = 3, False


class Resp3Decoded(EachCommand, unittest.TestCase):
    protocol, decodes = 3, True


if __name__ == "__main__":
    unittest.main()
