"""What a trained adapter is, as a table for every format."""

from __future__ import annotations

from rageval.report.tables.printout import Cell, Column, Legend, Line, Printout, Table, count_cell, value_cell
from rageval.retrieval.adapters import TrainedAdapter

_COLUMNS = (Column("", "word"), Column("epoch"), Column("reciprocal rank"))
_MEANING = (
    "Reciprocal rank: the mean of 1 / the rank of a relevant passage, on a fifth of the questions that was held out.",
    "It chose the epoch, so that it is too good: measure on other questions, with dense and adapted side by side.",
)


def adapter_printout(trained: TrainedAdapter) -> Printout:
    """How good the adapter was on what was held out, before and after."""
    adapter, best = trained.adapter, trained.best
    shapes = " · ".join("x".join(map(str, factor.shape)) for factor in adapter.factors)
    title = f"an adapter ({adapter.digest[:12]}) of {shapes} for {adapter.embedder}"
    told = f"trained on {trained.questions:,} questions of {adapter.source}"
    rows = tuple(
        (Cell(name), count_cell("epoch", epoch.number), value_cell(f"{epoch.held_out:.3f}", "value", epoch.held_out))
        for name, epoch in (("before", trained.history[0]), ("after", best))
    )
    unchanged = [] if best.number else [Line("no epoch was better than none: the adapter changes nothing", "warning")]
    table = Table("adapter", _COLUMNS, rows, turns="never")
    return Printout(title, (Line(title), Line(told), Line(""), table, *unchanged, Legend(_MEANING, _MEANING)))
