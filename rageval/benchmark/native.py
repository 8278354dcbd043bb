"""rageval's own format: a folder with `card.yaml`, `documents.jsonl`, `questions.jsonl`, `labels.tsv`."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import yaml

from rageval.benchmark.labels import read_labels
from rageval.benchmark.reading import describe, read_lines, require_files
from rageval.benchmark.records import Rows, parse_document, parse_question, read_rows
from rageval.benchmark.validate import assemble
from rageval.io.text_lines import JSON_LINES, find_file
from rageval.types import Benchmark, Card

CARD_KEYS = ("name", "description", "license", "source")
LABEL_HEADERS = ("question_id\tdocument_id\tgrade\tstart\tend", "question_id\tdocument_id\tgrade")


def load_native(folder: Path) -> Benchmark:
    """Load a native folder; raises `BenchmarkError` with every problem found.

    `documents.jsonl`: `id`, `text`, and optionally `title`, `language`, `metadata`. `questions.jsonl`: `id`, `text`,
    and optionally `language`, `references`, `tags`. `labels.tsv`: a header and the columns `question_id`,
    `document_id`, `grade`, and optionally `start` and `end` (code points into the document's text, both empty where
    there is no span). Where there is this file, every question that is not tagged `unanswerable` needs a label with a
    grade above 0.
    """
    is_beir = (folder / "corpus.jsonl").is_file()
    documents_file, questions_file = (find_file(folder, stem, JSON_LINES) for stem in ("documents", "questions"))
    labels_file = find_file(folder, "labels", (".tsv",))
    require_files(
        [folder / "card.yaml", documents_file, questions_file],
        f" (this looks like a BEIR folder: write beir:{folder})" if is_beir else "",
    )
    problems: list[str] = []
    card = read_card(folder / "card.yaml", problems)
    documents = read_rows(documents_file, "id", parse_document, problems)
    questions = read_rows(questions_file, "id", parse_question, problems)
    if not labels_file.is_file():
        return assemble(card, documents, questions, Rows(str(labels_file)), problems, labels_optional=True)
    labels = read_labels(labels_file, LABEL_HEADERS, problems)
    return assemble(card, documents, questions, labels, problems, labels_optional=False)


def read_card(path: Path, problems: list[str]) -> Card:
    """The card; where problems were found, one that is not fit for use."""
    text = "\n".join(line for _, line in read_lines(path, problems))
    try:
        value: object = yaml.safe_load(text)
        line_of = _key_lines(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        line = mark.line + 1 if mark else 1
        problems.append(f"{path}:{line}: found bad YAML ({' '.join(str(error).split())}), expected lines of key: value")
        return Card("")
    if not isinstance(value, dict):
        problems.append(f"{path}:1: found {describe(value)}, expected the keys {', '.join(CARD_KEYS)}")
        return Card("")
    fields: dict[str, str] = {}
    for key, item in cast("dict[object, object]", value).items():
        place = f"{path}:{line_of.get(str(key), 1)}"
        if key not in CARD_KEYS:
            problems.append(f"{place}: found the unknown key {key!r}, expected {', '.join(CARD_KEYS)}")
        elif not isinstance(item, str):
            problems.append(f"{place}: found {describe(item)} for {key!r}, expected a text (write it in quotes)")
        elif key == "name" and not item.strip():
            problems.append(f"{place}: found an empty 'name', expected the benchmark's name")
        else:
            fields[str(key)] = item.strip()
    if "name" not in line_of:
        problems.append(f"{path}:1: found no key 'name', expected the benchmark's name")
    return Card(**{"name": "", **fields})


def _key_lines(text: str) -> dict[str, int]:
    """The line of each key of a YAML mapping, from 1."""
    node = cast("object", yaml.compose(text, yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
