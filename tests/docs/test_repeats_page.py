"""docs/repeats.md: its example runs as written and prints what is shown; its tables are what the functions give."""

from __future__ import annotations

import math
import re
import shlex
from pathlib import Path

import pytest

from rageval.experiment.spec import MOST_REPEATS
from rageval.stats.components import Components, best_answers
from tests.conftest import CommandLine

PAGE = (Path(__file__).parents[2] / "docs" / "repeats.md").read_text(encoding="utf-8")
_NUMBER = re.compile(r"\d+(\.\d+)?")


def block(language: str) -> str:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    (text,) = (text for name, text in found if name == language)
    return text


def without_numbers(text: str) -> list[str]:
    """The lines of a text with one # for each number, and single spaces."""
    return [" ".join(_NUMBER.sub("#", line).split()) for line in text.splitlines()]


def test_the_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "example.py").write_text(block("python"), encoding="utf-8")
    exec(compile(block("python"), str(tmp_path / "example.py"), "exec"), {"__name__": "example"})
    assert "Estimate" in capsys.readouterr().out
    _, *command = shlex.split(block("bash"))
    paths = [str(found) for part in command if "*" in part for found in tmp_path.glob(part)]
    ended = command_line(*(paths[0] if "*" in part else part for part in command))
    assert ended.code == 0, ended.err
    printed = without_numbers(ended.out)
    # Which question is the most flaky (and how wide its columns), and what is the best number, is chance.
    lines = [line for line in without_numbers(block("")) if not line.startswith(("zh", "best", "─"))]
    assert [line for line in lines if line not in printed] == []
    assert sum(line.startswith("best where one more question costs") for line in printed) == 2


def test_the_most_repeats() -> None:
    assert f"# 1 to {MOST_REPEATS};" in PAGE


def test_the_table_of_choices() -> None:
    rows = re.findall(r"^\| (0\.\d+) \| (.*) \|$", PAGE, flags=re.MULTILINE)
    assert len(rows) == 4
    for share, cells in rows:
        chance = float(share)
        given = cells.split(" | ")
        parts = Components(1.0 - chance, chance, None, None, None, None, 100)
        widths = [f"{math.sqrt(1.0 - chance + chance / m):.2f}" for m in (2, 3, 5, 10)]
        assert given == [*widths, *(str(best_answers(parts, cost)) for cost in (1, 10, 100))]
