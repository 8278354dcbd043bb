"""Relevance labels from tables: those of a native folder, and all that `rageval.io.label_rows` understands."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rageval.benchmark.reading import filled_lines
from rageval.benchmark.records import Rows, check_white_space
from rageval.errors import BenchmarkError, DeclarationError
from rageval.io.label_rows import parse_grade, read_label_rows
from rageval.types import RelevanceLabel

COLUMNS = ("question_id", "document_id", "grade")
MORE_COLUMNS = ("start", "end", "quote", "part")

_INTEGER = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class WrittenLabel:
    """A label before its quote is looked up; "" is no quote. `graded` says whether a grade is given."""

    label: RelevanceLabel
    quote: str = ""
    graded: bool = True


def read_labels(path: Path, problems: list[str]) -> Rows[WrittenLabel]:
    """The labels of a tab-separated file whose header names the columns `question_id`, `document_id` and `grade`, then
    any of `start`, `end`, `quote` and `part` in any order.
    """
    rows = Rows[WrittenLabel](str(path))
    lines = filled_lines(path, problems)
    place, header = next(lines, (f"{path}:1", ""))
    names = tuple(header.split("\t"))
    more = names[len(COLUMNS) :]
    if names[: len(COLUMNS)] != COLUMNS or not {*more} <= {*MORE_COLUMNS} or len({*more}) < len(more):
        problems.append(
            f"{place}: found the header {header[:80]!r}, expected the columns {', '.join(COLUMNS)}, then any of "
            f"{', '.join(MORE_COLUMNS)}, separated by tabs"
        )
        rows.refused.add("")
        return rows
    for place, line in lines:
        columns = line.split("\t")
        if has_columns(columns, len(names), place, problems):
            cells = dict(zip(names, columns, strict=True))
            question_id, doc_id, grade = columns[: len(COLUMNS)]
            start, end, quote, part = (cells.get(name, "") for name in MORE_COLUMNS)
            label = parse_label(question_id, doc_id, grade, start, end, place, problems, part=part)
            rows.add(place, None if label is None else WrittenLabel(label, quote.strip()), question_id)
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
    question_id: str,
    doc_id: str,
    grade: str,
    start: str,
    end: str,
    place: str,
    problems: list[str],
    *,
    part: str = "",
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
    if part.split() != [part] and part:
        problems.append(f"{place}: found the part {part!r}, expected a name without white space")
    if len(problems) > before or number is None:
        return None
    span = (int(start), int(end)) if start else (None, None)
    return RelevanceLabel(sys.intern(question_id), sys.intern(doc_id), number, *span, sys.intern(part))


def check_labels_path(path: Path) -> None:
    """Raises DeclarationError if the file exists, since it may hold labels."""
    if path.exists():
        raise DeclarationError(f"{path}: found a file already there, expected none: it may hold labels; name another")


def write_labels(path: Path, labels: Sequence[RelevanceLabel]) -> None:
    """Write the labels as a table that `read_labels` reads. Raises DeclarationError where it cannot be written."""
    rows = [(*COLUMNS, "start", "end", "part")]
    rows += [
        (x.question_id, x.doc_id, str(x.grade), *("" if at is None else str(at) for at in (x.start, x.end)), x.part)
        for x in labels
    ]
    try:
        path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8", newline="")
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be written ({error.strerror}): name another file") from None
