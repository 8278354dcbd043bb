"""Many small vectors, one parent passage."""

import asyncio
from typing import Any

import pytest

from rageval.errors import DeclarationError, ExecutionError, ModelError
from rageval.models.base import ChatRequest
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Query, Resources, State
from rageval.retrieval import MultiVector, Retrieve
from rageval.types import Document, Question, Response

DOCUMENTS = (
    Document("long", "Cows graze on hills. Mice hide in barns. Ships cross the sea. Trains cross the land."),
    Document("short", "Mice and men."),
    Document("zh", "向量检索。倒排索引。", language="zh"),
)


def run(stage: Retrieve, resources: Resources, *queries: str) -> Response:
    given = tuple(Query(query) for query in queries)
    return asyncio.run(stage.run(State(Question("q", queries[0]), given), resources)).response


def names(response: Response) -> list[str]:
    return [hit.passage.doc_id for hit in response.hits]


def test_a_passage_is_found_by_its_best_sentence_and_handed_on_whole() -> None:
    response = run(Retrieve(MultiVector(), k=1), Resources(DOCUMENTS, embedder=HashEmbedder()), "Ships cross the sea.")
    assert response.hits[0].passage.text == DOCUMENTS[0].text
    assert response.hits[0].score == pytest.approx(1.0)
    assert sorted(names(response)) == ["long", "short", "zh"], "each parent once"
    assert response.context == (0,)


def test_sentences_ask_nothing_of_the_chat_model() -> None:
    stage = Retrieve(MultiVector())
    assert stage.needs(generate=True) == {"embed"}
    assert stage.indexing_calls(DOCUMENTS) == 0
    assert stage.all_prompts() == frozenset()


def write(request: ChatRequest) -> str:
    """One summary or two questions per passage, in words that no passage holds."""
    text = request.messages[-1].content
    if "向量" in text:
        return "算法综述" if request.prompt.startswith("summarise/zh") else "1. 怎样搜索？\n2. 怎样排序？"
    subject = "vessels" if "Ships" in text else "novel"
    return f"About {subject}." if request.prompt.startswith("summarise/en") else f"- Which {subject}?\n- Who?"


@pytest.mark.parametrize(("view", "query"), [("summaries", "About vessels."), ("questions", "Which vessels?")])
def test_written_views_find_the_parent_and_share_one_build(view: Any, query: str) -> None:
    chat = ScriptedChat(write)
    resources = Resources(DOCUMENTS, chat=chat, embedder=HashEmbedder())
    stage = Retrieve(MultiVector((view,)))
    assert stage.needs(generate=False) == {"embed", "chat"}
    first = run(stage, resources, query)
    assert names(first)[0] == "long"
    assert first.hits[0].score == pytest.approx(1.0)
    assert stage.indexing_calls(DOCUMENTS) == len(chat.requests) == 3
    assert run(stage, resources, "怎样搜索？" if view == "questions" else "算法综述").hits[0].passage.doc_id == "zh"
    assert len(chat.requests) == 3, "the index is built once"
    assert sorted(request.prompt.split("@")[0][-2:] for request in chat.requests) == ["en", "en", "zh"]


def test_every_view_adds_its_texts() -> None:
    embedder = HashEmbedder()
    resources = Resources(DOCUMENTS[1:2], chat=ScriptedChat(write), embedder=embedder)
    run(Retrieve(MultiVector(("sentences", "summaries", "questions"))), resources, "x")
    assert embedder.texts[:-1] == ["Mice and men.", "Mice and men.", "About novel.", "Which novel?", "Who?"]


def test_several_queries_are_fused() -> None:
    resources = Resources(DOCUMENTS, embedder=HashEmbedder())
    response = run(Retrieve(MultiVector()), resources, "Mice and men", "向量检索")
    first, second = (
        run(Retrieve(MultiVector()), resources, "Mice and men"),
        run(Retrieve(MultiVector()), resources, "向量检索"),
    )
    expected = {name: sum(1 / (61 + names(r).index(name)) for r in (first, second)) for name in names(first)}
    assert {hit.passage.doc_id: hit.score for hit in response.hits} == pytest.approx(expected)


def test_a_failed_writer_is_the_cause_that_is_told_and_the_next_call_tries_again() -> None:
    replies: list[str | Exception] = [ExecutionError("gone"), "About mice.", "About mice.", "关于向量"]
    resources = Resources(DOCUMENTS[:1], chat=ScriptedChat(lambda _: replies.pop(0)), embedder=HashEmbedder())
    stage = Retrieve(MultiVector(("summaries",)))
    with pytest.raises(ModelError, match=r"^MultiVector\(.* cannot be built: gone$"):
        run(stage, resources, "mice")
    assert names(run(stage, resources, "mice")) == ["long"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"views": ()}, "views: found"),
        ({"views": ("sentences", "sentences")}, "expected one or more different views"),
        ({"questions_per_passage": 0}, "questions_per_passage: found 0"),
        ({"phrases_per_passage": 0}, "phrases_per_passage: found 0"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        MultiVector(**settings)
