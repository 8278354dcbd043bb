"""How well chunkers cut around the evidence, as a table for every format."""

from __future__ import annotations

from collections.abc import Sequence

from rageval.report.leaderboard import number_cell
from rageval.report.tables.printout import Cell, Column, Printout, Table, count_cell, estimate_cell
from rageval.scores.chunkings import ChunkingScores


def chunking_printout(benchmark: str, rows: Sequence[tuple[str, ChunkingScores]]) -> Printout:
    """A row for each label of a pipeline with one of its chunkers."""
    columns = (Column("pipeline", "pipeline"), Column("passages"), Column("characters"), Column("precision Ω"))
    table = Table("chunkers", columns, tuple(_cells(label, scores) for label, scores in rows), turns="never")
    return Printout(f"Chunkers on {benchmark}", (table,))


def _cells(label: str, scores: ChunkingScores) -> tuple[Cell, ...]:
    return (
        Cell(label),
        count_cell("passages", scores.passages),
        Cell(f"{scores.mean_characters:,.0f}", (("characters", scores.mean_characters),)),
        estimate_cell("precision Ω", number_cell(scores.precision_omega), scores.precision_omega),
    )
