"""Chunkers, indexes and rerankers from outside: one file each, by path, by entry point, and in Python."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rageval.errors import DeclarationError, ExecutionError, IndexBuildError
from rageval.experiment.recipes import build_pipeline
from rageval.identity import describe
from rageval.models.base import ChatRequest
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import Calls, IndexStore, Pipeline, Resources, Stage
from rageval.retrieval import (
    BM25,
    Dense,
    HeadingChunker,
    MultiVector,
    Passages,
    Rerank,
    Retrieve,
    RetrieveLabelled,
    SentenceChunker,
)
from rageval.types import Document, Json, Passage, Question, RelevanceLabel, Response
from tests.conftest import CommandLine
from tests.flow.small_world import write_experiment

PARAGRAPHS = '''"""Paragraphs as passages."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Paragraphs:
    least: int = 1

    def split(self, document):
        spans = [match.span() for match in re.finditer(r"\\S.*", document.text)]
        return [document.passage(start, end) for start, end in spans if end - start >= self.least]
'''
TRIGRAMS = '''"""Search by shared runs of three characters."""

from dataclasses import dataclass

from rageval.retrieval import AnyChunker, Index, Passages, SentenceChunker
from rageval.types import Hit


class _Built:
    def __init__(self, passages):
        self.known = [(passage, trigrams(passage.text)) for passage in passages]

    async def search(self, query, depth):
        hits = [Hit(passage, len(trigrams(query.text) & known)) for passage, known in self.known]
        return sorted(hits, key=lambda hit: -hit.score)[:depth]


@dataclass(frozen=True)
class Trigrams(Index):
    chunker: AnyChunker = SentenceChunker()

    async def build(self, resources):
        return _Built(await resources.get(Passages(self.chunker)))


def trigrams(text):
    return {text[i : i + 3] for i in range(len(text) - 2)}
'''
SHORTEST = '''"""Short passages first."""

from dataclasses import dataclass

from rageval.retrieval import Reranker


@dataclass(frozen=True)
class Shortest(Reranker):
    from_length: int = 0

    async def score(self, question, passages, resources):
        return [-max(len(passage.text), self.from_length) for passage in passages]
