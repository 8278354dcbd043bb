"""Queries of a knowledge graph that the chat model writes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rageval.errors import DeclarationError, MissingExtraError
from rageval.models.scripted import ScriptedChat
from rageval.pipeline import Calls, ContextSize, PromptSizes, Query, Resources, State
from rageval.pipeline.sizes import CorpusSizes
from rageval.retrieval import Cypher, SentenceChunker
from rageval.retrieval.graph import Knowledge, Linking, TripleFile
from rageval.retrieval.graph.check_cypher import RefusedQueryError
from rageval.retrieval.graph.database import Database, QueryFailedError
from rageval.text import count_tokens
from rageval.types import Question
from tests.unit.retrieval.test_subgraph import DOCUMENTS, source
from tests.unit.scripts import by_prompt

__all__ = ["source"]

GOOD = "MATCH (a:Entity)-[f:Fact]->(b:Entity) WHERE lower(a.name) CONTAINS 'ann lee' RETURN f.relation, b.name LIMIT 9"
HEADING = "Rows of a query of the knowledge graph, not quoted: "
QUESTION = Question("q", "Where was Ann Lee born?", "en")


def stage(source: TripleFile, **settings: Any) -> Cypher:
    return Cypher(Linking(Knowledge(source, SentenceChunker()), 0), **settings)


def run(cypher: Cypher, chat: ScriptedChat, question: Question = QUESTION) -> State:
    pytest.importorskip("ladybug")
    state = State(question, (Query(question.text),))
    return asyncio.run(cypher.run(state, Resources(DOCUMENTS, chat=chat)))


def test_rows_become_an_entry_that_quotes_nothing(source: TripleFile) -> None:
    chat = by_prompt(write_cypher=f"Here it is:\n```cypher\n{GOOD}\n```")
    state = run(stage(source), chat)
    (entry,) = state.response.context_passages
    assert entry.text.startswith(HEADING)
    assert {*entry.text.removeprefix(HEADING).split("; ")} == {"born in – Delmar", "lives in – Delmar"}
    assert (entry.start, entry.end) == (0, 0)
    assert entry.doc_id not in {document.id for document in DOCUMENTS}
    prompt = chat.requests[0].messages[-1].content
    assert "Entities near the question: Ann Lee\n" in prompt
    assert "Relations near the question: directed by, born in, lives in\n" in prompt


def test_a_mistake_is_told_once(source: TripleFile) -> None:
    chat = by_prompt(write_cypher=["MATCH (a:Entity) RETURN a.name", GOOD])
    state = run(stage(source), chat)
    assert len(state.response.context) == 1
    again = chat.requests[1].messages[-1].content
    assert "MATCH (a:Entity) RETURN a.name\n    failed" not in again
    assert "failed: expected one RETURN at the end, with LIMIT" in again
    assert [step.detail.get("error") for step in state.response.steps if step.name == "cypher"] == [
        "expected one RETURN at the end, with LIMIT",
        None,
    ]


@pytest.mark.parametrize("reply", ["", "I do not know.", "MATCH (a:Entity) DELETE a", "MATCH (a)-[x RETURN a LIMIT 1"])
def test_a_second_mistake_adds_nothing(source: TripleFile, reply: str) -> None:
    chat = by_prompt(write_cypher=reply)
    state = run(stage(source), chat)
    assert len(chat.requests) == 2
    assert state.response.context == ()


def test_no_rows_add_nothing_and_many_are_cut(source: TripleFile) -> None:
    none = GOOD.replace("ann lee", "nobody")
    assert run(stage(source), by_prompt(write_cypher=none)).response.context == ()
    (entry,) = run(stage(source, tokens=6), by_prompt(write_cypher=GOOD)).response.context_passages
    assert entry.text in (f"{HEADING}born in – Delmar", f"{HEADING}lives in – Delmar")


def test_chinese(source: TripleFile) -> None:
    query = "MATCH (a:Entity)-[:Fact]->(b:Entity) WHERE a.name = '蓝江' RETURN b LIMIT 5"
    chat = by_prompt(write_cypher=query)
    state = run(stage(source), chat, Question("z", "蓝江流入哪里？", "zh"))
    assert state.response.context_passages[0].text == "知识图谱查询结果（非原文）：东湖"
    assert "与问题相近的实体：蓝江" in chat.requests[0].messages[-1].content


def test_bounds_hold(source: TripleFile) -> None:
    cypher = stage(source, max_tokens=64)
    chat = by_prompt(write_cypher="no query " * 20)
    run(cypher, chat)
    sizes = PromptSizes.of(QUESTION, CorpusSizes(DOCUMENTS))
    shown = sum(count_tokens(message.content) for request in chat.requests for message in request.messages)
    assert shown <= (cypher.prompt_tokens(True, sizes) or 0)
    assert cypher.calls(generate=False) == Calls(1, 2)
    assert cypher.needs(generate=False) == {"chat"}
    size = cypher.context_size(ContextSize(3, 50))
    assert size.passages == 4
    assert (size.tokens_each or 0) > 256


def test_the_database_is_checked_and_read_only(source: TripleFile) -> None:
    pytest.importorskip("ladybug")

    async def tried() -> None:
        database = await Resources(DOCUMENTS).get(Database(Knowledge(source, SentenceChunker())))
        with pytest.raises(RefusedQueryError):
            await database.rows("CREATE (:Entity {number: 99, name: 'x'})", 1.0)
        with pytest.raises(QueryFailedError, match="Cannot find property document"):
            await database.rows("MATCH (a:Entity) RETURN a.document LIMIT 1", 1.0)
        with pytest.raises(QueryFailedError, match="read-only"):
            database._run("CREATE (:Entity {number: 99, name: 'x'})", 1.0)
        assert await database.rows("MATCH (a:Entity) RETURN count(*) LIMIT 1", 1.0) == [[7]]

    asyncio.run(tried())


def test_without_the_package_the_extra_is_named(source: TripleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rageval.extras.importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="graph"):
        stage(source).indexes()


@pytest.mark.parametrize("wrong", [{"tokens": 0}, {"seconds": 0.0}, {"max_tokens": 0}])
def test_settings_out_of_range(source: TripleFile, wrong: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match="found 0"):
        stage(source, **wrong)
