"""docs/answers.md: its figures of abstention are those of the sets, and its examples are read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from rageval.experiment.spec import AbstentionPart
from rageval.pipeline.abstention import is_abstention
from rageval.pipeline.recorded import recorded_response

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "answers.md").read_text(encoding="utf-8")
SETS = ROOT / "tests" / "unit" / "pipeline" / "abstention_sets"


def counted(kind: str, language: str) -> tuple[int, int, int]:
    """Answers that abstain, that do not, and that are left open."""
    lines = (SETS / f"{kind}.{language}.txt").read_text(encoding="utf-8").splitlines()
    found = [is_abstention(line.replace("\\n", "\n")) for line in lines]
    return found.count(True), found.count(False), found.count(None)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_figures_are_current(language: str) -> None:
    found, missed, left = counted("refusals", language)
    mistaken, right, open_ = counted("answers", language)
    recall, precision = found / (found + missed + left), found / (found + mistaken)
    cells = [language, "now", found, missed, left, mistaken, right, open_, f"{recall:.2f}", f"{precision:.2f}"]
    assert f"| {' | '.join(map(str, cells))} |" in PAGE


@pytest.mark.parametrize(("blind", "least"), [("blind", 0.92), ("second_blind", 0.88)])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_figures_of_the_blind_sets_are_current(language: str, blind: str, least: float) -> None:
    counts: list[int] = []
    for kind in ("refusals", "answers"):
        lines = (SETS / blind / f"{kind}.{language}.jsonl").read_text(encoding="utf-8").splitlines()
        found = [is_abstention(json.loads(line)["text"]) for line in lines]
        counts += [found.count(True), found.count(False), found.count(None)]
    recall, precision = counts[0] / sum(counts[:3]), counts[0] / (counts[0] + counts[3])
    assert recall >= least
    assert precision >= 0.95
    cells = [language, f"`{blind}`", *counts, f"{recall:.2f}", f"{precision:.2f}"]
    assert f"| {' | '.join(map(str, cells))} |" in PAGE


def test_the_examples_are_read() -> None:
    line, part = (re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[0] for kind in ("json", "yaml"))
    response = recorded_response(json.loads(line), {})
    assert (response.answer, response.hits[0].passage.doc_id) == ("Forty metres.", "lake")
    phrases = AbstentionPart.model_validate(yaml.safe_load(part)["abstention"]).phrases
    assert is_abstention(f"{phrases[0]}", phrases, "de") is True
