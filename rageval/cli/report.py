"""`rageval report`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.side_by_side import ByFlag, ClusterFlag, OtherCorpusFlag


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders over one benchmark.")],
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="The HTML file to write.")],
    cluster_by: ClusterFlag = None,
    by: ByFlag = None,
    other_corpus: OtherCorpusFlag = False,
    single_file: Annotated[
        bool, typer.Option("--single-file", help="Put all texts into the file, however large it gets.")
    ] = False,
    shards_above: Annotated[
        float,
        typer.Option(min=0.0, metavar="MB", help="Put the texts into a folder beside the file where they take more."),
    ] = 60.0,
    language: Annotated[
        str, typer.Option(metavar="en|zh", help="The interface's language at first. [default: the browser's]")
    ] = "",
    labelling: Annotated[
        str, typer.Option(metavar="sheet", help="Write the sheet in which people label a run's latest sample instead.")
    ] = "",
    metric: Annotated[
        str | None, typer.Option("--metric", "-m", help="With --labelling: the metric that is labelled.")
    ] = None,
) -> None:
    """Write runs as one HTML file to look at: leaderboard, every question and answer, comparisons, diagnosis."""
    from rageval.cli.labelling_sheet import write_labelling_sheet
    from rageval.errors import DeclarationError
    from rageval.report.html.write import write_report
    from rageval.report.progress import progress_bars

    if language not in ("", "en", "zh"):
        raise DeclarationError(f"--language: found {language!r}, expected en or zh")
    if labelling:
        write_labelling_sheet(runs, html, labelling, metric, language)
        return
    if metric is not None:
        raise DeclarationError("--metric: found it without --labelling, expected --labelling sheet as well")
    with progress_bars() as bars:
        written = write_report(
            runs,
            html,
            cluster_by=cluster_by,
            by=by or (),
            other_corpus=other_corpus,
            shards_above_mb=None if single_file else shards_above,
            language=language,
            on_questions=bars.report,
        )
    beside = "" if written.shards is None else f", with its texts in {written.shards} (keep it beside the file)"
    print(f"{written.size / 1e6:.1f} MB, {written.questions} questions{beside}", file=sys.stderr)
    print(written.path)
