"""Split the question into simpler ones, search for each, and read the best of each in turn.

Helps where the answer joins facts of several passages that no single search finds; costs one model call. The
sub-question engine of LlamaIndex; Press et al. 2023, arXiv 2210.03350, for the idea.
"""

from typing import Unpack

from rageval.generation import Answer, SubQuestions
from rageval.pipeline import Stage
from rageval.retrieval.settings import SearchSettings, retrieve


def build(n: int = 3, **search: Unpack[SearchSettings]) -> Stage:
    """At most `n` simpler questions, beside the question itself."""
    return SubQuestions(n) >> retrieve(combine="turns", **search) >> Answer()
