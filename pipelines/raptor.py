"""Find clusters of passages by their summaries first, then search within the nearest clusters.

Helps where a question is about a theme that many passages share; costs a model call for each cluster when the index is
built. Sarthi et al. 2024, arXiv 2401.18059, with one level of its tree.
"""

from typing import Unpack

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval import Hierarchical
from rageval.retrieval.indexes import HYBRID, AnyIndex, as_indexes
from rageval.retrieval.settings import PassageSettings, retrieve


def build(
    clusters: int = 5, size: int = 10, retriever: AnyIndex = HYBRID, **passages: Unpack[PassageSettings]
) -> Stage:
    """The `clusters` nearest ones, of about `size` passages each, are searched, by the `retriever`."""
    found = Hierarchical(as_indexes(retriever), groups="clusters", by="summary", keep=clusters, size=size)
    return retrieve(found, **passages) >> Answer()
