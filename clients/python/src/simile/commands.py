"""Every command of a scope, built in one place that knows no client.

A ``Command`` is the words to send and the function that reads the reply. ``Scope`` sends one and waits,
``AsyncScope`` awaits it, and a ``Pipeline`` collects many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar

from simile import replies
from simile.clauses import Clause, Name, Observation, QueryClause, Word, clause_words, source_words
from simile.results import (
    Assigned,
    Combined,
    Explanation,
    Match,
    ScanPage,
    ScopeInfo,
    SignificantBucket,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")


@dataclass(frozen=True)
class Command(Generic[T]):
    """A command that has not been sent."""

    #: The command's name, the scope, and the arguments.
    words: tuple[Word, ...]
    #: Reads the reply, whose strings are bytes.
    parse: Callable[[Any], T]


class QueryOptions(TypedDict, total=False):
    """The options of a query, all of them optional."""

    #: At most this many items; 10 if it is not given, and 0 for all.
    limit: int
    #: Only items with this score or more.
    min_score: float
    #: Only items that share this many bands with the query; a number for each clause or index, or one for all.
    min_bands: int | Sequence[int]
    #: OVERLAP, COVERAGE, SIGNIFICANCE or JACCARD; the scope's own if it is not given.
    score: str
    #: The window that ends at this second since the epoch; now if it is not given.
    timestamp: int
    #: Only this many intervals, the last ones; all if it is not given.
    window: int
    #: Only items whose names match this pattern, as in KEYS.
    match: Name
    #: Whether each item comes with its observations.
    with_counts: bool


class Commands:
    """The commands of one scope.

    The methods and their arguments have the names of the commands and their options. An argument that is None is left
    to the server. What the server refuses is raised by the client, as its library's ``ResponseError``: a key that is
    not a scope, an argument outside its limits, and what the doc string of a method names besides.
    """

    def __init__(self, scope: Name, decode: Callable[[bytes], Name]) -> None:
        self.scope = scope
        self._replies = replies.NamedReplies(decode)

    def create(
        self,
        *,
        bands: int | None = None,
        rows: int | None = None,
        threshold: float | None = None,
        recall: float | None = None,
        slots: int | None = None,
        interval: int | None = None,
        retention: int | None = None,
        hash: str | None = None,
        seed: int | None = None,
        modulus: int | None = None,
        shingle: str | None = None,
        lowercase: bool | None = None,
        mask: bool | None = None,
        sketch: int | None = None,
        score: str | None = None,
    ) -> Command[None]:
        """Makes the scope, with the server's defaults for what is not given.

        ``shingle`` is, for example, ``"WORDS 1"``. Give either ``threshold``, which chooses bands, rows, sketch and
        score, or ``bands`` and ``rows``. Making a scope again with the same parameters changes nothing.

        Errors: the scope exists with other parameters; parameters that exclude one another.
        """
        options = _options(
            BANDS=bands,
            ROWS=rows,
            THRESHOLD=threshold,
            RECALL=recall,
            SLOTS=slots,
            INTERVAL=interval,
            RETENTION=retention,
            HASH=hash,
            SEED=seed,
            MODULUS=modulus,
            LOWERCASE=_yes_no(lowercase),
            MASK=_yes_no(mask),
            SKETCH=sketch,
            SCORE=score,
        )
        shingles = ["SHINGLE", *shingle.split()] if shingle is not None else []
        return self._command("SIM.CREATE", *options, *shingles, parse=replies.nothing)

    def alter(self, *, retention: int | None = None, score: str | None = None) -> Command[None]:
        """Changes the number of intervals kept before the current one, or the score of queries that name none.

        Errors: no such scope; neither is given; JACCARD without a sketch.
        """
        options = _options(RETENTION=retention, SCORE=score)
        return self._command("SIM.ALTER", *options, parse=replies.nothing)

    def info(self) -> Command[ScopeInfo | None]:
        """The definition, and what is in the indexes; None if there is no such scope."""
        return self._command("SIM.INFO", parse=self._replies.info)

    def drop(self, *indexes: Name) -> Command[int]:
        """Deletes these indexes, or without any the scope. Returns the number of chunks that were freed."""
        return self._command("SIM.DROP", *indexes, parse=replies.plain)

    def record(
        self,
        item: Name,
        *clauses: Clause,
        timestamp: int | None = None,
        count: int | None = None,
        only_new: bool = False,
        replace: bool = False,
    ) -> Command[list[list[int]]]:
        """Adds an observation of an item, ``count`` times, at ``timestamp`` in seconds since the epoch or now.

        Returns a list for each clause: the item's new count in the bucket of each band, in the chunk that was written
        to. The list is empty for a clause without a feature. With ``only_new``, nothing is recorded, and all lists are
        empty, if the item is in any index of the clauses already; with ``replace``, what it has there is deleted first.

        Errors: no clause; a text that is not UTF-8; a signature with another number of buckets than the scope has
        bands; a timestamp older than the window, or too far in the future (seconds, not milliseconds); no such scope,
        if the server may not create it.
        """
        options = _options(TIMESTAMP=timestamp, COUNT=count)
        flags = ["NX"] * only_new + ["REPLACE"] * replace
        return self._command(
            "SIM.RECORD", item, *options, *flags, *clause_words(clauses), parse=replies.plain
        )

    def record_observation(self, observation: Observation) -> Command[list[list[int]]]:
        """The same as ``record``, from a value."""
        clauses = observation.clauses if isinstance(observation.clauses, Sequence) else [observation.clauses]
        return self.record(
            observation.item, *clauses, timestamp=observation.timestamp, count=observation.count
        )

    def forget(
        self, item: Name, *clauses: Clause, timestamp: int | None = None, count: int | None = None
    ) -> Command[list[list[int]]]:
        """Takes back what ``record`` added at that time, all or nothing.

        Returns a list for each clause: the counts that are left, band by band.

        Errors: the item was not seen so often, then, in each bucket of a clause; and those of ``record``.
        """
        options = _options(TIMESTAMP=timestamp, COUNT=count)
        return self._command("SIM.FORGET", item, *options, *clause_words(clauses), parse=replies.plain)

    def assign(
        self,
        item: Name,
        *clauses: Clause,
        min_score: float,
        score: str | None = None,
        timestamp: int | None = None,
    ) -> Command[Assigned | None]:
        """Adds an observation to the most similar item if it reaches ``min_score``, or else to the one given.

        Returns the item that was chosen, or None if no clause has a feature: then nothing is recorded.

        Errors: those of ``record``, and the limit of ``classify``.
        """
        options = _options(MINSCORE=min_score, SCORE=score, TIMESTAMP=timestamp)
        words = clause_words(clauses)
        return self._command("SIM.ASSIGN", item, *options, *words, parse=self._replies.assigned)

    def classify(self, query: QueryClause, **options: Unpack[QueryOptions]) -> Command[list[Match]]:
        """The items similar to a text, features, a signature or a profile, best first.

        ``options`` are those of ``QueryOptions``. The list is empty if there is no such scope.

        Errors: a query that would cost more than ``simile.max-postings``; a blob that is not from ``export``.
        """
        words = [*_query(**options), *query.words()]
        return self._command("SIM.CLASSIFY", *words, parse=self._replies.only_matches)

    def classify_each(
        self, *queries: QueryClause, **options: Unpack[QueryOptions]
    ) -> Command[list[list[Match]]]:
        """For each clause, the items similar to it, as ``classify`` returns them."""
        words = [*_query(**options), *clause_words(queries)]
        return self._command("SIM.CLASSIFY", *words, parse=self._replies.each_matches)

    def classify_combined(
        self, *queries: QueryClause, **options: Unpack[QueryOptions]
    ) -> Command[list[Combined]]:
        """The items similar to all the clauses together, by the mean of their scores, best first."""
        words = [*_query(**options), "COMBINE", *clause_words(queries)]
        return self._command("SIM.CLASSIFY", *words, parse=self._replies.combined)

    def compare(
        self, item: Name, index: Name, *, with_self: bool = False, **options: Unpack[QueryOptions]
    ) -> Command[list[Match]]:
        """The items similar to an item, best first, without itself unless ``with_self`` says so.

        ``options`` are those of ``QueryOptions``. The list is empty if there is no such item.

        Errors: a query that would cost more than ``simile.max-postings``.
        """
        words = [item, 1, index, *_query(**options), *_no_self(with_self)]
        return self._command("SIM.COMPARE", *words, parse=self._replies.only_matches)

    def compare_each(
        self, item: Name, indexes: Sequence[Name], *, with_self: bool = False, **options: Unpack[QueryOptions]
    ) -> Command[list[list[Match]]]:
        """For each index, the items similar to an item, as ``compare`` returns them."""
        words = [item, *_counted(indexes), *_query(**options), *_no_self(with_self)]
        return self._command("SIM.COMPARE", *words, parse=self._replies.each_matches)

    def compare_combined(
        self, item: Name, indexes: Sequence[Name], *, with_self: bool = False, **options: Unpack[QueryOptions]
    ) -> Command[list[Combined]]:
        """The items similar to an item in all the indexes together, by the mean of their scores, best first."""
        words = [item, *_counted(indexes), *_query(**options), "COMBINE", *_no_self(with_self)]
        return self._command("SIM.COMPARE", *words, parse=self._replies.combined)

    def explain(
        self,
        index: Name,
        item: Name,
        other: Name,
        *,
        score: str | None = None,
        timestamp: int | None = None,
        window: int | None = None,
    ) -> Command[Explanation]:
        """Why two items are similar: what each band adds to the score or, by JACCARD, the slots that agree."""
        options = _options(SCORE=score, TIMESTAMP=timestamp, WINDOW=window)
        return self._command("SIM.EXPLAIN", index, item, other, *options, parse=replies.explanation)

    def significant(
        self,
        index: Name,
        item: Name,
        *,
        limit: int | None = None,
        timestamp: int | None = None,
        window: int | None = None,
    ) -> Command[list[SignificantBucket]]:
        """The buckets that set an item apart from the rest of the index, best first."""
        options = _options(LIMIT=limit, TIMESTAMP=timestamp, WINDOW=window)
        return self._command("SIM.SIGNIFICANT", index, item, *options, parse=replies.significant)

    def merge(self, destination: Name, *pairs: tuple[Name, Name]) -> Command[int]:
        """Moves the observations of each (index, source) to an item; the index ``"*"`` is every index.

        Returns the number of pairs that had any.

        Errors: a source is the destination; a count that would exceed 32 bits.
        """
        return self._command("SIM.MERGE", destination, *_flat(pairs), parse=replies.plain)

    def delete(self, *pairs: tuple[Name, Name]) -> Command[int]:
        """Deletes each (index, item); the index ``"*"`` is every index. Returns the number of pairs that existed."""
        return self._command("SIM.DELETE", *_flat(pairs), parse=replies.plain)

    def frequencies(
        self, index: Name, item: Name, *, timestamp: int | None = None, window: int | None = None
    ) -> Command[list[dict[bytes, int]]]:
        """For each band, how often an item was seen in each bucket."""
        options = _options(TIMESTAMP=timestamp, WINDOW=window)
        return self._command("SIM.FREQUENCIES", index, item, *options, parse=replies.frequencies)

    def count(
        self, index: Name, *items: Name, timestamp: int | None = None, window: int | None = None
    ) -> Command[list[int]]:
        """For each item, its observations in the window; 0 if it is not there.

        Errors: no item.
        """
        options = _options(TIMESTAMP=timestamp, WINDOW=window)
        return self._command("SIM.COUNT", index, *_counted(items), *options, parse=replies.plain)

    def members(
        self,
        index: Name,
        band: int,
        bucket: Name,
        *,
        timestamp: int | None = None,
        window: int | None = None,
    ) -> Command[list[Name]]:
        """The items that were seen in a bucket of a band, which is counted from 0.

        Errors: a band that the scope does not have; a bucket longer than ``simile.max-postings`` allows.
        """
        options = _options(TIMESTAMP=timestamp, WINDOW=window)
        return self._command("SIM.MEMBERS", index, band, bucket, *options, parse=self._replies.names)

    def signature(self, source: str | bytes | Iterable[Name]) -> Command[list[bytes]]:
        """The buckets of a text, or of features in any other collection, one for each band. Nothing is recorded.

        Errors: no such scope; a text that is not UTF-8.
        """
        return self._command("SIM.SIGNATURE", *source_words(source), parse=replies.plain)

    def signature_with_sketch(self, source: str | bytes | Iterable[Name]) -> Command[tuple[list[bytes], bytes]]:
        """The same buckets, and the slots of the sketch; no slots if the scope has no sketch."""
        words = [*source_words(source), "WITHSKETCH"]
        return self._command("SIM.SIGNATURE", *words, parse=replies.signature_with_sketch)

    def scan_page(
        self, index: Name, cursor: int = 0, *, match: Name | None = None, count: int | None = None
    ) -> Command[ScanPage]:
        """Some of the items of an index, with their observations, and the cursor of the next page.

        Begin with the cursor 0, until it is 0 again; ``count`` says how many items to look at. An item that is there
        all the time is returned at least once. ``Scope.scan`` iterates over all pages.
        """
        options = _options(MATCH=match, COUNT=count)
        return self._command("SIM.SCAN", index, cursor, *options, parse=self._replies.page)

    def export(self, *pairs: tuple[Name, Name]) -> Command[list[bytes | None]]:
        """A blob for each (index, item), to be imported elsewhere or asked for as a profile; None if nothing was
        seen."""
        return self._command("SIM.EXPORT", *_flat(pairs), parse=replies.plain)

    def import_(self, *triples: tuple[Name, Name, bytes]) -> Command[list[int]]:
        """Adds the blob to each (index, item, blob). Returns the numbers of observations that were added.

        Errors: no such scope; a blob that is damaged, or from a scope of other parameters. Then nothing is added.
        """
        return self._command("SIM.IMPORT", *_flat(triples), parse=replies.plain)

    def _command(self, name: str, *words: Word, parse: Callable[[Any], T]) -> Command[T]:
        return Command((name, self.scope, *words), parse)


def _query(
    *,
    limit: int | None = None,
    min_score: float | None = None,
    min_bands: int | Sequence[int] | None = None,
    score: str | None = None,
    timestamp: int | None = None,
    window: int | None = None,
    match: Name | None = None,
    with_counts: bool = False,
) -> list[Word]:
    """The words of ``QueryOptions``; any other option is a TypeError."""
    words = _options(
        LIMIT=limit, MINSCORE=min_score, SCORE=score, TIMESTAMP=timestamp, WINDOW=window, MATCH=match
    )
    if min_bands is not None:
        bands = [min_bands] if isinstance(min_bands, int) else list(min_bands)
        words += ["MINBANDS", len(bands), *bands]
    if with_counts:
        words.append("WITHCOUNTS")
    return words


def _options(**given: Word | None) -> list[Word]:
    """The options that are not None, each after its name."""
    return [word for name, value in given.items() if value is not None for word in (name, value)]


def _no_self(with_self: bool) -> list[Word]:
    return [] if with_self else ["NOSELF"]


def _yes_no(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _counted(words: Sequence[Name]) -> list[Word]:
    return [len(words), *words]


def _flat(tuples: Iterable[tuple[Word, ...]]) -> list[Word]:
    return [word for one in tuples for word in one]
