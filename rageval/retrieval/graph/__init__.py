"""Knowledge graphs: triples from a file or the chat model, their entities, and walks from one to the next."""

from pathlib import Path

from rageval.retrieval.graph.extract import WrittenTriples
from rageval.retrieval.graph.knowledge import Knowledge, KnowledgeGraph
from rageval.retrieval.graph.linking import Linker, Linking, Seeds
from rageval.retrieval.graph.stage import GraphStage
from rageval.retrieval.graph.triples import TripleFile, TripleSource, triple_file
from rageval.text.facts import Triple


def triple_source(triples: Path | None, most: int) -> TripleSource:
    """The triples of that file, or without one at most `most` of each passage, written by the chat model."""
    return WrittenTriples(most) if triples is None else triple_file(triples)


__all__ = [
    "GraphStage",
    "Knowledge",
    "KnowledgeGraph",
    "Linker",
    "Linking",
    "Seeds",
    "Triple",
    "TripleFile",
    "TripleSource",
    "WrittenTriples",
    "triple_file",
    "triple_source",
]
