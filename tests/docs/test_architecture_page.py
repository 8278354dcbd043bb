"""docs/architecture.md tells the truth: what it names is where it says, and its floors are those of the contract."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return lines[1:]


def test_every_path_exists() -> None:
    paths = set(re.findall(r"`((?:rageval|pipelines|docs|tests)/[\w/.]*)`", PAGE))
    assert len(paths) > 10
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_answers_name_what_stands_there() -> None:
    answers = [answer for _, answer in rows("Where is it?")]
    named = [
        found for answer in answers for found in re.findall(r"`(rageval/[\w/]+\.py)`, `(\w+)`(?: and `(\w+)`)?", answer)
    ]
    assert len(named) >= 8
    for path, *names in named:
        text = (ROOT / path).read_text(encoding="utf-8")
        for name in filter(None, names):
            assert re.search(rf"^(?:async )?(?:def|class) {name}\b", text, flags=re.MULTILINE), (path, name)


def test_floors_are_those_of_the_contract() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(c["layers"] for c in contract["contracts"] if c["type"] == "layers")
    told = [set(re.findall(r"`(\w+)(?:/|\.py)`", row[1])) for row in rows("Floors")]
    assert told == [{name.strip().removeprefix("rageval.") for name in re.split(r"[:|]", layer)} for layer in layers]


def test_few_modules_stand_at_the_top() -> None:
    assert len([*(ROOT / "rageval").glob("*.py")]) <= 8


def test_the_glossary_is_short() -> None:
    words = [row[0] for row in rows("Glossary")]
    assert len(words) == len(set(words)) <= 25
