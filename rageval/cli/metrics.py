"""`rageval metrics`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import JsonFlag, print_json
from rageval.errors import DeclarationError
from rageval.types import Json


def metrics(
    qrels: Annotated[Path, typer.Argument(help="Relevance labels, TREC or BEIR format.")],
    run_file: Annotated[Path, typer.Argument(metavar="RUN", help="A run, TREC format.")],
    metric: Annotated[list[str], typer.Option("--metric", "-m", help="Such as ndcg@10 or map; repeatable.")],
    as_json: JsonFlag = False,
) -> None:
    """Score a TREC run as trec_eval does; labelled questions that the run lacks count as 0 (trec_eval -c)."""
    from rageval.io.trec_files import read_qrels, read_run
    from rageval.metrics import parse
    from rageval.metrics.ranking import score_rankings
    from rageval.scores.estimates import estimate
    from rageval.types import Score

    asked = {text: parse(text) for text in metric}
    for text, parsed in asked.items():
        if parsed.kind != "ranking":
            what = "a judged metric" if parsed.kind == "judged" else "a metric of answers"
            raise DeclarationError(f"-m {text}: found {what}, expected a ranking metric: files hold no answers")
    labels, rankings = read_qrels(qrels), read_run(run_file)
    scores = score_rankings(list(asked.values()), labels, rankings, sorted(labels))
    result: dict[str, Json] = {}
    for text, parsed in asked.items():
        mean = estimate(scores[parsed])
        if mean is None:
            raise DeclarationError(f"{qrels}: found no labelled question, expected at least one")
        questions: dict[str, Json] = {q: s.value for q, s in scores[parsed].items() if isinstance(s, Score)}
        result[text] = {"mean": mean.point, "low": mean.low, "high": mean.high, "n": mean.n, "questions": questions}
        if not as_json:
            print(f"{text:<16} {mean.point:.4f}  [{mean.low:.4f}, {mean.high:.4f}]  n = {mean.n}")
    if as_json:
        print_json(result)
    ignored = len(set(rankings) - set(labels))
    if ignored:
        print(f"{ignored} questions of {run_file} have no labels and were left out", file=sys.stderr)
