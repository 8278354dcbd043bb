"""What commands say of answers that were there before, and the options that ask for new ones."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from rageval.types import Json

if TYPE_CHECKING:
    from rageval.experiment.reuse import Reused

RetryFailedFlag = Annotated[
    bool, typer.Option("--retry-failed", help="Ask the questions again that failed in an earlier run.")
]
FreshFlag = Annotated[
    bool,
    typer.Option(
        "--fresh", help="Ask again what was asked before; earlier answers are kept in OUT/earlier, and not used."
    ),
]


def tell_reuse(runs: Sequence[Path]) -> dict[str, Reused]:
    """Reports on standard error which results of these runs (by path) the command reused, if any."""
    from rageval.experiment.reuse import read_reused, reuse_line

    found = read_reused(runs)
    if line := reuse_line(found, "--fresh", "--retry-failed"):
        print(line, file=sys.stderr)
    return {str(run): one for run, one in zip(runs, found, strict=True)}


def with_reuse(board: Mapping[str, Json], reused: Mapping[str, Reused]) -> list[dict[str, Json]]:
    """Returns the runs of a leaderboard's JSON, each with what it reused."""
    runs = cast("list[dict[str, Json]]", board["runs"])
    return [{**run, "reused": reused[str(run["path"])].to_json()} for run in runs]
