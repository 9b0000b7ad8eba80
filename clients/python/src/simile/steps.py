"""What each method of a split scope does, written once for clients that block and clients that are awaited.

A method is a generator of *steps*: it yields the commands of a round trip, is given their results, and returns the
result of the method. ``SplitScope`` sends what it yields, and ``AsyncSplitScope`` awaits it.

A search is *scatter and gather*. The score of an item by OVERLAP, COVERAGE or JACCARD depends on that item and the
query only. So every part gives its own items their final scores, and the best of all parts, put together and sorted,
are the answer that one big scope would give. (The lists are short, so they are sorted and not merged through a heap.)

Three things are odd:

- Only the part that has an item can look it up. The other parts are asked with its profile, a blob of ``export``.
- Of items that are equal in score and observations, one big scope returns first what was seen first. No part knows when
  an item of another part was seen, so here they come by name, as in the tool.
- SIGNIFICANCE weighs a bucket by how rare it is in the whole index, which no part knows. It is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

from simile.clauses import Clause, Features, Name, Observation, Profile, QueryClause, Word
from simile.commands import Command, Commands, QueryOptions
from simile.faces import presented
from simile.moves import Move, RoundTrip, Steps, moved, moving_name
from simile.parts import MOST_PARTS, part_names, part_of
from simile.results import Assigned, Combined, IndexInfo, Match, ScopeInfo

if TYPE_CHECKING:
    from typing_extensions import Unpack

P = ParamSpec("P")
T = TypeVar("T")
Result = TypeVar("Result", Match, Combined)

#: The limit of a query that names none.
DEFAULT_LIMIT = 10


@dataclass(frozen=True)
class SplitScopeInfo:
    """What the parts of a split scope are, and what is in their indexes together."""

    #: Of each part; None for one that does not exist.
    parts: list[ScopeInfo | None]
    #: The numbers of all parts, added up; the oldest and the newest chunk of any.
    indexes: dict[Name, IndexInfo]


def _of_all_parts(
    build: Callable[Concatenate[Commands, P], Command[None]],
) -> Callable[Concatenate[SplitSteps, P], Steps[None]]:
    """The same command for every part.

    Errors: ``ValueError`` if the scope has more parts than it was opened with.
    """

    def method(steps: SplitSteps, /, *args: P.args, **kwargs: P.kwargs) -> Steps[None]:
        yield from steps.check_number_of_parts()
        yield RoundTrip([build(part, *args, **kwargs) for part in steps.parts])

    presented(method, build, returns="Steps[None]")
    return method


class SplitSteps:
    """The steps of every method of a split scope.

    Arguments, results and errors are those of the methods of ``Scope`` that have the same names, but for what a doc
    string says. A method that writes to several parts is not atomic: if it fails, some parts may be changed and others
    not. Unless it says otherwise, the same call can be made again, and completes what is missing.
    """

    def __init__(
        self, name: Name, parts: int, encode: Callable[[Word], bytes], decode: Callable[[bytes], Name]
    ) -> None:
        self._encode = encode
        self._decode = decode
        #: Build the commands of each part.
        self.parts = [Commands(part, decode) for part in part_names(name, parts)]
        #: That of the part that there would be next, if the scope can have several.
        following = part_names(name, parts + 1)[parts:] if 1 < parts < MOST_PARTS else []
        self._next = [Commands(part, decode) for part in following]

    def part_of(self, item: Name) -> int:
        """The number of the part that an item is in."""
        return part_of(self._encode(item), len(self.parts))

    def home(self, item: Name) -> Commands:
        """Builds commands of the part that an item is in."""
        return self.parts[self.part_of(item)]

    def check_number_of_parts(self) -> Steps[None]:
        """Checks that there are no further parts: with another number, items would be looked for in other parts.

        Errors: ``ValueError`` if there is one more.
        """
        infos = yield RoundTrip([part.info() for part in self._next])
        if any(infos):
            raise ValueError(f"the split scope has more than {len(self.parts)} parts: {self._next[0].scope!r} exists")

    create = _of_all_parts(Commands.create)
    alter = _of_all_parts(Commands.alter)

    def info(self) -> Steps[SplitScopeInfo | None]:
        """The definitions of the parts, and what is in their indexes; None if no part exists."""
        infos: list[ScopeInfo | None] = yield RoundTrip([part.info() for part in self.parts])
        indexes: dict[Name, list[IndexInfo]] = defaultdict(list)
        for info in filter(None, infos):
            for name, index in info.indexes.items():
                indexes[name].append(index)
        if not any(infos):
            return None
        return SplitScopeInfo(infos, {name: _sum_of(found) for name, found in indexes.items()})

    def drop(self, *indexes: Name) -> Steps[int]:
        """Deletes these indexes, or without any all parts. Returns the number of chunks that were freed."""
        freed: list[int] = yield RoundTrip([part.drop(*indexes) for part in self.parts])
        return sum(freed)

    def record(
        self,
        item: Name,
        *clauses: Clause,
        timestamp: int | None = None,
        count: int | None = None,
        only_new: bool = False,
        replace: bool = False,
    ) -> Steps[list[list[int]]]:
        """The same as ``Scope.record``, in the item's part."""
        command = self.home(item).record(
            item, *clauses, timestamp=timestamp, count=count, only_new=only_new, replace=replace
        )
        return (yield from _single(command))

    def record_observation(self, observation: Observation) -> Steps[list[list[int]]]:
        """The same as ``record``, from a value."""
        return (yield from _single(self.home(observation.item).record_observation(observation)))

    def record_batch(self, observations: Sequence[Observation]) -> Steps[int]:
        """Records observations in one round trip. Returns their number."""
        yield RoundTrip([self.home(one.item).record_observation(one) for one in observations])
        return len(observations)

    def forget(
        self, item: Name, *clauses: Clause, timestamp: int | None = None, count: int | None = None
    ) -> Steps[list[list[int]]]:
        """The same as ``Scope.forget``, in the item's part."""
        command = self.home(item).forget(item, *clauses, timestamp=timestamp, count=count)
        return (yield from _single(command))

    def assign(
        self,
        item: Name,
        *clauses: Clause,
        min_score: float,
        score: str | None = None,
        timestamp: int | None = None,
    ) -> Steps[Assigned | None]:
        """Adds an observation to the most similar item of all parts if it reaches ``min_score``, or else to the one
        given.

        Not atomic: it searches all parts in one round trip, and records in a second one. Two clients that see the same
        new text at the same moment may start an item each; ``merge`` makes them one. An item that is deleted between
        the two is there again.

        Errors: those of ``Scope.assign``, and of ``classify`` here. If the second round trip breaks, repeating the call
        may record the observation twice, as with ``record``.
        """
        # Phase 1: the best item of each part, and whether the given one is known.
        home = self.home(item)
        indexes = {self._encode(clause.index): clause.index for clause in clauses}
        known: list[Command[Any]] = [home.count(index, item, timestamp=timestamp) for index in indexes.values()]
        options = _given(score=score, timestamp=timestamp)
        asked: QueryOptions = {**options, "limit": 1, "with_counts": True}
        searches = [part.classify_combined(*clauses, **asked) for part in self.parts]
        answers = yield from self._scattered([*known, *searches], options)
        counts, found = answers[: len(known)], cast("list[list[Combined]]", answers[len(known) :])

        # Phase 2: record where the observation belongs.
        best = next(iter(self._best(found, {"limit": 1})), None)
        joins = best is not None and best.score >= min_score
        chosen = best.item if best is not None and joins else item
        recorded = yield from self.record(chosen, *clauses, timestamp=timestamp)
        if not any(recorded):
            return None
        created = not joins and not any(map(sum, counts))
        return Assigned(self._as_result(chosen), best.score if best else None, created)

    def classify(self, query: QueryClause, **options: Unpack[QueryOptions]) -> Steps[list[Match]]:
        """The items of all parts that are similar to a text, features, a signature or a profile, best first.

        A query that names no score uses that of the parts, and looks at it each time.

        Errors: those of ``Scope.classify``; ``ValueError`` for the score SIGNIFICANCE, and for parts that have
        different scores.
        """
        (found,) = yield from self.classify_each(query, **options)
        return found

    def classify_each(
        self, *queries: QueryClause, **options: Unpack[QueryOptions]
    ) -> Steps[list[list[Match]]]:
        """For each clause, the items similar to it, as ``classify`` returns them."""
        asked: QueryOptions = {**options, "with_counts": True}
        answers = yield from self._scattered([part.classify_each(*queries, **asked) for part in self.parts], options)
        return [self._best(lists, options) for lists in zip(*answers)]

    def classify_combined(
        self, *queries: QueryClause, **options: Unpack[QueryOptions]
    ) -> Steps[list[Combined]]:
        """The items similar to all the clauses together, by the mean of their scores, best first."""
        asked: QueryOptions = {**options, "with_counts": True}
        commands = [part.classify_combined(*queries, **asked) for part in self.parts]
        return self._best((yield from self._scattered(commands, options)), options)

    def compare(
        self, item: Name, index: Name, *, with_self: bool = False, **options: Unpack[QueryOptions]
    ) -> Steps[list[Match]]:
        """The items of all parts that are similar to an item, best first, without itself unless ``with_self`` says so.

        The item's profile is exported first, and travels to the other parts: two round trips.

        Errors: those of ``Scope.compare``, and of ``classify`` here.
        """
        (found,) = yield from self.compare_each(item, [index], with_self=with_self, **options)
        return found

    def compare_each(
        self, item: Name, indexes: Sequence[Name], *, with_self: bool = False, **options: Unpack[QueryOptions]
    ) -> Steps[list[list[Match]]]:
        """For each index, the items similar to an item, as ``compare`` returns them."""
        asked: QueryOptions = {**options, "with_counts": True}
        home, others, profiles = yield from self._profiles(item, indexes, options)
        own = home.compare_each(item, indexes, with_self=with_self, **asked)
        commands = [own, *(part.classify_each(*profiles, **asked) for part in others)]
        answers = yield from self._scattered(commands, options)
        return [self._best(lists, options) for lists in zip(*answers)]

    def compare_combined(
        self, item: Name, indexes: Sequence[Name], *, with_self: bool = False, **options: Unpack[QueryOptions]
    ) -> Steps[list[Combined]]:
        """The items similar to an item in all the indexes together, by the mean of their scores, best first."""
        asked: QueryOptions = {**options, "with_counts": True}
        home, others, profiles = yield from self._profiles(item, indexes, options)
        own = home.compare_combined(item, indexes, with_self=with_self, **asked)
        commands = [own, *(part.classify_combined(*profiles, **asked) for part in others)]
        return self._best((yield from self._scattered(commands, options)), options)

    def count(
        self, index: Name, *items: Name, timestamp: int | None = None, window: int | None = None
    ) -> Steps[list[int]]:
        """For each item, its observations in the window; 0 if it is not there."""
        return (
            yield from self._by_part(
                items, lambda part, own: part.count(index, *own, timestamp=timestamp, window=window)
            )
        )

    def frequencies(
        self, index: Name, item: Name, *, timestamp: int | None = None, window: int | None = None
    ) -> Steps[list[dict[bytes, int]]]:
        """For each band, how often an item was seen in each bucket."""
        command = self.home(item).frequencies(index, item, timestamp=timestamp, window=window)
        return (yield from _single(command))

    def delete(self, *pairs: tuple[Name, Name]) -> Steps[int]:
        """Deletes each (index, item); the index ``"*"`` is every index. Returns the number of pairs that existed."""
        pairs_by_part: dict[int, list[tuple[Name, Name]]] = defaultdict(list)
        for index, item in pairs:
            pairs_by_part[self.part_of(item)].append((index, item))
        deleted: list[int] = yield RoundTrip(
            [self.parts[part].delete(*own) for part, own in pairs_by_part.items()]
        )
        return sum(deleted)

    def export(self, *pairs: tuple[Name, Name]) -> Steps[list[bytes | None]]:
        """A blob for each (index, item), to be imported elsewhere or asked for as a profile; None if nothing was
        seen."""
        return (yield from self._by_part(pairs, lambda part, own: part.export(*own)))

    def import_(self, *triples: tuple[Name, Name, bytes]) -> Steps[list[int]]:
        """Adds the blob to each (index, item, blob). Returns the numbers of observations that were added.

        Errors: those of ``Scope.import_``. Then other parts may have added theirs, and a second call adds them again.
        """
        return (yield from self._by_part(triples, lambda part, own: part.import_(*own)))

    def merge(self, destination: Name, *pairs: tuple[Name, Name]) -> Steps[int]:
        """Moves the observations of each (index, source) to an item; the index ``"*"`` is every index.

        Returns the number of pairs that had any. In the destination's part that is one command. From another part it
        takes several: a source is renamed, copied to the destination's part, deleted in its own, and merged there.
        Not atomic: meanwhile searches find it under a name that begins with a zero byte, and for a moment twice.

        The destination keeps its own sketch, also where the source was seen first: no part knows that.

        Errors: those of ``Scope.merge``. If the destination's part refuses a source, it stays what it was. If a
        connection breaks on the way, make the same call again, until it succeeds: nothing is lost or counted twice, and
        until then the observations are under the name that begins with a zero byte. Two clients must not merge the same
        source into the same destination at the same time.
        """
        home = self.part_of(destination)
        near = [(index, source) for index, source in pairs if self.part_of(source) == home]
        far = [(index, source) for index, source in pairs if self.part_of(source) != home]
        # First what may be refused for its arguments: then nothing has changed.
        merged = 0
        if near or not far:
            merged = yield from _single(self.parts[home].merge(destination, *near))
        if far:
            moves = yield from self._moves(destination, far)
            merged += yield from moved(destination, moves)
        return merged

    def members(
        self,
        index: Name,
        band: int,
        bucket: Name,
        *,
        timestamp: int | None = None,
        window: int | None = None,
    ) -> Steps[list[Name]]:
        """The items of all parts that were seen in a bucket of a band."""
        answers: list[list[Name]] = yield RoundTrip(
            [part.members(index, band, bucket, timestamp=timestamp, window=window) for part in self.parts]
        )
        return sorted(chain.from_iterable(answers), key=self._encode)

    def signature(self, source: str | bytes | Iterable[Name]) -> Steps[list[bytes]]:
        """The buckets of a text, or of features in any other collection, one for each band. Nothing is recorded."""
        return (yield from _single(self.parts[0].signature(source)))

    def signature_with_sketch(self, source: str | bytes | Iterable[Name]) -> Steps[tuple[list[bytes], bytes]]:
        """The same buckets, and the slots of the sketch; no slots if the scope has no sketch."""
        return (yield from _single(self.parts[0].signature_with_sketch(source)))

    def _as_result(self, item: Name) -> Name:
        """A name as results have it: decoded or not."""
        return self._decode(self._encode(item))

    def _scattered(self, commands: list[Command[T]], options: QueryOptions) -> Steps[list[T]]:
        """The results of the parts' commands, if the score can be had from parts."""
        score = options.get("score")
        checks = [] if score else [part.info() for part in self.parts]
        self._check_scores({score} if score else set())
        answers: list[Any] = yield RoundTrip([*checks, *commands])
        infos = cast("list[ScopeInfo | None]", answers[: len(checks)])
        self._check_scores({str(info.parameters["score"]) for info in infos if info is not None})
        return answers[len(checks) :]

    def _check_scores(self, scores: set[str]) -> None:
        if len(self.parts) > 1 and "SIGNIFICANCE" in {score.upper() for score in scores}:
            raise ValueError(
                "SIGNIFICANCE weighs buckets by how rare they are in the whole index, and no part of a split scope "
                "knows that: name the score OVERLAP, COVERAGE or JACCARD"
            )
        if len(scores) > 1:
            raise ValueError(
                f"the parts have different scores ({', '.join(sorted(scores))}): name one, or alter the parts"
            )

    def _profiles(
        self, item: Name, indexes: Sequence[Name], options: QueryOptions
    ) -> Steps[tuple[Commands, list[Commands], list[QueryClause]]]:
        """An item's part, the other parts that have to be asked, and the item's profile in each index."""
        home = self.part_of(item)
        self._check_scores({score} if (score := options.get("score")) else set())
        if len(self.parts) == 1:
            return self.parts[home], [], []
        blobs = yield from _single(self.parts[home].export(*((index, item) for index in indexes)))
        # Where an item was not seen, it is like a text without features.
        profiles: list[QueryClause] = [
            Features(index, ()) if blob is None else Profile(index, blob) for index, blob in zip(indexes, blobs)
        ]
        others = [part for number, part in enumerate(self.parts) if number != home]
        return self.parts[home], others if any(blobs) else [], profiles

    def _best(self, lists: Iterable[list[Result]], options: QueryOptions) -> list[Result]:
        """The best of the lists of all parts: by score, then observations, both descending, then by the bytes of the
        name."""
        ranked = sorted(
            chain.from_iterable(lists),
            key=lambda found: (-found.score, -(found.observations or 0), self._encode(found.item)),
        )
        limit = options.get("limit")
        if limit != 0:
            del ranked[DEFAULT_LIMIT if limit is None else limit :]
        if options.get("with_counts"):
            return ranked
        return [replace(found, observations=None) for found in ranked]

    def _by_part(
        self, words: Sequence[Any], build: Callable[[Commands, list[Any]], Command[list[T]]]
    ) -> Steps[list[T]]:
        """A result for each of these items, or tuples with an item in second place, from one command for each part."""
        places_by_part: dict[int, list[int]] = defaultdict(list)
        for place, word in enumerate(words):
            item = word[1] if isinstance(word, tuple) else word
            places_by_part[self.part_of(item)].append(place)
        answers: list[list[T]] = yield RoundTrip(
            [build(self.parts[part], [words[place] for place in own]) for part, own in places_by_part.items()]
        )
        places = chain.from_iterable(places_by_part.values())
        found = dict(zip(places, chain.from_iterable(answers)))
        return [found[place] for place in range(len(words))]

    def _moves(self, destination: Name, pairs: list[tuple[Name, Name]]) -> Steps[list[Move]]:
        """What has to be moved to the destination's part, each once."""
        target = self.home(destination)
        indexes: set[bytes] = set()
        if any(self._encode(index) == b"*" for index, _ in pairs):
            # Also the indexes of the destination's part: a move that was interrupted may have emptied the source's.
            parts = {self.part_of(source) for _, source in pairs} | {self.part_of(destination)}
            infos: list[ScopeInfo | None] = yield RoundTrip([self.parts[part].info() for part in sorted(parts)])
            indexes = {self._encode(index) for info in infos if info is not None for index in info.indexes}
        named = {
            (name, self._encode(source))
            for index, source in pairs
            for name in (indexes if self._encode(index) == b"*" else {self._encode(index)})
        }
        return [
            Move(index, source, moving_name(source, self._encode(destination)), self.home(source), target)
            for index, source in sorted(named)
        ]


def _single(command: Command[T]) -> Steps[T]:
    """One command, in a round trip of its own."""
    (result,) = yield RoundTrip([command])
    return cast("T", result)


def _given(*, score: str | None, timestamp: int | None) -> QueryOptions:
    """The options that are not None."""
    options: QueryOptions = {}
    if score is not None:
        options["score"] = score
    if timestamp is not None:
        options["timestamp"] = timestamp
    return options


def _sum_of(indexes: list[IndexInfo]) -> IndexInfo:
    return IndexInfo(
        chunks=sum(index.chunks for index in indexes),
        items=sum(index.items for index in indexes),
        buckets=sum(index.buckets for index in indexes),
        observations=sum(index.observations for index in indexes),
        bytes=sum(index.bytes for index in indexes),
        oldest=min(index.oldest for index in indexes),
        newest=max(index.newest for index in indexes),
    )
