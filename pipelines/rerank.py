"""Retrieve many passages, let a reranker order them, read the few best.

Helps where the right passage is found but not among the first. The default reranker asks the chat model once for each
candidate; what the generator reads is no longer than in `naive`. Nogueira and Cho 2019, arXiv 1901.04085.
"""

from typing import Unpack

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import Pointwise
from rageval.retrieval.settings import SearchSettings, retrieve


def build(**search: Unpack[SearchSettings]) -> Stage:
    """Takes the settings of every search; `reranker` is `pointwise` by default."""
    search.setdefault("reranker", Pointwise())
    return retrieve(**search) >> Answer()
