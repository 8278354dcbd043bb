"""Checks across records: clashing ids, labels that point nowhere, questions without labels."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from rageval.benchmark.content_hash import content_hash
from rageval.benchmark.records import Rows
from rageval.errors import BenchmarkError
from rageval.io.tolerance import LenientProblems, count, first_ids, tolerate, tolerated_in
from rageval.text.languages import Language, majority, settle
from rageval.types import UNDERSPECIFIED, Benchmark, Card, Document, Question, RelevanceLabel

T = TypeVar("T")
R = TypeVar("R", Document, Question)

_log = logging.getLogger("rageval")


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

    With `labels_optional` a question that is tagged neither unanswerable nor underspecified may be without a relevant
    document. Where `problems` are lenient, labels of unknown questions are left out, labels of unknown documents kept,
    and equal ones counted once. Raises `BenchmarkError` with `problems` (what reading the records had found) and what
    is found here.
    """
    settle_languages(documents, questions)
    problems += _id_problems("document", documents)
    problems += _id_problems("question", questions)
    labels.records = _without_unknown_questions(documents, questions, labels, problems)
    labels.records = without_repetitions(labels, problems)
    problems += _answerability_problems(questions, labels, labels_optional)
    if problems:
        raise BenchmarkError(problems)
    content = (_values(documents), _values(questions), _values(labels))
    return Benchmark(card, *content, content_hash(*content), tolerated=tolerated_in(problems))


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


def keep_labelled_questions(questions: Rows[Question], labels: Rows[RelevanceLabel]) -> None:
    """Leave the questions without labels out, unless that would be all of them: then `assemble` says what is wrong."""
    labelled = {label.question_id for _, label in labels.records}
    kept = [(place, question) for place, question in questions.records if question.id in labelled]
    questions.records = kept or questions.records


def _check_shared_ids(
    word: str, named: Mapping[str, None], labels: Rows[RelevanceLabel], there: Rows[Document] | Rows[Question]
) -> list[str]:
    """A problem where labels name none of the records that are there; a warning where fewer than half are."""
    ids = {record.id: None for _, record in there.records}
    known = sum(name in ids or name in there.refused for name in named)
    examples = f"labels have {first_ids(named)}, and the {word}s {first_ids(ids)}"
    if ids and not known:
        found = f"{labels.place}: found labels of no {word} in {there.place}, expected ids in common: {examples}"
        return [found]
    if ids and known < len(named) / 2:
        _log.warning(
            "%s: only %d of %d %ss are in %s: %s", labels.place, known, len(named), word, there.place, examples
        )
    return []


def _id_problems(word: str, rows: Rows[Document] | Rows[Question]) -> list[str]:
    if not rows.records and "" not in rows.refused:
        return [f"{rows.place}: found no {word}s, expected at least one"]
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


def _without_unknown_questions(
    documents: Rows[Document], questions: Rows[Question], labels: Rows[RelevanceLabel], problems: list[str]
) -> list[tuple[str, RelevanceLabel]]:
    """The labels, in a lenient reading those of known questions; adds what is wrong with any label on its own."""
    # Of records with the same id the first counts, so that a duplicate is blamed once and not again by its labels.
    document_of = {document.id: document for _, document in reversed(documents.records)}
    question_of = {question.id: question for _, question in reversed(questions.records)}
    lenient = isinstance(problems, LenientProblems)
    for place, question in questions.records if lenient else ():
        document = document_of.get(question.id)
        if document is not None and document.text.strip() == question.text.strip():
            found = f"{place}: found question {question.id!r} with the id and text of a document"
            count(problems, "question that is a document", found)
    if lenient and labels.records:
        named = {label.question_id: None for _, label in labels.records}
        problems += _check_shared_ids("question", named, labels, questions)
        named = {label.doc_id: None for _, label in labels.records}
        problems += _check_shared_ids("document", named, labels, documents)
    kept: list[tuple[str, RelevanceLabel]] = []
    for place, label in labels.records:
        question, document = question_of.get(label.question_id), document_of.get(label.doc_id)
        if question is not None or not lenient:
            kept.append((place, label))
        if question is None and (lenient or label.question_id not in questions.refused):
            found = f"{place}: found the unknown question {label.question_id!r}, expected one of {questions.place}"
            tolerate(problems, "label of an unknown question", found)
        if question is not None and not question.answerable and label.grade > 0:
            problems.append(
                f"{place}: found grade {label.grade} for question {question.id!r}, which is tagged unanswerable, "
                "expected grades of 0 or less for it, or the tag removed"
            )
        if document is not None:
            problems += _span_problems(place, label, document)
        elif lenient or label.doc_id not in documents.refused:
            found = f"{place}: found the unknown document {label.doc_id!r}, expected one of {documents.place}"
            tolerate(problems, "label of an unknown document", found)
    return kept


def _span_problems(place: str, label: RelevanceLabel, document: Document) -> list[str]:
    if label.start is None or label.end is None:
        if not label.part:
            return []
        found = f"{place}: found the part {label.part!r} of a label without a span"
        return [f"{found}, expected start and end or a quote, or no part"]
    length = len(document.text)
    if 0 <= label.start < label.end <= length:
        return []
    expected = f"0 <= start < end <= {length} (the length of document {document.id!r})"
    return [f"{place}: found the span {label.start} to {label.end}, expected {expected}"]


def without_repetitions(labels: Rows[RelevanceLabel], problems: list[str]) -> list[tuple[str, RelevanceLabel]]:
    """Several labels for one question and document mark several spans, or a span of several parts; anything else is a
    slip, tolerated if equal.
    """
    kept: list[tuple[str, RelevanceLabel]] = []
    times = Counter((label.question_id, label.doc_id) for _, label in labels.records)
    earlier: dict[tuple[str, str], list[tuple[str, RelevanceLabel]]] = {}
    for place, label in labels.records:
        if times[label.question_id, label.doc_id] == 1:
            kept.append((place, label))
            continue
        same = earlier.setdefault((label.question_id, label.doc_id), [])
        if _fits(place, label, same, problems):
            kept.append((place, label))
        same.append((place, label))
    return kept


def _fits(
    place: str, label: RelevanceLabel, earlier: Sequence[tuple[str, RelevanceLabel]], problems: list[str]
) -> bool:
    """Whether the label says something new beside the earlier ones of its question and document."""
    what = f"question {label.question_id!r} and document {label.doc_id!r}"
    for other_place, other in earlier:
        if label.grade != other.grade:
            problems.append(
                f"{place}: found grade {label.grade} for {what}, expected {other.grade} as at {other_place}"
            )
            return False
        if None in (label.start, other.start) or _mark(label) == _mark(other):
            found = f"{place}: found {what} labelled again, expected one label or other spans (see {other_place})"
            tolerate(problems, "label given again", found)
            return False
    return True


def _mark(label: RelevanceLabel) -> tuple[int | None, int | None, str]:
    return label.start, label.end, label.part


def _answerability_problems(
    questions: Rows[Question], labels: Rows[RelevanceLabel], labels_optional: bool
) -> list[str]:
    if labels_optional or (labels.refused and not labels.records):
        return []
    labelled = {label.question_id for _, label in labels.records if label.grade > 0} | labels.refused
    return [
        f"{place}: found question {question.id!r} without a relevant document, expected a label with a grade above 0, "
        "or the tag unanswerable or underspecified"
        for place, question in questions.records
        if question.answerable and UNDERSPECIFIED not in question.tags and question.id not in labelled
    ]
