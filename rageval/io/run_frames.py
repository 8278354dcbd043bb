"""What a run holds, as data frames with one observation a row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rageval.io.frames import Dtype, make_frame
from rageval.io.records import USAGE_COUNTS, Outcome
from rageval.types import Abstained, Failure, Judgment, Question

if TYPE_CHECKING:
    from rageval.io.frames import DataFrame

RunFrame: TypeAlias = Literal["scores", "questions", "responses", "hits", "judgments"]

Asked: TypeAlias = Mapping[str, tuple[Question, Mapping[str, int]]]
"""Questions with the grades of their documents, by id."""

SCORES: Mapping[str, Dtype] = {
    "pipeline": "string",
    "metric": "string",
    "question_id": "string",
    "score": "Float64",
    "failed": "boolean",
    "unscored": "string",
}
QUESTIONS: Mapping[str, Dtype] = {
    "pipeline": "string",
    "question_id": "string",
    "question": "string",
    "language": "string",
    "references": "texts",
    "tags": "texts",
    "metadata": "string",
}
RESPONSES: Mapping[str, Dtype] = {
    "pipeline": "string",
    "question_id": "string",
    "question": "string",
    "language": "string",
    "answer": "string",
    "abstained": "boolean",
    "hits": "Int64",
    "latency_s": "Float64",
    **dict.fromkeys(USAGE_COUNTS, "Int64"),
    "error": "string",
    "message": "string",
    "traceback": "string",
}
HITS: Mapping[str, Dtype] = {
    "pipeline": "string",
    "question_id": "string",
    "rank": "Int64",
    "doc_id": "string",
    "start": "Int64",
    "end": "Int64",
    "score": "Float64",
    "grade": "Int64",
    "context_rank": "Int64",
    "cited": "boolean",
    "text": "string",
}
JUDGMENTS: Mapping[str, Dtype] = {
    "pipeline": "string",
    "judge": "string",
    "question_id": "string",
    "item": "string",
    "index": "Int64",
    "text": "string",
    "grade": "Float64",
    "probability": "Float64",
    "abstained": "string",
    "rationale": "string",
    "traceback": "string",
}


def scores_frame(label: str, scores: Mapping[str, Mapping[str, Any]]) -> DataFrame:
    """A row for each metric and question, from the content of scores.json."""

    def rows() -> Iterator[tuple[object, ...]]:
        for metric, found in scores.items():
            failed = set(found["failed"])
            for question_id, score in found["questions"].items():
                yield label, metric, question_id, score, question_id in failed, None
            for question_id, reason in found["unscored"].items():
                yield label, metric, question_id, None, False, reason

    return make_frame(SCORES, rows())


def questions_frame(label: str, asked: Asked) -> DataFrame:
    """A row for each question; its metadata are JSON text."""
    return make_frame(
        QUESTIONS,
        (
            (
                label,
                question_id,
                question.text,
                question.language,
                [*question.references],
                [*question.tags],
                json.dumps({**question.metadata}, ensure_ascii=False),
            )
            for question_id, (question, _) in asked.items()
        ),
    )


def responses_frame(label: str, asked: Asked, outcomes: Mapping[str, Outcome]) -> DataFrame:
    """A row for each question with an outcome."""

    def rows() -> Iterator[tuple[object, ...]]:
        for question_id, outcome in outcomes.items():
            question = asked[question_id][0]
            about = (label, question_id, question.text, question.language)
            if isinstance(outcome, Failure):
                nothing = [None] * (4 + len(USAGE_COUNTS))
                yield *about, *nothing, outcome.error, outcome.message, outcome.traceback or None
            else:
                said = (outcome.answer, outcome.abstained, len(outcome.hits), outcome.latency_s)
                counts = (getattr(outcome.usage, name) for name in USAGE_COUNTS)
                yield *about, *said, *counts, None, None, None

    return make_frame(RESPONSES, rows())


def hits_frame(label: str, asked: Asked, outcomes: Mapping[str, Outcome]) -> DataFrame:
    """A row for each hit of each response."""

    def rows() -> Iterator[tuple[object, ...]]:
        for question_id, outcome in outcomes.items():
            if isinstance(outcome, Failure):
                continue
            grades = asked[question_id][1]
            read = {position: place for place, position in enumerate(outcome.context, 1)}
            for position, hit in enumerate(outcome.hits):
                span = hit.passage
                about = (span.doc_id, span.start, span.end, hit.score, grades.get(span.doc_id))
                cited = position in outcome.citations
                yield label, question_id, position + 1, *about, read.get(position), cited, span.text or None

    return make_frame(HITS, rows())


def judgments_frame(label: str, judged: Mapping[str, Mapping[str, tuple[Judgment, ...]]]) -> DataFrame:
    """A row for each judgment; `judged` is by the judge's name, then by question id."""

    def rows() -> Iterator[tuple[object, ...]]:
        for judge, by_question in judged.items():
            for question_id, judgments in by_question.items():
                for judgment in judgments:
                    verdict = judgment.verdict
                    said = (
                        (None, None, verdict.reason, None, verdict.traceback or None)
                        if isinstance(verdict, Abstained)
                        else (verdict.grade, verdict.probability, None, verdict.rationale, None)
                    )
                    yield label, judge, question_id, judgment.item, judgment.index, judgment.text, *said

    return make_frame(JUDGMENTS, rows())
