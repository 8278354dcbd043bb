"""A benchmark in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from rageval.text.languages import Guess, Language, in_order
from rageval.types import Benchmark


@dataclass(frozen=True, slots=True)
class BenchmarkStatistics:
    """Counts of a benchmark. The mappings hold only languages, tags and grades that occur, in a fixed order.

    `labels_by_grade` counts pairs of question and document: several spans of one document count once.
    `mean_labels_per_question` divides them by all questions, the unanswerable ones included.
    `languages_guessed` counts documents and questions that are too short to tell their language.
    `mean_document_characters` is the mean length of the texts, without titles, in code points.
    `spans` are labels with evidence and a grade above 0, `parts` what of it is needed (all spans of one part are one),
    and `parts_with_alternatives` the parts with several spans.
    """

    documents: int
    questions: int
    labels: int
    documents_by_language: Mapping[Language, int]
    questions_by_language: Mapping[Language, int]
    questions_by_tag: Mapping[str, int]
    labels_by_grade: Mapping[int, int]
    mean_labels_per_question: float
    mean_document_characters: Mapping[Language, float]
    languages_guessed: int = 0
    spans: int = 0
    parts: int = 0
    parts_with_alternatives: int = 0


def statistics(benchmark: Benchmark) -> BenchmarkStatistics:
    """Count what is in a benchmark that has been validated."""
    documents = Counter(document.language for document in benchmark.documents)
    questions = Counter(question.language for question in benchmark.questions)
    tags = Counter(tag for question in benchmark.questions for tag in dict.fromkeys(question.tags))
    grades = {(label.question_id, label.doc_id): label.grade for label in benchmark.labels}
    characters = Counter[Language]()
    for document in benchmark.documents:
        characters[document.language] += len(document.text)
    spans = [label for label in benchmark.labels if label.start is not None and label.grade > 0]
    parts = Counter((x.question_id, x.part or (x.doc_id, x.start, x.end)) for x in spans)
    return BenchmarkStatistics(
        documents=len(benchmark.documents),
        questions=len(benchmark.questions),
        labels=len(grades),
        documents_by_language={language: documents[language] for language in in_order(documents)},
        questions_by_language={language: questions[language] for language in in_order(questions)},
        questions_by_tag=dict(sorted(tags.items())),
        labels_by_grade=dict(sorted(Counter(grades.values()).items())),
        mean_labels_per_question=len(grades) / len(benchmark.questions),
        languages_guessed=sum(isinstance(one.language, Guess) for one in (*benchmark.documents, *benchmark.questions)),
        spans=len(spans),
        parts=len(parts),
        parts_with_alternatives=sum(n > 1 for n in parts.values()),
        mean_document_characters={
            language: characters[language] / documents[language] for language in in_order(documents)
        },
    )
