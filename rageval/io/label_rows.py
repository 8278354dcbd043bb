"""Rows of relevance labels in the layouts in which they are published: TREC, BEIR and their relatives, ranx's JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

from rageval.io.text_lines import byte_lines, filled_lines, read_lines
from rageval.io.tolerance import tolerate

BEIR_HEADER = ("query-id", "corpus-id", "score")
QUESTION_COLUMNS = ("query-id", "query_id", "qid", "question_id", "topic", "topic_id", "query")
DOCUMENT_COLUMNS = ("corpus-id", "corpus_id", "pid", "doc_id", "docid", "docno", "document_id", "passage_id")
GRADE_COLUMNS = ("score", "grade", "relevance", "rel", "label")

LabelRow: TypeAlias = tuple[str, str, str, str]
"""Place, question, document, grade."""

_TREC = ("question", "iteration", "document", "grade")
_PLAIN = ("question", "document", "grade")
_ITERATION = ("iteration", "iter", "q0")
_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")
_WHITE = re.compile(r"[ \t\r\f\v]+")  # as trec_eval has it: only ASCII white space parts columns


def read_label_rows(
    path: Path, problems: list[str], *, headers: Sequence[tuple[str, ...]] = (), headless: bool = True
) -> Iterator[LabelRow]:
    """The rows of a file of labels, its grades as texts.

    Understood are `question iteration document grade` (TREC) and `question document grade`, parted by white space or
    tabs, with or without a header; a header with known names says which column is which. Lines that begin with `#` are
    comments. A file that begins with `{` is JSON: grades by document by question, as ranx writes them. Every deviation
    from one of `headers`, or with `headless` from TREC's columns, is tolerated or a problem. Raises OSError where the
    file cannot be read.
    """
    if is_json(path):
        yield from _json_rows(path, problems)
        return
    layout: _Layout | None = None
    for place, line in filled_lines(read_lines(path, problems), problems):
        if line.startswith("#"):
            tolerate(problems, "comment", f"{place}: found a comment, expected columns")
            continue
        if not line.strip():
            continue
        if layout is None:
            layout = _layout_of(line, place, headers, headless, problems)
            if layout is None:
                return
            if layout.header:
                continue
        columns = layout.split(line)
        if len(columns) > layout.width and layout.header and not _is_trec(columns):
            found = f"{place}: found {len(columns)} columns, expected {layout.width}: {' '.join(layout.names)}"
            tolerate(problems, "extra column", found)
        elif len(columns) != layout.width:
            problems.append(wrong_columns(place, columns, layout.names))
            continue
        yield place, columns[layout.question], columns[layout.document], columns[layout.grade].strip()


def is_json(path: Path) -> bool:
    """Whether the file's first visible character is a brace."""
    return next((line.lstrip()[:1] for line in byte_lines(path) if line.strip()), b"") == b"{"


def parse_grade(text: str, place: str, problems: list[str]) -> int | None:
    """The grade, or None where a problem was found. `1.0` is tolerated; a fraction is not, since gains are whole."""
    if _WHOLE.fullmatch(text):
        return int(text)
    found = f"{place}: found the grade {text!r}, expected a whole number such as 0, 1 or 2"
    number = _number(text)
    if number is None or abs(number) >= 1e9:
        problems.append(found)
    elif not number.is_integer():
        problems.append(f"{found}: multiply all grades by the same number, or round them")
    elif tolerate(problems, "grade with a decimal point", found):
        return int(number)
    return None


def wrong_columns(place: str, columns: Sequence[str], names: Sequence[str]) -> str:
    """The problem of a row with a wrong number of columns."""
    return f"{place}: found {len(columns)} columns, expected {len(names)}: {' '.join(names)}"


@dataclass(frozen=True, slots=True)
class _Layout:
    """The columns of a file: their names, which of them holds what, and whether the first row is a header."""

    names: tuple[str, ...]
    question: int
    document: int
    grade: int
    header: bool
    tabs: bool = False

    @property
    def width(self) -> int:
        return len(self.names)

    @property
    def unread(self) -> list[str]:
        """The columns that hold nothing of a label."""
        used = {self.question, self.document, self.grade}
        return [name for i, name in enumerate(self.names) if i not in used and _plain(name) not in _ITERATION]

    def split(self, line: str) -> list[str]:
        if not self.header:
            return _split_headless(line)
        columns = line.split("\t") if self.tabs else split_white(line)
        while len(columns) > self.width and not columns[-1].strip():
            columns.pop()
        return columns


