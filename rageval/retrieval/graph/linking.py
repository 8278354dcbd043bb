"""From a question to the entities of a knowledge graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rageval.models.base import Embedder, Vectors
from rageval.pipeline import Query, Resources, Shared
from rageval.retrieval.graph.knowledge import Knowledge, KnowledgeGraph


@dataclass(frozen=True, slots=True, eq=False)
class Seeds:
    """Where a search in the graph begins: a weight for each entity, shape (entities,), all 0 where none was found.

    `nearness` is the cosine of each fact with the question, shape (facts,); all 0 where facts are not embedded.
    """

    weights: NDArray[np.float64]
    nearness: NDArray[np.float32]

    @property
    def found(self) -> bool:
        """Whether there is an entity to begin at."""
        return bool(self.weights.any())


@dataclass(frozen=True, slots=True, eq=False)
class Linker:
    """What `Linking` is once it is built."""

    graph: KnowledgeGraph
    facts: int
    vectors: Vectors | None
    embedder: Embedder | None

    async def seeds(self, query: Query) -> Seeds:
        """The entities that a text names weigh 1, those of the facts nearest to it as much as the cosine; each is
        divided by the number of passages that it stands in, so that rare ones count.
        """
        weights, nearness = np.zeros(self.graph.entities), np.zeros(len(self.graph.facts), dtype=np.float32)
        if self.vectors is not None and self.embedder is not None:
            nearness = self.vectors @ (await self.embedder.embed([query.text], query.kind))[0]
            for position in map(int, np.argsort(-nearness, kind="stable")[: self.facts]):
                fact = self.graph.facts[position]
                for end in (fact.subject, fact.object):
                    weights[end] = max(weights[end], float(nearness[position]))
        weights[self.graph.named(query.text)] = 1.0
        return Seeds(weights / np.maximum(self.graph.stated_in, 1), nearness)


@dataclass(frozen=True)
class Linking(Shared[Linker]):
    """How entities of a question are found: by their names, and by the `facts` nearest to it (0: by names alone).

    Source: HippoRAG (Gutiérrez et al. 2024, arXiv 2405.14831), with the nearest facts of HippoRAG 2 (2025,
    arXiv 2502.14802) in place of a call that names the entities of the question.
    """

    knowledge: Knowledge
    facts: int

    async def build(self, resources: Resources) -> Linker:
        graph = await resources.get(self.knowledge)
        if not self.facts or not graph.facts:
            return Linker(graph, self.facts, None, None)
        vectors = await resources.embedder.embed([fact.triple.text for fact in graph.facts], "passage")
        return Linker(graph, self.facts, vectors, resources.embedder)
