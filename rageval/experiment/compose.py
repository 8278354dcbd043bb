"""Pipelines that an experiment file composes of stages.

- mine:
    chunk: {headings: {tokens: 256}}
    stages: [sub_questions, retrieve: {k: 20}, rerank: {keep: 5}, order: ends, answer: {cite: true}]
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from rageval.errors import DeclarationError
from rageval.experiment.stages import INNER_STAGES, READ_PASSAGES, SEARCHES, STAGES
from rageval.io.plugins import build_found, build_plugin, find_plugin
from rageval.pipeline import NO_CONTEXT, Chain, Stage
from rageval.pipeline.parts import parts_of
from rageval.retrieval.chunkers import CHUNKERS, as_chunker
from rageval.retrieval.graph import GraphStage
from rageval.retrieval.iterate import Iterate
from rageval.retrieval.retrieve import Retrieve

MODELS = "models"
"""The key of a pipeline's own models, in any entry of `pipelines`."""

_KEYS = ("chunk", "stages", "set")


def is_composed(settings: Mapping[str, object]) -> bool:
    """Whether these settings are those of a composed pipeline, and of no recipe."""
    return "stages" in settings


def compose(name: str, settings: Mapping[str, object], base: Path) -> Stage:
    """The stages under `stages`, one after another. `chunk` is the chunker of every search (`retrieve`, `iterate`)
    that names none. `set` changes these, by names such as `retrieve.k`: see `changed`.

    A stage is a name, a name with its settings, or a name with the value of its first setting (`order: ends`); the name
    is one of `STAGES`, a path, or an entry point of the group `rageval.stages`. Settings that are stages themselves
    (`INNER_STAGES`) are such lists too. `base` is what paths are relative to.
    Raises DeclarationError that names the pipeline, the stage by its number from 1, and the setting.
    """
    place = f"pipelines.{name}"
    for key in settings:
        if key not in _KEYS:
            raise DeclarationError(f"{place}: found the key {key!r}, expected some of {', '.join(_KEYS)}")
    given = settings["stages"]
    if not isinstance(given, list | tuple) or not given:
        raise DeclarationError(f"{place}.stages: found {given!r}, expected a list of stages")
    chunk, entries = changed(settings.get("chunk"), cast("Sequence[object]", given), changes_of(settings, place), place)
    if not entries:
        raise DeclarationError(f"{place}.set: found a pipeline without stages, expected one that is left at least")
    chain = _chain(entries, chunk, base, f"{place}.stages")
    if chunk is not None:
        _check_chunk(chunk, chain, base, place)
    return chain


def changes_of(settings: Mapping[str, object], place: str) -> Mapping[str, object]:
    """What stands under `set`. Raises DeclarationError for anything but a mapping."""
    given = settings.get("set")
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise DeclarationError(f"{place}.set: found {given!r}, expected names with values, such as retrieve.k: 5")
    return {str(name): value for name, value in cast("Mapping[object, object]", given).items()}


def changed(
    chunk: object, entries: Sequence[object], changes: Mapping[str, object], place: str
) -> tuple[object, list[object]]:
    """The chunker and the stages with these changes: `chunk` is another chunker, `rerank` the settings of a stage (null
    leaves the stage out), `rerank.keep` one of its settings.

    Raises DeclarationError for a name that no stage, or more than one, has.
    """
    names = [_name_and_value(entry, f"{place}.stages.{number}")[0] for number, entry in enumerate(entries, start=1)]
    made: list[object] = [*entries]
    for name, value in changes.items():
        if name == "chunk":
            chunk = value
            continue
        stage, setting = _stage_of(name, names)
        if names.count(stage) != 1:
            found = "no such stage" if stage not in names else "the stage more than once"
            raise DeclarationError(f"{place}.set.{name}: found {found}, expected one of chunk, {', '.join(names)}")
        number = names.index(stage)
        if setting is None:
            made[number] = None if value is None else {stage: value}
        elif made[number] is not None:
            before = _settings_by_name(made[number], f"{place}.stages.{number + 1}")
            made[number] = {stage: {**before, setting: value}}
    return chunk, [entry for entry in made if entry is not None]


def _stage_of(name: str, names: Sequence[str]) -> tuple[str, str | None]:
    """The stage and the setting that `rerank.keep` names; the name of a stage may have dots in it, as a path does."""
    stage = next((one for one in names if name == one or name.startswith(f"{one}.")), name.split(".")[0])
    return stage, name[len(stage) + 1 :] or None


def _settings_by_name(entry: object, place: str) -> Mapping[str, object]:
    name, given = _name_and_value(entry, place)
    return _settings(STAGES.get(name), given, f"{place}.{name}")


def _chain(given: object, chunk: object, base: Path, place: str) -> Chain:
    """The stages of a list, one after another."""
    if not isinstance(given, list | tuple) or not given:
        raise DeclarationError(f"{place}: found {given!r}, expected a list of stages")
    entries = enumerate(cast("Sequence[object]", given), start=1)
    stages = tuple(_stage(entry, chunk, base, f"{place}.{number}") for number, entry in entries)
    _check_order(stages, place)
    return Chain(stages)


def _stage(entry: object, chunk: object, base: Path, place: str) -> Stage:
    name, given = _name_and_value(entry, place)
    plugin = find_plugin("stages", name, STAGES, base, place)
    settings = _settings(plugin.target, given, f"{place}.{name}")
    if plugin.target in SEARCHES and chunk is not None:
        settings = {"chunker": chunk, **settings}
    inner = [key for key in INNER_STAGES.get(name, ()) if key in settings]
    settings = {**settings, **{key: _chain(settings[key], chunk, base, f"{place}.{name}.{key}") for key in inner}}
    stage = build_found(plugin, settings, base, place)
    if not isinstance(stage, Stage):
        raise DeclarationError(f"{place}.{name}: found a {type(stage).__name__}, expected a stage")
    return stage


def _name_and_value(entry: object, place: str) -> tuple[str, object]:
    if isinstance(entry, str):
        return entry, None
    if isinstance(entry, Mapping) and len(cast("Mapping[object, object]", entry)) == 1:
        ((name, value),) = cast("Mapping[object, object]", entry).items()
        if isinstance(name, str):
            return name, value
    raise DeclarationError(f"{place}: found {entry!r}, expected the name of a stage, alone or with its settings")


def _settings(target: object, given: object, place: str) -> Mapping[str, object]:
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return cast("Mapping[str, object]", given)
    first = next(iter(inspect.signature(target).parameters), None) if callable(target) else None
    if first is None:
        raise DeclarationError(f"{place}: found {given!r}, expected no setting: the stage has none")
    return {first: given}


def _check_chunk(chunk: object, chain: Chain, base: Path, place: str) -> None:
    if not any(isinstance(part, Retrieve | Iterate | GraphStage) for part in parts_of(chain)):
        as_chunker(build_plugin("chunkers", chunk, CHUNKERS, base, f"{place}.chunk"), f"{place}.chunk")
        raise DeclarationError(f"{place}.chunk: found a chunker and no stage retrieve, expected one that uses it")


def _check_order(stages: Sequence[Stage], place: str) -> None:
    """Of stages of the user's own nothing is known: behind one of them any stage may stand."""
    context = NO_CONTEXT
    for number, stage in enumerate(stages, start=1):
        if not type(stage).__module__.startswith("rageval."):
            return
        if isinstance(stage, READ_PASSAGES) and context == NO_CONTEXT:
            raise DeclarationError(
                f"{place}.{number}: found {type(stage).__name__} before any passages are found, expected "
                "retrieve before it"
            )
        context = stage.context_size(context)
