"""`rageval score-days` and `rageval judge-drift`: days followed, an alarm raised, and days across a drift parted."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from rageval.traffic.drift import ALPHA, Measurement, compare_measurements
from tests.conftest import CommandLine
from tests.flow.small_world import write_lines

NO, YES = "I don't know.", "It is 61 metres deep."


def day_log(folder: Path, days: int, refusing: dict[int, float], answers: int = 30) -> Path:
    rng = random.Random(3)
    rows: list[dict[str, Any]] = []
    for day in range(days):
        rate = next(rate for start, rate in sorted(refusing.items(), reverse=True) if day >= start)
        rows += [
            {
                "question": f"How deep is lake {day} {number}?",
                "answer": NO if rng.random() < rate else YES,
                "time": f"2026-11-{day + 1:02}T12:00:00Z",
            }
            for number in range(answers)
        ]
    path = folder / "log.jsonl"
    write_lines(path, rows)
    return path


def scored(command_line: CommandLine, log: Path, out: Path, *more: object) -> str:
    ended = command_line("score", log, "--out", out, "--json", *more)
    assert ended.code == 0, ended.err
    return json.loads(ended.out)["folder"]


def test_an_alarm_where_refusals_rise(tmp_path: Path, command_line: CommandLine) -> None:
    log = day_log(tmp_path, 20, {0: 0.1, 12: 0.6})
    folder = scored(command_line, log, tmp_path / "out")
    ended = command_line("score-days", folder, "-m", "abstained", "-m", "answer_tokens", "--json", "--fail")
    assert ended.code == 1
    refusals, tokens = json.loads(ended.out)["series"]
    assert len(refusals["days"]) == 20
    assert "2026-11-13" <= refusals["alarm"] <= "2026-11-15"
    assert "2026-11-12" <= refusals["since"] <= "2026-11-14"
    assert tokens["unwatched"] == "answer_tokens has no bounds"
    so_far = [one["so_far"] for one in refusals["days"]]
    assert all(low <= high for low, high in so_far[:12])
    assert so_far[-1] is None
    printed = command_line("score-days", folder, "-m", "abstained").out
    assert " changed " in printed
    assert f"ALARM on {refusals['alarm']}: abstained has got worse" in printed
    quiet = command_line("score-days", folder, "-m", "abstained", "--expected", 0.7, "--fail")
    assert quiet.code == 0
    assert "no alarm" in quiet.out
    short = command_line("score-days", folder, "-m", "abstained", "--baseline", 20)
    assert "no alarm can be raised: 20 days, and the baseline takes 20" in short.out


def test_mistakes(tmp_path: Path, command_line: CommandLine) -> None:
    log = day_log(tmp_path, 2, {0: 0.1}, answers=3)
    folder = scored(command_line, log, tmp_path / "out")
    for arguments, code, told in (
        ((tmp_path, "-m", "abstained"), 4, "found no scored log"),
        ((folder, "-m", "faithfulness"), 4, "found no answer with a day and a number on faithfulness"),
        ((folder, "-m", "abstained", "--drift", tmp_path / "none"), 2, "expected what `rageval judge-drift` wrote"),
    ):
        ended = command_line("score-days", *arguments)
        assert (ended.code, ended.out) == (code, "")
        assert told in ended.err


def measurement(day: str, shift: int, drifted: str = "") -> Measurement:
    return Measurement(day, "faithfulness", "m", "x", {str(n): float(n >= 20 + shift) for n in range(40)}, drifted)


def test_drift_by_hand() -> None:
    """Twelve of 40 items turn from 1 to 0: McNemar's exact p is 2 / 2^12."""
    labels = {str(n): float(n >= 20) for n in range(40)}
    first = compare_measurements(measurement("2026-11-01", 0), [], labels)
    assert (first.before, first.drifted, first.error.point) == (None, "", 0.0)
    found = compare_measurements(measurement("2026-11-02", 12), [first.now], labels)
    assert found.change is not None
    assert found.change.point == pytest.approx(-12 / 40)
    assert found.error.point == pytest.approx(-12 / 40)
    assert found.p_value == pytest.approx(2 / 2**12)
    assert found.flipped == 12
    assert pytest.approx(0.0005) == ALPHA
    assert found.drifted.startswith("its mean on 40 frozen items changed by -0.300")
    steps = [measurement("2026-11-01", 0), measurement("2026-11-02", 6)]
    assert compare_measurements(steps[1], steps[:1], labels).drifted == ""
    assert compare_measurements(measurement("2026-11-03", 12), steps, labels).drifted  # small steps add up
    after = [*steps, measurement("2026-11-03", 12, "drifted")]
    assert compare_measurements(measurement("2026-11-04", 12), after, labels).drifted == ""


def test_a_frozen_set_and_the_days_across_a_drift(tmp_path: Path, command_line: CommandLine) -> None:
    passage = "Lake Corva is 61 metres deep."
    said = ["Lake Corva is 61 metres deep.", "Mount Arlen was first climbed by two sisters."]
    items = [
        {"id": f"i{n}", "question": f"How deep? {n}", "answer": said[n % 2], "passages": [passage], "label": 1 - n % 2}
        for n in range(24)
    ]
    write_lines(tmp_path / "frozen.jsonl", items)
    history = tmp_path / "history.jsonl"
    asked = ("judge-drift", tmp_path / "frozen.jsonl", "-m", "faithfulness", "--detector", "light")
    more = ("--history", history, "--out", tmp_path / "out")
    first = command_line(*asked, *more)
    assert first.code == 0, first.err
    assert "the first measurement" in first.out
    again = json.loads(command_line(*asked, *more, "--json").out)
    assert (again["change"]["point"], again["drifted"], again["flipped"]) == (0.0, None, 0)
    lines = [json.loads(line) for line in history.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 2
    drifted = {**lines[1], "day": "2026-11-03", "drifted": "its mean changed"}
    write_lines(history, [lines[0], drifted])
    rows = [
        {"id": f"a{n}", "question": "How deep?", "answer": said[n % 2], "passages": [passage],
         "time": f"2026-11-0{1 + n // 4}"}
        for n in range(16)
    ]  # fmt: skip
    write_lines(tmp_path / "log.jsonl", rows)
    folder = scored(command_line, tmp_path / "log.jsonl", tmp_path / "out", "-m", "faithfulness", "--detector", "light")
    series = json.loads(command_line("score-days", folder, "-m", "faithfulness", "--drift", history, "--json").out)[
        "series"
    ]
    assert [[one["day"] for one in some["days"]] for some in series] == [
        ["2026-11-01", "2026-11-02"], ["2026-11-03", "2026-11-04"],
    ]  # fmt: skip
    assert series[1]["cause"] == "the judge drifted: its mean changed"
    items[0]["label"] = 0
    write_lines(tmp_path / "frozen.jsonl", items)
    assert "expected the same: a frozen set never changes" in command_line(*asked, *more).err
    write_lines(tmp_path / "frozen.jsonl", items[:3])
    assert "found 3 items, expected 20 at least" in command_line(*asked, *more).err
