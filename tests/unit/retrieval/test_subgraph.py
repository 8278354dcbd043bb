"""Facts of a knowledge graph beside the passages."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.models.scripted import HashEmbedder
from rageval.pipeline import ContextSize, Query, Resources, State
from rageval.prompts import passages_block
from rageval.retrieval import BM25, Retrieve, SentenceChunker, Subgraph
from rageval.retrieval.chunkers import ModelTopicChunker
from rageval.retrieval.graph import Knowledge, Linking, TripleFile, WrittenTriples, triple_file
from rageval.text import count_tokens
from rageval.types import Document, Question, Response

DOCUMENTS = (
    Document("film", "The film Harbour was directed by Ann Lee.", "Harbour"),
    Document("ann", "Ann Lee was born in Delmar and lives there."),
    Document("delmar", "Delmar lies on a salt lake."),
    Document("zh", "蓝江流入东湖。", language="zh"),
)
TRIPLES = [
    ("film", "Harbour", "directed by", "Ann Lee"),
    ("ann", "Ann Lee", "born in", "Delmar"),
    ("ann", "Ann Lee", "lives in", "Delmar"),
    ("delmar", "Delmar", "lies on", "a salt lake"),
    ("delmar", "Delmar", "is called", "so " * 80 + "long"),
    ("zh", "蓝江", "流入", "东湖"),
]
HEADING = "Facts from the knowledge graph, not quoted: "


@pytest.fixture
def source(tmp_path: Path) -> TripleFile:
    path = tmp_path / "triples.jsonl"
    rows = [dict(zip(("doc_id", "subject", "relation", "object"), one, strict=True)) for one in TRIPLES]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return triple_file(path)


def stage(source: TripleFile, facts: int = 0, hops: int = 1, keep: int = 12) -> Subgraph:
    return Subgraph(Linking(Knowledge(source, SentenceChunker()), facts), hops, keep)


def run(subgraph: Subgraph, question: str, *more: str, language: str = "en", first: Retrieve | None = None) -> Response:
    resources = Resources(DOCUMENTS, embedder=HashEmbedder())
    state = State(Question("q", question, language), (Query(question), *map(Query, more)))

    async def both() -> State:
        return await subgraph.run(state if first is None else await first.run(state, resources), resources)

    return asyncio.run(both()).response


def test_facts_stand_behind_the_passages_and_quote_nothing(source: TripleFile) -> None:
    found = run(stage(source), "Who made Harbour?", first=Retrieve(BM25(), k=1))
    passage, entry = found.context_passages
    assert passage.text == DOCUMENTS[0].text
    assert (entry.doc_id, entry.title, entry.start, entry.end) == ("film", "Harbour", 0, 0)
    assert entry.text == f"{HEADING}Harbour directed by Ann Lee"
    assert found.context == (0, len(found.hits) - 1)
    assert found.steps[-1].detail == {"facts": ["Harbour directed by Ann Lee"]}


def test_more_hops_reach_further(source: TripleFile) -> None:
    def reached(hops: int) -> list[str]:
        return [one.doc_id for one in run(stage(source, hops=hops), "Who made Harbour?").context_passages]

    assert reached(1) == ["film"]
    assert reached(2) == ["film", "ann"]
    assert reached(3) == ["film", "ann", "delmar"]


def test_facts_of_a_passage_are_joined_and_a_long_one_is_left_out(source: TripleFile) -> None:
    texts = [one.text for one in run(stage(source), "Where is Delmar?").context_passages]
    assert texts == [
        f"{HEADING}Ann Lee born in Delmar; Ann Lee lives in Delmar",
        f"{HEADING}Delmar lies on a salt lake",
    ]


def test_the_nearest_facts_are_kept(source: TripleFile) -> None:
    found = run(stage(source, facts=1, keep=1), "Who lives in Delmar?")
    assert found.steps[-1].detail == {"facts": ["Ann Lee lives in Delmar"]}


def test_without_embedder_the_rarest_entities_come_first(source: TripleFile) -> None:
    """Harbour stands in one passage, Ann Lee and Delmar in two each."""
    found = run(stage(source, keep=1), "What has Delmar to do with Ann Lee and Harbour?")
    assert found.steps[-1].detail == {"facts": ["Harbour directed by Ann Lee"]}


def test_every_query_has_its_entities(source: TripleFile) -> None:
    assert len(run(stage(source), "Who made Harbour?", "Where is Delmar?").context) == 3


def test_a_chinese_question_has_a_chinese_heading(source: TripleFile) -> None:
    (entry,) = run(stage(source), "蓝江在哪里？", language="zh").context_passages
    assert entry.text == "知识图谱中的事实（非原文）：蓝江 流入 东湖"


def test_without_an_entity_nothing_is_added(source: TripleFile) -> None:
    found = run(stage(source), "Why?")
    assert found.hits == ()
    assert found.context == ()


def test_the_size_of_the_context_is_a_bound(source: TripleFile) -> None:
    long = [("film", "Harbour", f"{'x' * 40} number {n}", "Ann Lee " * 8) for n in range(9)]
    source.path.write_text(
        "\n".join(json.dumps(dict(zip(("doc_id", "subject", "relation", "object"), one, strict=True))) for one in long),
        encoding="utf-8",
    )
    subgraph = stage(triple_file(source.path), keep=7)
    found = run(subgraph, "Who made Harbour?").context_passages
    size = subgraph.context_size()
    assert 1 < len(found) <= size.passages == 7
    assert all(count_tokens(one.text) <= (size.tokens_each or 0) for one in found)
    assert count_tokens(passages_block(found)) > 100
    assert subgraph.context_size(ContextSize(3, 384)) == ContextSize(10, 384)
    assert subgraph.context_size(ContextSize(3, None)) == ContextSize(10, None)


def test_what_it_asks_for(source: TripleFile) -> None:
    assert stage(source).needs(generate=True) == frozenset()
    assert stage(source, facts=5).needs(generate=True) == {"embed"}
    written = Subgraph(Linking(Knowledge(WrittenTriples(3), SentenceChunker()), 5))
    assert written.needs(generate=False) == {"chat", "embed"}
    assert written.indexing_calls(DOCUMENTS) == 4
    assert (written.indexing_tokens(DOCUMENTS) or 0) > 4 * 80
    assert written.all_prompts() == {"triples", "graph_facts"}
    chunker = ModelTopicChunker()
    cut = Subgraph(Linking(Knowledge(source, chunker), 0))
    assert cut.needs(generate=False) == chunker.needs()
    assert cut.indexing_calls(DOCUMENTS) == chunker.indexing_calls(DOCUMENTS)
    assert cut.all_prompts() == {"graph_facts"} | chunker.prompts()
    for wrong in ({"hops": 0}, {"keep": 0}, {"facts": -1}):
        with pytest.raises(DeclarationError, match="found"):
            stage(source, **wrong)
