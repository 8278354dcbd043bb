"""Search through a knowledge graph: passages are found by way of the entities that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rageval.errors import DeclarationError
from rageval.pipeline import Need, Query, Resources
from rageval.retrieval.chunkers import AnyChunker, Chunker, SentenceChunker
from rageval.retrieval.graph import Knowledge, Linker, Linking, TripleSource, triple_source
from rageval.retrieval.indexes.base import Index
from rageval.retrieval.indexes.top_hits import top_hits
from rageval.types import Document, Hit


@dataclass(frozen=True, slots=True, eq=False)
class GraphIndex:
    """A knowledge graph with what finds the entities of a text."""

    linker: Linker
    damping: float

    async def search(self, query: Query, depth: int) -> tuple[Hit, ...]:
        """Passages of the `depth` best documents, best first; none where the text has no entity of the graph."""
        graph, seeds = self.linker.graph, await self.linker.seeds(query)
        if not seeds.found:
            return ()
        start = np.concatenate([seeds.weights, np.zeros(len(graph.passages))])
        shares = graph.links.rank(start, self.damping)
        return top_hits(shares[graph.entities :], graph.passages, depth, above=0.0)


@dataclass(frozen=True)
class Graph(Index):
    """The triples of the passages as a graph: a walk that begins at the entities of the question ranks the passages.

    Entities are found by name, and by the `facts` triples nearest to the question (0: by name alone, without
    embedder). Personalised PageRank with the given `damping` ranks entities and passages; no chat model is asked for a
    question. Triples come from a file, or the chat model writes them when the index is built. Source: HippoRAG
    (Gutiérrez et al. 2024, arXiv 2405.14831), which weights entities by the inverse number of their passages, too.
    """

    source: TripleSource
    facts: int = 5
    damping: float = 0.5
    chunker: Chunker = SentenceChunker()

    def __post_init__(self) -> None:
        if self.facts < 0:
            raise DeclarationError(f"facts: found {self.facts}, expected 0 or more")
        if not 0.0 < self.damping < 1.0:
            raise DeclarationError(f"damping: found {self.damping}, expected a number between 0 and 1")

    async def build(self, resources: Resources) -> GraphIndex:
        linking = Linking(Knowledge(self.source, self.chunker), self.facts)
        return GraphIndex(await resources.get(linking), self.damping)

    def needs(self) -> frozenset[Need]:
        return self.source.needs() | (frozenset[Need]({"embed"}) if self.facts else frozenset[Need]())

    def prompts(self) -> frozenset[str]:
        return self.source.prompts()

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return self.source.calls(documents, self.chunker)

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        return self.source.prompt_tokens(documents, self.chunker)


def graph(
    triples: Path | None = None,
    most: int = 12,
    facts: int = 5,
    damping: float = 0.5,
    chunker: AnyChunker = SentenceChunker(),  # noqa: B008 (frozen)
) -> Graph:
    """Search through the triples of a file, or of the chat model, `most` a passage."""
    return Graph(triple_source(triples, most), facts, damping, chunker)
