"""`rageval export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")],
    file: Annotated[Path, typer.Argument(help="The TREC run file to write.")],
    qrels: Annotated[Path | None, typer.Option(help="Also write the relevance labels to this file.")] = None,
) -> None:
    """Write a run's rankings as a TREC run file, for trec_eval, ir_measures and the like."""
    from rageval.integrations.trec import export_run

    export_run(run, file, qrels)
    for path in (file, qrels):
        if path is not None:
            print(path, file=sys.stderr)
