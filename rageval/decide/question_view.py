"""One question of a run as people read it: what was found and read, where the evidence is, what the judges quoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rageval.decide.diagnosis import Diagnosis, RunDiagnosis
from rageval.decide.evidence_found import read_spans
from rageval.io.records import Outcome, judgment_to_json, outcome_to_json
from rageval.io.turns import turns_to_json
from rageval.metrics.evidence_spans import Part, Span, joined, overlap, passage_span
from rageval.types import Document, Graded, Json, Judgment, Passage, Question, Response

Mark = tuple[int, int]
"""From where to where in a text."""


@dataclass(frozen=True, slots=True)
class PassageView:
    """A passage of the ranking at `rank` (from 1), with the `grade` of its document, None where it has no label.

    `read` is its place in the context (from 1), None where it was not read. `evidence` and `quotes` mark the evidence
    and the judges' quotes in the passage's text, which is empty where it is not at hand.
    """

    rank: int
    passage: Passage
    grade: int | None
    read: int | None
    evidence: tuple[Mark, ...]
    quotes: tuple[Mark, ...]

    def to_json(self) -> dict[str, Json]:
        return {
            "rank": self.rank,
            "passage": self.passage.id,
            "title": self.passage.title,
            "text": self.passage.text or None,
            "grade": self.grade,
            "read": self.read,
            "evidence": [[*mark] for mark in self.evidence],
            "quotes": [[*mark] for mark in self.quotes],
        }


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """A span of the evidence; `part` counts the parts of the question's evidence from 1, and spans of the same one are
    alternatives. `text` is empty where it is not at hand. `read` is the share that was read; `ranks` are the passages
    of the ranking (from 1) that hold any of it.
    """

    part: int
    span: Span
    text: str
    read: float
    ranks: tuple[int, ...]

    def to_json(self) -> dict[str, Json]:
        return {
            "part": self.part,
            "doc_id": self.span.doc_id,
            "start": self.span.start,
            "end": self.span.end,
            "text": self.text or None,
            "read": self.read,
            "ranks": [*self.ranks],
        }


@dataclass(frozen=True, slots=True)
class QuestionView:
    """A question with its outcome, passages in the order of the ranking, evidence, and the judges' verdicts by judge.

    `diagnosis` is None where the run is not finished.
    """

    question: Question
    outcome: Outcome
    passages: tuple[PassageView, ...]
    evidence: tuple[EvidenceView, ...]
    judgments: Mapping[str, Sequence[Judgment]]
    diagnosis: Diagnosis | None

    def to_json(self) -> dict[str, Json]:
        outcome = outcome_to_json(self.outcome, {})
        for part in ("hits", "texts", "context"):
            outcome.pop(part, None)
        return {
            "question_id": self.question.id,
            "text": self.question.text,
            "language": self.question.language,
            "tags": [*self.question.tags],
            "metadata": {**self.question.metadata},
            **({"history": turns_to_json(self.question.history)} if self.question.history else {}),
            "references": [*self.question.references],
            "diagnosis": None if self.diagnosis is None else self.diagnosis.to_json(),
            "evidence": [one.to_json() for one in self.evidence],
            "passages": [one.to_json() for one in self.passages],
            **outcome,
            "judgments": {name: [judgment_to_json(one) for one in said] for name, said in self.judgments.items()},
        }


def view_diagnosed(diagnosed: RunDiagnosis, question_id: str, diagnosis: Diagnosis | None = None) -> QuestionView:
    """One question of a finished run, with that diagnosis where it is known already. Raises DeclarationError as
    `RunDiagnosis.of`.
    """
    said = {name: log.get(question_id, ()) for name, log in diagnosed.judgments.items()}
    return view_question(
        diagnosed.question(question_id),
        diagnosed.outcome(question_id),
        diagnosed.grades(question_id),
        diagnosed.parts(question_id),
        said,
        diagnosed.documents,
        diagnosis or diagnosed.of(question_id),
    )


def view_question(
    question: Question,
    outcome: Outcome,
    grades: Mapping[str, int],
    parts: Sequence[Part],
    judgments: Mapping[str, Sequence[Judgment]],
    documents: Mapping[str, Document],
    diagnosis: Diagnosis | None = None,
) -> QuestionView:
    """The view of one question; `grades` are by document id, `documents` those at hand, by id."""
    response = outcome if isinstance(outcome, Response) else Response()
    places = {position: place for place, position in enumerate(response.context, 1)}
    spans = [span for part in parts for span in part]
    quoted = _quotes(judgments)
    passages = tuple(
        PassageView(
            position + 1,
            hit.passage,
            grades.get(hit.passage.doc_id),
            places.get(position),
            _evidence_in(hit.passage, spans),
            _quotes_in(hit.passage.text, quoted.get(position, ())),
        )
        for position, hit in enumerate(response.hits)
    )
    read = read_spans(response)
    evidence = tuple(
        EvidenceView(
            number,
            span,
            _text_of(span, documents, response),
            overlap(span, read) / span.length,
            tuple(one.rank for one in passages if overlap(span, [passage_span(one.passage)])),
        )
        for number, part in enumerate(parts, 1)
        for span in part
    )
    return QuestionView(question, outcome, passages, evidence, judgments, diagnosis)


def _evidence_in(passage: Passage, spans: Sequence[Span]) -> tuple[Mark, ...]:
    """Where evidence stands in the passage's text; nothing where the text is not that of the span."""
    if len(passage.text) != passage.end - passage.start:
        return ()
    here = passage_span(passage)
    return tuple(
        (max(span.start, here.start) - here.start, min(span.end, here.end) - here.start)
        for span in joined(spans)
        if overlap(span, [here])
    )


def _quotes(judgments: Mapping[str, Sequence[Judgment]]) -> dict[int, set[str]]:
    """What the verdicts of all judges quote, by position in the hits."""
    found: dict[int, set[str]] = {}
    for said in judgments.values():
        for verdict in (judgment.verdict for judgment in said):
            for evidence in verdict.evidence if isinstance(verdict, Graded) else ():
                if evidence.hit is not None and evidence.quote:
                    found.setdefault(evidence.hit, set()).add(evidence.quote)
    return found


def _quotes_in(text: str, quotes: set[str] | tuple[()]) -> tuple[Mark, ...]:
    return tuple(sorted((start, start + len(quote)) for quote in quotes if (start := text.find(quote)) >= 0))


def _text_of(span: Span, documents: Mapping[str, Document], response: Response) -> str:
    """The evidence's words, from the document or from a passage that holds it whole."""
    if span.doc_id in documents:
        return documents[span.doc_id].text[span.start : span.end]
    for hit in response.hits:
        passage = hit.passage
        whole = len(passage.text) == passage.end - passage.start
        if whole and overlap(span, [passage_span(passage)]) == span.length:
            return passage.text[span.start - passage.start : span.end - passage.start]
    return ""
