"""Splitters of LangChain, LlamaIndex and chonkie as chunkers, told by their methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rageval.errors import DeclarationError
from rageval.identity import Describer, describe, fingerprint
from rageval.retrieval.chunkers.base import Chunker
from rageval.retrieval.chunkers.placing import Piece, place
from rageval.types import Document, Json, Passage


def as_chunker(given: object, at: str = "chunker", *, version: str | None = None) -> Chunker:
    """The chunker that is given: one of rageval's form, or a splitter of another framework.

    Those are LangChain's text splitters (`split_text`), LlamaIndex's node parsers (`get_nodes_from_documents`) and
    chonkie's chunkers (`chunk`). Where a splitter holds what cannot be described (a model, a client), its results are
    not reused by another process, unless a `version` stands for that. Raises DeclarationError for anything else; `at`
    begins its text.
    """
    if not isinstance(given, str | type):
        if isinstance(given, Chunker):
            return given
        if _reader(given) is not None:
            return ForeignChunker(given, version)
    found = repr(given) if isinstance(given, str | type) else f"a {type(given).__name__}"
    raise DeclarationError(
        f"{at}: found {found}, expected an object with split(document), a text splitter of LangChain, a node parser of "
        "LlamaIndex or a chunker of chonkie"
    )


@dataclass(frozen=True, eq=False)
class ForeignChunker:
    """A splitter of another framework. What it makes of a document becomes passages as `place` says.

    A document for which the splitter returns nothing gives one empty passage, so that its title can still be found.
    Two with the same description are equal: they share passages and indexes.
    """

    splitter: Any
    version: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ForeignChunker) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @cached_property
    def _key(self) -> str:
        return fingerprint(describe(self))

    def split(self, document: Document) -> Sequence[Passage]:
        read = _reader(self.splitter)
        assert read is not None
        return place(read(self.splitter, document), document) or [document.passage(0, 0)]

    def identity_fields(self) -> dict[str, Json]:
        """For `rageval.identity.describe`: the splitter's class, package and settings."""
        label = f"as_chunker({type(self.splitter).__name__})"
        return {"splitter": describe(self.splitter, label=label, rule=_describe_part, version=self.version)}


def _reader(splitter: object) -> Callable[[Any, Document], list[Piece]] | None:
    """Returns the function that gets the pieces from the splitter; None for an unknown kind of splitter."""
    return next((read for method, read in _READERS.items() if callable(getattr(splitter, method, None))), None)


def _llama_index(parser: Any, document: Document) -> list[Piece]:
    from llama_index.core.schema import Document as LlamaDocument

    nodes = parser.get_nodes_from_documents([LlamaDocument(text=document.text, id_=document.id)])
    return [Piece(node.get_content(), node.start_char_idx) for node in nodes]


def _langchain(splitter: Any, document: Document) -> list[Piece]:
    """Some LangChain splitters return texts; those that split by headers return documents."""
    pieces = splitter.split_text(document.text)
    return [Piece(piece if isinstance(piece, str) else piece.page_content) for piece in pieces]


def _chonkie(chunker: Any, document: Document) -> list[Piece]:
    return [Piece(chunk.text, chunk.start_index) for chunk in chunker.chunk(document.text)]


_READERS: Mapping[str, Callable[[Any, Document], list[Piece]]] = {
    "get_nodes_from_documents": _llama_index,
    "split_text": _langchain,
    "chunk": _chonkie,
}


def _describe_part(value: object, describer: Describer) -> Json | None:
    """A splitter of LangChain or chonkie by all that it holds; parts that do not change what is cut by their class."""
    part: Any = value
    packages = {kind.__module__.partition(".")[0] for kind in type(value).__mro__}
    module, name = type(value).__module__, type(value).__name__
    if name == "CallbackManager":
        return {**describer.class_of(value)}
    if module.startswith("tiktoken"):
        return {**describer.class_of(value), "name": str(part.name)}
    if module == "chonkie.tokenizer":  # those of its own note the words that they have seen
        held = {"tokenizer": part.tokenizer} if hasattr(value, "tokenizer") else {}
        return {**describer.class_of(value), "fields": describer.parts(held)}
    if packages & {"langchain_text_splitters", "chonkie"} and hasattr(value, "__dict__"):
        return {**describer.class_of(value), "fields": describer.parts(vars(value))}
    return None
