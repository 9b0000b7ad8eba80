"""What the commands return, as values.

Names of items and indexes are ``str`` if the client was made with ``decode_responses=True``, else ``bytes``. Buckets,
sketches and blobs are always ``bytes``, since they are not text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simile.clauses import Name


@dataclass(frozen=True)
class Match:
    """An item that was found."""

    item: Name
    #: From 0 to 1, or by SIGNIFICANCE any number from 0.
    score: float
    #: In the window; None unless they were asked for by ``with_counts=True``.
    observations: int | None = None


@dataclass(frozen=True)
class Combined:
    """An item that was found by several clauses or indexes together."""

    item: Name
    #: The mean of the parts that are not None.
    score: float
    #: The score by each clause or index; None if neither side has data.
    parts: list[float | None]
    #: In the window, in all of the indexes together; None unless they were asked for by ``with_counts=True``.
    observations: int | None = None


@dataclass(frozen=True)
class Assigned:
    """The item under which an observation was recorded."""

    item: Name
    #: The best score that was found; None if no item shares a bucket.
    score: float | None
    #: True if the item had no observation in the window before.
    created: bool


@dataclass(frozen=True)
class SharedBand:
    """What two items have in common in a band."""

    #: What the band adds to the score; None by JACCARD, which compares sketches and not bands.
    share: float | None
    #: Each bucket that both items were seen in, with the counts of both.
    buckets: dict[bytes, tuple[int, int]]


@dataclass(frozen=True)
class Explanation:
    """Why two items are similar."""

    #: None if neither was seen.
    score: float | None
    #: Of the one, and of the other.
    observations: tuple[int, int]
    bands: list[SharedBand]
    #: By JACCARD, the number of slots that were compared, 0 if an item has no sketch; None by other scores.
    slots: int | None = None
    #: By JACCARD, the slots that agree, counted from 0; None by other scores.
    agreeing: list[int] | None = None


@dataclass(frozen=True)
class SignificantBucket:
    """A bucket that sets an item apart."""

    band: int
    bucket: bytes
    score: float
    #: The count of the item in the bucket.
    foreground: int
    #: The count of all items in the bucket.
    background: int


@dataclass(frozen=True)
class IndexInfo:
    """The contents of an index, in numbers."""

    chunks: int
    items: int
    buckets: int
    observations: int
    #: Of memory.
    bytes: int
    #: The first second of the oldest chunk, since the epoch.
    oldest: int
    #: The first second of the newest chunk, since the epoch.
    newest: int


@dataclass(frozen=True)
class ScopeInfo:
    """The definition of a scope, and what is in its indexes."""

    #: Those of ``create``, by name and as ``create`` takes them.
    parameters: dict[str, int | str | bool]
    #: The similarity from which on two sets share a band with the probability ``recall``, 0.95 unless it was given.
    meets: float
    #: The identity of this scope: another one, if it is dropped and made anew.
    uid: str
    indexes: dict[Name, IndexInfo] = field(default_factory=dict)


@dataclass(frozen=True)
class ScanPage:
    """Some items of an index."""

    #: Where the next page begins; 0 after the last one.
    cursor: int
    #: Each item, with its observations.
    items: list[tuple[Name, int]]
