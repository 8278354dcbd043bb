"""`rageval score-days`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.exit_codes import GATE_FAILED
from rageval.cli.output import FormatFlag, JsonFlag, choose_format, print_found


def score_days(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER…", help="Folders of `rageval score`.")],
    metric: Annotated[list[str], typer.Option("--metric", "-m", help="Such as abstained or faithfulness; repeatable.")],
    baseline: Annotated[int, typer.Option(min=1, help="The first days, which later ones are compared with.")] = 7,
    expected: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="The mean that is expected, in place of a baseline.")
    ] = None,
    margin: Annotated[float, typer.Option(min=0.0, max=1.0, help="A worsening by less raises no alarm.")] = 0.0,
    drift: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The history of `rageval judge-drift`: a drift parts the days.")
    ] = None,
    fail: Annotated[bool, typer.Option("--fail", help="Exit 1 where there is an alarm.")] = False,
    output: FormatFlag = "terminal",
    as_json: JsonFlag = False,
) -> None:
    """Follow scored logs over days, with an alarm that may be looked at every day. No model call."""
    from rageval.report.days import days_printout
    from rageval.traffic.days import read_days
    from rageval.traffic.drift import read_drifts

    form = choose_format(output, as_json)
    series = tuple(
        one
        for name in metric
        for one in read_days(
            folders,
            name,
            baseline=baseline,
            expected=expected,
            margin=margin,
            drifts=() if drift is None else read_drifts(drift, name),
        )
    )
    print_found(form, lambda: days_printout(series), lambda: {"series": [one.to_json() for one in series]})
    if fail and any(one.alarm_day for one in series):
        raise typer.Exit(GATE_FAILED)
