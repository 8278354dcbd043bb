"""How commands print."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from rageval.cli.ending import tell
from rageval.cli.exit_codes import ALL_FAILED, INTERRUPTED
from rageval.errors import DeclarationError
from rageval.types import Json

if TYPE_CHECKING:
    from rageval.decide.leaderboard import Leaderboard

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
PlotFile = Annotated[
    Path | None, typer.Option("--plot", help="Also draw it into this .svg, .png or .pdf (extra: plot).")
]


def print_json(data: Mapping[str, Json]) -> None:
    """One JSON object on one line."""
    print(json.dumps(data, ensure_ascii=False, allow_nan=False))


def write_file(path: Path, content: str | bytes) -> None:
    """Write a report; its folder is made where there is none. Raises DeclarationError where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(errors="backslashreplace"))
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be written ({error.strerror}): choose another file") from None


def calls_text(low: int, high: int | None) -> str:
    """`3 to 5 chat calls`; without a bound, `at least 3 chat calls, unknown how many more`."""
    if high is None:
        return f"at least {low:,} chat calls, unknown how many more"
    return f"{low:,} chat calls" if low == high else f"{low:,} to {high:,} chat calls"


def end_if_all_failed(board: Leaderboard) -> None:
    """Ends with an error where all questions of a run failed: its scores say nothing of the pipeline."""
    from rageval.report.failures import RETRY, failure_note

    if failed := [failure_note(board, row) for row in board.rows if board.all_failed(row)]:
        tell(f"{' '.join(failed)}; {RETRY}")
        raise typer.Exit(ALL_FAILED)


def end_interrupted(kept: str, out: Path) -> NoReturn:
    """Ends after Ctrl-C. Prints what is kept, what continues without this process, and the command that resumes the
    run.
    """
    from rageval.models.batch_state import STATE, batches_under_way

    n = batches_under_way(out / "cache" / STATE)
    batches = f", and the endpoint goes on with what was submitted ({n} batch{'es' if n > 1 else ''})" if n else ""
    command = shlex.join(["rageval", *sys.argv[1:]])
    print(f"stopped; {kept} is kept{batches}. To go on:  {command}", file=sys.stderr)
    raise typer.Exit(INTERRUPTED) from None
