"""Search over small vectors (sentences, summaries, questions), return the passage that each belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest, Vectors
from rageval.pipeline import Need, Resources, complete_all
from rageval.prompts import load_prompt
from rageval.retrieval.chunkers import AnyChunker, SentenceChunker
from rageval.retrieval.indexes.by_vector import SearchByVector, VectorIndex, embedded_text
from rageval.retrieval.indexes.top_hits import top_hits
from rageval.retrieval.passages import Passages, pieces
from rageval.text import count_tokens, reply_lines, sentences
from rageval.text.languages import Language
from rageval.types import Document, Hit, Passage

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
class MultiVector(VectorIndex):
    """The embeddings of every passage and of small texts of it: what is found is the passage.

    `views` are the small texts: `sentences`, `summaries`, `questions` (hypothetical ones). Summaries and questions are
    written by the chat model, one call per passage and view, when the index is built.
    """

    views: tuple[View, ...] = ("sentences",)
    questions_per_passage: int = 3
    chunker: AnyChunker = SentenceChunker()

    def __post_init__(self) -> None:
        if not self.views or len(set(self.views)) != len(self.views):
            raise DeclarationError(f"views: found {list(self.views)}, expected one or more different views")
        if self.questions_per_passage < 1:
            raise DeclarationError(f"questions_per_passage: found {self.questions_per_passage}, expected at least 1")

    def needs(self) -> frozenset[Need]:
        return frozenset({"embed", "chat"}) if self.prompts() else frozenset({"embed"})

    def prompts(self) -> frozenset[str]:
        return frozenset(_PROMPTS[view] for view in self.views if view in _PROMPTS)

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        written = len(self.prompts())
        return written * sum(len(pieces(self.chunker, document)) for document in documents) if written else 0

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        written: list[View] = [view for view in self.views if view in _PROMPTS]
        requests = (
            self._request(view, passage, document.language)
            for document in (documents if written else ())
            for passage in pieces(self.chunker, document)
            for view in written
        )
        return sum(count_tokens(message.content) for request in requests for message in request.messages)

    async def build(self, resources: Resources) -> SearchByVector[MultiVectorIndex]:
        passages = await resources.get(Passages(self.chunker))
        texts: list[str] = [embedded_text(passage) for passage in passages]
        owners: list[int] = list(range(len(passages)))
        for view in self.views:
            for owner, small_texts in enumerate(await self._small_texts(view, passages, resources)):
                texts.extend(small_texts)
                owners.extend([owner] * len(small_texts))
        vectors = await resources.embedder.embed(texts, "passage")
        return SearchByVector(MultiVectorIndex(passages, vectors, np.array(owners, dtype=np.intp)), resources.embedder)

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
