"""A split scope, with every kind of client, on one server or on a cluster."""

import unittest
from collections import Counter

from connections import Awaited, Kind, ScopeTest, load_only_kinds, port, with_each_kind
from histories import History
from redis import Redis
from simile import Assigned, AsyncSplitScope, Match, Observation, Signature, SplitScope, Text
from simile.steps import SplitSteps

PARTS = 5


def server_time():
    """Seconds since the epoch."""
    with Redis(port=port()) as client:
        return client.time()[0]


class SplitTest(ScopeTest):
    def setUp(self):
        super().setUp()
        self.split = self.open_split("split " + self._testMethodName)

    def open_split(self, name, parts=PARTS):
        """A split scope, whose methods are never awaited by the test."""
        if self.kind.is_async:
            split = Awaited(AsyncSplitScope(self.client.inner, name, parts), self.loop)
        else:
            split = SplitScope(self.client, name, parts)
        self.addCleanup(split.drop)
        return split

    def items_of(self, part, count):
        """Items that are in a part."""
        names = (f"item-{number}" for number in range(1000))
        return [name for name in names if self.split.steps.part_of(name) == part][:count]


class Histories(SplitTest):
    def test_a_split_scope_answers_as_one_that_is_not_split(self):
        for sketch in (0, 64):
            history = History(self, self.scope, self.split, server_time(), seed=sketch + 1, sketch=sketch)
            history.go_on(60)
            history.end()
            expected = {"record", "record_many", "forget", "assign", "delete"}
            expected |= {"count", "frequencies", "members", "same"}
            expected |= set() if sketch else {"merge"}
            self.assertEqual({name for name, count in history.compared.items() if count}, expected)
            self.scope.drop()
            self.split.drop()


