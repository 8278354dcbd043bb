"""Search a knowledge graph of the documents beside the passages, and fuse both rankings.

Helps where a question names things that other passages tell more of; costs a model call for each passage when the index
is built, unless `triples` are given. Gutiérrez et al. 2024 (HippoRAG), arXiv 2405.14831.
"""

from pathlib import Path
from typing import Unpack

from rageval.generation import Answer
from rageval.pipeline import Stage
from rageval.retrieval.indexes import HYBRID, AnyIndex, as_indexes, graph
from rageval.retrieval.settings import PassageSettings, retrieve


def build(
    triples: Path | None = None,
    most: int = 12,
    facts: int = 5,
    damping: float = 0.5,
    retriever: AnyIndex = HYBRID,
    **passages: Unpack[PassageSettings],
) -> Stage:
    """Those of the index `graph`; `retriever` is what is searched beside it."""
    return retrieve((*as_indexes(retriever), graph(triples, most, facts, damping)), **passages) >> Answer()
