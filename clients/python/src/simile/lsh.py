"""MinHashLSH: the interface of datasketch's class of this name, over a scope.

    >>> from datasketch import MinHash
    >>> from redis import Redis
    >>> from simile import Scope
    >>> from simile.lsh import MinHashLSH
    >>> lsh = MinHashLSH(Scope(Redis(), "pages"), threshold=0.8, num_perm=128, ttl=86_400)
    >>> lsh.insert("page-1", minhash)
    >>> lsh.query_with_scores(minhash)
    [('page-1', 1.0)]

A MinHash stays what it was: datasketch computes its hash values, in the process of the client. A band of them, as
bytes, is a bucket of the scope, so the server finds what datasketch's own storage would find: the keys that share a
band with the query. The parameters b and r are those that datasketch chooses. The scope has b bands and one row,
whatever r is: rows are for signatures that the server makes, and it makes none here.

Next to the bands each key keeps a sketch: a byte of each hash value. Two keys that agree in a share of their hash
values agree in that share of the bytes, so the server can say how similar they are (``query_with_scores``).

datasketch itself is not needed here: a MinHash is anything with a numpy array called ``hashvalues``, also a
``LeanMinHash`` and a ``WeightedMinHash``. What is not offered: ``AsyncMinHashLSH``, and the attributes ``keys`` and
``hashtables``, which are datasketch's storage.
"""

from __future__ import annotations

import io
import math
import pickle
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from simile.clauses import Name, Signature
from simile.commands import Command
from simile.scope import Scope
from simile.split import SplitScope
from simile.steps import SplitSteps

if TYPE_CHECKING:
    from typing_extensions import Self

    from simile.moves import Steps
    from simile.results import ScopeInfo

T = TypeVar("T")

#: A ttl is cut into this many intervals. The more there are, the sooner a key goes after its ttl, and the more chunks a
#: query looks into.
INTERVALS = 8
#: A key is pickled the same way by every version of Python.
PICKLE_PROTOCOL = 4
#: The most commands that are sent together.
BATCH = 1_000
#: The limits of a scope's BANDS and SKETCH.
MOST_BANDS, FEWEST_SLOTS, MOST_SLOTS = 1_024, 16, 4_096
#: An odd number without a pattern, 2^64 divided by the golden ratio: the highest byte of a product depends on every bit
#: of the other factor.
MIX = 0x9E37_79B9_7F4A_7C15


class MinHash(Protocol):
    """What is used of a MinHash."""

    @property
    def hashvalues(self) -> Any:
        """A numpy array of a number for each permutation, or of a pair of numbers if it is weighted."""


