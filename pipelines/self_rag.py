"""Decide whether to retrieve, grade each passage, answer with citations, check the support, retry with another query.

Self-RAG's control flow with a general model instead of trained reflection tokens. Trades model calls for passages and
answers that were looked at twice. Asai et al. 2023, arXiv 2310.11511.
"""

from rageval.generation import SelfReflect
from rageval.pipeline import Stage
from rageval.retrieval import SentenceChunker
from rageval.retrieval.indexes import INDEXES
from rageval.retrieval.settings import DenseSearch, Retriever, retrieve


def build(
    retriever: Retriever = "hybrid",
    k: int = 5,
    depth: int = 100,
    chunk_tokens: int = 384,
    overlap: int = 0,
    decide: bool = True,
    threshold: float = 0.5,
    max_retries: int = 1,
    dense_search: DenseSearch = "exact",
) -> Stage:
    """`threshold`: the least P(yes) that keeps a passage or accepts an answer; `max_retries`: rewrites at most."""
    index = INDEXES[retriever](SentenceChunker(chunk_tokens, overlap))
    return SelfReflect(retrieve(index, k, depth, dense_search=dense_search), decide, threshold, max_retries)
