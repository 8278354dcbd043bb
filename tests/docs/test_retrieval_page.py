"""docs/retrieval.md: its examples are built, and its table says what the recipes take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from rageval.experiment.recipes import build_pipeline
from rageval.pipeline import Stage
from rageval.retrieval import Rerank
from rageval.retrieval.indexes import INDEXES
from rageval.retrieval.settings import PassageSettings, SearchSettings
from tests.unit.retrieval.test_seams import PARAGRAPHS

PAGE = (Path(__file__).parents[2] / "docs" / "retrieval.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


def test_the_python_block_makes_a_stage() -> None:
    names: dict[str, Any] = {}
    exec(block("python"), names)
    assert isinstance(names["pipeline"], Stage)
    assert names["pipeline"].context_size().passages == 5


def test_the_settings_in_the_file_build(tmp_path: Path) -> None:
    (tmp_path / "paragraphs.py").write_text(PARAGRAPHS, encoding="utf-8")
    for entry in yaml.safe_load(block("yaml"))["pipelines"]:
        ((name, settings),) = entry.items()
        built = build_pipeline(name, settings, tmp_path)
        assert isinstance(built.stage, Stage)
        reranks = any(isinstance(stage, Rerank) for stage in getattr(built.stage, "stages", ()))
        assert reranks == (name == "rerank" or "reranker" in settings)


def test_the_table_has_every_setting_and_every_index() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == set(get_type_hints(SearchSettings))
    (retriever,) = (row for row in rows if row.startswith("| `retriever`"))
    assert set(INDEXES) <= set(re.findall(r"`(\w+)`", retriever))
    assert named - set(get_type_hints(PassageSettings)) == {"retriever", "dense_search"}
