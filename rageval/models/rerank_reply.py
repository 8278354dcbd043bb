"""What rerank endpoints are sent and answer, as JSON: their shapes, and from a reply's body to scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from rageval.errors import ExecutionError
from rageval.models.wire import one_line


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the call goes behind the base URL, and the names of its fields: the passages, and how many results are
    wanted (None: all of them come anyway).
    """

    path: str = "/rerank"
    texts: str = "documents"
    most: str | None = "top_n"

    def body(self, query: str, texts: Sequence[str]) -> dict[str, Any]:
        """The body of a call, without the model's name."""
        most = {} if self.most is None else {self.most: len(texts)}
        return {"query": query, self.texts: list(texts), **most}


COHERE = Shape()
TEI = Shape(texts="texts", most=None)
SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "cohere": COHERE,
        "dashscope": Shape(path="/reranks"),
        "jina": COHERE,
        "siliconflow": COHERE,
        "tei": TEI,
        "vllm": COHERE,
        "voyage": Shape(most="top_k"),
    }
)
"""What services want, by name."""


def read_scores(body: Any, n: int, endpoint: str) -> list[float | None]:
    """Return the scores of `n` texts in their order, as the service gave them; None for a text that it left out or gave
    no finite number.

    Results stand under `results` or `data`, or are the whole body; scores under `relevance_score` or `score`. Raises
    ExecutionError for a body without results, and for an index that is missing, repeated or out of range.
    """
    results = _results(body)
    scores: list[float | None] = [None] * n
    seen: set[int] = set()
    for result in results or ():
        index = result.get("index")
        if not isinstance(index, int) or isinstance(index, bool) or index in seen or not 0 <= index < n:
            raise ExecutionError(f"{endpoint}: the ranking has the index {index!r}, expected 0 to {n - 1}, each once")
        seen.add(index)
        scores[index] = _score(result.get("relevance_score", result.get("score")))
    if all(score is None for score in scores):
        raise ExecutionError(f"{endpoint}: the reply is not a ranking with scores: {one_line(body)}")
    return scores


def _results(body: Any) -> list[dict[str, Any]] | None:
    if isinstance(body, Mapping):
        found = cast("Mapping[str, Any]", body)
        body = found.get("results", found.get("data"))
    if not isinstance(body, list) or not all(isinstance(one, dict) for one in cast("list[object]", body)):
        return None
    return cast("list[dict[str, Any]]", body)


def _score(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return float(value)
