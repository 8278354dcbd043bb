"""Retrieve, read, answer: the baseline that every other technique has to beat.

The question is searched as it stands and the k best passages go into the prompt. Strong where questions use the words
of the documents; weak where they do not. Lewis et al. 2020, arXiv 2005.11401.
"""

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import Chunking, Retrieve
from rageval.retrieval.retrieve import DenseSearch, Retriever


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
    return Retrieve(retriever, k, depth, Chunking(chunk_tokens, overlap), dense_search=dense_search) >> Answer()
