"""Write a hypothetical answer and search with the mean of its embedding and the question's.

Helps where questions and documents use different words, since an invented answer reads like a document even where it
is wrong. Gao et al. 2022, arXiv 2212.10496.
"""

from typing import Unpack

from rageval.generation import Answer, WriteHypotheticalAnswers
from rageval.pipeline import Stage
from rageval.retrieval import Dense
from rageval.retrieval.settings import SearchSettings, retrieve


def build(n: int = 1, **search: Unpack[SearchSettings]) -> Stage:
    """`n` hypothetical answers. The retriever is `dense` by default, and has to be searched by vector."""
    search.setdefault("retriever", Dense())
    return WriteHypotheticalAnswers(n) >> retrieve(combine="mean", **search) >> Answer()
