"""Reads replies: what the server sent, undecoded, becomes the values of ``results``.

A reply is the same in both protocols but for two things: in RESP2 a map is a flat array, and a score is a string.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from simile.clauses import Name
from simile.results import (
    Assigned,
    Combined,
    Explanation,
    IndexInfo,
    Match,
    ScanPage,
    ScopeInfo,
    SharedBand,
    SignificantBucket,
)


def nothing(reply: Any) -> None:
    """``OK``."""


def plain(reply: Any) -> Any:
    """Numbers, and strings that are bytes in any case."""
    return reply


def frequencies(reply: Any) -> list[dict[bytes, int]]:
    """Pairs of bucket and count, for each band."""
    return [dict(band) for band in reply]


def signature_with_sketch(reply: Any) -> tuple[list[bytes], bytes]:
    """The buckets, and the slots."""
    buckets, sketch = reply
    return buckets, sketch


def explanation(reply: Any) -> Explanation:
    """The map of SIM.EXPLAIN."""
    fields = _map(reply)
    bands = []
    for band in map(_map, fields[b"bands"]):
        shared = {bucket: (count, count_of_other) for bucket, count, count_of_other in band[b"buckets"]}
        bands.append(SharedBand(_score(band.get(b"share")), shared))
    one, other = fields[b"observations"]
    return Explanation(
        _score(fields[b"score"]), (one, other), bands, fields.get(b"slots"), fields.get(b"agreeing")
    )


def significant(reply: Any) -> list[SignificantBucket]:
    """The rows of SIM.SIGNIFICANT."""
    return [
        SignificantBucket(band, bucket, float(score), foreground, background)
        for band, bucket, score, foreground, background in reply
    ]


class NamedReplies:
    """Reads the replies that hold names, which are given to ``decode``: the client's own decoding of strings."""

    def __init__(self, decode: Callable[[bytes], Name]) -> None:
        self._decode = decode

    def names(self, reply: Any) -> list[Name]:
        """Names of items."""
        return [self._decode(name) for name in reply]

    def assigned(self, reply: Any) -> Assigned | None:
        """The triple of SIM.ASSIGN, or nil."""
        if reply is None:
            return None
        item, score, created = reply
        return Assigned(self._decode(item), _score(score), bool(created))

    def matches(self, reply: Any) -> list[Match]:
        """Pairs of item and score, with its observations if they were asked for."""
        return [Match(self._decode(item), float(score), *count) for item, score, *count in reply]

    def only_matches(self, reply: Any) -> list[Match]:
        """The list of the one clause or index that was asked for."""
        (matches,) = reply
        return self.matches(matches)

    def each_matches(self, reply: Any) -> list[list[Match]]:
        """A list for each clause or index."""
        return [self.matches(matches) for matches in reply]

    def combined(self, reply: Any) -> list[Combined]:
        """Triples of item, score and parts, with its observations if they were asked for."""
        return [
            Combined(self._decode(item), float(score), [_score(part) for part in parts], *count)
            for item, score, parts, *count in reply
        ]

    def page(self, reply: Any) -> ScanPage:
        """The cursor, and a flat array of items and observations."""
        cursor, flat = reply
        return ScanPage(int(cursor), [(self._decode(item), count) for item, count in _pairs(flat)])

    def info(self, reply: Any) -> ScopeInfo | None:
        """The map of SIM.INFO, or nil."""
        if reply is None:
            return None
        fields = {name.decode(): value for name, value in _map(reply).items()}
        indexes = {
            self._decode(index): IndexInfo(**{name.decode(): value for name, value in _map(held).items()})
            for index, held in fields.pop("indexes")
        }
        meets, uid = float(fields.pop("meets")), fields.pop("uid").decode()
        parameters = {name: _parameter(value) for name, value in fields.items()}
        return ScopeInfo(parameters, meets, uid, indexes)


def _parameter(value: bytes | int) -> int | str | bool:
    if isinstance(value, int):
        return value
    return {"yes": True, "no": False}.get(text := value.decode(), text)


def _score(score: bytes | float | None) -> float | None:
    return None if score is None else float(score)


def _pairs(flat: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2])


def _map(reply: Any) -> dict[Any, Any]:
    return reply if isinstance(reply, dict) else dict(_pairs(reply))
