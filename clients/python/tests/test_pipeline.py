"""Batches, in a plain pipeline and inside MULTI, with every kind of client."""

import unittest
from connections import ScopeTest, load_only_kinds, with_each_kind
from simile import Assigned, Combined, Command, Match, Observation, Profile, Signature, Text

#: Buckets that no encoding of a client can decode.
BINARY = Signature("i", [b"\xff\xfe", b"\x00\xc3"])


class Batches(ScopeTest):
    def setUp(self):
        super().setUp()
        self.scope.create(bands=2, rows=1, interval=0, shingle="WORDS 1")

    def each_way(self):
        """A pipeline without and one with MULTI, each on an empty scope."""
        for transaction in False, True:
            with self.subTest(transaction=transaction):
                self.scope.drop()
                self.scope.create(bands=2, rows=1, interval=0, shingle="WORDS 1")
                yield self.scope.pipeline(transaction=transaction)

    def test_results_come_in_order_and_parsed(self):
        one, two = self.name("one"), self.name("two")
        for batch in self.each_way():
            batch.record("one", BINARY)
            batch.record_many([Observation("two", BINARY, count=2), Observation("two", Text("j", "x y"))])
            batch.classify(BINARY, with_counts=True).compare("one", "i")
            batch.compare_combined("one", ["i", "j"]).classify_each(BINARY, Text("j", "x y"), limit=1)
            batch.assign("three", BINARY, min_score=0.9)
            self.assertEqual(len(batch), 8)
            self.assertEqual(
                batch.execute(),
                [
                    [[1, 1]],
                    [[2, 2]],
                    [[1, 1]],
                    [Match(two, 1.0, 2), Match(one, 1.0, 1)],
                    [Match(two, 1.0)],
                    [Combined(two, 0.5, [1.0, 0.0])],
                    [[Match(two, 1.0)], [Match(two, 1.0)]],
                    Assigned(two, 1.0, False),
                ],
            )
            self.assertEqual(len(batch), 0)

    def test_what_is_binary_is_read_as_bytes(self):
        for batch in self.each_way():
            self.scope.record("one", BINARY)
            batch.frequencies("i", "one").explain("i", "one", "one").significant("i", "one")
            batch.export(("i", "one"), ("i", "nobody")).signature("x").info().members("i", 0, b"\xff\xfe")
            found, explained, significant, (blob, nothing), buckets, info, members = batch.execute()
            self.assertEqual(found, [{b"\xff\xfe": 1}, {b"\x00\xc3": 1}])
            self.assertEqual(explained.bands[0].buckets, {b"\xff\xfe": (1, 1)})
            self.assertEqual({bucket.bucket for bucket in significant}, {b"\xff\xfe", b"\x00\xc3"})
            self.assertEqual(self.scope.classify(Profile("i", blob)), [Match(self.name("one"), 1.0)])
            self.assertIsNone(nothing)
            self.assertEqual([type(bucket) for bucket in buckets], [bytes, bytes])
            self.assertEqual(list(info.indexes), [self.name("i")])
            self.assertEqual(members, [self.name("one")])
            self.assertEqual(batch.import_(("j", "copy", blob)).scan_page("j").execute()[0], [1])

    def test_the_first_error_is_raised_when_all_have_run(self):
        for batch in self.each_way():
            batch.record("one", BINARY).record("wrong", Text("*", "x")).members("i", 7, "x").record("two", BINARY)
            with self.assertRaisesRegex(
                self.kind.exceptions.ResponseError, r"^Command # 2 \(SIM.RECORD .*\).*: index must be a name"
            ):
                batch.execute()
            self.assertEqual(self.scope.count("i", "one", "two"), [1, 1])
            self.assertEqual(batch.count("i", "one").execute(), [[1]])

    def test_errors_can_be_returned_in_their_places(self):
        for batch in self.each_way():
            batch.record("one", BINARY).members("i", 7, "x").frequencies("i", "one")
            counts, error, found = batch.execute(raise_on_error=False)
            self.assertEqual((counts, found), ([[1, 1]], [{b"\xff\xfe": 1}, {b"\x00\xc3": 1}]))
            self.assertIsInstance(error, self.kind.exceptions.ResponseError)
            self.assertRegex(str(error), "^band must be between 0 and 1")

    def test_a_name_that_cannot_be_decoded_harms_no_other_result(self):
        for batch in self.each_way():
            batch.record(b"\xff", BINARY).compare(b"\xff", "i", with_self=True).count("i", b"\xff")
            counts, found, count = batch.execute(raise_on_error=False)
            self.assertEqual((counts, count), ([[1, 1]], [1]))
            if self.kind.decodes:
                self.assertIsInstance(found, UnicodeDecodeError)
            else:
                self.assertEqual(found, [Match(b"\xff", 1.0)])

    def test_nothing_of_a_transaction_runs_if_a_command_is_not_accepted(self):
        batch = self.scope.pipeline(transaction=True)
        for raise_on_error in True, False:
            # A signature without an argument: of the wrong arity, which the server says before it queues it.
            batch.record("one", BINARY).add(Command(("SIM.SIGNATURE", self.scope.name), lambda reply: reply))
            with self.assertRaisesRegex(self.kind.exceptions.ResponseError, "wrong number of arguments"):
                batch.execute(raise_on_error)
            self.assertEqual(self.scope.count("i", "one"), [0])

    def test_a_command_of_any_kind_can_be_added(self):
        key = "of the user:%s" % self.scope.name
        for batch in self.each_way():
            batch.add(Command(("SET", key, b"\xff"), bool)).add(Command(("GET", key), bytes)).info()
            stored, found, info = batch.add(Command(("DEL", key), int)).execute()[:3]
            self.assertEqual((stored, found, info.parameters["bands"]), (True, b"\xff", 2))

    def test_a_batch_that_is_left_is_forgotten(self):
        if self.kind.is_async:

            async def leave():
                async with self.scope.inner.pipeline() as batch:
                    batch.record("one", BINARY)
                return batch

            self.assertEqual(len(self.wait(leave())), 0)
        else:
            with self.scope.pipeline() as batch:
                batch.record("one", BINARY)
            self.assertEqual((len(batch), bool(batch)), (0, True))

    def test_an_empty_batch_sends_nothing(self):
        for transaction in False, True:
            self.assertEqual(self.open("no such scope").pipeline(transaction=transaction).execute(), [])

    def test_a_long_batch(self):
        for batch in self.each_way():
            for number in range(1000):
                batch.record(f"item-{number}", Text("i", f"word-{number}"))
            self.assertEqual(batch.execute(), [[[1, 1]]] * 1000)

    def test_the_connection_is_as_before(self):
        for batch in self.each_way():
            batch.frequencies("i", "nobody").execute()
            # A value that the client decodes, or does not, as ever.
            self.client.set("of the user", "text")
            self.assertEqual(self.client.get("of the user"), self.name("text"))
            self.client.delete("of the user")


with_each_kind(globals(), Batches)


def load_tests(loader: unittest.TestLoader, *_: object) -> unittest.TestSuite:
    return load_only_kinds(globals(), loader)
