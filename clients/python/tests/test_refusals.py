"""Clients that a scope does not take. None of them is connected to anything: they are refused before."""

import unittest
from typing import Any

import fakeredis
import redis
import redis.asyncio
import redis.sentinel
import valkey
import valkey.asyncio
from simile import AsyncScope, Scope

#: A port on which nothing listens: a client does not connect before it has to.
NOWHERE = {"host": "127.0.0.1", "port": 1}


class Refusals(unittest.TestCase):
    def refused(self, scope: Any, client: object, reason: str) -> None:
        with self.assertRaisesRegex(TypeError, reason):
            scope(client, "errors")

    def test_a_client_of_the_other_kind(self) -> None:
        for library in redis, valkey:
            name = {redis: "Redis", valkey: "Valkey"}[library]
            blocks, awaited = getattr(library, name)(**NOWHERE), getattr(library.asyncio, name)(**NOWHERE)
            self.refused(Scope, awaited, f"not {library.__name__}.asyncio.client.{name}: use AsyncScope")
            self.refused(AsyncScope, blocks, f"not {library.__name__}.client.{name}: use Scope")
        self.refused(Scope, redis.asyncio.RedisCluster(**NOWHERE), "use AsyncScope")

    def test_a_pipeline(self) -> None:
        for library in redis.Redis(**NOWHERE), valkey.Valkey(**NOWHERE):
            self.refused(Scope, library.pipeline(), "use the scope's own pipeline")
        for library in redis.asyncio.Redis(**NOWHERE), valkey.asyncio.Valkey(**NOWHERE):
            self.refused(AsyncScope, library.pipeline(), "use the scope's own pipeline")
        for cluster in redis.asyncio.RedisCluster(**NOWHERE), valkey.asyncio.ValkeyCluster(**NOWHERE):
            self.refused(AsyncScope, cluster.pipeline(), "use the scope's own pipeline")

    def test_what_is_no_client(self) -> None:
        for scope in Scope, AsyncScope:
            self.refused(scope, "redis://localhost", "expected an instance of .*, not builtins.str")
            self.refused(scope, None, "not builtins.NoneType")
            self.refused(scope, object(), "not builtins.object")
            self.refused(scope, redis.Redis, "not the class redis.client.Redis itself")
            self.refused(scope, redis.Redis(**NOWHERE).connection_pool, "not redis.connection.ConnectionPool")
            self.refused(scope, redis.Redis(**NOWHERE).pubsub(), "not redis.client.PubSub")

    def test_a_sentinel(self) -> None:
        sentinel = redis.sentinel.Sentinel([("127.0.0.1", 1)])
        self.refused(Scope, sentinel, "give what its master_for returns")
        self.assertEqual(Scope(sentinel.master_for("primary"), "errors").name, "errors")

    def test_a_server_that_is_faked(self) -> None:
        self.refused(Scope, fakeredis.FakeRedis(), "which has no server that could load the module")

    def test_a_scope_is_made_without_a_connection(self) -> None:
        class Own(redis.Redis):
            """A client with methods of the user's own."""

        for client in redis.Redis(**NOWHERE), redis.StrictRedis(**NOWHERE), Own(**NOWHERE), valkey.Valkey(**NOWHERE):
            self.assertEqual(Scope(client, "errors").name, "errors")
        for awaited in redis.asyncio.Redis(**NOWHERE), redis.asyncio.RedisCluster(**NOWHERE):
            self.assertEqual(AsyncScope(awaited, "errors").name, "errors")

    def test_a_library_that_is_too_old(self) -> None:
        version, redis.__version__ = redis.__version__, "4.6.0"
        try:
            self.refused(Scope, redis.Redis(**NOWHERE), "redis 4.6.0 is too old: expected 5 or newer")
        finally:
            redis.__version__ = version
