"""Views that the chat model writes, one call for each passage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rageval.models.base import ChatRequest
from rageval.pipeline import Resources, complete_all
from rageval.prompts import load_prompt
from rageval.retrieval.views.base import View
from rageval.retrieval.views.tables import tables_in
from rageval.text import reply_lines
from rageval.text.tables import find_tables
from rageval.types import Document, Passage


@dataclass(frozen=True)
class Written(View):
    """The lines of the reply to a prompt about each passage. `n`, where it is given, fills the prompt's placeholder."""

    prompt: str
    max_tokens: int
    n: int | None = None

    async def small_texts(
        self, passages: Sequence[Passage], documents: Mapping[str, Document], resources: Resources
    ) -> list[list[str]]:
        asked = [(place, self._request(one, documents[one.doc_id])) for place, one in enumerate(passages)]
        requests = {place: request for place, request in asked if request is not None}
        replies = await complete_all(resources.chat, [*requests.values()])
        texts: list[list[str]] = [[] for _ in passages]
        for place, reply in zip(requests, replies, strict=True):
            texts[place] = reply_lines(reply.text)
        return texts

    def prompts(self) -> frozenset[str]:
        return frozenset({self.prompt})

    def requests(self, passages: Iterable[Passage], document: Document) -> list[ChatRequest]:
        asked = (self._request(passage, document) for passage in passages)
        return [request for request in asked if request is not None]

    def _request(self, passage: Passage, document: Document) -> ChatRequest | None:
        """None where there is nothing to ask about the passage."""
        prompt = load_prompt(self.prompt)
        fields = {} if self.n is None else {"n": self.n}
        messages = prompt.messages(document.language, fields, passages=(passage,))
        return ChatRequest(messages, prompt.id(document.language), max_tokens=self.max_tokens)


@dataclass(frozen=True)
class TableSummaries(Written):
    """Sentences that say what the tables of a passage show. Passages without a table cost no call."""

    prompt: str = "summarise_table"
    max_tokens: int = 96

    def _request(self, passage: Passage, document: Document) -> ChatRequest | None:
        tables = tables_in(passage, find_tables(document.text))
        if not tables:
            return None
        whole = [table for table in find_tables(document.text) if table.start < passage.start < table.end]
        header = "".join(f"{' | '.join(table.header)}\n" for table in whole)
        return super()._request(replace(passage, text=header + passage.text), document)
