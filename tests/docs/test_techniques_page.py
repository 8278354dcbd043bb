"""docs/techniques.md: its experiment runs as it stands, and its table says what the stages take."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rageval.experiment.recipes import list_recipes
from rageval.experiment.stages import STAGES
from rageval.retrieval import HYBRID
from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import respond

PATH = Path(__file__).parents[2] / "docs" / "techniques.md"
PAGE = PATH.read_text(encoding="utf-8")
MARKS = ("<!-- stages -->\n", "<!-- end of stages -->")


def table() -> str:
    lines = ["| stage | settings | what it does |", "|---|---|---|"]
    lines += [f"| `{name}` | {settings_of(build)} | {first_sentence(build)} |" for name, build in STAGES.items()]
    return "\n".join(lines) + "\n"


def first_sentence(build: Callable[..., object]) -> str:
    paragraph = " ".join((inspect.getdoc(build) or "").split("\n\n")[0].split())
    return paragraph.split(". ")[0].rstrip(".")


def settings_of(build: Callable[..., object]) -> str:
    shown = (f"`{name}` ({default(one.default)})" for name, one in inspect.signature(build).parameters.items())
    return ", ".join(shown) or "–"


def default(value: object) -> str:
    if value == HYBRID:
        return "hybrid"
    return "none" if value in (None, ()) else str(value)


def test_the_table_is_true() -> None:
    found = PAGE.split(MARKS[0])[1].split(MARKS[1])[0]
    assert found == table(), f"expected in {PATH.name}:\n{table()}"


def test_every_recipe_is_told_as_stages() -> None:
    told = PAGE.split("## Recipes\n")[1].split("\n## ")[0]
    named = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in told.splitlines() if line.startswith("| `")))
    assert sorted(named) == [*list_recipes()]


def test_every_stage_has_its_place_in_the_text() -> None:
    text = PAGE.split(MARKS[1])[1]
    for name in {*STAGES} - {"retrieve", "answer", "answer_from_memory"}:
        assert f"**{name}**" in text, name


def test_the_commands_run_as_they_stand(
    tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = re.findall(r"```(?:yaml|python)\n# (\w+\.(?:yaml|py))\n(.*?)```", PAGE, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    printed = ""
    with FakeServer(respond) as server:
        for name, text in files:
            Path(name).write_text(text.replace("http://127.0.0.1:8000/v1", server.base_url), encoding="utf-8")
        for line in "".join(re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)).splitlines():
            words = [
                one
                for word in line.split()[1:]
                for one in (map(str, sorted(Path().glob(word))) if "*" in word else [word])
            ]
            ended = command_line(*words)
            assert ended.code == 0, (line, ended.err)
            printed += ended.out
    for label in ("naive(k=5)", "mine", "retrieve.k", "MarginalUtility.tokens"):
        assert label in printed
