"""Ask first what a question takes: an answer from memory, one search, or several.

Saves calls and passages where most questions are simple; with a model that cannot tell them apart it only adds a call.
Jeong et al. 2024, arXiv 2403.14403, who train a classifier for that.
"""

from typing import Unpack

from rageval.generation import Adaptive, Answer, AnswerFromMemory
from rageval.pipeline import Stage
from rageval.retrieval import Iterate
from rageval.retrieval.settings import SearchSettings, retrieve


def build(steps: int = 3, keep: int = 8, **search: Unpack[SearchSettings]) -> Stage:
    """`steps` and `keep` are those of `ircot`, which is run where several searches are needed."""
    once = retrieve(**search)
    return Adaptive(AnswerFromMemory(), once >> Answer(), Iterate(once, steps, keep, combine="turns") >> Answer())
