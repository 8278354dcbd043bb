"""Benchmarks from Python objects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from rageval.benchmark import from_records
from rageval.errors import BenchmarkError
from rageval.types import Document, Question, RelevanceLabel

DOCUMENTS = [Document("d1", "text"), Document("d2", "", "title alone")]
QUESTIONS = [Question("q1", "What?"), Question("q2", "Who?", tags=("unanswerable",))]
LABELS = [RelevanceLabel("q1", "d1", 1)]
FRACTION = (
    "labels[2]: found the grade '0.5', expected a whole number such as 0, 1 or 2: multiply all grades by the same "
    "number, or round them"
)
UNANSWERABLE_LABELLED = (
    "labels[5]: found grade 1 for question 'q2', which is tagged unanswerable, "
    "expected grades of 0 or less for it, or the tag removed"
)


def test_good_records_come_back_unchanged() -> None:
    benchmark = from_records("mine", iter(DOCUMENTS), iter(QUESTIONS), iter(LABELS))
    assert benchmark.name == "mine"
    assert benchmark.documents == tuple(DOCUMENTS)
    assert benchmark.questions == tuple(QUESTIONS)
    assert benchmark.labels == tuple(LABELS)


def test_languages_are_detected_as_in_files() -> None:
    benchmark = from_records(
        "mine",
        [
            Document("d1", "青石山高一千八百米。"),
            Document("d2", "A hill.", "青石"),
            Document("d3", "青石山", language="en"),
        ],
        [Question("q1", "青石山有多高？"), Question("q2", "How high is 青石山 really?"), Question("q3", "谁？", "en")],
    )
    assert [document.language for document in benchmark.documents] == ["zh", "zh", "en"]
    assert [question.language for question in benchmark.questions] == ["zh", "en", "en"]


def test_labels_are_optional() -> None:
    assert from_records("mine", DOCUMENTS, QUESTIONS).labels == ()


def test_every_problem_names_its_record() -> None:
    with pytest.raises(BenchmarkError) as caught:
        from_records(
            " ",
            [*DOCUMENTS, Document("d1", "again"), Document("d4", " "), Document("d 5", "x"), {"id": "d6"}],  # type: ignore[list-item]
            [
                *QUESTIONS,
                Question("q3", "x", language="French"),
                Question("q4", "x", references=cast("Any", "a")),
            ],
            [
                *LABELS,
                RelevanceLabel("q1", "d9", 1),
                RelevanceLabel("q3", "d2", cast("Any", 0.5)),
                RelevanceLabel("q1", "d2", 1, 0, 1),
                RelevanceLabel("q1", "d2", 1, 3),
                RelevanceLabel("q2", "d1", 1),
            ],
        )
    assert caught.value.problems == (
        "name: found ' ', expected the benchmark's name",
        "documents[3]: found neither a text nor a title, expected one of them at least",
        "documents[4]: found the id 'd 5', expected an id without white space",
        "documents[5]: found a dict, expected a Document",
        "questions[2]: found the language 'French', expected a code such as en",
        "questions[3]: found a text for 'references', expected a list of texts",
        FRACTION,
        "labels[4]: found half a span (start '3', end ''), expected both or neither",
        "documents[2]: found the document id 'd1' again, expected it once (see documents[0])",
        "labels[1]: found the unknown document 'd9', expected one of documents",
        "labels[3]: found the span 0 to 1, expected 0 <= start < end <= 0 (the length of document 'd2')",
        UNANSWERABLE_LABELLED,
    )


def test_nothing_at_all() -> None:
    with pytest.raises(BenchmarkError) as caught:
        from_records("mine", [], [])
    assert caught.value.problems == (
        "documents: found no documents, expected at least one",
        "questions: found no questions, expected at least one",
    )


@pytest.mark.parametrize("metadata", [{"x": float("nan")}, {"x": object()}, {"x": "\ud800"}])
def test_metadata_that_is_not_json(metadata: dict[str, Any]) -> None:
    with pytest.raises(BenchmarkError, match=r"^documents\[0\]: found 'metadata' that is not JSON"):
        from_records("mine", [replace(DOCUMENTS[0], metadata=metadata)], QUESTIONS)
