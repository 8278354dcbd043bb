"""Checks across records: clashing ids, labels that point nowhere, questions without labels."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from rageval.benchmark.content_hash import content_hash
from rageval.benchmark.records import Rows
from rageval.errors import BenchmarkError
from rageval.languages import Language, majority, settle
from rageval.types import Benchmark, Card, Document, Question, RelevanceLabel

T = TypeVar("T")
R = TypeVar("R", Document, Question)


def assemble(
    card: Card,
    documents: Rows[Document],
    questions: Rows[Question],
    labels: Rows[RelevanceLabel],
    problems: list[str],
    *,
    labels_optional: bool,
) -> Benchmark:
    """The benchmark of these records.

    With `labels_optional` a question that is not tagged unanswerable may be without a relevant document. Raises
    `BenchmarkError` with `problems` (what reading the records had found) and everything found here.
    """
    settle_languages(documents, questions)
    problems = [
        *problems,
        *_id_problems("document", documents),
        *_id_problems("question", questions),
        *_reference_problems(documents, questions, labels),
        *_repetition_problems(labels),
        *_answerability_problems(questions, labels, labels_optional),
    ]
    if problems:
        raise BenchmarkError(problems)
    content = (_values(documents), _values(questions), _values(labels))
    return Benchmark(card, *content, content_hash(*content))


def settle_languages(documents: Rows[Document], questions: Rows[Question]) -> None:
    """Give texts that are too short to tell their language that of most others in their script."""
    of_documents = (document.language for _, document in documents.records)
    most = majority(chain(of_documents, (question.language for _, question in questions.records)))
    _settle(documents, most)
    _settle(questions, most)


def _settle(rows: Rows[R], most: dict[str, Language]) -> None:
    for number, (place, record) in enumerate(rows.records):
        language = settle(record.language, most)
        if language != record.language:
            rows.records[number] = (place, replace(record, language=language))


def _values(rows: Rows[T]) -> tuple[T, ...]:
    return tuple(record for _, record in rows.records)


def _id_problems(word: str, rows: Rows[Document] | Rows[Question]) -> list[str]:
    if not rows.records and not rows.refused:
        return [f"{rows.place}: found no {word}s, expected one at least"]
    problems: list[str] = []
    first: dict[str, str] = {}
    for place, record in rows.records:
        if record.id in first:
            problems.append(
                f"{place}: found the {word} id {record.id!r} again, expected it once (see {first[record.id]})"
            )
        else:
            first[record.id] = place
    return problems


def _reference_problems(
    documents: Rows[Document], questions: Rows[Question], labels: Rows[RelevanceLabel]
) -> list[str]:
    problems: list[str] = []
    # Of records with the same id the first counts, so that a duplicate is blamed once and not again by its labels.
    document_of = {document.id: document for _, document in reversed(documents.records)}
    question_of = {question.id: question for _, question in reversed(questions.records)}
    for place, label in labels.records:
        if label.question_id not in question_of and label.question_id not in questions.refused:
            problems.append(
                f"{place}: found the unknown question {label.question_id!r}, expected one of {questions.place}"
            )
        question = question_of.get(label.question_id)
        if question is not None and not question.answerable and label.grade > 0:
            problems.append(
                f"{place}: found grade {label.grade} for question {question.id!r}, which is tagged unanswerable, "
                "expected grades of 0 or less for it, or the tag removed"
            )
        document = document_of.get(label.doc_id)
        if document is not None:
            problems += _span_problems(place, label, document)
        elif label.doc_id not in documents.refused:
            problems.append(f"{place}: found the unknown document {label.doc_id!r}, expected one of {documents.place}")
    return problems


def _span_problems(place: str, label: RelevanceLabel, document: Document) -> list[str]:
    if label.start is None or label.end is None:
        return []
    length = len(document.text)
    if 0 <= label.start < label.end <= length:
        return []
    expected = f"0 <= start < end <= {length} (the length of document {document.id!r})"
    return [f"{place}: found the span {label.start} to {label.end}, expected {expected}"]


def _repetition_problems(labels: Rows[RelevanceLabel]) -> list[str]:
    """Several labels for one question and document mark several spans; anything else is a slip."""
    problems: list[str] = []
    times = Counter((label.question_id, label.doc_id) for _, label in labels.records)
    earlier: dict[tuple[str, str], list[tuple[str, RelevanceLabel]]] = {}
    for place, label in labels.records:
        if times[label.question_id, label.doc_id] == 1:
            continue
        same = earlier.setdefault((label.question_id, label.doc_id), [])
        what = f"question {label.question_id!r} and document {label.doc_id!r}"
        for other_place, other in same:
            if label.grade != other.grade:
                problems.append(
                    f"{place}: found grade {label.grade} for {what}, expected {other.grade} as at {other_place}"
                )
                break
            if label.start is None or other.start is None or (label.start, label.end) == (other.start, other.end):
                problems.append(
                    f"{place}: found {what} labelled again, expected one label or other spans (see {other_place})"
                )
                break
        same.append((place, label))
    return problems


def _answerability_problems(
    questions: Rows[Question], labels: Rows[RelevanceLabel], labels_optional: bool
) -> list[str]:
    if labels_optional or (labels.refused and not labels.records):
        return []
    labelled = {label.question_id for _, label in labels.records if label.grade > 0} | labels.refused
    return [
        f"{place}: found question {question.id!r} without a relevant document, expected a label with a grade above 0, "
        "or the tag unanswerable"
        for place, question in questions.records
        if question.answerable and question.id not in labelled
    ]
