"""Every kind of client that a scope takes, on the server at port PORT, or on the cluster there if CLUSTER is set.

tests/server/concerns/clients.rs starts the server, and runs the tests.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import itertools
import os
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simile import AsyncScope, Scope

CLUSTER = bool(os.environ.get("CLUSTER"))


def port() -> int:
    """The port of the server, or of a node of the cluster."""
    return int(os.environ["PORT"])


@dataclass(frozen=True)
class Kind:
    """A kind of client."""

    #: redis or valkey: the library.
    library: str
    #: Whether its methods are awaited.
    is_async: bool
    #: The version of RESP.
    protocol: int
    #: Whether it decodes responses.
    decodes: bool

    @property
    def name(self) -> str:
        """As in ``RedisAsyncResp3Decoded``."""
        words = [self.library.title(), "Async" * self.is_async, f"Resp{self.protocol}", "Decoded" * self.decodes]
        return "".join(words)

    def connect(self, **options: Any) -> Any:
        """A client of this kind; ``options`` are its constructor's."""
        module = importlib.import_module(self.library + ".asyncio" * self.is_async)
        make = getattr(module, self.library.title() + "Cluster" * CLUSTER)
        given = {"port": port(), "protocol": self.protocol, "decode_responses": self.decodes}
        return make(host="127.0.0.1", **{**given, **options})

    @property
    def exceptions(self) -> Any:
        """The exceptions of the library."""
        return importlib.import_module(f"{self.library}.exceptions")


KINDS = [
    Kind(*kind) for kind in itertools.product(("redis", "valkey"), (False, True), (2, 3), (False, True))
]


class Awaited:
    """An object whose methods wait for what they return, if it has to be awaited: so a test is written once."""

    def __init__(self, inner: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.inner = inner
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.inner, name)
        return self._waiting(attribute) if callable(attribute) else attribute

    def __len__(self) -> int:
        return len(self.inner)

    def _waiting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def waiting(*args: Any, **kwargs: Any) -> Any:
            result = method(*args, **kwargs)
            if inspect.isasyncgen(result):
                return self._loop.run_until_complete(_listed(result))
            if inspect.isawaitable(result):
                return self._loop.run_until_complete(_awaited(result))
            if hasattr(result, "execute"):
                return Awaited(result, self._loop)
            return result

        return waiting


async def _awaited(result: Any) -> Any:
    return await result


async def _listed(results: Any) -> list[Any]:
    return [result async for result in results]


class ScopeTest(unittest.TestCase):
    """A test of a scope, with a client of one kind."""

    kind: Kind
    loop: asyncio.AbstractEventLoop
    #: One client for all tests, since one of a cluster takes long to make.
    client: Any

    @classmethod
    def setUpClass(cls) -> None:
        cls.loop = asyncio.new_event_loop()
        cls.addClassCleanup(cls.loop.close)
        cls.client = cls.connect()
        cls.addClassCleanup(cls.close, cls.client)

    def setUp(self) -> None:
        self.scope = self.open("python:{%s}" % self._testMethodName)
        self.addCleanup(self.scope.drop)

    @classmethod
    def connect(cls, **options: Any) -> Any:
        """A client of this kind, whose methods are never awaited by the test."""
        client = cls.kind.connect(**options)
        return Awaited(client, cls.loop) if cls.kind.is_async else client

    def open(self, name: str | bytes, client: Any = None) -> Any:
        """A scope, whose methods are never awaited by the test."""
        client = self.client if client is None else client
        return Awaited(AsyncScope(client.inner, name), self.loop) if self.kind.is_async else Scope(client, name)

    @classmethod
    def close(cls, client: Any) -> None:
        """Closes a client."""
        client.aclose() if cls.kind.is_async else client.close()

    def name(self, text: str) -> str | bytes:
        """A name as this client gives it."""
        return text if self.kind.decodes else text.encode()

    def wait(self, result: Any) -> Any:
        """The result of an asynchronous method, or of one that blocks."""
        return self.loop.run_until_complete(_awaited(result)) if inspect.isawaitable(result) else result


def with_each_kind(module: dict[str, Any], *tests: type[ScopeTest]) -> None:
    """Makes a class of each class of tests, for each kind of client."""
    for test, kind in itertools.product(tests, KINDS):
        name = f"{test.__name__}With{kind.name}"
        module[name] = type(name, (test,), {"kind": kind, "__module__": module["__name__"]})


def load_only_kinds(module: dict[str, Any], loader: unittest.TestLoader) -> unittest.TestSuite:
    """The tests of a module, without those that are for no kind of client."""
    classes = [value for value in module.values() if isinstance(value, type) and issubclass(value, ScopeTest)]
    return unittest.TestSuite(loader.loadTestsFromTestCase(one) for one in classes if hasattr(one, "kind"))
