"""Search over the corpus, for filters and for passages that belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from rageval.models.base import Embedder
from rageval.pipeline import IndexStore, Query, Resources
from rageval.retrieval.chunkers import Chunker, SentenceChunker
from rageval.retrieval.fusion import fuse
from rageval.retrieval.indexes import BM25, Dense, Searchable
from rageval.retrieval.indexes.by_vector import embedded_text, mean_vector
from rageval.retrieval.passages import Passages
from rageval.synthesis.checks import overlaps
from rageval.synthesis.coverage import find_topics, worth_asking
from rageval.types import Document, Hit, Passage

PASSAGE_TOKENS = 160
CHUNKER: Chunker = SentenceChunker(PASSAGE_TOKENS)


@dataclass(frozen=True)
class Search:
    """BM25 and dense search over the passages of a corpus. `passages` are those worth asking about, by document id."""

    passages: Mapping[str, Sequence[Passage]]
    documents: Mapping[str, Document]
    embedder: Embedder = field(repr=False)
    _words: Searchable = field(repr=False)
    _vectors: Searchable = field(repr=False)

    @classmethod
    async def build(cls, documents: tuple[Document, ...], embedder: Embedder, cache: Path) -> Search:
        """Cut, embed and index the corpus. Raises what `Resources.get` raises."""
        resources = Resources(documents, embedder=embedder, indexes=IndexStore(cache / "indexes"))
        by_document: dict[str, list[Passage]] = {}
        for passage in await resources.get(Passages(CHUNKER)):
            by_document.setdefault(passage.doc_id, []).append(passage)
        worth = {doc_id: worth_asking(own) for doc_id, own in by_document.items()}
        by_id = {document.id: document for document in documents}
        return cls(worth, by_id, embedder, await resources.get(BM25(CHUNKER)), await resources.get(Dense(CHUNKER)))

    async def find(self, text: str, depth: int) -> list[Passage]:
        """The best `depth` passages by both rankings together (reciprocal rank fusion), best first."""
        hits = fuse([*(await self._both(text, depth))])
        return [hit.passage for hit in hits[:depth]]

    async def pool(self, text: str, depth: int) -> list[Passage]:
        """The best `depth` passages of each ranking and of both together, each once."""
        rankings = [[hit.passage for hit in hits[:depth]] for hits in await self._both(text, depth)]
        return [*dict.fromkeys(one for ranking in (*rankings, await self.find(text, depth)) for one in ranking)]

    async def related(self, passage: Passage, nth: int) -> Passage | None:
        """The passage of another document in the same language that comes `nth` (from 0, in a circle) of the five
        nearest to this one; None where there is none.
        """
        language = self.documents[passage.doc_id].language
        found = await self.find(passage.text, 40)
        near = (
            one
            for one in found
            if one.doc_id != passage.doc_id
            and self.documents[one.doc_id].language == language
            and one in self.passages[one.doc_id]
        )
        nearest = [*islice(near, 5)]
        return nearest[nth % len(nearest)] if nearest else None

    def neighbour(self, passage: Passage) -> Passage | None:
        """The passage behind this one in its document, or else the one before it; None for the only one."""
        own = [*self.passages[passage.doc_id]]
        place = own.index(passage)
        if len(own) == 1:
            return None
        return own[place + 1] if place + 1 < len(own) else own[place - 1]

    async def topics(self, seed: int) -> dict[str, int]:
        """The topic of each document that has passages, from the mean embedding of its first passages."""
        wanted = {doc_id: [embedded_text(one) for one in own[:3]] for doc_id, own in self.passages.items() if own}
        vectors = iter(await self.embedder.embed([text for texts in wanted.values() for text in texts], "passage"))
        means = np.stack([mean_vector(np.stack([*islice(vectors, len(texts))])) for texts in wanted.values()])
        return dict(zip(wanted, map(int, find_topics(means, seed)), strict=True))

    async def _both(self, text: str, depth: int) -> tuple[Sequence[Hit], Sequence[Hit]]:
        query = Query(text)
        return await self._words.search(query, depth), await self._vectors.search(query, depth)


def rank_of(evidence: Sequence[Passage], found: Sequence[Passage]) -> int | None:
    """The rank, from 1, by which something of every piece of evidence is found; None where a piece is not found."""
    ranks = [next((rank for rank, one in enumerate(found, 1) if overlaps(one, piece)), None) for piece in evidence]
    known = [rank for rank in ranks if rank is not None]
    return max(known) if len(known) == len(ranks) and known else None
