"""How well a chunker cuts around the evidence, before anything is retrieved: precision Ω."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rageval.errors import DeclarationError
from rageval.metrics.evidence_spans import Part, Span, precision_omega
from rageval.metrics.ranking_formulas import Ints
from rageval.retrieval.chunkers import as_chunker, without_model
from rageval.retrieval.passages import split
from rageval.scores.estimates import estimate, metric_to_json
from rageval.scores.evidence_scores import evidence_of
from rageval.types import Benchmark, Estimate, Json, Question, RelevanceLabel, Score, Unscored


@dataclass(frozen=True, slots=True)
class ChunkingScores:
    """Precision Ω of one chunking: the mean with its interval, and the score of each question or why it has none.

    `passages` are those of the documents that hold evidence, of `mean_characters` characters on average.
    """

    precision_omega: Estimate
    passages: int
    mean_characters: float
    scores: Mapping[str, Score | Unscored] = field(repr=False)

    def to_json(self) -> dict[str, Json]:
        return {
            "precision_omega": metric_to_json(self.precision_omega, len(self.scores)),
            "passages": self.passages,
            "mean_characters": self.mean_characters,
            "questions": {name: score.value for name, score in self.scores.items() if isinstance(score, Score)},
            "unscored": {name: score.reason for name, score in self.scores.items() if isinstance(score, Unscored)},
        }


def score_chunking(
    benchmark: Benchmark, chunker: object, questions: Sequence[Question] | None = None
) -> ChunkingScores:
    """Precision Ω of what `chunker` (rageval's, or a splitter of LangChain, LlamaIndex or chonkie) cuts of a benchmark.

    For each question: characters of the evidence in the passages that touch it / those of all these passages and of the
    evidence that they lack. It is what evidence_iou would be if exactly these passages were retrieved. `questions`
    defaults to all of the benchmark. Only documents that hold evidence are cut.
    Raises DeclarationError where no label of the questions marks a span and for a chunker that asks a model, and
    ExecutionError where the chunker raises.
    """
    cutter = without_model(as_chunker(chunker))
    labels: dict[str, list[RelevanceLabel]] = {}
    for label in benchmark.labels:
        labels.setdefault(label.question_id, []).append(label)
    found = {
        question.id: evidence_of(question, labels.get(question.id, ()), benchmark.grade_threshold)
        for question in (benchmark.questions if questions is None else questions)
    }
    parts = {name: one for name, one in found.items() if not isinstance(one, Unscored)}
    with_evidence = {span.doc_id for one in parts.values() for part in one for span in part}
    cut = {
        document.id: np.array([(one.start, one.end) for one in split(cutter, document)], np.int64).reshape(-1, 2)
        for document in benchmark.documents
        if document.id in with_evidence
    }
    scores: dict[str, Score | Unscored] = {
        name: one if isinstance(one, Unscored) else Score(_omega(one, cut)) for name, one in found.items()
    }
    mean = estimate(scores)
    if mean is None:
        raise DeclarationError(
            f"{benchmark.name}: found no label that marks a span, expected some: add start and end, or a quote, to the "
            "labels"
        )
    spans = np.concatenate([*cut.values()])
    return ChunkingScores(mean, len(spans), float((spans[:, 1] - spans[:, 0]).mean()) if len(spans) else 0.0, scores)


def _omega(parts: Sequence[Part], cut: Mapping[str, Ints]) -> float:
    """Of a document only the passages near the evidence are looked at one by one."""
    near = {
        (span.doc_id, row)
        for part in parts
        for span in part
        for row in np.flatnonzero((cut[span.doc_id][:, 0] < span.end) & (cut[span.doc_id][:, 1] > span.start)).tolist()
    }
    return precision_omega(parts, (Span(doc_id, *cut[doc_id][row].tolist()) for doc_id, row in near))
