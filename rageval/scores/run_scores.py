"""What is read of a finished run: what its scores are of, who judged them, and the scores question by question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rageval.types import Json

DECIMALS = 6


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """Who judged: `key` names judge, prompts, model and scaling by a digest, `model` the model in words."""

    key: str
    model: str


@dataclass(frozen=True, slots=True)
class MetricScores:
    """One metric by question id: scores in [0, 1] to six decimals, or the reason why there is none.

    `failed` are the questions whose score is the worst value because the pipeline failed.
    """

    scores: Mapping[str, float]
    failed: tuple[str, ...] = ()
    unscored: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class ScoredRun:
    """A finished run without its scores: what decides which other runs it may be compared with.

    `source` is the folder or file that it was read from. `judges` are by judged metric. `models` says which model did
    what (`chat`, `embed`, `judge`, and `judge strong` for a judge added under that name). `settings` holds what else
    answers and scores depend on: digests of prompts, of judges and (by their names) of the user's own metrics, and the
    seed.
    """

    source: str
    label: str
    fingerprint: str
    benchmark: str
    content_hash: str
    questions: tuple[str, ...] = field(repr=False)
    judges: Mapping[str, JudgedBy] = field(repr=False)
    models: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, str] = field(repr=False)

    def with_scores(
        self, groups: Mapping[str, int], metrics: Mapping[str, MetricScores], texts: Mapping[str, str]
    ) -> RunScores:
        return RunScores(
            self.source,
            self.label,
            self.fingerprint,
            self.benchmark,
            self.content_hash,
            self.questions,
            self.judges,
            self.models,
            self.settings,
            groups,
            metrics,
            texts,
        )

    def to_json(self) -> dict[str, Json]:
        """Which run it is, for reports."""
        return {"source": self.source, "pipeline": self.label, "fingerprint": self.fingerprint}


@dataclass(frozen=True, slots=True)
class RunScores(ScoredRun):
    """A finished run with its scores by metric.

    `groups` numbers the questions so that those which share a relevant document, directly or through others, have the
    same number. `texts` are the questions' words, which a baseline does not keep.
    """

    groups: Mapping[str, int] = field(repr=False)
    metrics: Mapping[str, MetricScores] = field(repr=False)
    texts: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
