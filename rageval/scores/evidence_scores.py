"""Scores of evidence metrics: from the hits of outcomes and the spans that labels mark, or why there is no score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rageval.io.records import Outcome
from rageval.metrics import Metric
from rageval.metrics.definitions import EvidenceMetric
from rageval.metrics.evidence import score_evidence
from rageval.metrics.evidence_spans import Part, Span, evidence_parts, over_space, passage_span, within_budget
from rageval.metrics.verdicts import NO_LABELS
from rageval.types import Benchmark, Failure, Passage, Question, RelevanceLabel, Response, Score, Unscored

NO_EVIDENCE = Unscored("the question is unanswerable: there is no evidence to find")
NO_SPANS = Unscored("no relevance label of the question marks a span: add start and end, or a quote, to its labels")


def evidence_scores(
    metrics: Sequence[Metric],
    labels: Iterable[RelevanceLabel],
    questions: Sequence[Question],
    outcomes: Mapping[str, Outcome],
    benchmark: Benchmark,
    texts: Mapping[str, str],
) -> dict[Metric, dict[str, Score | Unscored]]:
    """Every question's score on these evidence metrics; a failure scores 0. The labels of other questions are ignored.

    Evidence are the spans with a grade of at least the benchmark's threshold. Unscored are unanswerable questions,
    those whose labels mark no such span, and those where the place of a passage is not known in a document with
    evidence. `texts` is from `texts_with_evidence`.
    """
    by_question: dict[str, list[RelevanceLabel]] = {question.id: [] for question in questions}
    for label in labels:
        if label.question_id in by_question:
            by_question[label.question_id].append(label)
    parts: dict[str, Sequence[Part]] = {}
    unscored: dict[str, Unscored] = {}
    for question in questions:
        found = evidence_of(question, by_question[question.id], benchmark.grade_threshold)
        if isinstance(found, Unscored):
            unscored[question.id] = found
        else:
            parts[question.id] = found
    scores: dict[Metric, dict[str, Score | Unscored]] = {}
    for metrics_alike in _read_alike(metrics):
        budget = metrics_alike[0].cutoff if metrics_alike[0].tokens else None
        deepest = None if budget is not None else max(metric.cutoff or 0 for metric in metrics_alike)
        passages = {
            name: _passages(outcomes[name], {name} if benchmark.exclude_self else (), found)[:deepest]
            for name, found in parts.items()
        }
        read = {name: _read(some, budget) for name, some in passages.items()}
        if _over_space(metrics_alike[0]):
            read = {
                name: [over_space(span, texts[span.doc_id]) if span.doc_id in texts else span for span in some]
                for name, some in read.items()
            }
        no_place = {name: _first_without_place(some[: len(read[name])]) for name, some in passages.items()}
        for metric, values in score_evidence(metrics_alike, parts, read).items():
            limit = None if metric.tokens else metric.cutoff
            scores[metric] = {
                question.id: unscored.get(question.id)
                or _too_vague(no_place[question.id], limit)
                or Score(values[question.id], failed=isinstance(outcomes[question.id], Failure))
                for question in questions
            }
    return scores


def evidence_of(
    question: Question, labels: Iterable[RelevanceLabel], grade_threshold: int
) -> tuple[Part, ...] | Unscored:
    """The parts of a question's evidence, or why there are none; `labels` are those of the question."""
    if not question.answerable:
        return NO_EVIDENCE
    given = tuple(labels)
    if not given:
        return NO_LABELS
    parts = evidence_parts(given, grade_threshold)
    if not parts and any(label.start is not None for label in given):
        return Unscored(f"no span that the question's labels mark has a grade of {grade_threshold} or more")
    return parts or NO_SPANS


def texts_with_evidence(benchmark: Benchmark) -> dict[str, str]:
    """The texts of the documents in which labels mark spans, by id."""
    marked = {label.doc_id for label in benchmark.labels if label.start is not None}
    return {document.id: document.text for document in benchmark.documents if document.id in marked}


def _read_alike(metrics: Iterable[Metric]) -> list[list[Metric]]:
    """The metrics by what they read: a number of passages or a budget, with or without the white space around them."""
    alike: dict[tuple[int | None, bool], list[Metric]] = {}
    for metric in metrics:
        alike.setdefault((metric.cutoff if metric.tokens else None, _over_space(metric)), []).append(metric)
    return [*alike.values()]


def _over_space(metric: Metric) -> bool:
    return isinstance(metric.definition, EvidenceMetric) and metric.definition.over_space


def _passages(outcome: Outcome, left_out: Iterable[str], parts: Iterable[Part]) -> list[Passage]:
    """The passages of the ranking, best first. One without a place, in a document without evidence, gets any place of
    its length there: it is read, and holds nothing.
    """
    if not isinstance(outcome, Response):
        return []
    with_evidence = {span.doc_id for part in parts for span in part}
    return [
        replace(one, start=0, end=len(one.text)) if not _has_place(one) and one.doc_id not in with_evidence else one
        for one in (hit.passage for hit in outcome.hits)
        if one.doc_id not in left_out
    ]


def _read(passages: Sequence[Passage], budget: int | None) -> Sequence[Span]:
    return [*map(passage_span, passages)] if budget is None else within_budget(passages, budget)


def _has_place(passage: Passage) -> bool:
    return passage.start < passage.end or not passage.text.strip()


def _first_without_place(passages: Iterable[Passage]) -> tuple[int, str] | None:
    """The rank, from 1, of the first passage whose place is not known, and its document."""
    return next(((rank, one.doc_id) for rank, one in enumerate(passages, 1) if not _has_place(one)), None)


def _too_vague(no_place: tuple[int, str] | None, cutoff: int | None) -> Unscored | None:
    if no_place is None or (cutoff is not None and no_place[0] > cutoff):
        return None
    rank, doc_id = no_place
    return Unscored(
        f"the text of passage {rank} does not stand in its document {doc_id!r}: its place is not known; give texts as "
        "they stand there, or the span"
    )
