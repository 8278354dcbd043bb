"""A benchmark in figures, against a count by hand."""

from __future__ import annotations

from rageval.benchmark import BenchmarkStatistics, from_records, statistics
from rageval.types import Document, Question, RelevanceLabel


def test_statistics() -> None:
    benchmark = from_records(
        "counted",
        [Document("a", "four", "a title"), Document("b", "twelve chars"), Document("c", "检索𠮷", language="zh")],
        [
            Question("1", "x", tags=("factual", "factual")),
            Question("2", "x", tags=("multi-hop", "factual")),
            Question("3", "问", "zh", tags=("unanswerable",)),
            Question("4", "问", "zh"),
        ],
        [
            RelevanceLabel("1", "b", 2, 0, 6),
            RelevanceLabel("1", "b", 2, 7, 12),
            RelevanceLabel("2", "a", 1),
            RelevanceLabel("2", "b", 2, 0, 6, "1"),
            RelevanceLabel("2", "b", 2, 7, 12, "1"),
            RelevanceLabel("3", "a", 0),
        ],
    )
    assert statistics(benchmark) == BenchmarkStatistics(
        documents=3,
        questions=4,
        labels=4,
        documents_by_language={"en": 2, "zh": 1},
        questions_by_language={"en": 2, "zh": 2},
        questions_by_tag={"factual": 2, "multi-hop": 1, "unanswerable": 1},
        labels_by_grade={0: 1, 1: 1, 2: 2},
        mean_labels_per_question=1.0,
        mean_document_characters={"en": 8.0, "zh": 3.0},
        languages_guessed=4,
        spans=4,
        parts=3,
        parts_with_alternatives=1,
    )
