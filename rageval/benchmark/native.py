"""rageval's own format: a folder with `card.yaml`, `documents.jsonl`, `questions.jsonl`, `labels.tsv`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import yaml

from rageval.benchmark.evidence import EVIDENCE, find_quotes, join_evidence, parse_evidence
from rageval.benchmark.images import with_images
from rageval.benchmark.labels import WrittenLabel, read_labels
from rageval.benchmark.reading import describe, read_lines, require_files
from rageval.benchmark.records import Rows, parse_document, parse_question, read_rows
from rageval.benchmark.validate import assemble
from rageval.io.text_lines import JSON_LINES, find_file
from rageval.io.turns import MESSAGES, read_turns, up_to_question
from rageval.types import Benchmark, Card, Document, Question, RelevanceLabel

CARD_KEYS = ("name", "description", "license", "source", "review")


def load_native(folder: Path, *, with_labels: bool = True) -> Benchmark:
    """Load a native folder; raises `BenchmarkError` with every problem found.

    `documents.jsonl`: `id`, `text`, and optionally `title`, `language`, `metadata`. `questions.jsonl`: `id`, `text`,
    and optionally `language`, `references`, `tags`, `metadata`, `history` (messages, as `rageval.io.turns.read_turns`
    reads them), `evidence` (a list of objects with `doc_id`, `quote` or `start` and `end`, and optionally `grade` and
    `part`). `labels.tsv`: a header and the columns `question_id`, `document_id`, `grade`, and optionally `start` and
    `end` (code points into the document's text, both empty where there is no span), `quote` and `part`. A quote is
    looked up in its document: see `rageval.text.quotes`.

    A question may have `messages` in place of `text` and `history`: the last one by the user is the question, those
    before it are its history, and what the assistant said after it is not read.

    Images that a text names in Markdown are looked up in the folder: see `rageval.benchmark.images.with_images`.

    Where there are labels of either kind, every question that is not tagged `unanswerable` or
    `underspecified` needs one with a grade above
    0. Without `with_labels` neither is read.
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
    documents = _read_documents(documents_file, problems)
    evidence = Rows[WrittenLabel](str(questions_file))

    def parse_question_with_evidence(fields: Mapping[str, object], place: str, problems: list[str]) -> Question | None:
        asked = _with_conversation(fields, place, problems)
        question = None if asked is None else parse_question(asked, place, problems, more_keys=(EVIDENCE,))
        if with_labels:
            parse_evidence(fields, place, problems, evidence)
        return question

    questions = read_rows(questions_file, "id", parse_question_with_evidence, problems)
    there = with_labels and labels_file.is_file()
    labels = read_labels(labels_file, problems) if there else Rows[WrittenLabel](str(labels_file))
    written = join_evidence(labels, evidence)
    located = find_quotes(written, documents, problems)
    unlabelled = not (there or written.records or written.refused)
    return assemble(card, documents, questions, located, problems, labels_optional=unlabelled)


def _read_documents(path: Path, problems: list[str]) -> Rows[Document]:
    """The documents, with the images that they name."""

    def parse(fields: Mapping[str, object], place: str, problems: list[str]) -> Document | None:
        document = parse_document(fields, place, problems)
        return None if document is None else with_images(document, path.parent)

    return read_rows(path, "id", parse, problems)


def _with_conversation(fields: Mapping[str, object], place: str, problems: list[str]) -> Mapping[str, object] | None:
    """The fields with `text` and `history` in place of `messages`, where they have those; None where they cannot."""
    if MESSAGES not in fields:
        return fields
    if beside := [key for key in ("text", "history") if key in fields]:
        problems.append(f"{place}: found {MESSAGES!r} beside {beside[0]!r}, expected one of them")
        return None
    try:
        *history, last = up_to_question(read_turns(fields[MESSAGES]))
    except ValueError as error:
        problems.append(f"{place}: {MESSAGES!r}: {error}")
        return None
    others = {key: value for key, value in fields.items() if key != MESSAGES}
    return {**others, "text": last.text, "history": history}


def load_corpus(folder: Path) -> Benchmark:
    """The card and documents of a native folder, as a benchmark without questions. Raises `BenchmarkError`."""
    documents_file = find_file(folder, "documents", JSON_LINES)
    require_files([folder / "card.yaml", documents_file])
    problems: list[str] = []
    card = read_card(folder / "card.yaml", problems)
    documents = _read_documents(documents_file, problems)
    questions = Rows[Question](str(folder / "questions.jsonl"), refused={""})  # that there are none is no problem here
    return assemble(card, documents, questions, Rows[RelevanceLabel](""), problems, labels_optional=True)


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
