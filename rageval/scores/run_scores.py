"""What is read of a finished run: what its scores are of, who judged them, and the scores question by question."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from rageval.scores.run_labels import RunLabels
from rageval.scores.sharing import Documents
from rageval.scores.spent import Spending
from rageval.types import Json

T = TypeVar("T")

DECIMALS = 6

SliceValues: TypeAlias = Mapping[str, tuple[str, ...]]
"""The slices of one field (such as `language`) that each question is in, by question id."""


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

    def only(self, questions: Collection[str]) -> MetricScores:
        """The scores of these questions alone."""
        failed = tuple(question for question in self.failed if question in questions)
        return MetricScores(_only(self.scores, questions), failed, _only(self.unscored, questions))


Mark: TypeAlias = Literal["", "relevant", "evidence"]
"""What labels say of a passage: nothing, its document is relevant, or it has a part of the marked evidence."""


class FoundPassage(NamedTuple):
    """A passage of a ranking by its id; `rank` is from 1."""

    rank: int
    passage_id: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What a pipeline did for one question, shortened for people to read.

    `answer` is None if no answer was generated. `passages` are the first ones of the ranking, and some that labels
    mark, by rank. `failure` says why the pipeline failed on the question; it is empty if it did not.
    """

    answer: str | None
    passages: tuple[FoundPassage, ...]
    failure: str = ""


@dataclass(frozen=True, slots=True)
class ScoredRun:
    """A finished run without its scores: what decides which other runs it may be compared with.

    `source` is the folder or file that it was read from. `corpus` is the digest of all documents, and `digests` holds
    that of each question, by question id, sorted (`rageval.benchmark.digests`). `judges` are by judged metric. `models`
    says which model did what (`chat`, `embed`, `judge`, and `judge strong` for a judge added under that name).
    `settings` holds what else answers and scores depend on: digests of prompts, of judges and (by their names) of the
    user's own metrics, and the seed. `generated` are the questions that a model
    wrote.
    """

    source: str
    label: str
    fingerprint: str
    benchmark: str
    content_hash: str
    corpus: str
    digests: Mapping[str, str] = field(repr=False)
    judges: Mapping[str, JudgedBy] = field(repr=False)
    models: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, str] = field(repr=False)
    generated: frozenset[str] = field(default_factory=frozenset[str], repr=False, kw_only=True)

    @property
    def questions(self) -> tuple[str, ...]:
        """The ids of the questions, sorted."""
        return tuple(self.digests)

    def with_scores(
        self,
        documents: Documents,
        metrics: Mapping[str, MetricScores],
        texts: Mapping[str, str],
        slices: Mapping[str, SliceValues],
        labels: Mapping[str, RunLabels],
        answers: Mapping[str, str],
    ) -> RunScores:
        return RunScores(
            self.source,
            self.label,
            self.fingerprint,
            self.benchmark,
            self.content_hash,
            self.corpus,
            self.digests,
            self.judges,
            self.models,
            self.settings,
            documents,
            metrics,
            texts,
            slices,
            labels,
            answers,
            generated=self.generated,
        )

    def to_json(self) -> dict[str, Json]:
        """Which run it is, for reports."""
        return {"source": self.source, "pipeline": self.label, "fingerprint": self.fingerprint}


@dataclass(frozen=True, slots=True)
class RunScores(ScoredRun):
    """A finished run with its scores by metric.

    `documents` are numbers of each question's relevant documents. `texts` are the questions' words, which a baseline
    does not keep. `slices` are by field: `language`,
    `tag`, and each field of the questions' metadata that holds a text, number or truth value. `labels` are people's, by
    judged metric, and `answers` digests of what people label, by question; both are empty for a run without judges.
    `excerpts` are those of a baseline that keeps them; `rageval.scores.excerpts` reads those of a run folder.
    `spending` is what a baseline keeps of costs and latencies; that of a run is in its folder
    (`rageval.scores.spending.read_spending`).
    """

    documents: Documents = field(repr=False)
    metrics: Mapping[str, MetricScores] = field(repr=False)
    texts: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    slices: Mapping[str, SliceValues] = field(default_factory=dict[str, SliceValues], repr=False)
    labels: Mapping[str, RunLabels] = field(default_factory=dict[str, RunLabels], repr=False)
    answers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    excerpts: Mapping[str, Excerpt] = field(default_factory=dict[str, Excerpt], repr=False)
    spending: Spending | None = field(default=None, repr=False)

    def only(self, questions: Collection[str]) -> RunScores:
        """The same run as if only these of its questions had been asked."""
        return replace(
            self,
            digests=_only(self.digests, questions),
            generated=self.generated.intersection(questions),
            documents=_only(self.documents, questions),
            metrics={name: scores.only(questions) for name, scores in self.metrics.items()},
            texts=_only(self.texts, questions),
            slices={name: _only(values, questions) for name, values in self.slices.items()},
            labels={name: labels.only(questions) for name, labels in self.labels.items()},
            answers=_only(self.answers, questions),
            excerpts=_only(self.excerpts, questions),
            spending=None if self.spending is None else self.spending.only(questions),
        )


def _only(by_question: Mapping[str, T], questions: Collection[str]) -> dict[str, T]:
    return {question: value for question, value in by_question.items() if question in questions}
