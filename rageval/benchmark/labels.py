"""Relevance labels from tables: tab-separated with a header, or the four columns of TREC."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from rageval.benchmark.reading import filled_lines
from rageval.benchmark.records import Rows
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


def read_qrels(path: Path, problems: list[str]) -> Rows[RelevanceLabel]:
    """The labels of a TREC file: question, iteration (ignored), document, grade, separated by white space."""
    rows = Rows[RelevanceLabel](str(path))
    for place, line in filled_lines(path, problems):
        columns = line.split()
        if has_columns(columns, 4, place, problems):
            question_id, _, doc_id, grade = columns
            rows.add(place, parse_label(question_id, doc_id, grade, "", "", place, problems), question_id)
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
        if name.split() != [name]:
            problems.append(f"{place}: found the {word} id {name!r}, expected an id without white space")
    if not _INTEGER.fullmatch(grade):
        problems.append(f"{place}: found the grade {grade!r}, expected a whole number such as 0, 1 or 2")
    if (start == "") != (end == ""):
        problems.append(f"{place}: found half a span (start {start!r}, end {end!r}), expected both or neither")
    elif start and not (_INTEGER.fullmatch(start) and _INTEGER.fullmatch(end)):
        problems.append(f"{place}: found the span {start!r} to {end!r}, expected whole numbers")
    if len(problems) > before:
        return None
    span = (int(start), int(end)) if start else (None, None)
    return RelevanceLabel(sys.intern(question_id), sys.intern(doc_id), int(grade), *span)
