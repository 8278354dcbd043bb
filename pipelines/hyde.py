"""Write a hypothetical answer and search with the mean of its embedding and the question's.

Helps where questions and documents use different words, since an invented answer reads like a document even where it
is wrong. Gao et al. 2022, arXiv 2212.10496.
"""

from rageval.generation import Answer, WriteHypotheticalAnswers
from rageval.pipeline import Stage
from rageval.retrieval import Dense, SentenceChunker
from rageval.retrieval.settings import DenseSearch, retrieve


def build(
    n: int = 1,
    k: int = 5,
    depth: int = 100,
    chunk_tokens: int = 384,
    overlap: int = 0,
    dense_search: DenseSearch = "exact",
) -> Stage:
    """`n` hypothetical answers; the search is dense."""
    index = Dense(SentenceChunker(chunk_tokens, overlap))
    find = retrieve(index, k, depth, dense_search=dense_search, combine="mean")
    return WriteHypotheticalAnswers(n) >> find >> Answer()
