"""`rageval sample`, `rageval label`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rageval.cli.exit_codes import WRONG_INPUT
from rageval.cli.output import JsonFlag, print_json
from rageval.errors import DeclarationError, LabelFileError
from rageval.types import Estimate, Json

if TYPE_CHECKING:
    from rageval.io.run_folder import RunFolder
    from rageval.scores.human_labels import MetricLabels
    from rageval.stats import Agreement


RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]


def sample(
    run: RunArgument,
    metric: Annotated[str, typer.Option("--metric", "-m", help="A judged metric of the run, such as faithfulness.")],
    n: Annotated[int, typer.Option("-n", help="How many questions to draw.")],
    carry_from: Annotated[
        str | None, typer.Option(help="An earlier run or baseline whose labels are kept for answers that are the same.")
    ] = None,
    active: Annotated[
        bool, typer.Option("--active", help="Draw questions where the judge is in doubt more often than others.")
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(help="With --active: draw for the difference to this run, and write a sheet for it as well."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Another seed draws other questions. [default: that of --carry-from, else 0]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to fill in, .jsonl or .csv. [default: <run>-<metric>.jsonl]")
    ] = None,
) -> None:
    """Draw a random sample of a run's questions for people to label, and write the file to fill in."""
    from rageval.cli.active_sample import sample_active
    from rageval.io.run_folder import RunFolder
    from rageval.metrics import parse
    from rageval.people.attach import store_sample
    from rageval.people.sampling import draw_sample
    from rageval.people.sheet import check_sheet_path, write_sheet
    from rageval.scores.human_labels import run_name

    folder = RunFolder(run)
    if active:
        if carry_from is not None:
            raise DeclarationError("--carry-from: found it with --active, expected one of them")
        sample_active(folder, metric, n, against, seed or 0, out)
        return
    if against is not None:
        raise DeclarationError("--against: found it without --active, expected --active as well")
    sheet = out or Path(f"{run_name(folder)}-{metric}.jsonl")
    check_sheet_path(sheet)
    drawn = draw_sample(folder, metric, n, seed=seed, carry_from=carry_from)
    if drawn.to_label:
        write_sheet(folder, drawn, sheet)
    store_sample(folder, drawn)
    failed = len(drawn.known)
    if drawn.carried is not None:
        failed -= drawn.carried.labels
        print(f"{drawn.carried.labels} of {n} are labelled: their answers are those of {carry_from}", file=sys.stderr)
    if failed:
        worst = f"{parse(metric).worst:g}"
        print(f"{failed} of {n} need no label: the pipeline failed on them and they score {worst}", file=sys.stderr)
    if not drawn.to_label:
        print("nothing is left to label", file=sys.stderr)
        return
    print(f"fill in `label` (and `annotator`), then:  rageval label {run} {sheet}", file=sys.stderr)
    print(sheet)


def label(
    run: RunArgument,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="Filled-in files, .jsonl or .csv.")
    ] = None,
    allow_any_sample: Annotated[
        bool,
        typer.Option("--allow-any-sample", help="Use labels that are not a random sample of this run, with a warning."),
    ] = False,
    expert: Annotated[
        str | None,
        typer.Option(
            help="Correct the judge by this added judge too (`rageval judge --name`), with labels or without."
        ),
    ] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", "-m", help="With --expert and without files: the metric to correct.")
    ] = None,
    second_judge: Annotated[
        str | None,
        typer.Option(
            help="Read this added judge beside the run's own where the labels are joined. [default: light, if there]"
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Attach people's labels to a run; the leaderboard then shows intervals that they correct."""
    from rageval.io.run_folder import RunFolder
    from rageval.metrics import parse
    from rageval.people.attach import agreement_of
    from rageval.scores.estimates import labelled_estimate
    from rageval.scores.expert_labels import use_expert
    from rageval.scores.second_judge import use_second

    folder = RunFolder(run)
    if not files:
        if metric is None or (expert is None and second_judge is None):
            raise DeclarationError("found no file, expected filled-in files, or --expert NAME and --metric")
        if expert is not None:
            use_expert(folder, str(parse(metric)), expert)
        attached = _stored(folder, str(parse(metric)))
    else:
        attached = _attach(folder, files, allow_any_sample)
        for labels in attached:
            if expert is not None:
                use_expert(folder, labels.metric, expert)
    if second_judge is not None:
        for labels in attached:
            use_second(folder, labels.metric, second_judge)
    scores = folder.scores()
    results = [
        (labels, agreement_of(labels), labelled_estimate(folder, labels.metric, scores[labels.metric]))
        for labels in attached
    ]
    if as_json:
        metrics: dict[str, Json] = {labels.metric: _to_json(labels, alpha, mean) for labels, alpha, mean in results}
        print_json({"run": str(run), "metrics": metrics})
    else:
        for result in results:
            _print(*result)


def _stored(folder: RunFolder, metric: str) -> tuple[MetricLabels, ...]:
    from rageval.scores.human_labels import read_labels

    labels = read_labels(folder, metric)
    return () if labels is None else (labels,)


def _attach(folder: RunFolder, files: list[Path], allow_any_sample: bool) -> tuple[MetricLabels, ...]:
    from rageval.people.attach import attach_rows
    from rageval.people.label_files import read_label_files
    from rageval.people.saved_decisions import keep, read_saved

    try:
        rows, saved = read_label_files(files), read_saved(folder, files)
        attached = attach_rows(folder, rows, allow_any_sample=allow_any_sample)
        keep(saved)
        return attached
    except LabelFileError as error:
        for problem in error.problems:
            print("error:", problem, file=sys.stderr)
        raise typer.Exit(WRONG_INPUT) from None


def _to_json(labels: MetricLabels, agreement: Agreement | None, mean: Estimate | None) -> dict[str, Json]:
    from rageval.scores.estimates import estimate_to_json

    alpha: dict[str, Json] | None = None
    if agreement is not None:
        interval = agreement.interval
        alpha = {"alpha": interval.point, "low": interval.low, "high": interval.high, "questions": interval.n}
    return {
        "labelled": len(labels.by_question),
        "sample": None if labels.sample is None else labels.sample.digest,
        "drawn": None if labels.sample is None else len(labels.sample.drawn),
        "annotators": [*labels.annotators],
        "agreement": alpha,
        "representative": labels.sample is not None,
        "warning": labels.reason,
        "estimate": None if mean is None else estimate_to_json(mean),
    }


def _print(labels: MetricLabels, agreement: Agreement | None, mean: Estimate | None) -> None:
    from rageval.report.leaderboard import labels_text, number_cell

    drawn = "" if labels.sample is None else f" of {len(labels.sample.to_label)} drawn"
    people = f"{len(labels.by_question)}{drawn} labelled by {len(labels.annotators)} annotators"
    print(f"{labels.metric}: {people if labels.labels else 'no labels of people'}")
    if agreement is not None:
        alpha = agreement.interval
        print(
            f"  agreement: Krippendorff's alpha {alpha.point:.2f} [{alpha.low:.2f}, {alpha.high:.2f}] "
            f"on {alpha.n} questions that several labelled"
        )
    if mean is not None:
        print(f"  {number_cell(mean)} ({mean.method}); {labels_text(mean)}")
        if mean.warning:
            print(f"warning: {labels.metric}: {mean.warning}", file=sys.stderr)