class Parts(SplitTest):
    def setUp(self):
        super().setUp()
        self.split.create(bands=2, rows=1, interval=0, shingle="WORDS 1")

    def test_items_are_spread_over_the_parts(self):
        items = [f"item-{number}" for number in range(100)]
        self.assertEqual(self.split.record_many(Observation(item, Text("i", item)) for item in items), 100)
        info = self.split.info()
        self.assertEqual(info.indexes[self.name("i")].items, 100)
        per_part = [part.indexes[self.name("i")].items for part in info.parts]
        self.assertEqual(Counter(map(self.split.steps.part_of, items)), dict(enumerate(per_part)))
        self.assertTrue(all(per_part))
        self.assertEqual({part.parameters["bands"] for part in info.parts}, {2})
        scope = self.split.scope_of("item-7")
        scope = Awaited(scope, self.loop) if self.kind.is_async else scope
        self.assertEqual(scope.count("i", "item-7", "no item"), [1, 0])
        self.assertIn(scope.name, [part.name for part in self.split.scopes()])
        self.assertEqual(self.split.drop("i"), PARTS)
        self.assertEqual(self.split.info().indexes, {})
        self.assertEqual(self.split.drop(), 0)
        self.assertIsNone(self.split.info())

    def test_observations_come_from_either_kind_of_generator(self):
        async def later():
            for number in range(1, 8):
                yield Observation(f"item-{number}", Text("i", "later"), count=number)

        if self.kind.is_async:
            self.assertEqual(self.split.record_many(later(), batch=3), 7)
            self.assertEqual(self.split.count("i", "item-7", "item-1", "item-9"), [7, 1, 0])
        self.assertEqual(self.split.record_observation(Observation("item-9", Text("i", "later"))), [[1, 1]])
        buckets = self.split.signature("later")
        self.assertEqual(self.split.signature_with_sketch("later"), (buckets, b""))
        self.assertIn(self.name("item-9"), self.split.members("i", 1, buckets[1]))

    def test_equal_items_come_by_observations_and_then_by_name(self):
        # In no part, and not over the parts, are they recorded in the order of their names.
        items = [f"item-{number}" for number in range(10, 30)]
        for item in reversed(items):
            self.split.record(item, Text("i", "the same"), Text("j", "the same"))
        seen_twice = items[11]
        self.split.record(seen_twice, Text("i", "the same"), Text("j", "the same"))
        self.assertNotEqual(items, sorted(items, key=self.split.steps.part_of))
        expected = [seen_twice, *(item for item in items if item != seen_twice)]

        def same_as_expected(found, count):
            self.assertEqual([match.item for match in found], [self.name(item) for item in expected[:count]])
            self.assertEqual({match.score for match in found}, {1.0})

        query = Text("i", "the same")
        same_as_expected(self.split.classify(query, limit=0), 20)
        same_as_expected(self.split.classify_combined(query, Text("j", "the same"), limit=0), 20)
        found = self.split.classify(query, limit=2, with_counts=True)
        self.assertEqual([match.observations for match in found], [2, 1])
        self.assertEqual(self.split.assign("item-40", query, min_score=1).item, self.name(seen_twice))
        asked = expected.pop(3)
        same_as_expected(self.split.compare(asked, "i", limit=0), 19)
        same_as_expected(self.split.compare_combined(asked, ["i", "j"], limit=0), 19)

    def test_a_query_has_ten_results_unless_it_says_otherwise(self):
        self.split.record_many(Observation(f"item-{number}", Text("i", "the same")) for number in range(30))
        self.assertEqual(len(self.split.classify(Text("i", "the same"))), 10)
        self.assertEqual(len(self.split.compare("item-3", "i")), 10)
        self.assertEqual(len(self.split.compare("item-3", "i", limit=0)), 29)
        self.assertEqual(self.split.compare("no item", "i"), [])

    def test_blobs_travel(self):
        items = [f"item-{number}" for number in range(20)]
        for item in items:
            self.split.record(item, Text("i", item))
        blobs = self.split.export(*(("i", item) for item in [*items, "no item"]))
        self.assertIsNone(blobs.pop())
        other = self.open_split("other", 3)
        other.create(bands=2, rows=1, interval=0, shingle="WORDS 1")
        added = other.import_(*(("i", item, blob) for item, blob in zip(items, blobs)))
        self.assertEqual(added, [1] * 20)
        self.assertEqual(other.count("i", *items), [1] * 20)
        self.assertEqual(other.frequencies("i", "item-3"), self.split.frequencies("i", "item-3"))

    def test_scores_that_parts_do_not_know_are_refused(self):
        query = Text("i", "x")
        self.split.record("item-1", query)
        for ask in (
            lambda **options: self.split.classify(query, **options),
            lambda **options: self.split.classify_combined(query, **options),
            lambda **options: self.split.compare("item-1", "i", **options),
            lambda **options: self.split.compare_combined("item-1", ["i"], **options),
            lambda **options: self.split.assign("item-1", query, min_score=1, **options),
        ):
            with self.assertRaisesRegex(ValueError, "no part of a split scope"):
                ask(score="significance")
            self.split.alter(score="SIGNIFICANCE")
            with self.assertRaisesRegex(ValueError, "no part of a split scope"):
                ask()
            part = self.split.scopes()[2]
            self.wait(part.alter(score="COVERAGE"))
            self.split.alter(score="OVERLAP")
            self.wait(part.alter(score="COVERAGE"))
            with self.assertRaisesRegex(ValueError, "different scores .COVERAGE, OVERLAP."):
                ask()
            ask(score="COVERAGE")
            self.split.alter(score="COVERAGE")
        one = self.open_split("one", 1)
        one.record("item-1", query)
        one.classify(query, score="SIGNIFICANCE")

    def test_a_number_of_parts_and_a_name_are_checked(self):
        for name, parts in (("x", 0), ("x", 65_536), ("x{1}", 2)):
            with self.assertRaises(ValueError):
                self.open_split(name, parts)
        self.assertEqual([scope.name for scope in self.open_split("x{1}", 1).scopes()], ["x{1}"])
        most = SplitSteps("x", 65_535, str.encode, bytes.decode)
        self.assertEqual(most.parts[-1].scope, "x:{65534}")

    def test_a_scope_with_more_parts_is_not_made_with_fewer(self):
        fewer = self.open_split(self.split.name, 3)
        for act in (lambda: fewer.create(bands=2), lambda: fewer.alter(score="COVERAGE")):
            with self.assertRaisesRegex(ValueError, "more than 3 parts"):
                act()
        self.assertEqual({part.parameters["score"] for part in self.split.info().parts}, {"OVERLAP"})

    def test_an_argument_has_the_error_of_the_server(self):
        error = self.kind.exceptions.ResponseError
        with self.assertRaisesRegex(error, "exists with BANDS 2"):
            self.split.create(bands=3)
        one, two = self.items_of(1, 2)
        far = self.items_of(2, 1)[0]
        self.split.record(far, Text("i", "x"))
        with self.assertRaisesRegex(error, "other than the destination"):
            self.split.merge(one, ("i", far), ("i", one))
        self.assertEqual(self.split.count("i", far), [1])
        with self.assertRaisesRegex(TypeError, "colour"):
            self.split.classify(Text("i", "x"), colour="red")

    def test_an_observation_is_assigned_to_the_best_of_all_parts(self):
        first, second = self.items_of(1, 1) + self.items_of(2, 1)
        new = self.items_of(3, 1)[0]
        self.split.record(first, Text("i", "a text"))
        self.split.record(second, Text("i", "a text"), count=2)
        assigned = self.split.assign(new, Text("i", "a text"), min_score=1)
        self.assertEqual(assigned, Assigned(self.name(second), 1.0, created=False))
        assigned = self.split.assign(new, Text("i", "something else"), min_score=0.5)
        self.assertEqual(assigned, Assigned(self.name(new), None, created=True))
        assigned = self.split.assign(new, Text("i", "third"), min_score=0.5)
        self.assertEqual(assigned, Assigned(self.name(new), None, created=False))
        self.assertEqual(self.split.count("i", first, second, new), [1, 3, 2])

    def test_a_text_without_features_is_assigned_to_nothing(self):
        self.assertIsNone(self.split.assign("item-1", Text("i", ""), min_score=0.5))
        self.assertEqual(self.split.count("i", "item-1"), [0])

    def test_names_are_any_bytes(self):
        names = [bytes([255, number]) for number in range(PARTS * 4)]
        if self.kind.decodes:
            self.skipTest("a client that decodes names has no such names")
        for name in names:
            self.split.record(name, Text("i", "x"))
        self.assertEqual({match.item for match in self.split.classify(Text("i", "x"), limit=0)}, set(names))
        self.assertEqual(self.split.merge(names[0], *(("i", name) for name in names[1:])), len(names) - 1)
        self.assertEqual(self.split.count("i", names[0]), [len(names)])


