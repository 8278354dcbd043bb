"""Search in two steps: first which documents or clusters of passages, then which passages within."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest, Embedder, Vectors
from rageval.pipeline import Need, Query, Resources, complete_all
from rageval.pipeline.sizes import passages_size, total
from rageval.prompts import load_prompt, passages_block
from rageval.retrieval.clusters import cluster
from rageval.retrieval.fusion import fuse
from rageval.retrieval.indexes.base import Searchable
from rageval.retrieval.indexes.by_vector import embedded_text, mean_vector
from rageval.retrieval.indexes.over import OverIndexes
from rageval.retrieval.passages import Passages, pieces
from rageval.retrieval.within import search_within
from rageval.text import count_tokens, cut_at_sentence
from rageval.text.languages import Language
from rageval.types import Document, Hit, Passage

_PROMPT = "summarise_group"
_SUMMARY_TOKENS = 128

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Hierarchical(OverIndexes):
    """Other indexes, searched only within the `keep` groups of passages that are nearest to the query.

    The groups are the `documents`, or `clusters` of about `size` passages each by their embeddings. A group is found by
    its `centroid`, the mean of its passages' embeddings, or by the embedding of a `summary` that the chat model writes,
    a call for each group: it reads the passages, those nearest to the centroid first (of a document: in their order),
    up to `tokens` estimated tokens. An empty summary leaves the centroid.

    What the first step leaves out no later one finds: look at recall before `keep` is made small. Source: RAPTOR
    (Sarthi et al. 2024, arXiv 2401.18059), its tree traversal with one level; clusters are spherical k-means here, and
    each passage is in one.
    """

    groups: Literal["documents", "clusters"] = "documents"
    by: Literal["centroid", "summary"] = "centroid"
    keep: int = 20
    size: int = 10
    tokens: int = 2000

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("keep", 1), ("size", 1), ("tokens", 8)):
            if getattr(self, name) < least:
                raise DeclarationError(f"{name}: found {getattr(self, name)}, expected at least {least}")

    def needs(self) -> frozenset[Need]:
        own: frozenset[Need] = frozenset({"embed", "chat"} if self.by == "summary" else {"embed"})
        return super().needs() | own

    def prompts(self) -> frozenset[str]:
        return super().prompts() | (frozenset({_PROMPT}) if self.by == "summary" else frozenset[str]())

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return super().indexing_calls(documents) + self._summaries(self._cut(documents))

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        cut = self._cut(documents)
        prompt, titles = load_prompt(_PROMPT), {passage.title for some in cut for passage in some}
        asked = [prompt.messages(language) for language in {document.language for document in documents}]
        each = max((sum(count_tokens(message.content) for message in messages) for messages in asked), default=0)
        shown = passages_size([self.tokens + max(map(count_tokens, titles), default=0)])
        return total(self._summaries(cut) * (each + shown), super().indexing_tokens(documents))

    async def build(self, resources: Resources) -> _Groups:
        passages = await resources.get(Passages(self.chunker))
        vectors = await resources.embedder.embed([embedded_text(passage) for passage in passages], "passage")
        groups = self._groups(passages, vectors)
        centres = [mean_vector(vectors[rows]) for rows in groups]
        if self.by == "summary":
            languages = {document.id: document.language for document in resources.documents}
            requests = [
                self._request(passages, self._order(rows, vectors @ centre), languages)
                for rows, centre in zip(groups, centres, strict=True)
            ]
            replies = await complete_all(resources.chat, requests)
            texts = [" ".join(reply.text.split()) for reply in replies]
            written = await resources.embedder.embed([text for text in texts if text], "passage")
            found = iter(written)
            centres = [next(found) if text else centre for text, centre in zip(texts, centres, strict=True)]
        owners = {
            (passages[row].id, passages[row].text): group for group, rows in enumerate(groups) for row in map(int, rows)
        }
        built = [await resources.get(index) for index in self.inner()]
        return _Groups(built, np.array(centres, dtype=np.float32), owners, self.keep, resources.embedder)

    def _groups(self, passages: Sequence[Passage], vectors: Vectors) -> list[Rows]:
        """The positions of the passages of each group."""
        if self.groups == "clusters":
            return cluster(vectors, math.ceil(len(passages) / self.size))
        rows: dict[str, list[int]] = {}
        for row, passage in enumerate(passages):
            rows.setdefault(passage.doc_id, []).append(row)
        return [np.array(some, dtype=np.intp) for some in rows.values()]

    def _order(self, rows: Rows, nearness: Vectors) -> Rows:
        """The order in which a summary reads the passages."""
        return rows if self.groups == "documents" else rows[np.argsort(-nearness[rows], kind="stable")]

    def _request(self, passages: Sequence[Passage], rows: Rows, languages: dict[str, Language]) -> ChatRequest:
        first, *others = [passages[row] for row in map(int, rows)]
        shown = [replace(first, text=cut_at_sentence(first.text, self.tokens))]
        for passage in others:
            if count_tokens(passages_block([*shown, passage])) > self.tokens:
                break
            shown.append(passage)
        language = Counter(languages[one.doc_id] for one in shown).most_common(1)[0][0]
        prompt = load_prompt(_PROMPT)
        return ChatRequest(prompt.messages(language, passages=shown), prompt.id(language), _SUMMARY_TOKENS)

    def _cut(self, documents: Sequence[Document]) -> list[Sequence[Passage]]:
        """The passages of each document, where summaries are written."""
        return [pieces(self.chunker, document) for document in documents] if self.by == "summary" else []

    def _summaries(self, cut: Sequence[Sequence[Passage]]) -> int:
        """How many are written."""
        sizes = [*map(len, cut)]
        return math.ceil(sum(sizes) / self.size) if self.groups == "clusters" else sum(map(bool, sizes))


@dataclass(frozen=True, slots=True)
class _Groups:
    """What `Hierarchical` is once it is built: the vectors of the groups, and the group of each passage."""

    indexes: Sequence[Searchable]
    vectors: Vectors
    owners: dict[tuple[str, str], int]
    keep: int
    embedder: Embedder

    async def search(self, query: Query, depth: int) -> Sequence[Hit]:
        if not len(self.vectors):
            return ()
        vector = (await self.embedder.embed([query.text], query.kind))[0]
        kept = frozenset(map(int, np.argsort(-(self.vectors @ vector), kind="stable")[: self.keep]))

        def allowed(passage: Passage) -> bool:
            return self.owners.get((passage.id, passage.text), -1) in kept

        return fuse(
            [
                await search_within(lambda depth, one=index: one.search(query, depth), depth, allowed)
                for index in self.indexes
            ]
        )
