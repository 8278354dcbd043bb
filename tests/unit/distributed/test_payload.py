"""What the workers of a cluster are given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cloudpickle
import pytest

from rageval.distributed.payload import equip, user_code_travels
from rageval.errors import DeclarationError
from rageval.experiment.recipes import build_pipeline

RECIPE = """
{statement}
from dataclasses import dataclass
from rageval.pipeline import Stage

@dataclass(frozen=True)
class Says(Stage):
    async def run(self, state, resources):
        return state.with_response(answer=helper.words())

def build() -> Stage:
    return Says()
"""
WORKER = """
import asyncio, pickle, sys
from rageval.pipeline import Resources
from rageval.types import Question
pipeline = pickle.load(open("pipeline", "rb"))
print(asyncio.run(pipeline.answer(Question("q", "Why?"), Resources(()))).answer)
"""


@pytest.mark.parametrize("statement", ["import helper", "from . import helper", "from parts import helper"])
def test_a_recipe_travels_with_the_files_beside_it(statement: str, tmp_path: Path) -> None:
    """To a process that does not have the files."""
    (tmp_path / "there").mkdir()
    (tmp_path / "here" / "parts").mkdir(parents=True)
    for name in ("helper.py", "parts/helper.py"):
        (tmp_path / "here" / name).write_text("import last\ndef words():\n    return last.WORDS\n")
    (tmp_path / "here" / "last.py").write_text("WORDS = 'from here'\n")
    (tmp_path / "here" / "parts" / "__init__.py").touch()
    (tmp_path / "here" / "recipe.py").write_text(RECIPE.format(statement=statement))
    pipeline = build_pipeline("recipe.py", {}, tmp_path / "here")
    with user_code_travels(cloudpickle):
        (tmp_path / "there" / "pipeline").write_bytes(cloudpickle.dumps(pipeline))
    env = {"PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-c", WORKER], cwd=tmp_path / "there", env=env, capture_output=True, text=True
    )
    assert done.stdout.strip() == "from here", done.stderr


def test_several_embedders_are_refused() -> None:
    experiment = cast("Any", SimpleNamespace(embedders=(object(), object())))
    with pytest.raises(DeclarationError, match="found several embedders with ray, expected one"):
        equip(experiment, [], 1)
