"""Runs with chosen scores, in memory and as run folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rageval.io.records import question_to_json
from rageval.io.run_folder import RunFolder
from rageval.metrics import Metric, parse
from rageval.metrics.judged import judged_metric
from rageval.scores.run_scores import JudgedBy, MetricScores, RunScores
from rageval.types import Json, Question, RelevanceLabel

Scores = Mapping[str, Sequence[float | None]]

JUDGE = JudgedBy("judge-0123456789", "critic")
FINGERPRINT = "f" * 64
CORPUS = "c" * 64
DIGEST = "d" * 12


def ids(n: int) -> tuple[str, ...]:
    return tuple(f"q{i:03}" for i in range(n))


def side(scores: Scores, source: str = "one", **changes: Any) -> RunScores:
    """The i-th score of each metric is that of question `q00i`; None is unscored. Every question stands alone."""
    questions = ids(len(next(iter(scores.values()))))
    fields: dict[str, Any] = {
        "source": source,
        "label": f"pipeline {source}",
        "fingerprint": FINGERPRINT,
        "benchmark": "small",
        "content_hash": "a" * 64,
        "corpus": CORPUS,
        "digests": dict.fromkeys(questions, DIGEST),
        "documents": {question: (i,) for i, question in enumerate(questions)},
        "judges": {name: JUDGE for name in scores if parse(name).kind == "judged"},
        "models": {},
        "settings": {},
        "metrics": {name: metric_scores(questions, values) for name, values in scores.items()},
    }
    return RunScores(**{**fields, **changes})


def metric_scores(questions: Sequence[str], values: Sequence[float | None]) -> MetricScores:
    return MetricScores(
        {q: value for q, value in zip(questions, values, strict=True) if value is not None},
        unscored={q: "nothing to score" for q, value in zip(questions, values, strict=True) if value is None},
    )


def write_run(
    path: Path,
    scores: Scores,
    *,
    failed: Mapping[str, Sequence[str]] | None = None,
    documents: Sequence[str] | None = None,
    asked: Mapping[str, Question] | None = None,
    digests: Mapping[str, str] | None = None,
    **changes: Json,
) -> Path:
    """A finished run folder with these scores, as `side` has them. `documents` are the relevant ones, by question.
    `asked` are the questions, by id, in the order of the scores, and `digests` those that are not `DIGEST`.
    """
    questions = tuple(asked) if asked is not None else ids(len(next(iter(scores.values()))))
    folder = RunFolder(path)
    judges: dict[str, Json] = {
        judge: {"key": JUDGE.key, "model": JUDGE.model}
        for name in scores
        if parse(name).kind == "judged"
        for judge in judged_metric(Metric(name)).judges
    }
    manifest: dict[str, Json] = {
        "label": path.name,
        "fingerprint": FINGERPRINT,
        "status": "complete",
        "benchmark": {"name": "small", "content_hash": "a" * 64, "corpus": CORPUS},
        "questions": [*reversed(questions)],
        "metrics": [*scores],
        "judges": judges,
        "models": {"chat": None, "embed": None},
        "prompts": {},
        "seed": 0,
    }
    folder.write_manifest({**manifest, **changes})
    folder.write_questions(
        question_to_json(
            (asked or {}).get(question, Question(question, f"What is {question}?")),
            [RelevanceLabel(question, documents[i] if documents else f"d{i}", 1)],
            (digests or {}).get(question, DIGEST),
        )
        for i, question in enumerate(questions)
    )
    folder.write_scores(
        {
            name: {
                "estimate": None,
                "questions": {q: value for q, value in zip(questions, values, strict=True) if value is not None},
                "failed": [*(failed or {}).get(name, ())],
                "unscored": {q: "nothing to score" for q, v in zip(questions, values, strict=True) if v is None},
            }
            for name, values in scores.items()
        }
    )
    return path
