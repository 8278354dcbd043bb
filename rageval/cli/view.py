"""`rageval view`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def view(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="The folder that holds the runs.")] = Path(
        "results/runs"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 0,
    ipv6: Annotated[bool, typer.Option("--ipv6", help="Listen on ::1 as well as on 127.0.0.1.")] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Look at the runs of a folder in a browser, live, on this machine alone; Ctrl-C ends it (extra: web)."""
    from rageval.web.server import serve

    def tell(address: str) -> None:
        print(address, flush=True)
        print(f"the runs in {folder}, on this machine alone; Ctrl-C ends it", file=sys.stderr)

    serve(folder, port=port, ipv6=ipv6, open_browser=not no_browser, on_start=tell)
