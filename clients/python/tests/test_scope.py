"""Every command of a scope, with every kind of client."""

import unittest
from connections import ScopeTest, load_only_kinds, with_each_kind
from simile import (
    Assigned,
    Combined,
    Features,
    IndexInfo,
    Match,
    Observation,
    Profile,
    SharedBand,
    Signature,
    SignificantBucket,
    Text,
)


class EachCommand(ScopeTest):
    def setUp(self):
        super().setUp()
        self.scope.create(bands=2, rows=1, interval=0, shingle="WORDS 1", mask=True, lowercase=True)

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
        self.assertEqual(self.scope.compare("one", "i", with_self=True), [Match(one, 1.0), Match(two, 0.5)])
        self.assertEqual(self.scope.compare("one", "i", min_score=0.6), [])
        both = self.scope.compare_each("one", ["i", "j"], with_self=True, limit=5, min_bands=[1, 1])
        self.assertEqual(both, [[Match(one, 1.0), Match(two, 0.5)], []])
        self.assertEqual(self.scope.compare_combined("one", ["i", "j"]), [Combined(two, 0.5, [0.5, None])])
        self.assertEqual(self.scope.compare_combined("one", ["i"], with_self=True)[0], Combined(one, 1.0, [1.0]))
        found = self.scope.classify_combined(Signature("i", ["a", "c"]), Features("j", ["x", "y"]), min_score=0.3)
        self.assertEqual(found, [Combined(two, 0.5, [1.0, 0.0])])
        with self.assertRaisesRegex(TypeError, "colour"):
            self.scope.compare("one", "i", colour="red")

    def test_queries_have_options(self):
        self.populate()
        self.scope.record("two", Signature("i", ["a", "c"]))
        one, two = self.name("one"), self.name("two")
        query = Signature("i", ["a", "b"])
        self.assertEqual(self.scope.classify(query, with_counts=True), [Match(one, 1.0, 1), Match(two, 0.5, 2)])
        self.assertEqual(self.scope.classify(query, match="t*", limit=1), [Match(two, 0.5)])
        self.assertEqual(self.scope.classify(query, min_bands=2, window=1, timestamp=0), [Match(one, 1.0)])
        self.assertEqual(self.scope.classify(query, score="COVERAGE", limit=1), [Match(one, 1.0)])
        self.assertEqual(self.scope.classify_each(query, query, limit=1), [[Match(one, 1.0)]] * 2)
        self.assertEqual(self.scope.compare("one", "i", match=b"*", with_counts=True), [Match(two, 0.5, 2)])
        combined = self.scope.compare_combined("one", ["i", "j"], match="t?o", with_counts=True)
        self.assertEqual(combined, [Combined(two, 0.5, [0.5, None], 2)])
        self.assertEqual(self.scope.classify_combined(query, match="x*"), [])

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
        page = self.scope.scan_page("i", count=1)
        self.assertEqual((len(page.items), page.cursor != 0), (1, True))
        rest = self.scope.scan_page("i", page.cursor)
        self.assertEqual((len(rest.items), rest.cursor), (1, 0))

    def test_a_scope_describes_itself(self):
        self.populate()
        info = self.scope.info()
        self.assertEqual((info.parameters["bands"], info.parameters["shingle"]), (2, "WORDS 1"))
        self.assertIs(info.parameters["mask"], True)
        self.assertEqual((len(info.uid), info.meets), (16, 0.776))
        held = info.indexes[self.name("i")]
        self.assertEqual(held, IndexInfo(1, 2, 3, 2, held.bytes, 0, 0))
        self.assertIsNone(self.open("missing").info())

    def test_a_scope_is_made_like_another(self):
        for parameters in [{"hash": "MURMUR3", "modulus": 65535, "seed": 7}, {"threshold": 0.8, "lowercase": False}]:
            self.scope.drop()
            self.scope.create(**parameters)
            made = self.scope.info().parameters
            self.scope.drop()
            self.scope.create(**made)
            self.assertEqual(self.scope.info().parameters, made)

    def test_items_are_assigned_merged_and_deleted(self):
        one = self.name("one")
        self.assertEqual(
            self.scope.assign("one", Signature("i", ["a", "b"]), min_score=0.5), Assigned(one, None, True)
        )
        self.assertEqual(
            self.scope.assign("two", Signature("i", ["a", "c"]), min_score=0.5), Assigned(one, 0.5, False)
        )
        self.assertIsNone(self.scope.assign("three", Text("i", ""), min_score=0.5))
        self.scope.record("two", Signature("i", ["a", "c"]))
        self.assertEqual(self.scope.merge("one", ("i", "two")), 1)
        self.assertEqual(self.scope.frequencies("i", "one"), [{b"a": 3}, {b"b": 1, b"c": 2}])
        self.assertEqual(self.scope.delete(("*", "one"), ("i", "nobody")), 1)

    def test_observations_are_counted_replaced_and_taken_back(self):
        seen = Signature("i", [b"a", b"b"])
        self.assertEqual(self.scope.record("one", seen, count=3), [[3, 3]])
        self.assertEqual(self.scope.record("one", seen, only_new=True), [[]])
        self.assertEqual(self.scope.forget("one", seen, count=2), [[1, 1]])
        self.assertEqual(self.scope.record("one", Signature("i", [b"c", b"b"]), replace=True), [[1, 1]])
        self.assertEqual(self.scope.frequencies("i", "one"), [{b"c": 1}, {b"b": 1}])
        with self.assertRaisesRegex(self.kind.exceptions.ResponseError, "clause 1 cannot be forgotten"):
            self.scope.forget("one", seen)

    def test_many_observations_are_recorded(self):
        def observations():
            for number in range(25):
                yield Observation(f"item-{number}", Features("i", [str(number)]), timestamp=1, count=2)
            yield Observation("both", [Features("i", ["x"]), Text("j", "x")])

        self.assertEqual(self.scope.record_many(observations(), batch=10), 26)
        self.assertEqual(self.scope.count("i", "item-0", "item-24", "both"), [2, 2, 1])
        self.assertEqual(self.scope.count("j", "both"), [1])
        self.assertEqual(self.scope.record_many([]), 0)
        self.assertEqual(self.scope.record_observation(Observation("both", Text("j", ""))), [[]])

    def test_an_error_among_many_observations_is_raised_and_placed(self):
        wrong = Observation("wrong", Signature("i", ["one bucket"]))
        right = Observation("right", Features("i", ["x"]))
        with self.assertRaisesRegex(
            self.kind.exceptions.ResponseError, r"Command # 2 \(SIM.RECORD .* wrong .*: count must be 2"
        ):
            self.scope.record_many([right, wrong, right])
        self.assertEqual(self.scope.count("i", "right"), [2])

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

    def test_names_are_in_the_encoding_of_the_client(self):
        client = self.connect(encoding="latin-1")
        self.addCleanup(self.close, client)
        scope = self.open(self.scope.name, client)
        scope.record("café", Text("looks", "round"))
        found = "café" if self.kind.decodes else b"caf\xe9"
        self.assertEqual(scope.classify(Text("looks", "round")), [Match(found, 1.0)])
        self.assertEqual(self.scope.count("looks", b"caf\xe9"), [1])

    def test_a_name_of_bytes_names_the_same_scope(self):
        self.populate()
        self.assertEqual(self.open(self.scope.name.encode()).count("i", "one"), [1])

    def test_a_refusal_is_raised(self):
        with self.assertRaisesRegex(self.kind.exceptions.ResponseError, "the scope exists with BANDS 2, not 3"):
            self.scope.create(bands=3)
        self.scope.alter(retention=7)
        self.assertEqual(self.scope.info().parameters["retention"], 7)


with_each_kind(globals(), EachCommand)


def load_tests(loader: unittest.TestLoader, *_: object) -> unittest.TestSuite:
    return load_only_kinds(globals(), loader)
