"""Small passages, hybrid search, the best that fit a budget of tokens, an answer that cites: a recipe to begin with.

The words and the meaning of the question are both searched, since each misses what the other finds; passages are small,
so that a budget holds more different ones; a reranker may order the candidates; the generator names the passages that
it used. Wang et al. 2024, arXiv 2407.01219, searched for best practices of this kind.
"""

from typing import Unpack

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import Budget, RecursiveChunker
from rageval.retrieval.settings import SearchSettings, retrieve


def build(tokens: int = 1000, **search: Unpack[SearchSettings]) -> Stage:
    """`tokens`: the most estimated tokens of passages in the prompt, of the `k` (20) best.

    Passages are `recursive` with at most 200 tokens by default. Without a `reranker` the order is that of the search,
    and it costs no call.
    """
    search.setdefault("k", 20)
    if "chunk_tokens" not in search and "overlap" not in search:
        search.setdefault("chunker", RecursiveChunker(200))
    return retrieve(**search) >> Budget(tokens) >> Answer(cite=True)
