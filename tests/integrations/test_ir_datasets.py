"""Datasets of ir_datasets: registered in this process from local files, so that nothing is downloaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from rageval.benchmark import load
from rageval.errors import BenchmarkError, DeclarationError, MissingExtraError
from rageval.types import Document, Question, RelevanceLabel
from tests.conftest import CommandLine

ir_datasets: Any = pytest.importorskip("ir_datasets")

NAME = "rageval-test/lakes"


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("IR_DATASETS_HOME", str(tmp_path / "home"))
    (tmp_path / "docs.tsv").write_text(
        "d1\tLake Corva is 61 m deep.\nd2\t青石山高一千八百米。\nd3\t\n", encoding="utf-8"
    )
    (tmp_path / "queries.tsv").write_text(
        "q1\tHow deep is Lake Corva?\nq2\t青石山有多高？\nq3\tNobody knows?\n", "utf-8"
    )
    (tmp_path / "qrels").write_text("q1 0 d1 2\nq2 0 d2 1\nq2 0 gone 1\nq9 0 d1 1\n")
    paths = {"docs_tsv": "docs.tsv", "queries_tsv": "queries.tsv", "qrels_trec": "qrels"}
    dataset = ir_datasets.create_dataset(**{key: str(tmp_path / name) for key, name in paths.items()})
    monkeypatch.setitem(ir_datasets.registry._registered, NAME, dataset)
    return f"ir_datasets:{NAME}"


def test_a_registered_dataset(registered: str) -> None:
    benchmark = load(registered)
    assert benchmark.documents == (
        Document("d1", "Lake Corva is 61 m deep."),
        Document("d2", "青石山高一千八百米。", "", "zh"),
    )
    assert benchmark.questions == (
        Question("q1", "How deep is Lake Corva?"),
        Question("q2", "青石山有多高？", "zh"),
        Question("q3", "Nobody knows?"),
    )
    assert benchmark.labels == (
        RelevanceLabel("q1", "d1", 2),
        RelevanceLabel("q2", "d2", 1),
        RelevanceLabel("q2", "gone", 1),
    )
    assert {one.kind: one.count for one in benchmark.tolerated} == {
        "document without text": 1,
        "label of an unknown question": 1,
        "label of an unknown document": 1,
    }
    assert (benchmark.name, benchmark.card.source) == (NAME, f"ir_datasets, {NAME}")
    with pytest.raises(BenchmarkError, match=r"\(documents\)\[2\]: found neither a text nor a title"):
        load(registered, strict=True)


def test_titles_bodies_and_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    class Page(NamedTuple):
        doc_id: str
        title: str
        body: str

        def default_text(self) -> str:
            return f"{self.title} {self.body}"

    class Abstract(NamedTuple):
        doc_id: str
        abstract: str

        def default_text(self) -> str:
            return self.abstract

    class Topic(NamedTuple):
        query_id: str
        title: str
        narrative: str

        def default_text(self) -> str:
            return self.title

    class Parts:
        def has_docs(self) -> bool:
            return True

        has_queries = has_docs

        def has_qrels(self) -> bool:
            return False

        def docs_iter(self) -> Iterator[object]:
            return iter([Page("1", "A title", "A body"), Abstract("2", "An abstract")])

        def queries_iter(self) -> Iterator[object]:
            return iter([Topic("301", "international crime", "A relevant document says more.")])

    monkeypatch.setitem(ir_datasets.registry._registered, "parts", Parts())
    benchmark = load("ir_datasets:parts")
    assert benchmark.documents == (Document("1", "A body", "A title"), Document("2", "An abstract"))
    assert benchmark.questions == (Question("301", "international crime"),)
    assert benchmark.labels == ()


def test_what_cannot_be_loaded(registered: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BenchmarkError, match=r"found no dataset of that name, .* did you mean rageval-test/lakes"):
        load("ir_datasets:rageval-test/lake")
    queries = ir_datasets.create_dataset(queries_tsv=str(tmp_path / "queries.tsv"))
    monkeypatch.setitem(ir_datasets.registry._registered, "queries-alone", queries)
    with pytest.raises(BenchmarkError, match="found a dataset without documents, expected one with documents and"):
        load("ir_datasets:queries-alone")
    with pytest.raises(DeclarationError, match="split: found 'test', expected none"):
        load(registered, split="test")
    (tmp_path / "qrels").write_text("q1 0 d1\n")
    with pytest.raises(BenchmarkError, match=f"{NAME}: cannot be loaded \\("):
        load(registered)


def test_the_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"ir_datasets:NAME needs .*\[ir-datasets\]"):
        load("ir_datasets:vaswani")


def test_an_experiment_tells_what_it_tolerated(
    registered: str, tmp_path: Path, command_line: CommandLine, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "experiment.yaml"
    pipelines = [{"naive": {"retriever": "bm25", "k": 2}}, "oracle"]
    path.write_text(yaml.safe_dump({"benchmark": registered, "pipelines": pipelines, "metrics": ["recall@2"]}))
    ended = command_line("run", path, "--out", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    told = [one["kind"] for one in json.loads(ended.out)["tolerated"]]
    assert told == ["document without text", "label of an unknown question", "label of an unknown document"]
    assert f"{registered}: tolerated: document without text: 1 (left out); first: " in caplog.text
    oracle = next(run for run in json.loads(ended.out)["runs"] if run["pipeline"].startswith("oracle"))
    assert oracle["metrics"]["recall@2"]["mean"] == 0.75  # q2 has two relevant documents, one of which is not there
    checked = json.loads(command_line("check", path, "--json").out)
    assert [one["kind"] for one in checked["tolerated"]] == told
