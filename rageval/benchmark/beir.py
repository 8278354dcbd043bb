"""BEIR folders: `corpus.jsonl`, `queries.jsonl`, `qrels/<split>.tsv` (Thakur et al. 2021, arXiv:2104.08663)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from rageval.benchmark.labels import read_qrels
from rageval.benchmark.reading import require_files
from rageval.benchmark.records import Rows, parse_document, parse_question, read_rows
from rageval.benchmark.validate import assemble, keep_labelled_questions
from rageval.errors import BenchmarkError
from rageval.io.label_rows import BEIR_HEADER
from rageval.io.text_lines import JSON_LINES, find_file
from rageval.io.tolerance import new_problems
from rageval.types import Benchmark, Card, Document, Question, RelevanceLabel

DEFAULT_SPLIT = "test"
_SPLIT = re.compile(r"(.+)\.tsv(?:\.gz)?", re.IGNORECASE)


def load_beir(folder: Path, split: str | None = None, *, strict: bool = False) -> Benchmark:
    """Load one split of a BEIR folder (default: `test`); raises `BenchmarkError` with every problem found.

    The benchmark's questions are those that the split labels; its documents are the whole corpus. A folder without any
    labels has all questions. Only `_id`, `title`, `text` and a document's `metadata` are read; a text may be empty
    where the title is not. Files may be compressed (`.gz`), and lines of JSON be called `.ndjson`.
    """
    corpus, queries = (find_file(folder, stem, JSON_LINES) for stem in ("corpus", "queries"))
    if not corpus.is_file() and (forums := sorted(path.parent.name for path in folder.glob("*/corpus.jsonl*"))):
        raise BenchmarkError(
            [f"{folder}: found a folder of benchmarks, expected one of them: {', '.join(forums)} (beir:{folder}/NAME)"]
        )
    require_files([corpus, queries])
    problems = new_problems(strict=strict)
    qrels = _find_qrels(folder / "qrels", split)
    documents = read_rows(corpus, "_id", _parse_document, problems)
    questions = read_rows(queries, "_id", _parse_question, problems)
    labels = Rows[RelevanceLabel](f"{folder / 'qrels'}")
    if qrels is not None:
        labels = read_qrels(qrels, problems, headers=[BEIR_HEADER], headless=False)
        if not labels.records and not labels.refused:
            problems.append(f"{qrels}: found no labels, expected at least one")
        keep_labelled_questions(questions, labels)
    card = Card(folder.resolve().name, f"BEIR, split {split or DEFAULT_SPLIT}" if qrels else "BEIR, without labels")
    return assemble(card, documents, questions, labels, problems, labels_optional=True)


def _find_qrels(folder: Path, split: str | None) -> Path | None:
    """The labels of the split; None where there are none at all and no split is asked for."""
    names = map(_SPLIT.fullmatch, (path.name for path in folder.glob("*")))
    splits = sorted({name[1] for name in names if name})
    wanted = split or DEFAULT_SPLIT
    if wanted in splits:
        return find_file(folder, wanted, (".tsv",))
    if not splits and split is None:
        return None
    there = f"one of: {', '.join(splits)}" if splits else f"a file {wanted}.tsv (there is no split at all)"
    raise BenchmarkError([f"{folder}: found no split {wanted!r}, expected {there}"])


def _parse_document(fields: Mapping[str, object], place: str, problems: list[str]) -> Document | None:
    used = {key: fields[key] for key in ("_id", "title", "text", "metadata") if key in fields}
    return parse_document(used, place, problems, id_key="_id", title_suffices=True)


def _parse_question(fields: Mapping[str, object], place: str, problems: list[str]) -> Question | None:
    used = {key: fields[key] for key in ("_id", "text") if key in fields}
    return parse_question(used, place, problems, id_key="_id")
