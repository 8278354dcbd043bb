"""Reading what people filled in: JSONL or CSV, the sheet of `rageval sample` or a file of one's own."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rageval.benchmark.reading import describe, read_lines, read_objects
from rageval.errors import BenchmarkError, DeclarationError, LabelFileError
from rageval.io.spreadsheets import SEPARATORS, separator_of, sheet_in
from rageval.metrics import parse
from rageval.people.sheet import KINDS, unguarded
from rageval.scores.human_labels import HumanLabel

CANNOT_TELL = ("?", "cannot tell", "can't tell", "无法判断")
REQUIRED = ("run", "question_id", "metric", "label", "annotator")


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label in a file for a run; `human` is None where the person could not tell. `place` is file:line; `sample` is
    "" where the file names none. With `settles` it is what a disagreement was settled on.
    """

    place: str
    run: str
    sample: str
    metric: str
    question_id: str
    annotator: str
    human: HumanLabel | None
    settles: bool = False


def read_label_files(paths: Sequence[Path]) -> list[LabelRow]:
    """The labels in one or more files, in order; rows whose label is empty are left out.

    Columns (keys) are `run`, `question_id`, `metric`, `label`, `annotator` and, where a sample was drawn, `sample`;
    others are ignored. A label is a number from 0 to 1; for a binary metric 0 or 1; or one of `CANNOT_TELL`. The same
    label twice by the same annotator counts once. A row with `settles` (yes) says on what annotators who disagree
    settled a question; there is one for each question.

    Raises LabelFileError with every problem: what cannot be read, a label that is no such number, two different labels
    by one annotator on one question, no label at all.
    """
    problems: list[str] = []
    rows: dict[tuple[str, str, str | None], LabelRow] = {}
    for path in paths:
        for place, fields in read_rows(path, problems):
            row = parse_row(place, fields, problems)
            if row is None:
                continue
            who = None if row.settles else row.annotator
            earlier = rows.setdefault((row.metric, row.question_id, who), row)
            if earlier.human != row.human:
                same = "it is settled" if row.settles else f"the same annotator {row.annotator!r} says"
                problems.append(
                    f"{place}: found {_said(row)} for {row.question_id!r}, expected {_said(earlier)} as {same} at "
                    f"{earlier.place}"
                )
    if not problems and not rows:
        problems.append(f"{paths[0]}: found no label, expected at least one row that is filled in")
    if problems:
        raise LabelFileError(problems)
    return [*rows.values()]


def read_rows(
    path: Path, problems: list[str], required: Sequence[str] = REQUIRED
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Each row of a JSONL or CSV file with its place; what cannot be read is appended to `problems`.

    A CSV file must have the columns `required`.
    """
    suffix = path.suffix.lower()
    if suffix not in KINDS:
        found = sheet_in(path) or f"the ending {path.suffix!r}"
        problems.append(f"{path}: found {found}, expected .jsonl, or .csv (save the sheet as CSV, UTF-8, with commas)")
        return
    try:
        yield from _read_csv(path, problems, required) if suffix == ".csv" else read_objects(path, problems)
    except BenchmarkError as error:
        problems.extend(error.problems)


def _read_csv(path: Path, problems: list[str], required: Sequence[str]) -> Iterator[tuple[str, Mapping[str, object]]]:
    before = len(problems)
    text = "\n".join(line for _, line in read_lines(path, problems))
    if len(problems) > before:
        return
    with _cells_of_any_size():
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        header: list[str] | None = None
        start = 1
        try:
            for cells in rows:
                place, start = f"{path}:{start}", rows.line_num + 1
                if not any(cells):
                    continue
                if header is None:
                    header = [cell.strip() for cell in cells]
                    if len(header) == 1 and (separator := separator_of(header[0])):
                        problems.append(
                            f"{place}: found columns separated by {SEPARATORS[separator]}, expected commas: choose the "
                            "comma as field separator when you save the sheet as CSV, or fill in a .jsonl sheet"
                        )
                        return
                    if not _has_columns(header, place, problems, required):
                        return
                elif len(cells) != len(header):
                    problems.append(f"{place}: found {len(cells)} columns, expected {len(header)} as in the header")
                else:
                    yield place, dict(zip(header, map(unguarded, cells), strict=True))
        except csv.Error as error:
            problems.append(f"{path}:{start}: found bad CSV ({error}), expected cells separated by commas")


def _has_columns(header: Sequence[str], place: str, problems: list[str], required: Sequence[str]) -> bool:
    missing = [name for name in required if name not in header]
    if missing:
        problems.append(
            f"{place}: found no column {', '.join(missing)}, expected a sheet of `rageval sample` with the columns "
            f"{', '.join(required)}, separated by commas (items of your own are JSON Lines: .jsonl)"
        )
    return not missing


@contextmanager
def _cells_of_any_size() -> Generator[None]:
    """Lifts the csv module's limit on cell size, which is global to the process: passages may be longer."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def parse_row(place: str, fields: Mapping[str, object], problems: list[str]) -> LabelRow | None:
    """The label of a row; None where it is not filled in, or where a problem was found."""
    texts: dict[str, str] = {}
    before = len(problems)
    for name in ("run", "question_id", "metric", "annotator", "sample"):
        value = fields.get(name, "" if name == "sample" else None)
        if isinstance(value, str):
            texts[name] = value.strip() if name in ("metric", "annotator", "sample") else value
        else:
            found = f"no {name}" if name not in fields else f"{describe(value)} for {name}"
            problems.append(f"{place}: found {found}, expected a text")
    if "label" not in fields:
        problems.append(f'{place}: found no label, expected one, "" or null where nobody has labelled yet')
    if len(problems) > before:
        return None
    given = fields["label"]
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    try:
        metric = parse(texts["metric"])
    except DeclarationError as error:
        problems.append(f"{place}: {error}")
        return None
    settles = _settles(fields.get("settles"))
    if isinstance(given, str) and given.strip().lower() in CANNOT_TELL:
        return LabelRow(
            place, texts["run"], texts["sample"], str(metric), texts["question_id"], texts["annotator"], None, settles
        )
    label = _number(given)
    if label is None or not 0.0 <= label <= 1.0 or (metric.binary and label not in (0.0, 1.0)):
        found = repr(given) if isinstance(given, str | int | float) else describe(given)
        wanted = f"{'0 or 1' if metric.binary else 'a number from 0 to 1'} (or ? for cannot tell)"
        problems.append(f"{place}: found the label {found}, expected {wanted} for {metric}")
        return None
    human = HumanLabel(texts["question_id"], label, texts["annotator"])
    return LabelRow(
        place, texts["run"], texts["sample"], str(metric), human.question_id, human.annotator, human, settles
    )


def _settles(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() in ("yes", "true", "1", "是"))


def _said(row: LabelRow) -> str:
    return "no label (cannot tell)" if row.human is None else f"the label {row.human.label:g}"


def _number(value: object) -> float | None:
    """A finite number, as a number or as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and "_" not in str(value) else None
