"""`rageval prefer`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from rageval.cli.exit_codes import WRONG_INPUT
from rageval.cli.output import Format, FormatFlag, JsonFlag, choose_format, end_interrupted, print_found
from rageval.cli.side_by_side import OtherCorpusFlag
from rageval.errors import DeclarationError, LabelFileError

if TYPE_CHECKING:
    from rageval.experiment.workers import OnProgress
    from rageval.models.base import ChatModel
    from rageval.scores.run_scores import RunScores

Result = TypeVar("Result")

RUNS = "Folders of finished runs whose pipelines answered: the baseline, the candidate, and any more."


def prefer(
    runs: Annotated[list[str], typer.Argument(metavar="BASELINE CANDIDATE [RUN]...", help=RUNS)],
    experiment: Annotated[
        Path | None, typer.Option(help="Ask the judge model of this experiment file. [default: the local model]")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="People's preferences on some of the questions, .jsonl or .csv.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(metavar="N", help="Draw N questions for people and write the sheet; asks no model.")
    ] = None,
    sheet: Annotated[Path, typer.Option(help="The file to fill in that --sample writes, .jsonl or .csv.")] = Path(
        "preferences.jsonl"
    ),
    out: Annotated[Path, typer.Option(help="Where preferences and caches go.")] = Path("results"),
    other_corpus: OtherCorpusFlag = False,
    output: FormatFlag = "terminal",
    as_json: JsonFlag = False,
) -> None:
    """Ask a model, question by question and in both orders, which of two runs gives the better answer.

    Three runs or more are compared pair by pair and ranked.
    """
    from rageval.scores.reading import read_run_scores

    if len(runs) < 2:
        raise DeclarationError(f"rageval prefer: found {len(runs)} run, expected two or more")
    if len(runs) > 2 and (labels is not None or sample is not None):
        raise DeclarationError(f"--labels, --sample: found {len(runs)} runs, expected two: people compare a pair")
    form = choose_format(output, as_json)
    read = [read_run_scores(run) for run in runs]
    if sample is not None:
        _draw(read, sample, sheet, other_corpus)
    elif len(runs) == 2:
        _two(read, experiment, labels, out, other_corpus, form)
    else:
        _several(read, experiment, out, other_corpus, form)


def _draw(runs: Sequence[RunScores], n: int, sheet: Path, other_corpus: bool) -> None:
    from rageval.people.preference_sheet import write_preference_sheet
    from rageval.scores.answer_pairs import read_answer_pairs
    from rageval.scores.comparability import read_comparable

    sides = read_comparable(runs[0], runs[1], other_corpus=other_corpus)
    asked = write_preference_sheet(read_answer_pairs(sides.baseline, sides.candidate), n, sheet)
    if asked < n:
        print(f"{n - asked} of {n} need nobody: equal answers, or one or both did not answer", file=sys.stderr)
    again = f"rageval prefer {runs[0].source} {runs[1].source} --labels {sheet}"
    print(f"fill in `preference` (and `annotator`), then:  {again}", file=sys.stderr)
    print(sheet)


def _two(
    runs: Sequence[RunScores],
    experiment: Path | None,
    labels: Path | None,
    out: Path,
    other_corpus: bool,
    form: Format,
) -> None:
    from rageval.decide.preference import prefer as prefer_runs
    from rageval.people.preference_sheet import read_preferences
    from rageval.report.preference import preference_printout
    from rageval.scores.answer_pairs import read_answer_pairs
    from rageval.scores.comparability import read_comparable

    sides = read_comparable(runs[0], runs[1], other_corpus=other_corpus)
    try:
        given = () if labels is None else read_preferences(labels, read_answer_pairs(sides.baseline, sides.candidate))
    except LabelFileError as error:
        for problem in error.problems:
            print("error:", problem, file=sys.stderr)
        raise typer.Exit(WRONG_INPUT) from None
    result = _with_judge(
        experiment,
        out,
        lambda chat, told: prefer_runs(runs[0], runs[1], chat, out, told, other_corpus=other_corpus, labels=given),
    )
    print_found(form, lambda: preference_printout(result), result.to_json)
    if form != "json":
        print(result.path, file=sys.stderr)


def _several(runs: Sequence[RunScores], experiment: Path | None, out: Path, other_corpus: bool, form: Format) -> None:
    from rageval.decide.tournament import prefer_all
    from rageval.report.tournament import tournament_printout

    result = _with_judge(
        experiment, out, lambda chat, told: prefer_all(runs, chat, out, told, other_corpus=other_corpus)
    )
    print_found(form, lambda: tournament_printout(result), result.to_json)
    if form != "json":
        print(out / "preferences", file=sys.stderr)


def _with_judge(experiment: Path | None, out: Path, ask: Callable[[ChatModel, OnProgress], Result]) -> Result:
    from rageval.experiment.choose_models import choose_one_judge
    from rageval.report.progress import progress_bars

    chat = choose_one_judge(experiment, out / "cache")
    with progress_bars() as bars:
        try:
            return ask(chat, bars.preferences)
        except KeyboardInterrupt:
            bars.stop()
            end_interrupted("every reply so far", out)
