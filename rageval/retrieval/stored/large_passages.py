"""Passages of a large corpus: where each lies in its document, on disk; the texts stay the documents' own."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

import numpy as np

from rageval.pipeline import Resources
from rageval.retrieval.stored.stored_index import Arrays, IndexWriter, Key, Layout, stored_index
from rageval.types import Document, Passage

# `spans` has a row (position of the document, start, end) for each passage. The passages at `own_rows` (rising) have
# texts that do not stand so in the document: in UTF-8 in `own_texts`, where `own_starts` says where each begins. In the
# same way `titled_*` are the titles of passages that have another title than their document.
PASSAGE_ARRAYS: Layout = {
    "spans": "<i4",
    "own_rows": "<i8",
    "own_starts": "<i8",
    "own_texts": "|u1",
    "titled_rows": "<i8",
    "titled_starts": "<i8",
    "titled_texts": "|u1",
}


class LargePassages(Sequence[Passage]):
    """Passages that are cut from the documents each time they are asked for.

    `arrays` are of the form of `PASSAGE_ARRAYS`. The sequence knows the folder and the key under which it is stored, so
    that indexes of it are stored there too.
    """

    def __init__(self, documents: Sequence[Document], arrays: Arrays, folder: Path, key: Key) -> None:
        self._documents = documents
        self._arrays = arrays
        self._folder = folder
        self._key = key

    def __len__(self) -> int:
        return len(self._arrays["spans"])

    @overload
    def __getitem__(self, index: int) -> Passage: ...
    @overload
    def __getitem__(self, index: slice) -> list[Passage]: ...
    def __getitem__(self, index: int | slice) -> Passage | list[Passage]:
        spans, rows = self._arrays["spans"][index].tolist(), range(len(self))[index]
        if isinstance(rows, int):
            return self._passage(rows, *spans)
        return [self._passage(row, *span) for row, span in zip(rows, spans, strict=True)]

    def _passage(self, row: int, position: int, start: int, end: int) -> Passage:
        document = self._documents[position]
        text, title = self._kept("own", row), self._kept("titled", row)
        if text is None:
            text = document.text[start:end]
        return Passage(document.id, start, end, text, document.title if title is None else title)

    def _kept(self, name: Literal["own", "titled"], row: int) -> str | None:
        rows = self._arrays[f"{name}_rows"]
        place = int(np.searchsorted(rows, row)) if len(rows) else 0
        if place == len(rows) or rows[place] != row:
            return None
        start, end = self._arrays[f"{name}_starts"][place : place + 2]
        return self._arrays[f"{name}_texts"][start:end].tobytes().decode("utf-8", "surrogatepass")

    async def stored(
        self, kind: str, settings: Key, layout: Layout, write: Callable[[IndexWriter], Awaitable[None]]
    ) -> Arrays:
        """The stored index of that kind and with these settings over these passages; see `stored_index`."""
        return await stored_index(self._folder, {**settings, "passages": dict(self._key), "kind": kind}, layout, write)


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
