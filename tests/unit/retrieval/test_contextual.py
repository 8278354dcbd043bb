"""Passages that are indexed with their place in the document."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.experiment.recipes import build_pipeline
from rageval.models.base import ChatRequest
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Query, Resources, Stage
from rageval.retrieval import BM25, HYBRID, Contextual, Dense, Index, MultiVector, SentenceChunker
from rageval.text import count_tokens
from rageval.types import Document, Hit
from tests.unit.scripts import by_prompt, names

CHUNKER = SentenceChunker(32)
FIRST = "Acme sold forty two ships to the harbour of Delmar in the year 2019."
SECOND = "Revenue rose by a third, as the board had said it would in the year before."
DOCUMENTS = (
    Document("acme", f"{FIRST} {SECOND}", "Report"),
    Document("other", "Cows graze on hills."),
    Document(
        "zh", "蓝江全长三百公里，在白沙镇流入东湖之中。下游的渡口每天开放，冬天也不例外，行人都走这里。", language="zh"
    ),
)


def place(request: ChatRequest) -> str:
    text = request.messages[-1].content.rpartition("</passages>")[2]
    if "Revenue" in text:
        return "About Zenith,\nits results."
    return "讲蓝江的渡口。" if "渡口" in text else " "


def search(index: Index, query: str, chat: ScriptedChat | None) -> tuple[Hit, ...]:
    async def found() -> tuple[Hit, ...]:
        built = await Resources(DOCUMENTS, chat=chat, embedder=HashEmbedder()).get(index)
        return tuple(await built.search(Query(query), 5))

    return asyncio.run(found())


@pytest.mark.parametrize(
    "index", [BM25(CHUNKER), Dense(CHUNKER), MultiVector(chunker=CHUNKER), (BM25(CHUNKER), Dense(CHUNKER))]
)
def test_a_passage_is_found_by_its_context_and_handed_over_without_it(index: Any) -> None:
    chat = by_prompt(place_passage=place)
    (best, *_) = search(Contextual(index), "Zenith results", chat)
    assert best.passage.text == SECOND
    assert best.passage.title == "Report"
    (best, *_) = search(Contextual(index), "蓝江的渡口", chat)
    assert best.passage.text.startswith("下游")


def test_without_a_context_nothing_of_it_is_found() -> None:
    assert search(BM25(CHUNKER), "Zenith", None) == ()


def test_the_document_stands_first_and_is_the_same_for_all_its_passages() -> None:
    chat = by_prompt(place_passage=place)
    index = Contextual(HYBRID, CHUNKER)
    search(index, "x", chat)
    assert names(chat) == ["place_passage"] * 4, "none for a document of one passage; two indexes share the replies"
    first, second = (request.messages[-1].content for request in chat.requests[:2])
    shared = f"<passages>\n[1] Report: {FIRST} {SECOND}\n</passages>\n\nThe passage above is a whole document."
    assert first.startswith(shared)
    assert second.startswith(shared)
    assert f"part of it:\n{SECOND}\n" in second
    assert index.indexing_calls(DOCUMENTS) == 4
    sent = sum(count_tokens(one.content) for request in chat.requests for one in request.messages)
    assert index.indexing_tokens(DOCUMENTS) == sent


def test_a_long_document_is_cut_and_the_model_is_told() -> None:
    chat = by_prompt(place_passage=place)
    search(Contextual(BM25(CHUNKER), document_tokens=20), "x", chat)
    shown = chat.requests[1].messages[-1].content
    assert f"[1] Report: {FIRST}\n</passages>\n\nThe passage above is the beginning of a long document." in shown


def test_it_needs_what_it_is_made_of_and_the_chat_model() -> None:
    assert Contextual(BM25()).needs() == {"chat"}
    assert Contextual(HYBRID).needs() == {"chat", "embed"}
    assert Contextual(MultiVector(("summaries",))).prompts() == {"summarise", "place_passage"}
    assert Contextual(MultiVector(("summaries",), chunker=CHUNKER)).indexing_calls(DOCUMENTS) == 4 + 5
    assert Contextual(MultiVector(("summaries",), chunker=CHUNKER)).indexing_tokens(DOCUMENTS) is None


def test_the_chunker_is_given_here_or_inside() -> None:
    inside, outside = Contextual(BM25(CHUNKER)), Contextual(BM25(), CHUNKER)
    assert inside == outside
    assert inside.inner() == (BM25(CHUNKER),)
    with pytest.raises(DeclarationError, match="chunker: found 2 different ones"):
        Contextual((BM25(CHUNKER), Dense(SentenceChunker(64))))


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        (lambda: Contextual(()), "index: found none"),
        (lambda: Contextual(BM25(), document_tokens=2), "document_tokens: found 2, expected at least 8"),
        (lambda: Contextual(BM25(), max_tokens=0), "max_tokens: found 0, expected at least 8"),
    ],
)
def test_impossible_settings_are_refused(build: Callable[[], Index], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        build()


def test_in_a_file() -> None:
    retriever = {"contextual": {"index": ["bm25", {"multi_vector": {"views": ["titles"]}}], "document_tokens": 500}}
    stage: Stage = build_pipeline("naive", {"retriever": retriever, "chunk_tokens": 64}, Path()).stage
    (index,) = stage.indexes()
    chunker = SentenceChunker(64)
    assert index == Contextual((BM25(chunker), MultiVector(("titles",), chunker=chunker)), chunker, 500)
