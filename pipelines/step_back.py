"""Search for the more general question behind the question as well.

Helps where details hide the topic; costs one model call before retrieval. Zheng et al. 2023, arXiv 2310.06117.
"""

from typing import Unpack

from rageval.generation import Answer, StepBack
from rageval.pipeline import Stage
from rageval.retrieval.settings import SearchSettings, retrieve


def build(**search: Unpack[SearchSettings]) -> Stage:
    """Takes the settings of every search; the rankings of both questions are fused."""
    return StepBack() >> retrieve(**search) >> Answer()
