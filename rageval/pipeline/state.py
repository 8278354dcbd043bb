"""What flows through the stages of a pipeline."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rageval.pipeline.conditions import Condition
from rageval.types import Hit, Json, Question, Response, Step, Usage


@dataclass(frozen=True, slots=True)
class Query:
    """A text that is searched with. `kind` tells an embedder whether it reads like a question or like a passage."""

    text: str
    kind: Literal["query", "passage"] = "query"


@dataclass(frozen=True, slots=True)
class State:
    """A question on its way through a pipeline. `generate` is False where no metric needs an answer; `conditions` are
    those that documents have to meet in later searches.

    `self_contained` is the question as a stage wrote it to be understood without the conversation before it; "" where
    none did.
    """

    question: Question
    queries: tuple[Query, ...]
    response: Response = Response()
    generate: bool = True
    conditions: tuple[Condition, ...] = ()
    self_contained: str = ""

    @property
    def standalone(self) -> Question:
        """The question for stages that search and choose passages: where there is a self-contained text, with that text
        and without history.
        """
        if not self.self_contained:
            return self.question
        return dataclasses.replace(self.question, text=self.self_contained, history=())

    def with_response(self, **changes: Any) -> State:
        return dataclasses.replace(self, response=dataclasses.replace(self.response, **changes))

    def with_step(self, name: str, usage: Usage | None = None, **detail: Json) -> State:
        """This state with one more step recorded and its usage added."""
        step = Step(name, detail, usage or Usage())
        return self.with_response(steps=(*self.response.steps, step), usage=self.response.usage + step.usage)

    def with_first(self, positions: Sequence[int], k: int) -> State:
        """Return this state with the hits at these positions first, in that order; the others keep their order.

        The first `k` hits become the context. Scores of different stages are not comparable, so each hit's score
        becomes its rank, counted from the last.
        """
        hits, first = self.response.hits, frozenset(positions)
        order = [*positions, *(position for position in range(len(hits)) if position not in first)]
        ranked = tuple(Hit(hits[position].passage, float(len(order) - rank)) for rank, position in enumerate(order))
        return self.with_response(hits=ranked, context=tuple(range(min(k, len(positions)))))
