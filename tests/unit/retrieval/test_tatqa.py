"""The tables of TAT-QA: found in Markdown, and by their rows."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from rageval.models.scripted import HashEmbedder
from rageval.pipeline import Query, Resources
from rageval.retrieval import MultiVector
from rageval.text.tables import find_tables
from rageval.types import Document

DATA = Path(__file__).parents[4] / "shared" / "data" / "tatqa" / "dev.json"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data/tatqa beside the project")


@pytest.fixture(scope="module")
def tables() -> list[list[list[str]]]:
    contexts: list[dict[str, Any]] = json.loads(DATA.read_text(encoding="utf-8"))
    return [context["table"]["table"] for context in contexts]


def as_document(name: str, rows: list[list[str]]) -> Document:
    head, *others = [[cell.replace("|", "/").replace("\n", " ").strip() for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *others]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return Document(name, f"The table shows the amounts.\n\n{text}\n\nThe notes are a part of it.", language="en")


def test_every_table_is_found_with_all_its_cells(tables: list[list[list[str]]]) -> None:
    for rows in tables:
        (table,) = find_tables(as_document("d", rows).text)
        cells = [list(table.header), *(list(row.cells) for row in table.rows)]
        assert [[cell.split() for cell in line] for line in cells] == [
            [cell.replace("|", "/").split() for cell in line] for line in rows
        ]
        assert table.caption == "The table shows the amounts."


def test_a_row_finds_the_whole_table(tables: list[list[list[str]]]) -> None:
    documents = tuple(as_document(f"c{n}", rows) for n, rows in enumerate(tables[:40]))

    async def right() -> int:
        built = await Resources(documents, embedder=HashEmbedder(2048)).get(MultiVector(("table_rows",), own=False))
        found = 0
        for document, rows in zip(documents, tables, strict=False):
            name, *cells = rows[-1]
            hits = await built.search(Query(f"The table shows the amounts. {name} {' '.join(cells)}"), 1)
            found += hits[0].passage.doc_id == document.id
        return found

    assert asyncio.run(right()) >= 38
