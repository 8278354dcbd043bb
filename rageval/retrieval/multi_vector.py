"""Search over small vectors (sentences, summaries, questions), return the passage that each belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest, Vectors
from rageval.pipeline import ContextSize, Need, Resources, Shared, Stage, State, complete_all
from rageval.prompts import load_prompt
from rageval.retrieval.chunking import Chunking
from rageval.retrieval.dense import embedded_text
from rageval.retrieval.fusion import reciprocal_rank_fusion
from rageval.retrieval.ranking import top_hits
from rageval.text import reply_lines, sentences
from rageval.types import Document, Hit, Language, Passage

View: TypeAlias = Literal["sentences", "summaries", "questions"]

_PROMPTS: dict[View, str] = {"summaries": "summarise", "questions": "ask_questions"}


class MultiVectorIndex:
    """Several unit vectors per passage; a passage scores its best vector's cosine."""

    def __init__(self, passages: Sequence[Passage], vectors: Vectors, owners: np.ndarray) -> None:
        self.passages = passages
        self._vectors = vectors
        self._owners = owners

    def search(self, vector: Vectors, depth: int) -> tuple[Hit, ...]:
        """Passages of the `depth` best documents for a unit vector of shape (dim,), best first."""
        best = np.full(len(self.passages), -np.inf, dtype=np.float32)
        np.maximum.at(best, self._owners, self._vectors @ vector)
        return top_hits(best, self.passages, depth)


@dataclass(frozen=True)
class MultiVector:
    """The index of small texts of every passage of a chunking, built once.

    The passage itself is always among its small texts. Summaries and questions are written by the chat model, one call
    per passage and view, when the index is built.
    """

    views: tuple[View, ...]
    questions_per_passage: int
    chunking: Chunking

    async def build(self, resources: Resources) -> MultiVectorIndex:
        passages = await resources.get(self.chunking)
        texts: list[str] = [embedded_text(passage) for passage in passages]
        owners: list[int] = list(range(len(passages)))
        for view in self.views:
            for owner, small_texts in enumerate(await self._small_texts(view, passages, resources)):
                texts.extend(small_texts)
                owners.extend([owner] * len(small_texts))
        vectors = await resources.embedder.embed(texts, "passage")
        return MultiVectorIndex(passages, vectors, np.array(owners, dtype=np.intp))

    async def _small_texts(self, view: View, passages: Sequence[Passage], resources: Resources) -> list[list[str]]:
        if view == "sentences":
            return [[passage.text[start:end] for start, end in sentences(passage.text)] for passage in passages]
        languages: dict[str, Language] = {document.id: document.language for document in resources.documents}
        requests = [self._request(view, passage, languages[passage.doc_id]) for passage in passages]
        replies = await complete_all(resources.chat, requests)
        return [reply_lines(reply.text) for reply in replies]

    def _request(self, view: View, passage: Passage, language: Language) -> ChatRequest:
        prompt = load_prompt(_PROMPTS[view])
        if view == "summaries":
            return ChatRequest(prompt.messages(language, passages=(passage,)), prompt.id(language), max_tokens=64)
        n = self.questions_per_passage
        messages = prompt.messages(language, {"n": n}, passages=(passage,))
        return ChatRequest(messages, prompt.id(language), max_tokens=32 * n)


@dataclass(frozen=True)
class RetrieveMultiVector(Stage):
    """Find small vectors, hand on the `k` parent passages; the ranking goes on to `depth` documents.

    `views` are the small texts that are searched: `sentences`, `summaries`, `questions` (hypothetical ones). Several
    queries are joined by reciprocal rank fusion.
    """

    views: tuple[View, ...] = ("sentences",)
    k: int = 5
    depth: int = 100
    questions_per_passage: int = 3
    chunking: Chunking = Chunking()

    def __post_init__(self) -> None:
        if not self.views or len(set(self.views)) != len(self.views):
            raise DeclarationError(f"views: found {list(self.views)}, expected one or more different views")
        if self.k < 1 or self.depth < self.k:
            raise DeclarationError(f"k: found {self.k} (depth {self.depth}), expected 1 <= k <= depth")
        if self.questions_per_passage < 1:
            raise DeclarationError(f"questions_per_passage: found {self.questions_per_passage}, expected at least 1")

    def all_prompts(self) -> frozenset[str]:
        return frozenset(_PROMPTS[view] for view in self.views if view in _PROMPTS)

    def needs(self, generate: bool) -> frozenset[Need]:
        return frozenset({"embed"}) if self.views == ("sentences",) else frozenset({"embed", "chat"})

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        passages = sum(len(self.chunking.split(document)) for document in documents)
        return passages * sum(view in _PROMPTS for view in self.views)

    def context_size(self) -> ContextSize:
        return ContextSize(self.k, self.chunking.tokens)

    def indexes(self) -> tuple[Shared[object], ...]:
        return (self._index(),)

    def _index(self) -> MultiVector:
        return MultiVector(self.views, self.questions_per_passage, self.chunking)

    async def run(self, state: State, resources: Resources) -> State:
        index = await resources.get(self._index())
        rankings: list[tuple[Hit, ...]] = []
        for query in state.queries:
            vectors = await resources.embedder.embed([query.text], query.kind)
            rankings.append(index.search(vectors[0], self.depth))
        hits = rankings[0] if len(rankings) == 1 else reciprocal_rank_fusion(rankings)
        return state.with_response(hits=hits, context=tuple(range(min(self.k, len(hits)))))
