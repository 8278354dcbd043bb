"""`rageval judge`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import JsonFlag, end_interrupted, print_json
from rageval.types import Json


def judge(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")],
    name: Annotated[str, typer.Option(help="What to call the judge: its metrics are faithfulness:NAME and so on.")],
    experiment: Annotated[
        list[Path] | None,
        typer.Option(help="Judge with the judge model of this file; several are a panel. [default: the local model]"),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(help="Judge by no chat model: `light`, `light-aligned`, or one of `rageval train-judge` (.json)."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", help="A judged metric, or the path of a judge of your own; repeatable. All."),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(min=1, max=50, help="How often to ask each model. [default: as the experiment files say]"),
    ] = None,
    questions: Annotated[
        int | None,
        typer.Option(min=1, help="Ask on a random sample of so many questions, in the order that people get. [all]"),
    ] = None,
    calibration: Annotated[
        list[Path] | None, typer.Option(help="Scale verdicts by this record of `rageval calibrate`; repeatable.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder that has cache/.")] = Path("results"),
    as_json: JsonFlag = False,
) -> None:
    """Judge a finished run again, by another judge or a panel, and keep both. Nothing is answered again."""
    from rageval.decide.leaderboard import read_leaderboard
    from rageval.experiment.detector_spec import named_detector
    from rageval.experiment.judge_again import plan_rejudging, rejudge
    from rageval.report.judge_notes import WORDS, agreement_text, calibration_text, detector_text
    from rageval.report.leaderboard import number_cell
    from rageval.report.progress import progress_bars
    from rageval.scores.estimates import metric_to_json

    with progress_bars() as bars:
        try:
            with plan_rejudging(
                run,
                name,
                metric or (),
                experiment or (),
                out / "cache",
                samples=samples,
                questions=questions,
                calibrations=calibration or (),
                detector=None if detector is None else named_detector(detector, Path.cwd(), "--detector"),
                on_embedding=bars.embedding,
            ) as plan:
                reused = plan.count_judgments()
                metrics = [str(added) for added in rejudge(plan, bars.responses)]
        except KeyboardInterrupt:
            bars.stop()
            end_interrupted("every verdict so far", out)
    if reused:
        print(f"reused {reused:,} judgments", file=sys.stderr)
    board = read_leaderboard([run])
    (row,) = board.rows
    entries = {entry: about for entry, about in row.judges.items() if entry.partition(":")[2] == name}
    if as_json:
        estimates: dict[str, Json] = {added: metric_to_json(row.estimates[added], board.questions) for added in metrics}
        judges: dict[str, Json] = {entry: {**about} for entry, about in entries.items()}
        print_json({"run": str(run), "metrics": estimates, "judges": judges, "reused": {"judgments": reused}})
        return
    for added in metrics:
        before = row.estimates.get(added.partition(":")[0])
        beside = "" if before is None else f"  (the run's own judge: {number_cell(before)})"
        print(f"{added:<28} {number_cell(row.estimates[added])}{beside}")
    for entry, about in entries.items():
        print(f"{entry}: {about['verdicts']} verdicts, {about['abstained']} abstained; {about['model'] or 'no model'}")
        if about.get("detector"):
            print(f"  {detector_text(about['detector'])}")
        if about.get("words"):
            print(f"  {WORDS}")
        if "agreement" in about:
            print(f"  {agreement_text(about['agreement'])}")
        if "calibration" in about:
            print(f"  {calibration_text(about['calibration'])}")
    print(run, file=sys.stderr)
