"""Pipelines by name or path: a recipe is a Python file with a function `build(...)` that returns a stage."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path

from rageval.errors import DeclarationError
from rageval.identity import describe, fingerprint
from rageval.io.plugins import call_with_settings, find_plugin
from rageval.io.shipped import find_shipped
from rageval.io.user_files import load_module
from rageval.pipeline import Pipeline, Stage
from rageval.source import source_digest
from rageval.types import Json


def list_recipes() -> dict[str, Path]:
    """The recipes that can be called by name, sorted; a name found in several folders is taken from the first."""
    found: dict[str, Path] = {}
    for folder in find_shipped("pipelines"):
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith("_"):
                found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def recipe_summary(path: Path) -> str:
    """The first line of the recipe's docstring."""
    return (inspect.getdoc(load_module(path)) or "").split("\n", 1)[0]


def build_pipeline(reference: str, params: Mapping[str, Json], base: Path) -> Pipeline:
    """The pipeline of a recipe, or of a stage, with these settings.

    `reference` is the name of a recipe (`naive`), a path (`pipelines/my_own.py`, for its function `build`, or
    `my_own.py:Mine`), or an entry point of the group `rageval.stages`; paths are relative to `base` or to the current
    directory. Settings are checked against the annotations; paths among them are relative to `base`. Raises
    DeclarationError that names the pipeline and the setting.
    """
    plugin = find_plugin("stages", reference, list_recipes(), base, "pipelines")
    if not callable(plugin.target):
        raise DeclarationError(
            f"{reference}: found a {type(plugin.target).__name__}, expected `def build(...) -> Stage`"
        )
    stage = call_with_settings(plugin.target, params, base, f"pipelines.{reference}")
    if not isinstance(stage, Stage):
        raise DeclarationError(f"{plugin.file or reference}: build returned a {type(stage).__name__}, expected a Stage")
    source = fingerprint(describe(plugin.target)) if plugin.file is None else source_digest(plugin.file)
    return Pipeline(plugin.name, stage, dict(params), source)