class MinHashLSH:
    """An index of MinHashes, for queries with a threshold of Jaccard similarity.

    ``scope`` is made with the parameters that are needed, or must have them already; its other indexes stay as they
    are. It may be a ``SplitScope``: then the keys are spread over the nodes of a cluster. All arguments but ``scope``, ``ttl`` and ``index`` are datasketch's:

    - ``threshold`` between 0 and 1, for which b and r are chosen, and ``weights`` of false positives and false
      negatives, which sum to 1; or ``params``, the pair (b, r) itself.
    - ``num_perm``, the number of hash values of a MinHash; for a weighted one its sample size.
    - ``prepickle``: whether keys are pickled, the default, so that any hashable object can be one. Unpickling runs what
      the pickle says: use it only with a server that nobody else can write to. Without it, keys are ``bytes``.
    - ``hashfunc``, from bytes to bytes, shortens the buckets. Eight bytes of a hash save memory and change no result.

    ``ttl`` is in seconds, and for ever if it is None: a key is found for that long after it was inserted, and is gone
    an eighth of it later at the latest (a second later, if it is 8 seconds or less). ``index`` is the name of the index
    in the scope.

    Errors: ``ValueError`` for arguments outside their limits, and a scope that exists with other parameters. In every
    method, the client's own errors for what the server refuses: for example a query that would cost more than
    ``simile.max-postings``.
    """

    def __init__(
        self,
        scope: Scope | SplitScope,
        threshold: float = 0.9,
        num_perm: int = 128,
        weights: tuple[float, float] = (0.5, 0.5),
        params: tuple[int, int] | None = None,
        prepickle: bool | None = None,
        hashfunc: Callable[[bytes], bytes] | None = None,
        *,
        ttl: int | None = None,
        index: Name = "minhash",
    ) -> None:
        _check_arguments(threshold, num_perm, weights, ttl)
        self.scope = scope
        self.index = index
        self.h = num_perm
        self.b, self.r = _checked_params(params, num_perm) if params else optimal_params(threshold, num_perm, weights)
        if not 2 <= self.b <= MOST_BANDS:
            raise ValueError(f"The number of bands must be between 2 and {MOST_BANDS}, not {self.b}")
        self.prepickle = prepickle is not False
        self.hashfunc = hashfunc
        self.ttl = ttl
        #: The number of insertions or removals that a session collects before it sends them.
        self.buffer_size = 50_000
        # A scope is a split scope with one part. Keys are bytes to the server, whatever the client decodes.
        self._split = scope if isinstance(scope, SplitScope) else SplitScope(scope.client, scope.name, 1)
        parts = len(self._split.steps.parts)
        self._steps = SplitSteps(scope.name, parts, scope.transport.encode, decode=bytes)
        self._minhash_scheme: str | None = None
        self._buffered_queries: list[Signature] = []
        self._create_scope()

    def insert(self, key: Hashable, minhash: MinHash, check_duplication: bool = True) -> None:
        """Inserts a key with its MinHash.

        A key that is inserted again, with ``check_duplication=False``, is found by both MinHashes, and its score is by
        the first. The check and the insertion are one step: of two clients that insert a key at once, one succeeds.
        If a connection breaks before the reply, and the client sends the command again, the key may exist by then.

        Errors: ``ValueError`` if the key exists, unless ``check_duplication`` is false, if the MinHash has another
        length than ``num_perm``, or another scheme than the ones before; ``TypeError`` for a key that is not bytes,
        without ``prepickle``.
        """
        (counts,) = self._run(self._insertion(key, minhash, check_duplication))
        if check_duplication and not counts:
            raise ValueError("The given key already exists")

    def insertion_session(self, buffer_size: int = 50_000) -> MinHashLSHInsertionSession:
        """A context manager whose insertions with ``check_duplication=False`` are sent many at a time."""
        return MinHashLSHInsertionSession(self, buffer_size)

    def deletion_session(self, buffer_size: int = 50_000) -> MinHashLSHDeletionSession:
        """A context manager whose removals with ``check_existence=False`` are sent many at a time."""
        return MinHashLSHDeletionSession(self, buffer_size)

    def query(self, minhash: MinHash) -> list[Hashable]:
        """The keys that share a band with a MinHash, and so are likely to be as similar as the threshold says.

        Errors: ``ValueError`` for a MinHash of another length or scheme.
        """
        (found,) = self._query([self._signature(minhash)])
        return [self._key(item) for item in found]

    def query_with_scores(
        self, minhash: MinHash, limit: int | None = None, min_score: float | None = None
    ) -> list[tuple[Hashable, float]]:
        """The keys that ``query`` finds, each with its Jaccard similarity as the two MinHashes estimate it, best first.

        At most ``limit`` keys if it is given, and only those with ``min_score`` or more. The score is within about 0.01
        of what ``MinHash.jaccard`` says. Of equal scores, the key that was inserted first comes first.

        Errors: ``ValueError`` for a MinHash of another length or scheme.
        """
        clause = self._signature(minhash)
        wanted: dict[str, Any] = {} if min_score is None else {"min_score": min_score}
        matches = self._take(self._steps.classify(clause, limit=limit or 0, score="JACCARD", **wanted))
        return [(self._key(_as_bytes(match.item)), match.score) for match in matches]

    def add_to_query_buffer(self, minhash: MinHash) -> None:
        """Adds a MinHash to those that ``collect_query_buffer`` asks for together.

        Errors: ``ValueError`` for a MinHash of another length or scheme.
        """
        self._buffered_queries.append(self._signature(minhash))

    def collect_query_buffer(self) -> list[Hashable]:
        """The keys that ``query`` finds for every MinHash in the buffer. The buffer is empty then."""
        queries, self._buffered_queries = self._buffered_queries, []
        found = list(self._query(queries))
        return [self._key(item) for item in set.intersection(*found)] if found else []

    def remove(self, key: Hashable) -> None:
        """Removes a key.

        Errors: ``ValueError`` if it does not exist.
        """
        if not self._run(self._removal(key)):
            raise ValueError("The given key does not exist")

    def merge(self, other: MinHashLSH, check_overlap: bool = False) -> None:
        """Adds all keys of another index, which may be on another server. It stays as it is.

        Merging once more changes no result, so a merge that was interrupted can be repeated.

        Errors: ``ValueError`` if ``num_perm``, b, r or ``ttl`` differ, or, with ``check_overlap``, if a key is in both;
        then nothing is added.
        """
        self._check_mergeable(other)
        if check_overlap:
            for items in _batches(other._items()):
                if any(self._take(self._steps.count(self.index, *items))):
                    raise ValueError("The keys are overlapping, duplicate key exists.")
        if self._minhash_scheme is None:
            self._minhash_scheme = other._minhash_scheme
        for items in _batches(other._items()):
            blobs = other._take(other._steps.export(*((other.index, item) for item in items)))
            # A key that has expired since it was listed has no blob.
            found = [(self.index, item, blob) for item, blob in zip(items, blobs) if blob is not None]
            if found:
                self._take(self._steps.import_(*found))

    def is_empty(self) -> bool:
        """Whether the index has no key."""
        info = self._take(self._steps.info())
        name = self.index.encode() if isinstance(self.index, str) else self.index
        return info is None or name not in info.indexes

    def get_counts(self) -> list[dict[bytes, int]]:
        """For each band, the number of keys in each bucket. Reads the buckets of every key."""
        return self._bucket_counts(self._items())

    def get_subset_counts(self, *keys: Hashable) -> list[dict[bytes, int]]:
        """The same as ``get_counts``, of these keys only."""
        return self._bucket_counts(self._item(key) for key in set(keys))

    def __contains__(self, key: Hashable) -> bool:
        return self._take(self._steps.count(self.index, self._item(key))) != [0]

    def _create_scope(self) -> None:
        """Makes the scope, or checks that it has the parameters of this index."""
        interval = math.ceil(self.ttl / INTERVALS) if self.ttl else 0
        slots = min(MOST_SLOTS, self.h * math.ceil(FEWEST_SLOTS / self.h))
        parameters: dict[str, Any] = {
            "bands": self.b,
            "rows": 1,
            "interval": interval,
            # Without an interval there is one chunk, and the retention means nothing.
            "retention": math.ceil(self.ttl / interval) if self.ttl else 0,
            "sketch": slots,
            # Nothing is hashed by the server. So that two indexes of other lengths are never taken for the same, the
            # seed says what they are.
            "seed": self.h << 16 | self.r,
        }
        infos = list(self._run_all(part.info() for part in self._steps.parts))
        for part, info in zip(self._steps.parts, infos):
            if info is not None:
                _check_parameters(part.scope, info, parameters)
        if None in infos:
            self._take(self._steps.create(**parameters, score="JACCARD"))

    def _check_mergeable(self, other: MinHashLSH) -> None:
        if type(self) is not type(other):
            raise ValueError(f"Cannot merge type MinHashLSH and type {type(other).__name__}.")
        if (self.h, self.b, self.r, self.ttl) != (other.h, other.b, other.r, other.ttl):
            raise ValueError("Cannot merge MinHashLSH with different initialization parameters.")
        known, known_by_other = self._minhash_scheme, other._minhash_scheme
        if known is not None and known_by_other is not None and known != known_by_other:
            raise ValueError(
                f"Cannot merge MinHashLSH indexed with MinHash scheme {known_by_other!r} into one indexed with "
                f"scheme {known!r}"
            )

    def _insertion(self, key: Hashable, minhash: MinHash, only_new: bool) -> Command[list[list[int]]]:
        clause = self._signature(minhash)
        # What is inserted sets the scheme. A query only has to have the same one.
        self._minhash_scheme = self._minhash_scheme or getattr(minhash, "scheme", None)
        item = self._item(key)
        return self._steps.home(item).record(item, clause, only_new=only_new)

    def _removal(self, key: Hashable) -> Command[int]:
        item = self._item(key)
        return self._steps.home(item).delete((self.index, item))

    def _query(self, clauses: Sequence[Signature]) -> Iterator[set[bytes]]:
        """The items that share a band with each of these."""
        parts = self._steps.parts
        # The score is not used. By OVERLAP also a key without a sketch is found.
        commands = (part.classify(clause, limit=0, score="OVERLAP") for clause in clauses for part in parts)
        answers = self._run_all(commands)
        for _ in clauses:
            yield {_as_bytes(match.item) for matches in islice(answers, len(parts)) for match in matches}

    def _signature(self, minhash: MinHash) -> Signature:
        """The buckets and the sketch of a MinHash."""
        values: Any = getattr(minhash, "hashvalues", None)
        if not hasattr(values, "astype"):
            raise TypeError(f"expected a MinHash with a numpy array of hashvalues, not {type(minhash).__name__}")
        if len(values) != self.h:
            raise ValueError(f"Expecting minhash with length {self.h}, got {len(values)}")
        scheme = getattr(minhash, "scheme", None)
        if scheme is not None and self._minhash_scheme not in (None, scheme):
            raise ValueError(
                f"MinHash scheme {scheme!r} does not match scheme {self._minhash_scheme!r} of the MinHash previously "
                "given to this index"
            )
        # The bytes of datasketch, and the same on every machine: the high byte of each number comes first.
        hashed = values.astype(values.dtype.newbyteorder(">")).tobytes()
        width = len(hashed) // self.h * self.r
        buckets = [hashed[width * band : width * (band + 1)] for band in range(self.b)]
        if self.hashfunc is not None:
            buckets = [self.hashfunc(bucket) for bucket in buckets]
        return Signature(self.index, buckets, _sketch(values))

    def _item(self, key: Hashable) -> bytes:
        """The name of the item that a key is stored as."""
        if self.prepickle:
            return _pickled(key)
        if not isinstance(key, bytes):
            raise TypeError(
                f"prepickle=False requires bytes keys, got {type(key).__name__}. "
                "Either pass bytes keys or use prepickle=True for automatic serialization."
            )
        return key

    def _key(self, item: bytes) -> Hashable:
        key: Hashable = pickle.loads(item) if self.prepickle else item
        return key

    def _items(self) -> Iterator[bytes]:
        """All items of the index, each once."""
        for part in self._steps.parts:
            seen: set[bytes] = set()
            cursor = None
            while cursor != 0:
                page = self._run(part.scan_page(self.index, cursor or 0, count=BATCH))
                items = {_as_bytes(item) for item, _ in page.items} - seen
                yield from items
                seen |= items
                cursor = page.cursor

    def _bucket_counts(self, items: Iterable[bytes]) -> list[dict[bytes, int]]:
        counts: list[Counter[bytes]] = [Counter() for _ in range(self.b)]
        commands = (self._steps.home(item).frequencies(self.index, item) for item in items)
        for frequencies in self._run_all(commands):
            for keys_by_bucket, count_by_bucket in zip(counts, frequencies):
                keys_by_bucket.update(count_by_bucket.keys())
        return [dict(keys_by_bucket) for keys_by_bucket in counts]

    def _take(self, steps: Steps[T]) -> T:
        return self._split.take(steps)

    def _run(self, command: Command[T]) -> T:
        return self.scope.transport.run(command)

    def _run_all(self, commands: Iterable[Command[T]]) -> Iterator[T]:
        for batch in _batches(commands):
            yield from self.scope.transport.run_all(batch)