class Interrupted(Exception):
    pass


class Breaking(SplitScope):
    """A split scope whose connection breaks at one round trip, before or after the server has carried it out; or at
    which it sends a round trip twice, as a client does that got no reply."""

    def __init__(self, client, name, at, how):
        super().__init__(client, name, PARTS)
        self.at = at
        self.how = how
        self.trips = 0

    def send(self, trip):
        self.trips += 1
        if self.trips != self.at:
            return super().send(trip)
        if self.how == "before":
            raise Interrupted
        results = super().send(trip)
        if self.how == "after":
            raise Interrupted
        return super().send(trip)


class RoundTrips(SplitTest):
    """Merging across parts, and what is sent together. It does not depend on the kind of client, beyond what the histories show."""

    kind = Kind("redis", is_async=False, protocol=2, decodes=False)

    def setUp(self):
        super().setUp()
        self.split.create(bands=2, rows=1, interval=0, shingle="WORDS 1")
        self.destination = self.items_of(0, 1)[0]
        self.sources = [self.items_of(part, 1)[0] for part in (1, 2)]

    def populate(self):
        self.split.drop("i")
        self.split.record(self.destination, Text("i", "a"), count=100)
        for source, count in zip(self.sources, (10, 20)):
            self.split.record(source, Text("i", "b"), count=count)

    def merge(self, split):
        return split.merge(self.destination, *(("i", source) for source in self.sources))

    def holds_all_in_the_destination(self, observations):
        self.assertEqual(dict(self.split.scan("i")), {self.destination.encode(): observations})

    def test_all_parts_are_asked_in_one_round_trip(self):
        self.populate()
        for act, trips in (
            (lambda split: split.classify(Text("i", "a")), 1),
            (lambda split: split.compare(self.destination, "i"), 2),
            (lambda split: split.assign(self.destination, Text("i", "a"), min_score=1), 2),
            (lambda split: split.delete(*(("i", source) for source in self.sources)), 1),
            (lambda split: split.count("i", self.destination, *self.sources), 1),
        ):
            split = Breaking(self.client, self.split.name, None, None)
            act(split)
            self.assertEqual(split.trips, trips)

    def test_it_can_be_repeated_wherever_it_was_interrupted(self):
        interrupted = 0
        for how in ("before", "after"):
            for at in range(1, 20):
                self.populate()
                breaking = Breaking(self.client, self.split.name, at, how)
                try:
                    self.assertEqual(self.merge(breaking), 2)
                    continue
                except Interrupted:
                    interrupted += 1
                # Meanwhile nothing is lost.
                self.assertGreaterEqual(self.split.info().indexes[b"i"].observations, 130)
                self.split.record(self.sources[0], Text("i", "b"), count=5)
                # Once more it breaks, elsewhere.
                again = Breaking(self.client, self.split.name, 1 + at * 3 % 6, how)
                try:
                    self.merge(again)
                except Interrupted:
                    self.split.record(self.sources[1], Text("i", "c"), count=1)
                    self.merge(self.split)
                    self.holds_all_in_the_destination(136)
                else:
                    self.holds_all_in_the_destination(135)
                self.assertEqual(self.merge(self.split), 0)
        self.assertGreaterEqual(interrupted, 10)

    def test_it_may_be_sent_twice(self):
        for at in range(1, 7):
            self.populate()
            self.merge(Breaking(self.client, self.split.name, at, "twice"))
            self.holds_all_in_the_destination(130)

    def test_a_source_that_is_refused_stays_what_it_was(self):
        self.populate()
        before = dict(self.split.scan("i"))
        home = self.split.scope_of(self.destination)
        definition = home.commands.create(bands=3, rows=1, interval=0)
        home.drop()
        for message in ("no such scope", "must have the scope's BANDS"):
            with self.assertRaisesRegex(self.kind.exceptions.ResponseError, message):
                self.merge(self.split)
            del_destination = {item: count for item, count in before.items() if item != self.destination.encode()}
            self.assertEqual(dict(self.split.scan("i")), del_destination)
            home.transport.run(definition)

    def test_every_index_is_moved_also_what_an_earlier_call_has_left(self):
        for at in range(1, 8):
            self.split.drop("i", "j")
            for source in self.sources:
                self.split.record(source, Text("i", "b"), Text("j", "c"))
            merge = [("*", source) for source in self.sources]
            try:
                merged = Breaking(self.client, self.split.name, at, "after").merge(self.destination, *merge)
            except Interrupted:
                self.split.merge(self.destination, *merge)
            else:
                self.assertEqual(merged, 4)
            for index in ("i", "j"):
                self.assertEqual(dict(self.split.scan(index)), {self.destination.encode(): 2})

    def test_an_item_keeps_its_place_and_its_sketch_with_the_destination(self):
        sketched = SplitScope(self.client, "sketched", PARTS)
        self.addCleanup(sketched.drop)
        sketched.create(bands=2, rows=1, interval=0, sketch=16)
        source, destination = self.sources[0], self.destination
        sketched.record(source, Signature("i", ["a", "b"], b"0123456789abcdef"))
        sketched.record(destination, Signature("i", ["a", "c"], b"0123456789ABCDEF"))
        self.assertEqual(sketched.merge(destination, ("i", source)), 1)
        query = Signature("i", ["a", "c"], b"0123456789ABCDEF")
        self.assertEqual(sketched.classify(query, score="JACCARD"), [Match(destination.encode(), 1.0)])


with_each_kind(globals(), Histories, Parts)


def load_tests(loader: unittest.TestLoader, *_: object) -> unittest.TestSuite:
    return load_only_kinds(globals(), loader)


if __name__ == "__main__":
    unittest.main()
