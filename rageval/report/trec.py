"""Metrics of a TREC run as a table for every format."""

from __future__ import annotations

from collections.abc import Mapping

from rageval.report.tables.printout import Cell, Column, Printout, Table, estimate_cell
from rageval.types import Estimate


def metrics_printout(run: str, means: Mapping[str, Estimate]) -> Printout:
    """A row for each metric, with four decimals as trec_eval has."""
    columns = (Column("metric", "word"), Column("mean and 95% interval"), Column("questions"))
    return Printout(run, (Table("metrics", columns, tuple(_cells(*one) for one in means.items()), turns="never"),))


def _cells(name: str, mean: Estimate) -> tuple[Cell, ...]:
    text = f"{mean.point:.4f} [{mean.low:.4f}, {mean.high:.4f}]"
    return Cell(name), estimate_cell("mean", text, mean), Cell(str(mean.n), (("questions", mean.n),))
