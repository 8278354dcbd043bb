"""The passages of the corpus, cut once and shared by all indexes with the same chunker."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rageval import text
from rageval.errors import ExecutionError, IndexBuildError
from rageval.identity import describe, fingerprint
from rageval.pipeline import IndexStore, Need, Resources
from rageval.pipeline.check_response import check_passage
from rageval.pipeline.failure import raise_what_stops, told_with_place
from rageval.prompts import load_prompt
from rageval.retrieval.chunkers import Chunker, ModelChunker, by_asking, sentences
from rageval.retrieval.stored.large_passages import PASSAGE_ARRAYS, CorpusDigest, LargePassages
from rageval.retrieval.stored.stored_index import Arrays, IndexWriter, Key, index_path, stored_index
from rageval.source import code_digest
from rageval.types import Document, Json, Passage

_DOCUMENTS_AT_ONCE = 4096


@dataclass(frozen=True)
class Passages:
    """All passages that a chunker cuts, in the order of the documents; those of a large corpus lie on disk."""

    chunker: Chunker

    def needs(self) -> frozenset[Need]:
        return self.chunker.needs() if isinstance(self.chunker, ModelChunker) else frozenset()

    async def build(self, resources: Resources) -> Sequence[Passage]:
        documents, store = resources.documents, resources.indexes
        if store is None:
            return tuple(passage for some in await cut(self.chunker, documents, resources) for passage in some)
        return await self._stored(resources, store, await resources.get(CorpusDigest()))

    async def _stored(self, resources: Resources, store: IndexStore, corpus: str) -> Sequence[Passage]:
        documents = resources.documents
        key: Key = {
            "kind": "passages",
            "corpus": corpus,
            "arrays": [*PASSAGE_ARRAYS],
            "chunker": describe(self.chunker),
            "code": code_digest(text, sys.modules.get(type(self.chunker).__module__, text)),
            **(_asked(self.chunker, resources) if isinstance(self.chunker, ModelChunker) else {}),
        }
        arrays: Arrays | None = None
        if not index_path(store.folder, key).exists():
            arrays = await self._cut(resources)
            if len(arrays["spans"]) <= store.large:
                return tuple(LargePassages(documents, arrays, store.folder, key))

        async def write(writer: IndexWriter) -> None:
            for name, rows in (arrays or await self._cut(resources)).items():
                writer.append(name, rows)

        stored = await stored_index(store.folder, key, PASSAGE_ARRAYS, write)
        return LargePassages(documents, stored, store.folder, key)

    async def _cut(self, resources: Resources) -> Arrays:
        """The passages of all documents, as `PASSAGE_ARRAYS` has them."""
        documents = resources.documents
        spans = [np.zeros((0, 3), dtype=np.int32)]
        own, titled, count = _Kept(), _Kept(), 0
        for first in range(0, len(documents), _DOCUMENTS_AT_ONCE):
            rows: list[tuple[int, int, int]] = []
            some = documents[first : first + _DOCUMENTS_AT_ONCE]
            passages = await cut(self.chunker, some, resources)
            for position, (document, found) in enumerate(zip(some, passages, strict=True), first):
                for passage in found:
                    if passage.text != document.text[passage.start : passage.end]:
                        own.add(count + len(rows), passage.text)
                    if passage.title != document.title:
                        titled.add(count + len(rows), passage.title)
                    rows.append((position, passage.start, passage.end))
            count += len(rows)
            spans.append(np.array(rows, dtype=np.int32).reshape(-1, 3))
            await asyncio.sleep(0)  # a run can be stopped here
        return {"spans": np.concatenate(spans), **own.arrays("own"), **titled.arrays("titled")}


class _Kept:
    """Texts of some passages, by their rows."""

    def __init__(self) -> None:
        self._rows = list[int]()
        self._texts = list[bytes]()

    def add(self, row: int, text: str) -> None:
        self._rows.append(row)
        self._texts.append(text.encode("utf-8", "surrogatepass"))

    def arrays(self, name: str) -> Arrays:
        return {
            f"{name}_rows": np.array(self._rows, dtype=np.int64),
            f"{name}_starts": np.cumsum([0, *map(len, self._texts)], dtype=np.int64),
            f"{name}_texts": np.frombuffer(b"".join(self._texts), dtype=np.uint8),
        }


def _asked(chunker: ModelChunker, resources: Resources) -> dict[str, Json]:
    """What decides the passages beside the chunker and the documents: models, prompts, and code that it shares."""
    needs = chunker.needs()
    return {
        "embedder": resources.embedder.identity if "embed" in needs else None,
        "chat": resources.chat.identity if "chat" in needs else None,
        "prompts": {name: load_prompt(name).digest for name in sorted(chunker.prompts())},
        "languages": fingerprint({one.id: one.language for one in resources.documents}) if chunker.prompts() else None,
        "pieces": code_digest(by_asking, sentences),
    }


async def cut(chunker: Chunker, documents: Sequence[Document], resources: Resources) -> list[Sequence[Passage]]:
    """Returns the passages of each document. Raises IndexBuildError that names the document if the chunker raises or
    returns anything else, and what a model raises that the chunker asks.
    """
    try:
        if not isinstance(chunker, ModelChunker):
            return [split(chunker, document) for document in documents]
        found = await chunker.split_all(documents, resources)
        return [_checked(chunker, document, some) for document, some in zip(documents, found, strict=True)]
    except _BrokenChunkerError as error:
        raise IndexBuildError(str(error)) from error


def pieces(chunker: Chunker, document: Document) -> Sequence[Passage]:
    """The passages of a document; of a chunker that asks a model, the smallest that it could make of it."""
    return chunker.pieces(document) if isinstance(chunker, ModelChunker) else split(chunker, document)


def split(chunker: Chunker, document: Document) -> Sequence[Passage]:
    """Returns the passages of a document. Raises ExecutionError that names the document if the chunker raises or
    returns anything else.
    """
    return _checked(chunker, document)


class _BrokenChunkerError(ExecutionError):
    """A chunker that raised, or returned what is no passage."""


def _checked(chunker: Chunker, document: Document, given: Iterable[Passage] | None = None) -> Sequence[Passage]:
    """The passages that are given, or those that the chunker returns for the document."""
    where = f"chunker {type(chunker).__name__}: document {document.id!r}"
    try:
        return [
            _of_document(check_passage(passage, f"passage {number}"), f"passage {number}", document)
            for number, passage in enumerate(chunker.split(document) if given is None else given)
        ]
    except Exception as error:
        raise_what_stops(error)
        cause = str(error) if isinstance(error, ExecutionError) else told_with_place(error)
        raise _BrokenChunkerError(f"{where}: {cause}") from error


def _of_document(passage: Passage, place: str, document: Document) -> Passage:
    if passage.doc_id != document.id:
        raise ExecutionError(f"{place}: found the document {passage.doc_id!r}, expected {document.id!r}")
    if passage.end > len(document.text):
        raise ExecutionError(
            f"{place}: found the span {passage.start} to {passage.end}, expected one within 0 to {len(document.text)}"
        )
    return passage