def split_white(line: str) -> list[str]:
    """The columns of a line that ASCII white space parts."""
    return [column for column in _WHITE.split(line) if column]


def _split_headless(line: str) -> list[str]:
    """By tabs where that gives the columns of a row, so that ids may hold spaces; else by white space."""
    columns = [column.strip() for column in line.split("\t")]
    return columns if len(columns) in (len(_PLAIN), len(_TREC)) else split_white(line)


def _layout_of(
    line: str, place: str, headers: Sequence[tuple[str, ...]], headless: bool, problems: list[str]
) -> _Layout | None:
    """The layout that the first row shows; None where it cannot be told, or the reading is strict."""
    tabs = "\t" in line
    columns = [name.strip() for name in line.split("\t")] if tabs else split_white(line)
    expected = repr("\t".join(headers[0])) if headers else "none"
    found = f"{place}: found the header {line[:80]!r}, expected {expected}"
    header = _header_of(columns, tabs)
    if header is not None:
        if tuple(columns) not in headers and not tolerate(problems, "other header", found):
            return None
        if header.unread:
            found = f"{place}: found the columns {', '.join(header.unread)}, expected {' '.join(_PLAIN)}"
            tolerate(problems, "extra column", found)
        return header
    columns = _split_headless(line)
    names = _TREC if len(columns) == len(_TREC) else _PLAIN
    if len(columns) != len(names):
        problems.append(wrong_columns(place, columns, _TREC if headless else headers[0]))
        return None
    layout = _Layout(names, 0, len(names) - 2, len(names) - 1, header=False)
    if not headless:
        return layout if tolerate(problems, "missing header", found) else None
    if names == _PLAIN and not tolerate(problems, "missing iteration", wrong_columns(place, columns, _TREC)):
        return None
    return layout


def _header_of(columns: Sequence[str], tabs: bool) -> _Layout | None:
    """The layout that a header describes: by known names, else in order; None for a row that is no header."""
    plain = [_plain(name) for name in columns]
    places = [
        next((i for i, name in enumerate(plain) if name in map(_plain, known)), None)
        for known in (QUESTION_COLUMNS, DOCUMENT_COLUMNS, GRADE_COLUMNS)
    ]
    question, document, grade = places
    if question is not None and document is not None and grade is not None:
        return _Layout(tuple(columns), question, document, grade, header=True, tabs=tabs)
    if any(character.isdigit() for name in columns for character in name):
        return None
    if len(columns) == len(_PLAIN):
        return _Layout(tuple(columns), 0, 1, 2, header=True, tabs=tabs)
    if len(columns) == len(_TREC):
        return _Layout(tuple(columns), 0, 2, 3, header=True, tabs=tabs)
    return None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _is_trec(columns: Sequence[str]) -> bool:
    """Whether a row below a header of three columns looks like one of TREC, whose second column is the iteration."""
    return len(columns) == len(_TREC) and columns[1] in ("0", "Q0")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def _json_rows(path: Path, problems: list[str]) -> Iterator[LabelRow]:
    for question_id, doc_id, grade in read_json_pairs(path, problems):
        yield f"{path}: question {question_id!r}", question_id, doc_id, str(grade)


def read_json_pairs(path: Path, problems: list[str]) -> Iterator[tuple[str, str, float]]:
    """Question, document and number of a JSON file as ranx writes its labels and runs."""
    try:
        value: object = json.loads(b"".join(byte_lines(path)))
    except (ValueError, RecursionError) as error:
        problems.append(f"{path}: found bad JSON ({error}), expected numbers by document by question")
        return
    for question_id, by_document in cast("dict[str, object]", value).items():
        if not isinstance(by_document, Mapping):
            problems.append(f"{path}: question {question_id!r}: found no object, expected numbers by document")
            continue
        for doc_id, number in cast("Mapping[str, object]", by_document).items():
            if isinstance(number, int | float) and not isinstance(number, bool):
                yield question_id, doc_id, number
            else:
                problems.append(f"{path}: question {question_id!r}: found {number!r} for {doc_id!r}, expected a number")
