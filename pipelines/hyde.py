"""Write a hypothetical answer and search with the mean of its embedding and the question's.

Helps where questions and documents use different words, since an invented answer reads like a document even where it
is wrong. Gao et al. 2022, arXiv 2212.10496.
"""

from rageval.generation import Answer, WriteHypotheticalAnswers
from rageval.pipeline import Stage
from rageval.retrieval import Chunking, Retrieve
from rageval.retrieval.retrieve import DenseSearch


def build(
    n: int = 1,
    k: int = 5,
    depth: int = 100,
    chunk_tokens: int = 384,
    overlap: int = 0,
    dense_search: DenseSearch = "exact",
) -> Stage:
    """`n` hypothetical answers; the search is dense."""
    retrieve = Retrieve("dense", k, depth, Chunking(chunk_tokens, overlap), combine="mean", dense_search=dense_search)
    return WriteHypotheticalAnswers(n) >> retrieve >> Answer()
