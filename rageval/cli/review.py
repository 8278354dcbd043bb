"""`rageval review`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.exit_codes import WRONG_INPUT
from rageval.cli.output import FormatFlag, JsonFlag, choose_format, print_found
from rageval.errors import DeclarationError, LabelFileError


def review(
    benchmark: Annotated[Path, typer.Argument(metavar="BENCHMARK", help="The folder of a benchmark.")],
    sheets: Annotated[
        list[Path] | None, typer.Argument(metavar="SHEET...", help="Filled-in sheets, .csv or .jsonl.")
    ] = None,
    n: Annotated[int | None, typer.Option("-n", help="Draw so many questions and write a sheet for them.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="With -n: the sheet, .csv or .jsonl. [default: <name>-review.csv]"),
    ] = None,
    output: FormatFlag = "terminal",
    as_json: JsonFlag = False,
) -> None:
    """Have people accept, mend or reject questions that a model wrote; say how many were right."""
    from rageval.people.review import read_review, take_review, write_review_sheet
    from rageval.report.review import review_printout

    form = choose_format(output, as_json)
    if out is not None and n is None:
        raise DeclarationError("--out: found it without -n, expected how many questions to draw: -n 100")
    if n is not None:
        if sheets:
            raise DeclarationError(f"-n: found it with the sheet {sheets[0]}, expected one of them")
        sheet = out or Path(f"{benchmark.resolve().name}-review.csv")
        drawn = write_review_sheet(benchmark, n, sheet)
        print(f"fill in `verdict` of {drawn} questions, then:  rageval review {benchmark} {sheet}", file=sys.stderr)
        print(sheet)
        return
    try:
        found = take_review(benchmark, sheets) if sheets else read_review(benchmark)
    except LabelFileError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        raise typer.Exit(WRONG_INPUT) from None
    print_found(form, lambda: review_printout(found), found.to_json)
