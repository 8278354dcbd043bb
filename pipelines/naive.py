"""Retrieve, read, answer: the baseline that every other technique has to beat.

The question is searched as it stands and the k best passages go into the prompt. Strong where questions use the words
of the documents; weak where they do not. Lewis et al. 2020, arXiv 2005.11401.
"""

from typing import Unpack

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval.settings import SearchSettings, retrieve


def build(**search: Unpack[SearchSettings]) -> Stage:
    """Takes the settings of every search: see `SearchSettings`."""
    return retrieve(**search) >> Answer()
