"""A benchmark from Python objects, for those whose data is in no file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar, cast

from rageval.benchmark.labels import parse_label
from rageval.benchmark.records import Rows, parse_document, parse_question
from rageval.benchmark.settings import with_settings
from rageval.benchmark.validate import assemble
from rageval.io.tolerance import new_problems
from rageval.types import Benchmark, Card, Document, Question, RelevanceLabel

T = TypeVar("T")


def from_records(
    name: str,
    documents: Iterable[Document],
    questions: Iterable[Question],
    labels: Iterable[RelevanceLabel] = (),
) -> Benchmark:
    """A benchmark of these records, validated like one on disk.

    Labels are optional: without them no metric that rests on labels has a score. A document's text may be empty where
    its title is not. Images that it names are those that it brings (`rageval.benchmark.with_images`). Raises
    `BenchmarkError` with every problem found; its places look like `documents[3]`, counted from 0.
    """
    return _assembled(name, documents, questions, labels, [])


def validated(benchmark: Benchmark) -> Benchmark:
    """The benchmark with its records validated like those on disk and its content hash worked out.

    Its settings stay. Where it was loaded from irregular files, what was tolerated there is tolerated here. Raises
    `BenchmarkError` as `from_records` does.
    """
    checked = _assembled(
        benchmark.card.name,
        benchmark.documents,
        benchmark.questions,
        benchmark.labels,
        new_problems(strict=not benchmark.tolerated),
    )
    settled = with_settings(checked, exclude_self=benchmark.exclude_self, grade_threshold=benchmark.grade_threshold)
    return replace(settled, card=benchmark.card, tolerated=benchmark.tolerated)


def _assembled(
    name: str,
    documents: Iterable[Document],
    questions: Iterable[Question],
    labels: Iterable[RelevanceLabel],
    problems: list[str],
) -> Benchmark:
    if not name.strip():
        problems.append(f"name: found {name!r}, expected the benchmark's name")
    return assemble(
        Card(name),
        _rows("documents", documents, Document, "id", _check_document, problems),
        _rows("questions", questions, Question, "id", _check_question, problems),
        _rows("labels", labels, RelevanceLabel, "question_id", _check_label, problems),
        problems,
        labels_optional=True,
    )


def _rows(
    place: str,
    items: Iterable[T],
    kind: type[T],
    id_field: str,
    check: Callable[[T, str, list[str]], T | None],
    problems: list[str],
) -> Rows[T]:
    rows = Rows[T](place)
    for index, item in enumerate(cast("Iterable[object]", items)):
        here = f"{place}[{index}]"
        if isinstance(item, kind):
            rows.add(here, check(item, here, problems), getattr(item, id_field))
        else:
            problems.append(f"{here}: found a {type(item).__name__}, expected a {kind.__name__}")
            rows.refused.add("")
    return rows


def _check_document(document: Document, place: str, problems: list[str]) -> Document | None:
    fields = {key: value for key, value in _fields(document).items() if key != "images"}
    checked = parse_document(fields, place, problems, title_suffices=True)
    return None if checked is None else replace(checked, images=document.images)


def _check_question(question: Question, place: str, problems: list[str]) -> Question | None:
    return parse_question(_fields(question), place, problems)


def _check_label(label: RelevanceLabel, place: str, problems: list[str]) -> RelevanceLabel | None:
    start, end = ("" if offset is None else str(offset) for offset in (label.start, label.end))
    names = str(label.question_id), str(label.doc_id), str(label.grade)
    return parse_label(*names, start, end, place, problems, part=str(label.part))


def _fields(record: Document | Question) -> Mapping[str, object]:
    return {key: getattr(record, key) for key in record.__dataclass_fields__}
