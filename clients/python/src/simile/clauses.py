"""What is recorded and what is asked for: the clauses of the commands, as values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Union

#: The name of a scope, an index or an item. A ``str`` is sent in the client's encoding, UTF-8 unless it says otherwise.
Name = Union[str, bytes]
#: A word of a command. The client encodes it.
Word = Union[str, bytes, int, float]


@dataclass(frozen=True)
class Text:
    """A text in UTF-8, which the server turns into features by the rules of the scope (shingle, lowercase, mask)."""

    index: Name
    text: Name

    def words(self) -> list[Word]:
        """The words of the clause, as the server expects them."""
        return ["TEXT", self.index, self.text]


@dataclass(frozen=True)
class Features:
    """A set of features, each any bytes: order and repetition do not matter."""

    index: Name
    features: Iterable[Name]

    def __post_init__(self) -> None:
        # Kept, since an iterator could be read only once, and a command may be sent again.
        object.__setattr__(self, "features", _collection(self.features, "features"))

    def words(self) -> list[Word]:
        """The words of the clause, as the server expects them."""
        features = list(self.features)
        return ["FEATURES", self.index, len(features), *features]


@dataclass(frozen=True)
class Signature:
    """Ready buckets, one for each band of the scope, each any bytes; and the slots of a sketch if there are any."""

    index: Name
    buckets: Sequence[Name]
    #: For the score JACCARD: a byte for each slot, as ``Scope.signature_with_sketch`` returns them.
    sketch: bytes | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "buckets", _collection(self.buckets, "buckets"))

    def words(self) -> list[Word]:
        """The words of the clause, as the server expects them."""
        sketch: list[Word] = ["SKETCH", self.index, self.sketch] if self.sketch is not None else []
        return ["SIGNATURE", self.index, len(self.buckets), *self.buckets, *sketch]


@dataclass(frozen=True)
class Profile:
    """All observations of an item: a blob of ``Scope.export``, from any scope that makes the same buckets."""

    index: Name
    blob: bytes

    def words(self) -> list[Word]:
        """The words of the clause, as the server expects them."""
        return ["PROFILE", self.index, self.blob]


#: What can be recorded.
Clause = Union[Text, Features, Signature]
#: What can be asked for.
QueryClause = Union[Text, Features, Signature, Profile]


@dataclass(frozen=True)
class Observation:
    """One call of ``record``, for ``record_many``."""

    item: Name
    clauses: Clause | Sequence[Clause]
    #: Seconds since the epoch; the server's time if None.
    timestamp: int | None = None
    #: How often it was seen; once if None.
    count: int | None = None


def clause_words(clauses: Iterable[QueryClause]) -> list[Word]:
    """The words of several clauses, one after the other."""
    return [word for clause in clauses for word in clause.words()]


def source_words(source: str | bytes | Iterable[Name]) -> list[Word]:
    """A text, or the features of any other collection, without an index."""
    if isinstance(source, (str, bytes)):
        return ["TEXT", source]
    features = list(source)
    return ["FEATURES", len(features), *features]


def _collection(words: Iterable[Name], what: str) -> tuple[Name, ...]:
    # A bare string is a collection too, of its characters: never what is meant.
    if isinstance(words, (str, bytes)):
        raise TypeError(f"{what} must be a collection of str or bytes, not one {type(words).__name__}")
    return tuple(words)
