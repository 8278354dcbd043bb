"""TREC relevance labels (qrels) and runs, read and written.

Columns are separated by spaces or tabs; blank lines are skipped.

Every problem is a DeclarationError that starts with `file:line:` (or `file:` where it is about the whole file).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from rageval.errors import DeclarationError
from rageval.io.run_folder import replace_lines

_QRELS_COLUMNS = ("question", "iteration", "document", "grade")
_BEIR_HEADER = ["query-id", "corpus-id", "score"]
_BEIR_COLUMNS = ("question", "document", "grade")
_RUN_COLUMNS = ("question", "Q0", "document", "rank", "score", "tag")
_INTEGER = re.compile(r"[+-]?[0-9]{1,9}")


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Read grades by question and document.

    Rows are `question iteration document grade`, or `question document grade` below the header
    `query-id corpus-id score` (BEIR). A label may be repeated with the same grade, not with another.
    Raises DeclarationError for a missing, empty or malformed file.
    """
    expected = _QRELS_COLUMNS
    grades: dict[str, dict[str, int]] = {}
    for number, columns in _lines(path):
        if columns == _BEIR_HEADER and not grades:
            expected = _BEIR_COLUMNS
            continue
        if len(columns) != len(expected):
            raise _wrong_columns(path, number, columns, expected)
        question, doc, grade_text = columns[0], columns[-2], columns[-1]
        if not _INTEGER.fullmatch(grade_text):
            raise DeclarationError(
                f"{path}:{number}: found the grade {grade_text!r}, expected a whole number of at most 9 digits"
            )
        grade = int(grade_text)
        earlier = grades.setdefault(question, {}).setdefault(doc, grade)
        if earlier != grade:
            raise DeclarationError(
                f"{path}:{number}: found the grade {grade} for question {question} and document {doc}, which had "
                f"{earlier} on an earlier line: keep one of them"
            )
    if not grades:
        raise DeclarationError(f"{path}: found a header only, expected rows with {' '.join(expected)}")
    return grades


def read_run(path: Path) -> dict[str, list[tuple[str, float]]]:
    """Read (document, score) pairs by question, in the order of the file.

    Rows are `question Q0 document rank score tag`; the tag may hold spaces. As in trec_eval the rank is ignored: the
    scores make the order. Raises DeclarationError for a missing, empty or malformed file, or a score that is not
    finite.
    """
    rankings: dict[str, list[tuple[str, float]]] = {}
    for number, columns in _lines(path):
        if len(columns) < len(_RUN_COLUMNS):
            raise _wrong_columns(path, number, columns, _RUN_COLUMNS)
        question, _, doc, _, score_text = columns[:5]
        try:
            score = float(score_text)
        except ValueError:
            score = math.nan
        if not math.isfinite(score) or "_" in score_text:
            raise DeclarationError(f"{path}:{number}: found the score {score_text!r}, expected a finite number")
        rankings.setdefault(question, []).append((doc, score))
    return rankings


def write_run(path: Path, rankings: Iterable[tuple[str, Sequence[tuple[str, float]]]], tag: str) -> None:
    """Write (document, score) pairs by question, best first; ranks count from 1. White space in the tag becomes `_`.

    Raises DeclarationError where there is not one pair, an id has white space in it, or the file cannot be written;
    there is no file then, or the one that there was.
    """
    name = "_".join(tag.split())
    _write(
        path,
        (
            f"{_column(path, question)} Q0 {_column(path, doc)} {rank} {score!r} {name}\n"
            for question, ranking in rankings
            for rank, (doc, score) in enumerate(ranking, start=1)
        ),
    )


def write_qrels(path: Path, labels: Iterable[tuple[str, Mapping[str, int]]]) -> None:
    """Write grades by question and document; raises as `write_run`."""
    _write(
        path,
        (
            f"{_column(path, question)} 0 {_column(path, doc)} {grade}\n"
            for question, grades in labels
            for doc, grade in grades.items()
        ),
    )


def _column(path: Path, text: str) -> str:
    if text.split() != [text]:
        raise DeclarationError(f"{path}: found the id {text!r}, expected ids without white space: it parts the columns")
    return text


def _write(path: Path, lines: Iterator[str]) -> None:
    first = next(lines, None)
    if first is None:
        raise DeclarationError(f"{path}: found nothing to write, expected a run with hits, and labels for qrels")
    try:
        replace_lines(path, chain([first], lines))
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be written ({error.strerror}): choose another file") from None


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and columns of every line that is not blank; at least one, or raise."""
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DeclarationError(f"{path}: cannot read the file ({reason}): check the path") from error
    is_empty = True
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        # Split before decoding: like trec_eval, only ASCII white space separates columns.
        columns = line.split()
        if not columns:
            continue
        is_empty = False
        try:
            decoded = [column.decode() for column in columns]
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise DeclarationError(
                f"{path}:{number}: found the byte 0x{byte:02x}, expected UTF-8: re-encode the file"
            ) from error
        yield number, decoded
    if is_empty:
        raise DeclarationError(f"{path}: the file is empty, expected one row per line")


def _wrong_columns(path: Path, number: int, columns: list[str], expected: tuple[str, ...]) -> DeclarationError:
    return DeclarationError(
        f"{path}:{number}: found {len(columns)} columns, expected {len(expected)}: {' '.join(expected)}"
    )
