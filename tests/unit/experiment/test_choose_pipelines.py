"""From entries of an experiment to pipelines: settings of any kind, and labels that tell pipelines apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from rageval.errors import DeclarationError
from rageval.experiment.choose_pipelines import choose_pipeline, choose_pipelines
from rageval.generation import AnswerFromMemory
from rageval.pipeline import Pipeline
from rageval.types import Json

RECIPE = """\
from rageval.generation import AnswerFromMemory

def build(a: object = None, b: object = None):
    return AnswerFromMemory(max_tokens={0} + len(str((a, b))))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(RECIPE.format(len(name)), encoding="utf-8")
    (tmp_path / "two" / "mine.py").write_text(RECIPE.format(50), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("given", "params"),
    [
        ({"a": 3, "b": None}, {"a": 3, "b": None}),
        ({"a": np.int64(3), "b": np.float32(0.5)}, {"a": 3, "b": 0.5}),
        ({"a": (1, [2.5, "x"]), "b": {"c": True}}, {"a": [1, [2.5, "x"]], "b": {"c": True}}),
        ({"a": Path("some/file.txt")}, {"a": "some/file.txt"}),
        ({"a": float("nan"), "b": float("inf")}, {"a": "nan", "b": "inf"}),
        ({"a": object(), "b": AnswerFromMemory()}, {"a": "object", "b": "AnswerFromMemory"}),
        (MappingProxyType({"a": 1}), {"a": 1}),
    ],
)
def test_settings_are_shown_as_json(given: Mapping[str, Any], params: dict[str, Json], folder: Path) -> None:
    pipeline = choose_pipeline({"./one/mine.py": given}, folder)
    assert pipeline.params == params
    json.dumps(pipeline.params, allow_nan=False)
    assert choose_pipeline(Pipeline("x", AnswerFromMemory(), given), folder).params == params


def test_recipes_of_one_name_in_two_folders(folder: Path) -> None:
    found = choose_pipelines(["./one/mine.py", "./two/mine.py"], folder)
    assert [pipeline.label for pipeline in found] == ["mine", "mine (2)"]
    with pytest.raises(DeclarationError, match="pipelines: found mine twice"):
        choose_pipelines(["./one/mine.py", Path("one/mine.py")], folder)


def test_equal_stages_under_names_of_ones_own(folder: Path) -> None:
    """An A/A test is no mistake."""
    found = choose_pipelines([Pipeline("a", AnswerFromMemory()), Pipeline("b", AnswerFromMemory())], folder)
    assert [pipeline.label for pipeline in found] == ["a", "b"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Pipeline("", AnswerFromMemory()), "pipelines: found '' as the name of a Pipeline, expected a name"),
        (Pipeline(3, AnswerFromMemory()), "pipelines: found 3 as the name of a Pipeline"),  # type: ignore[arg-type]
        (Pipeline("x", lambda question: ""), "pipelines.x: found a function as its stage, expected a Stage"),  # type: ignore[arg-type]
        (Pipeline("x", AnswerFromMemory(), [1]), "pipelines.x: found a list, expected settings by name"),  # type: ignore[arg-type]
        (AnswerFromMemory, "pipelines: found the class AnswerFromMemory, expected a name"),
        (b"naive", "pipelines: found a bytes, expected a name"),
    ],
)
def test_mistakes(given: object, told: str, folder: Path) -> None:
    with pytest.raises(DeclarationError) as error:
        choose_pipeline(given, folder)
    assert str(error.value).startswith(told)
