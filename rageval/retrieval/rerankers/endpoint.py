"""Passages by a rerank model behind an address: Cohere, Jina, Voyage, DashScope, SiliconFlow, vLLM, TEI and others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rageval.models.rerank_endpoint import RerankService, rank_request, read_ranks
from rageval.pipeline import Calls, PromptSizes, Resources
from rageval.pipeline.sizes import times, total
from rageval.retrieval.indexes.by_vector import embedded_text
from rageval.retrieval.rerankers.base import Reranker
from rageval.types import Passage, Question


@dataclass(frozen=True)
class RerankEndpoint(RerankService, Reranker):
    """The scores of a rerank model for question and passage, title included, as the service gives them.

        Rerank(RerankEndpoint("https://api.cohere.com/v2", "rerank-v3.5", api_key_env="COHERE_API_KEY"))

    A blank passage has no score and is not sent. Calls are counted and cached like those of chat models.
    """

    async def score(self, question: Question, passages: Sequence[Passage], resources: Resources) -> list[float | None]:
        texts = [embedded_text(passage) for passage in passages]
        shown = [text for text in texts if text]
        if not shown:
            return [None] * len(texts)
        reply = await resources.ranker(self).complete(rank_request(question.text, shown))
        scores = iter(read_ranks(reply))
        return [next(scores) if text else None for text in texts]

    def calls(self, passages: int) -> Calls:
        return Calls(0, math.ceil(passages / self.batch))

    def prompt_tokens(self, sizes: PromptSizes) -> int | None:
        return times(sizes.context.passages, total(sizes.question, sizes.passage))
