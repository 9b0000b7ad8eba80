"""Simile's commands for redis-py: one file to copy, with nothing to install besides redis.

    >>> from redis import Redis
    >>> from simile import Scope, Text
    >>> errors = Scope(Redis(), "errors")
    >>> errors.create(threshold=0.5, shingle="WORDS 1", mask=True)
    >>> errors.record("issue-1", Text("message", "connection to db-7 refused"))
    >>> errors.classify(Text("message", "connection to db-1 refused"))
    [Match(item=b'issue-1', score=1.0)]

A client may be a ``Redis`` or a ``RedisCluster``, speak RESP2 or RESP3, and decode responses or not:
names of items and indexes come back as the client returns strings: ``str`` with ``decode_responses=True``, else
``bytes``. Buckets and blobs are always ``bytes``, since they are not text.

The methods and their arguments have the names of the commands; the reference says what each command does and
which errors it returns. Errors are raised as ``redis.ResponseError``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional, Union

from redis import Redis
from redis.cluster import RedisCluster

Client = Union[Redis, RedisCluster]
Name = Union[str, bytes]


@dataclass(frozen=True)
class Text:
    """A text, which the scope turns into features."""

    index: Name
    text: Name

    def words(self) -> list[Any]:
        """The words of the clause, as the server expects them."""
        return ["TEXT", self.index, self.text]


@dataclass(frozen=True)
class Features:
    """A set of features."""

    index: Name
    features: Iterable[Name]

    def words(self) -> list[Any]:
        """The words of the clause, as the server expects them."""
        features = list(self.features)
        return ["FEATURES", self.index, len(features), *features]


@dataclass(frozen=True)
class Signature:
    """Ready buckets, one for each band, and the slots of a sketch if there are any."""

    index: Name
    buckets: Sequence[Name]
    #: For the score JACCARD: a byte for each slot, as ``Scope.signature_with_sketch`` returns them.
    sketch: Optional[bytes] = None

    def words(self) -> list[Any]:
        """The words of the clause, as the server expects them."""
        sketch = ["SKETCH", self.index, self.sketch] if self.sketch is not None else []
        return ["SIGNATURE", self.index, len(self.buckets), *self.buckets, *sketch]


@dataclass(frozen=True)
class Profile:
    """A blob of ``Scope.export``, from any scope that makes the same buckets."""

    index: Name
    blob: bytes

    def words(self) -> list[Any]:
        """The words of the clause, as the server expects them."""
        return ["PROFILE", self.index, self.blob]


Clause = Union[Text, Features, Signature]
Question = Union[Text, Features, Signature, Profile]


@dataclass(frozen=True)
class Match:
    """An item that was found."""

    item: Name
    score: float
    #: In the window; None unless they were asked for by ``with_counts=True``.
    observations: Optional[int] = None


@dataclass(frozen=True)
class Combined:
    """An item that was found by several clauses or indexes together."""

    item: Name
    score: float
    #: The score by each of them; None if neither side has data.
    parts: list[Optional[float]]
    #: In the window, in all of them together; None unless they were asked for by ``with_counts=True``.
    observations: Optional[int] = None


@dataclass(frozen=True)
class Assigned:
    """The item under which an observation was recorded."""

    item: Name
    #: The best score that was found.
    score: Optional[float]
    #: True if the item had no observation in the window before.
    created: bool


@dataclass(frozen=True)
class SharedBand:
    """What two items have in common in a band."""

    #: What the band adds to the score; None by JACCARD, which compares sketches and not bands.
    share: Optional[float]
    #: Each bucket that both items were seen in, with the counts of both.
    buckets: dict[bytes, tuple[int, int]]


@dataclass(frozen=True)
class Explanation:
    """Why two items are similar."""

    #: None if neither was seen.
    score: Optional[float]
    observations: tuple[int, int]
    bands: list[SharedBand]
    #: By JACCARD, the number of slots that were compared, 0 if an item has no sketch; None by other scores.
    slots: Optional[int] = None
    #: By JACCARD, the slots that agree; None by other scores.
    agreeing: Optional[list[int]] = None


@dataclass(frozen=True)
class SignificantBucket:
    """A bucket that sets an item apart."""

    band: int
    bucket: bytes
    score: float
    #: The count of the item in the bucket, and the count of all items.
    foreground: int
    background: int


@dataclass(frozen=True)
class IndexInfo:
    """The contents of an index, in numbers."""

    chunks: int
    items: int
    buckets: int
    observations: int
    bytes: int
    oldest: int
    newest: int


@dataclass(frozen=True)
class ScopeInfo:
    """The definition of a scope, and what is in its indexes."""

    #: By the names that SIM.CREATE has for them, in lower case.
    parameters: dict[str, Union[int, str]]
    uid: str
    indexes: dict[Name, IndexInfo] = field(default_factory=dict)


class Scope:
    """A similarity index, at a key."""

    def __init__(self, client: Client, name: Name) -> None:
        self.client = client
        self.name = name
        self._encoder = client.get_encoder()

    def create(
        self,
        *,
        bands: Optional[int] = None,
        rows: Optional[int] = None,
        threshold: Optional[float] = None,
        recall: Optional[float] = None,
        slots: Optional[int] = None,
        interval: Optional[int] = None,
        retention: Optional[int] = None,
        hash: Optional[str] = None,
        seed: Optional[int] = None,
        modulus: Optional[int] = None,
        shingle: Optional[str] = None,
        lowercase: Optional[bool] = None,
        mask: Optional[bool] = None,
        sketch: Optional[int] = None,
        score: Optional[str] = None,
    ) -> None:
        """Makes the scope; ``shingle`` is, for example, ``"WORDS 1"``. An error if it exists with other parameters."""
        given = {
            "BANDS": bands,
            "ROWS": rows,
            "THRESHOLD": threshold,
            "RECALL": recall,
            "SLOTS": slots,
            "INTERVAL": interval,
            "RETENTION": retention,
            "HASH": hash,
            "SEED": seed,
            "MODULUS": modulus,
            "LOWERCASE": _yes_no(lowercase),
            "MASK": _yes_no(mask),
            "SKETCH": sketch,
            "SCORE": score,
        }
        words = _options(given) + (["SHINGLE", *shingle.split()] if shingle is not None else [])
        self._run("SIM.CREATE", *words)

    def record(self, item: Name, *clauses: Clause, timestamp: Optional[int] = None) -> list[list[int]]:
        """Adds an observation. Returns, for each clause, the item's new count in the bucket of each band."""
        return self._run("SIM.RECORD", item, *_options({"TIMESTAMP": timestamp}), *_words(clauses))

    def assign(
        self,
        item: Name,
        *clauses: Clause,
        min_score: float,
        score: Optional[str] = None,
        timestamp: Optional[int] = None,
    ) -> Optional[Assigned]:
        """Adds an observation to the best item if it reaches ``min_score``, or else to the one given. None, and
        nothing is recorded, if no clause has a feature."""
        options = _options({"MINSCORE": min_score, "SCORE": score, "TIMESTAMP": timestamp})
        reply = self._run("SIM.ASSIGN", item, *options, *_words(clauses))
        if reply is None:
            return None
        chosen, best, created = reply
        return Assigned(self._name(chosen), _float(best), bool(created))

    def classify(self, question: Question, **options: Any) -> list[Match]:
        """The items similar to a clause, best first. For the options see ``classify_each``."""
        return self.classify_each(question, **options)[0]

    def classify_each(
        self,
        *questions: Question,
        limit: Optional[int] = None,
        min_score: Optional[float] = None,
        min_bands: Union[None, int, Sequence[int]] = None,
        score: Optional[str] = None,
        timestamp: Optional[int] = None,
        window: Optional[int] = None,
        match: Optional[Name] = None,
        with_counts: bool = False,
    ) -> list[list[Match]]:
        """For each question, the items similar to it, best first; with ``match`` only those whose names match."""
        options = _query(limit, min_score, min_bands, score, timestamp, window, match, with_counts)
        return self._matches(self._run("SIM.CLASSIFY", *options, *_words(questions)))

    def classify_combined(self, *questions: Question, **options: Any) -> list[Combined]:
        """The items similar to all the questions together. The options are those of ``classify_each``."""
        words = [*_query(**_all_options(options)), "COMBINE"]
        return self._combined(self._run("SIM.CLASSIFY", *words, *_words(questions)))

    def compare(self, item: Name, index: Name, **options: Any) -> list[Match]:
        """The items similar to an item, best first, without itself. For the options see ``compare_each``."""
        return self.compare_each(item, [index], **options)[0]

    def compare_each(
        self,
        item: Name,
        indexes: Sequence[Name],
        *,
        limit: Optional[int] = None,
        min_score: Optional[float] = None,
        min_bands: Union[None, int, Sequence[int]] = None,
        score: Optional[str] = None,
        timestamp: Optional[int] = None,
        window: Optional[int] = None,
        match: Optional[Name] = None,
        with_counts: bool = False,
        with_self: bool = False,
    ) -> list[list[Match]]:
        """For each index, the items similar to an item, best first; with ``match`` only those whose names match."""
        options = _query(limit, min_score, min_bands, score, timestamp, window, match, with_counts)
        if not with_self:
            options.append("NOSELF")
        return self._matches(self._run("SIM.COMPARE", item, len(indexes), *indexes, *options))

    def compare_combined(self, item: Name, indexes: Sequence[Name], **options: Any) -> list[Combined]:
        """The items similar to an item in all the indexes together, without itself."""
        words = [*_query(**_all_options(options)), "COMBINE", "NOSELF"]
        return self._combined(self._run("SIM.COMPARE", item, len(indexes), *indexes, *words))

    def explain(
        self,
        index: Name,
        item: Name,
        other: Name,
        *,
        score: Optional[str] = None,
        timestamp: Optional[int] = None,
        window: Optional[int] = None,
    ) -> Explanation:
        """Why two items are similar: what each band adds to the score or, by JACCARD, the slots that agree."""
        options = _options({"SCORE": score, "TIMESTAMP": timestamp, "WINDOW": window})
        reply = _map(self._run("SIM.EXPLAIN", index, item, other, *options))
        bands = []
        for band in map(_map, reply[b"bands"]):
            shared = {bucket: (mine, others) for bucket, mine, others in band[b"buckets"]}
            bands.append(SharedBand(_float(band.get(b"share")), shared))
        score, (first, second) = _float(reply[b"score"]), reply[b"observations"]
        return Explanation(score, (first, second), bands, reply.get(b"slots"), reply.get(b"agreeing"))

    def significant(
        self,
        index: Name,
        item: Name,
        *,
        limit: Optional[int] = None,
        timestamp: Optional[int] = None,
        window: Optional[int] = None,
    ) -> list[SignificantBucket]:
        """The buckets that set an item apart from the rest of the index, best first."""
        options = _options({"LIMIT": limit, "TIMESTAMP": timestamp, "WINDOW": window})
        rows = self._run("SIM.SIGNIFICANT", index, item, *options)
        return [
            SignificantBucket(band, bucket, float(score), foreground, background)
            for band, bucket, score, foreground, background in rows
        ]

    def merge(self, destination: Name, *pairs: tuple[Name, Name]) -> int:
        """Gives the observations of each (index, source) to an item. Returns the number that had any."""
        return self._run("SIM.MERGE", destination, *_flat(pairs))

    def delete(self, *pairs: tuple[Name, Name]) -> int:
        """Deletes each (index, item). Returns the number that existed."""
        return self._run("SIM.DELETE", *_flat(pairs))

    def frequencies(
        self, index: Name, item: Name, *, timestamp: Optional[int] = None, window: Optional[int] = None
    ) -> list[dict[bytes, int]]:
        """For each band, how often an item was seen in each bucket."""
        options = _options({"TIMESTAMP": timestamp, "WINDOW": window})
        return [dict(band) for band in self._run("SIM.FREQUENCIES", index, item, *options)]

    def count(
        self, index: Name, *items: Name, timestamp: Optional[int] = None, window: Optional[int] = None
    ) -> list[int]:
        """For each item, its observations in the window; 0 if it is not there."""
        options = _options({"TIMESTAMP": timestamp, "WINDOW": window})
        return self._run("SIM.COUNT", index, len(items), *items, *options)

    def members(
        self,
        index: Name,
        band: int,
        bucket: Name,
        *,
        timestamp: Optional[int] = None,
        window: Optional[int] = None,
    ) -> list[Name]:
        """The items that were seen in a bucket."""
        options = _options({"TIMESTAMP": timestamp, "WINDOW": window})
        return [self._name(item) for item in self._run("SIM.MEMBERS", index, band, bucket, *options)]

    def signature(self, of: Union[str, bytes, Iterable[Name]]) -> list[bytes]:
        """The buckets of a text, or of features in any other collection. Nothing is recorded."""
        return self._run("SIM.SIGNATURE", *_source(of))

    def signature_with_sketch(self, of: Union[str, bytes, Iterable[Name]]) -> tuple[list[bytes], bytes]:
        """The same buckets, and the slots of the sketch; no slots if the scope has no SKETCH."""
        buckets, sketch = self._run("SIM.SIGNATURE", *_source(of), "WITHSKETCH")
        return buckets, sketch

    def scan(
        self, index: Name, *, match: Optional[Name] = None, count: Optional[int] = None
    ) -> Iterator[tuple[Name, int]]:
        """Iterates over all items of an index, with their observations."""
        cursor = 0
        while True:
            reply = self._run("SIM.SCAN", index, cursor, *_options({"MATCH": match, "COUNT": count}))
            cursor, flat = int(reply[0]), reply[1]
            yield from ((self._name(item), observations) for item, observations in _pairs(flat))
            if cursor == 0:
                return

    def info(self) -> Optional[ScopeInfo]:
        """The definition, and what is in the indexes; None if there is no such scope."""
        reply = self._run("SIM.INFO")
        if reply is None:
            return None
        fields = {name.decode(): value for name, value in _map(reply).items()}
        indexes = {
            self._name(index): IndexInfo(**{name.decode(): value for name, value in _map(held).items()})
            for index, held in fields.pop("indexes")
        }
        uid = fields.pop("uid").decode()
        parameters = {n: v.decode() if isinstance(v, bytes) else v for n, v in fields.items()}
        return ScopeInfo(parameters, uid, indexes)

    def alter(self, *, retention: Optional[int] = None, score: Optional[str] = None) -> None:
        """Changes the number of intervals kept before the current one, or the score of queries that name none."""
        self._run("SIM.ALTER", *_options({"RETENTION": retention, "SCORE": score}))

    def drop(self, *indexes: Name) -> int:
        """Deletes these indexes, or without any the scope. Returns the number of chunks that were freed."""
        return self._run("SIM.DROP", *indexes)

    def export(self, *pairs: tuple[Name, Name]) -> list[Optional[bytes]]:
        """A blob for each (index, item), to be imported elsewhere; None if nothing was seen."""
        return self._run("SIM.EXPORT", *_flat(pairs))

    def import_(self, *triples: tuple[Name, Name, bytes]) -> list[int]:
        """Adds the blob to each (index, item, blob). Returns the numbers of observations that were added."""
        return self._run("SIM.IMPORT", *_flat(triples))

    def _run(self, command: str, *words: Any) -> Any:
        # Undecoded, because a reply may hold bytes that are not text next to names.
        return self.client.execute_command(command, self.name, *words, NEVER_DECODE=True)

    def _name(self, name: bytes) -> Name:
        return self._encoder.decode(name)

    def _matches(self, lists: list[Any]) -> list[list[Match]]:
        return [
            [Match(self._name(item), float(score), *count) for item, score, *count in found] for found in lists
        ]

    def _combined(self, found: list[Any]) -> list[Combined]:
        return [
            Combined(self._name(item), float(score), [_float(part) for part in parts], *count)
            for item, score, parts, *count in found
        ]


