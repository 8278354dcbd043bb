"""Views of the tables that stand in a passage: what a table is about is searched, the raw table is handed over.

A passage that holds a part of a table only is found by the header and the caption of the whole one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rageval.pipeline import Resources
from rageval.retrieval.views.base import View
from rageval.text.tables import Table, find_tables
from rageval.types import Document, Passage


@dataclass(frozen=True)
class Tables(View):
    """One text for each table: title, caption, the cells of the header, and the names of the rows."""

    async def small_texts(
        self, passages: Sequence[Passage], documents: Mapping[str, Document], resources: Resources
    ) -> list[list[str]]:
        return [[_about(passage, one) for one in found] for passage, found in _found(passages, documents)]


@dataclass(frozen=True)
class TableRows(View):
    """One text for each row: title, caption, the row's name, and each cell under its header."""

    async def small_texts(
        self, passages: Sequence[Passage], documents: Mapping[str, Document], resources: Resources
    ) -> list[list[str]]:
        return [
            [text for table in found for text in _row_texts(passage, table)]
            for passage, found in _found(passages, documents)
        ]


def tables_in(passage: Passage, tables: Sequence[Table]) -> list[Table]:
    """Those of the document's tables of which the passage holds rows, each with these rows alone."""
    held = [
        replace(table, rows=tuple(row for row in table.rows if passage.start <= row.start and row.end <= passage.end))
        for table in tables
    ]
    return [table for table in held if table.rows]


def _found(passages: Sequence[Passage], documents: Mapping[str, Document]) -> list[tuple[Passage, list[Table]]]:
    tables = {name: find_tables(documents[name].text) for name in {passage.doc_id for passage in passages}}
    return [(passage, tables_in(passage, tables[passage.doc_id])) for passage in passages]


def _about(passage: Passage, table: Table) -> str:
    names = (passage.title, table.caption, _joined(table.header), _joined(row.name for row in table.rows))
    return "\n".join(name for name in names if name)


def _row_texts(passage: Passage, table: Table) -> list[str]:
    above = "\n".join(name for name in (passage.title, table.caption) if name)
    texts: list[str] = []
    for row in table.rows:
        cells = (
            f"{head}: {cell}" if head else cell
            for head, cell in zip((*table.header[1:], *[""] * len(row.cells)), row.cells[1:], strict=False)
            if cell
        )
        texts.append(f"{above}\n{row.name}: {'; '.join(cells)}".strip())
    return texts


def _joined(cells: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(cell for cell in cells if cell))
