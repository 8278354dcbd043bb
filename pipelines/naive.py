"""Retrieve, read, answer: the baseline that every other technique has to beat.

The question is searched as it stands and the k best passages go into the prompt. Strong where questions use the words
of the documents; weak where they do not. Lewis et al. 2020, arXiv 2005.11401.
"""

from rageval.generation import Answer
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
    dense_search: DenseSearch = "exact",
) -> Stage:
    """`retriever`: bm25, dense or hybrid; `k` passages into the prompt; `depth` documents ranked.

    `dense_search`: exact, or approximate for very large corpora.
    """
    index = INDEXES[retriever](SentenceChunker(chunk_tokens, overlap))
    return retrieve(index, k, depth, dense_search=dense_search) >> Answer()
