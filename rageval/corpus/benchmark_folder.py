"""The benchmark folder that documents become, and what a rerun may change in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from rageval.benchmark.against import Against, Finding, check_against, place_of, relocate
from rageval.benchmark.labels import check_labels_path, write_labels
from rageval.benchmark.loading import load
from rageval.corpus.how_to import how_to
from rageval.corpus.source import read_documents
from rageval.errors import BenchmarkError, DeclarationError
from rageval.io.disk import write_atomically
from rageval.text.languages import Guess
from rageval.types import Benchmark, Card, Document, Json

CARD, DOCUMENTS, QUESTIONS, LABELS, HOW_TO = (
    "card.yaml", "documents.jsonl", "questions.jsonl", "labels.tsv", "HOWTO.md",
)  # fmt: skip
MOVED_LABELS = "labels.moved.tsv"


@dataclass(frozen=True, slots=True)
class Written:
    """`written` are the names of the files that were written. `added`, `changed` and `gone` are ids of documents,
    against those that were there. `findings` say what became of evidence that is no longer where it was, `unchecked`
    why that cannot be told. `images` counts the pictures that were copied.
    """

    written: tuple[str, ...]
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    unchecked: str = ""
    images: int = 0

    def lines(self) -> list[str]:
        """What became of evidence, a line each, for people."""
        words = {"moved": "moved", "changed": "its words changed", "gone": "its words are gone"}
        return [f"{place_of(one.label)}: {words.get(one.fate, one.fate)}" for one in self.findings]


def write_benchmark(folder: Path, documents: Sequence[Document], card: Card, *, update: bool = False) -> Written:
    """Write what is missing of `card.yaml`, `documents.jsonl`, `questions.jsonl` (without questions) and `HOWTO.md`.

    Questions and labels that are there are never touched. Other documents are replaced only with `update`: evidence
    that is no longer where it was is then told, and if some of it moved, `labels.moved.tsv` has all labels at their new
    places. The same documents give the same bytes.

    Raises `DeclarationError` for other documents without `update`, and for a `labels.moved.tsv` that is already there.
    """
    text = documents_text(documents)
    path = folder / DOCUMENTS
    there = path.read_text(encoding="utf-8") if path.is_file() else None
    added, changed, gone = ((), (), ()) if there is None else _differences(path, documents)
    old: Benchmark | None = None
    unchecked = ""
    if there is not None and there != text:
        if not update:
            raise DeclarationError(
                f"{path}: found other documents ({len(added)} more, {len(changed)} changed, {len(gone)} gone now): "
                "give --update to rewrite it, or another --out"
            )
        try:
            old = _labelled(folder)
        except BenchmarkError as error:
            unchecked = str(error)
    folder.mkdir(parents=True, exist_ok=True)
    files = {CARD: card_text(card), QUESTIONS: "", HOW_TO: how_to(documents)}
    new = {name: content for name, content in files.items() if not (folder / name).exists()}
    against = None if old is None else _against(old, documents)
    if against is not None and _moved(against):
        check_labels_path(folder / MOVED_LABELS)
    if there != text:
        new[DOCUMENTS] = text
    for name, content in new.items():
        write_atomically(folder / name, content)
    written = sorted(new)
    if against is not None and _moved(against):
        write_labels(folder / MOVED_LABELS, relocate(against, ()).labels)
        written.append(MOVED_LABELS)
    findings = () if against is None else tuple(one for one in against.findings if one.fate != "there")
    return Written(tuple(written), added, changed, gone, findings, unchecked)


def documents_text(documents: Sequence[Document]) -> str:
    """`documents.jsonl`, a line each. A language that is a guess is left to whoever loads them."""
    return "".join(f"{json.dumps(_row(document), ensure_ascii=False)}\n" for document in documents)


def _row(document: Document) -> dict[str, Json]:
    row: dict[str, Json] = {"id": document.id, "title": document.title, "text": document.text}
    if not isinstance(document.language, Guess):
        row["language"] = document.language
    return {**row, "metadata": dict(document.metadata)} if document.metadata else row


def card_text(card: Card) -> str:
    """`card.yaml`."""
    fields = {"name": card.name, "description": card.description, "license": card.license, "source": card.source}
    return yaml.safe_dump(fields, allow_unicode=True, sort_keys=False, width=1000)


def _differences(path: Path, documents: Sequence[Document]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The ids that are new, those whose document changed, and those that are gone."""
    old = {document.id: _row(document) for document in read_documents(path)}
    new = {document.id: _row(document) for document in documents}
    added = tuple(name for name in new if name not in old)
    changed = tuple(name for name, row in new.items() if name in old and old[name] != row)
    return added, changed, tuple(name for name in old if name not in new)


def _labelled(folder: Path) -> Benchmark | None:
    """The benchmark as it is; None where it has no questions yet. Raises `BenchmarkError` where it is not valid."""
    if not (folder / QUESTIONS).is_file() or not (folder / QUESTIONS).read_text(encoding="utf-8").strip():
        return None
    return load(str(folder.resolve()))


def _against(old: Benchmark, documents: Sequence[Document]) -> Against:
    return check_against(Benchmark(old.card, tuple(documents), old.questions, (), ""), old)


def _moved(against: Against) -> bool:
    return any(one.fate == "moved" for one in against.findings)
