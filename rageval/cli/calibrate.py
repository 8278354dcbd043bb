"""`rageval calibrate`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from rageval.cli.exit_codes import WRONG_INPUT
from rageval.cli.output import FormatFlag, JsonFlag, PlotFile, choose_format, end_interrupted, print_found
from rageval.errors import DeclarationError, LabelFileError
from rageval.types import Json

if TYPE_CHECKING:
    from rageval.judges import Judge
    from rageval.models.base import ChatModel
    from rageval.people import Calibrated


def calibrate(
    judge: Annotated[
        str,
        typer.Argument(
            help="A judge of `rageval list judges`, `light`, `light-aligned`, or the path of your own or a trained one."
        ),
    ],
    labels: Annotated[
        Path, typer.Option(help="Answers that people labelled 0 or 1: items (.jsonl), or a sheet of `rageval sample`.")
    ],
    experiment: Annotated[
        Path | None, typer.Option(help="Judge with the judge model of this experiment file. [default: the local model]")
    ] = None,
    scaling: Annotated[
        Literal["platt", "isotonic", "none"] | None,
        typer.Option(help="How to scale probabilities. [default: platt if there are enough labels for it]"),
    ] = None,
    attacks: Annotated[bool, typer.Option("--attacks", help="Also test the judge with injections.")] = False,
    seed: Annotated[int, typer.Option(help="The seed that assigns items to folds and attacks to items.")] = 0,
    out: Annotated[Path, typer.Option(help="Where calibrations and caches go.")] = Path("results"),
    plot: PlotFile = None,
    output: FormatFlag = "terminal",
    as_json: JsonFlag = False,
) -> None:
    """Measure a judge against people's labels, and keep a scaling that makes its probabilities honest."""
    from rageval.experiment.choose_judges import check_languages
    from rageval.people import calibrate as calibrate_judge
    from rageval.people import read_items, write_record
    from rageval.report.calibrate import calibration_printout
    from rageval.report.progress import progress_bars

    form = choose_format(output, as_json)
    if plot is not None:
        from rageval.report.pictures.canvas import check_picture

        check_picture(plot)
    instrument = _instrument(judge, experiment)
    try:
        file = read_items(labels, instrument)
    except LabelFileError as error:
        for problem in error.problems:
            print("error:", problem, file=sys.stderr)
        raise typer.Exit(WRONG_INPUT) from None
    check_languages([instrument], [item.question for item in file.items], "calibrate")
    chat = _model(instrument, experiment, out / "cache")
    with progress_bars() as bars:
        try:
            result = calibrate_judge(
                instrument,
                file,
                chat,
                scaling=scaling,
                attacks=attacks,
                seed=seed,
                on_items=bars.labelled_items,
                on_attacks=bars.attacks,
            )
        except KeyboardInterrupt:
            bars.stop()
            end_interrupted("every reply so far", out)
    path = write_record(result.record, out) if result.record.n else None
    if plot is not None:
        from rageval.report.pictures.calibration import draw_calibration

        draw_calibration(result, plot)
    print_found(form, lambda: calibration_printout(result), lambda: _to_json(result, path))
    if form == "json":
        return
    for note in result.notes:
        print("note:", note, file=sys.stderr)
    if path is not None:
        print(path, file=sys.stderr)


def _instrument(name: str, experiment: Path | None) -> Judge:
    """The judge; by a detector where one is named, or the experiment file has one."""
    from rageval.experiment.detector_spec import is_detector, named_detector, open_detector
    from rageval.experiment.spec import read_spec
    from rageval.judges import JUDGES
    from rageval.judges.light.detectors import JUDGE_OF, with_detector

    if is_detector(name):
        detector = named_detector(name, Path.cwd(), "calibrate")
        judge = JUDGES[JUDGE_OF[detector.metrics[0]]]
    else:
        judge = _judge(name)
        part = None if experiment is None else read_spec(experiment).models.detector
        if experiment is None or part is None:
            return judge
        detector = open_detector(part, experiment.resolve().parent)
    found = with_detector(judge, detector)
    if found is None:
        judges = ", ".join(JUDGE_OF[metric] for metric in detector.metrics)
        raise DeclarationError(f"found the judge {name}, expected one for which {detector.name} can stand: {judges}")
    return found


def _model(judge: Judge, experiment: Path | None, cache: Path) -> ChatModel:
    """What the judge asks."""
    from rageval.experiment.choose_models import choose_one_judge, choose_ranker
    from rageval.judges.custom import NoChat
    from rageval.judges.light.detectors import detector_of
    from rageval.judges.light.rerank import RerankDetector

    detector = detector_of(judge)
    if isinstance(detector, RerankDetector):
        return choose_ranker(detector.service, cache)
    return choose_one_judge(experiment, cache) if detector is None else NoChat(judge.name)


def _judge(name: str) -> Judge:
    import difflib

    from rageval.experiment.choose_metrics import choose_own
    from rageval.judges import JUDGES
    from rageval.judges.panel import on_scale
    from rageval.metrics.custom import OwnMetric

    own = choose_own(name, Path.cwd(), "calibrate")
    if isinstance(own, OwnMetric):
        raise DeclarationError(f"found the metric {own.name}, expected a judge")
    if own is not None and not on_scale(own):
        return own
    known = {name: judge for name, judge in JUDGES.items() if not on_scale(judge)}
    if name in known:
        return known[name]
    if name in JUDGES or own is not None:
        raise DeclarationError(f"found {name}, which grades on a scale, expected a judge that says yes or no")
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise DeclarationError(f"found no judge {name!r}, expected one of {', '.join(known)}{hint}")


def _to_json(result: Calibrated, path: Path | None) -> dict[str, Json]:
    from rageval.io.records import usage_to_json
    from rageval.scores.calibration_record import record_to_json

    return {
        **record_to_json(result.record),
        "path": None if path is None else str(path),
        "reasons": {**result.reasons},
        "usage": usage_to_json(result.usage),
        "seconds_per_item": result.seconds_per_item,
        "attacks": None if result.attacks is None else cast("dict[str, Json]", asdict(result.attacks)),
        "notes": [*result.notes],
        "reliability": [cast("dict[str, Json]", asdict(one)) for one in result.reliability],
        "reliability_scaled": [cast("dict[str, Json]", asdict(one)) for one in result.reliability_scaled],
    }
