"""TREC relevance labels (qrels) and runs, read and written; both are read from ranx's JSON too, and from gzip files.

Every problem is a DeclarationError that starts with `file:line:` (or `file:` where it is about the whole file).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from rageval.errors import DeclarationError
from rageval.io.label_rows import (
    BEIR_HEADER,
    is_json,
    parse_grade,
    read_json_pairs,
    read_label_rows,
    split_white,
    wrong_columns,
)
from rageval.io.run_folder import replace_lines
from rageval.io.text_lines import byte_lines, read_lines
from rageval.io.tolerance import new_problems, tolerate, tolerated_in
from rageval.types import Tolerated

_RUN_COLUMNS = ("question", "Q0", "document", "rank", "score", "tag")


@dataclass(frozen=True, slots=True)
class Qrels:
    """Grades by question and document, and what was irregular in their file."""

    grades: Mapping[str, Mapping[str, int]]
    tolerated: tuple[Tolerated, ...]


def read_qrels(path: Path, *, strict: bool = False) -> Qrels:
    """Read relevance labels in any layout of `read_label_rows`.

    A label may be repeated with the same grade, not with another. Raises DeclarationError for a missing, empty or
    malformed file, and where `strict` also for what is otherwise tolerated.
    """
    grades: dict[str, dict[str, int]] = {}
    problems = new_problems(strict=strict)
    try:
        for place, question, doc, text in read_label_rows(path, problems, headers=[BEIR_HEADER]):
            grade = parse_grade(text, place, problems)
            if grade is not None:
                _add_label(grades, question, doc, grade, place, problems)
            if problems:
                break
    except OSError as error:
        raise _unreadable(path, error) from None
    if problems:
        raise DeclarationError(problems[0])
    if not grades:
        found = "found a header only" if _has_text(path) else "the file is empty"
        raise DeclarationError(f"{path}: {found}, expected rows with question iteration document grade")
    return Qrels(grades, tolerated_in(problems))


def read_run(path: Path) -> dict[str, list[tuple[str, float]]]:
    """Read (document, score) pairs by question, in the order of the file.

    Rows are `question Q0 document rank score tag`; the tag may hold spaces. As in trec_eval the rank is ignored: the
    scores make the order. A file that begins with `{` is JSON: scores by document by question. Raises DeclarationError
    for a missing, empty or malformed file, or a score that is not finite.
    """
    rankings: dict[str, list[tuple[str, float]]] = {}
    problems: list[str] = []
    try:
        for place, question, doc, score_text in _run_rows(path, problems):
            if problems:
                break
            try:
                score = float(score_text)
            except ValueError:
                score = math.nan
            if not math.isfinite(score) or "_" in score_text:
                raise DeclarationError(f"{place}: found the score {score_text!r}, expected a finite number")
            rankings.setdefault(question, []).append((doc, score))
    except OSError as error:
        raise _unreadable(path, error) from None
    if problems:
        raise DeclarationError(problems[0])
    if not rankings:
        raise DeclarationError(f"{path}: the file is empty, expected rows with {' '.join(_RUN_COLUMNS)}")
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
        raise DeclarationError(
            f"{path}: found the id {text!r}, expected ids without white space: it separates the columns"
        )
    return text


def _write(path: Path, lines: Iterator[str]) -> None:
    first = next(lines, None)
    if first is None:
        raise DeclarationError(f"{path}: found nothing to write, expected a run with hits, and labels for qrels")
    try:
        replace_lines(path, chain([first], lines))
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be written ({error.strerror}): choose another file") from None


def _add_label(
    grades: dict[str, dict[str, int]], question: str, doc: str, grade: int, place: str, problems: list[str]
) -> None:
    by_document = grades.setdefault(question, {})
    if doc not in by_document:
        by_document[doc] = grade
    elif by_document[doc] == grade:
        found = f"{place}: found question {question} and document {doc} labelled again, expected one label"
        tolerate(problems, "label given again", found)
    else:
        problems.append(
            f"{place}: found the grade {grade} for question {question} and document {doc}, which had "
            f"{by_document[doc]} on an earlier line: keep one of them"
        )


def _run_rows(path: Path, problems: list[str]) -> Iterator[tuple[str, str, str, str]]:
    """Place, question, document and score of every row."""
    if is_json(path):
        for question, doc, score in read_json_pairs(path, problems):
            yield f"{path}: question {question!r}", question, doc, repr(score)
        return
    for place, line in read_lines(path, problems):
        columns = split_white(line)
        if 0 < len(columns) < len(_RUN_COLUMNS):
            problems.append(wrong_columns(place, columns, _RUN_COLUMNS))
        if len(columns) >= len(_RUN_COLUMNS):
            yield place, columns[0], columns[2], columns[4]


def _unreadable(path: Path, error: OSError) -> DeclarationError:
    reason = error.strerror or str(error) or type(error).__name__
    return DeclarationError(f"{path}: cannot read the file ({reason}): check the path")


def _has_text(path: Path) -> bool:
    return any(line.strip() for line in byte_lines(path))
