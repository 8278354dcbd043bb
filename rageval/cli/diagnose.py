"""`rageval diagnose`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.compare import MarkdownFile
from rageval.cli.output import ExplainFlag, FormatFlag, JsonFlag, choose_format, print_found, write_file
from rageval.cli.side_by_side import ByFlag


def diagnose(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")],
    by: ByFlag = None,
    oracle: Annotated[
        Path | None, typer.Option(metavar="RUN", help="A run of the recipe oracle: measures the retriever's losses.")
    ] = None,
    closed_book: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="A run of the recipe closed_book: measures what retrieval adds."),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option("--metric", "-m", help="Says whether answers are right (from 0.5). By default a judged one."),
    ] = None,
    markdown: MarkdownFile = None,
    output: FormatFlag = "terminal",
    explain: ExplainFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Say why the questions of a run fail: one cause for each, shares, what to try next. No model call."""
    from rageval.decide.diagnose import diagnose as diagnose_run
    from rageval.report import diagnose as report

    form = choose_format(output, as_json)
    result = diagnose_run(run, by=by or [], oracle=oracle, closed_book=closed_book, metric=metric)
    if markdown is not None:
        write_file(markdown, report.markdown(result))
    print_found(
        form,
        lambda: report.diagnosis_printout(result),
        result.to_json,
        markdown=lambda: report.markdown(result),
        explain=explain,
    )
