"""Searches that keep to documents with some metadata, conditions read from the question, newer documents first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from rageval.errors import DeclarationError
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Query, Resources, Stage, State
from rageval.pipeline.conditions import Condition, read_conditions
from rageval.pipeline.sizes import CorpusSizes, PromptSizes
from rageval.retrieval import BM25, Dense, ReadFilters, Recency, Retrieve
from rageval.text import count_tokens
from rageval.types import Document, Hit, Json, Question, Response
from tests.unit.scripts import by_prompt

DOCUMENTS = (
    Document("old", "Ships carry salt.", metadata={"year": 2019, "kind": "report", "date": "2019-06-30"}),
    Document("new", "Ships carry fish and salt.", metadata={"year": 2023, "kind": "report", "date": "2023-06-30"}),
    Document("note", "Ships carry salt and salt.", metadata={"year": 2023, "kind": "note"}),
    Document("zh", "蓝江的船运盐。", language="zh", metadata={"kind": "report", "date": "2023"}),
)


def run(
    stage: Stage, text: str = "Which ships carry salt?", chat: ScriptedChat | None = None, **question: Json
) -> State:
    asked = Question("q", text, metadata=question)
    state = State(asked, (Query(text),))
    return asyncio.run(stage.run(state, Resources(DOCUMENTS, chat=chat, embedder=HashEmbedder())))


def found(state: State) -> list[str]:
    return [hit.passage.doc_id for hit in state.response.hits]


@pytest.mark.parametrize("index", [BM25(), Dense(), (BM25(), Dense())])
def test_only_documents_that_meet_all_conditions_are_found(index: BM25) -> None:
    def names(**where: object) -> set[str]:
        return {*found(run(Retrieve(index, k=1, depth=2, conditions=read_conditions(where))))}

    assert names(year=2023, kind="report") == {"new"}
    assert names(kind="note") == {"note"}
    assert names(year={"to": 2022}) == {"old"}
    assert names(kind="report", language="en") == {"old", "new"}
    assert names(year=1999) == set()


def test_the_step_names_the_conditions_and_a_question_without_the_field_has_none() -> None:
    stage = Retrieve(BM25(), k=1, depth=4, conditions=read_conditions({"year": "{question.metadata.year}"}))
    state = run(stage, year=2019)
    assert found(state) == ["old"]
    assert state.response.steps[-1].detail == {"conditions": ["year = 2019"]}
    without = run(stage)
    assert {*found(without)} == {"old", "new", "note"}
    assert without.response.steps == ()


def test_the_mean_of_several_queries_keeps_to_the_conditions_too() -> None:
    stage = Retrieve(Dense(), k=1, depth=1, combine="mean", conditions=read_conditions({"kind": "note"}))
    assert found(run(stage)) == ["note"]


def test_a_field_that_no_document_has_is_told_before_the_first_question() -> None:
    stage = Retrieve(BM25(), conditions=read_conditions({"yeer": 2019}))
    resources = Resources(DOCUMENTS)
    with pytest.raises(DeclarationError, match=r"where\.yeer: found a field that no document has, .* date, kind, lang"):
        asyncio.run(resources.get(stage.indexes()[0]))
    assert Retrieve(BM25()).indexes() == (BM25(),)


def test_conditions_that_the_model_reads_hold_in_the_next_search() -> None:
    chat = by_prompt(read_filters="- Year = 2023\nKIND: note.")
    state = run(ReadFilters() >> Retrieve(BM25(), k=1, depth=4), "Which ships carry salt in the notes of 2023?", chat)
    assert found(state) == ["note"]
    assert state.response.steps[0].detail == {"conditions": ["year = 2023", "kind = note"], "dropped": []}
    shown = chat.requests[0].messages[-1].content
    assert "- year: 2019, 2023\n" in shown
    assert "- kind: note, report\n" in shown
    assert "- date: 2019-06-30, 2023, 2023-06-30\n" in shown
    assert "- language: en, zh\n" in shown


@pytest.mark.parametrize(
    ("reply", "kept", "dropped"),
    [
        ("NONE", [], []),
        ("None.", [], []),
        ("", [], []),
        ("I think ships are nice", [], ["I think ships are nice"]),
        ("colour = red\nkind = report", [Condition("kind", ("report",))], ["colour = red"]),
        ("year = 1999", [], ["year = 1999"]),
        (
            "year >= 2020\ndate <= 2023-12-31",
            [Condition("year", least=2020.0), Condition("date", most="2023-12-31")],
            [],
        ),
        ("date = 2019", [Condition("date", least="2019", most="2019")], []),
        ("year >= soon\nkind >= 3", [], ["year >= soon", "kind >= 3"]),
        ("year = 2019\nkind = note", [], ["year = 2019", "kind = note"]),
    ],
)
def test_what_cannot_be_used_of_the_reply_is_told(reply: str, kept: list[Condition], dropped: list[str]) -> None:
    state = run(ReadFilters(), chat=by_prompt(read_filters=reply))
    assert state.conditions == tuple(kept)
    assert state.response.steps[0].detail == {"conditions": [*map(str, kept)], "dropped": dropped}


def test_in_chinese() -> None:
    chat = by_prompt(read_filters="“language” ： zh")
    state = run(ReadFilters(("language",)) >> Retrieve(BM25(), k=1), "蓝江的船运什么？", chat)
    assert found(state) == ["zh"]
    assert chat.requests[0].prompt.startswith("read_filters/zh")
    assert run(ReadFilters(), "蓝江的船运什么？", by_prompt(read_filters="没有任何条件。")).conditions == ()


def test_nothing_is_asked_where_there_is_nothing_to_read() -> None:
    resources = Resources((Document("a", "One."), Document("b", "Two.")))
    state = State(Question("q", "Which?"), (Query("Which?"),))
    assert asyncio.run(ReadFilters().run(state, resources)) is state
    with pytest.raises(DeclarationError, match="fields: found 'year', which no document has"):
        asyncio.run(resources.get(ReadFilters(("year",)).indexes()[0]))


def test_many_values_are_told_by_their_ends_and_the_prompt_stays_within_its_bound() -> None:
    documents = tuple(
        Document(f"d{n}", "x", language="en", metadata={"n": n, f"long{n}": "word " * 50, "name": f"name {n:02}"})
        for n in range(30)
    )
    documents += tuple(Document(f"e{n}", "x", language="en", metadata={f"long{n}": "other " * 50}) for n in range(30))
    chat = by_prompt(read_filters="NONE")
    question = Question("q", "Which?")
    asyncio.run(ReadFilters().run(State(question, ()), Resources(documents, chat=chat)))
    messages = chat.requests[0].messages
    assert "- n: from 0 to 29\n" in messages[-1].content
    assert count_tokens(messages[-1].content) > 300
    bound = ReadFilters().prompt_tokens(True, PromptSizes.of(question, CorpusSizes(documents)))
    assert sum(count_tokens(message.content) for message in messages) <= (bound or 0)


def test_newer_documents_first() -> None:
    """Newest is 2023-06-30. old is 1461 days older: .7 · 1 + .3 · 2^-4.003 = .719; note, rank 2, has no date:
    .7 · 61/62 = .689; new, rank 3: .7 · 61/63 + .3 = .978; zh, rank 4, 2023-01-01: 180 days: .7 · 61/64 + .3 · .71.
    """
    order = ("old", "note", "new", "zh")
    by_name = {one.id: one for one in DOCUMENTS}
    hits = tuple(Hit.whole(by_name[name], 1.0) for name in order)
    state = State(Question("q", "?"), (), Response(hits=hits, context=(0, 1)))

    def ranked(stage: Stage) -> State:
        return asyncio.run(stage.run(state, Resources(DOCUMENTS)))

    assert found(ranked(Recency())) == ["new", "zh", "old", "note"]
    assert [one.doc_id for one in ranked(Recency()).response.context_passages] == ["new", "zh"]
    assert found(ranked(Recency(weight=0.0))) == [*order]
    assert found(ranked(Recency(weight=1.0, half_life_days=30)))[:2] == ["new", "zh"]
    empty = State(Question("q", "?"), ())
    assert found(asyncio.run(Recency().run(empty, Resources(DOCUMENTS)))) == []


@pytest.mark.parametrize(
    ("build", "problem"),
    [(lambda: Recency(half_life_days=0), "half_life_days: found 0"), (lambda: Recency(weight=2), "weight: found 2")],
)
def test_impossible_settings_are_refused(build: Callable[[], Stage], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        build()


def test_a_field_without_dates_is_refused() -> None:
    with pytest.raises(DeclarationError, match="field: found 'kind', in which no document has a date"):
        run(Recency("kind"))
