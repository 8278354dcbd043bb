"""The passages of the corpus, cut once and shared by all indexes with the same chunker."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rageval import text
from rageval.errors import ExecutionError, IndexBuildError
from rageval.identity import describe
from rageval.pipeline import IndexStore, Need, Resources
from rageval.pipeline.check_response import check_passage
from rageval.pipeline.failure import raise_what_stops, told_with_place
from rageval.retrieval.chunkers import Chunker
from rageval.retrieval.stored.large_passages import PASSAGE_ARRAYS, CorpusDigest, LargePassages
from rageval.retrieval.stored.stored_index import Arrays, IndexWriter, Key, index_path, stored_index
from rageval.source import code_digest
from rageval.types import Document, Passage

_DOCUMENTS_AT_ONCE = 4096


@dataclass(frozen=True)
class Passages:
    """All passages that a chunker cuts, in the order of the documents; those of a large corpus lie on disk."""

    chunker: Chunker

    def needs(self) -> frozenset[Need]:
        """No model."""
        return frozenset()

    async def build(self, resources: Resources) -> Sequence[Passage]:
        documents, store = resources.documents, resources.indexes
        try:
            if store is None:
                return tuple(passage for document in documents for passage in split(self.chunker, document))
            return await self._stored(documents, store, await resources.get(CorpusDigest()))
        except ExecutionError as error:
            raise IndexBuildError(str(error)) from error

    async def _stored(self, documents: Sequence[Document], store: IndexStore, corpus: str) -> Sequence[Passage]:
        key: Key = {
            "kind": "passages",
            "corpus": corpus,
            "chunker": describe(self.chunker),
            "code": code_digest(text, sys.modules.get(type(self.chunker).__module__, text)),
        }
        arrays: Arrays | None = None
        if not index_path(store.folder, key).exists():
            arrays = await self._cut(documents)
            if len(arrays["spans"]) <= store.large:
                return tuple(LargePassages(documents, arrays, store.folder, key))

        async def write(writer: IndexWriter) -> None:
            for name, rows in (arrays or await self._cut(documents)).items():
                writer.append(name, rows)

        stored = await stored_index(store.folder, key, PASSAGE_ARRAYS, write)
        return LargePassages(documents, stored, store.folder, key)

    async def _cut(self, documents: Sequence[Document]) -> Arrays:
        """The passages of all documents, as `PASSAGE_ARRAYS` has them."""
        spans = [np.zeros((0, 3), dtype=np.int32)]
        count, own_rows, own_texts = 0, list[int](), list[bytes]()
        for first in range(0, len(documents), _DOCUMENTS_AT_ONCE):
            rows: list[tuple[int, int, int]] = []
            for position, document in enumerate(documents[first : first + _DOCUMENTS_AT_ONCE], first):
                for passage in split(self.chunker, document):
                    if passage.text != document.text[passage.start : passage.end]:
                        own_rows.append(count + len(rows))
                        own_texts.append(passage.text.encode("utf-8", "surrogatepass"))
                    rows.append((position, passage.start, passage.end))
            count += len(rows)
            spans.append(np.array(rows, dtype=np.int32).reshape(-1, 3))
            await asyncio.sleep(0)  # a run can be stopped here
        return {
            "spans": np.concatenate(spans),
            "own_rows": np.array(own_rows, dtype=np.int64),
            "own_starts": np.cumsum([0, *map(len, own_texts)], dtype=np.int64),
            "own_texts": np.frombuffer(b"".join(own_texts), dtype=np.uint8),
        }


def split(chunker: Chunker, document: Document) -> Sequence[Passage]:
    """Returns the passages of a document. Raises ExecutionError that names the document if the chunker raises or
    returns anything else.
    """
    where = f"chunker {type(chunker).__name__}: document {document.id!r}"
    try:
        return [
            _of_document(check_passage(passage, f"passage {number}"), f"passage {number}", document)
            for number, passage in enumerate(chunker.split(document))
        ]
    except Exception as error:
        raise_what_stops(error)
        cause = str(error) if isinstance(error, ExecutionError) else told_with_place(error)
        raise ExecutionError(f"{where}: {cause}") from error


def _of_document(passage: Passage, place: str, document: Document) -> Passage:
    if (passage.doc_id, passage.title) != (document.id, document.title):
        raise ExecutionError(
            f"{place}: found the document {passage.doc_id!r} with the title {passage.title!r}, expected those of the "
            "document"
        )
    if passage.end > len(document.text):
        raise ExecutionError(
            f"{place}: found the span {passage.start} to {passage.end}, expected one within 0 to {len(document.text)}"
        )
    return passage
