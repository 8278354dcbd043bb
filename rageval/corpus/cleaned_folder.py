"""The benchmark folder of a cleaned copy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rageval.benchmark.labels import write_labels
from rageval.corpus.benchmark_folder import LABELS, QUESTIONS, write_benchmark
from rageval.corpus.clean import Change, clean, move_labels
from rageval.corpus.source import Corpus
from rageval.errors import DeclarationError
from rageval.io.disk import write_atomically
from rageval.io.turns import turns_to_json
from rageval.text.languages import Guess
from rageval.types import Json, Question

CHANGES = "changes.jsonl"


def check_empty(folder: Path) -> None:
    """Raises DeclarationError where the folder is there and not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DeclarationError(f"{folder}: found something there, expected no folder or an empty one: name another")


def write_cleaned(corpus: Corpus, folder: Path, *, redacted: bool) -> tuple[Change, ...]:
    """Write the cleaned documents, the questions, the labels at their new places and `changes.jsonl`; return the
    changes. Raises DeclarationError as `check_empty`, and where no document is left.
    """
    check_empty(folder)
    cleaned = clean(corpus.documents, redacted=redacted)
    if not cleaned.documents:
        raise DeclarationError(f"{folder}: found no document that would be left, expected at least one")
    changes = cleaned.changes
    write_benchmark(folder, cleaned.documents, corpus.card)
    if corpus.benchmark is not None:
        write_atomically(folder / QUESTIONS, questions_text(corpus.benchmark.questions))
        if corpus.benchmark.labels:
            labels, of_labels = move_labels(corpus.benchmark, cleaned)
            write_labels(folder / LABELS, labels)
            changes += of_labels
    rows = (json.dumps(one.to_json(), ensure_ascii=False) for one in changes)
    write_atomically(folder / CHANGES, "".join(f"{row}\n" for row in rows))
    return changes


def questions_text(questions: Sequence[Question]) -> str:
    """`questions.jsonl`, a line each, without evidence: that is in the table of labels."""
    return "".join(f"{json.dumps(_row(question), ensure_ascii=False)}\n" for question in questions)


def _row(question: Question) -> dict[str, Json]:
    row: dict[str, Json] = {"id": question.id, "text": question.text}
    if not isinstance(question.language, Guess):
        row["language"] = question.language
    lists: dict[str, Json] = {
        "references": [*question.references],
        "tags": [*question.tags],
        "history": turns_to_json(question.history),
    }
    row |= {name: value for name, value in lists.items() if value}
    return {**row, "metadata": dict(question.metadata)} if question.metadata else row
