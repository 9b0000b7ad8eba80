"""Moves items from one part of a split scope to another, where they are merged into another item.

No command reaches two parts, so a move takes several, and may be interrupted after each. It can be repeated then, and
nothing is lost or counted twice, since an item has a name of its own while it is moved, under which nobody records. As
long as its old part, the origin, has something of this name, that is all of it, and what the new part, the target, has
of this name is a copy. When the origin has nothing of this name, what the target has is all of it. Each phase below
preserves that, and does no harm if it is carried out twice, as a client does that gets no reply.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from simile.clauses import Name
from simile.commands import Command, Commands

T = TypeVar("T")


@dataclass(frozen=True)
class RoundTrip:
    """Commands that are sent together."""

    commands: Sequence[Command[Any]]
    #: Whether they run inside MULTI. They are of one part, then.
    transaction: bool = False


#: What a method does. It yields round trips, is given their results, and returns the method's own. An error of a round
#: trip is raised where its results would be.
Steps = Generator[RoundTrip, list[Any], T]


@dataclass(frozen=True)
class Move:
    """An item of an index, to be merged into one of another part."""

    index: bytes
    source: bytes
    #: Of the item while it is moved.
    name: bytes
    origin: Commands
    target: Commands


def moved(destination: Name, moves: Sequence[Move]) -> Steps[int]:
    """Moves items to the part of the destination, which is the target of all of them, and merges them into it.

    Returns the number of those that had any observation.
    """
    # Phase 1: finish what was interrupted in its last phase.
    replies = yield RoundTrip(
        [part.export((move.index, move.name)) for move in moves for part in (move.origin, move.target)]
    )
    blobs: list[bytes | None] = [blob for (blob,) in replies]
    begun = {move for move, at_origin in zip(moves, blobs[::2]) if at_origin is not None}
    waiting = [move for move, at_target in zip(moves, blobs[1::2]) if at_target is not None and move not in begun]
    yield from _merged(destination, waiting)

    # Phase 2: rename. What is recorded from now on is not part of the move.
    commands: list[Command[Any]] = []
    for move in moves:
        commands.append(move.origin.merge(move.name, (move.index, move.source)))
        commands.append(move.origin.export((move.index, move.name)))
    replies = yield RoundTrip(commands)
    profiles = {move: blob for move, (blob,) in zip(moves, replies[1::2]) if blob is not None}

    if profiles:
        # Phase 3: copy to the target, instead of an earlier copy.
        try:
            yield RoundTrip(_copies(profiles), transaction=True)
        except Exception as error:
            # What was begun by an earlier call may have a copy, and stays on its way.
            if _is_refusal(error) and (renamed := profiles.keys() - begun):
                yield RoundTrip([move.origin.merge(move.source, (move.index, move.name)) for move in renamed])
            raise
        # Phase 4: delete at the origin.
        yield RoundTrip([move.origin.delete((move.index, move.name)) for move in profiles])
        # Phase 5: merge at the target.
        yield from _merged(destination, list(profiles))
    return len(profiles.keys() | waiting)


def _copies(profiles: dict[Move, bytes]) -> list[Command[Any]]:
    deletions = [move.target.delete((move.index, move.name)) for move in profiles]
    return [*deletions, *(move.target.import_((move.index, move.name, blob)) for move, blob in profiles.items())]


def _merged(destination: Name, moves: Sequence[Move]) -> Steps[None]:
    if moves:
        yield RoundTrip([moves[0].target.merge(destination, *((move.index, move.name) for move in moves))])


def moving_name(source: bytes, destination: bytes) -> bytes:
    """The name of an item while it is moved to the part of another one. It can be read in one way only."""
    return b"\0merge %d %b into %b" % (len(source), source, destination)


def _is_refusal(error: Exception) -> bool:
    """Whether the server has replied that it does not carry the commands out; else it may have carried them out."""
    return any(kind.__name__ == "ResponseError" for kind in type(error).__mro__)
