"""Apply a stored scaling to a judge's verdicts. The verdicts on disk stay as the model gave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, cast

import pydantic

from rageval.errors import DeclarationError
from rageval.identity import fingerprint
from rageval.scores.calibration_record import CalibrationRecord, read_record
from rageval.scores.scaling import Scaling
from rageval.stats import Interval
from rageval.types import Graded, Json, Judgment

JudgeEntry: TypeAlias = Mapping[str, Any]

_SCALING: pydantic.TypeAdapter[Scaling | None] = pydantic.TypeAdapter(Scaling | None)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The record of a judge's calibration, and the path of its file as the user named it."""

    file: str
    record: CalibrationRecord

    def citation(self) -> dict[str, Json]:
        """The manifest's entry for the calibration: all that is needed to cite it, and to apply it without the file."""
        record = self.record
        after = record.cross_validated
        scaling = None if record.scaling is None else cast("dict[str, Json]", asdict(record.scaling))
        return {
            "file": self.file,
            "labels": record.labels,
            "sha256": record.sha256,
            "n": record.n,
            "before": None if record.zero_shot is None else _interval(record.zero_shot.balanced_accuracy),
            "after": None if after is None else _interval(after.balanced_accuracy),
            "scaling": scaling,
        }


def read_calibration(named: str, path: Path) -> Calibration:
    """Read the calibration in a file; `named` is how the user named it. Raises DeclarationError if there is none."""
    return Calibration(named, read_record(path))


def by_judge(calibrations: Sequence[Calibration], keys: Mapping[str, str]) -> dict[str, Calibration]:
    """The calibrations by judge; `keys` are the keys of the judges in use.

    Raises DeclarationError for a calibration of another judge, for one of the same judge with another model or other
    prompts, and for two of one judge.
    """
    found: dict[str, Calibration] = {}
    for calibration in calibrations:
        record = calibration.record
        if record.judge not in keys:
            raise DeclarationError(
                f"{calibration.file}: found the calibration of {record.key}, expected one of "
                f"{', '.join(keys.values()) or 'a judge that some metric reads'}"
            )
        if record.key != keys[record.judge]:
            raise DeclarationError(
                f"{calibration.file}: found the calibration of {record.key} ({record.model}), expected one of "
                f"{keys[record.judge]}, the judge at work: calibrate it with the same model and prompts"
            )
        if record.judge in found:
            raise DeclarationError(f"{calibration.file}: found a second calibration of {record.judge}, expected one")
        found[record.judge] = calibration
    return found


def apply_calibration(
    entry: JudgeEntry, judged: Mapping[str, tuple[Judgment, ...]]
) -> Mapping[str, tuple[Judgment, ...]]:
    """The judgments of a judge by question id, scaled as its manifest entry says. Each is read when it is looked up.

    A scaling replaces each verdict's probability; the grade becomes 1 if the scaled probability is at least 0.5,
    otherwise 0. A verdict without a probability is scaled from its grade, 0 or 1, as when the scaling was fitted.
    """
    scaling = _scaling_of(entry)
    return judged if scaling is None else _Calibrated(judged, scaling)


class _Calibrated(Mapping[str, tuple[Judgment, ...]]):
    """Judgments with a scaling applied."""

    def __init__(self, judged: Mapping[str, tuple[Judgment, ...]], scaling: Scaling) -> None:
        self._judged = judged
        self._scaling = scaling

    def __getitem__(self, question_id: str) -> tuple[Judgment, ...]:
        return tuple(_calibrated(judgment, self._scaling) for judgment in self._judged[question_id])

    def __iter__(self) -> Iterator[str]:
        return iter(self._judged)

    def __len__(self) -> int:
        return len(self._judged)


def instrument(entry: JudgeEntry) -> str:
    """Identifies what produced the scaled verdicts: the judge's key, and a digest of its scaling if it has one."""
    scaling = entry["calibration"]["scaling"] if entry.get("calibration") else None
    return entry["key"] if scaling is None else f"{entry['key']}~{fingerprint(scaling)[:8]}"


def _scaling_of(entry: JudgeEntry) -> Scaling | None:
    cited = entry.get("calibration")
    return None if not cited else _SCALING.validate_python(cited["scaling"])


def _calibrated(judgment: Judgment, scaling: Scaling) -> Judgment:
    verdict = judgment.verdict
    if not isinstance(verdict, Graded):
        return judgment
    probability = scaling.apply(verdict.grade if verdict.probability is None else verdict.probability)
    return replace(judgment, verdict=replace(verdict, grade=float(probability >= 0.5), probability=probability))


def _interval(interval: Interval | None) -> dict[str, Json] | None:
    return None if interval is None else cast("dict[str, Json]", asdict(interval))
