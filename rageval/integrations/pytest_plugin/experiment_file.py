"""The experiment file that pytest's configuration names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

import pytest

if TYPE_CHECKING:
    from rageval.benchmark import Selection
    from rageval.experiment.choose_metrics import MetricLike
    from rageval.experiment.spec import ChatChoice, EmbedderChoice, Models, Spec
    from rageval.front import ModelLike
    from rageval.models.base import Embedder


class Settings(TypedDict, total=False):
    """What `rag_run` hands on to `rageval.evaluate`, which says what each means."""

    questions: Selection
    chat: ModelLike
    embed: Embedder | Mapping[str, Any] | str
    judge: ModelLike | Sequence[ModelLike] | None
    judge_samples: int
    calibrations: Sequence[str | Path]
    budget: Mapping[str, float] | None
    seed: int
    repeats: int


def experiment_file(config: pytest.Config) -> tuple[Path, Spec] | None:
    """Path and content; None where the configuration names none."""
    from rageval.experiment.spec import read_spec

    named = str(config.getini("rageval_experiment"))
    path = config.rootpath / named
    return (path, read_spec(path)) if named else None


def names_models(config: pytest.Config) -> bool:
    """Whether there is an experiment file with models in it."""
    from rageval.errors import DeclarationError

    try:
        file = experiment_file(config)
    except DeclarationError:
        return True  # then rag_run says what is wrong with the file
    return file is not None and "models" in file[1].model_fields_set


def defaults(path: Path, spec: Spec) -> tuple[tuple[MetricLike, ...], Settings]:
    """Metrics and settings of an experiment file, with paths that hold anywhere."""
    from rageval.io.user_files import find_file

    base = path.parent
    models = spec.models
    settings: Settings = {
        "questions": spec.selection,
        "chat": _model(models.chat, base),
        "embed": _model(models.embed, base),
        "judge": None if models.judge is None else _judge(models, base),
        "judge_samples": models.judge_samples,
        "calibrations": [find_file("calibrations", named, base) for named in spec.calibrations],
        "budget": None if spec.budget is None else spec.budget.model_dump(exclude_none=True),
        "seed": spec.seed,
        "repeats": spec.repeats,
    }
    return tuple(_metric(entry, base) for entry in spec.metrics), settings


def _metric(entry: Any, base: Path) -> MetricLike:
    if isinstance(entry, Mapping):
        return {_anywhere(name, base): settings for name, settings in cast("Mapping[str, Any]", entry).items()}
    return _anywhere(str(entry), base)


def _anywhere(name: str, base: Path) -> str:
    """Returns the name unchanged, or the path in a form that works from any directory."""
    from rageval.io.plugins import split_reference

    file, part = split_reference(name)
    path = base / (file or name)
    return f"{path}:{part}" if path.is_file() and part else str(path) if path.is_file() else name


def _judge(models: Models, base: Path) -> Any:
    from rageval.experiment.detector_spec import located_detector

    if models.detector is not None:
        return located_detector(models.detector, base)
    return [_model(model, base) for model in models.raters]


def _model(choice: ChatChoice | EmbedderChoice, base: Path) -> Any:
    from rageval.experiment.choose_models import located
    from rageval.experiment.spec import ModelChoice, PluginModel

    assert isinstance(choice, ModelChoice)  # a file holds no objects
    if isinstance(choice, PluginModel):
        return located(choice, base)
    given = choice.model_dump(exclude_none=True)
    return {**given, "path": base / given["path"]} if "path" in given else given
