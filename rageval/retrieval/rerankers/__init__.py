"""Rerankers put passages into a better order; `RERANKERS` are those that can be called by name."""

from collections.abc import Callable, Mapping

from rageval.retrieval.rerankers.base import Reranker
from rageval.retrieval.rerankers.pointwise import Pointwise

RERANKERS: Mapping[str, Callable[..., Reranker]] = {"pointwise": Pointwise}

__all__ = ["RERANKERS", "Pointwise", "Reranker"]
