"""Lines and tables on a console, as wide as it is."""

from __future__ import annotations

import io
from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from rageval.report.tables.layout import lay_out
from rageval.report.tables.printout import Legend, Line, Printout, Table, Tone, labels_of
from rageval.report.tables.shared_settings import shorten_labels
from rageval.report.tables.wrapping import wrap

_LEAST = 40
_STYLES: Mapping[Tone, str] = {
    "plain": "",
    "strong": "bold",
    "good": "bold green",
    "bad": "bold red",
    "warning": "bold yellow",
    "faint": "dim",
}
_HINT = "(--explain says it at length)"


def print_printout(printout: Printout, console: Console, *, explain: bool = False) -> None:
    """Print all of it; `explain` prints legends in full."""
    short, shared = shorten_labels(labels_of(printout))
    last = next((block for block in reversed(printout.blocks) if isinstance(block, Legend)), None)
    apart = False
    for i, block in enumerate(printout.blocks):
        after_table, apart = apart, isinstance(block, Table)
        if i and (apart or after_table) and Line("") not in (block, printout.blocks[i - 1]):
            _print(console, "", "plain")
        if isinstance(block, Line):
            print_text(console, block.text, block.tone)
        elif isinstance(block, Table):
            if shared and any(column.kind == "pipeline" for column in block.columns):
                print_text(console, f"all: {shared}", "faint")
                shared = ""
            _print_table(block, console, short)
        elif explain:
            for line in block.explained:
                print_text(console, line, "faint")
        else:
            for line in [*block.short[:-1], f"{block.short[-1]} {_HINT}" if block is last else block.short[-1]]:
                print_text(console, line, "faint")


def terminal_text(printout: Printout, width: int, *, explain: bool = False) -> str:
    """What `print_printout` prints on a console of that width, without colour. With `explain` legends are in full."""
    written = io.StringIO()
    print_printout(printout, Console(file=written, width=width, color_system=None), explain=explain)
    return written.getvalue()


def print_text(console: Console, text: str, tone: Tone = "plain") -> None:
    """Print a text, wrapped with no number broken; what wraps is indented as its first line is."""
    indent = text[: len(text) - len(text.lstrip(" "))]
    for line in wrap(text, max(_LEAST, console.width) - len(indent)):
        _print(console, indent + line if line else "", tone)


def _print_table(table: Table, console: Console, short: Mapping[str, str]) -> None:
    rule = "─" if console.encoding.lower().startswith("utf") else "-"
    if table.title:
        print_text(console, table.title, "strong")
    for i, (header, rows) in enumerate(lay_out(table, max(_LEAST, console.width), short, rule)):
        if i:
            _print(console, "", "plain")
        for line in header:
            _print(console, line, "strong")
        for line in rows:
            _print(console, line, "plain")


def _print(console: Console, line: str, tone: Tone) -> None:
    console.print(Text(line, style=_STYLES[tone]), no_wrap=True, overflow="ignore", crop=False)
