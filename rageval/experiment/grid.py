"""A grid of settings as entries of `pipelines`: every combination, less those that are excluded."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

from rageval.errors import DeclarationError
from rageval.experiment.compose import MODELS, is_composed
from rageval.experiment.pipeline_models import called

PIPELINE = "pipeline"
_OF_MODELS = f"{MODELS}."

PipelineEntry: TypeAlias = dict[str, dict[str, Any] | None]


def grid_entries(sweep: Mapping[str, Sequence[Any]], exclude: Sequence[Mapping[str, Any]]) -> list[PipelineEntry]:
    """One entry per combination of the factors' levels; the first factor changes slowest.

    The factor `pipeline` names recipes, alone or with settings; all other factors are their settings too. Of a pipeline
    that is composed of stages they are changes, by names such as `retrieve.k` (`set`). Factors such as `models.chat`
    are the models that the pipeline asks. A combination is left out if it matches a mapping in `exclude`: for each key
    of the mapping it has the given level, or one of the given levels.
    Raises DeclarationError for factors without levels, levels given twice, models with the same name, unknown keys or
    levels in `exclude`, and if nothing is left.
    """
    _check(sweep, exclude)
    settings = [dict(zip(sweep, levels, strict=True)) for levels in itertools.product(*sweep.values())]
    kept = [one for one in settings if not any(_fits(one, mapping) for mapping in exclude)]
    if not kept:
        raise DeclarationError("exclude: found no combination left, expected at least one")
    return [_entry(one[PIPELINE], {k: v for k, v in one.items() if k != PIPELINE}) for one in kept]


def _entry(pipeline: object, settings: dict[str, Any]) -> PipelineEntry:
    if not isinstance(pipeline, Mapping):
        pipeline = {str(pipeline): None}
    name, given = next(iter(cast("Mapping[str, Mapping[str, Any] | None]", pipeline).items()))
    own: dict[str, Any] = {**(given or {})}
    models = {k.removeprefix(_OF_MODELS): v for k, v in settings.items() if k.startswith(_OF_MODELS)}
    settings = {k: v for k, v in settings.items() if not k.startswith(_OF_MODELS)}
    if models:
        own = {**own, MODELS: {**(own.get(MODELS) or {}), **models}}
    if is_composed(own):
        return {name: {**own, "set": {**(own.get("set") or {}), **settings}}}
    return {name: {**own, **settings}}


def _check(sweep: Mapping[str, Sequence[Any]], exclude: Sequence[Mapping[str, Any]]) -> None:
    if PIPELINE not in sweep:
        raise DeclarationError(f"sweep: found no {PIPELINE}, expected it beside {', '.join(sweep) or 'the settings'}")
    for factor, levels in sweep.items():
        if not levels:
            raise DeclarationError(f"sweep.{factor}: found no level, expected a list of at least one")
        for position, level in enumerate(levels):
            if level in levels[:position]:
                raise DeclarationError(f"sweep.{factor}: found {level!r} twice, expected levels that differ")
        names = [called(level) for level in levels] if factor.startswith(_OF_MODELS) else []
        for name in names:
            if names.count(name) > 1:
                raise DeclarationError(
                    f"sweep.{factor}: found two models called {name!r}, expected names of their own under models.named"
                )
    for number, mapping in enumerate(exclude):
        for factor, given in mapping.items():
            if factor not in sweep:
                raise DeclarationError(f"exclude.{number}.{factor}: found no such factor, expected {', '.join(sweep)}")
            for level in _levels(given):
                if level not in sweep[factor]:
                    known = ", ".join(map(str, sweep[factor]))
                    raise DeclarationError(f"exclude.{number}.{factor}: found {level!r}, expected one of {known}")


def _fits(setting: Mapping[str, Any], mapping: Mapping[str, Any]) -> bool:
    return bool(mapping) and all(setting[factor] in _levels(given) for factor, given in mapping.items())


def _levels(given: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", given) if isinstance(given, list | tuple) else (given,)
