"""What is kept of a judge's calibration, for those who use the judge and cite how good it is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import pydantic

from rageval.errors import DeclarationError
from rageval.io.run_folder import write_json
from rageval.scores.agreement import Figures
from rageval.scores.scaling import Scaling
from rageval.types import Json

FORMAT = 1


@dataclass(frozen=True, slots=True)
class CalibrationRecord:
    """How well a judge did on a file of labels.

    `key` identifies the judge with its prompts and model (`judge_key`). `labels` and `sha256` are the name and the
    digest of the label file. `n` items were judged; the judge abstained on `abstained` more. `zero_shot` is None if n
    is 0. `cross_validated` are the figures of scaled probabilities, each scaled by a map that was fitted without the
    item. `scaling` is the map fitted on all items, None if none was wanted or possible. `created` is an ISO time in
    UTC.
    """

    judge: str
    key: str
    model: str
    labels: str
    sha256: str
    n: int
    abstained: int
    zero_shot: Figures | None
    cross_validated: Figures | None
    scaling: Scaling | None
    created: str

    def apply(self, probability: float) -> float:
        """The judge's probability for an item or a part of one, scaled where there is a scaling."""
        return probability if self.scaling is None else self.scaling.apply(probability)


_RECORD: pydantic.TypeAdapter[CalibrationRecord] = pydantic.TypeAdapter(CalibrationRecord)


def record_path(out: Path, key: str) -> Path:
    """Where the record of the judge with that key lies."""
    return out / "calibrations" / f"{key}.json"


def record_to_json(record: CalibrationRecord) -> dict[str, Json]:
    """As JSON data: the fields, and the number of this format."""
    return {"format": FORMAT, **cast("dict[str, Json]", asdict(record))}


def write_record(record: CalibrationRecord, out: Path) -> Path:
    """Write OUT/calibrations/<key>.json, in place of an earlier one of that judge; its path."""
    path = record_path(out, record.key)
    try:
        write_json(path, record_to_json(record))
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be written ({error.strerror}): choose another --out") from None
    return path


def read_record(path: Path) -> CalibrationRecord:
    """The record in a file. Raises DeclarationError where there is none that this version can read."""
    again = "run `rageval calibrate` again"
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        found = data["format"]
    except FileNotFoundError:
        raise DeclarationError(f"{path}: no such file; expected the record of a calibration: {again}") from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DeclarationError(f"{path}: found no record of a calibration ({error}): {again}") from None
    if found != FORMAT:
        raise DeclarationError(f"{path}: found format {found}, expected {FORMAT}: {again}")
    try:
        return _RECORD.validate_python(data)
    except pydantic.ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise DeclarationError(f"{path}: found no good record ({place}: {problem['msg']}): {again}") from None
