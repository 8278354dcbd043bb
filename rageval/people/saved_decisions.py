"""Labelling sheets that come back: what they say beyond labels goes where the page keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rageval.errors import DeclarationError, LabelFileError
from rageval.io.run_folder import RunFolder
from rageval.people.decisions import Decision, annotator_name, checked_comment, read_decision
from rageval.people.label_files import read_rows
from rageval.people.labelling import Labelling
from rageval.scores.human_labels import stored_sample

_OWN_KEYS = {"verdicts", "comment", "evidence", "at"}


@dataclass(frozen=True, slots=True)
class SavedDecision:
    """What a person decided on one question of a sample, from a file."""

    labelling: Labelling
    annotator: str
    decision: Decision


def read_saved(run: RunFolder, files: Sequence[Path]) -> list[SavedDecision]:
    """What saved labelling sheets hold of the run's samples. Files without verdicts, comments, marks or times, such as
    filled-in CSV sheets, hold nothing.

    Raises LabelFileError with every problem.
    """
    problems: list[str] = []
    opened: dict[tuple[str, str], Labelling | None] = {}
    found: list[SavedDecision] = []
    for place, row in _rows(files, problems):
        key = str(row.get("metric")), str(row.get("sample", ""))
        if key not in opened:
            opened[key] = _open(run, *key)
        labelling = opened[key]
        if labelling is None or row.get("question_id") not in labelling.sample.to_label:
            continue
        try:
            found.append(
                SavedDecision(labelling, annotator_name(row.get("annotator")), _checked(place, row, labelling))
            )
        except DeclarationError as error:
            problems.append(str(error))
    if problems:
        raise LabelFileError(problems)
    return found


def keep(saved: Sequence[SavedDecision]) -> int:
    """Add to what the page keeps those decisions that it does not have yet; returns how many."""
    new = 0
    for one in saved:
        log, decision = one.labelling.log, one.decision
        if log.read(one.annotator).get(decision.question_id) != decision:
            log.append(one.annotator, decision)
            new += 1
    return new


def _open(run: RunFolder, metric: str, digest: str) -> Labelling | None:
    """The sample's labelling; None where it is not of this run's answers as they are."""
    sample = stored_sample(run, metric, digest)
    try:
        return None if sample is None else Labelling(run, sample)
    except DeclarationError:
        return None


def _checked(place: str, row: dict[str, Any], labelling: Labelling) -> Decision:
    decision = read_decision(place, row)
    checked_comment(decision.comment)
    item = labelling.item_of(decision.question_id)
    for mark in decision.evidence:
        if not item.holds(mark):
            raise DeclarationError(f"{place}: found a mark outside the passages ({mark}), expected words of one")
    return decision


def _rows(files: Sequence[Path], problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in files:
        if path.suffix.lower() == ".jsonl":
            yield from ((place, {**row}) for place, row in read_rows(path, problems) if _OWN_KEYS & row.keys())
