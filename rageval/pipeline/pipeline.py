"""A stage with a name and the settings that it was built with."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, cast

from rageval.pipeline.abstention import read_abstention
from rageval.pipeline.check_response import check_response
from rageval.pipeline.resources import Resources
from rageval.pipeline.stage import Chain, Stage, run_stage
from rageval.pipeline.state import Query, State
from rageval.prompts import Prompt
from rageval.types import Json, Question, Response


@dataclass(frozen=True)
class Pipeline:
    """A stage with a name. `params` are the settings that were given, for the label; defaults stay out of it.

    `source` is a digest of the code that built the stage, where there is any: it may define stages of its own, whose
    fields alone would not show that they changed. `models` says which models the pipeline asks in the place of the
    experiment's, as its entry in the file does; an experiment opens them.
    """

    name: str
    stage: Stage
    params: Mapping[str, Json] = field(default_factory=dict[str, Json])
    source: str = ""
    models: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def label(self) -> str:
        """`naive(retriever=bm25, k=5)`: what tables show and what must differ between pipelines of one experiment."""
        if not self.params:
            return self.name
        return f"{self.name}({', '.join(f'{k}={_short(v)}' for k, v in self.params.items())})"

    async def answer(self, question: Question, resources: Resources, *, generate: bool = True) -> Response:
        """Run the stages on one question; the response, checked (`check_response`), with what
        its text says of abstaining (`read_abstention`). Latency is wall time in seconds.

        Raises whatever a stage raises, and ExecutionError where a stage returns what cannot be kept.
        """
        started = time.perf_counter()
        state = await run_stage(self.stage, State(question, (Query(question.text),), generate=generate), resources)
        latency_s = round(time.perf_counter() - started, 6)
        response = read_abstention(check_response(state.response), resources.phrases, question.language)
        return dataclasses.replace(response, latency_s=latency_s)


def stage_label(stage: Stage) -> str:
    """Return `Retrieve(k=3) >> Answer()`: a stage with its settings that are not defaults.

    A single stage with no such settings is just its name. A setting that is an object shows its class.
    """
    if isinstance(stage, Chain):
        return " >> ".join(_call(link) for link in stage.stages)
    return _call(stage).removesuffix("()")


def _call(value: object) -> str:
    """Class and settings of a dataclass instance."""
    given = [
        f"{field.name}={_short(getattr(value, field.name))}"
        for field in dataclasses.fields(cast("Any", value))
        if not _is_default(field, getattr(value, field.name))
    ]
    return f"{type(value).__name__}({', '.join(given)})"


def _is_default(field: dataclasses.Field[Any], value: object) -> bool:
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    return type(default) is type(value) and bool(default == value)


def _short(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_short, cast("Sequence[object]", value))) + "]"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}{_settings(given)}" for name, given in cast("Mapping[object, object]", value).items())
    if isinstance(value, Stage):
        return stage_label(value)
    if isinstance(value, Prompt):
        return value.file or value.name
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _call(value)
    plain = value is None or isinstance(value, bool | int | float | str | PurePath)
    return str(value) if plain else type(value).__name__


def _settings(given: object) -> str:
    """Format a name with settings: `my.py(size=3)`."""
    if isinstance(given, Mapping):
        settings = cast("Mapping[object, object]", given)
        return f"({', '.join(f'{name}={_short(value)}' for name, value in settings.items())})"
    return "" if given is None else f"={_short(given)}"
