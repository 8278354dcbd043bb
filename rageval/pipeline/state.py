"""What flows through the stages of a pipeline."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from rageval.types import Json, Question, Response, Step, Usage


@dataclass(frozen=True, slots=True)
class Query:
    """A text that is searched with. `kind` tells an embedder whether it reads like a question or like a passage."""

    text: str
    kind: Literal["query", "passage"] = "query"


@dataclass(frozen=True, slots=True)
class State:
    """A question on its way through a pipeline. `generate` is False where no metric needs an answer."""

    question: Question
    queries: tuple[Query, ...]
    response: Response = Response()
    generate: bool = True

    def with_response(self, **changes: Any) -> State:
        return dataclasses.replace(self, response=dataclasses.replace(self.response, **changes))

    def with_step(self, name: str, usage: Usage | None = None, **detail: Json) -> State:
        """This state with one more step recorded and its usage added."""
        step = Step(name, detail, usage or Usage())
        return self.with_response(steps=(*self.response.steps, step), usage=self.response.usage + step.usage)
