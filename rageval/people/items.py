"""Answers that people labelled yes or no, for calibrating a judge: from a file of items or a filled-in sheet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import cast

from rageval.benchmark.reading import describe, read_objects
from rageval.errors import BenchmarkError, LabelFileError
from rageval.judges import Judge
from rageval.metrics import Metric, parse
from rageval.metrics.judged import JUDGED_METRICS, judged_metric
from rageval.metrics.names import CUSTOM
from rageval.people.label_files import parse_row, read_rows
from rageval.people.sheet import BETWEEN_TEXTS
from rageval.scores.human_labels import HumanLabel
from rageval.text.languages import A_LANGUAGE, Language, is_language
from rageval.types import DETECTED, Hit, Passage, Question, Response

_TEXT = "a text that is not empty"
_TEXTS = "a list of texts that are not empty"


@dataclass(frozen=True, slots=True)
class LabelledItem:
    """A question and a response to it, which people labelled 1 (yes) or 0 (no)."""

    question: Question
    response: Response
    human: HumanLabel

    @property
    def id(self) -> str:
        return self.question.id

    @property
    def label(self) -> int:
        return int(self.human.label)


@dataclass(frozen=True, slots=True)
class LabelFile:
    """The items of a file, in order, with the file's name and the SHA-256 of its bytes (64 hex digits)."""

    name: str
    sha256: str
    items: tuple[LabelledItem, ...]


def read_items(path: Path, judge: Judge) -> LabelFile:
    """Read the items of a file on which that judge can be calibrated.

    In a file of items, each line of JSONL is an item: `id` (unique), `question`, `context` (a list of passages, may be
    empty), `answer` (may be empty), `label` (0 or 1, false or true), and optionally `reference` (a text or a list of
    texts) and `language` (`en` or `zh`; defaults to the language of the question). Other keys are ignored. In a sheet
    of `rageval sample`, JSONL or CSV, each row is an item. The sheet must be on a metric for which the judge gives the
    verdict on the answer as a whole. Rows that are not filled in are left out; several people may have labelled a
    question if they agree.

    The judge reads all passages, in their order. An answer that says it cannot answer is judged like any other, because
    people labelled it. Raises LabelFileError with every problem.
    """
    problems: list[str] = []
    items: dict[tuple[str, str], LabelledItem] = {}
    places: dict[tuple[str, str], str] = {}
    misfits: set[str] = set()
    try:
        rows = read_rows(path, problems) if path.suffix.lower() == ".csv" else read_objects(path, problems)
        for place, fields in rows:
            of_sheet = "question_id" in fields
            item = _of_sheet(place, fields, judge, misfits, problems) if of_sheet else _item(place, fields, problems)
            if item is None:
                continue
            key = (str(fields["run"]) if of_sheet else "", item.id)
            earlier = items.setdefault(key, item)
            if earlier is not item and not of_sheet:
                problems.append(f"{place}: found the id {item.id!r} again, expected it only at {places[key]}")
            elif earlier.label != item.label:
                problems.append(
                    f"{place}: found the label {item.label} for {item.id!r}, expected {earlier.label} as at "
                    f"{places[key]}: a judge is measured against one label, so decide on one first"
                )
            places.setdefault(key, place)
    except BenchmarkError as error:
        problems.extend(error.problems)
    if not problems and not items:
        problems.append(f"{path}: found no item, expected at least one JSON object with a label")
    if problems:
        raise LabelFileError(problems)
    return LabelFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), (*items.values(),))


def _item(place: str, fields: Mapping[str, object], problems: list[str]) -> LabelledItem | None:
    """The item, or None where a problem was found."""
    before = len(problems)

    def check(name: str, good: bool, expected: str) -> None:
        if not good:
            found = f"{_shown(fields[name])} for {name}" if name in fields else f"no {name}"
            problems.append(f"{place}: found {found}, expected {expected}")

    identity, question, answer, label = (fields.get(name) for name in ("id", "question", "answer", "label"))
    context, reference, language = (fields.get(name) for name in ("context", "reference", "language"))
    check("id", _is_text(identity), _TEXT)
    check("question", _is_text(question), _TEXT)
    check("context", _are_texts(context), _TEXTS)
    check("answer", isinstance(answer, str), "a text")
    check("label", isinstance(label, int | float) and label in (0, 1), "0 or 1")
    check("reference", reference is None or _is_text(reference) or _are_texts(reference), f"{_TEXT}, or {_TEXTS}")
    check("language", language is None or is_language(language), A_LANGUAGE)
    if len(problems) > before:
        return None
    references = [reference] if isinstance(reference, str) else cast("list[str]", reference or [])
    return _labelled(
        HumanLabel(cast(str, identity), float(cast(float, label))),
        cast(str, question),
        references,
        cast("list[str]", context),
        cast(str, answer),
        cast("Language | None", language),
    )


