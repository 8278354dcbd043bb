"""`rageval leaderboard`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import ExplainFlag, JsonFlag, PlotFile, tell_warnings
from rageval.cli.side_by_side import ByFlag, ClusterFlag, OtherCorpusFlag
from rageval.errors import DeclarationError


def leaderboard(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    output: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="How to print it: terminal, md, csv, latex, html, json, or a report of your own: FILE.py, or an "
            "installed one's name.",
        ),
    ] = "terminal",
    unranked: Annotated[
        bool, typer.Option("--unranked", help="Give no ranks, so that runs of different judges can be shown too.")
    ] = False,
    cluster_by: ClusterFlag = None,
    by: ByFlag = None,
    other_corpus: OtherCorpusFlag = False,
    plot: PlotFile = None,
    unjudged: Annotated[
        bool, typer.Option("--unjudged", help="Show how far documents without a label may move ranking metrics.")
    ] = False,
    explain: ExplainFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Put finished runs over the same questions side by side."""
    from rageval.decide.leaderboard import read_leaderboard
    from rageval.report.choose_report import choose_report, write_report
    from rageval.report.leaderboard_printout import leaderboard_printout
    from rageval.report.unjudged import unjudged_printout, unjudged_report

    if as_json:
        if output not in ("terminal", "json"):
            raise DeclarationError(f"--json: found it with --format {output}, expected one of them")
        output = "json"
    report = unjudged_report(output) if unjudged else choose_report(output, Path.cwd())
    board = read_leaderboard(
        runs,
        ranks="none" if unranked else "required",
        cluster_by=cluster_by,
        by=by or (),
        other_corpus=other_corpus,
    )
    if plot is not None:
        from rageval.report.pictures.leaderboard import draw_leaderboard

        draw_leaderboard(board, plot)
    printout = unjudged_printout if unjudged else leaderboard_printout
    if report is None:
        from rageval.report.tables.terminal import print_printout
        from rageval.report.terminal import stdout_console

        print_printout(printout(board), stdout_console(), explain=explain)
        return
    written = write_report(report, board, output)
    if isinstance(written, bytes):
        sys.stdout.buffer.write(written)
    else:
        print(written, end="")
    if output == "csv":
        tell_warnings(printout(board))
