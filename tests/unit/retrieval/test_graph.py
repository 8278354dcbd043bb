"""Knowledge graphs: names, triples from files and from the model, walks, and what they find."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rageval.errors import DeclarationError
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Query, Resources
from rageval.retrieval import Graph, SentenceChunker
from rageval.retrieval.graph import Knowledge, Linking, Triple, WrittenTriples, triple_file
from rageval.retrieval.graph.names import can_be_found, names_in
from rageval.retrieval.graph.pagerank import Links
from rageval.retrieval.indexes import INDEXES
from rageval.testing import check_index
from rageval.text.facts import name_of
from rageval.types import Document, Hit

DOCUMENTS = (
    Document("film", "The film Harbour was directed by Ann Lee.", "Harbour (film)"),
    Document("ann", "Ann Lee was born in Delmar."),
    Document("other", "A harbour is a place for ships and boats."),
    Document("delmar", "Delmar lies on a salt lake."),
    Document("zh", "蓝江流入东湖。", language="zh"),
    Document("lake", "东湖在白沙镇旁边。", language="zh"),
)
TRIPLES = {
    "film": [("Harbour", "directed by", "Ann Lee")],
    "ann": [("Ann Lee", "born in", "Delmar")],
    "other": [("harbour", "is a place for", "ships"), ("ships", "like", "boats")],
    "delmar": [("Delmar", "lies on", "a salt lake")],
    "zh": [("蓝江", "流入", "东湖")],
    "lake": [("东湖", "位于", "白沙镇")],
    "gone": [("a", "b", "c")],
}


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "triples.jsonl"
    rows = [
        {"doc_id": doc_id, "subject": subject, "relation": relation, "object": object_}
        for doc_id, some in TRIPLES.items()
        for subject, relation, object_ in some
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def search(index: Graph, question: str, resources: Resources | None = None) -> Sequence[Hit]:
    async def found() -> Sequence[Hit]:
        built = await (resources or Resources(DOCUMENTS)).get(index)
        return await built.search(Query(question), 10)

    return asyncio.run(found())


def names(hits: Sequence[Hit]) -> list[str]:
    return [hit.passage.doc_id for hit in hits]


def test_names_are_equal_without_case_marks_and_article() -> None:
    assert name_of("The  “Salt-Lake”") == name_of("salt lake") == ("salt", "lake")
    assert name_of("東湖２") == ("東", "湖", "2")
    assert name_of("The") == ("the",)
    assert name_of("?!") == ()


def test_a_question_says_the_longest_names_in_either_language() -> None:
    known = {name_of(name) for name in ("Ann Lee", "Ann", "Lee", "东湖", "湖", "Delmar")}
    assert names_in("Was Ann Lee's house in Delmar?", known) == [("ann", "lee"), ("delmar",)]
    assert names_in("蓝江在哪里流入东湖？", known) == [("东", "湖")]
    assert names_in("", known) == []
    assert not can_be_found(name_of("it was"))
    assert not can_be_found(name_of("7"))
    assert can_be_found(name_of("1871"))


def test_shares_of_two_linked_nodes() -> None:
    """From a = 1 - d + d b and b = d a: a = 1 / (1 + d)."""
    shares = Links(2, np.array([[0, 1]])).rank(np.array([3.0, 0.0]), 0.5)
    assert shares == pytest.approx([2 / 3, 1 / 3])


def test_shares_solve_the_linear_system() -> None:
    rng = np.random.default_rng(0)
    ends = rng.integers(0, 9, (14, 2))
    start = rng.random(10)  # node 9 has no links
    adjacent = np.zeros((10, 10))
    np.add.at(adjacent, (ends[:, 0], ends[:, 1]), 1.0)
    np.add.at(adjacent, (ends[:, 1], ends[:, 0]), 1.0)
    degrees = adjacent.sum(axis=1)
    start /= start.sum()
    moves = np.array([row / degree if degree else start for row, degree in zip(adjacent, degrees, strict=True)])
    exact = np.linalg.solve(np.eye(10) - 0.85 * moves.T, 0.15 * start)
    assert Links(10, ends).rank(start, 0.85) == pytest.approx(exact, abs=1e-8)


def test_a_walk_reaches_what_the_question_does_not_name(lines: Path) -> None:
    found = search(Graph(triple_file(lines), facts=0), "Who made Harbour?")
    assert names(found)[:3] == ["film", "other", "ann"] or names(found)[:3] == ["other", "film", "ann"]
    assert "delmar" in names(found)
    assert "zh" not in names(found)
    assert names(search(Graph(triple_file(lines), facts=0), "蓝江在哪里？"))[:2] == ["zh", "lake"]
    assert search(Graph(triple_file(lines), facts=0), "Who?") == ()


def test_rare_entities_count_more(lines: Path) -> None:
    """Delmar and Ann Lee stand in two passages each, a salt lake in one."""
    graph = Graph(triple_file(lines), facts=0)

    async def weights() -> Sequence[float]:
        linker = await Resources(DOCUMENTS).get(Linking(Knowledge(graph.source, graph.chunker), 0))
        return (await linker.seeds(Query("Ann Lee at a salt lake"))).weights.tolist()

    assert sorted(asyncio.run(weights()))[-2:] == [0.5, 1.0]


def test_the_nearest_facts_are_entities_too(lines: Path) -> None:
    """The words of the question are those of one fact, none of which is a name."""
    resources = Resources(DOCUMENTS, embedder=HashEmbedder())
    found = search(Graph(triple_file(lines), facts=1), "lies on", resources)
    assert names(found)[0] == "delmar"
    assert Graph(triple_file(lines)).needs() == {"embed"}
    assert Graph(triple_file(lines), facts=0).needs() == frozenset()


def test_the_form_of_hipporag(tmp_path: Path, lines: Path) -> None:
    path = tmp_path / "openie.json"
    docs = [
        {"title": one.title, "text": f"{one.text} ", "extracted_triples": [*TRIPLES[one.id], ["one", "two"], 3]}
        for one in DOCUMENTS
    ]
    path.write_text(json.dumps({"docs": docs}), encoding="utf-8")
    question = "Who made Harbour?"
    assert search(Graph(triple_file(path), facts=0), question) == search(Graph(triple_file(lines), facts=0), question)


def test_triples_belong_to_the_passages_that_name_them(tmp_path: Path) -> None:
    path = tmp_path / "triples.jsonl"
    document = Document(
        "d", "Ann Lee lives in a small house. She was born there, in Delmar. Boats come and boats go away."
    )
    row = {"doc_id": "d", "relation": "born in", "object": "Delmar"}
    rows = [{**row, "subject": "Ann Lee"}, {**row, "subject": "Nobody"}, {**row, "subject": "X", "object": "Y"}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    passages = SentenceChunker(tokens=9).split(document)
    assert len(passages) == 3
    found = asyncio.run(triple_file(path).of_passages(passages, Resources((document,))))
    assert [[triple.subject for triple in some] for some in found] == [
        ["Ann Lee", "X"],
        ["Ann Lee", "Nobody", "X"],
        ["X"],
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.jsonl", "", "found nothing, expected JSON Lines"),
        ("t.jsonl", '{"doc_id": "d", "subject": "a", "relation": "b"}', r"t.jsonl:1: found '\{\"doc_id\""),
        ("t.jsonl", '{"doc_id": 1, "subject": "a", "relation": "b", "object": "c"}', "t.jsonl:1: found"),
        ("t.jsonl", "nonsense", "t.jsonl:1: found 'nonsense'"),
        ("t.json", "[1]", "t.json: found '.1.', expected JSON Lines"),
        ("t.json", '{"docs": [{"title": "x"}]}', "t.json: found"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError, match=message):
        triple_file(tmp_path / name)


def test_a_file_that_is_missing_or_of_another_corpus_is_refused(tmp_path: Path, lines: Path) -> None:
    with pytest.raises(DeclarationError, match="cannot be read"):
        triple_file(tmp_path / "none.jsonl")
    with pytest.raises(DeclarationError, match="no triple of a document of the corpus"):
        search(Graph(triple_file(lines), facts=0), "Who?", Resources((Document("elsewhere", "Text."),)))


def test_the_model_writes_triples(caplog: pytest.LogCaptureFixture) -> None:
    replies = {
        "Ann Lee was born": "1. Ann Lee | born in | Delmar\nAnn Lee | born in | Delmar \nShe was | born\n| a | b | c |",
        "蓝江": "蓝江｜流入｜东湖",
        "directed": "",
    }
    chat = ScriptedChat(
        lambda request: next(
            (reply for words, reply in replies.items() if words in request.messages[-1].content), "no | facts | . "
        )
    )
    source = WrittenTriples(most=5)
    resources = Resources(DOCUMENTS, chat=chat)
    passages = [document.passage(0, len(document.text)) for document in DOCUMENTS]
    with caplog.at_level(logging.WARNING, logger="rageval"):
        found = asyncio.run(source.of_passages(passages, resources))
    assert found[1] == [Triple("Ann Lee", "born in", "Delmar"), Triple("a", "b", "c")]
    assert found[4] == [Triple("蓝江", "流入", "东湖")]
    assert [found[n] for n in (0, 2, 3, 5)] == [[], [], [], []]
    assert "4 of 7 lines that were to be triples are none" in caplog.text
    assert len(chat.requests) == source.calls(DOCUMENTS, SentenceChunker()) == 6
    assert chat.requests[4].prompt.startswith("triples/zh@")
    shown = sum(sum(len(message.content.split()) for message in request.messages) for request in chat.requests)
    assert shown <= source.prompt_tokens(DOCUMENTS, SentenceChunker())
    with pytest.raises(DeclarationError, match="most: found 0"):
        WrittenTriples(0)


def test_it_keeps_the_protocol_of_indexes() -> None:
    def write(request: object) -> str:
        return "Mount Arlen | is | high\nBrone | flows into | Lake Corva"

    check_index(Graph(WrittenTriples(2)), chat=ScriptedChat(write))
    assert Graph(WrittenTriples(2)).needs() == {"chat", "embed"}


def test_settings_out_of_range() -> None:
    for wrong, message in (({"facts": -1}, "facts: found -1"), ({"damping": 1.0}, "damping: found 1.0")):
        with pytest.raises(DeclarationError, match=message):
            INDEXES["graph"](**wrong)


def test_the_digest_of_the_file_is_the_identity(lines: Path, tmp_path: Path) -> None:
    again = tmp_path / "copy.jsonl"
    again.write_bytes(lines.read_bytes())
    first, copy = triple_file(lines), triple_file(again)
    assert first.identity_fields() == copy.identity_fields()
    again.write_bytes(lines.read_bytes() + b"\n")
    assert triple_file(again).identity_fields() != first.identity_fields()
