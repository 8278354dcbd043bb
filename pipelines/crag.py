"""Grade the passages, and use them, keep only their best sentences, or search again with another question.

Helps where searches often miss; costs a model call for each passage. Yan et al. 2024, arXiv 2401.15884, without its
web search: a corpus that lacks the answer still lacks it.
"""

from typing import Unpack

from rageval.generation import Answer, Corrective
from rageval.pipeline import Stage
from rageval.retrieval import Compress
from rageval.retrieval.settings import SearchSettings, retrieve


def build(upper: float = 0.7, lower: float = 0.3, sentences: int = 8, **search: Unpack[SearchSettings]) -> Stage:
    """From the grade `upper` on passages are used, below `lower` it searches again, in between `sentences` are kept."""
    return retrieve(**search) >> Corrective(retrieve(**search), Compress(sentences), upper, lower) >> Answer()
