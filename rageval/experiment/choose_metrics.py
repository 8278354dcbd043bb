"""Turn the entries under `metrics` of an experiment into metrics, and into the user's own judges and metrics."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from rageval.errors import DeclarationError
from rageval.experiment.choose_judges import checked_judge, is_rubric, read_rubric
from rageval.io.plugins import build_found, find_plugin, installed_plugins, split_entry, split_reference
from rageval.io.strict import shown
from rageval.io.user_files import find_file, load_module
from rageval.judges import JUDGES, CustomJudge, Judge, Rubric
from rageval.metrics import Metric, parse
from rageval.metrics.custom import CustomMetric, OwnMetric, check_custom_metric, own_metric
from rageval.metrics.names import CUSTOM
from rageval.metrics.overlap import check_available
from rageval.source import source_digest

MetricLike: TypeAlias = str | Path | Mapping[str, Mapping[str, Any] | None] | CustomJudge | Rubric | CustomMetric

_FORMS = "a name, a path, or a judge or metric such as Brevity()"


@dataclass(frozen=True)
class ChosenMetrics:
    """Metrics, in order, and those judges and metrics among them that are the user's own."""

    metrics: tuple[Metric, ...]
    own_judges: tuple[Judge, ...]
    own_metrics: tuple[OwnMetric, ...]


def choose_metrics(given: Sequence[object], base: Path) -> ChosenMetrics:
    """The metrics of these entries (names, paths or objects). Paths are relative to `base` or to the current directory.

    Raises DeclarationError for an entry that names no metric, and for a metric given twice, also by an alias.
    """
    own = [choose_own(entry, base) for entry in given]
    names = [str(entry) if part is None else part.name for entry, part in zip(given, own, strict=True)]
    metrics = parse_metrics(names)
    for metric, part in zip(metrics, own, strict=True):
        if metric.judge:
            raise DeclarationError(
                f"metrics: found {metric}, expected {metric.name}: `rageval judge RUN --name {metric.judge}` adds "
                "another judge to a run"
            )
        if part is None and (metric.name.startswith(CUSTOM) or metric.kind == "custom"):
            what, ending = ("metric", ".py") if metric.kind == "custom" else ("judge", ".yaml")
            name = metric.name.partition(".")[2]
            raise DeclarationError(f"metrics: found {metric}, expected the path of that {what}, such as {name}{ending}")
    check_available([metric.name for metric in metrics])
    return ChosenMetrics(
        metrics,
        tuple(part for part in own if part is not None and not isinstance(part, OwnMetric)),
        tuple(part for part in own if isinstance(part, OwnMetric)),
    )


def parse_metrics(texts: Sequence[str]) -> tuple[Metric, ...]:
    """The metrics, in order; one named twice (also by an alias) is a mistake."""
    metrics = tuple(map(parse, texts))
    for position, metric in enumerate(metrics):
        if metric in metrics[:position]:
            raise DeclarationError(f"metrics: found {metric} twice, expected each metric once")
    return metrics


def choose_own(given: object, base: Path, place: str = "metrics") -> Judge | OwnMetric | None:
    """The user's own judge or metric that an entry under `place` names or is; None for any other name.

    An entry is a path (a rubric's YAML, or a Python file with a `judge`, a `metric` or one class), the name of an
    installed part, either with settings, or an object. Raises DeclarationError that names the file and the key.
    """
    if isinstance(given, CustomJudge | Rubric | CustomMetric):
        return _checked(given, place)
    if isinstance(given, Mapping):
        reference, settings = split_entry(cast("Mapping[object, object]", given), place)
    elif isinstance(given, str | os.PathLike):
        reference, settings = os.fspath(cast("str | os.PathLike[str]", given)), None
    else:
        raise DeclarationError(f"{place}: found {shown(given)}, expected {_FORMS}")
    if is_rubric(reference):
        if settings is not None:
            raise DeclarationError(f"{place}.{reference}: found settings, expected none: a rubric's are in its file")
        return read_rubric(reference, find_file(place, reference, base))
    kind = _kind(reference, base, place)
    if kind is None:
        if settings is not None:
            raise DeclarationError(f"{place}.{reference}: found settings, expected none for a metric of rageval's")
        return None
    plugin = find_plugin(kind, reference, {}, base, place)
    built = build_found(plugin, settings, base, place)
    return _checked(built, reference, None if plugin.file is None else source_digest(plugin.file))


def _kind(reference: str, base: Path, place: str) -> Literal["judges", "metrics"] | None:
    """What a file defines, or what an installed package offers under that name; None for names of rageval's."""
    file, _ = split_reference(reference)
    if file is not None:
        defined = vars(load_module(find_file(place, file, base)))
        return "metrics" if "metric" in defined and "judge" not in defined else "judges"
    if reference in JUDGES or _names_metric(reference):
        return None
    if reference in installed_plugins("judges"):
        return "judges"
    return "metrics" if reference in installed_plugins("metrics") else None


def _names_metric(text: str) -> bool:
    try:
        parse(text)
    except DeclarationError:
        return False
    return True


def _checked(built: object, place: str, file: str | None = None) -> Judge | OwnMetric:
    match built:
        case CustomMetric():
            check_custom_metric(built, place)
            return own_metric(built, file)
        case CustomJudge() | Rubric():
            return checked_judge(built, place, file)
        case _:
            raise DeclarationError(f"{place}: found {shown(built)}, expected a CustomJudge or a CustomMetric")
