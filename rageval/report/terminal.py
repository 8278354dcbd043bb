"""Standard output, and a leaderboard on it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rageval.decide.leaderboard import Leaderboard
from rageval.report.compare import print_table
from rageval.report.failures import failure_notes
from rageval.report.judge_notes import judge_notes
from rageval.report.leaderboard import (
    SLICE_HEADER,
    cells,
    difference_cells,
    header,
    label_notes,
    label_warnings,
    legend,
    no_ranks,
    slice_legend,
    slice_tables,
)
from rageval.report.money import COST_HEADER, cost_notes, cost_rows
from rageval.report.passage_note import passage_notes


def stdout_console() -> Console:
    """Standard output; wide enough for whole lines where it is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=240)


def print_leaderboard(board: Leaderboard, console: Console) -> None:
    """The table, or, where it is wider than the terminal, a block per pipeline."""
    names = header(board)
    rows = [cells(board, row) for row in board.rows]
    widths = [max(len(row[i]) for row in [names, *rows]) for i in range(len(names))]
    if sum(widths) + 3 * len(widths) + 1 <= console.width:
        table = Table()
        for name in names:
            table.add_column(name, justify="left" if name == "pipeline" else "right", no_wrap=True)
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
    else:
        for row in rows:
            console.print(Text(f"{row[0]:>4}  {row[1]}", style="bold"))
            for name, value in zip(names[2:], row[2:], strict=True):
                console.print(Text(f"        {name:<20} {value}"))
    for line in no_ranks(board):
        console.print(Text(line, style="bold"))
    for line in board.left_out.of_many:
        console.print(Text(line, style="yellow"))
    for note in failure_notes(board):
        console.print(Text(note, style="bold red"))
    for note in label_notes(board):
        console.print(Text(note))
    for note in judge_notes(board):
        console.print(Text(note))
    for warning in label_warnings(board):
        console.print(Text(warning, style="bold red"))
    _slices(board, console)
    if spent := cost_rows(board):
        print_table(COST_HEADER, spent, console)
    for note in cost_notes(board):
        console.print(Text(note, style="dim"))
    console.print(Text(legend(board), style="dim"))
    for note in passage_notes(board):
        console.print(Text(note, style="dim"))
    for role, identity in board.models.items():
        console.print(Text(f"{role}: {identity}", style="dim"))
    if differ := difference_cells(board):
        names, *of_runs = differ
        console.print(Text("not the same for all rows:", style="dim"))
        for label, run, *values in of_runs:
            told = "; ".join(f"{name} {value}" for name, value in zip(names[2:], values, strict=True))
            console.print(Text(f"  {label} ({run}): {told}", style="dim"))


def _slices(board: Leaderboard, console: Console) -> None:
    """A table for each field and metric that was sliced by."""
    for title, rows in slice_tables(board):
        console.print(Text(title, style="bold"))
        print_table(SLICE_HEADER, rows, console)
    for line in slice_legend(board):
        console.print(Text(line, style="dim"))
