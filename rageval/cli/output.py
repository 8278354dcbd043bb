"""How commands print."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, TypeAlias

import typer

from rageval.cli.ending import tell
from rageval.cli.exit_codes import ALL_FAILED, INTERRUPTED
from rageval.errors import DeclarationError
from rageval.types import Json

if TYPE_CHECKING:
    from rageval.decide.leaderboard import Leaderboard
    from rageval.report.tables.printout import Printout

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Format: TypeAlias = Literal["terminal", "md", "csv", "latex", "html", "json"]
FormatFlag = Annotated[Format, typer.Option("--format", help="How to print what is found.")]
ExplainFlag = Annotated[bool, typer.Option("--explain", help="Say at length what the numbers mean.")]
PlotFile = Annotated[
    Path | None, typer.Option("--plot", help="Also draw it into this .svg, .png or .pdf (extra: plot).")
]


def choose_format(output: Format, as_json: bool) -> Format:
    """The format that was asked for. Raises DeclarationError for --json with another one."""
    if as_json and output not in ("terminal", "json"):
        raise DeclarationError(f"--json: found it with --format {output}, expected one of them")
    return "json" if as_json else output


def print_found(
    output: Format,
    printout: Callable[[], Printout],
    to_json: Callable[[], Mapping[str, Json]],
    *,
    markdown: Callable[[], str] | None = None,
    explain: bool = False,
) -> None:
    """Print what was found in that format; `markdown` is a report of its own, where there is one."""
    if output == "json":
        print_json(to_json())
    elif output == "md" and markdown is not None:
        print_text(markdown())
    elif output == "terminal":
        from rageval.report.tables.terminal import print_printout
        from rageval.report.terminal import stdout_console

        print_printout(printout(), stdout_console(), explain=explain)
    else:
        from rageval.report.tables.formats import RENDERERS

        found = printout()
        print_text(RENDERERS[output](found))
        if output == "csv":
            tell_warnings(found)


def print_text(text: str) -> None:
    """Print a text as it stands, with an end of line where it has none."""
    print(text, end="" if text.endswith("\n") else "\n")


def tell_warnings(printout: Printout) -> None:
    """Print on standard error the warnings and failures that a CSV file has no place for."""
    from rageval.report.tables.printout import Line

    for block in printout.blocks:
        if isinstance(block, Line) and block.tone in ("bad", "warning"):
            print(block.text, file=sys.stderr)


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
