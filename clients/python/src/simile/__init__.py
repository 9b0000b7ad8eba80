"""Simile, a similarity index inside Redis and Valkey: a client in Python.

    >>> from redis import Redis
    >>> from simile import Scope, Text
    >>> errors = Scope(Redis(), "errors")
    >>> errors.record("issue-1", Text("message", "connection to db-7 refused"))
    >>> errors.classify(Text("message", "connection to db-1 refused"))

| module | what is in it |
| --- | --- |
| ``simile.scope`` | ``Scope`` and ``AsyncScope``: each command is a method |
| ``simile.split`` | ``SplitScope`` and ``AsyncSplitScope``: one scope over several nodes of a cluster |
| ``simile.lsh`` | ``MinHashLSH``, with the interface of datasketch |
| ``simile.pipeline`` | batches, also inside MULTI |
| ``simile.clauses`` | what is recorded and asked for: ``Text``, ``Features``, ``Signature``, ``Profile`` |
| ``simile.results`` | what the methods return |
| ``simile.commands`` | builds commands, and knows no client |
| ``simile.replies`` | reads replies |
| ``simile.transport`` | sends commands through a client of redis-py or valkey-py |
"""

from simile.clauses import Clause, Features, Name, Observation, Profile, QueryClause, Signature, Text
from simile.commands import Command, Commands, QueryOptions
from simile.pipeline import AsyncPipeline, Pipeline
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
from simile.scope import AsyncScope, Scope
from simile.split import AsyncSplitScope, SplitScope
from simile.steps import SplitScopeInfo
from simile.transport import AsyncTransport, Transport

__version__ = "0.1.0"

__all__ = [
    "Assigned",
    "AsyncPipeline",
    "AsyncScope",
    "AsyncSplitScope",
    "AsyncTransport",
    "Clause",
    "Combined",
    "Command",
    "Commands",
    "Explanation",
    "Features",
    "IndexInfo",
    "Match",
    "Name",
    "Observation",
    "Pipeline",
    "Profile",
    "QueryClause",
    "QueryOptions",
    "ScanPage",
    "Scope",
    "ScopeInfo",
    "SharedBand",
    "Signature",
    "SignificantBucket",
    "SplitScope",
    "SplitScopeInfo",
    "Text",
    "Transport",
]
