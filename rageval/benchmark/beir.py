"""BEIR folders: `corpus.jsonl`, `queries.jsonl`, `qrels/<split>.tsv` (Thakur et al. 2021, arXiv:2104.08663)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rageval.benchmark.labels import read_labels
from rageval.benchmark.reading import require_files
from rageval.benchmark.records import parse_document, parse_question, read_rows
from rageval.benchmark.validate import assemble
from rageval.errors import BenchmarkError
from rageval.types import Benchmark, Card, Document, Question

LABEL_HEADER = "query-id\tcorpus-id\tscore"


def load_beir(folder: Path, split: str) -> Benchmark:
    """Load one split of a BEIR folder; raises `BenchmarkError` with every problem found.

    The benchmark's questions are those that the split labels; its documents are the whole corpus. Only `_id`, `title`,
    `text` and a document's `metadata` are read; a text may be empty where the title is not.
    """
    require_files([folder / "corpus.jsonl", folder / "queries.jsonl"])
    qrels = folder / "qrels" / f"{split}.tsv"
    splits = sorted(path.stem for path in qrels.parent.glob("*.tsv"))
    if split not in splits:
        there = f"one of: {', '.join(splits)}" if splits else f"a file {qrels.name} (there is no split at all)"
        raise BenchmarkError([f"{qrels.parent}: found no split {split!r}, expected {there}"])
    problems: list[str] = []
    documents = read_rows(folder / "corpus.jsonl", "_id", _parse_document, problems)
    questions = read_rows(folder / "queries.jsonl", "_id", _parse_question, problems)
    labels = read_labels(qrels, (LABEL_HEADER,), problems)
    if labels.records:
        labelled = {label.question_id for _, label in labels.records}
        questions.records = [(place, question) for place, question in questions.records if question.id in labelled]
    elif not labels.refused:
        problems.append(f"{qrels}: found no labels, expected at least one")
    card = Card(folder.resolve().name, f"BEIR, split {split}")
    return assemble(card, documents, questions, labels, problems, labels_optional=True)


def _parse_document(fields: Mapping[str, object], place: str, problems: list[str]) -> Document | None:
    used = {key: fields[key] for key in ("_id", "title", "text", "metadata") if key in fields}
    return parse_document(used, place, problems, id_key="_id", title_suffices=True)


def _parse_question(fields: Mapping[str, object], place: str, problems: list[str]) -> Question | None:
    used = {key: fields[key] for key in ("_id", "text") if key in fields}
    return parse_question(used, place, problems, id_key="_id")
