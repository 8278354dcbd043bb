"""Search, reason for a sentence on what was found, search for that sentence, and so on; then answer.

Helps where the next thing to search for only shows in what was found before; costs a model call a step. Trivedi et al.
2023, arXiv 2212.10509.
"""

from typing import Unpack

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import Iterate
from rageval.retrieval.settings import SearchSettings, retrieve


def build(steps: int = 3, keep: int = 8, **search: Unpack[SearchSettings]) -> Stage:
    """At most `steps` searches of `k` passages, of which `keep` are read."""
    return Iterate(retrieve(**search), steps, keep, combine="turns") >> Answer()
