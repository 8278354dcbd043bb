"""A knowledge graph in an embedded database that speaks Cypher, opened for reading alone."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rageval.extras import need_package
from rageval.pipeline import Resources, Shared
from rageval.retrieval.graph import database_process
from rageval.retrieval.graph.check_cypher import checked_query
from rageval.retrieval.graph.knowledge import Knowledge, KnowledgeGraph

PACKAGE = "ladybug"
_SECONDS_TO_START = 30.0  # of a process, on a busy machine
_ROWS_AT_ONCE = 5_000
_TABLES = (
    "CREATE NODE TABLE Entity(number INT64 PRIMARY KEY, name STRING)",
    "CREATE REL TABLE Fact(FROM Entity TO Entity, relation STRING, document STRING)",
)
_ENTITIES = "UNWIND $rows AS row CREATE (:Entity {number: row.number, name: row.name})"
_FACTS = (
    "UNWIND $rows AS row MATCH (a:Entity {number: row.subject}), (b:Entity {number: row.object}) "
    "CREATE (a)-[:Fact {relation: row.relation, document: row.document}]->(b)"
)


class QueryFailedError(Exception):
    """The database could not run a query; its message says why."""


class GraphDatabase:
    """Entities by name and facts between them, in a folder of its own that goes with the object."""

    def __init__(self, graph: KnowledgeGraph) -> None:
        folder = tempfile.mkdtemp(prefix="rageval-graph-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._path = Path(folder) / "graph"
        statements: list[tuple[str, dict[str, object]]] = [(statement, {}) for statement in _TABLES]
        for statement, rows in ((_ENTITIES, _entity_rows(graph)), (_FACTS, _fact_rows(graph))):
            statements += [
                (statement, {"rows": rows[first : first + _ROWS_AT_ONCE]})
                for first in range(0, len(rows), _ROWS_AT_ONCE)
            ]
        self._ask({"statements": statements}, None)

    async def rows(self, query: str, seconds: float) -> list[list[Any]]:
        """The rows of a query that may run (`checked_query`) and ends within so many seconds.

        Raises RefusedQueryError for a query that may not run, and QueryFailedError where the database refuses it or
        takes too long.
        """
        return await asyncio.to_thread(self._run, checked_query(query), seconds)

    def _run(self, query: str, seconds: float) -> list[list[Any]]:
        told = self._ask({"query": query, "seconds": seconds}, seconds + _SECONDS_TO_START)
        if "error" in told:
            raise QueryFailedError(told["error"])
        return told["rows"]

    def _ask(self, asked: Mapping[str, object], seconds: float | None) -> dict[str, Any]:
        command = [sys.executable, "-P", database_process.__file__, str(self._path)]
        given = json.dumps(asked).encode()
        try:
            ended = subprocess.run(command, input=given, capture_output=True, timeout=seconds, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise QueryFailedError("the query took too long") from None
        if ended.returncode:
            *_, last = ended.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {ended.returncode}"]
            raise QueryFailedError(f"the database failed: {last}")
        return json.loads(ended.stdout.decode("utf-8", "surrogatepass"))


@dataclass(frozen=True)
class Database(Shared[GraphDatabase]):
    """The database of a knowledge graph, filled once."""

    knowledge: Knowledge

    async def build(self, resources: Resources) -> GraphDatabase:
        need_package(PACKAGE, "graph", "queries of a knowledge graph in Cypher")
        return await asyncio.to_thread(GraphDatabase, await resources.get(self.knowledge))


def _entity_rows(graph: KnowledgeGraph) -> Sequence[dict[str, object]]:
    return [{"number": number, "name": name} for number, name in enumerate(graph.names)]


def _fact_rows(graph: KnowledgeGraph) -> Sequence[dict[str, object]]:
    return [
        {
            "subject": fact.subject,
            "object": fact.object,
            "relation": fact.triple.relation,
            "document": graph.passages[fact.passage].doc_id,
        }
        for fact in graph.facts
    ]
