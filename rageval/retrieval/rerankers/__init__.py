"""Rerankers put passages into a better order; `RERANKERS` are those that can be called by name."""

from collections.abc import Callable, Mapping
from typing import Annotated, TypeAlias

from rageval.io.plugins import Part
from rageval.retrieval.rerankers.base import Reranker, as_reranker
from rageval.retrieval.rerankers.endpoint import RerankEndpoint
from rageval.retrieval.rerankers.pointwise import Pointwise

RERANKERS: Mapping[str, Callable[..., Reranker]] = {"endpoint": RerankEndpoint, "pointwise": Pointwise}

AnyReranker: TypeAlias = Annotated[Reranker, Part("rerankers", RERANKERS, as_reranker)]
"""A reranker as a setting: in a file by name or path."""

__all__ = ["RERANKERS", "AnyReranker", "Pointwise", "RerankEndpoint", "Reranker", "as_reranker"]
