"""A knowledge graph in an embedded database that speaks Cypher, opened for reading alone."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from rageval.extras import need_package
from rageval.pipeline import Resources, Shared
from rageval.retrieval.graph.check_cypher import checked_query
from rageval.retrieval.graph.knowledge import Knowledge, KnowledgeGraph

PACKAGE = "ladybug"
_MEMORY = 256 * 2**20
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
        path = str(Path(folder) / "graph")
        writing = _open(path, read_only=False)
        connection = import_module(PACKAGE).Connection(writing)
        for statement in _TABLES:
            connection.execute(statement)
        for statement, rows in ((_ENTITIES, _entity_rows(graph)), (_FACTS, _fact_rows(graph))):
            for first in range(0, len(rows), _ROWS_AT_ONCE):
                connection.execute(statement, {"rows": rows[first : first + _ROWS_AT_ONCE]})
        connection.close()
        writing.close()
        self._database = _open(path, read_only=True)

    async def rows(self, query: str, seconds: float) -> list[list[Any]]:
        """The rows of a query that may run (`checked_query`) and ends within so many seconds.

        Raises RefusedQueryError for a query that may not run, and QueryFailedError where the database refuses it or
        takes too long.
        """
        return await asyncio.to_thread(self._run, checked_query(query), seconds)

    def _run(self, query: str, seconds: float) -> list[list[Any]]:
        connection = import_module(PACKAGE).Connection(self._database)
        try:
            connection.set_query_timeout(int(1000 * seconds))
            return connection.execute(query).get_all()
        except RuntimeError as error:
            raise QueryFailedError(" ".join(str(error).split())) from None
        finally:
            connection.close()


@dataclass(frozen=True)
class Database(Shared[GraphDatabase]):
    """The database of a knowledge graph, filled once."""

    knowledge: Knowledge

    async def build(self, resources: Resources) -> GraphDatabase:
        need_package(PACKAGE, "graph", "queries of a knowledge graph in Cypher")
        return await asyncio.to_thread(GraphDatabase, await resources.get(self.knowledge))


def _open(path: str, *, read_only: bool) -> Any:
    module = import_module(PACKAGE)
    return module.Database(path, read_only=read_only, max_num_threads=1, buffer_pool_size=_MEMORY)


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
