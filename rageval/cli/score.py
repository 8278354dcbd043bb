"""`rageval score`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import (
    ExplainFlag,
    FormatFlag,
    JsonFlag,
    calls_text,
    choose_format,
    end_interrupted,
    print_found,
)

LogFile = Annotated[
    Path, typer.Argument(metavar="LOG", help="Logged answers, a JSON object a line: question, answer, passages.")
]
FieldFlag = Annotated[
    list[str] | None,
    typer.Option("--field", metavar="NAME=KEY", help="What the log calls a field: answer=out.text; repeatable."),
]
MaskFlag = Annotated[
    bool, typer.Option("--mask", help="Take personal data out before anything is stored or sent (extra: corpus).")
]
SkipBadFlag = Annotated[bool, typer.Option("--skip-bad", help="Leave out lines that hold no answer, and count them.")]


def score(
    log: LogFile,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", help="Such as faithfulness, or the path of a judge of your own; repeatable."),
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="Slice by a field of the log, by day or by language; repeatable.")
    ] = None,
    sample: Annotated[int | None, typer.Option(min=2, help="Judge so many answers, drawn at random.")] = None,
    strata: Annotated[
        str | None, typer.Option(metavar="FIELD", help="Draw the sample from each value of this field.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another sample.")] = 0,
    experiment: Annotated[
        Path | None, typer.Option(help="Judge with the models and the budget of this file. [default: the local model]")
    ] = None,
    detector: Annotated[
        str | None, typer.Option(help="Judge by no chat model: light, light-aligned, or a trained one (.json).")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="People's labels (JSON Lines: id, label from 0 to 1), to compare thumbs with.")
    ] = None,
    field: FieldFlag = None,
    mask: MaskFlag = False,
    skip_bad: SkipBadFlag = False,
    dry: Annotated[bool, typer.Option("--dry-run", help="Measure, and say what judging would ask.")] = False,
    out: Annotated[Path, typer.Option(help="Where numbers, runs and caches go.")] = Path("results"),
    explain: ExplainFlag = False,
    output: FormatFlag = "terminal",
    as_json: JsonFlag = False,
) -> None:
    """Score logged answers without labels: abstention, length, cost and more, and what judges say of a sample."""
    from rageval.report.progress import progress_bars
    from rageval.report.score import score_printout
    from rageval.traffic.fields import parse_field_names
    from rageval.traffic.judging import Judge
    from rageval.traffic.score import Request, look_ahead, score_log
    from rageval.traffic.summary import summarise

    form = choose_format(output, as_json)
    request = Request(
        log=log,
        names=parse_field_names(field or ()),
        metrics=tuple(metric or ()),
        by=tuple(by or ()),
        strata=strata,
        sample=sample,
        seed=seed,
        mask=mask,
        skip_bad=skip_bad,
        judge=Judge(experiment, detector),
    )
    with progress_bars() as bars:
        try:
            if dry:
                outlook = look_ahead(request, out, bars.answers)
                print("no metric asks a model" if outlook is None else calls_text(outlook.calls, outlook.runs[0].calls))
                return
            scored = score_log(
                request, out, on_progress=bars.answers, on_judging=bars.responses, on_embedding=bars.embedding
            )
        except KeyboardInterrupt:
            bars.stop()
            end_interrupted("everything measured and judged so far", out)
    if scored.reused:
        print(f"reused the numbers of {scored.reused:,} answers", file=sys.stderr)
    found = summarise(scored.folder, labels)
    print_found(form, lambda: score_printout(found), found.to_json, explain=explain)
    print(scored.folder.path, file=sys.stderr)
