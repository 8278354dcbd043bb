"""How a benchmark is found from what it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from rageval.benchmark import load, shipped_benchmarks
from rageval.errors import BenchmarkError


def write_benchmark(folder: Path, name: str) -> None:
    folder.mkdir(parents=True)
    (folder / "card.yaml").write_text(f"name: {name}\n")
    (folder / "documents.jsonl").write_text('{"id": "d", "text": "x"}\n')
    (folder / "questions.jsonl").write_text('{"id": "q", "text": "x"}\n')
    (folder / "labels.tsv").write_text("question_id\tdocument_id\tgrade\nq\td\t1\n")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_benchmark(tmp_path / "benchmarks" / "cooking", "by name")
    (tmp_path / "benchmarks" / "perf").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_name_under_benchmarks(here: Path) -> None:
    assert load("cooking").name == "by name"
    assert load("cooking", base=here / "elsewhere").name == "by name"


def test_a_path_goes_before_a_name(here: Path) -> None:
    write_benchmark(here / "cooking", "by path")
    assert load("cooking").name == "by path"
    assert load("benchmarks/cooking").name == "by name"
    assert load(str(here / "benchmarks" / "cooking"), base=Path("/")).name == "by name"


def test_only_folders_with_a_card_are_shipped(here: Path) -> None:
    shipped = shipped_benchmarks()
    assert shipped["cooking"] == (here / "benchmarks" / "cooking").resolve()
    assert "perf" not in shipped


def test_a_near_miss_is_told_the_right_name(here: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"^cookin: found no such folder, expected .*; did you mean 'cooking'\?$"):
        load("cookin")


@pytest.mark.parametrize("kind", ["beir", "trec"])
def test_a_missing_folder(here: Path, kind: str) -> None:
    with pytest.raises(BenchmarkError) as caught:
        load(f"{kind}:nowhere", base=here)
    assert caught.value.problems == (f"{here}/nowhere: found no such folder, expected the folder of a benchmark",)


def test_a_beir_folder_without_its_prefix(here: Path) -> None:
    (here / "corpus.jsonl").touch()
    with pytest.raises(BenchmarkError, match=r"\(this looks like a BEIR folder: write beir:"):
        load(str(here))
