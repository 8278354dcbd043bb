"""TREC collections: documents as JSONL, topics as TSV, relevance labels as qrels."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rageval.benchmark.labels import has_columns, read_qrels
from rageval.benchmark.reading import filled_lines, require_files
from rageval.benchmark.records import Rows, parse_document, parse_question, read_rows
from rageval.benchmark.validate import assemble
from rageval.io.text_lines import JSON_LINES, find_file
from rageval.io.tolerance import new_problems
from rageval.types import Benchmark, Card, Question, RelevanceLabel


def load_trec(documents: Path, topics: Path, qrels: Path | None = None, *, strict: bool = False) -> Benchmark:
    """Load a TREC collection; raises `BenchmarkError` with every problem found.

    `documents`: JSON lines with the keys of the native format (a text may be empty where the title is not). `topics`:
    lines of an id, a tab, and the question; no header. `qrels`: question, iteration (ignored), document and grade,
    separated by white space; no header; other layouts are read too (see `rageval.io.label_rows`). Topics without labels
    stay: they can be asked, if not scored by labels.
    """
    require_files([documents, topics, *([] if qrels is None else [qrels])])
    problems = new_problems(strict=strict)
    return assemble(
        Card(documents.resolve().parent.name, "TREC collection"),
        read_rows(documents, "id", partial(parse_document, title_suffices=True), problems),
        _read_topics(topics, problems),
        Rows[RelevanceLabel]("qrels") if qrels is None else read_qrels(qrels, problems),
        problems,
        labels_optional=True,
    )


def load_trec_folder(folder: Path, *, strict: bool = False) -> Benchmark:
    """Load a folder with `documents.jsonl`, `topics.tsv` and, if there are labels, `qrels.txt` or `qrels.tsv`."""
    qrels = find_file(folder, "qrels", (".tsv", ".txt", ".json"))
    return load_trec(
        find_file(folder, "documents", JSON_LINES),
        find_file(folder, "topics", (".tsv",)),
        qrels if qrels.is_file() else None,
        strict=strict,
    )


def _read_topics(path: Path, problems: list[str]) -> Rows[Question]:
    rows = Rows[Question](str(path))
    for place, line in filled_lines(path, problems):
        columns = line.split("\t")
        if has_columns(columns, 2, place, problems):
            fields = {"id": columns[0], "text": columns[1]}
            rows.add(place, parse_question(fields, place, problems), columns[0])
        else:
            rows.refused.add(columns[0])
    return rows
