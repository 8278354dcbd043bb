"""A classifier or reranker behind an address as a detector: its score of claim and passage is P(yes)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rageval.errors import ExecutionError
from rageval.judges.light.detectors import Pair
from rageval.judges.light.weights import TrainedMetric
from rageval.models.base import ChatModel
from rageval.models.rerank_endpoint import RerankService, rank_request, read_ranks
from rageval.text.languages import Language
from rageval.types import Abstained, Json, Usage

Scores: TypeAlias = Literal["probability", "logit"]
"""What a classifier gives: P(yes), or the logit of it."""

_MOST = 30.0


@dataclass(frozen=True)
class RerankDetector:
    """P(yes) from the scores of a rerank service: the claim is the query, and the passages are what is scored. Of
    several passages, the one with the highest score counts. One call for each claim.

    `scores` says what the service gives: a probability from 0 to 1, or a logit, of which the sigmoid is taken. A score
    that is no such number is an abstention.
    """

    service: RerankService
    scores: Scores = "probability"
    metrics: tuple[TrainedMetric, ...] = ("faithfulness",)

    @property
    def name(self) -> str:
        return f"rerank ({self.service.model})"

    @property
    def settings(self) -> Mapping[str, Json]:
        return {"rerank": self.service.identity, "scores": self.scores}

    def calls(self, pairs: int) -> int:
        return pairs

    async def probabilities(
        self, metric: TrainedMetric, pairs: Sequence[Pair], language: Language, chat: ChatModel
    ) -> tuple[list[float | Abstained], Usage]:
        said: list[float | Abstained] = []
        usage = Usage()
        for claim, texts in pairs:
            shown = [text for text in texts if text.strip()]
            if not shown:
                said.append(0.0)
                continue
            try:
                reply = await chat.complete(rank_request(claim, shown))
            except ExecutionError as error:
                said.append(Abstained(f"the judge's call failed: {error}"))
                continue
            usage += reply.usage
            said.append(self._best(read_ranks(reply)))
        return said, usage

    def _best(self, ranks: Sequence[float | None]) -> float | Abstained:
        found = [rank for rank in ranks if rank is not None]
        if len(found) < len(ranks):
            return Abstained(
                f"{self.service.model} gave no score to {len(ranks) - len(found)} of {len(ranks)} passages"
            )
        return best_probability(found, self.scores, self.service.model)


def best_probability(found: Sequence[float], scores: Scores, model: str) -> float | Abstained:
    """P(yes) of the highest of the passages' scores; an abstention where one of them is no such score."""
    best = max(found)
    if scores == "logit":
        return 0.5 * (1.0 + math.tanh(max(-_MOST, min(_MOST, best)) / 2.0))
    if not 0.0 <= min(found) <= best <= 1.0:
        return Abstained(f"{model} gave the score {best:g}, expected 0 to 1 (or scores: logit)")
    return best
