"""Where documents to check come from: a benchmark, or a folder of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rageval.benchmark.loading import load
from rageval.benchmark.native import read_card
from rageval.benchmark.records import parse_document, read_rows
from rageval.corpus.folder import MOST_MB, OnFile, Skipped, read_folder
from rageval.errors import BenchmarkError
from rageval.io.text_lines import JSON_LINES, find_file
from rageval.types import Benchmark, Card, Document


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents and where they come from. `skipped` are files that could not be read. `benchmark` is None where there
    are no questions.
    """

    card: Card
    documents: tuple[Document, ...]
    skipped: tuple[Skipped, ...] = ()
    benchmark: Benchmark | None = None


def read_corpus(reference: str, *, most_mb: float = MOST_MB, on_file: OnFile | None = None) -> Corpus:
    """The documents of a benchmark (all that `rageval.benchmark.load` takes; its questions may still be missing), or of
    the files in a folder. Raises `BenchmarkError` for a benchmark that is not valid.
    """
    folder = Path(reference)
    documents = find_file(folder, "documents", JSON_LINES)
    questions = find_file(folder, "questions", JSON_LINES)
    card = folder / "card.yaml"
    if card.is_file() and documents.is_file() and not (questions.is_file() and questions.read_bytes().strip()):
        problems: list[str] = []
        found = read_card(card, problems)
        if problems:
            raise BenchmarkError(problems)
        return Corpus(found, read_documents(documents))
    if folder.is_dir() and not card.is_file():
        read = read_folder(folder, most_mb=most_mb, on_file=on_file)
        name = folder.resolve().name or "documents"
        return Corpus(Card(name, f"Documents of the folder {name}", source=name), read.documents, read.skipped)
    benchmark = load(reference)
    return Corpus(benchmark.card, benchmark.documents, benchmark=benchmark)


def read_documents(path: Path) -> tuple[Document, ...]:
    """The documents of a `documents.jsonl`. Raises `BenchmarkError` with every problem found."""
    problems: list[str] = []
    rows = read_rows(path, "id", parse_document, problems)
    ids: Mapping[str, Document] = {document.id: document for _, document in rows.records}
    if len(ids) < len(rows.records):
        problems.append(f"{path}: found {len(rows.records) - len(ids)} ids given twice, expected an id of its own each")
    if problems:
        raise BenchmarkError(problems)
    return tuple(document for _, document in rows.records)
