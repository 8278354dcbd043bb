"""Stages that change what the generator reads of the passages found: their order, their number, their variety.

The ranking of hits stays as it is, except where a stage says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from rageval.errors import DeclarationError
from rageval.pipeline import NO_CONTEXT, ContextSize, Need, Resources, Stage, State
from rageval.prompts import passages_block
from rageval.retrieval.indexes.by_vector import embedded_text
from rageval.retrieval.variety import most_marginal
from rageval.text import count_tokens


@dataclass(frozen=True)
class Order(Stage):
    """The order in which the generator reads the passages: the best at both `ends`, or in `reverse`.

    `ends` puts the best first and the second best last, so that the worst stand in the middle; `reverse` puts the best
    last, next to the question. Source of `ends`: Liu et al. 2023, arXiv 2307.03172 (models use the middle least);
    Haystack's LostInTheMiddleRanker.
    """

    by: Literal["ends", "reverse"] = "ends"

    async def run(self, state: State, resources: Resources) -> State:
        best_first = state.response.context
        if self.by == "reverse":
            return state.with_response(context=best_first[::-1])
        return state.with_response(context=(*best_first[0::2], *best_first[1::2][::-1]))


@dataclass(frozen=True)
class Budget(Stage):
    """As many passages as fit into `tokens` estimated tokens, as prompts show them.

    Tokens are those of `rageval.text.count_tokens`. Passages are taken in their order up to the first that does not
    fit. There may be none: a budget is never exceeded.
    """

    tokens: int = 1000

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise DeclarationError(f"tokens: found {self.tokens}, expected at least 1")

    async def run(self, state: State, resources: Resources) -> State:
        passages = state.response.context_passages
        fitting = 0
        while fitting < len(passages) and count_tokens(passages_block(passages[: fitting + 1])) <= self.tokens:
            fitting += 1
        return state.with_response(context=state.response.context[:fitting])


@dataclass(frozen=True)
class Diversify(Stage):
    """Keep the `keep` passages that answer the question and repeat each other least.

    They come first in the ranking. Maximal marginal relevance: one after the other, the passage with the largest
    `relevance` · cos(question, passage) - (1 - `relevance`) · the largest cos with a passage that was taken before.
    With `relevance` 1 it is the order by cosine alone. Source: Carbonell and Goldstein 1998.
    """

    keep: int = 5
    relevance: float = 0.7

    def __post_init__(self) -> None:
        if self.keep < 1:
            raise DeclarationError(f"keep: found {self.keep}, expected at least 1")
        if not 0.0 <= self.relevance <= 1.0:
            raise DeclarationError(f"relevance: found {self.relevance}, expected 0 to 1")

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"embed"})

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return replace(before, passages=min(self.keep, before.passages))

    async def run(self, state: State, resources: Resources) -> State:
        passages = state.response.context_passages
        if not passages:
            return state
        question = await resources.embedder.embed([state.standalone.text], "query")
        vectors = await resources.embedder.embed([embedded_text(one) for one in passages], "passage")
        order = most_marginal(vectors @ question[0], vectors, self.keep, self.relevance)
        return state.with_first([state.response.context[place] for place in order], self.keep)
