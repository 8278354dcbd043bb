"""Splitters of LangChain, LlamaIndex and chonkie serve as chunkers as they are."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import chonkie
import pytest
from langchain_text_splitters import MarkdownHeaderTextSplitter, RecursiveCharacterTextSplitter
from llama_index.core.node_parser import HierarchicalNodeParser, SentenceSplitter, SentenceWindowNodeParser

from rageval.errors import DeclarationError
from rageval.identity import describe, fingerprint
from rageval.models.scripted import HashEmbedder
from rageval.pipeline import Pipeline, Resources
from rageval.retrieval import (
    BM25,
    Dense,
    MixPassages,
    Passages,
    Retrieve,
    RetrieveLabelled,
    SentenceChunker,
    as_chunker,
)
from rageval.types import Document, Question, RelevanceLabel

TEXT = (
    "# Search\n\nBM25 ranks documents by the words that they share with the query. Its parameter k1 is often 1.2.\n\n"
    "倒排索引把词映射到文档。向量检索使用近似最近邻索引。\n\n## Chunks\n\nA chunker cuts documents into passages. "
    "Long passages hide facts; short passages lose their context.\n"
)
DOCUMENT = Document("d", TEXT, "Title")
CHARACTERS = RecursiveCharacterTextSplitter(chunk_size=60, chunk_overlap=15)
SPLITTERS: dict[str, Any] = {
    "langchain": CHARACTERS,
    "langchain words": RecursiveCharacterTextSplitter(
        chunk_size=12, chunk_overlap=3, length_function=lambda text: len(text.split())
    ),
    "llama_index": SentenceSplitter(chunk_size=50, chunk_overlap=10),
    "llama_index windows": SentenceWindowNodeParser(),
    "llama_index hierarchy": HierarchicalNodeParser.from_defaults(chunk_sizes=[120, 60], chunk_overlap=0),
    "chonkie": chonkie.SentenceChunker(chunk_size=60, chunk_overlap=10),
    "chonkie tokens": chonkie.TokenChunker(chunk_size=40, chunk_overlap=8),
    "chonkie recursive": chonkie.RecursiveChunker(chunk_size=60),
}


@pytest.mark.parametrize("name", SPLITTERS)
def test_its_pieces_become_passages_of_the_document(name: str) -> None:
    passages = as_chunker(SPLITTERS[name]).split(DOCUMENT)
    assert len(passages) > 2
    assert all(passage == DOCUMENT.passage(passage.start, passage.end) for passage in passages)
    assert all(passage.text == passage.text.strip() for passage in passages)
    covered = {at for passage in passages for at in range(passage.start, passage.end)}
    assert all(at in covered for at, character in enumerate(TEXT) if not character.isspace())


def test_the_pieces_are_those_that_the_framework_makes() -> None:
    assert [p.text for p in as_chunker(CHARACTERS).split(DOCUMENT)] == CHARACTERS.split_text(TEXT)
    chunks = SPLITTERS["chonkie tokens"].chunk(TEXT)
    assert [p.start for p in as_chunker(SPLITTERS["chonkie tokens"]).split(DOCUMENT)] == [
        chunk.start_index + len(chunk.text) - len(chunk.text.lstrip()) for chunk in chunks
    ]


def test_a_splitter_that_changes_the_text_keeps_its_own() -> None:
    """LangChain's splitter by headers drops them, and joins the lines of a section in its own way."""
    headers = MarkdownHeaderTextSplitter([("#", "first"), ("##", "second")])
    first, second = as_chunker(headers).split(DOCUMENT)
    assert first.text.startswith("BM25 ranks")
    assert first.text != TEXT[first.start : first.end]
    assert TEXT[first.start : first.end].startswith("BM25")
    assert "倒排索引" in TEXT[first.start : first.end]
    assert second == DOCUMENT.passage(second.start, second.end)


@pytest.mark.parametrize("name", SPLITTERS)
def test_a_document_without_text_can_be_found_by_its_title(name: str) -> None:
    document = Document("e", " ", "Felis catus")
    assert [p.text for p in as_chunker(SPLITTERS[name]).split(document)] == [""]


