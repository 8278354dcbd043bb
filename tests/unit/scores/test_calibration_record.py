from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.scores.agreement import measure
from rageval.scores.calibration_record import CalibrationRecord, read_record, record_to_json, write_record
from rageval.scores.scaling import Isotonic, Platt

RECORD = CalibrationRecord(
    judge="one_question",
    key="one_question-0123456789",
    model="模型 @ http://127.0.0.1:1/v1",
    labels="labels.jsonl",
    sha256="ab" * 32,
    n=4,
    abstained=1,
    zero_shot=measure([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.3]),
    cross_validated=measure([0, 1, 1, 0], [0.2, 0.8, 0.6, 0.3]),
    scaling=Platt(1.25, -0.5),
    created="2026-01-02T03:04:05+00:00",
)


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        replace(RECORD, scaling=Isotonic((0.1, 0.30000000000000004, 0.9), (0.0, 1 / 3, 1.0))),
        replace(RECORD, scaling=None, cross_validated=None, zero_shot=measure([1], [0.9])),
    ],
)
def test_what_is_written_is_read_again(record: CalibrationRecord, tmp_path: Path) -> None:
    path = write_record(record, tmp_path)
    assert path == tmp_path / "calibrations" / "one_question-0123456789.json"
    again = read_record(path)
    assert again == record
    assert [again.apply(p / 10) for p in range(11)] == [record.apply(p / 10) for p in range(11)]


def test_the_file_says_what_it_takes_to_apply_the_scaling(tmp_path: Path) -> None:
    data = json.loads(write_record(RECORD, tmp_path).read_text("utf-8"))
    assert data["format"] == 1
    assert data["scaling"] == {"method": "platt", "slope": 1.25, "intercept": -0.5}
    isotonic = record_to_json(replace(RECORD, scaling=Isotonic((0.0, 1.0), (0.2, 0.7))))
    assert json.loads(json.dumps(isotonic))["scaling"] == {"method": "isotonic", "x": [0.0, 1.0], "y": [0.2, 0.7]}


def test_a_scaling_by_hand() -> None:
    assert RECORD.apply(0.5) == pytest.approx(1 / (1 + math.exp(0.5)))
    assert RECORD.apply(0.8) == pytest.approx(1 / (1 + math.exp(0.5) / 4**1.25))  # odds of 4 to the power of the slope
    assert RECORD.apply(0.0) == RECORD.apply(1e-9) > 0.0
    steps = replace(RECORD, scaling=Isotonic((0.2, 0.6), (0.1, 0.5)))
    assert [steps.apply(p) for p in (0.0, 0.2, 0.3, 0.6, 1.0)] == pytest.approx([0.1, 0.1, 0.2, 0.5, 0.5])
    assert replace(RECORD, scaling=None).apply(0.3) == 0.3


def changed(**fields: Any) -> str:
    return json.dumps({**record_to_json(RECORD), **fields})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no such file"),
        ("{", "found no record of a calibration"),
        ("[]", "found no record of a calibration"),
        ("{}", "found no record of a calibration ('format')"),
        (changed(format=2), "found format 2, expected 1"),
        (changed(n="many"), "found no good record (n: "),
        (changed(scaling={"method": "spline"}), "found no good record (scaling"),
        (changed(scaling={"method": "platt", "slope": 1.0}), "found no good record (scaling"),
        (changed(zero_shot={}), "found no good record (zero_shot"),
    ],
)
def test_what_is_no_record_is_told_in_one_line(content: str | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "one_question-0123456789.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(DeclarationError) as raised:
        read_record(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: {told}")
    assert message.endswith(": run `rageval calibrate` again")
    assert "\n" not in message


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "calibrations").write_text("")
    with pytest.raises(DeclarationError, match=r"cannot be written \(.*\): choose another --out"):
        write_record(RECORD, tmp_path)
