"""Runs whose texts are written for one test: where evidence and quotes stand, what repeats, what is odd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rageval.io.records import question_to_json
from rageval.io.run_folder import RunFolder
from rageval.metrics import Metric, parse
from rageval.scores.scoring import scores_to_json
from rageval.types import (
    Failure,
    Hit,
    Json,
    Judgment,
    Passage,
    Question,
    RelevanceLabel,
    Response,
    Score,
    Unscored,
    Usage,
)


@dataclass(frozen=True)
class Asked:
    """A question with what a run made of it; `score` is that of the run's metric."""

    question: Question
    outcome: Response | Failure
    score: float | None = 1.0
    labels: Sequence[RelevanceLabel] = ()
    judgments: Sequence[Judgment] = field(default_factory=list[Judgment])


def asked(name: str, answer: str | None, score: float | None = 1.0, text: str = "How deep is it?") -> Asked:
    """A plain question, with one passage that was read."""
    passage = Passage("doc", 0, 9, "It is 10.")
    return Asked(Question(name, text, "en", ("10",)), Response((Hit(passage, 1.0),), answer, (0,)), score)


def write_run(
    path: Path, content: Sequence[Asked], *, metric: str = "token_f1", label: str = "", judges: Mapping[str, str] = {}
) -> Path:
    """A finished run; `judges` maps names to models."""
    run = RunFolder(path)
    run.write_questions(question_to_json(one.question, one.labels, f"{one.question}") for one in content)
    scores: dict[Metric, dict[str, Score | Unscored]] = {parse(metric): {}}
    for one in content:
        run.add_outcome(one.question.id, one.outcome)
        failed = isinstance(one.outcome, Failure)
        scores[parse(metric)][one.question.id] = (
            Unscored("nothing to score") if one.score is None else Score(one.score, failed=failed)
        )
        if one.judgments:
            run.add_judgments("own-1", one.question.id, tuple(one.judgments), Usage())
    counts = ("calls", "prompt_tokens", "completion_tokens", "paid_calls", "paid_prompt_tokens")
    usage: dict[str, Json] = dict.fromkeys((*counts, "paid_completion_tokens", "cached_calls", "cached_tokens"), 0)
    manifest: dict[str, Json] = {
        "experiment": "special",
        "label": label or path.name,
        "recipe": "naive",
        "params": {},
        "fingerprint": "0123456789abcdef",
        "status": "complete",
        "benchmark": {"name": "special", "content_hash": "abc", "corpus": "def"},
        "questions": [one.question.id for one in content],
        "metrics": [metric],
        "models": {"chat": "writer", "embed": None},
        "prompts": {},
        "seed": 0,
        "machine": "Linux",
        "created": "2026-12-01T00:00:00+00:00",
        "judges": {name: {"key": "own-1", "model": model} for name, model in judges.items()},
        "failed": sum(isinstance(one.outcome, Failure) for one in content),
        "abstained": 0,
        "usage": {"answering": {**usage, "requests": {}}},
        "usage_by_stage": {},
        "usage_by_index": {},
        "mean_latency_s": None,
    }
    run.write_manifest(manifest)
    run.write_scores(scores_to_json(scores, {one.question.id: frozenset((at,)) for at, one in enumerate(content)}))
    return path
