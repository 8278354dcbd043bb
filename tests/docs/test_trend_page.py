"""docs/trend.md: its example runs as written and prints what is shown; the constants it names are those of the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rageval.decide.trend import FEWEST_SHARED
from rageval.report.pictures.trend import MARKED
from tests.conftest import CommandLine

PAGE = (Path(__file__).parents[2] / "docs" / "trend.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    (text,) = (text for name, text in found if name == language)
    return text


def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block("python"), "example.py", "exec"), {"__name__": "example"})
    _, *command = shlex.split(block("bash"))
    ended = command_line(*command)
    assert ended.code == 0, ended.err
    printed = [" ".join(line.split()) for line in ended.out.splitlines()]
    for line in block("").splitlines():
        assert any(shown.startswith(line.strip()) for shown in printed), line
    of_metric = printed[printed.index("exact_match (paired steps)") + 2 :][:4]
    assert [line.endswith(" worse") for line in of_metric] == [False, False, True, False]
    assert "<svg" in (tmp_path / "trend.svg").read_text("utf-8")


def test_what_it_names() -> None:
    assert FEWEST_SHARED == 0.5
    for kind, letter in MARKED.items():
        assert re.search(rf"{kind}s \({letter}\)", PAGE)
