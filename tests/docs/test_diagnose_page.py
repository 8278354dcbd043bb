"""docs/diagnose.md: its table is that of the code, its commands run as written, and print what is shown."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rageval.decide.diagnosis import CAUSES
from tests.conftest import CommandLine

PAGE = (Path(__file__).parents[2] / "docs" / "diagnose.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    (text,) = (text for name, text in found if name == language)
    return text


def without_numbers(text: str) -> list[str]:
    """The lines of a text with one # for each number, and single spaces."""
    return [" ".join(re.sub(r"\d+(\.\d+)?", "#", line).split()) for line in text.splitlines()]


def test_the_table_has_the_causes_in_their_order() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE) == [*CAUSES]


def test_the_examples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = block("yaml")
    Path(experiment.split()[1]).write_text(experiment, encoding="utf-8")
    printed = ""
    for line in block("bash").splitlines():
        _, *command = shlex.split(line)
        paths = [str(found) for part in command if "*" in part for found in tmp_path.glob(part)]
        ended = command_line(*(paths[0] if "*" in part else part for part in command))
        assert ended.code == 0, ended.err
        printed += ended.out
    shown = without_numbers(block(""))
    assert [line for line in shown if line not in without_numbers(printed)] == []
    assert "⟦" in printed
    capsys.readouterr()
    exec(block("python"), {})
    *shares, cause = capsys.readouterr().out.splitlines()
    assert cause in CAUSES
    assert {line.partition(":")[0] for line in shares} <= {*CAUSES}
