"""A trend as tables for formats other than the terminal's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rageval.decide.trend import Series, StepDifference, Trend
from rageval.metrics import parse
from rageval.report.compare import interval_cell as difference_text
from rageval.report.compare import p_cell
from rageval.report.leaderboard import number_cell
from rageval.report.tables.printout import (
    Cell,
    Column,
    Legend,
    Line,
    Printout,
    Table,
    estimate_cell,
    interval_cell,
    value_cell,
)
from rageval.report.trend import left_out_lines, legend, show_times, step_lines, warning_lines

_COLUMNS = (
    Column("pipeline", "pipeline"),
    Column("metric", "word"),
    Column("made"),
    Column("run", "text"),
    Column("mean"),
    Column("against the run before"),
    Column("adj. p"),
    Column("verdict", "word"),
    Column("how", "word"),
)


def trend_printout(trend: Trend) -> Printout:
    """A row for each pipeline, metric and run; then what changed between the runs and what is left out."""
    times = show_times(trend)
    rows = tuple(row for series in trend.series for metric in trend.metrics for row in _rows(series, metric, times))
    told = [Line(line) for series in trend.series for line in step_lines(series, times)]
    warned = [Line(line, "bad") for series in trend.series for line in warning_lines(series, times)]
    left_out = [Line(line, "warning") for line in left_out_lines(trend)]
    blocks = (Table("trend", _COLUMNS, rows, turns="never"), *told, *warned, *left_out)
    return Printout("Trend", (*blocks, Legend((legend(trend),), (legend(trend),))))


def _rows(series: Series, metric: str, times: Mapping[Path, str]) -> list[tuple[Cell, ...]]:
    judged = parse(metric).kind == "judged"
    steps: list[StepDifference | None] = [None, *(step.differences.get(metric) for step in series.steps)]
    return [
        (
            value_cell(series.pipeline, "pipeline", series.pipeline),
            Cell(metric),
            Cell(times[run.path]),
            Cell(str(run.path)),
            estimate_cell("mean", number_cell(run.estimates[metric], judged=judged), run.estimates[metric]),
            *_step_cells(one),
        )
        for run, one in zip(series.runs, steps, strict=True)
    ]


def _step_cells(one: StepDifference | None) -> tuple[Cell, ...]:
    if one is None:
        nothing = interval_cell("difference", "–", None)
        return nothing, value_cell("–", "adj. p", None), value_cell("–", "verdict", None), value_cell("–", "how", None)
    return (
        interval_cell("difference", difference_text(one.difference), one.difference),
        value_cell(p_cell(one.p_adjusted), "adj. p", one.p_adjusted),
        value_cell(one.verdict, "verdict", one.verdict),
        value_cell(one.how, "how", one.how),
    )
