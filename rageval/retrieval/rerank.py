"""Stages that score the passages of the context: the best in a better order, or those that are good enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rageval.errors import DeclarationError, ExecutionError
from rageval.pipeline import NO_CONTEXT, Calls, ContextSize, Need, PromptSizes, Resources, Stage, State
from rageval.pipeline.resources import CountingResources
from rageval.retrieval.rerankers import Reranker, as_reranker
from rageval.types import Json, Passage


@dataclass(frozen=True)
class _ByReranker(Stage):
    """A stage that scores the passages of the context."""

    reranker: Reranker

    def __post_init__(self) -> None:
        as_reranker(self.reranker)

    def needs(self, generate: bool) -> frozenset[Need]:
        return self.reranker.needs()

    def all_prompts(self) -> frozenset[str]:
        return self.reranker.prompts()

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return self.reranker.calls(before.passages)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        return self.reranker.prompt_tokens(sizes)


@dataclass(frozen=True)
class Rerank(_ByReranker):
    """Order the passages of the context by the reranker's scores and keep the `k` best in it.

        Retrieve(index, k=50) >> Rerank(Pointwise(), k=5) >> Answer()

    Equal scores keep their order; passages without a score come behind the others, in theirs. All of them stay in the
    ranking, before the passages that were not in the context. The step `rerank` tells the scores.
    """

    k: int = 5

    def __post_init__(self) -> None:
        if self.k < 1:
            raise DeclarationError(f"k: found {self.k}, expected at least 1")
        super().__post_init__()

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return replace(before, passages=min(self.k, before.passages))

    async def run(self, state: State, resources: Resources) -> State:
        context, counting = state.response.context, resources.counting()
        passages = state.response.context_passages
        scores = await _scores(self.reranker, state, counting)
        order = sorted(range(len(passages)), key=lambda n: math.inf if (score := scores[n]) is None else -score)
        return state.with_first([context[n] for n in order], self.k).with_step(
            "rerank", counting.usage, **_told(passages, scores, counting)
        )


@dataclass(frozen=True)
class Filter(_ByReranker):
    """Leave passages out of the context whose score by the reranker is below `least`; the others keep their order.

    With `Pointwise` the score is the chat model's P(yes), from 0 to 1. A passage without a score stays: what is not
    known is no reason to drop it. There may be none left, and then the answer abstains. The ranking stays as it is.
    Source: the relevance filters of Self-RAG (Asai et al. 2023, arXiv 2310.11511) and CRAG (Yan et al. 2024,
    arXiv 2401.15884). The step `filter` tells the scores.
    """

    least: float = 0.5

    async def run(self, state: State, resources: Resources) -> State:
        counting, passages = resources.counting(), state.response.context_passages
        scores = await _scores(self.reranker, state, counting)
        kept = [
            position
            for position, score in zip(state.response.context, scores, strict=True)
            if score is None or score >= self.least
        ]
        told = _told(passages, scores, counting)
        return state.with_response(context=tuple(kept)).with_step("filter", counting.usage, **told)


async def _scores(reranker: Reranker, state: State, counting: CountingResources) -> Sequence[float | None]:
    """A score for each passage of the context. Raises ExecutionError for any other number of scores, or no numbers."""
    passages = state.response.context_passages
    scores = await reranker.score(state.standalone, passages, counting) if passages else ()
    if len(scores) != len(passages) or not all(score is None or math.isfinite(score) for score in scores):
        raise ExecutionError(
            f"reranker {type(reranker).__name__}: found the scores {scores!r}, expected a finite number or None for "
            f"each of {len(passages)} passages"
        )
    return scores


def _told(passages: Sequence[Passage], scores: Sequence[float | None], counting: CountingResources) -> dict[str, Json]:
    return {
        **counting.counts,
        "passages": [passage.id for passage in passages],
        "scores": [None if score is None else round(float(score), 6) for score in scores],
    }
