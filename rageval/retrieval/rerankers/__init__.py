"""Rerankers put passages into a better order; `RERANKERS` are those that can be called by name."""

from collections.abc import Callable, Mapping
from typing import Annotated, TypeAlias

from rageval.io.plugins import Part
from rageval.retrieval.rerankers.base import Reranker, as_reranker
from rageval.retrieval.rerankers.endpoint import RerankEndpoint
from rageval.retrieval.rerankers.gguf import GgufReranker
from rageval.retrieval.rerankers.late_interaction import LateInteraction
from rageval.retrieval.rerankers.listwise import Listwise
from rageval.retrieval.rerankers.pointwise import Pointwise

RERANKERS: Mapping[str, Callable[..., Reranker]] = {
    "endpoint": RerankEndpoint,
    "gguf": GgufReranker,
    "late_interaction": LateInteraction,
    "listwise": Listwise,
    "pointwise": Pointwise,
}

AnyReranker: TypeAlias = Annotated[Reranker, Part("rerankers", RERANKERS, as_reranker)]
"""A reranker as a setting: in a file by name or path."""

__all__ = [
    "RERANKERS",
    "AnyReranker",
    "GgufReranker",
    "LateInteraction",
    "Listwise",
    "Pointwise",
    "RerankEndpoint",
    "Reranker",
    "as_reranker",
]
