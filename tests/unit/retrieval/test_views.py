"""Small texts of passages: titles, key phrases, tables, propositions."""

from __future__ import annotations

import asyncio

import pytest

from rageval.models.base import ChatRequest
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Query, Resources
from rageval.retrieval import MultiVector, RecursiveChunker, SentenceChunker
from rageval.retrieval.indexes.multi_vector import ViewName
from rageval.retrieval.views import KeyPhrases, TableRows, Tables, TableSummaries, Titles, View
from rageval.text import count_tokens
from rageval.types import Document, Hit, Passage
from tests.unit.scripts import by_prompt, names

TABLE = "| Type | 2019 | 2018 |\n|---|---|---|\n| Fixed price | 1,452 | 1,146 |\n| Other | 44 | 57 |"
SALES = Document("sales", f"Sales rose.\n\nSales by contract type (in millions):\n\n{TABLE}\n\nThe end.", "Report")
PLAIN = Document("plain", "Ships cross the sea.")
CHINESE = Document("zh", "各地区收入如下。\n\n| 地区 | 金额 |\n|---|---|\n| 华北 | 三百万 |", language="zh")
DOCUMENTS = (SALES, PLAIN, CHINESE)
WHOLE = [one.passage(0, len(one.text)) for one in DOCUMENTS]


def small_texts(view: View, *passages: Passage, chat: ScriptedChat | None = None) -> list[list[str]]:
    resources = Resources(DOCUMENTS, chat=chat, embedder=HashEmbedder())
    return asyncio.run(view.small_texts(passages or WHOLE, {one.id: one for one in DOCUMENTS}, resources))


def search(index: MultiVector, query: str, chat: ScriptedChat | None = None) -> tuple[Hit, ...]:
    async def found() -> tuple[Hit, ...]:
        built = await Resources(DOCUMENTS, chat=chat, embedder=HashEmbedder()).get(index)
        return await built.search(Query(query), 5)

    return asyncio.run(found())


def test_titles() -> None:
    assert small_texts(Titles()) == [["Report"], [], []]


def test_what_a_table_is_about() -> None:
    english, nothing, chinese = small_texts(Tables())
    assert english == ["Report\nSales by contract type (in millions):\nType, 2019, 2018\nFixed price, Other"]
    assert nothing == []
    assert chinese == ["各地区收入如下。\n地区, 金额\n华北"]


def test_rows_with_their_header() -> None:
    english, _, chinese = small_texts(TableRows())
    above = "Report\nSales by contract type (in millions):"
    assert english == [f"{above}\nFixed price: 2019: 1,452; 2018: 1,146", f"{above}\nOther: 2019: 44; 2018: 57"]
    assert chinese == ["各地区收入如下。\n华北: 金额: 三百万"]


def test_a_part_of_a_table_is_found_by_the_whole_ones_header() -> None:
    start = SALES.text.index("| Other")
    part = SALES.passage(start, len(SALES.text))
    assert small_texts(Tables(), part) == [["Report\nSales by contract type (in millions):\nType, 2019, 2018\nOther"]]
    assert len(small_texts(TableRows(), part)[0]) == 1
    assert small_texts(Tables(), SALES.passage(0, 11)) == [[]]


def test_a_table_is_summed_up_with_its_header_and_a_text_is_not() -> None:
    chat = by_prompt(summarise_table=["About sales.", "关于收入。", "Again."])
    start = SALES.text.index("| Other")
    part = SALES.passage(start, len(SALES.text))
    assert small_texts(TableSummaries(), *WHOLE, part, chat=chat) == [["About sales."], [], ["关于收入。"], ["Again."]]
    assert names(chat) == ["summarise_table"] * 3
    assert [request.prompt.split("@")[0][-2:] for request in chat.requests] == ["en", "zh", "en"]
    assert "] Report: Type | 2019 | 2018 | Other | 44 | 57 |" in chat.requests[2].messages[-1].content


def test_key_phrases_are_near_the_passage_and_differ() -> None:
    """`sales` stands three times in the passage; a second phrase with the same words would repeat it."""
    text = "sales of ships, sales of ships and sales of a harbour"
    (found,) = small_texts(KeyPhrases(2), Passage("plain", 0, len(text), text))
    assert found == ["sales", "ships"]
    assert small_texts(KeyPhrases(2), Passage("plain", 0, 0, "")) == [[]]
    (chinese,) = small_texts(KeyPhrases(3), WHOLE[2])
    assert "地区" in chinese


def test_propositions_are_the_lines_of_the_reply() -> None:
    chat = by_prompt(
        propositions=lambda request: "- Vessels float.\n- Vessels sink." if "Ships" in shown(request) else ""
    )
    index = MultiVector(("propositions",), own=False)
    (best, *_) = search(index, "Vessels sink.", chat)
    assert (best.passage.doc_id, best.passage.text, best.score) == ("plain", PLAIN.text, pytest.approx(1.0))
    assert len(chat.requests) == index.indexing_calls(DOCUMENTS) == 3


def test_without_its_own_vector_a_passage_is_found_by_key_information_alone() -> None:
    """The plain text has no table, so it stands for itself."""
    index = MultiVector(("tables",), own=False)
    hits = search(index, PLAIN.text)
    assert {hit.passage.doc_id: hit.score for hit in hits}["plain"] == pytest.approx(1.0)
    assert hits[0].passage.text == PLAIN.text
    (best, *_) = search(index, "Report Sales by contract type in millions Type 2019 2018 Fixed price Other")
    assert best.passage.text == SALES.text, "the raw table is handed over"
    assert best.score == pytest.approx(1.0)
    assert search(MultiVector(("tables",)), SALES.text)[0].score > search(index, SALES.text)[0].score


@pytest.mark.parametrize("chunker", [SentenceChunker(16), RecursiveChunker(16)])
@pytest.mark.parametrize("view", ["table_summaries", "propositions", "summaries", "questions"])
def test_calls_and_tokens_are_as_announced(view: ViewName, chunker: SentenceChunker | RecursiveChunker) -> None:
    chat = ScriptedChat(lambda _: "A line.")
    index = MultiVector((view,), chunker=chunker)
    search(index, "x", chat)
    assert len(chat.requests) == index.indexing_calls(DOCUMENTS) > 0
    sent = sum(count_tokens(message.content) for request in chat.requests for message in request.messages)
    assert sent == index.indexing_tokens(DOCUMENTS)


def shown(request: ChatRequest) -> str:
    return request.messages[-1].content
