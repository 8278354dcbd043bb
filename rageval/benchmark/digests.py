"""Digests of single questions and of the corpus: what tells whether two runs asked the same thing.

The content hash of a benchmark changes with its first new question. These digests say which questions are as they were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from rageval.identity import fingerprint
from rageval.io.turns import turns_to_json
from rageval.types import COMPOUND, UNANSWERABLE, UNDERSPECIFIED, Benchmark, Document, Json, Question, RelevanceLabel

DIGITS = 12


def question_digests(
    benchmark: Benchmark, questions: Iterable[Question], labels: Mapping[str, Sequence[RelevanceLabel]]
) -> dict[str, str]:
    """A digest of each of these questions of the benchmark (12 hex digits), by id. `labels` are by question id.

    A digest covers all that decides how an answer is scored: text, language, history and references; the tags
    `unanswerable`, `underspecified` and `compound`; the labels, in any order, with grade, span and part; title, text
    and images of the documents that they name; `exclude_self` and `grade_threshold`. It does not cover other tags and
    metadata, which only group questions in reports, nor the documents without a label (see `corpus_digest`).
    """
    documents = {document.id: document for document in benchmark.documents}
    texts: dict[str, str] = {}

    def text_of(doc_id: str) -> str:
        if doc_id not in texts:
            document = documents.get(doc_id)
            texts[doc_id] = "" if document is None else fingerprint([document.title, document.text, *_images(document)])
        return texts[doc_id]

    def digest(question: Question) -> str:
        named: list[Json] = [
            [label.doc_id, label.grade, label.start, label.end, label.part, text_of(label.doc_id)]
            for label in sorted(labels.get(question.id, ()), key=_place)
        ]
        scored_by = [tag for tag in (UNANSWERABLE, UNDERSPECIFIED, COMPOUND) if tag in question.tags]
        return fingerprint(
            [
                question.text,
                question.language,
                *([turns_to_json(question.history)] if question.history else []),
                [*question.references],
                [*scored_by],
                named,
                benchmark.exclude_self,
                benchmark.grade_threshold,
            ]
        )[:DIGITS]

    return {question.id: digest(question) for question in questions}


def corpus_digest(documents: Iterable[Document]) -> str:
    """SHA-256 of all fields of all documents, in any order, as 64 hex digits."""
    lines = sorted(fingerprint([d.id, d.title, d.text, d.language, {**d.metadata}, *_images(d)]) for d in documents)
    return hashlib.sha256("\n".join(lines).encode("ascii")).hexdigest()


def _images(document: Document) -> list[Json]:
    """What a digest says of the document's images; nothing where there are none."""
    return [{**document.image_digests}] if document.image_digests else []


def _place(label: RelevanceLabel) -> tuple[str, int, int, int, str]:
    start, end = (-1 if offset is None else offset for offset in (label.start, label.end))
    return label.doc_id, start, end, label.grade, label.part
