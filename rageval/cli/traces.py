"""`rageval traces`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import JsonFlag, print_json


def traces(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="Traces of OpenTelemetry (OTLP as JSON, console), Langfuse, LangSmith."),
    ],
    log: Annotated[Path, typer.Option("--out", metavar="LOG", help="The log to write, for `rageval score`.")],
    as_json: JsonFlag = False,
) -> None:
    """Turn traces into a log of answers: question, passages of every search, answer, tokens, latency, session."""
    from rageval.traffic.traces import convert_traces

    found = convert_traces(files, log)
    if as_json:
        print_json({"log": str(log), **found.to_json()})
        return
    print(f"{log}: {found.answers:,} answers of {found.traces:,} traces ({found.spans:,} spans)")
    for reason, n in found.left_out.items():
        print(f"left out: {n:,} traces {reason}", file=sys.stderr)
