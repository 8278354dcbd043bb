"""Search in groups of passages, then within them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

import pytest

from rageval.errors import DeclarationError
from rageval.models.base import ChatRequest
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Query, Resources
from rageval.retrieval import BM25, HYBRID, Dense, HeadingChunker, Hierarchical, Index, SentenceChunker
from rageval.retrieval.within import search_within
from rageval.text import count_tokens
from rageval.types import Document, Hit, Passage
from tests.unit.scripts import by_prompt

CHUNKER = SentenceChunker(10)
SHIPS = Document("ships", "Ships cross the wide sea. Ships carry salt and fish. Gold is heavy cargo.", "Sea")
MINES = Document("mines", "Miners dig for gold. Miners carry lamps. Mines are deep and dark.", "Mines")
LAKE = Document("lake", "东湖最深处四十米。东湖盛产银鱼。", language="zh")
DOCUMENTS = (SHIPS, MINES, LAKE)


def search(index: Index, query: str, chat: ScriptedChat | None = None, depth: int = 5) -> list[Hit]:
    async def found() -> list[Hit]:
        built = await Resources(DOCUMENTS, chat=chat, embedder=HashEmbedder()).get(index)
        return [*await built.search(Query(query), depth)]

    return asyncio.run(found())


def texts(hits: Sequence[Hit]) -> list[str]:
    return [hit.passage.text for hit in hits]


def test_only_passages_of_the_nearest_documents_are_found() -> None:
    """`gold` stands in both; of the two documents, that on miners has most of the query's words."""
    query = "Do miners carry gold in mines?"
    assert {hit.passage.doc_id for hit in search(BM25(CHUNKER), query)} == {"ships", "mines"}
    assert {hit.passage.doc_id for hit in search(Hierarchical(BM25(CHUNKER), keep=1), query)} == {"mines"}
    assert {hit.passage.doc_id for hit in search(Hierarchical(BM25(CHUNKER), keep=2), query)} >= {"mines"}


def test_with_all_groups_kept_it_is_the_search_inside() -> None:
    for inner in (BM25(CHUNKER), Dense(CHUNKER)):
        for groups in ("documents", "clusters"):
            whole = Hierarchical(inner, groups=groups, keep=99, size=2)
            assert texts(search(whole, "gold ships 东湖")) == texts(search(inner, "gold ships 东湖"))


def test_clusters_go_across_documents() -> None:
    """Eight passages in clusters of about four: two. A passage is in one of them."""
    index = Hierarchical(Dense(CHUNKER), groups="clusters", keep=1, size=4)
    first, second = texts(search(index, "Ships cross the wide sea.")), texts(search(index, "东湖最深处四十米。"))
    assert first[0] == "Ships cross the wide sea."
    assert second[0] == "东湖最深处四十米。"
    assert not {*first} & {*second}
    assert len({*first} | {*second}) == 8


def test_a_summary_is_what_a_group_is_found_by() -> None:
    chat = by_prompt(summarise_group=lambda request: "Vessels." if "Ships" in said(request) else " ")
    index = Hierarchical(HYBRID, CHUNKER, by="summary", keep=1)
    assert {hit.passage.doc_id for hit in search(index, "Vessels.", chat)} == {"ships"}
    assert len(chat.requests) == index.indexing_calls(DOCUMENTS) == 3
    assert [request.prompt.split("@")[0][-2:] for request in chat.requests] == ["en", "en", "zh"]
    assert "[1] Sea: Ships cross the wide sea.\n[2] Sea: Ships carry salt and fish.\n[3] Sea: Gold" in said(
        chat.requests[0]
    )
    assert {hit.passage.doc_id for hit in search(index, "东湖", chat)} == {"lake"}, (
        "an empty summary leaves the centroid"
    )
    assert index.needs() == {"chat", "embed"}
    assert Hierarchical(BM25()).needs() == {"embed"}
    assert Hierarchical(BM25()).prompts() == frozenset()


@pytest.mark.parametrize("tokens", [8, 24, 2000])
@pytest.mark.parametrize("groups", ["documents", "clusters"])
@pytest.mark.parametrize("chunker", [CHUNKER, HeadingChunker(8)])
def test_calls_are_as_announced_and_tokens_within_their_bound(
    groups: Literal["documents", "clusters"], tokens: int, chunker: SentenceChunker | HeadingChunker
) -> None:
    chat = ScriptedChat(lambda _: "About it.")
    index = Hierarchical(BM25(chunker), groups=groups, by="summary", size=3, tokens=tokens)
    search(index, "x", chat)
    assert len(chat.requests) == index.indexing_calls(DOCUMENTS) == 3
    sent = sum(count_tokens(message.content) for request in chat.requests for message in request.messages)
    bound = index.indexing_tokens(DOCUMENTS)
    assert bound is not None
    assert sent <= bound


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        (lambda: Hierarchical(BM25(), keep=0), "keep: found 0"),
        (lambda: Hierarchical(BM25(), size=0), "size: found 0"),
        (lambda: Hierarchical(BM25(), tokens=1), "tokens: found 1, expected at least 8"),
    ],
)
def test_impossible_settings_are_refused(build: Callable[[], Index], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        build()


def test_a_search_goes_as_deep_as_it_must() -> None:
    hits = [Hit(Passage(f"d{n}", 0, 1, "x"), 1.0 - n / 100) for n in range(40)]
    asked: list[int] = []

    async def inner(depth: int) -> list[Hit]:
        asked.append(depth)
        return hits[:depth]

    found = asyncio.run(search_within(inner, 2, lambda passage: passage.doc_id in {"d1", "d30", "d31"}))
    assert [hit.passage.doc_id for hit in found] == ["d1", "d30"]
    assert asked == [2, 8, 32]
    asked.clear()
    assert asyncio.run(search_within(inner, 2, lambda passage: False)) == ()
    assert asked == [2, 8, 32, 128]


def said(request: ChatRequest) -> str:
    return request.messages[-1].content
