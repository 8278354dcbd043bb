"""`rageval prefer`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import JsonFlag, end_interrupted, print_json
from rageval.cli.side_by_side import OtherCorpusFlag

RUN = "The folder of a finished run whose pipeline answered."


def prefer(
    baseline: Annotated[str, typer.Argument(help=RUN)],
    candidate: Annotated[str, typer.Argument(help=RUN)],
    experiment: Annotated[
        Path | None, typer.Option(help="Ask the judge model of this experiment file. [default: the local model]")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where preferences and caches go.")] = Path("results"),
    other_corpus: OtherCorpusFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Ask a model, question by question and in both orders, which of two runs gives the better answer."""
    from rageval.decide.preference import prefer as prefer_runs
    from rageval.experiment.choose_models import choose_one_judge
    from rageval.report.progress import progress_bars
    from rageval.scores.comparability import read_comparable
    from rageval.scores.reading import read_run_scores

    sides = read_run_scores(baseline), read_run_scores(candidate)
    read_comparable(*sides, other_corpus=other_corpus)
    chat = choose_one_judge(experiment, out / "cache")
    with progress_bars() as bars:
        try:
            result = prefer_runs(*sides, chat, out, bars.preferences, other_corpus=other_corpus)
        except KeyboardInterrupt:
            bars.stop()
            end_interrupted("every reply so far", out)
    if as_json:
        print_json(result.to_json())
        return
    from rageval.report.preference import print_preferences
    from rageval.report.terminal import stdout_console

    print_preferences(result, stdout_console())
    print(result.path, file=sys.stderr)
