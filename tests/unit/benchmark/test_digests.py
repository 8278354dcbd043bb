"""What makes a question another one, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

import rageval
from rageval.benchmark.digests import corpus_digest, question_digests
from rageval.benchmark.settings import with_settings
from rageval.types import Benchmark, Document, Question, RelevanceLabel, Turn

DOCUMENTS = (
    Document("d1", "Arlen is 2310 m high.", "Arlen"),
    Document("d2", "青石山高一千八百米。"),
    Document("d3", "x"),
)
QUESTIONS = (
    Question("q1", "How high is Arlen?", "en", ("2310 m",), ("easy",), {"topic": "peaks"}),
    Question("q2", "青石山有多高？", "zh"),
)
LABELS = (RelevanceLabel("q1", "d1", 2, 9, 15, "height"), RelevanceLabel("q1", "d2", 0), RelevanceLabel("q2", "d2", 1))


def peaks(
    documents: tuple[Document, ...] = DOCUMENTS,
    questions: tuple[Question, ...] = QUESTIONS,
    labels: tuple[RelevanceLabel, ...] = LABELS,
) -> Benchmark:
    return rageval.benchmark_from_records("peaks", documents, questions, labels)


def digests(benchmark: Benchmark) -> dict[str, str]:
    labels: dict[str, list[RelevanceLabel]] = {}
    for label in benchmark.labels:
        labels.setdefault(label.question_id, []).append(label)
    return question_digests(benchmark, benchmark.questions, labels)


def with_question(**changes: object) -> Benchmark:
    return peaks(questions=(replace(QUESTIONS[0], **changes), QUESTIONS[1]))


def with_document(**changes: object) -> Benchmark:
    return peaks(documents=(replace(DOCUMENTS[0], **changes), *DOCUMENTS[1:]))


def with_label(**changes: object) -> Benchmark:
    return peaks(labels=(replace(LABELS[0], **changes), *LABELS[1:]))


CHANGED: dict[str, Callable[[], Benchmark]] = {
    "text": lambda: with_question(text="How tall is Arlen?"),
    "language": lambda: with_question(language="de"),
    "references": lambda: with_question(references=("2310 m", "2,310 m")),
    "history": lambda: with_question(history=(Turn("user", "Which peaks are there?"),)),
    "compound": lambda: with_question(tags=("easy", "compound")),
    "grade": lambda: with_label(grade=1),
    "span": lambda: with_label(start=8),
    "no span": lambda: with_label(start=None, end=None, part=""),
    "part": lambda: with_label(part="peak"),
    "one more label": lambda: peaks(labels=(*LABELS, RelevanceLabel("q1", "d3", 1))),
    "one label less": lambda: peaks(labels=(LABELS[0], LABELS[2])),
    "text of a labelled document": lambda: with_document(text="Arlen is 2311 m high."),
    "title of a labelled document": lambda: with_document(title="Mount Arlen"),
    "which documents are relevant": lambda: with_settings(peaks(), grade_threshold=2),
    "what is ranked": lambda: with_settings(peaks(), exclude_self=True),
}
SAME: dict[str, Callable[[], Benchmark]] = {
    "another tag": lambda: with_question(tags=("easy", "peaks")),
    "metadata": lambda: with_question(metadata={"topic": "mountains", "year": 1}),
    "metadata of a document": lambda: with_document(metadata={"url": "u"}),
    "a document without a label": lambda: peaks(documents=(*DOCUMENTS, Document("d4", "y"))),
    "order of documents": lambda: peaks(documents=DOCUMENTS[::-1]),
    "order of labels": lambda: peaks(labels=LABELS[::-1]),
    "the other question": lambda: peaks(questions=(QUESTIONS[0], replace(QUESTIONS[1], text="青石山多高？"))),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_what_is_scored_otherwise_is_another_question(change: Callable[[], Benchmark]) -> None:
    before, after = digests(peaks()), digests(change())
    assert before["q1"] != after["q1"]
    assert len(before["q1"]) == 12


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_what_only_groups_questions_is_not(change: Callable[[], Benchmark]) -> None:
    assert digests(peaks())["q1"] == digests(change())["q1"]


def test_unanswerable_counts_too() -> None:
    asked = (QUESTIONS[0], replace(QUESTIONS[1], tags=("unanswerable",)))
    labels = LABELS[:2]
    answerable = rageval.benchmark_from_records("peaks", DOCUMENTS, (asked[0], QUESTIONS[1]), labels)
    unanswerable = rageval.benchmark_from_records("peaks", DOCUMENTS, asked, labels)
    assert digests(answerable)["q2"] != digests(unanswerable)["q2"]
    assert digests(answerable)["q1"] == digests(unanswerable)["q1"]


def test_the_corpus_is_all_documents_in_any_order() -> None:
    of_all = corpus_digest(DOCUMENTS)
    assert len(of_all) == 64
    assert corpus_digest(DOCUMENTS[::-1]) == of_all
    assert corpus_digest(DOCUMENTS[:2]) != of_all
    for change in ({"id": "d9"}, {"text": "y"}, {"title": "X"}, {"language": "de"}, {"metadata": {"url": "u"}}):
        assert corpus_digest((*DOCUMENTS[:2], replace(DOCUMENTS[2], **change))) != of_all
