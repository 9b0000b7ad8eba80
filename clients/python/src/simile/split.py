"""A split scope: one similarity index over several scopes, which may be on several nodes of a cluster.

A scope and its chunks share one slot of a cluster, so a scope cannot grow beyond one node. A split scope ``name`` is
made of *parts*, the ordinary scopes ``name:{0}``, ``name:{1}`` and so on, whose hash tags spread them over the slots.
Each item is in one part, which a hash of its name chooses. The command-line tool splits scopes the same way.

What the methods do is in ``simile.steps``.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

from simile.clauses import Name, Observation
from simile.faces import presented
from simile.moves import RoundTrip, Steps
from simile.scope import AsyncScope, Scope, each_observation
from simile.steps import SplitSteps
from simile.transport import AsyncTransport, Transport

if TYPE_CHECKING:
    from simile.transport import AsyncClient, Client

P = ParamSpec("P")
T = TypeVar("T")


def _sent(
    build: Callable[Concatenate[SplitSteps, P], Steps[T]],
) -> Callable[Concatenate[SplitScope, P], T]:
    def method(scope: SplitScope, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return scope.take(build(scope.steps, *args, **kwargs))

    presented(method, build, returns=_result_of(build))
    return method


def _awaited(
    build: Callable[Concatenate[SplitSteps, P], Steps[T]],
) -> Callable[Concatenate[AsyncSplitScope, P], Coroutine[Any, Any, T]]:
    async def method(scope: AsyncSplitScope, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await scope.take(build(scope.steps, *args, **kwargs))

    presented(method, build, returns=_result_of(build))
    return method


def _result_of(build: Callable[..., Any]) -> str:
    return str(inspect.signature(build).return_annotation).removeprefix("Steps[").removesuffix("]")


class SplitScope:
    """A scope that is split over parts, through a client that blocks; usually a ``RedisCluster``.

        >>> from redis.cluster import RedisCluster
        >>> from simile import SplitScope, Text
        >>> errors = SplitScope(RedisCluster(port=7000), "errors", 64)
        >>> errors.create(threshold=0.5, shingle="WORDS 1", mask=True)
        >>> errors.record("issue-1", Text("message", "connection to db-7 refused"))
        >>> errors.compare("issue-1", "message")

    ``parts`` is the number of parts, and must never change: ``create`` and ``alter`` notice if there are more. Take
    several times as many as there will ever be nodes. A search costs one command a part, sent together; the client
    splits them by node.

    The methods are those of ``Scope``. What is not atomic is said where it matters. ``explain`` and ``significant``
    are missing: the parts, each a scope as ``scope_of`` returns it, know them for their own items only.

    Errors: ``ValueError`` for a number of parts that is not between 1 and 65535, and braces in the name; ``TypeError``
    for a client that ``Scope`` does not take.
    """

    def __init__(self, client: Client, name: Name, parts: int) -> None:
        self.client = client
        self.name = name
        self.transport = Transport(client)
        #: What the methods do.
        self.steps = SplitSteps(name, parts, self.transport.encode, self.transport.decode)

    def __repr__(self) -> str:
        return f"SplitScope({self.client!r}, {self.name!r}, {len(self.steps.parts)})"

    def scope_of(self, item: Name) -> Scope:
        """The part that an item is in."""
        return Scope(self.client, self.steps.parts[self.steps.part_of(item)].scope)

    def scopes(self) -> list[Scope]:
        """All parts."""
        return [Scope(self.client, part.scope) for part in self.steps.parts]

    def record_many(self, observations: Iterable[Observation], *, batch: int = 500) -> int:
        """Records observations, ``batch`` to a round trip. Returns their number.

        Errors: the first one of a batch is raised, after the rest of the batch was recorded.
        """
        remaining = iter(observations)
        recorded = 0
        while several := list(islice(remaining, batch)):
            recorded += self._record_batch(several)
        return recorded

    def scan(
        self, index: Name, *, match: Name | None = None, count: int | None = None
    ) -> Iterator[tuple[Name, int]]:
        """Iterates over all items of an index, with their observations, part by part."""
        for scope in self.scopes():
            yield from scope.scan(index, match=match, count=count)

    def take(self, steps: Steps[T]) -> T:
        """Takes the steps of a method, and returns its result."""
        try:
            trip = next(steps)
            while True:
                try:
                    results = self.send(trip)
                except Exception as error:
                    trip = steps.throw(error)
                else:
                    trip = steps.send(results)
        except StopIteration as end:
            return cast("T", end.value)

    def send(self, trip: RoundTrip) -> list[Any]:
        """The results of commands that are sent together."""
        if len(trip.commands) == 1 and not trip.transaction:
            return [self.transport.run(trip.commands[0])]
        return self.transport.run_all(trip.commands, transaction=trip.transaction)

    create = _sent(SplitSteps.create)
    alter = _sent(SplitSteps.alter)
    info = _sent(SplitSteps.info)
    drop = _sent(SplitSteps.drop)
    record = _sent(SplitSteps.record)
    record_observation = _sent(SplitSteps.record_observation)
    _record_batch = _sent(SplitSteps.record_batch)
    forget = _sent(SplitSteps.forget)
    assign = _sent(SplitSteps.assign)
    classify = _sent(SplitSteps.classify)
    classify_each = _sent(SplitSteps.classify_each)
    classify_combined = _sent(SplitSteps.classify_combined)
    compare = _sent(SplitSteps.compare)
    compare_each = _sent(SplitSteps.compare_each)
    compare_combined = _sent(SplitSteps.compare_combined)
    count = _sent(SplitSteps.count)
    frequencies = _sent(SplitSteps.frequencies)
    delete = _sent(SplitSteps.delete)
    export = _sent(SplitSteps.export)
    import_ = _sent(SplitSteps.import_)
    merge = _sent(SplitSteps.merge)
    members = _sent(SplitSteps.members)
    signature = _sent(SplitSteps.signature)
    signature_with_sketch = _sent(SplitSteps.signature_with_sketch)


class AsyncSplitScope:
    """A scope that is split over parts, through a client of ``redis.asyncio`` or ``valkey.asyncio``: the methods of
    ``SplitScope``, awaited.

    Errors: those of ``SplitScope``.
    """

    def __init__(self, client: AsyncClient, name: Name, parts: int) -> None:
        self.client = client
        self.name = name
        self.transport = AsyncTransport(client)
        #: What the methods do.
        self.steps = SplitSteps(name, parts, self.transport.encode, self.transport.decode)

    def __repr__(self) -> str:
        return f"AsyncSplitScope({self.client!r}, {self.name!r}, {len(self.steps.parts)})"

    def scope_of(self, item: Name) -> AsyncScope:
        """The part that an item is in. Not awaited."""
        return AsyncScope(self.client, self.steps.parts[self.steps.part_of(item)].scope)

    def scopes(self) -> list[AsyncScope]:
        """All parts. Not awaited."""
        return [AsyncScope(self.client, part.scope) for part in self.steps.parts]

    async def record_many(
        self, observations: Iterable[Observation] | AsyncIterable[Observation], *, batch: int = 500
    ) -> int:
        """The same as ``SplitScope.record_many``; the observations may come from an asynchronous generator."""
        recorded = 0
        several: list[Observation] = []
        async for observation in each_observation(observations):
            several.append(observation)
            if len(several) == batch:
                recorded += await self._record_batch(several)
                several = []
        return recorded + await self._record_batch(several)

    async def scan(
        self, index: Name, *, match: Name | None = None, count: int | None = None
    ) -> AsyncIterator[tuple[Name, int]]:
        """The same as ``SplitScope.scan``, for ``async for``."""
        for scope in self.scopes():
            async for item in scope.scan(index, match=match, count=count):
                yield item

    async def take(self, steps: Steps[T]) -> T:
        """Takes the steps of a method, and returns its result."""
        try:
            trip = next(steps)
            while True:
                try:
                    results = await self.send(trip)
                except Exception as error:
                    trip = steps.throw(error)
                else:
                    trip = steps.send(results)
        except StopIteration as end:
            return cast("T", end.value)

    async def send(self, trip: RoundTrip) -> list[Any]:
        """The results of commands that are sent together."""
        if len(trip.commands) == 1 and not trip.transaction:
            return [await self.transport.run(trip.commands[0])]
        return await self.transport.run_all(trip.commands, transaction=trip.transaction)

    create = _awaited(SplitSteps.create)
    alter = _awaited(SplitSteps.alter)
    info = _awaited(SplitSteps.info)
    drop = _awaited(SplitSteps.drop)
    record = _awaited(SplitSteps.record)
    record_observation = _awaited(SplitSteps.record_observation)
    _record_batch = _awaited(SplitSteps.record_batch)
    forget = _awaited(SplitSteps.forget)
    assign = _awaited(SplitSteps.assign)
    classify = _awaited(SplitSteps.classify)
    classify_each = _awaited(SplitSteps.classify_each)
    classify_combined = _awaited(SplitSteps.classify_combined)
    compare = _awaited(SplitSteps.compare)
    compare_each = _awaited(SplitSteps.compare_each)
    compare_combined = _awaited(SplitSteps.compare_combined)
    count = _awaited(SplitSteps.count)
    frequencies = _awaited(SplitSteps.frequencies)
    delete = _awaited(SplitSteps.delete)
    export = _awaited(SplitSteps.export)
    import_ = _awaited(SplitSteps.import_)
    merge = _awaited(SplitSteps.merge)
    members = _awaited(SplitSteps.members)
    signature = _awaited(SplitSteps.signature)
    signature_with_sketch = _awaited(SplitSteps.signature_with_sketch)
