"""What a trained judge is worth, as a table for every format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rageval.judges.light.weights import Weights
from rageval.people.judge_training import Measured, Trained
from rageval.report.calibrate import figure_cell
from rageval.report.tables.printout import (
    Cell,
    Column,
    Legend,
    Line,
    Printout,
    Table,
    count_cell,
    interval_cell,
    value_cell,
)

_FIGURES = (
    Column("judge", "word"),
    Column("on", "text"),
    Column("n"),
    Column("AUC"),
    Column("balanced accuracy"),
    Column("calibration error ↓"),
)
_MEANING = (
    "A light judge compares words, numbers and names; it rewards copying and does not read meaning.",
    "One that does not beat both baselines has learned nothing that counting words does not tell.",
)


def training_printout(trained: Trained) -> Printout:
    """The judge and the baselines on what was left out, with 95% intervals; and the weights."""
    title = f"a light judge of {trained.weights.metric} ({trained.weights.digest})"
    rows = tuple(tuple(_figures(one)) for one in trained.measured)
    figures = [Table("figures", _FIGURES, rows, turns="never"), Line("")] if rows else []
    weights = Table("weights", (Column("feature", "word"), Column("weight")), _weights(trained.weights))
    notes = [Line(note, "warning") for note in trained.notes]
    return Printout(title, (Line(title), Line(""), *figures, weights, *notes, Legend(_MEANING, _MEANING)))


def _figures(one: Measured) -> Iterator[Cell]:
    yield Cell(one.judge)
    yield Cell(one.on)
    yield count_cell("n", one.n)
    yield interval_cell("AUC", figure_cell(one.figures.auc), one.figures.auc)
    balanced = one.figures.balanced_accuracy
    yield interval_cell("balanced accuracy", figure_cell(balanced), balanced)
    yield interval_cell("calibration error", figure_cell(one.figures.ece), one.figures.ece)


def _weights(weights: Weights) -> tuple[tuple[Cell, ...], ...]:
    named: Sequence[tuple[str, float]] = [*zip(weights.features, weights.weights, strict=True), ("bias", weights.bias)]
    return tuple((Cell(name), value_cell(f"{value:.3f}", "weight", value)) for name, value in named)
