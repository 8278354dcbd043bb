"""`rageval trend`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import PlotFile
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
    output: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="How to print it: terminal, md or json.")
    ] = "terminal",
    plot: PlotFile = None,
) -> None:
    """Show pipelines over time: each run's scores, and what changed from one run to the next."""
    from rageval.decide.trend import read_trend
    from rageval.errors import DeclarationError
    from rageval.report.trend import FORMATS, print_trend

    if output not in ("terminal", *FORMATS):
        raise DeclarationError(f"--format: found {output!r}, expected one of {', '.join(('terminal', *FORMATS))}")
    found = read_trend(runs, pipelines=pipeline or (), metrics=metric or (), last=last, cluster_by=cluster_by)
    if plot is not None:
        from rageval.report.pictures.trend import draw_trend

        draw_trend(found, plot)
    if output in FORMATS:
        print(FORMATS[output](found), end="")
        return
    from rageval.report.terminal import stdout_console

    print_trend(found, stdout_console())
