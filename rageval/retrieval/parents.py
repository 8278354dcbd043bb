"""The stage that hands over larger passages for the small ones that were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rageval.errors import DeclarationError
from rageval.pipeline import NO_CONTEXT, ContextSize, Need, Resources, Shared, Stage, State
from rageval.retrieval.chunkers import AnyChunker, Chunker, ModelChunker, SentenceChunker, as_chunker, most_tokens
from rageval.retrieval.passages import Passages
from rageval.types import Document, Hit, Passage


class _Parents:
    """Passages by the document that they are of."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        spans: dict[str, list[tuple[int, int, int]]] = {}
        for row, passage in enumerate(passages):
            spans.setdefault(passage.doc_id, []).append((passage.start, passage.end, row))
        self._spans = {doc_id: np.array(some).T for doc_id, some in spans.items()}

    def holding(self, passage: Passage) -> Passage | None:
        """The shortest that holds the passage, the first of these; None where there is none."""
        if passage.doc_id not in self._spans:
            return None
        start, end, row = self._spans[passage.doc_id]
        holding = np.flatnonzero((start <= passage.start) & (passage.end <= end))
        shortest_first = holding[np.argsort((end - start)[holding], kind="stable")]
        parents = (self._passages[int(row[place])] for place in shortest_first)
        return next((parent for parent in parents if _within(passage, parent)), None)


@dataclass(frozen=True)
class _ParentsOf:
    """The passages of a chunker by document, made once for all questions."""

    chunker: Chunker

    def needs(self) -> frozenset[Need]:
        return frozenset()

    async def build(self, resources: Resources) -> _Parents:
        return _Parents(await resources.get(Passages(self.chunker)))


@dataclass(frozen=True)
class ToParent(Stage):
    """Hand over the larger passage of `chunker` for small ones that were found in it, where at least `share` of it was.

    The parent of a passage is the shortest passage of `chunker` that holds it; its share is that of its characters that
    passages of the context cover. With `share` 0 the parent is always handed over. Then a passage that lies within
    another one of the context is dropped, and the other one takes the better place of the two: passages of several
    sizes can be searched together, each in an index of its own. What is read comes first in the ranking; of the rest
    stays what does not lie in it. A passage whose text is not that of its span stays as it is. Sources: LlamaIndex's
    auto-merging retriever (it counts children where this measures text) and its small-to-big retrieval.
    """

    chunker: AnyChunker = SentenceChunker()
    share: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "chunker", as_chunker(self.chunker))
        if not 0.0 <= self.share <= 1.0:
            raise DeclarationError(f"share: found {self.share}, expected 0 to 1")

    def needs(self, generate: bool) -> frozenset[Need]:
        return self.chunker.needs() if isinstance(self.chunker, ModelChunker) else frozenset()

    def all_prompts(self) -> frozenset[str]:
        return self.chunker.prompts() if isinstance(self.chunker, ModelChunker) else frozenset()

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return self.chunker.indexing_calls(documents) if isinstance(self.chunker, ModelChunker) else 0

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        return self.chunker.indexing_tokens(documents) if isinstance(self.chunker, ModelChunker) else 0

    def context_size(self, before: ContextSize = NO_CONTEXT) -> ContextSize:
        parent, each = most_tokens(self.chunker), before.tokens_each
        return replace(before, tokens_each=None if parent is None or each is None else max(parent, each))

    def indexes(self) -> tuple[Shared[object], ...]:
        return (_ParentsOf(self.chunker),)

    async def run(self, state: State, resources: Resources) -> State:
        parents = await resources.get(_ParentsOf(self.chunker))
        response = state.response
        found = response.context_passages
        read = _merged([self._parent(passage, parents, found) or passage for passage in found])
        behind = [
            hit.passage
            for position, hit in enumerate(response.hits)
            if position not in response.context and not any(_within(hit.passage, one) for one in read)
        ]
        ranked = [*read, *behind]
        hits = tuple(Hit(passage, float(len(ranked) - rank)) for rank, passage in enumerate(ranked))
        return state.with_response(hits=hits, context=tuple(range(len(read))))

    def _parent(self, passage: Passage, parents: _Parents, found: Sequence[Passage]) -> Passage | None:
        parent = parents.holding(passage)
        return parent if parent is not None and _share_found(parent, found) >= self.share else None


def _share_found(parent: Passage, found: Sequence[Passage]) -> float:
    """The share of the parent's characters that the passages cover, each character counted once."""
    covered, end = 0, parent.start
    for one in sorted((one for one in found if one.doc_id == parent.doc_id), key=lambda one: one.start):
        covered += max(0, min(one.end, parent.end) - max(one.start, end))
        end = max(end, one.end)
    return covered / max(parent.end - parent.start, 1)


def _merged(passages: Sequence[Passage]) -> list[Passage]:
    """The passages that lie in no other one, each at the best place of those that lie in it."""
    kept: list[Passage] = []
    for passage in passages:
        if any(_within(passage, one) for one in kept):
            continue
        inside = [place for place, one in enumerate(kept) if _within(one, passage)]
        kept = [one for place, one in enumerate(kept) if place not in inside]
        kept.insert(inside[0] if inside else len(kept), passage)
    return kept


def _within(small: Passage, large: Passage) -> bool:
    """Whether both are spans of one document, and the first lies in the second."""
    spans = all(len(one.text) == one.end - one.start for one in (small, large))
    return spans and small.doc_id == large.doc_id and large.start <= small.start and small.end <= large.end
