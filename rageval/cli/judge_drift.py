"""`rageval judge-drift`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.exit_codes import GATE_FAILED
from rageval.cli.output import JsonFlag, end_interrupted, print_json


def judge_drift(
    items: Annotated[
        Path, typer.Argument(metavar="ITEMS", help="A frozen set: logged answers (JSON Lines), each with a `label`.")
    ],
    metric: Annotated[str, typer.Option("--metric", "-m", help="A judged metric that the labels are of.")],
    history: Annotated[Path, typer.Option(help="Where measurements are kept; the new one is appended.")],
    experiment: Annotated[
        Path | None, typer.Option(help="Judge with the models of this file. [default: the local model]")
    ] = None,
    detector: Annotated[str | None, typer.Option(help="Judge by no chat model: light, or a trained one.")] = None,
    out: Annotated[Path, typer.Option(help="Where the run goes.")] = Path("results"),
    fail: Annotated[bool, typer.Option("--fail", help="Exit 1 where the judge has drifted.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Judge a frozen set of labelled answers afresh, and say whether the judge has changed since it last did."""
    from rageval.report.days import drift_lines
    from rageval.report.progress import progress_bars
    from rageval.traffic.drift import measure_drift
    from rageval.traffic.judging import Judge

    judge = Judge(experiment, detector)
    day = datetime.now(UTC).date().isoformat()
    with progress_bars() as bars:
        try:
            found = measure_drift(
                items, metric, judge, history, out, day, on_progress=bars.responses, on_embedding=bars.embedding
            )
        except KeyboardInterrupt:
            bars.stop()
            end_interrupted("every verdict so far", out)
    if as_json:
        print_json(found.to_json())
    else:
        print("\n".join(drift_lines(found)))
    if fail and found.drifted:
        raise typer.Exit(GATE_FAILED)
