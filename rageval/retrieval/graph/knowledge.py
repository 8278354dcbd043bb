"""The knowledge graph of a corpus: entities, the triples that join them, and the passages that state these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from rageval.pipeline import Resources, Shared
from rageval.retrieval.chunkers import Chunker
from rageval.retrieval.graph.names import can_be_found, names_in
from rageval.retrieval.graph.pagerank import Links
from rageval.retrieval.graph.triples import TripleSource
from rageval.retrieval.passages import Passages
from rageval.text.facts import Name, Triple, name_of
from rageval.types import Passage


@dataclass(frozen=True, slots=True)
class Fact:
    """A triple, the passage that states it and its two entities, by their positions in the graph."""

    triple: Triple
    passage: int
    subject: int
    object: int


class KnowledgeGraph:
    """Entities 0, 1, … with their `names` as the first triple writes them, the `facts`, and the `passages` in whose
    order they stand.

    Names are equal as `name_of` says. In `links`, passage n is the node `entities + n`: it is linked to the entities of
    its triples, and the two entities of a triple are linked. `ends`, shape (facts, 2), are the entities of each fact;
    `stated_in`, shape (entities,), is in how many passages each entity stands.
    """

    def __init__(self, passages: Sequence[Passage], triples: Sequence[Sequence[Triple]]) -> None:
        self.passages = passages
        names: dict[Name, str] = {}
        for triple in chain.from_iterable(triples):
            for end in (triple.subject, triple.object):
                names.setdefault(name_of(end), end)
        self.names: Sequence[str] = [*names.values()]
        self.entities = len(names)
        numbers = {name: number for number, name in enumerate(names)}
        facts = [
            Fact(triple, position, numbers[name_of(triple.subject)], numbers[name_of(triple.object)])
            for position, some in enumerate(triples)
            for triple in some
        ]
        self.facts: Sequence[Fact] = facts
        self._findable = {name: number for name, number in numbers.items() if can_be_found(name)}
        self.ends = np.array([(fact.subject, fact.object) for fact in facts], dtype=np.intp).reshape(-1, 2)
        stated = {(end, fact.passage) for fact in facts for end in (fact.subject, fact.object)}
        self.stated_in = np.bincount([end for end, _ in stated], minlength=self.entities)
        joined = self.ends[self.ends[:, 0] != self.ends[:, 1]]
        held = np.array([(end, self.entities + position) for end, position in sorted(stated)], dtype=np.intp)
        self.links = Links(self.entities + len(passages), np.concatenate([joined, held.reshape(-1, 2)]))

    def named(self, question: str) -> list[int]:
        """The entities that the question names, in its order."""
        return [self._findable[name] for name in names_in(question, self._findable)]


@dataclass(frozen=True)
class Knowledge(Shared[KnowledgeGraph]):
    """How the knowledge graph of the passages of a chunker is built; kept in memory."""

    source: TripleSource
    chunker: Chunker

    async def build(self, resources: Resources) -> KnowledgeGraph:
        passages = await resources.get(Passages(self.chunker))
        return KnowledgeGraph(passages, await self.source.of_passages(passages, resources))
