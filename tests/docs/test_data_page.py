"""docs/data.md: its table is that of the code, its examples run, its settings are accepted."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rageval.experiment.spec import read_spec
from rageval.io.tolerance import TREATMENTS
from tests.conftest import CommandLine

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    return found


def test_the_table_is_what_is_tolerated() -> None:
    (table,) = re.findall(
        r"^\| what is found \| what is done \|\n\|---\|---\|\n((?:\|.*\|\n)+)", PAGE, flags=re.MULTILINE
    )
    rows = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in table.splitlines()]
    assert rows == [*TREATMENTS.items()]


def test_the_examples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(block("python"), {})
    assert capsys.readouterr().out.splitlines() == [
        "1 document without text - left out",
        "1 null - read as empty",
        "1 number as an id - read as text",
        "1 grade with a decimal point - read as a whole number",
        "1 label of an unknown document - kept in the ideal ranking",
    ]
    (command,) = re.findall(r"^    (rageval .*)$", PAGE, flags=re.MULTILINE)
    Path("tiny.run").write_text("q1 Q0 q1 1 2.0 t\nq1 Q0 d1 2 1.0 t\n", encoding="utf-8")
    ended = command_line(*shlex.split(command)[1:])
    assert ended.code == 0, ended.err
    rows = [line.split()[:2] for line in ended.out.splitlines()]
    assert ["recall@100", "0.5000"] in rows


def test_the_settings_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(f"{block('yaml')}pipelines: [naive]\nmetrics: [map]\n", encoding="utf-8")
    spec = read_spec(path)
    assert (spec.strict, spec.exclude_self, spec.grade_threshold) == (False, True, 2)
