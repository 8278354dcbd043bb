"""Pipelines by name or path: a recipe is a Python file with a function `build(...)` that returns a stage."""

from __future__ import annotations

import difflib
import hashlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_type_hints

import pydantic

from rageval.errors import DeclarationError
from rageval.io.shipped import find_shipped
from rageval.io.user_files import find_file, load_module
from rageval.pipeline import Pipeline, Stage
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
    """The pipeline of a recipe with these settings.

    `reference` is a name (`naive`) or a path to a Python file (`pipelines/my_own.py`), relative to `base` or to the
    current directory. Settings are checked against the annotations of `build`; paths among them are relative to `base`.
    Raises DeclarationError that names the pipeline and the setting.
    """
    path = _find(reference, base)
    build = getattr(load_module(path), "build", None)
    if not callable(build):
        raise DeclarationError(f"{path}: found no function build, expected `def build(...) -> Stage`")
    stage = _call(reference, build, params, base)
    if not isinstance(stage, Stage):
        raise DeclarationError(f"{path}: build returned a {type(stage).__name__}, expected a Stage")
    return Pipeline(path.stem, stage, dict(params), hashlib.sha256(path.read_bytes()).hexdigest())


def _find(reference: str, base: Path) -> Path:
    if reference.endswith(".py") or "/" in reference:
        return find_file("pipelines", reference, base)
    known = list_recipes()
    if reference not in known:
        near = difflib.get_close_matches(reference, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise DeclarationError(f"pipelines: found {reference!r}, expected a path or one of {', '.join(known)}{hint}")
    return known[reference]


def _call(name: str, build: Callable[..., object], params: Mapping[str, Json], base: Path) -> object:
    accepted = inspect.signature(build).parameters
    for key in params:
        if key not in accepted:
            near = difflib.get_close_matches(key, accepted, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            settings = ", ".join(accepted) or "none"
            raise DeclarationError(f"pipelines.{name}: found the setting {key!r}, expected one of: {settings}{hint}")
    hints = get_type_hints(build)
    given: dict[str, object] = {
        key: base / str(value) if hints.get(key) is Path else value for key, value in params.items()
    }
    try:
        return pydantic.validate_call(build)(**given)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DeclarationError(
            f"pipelines.{name}.{place}: found {first.get('input')!r}: {first['msg'].lower()}"
        ) from None
    except DeclarationError as error:
        raise DeclarationError(f"pipelines.{name}.{error}") from None
