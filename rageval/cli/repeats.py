"""`rageval repeats`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import FormatFlag, JsonFlag, choose_format, print_found


def repeats(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run with repeats.")],
    question_cost: Annotated[
        list[float] | None,
        typer.Option(help="What one more question costs, in answers; repeatable. [default: 1, 10 and 100]"),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="List so many flaky questions.")] = 10,
    output: FormatFlag = "terminal",
    as_json: JsonFlag = False,
) -> None:
    """Say how much of the scores is chance in the answers, and which questions are flaky. No model call."""
    from rageval.decide.repeats import COSTS, read_repeats
    from rageval.report.repeats import repeats_printout

    form = choose_format(output, as_json)
    found = read_repeats(run, question_cost or COSTS)
    print_found(form, lambda: repeats_printout(found, limit), found.to_json)


def tell_repeats(runs: Sequence[Path]) -> None:
    """Prints on standard error a line for each run whose questions were asked several times."""
    from rageval.decide.repeats import read_repeats
    from rageval.io.run_folder import RunFolder
    from rageval.report.repeats import EQUAL, pointer

    for run in runs:
        if RunFolder(run).manifest().get("repeats", 1) > 1:
            found = read_repeats(run)
            print(pointer(found), file=sys.stderr)
            if found.same == found.questions:
                print(EQUAL, file=sys.stderr)
