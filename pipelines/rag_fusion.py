"""Search with several rewritten questions and fuse the rankings by reciprocal rank.

Helps where one wording misses what another finds; costs one model call before retrieval. Rackauckas 2024,
arXiv 2402.03367; the fusion is Cormack, Clarke and Buettcher 2009 with k = 60.
"""

from rageval.generation import Answer, RewriteQueries
from rageval.pipeline import Stage
from rageval.retrieval import Chunking, Retrieve
from rageval.retrieval.retrieve import DenseSearch, Retriever


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
    retrieve = Retrieve(retriever, k, depth, Chunking(chunk_tokens, overlap), rrf_k=rrf_k, dense_search=dense_search)
    return RewriteQueries(n) >> retrieve >> Answer()
