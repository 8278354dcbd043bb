"""A stage with a name and the settings that it was built with."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from rageval.pipeline.resources import Resources
from rageval.pipeline.stage import Stage
from rageval.pipeline.state import Query, State
from rageval.types import Json, Question, Response


@dataclass(frozen=True)
class Pipeline:
    """A stage with a name. `params` are the settings that were given, for the label; defaults stay out of it.

    `source` is a digest of the code that built the stage, where there is any: it may define stages of its own, whose
    fields alone would not show that they changed.
    """

    name: str
    stage: Stage
    params: Mapping[str, Json] = field(default_factory=dict[str, Json])
    source: str = ""

    @property
    def label(self) -> str:
        """`naive(retriever=bm25, k=5)`: what tables show and what must differ between pipelines of one experiment."""
        if not self.params:
            return self.name
        return f"{self.name}({', '.join(f'{k}={_short(v)}' for k, v in self.params.items())})"

    async def answer(self, question: Question, resources: Resources, *, generate: bool = True) -> Response:
        """Run the stages on one question. Errors of models pass through; latency is wall time in seconds."""
        started = time.perf_counter()
        state = await self.stage.run(State(question, (Query(question.text),), generate=generate), resources)
        return dataclasses.replace(state.response, latency_s=round(time.perf_counter() - started, 6))


def _short(value: Json) -> str:
    return "[" + ", ".join(_short(v) for v in value) + "]" if isinstance(value, list) else str(value)
