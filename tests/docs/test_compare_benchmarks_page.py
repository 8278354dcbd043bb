"""docs/compare_benchmarks.md: its command runs as written on runs with these names, and prints the lines shown."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rageval.decide.benchmarks_alike import FEWEST_SYSTEMS
from tests.conftest import CommandLine
from tests.docs.pages import DOCS, blocks
from tests.flow.test_compare_benchmarks import world

PAGE = DOCS / "compare_benchmarks.md"


def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    world(tmp_path / "results" / "runs")
    (command,) = (text for language, text in blocks(PAGE) if language == "bash")
    _, *arguments = shlex.split(command)
    runs = sorted(tmp_path.glob(arguments.pop()))
    ended = command_line(*arguments, *runs)
    assert ended.code == 0, ended.err
    (shown,) = (text for language, text in blocks(PAGE) if not language)
    assert [line for line in shown.splitlines() if line not in ended.out.splitlines()] == []


def test_what_it_names() -> None:
    assert FEWEST_SYSTEMS == 3
    assert re.search("you need three pipelines or more", PAGE.read_text("utf-8"))
