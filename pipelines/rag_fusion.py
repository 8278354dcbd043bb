"""Search with several rewritten questions and fuse the rankings by reciprocal rank.

Helps where one wording misses what another finds; costs one model call before retrieval. Rackauckas 2024,
arXiv 2402.03367; the fusion is Cormack, Clarke and Buettcher 2009 with k = 60.
"""

from typing import Unpack

from rageval.generation import Answer, RewriteQueries
from rageval.pipeline import Stage
from rageval.retrieval.settings import SearchSettings, retrieve


def build(n: int = 3, rrf_k: int = 60, **search: Unpack[SearchSettings]) -> Stage:
    """`n` rewritten questions are searched beside the question itself; `rrf_k` is the constant of the fusion."""
    return RewriteQueries(n) >> retrieve(rrf_k=rrf_k, **search) >> Answer()
