"""What a chunker is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from rageval.types import Document, Passage


@runtime_checkable
class Chunker(Protocol):
    """Cuts documents into passages. Frozen dataclasses are best: equal ones share their passages and indexes."""

    def split(self, document: Document) -> Sequence[Passage]:
        """The passages of the document, in order. Each has its `doc_id`, a title and a span within its text.

        The text of a passage may differ from that span, and its title from the document's. A document without passages
        is never found.
        """
        ...


def most_tokens(chunker: Chunker) -> int | None:
    """Returns the most estimated tokens of a passage, if the chunker states them in an attribute `tokens`."""
    tokens = getattr(chunker, "tokens", None)
    return tokens if isinstance(tokens, int) else None
