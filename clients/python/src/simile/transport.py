"""Sends commands through a client of redis-py or valkey-py, and reads every reply undecoded.

This is the only module that knows what a client is. It imports neither library: a client that was made comes from one
that has been imported already.

A reply may hold bytes that are not text, so it must not be decoded, whatever the client's ``decode_responses``. Both
libraries have an option for that, ``NEVER_DECODE``, and heed it for a command that is sent by itself or in a pipeline,
but not for the reply to EXEC, which they read for all commands of a transaction together. So a transaction is sent here
as a plain pipeline whose first and last commands are MULTI and EXEC: then EXEC is a command like the others, with
an option of its own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, cast, overload

from simile.clauses import Name, Word
from simile.commands import Command

if TYPE_CHECKING:
    import redis
    import redis.asyncio
    import redis.asyncio.cluster
    import redis.cluster
    import valkey
    import valkey.asyncio
    import valkey.asyncio.cluster
    import valkey.cluster

    #: A client that blocks.
    Client = Union[redis.Redis, redis.cluster.RedisCluster, valkey.Valkey, valkey.cluster.ValkeyCluster]
    #: A client that is awaited.
    AsyncClient = Union[
        redis.asyncio.Redis,
        redis.asyncio.cluster.RedisCluster,
        valkey.asyncio.Valkey,
        valkey.asyncio.cluster.ValkeyCluster,
    ]

T = TypeVar("T")

#: The classes of clients that block, by full name, and whether each is of a cluster.
CLIENTS = {
    "redis.client.Redis": False,
    "redis.cluster.RedisCluster": True,
    "valkey.client.Valkey": False,
    "valkey.cluster.ValkeyCluster": True,
}
#: The same for clients that are awaited.
ASYNC_CLIENTS = {
    "redis.asyncio.client.Redis": False,
    "redis.asyncio.cluster.RedisCluster": True,
    "valkey.asyncio.client.Valkey": False,
    "valkey.asyncio.cluster.ValkeyCluster": True,
}
#: The oldest major version of each library that is served.
OLDEST = {"redis": 5, "valkey": 6}
#: How often a transaction is tried while a cluster moves slots or promotes a replica, and the first pause in seconds.
#: Each pause is twice as long as the one before: 6 seconds in all.
TRIES, PAUSE = 8, 0.05


class _Transport:
    """What is the same for both: which library the client is from, and how a batch is laid out."""

    def __init__(self, client: Any, served: dict[str, bool]) -> None:
        lineage = [f"{kind.__module__}.{kind.__qualname__}" for kind in client.__class__.__mro__]
        if refusal := _refusal(client, lineage, served):
            raise TypeError(refusal)
        name = next(name for name in lineage if name in served)
        self._client = client
        self._library = name.split(".")[0]
        self._is_cluster = served[name]
        version = self._module().__version__
        if int(version.split(".")[0]) < OLDEST[self._library]:
            raise TypeError(
                f"{self._library} {version} is too old: expected {OLDEST[self._library]} or newer"
            )
        encoder = self._client.get_encoder()
        #: Decodes a name as the client would.
        self.decode: Callable[[bytes], Name] = encoder.decode
        #: Encodes a word of a command as the client would.
        self.encode: Callable[[Word], bytes] = encoder.encode
        exceptions = self._module("exceptions")
        #: The errors of a cluster that is changing: a transaction is tried again, as both libraries do with a command.
        self._moving: tuple[type[Exception], ...] = (
            exceptions.MovedError,
            exceptions.AskError,
            exceptions.TryAgainError,
            exceptions.ClusterDownError,
            exceptions.SlotNotCoveredError,
            exceptions.ConnectionError,
            exceptions.TimeoutError,
        )

    def _module(self, name: str = "") -> Any:
        """A module of the library, which has been imported, since the client was made."""
        return sys.modules[f"{self._library}.{name}".rstrip(".")]

    def _words(self, command: Command[Any]) -> list[Word]:
        # Encoded here, since hiredis and libvalkey encode in UTF-8, whatever the client's encoding is.
        name, *words = command.words
        return [name, *map(self.encode, words)]

    def _pipelined(self, client: Any, commands: Sequence[Command[Any]], **options: Any) -> Any:
        """The replies to commands in a plain pipeline, errors among them; to be awaited if the client is."""
        pipeline = client.pipeline(**options)
        for command in commands:
            pipeline.execute_command(*self._words(command), NEVER_DECODE=True)
        return pipeline.execute(raise_on_error=False)

    def _slot_key(self, commands: Sequence[Command[Any]]) -> Word:
        """A key in the slot of all the commands."""
        keys = [command.words[1] for command in commands if len(command.words) > 1]
        if len({self._client.keyslot(key) for key in keys}) != 1:
            raise ValueError("in a cluster, the scopes of a transaction must be in one slot")
        return keys[0]

    def _executed(self, answers: list[Any]) -> list[Any]:
        """The replies to the commands between MULTI and EXEC."""
        executed = answers[-1]
        if isinstance(executed, Exception):
            # The commands were not run, because of the first that was not even queued.
            raise next(answer for answer in answers if isinstance(answer, Exception))
        if executed is None:
            raise self._module("exceptions").WatchError("Watched variable changed.")
        return cast("list[Any]", executed)


class Transport(_Transport):
    """Runs commands through a client that blocks."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, CLIENTS)

    def run(self, command: Command[T]) -> T:
        """Sends a command, and returns what its reply says."""
        return command.parse(self._client.execute_command(*self._words(command), NEVER_DECODE=True))

    @overload
    def run_all(
        self,
        commands: Sequence[Command[T]],
        *,
        transaction: bool = False,
        raise_on_error: Literal[True] = True,
    ) -> list[T]: ...

    @overload
    def run_all(
        self, commands: Sequence[Command[T]], *, transaction: bool = False, raise_on_error: bool
    ) -> list[T | Exception]: ...

    def run_all(
        self, commands: Sequence[Command[T]], *, transaction: bool = False, raise_on_error: bool = True
    ) -> list[T] | list[T | Exception]:
        """Sends commands together, in one round trip to each node, and returns what their replies say, in order.

        With ``transaction`` they run inside MULTI, all or none of them; in a cluster, their scopes must then be in one
        slot. With ``raise_on_error`` the first error is raised, after all commands have run; else it is returned in its
        command's place.
        """
        if not commands:
            return []
        send = self._transact if transaction else self._pipeline
        return _parsed(commands, send(commands), raise_on_error)

    def _pipeline(self, commands: Sequence[Command[Any]]) -> list[Any]:
        options = {} if self._is_cluster else {"transaction": False}
        return cast("list[Any]", self._pipelined(self._client, commands, **options))

    def _transact(self, commands: Sequence[Command[Any]]) -> list[Any]:
        if not self._is_cluster:
            return self._executed(self._pipeline(_transaction(commands)))
        slot_key = self._slot_key(commands)
        for attempt in range(TRIES):
            try:
                if attempt > 0:
                    self._client.nodes_manager.initialize()
                node = self._client.get_node_from_key(slot_key)
                client = getattr(self._client, f"get_{self._library}_connection")(node)
                return self._executed(self._pipelined(client, _transaction(commands), transaction=False))
            except self._moving:
                if attempt == TRIES - 1:
                    raise
                time.sleep(PAUSE * 2**attempt)
        raise AssertionError("the last attempt returns or raises")


