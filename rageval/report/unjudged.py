"""A leaderboard with what its unjudged documents may change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from rageval.decide.leaderboard import Leaderboard
from rageval.errors import DeclarationError
from rageval.report.choose_report import TERMINAL, Report
from rageval.report.leaderboard import markdown
from rageval.scores.unjudged import Unjudged, read_rankings, unjudged_in
from rageval.types import Estimate, Json

LEGEND = (
    "In brackets the worst and the best that the mean could be if every document without a label among the first k had "
    "one. That is no interval of confidence. `rageval label-next` names the labels that would narrow it most."
)


def unjudged_report(output: str) -> Report | None:
    """The report of that name with unjudged documents; None for `terminal`: see `print_unjudged`. Raises
    DeclarationError for reports of the user's own.
    """
    reports: Mapping[str, Report | None] = {TERMINAL: None, "md": _markdown, "json": _json}
    if output not in reports:
        raise DeclarationError(f"--format: found {output!r} beside --unjudged, expected {', '.join(reports)}")
    return reports[output]


def print_unjudged(board: Leaderboard, console: Console) -> None:
    """A line for each run and ranking metric."""
    for line in ["Unjudged documents:", *_lines(board)]:
        console.print(Text(line))
    console.print(Text(LEGEND, style="dim"))


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


def _told(mean: Estimate | None, one: Unjudged) -> str:
    if mean is None or one.share is None:
        return "nothing was retrieved"
    bounds = "no bounds" if one.low is None else f"[{one.low:.3f}, {one.high:.3f}]"
    return f"{mean.point:.3f} {bounds}, {one.share:.0%} unjudged"
