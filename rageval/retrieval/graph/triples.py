"""Triples of subject, relation and object, and files of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from rageval.errors import DeclarationError
from rageval.pipeline import Need, Resources
from rageval.retrieval.chunkers import Chunker
from rageval.text.facts import Triple, make_triple, name_of
from rageval.types import Document, Passage

_EXPECTED = "JSON Lines (.jsonl) with doc_id, subject, relation and object, or the JSON (.json) of HippoRAG"
_KEYS = ("subject", "relation", "object")


class TripleSource(Protocol):
    """Where the triples of passages come from: a frozen dataclass."""

    async def of_passages(self, passages: Sequence[Passage], resources: Resources) -> Sequence[Sequence[Triple]]:
        """The triples of each passage, in order."""
        ...

    def needs(self) -> frozenset[Need]: ...

    def prompts(self) -> frozenset[str]: ...

    def calls(self, documents: Sequence[Document], chunker: Chunker) -> int:
        """How many chat calls it takes."""
        ...

    def prompt_tokens(self, documents: Sequence[Document], chunker: Chunker) -> int:
        """Estimated tokens, at most, of all prompts of these calls together."""
        ...


@dataclass(frozen=True)
class TripleFile:
    """Triples that a file gives by document. They belong to those passages of the document that name both ends, else
    to those that name one, else to all.

    JSON Lines: an object a line, with `doc_id`, `subject`, `relation` and `object`. JSON of HippoRAG: `docs`, each with
    `title`, `text` and `extracted_triples`; the document is the one with that title and text. Lists that are not three
    texts are left out of the latter, as are triples of documents that the corpus lacks from both.
    """

    path: Path
    digest: str

    def identity_fields(self) -> dict[str, object]:
        return {"digest": self.digest}

    async def of_passages(self, passages: Sequence[Passage], resources: Resources) -> Sequence[Sequence[Triple]]:
        by_document = self._by_document(resources.documents)
        if not any(by_document.values()):
            raise DeclarationError(f"{self.path}: found no triple of a document of the corpus, expected some")
        pieces: dict[str, list[int]] = {}
        for position, passage in enumerate(passages):
            pieces.setdefault(passage.doc_id, []).append(position)
        found: list[dict[Triple, None]] = [{} for _ in passages]
        for doc_id, triples in by_document.items():
            words = {position: _spelled(passages[position].text) for position in pieces.get(doc_id, ())}
            for triple in triples:
                for position in _holders(triple, words):
                    found[position][triple] = None
        return [[*triples] for triples in found]

    def needs(self) -> frozenset[Need]:
        return frozenset()

    def prompts(self) -> frozenset[str]:
        return frozenset()

    def calls(self, documents: Sequence[Document], chunker: Chunker) -> int:
        return 0

    def prompt_tokens(self, documents: Sequence[Document], chunker: Chunker) -> int:
        return 0

    def _by_document(self, documents: Sequence[Document]) -> Mapping[str, list[Triple]]:
        by_document: dict[str, list[Triple]] = {document.id: [] for document in documents}
        if _is_lines(self.path):
            for doc_id, triple in _read_lines(self.path):
                if doc_id in by_document:
                    by_document[doc_id].append(triple)
            return by_document
        by_text: dict[tuple[str, str], list[Triple]] = {}
        for title, text, triples in _read_hipporag(self.path):
            by_text.setdefault((title.strip(), text.strip()), []).extend(triples)
        for document in documents:
            by_document[document.id] += by_text.get((document.title.strip(), document.text.strip()), ())
        return by_document


def triple_file(path: Path) -> TripleFile:
    """The triples of that file. Raises DeclarationError where it cannot be read or has another form."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DeclarationError(f"triples: {path} cannot be read ({error.strerror}); expected {_EXPECTED}") from None
    records = _read_lines(path) if _is_lines(path) else _read_hipporag(path)
    if next(iter(records), None) is None:
        raise DeclarationError(f"triples: {path}: found nothing, expected {_EXPECTED}")
    for _ in records:  # to the end, so that a mistake is told before anything is spent
        pass
    return TripleFile(path, digest)


def _is_lines(path: Path) -> bool:
    return path.suffix in (".jsonl", ".ndjson")


def _read_lines(path: Path) -> Iterator[tuple[str, Triple]]:
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if line.strip():
            record = _parsed(line, f"{path}:{number}")
            fields = cast("dict[str, object]", record) if isinstance(record, dict) else {}
            doc_id, triple = fields.get("doc_id"), make_triple([fields.get(key) for key in _KEYS])
            if triple is None or not isinstance(doc_id, str):
                raise _wrong(f"{path}:{number}", line)
            yield doc_id, triple


def _read_hipporag(path: Path) -> Iterator[tuple[str, str, list[Triple]]]:
    raw = path.read_bytes()
    data = _parsed(raw, str(path))
    try:
        for record in data["docs"]:
            triples = map(make_triple, record["extracted_triples"])
            yield str(record["title"]), str(record["text"]), [triple for triple in triples if triple is not None]
    except (KeyError, TypeError):
        raise _wrong(str(path), raw) from None


def _parsed(raw: bytes, place: str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise _wrong(place, raw) from None


def _wrong(place: str, raw: bytes) -> DeclarationError:
    return DeclarationError(f"triples: {place}: found {raw[:60].decode(errors='replace')!r}, expected {_EXPECTED}")


def _holders(triple: Triple, words: Mapping[int, str]) -> list[int]:
    """Of the passages of a document, by their words, those that name the most ends of the triple."""
    ends = [_spelled(triple.subject), _spelled(triple.object)]
    named = {position: sum(end in text for end in ends) for position, text in words.items()}
    return [position for position in words if named[position] == max(named.values())]


def _spelled(text: str) -> str:
    """The words of a text with a space before and behind each."""
    return f" {' '.join(name_of(text))} "
