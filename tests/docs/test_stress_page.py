"""docs/stress.md: it is followed from top to bottom, and what its model gives in to is what the report says."""

from __future__ import annotations

import json
from pathlib import Path

from rageval.stress.attacks import shipped_attacks
from rageval.stress.plan import PADDING_TOKENS
from tests.docs.pages import DOCS, follow

PAGE = DOCS / "stress.md"


def test_the_page_is_followed(tmp_path: Path) -> None:
    printed = follow(PAGE, tmp_path)
    assert "What the attacks reached" in printed
    assert "What they do to each metric" in printed
    found = json.loads((tmp_path / "results" / "stress" / "attacked.json").read_text(encoding="utf-8"))
    (attack,) = found["pipelines"][0]["attacks"]
    assert (attack["attack"], found["questions"]) == ("shouting_user", 20)
    assert attack["rate"]["n"] == 20 - sum(attack["unusable"].values())


def test_the_table_says_what_each_wants() -> None:
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if "| `" in line]
    said = {name.strip("` "): row[2] for row in rows for name in row[0].split(",")}
    assert said == {name: attack.succeeds for name, attack in shipped_attacks().items()}
    assert f"| `long_question` | {PADDING_TOKENS} tokens" in PAGE.read_text(encoding="utf-8")
