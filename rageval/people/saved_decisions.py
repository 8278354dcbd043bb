"""Labelling sheets that come back: what they say beyond labels goes where the page keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rageval.errors import DeclarationError, LabelFileError
from rageval.io.run_folder import RunFolder
from rageval.people.decisions import Decision, annotator_name, checked_comment, read_decision
from rageval.people.label_files import read_rows
from rageval.people.labelling import Labelling
from rageval.scores.human_labels import stored_sample

_OWN_KEYS = {"verdicts", "comment", "evidence", "at"}


def keep_decisions(run: RunFolder, files: Sequence[Path]) -> int:
    """Add to the decisions that the page keeps what saved labelling sheets hold of the run's samples; returns how many
    are new. Files without verdicts, comments, marks or times, such as filled-in CSV sheets, have none.

    Raises LabelFileError with every problem, and writes nothing then.
    """
    problems: list[str] = []
    opened: dict[tuple[str, str], Labelling | None] = {}
    found: list[tuple[Labelling, str, Decision]] = []
    for place, row in _rows(files, problems):
        metric, digest = str(row.get("metric")), str(row.get("sample", ""))
        if (metric, digest) not in opened:
            sample = stored_sample(run, metric, digest)
            opened[metric, digest] = None if sample is None else Labelling(run, sample)
        labelling = opened[metric, digest]
        if labelling is None or row.get("question_id") not in labelling.sample.to_label:
            continue
        try:
            decision = read_decision(place, row)
            name = annotator_name(row.get("annotator"))
            checked_comment(decision.comment)
            item = labelling.item_of(decision.question_id)
            if strange := [mark for mark in decision.evidence if not item.holds(mark)]:
                raise DeclarationError(
                    f"{place}: found a mark outside the passages ({strange[0]}), expected words of one"
                )
        except DeclarationError as error:
            problems.append(str(error))
            continue
        found.append((labelling, name, decision))
    if problems:
        raise LabelFileError(problems)
    new = 0
    for labelling, name, decision in found:
        if labelling.log.read(name).get(decision.question_id) != decision:
            labelling.log.append(name, decision)
            new += 1
    return new


def _rows(files: Sequence[Path], problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in files:
        if path.suffix.lower() == ".jsonl":
            yield from ((place, {**row}) for place, row in read_rows(path, problems) if _OWN_KEYS & row.keys())
