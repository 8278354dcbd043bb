"""The file that people fill in: JSONL, or CSV for a spreadsheet. The judge's score is not in it: it would sway them.

Passages are shown as judges see them, with numbers and titles, so that a judge can be measured on what is labelled.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.metrics import parse
from rageval.people.instructions import instruction
from rageval.prompts import shown_question
from rageval.scores.samples import Sample
from rageval.types import Json, Question, Response

COLUMNS = (
    "run",
    "sample",
    "question_id",
    "metric",
    "label",
    "annotator",
    "instructions",
    "language",
    "question",
    "references",
    "passages",
    "answer",
)
KINDS = (".jsonl", ".csv")
BETWEEN_TEXTS = "\n\n"
"""What parts references and passages in a cell of a CSV file."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def check_sheet_path(path: Path) -> None:
    """Raises DeclarationError if a sheet cannot be written, or if the file exists, since it may hold labels."""
    if path.suffix.lower() not in KINDS:
        raise DeclarationError(f"{path}: found the ending {path.suffix!r}, expected .jsonl or .csv")
    if path.exists():
        raise DeclarationError(
            f"{path}: found a file already there, expected none: it may hold labels; use another --out"
        )


def write_sheet(run: RunFolder, sample: Sample, path: Path) -> None:
    """Write the questions of the sample that need a label, in its order.

    CSV starts with a byte order mark, because spreadsheets misread Chinese without it. Text that a spreadsheet would
    read as a formula gets an apostrophe in front; `read_label_files` removes it.
    """
    check_sheet_path(path)
    questions, outcomes = run.questions(), run.outcomes()
    question_of_judge = asked_of_judge(run, sample.metric)
    rows: list[dict[str, Json]] = []
    for question_id in sample.to_label:
        outcome = outcomes[question_id]
        assert isinstance(outcome, Response)
        rows.append(_row(sample, questions[question_id][0], outcome, question_of_judge))
    write_rows(path, COLUMNS, rows)


def asked_of_judge(run: RunFolder, metric: str) -> str:
    """What the judge of the user's own that the metric is named after asks; empty for other metrics."""
    return run.manifest()["judges"].get(metric, {}).get("summary", "")


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Json]]) -> None:
    """Write a sheet with these columns: CSV or JSON Lines by its ending. Raises DeclarationError where it cannot."""
    text = _csv(columns, rows) if path.suffix.lower() == ".csv" else "".join(map(_json_line, rows))
    try:
        path.write_bytes(text.encode(errors="backslashreplace"))
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be written ({error.strerror}): choose another --out") from None


def _row(sample: Sample, question: Question, response: Response, question_of_judge: str) -> dict[str, Json]:
    context = response.context_passages
    shown = [f"{passage.title}: {passage.text}" if passage.title else passage.text for passage in context]
    passages: list[Json] = [f"[{number}] {text}" for number, text in enumerate(shown, 1)]
    return {
        "run": sample.run,
        "sample": sample.digest,
        "question_id": question.id,
        "metric": sample.metric,
        "label": None,
        "annotator": "",
        "instructions": instruction(parse(sample.metric), question.language, question_of_judge),
        "language": question.language,
        "question": shown_question(question),
        "references": [*question.references],
        "passages": passages,
        "answer": response.answer,
    }


def _json_line(row: Mapping[str, Json]) -> str:
    return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Json]]) -> str:
    file = io.StringIO(newline="")
    writer: Any = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_cell(row[column]) for column in columns] for row in rows])
    return codecs.BOM_UTF8.decode() + file.getvalue()


def _cell(value: Json) -> str:
    text = BETWEEN_TEXTS.join(str(item) for item in value) if isinstance(value, list) else str(value or "")
    return "'" + text if text.startswith(FORMULA_STARTS) else text


def unguarded(text: str) -> str:
    """The text without the apostrophe that keeps it from being a formula."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text
