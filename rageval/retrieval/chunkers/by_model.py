"""Passages that end where the chat model sees the topic change."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest
from rageval.pipeline import Need, Resources, complete_all
from rageval.prompts import load_prompt
from rageval.retrieval.chunkers.by_asking import JoinSentences, joined, token_sizes
from rageval.text import count_tokens
from rageval.text.languages import Language
from rageval.types import Document, Passage

_PROMPT = "topic_changes"
_REPLY = re.compile(r"[\[［【]?\s*\d+(?:\s*[\]］】]?\s*[,，、;；\s]\s*[\[［【]?\s*\d+)*\s*[\]］】]?\s*[.。]?")
_TOKENS_A_NUMBER = 4

_log = logging.getLogger("rageval")


@dataclass(frozen=True)
class ModelTopicChunker(JoinSentences):
    """The chat model says after which sentences the topic changes; a passage is at most `tokens` estimated tokens.

    A call shows numbered sentences, about `shown` tokens of them; the next call begins with the last sentence of the
    one before, so that each place between two sentences is asked about once. A topic that is longer than `tokens` is
    cut into whole sentences. A reply that is not a list of numbers of the sentences shown (0: the topic does not
    change) cuts nothing: where it was asked for, passages are whole sentences up to `tokens`. The log says how many
    replies were so. Source: Smith and Troynikov 2024 (LLMChunker).
    """

    shown: int = 800

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shown < self.tokens:
            raise DeclarationError(f"shown: found {self.shown}, expected at least tokens, {self.tokens}")

    def needs(self) -> frozenset[Need]:
        return frozenset({"chat"})

    def prompts(self) -> frozenset[str]:
        return frozenset({_PROMPT})

    def indexing_calls(self, documents: Sequence[Document]) -> int:
        return sum(len([*self._windows(self.pieces(document))]) for document in documents)

    def indexing_tokens(self, documents: Sequence[Document]) -> int | None:
        return sum(
            count_tokens(message.content)
            for document in documents
            for window in self._windows(self.pieces(document))
            for message in _request(window, document.language).messages
        )

    async def split_all(self, documents: Sequence[Document], resources: Resources) -> list[list[Passage]]:
        cut = [self.pieces(document) for document in documents]
        windows = [[*self._windows(pieces)] for pieces in cut]
        requests = [
            _request(window, document.language)
            for document, some in zip(documents, windows, strict=True)
            for window in some
        ]
        replies = iter(await complete_all(resources.chat, requests) if requests else ())
        unread = 0
        passages: list[list[Passage]] = []
        for document, pieces, some in zip(documents, cut, windows, strict=True):
            starts, first = [0], 0
            for window in some:
                ends = read_ends(next(replies).text, len(window))
                unread += ends is None
                starts += [first + end for end in ends or ()]
                first += len(window) - 1
            passages.append(joined(document, pieces, self._within(starts, token_sizes(pieces))))
        if unread:
            _log.warning(
                "%d of %d replies to %s could not be read: there passages are whole sentences up to %d tokens",
                unread, len(requests), _PROMPT, self.tokens,
            )  # fmt: skip
        return passages

    def _windows(self, pieces: Sequence[Passage]) -> Iterator[Sequence[Passage]]:
        """Two pieces at least; each begins with the last piece of the one before."""
        sizes, first = token_sizes(pieces), 0
        while first < len(pieces) - 1:
            last, used = first + 2, sizes[first] + sizes[first + 1]
            while last < len(pieces) and used + sizes[last] <= self.shown:
                used += sizes[last]
                last += 1
            yield pieces[first:last]
            first = last - 1

    def _within(self, starts: Sequence[int], sizes: Sequence[int]) -> list[int]:
        """The starts, and more of them where a passage would be too long."""
        wanted, found, used = {*starts}, list[int](), 0
        for piece, size in enumerate(sizes):
            if piece in wanted or used + size > self.tokens:
                found.append(piece)
                used = 0
            used += size
        return found


def read_ends(reply: str, count: int) -> list[int] | None:
    """After which of `count` numbered sentences the reply cuts, rising and without the last; none for "0".

    None for any other reply than numbers from 0 to `count`.
    """
    if not _REPLY.fullmatch(reply.strip()):
        return None
    numbers = {int(one) for one in re.findall(r"\d+", reply)}
    if max(numbers) > count:
        return None
    return sorted(numbers - {0, count})


def _request(window: Sequence[Passage], language: Language) -> ChatRequest:
    prompt = load_prompt(_PROMPT)
    shown = [replace(piece, title="") for piece in window]
    messages = prompt.messages(language, {"n": len(window)}, passages=shown)
    return ChatRequest(messages, prompt.id(language), max_tokens=_TOKENS_A_NUMBER * len(window) + 4)
