"""Triples that the chat model writes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest
from rageval.pipeline import Need, Resources, complete_all
from rageval.pipeline.sizes import requests_size
from rageval.prompts import load_prompt
from rageval.retrieval.chunkers import Chunker
from rageval.retrieval.passages import pieces
from rageval.text import reply_lines
from rageval.text.facts import Triple, read_triple
from rageval.text.languages import Language
from rageval.types import Document, Passage

_PROMPT = "triples"
_TOKENS_A_TRIPLE = 24

_log = logging.getLogger("rageval")


@dataclass(frozen=True)
class WrittenTriples:
    """At most `most` triples of each passage, written by the chat model in one call for the passage.

    A line of a reply that is not three parts gives no triple; the log says how many lines that were. Source: the open
    information extraction of HippoRAG (Gutiérrez et al. 2024, arXiv 2405.14831), in one call in place of two.
    """

    most: int = 12

    def __post_init__(self) -> None:
        if self.most < 1:
            raise DeclarationError(f"most: found {self.most}, expected at least 1")

    async def of_passages(self, passages: Sequence[Passage], resources: Resources) -> Sequence[Sequence[Triple]]:
        languages = {document.id: document.language for document in resources.documents}
        requests = [self._request(passage, languages[passage.doc_id]) for passage in passages]
        replies = await complete_all(resources.chat, requests)
        lines = [reply_lines(reply.text)[: self.most] for reply in replies]
        found = [[read_triple(line) for line in some] for some in lines]
        unread = sum(triple is None for some in found for triple in some)
        if unread:
            _log.warning("%d of %d lines that were to be triples are none", unread, sum(map(len, lines)))
        return [[*dict.fromkeys(triple for triple in some if triple is not None)] for some in found]

    def needs(self) -> frozenset[Need]:
        return frozenset({"chat"})

    def prompts(self) -> frozenset[str]:
        return frozenset({_PROMPT})

    def calls(self, documents: Sequence[Document], chunker: Chunker) -> int:
        return sum(len(pieces(chunker, document)) for document in documents)

    def prompt_tokens(self, documents: Sequence[Document], chunker: Chunker) -> int:
        requests = (
            self._request(passage, document.language) for document in documents for passage in pieces(chunker, document)
        )
        return requests_size(requests)

    def _request(self, passage: Passage, language: Language) -> ChatRequest:
        prompt = load_prompt(_PROMPT)
        messages = prompt.messages(language, {"most": self.most}, passages=(passage,))
        return ChatRequest(messages, prompt.id(language), max_tokens=_TOKENS_A_TRIPLE * self.most)
