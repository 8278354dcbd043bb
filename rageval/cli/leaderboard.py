"""`rageval leaderboard`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import print_json


class Format(StrEnum):
    """How `rageval leaderboard` prints."""

    terminal = "terminal"
    md = "md"
    json = "json"


def leaderboard(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    output: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.terminal,
    unranked: Annotated[
        bool, typer.Option("--unranked", help="Give no ranks; so runs of different judges are shown as well.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw the intervals into this .svg, .png or .pdf (extra: plot).")
    ] = None,
) -> None:
    """Put finished runs over the same questions side by side."""
    from rageval.decide.leaderboard import read_leaderboard

    board = read_leaderboard(runs, ranks="none" if unranked else "required")
    if plot is not None:
        from rageval.report.forest import draw_forest

        draw_forest(board, plot)
    match output:
        case Format.json:
            print_json(board.to_json())
        case Format.md:
            from rageval.report.leaderboard import markdown

            print(markdown(board), end="")
        case Format.terminal:
            from rageval.report.terminal import print_leaderboard, stdout_console

            print_leaderboard(board, stdout_console())
