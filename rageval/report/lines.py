"""Lines of text on a console."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text


def print_line(console: Console, text: str, style: str = "") -> None:
    """Print the text as it stands: no part of it is markup."""
    console.print(Text(text, style=style))


def print_block(console: Console, text: str, indent: int, style: str = "") -> None:
    """Print the text wrapped to the console's width, every line indented."""
    for line in Text(text).wrap(console, max(20, console.width - indent)):
        line.rstrip()
        print_line(console, " " * indent + line.plain, style)


def shorten(text: str, most: int) -> str:
    """The text on one line, cut to that many characters with … at its end."""
    words = " ".join(text.split())
    return words if len(words) <= most else words[: most - 1] + "…"
