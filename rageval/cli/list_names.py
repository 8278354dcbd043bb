"""`rageval list`."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer


class Listed(StrEnum):
    """What `rageval list` can show."""

    pipelines = "pipelines"
    metrics = "metrics"
    judges = "judges"
    benchmarks = "benchmarks"


def list_names(what: Annotated[Listed, typer.Argument(help="What to list.")]) -> None:
    """List what can be named in an experiment."""
    for name, text in _LISTS[what]().items():
        print(f"{name:<20} {text}")


def _list_pipelines() -> dict[str, str]:
    from rageval.experiment.recipes import list_recipes, recipe_summary

    return {name: recipe_summary(path) for name, path in list_recipes().items()}


def _list_metrics() -> dict[str, str]:
    from rageval.metrics import ALL_METRICS

    return {metric.form: f"{metric.kind}: {metric.meaning} ({metric.source})" for metric in ALL_METRICS}


def _list_judges() -> dict[str, str]:
    from rageval.judges import JUDGES

    return {name: judge.summary for name, judge in JUDGES.items()}


def _list_benchmarks() -> dict[str, str]:
    from rageval.benchmark import shipped_benchmarks

    return {name: str(path) for name, path in shipped_benchmarks().items()}


_LISTS: dict[Listed, Callable[[], dict[str, str]]] = {
    Listed.pipelines: _list_pipelines,
    Listed.metrics: _list_metrics,
    Listed.judges: _list_judges,
    Listed.benchmarks: _list_benchmarks,
}