class AsyncTransport(_Transport):
    """Runs commands through a client that is awaited."""

    def __init__(self, client: AsyncClient) -> None:
        super().__init__(client, ASYNC_CLIENTS)

    async def run(self, command: Command[T]) -> T:
        """Sends a command, and returns what its reply says."""
        return command.parse(await self._client.execute_command(*self._words(command), NEVER_DECODE=True))

    @overload
    async def run_all(
        self,
        commands: Sequence[Command[T]],
        *,
        transaction: bool = False,
        raise_on_error: Literal[True] = True,
    ) -> list[T]: ...

    @overload
    async def run_all(
        self, commands: Sequence[Command[T]], *, transaction: bool = False, raise_on_error: bool
    ) -> list[T | Exception]: ...

    async def run_all(
        self, commands: Sequence[Command[T]], *, transaction: bool = False, raise_on_error: bool = True
    ) -> list[T] | list[T | Exception]:
        """The same as ``Transport.run_all``."""
        if not commands:
            return []
        send = self._transact if transaction else self._pipeline
        return _parsed(commands, await send(commands), raise_on_error)

    async def _pipeline(self, commands: Sequence[Command[Any]]) -> list[Any]:
        options = {} if self._is_cluster else {"transaction": False}
        return cast("list[Any]", await self._pipelined(self._client, commands, **options))

    async def _transact(self, commands: Sequence[Command[Any]]) -> list[Any]:
        if not self._is_cluster:
            return self._executed(await self._pipeline(_transaction(commands)))
        slot_key = self._slot_key(commands)
        for attempt in range(TRIES):
            try:
                await self._client.initialize()
                if attempt > 0:
                    await self._client.nodes_manager.initialize()
                node = self._client.get_node_from_key(slot_key)
                return self._executed(await self._on_node(node, _transaction(commands)))
            except self._moving:
                if attempt == TRIES - 1:
                    raise
                await asyncio.sleep(PAUSE * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    async def _on_node(self, node: Any, commands: Sequence[Command[Any]]) -> list[Any]:
        # Not the pipeline of the cluster: if the connection breaks, that one sends each command again to whichever node
        # it thinks right, and for MULTI and EXEC, which have no key, that is any.
        make = self._module("asyncio.cluster").PipelineCommand
        batch = [make(n, *self._words(command), NEVER_DECODE=True) for n, command in enumerate(commands)]
        await node.execute_pipeline(batch)
        return [command.result for command in batch]


def _refusal(client: object, lineage: list[str], served: dict[str, bool]) -> str | None:
    """Why a client is not served, if so."""
    expected = "expected an instance of " + ", ".join(list(served)[:-1]) + f" or {list(served)[-1]}"
    if any(name.endswith("Pipeline") for name in lineage):
        return f"{expected}, not the pipeline {lineage[0]}: give the client, and use the scope's own pipeline()"
    if any(name.startswith("fakeredis.") for name in lineage):
        return f"{expected}, not {lineage[0]}, which has no server that could load the module"
    if any(name in served for name in lineage):
        return None
    if any(name in CLIENTS for name in lineage):
        return f"{expected}, not {lineage[0]}: use Scope for a client that blocks"
    if any(name in ASYNC_CLIENTS for name in lineage):
        return f"{expected}, not {lineage[0]}: use AsyncScope for a client that is awaited"
    if any(name.endswith(".sentinel.Sentinel") for name in lineage):
        return f"{expected}, not {lineage[0]}: give what its master_for returns"
    if isinstance(client, type):
        return f"{expected}, not the class {client.__module__}.{client.__qualname__} itself"
    return f"{expected}, not {lineage[0]}"


def _transaction(commands: Sequence[Command[Any]]) -> list[Command[Any]]:
    multi, execute = (Command((word,), lambda reply: reply) for word in ("MULTI", "EXEC"))
    return [multi, *commands, execute]


def _parsed(commands: Sequence[Command[T]], answers: list[Any], raise_on_error: bool) -> list[Any]:
    """What the replies say; errors are raised, or left in their places."""
    results: list[Any] = []
    for number, (command, answer) in enumerate(zip(commands, answers), 1):
        if isinstance(answer, Exception):
            if raise_on_error:
                raise _placed(answer, number, command)
            results.append(answer)
            continue
        try:
            results.append(command.parse(answer))
        except UnicodeDecodeError as error:  # a name that is not in the client's encoding
            if raise_on_error:
                raise
            results.append(error)
    return results


def _placed(error: Exception, number: int, command: Command[Any]) -> Exception:
    """The error, which says which command it is of in the words of redis-py."""
    words = " ".join(word.decode(errors="replace") if isinstance(word, bytes) else str(word) for word in command.words)
    shown = words if len(words) <= 100 else words[:97] + "..."
    first = error.args[0] if error.args else ""
    error.args = (f"Command # {number} ({shown}) of pipeline caused error: {first}", *error.args[1:])
    return error
