"""TREC collections, as a folder and as three paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from rageval.benchmark import load
from rageval.errors import BenchmarkError, DeclarationError
from rageval.types import Question, RelevanceLabel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "documents.jsonl").write_text('{"id": "D1", "text": "x"}\n{"id": "D2", "text": "", "title": "t"}\n')
    (tmp_path / "topics.tsv").write_text("301\tInternational crime\n302\t什么是检索\n", encoding="utf-8")
    (tmp_path / "qrels.txt").write_text("301 0 D1 2\n301\t0\tD2\t0\n")
    return tmp_path


def check(benchmark_reference: str, base: Path | None = None) -> None:
    benchmark = load(benchmark_reference, base=base)
    assert benchmark.questions == (Question("301", "International crime"), Question("302", "什么是检索", "zh"))
    assert benchmark.labels == (RelevanceLabel("301", "D1", 2), RelevanceLabel("301", "D2", 0))


def test_folder(folder: Path) -> None:
    check(f"trec:{folder}")
    (folder / "qrels.txt").rename(folder / "qrels.tsv")
    check(f"trec:{folder.name}", folder.parent)


def test_labels_are_optional(folder: Path) -> None:
    (folder / "qrels.txt").unlink()
    for reference in (f"trec:{folder}", f"trec:documents={folder}/documents.jsonl,topics={folder}/topics.tsv"):
        benchmark = load(reference)
        assert (len(benchmark.questions), benchmark.labels) == (2, ())


def test_three_paths(folder: Path) -> None:
    check("trec:qrels=qrels.txt,documents=documents.jsonl,topics=topics.tsv", folder)
    check(f"trec:documents={folder}/documents.jsonl,topics={folder}/topics.tsv,qrels={folder}/qrels.txt")


@pytest.mark.parametrize(
    "text", ["documents=a,qrels=b", "documents=a,topics=b,qrels=", "qrels=a,topics=b,documents=c,x=d"]
)
def test_paths_that_are_not_three(text: str) -> None:
    with pytest.raises(DeclarationError, match="expected trec:documents=PATH,topics=PATH,qrels=PATH"):
        load(f"trec:{text}")


def test_a_split_is_refused(folder: Path) -> None:
    with pytest.raises(
        DeclarationError, match="split: found 'test', expected none: only beir: and hf: benchmarks have splits"
    ):
        load(f"trec:{folder}", split="test")


@pytest.mark.parametrize(
    ("name", "line", "problem"),
    [
        ("topics.tsv", "303", "3: found 1 columns, expected 2"),
        ("topics.tsv", "303\tq\tmore", "3: found 3 columns, expected 2"),
        ("topics.tsv", "303\t ", "3: found an empty 'text', expected the question's text"),
        ("topics.tsv", "301\tagain", "3: found the question id '301' again, expected it once (see "),
        ("qrels.txt", "301 D1 2", "3: found 3 columns, expected 4"),
        ("qrels.txt", "301 0 D1 x", "3: found the grade 'x', expected a whole number such as 0, 1 or 2"),
        ("qrels.txt", "301 0 D7 1", "3: found the unknown document 'D7', expected one of "),
    ],
)
def test_a_bad_line_is_the_one_problem(folder: Path, name: str, line: str, problem: str) -> None:
    with (folder / name).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(BenchmarkError) as caught:
        load(f"trec:{folder}", strict=True)
    (found,) = caught.value.problems
    assert found.startswith(f"{folder}/{name}:{problem}")
