"""What a type checker says of code that uses the package; ``make check`` runs mypy on it, and nothing else does."""

from collections.abc import AsyncIterator

import redis
import redis.asyncio
import redis.cluster

import valkey.asyncio
import valkey.cluster
from simile import (
    Assigned,
    AsyncScope,
    AsyncSplitScope,
    Features,
    Match,
    Name,
    Observation,
    Pipeline,
    Scope,
    ScopeInfo,
    SplitScope,
    SplitScopeInfo,
    Text,
)
from simile.lsh import MinHashLSH
from typing_extensions import assert_type

scope = Scope(redis.Redis(), "errors")
Scope(redis.cluster.RedisCluster(host="127.0.0.1"), b"errors")
Scope(valkey.cluster.ValkeyCluster(host="127.0.0.1"), "errors")
Scope(redis.asyncio.Redis(), "errors")  # type: ignore[arg-type]
Scope("redis://localhost", "errors")  # type: ignore[arg-type]
AsyncScope(redis.Redis(), "errors")  # type: ignore[arg-type]

assert_type(scope.record("issue-1", Text("message", "refused"), count=2), list[list[int]])
assert_type(scope.classify(Text("message", "refused"), limit=5, with_counts=True), list[Match])
assert_type(scope.info(), ScopeInfo | None)
assert_type(scope.pipeline().record("issue-1", Features("frames", ["main"])).info(), Pipeline)
assert_type(scope.transport.run_all([scope.commands.count("message", "a")]), list[list[int]])
scope.record("issue-1", "refused")  # type: ignore[arg-type]
scope.classify(Text("message", "refused"), colour="red")  # type: ignore[call-arg]
scope.compare("issue-1")  # type: ignore[call-arg]

split = SplitScope(redis.cluster.RedisCluster(host="127.0.0.1"), "errors", 64)
SplitScope(redis.asyncio.Redis(), "errors", 64)  # type: ignore[arg-type]
split.create(bands=2, rows=1)
split.create(colour="red")  # type: ignore[call-arg]
assert_type(split.compare("issue-1", "message", limit=5), list[Match])
assert_type(split.info(), SplitScopeInfo | None)
assert_type(split.assign("issue-1", Text("message", "refused"), min_score=0.5), Assigned | None)
assert_type(split.scope_of("issue-1"), Scope)

assert_type(MinHashLSH(scope, 0.8, ttl=60).b, int)
assert_type(MinHashLSH(split).get_counts(), list[dict[bytes, int]])
MinHashLSH(scope).insert("a", "a text")  # type: ignore[arg-type]


async def awaited() -> None:
    awaited = AsyncScope(valkey.asyncio.Valkey(), "errors")
    assert_type(await awaited.assign("a", Text("message", "refused"), min_score=0.5), Assigned | None)
    assert_type(awaited.scan("message"), AsyncIterator[tuple[Name, int]])
    assert_type(await awaited.record_many([Observation("a", Text("message", "refused"))]), int)
    await awaited.pipeline(transaction=True).info().execute()
    parts = AsyncSplitScope(valkey.asyncio.Valkey(), "errors", 64)
    assert_type(await parts.merge("a", ("message", "b")), int)
    assert_type(await parts.classify_each(Text("message", "refused")), list[list[Match]])
