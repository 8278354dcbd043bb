"""A leaderboard with what its unjudged documents may change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from rageval.decide.leaderboard import Leaderboard
from rageval.errors import DeclarationError
from rageval.report.choose_report import TERMINAL, Report
from rageval.report.leaderboard import markdown
from rageval.report.leaderboard_printout import leaderboard_printout
from rageval.report.tables.formats import RENDERERS
from rageval.report.tables.printout import Cell, Column, Legend, Line, Printout, Table, value_cell
from rageval.scores.unjudged import Unjudged, read_rankings, unjudged_in
from rageval.types import Estimate, Json

LEGEND = (
    "In brackets the worst and the best that the mean could be if every document without a label among the first k had "
    "one. That is no interval of confidence. `rageval label-next` names the labels that would narrow it most."
)
_SHORT = "Worst and best: the mean that labels of unlabelled documents could give. No interval of confidence."


def unjudged_report(output: str) -> Report | None:
    """The report of that name with unjudged documents; None for `terminal`: see `unjudged_printout`. Raises
    DeclarationError for reports of the user's own.
    """
    rendered: dict[str, Report] = {
        name: lambda board, render=render: render(unjudged_printout(board)) for name, render in RENDERERS.items()
    }
    reports: Mapping[str, Report | None] = {TERMINAL: None, **rendered, "md": _markdown, "json": _json}
    if output not in reports:
        raise DeclarationError(f"--format: found {output!r} beside --unjudged, expected {', '.join(reports)}")
    return reports[output]


def unjudged_printout(board: Leaderboard) -> Printout:
    """The leaderboard, and a row for each run and ranking metric."""
    about = leaderboard_printout(board)
    columns = (Column("pipeline", "pipeline"), Column("metric", "word"), Column("mean"))
    bounds = (Column("worst and best"), Column("unjudged"))
    rows = tuple(
        (Cell(row.label), Cell(name), *_bounds(row.estimates.get(name), one))
        for row, by_metric in zip(board.rows, _read(board), strict=True)
        for name, one in by_metric.items()
    )
    table = Table("unjudged", (*columns, *bounds), rows, "Unjudged documents", turns="never")
    return Printout(about.title, (*about.blocks, Line(""), table, Legend((_SHORT,), (LEGEND,))))


def _markdown(board: Leaderboard) -> str:
    lines = [f"- {line}" for line in _lines(board)]
    return "\n".join([markdown(board), "Unjudged documents:", "", *lines, "", LEGEND, ""])


def _json(board: Leaderboard) -> str:
    found: list[Json] = [{name: one.to_json() for name, one in by_metric.items()} for by_metric in _read(board)]
    return json.dumps({**board.to_json(), "unjudged": found}, ensure_ascii=False, allow_nan=False) + "\n"


def _read(board: Leaderboard) -> Sequence[Mapping[str, Unjudged]]:
    """For each run, by ranking metric."""
    runs = [read_rankings(row.path) for row in board.rows]
    return [{str(metric): unjudged_in(run, metric) for metric in run.metrics} for run in runs]


def _lines(board: Leaderboard) -> list[str]:
    return [
        f"{row.label}, {name}: {_told(row.estimates.get(name), one)}"
        for row, by_metric in zip(board.rows, _read(board), strict=True)
        for name, one in by_metric.items()
    ]


def _bounds(mean: Estimate | None, one: Unjudged) -> tuple[Cell, ...]:
    if mean is None or one.share is None:
        return (
            value_cell("–", "mean", None),
            value_cell("nothing was retrieved", "worst", None),
            value_cell("–", "unjudged", None),
        )
    bounds = "no bounds" if one.low is None else f"[{one.low:.3f}, {one.high:.3f}]"
    return (
        value_cell(f"{mean.point:.3f}", "mean", mean.point),
        Cell(bounds, (("worst", one.low), ("best", one.high))),
        value_cell(f"{one.share:.0%}", "unjudged", one.share),
    )


def _told(mean: Estimate | None, one: Unjudged) -> str:
    if mean is None or one.share is None:
        return "nothing was retrieved"
    bounds = "no bounds" if one.low is None else f"[{one.low:.3f}, {one.high:.3f}]"
    return f"{mean.point:.3f} {bounds}, {one.share:.0%} unjudged"
