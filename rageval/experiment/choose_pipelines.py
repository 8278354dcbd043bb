"""Turn the entries under `pipelines` of an experiment into pipelines."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeAlias, cast

from rageval.errors import DeclarationError
from rageval.experiment.compose import MODELS, changes_of, compose, is_composed
from rageval.experiment.pipeline_models import called
from rageval.experiment.recipes import build_pipeline, list_recipes
from rageval.identity import describe, fingerprint
from rageval.io.plugins import split_reference
from rageval.io.strict import shown
from rageval.pipeline import Pipeline, Stage
from rageval.pipeline.function import System, function_pipeline
from rageval.pipeline.pipeline import stage_label
from rageval.types import Json

PipelineLike: TypeAlias = str | Path | Mapping[str, Mapping[str, Any] | None] | Pipeline | Stage | System

_FORMS = "a name, a path, a name with settings, or in Python a Pipeline, a stage or a function"


def choose_pipelines(given: Sequence[object], base: Path) -> tuple[Pipeline, ...]:
    """The pipelines that these entries name or are, in order. Paths are relative to `base` or to the current directory.

    Pipelines that differ get labels that differ: where two would have the same, the later ones are numbered. Raises
    DeclarationError for an entry that is no pipeline, and where two are the same.
    """
    return _tell_apart([choose_pipeline(entry, base) for entry in given])


def choose_pipeline(given: object, base: Path) -> Pipeline:
    """The pipeline that one entry names or is. Raises DeclarationError."""
    match given:
        case Pipeline():
            return _checked(given)
        case Stage():
            return Pipeline(stage_label(given), given)
        case str() | os.PathLike():
            return _build(os.fspath(cast("str | os.PathLike[str]", given)), {}, base)
        case Mapping():
            name, settings = _name_and_settings(cast("Mapping[object, object]", given))
            models = _models(name, settings.pop(MODELS, None))
            built = _compose(name, settings, base) if is_composed(settings) else _build(name, settings, base)
            shown_models = {f"{MODELS}.{role}": _plain(called(value)) for role, value in models.items()}
            return replace(built, params={**built.params, **shown_models}, models=models)
        case _ if callable(given) and not isinstance(given, type):
            return function_pipeline(cast("System", given))
        case _:
            raise DeclarationError(f"pipelines: found {shown(given)}, expected {_FORMS}")


def _checked(given: Pipeline) -> Pipeline:
    name, stage = cast("object", given.name), cast("object", given.stage)
    if not isinstance(name, str) or not name:
        raise DeclarationError(f"pipelines: found {shown(name)} as the name of a Pipeline, expected a name")
    if not isinstance(stage, Stage):
        raise DeclarationError(f"pipelines.{name}: found {shown(stage)} as its stage, expected a Stage")
    return replace(given, params=_plain_settings(_settings(name, given.params)))


def _name_and_settings(given: Mapping[object, object]) -> tuple[str, dict[str, object]]:
    names = sorted(map(str, given))
    if len(names) != 1:
        found = f"{names} in one entry" if names else "an empty mapping"
        raise DeclarationError(f"pipelines: found {found}, expected one name with its settings")
    ((name, settings),) = given.items()
    if not isinstance(name, str):
        raise DeclarationError(f"pipelines: found {shown(name)} as the name of a pipeline, expected a name or a path")
    return name, _settings(name, settings)


def _settings(name: str, given: object) -> dict[str, object]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise DeclarationError(f"pipelines.{name}: found {shown(given)}, expected settings by name, such as k: 5")
    settings = cast("Mapping[object, object]", given)
    for key in settings:
        if not isinstance(key, str):
            raise DeclarationError(f"pipelines.{name}: found {shown(key)} as a setting, expected a name such as k")
    return cast("dict[str, object]", dict(settings))


def _models(name: str, given: object) -> dict[str, object]:
    """The pipeline's own models, by role."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise DeclarationError(f"pipelines.{name}.{MODELS}: found {shown(given)}, expected models by role: chat, embed")
    return {str(role): value for role, value in cast("Mapping[object, object]", given).items()}


def _build(name: str, settings: dict[str, object], base: Path) -> Pipeline:
    given = cast("dict[str, Json]", {key: os.fspath(v) if isinstance(v, Path) else v for key, v in settings.items()})
    return replace(build_pipeline(name, given, base), params=_plain_settings(settings))


def _compose(name: str, settings: dict[str, object], base: Path) -> Pipeline:
    if name in list_recipes() or split_reference(name)[0] is not None:
        raise DeclarationError(
            f"pipelines.{name}: found stages, and {name} is a recipe, expected another name for a pipeline of your own"
        )
    return Pipeline(name, compose(name, settings, base), _plain_settings(changes_of(settings, f"pipelines.{name}")))


def _plain_settings(settings: Mapping[str, object]) -> dict[str, Json]:
    return {key: _plain(value) for key, value in settings.items()}


def _plain(value: object) -> Json:
    """The value as labels and manifests show it; of an object its class alone."""
    match value:
        case None | bool() | str():
            return value
        case Integral():
            return int(value)
        case Real():
            number = float(value)
            return number if math.isfinite(number) else str(number)
        case os.PathLike():
            return os.fspath(cast("os.PathLike[str]", value))
        case list() | tuple():
            return [_plain(item) for item in cast("Sequence[object]", value)]
        case Mapping():
            return {str(key): _plain(item) for key, item in cast("Mapping[object, object]", value).items()}
        case _:
            return type(value).__name__


def _tell_apart(pipelines: Sequence[Pipeline]) -> tuple[Pipeline, ...]:
    told: list[Pipeline] = []
    times: Counter[str] = Counter()
    seen: dict[str, list[Pipeline]] = {}
    for pipeline in pipelines:
        equal = seen.setdefault(fingerprint([pipeline.source, describe(pipeline.stage), describe(pipeline.models)]), [])
        for earlier in equal:
            _check_names_differ(earlier, pipeline)
        equal.append(pipeline)
        times[pipeline.label] += 1
        number = times[pipeline.label]
        told.append(pipeline if number == 1 else replace(pipeline, name=f"{pipeline.name} ({number})"))
    return tuple(told)


def _check_names_differ(earlier: Pipeline, later: Pipeline) -> None:
    """Raises DeclarationError for two equal pipelines, unless both their names and their labels differ."""
    if earlier.label == later.label:
        raise DeclarationError(f"pipelines: found {later.label} twice, expected pipelines that differ")
    if earlier.name == later.name:
        raise DeclarationError(
            f"pipelines: found {earlier.label} and {later.label}, which are the same, expected pipelines that differ"
        )
