"""`rageval list`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from rageval.cli.output import FormatFlag, JsonFlag, choose_format, print_found

if TYPE_CHECKING:
    from rageval.io.plugins import Kind


class Listed(StrEnum):
    """What `rageval list` can show."""

    pipelines = "pipelines"
    stages = "stages"
    chunkers = "chunkers"
    indexes = "indexes"
    rerankers = "rerankers"
    models = "models"
    metrics = "metrics"
    judges = "judges"
    benchmarks = "benchmarks"
    reports = "reports"


def list_names(
    what: Annotated[Listed, typer.Argument(help="What to list.")],
    output: FormatFlag = "terminal",
    as_json: JsonFlag = False,
) -> None:
    """List what can be named in an experiment, with what installed packages offer."""
    from rageval.report.names import names_printout

    form = choose_format(output, as_json)
    names, kinds = _LISTS[what]
    listed = {**names(), **{name: text for kind in kinds for name, text in _installed(kind).items()}}
    if form == "terminal":
        for name, text in listed.items():
            print(f"{name:<20} {text}")  # a line each, for scripts
        return
    print_found(form, lambda: names_printout(what, listed), lambda: {what: {**listed}})


def _installed(kind: Kind) -> dict[str, str]:
    from rageval.io.plugins import installed_plugins

    return {
        name: f"{kind}: {point.value} ({point.dist.name if point.dist else 'installed'})"
        for name, point in installed_plugins(kind).items()
    }


def _list_pipelines() -> dict[str, str]:
    from rageval.experiment.recipes import list_recipes, recipe_summary

    return {name: recipe_summary(path) for name, path in list_recipes().items()}


def _list_stages() -> dict[str, str]:
    from rageval.experiment.stages import STAGES

    return _with_settings(STAGES)


def _list_chunkers() -> dict[str, str]:
    from rageval.retrieval.chunkers import CHUNKERS

    return _with_settings(CHUNKERS)


def _list_indexes() -> dict[str, str]:
    from rageval.retrieval.indexes import INDEXES

    return _with_settings(INDEXES)


def _list_rerankers() -> dict[str, str]:
    from rageval.retrieval.rerankers import RERANKERS

    return _with_settings(RERANKERS)


def _list_models() -> dict[str, str]:
    from rageval.experiment.endpoint_spec import EndpointPart
    from rageval.experiment.spec import LocalModel

    return _summaries({"local": LocalModel, "openai": EndpointPart})


def _list_metrics() -> dict[str, str]:
    from rageval.metrics import ALL_METRICS

    return {metric.form: f"{metric.kind}: {metric.meaning} ({metric.source})" for metric in ALL_METRICS}


def _list_judges() -> dict[str, str]:
    from rageval.judges import JUDGES

    return {name: judge.summary for name, judge in JUDGES.items()}


def _list_benchmarks() -> dict[str, str]:
    from rageval.benchmark import shipped_benchmarks

    return {name: str(path) for name, path in shipped_benchmarks().items()}


def _list_reports() -> dict[str, str]:
    from rageval.report.choose_report import REPORTS, TERMINAL

    return {TERMINAL: "A table as wide as the terminal.", **_summaries(REPORTS)}


def _summaries(parts: Mapping[str, Callable[..., object]]) -> dict[str, str]:
    """The first line of each part's docstring."""
    return {name: (inspect.getdoc(part) or "").split("\n", 1)[0] for name, part in parts.items()}


def _with_settings(parts: Mapping[str, Callable[..., object]]) -> dict[str, str]:
    """The first line of each part's docstring, and the settings that it takes."""
    from rageval.report.names import settings_line

    settings = {name: settings_line(part) for name, part in parts.items()}
    return {
        name: f"{text} Settings: {settings[name]}" if settings[name] else text
        for name, text in _summaries(parts).items()
    }


_LISTS: dict[Listed, tuple[Callable[[], dict[str, str]], tuple[Kind, ...]]] = {
    Listed.pipelines: (_list_pipelines, ("stages",)),
    Listed.stages: (_list_stages, ("stages",)),
    Listed.chunkers: (_list_chunkers, ("chunkers",)),
    Listed.indexes: (_list_indexes, ("indexes",)),
    Listed.rerankers: (_list_rerankers, ("rerankers",)),
    Listed.models: (_list_models, ("chat", "embedders")),
    Listed.metrics: (_list_metrics, ("metrics", "judges")),
    Listed.judges: (_list_judges, ("judges",)),
    Listed.benchmarks: (_list_benchmarks, ("corpora",)),
    Listed.reports: (_list_reports, ("reports",)),
}
