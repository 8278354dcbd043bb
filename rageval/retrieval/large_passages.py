"""The passages of a large corpus: where each lies in its document, on disk; the texts stay the documents' own."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from rageval.pipeline import Resources
from rageval.retrieval.stored_index import Arrays, IndexWriter, Key, Layout, stored_index
from rageval.types import Document, Passage

SPANS: Layout = {"spans": "<i4"}


class LargePassages(Sequence[Passage]):
    """Passages that are cut from the documents each time they are asked for.

    `spans` has a row (position of the document, start, end) for each. The sequence knows the folder and the key under
    which it is stored, so that indexes of it are stored there too.
    """

    def __init__(self, documents: Sequence[Document], spans: NDArray[np.int32], folder: Path, key: Key) -> None:
        self._documents = documents
        self._spans = spans
        self._folder = folder
        self._key = key

    def __len__(self) -> int:
        return len(self._spans)

    @overload
    def __getitem__(self, index: int) -> Passage: ...
    @overload
    def __getitem__(self, index: slice) -> list[Passage]: ...
    def __getitem__(self, index: int | slice) -> Passage | list[Passage]:
        if isinstance(index, slice):
            return [self._cut(span) for span in self._spans[index].tolist()]
        return self._cut(self._spans[index].tolist())

    def _cut(self, span: list[int]) -> Passage:
        position, start, end = span
        return cut(self._documents[position], start, end)

    async def stored(
        self, kind: str, settings: Key, layout: Layout, write: Callable[[IndexWriter], Awaitable[None]]
    ) -> Arrays:
        """The stored index of that kind and with these settings over these passages; see `stored_index`."""
        return await stored_index(self._folder, {**settings, "passages": dict(self._key), "kind": kind}, layout, write)


def cut(document: Document, start: int, end: int) -> Passage:
    """The passage from `start` to `end` of a document."""
    return Passage(document.id, start, end, document.text[start:end], document.title)


@dataclass(frozen=True)
class CorpusDigest:
    """64 hex digits of what can be retrieved: ids, titles and texts of the documents, in their order."""

    async def build(self, resources: Resources) -> str:
        digest = hashlib.sha256()
        for document in resources.documents:
            for field in (document.id, document.title, document.text):
                data = field.encode("utf-8", "surrogatepass")
                digest.update(len(data).to_bytes(8, "little") + data)
        return digest.hexdigest()
