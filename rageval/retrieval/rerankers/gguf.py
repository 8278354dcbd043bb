"""Passages by a reranker of the user's own in a GGUF file."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rageval.errors import DeclarationError
from rageval.models.gguf_pairs import WITH_SOFTMAX, GgufPairs
from rageval.pipeline import Resources
from rageval.retrieval.indexes.by_vector import embedded_text
from rageval.retrieval.rerankers.base import Reranker
from rageval.types import Abstained, Json, Passage, Question


@dataclass(frozen=True)
class GgufReranker(Reranker):
    """The score of question and passage, title included, by a cross-encoder in a GGUF file, run in this process.

        Rerank(GgufReranker(Path("bge-reranker-v2-m3-q4_k_m.gguf")))

    A logit or a probability, as the model gives it. A pair longer than `max_tokens`, or than the model can read, loses
    the end of its passage. A blank passage has no score, and neither has one for which the model gives no number. No
    call is counted. What identifies the reranker is the content of the file.

    Raises MissingExtraError where xllamacpp is not installed, and DeclarationError for a file that is no GGUF file,
    that has no classification head, or that has several labels, of which llama.cpp gives the first alone.
    """

    path: Path
    max_tokens: int = 512
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.max_tokens < 8:
            raise DeclarationError(f"max_tokens: found {self.max_tokens}, expected at least 8")
        header = self._pairs.header
        if header.labels > 1 and header.architecture not in WITH_SOFTMAX:
            raise DeclarationError(f"{self.path}: found {header.labels} labels, expected a reranker, which has one")

    def identity_fields(self) -> dict[str, Json]:
        return {"gguf": self._pairs.digest, "max_tokens": self.max_tokens}

    async def score(self, question: Question, passages: Sequence[Passage], resources: Resources) -> list[float | None]:
        return [await asyncio.to_thread(self._score, question.text, embedded_text(passage)) for passage in passages]

    def _score(self, question: str, text: str) -> float | None:
        score = self._pairs.score(question, text) if text else None
        return None if isinstance(score, Abstained) else score

    @cached_property
    def _pairs(self) -> GgufPairs:
        return GgufPairs(self.path, self.max_tokens, self.threads, use="a reranker in a GGUF file", kept="question")