'''
DOCUMENTS = (
    Document("long", "A cat that sits on a mat all day long.\nA second line."),
    Document("short", "A cat on a mat."),
    Document("zh", "猫坐在垫子上。\n第二行。", language="zh"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, source in {"paragraphs": PARAGRAPHS, "trigrams": TRIGRAMS, "shortest": SHORTEST}.items():
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    return tmp_path


def ask(stage: Stage, text: str = "A cat on a mat", **given: Any) -> Response:
    resources = Resources(DOCUMENTS, **{"embedder": HashEmbedder(), **given})
    return asyncio.run(Pipeline("p", stage).answer(Question("q", text), resources, generate=False))


def texts(response: Response) -> list[str]:
    return [hit.passage.text for hit in response.hits]


@pytest.mark.parametrize("source", [PARAGRAPHS, TRIGRAMS, SHORTEST])
def test_each_takes_one_file_of_25_lines_at_most(source: str) -> None:
    assert len([line for line in source.splitlines() if line.strip()]) <= 25


def test_by_path_and_by_mapping(folder: Path) -> None:
    def stage(**params: Json) -> Stage:
        return build_pipeline("naive", params, folder).stage

    assert texts(ask(stage(retriever="trigrams.py", chunker="paragraphs.py")))[0] == "A cat on a mat."
    assert len(texts(ask(stage(retriever="trigrams.py", chunker="paragraphs.py")))) == 5
    long = {"paragraphs.py": {"least": 10}}
    assert "第二行。" not in texts(ask(stage(retriever="trigrams.py", chunker=long)))
    nested: Json = {"trigrams.py": {"chunker": long}}
    assert texts(ask(stage(retriever=nested))) == texts(ask(stage(retriever="trigrams.py:Trigrams", chunker=long)))
    both = ask(stage(retriever=["bm25", "trigrams.py"], chunker="paragraphs.py"))
    assert texts(both)[0] == "A cat on a mat."
    assert both.hits[0].score == pytest.approx(2 / 61)
    reranked = ask(stage(retriever="bm25", reranker={"shortest.py": {"from_length": 3}}, k=1))
    assert [passage.doc_id for passage in reranked.context_passages] == ["short"]
    assert reranked.steps[-1].name == "rerank"


def test_the_label_shows_what_was_named(folder: Path) -> None:
    params: dict[str, Json] = {"retriever": ["bm25", {"trigrams.py": None}], "chunker": {"paragraphs.py": {"least": 2}}}
    label = build_pipeline("naive", params, folder).label
    assert label == "naive(retriever=[bm25, trigrams.py], chunker=paragraphs.py(least=2))"


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"chunker": "paragraph.py"}, r"pipelines\.naive\.chunker: paragraph\.py: no such file"),
        (
            {"chunker": "sentence"},
            r"pipelines\.naive\.chunker: found 'sentence', expected .*; did you mean sentences\?",
        ),
        ({"chunker": "shortest.py"}, r"pipelines\.naive\.chunker: found a Shortest, expected an object with split"),
        ({"chunker": {"paragraphs.py": {"last": 1}}}, r"chunker\.paragraphs: found the setting 'last', .* mean least"),
        ({"chunker": {"paragraphs.py": {"least": "x"}}}, r"chunker\.paragraphs\.least: found 'x'"),
        ({"chunker": 3}, r"pipelines\.naive\.chunker: found a int, expected"),
        ({"retriever": "paragraphs.py"}, r"pipelines\.naive\.retriever: found a Paragraphs, expected an index"),
        ({"retriever": []}, r"pipelines\.naive\.retriever: found none, expected at least one index"),
        ({"retriever": ["bm25", "bm26"]}, r"pipelines\.naive\.retriever: found 'bm26', expected .* did you mean bm25"),
        ({"reranker": "trigrams.py"}, r"pipelines\.naive\.reranker: found Trigrams\(.*expected a reranker"),
        ({"chunker": "paragraphs.py", "chunk_tokens": 99}, "chunk_tokens or overlap: found beside a chunker"),
        (
            {"chunker": "paragraphs.py", "retriever": {"bm25": {"chunker": {"sentences": {"tokens": 9}}}}},
            "chunker: found one here and another in the retriever's settings",
        ),
        ({"reranker": "pointwise", "k": 60}, "candidates: found 50, expected 60 to 100"),
        ({"reranker": "pointwise", "candidates": 101}, "candidates: found 101, expected 5 to 100"),
        ({"chunker": {"langchain": {"chunk_size": 9}}}, r"chunker\.langchain\.class: found None, expected the name of"),
        ({"chunker": {"langchain": {"class": "CharacterTextSpliter"}}}, r"did you mean CharacterTextSplitter\?"),
        (
            {"chunker": {"chonkie": {"class": "TokenChunker", "size": 9}}},
            r"chunker\.chonkie: building it failed: TypeError: .*size",
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_line(params: dict[str, Json], problem: str, folder: Path) -> None:
    with pytest.raises(DeclarationError, match=problem) as refused:
        build_pipeline("naive", params, folder)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "chunker",
    [
        {"langchain": {"class": "RecursiveCharacterTextSplitter", "chunk_size": 20, "chunk_overlap": 0}},
        {"llama_index": {"class": "SentenceSplitter", "chunk_size": 10, "chunk_overlap": 0}},
        {"chonkie": {"class": "SentenceChunker", "chunk_size": 20, "min_characters_per_sentence": 4}},
        {"foreign.py": None},
        "foreign.py:make",
    ],
)
def test_splitters_of_other_frameworks_in_a_file(chunker: Any, folder: Path) -> None:
    (folder / "foreign.py").write_text(
        "from langchain_text_splitters import CharacterTextSplitter\n"
        "def make(): return CharacterTextSplitter(separator=' ', chunk_size=20, chunk_overlap=0)\n"
        "chunker = make()\n"
    )
    response = ask(build_pipeline("naive", {"retriever": "bm25", "chunker": chunker}, folder).stage, "cat mat")
    assert {hit.passage.doc_id for hit in response.hits} == {"long", "short"}
    assert all(len(hit.passage.text) < 45 for hit in response.hits)


def test_by_entry_point(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = folder / "site-packages"
    (site / "theirs-1.0.dist-info").mkdir(parents=True)
    (site / "theirs-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (site / "theirs-1.0.dist-info" / "entry_points.txt").write_text(
        "[rageval.chunkers]\nparagraphs = theirs.paragraphs:Paragraphs\n"
        "[rageval.indexes]\ntrigrams = theirs.trigrams:Trigrams\n"
        "[rageval.rerankers]\nshortest = theirs.shortest:Shortest\n"
    )
    (site / "theirs").mkdir()
    for name in ("paragraphs", "trigrams", "shortest"):
        (folder / f"{name}.py").rename(site / "theirs" / f"{name}.py")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "theirs", raising=False)
    params: dict[str, Json] = {
        "retriever": "trigrams",
        "chunker": {"paragraphs": {"least": 2}},
        "reranker": "shortest",
        "k": 1,
    }
    pipeline = build_pipeline("naive", params, folder)
    assert texts(ask(pipeline.stage))[0] == "第二行。"
    assert "theirs.paragraphs.Paragraphs" in json.dumps(pipeline.stage.spec())


def test_from_the_command_line(folder: Path, command_line: CommandLine) -> None:
    settings = {"retriever": "trigrams.py", "chunker": "paragraphs.py", "reranker": "shortest.py", "k": 2}
    experiment = write_experiment(
        folder, "http://127.0.0.1:9/v1", pipelines=[{"naive": settings}], metrics=["ndcg@10", "recall@2"]
    )
    ended = command_line("run", experiment, "--out", folder / "out", "--json")
    assert ended.code == 0, ended.err
    (run,) = json.loads(ended.out)["runs"]
    assert run["failed"] == 0
    assert run["pipeline"].startswith("naive(retriever=trigrams.py, chunker=paragraphs.py, reranker=shortest.py")


@dataclass(frozen=True)
class Halves(SentenceChunker):
    """A chunker with the fields of its parent, and another split."""

    def split(self, document: Document) -> list[Passage]:
        middle = len(document.text) // 2
        return [document.passage(0, middle), document.passage(middle, len(document.text))]


@pytest.mark.parametrize("kind", [Passages, BM25, Dense, lambda chunker: MultiVector(chunker=chunker)])
@pytest.mark.parametrize("large", [1, 1000])
def test_a_subclass_with_another_split_has_other_indexes(kind: Any, large: int, tmp_path: Path) -> None:
    store = IndexStore(tmp_path, large)

    def build(chunker: SentenceChunker) -> list[str]:
        async def run() -> list[str]:
            built = await resources.get(kind(chunker))
            passages = built if kind is Passages else built.passages.passages
            return [passage.text for passage in passages]

        return asyncio.run(run())

    for _ in range(2):  # in one process and, as far as the store goes, in the next
        resources = Resources(DOCUMENTS, embedder=HashEmbedder(), indexes=store)
        assert build(SentenceChunker(8)) != build(Halves(8))
        assert [*map(len, build(Halves(8)))][:2] == [26, 27]
    assert describe(kind(Halves(8))) != describe(kind(SentenceChunker(8)))


def test_passages_that_do_not_stand_in_their_document_survive_the_store(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Shouting:
        every: int = 2

        def split(self, document: Document) -> Sequence[Passage]:
            own = Passage(document.id, 0, 5, document.text[:5].upper() + " \ud800检", document.title)
            return [document.passage(0, 3), own][: self.every]

    for large in (1, 100):
        resources = Resources(DOCUMENTS, indexes=IndexStore(tmp_path, large))
        for shouting in (Shouting(), Shouting(1)):
            passages = asyncio.run(resources.get(Passages(shouting)))
            assert [*passages] == [passage for document in DOCUMENTS for passage in shouting.split(document)]
            assert [*passages[1:]] == [passages[n] for n in range(1, len(passages))]
            assert passages[-1] == [*passages][-1]


def test_titles_of_passages_survive_the_store(tmp_path: Path) -> None:
    guide = Document("g", "# Install\n\nRun make.\n\n# 使用\n\n提出问题。", "Guide")
    for large in (1, 100):
        resources = Resources((guide, *DOCUMENTS), indexes=IndexStore(tmp_path, large))
        passages = asyncio.run(resources.get(Passages(HeadingChunker())))
        assert [one.title for one in passages] == ["Guide › Install", "Guide › 使用", *(one.title for one in DOCUMENTS)]
        assert passages[0].text == "# Install\n\nRun make."


@pytest.mark.parametrize(
    ("split", "problem"),
    [
        (lambda document: 1 / 0, r"ZeroDivisionError: division by zero \(tests.*test_seams\.py, line \d+\)"),
        (lambda document: None, "TypeError: 'NoneType' object is not iterable"),
        (lambda document: [document.text], "passage 0: found a str, expected a Passage"),
        (lambda document: [Passage("other", 0, 1, "A")], "passage 0: found the document 'other', expected 'long'"),
        (lambda document: [document.passage(0, 3), Passage("long", 3, 2, "")], "passage 1: found the span 3 to 2"),
        (
            lambda document: [Passage("long", 0, 999, "")],
            "passage 0: found the span 0 to 999, expected one within 0 to 53",
        ),
        (lambda document: [Passage("long", 0, 1, None)], "passage 0: text: found a NoneType, expected a text"),
        (lambda document: [Passage("long", 0.0, 1, "A")], "passage 0: start: found a float, expected a whole number"),
    ],
)
@pytest.mark.parametrize("stored", [False, True])
def test_a_chunker_that_fails_is_named_with_the_document(
    split: Any, problem: str, stored: bool, tmp_path: Path
) -> None:
    @dataclass(frozen=True)
    class Broken:
        def split(self, document: Document) -> Sequence[Passage]:
            return split(document)

    indexes = IndexStore(tmp_path, 1) if stored else None
    with pytest.raises(IndexBuildError, match=f"^chunker Broken: document 'long': {problem}"):
        ask(Retrieve(BM25(Broken())), indexes=indexes)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
    labels = (RelevanceLabel("q", "long", 1),)
    with pytest.raises(ExecutionError, match=f"^chunker Broken: document 'long': {problem}"):  # this question's failure
        ask(RetrieveLabelled(1, Broken()), labels=labels)


def test_a_chunker_may_be_a_generator_and_count_with_numpy() -> None:
    @dataclass(frozen=True)
    class Halves:
        def split(self, document: Document) -> Iterator[Passage]:
            half = np.int64(len(document.text) // 2)
            yield replace(document.passage(0, int(half)), end=half)
            yield document.passage(int(half), len(document.text))

    passages = asyncio.run(Resources(DOCUMENTS).get(Passages(Halves())))
    assert len(passages) == 2 * len(DOCUMENTS)
    assert {type(passage.end) for passage in passages} == {int}


def test_a_document_without_passages_is_not_found_and_all_goes_on() -> None:
    @dataclass(frozen=True)
    class English:
        def split(self, document: Document) -> Sequence[Passage]:
            return [] if document.language == "zh" else [document.passage(0, len(document.text))]

    response = ask(Retrieve((BM25(English()), Dense(English()))), "垫子 cat")
    assert sorted(hit.passage.doc_id for hit in response.hits) == ["long", "short"]


def test_an_index_that_asks_models_says_so() -> None:
    chat = ScriptedChat(lambda _: "About cats.")
    stage = Retrieve((BM25(), MultiVector(("summaries",)))) >> Rerank(_Chatty(), 1)
    assert stage.needs(generate=False) == {"embed", "chat"}
    assert stage.all_prompts() == {"summarise"}
    assert stage.indexing_calls(DOCUMENTS) == 3
    assert ask(stage, chat=chat).steps[-1].usage.calls == 1


@dataclass(frozen=True)
class _Chatty:
    """A reranker that inherits from nothing, and so says all for itself."""

    async def score(self, question: Question, passages: Sequence[Passage], resources: Resources) -> list[float]:
        await resources.chat.complete(ChatRequest((), "p", 1))
        return [1.0] * len(passages)

    def needs(self) -> frozenset[Any]:
        return frozenset({"chat"})

    def prompts(self) -> frozenset[str]:
        return frozenset()

    def calls(self, passages: int) -> Calls:
        return Calls(1, 1)
