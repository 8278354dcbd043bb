"""The conformance tests of chunkers, indexes and rerankers, on those of rageval, on foreign and on broken ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest
from langchain_text_splitters import RecursiveCharacterTextSplitter

from rageval.models.base import ChatRequest, Message
from rageval.pipeline import Calls, Need, Query, Resources
from rageval.retrieval import (
    BM25,
    ApproximateDense,
    Chunker,
    Dense,
    Index,
    MultiVector,
    Passages,
    Pointwise,
    Reranker,
    SentenceChunker,
)
from rageval.testing import check_chunker, check_index, check_reranker
from rageval.types import Document, Hit, Passage, Question

REQUEST = ChatRequest((Message("user", "How deep?"),), "mine/en@1", max_tokens=4)


@dataclass(frozen=True)
class Halves:
    """Two passages of each document that has a text."""

    def split(self, document: Document) -> list[Passage]:
        middle, end = len(document.text) // 2, len(document.text)
        spans = [(0, middle), (middle, end)] if end else []
        return [document.passage(start, end) for start, end in spans]


@pytest.mark.parametrize(
    "chunker",
    [
        SentenceChunker(),
        SentenceChunker(16, 1),
        Halves(),
        RecursiveCharacterTextSplitter(chunk_size=40, chunk_overlap=0),
    ],
    ids=lambda chunker: type(chunker).__name__,
)
def test_sound_chunkers_pass(chunker: object) -> None:
    check_chunker(chunker)


_numbers = count()


def chunker(change: Callable[[list[Passage], Document], Any], **attributes: Any) -> object:
    class Changed(Halves):
        def split(self, document: Document) -> Any:
            return change(super().split(document), document)

    for name, value in attributes.items():
        setattr(Changed, name, value)
    return Changed()


def at(passages: list[Passage], **changes: Any) -> list[Passage]:
    return [replace(passage, **changes) for passage in passages]


def other_end_each_time(passages: list[Passage], document: Document) -> list[Passage]:
    return [*passages, document.passage(len(document.text), len(document.text))] if next(_numbers) % 2 else passages


BROKEN_CHUNKERS: list[tuple[object, str]] = [
    (Halves, "chunker: found <class"),
    ("sentences", "chunker: found 'sentences'"),
    (chunker(lambda passages, document: None), "TypeError"),
    (chunker(lambda passages, document: 1 / 0), "document 'arlen': ZeroDivisionError"),
    (chunker(lambda passages, document: [document.text]), "found a str, expected a Passage"),
    (chunker(lambda passages, document: at(passages, doc_id="x")), "found the document 'x'"),
    (chunker(lambda passages, document: at(passages, end=10**6)), "to 1000000, expected one within 0 to"),
    (chunker(lambda passages, document: at(passages, text=b"x")), "text: found a bytes, expected a text"),
    (chunker(lambda passages, document: passages if document.language == "en" else []), "found no passages"),
    (chunker(lambda passages, document: passages[::-1]), "expected them in order"),
    (chunker(lambda passages, document: passages, tokens=3), "expected at most 3, as `tokens` says"),
    (chunker(other_end_each_time), "found other passages at the second call"),
]


@pytest.mark.parametrize(("broken", "problem"), BROKEN_CHUNKERS, ids=[problem for _, problem in BROKEN_CHUNKERS])
def test_a_broken_chunker_is_told_what_is_wrong(broken: object, problem: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_chunker(broken)
    assert problem in str(caught.value)


@dataclass(frozen=True)
class InOrder(Index):
    """All passages in the order of the corpus."""

    chunker: Chunker = SentenceChunker()

    async def build(self, resources: Resources) -> Any:
        return Built(await resources.get(Passages(self.chunker)))


@dataclass(frozen=True)
class Built:
    passages: Sequence[Passage]

    async def search(self, query: Query, depth: int) -> Sequence[Hit]:
        return [Hit(passage, 1.0) for passage in self.passages[:depth]]


@pytest.mark.parametrize(
    "index", [BM25(), Dense(), ApproximateDense(), MultiVector(), InOrder()], ids=lambda index: type(index).__name__
)
def test_sound_indexes_pass(index: Index) -> None:
    check_index(index)


def index(search: Callable[[list[Hit], Query, int], Any], **attributes: Any) -> Any:
    class ChangedBuilt(Built):
        async def search(self, query: Query, depth: int) -> Any:
            return search([*await super().search(query, depth)], query, depth)

    @dataclass(frozen=True)
    class Changed(InOrder):
        async def build(self, resources: Resources) -> Any:
            return ChangedBuilt((await super().build(resources)).passages)

    for name, value in attributes.items():
        setattr(Changed, name, value)
    return Changed()


async def build_with_chat(self: Index, resources: Resources) -> Any:
    await resources.chat.complete(REQUEST)
    return Built(await resources.get(Passages(self.chunker)))


def other_order_each_time(hits: list[Hit], query: Query, depth: int) -> list[Hit]:
    return hits[:: 1 if next(_numbers) % 2 else -1]


def nowhere(hits: list[Hit], query: Query, depth: int) -> list[Hit]:
    return [Hit(replace(hits[0].passage, doc_id="nowhere"), 1.0)]


def beyond(hits: list[Hit], query: Query, depth: int) -> list[Hit]:
    return [Hit(replace(hits[0].passage, end=10**6), 1.0)]


NEEDS_CHAT = {"needs": lambda self: frozenset[Need]({"chat"})}
BROKEN_INDEXES: list[tuple[Any, str]] = [
    (BM25, "index: found <class"),
    (InOrder([]), "chunker: found a list"),  # type: ignore[arg-type]
    (index(lambda hits, query, depth: hits, __hash__=None), "expected a frozen dataclass"),
    (index(lambda hits, query, depth: hits, build=build_with_chat), "build: raised DeclarationError"),
    (index(lambda hits, query, depth: hits, build=build_with_chat, **NEEDS_CHAT), "made 1 calls, expected at most 0"),
    (index(lambda hits, query, depth: None), "found a NoneType, expected a Sequence"),
    (index(lambda hits, query, depth: hits[len(query.text) - 1] and hits), "raised IndexError"),
    (index(lambda hits, query, depth: [hit.passage for hit in hits]), "hit 0: found a Passage, expected a Hit"),
    (index(lambda hits, query, depth: [replace(hit, score=float("nan")) for hit in hits]), "found the score nan"),
    (index(nowhere), "found the document 'nowhere', expected one of the corpus"),
    (index(beyond), "to 1000000, expected one within 0 to"),
    (index(lambda hits, query, depth: []), "found no hits for any question"),
    (index(other_order_each_time), "found other hits at the second call"),
]


def test_a_search_must_stop_at_the_depth() -> None:
    class All(Built):
        async def search(self, query: Query, depth: int) -> Sequence[Hit]:
            return await super().search(query, 10)

    async def build(self: Index, resources: Resources) -> All:
        return All(await resources.get(Passages(self.chunker)))

    with pytest.raises(AssertionError, match="found 5 documents, expected at most 1"):
        check_index(index(lambda hits, query, depth: hits, build=build))


@pytest.mark.parametrize(("broken", "problem"), BROKEN_INDEXES, ids=[problem for _, problem in BROKEN_INDEXES])
def test_a_broken_index_is_told_what_is_wrong(broken: Any, problem: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_index(broken)
    assert problem in str(caught.value)


@dataclass(frozen=True)
class Shortest(Reranker):
    """Short passages first."""

    async def score(self, question: Question, passages: Sequence[Passage], resources: Resources) -> Any:
        return [-float(len(passage.text)) for passage in passages]


def test_sound_rerankers_pass() -> None:
    check_reranker(Pointwise())
    check_reranker(Shortest())


def reranker(change: Callable[[list[float]], Any], **attributes: Any) -> Any:
    @dataclass(frozen=True)
    class Changed(Shortest):
        async def score(self, question: Question, passages: Sequence[Passage], resources: Resources) -> Any:
            return change(await super().score(question, passages, resources))

    for name, value in attributes.items():
        setattr(Changed, name, value)
    return Changed()


async def ask_twice(
    self: Reranker, question: Question, passages: Sequence[Passage], resources: Resources
) -> list[float]:
    for _ in range(2):
        await resources.chat.complete(REQUEST)
    return [1.0] * len(passages)


BROKEN_RERANKERS: list[tuple[Any, str]] = [
    (Shortest, "reranker: found <class"),
    (reranker(lambda scores: scores, __hash__=None), "unhashable"),
    (reranker(lambda scores: scores[1:]), "expected one for each passage"),
    (reranker(lambda scores: iter(scores)), "found a list_iterator"),
    (reranker(lambda scores: [float("inf")] * len(scores)), "score 0: found inf"),
    (reranker(lambda scores: ["good"] * len(scores)), "score 0: found 'good'"),
    (reranker(lambda scores: scores[9]), "raised IndexError"),
    (reranker(lambda scores: scores, score=ask_twice), "raised DeclarationError"),
    (reranker(lambda scores: scores, score=ask_twice, **NEEDS_CHAT), "made 2 calls, expected at most 0"),
    (
        reranker(lambda scores: scores, score=ask_twice, **NEEDS_CHAT, calls=lambda self, passages: Calls(0, 1)),
        "made 2 calls, expected at most 1",
    ),
]


@pytest.mark.parametrize(("broken", "problem"), BROKEN_RERANKERS, ids=[problem for _, problem in BROKEN_RERANKERS])
def test_a_broken_reranker_is_told_what_is_wrong(broken: Any, problem: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_reranker(broken)
    assert problem in str(caught.value)
