"""Decide whether to retrieve, grade each passage, answer with citations, check the support, retry with another query.

Self-RAG's control flow with a general model instead of trained reflection tokens. Trades model calls for passages and
answers that were looked at twice. Asai et al. 2023, arXiv 2310.11511.
"""

from typing import Unpack

from rageval.generation import SelfReflect
from rageval.pipeline import Stage
from rageval.retrieval.settings import SearchSettings, retrieve


def build(decide: bool = True, threshold: float = 0.5, max_retries: int = 1, **search: Unpack[SearchSettings]) -> Stage:
    """`threshold`: the least P(yes) that keeps a passage or accepts an answer; `max_retries`: rewrites at most."""
    return SelfReflect(retrieve(**search), decide, threshold, max_retries)
