"""Search with several rewritten questions and fuse the rankings by reciprocal rank.

Helps where one wording misses what another finds; costs one model call before retrieval. Rackauckas 2024,
arXiv 2402.03367; the fusion is Cormack, Clarke and Buettcher 2009 with k = 60.
"""

from rageval.generation import Answer, RewriteQueries
from rageval.pipeline import Stage
from rageval.retrieval import SentenceChunker
from rageval.retrieval.indexes import INDEXES
from rageval.retrieval.settings import DenseSearch, Retriever, retrieve


def build(
    n: int = 3,
    retriever: Retriever = "hybrid",
    k: int = 5,
    depth: int = 100,
    chunk_tokens: int = 384,
    overlap: int = 0,
    rrf_k: int = 60,
    dense_search: DenseSearch = "exact",
) -> Stage:
    """`n` rewritten questions are searched beside the question itself."""
    index = INDEXES[retriever](SentenceChunker(chunk_tokens, overlap))
    return RewriteQueries(n) >> retrieve(index, k, depth, rrf_k=rrf_k, dense_search=dense_search) >> Answer()
