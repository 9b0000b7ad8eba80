"""Random histories of a split scope beside one big scope, which must give the same answers."""

from __future__ import annotations

import random
from typing import Any
from unittest import TestCase

from simile import Features, Observation, Profile, Text

#: Chunks this long never end during a test: the next one begins in 2033.
INTERVAL = 400_000_000
INDEXES = ["i", "j"]


class History:
    """Does the same to two scopes, ``whole`` and ``split``, and compares what they say."""

    def __init__(self, test: TestCase, whole: Any, split: Any, now: int, seed: int, sketch: int) -> None:
        self.test = test
        self.whole = whole
        self.split = split
        self.now = now
        self.draw = random.Random(seed)
        #: With sketches nothing is merged: of two items in different parts, none knows which was seen first.
        self.sketch = sketch
        self.scores = ["OVERLAP", "COVERAGE"] + ["JACCARD"] * bool(sketch)
        #: What has been compared, so that a test can see that there was something.
        self.compared: dict[str, int] = {}
        self.items = [f"item-{number}" for number in range(60)]
        for scope in (whole, split):
            scope.create(bands=8, rows=1, interval=INTERVAL, shingle="WORDS 1", sketch=sketch)

    def go_on(self, steps: int) -> None:
        """Takes random steps."""
        writes = [self.record, self.record, self.record_many, self.forget, self.assign, self.delete]
        reads = [self.classify, self.compare, self.look_up]
        for _ in range(steps):
            self.draw.choice(writes if self.sketch else [*writes, self.merge])()
            self.draw.choice(reads)()

    def both(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """The result of a method, which is the same of both; or the error of the server, without the command that it
        is about."""
        results = []
        for scope in (self.whole, self.split):
            try:
                results.append(getattr(scope, method)(*args, **kwargs))
            except Exception as error:
                if "ResponseError" not in {kind.__name__ for kind in type(error).__mro__}:
                    raise
                results.append(str(error).split("caused error: ")[-1])
        self.test.assertEqual(*results, (method, args, kwargs))
        self.compared[method] = self.compared.get(method, 0) + bool(results[0])
        return results[0]

    def text(self) -> str:
        centre = self.draw.randrange(12)
        words = [f"w{centre}-{n}" if self.draw.random() < 0.8 else f"x{self.draw.randrange(9)}" for n in range(6)]
        return " ".join(words) if self.draw.random() < 0.97 else ""

    def clauses(self) -> list[Any]:
        indexes = self.draw.sample(INDEXES, self.draw.choice([1, 1, 2]))
        make = self.draw.choice([Text, lambda index, text: Features(index, text.split())])
        return [make(index, self.text()) for index in indexes]

    def item(self) -> str:
        return self.draw.choice(self.items)

    def time(self) -> int | None:
        return self.draw.choice([None, self.now, self.now - INTERVAL * self.draw.randrange(4)])

    def record(self) -> None:
        flags = self.draw.choice([{}, {}, {"count": 3}, {"only_new": True}, {"replace": True}])
        self.both("record", self.item(), *self.clauses(), timestamp=self.time(), **flags)

    def record_many(self) -> None:
        observations = [Observation(self.item(), self.clauses(), self.time()) for _ in range(self.draw.randrange(9))]
        self.both("record_many", observations, batch=5)

    def forget(self) -> None:
        item, clauses, time = self.item(), self.clauses(), self.time()
        if self.draw.random() < 0.8:
            self.both("record", item, *clauses, timestamp=time)
        self.both("forget", item, *clauses, timestamp=time)

    def assign(self) -> None:
        """Equal items may be chosen differently: the whole scope records what the split scope chose."""
        item, clauses, least = self.item(), self.clauses(), self.draw.choice([0.0, 0.3, 0.6, 1.0])
        options = {"score": self.draw.choice(self.scores), "timestamp": self.now}
        found = self.whole.classify_combined(*clauses, limit=0, with_counts=True, **options)
        best = [one for one in found if (one.score, one.observations) == (found[0].score, found[0].observations)]
        seen = [self.whole.count(clause.index, item, timestamp=self.now) for clause in clauses]
        known = any(count for (count,) in seen)
        assigned = self.split.assign(item, *clauses, min_score=least, **options)
        recorded = self.whole.record(assigned.item if assigned else item, *clauses, timestamp=self.now)
        self.test.assertEqual(assigned is None, not any(recorded))
        if assigned is None:
            return
        joins = bool(best) and best[0].score >= least
        self.test.assertEqual(assigned.score, best[0].score if best else None)
        self.test.assertIn(self.plain(assigned.item), [self.plain(one.item) for one in best] if joins else [item])
        self.test.assertEqual(assigned.created, not joins and not known)
        self.test.assertIs(type(assigned.item), type(self.whole.transport.decode(b"")))
        self.compared["assign"] = self.compared.get("assign", 0) + joins

    def delete(self) -> None:
        pairs = [(self.draw.choice([*INDEXES, "*"]), self.item()) for _ in range(self.draw.choice([1, 2, 4]))]
        self.both("delete", *pairs)

    def merge(self) -> None:
        pairs = [(self.draw.choice([*INDEXES, "*"]), self.item()) for _ in range(self.draw.choice([1, 1, 3]))]
        destination = self.draw.choice([item for item in self.items if item not in dict(map(reversed, pairs))])
        self.both("merge", destination, *pairs)

    def classify(self) -> None:
        clauses, options = self.clauses(), self.options()
        if self.draw.random() < 0.3:
            (blob,) = self.both_frequencies("i", self.item())
            clauses = [Profile("i", blob)] if blob else clauses
        whole, split = (scope.classify_each(*clauses, **options) for scope in (self.whole, self.split))
        for one, other in zip(whole, split):
            self.same(one, other)
        self.test.assertEqual(len(whole), len(split))
        self.same(*(scope.classify(clauses[0], **options) for scope in (self.whole, self.split)))
        self.same(*(scope.classify_combined(*clauses, **options) for scope in (self.whole, self.split)))

    def compare(self) -> None:
        item, indexes, options = self.item(), INDEXES, self.options()
        options["with_self"] = self.draw.random() < 0.3
        whole, split = (scope.compare_each(item, indexes, **options) for scope in (self.whole, self.split))
        for one, other in zip(whole, split):
            self.same(one, other)
        self.test.assertEqual(len(whole), len(split))
        self.same(*(scope.compare(item, "j", **options) for scope in (self.whole, self.split)))
        self.same(*(scope.compare_combined(item, indexes, **options) for scope in (self.whole, self.split)))

    def look_up(self) -> None:
        window = self.draw.choice([None, 1, 2])
        self.both("count", "i", *self.draw.sample(self.items, 20), timestamp=self.now, window=window)
        item = self.item()
        self.both_frequencies("j", item)
        buckets = self.whole.frequencies("j", item)
        if any(buckets):
            band = next(number for number, counts in enumerate(buckets) if counts)
            self.both("members", "j", band, next(iter(buckets[band])))

    def both_frequencies(self, index: str, item: str) -> list[bytes | None]:
        self.both("frequencies", index, item)
        return self.whole.export((index, item))

    def options(self) -> dict[str, Any]:
        draw = self.draw
        options: dict[str, Any] = {"timestamp": self.now, "with_counts": True}
        more = {
            "limit": draw.choice([0, 1, 3, 100]),
            "min_score": draw.choice([0.2, 0.5]),
            "min_bands": 3,
            "score": draw.choice(self.scores),
            "window": draw.choice([1, 2]),
            "match": draw.choice(["item-?", "*3*"]),
        }
        options.update({name: value for name, value in more.items() if draw.random() < 0.4})
        return options

    def same(self, whole: list[Any], split: list[Any]) -> None:
        """The same results, but for the order of those that are equal in score and observations, and for which of them
        are left out by the limit."""

        def rank(one: Any) -> tuple[float, int]:
            return one.score, one.observations

        self.test.assertEqual(list(map(rank, whole)), list(map(rank, split)))
        for found in (whole, split):
            self.test.assertEqual(len({one.item for one in found}), len(found))
        above = [[repr(one) for one in found if rank(one) > rank(found[-1])] for found in (whole, split)]
        self.test.assertCountEqual(*above)
        self.compared["same"] = self.compared.get("same", 0) + bool(above[0])

    def end(self) -> None:
        """Compares all that is there."""
        for index in INDEXES:
            whole, split = (dict(scope.scan(index, count=7)) for scope in (self.whole, self.split))
            self.test.assertEqual(whole, split)
            for item in whole:
                self.both("frequencies", index, item)
        infos = [scope.info().indexes for scope in (self.whole, self.split)]
        for field in ("items", "observations"):
            self.test.assertEqual(*({name: getattr(one, field) for name, one in info.items()} for info in infos))

    def plain(self, item: str | bytes) -> str:
        return item if isinstance(item, str) else item.decode()
