"""Evidence that people quote: looked up in the documents, so that labels have their spans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import cast

from rageval.benchmark.labels import WrittenLabel, parse_label
from rageval.benchmark.reading import describe
from rageval.benchmark.records import Rows
from rageval.io.strict import shown
from rageval.text.quotes import FoldedText, fold_quote
from rageval.types import Document, RelevanceLabel

EVIDENCE = "evidence"
KEYS = ("doc_id", "quote", "start", "end", "grade", "part")


def parse_evidence(fields: Mapping[str, object], place: str, problems: list[str], evidence: Rows[WrittenLabel]) -> None:
    """Add what stands under a question's key `evidence`, a list of objects: `doc_id`, `quote` or `start` and `end`, and
    optionally `grade` and `part`.
    """
    value, question_id = fields.get(EVIDENCE, []), fields.get("id")
    if not isinstance(value, list):
        problems.append(f"{place}: found {describe(value)} for {EVIDENCE!r}, expected a list of objects")
        evidence.refused.add(str(question_id))
        return
    if not isinstance(question_id, str):
        return
    for number, item in enumerate(cast("list[object]", value)):
        here = f"{place}: {EVIDENCE}[{number}]"
        evidence.add(here, _parse_item(question_id, item, here, problems), question_id)


def _parse_item(question_id: str, item: object, place: str, problems: list[str]) -> WrittenLabel | None:
    if not isinstance(item, Mapping):
        problems.append(f"{place}: found {describe(item)}, expected an object with the keys {', '.join(KEYS)}")
        return None
    fields = cast("Mapping[str, object]", item)
    before = len(problems)
    problems += [
        f"{place}: found the unknown key {key!r}, expected {', '.join(KEYS)}" for key in fields if key not in KEYS
    ]
    texts = {key: _text(fields, key, place, problems) for key in ("doc_id", "quote", "part")}
    if "quote" in fields and not texts["quote"] and len(problems) == before:
        problems.append(f"{place}: found an empty 'quote', expected words of the document")
    if not {"quote", "start", "end"} & {*fields}:
        problems.append(f"{place}: found neither a quote nor start and end, expected one of them")
    if len(problems) > before:
        return None
    start, end = (str(fields.get(key, "")) for key in ("start", "end"))
    grade = str(fields.get("grade", 1))
    label = parse_label(question_id, texts["doc_id"], grade, start, end, place, problems, part=texts["part"])
    return None if label is None else WrittenLabel(label, texts["quote"], graded="grade" in fields)


def _text(fields: Mapping[str, object], key: str, place: str, problems: list[str]) -> str:
    value = fields.get(key, "")
    if key == "part" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        problems.append(f"{place}: found {describe(value)} for {key!r}, expected a text")
        return ""
    return value.strip() if key == "quote" else value


def join_evidence(labels: Rows[WrittenLabel], evidence: Rows[WrittenLabel]) -> Rows[WrittenLabel]:
    """The rows of a table of labels and the evidence of the questions, as one.

    Evidence without a grade has that of the table's row for its question and document, else 1. A row without a span
    or quote says nothing more than evidence of the same grade for its question and document, and is left out.
    """
    grades = {_pair(row): row.label.grade for _, row in labels.records}
    marked: dict[tuple[str, str], set[int]] = {}
    joined: list[tuple[str, WrittenLabel]] = []
    for place, row in evidence.records:
        if not row.graded:
            row = replace(row, label=replace(row.label, grade=grades.get(_pair(row), row.label.grade)), graded=True)
        marked.setdefault(_pair(row), set()).add(row.label.grade)
        joined.append((place, row))
    kept = [
        (place, row)
        for place, row in labels.records
        if row.quote or row.label.start is not None or marked.get(_pair(row)) != {row.label.grade}
    ]
    return Rows(labels.place, kept + joined, labels.refused | evidence.refused)


def _pair(row: WrittenLabel) -> tuple[str, str]:
    return row.label.question_id, row.label.doc_id


def find_quotes(written: Rows[WrittenLabel], documents: Rows[Document], problems: list[str]) -> Rows[RelevanceLabel]:
    """The labels with the spans of their quotes. Each document is folded once, however many quotes it has.

    A quote must stand in its document exactly once, or at `start` and `end` where they are given too: see
    `rageval.text.quotes`. Labels of unknown documents are left to the checks that follow.
    """
    quoted: dict[str, list[int]] = {}
    for number, (_, row) in enumerate(written.records):
        if row.quote:
            quoted.setdefault(row.label.doc_id, []).append(number)
    found: dict[int, RelevanceLabel | str] = {}
    for _, document in reversed(documents.records):  # of documents with the same id the first counts
        if document.id in quoted:
            folded = FoldedText.of(document.text)
            for number in quoted[document.id]:
                found[number] = _located(written.records[number][1], document.id, folded)
    labels = Rows[RelevanceLabel](written.place, refused={*written.refused})
    for number, (place, row) in enumerate(written.records):
        label = found.get(number, row.label)
        if isinstance(label, str):
            problems.append(f"{place}: {label}")
            labels.refused.add(row.label.question_id)
        else:
            labels.records.append((place, label))
    return labels


def _located(row: WrittenLabel, doc_id: str, folded: FoldedText) -> RelevanceLabel | str:
    """The label with the span of its quote, or what is wrong."""
    start, end = row.label.start, row.label.end
    spans = [*islice(folded.spans(row.quote), 2)]
    if start is not None and end is not None:
        if not 0 <= start < end <= len(folded.text) or fold_quote(folded.text[start:end]) == fold_quote(row.quote):
            return row.label  # where the span is outside, the checks that follow say so
        there = f" (the quote stands at {spans[0][0]} to {spans[0][1]})" if len(spans) == 1 else ""
        return (
            f"found {_words(folded.text[start:end])} at {start} to {end} of document {doc_id!r}, expected the quote "
            f"{_words(row.quote)}{there}: correct either, or leave start and end out"
        )
    if len(spans) == 1:
        return replace(row.label, start=spans[0][0], end=spans[0][1])
    if spans:
        places = " and ".join(f"{start} to {end}" for start, end in spans)
        return (
            f"found the quote {_words(row.quote)} twice in document {doc_id!r} ({places}), expected it once: quote "
            "more words, or give start and end too"
        )
    near = folded.nearest(row.quote)
    nearest = "nothing there is like it"
    if near is not None:
        nearest = f"the nearest text is {_words(folded.text[near[0] : near[1]])} ({near[0]} to {near[1]})"
    return f"found no {_words(row.quote)} in document {doc_id!r}, expected words of its text; {nearest}"


def _words(text: str) -> str:
    """A text for a message, on one line."""
    return shown(" ".join(text.split()))
