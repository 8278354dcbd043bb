"""The stage that puts the passages of the context into a better order and keeps the best."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rageval.errors import DeclarationError, ExecutionError
from rageval.pipeline import NO_CONTEXT, Calls, ContextSize, Need, PromptSizes, Resources, Stage, State
from rageval.retrieval.rerankers import Reranker, as_reranker


@dataclass(frozen=True)
class Rerank(Stage):
    """Order the passages of the context by the reranker's scores and keep the `k` best in it.

        Retrieve(index, k=50) >> Rerank(Pointwise(), k=5) >> Answer()

    Equal scores keep their order; passages without a score come behind the others, in theirs. All of them stay in the
    ranking, before the passages that were not in the context. The step `rerank` tells the scores.
    """

    reranker: Reranker
    k: int = 5

    def __post_init__(self) -> None:
        if self.k < 1:
            raise DeclarationError(f"k: found {self.k}, expected at least 1")
        as_reranker(self.reranker)

    def needs(self, generate: bool) -> frozenset[Need]:
        return self.reranker.needs()

    def all_prompts(self) -> frozenset[str]:
        return self.reranker.prompts()

    def calls(self, generate: bool, before: ContextSize = NO_CONTEXT) -> Calls:
        return self.reranker.calls(before.passages)

    def prompt_tokens(self, generate: bool, sizes: PromptSizes) -> int | None:
        return self.reranker.prompt_tokens(sizes)

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        return ContextSize(min(self.k, before.passages), before.tokens_each)

    async def run(self, state: State, resources: Resources) -> State:
        context, counting = state.response.context, resources.counting()
        passages = state.response.context_passages
        scores = await self.reranker.score(state.question, passages, counting) if passages else ()
        if len(scores) != len(passages) or not all(score is None or math.isfinite(score) for score in scores):
            raise ExecutionError(
                f"reranker {type(self.reranker).__name__}: found the scores {scores!r}, expected a finite number or "
                f"None for each of {len(passages)} passages"
            )
        order = sorted(range(len(passages)), key=lambda n: math.inf if (score := scores[n]) is None else -score)
        return state.with_first([context[n] for n in order], self.k).with_step(
            "rerank",
            counting.usage,
            passages=[passage.id for passage in passages],
            scores=[None if score is None else round(float(score), 6) for score in scores],
        )
