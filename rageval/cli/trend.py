"""`rageval trend`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import FormatFlag, JsonFlag, PlotFile, choose_format, print_found
from rageval.cli.side_by_side import ClusterFlag


def trend(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders with run folders somewhere below them.")],
    pipeline: Annotated[
        list[str] | None,
        typer.Option(help="A pipeline: its label, or its name alone for all of its settings together; repeatable."),
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", "-m", help="Such as ndcg@10; repeatable. All by default.")
    ] = None,
    last: Annotated[int | None, typer.Option(min=1, help="Show only so many of each pipeline's newest runs.")] = None,
    cluster_by: ClusterFlag = None,
    output: FormatFlag = "terminal",
    plot: PlotFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Show pipelines over time: each run's scores, and what changed from one run to the next."""
    from rageval.decide.trend import read_trend
    from rageval.report.terminal import stdout_console
    from rageval.report.trend import markdown, print_trend
    from rageval.report.trend_printout import trend_printout

    form = choose_format(output, as_json)
    found = read_trend(runs, pipelines=pipeline or (), metrics=metric or (), last=last, cluster_by=cluster_by)
    if plot is not None:
        from rageval.report.pictures.trend import draw_trend

        draw_trend(found, plot)
    if form == "terminal":
        print_trend(found, stdout_console())
    else:
        print_found(form, lambda: trend_printout(found), found.to_json, markdown=lambda: markdown(found))
