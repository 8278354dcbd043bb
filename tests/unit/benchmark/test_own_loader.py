"""Loaders of the user's own: by path, by entry point, with settings; what they return is validated as files are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rageval
from rageval.benchmark import load
from rageval.errors import BenchmarkError, DeclarationError
from rageval.io.run_folder import RunFolder
from tests.conftest import CommandLine
from tests.published_sets import arguana
from tests.unit.installed import install

LOADER = '''\
from pathlib import Path
from rageval import Benchmark, Document, Question, RelevanceLabel, benchmark_from_records
from rageval.types import Card

def load(path: Path, limit: int = 10, split: str = "all"):
    """Each line a document and its question."""
    rows = [*enumerate(path.read_text(encoding="utf-8").splitlines())][:limit]
    return benchmark_from_records(
        f"{path.stem}-{split}",
        [Document(f"d{i}", text) for i, text in rows],
        [Question(f"q{i}", f"{text}?") for i, text in rows],
        [RelevanceLabel(f"q{i}", f"d{i}", 1) for i, _ in rows],
    )

def unchecked(grade: int = 1, doc: str = "d"):
    documents, questions = (Document("d", "text"),), (Question("q", "why?"),)
    card = Card("by hand", license="CC0-1.0")
    return Benchmark(card, documents, questions, (RelevanceLabel("q", doc, grade),), "no hash")

def plain(): return [Document("d", "text")]

def fails(path: Path): return path.read_text()

def nothing_to_give(*, seed: int = 0): return unchecked()
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(LOADER, encoding="utf-8")
    (tmp_path / "lines.txt").write_text("one\ntwo\nthree\n", encoding="utf-8")
    return tmp_path


def test_by_path_with_settings(folder: Path) -> None:
    benchmark = load({"mine.py": {"path": "lines.txt", "limit": 2}}, base=folder)
    assert benchmark.name == "lines-all"
    assert [document.text for document in benchmark.documents] == ["one", "two"]
    assert len(benchmark.labels) == 2
    assert load({"mine.py:load": {"path": "lines.txt", "limit": 2}}, base=folder) == benchmark
    assert load({"mine.py": {"path": "lines.txt"}}, base=folder, split="test").name == "lines-test"


def test_by_entry_point_with_what_stands_behind_the_colon(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = "[rageval.corpora]\nlines = lines_loader:load\nbeir = lines_loader:load\nhandbook = lines_loader:plain\n"
    monkeypatch.syspath_prepend(install(folder / "site", {"lines_loader": LOADER}, points))
    benchmark = load("lines:lines.txt", base=folder)
    assert len(benchmark.documents) == 3
    assert load({"lines": {"path": "lines.txt", "limit": 1}}, base=folder).documents == benchmark.documents[:1]
    with pytest.raises(BenchmarkError, match="no such folder"):
        load("beir:lines.txt", base=folder)
    assert load("handbook").name == "handbook"


def test_what_is_returned_gets_its_own_hash_and_keeps_its_card(folder: Path) -> None:
    benchmark = load("mine.py:unchecked", base=folder)
    assert len(benchmark.content_hash) == 64
    assert (benchmark.name, benchmark.card.license) == ("by hand", "CC0-1.0")


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("nowhere.py", r"benchmark: nowhere\.py: no such file"),
        ("mine.py:lod", r"mine\.py: found no lod; did you mean load\?"),
        ("mine.py", r"benchmark\.mine\.path: found nothing, expected a value"),
        ({"mine.py": {"pat": "x"}}, r"benchmark\.mine: found the setting 'pat', expected one of: path, limit, split"),
        ({"mine.py": {"path": "lines.txt", "limit": "x"}}, r"benchmark\.mine\.limit: found 'x'"),
        ("mine.py:plain", r"benchmark: mine\.py:plain returned a list, expected a Benchmark"),
        ({"mine.py:fails": {"path": "no.txt"}}, r"benchmark\.fails: .*FileNotFoundError"),
        ({"handbook": {"limit": 3}}, r"benchmark: found settings of 'handbook', expected those of a loader"),
        ({"mine.py": None, "x": None}, "benchmark: found .* in one entry"),
    ],
)
def test_mistakes_are_told(reference: Any, told: str, folder: Path) -> None:
    with pytest.raises(DeclarationError, match=told) as caught:
        load(reference, base=folder)
    assert "\n" not in str(caught.value)


def test_a_split_that_the_loader_does_not_take(folder: Path) -> None:
    with pytest.raises(DeclarationError, match="found the setting 'split', expected one of: grade, doc"):
        load("mine.py:unchecked", base=folder, split="test")


def test_nothing_may_stand_behind_a_loader_that_takes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(install(folder / "site", {"l": LOADER}, "[rageval.corpora]\nplain_lines = l:plain\n"))
    with pytest.raises(DeclarationError, match="benchmark: found 'x' behind plain_lines:, expected nothing there"):
        load("plain_lines:x", base=folder)


def test_what_is_no_valid_benchmark_is_told_with_every_problem(folder: Path) -> None:
    with pytest.raises(BenchmarkError) as caught:
        load({"mine.py:unchecked": {"doc": "elsewhere"}}, base=folder)
    (problem,) = caught.value.problems
    assert problem.startswith("mine.py:unchecked: labels[0]: found the unknown document 'elsewhere'")


def test_in_an_experiment_and_at_the_command_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(folder)
    given = {"mine.py": {"path": "lines.txt", "limit": 2}}
    pipelines = [{"naive": {"retriever": "bm25"}}]
    result = rageval.evaluate(given, pipelines, ["ndcg@10"], out="out")
    told = RunFolder(result.runs[0]).manifest()["benchmark"]
    assert told["reference"] == "mine.py(path=lines.txt, limit=2)"
    assert told["name"] == "lines-all"
    assert rageval.load_benchmark(given).content_hash == told["content_hash"]
    assert "by hand" in command_line("check-benchmark", "mine.py:unchecked").out
    ended = command_line("check-benchmark", "mine.py:plain")
    assert (ended.code, ended.err.count("\n")) == (2, 1)


def test_settings_and_irregularities_of_the_loader_stay(tmp_path: Path) -> None:
    arguana(tmp_path / "arguana")
    (tmp_path / "mine.py").write_text(
        "from pathlib import Path\nimport rageval\n\n\ndef load(path: Path):\n"
        "    return rageval.load_benchmark(f'beir:{path}', exclude_self=True)\n",
        encoding="utf-8",
    )
    loaded = load({"mine.py": {"path": "arguana"}}, base=tmp_path)
    direct = load(f"beir:{tmp_path / 'arguana'}", exclude_self=True)
    assert loaded == direct
    assert load({"mine.py": {"path": "arguana"}}, base=tmp_path, exclude_self=False).content_hash != direct.content_hash
