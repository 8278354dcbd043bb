"""Facts of a knowledge graph beside the passages of the context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rageval.errors import DeclarationError
from rageval.pipeline import NO_CONTEXT, ContextSize, Resources, Shared, State
from rageval.pipeline.sizes import text_size
from rageval.prompts import load_prompt
from rageval.retrieval.graph import GraphStage, KnowledgeGraph, Seeds, Triple
from rageval.text import count_tokens
from rageval.text.languages import LANGUAGES, Language
from rageval.types import Hit, Passage

_PROMPT = "graph_facts"
_TOKENS = 64
_BETWEEN = "; "


@dataclass(frozen=True)
class Subgraph(GraphStage):
    """Add the `keep` facts around the entities of the question that are nearest to it to the context, as text.

    Without embedder those of the rarest entities count as nearest. A fact counts if one of its entities is at most
    `hops` - 1 facts away from an entity of the queries. Facts that come from one passage form one entry behind the
    passages, which says that it quotes nothing: it has the document and the title of that passage, and an empty span
    where the passage begins. Entries are the last in the ranking. A fact of more than 64 estimated tokens is left out.
    Without an entity of the graph nothing is added. Source: the subgraphs of question answering over knowledge graphs
    (Sun et al. 2018, GRAFT-Net, arXiv 1809.00782), by nearness in place of training.
    """

    hops: int = 1
    keep: int = 12
    prompts: ClassVar[tuple[str, ...]] = (_PROMPT,)

    def __post_init__(self) -> None:
        for name, value in (("hops", self.hops), ("keep", self.keep)):
            if value < 1:
                raise DeclarationError(f"{name}: found {value}, expected at least 1")
        super().__post_init__()

    def indexes(self) -> tuple[Shared[object], ...]:
        return (self.linking,)

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        entry = max(text_size(_PROMPT, language, "heading", _TOKENS) or 0 for language in LANGUAGES)
        each = entry if before.passages == 0 else before.tokens_each
        tokens_each = None if each is None else max(each, entry)
        return replace(before, passages=before.passages + self.keep, tokens_each=tokens_each)

    async def run(self, state: State, resources: Resources) -> State:
        linker = await resources.get(self.linking)
        found = [await linker.seeds(query) for query in state.queries]
        weights, nearness = (np.max([getattr(one, name) for one in found], axis=0) for name in ("weights", "nearness"))
        chosen = self._nearest(linker.graph, Seeds(weights, nearness))
        entries = _entries(linker.graph, chosen, state.question.language)
        first, response = len(state.response.hits), state.response
        return state.with_response(
            hits=(*response.hits, *(Hit(entry, 0.0) for entry in entries)),
            context=(*response.context, *range(first, first + len(entries))),
        ).with_step("subgraph", facts=[linker.graph.facts[position].triple.text for position in chosen])

    def _nearest(self, graph: KnowledgeGraph, seeds: Seeds) -> list[int]:
        """The positions of the facts that are taken, each text once."""
        reached = np.flatnonzero(seeds.weights)
        for _ in range(self.hops - 1):
            reached = np.unique(graph.ends[_touching(graph, reached)])
        taken = _touching(graph, reached)
        chosen: dict[Triple, int] = {}
        for position in seeds.order(graph):
            triple = graph.facts[position].triple
            if len(chosen) == self.keep:
                break
            if taken[position] and triple not in chosen and count_tokens(triple.text) <= _TOKENS:
                chosen[triple] = position
        return [*chosen.values()]


def _touching(graph: KnowledgeGraph, reached: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which facts have one of these entities, shape (facts,)."""
    known = np.isin(graph.ends, reached)
    return known[:, 0] | known[:, 1]


def _entries(graph: KnowledgeGraph, chosen: Sequence[int], language: Language) -> list[Passage]:
    """The chosen facts, those of a passage together as far as they fit into 64 tokens."""
    texts: dict[tuple[int, int], str] = {}
    parts: dict[int, int] = {}
    for position in chosen:
        fact = graph.facts[position]
        key = (fact.passage, parts.setdefault(fact.passage, 0))
        joined = _BETWEEN.join(filter(None, (texts.get(key, ""), fact.triple.text)))
        if count_tokens(joined) > _TOKENS:
            parts[fact.passage] += 1
            key, joined = (fact.passage, parts[fact.passage]), fact.triple.text
        texts[key] = joined
    heading = load_prompt(_PROMPT).texts[language]["heading"]
    passages = ((graph.passages[number], text) for (number, _), text in texts.items())
    return [Passage(one.doc_id, one.start, one.start, heading.format(facts=text), one.title) for one, text in passages]