def _query(
    limit: Optional[int],
    min_score: Optional[float],
    min_bands: Union[None, int, Sequence[int]],
    score: Optional[str],
    timestamp: Optional[int],
    window: Optional[int],
    match: Optional[Name],
    with_counts: Optional[bool],
) -> list[Any]:
    """The options of a query."""
    given = {
        "LIMIT": limit,
        "MINSCORE": min_score,
        "SCORE": score,
        "TIMESTAMP": timestamp,
        "WINDOW": window,
        "MATCH": match,
    }
    words = _options(given)
    if min_bands is not None:
        bands = [min_bands] if isinstance(min_bands, int) else list(min_bands)
        words += ["MINBANDS", len(bands), *bands]
    if with_counts:
        words.append("WITHCOUNTS")
    return words


def _all_options(given: dict[str, Any]) -> dict[str, Any]:
    """Every option of a query; an unknown one is a TypeError in ``_query``."""
    names = ("limit", "min_score", "min_bands", "score", "timestamp", "window", "match", "with_counts")
    return {**dict.fromkeys(names), **given}


def _options(given: Mapping[str, Any]) -> list[Any]:
    return [word for name, value in given.items() if value is not None for word in (name, value)]


def _yes_no(value: Optional[bool]) -> Optional[str]:
    return None if value is None else "yes" if value else "no"


def _source(of: Union[str, bytes, Iterable[Name]]) -> list[Any]:
    """A text, or the features of any other collection."""
    if isinstance(of, (str, bytes)):
        return ["TEXT", of]
    features = list(of)
    return ["FEATURES", len(features), *features]


def _words(clauses: Iterable[Question]) -> list[Any]:
    return [word for clause in clauses for word in clause.words()]


def _flat(tuples: Iterable[tuple[Any, ...]]) -> list[Any]:
    return [word for one in tuples for word in one]


def _float(score: Union[None, bytes, float]) -> Optional[float]:
    return None if score is None else float(score)


def _pairs(flat: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2])


def _map(reply: Any) -> dict[Any, Any]:
    """A map, which RESP2 sends as a flat array."""
    return reply if isinstance(reply, dict) else dict(_pairs(reply))
