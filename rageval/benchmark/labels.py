"""Relevance labels from tables: those of a native folder, and all that `rageval.io.label_rows` understands."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from rageval.benchmark.reading import filled_lines
from rageval.benchmark.records import Rows, check_white_space
from rageval.errors import BenchmarkError
from rageval.io.label_rows import parse_grade, read_label_rows
from rageval.types import RelevanceLabel

_INTEGER = re.compile(r"-?[0-9]{1,9}")


def read_labels(path: Path, headers: Sequence[str], problems: list[str]) -> Rows[RelevanceLabel]:
    """The labels of a tab-separated file that starts with one of `headers`.

    The columns are question, document, grade and, where the header has five, start and end.
    """
    rows = Rows[RelevanceLabel](str(path))
    lines = filled_lines(path, problems)
    place, header = next(lines, (f"{path}:1", ""))
    if header not in headers:
        expected = " or ".join(repr(header) for header in headers)
        problems.append(f"{place}: found the header {header[:80]!r}, expected {expected}")
        rows.refused.add("")
        return rows
    width = header.count("\t") + 1
    for place, line in lines:
        columns = line.split("\t")
        if has_columns(columns, width, place, problems):
            question_id, doc_id, grade, start, end = (*columns, "", "")[:5]
            rows.add(place, parse_label(question_id, doc_id, grade, start, end, place, problems), question_id)
        else:
            rows.refused.add(columns[0])
    return rows


def read_qrels(
    path: Path, problems: list[str], *, headers: Sequence[tuple[str, ...]] = (), headless: bool = True
) -> Rows[RelevanceLabel]:
    """The labels of a file in any layout of `read_label_rows`, of which `headers` and `headless` name the usual one."""
    rows = Rows[RelevanceLabel](str(path))
    before = len(problems)
    try:
        for place, question_id, doc_id, grade in read_label_rows(path, problems, headers=headers, headless=headless):
            rows.add(place, parse_label(question_id, doc_id, grade, "", "", place, problems), question_id)
    except OSError as error:
        found = error.strerror or str(error)
        raise BenchmarkError([f"{path}: found no readable file ({found}), expected a text file"]) from None
    if len(problems) > before:
        rows.refused.add("")
    return rows


def has_columns(columns: Sequence[str], width: int, place: str, problems: list[str]) -> bool:
    """Whether there are `width` columns; adds a problem if not."""
    if len(columns) == width:
        return True
    problems.append(f"{place}: found {len(columns)} columns, expected {width}")
    return False


def parse_label(
    question_id: str, doc_id: str, grade: str, start: str, end: str, place: str, problems: list[str]
) -> RelevanceLabel | None:
    """The label of these columns, or None where a problem was found. No span: `start` and `end` are both ""."""
    before = len(problems)
    for word, name in (("question", question_id), ("document", doc_id)):
        check_white_space(name, f"{word} id", place, problems)
    number = parse_grade(grade, place, problems)
    if (start == "") != (end == ""):
        problems.append(f"{place}: found half a span (start {start!r}, end {end!r}), expected both or neither")
    elif start and not (_INTEGER.fullmatch(start) and _INTEGER.fullmatch(end)):
        problems.append(f"{place}: found the span {start!r} to {end!r}, expected whole numbers")
    if len(problems) > before or number is None:
        return None
    span = (int(start), int(end)) if start else (None, None)
    return RelevanceLabel(sys.intern(question_id), sys.intern(doc_id), number, *span)
