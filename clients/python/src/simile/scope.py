"""A scope: a similarity index, at a key."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from simile.clauses import Name, Observation
from simile.commands import Command, Commands
from simile.faces import presented
from simile.pipeline import AsyncPipeline, Pipeline
from simile.transport import AsyncTransport, Transport

if TYPE_CHECKING:
    from simile.transport import AsyncClient, Client

P = ParamSpec("P")
T = TypeVar("T")


def _sent(
    build: Callable[Concatenate[Commands, P], Command[T]],
) -> Callable[Concatenate[Scope, P], T]:
    def method(scope: Scope, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return scope.transport.run(build(scope.commands, *args, **kwargs))

    presented(method, build)
    return method


def _awaited(
    build: Callable[Concatenate[Commands, P], Command[T]],
) -> Callable[Concatenate[AsyncScope, P], Coroutine[Any, Any, T]]:
    async def method(scope: AsyncScope, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await scope.transport.run(build(scope.commands, *args, **kwargs))

    presented(method, build)
    return method


class Scope:
    """A scope, through a client that blocks: a ``Redis`` or ``RedisCluster``, a ``Valkey`` or ``ValkeyCluster``.

        >>> from redis import Redis
        >>> from simile import Scope, Text
        >>> errors = Scope(Redis(), "errors")
        >>> errors.create(threshold=0.5, shingle="WORDS 1", mask=True)
        >>> errors.record("issue-1", Text("message", "connection to db-7 refused"))
        >>> errors.classify(Text("message", "connection to db-1 refused"))
        [Match(item=b'issue-1', score=1.0)]

    Names are ``str`` in results if the client was made with ``decode_responses=True``, else ``bytes``; buckets, sketches
    and blobs are ``bytes`` in any case. Either protocol will do.

    Errors: ``TypeError`` for any other client, before anything is sent. Each method raises what the client raises: its
    library's ``ResponseError`` for what the server refuses, with the text of the server, and its ``ConnectionError``.
    """

    def __init__(self, client: Client, name: Name) -> None:
        self.client = client
        self.name = name
        #: Sends commands.
        self.transport = Transport(client)
        #: Builds commands, without sending them.
        self.commands = Commands(name, self.transport.decode)

    def __repr__(self) -> str:
        return f"Scope({self.client!r}, {self.name!r})"

    def pipeline(self, transaction: bool = False) -> Pipeline:
        """A batch of commands, to be sent in one round trip; inside MULTI with ``transaction``."""
        return Pipeline(self.transport, self.commands, transaction)

    def record_many(self, observations: Iterable[Observation], *, batch: int = 500) -> int:
        """Records observations, which may come from a generator, ``batch`` to a round trip. Returns their number.

        Errors: the first one of a batch is raised, after the rest of the batch was recorded.
        """
        recorded = 0
        remaining = iter(observations)
        while commands := [
            self.commands.record_observation(observation) for observation in islice(remaining, batch)
        ]:
            recorded += len(self.transport.run_all(commands))
        return recorded

    def scan(
        self, index: Name, *, match: Name | None = None, count: int | None = None
    ) -> Iterator[tuple[Name, int]]:
        """Iterates over all items of an index, with their observations.

        An item that is there all the time is returned at least once; one that is recorded or deleted meanwhile may be.
        """
        cursor = 0
        while True:
            page = self.scan_page(index, cursor, match=match, count=count)
            yield from page.items
            cursor = page.cursor
            if cursor == 0:
                return

    create = _sent(Commands.create)
    alter = _sent(Commands.alter)
    info = _sent(Commands.info)
    drop = _sent(Commands.drop)
    record = _sent(Commands.record)
    record_observation = _sent(Commands.record_observation)
    forget = _sent(Commands.forget)
    assign = _sent(Commands.assign)
    classify = _sent(Commands.classify)
    classify_each = _sent(Commands.classify_each)
    classify_combined = _sent(Commands.classify_combined)
    compare = _sent(Commands.compare)
    compare_each = _sent(Commands.compare_each)
    compare_combined = _sent(Commands.compare_combined)
    explain = _sent(Commands.explain)
    significant = _sent(Commands.significant)
    merge = _sent(Commands.merge)
    delete = _sent(Commands.delete)
    frequencies = _sent(Commands.frequencies)
    count = _sent(Commands.count)
    members = _sent(Commands.members)
    signature = _sent(Commands.signature)
    signature_with_sketch = _sent(Commands.signature_with_sketch)
    scan_page = _sent(Commands.scan_page)
    export = _sent(Commands.export)
    import_ = _sent(Commands.import_)


class AsyncScope:
    """A scope, through a client of ``redis.asyncio`` or ``valkey.asyncio``: the methods of ``Scope``, awaited.

        >>> from redis.asyncio import Redis
        >>> from simile import AsyncScope, Text
        >>> errors = AsyncScope(Redis(), "errors")
        >>> await errors.record("issue-1", Text("message", "connection to db-7 refused"))

    Errors: those of ``Scope``.
    """

    def __init__(self, client: AsyncClient, name: Name) -> None:
        self.client = client
        self.name = name
        #: Sends commands.
        self.transport = AsyncTransport(client)
        #: Builds commands, without sending them.
        self.commands = Commands(name, self.transport.decode)

    def __repr__(self) -> str:
        return f"AsyncScope({self.client!r}, {self.name!r})"

    def pipeline(self, transaction: bool = False) -> AsyncPipeline:
        """A batch of commands, to be sent in one round trip; inside MULTI with ``transaction``. Not awaited."""
        return AsyncPipeline(self.transport, self.commands, transaction)

    async def record_many(
        self, observations: Iterable[Observation] | AsyncIterable[Observation], *, batch: int = 500
    ) -> int:
        """The same as ``Scope.record_many``; the observations may come from an asynchronous generator."""
        recorded = 0
        commands: list[Command[list[list[int]]]] = []
        async for observation in each_observation(observations):
            commands.append(self.commands.record_observation(observation))
            if len(commands) == batch:
                recorded += len(await self.transport.run_all(commands))
                commands = []
        return recorded + len(await self.transport.run_all(commands))

    async def scan(
        self, index: Name, *, match: Name | None = None, count: int | None = None
    ) -> AsyncIterator[tuple[Name, int]]:
        """The same as ``Scope.scan``, for ``async for``."""
        cursor = 0
        while True:
            page = await self.scan_page(index, cursor, match=match, count=count)
            for item in page.items:
                yield item
            cursor = page.cursor
            if cursor == 0:
                return

    create = _awaited(Commands.create)
    alter = _awaited(Commands.alter)
    info = _awaited(Commands.info)
    drop = _awaited(Commands.drop)
    record = _awaited(Commands.record)
    record_observation = _awaited(Commands.record_observation)
    forget = _awaited(Commands.forget)
    assign = _awaited(Commands.assign)
    classify = _awaited(Commands.classify)
    classify_each = _awaited(Commands.classify_each)
    classify_combined = _awaited(Commands.classify_combined)
    compare = _awaited(Commands.compare)
    compare_each = _awaited(Commands.compare_each)
    compare_combined = _awaited(Commands.compare_combined)
    explain = _awaited(Commands.explain)
    significant = _awaited(Commands.significant)
    merge = _awaited(Commands.merge)
    delete = _awaited(Commands.delete)
    frequencies = _awaited(Commands.frequencies)
    count = _awaited(Commands.count)
    members = _awaited(Commands.members)
    signature = _awaited(Commands.signature)
    signature_with_sketch = _awaited(Commands.signature_with_sketch)
    scan_page = _awaited(Commands.scan_page)
    export = _awaited(Commands.export)
    import_ = _awaited(Commands.import_)


async def each_observation(
    observations: Iterable[Observation] | AsyncIterable[Observation],
) -> AsyncIterator[Observation]:
    """Iterates over observations that come from either kind of generator."""
    if isinstance(observations, AsyncIterable):
        async for observation in observations:
            yield observation
    else:
        for observation in observations:
            yield observation