class MinHashLSHInsertionSession:
    """Inserts many keys; made by ``MinHashLSH.insertion_session``.

    With ``check_duplication``, a key is inserted at once, since the server has to say whether it is new. Without, it is
    inserted when the buffer is full, or at the end of the session, whether that ends with an error or not.
    """

    def __init__(self, lsh: MinHashLSH, buffer_size: int) -> None:
        self.lsh = lsh
        lsh.buffer_size = buffer_size
        self._buffer: list[Command[Any]] = []
        self._buffered_items: set[bytes] = set()

    def insert(self, key: Hashable, minhash: MinHash, check_duplication: bool = True) -> None:
        """The same as ``MinHashLSH.insert``. With the check, a key in the buffer exists, too."""
        item = self.lsh._item(key)
        if check_duplication:
            if item in self._buffered_items:
                raise ValueError("The given key already exists")
            return self.lsh.insert(key, minhash)
        self._buffer.append(self.lsh._insertion(key, minhash, only_new=False))
        self._buffered_items.add(item)
        if len(self._buffer) >= self.lsh.buffer_size:
            self.close()

    def close(self) -> None:
        """Sends what is in the buffer."""
        buffer, self._buffer = self._buffer, []
        self._buffered_items.clear()
        for _ in self.lsh._run_all(buffer):
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class MinHashLSHDeletionSession:
    """Removes many keys; made by ``MinHashLSH.deletion_session``.

    With ``check_existence``, a key is removed at once, since the server has to say whether it exists. Without, it is
    removed when the buffer is full, or at the end of the session, whether that ends with an error or not.
    """

    def __init__(self, lsh: MinHashLSH, buffer_size: int) -> None:
        self.lsh = lsh
        lsh.buffer_size = buffer_size
        self._buffer: list[Command[int]] = []

    def remove(self, key: Hashable, check_existence: bool = True) -> None:
        """Removes a key.

        Errors: ``ValueError`` if it does not exist, unless ``check_existence`` is false.
        """
        if check_existence:
            return self.lsh.remove(key)
        self._buffer.append(self.lsh._removal(key))
        if len(self._buffer) >= self.lsh.buffer_size:
            self.close()

    def close(self) -> None:
        """Sends what is in the buffer."""
        buffer, self._buffer = self._buffer, []
        for _ in self.lsh._run_all(buffer):
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def optimal_params(threshold: float, num_perm: int, weights: tuple[float, float] = (0.5, 0.5)) -> tuple[int, int]:
    """The number of bands b and of rows r that datasketch chooses: of all with b * r up to ``num_perm``, those with the
    least weighted sum of two areas, of false positives below the threshold and of false negatives above it.

    Two sets of similarity s miss each other in all bands with probability (1 - s^r)^b. Its integral from 0 to t,
    I(b), needs no numerical integration: by parts, I(b) = (t (1 - t^r)^b + r b I(b - 1)) / (1 + r b), and I(0) = t.
    All terms are positive, so nothing cancels out.
    """
    errors = {}
    for r in range(1, num_perm + 1):
        missed, missed_below, missed_in_all = 1.0, threshold, 1.0
        for b in range(1, num_perm // r + 1):
            missed *= 1 - threshold**r
            missed_below = (threshold * missed + r * b * missed_below) / (1 + r * b)
            missed_in_all = r * b * missed_in_all / (1 + r * b)
            errors[b, r] = (threshold - missed_below) * weights[0] + (missed_in_all - missed_below) * weights[1]
    # Of equal errors, the fewest bands, as in datasketch.
    return min(sorted(errors), key=errors.__getitem__)


def _check_arguments(threshold: float, num_perm: int, weights: tuple[float, float], ttl: int | None) -> None:
    if not 0 <= threshold <= 1:
        raise ValueError("threshold must be in [0.0, 1.0]")
    if num_perm < 2:
        raise ValueError("Too few permutation functions")
    if num_perm > 65_535:
        raise ValueError("num_perm must be at most 65535")
    if any(not 0 <= weight <= 1 for weight in weights):
        raise ValueError("Weight must be in [0.0, 1.0]")
    if sum(weights) != 1:
        raise ValueError("Weights must sum to 1.0")
    if ttl is not None and (not isinstance(ttl, int) or ttl < 1):
        raise ValueError(f"ttl must be a whole number of seconds, 1 or more, not {ttl!r}")


def _checked_params(params: tuple[int, int], num_perm: int) -> tuple[int, int]:
    b, r = params
    if b * r > num_perm or r < 1:
        raise ValueError(
            f"The product of b and r in params is {b} * {r} = {b * r} -- it must be at most num_perm {num_perm}, and r "
            "at least 1. Did you forget to specify num_perm?"
        )
    return b, r


def _check_parameters(scope: Name, info: ScopeInfo, parameters: dict[str, Any]) -> None:
    for name, value in parameters.items():
        found = info.parameters[name]
        if found != value:
            raise ValueError(
                f"the scope {scope!r} exists with {name.upper()} {found}, not {value}: it was made for something else, "
                "or with another num_perm, threshold, weights, params or ttl"
            )


def _sketch(values: Any) -> bytes:
    """A byte of each hash value. Those of equal values are equal, those of others by chance once in 256 times.

    If there are fewer values than a sketch must have slots, they are repeated, which leaves shares as they are.
    """
    mixed = values.astype("uint64")
    if mixed.ndim == 2:
        # A weighted MinHash: of each pair, both numbers must agree.
        mixed = mixed[:, 0] * MIX + mixed[:, 1]
    slots: bytes = (mixed * MIX >> 56).astype("uint8").tobytes()
    return (slots * math.ceil(FEWEST_SLOTS / len(slots)))[:MOST_SLOTS]


def _pickled(key: Hashable) -> bytes:
    """The pickle of a key. It does not refer back to objects: else that of ("a", "a") would depend on whether the two
    are the same object."""
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, PICKLE_PROTOCOL)
    pickler.fast = True
    pickler.dump(key)
    return stream.getvalue()


def _as_bytes(item: Name) -> bytes:
    """An item of ``MinHashLSH._steps``, which decode nothing."""
    assert isinstance(item, bytes)
    return item


def _batches(words: Iterable[T]) -> Iterator[Sequence[T]]:
    batch: list[T] = []
    for word in words:
        batch.append(word)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
