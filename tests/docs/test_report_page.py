"""docs/report.md: its commands and its Python run as written, and the table names the pages of the report."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

import rageval.report.html
from tests.conftest import CommandLine

PAGE = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
WORDS = Path(rageval.report.html.__path__[0]) / "assets" / "report.yaml"


def block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    return text


def test_the_examples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = block("yaml")
    Path(experiment.split()[1]).write_text(experiment, encoding="utf-8")
    for line in block("bash").splitlines():
        _, *command = shlex.split(line)
        parts = [path for part in command for path in (sorted(map(str, Path().glob(part))) if "*" in part else [part])]
        ended = command_line(*parts)
        assert ended.code == 0, ended.err
    page = Path("look.html").read_text("utf-8")
    assert '"sweep":{"cells"' in page
    capsys.readouterr()
    exec(block("python"), {})
    assert capsys.readouterr().out == "112\n"


def test_the_table_names_the_pages() -> None:
    words = yaml.safe_load(WORDS.read_text("utf-8"))
    named = re.findall(r"^\| (\w+) \|", PAGE, flags=re.MULTILINE)[1:]
    pages = ("leaderboard", "matrix", "question", "compare", "diagnosis", "judges", "sweep")
    assert named == [words[page]["en"] for page in pages]