@pytest.mark.parametrize("name", ["langchain", "llama_index", "chonkie"])
def test_every_stage_takes_it_where_a_chunker_is_expected(name: str) -> None:
    splitter = SPLITTERS[name]
    question = Question("q", "Which parameter is often 1.2?")
    labels = (RelevanceLabel("q", "d", 1, TEXT.index("Its parameter"), TEXT.index("1.2")),)
    resources = Resources((DOCUMENT,), labels=labels, embedder=HashEmbedder())
    stages = (
        Retrieve(BM25(splitter), k=1),
        Retrieve((BM25(splitter), Dense(splitter)), k=1),
        RetrieveLabelled(1, splitter),
        MixPassages(1, index=BM25(splitter)),
    )
    for stage in stages:
        response = asyncio.run(Pipeline("p", stage).answer(question, resources, generate=False))
        assert any("k1" in passage.text for passage in response.context_passages)
        assert len(response.context_passages) == 1
        assert stage.context_size().tokens_each is None


def test_one_splitter_is_one_chunker() -> None:
    first, second = Retrieve(BM25(CHARACTERS)), Retrieve((BM25(CHARACTERS), Dense(CHARACTERS)))
    assert first.indexes()[0] == second.indexes()[0]
    assert {Passages(index.chunker) for index in (*first.indexes(), *second.indexes())} == {
        Passages(as_chunker(CHARACTERS))
    }
    assert as_chunker(RecursiveCharacterTextSplitter(chunk_size=60, chunk_overlap=15)) == as_chunker(CHARACTERS)
    assert as_chunker(RecursiveCharacterTextSplitter(chunk_size=60, chunk_overlap=14)) != as_chunker(CHARACTERS)
    assert as_chunker(CHARACTERS, version="2") != as_chunker(CHARACTERS)
    chunker = SentenceChunker()
    assert as_chunker(chunker) is chunker


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("sentences", "found 'sentences'"),
        (RecursiveCharacterTextSplitter, "found <class"),
        (3, "found a int"),
        (None, "found a NoneType"),
    ],
)
def test_what_is_no_chunker_is_named(given: Any, found: str) -> None:
    with pytest.raises(DeclarationError, match=f"chunker: {found}.*, expected an object with split"):
        Retrieve(BM25(given))


@pytest.mark.parametrize("name", SPLITTERS)
def test_it_is_known_by_its_settings_before_and_after_its_use(name: str, caplog: pytest.LogCaptureFixture) -> None:
    chunker = as_chunker(SPLITTERS[name])
    before = json.dumps(describe(chunker))
    chunker.split(DOCUMENT)
    assert json.dumps(describe(as_chunker(SPLITTERS[name]))) == before
    assert '"only"' not in before, "another process finds its results again"
    assert not caplog.records


def test_other_settings_are_another_chunker() -> None:
    class Shouting(RecursiveCharacterTextSplitter):
        def split_text(self, text: str) -> list[str]:
            return [piece.upper() for piece in super().split_text(text)]

    chunkers = [
        *(as_chunker(splitter) for splitter in SPLITTERS.values()),
        as_chunker(RecursiveCharacterTextSplitter(chunk_size=61, chunk_overlap=15)),
        as_chunker(RecursiveCharacterTextSplitter(chunk_size=60, chunk_overlap=15, separators=["."])),
        as_chunker(
            RecursiveCharacterTextSplitter(chunk_size=60, chunk_overlap=15, length_function=lambda s: len(s) + 1)
        ),
        as_chunker(Shouting(chunk_size=60, chunk_overlap=15)),
        as_chunker(SentenceSplitter(chunk_size=50, chunk_overlap=11)),
        as_chunker(SentenceSplitter(chunk_size=50, chunk_overlap=10, tokenizer=str.split)),
        as_chunker(chonkie.SentenceChunker(chunk_size=60, chunk_overlap=11)),
        as_chunker(chonkie.SentenceChunker("word", chunk_size=60, chunk_overlap=10)),
    ]
    assert len({fingerprint(describe(chunker)) for chunker in chunkers}) == len(chunkers)
    assert len({fingerprint(Retrieve(BM25(chunker)).spec()) for chunker in chunkers}) == len(chunkers)


def test_what_cannot_be_described_needs_a_version(caplog: pytest.LogCaptureFixture) -> None:
    def splitter() -> Any:
        made = RecursiveCharacterTextSplitter(chunk_size=60, chunk_overlap=15)
        made.client = iter(())  # type: ignore[attr-defined]
        return made

    first, second = describe(as_chunker(splitter())), describe(as_chunker(splitter()))
    assert first != second
    assert '"only"' in json.dumps(first)
    assert "give as_chunker(RecursiveCharacterTextSplitter) a `version`" in caplog.text
    versions = [describe(as_chunker(splitter(), version=version)) for version in ("1", "1", "2")]
    assert versions[0] == versions[1] != versions[2]
    assert '"only"' not in json.dumps(versions)