def _of_sheet(
    place: str, fields: Mapping[str, object], judge: Judge, misfits: set[str], problems: list[str]
) -> LabelledItem | None:
    """The item of a sheet's row; None if the row is not filled in or nobody could tell, or if a problem was found.

    `misfits` collects the metrics that are not the judge's, so that each is reported once.
    """
    row = parse_row(place, fields, problems)
    if row is None or row.human is None or row.metric in misfits:
        return None
    if misfit := _misfit(parse(row.metric), judge):
        misfits.add(row.metric)
        problems.append(f"{place}: {misfit}")
        return None
    before = len(problems)

    def check(name: str, good: bool, expected: str) -> None:
        if not good:
            problems.append(f"{place}: found {_shown(fields.get(name))} for {name}, expected {expected}")

    references, passages = _texts(fields.get("references")), _passages(fields.get("passages"))
    question, answer, language = fields.get("question"), fields.get("answer"), fields.get("language")
    check("label", row.human.label in (0.0, 1.0), "0 or 1")
    check("question", _is_text(question), _TEXT)
    check("references", references is not None, _TEXTS)
    check("passages", passages is not None, "numbered passages, as `rageval sample` writes them")
    check("answer", isinstance(answer, str), "a text")
    check("language", is_language(language), A_LANGUAGE)
    if len(problems) > before:
        return None
    assert references is not None
    assert passages is not None
    return _labelled(
        row.human, cast(str, question), references, passages, cast(str, answer), cast("Language", language)
    )


def _misfit(metric: Metric, judge: Judge) -> str | None:
    """Why labels of the metric cannot measure the judge; None where they can."""
    read = judged_metric(metric).judges if metric.kind == "judged" else ()
    if read == (judge.name,) and (_says_yes(metric) or metric.name.startswith(CUSTOM)):
        return None
    fit = [name for name, one in JUDGED_METRICS.items() if one.judges == (judge.name,) and _says_yes(parse(name))]
    if judge.name.startswith(CUSTOM):
        fit = [judge.name]
    expected = f"expected labels of {' or '.join(fit)}" if fit else "expected a file of items, each labelled 0 or 1"
    if read == (judge.name,) and metric.binary:
        return f"found labels of {metric}, which are 1 where {judge.name} says no: {expected}"
    if judge.name in read:
        return (
            f"found labels of {metric}, a number for each answer, where {judge.name} gives a verdict on each of its "
            f"parts: {expected}"
        )
    by = f"judged by {' and '.join(read)}" if read else "which no judge scores"
    return f"found labels of {metric}, {by}, for the judge {judge.name}: {expected}"


def _says_yes(metric: Metric) -> bool:
    """Whether a label of 1 means what a judge's yes means: one of a metric that counts what is wrong means the no."""
    return metric.binary and not metric.lower_is_better


def _labelled(
    human: HumanLabel,
    question: str,
    references: list[str],
    context: list[str],
    answer: str,
    language: Language | None,
) -> LabelledItem:
    name = human.question_id
    hits = tuple(Hit(Passage(f"{name}/{number}", 0, len(text), text), 0.0) for number, text in enumerate(context, 1))
    return LabelledItem(
        Question(name, question, language or DETECTED, tuple(references)),
        Response(hits, answer, context=tuple(range(len(hits))), abstained=False),
        human,
    )


def _texts(value: object) -> list[str] | None:
    """The texts of a sheet's list, in a CSV file of its cell; None for anything else."""
    if isinstance(value, str):
        return value.split(BETWEEN_TEXTS) if value else []
    return cast("list[str]", value) if _are_texts(value) else None


def _passages(value: object) -> list[str] | None:
    """The passages without their numbers; None where they are not numbered from 1."""
    if isinstance(value, str):
        value = [*_split_numbered(value)]
    if not _are_texts(value):
        return None
    numbered = [(f"[{number}] ", text) for number, text in enumerate(cast("list[str]", value), 1)]
    if not all(text.startswith(start) for start, text in numbered):
        return None
    return [text.removeprefix(start) for start, text in numbered]


def _split_numbered(cell: str) -> Iterator[str]:
    """The parts of a cell that begin with [1], [2], …; the search for each starts after the one before."""
    starts = [0]
    for number in count(2):
        found = cell.find(f"{BETWEEN_TEXTS}[{number}] ", starts[-1])
        if found < 0:
            break
        starts.append(found)
    for start, end in zip(starts, [*starts[1:], len(cell)], strict=True):
        if cell:
            yield cell[start:end].removeprefix(BETWEEN_TEXTS)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, cast("list[object]", value)))


def _shown(value: object) -> str:
    """A short value as it is, anything else by its kind."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)) > 40:
        return describe(value)
    return repr(value)
