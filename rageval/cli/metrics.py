"""`rageval metrics`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from rageval.cli.output import JsonFlag, print_json
from rageval.errors import DeclarationError
from rageval.types import Json

_FEW_QUESTIONS, _FEW_DOCUMENTS = 0.5, 0.1


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
    strict: Annotated[bool, typer.Option("--strict", help="Refuse irregular labels that are else tolerated.")] = False,
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
    read, rankings = read_qrels(qrels, strict=strict), read_run(run_file)
    labels = read.grades
    for one in read.tolerated:
        print(f"tolerated: {one}", file=sys.stderr)
    for warning in _check_shared_ids(qrels, labels, run_file, rankings):
        print(f"warning: {warning}", file=sys.stderr)
    scores = score_rankings(
        list(asked.values()), labels, rankings, sorted(labels), exclude_self=exclude_self, grade_threshold=level
    )
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


def _check_shared_ids(
    qrels: Path,
    labels: Mapping[str, Mapping[str, int]],
    run_file: Path,
    rankings: Mapping[str, Sequence[tuple[str, float]]],
) -> list[str]:
    """Warnings where labels and run share few ids. Raises DeclarationError where they share none: ids of two kinds."""
    from rageval.io.tolerance import first_ids

    shared = labels.keys() & rankings.keys()
    examples = f"labels have {first_ids(labels)}, the run {first_ids(rankings)}"
    if not shared:
        raise DeclarationError(f"{run_file}: found no question of {qrels}, expected question ids in common: {examples}")
    warnings: list[str] = []
    if len(shared) < _FEW_QUESTIONS * len(labels):
        warnings.append(f"{run_file} has {len(shared)} of the {len(labels)} questions of {qrels}: {examples}")
    found = [q for q in shared if any(doc in labels[q] for doc, _ in rankings[q])]
    if len(found) < _FEW_DOCUMENTS * len(shared) or not found:
        labelled = dict.fromkeys(doc for q in sorted(shared) for doc in labels[q])
        ranked = dict.fromkeys(doc for q in sorted(shared) for doc, _ in rankings[q])
        examples = f"labels have {first_ids(labelled)}, the run {first_ids(ranked)}"
        if not labelled.keys() & ranked.keys():
            raise DeclarationError(
                f"{run_file}: found no labelled document of {qrels}, expected document ids in common: {examples}"
            )
        warnings.append(f"{run_file} ranks a labelled document for {len(found)} of {len(shared)} questions: {examples}")
    return warnings
