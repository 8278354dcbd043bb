"""Standard output as a console."""

from __future__ import annotations

import os

from rich.console import Console

_WIDE = 240


def stdout_console() -> Console:
    """Standard output. Where it is no terminal, it has the width that COLUMNS says, else 240, and no colour."""
    console = Console()
    columns = os.environ.get("COLUMNS", "")
    told = columns.isdecimal() and int(columns) > 0
    return console if console.is_terminal or told else Console(width=_WIDE)
