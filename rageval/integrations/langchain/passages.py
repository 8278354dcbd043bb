"""A benchmark's documents for LangChain, and LangChain's documents as hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from langchain_core.documents import Document

from rageval import types
from rageval.errors import ExecutionError
from rageval.models.wire import one_line
from rageval.pipeline.recorded_hits import place_of
from rageval.types import Benchmark, Hit, Passage

_ID_KEYS = ("id", "doc_id", "source")


def documents(benchmark: Benchmark) -> list[Document]:
    """The benchmark's documents, to be indexed; id, title and language stand in the metadata.

    The texts are as they are in the benchmark, without titles. Split them with `add_start_index=True`, and the pieces
    map back to spans of the documents: text splitters keep the metadata.
    """
    return [
        Document(one.text, id=one.id, metadata={"id": one.id, "title": one.title, "language": one.language})
        for one in benchmark.documents
    ]


def documents_in(value: object) -> list[Document] | None:
    """The documents of a list that holds nothing else; None of anything else."""
    if not isinstance(value, list | tuple):
        return None
    items = [*cast("Sequence[object]", value)]
    found = [item for item in items if isinstance(item, Document)]
    return found if len(found) == len(items) else None


def to_hits(found: Sequence[Document], known: Mapping[str, types.Document]) -> tuple[Hit, ...]:
    """The documents as hits, each once, scored by minus their rank: what stores call a score may rise or fall."""
    passages = list(dict.fromkeys(_passage(document, known) for document in found))
    if passages and not any(passage.doc_id in known for passage in passages):
        raise ExecutionError(
            f"found documents with ids such as {passages[0].doc_id!r}, expected ids of the benchmark such as "
            f"{next(iter(known), '')!r} in their metadata: index what documents(benchmark) returns, or put `id` there"
        )
    return tuple(Hit(passage, -float(rank)) for rank, passage in enumerate(passages, 1))


def _passage(found: Document, known: Mapping[str, types.Document]) -> Passage:
    metadata = cast("dict[str, object]", found.metadata)  # pyright: ignore[reportUnknownMemberType]
    names = [str(name) for name in (*map(metadata.get, _ID_KEYS), found.id) if name is not None and name != ""]
    if not names:
        raise ExecutionError(
            f"found a document without an id: {one_line(found.page_content[:60])!r}, expected the benchmark's id in "
            "its metadata (`id`, `doc_id` or `source`): index what documents(benchmark) returns"
        )
    doc_id = next((name for name in names if name in known), names[0])
    document = known.get(doc_id)
    title = document.title if document else ""
    start, end = _span(found.page_content, metadata, document)
    return Passage(doc_id, start, end, found.page_content, title)


def _span(text: str, metadata: Mapping[str, object], document: types.Document | None) -> tuple[int, int]:
    """What the metadata says, or else where the text stands in the document."""
    start, end = metadata.get("start", metadata.get("start_index")), metadata.get("end")
    if isinstance(start, int) and start >= 0:
        return start, end if isinstance(end, int) and end >= start else start + len(text)
    return place_of(text, document)
