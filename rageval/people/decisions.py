"""What one person decided on the questions of a sample: a line of JSON at every key, the last of a question counts.

    labelling/<metric>-<digest>/<annotator>.jsonl

A line has the keys of a label sheet (`run`, `sample`, `question_id`, `metric`, `label`, `annotator`) and those of
`Decision`, so `rageval label` reads the last lines as it reads a sheet. The files are only appended to; a line torn by
a kill is dropped before the next one is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from rageval.errors import DeclarationError
from rageval.identity import fingerprint
from rageval.io.disk import locked
from rageval.io.file_names import to_file_name
from rageval.io.line_log import append_line, drop_torn_tail, read_lines
from rageval.io.stored import convert
from rageval.people.parts import SAID, Said
from rageval.scores.samples import Sample
from rageval.types import Json

LONGEST_NAME = 40
LONGEST_COMMENT = 4000
CANNOT_TELL = "?"
_DIGITS = 8
_INVISIBLE = re.compile(r"[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Mark:
    """The words of a document that a person marked as evidence: `text[start:end]`, in code points."""

    doc_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Labels of the same answer in another run, which a person took over: (annotator, label; None: cannot tell)."""

    run: str
    labels: tuple[tuple[str, float | None], ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided on one question so far.

    `label` is a number from 0 to 1, "?" for cannot tell, or None as long as something is missing. `verdicts` are those
    on the pieces (`rageval.people.parts`), None where there is none yet. `after_judge` says that it was changed after
    the judge's opinion had been shown. `taken` holds labels from another run; `label` is then None. `at` is the time in
    UTC.
    """

    question_id: str
    label: float | str | None = None
    verdicts: tuple[Said | None, ...] = ()
    comment: str = ""
    evidence: tuple[Mark, ...] = ()
    after_judge: bool = False
    taken: Taken | None = None
    at: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing is missing."""
        return self.label is not None or self.taken is not None

    def to_json(self, sample: Sample, annotator: str) -> dict[str, Json]:
        """A row of the log, and of a sheet."""
        row: dict[str, Json] = {
            "run": sample.run,
            "sample": sample.digest,
            "question_id": self.question_id,
            "metric": sample.metric,
            "label": self.label,
            "annotator": annotator,
        }
        if self.verdicts:
            row["verdicts"] = [*self.verdicts]
        if self.comment:
            row["comment"] = self.comment
        if self.evidence:
            row["evidence"] = [asdict(mark) for mark in self.evidence]
        if self.after_judge:
            row["after_judge"] = True
        if self.taken is not None:
            row["taken"] = {"run": self.taken.run, "labels": [[name, label] for name, label in self.taken.labels]}
        return {**row, "at": self.at}


def decision_from_json(row: Mapping[str, Any]) -> Decision:
    """The inverse of `Decision.to_json`. Raises ValueError, KeyError or TypeError for anything else."""
    label = row["label"]
    if not (label is None or label == CANNOT_TELL or (isinstance(label, int | float) and 0 <= label <= 1)):
        raise ValueError(f"the label {label!r}")
    verdicts = tuple(row.get("verdicts", ()))
    if not all(one is None or one in SAID for one in verdicts):
        raise ValueError(f"the verdicts {verdicts!r}")
    taken = row.get("taken")
    return Decision(
        str(row["question_id"]),
        float(label) if isinstance(label, int | float) else label,
        verdicts,
        str(row.get("comment", "")),
        tuple(Mark(str(one["doc_id"]), int(one["start"]), int(one["end"])) for one in row.get("evidence", ())),
        bool(row.get("after_judge", False)),
        None if taken is None else Taken(taken["run"], tuple((name, label) for name, label in taken["labels"])),
        str(row.get("at", "")),
    )


def annotator_name(given: object) -> str:
    """The name in its composed form, without white space around it.

    Raises DeclarationError for anything but a text of 1 to 40 visible characters.
    """
    name = unicodedata.normalize("NFC", given).strip() if isinstance(given, str) else ""
    if not name or len(name) > LONGEST_NAME or _INVISIBLE.search(name):
        found = repr(given)[:60] if isinstance(given, str) else type(given).__name__
        raise DeclarationError(f"annotator: found {found}, expected a name of 1 to {LONGEST_NAME} visible characters")
    return name


def checked_comment(given: object) -> str:
    """Raises DeclarationError for a comment that is no text, or is too long."""
    if not isinstance(given, str) or len(given) > LONGEST_COMMENT:
        found = f"{len(given)} characters" if isinstance(given, str) else type(given).__name__
        raise DeclarationError(f"comment: found {found}, expected a text of at most {LONGEST_COMMENT} characters")
    return given


def now() -> str:
    """The time in UTC, in seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def decision_path(folder: Path, annotator: str) -> Path:
    """The person's file in the folder. Different names have different files, on disks that know no case as well."""
    plain = to_file_name(annotator)
    mark = "" if plain == annotator == annotator.lower() else f"-{fingerprint(annotator)[:_DIGITS]}"
    return folder / f"{plain}{mark}.jsonl"


def append_decision(path: Path, row: Mapping[str, Json]) -> None:
    """Append a line to a file of decisions, so that it is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path):
        drop_torn_tail(path)
        append_line(path, row, sync=True)


class DecisionLog:
    """The files of one sample: a person's decisions by question, and who there is."""

    def __init__(self, folder: Path, sample: Sample) -> None:
        self._folder = folder
        self._sample = sample

    def annotators(self) -> list[str]:
        """The names of those who decided something, in alphabetical order."""
        return sorted(name for path in self._folder.glob("*.jsonl") if (name := _name_in(path)) is not None)

    def read(self, annotator: str) -> dict[str, Decision]:
        """A person's last decision on each question."""
        return {one.question_id: one for one in read_lines(decision_path(self._folder, annotator), decision_from_json)}

    def append(self, annotator: str, decision: Decision) -> None:
        """Write a line, so that it is on the disk when this returns."""
        append_decision(decision_path(self._folder, annotator), decision.to_json(self._sample, annotator))


def _name_in(path: Path) -> str | None:
    """Whose file it is; None where it has no whole line."""
    return next(read_lines(path, _annotator), None)


def _annotator(row: Mapping[str, Any]) -> str:
    return cast("str", row["annotator"])


def read_decision(place: str, row: Mapping[str, Any]) -> Decision:
    """`decision_from_json`, but raises DeclarationError, which begins with the place."""
    return convert(place, row, decision_from_json)
