"""docs/howto: every page is followed from top to bottom, as it is written; the Chinese ones say the same."""

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks, follow, without_comments
from website.pictures import replay

PAGES = sorted(path.name for path in (DOCS / "howto").glob("*.md"))
WITH_THE_TOUR = "labels.md"


@pytest.mark.parametrize("name", [name for name in PAGES if name != WITH_THE_TOUR])
def test_the_page_can_be_followed(name: str, tmp_path: Path) -> None:
    if name == "from_ragas.md" and find_spec("ragas") is None:
        pytest.skip("no ragas")
    printed = follow(DOCS / "howto" / name, tmp_path)
    shown = {
        "leaderboard.md": "better",
        "sweep.md": "evidence_recall@400t",
        "regressions.md": "fail",
        "ci.md": "pass",
        "own_pipeline.md": "my_rag",
        "own_judge.md": "custom.short_enough",
        "from_ragas.md": "recall@5",
        "from_deepeval.md": "recall@5",
    }
    assert shown[name] in printed


def test_labels_of_the_tour(tmp_path: Path) -> None:
    """People find that every answer addresses its question."""
    replay(tmp_path / "results" / "tour")
    sheet = tmp_path / "sheet.csv"

    def fill() -> None:
        rows = list(csv.DictReader(sheet.read_text("utf-8-sig").splitlines(keepends=True)))
        with sheet.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows({**row, "label": "1", "annotator": "ann"} for row in rows)

    printed = follow(DOCS / "howto" / WITH_THE_TOUR, tmp_path, fill)
    assert "3 of 3 drawn labelled by 1 annotators" in printed


@pytest.mark.parametrize("name", PAGES)
def test_the_chinese_page_runs_the_same(name: str) -> None:
    chinese = DOCS / "zh" / "howto" / name
    assert without_comments(chinese) == without_comments(DOCS / "howto" / name)


def test_every_page_is_there_in_both_languages() -> None:
    assert sorted(path.name for path in (DOCS / "zh" / "howto").glob("*.md")) == PAGES


def test_the_page_about_ci_has_commands_of_the_howto() -> None:
    """docs/integrations/ci.md takes the same steps in the same words."""
    (commands,) = (text for language, text in blocks(DOCS / "integrations" / "ci.md") if language == "bash")
    followed = (DOCS / "howto" / "ci.md").read_text(encoding="utf-8")
    said = [line for line in commands.splitlines() if line.startswith(("rageval", "git submodule"))]
    assert len(said) == 3
    assert [line for line in said if line not in followed] == []
