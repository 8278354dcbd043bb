"""The embedded graph database beside other libraries in one process."""

import importlib.util
import subprocess
import sys

import pytest

_AFTER_A_QUERY = """
import asyncio
from rageval.retrieval.graph.database import GraphDatabase, QueryFailedError
from rageval.retrieval.graph.knowledge import KnowledgeGraph

database = GraphDatabase(KnowledgeGraph((), ()))
try:
    asyncio.run(database.rows("MATCH (a:Entity) RETURN a.document LIMIT 1", 5.0))
except QueryFailedError:
    import xllamacpp
    print("both are there")
"""


@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("ladybug", "xllamacpp"))), reason="ladybug or xllamacpp is not installed"
)
def test_the_local_model_can_be_loaded_after_a_query() -> None:
    ended = subprocess.run([sys.executable, "-c", _AFTER_A_QUERY], capture_output=True, text=True, check=False)
    assert ended.stdout == "both are there\n", ended.stderr
