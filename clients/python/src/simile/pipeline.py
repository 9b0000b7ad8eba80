"""Batches: many commands of a scope in one round trip, and their results in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from simile.clauses import Observation
from simile.commands import Command, Commands
from simile.faces import presented

if TYPE_CHECKING:
    from typing_extensions import Self

    from simile.transport import AsyncTransport, Transport

P = ParamSpec("P")
SomeBatch = TypeVar("SomeBatch", bound="Batch")


def _collected(
    build: Callable[Concatenate[Commands, P], Command[Any]],
) -> Callable[Concatenate[SomeBatch, P], SomeBatch]:
    def method(batch: SomeBatch, /, *args: P.args, **kwargs: P.kwargs) -> SomeBatch:
        return batch.add(build(batch.commands, *args, **kwargs))

    presented(method, build, returns="Self")
    return method


class Batch:
    """Commands that have been collected and not sent.

    Each method collects a command, and returns the batch. The results are those of the same methods of a scope.
    """

    def __init__(self, commands: Commands, transaction: bool) -> None:
        #: Builds commands of the scope, for ``add``.
        self.commands = commands
        self._transaction = transaction
        self._collected: list[Command[Any]] = []

    def __len__(self) -> int:
        return len(self._collected)

    def __bool__(self) -> bool:
        return True  # even if it is empty, as a pipeline of redis-py is

    def add(self, command: Command[Any]) -> Self:
        """Collects any command."""
        self._collected.append(command)
        return self

    def record_many(self, observations: Iterable[Observation]) -> Self:
        """Collects a ``record`` for each observation, each with a result of its own."""
        for observation in observations:
            self.add(self.commands.record_observation(observation))
        return self

    create = _collected(Commands.create)
    alter = _collected(Commands.alter)
    info = _collected(Commands.info)
    drop = _collected(Commands.drop)
    record = _collected(Commands.record)
    record_observation = _collected(Commands.record_observation)
    forget = _collected(Commands.forget)
    assign = _collected(Commands.assign)
    classify = _collected(Commands.classify)
    classify_each = _collected(Commands.classify_each)
    classify_combined = _collected(Commands.classify_combined)
    compare = _collected(Commands.compare)
    compare_each = _collected(Commands.compare_each)
    compare_combined = _collected(Commands.compare_combined)
    explain = _collected(Commands.explain)
    significant = _collected(Commands.significant)
    merge = _collected(Commands.merge)
    delete = _collected(Commands.delete)
    frequencies = _collected(Commands.frequencies)
    count = _collected(Commands.count)
    members = _collected(Commands.members)
    signature = _collected(Commands.signature)
    signature_with_sketch = _collected(Commands.signature_with_sketch)
    scan_page = _collected(Commands.scan_page)
    export = _collected(Commands.export)
    import_ = _collected(Commands.import_)

    def _take(self) -> list[Command[Any]]:
        taken, self._collected = self._collected, []
        return taken


class Pipeline(Batch):
    """A batch for a client that blocks; made by ``Scope.pipeline``."""

    def __init__(self, transport: Transport, commands: Commands, transaction: bool) -> None:
        super().__init__(commands, transaction)
        self._transport = transport

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Sends the commands, and returns their results in order. The pipeline is empty then.

        Errors: with ``raise_on_error`` the first error of a command is raised, after all of them have run, and says
        which command it was; else errors are among the results. If the server does not even accept a command of a
        transaction, nothing of it runs, and the error is raised in any case.
        """
        return self._transport.run_all(
            self._take(), transaction=self._transaction, raise_on_error=raise_on_error
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._take()


class AsyncPipeline(Batch):
    """A batch for a client that is awaited; made by ``AsyncScope.pipeline``. Only ``execute`` is awaited."""

    def __init__(self, transport: AsyncTransport, commands: Commands, transaction: bool) -> None:
        super().__init__(commands, transaction)
        self._transport = transport

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """The same as ``Pipeline.execute``."""
        return await self._transport.run_all(
            self._take(), transaction=self._transaction, raise_on_error=raise_on_error
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._take()
