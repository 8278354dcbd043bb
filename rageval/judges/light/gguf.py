"""A classifier of the user's own as a detector: a GGUF file, run in this process by llama.cpp."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from rageval.errors import DeclarationError
from rageval.judges.light.detectors import Pair
from rageval.judges.light.rerank import Scores, best_probability
from rageval.judges.light.weights import TrainedMetric
from rageval.models.base import ChatModel
from rageval.models.gguf_pairs import WITH_SOFTMAX, GgufPairs
from rageval.text.languages import Language
from rageval.types import Abstained, Json, Usage


@dataclass(frozen=True)
class GgufDetector:
    """P(yes) from the score that llama.cpp gives a pair of claim and passage (pooling `rank`): with `scores` logit its
    sigmoid. Of several passages, the one with the highest score counts.

    `first` is the text that the model reads first; a rerank template in the file takes the claim as its query. A pair
    longer than `max_tokens`, or than the model can read, loses the end of its passage; a claim that leaves no room for
    one is an abstention, as is a score that is no finite number or, with `scores` probability, outside 0 to 1. The
    model is loaded at the first pair. `threads` defaults to the cores that this process may use.

    Raises MissingExtraError where xllamacpp is not installed, and DeclarationError for a file that is no GGUF file,
    that has no classification head, or that has several labels: llama.cpp gives the score of the first alone, of which
    P does not follow unless it took their softmax.
    """

    path: Path
    scores: Scores = "logit"
    first: Literal["claim", "passage"] = "claim"
    max_tokens: int = 512
    metrics: tuple[TrainedMetric, ...] = ("faithfulness",)
    threads: int | None = None

    def __post_init__(self) -> None:
        header = self._pairs.header
        if header.architecture in WITH_SOFTMAX:
            if self.scores == "logit":
                raise DeclarationError(
                    f"{self.path}: found scores: logit, expected scores: probability, which is what llama.cpp gives "
                    f"for {header.architecture}"
                )
        elif header.labels > 1:
            raise DeclarationError(
                f"{self.path}: found {header.labels} labels, expected one: llama.cpp gives the logit of the first "
                "alone, of which P does not follow; give the classifier as an ONNX file (provider: onnx)"
            )

    @property
    def name(self) -> str:
        return f"gguf ({self.path.name} {self._pairs.digest[:12]})"

    @property
    def settings(self) -> Mapping[str, Json]:
        return {"gguf": self._pairs.digest, "scores": self.scores, "first": self.first, "max_tokens": self.max_tokens}

    def calls(self, pairs: int) -> int:
        return 0

    async def probabilities(
        self, metric: TrainedMetric, pairs: Sequence[Pair], language: Language, chat: ChatModel
    ) -> tuple[list[float | Abstained], Usage]:
        return [await asyncio.to_thread(self._probability, claim, texts) for claim, texts in pairs], Usage()

    def _probability(self, claim: str, texts: Sequence[str]) -> float | Abstained:
        found: list[float] = []
        for text in texts:
            score = (
                self._pairs.score(text, claim, "query") if self.first == "passage" else self._pairs.score(claim, text)
            )
            if isinstance(score, Abstained):
                return score
            found.append(score)
        return best_probability(found, self.scores, self.path.name) if found else 0.0

    @cached_property
    def _pairs(self) -> GgufPairs:
        return GgufPairs(self.path, self.max_tokens, self.threads, use="a judge in a GGUF file", kept="claim")
