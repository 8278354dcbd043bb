"""`rageval metrics`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import FormatFlag, JsonFlag, choose_format, print_found
from rageval.cli.side_by_side import ClusterFlag
from rageval.errors import DeclarationError
from rageval.types import Estimate, Json


def metrics(
    qrels: Annotated[Path, typer.Argument(help="Relevance labels: TREC, BEIR, ranx JSON.")],
    run_file: Annotated[Path, typer.Argument(metavar="RUN", help="A run: TREC, ranx JSON.")],
    metric: Annotated[list[str], typer.Option("--metric", "-m", help="Such as ndcg@10 or map; repeatable.")],
    level: Annotated[
        int, typer.Option("--level", "-l", min=1, help="The least grade of a relevant document (trec_eval -l).")
    ] = 1,
    exclude_self: Annotated[
        bool, typer.Option("--exclude-self", help="Leave the document with the question's id out of its ranking.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse irregular labels that are otherwise tolerated.")
    ] = False,
    cluster_by: ClusterFlag = None,
    output: FormatFlag = "terminal",
    as_json: JsonFlag = False,
) -> None:
    """Score a TREC run as trec_eval does; labelled questions that the run lacks count as 0 (trec_eval -c)."""
    from rageval.io.trec_files import read_qrels, read_run
    from rageval.metrics import parse
    from rageval.metrics.ranking import score_rankings
    from rageval.report.trec import metrics_printout
    from rageval.scores.estimates import estimate
    from rageval.scores.shared_ids import check_document_ids, check_question_ids
    from rageval.scores.sharing import relevant_documents
    from rageval.types import Score

    form = choose_format(output, as_json)
    asked = {text: parse(text) for text in metric}
    for text, parsed in asked.items():
        if parsed.kind != "ranking":
            kinds = {"judged": "a judged metric", "evidence": "a metric of passages"}
            what = kinds.get(parsed.kind, "a metric of answers")
            lacking = "passages" if parsed.kind == "evidence" else "answers"
            raise DeclarationError(f"-m {text}: found {what}, expected a ranking metric: files hold no {lacking}")
    read, rankings = read_qrels(qrels, strict=strict), read_run(run_file)
    labels = read.grades
    for one in read.tolerated:
        print(f"tolerated: {one}", file=sys.stderr)
    documents = {question: [doc for doc, _ in ranking] for question, ranking in rankings.items()}
    for warning in [
        *check_question_ids(f"{qrels}", labels, f"{run_file}", rankings),
        *check_document_ids(f"{qrels}", labels, f"{run_file}", documents),
    ]:
        print(f"warning: {warning}", file=sys.stderr)
    scores = score_rankings(
        list(asked.values()), labels, rankings, sorted(labels), exclude_self=exclude_self, grade_threshold=level
    )
    result: dict[str, Json] = {}
    means: dict[str, Estimate] = {}
    sources = relevant_documents(labels)
    for text, parsed in asked.items():
        mean = estimate(scores[parsed], documents=sources, cluster_by=cluster_by)
        if mean is None:
            raise DeclarationError(f"{qrels}: found no labelled question, expected at least one")
        questions: dict[str, Json] = {q: s.value for q, s in scores[parsed].items() if isinstance(s, Score)}
        result[text] = {"mean": mean.point, "low": mean.low, "high": mean.high, "n": mean.n, "questions": questions}
        means[text] = mean
    print_found(form, lambda: metrics_printout(f"{run_file}", means), lambda: result)
    ignored = len(set(rankings) - set(labels))
    if ignored:
        print(f"{ignored} questions of {run_file} have no labels and were left out", file=sys.stderr)
