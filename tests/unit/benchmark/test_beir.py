"""BEIR folders."""

from __future__ import annotations

import json
import random
from itertools import chain
from pathlib import Path

import pytest

from rageval.benchmark import load, statistics
from rageval.errors import BenchmarkError
from rageval.types import Document, Question, RelevanceLabel

HEADER = "query-id\tcorpus-id\tscore\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(
        '{"_id": "1", "title": "Only a title", "text": "", "metadata": {"url": "u"}, "extra": 1}\n'
        '{"_id": "2", "title": "", "text": "Some text"}\n'
    )
    (folder / "queries.jsonl").write_text(
        '{"_id": "a", "text": "first", "metadata": {"x": 1}, "tags": "other"}\n{"_id": "b", "text": "second"}\n'
    )
    (folder / "qrels" / "test.tsv").write_text(HEADER + "b\t1\t2\nb\t2\t0\n")
    (folder / "qrels" / "train.tsv").write_text(HEADER + "a\t1\t1\n")
    return folder


def problems_of(folder: Path, split: str | None = None) -> list[str]:
    with pytest.raises(BenchmarkError) as caught:
        load(f"beir:{folder}", split=split, strict=True)
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_the_test_split_is_the_default_and_only_labelled_questions_count(folder: Path) -> None:
    benchmark = load(f"beir:{folder}")
    assert benchmark.name == "tiny"
    assert benchmark.documents == (
        Document("1", "", "Only a title", "en", {"url": "u"}),
        Document("2", "Some text"),
    )
    assert benchmark.questions == (Question("b", "second"),)
    assert benchmark.labels == (RelevanceLabel("b", "1", 2), RelevanceLabel("b", "2", 0))


def test_another_split_and_a_base(folder: Path) -> None:
    benchmark = load("beir:tiny", split="train", base=folder.parent)
    assert [question.id for question in benchmark.questions] == ["a"]


def test_an_unknown_split_lists_those_present(folder: Path) -> None:
    assert problems_of(folder, "dev") == ["qrels: found no split 'dev', expected one of: test, train"]


def test_no_split_at_all(folder: Path) -> None:
    for path in (folder / "qrels").iterdir():
        path.unlink()
    assert problems_of(folder, "test") == [
        "qrels: found no split 'test', expected a file test.tsv (there is no split at all)"
    ]


def test_labels_are_optional(folder: Path) -> None:
    for path in (folder / "qrels").iterdir():
        path.unlink()
    (folder / "qrels").rmdir()
    benchmark = load(f"beir:{folder}")
    assert ([question.id for question in benchmark.questions], benchmark.labels) == (["a", "b"], ())


def test_missing_files(folder: Path) -> None:
    (folder / "corpus.jsonl").unlink()
    assert problems_of(folder) == ["corpus.jsonl: found no such file, expected corpus.jsonl there"]


@pytest.mark.parametrize(
    ("name", "line", "problem"),
    [
        (
            "corpus.jsonl",
            '{"_id": "3", "title": "", "text": ""}',
            "3: found neither a text nor a title, expected one of",
        ),
        ("corpus.jsonl", '{"_id": 3, "text": "x"}', "3: found a number for '_id', expected a text"),
        ("corpus.jsonl", '{"id": "3", "text": "x"}', "3: found no key '_id', expected _id and text"),
        ("corpus.jsonl", '{"_id": "1", "text": "x"}', "3: found the document id '1' again, expected it once (see "),
        ("queries.jsonl", '{"_id": "c", "text": ""}', "3: found an empty 'text', expected the question's text"),
        ("queries.jsonl", '{"_id": "b", "text": "x"}', "3: found the question id 'b' again, expected it once (see "),
        ("qrels/test.tsv", "b\t9\t1", "4: found the unknown document '9', expected one of "),
        ("qrels/test.tsv", "z\t1\t1", "4: found the unknown question 'z', expected one of "),
        ("qrels/test.tsv", "b\t1\t2", "4: found question 'b' and document '1' labelled again, expected one label or"),
        ("qrels/test.tsv", "b 1 2", "4: found 1 columns, expected 3"),
        ("qrels/test.tsv", "a\t1\tyes", "4: found the grade 'yes', expected a whole number such as 0, 1 or 2"),
    ],
)
def test_a_bad_line_is_the_one_problem(folder: Path, name: str, line: str, problem: str) -> None:
    with (folder / name).open("a") as file:
        file.write(line + "\n")
    (found,) = problems_of(folder)
    assert found.startswith(f"{name}:{problem}")


def test_a_split_without_labels_or_header(folder: Path) -> None:
    qrels = folder / "qrels" / "test.tsv"
    qrels.write_text(HEADER)
    assert problems_of(folder) == ["qrels/test.tsv: found no labels, expected at least one"]
    qrels.write_text("b\t1\t2\n")
    assert problems_of(folder) == [
        "qrels/test.tsv:1: found the header 'b\\t1\\t2', expected 'query-id\\tcorpus-id\\tscore'"
    ]


@pytest.mark.parametrize(("split", "questions"), [("test", 300), ("train", 809)])
def test_every_split_of_a_drawn_folder_has_its_own_questions_and_labels(
    tmp_path: Path, split: str, questions: int
) -> None:
    """Of SciFact's form: one corpus, titles, metadata, all questions in one file, one to five labels a question."""
    draw = random.Random(20261121)
    documents = [str(draw.randrange(10**6, 10**7)) for _ in range(500)]
    asked = {"test": range(300), "train": range(1000, 1809)}
    labels = {
        name: [(q, doc) for q in some for doc in draw.sample(documents, draw.randint(1, 5))]
        for name, some in asked.items()
    }
    lines = {
        "corpus.jsonl": [{"_id": one, "title": f"Title {one}", "text": "A text.", "metadata": {}} for one in documents],
        "queries.jsonl": [
            {"_id": str(q), "text": f"Claim {q}?", "metadata": {"9": [{"label": "SUPPORT"}]}}
            for q in chain(*asked.values())
        ],
    }
    (tmp_path / "qrels").mkdir()
    for name, rows in lines.items():
        (tmp_path / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    for name, pairs in labels.items():
        (tmp_path / "qrels" / f"{name}.tsv").write_text(HEADER + "".join(f"{q}\t{doc}\t1\n" for q, doc in pairs))
    counts = statistics(load(f"beir:{tmp_path}", split=split))
    assert (counts.documents, counts.questions, counts.labels) == (500, questions, len(labels[split]))
    assert counts.documents_by_language == {"en": 500}
    assert counts.questions_by_language == {"en": questions}
    assert counts.labels_by_grade == {1: len(labels[split])}
