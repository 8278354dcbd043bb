"""Datasets of the package ir_datasets (MacAvaney et al. 2021, arXiv:2103.02280).

The package is imported when a dataset is loaded and not before.
"""

from __future__ import annotations

import difflib
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from rageval.benchmark.labels import parse_label
from rageval.benchmark.records import Rows, parse_document, parse_question
from rageval.benchmark.validate import assemble
from rageval.errors import BenchmarkError
from rageval.extras import need_package
from rageval.io.tolerance import new_problems
from rageval.types import Benchmark, Card, Document, Question, RelevanceLabel


def load_ir_datasets(name: str, *, strict: bool = False) -> Benchmark:
    """The dataset of that name, such as `beir/scifact/test`, also one that was registered in this process.

    A document's text is its `text` or `body`, else what ir_datasets calls its default text; a question's is the default
    text (of a TREC topic, the title). Questions without labels stay. Raises `BenchmarkError` for an unknown name, a
    dataset without documents or questions, and where the package cannot download or read it.
    """
    place = f"ir_datasets:{name}"
    need_package("ir_datasets", "ir-datasets", "a benchmark ir_datasets:NAME")
    registry: Any = import_module("ir_datasets").registry
    try:
        dataset = registry[name]
    except KeyError:
        near = difflib.get_close_matches(name, [*registry], n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        found = f"{place}: found no dataset of that name, expected one of ir_datasets.com{hint}"
        raise BenchmarkError([found]) from None
    for part, there in (("documents", dataset.has_docs()), ("questions", dataset.has_queries())):
        if not there:
            found = f"{place}: found a dataset without {part}, expected one with documents and questions"
            raise BenchmarkError([f"{found}, such as one of its parts (NAME/dev, NAME/test)"])
    problems = new_problems(strict=strict)
    with _told(place):
        documents, questions = _documents(dataset, place, problems), _questions(dataset, place, problems)
        labels = _labels(dataset, place, problems)
    card = Card(name, "dataset of ir_datasets", source=f"ir_datasets, {name}")
    return assemble(card, documents, questions, labels, problems, labels_optional=True)


@contextmanager
def _told(place: str) -> Generator[None]:
    """Turns an error of the package, which raises what its downloads and formats raise, into one line."""
    try:
        yield
    except Exception as error:  # noqa: BLE001
        words = " ".join(str(error).split())[:300]
        raise BenchmarkError([f"{place}: cannot be loaded ({type(error).__name__}: {words})"]) from None


def _documents(dataset: Any, place: str, problems: list[str]) -> Rows[Document]:
    rows = Rows[Document](f"{place} (documents)")
    for number, doc in enumerate(dataset.docs_iter()):
        here = f"{rows.place}[{number}]"
        text = next((getattr(doc, key) for key in ("text", "body") if hasattr(doc, key)), None)
        fields = {
            "id": doc.doc_id,
            "text": doc.default_text() if text is None else text,
            "title": getattr(doc, "title", ""),
        }
        rows.add(here, parse_document(fields, here, problems, title_suffices=True), doc.doc_id)
    return rows


def _questions(dataset: Any, place: str, problems: list[str]) -> Rows[Question]:
    rows = Rows[Question](f"{place} (questions)")
    for number, query in enumerate(dataset.queries_iter()):
        here = f"{rows.place}[{number}]"
        fields = {"id": query.query_id, "text": query.default_text().strip()}
        rows.add(here, parse_question(fields, here, problems), query.query_id)
    return rows


def _labels(dataset: Any, place: str, problems: list[str]) -> Rows[RelevanceLabel]:
    rows = Rows[RelevanceLabel](f"{place} (labels)")
    for number, qrel in enumerate(dataset.qrels_iter() if dataset.has_qrels() else ()):
        here = f"{rows.place}[{number}]"
        label = parse_label(qrel.query_id, qrel.doc_id, str(qrel.relevance), "", "", here, problems)
        rows.add(here, label, qrel.query_id)
    return rows
