"""BEIR's sets as they are published, with their irregularities: what loads, what is told, what is refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rageval.benchmark import load
from rageval.errors import BenchmarkError
from rageval.types import Benchmark
from tests.conftest import CommandLine
from tests.published_sets import HEADER, SETS, arguana, cqadupstack, fiqa, quora, write_beir

CORPUS = [{"_id": "d1", "title": "T", "text": "x"}, {"_id": "d2", "title": "", "text": "y"}]
QUERIES = [{"_id": "a", "text": "first?"}, {"_id": "b", "text": "second?"}]


def counts(benchmark: Benchmark) -> Mapping[str, int]:
    return {one.kind: one.count for one in benchmark.tolerated}


@pytest.mark.parametrize("name", SETS)
def test_a_set_loads_and_says_what_was_irregular(name: str, tmp_path: Path) -> None:
    write, expected = SETS[name]
    assert counts(load(f"beir:{write(tmp_path / name)}")) == expected


def test_what_is_left_out_and_what_stays(tmp_path: Path) -> None:
    benchmark = load(f"beir:{fiqa(tmp_path / 'fiqa')}")
    assert [document.id for document in benchmark.documents] == ["3", "31"]
    assert [question.id for question in benchmark.questions] == ["0", "4641"]
    assert [(x.question_id, x.doc_id) for x in benchmark.labels] == [("0", "3"), ("0", "59"), ("4641", "31")]
    first = benchmark.tolerated[0]
    corpus = tmp_path / "fiqa" / "corpus.jsonl"
    assert first.examples == (
        f"{corpus}:3: found neither a text nor a title",
        f"{corpus}:4: found neither a text nor a title",
    )
    assert str(first) == f"document without text: 2 (left out); first: {corpus}:3: found neither a text nor a title"


def test_a_folder_of_forums_names_them(tmp_path: Path) -> None:
    folder = cqadupstack(tmp_path / "cqadupstack")
    with pytest.raises(BenchmarkError) as caught:
        load(f"beir:{folder}")
    assert caught.value.problems == (
        f"{folder}: found a folder of benchmarks, expected one of them: android, webmasters (beir:{folder}/NAME)",
    )
    benchmark = load(f"beir:{folder}/webmasters")
    assert (benchmark.name, len(benchmark.documents), counts(benchmark)) == ("webmasters", 2, {})


@pytest.mark.parametrize(
    ("kind", "corpus", "queries", "qrels", "problem"),
    [
        ("null", [{"title": None}], [], "", "found null for 'title', expected a text"),
        ("null", [{"metadata": None}], [], "", "found null for 'metadata', expected an object"),
        (
            "metadata that is not an object",
            [{"metadata": "x"}],
            [],
            "",
            "found a text for 'metadata', expected an object",
        ),
        ("number as an id", [{"_id": 3}], [], "b\t3\t1\n", "found a number for '_id', expected a text"),
        ("white space in an id", [{"_id": "d 3"}], [], "b\td 3\t1\n", "found the id 'd 3', expected an id without"),
        (
            "question without text",
            [],
            [{"_id": "c", "text": " "}],
            "",
            "found an empty 'text', expected the question's",
        ),
        ("grade with a decimal point", [], [], "b\td2\t1.0\n", "found the grade '1.0', expected a whole number"),
        ("label given again", [], [], "a\td1\t1\n", "labelled again, expected one label or other spans"),
        ("extra column", [], [], "b\td2\t1\tx\n", "found 4 columns, expected 3: query-id corpus-id score"),
        ("comment", [], [], "# by hand\n", "found a comment, expected columns"),
        ("label of an unknown document", [], [], "b\td9\t1\n", "found the unknown document 'd9', expected one of"),
        ("label of an unknown question", [], [], "z\td1\t1\n", "found the unknown question 'z', expected one of"),
    ],
)
def test_each_kind_is_counted_or_refused(
    kind: str, corpus: list[dict[str, Any]], queries: list[dict[str, Any]], qrels: str, problem: str, tmp_path: Path
) -> None:
    given = [*CORPUS, *({"_id": "d3", "title": "", "text": "z", **row} for row in corpus)]
    folder = write_beir(tmp_path / "set", given, [*QUERIES, *queries], test=f"{HEADER}a\td1\t1\n{qrels}")
    assert kind in counts(load(f"beir:{folder}"))
    with pytest.raises(BenchmarkError) as caught:
        load(f"beir:{folder}", strict=True)
    assert any(problem in one for one in caught.value.problems)


@pytest.mark.parametrize(
    ("qrels", "kinds"),
    [
        ("a\td1\t1\nb\td2\t2\n", {"missing header": 1}),
        ("a 0 d1 1\nb 0 d2 2\n", {"missing header": 1}),
        ("qid\tpid\tlabel\na\td1\t1\nb\td2\t2\n", {"other header": 1}),
        ("score\tquery_id\tdoc_id\n1\ta\td1\n2\tb\td2\n", {"other header": 1}),
        ("qid\tQ0\tdocno\trel\na\t0\td1\t1\nb\t0\td2\t2\n", {"other header": 1}),
        ("qid\tpid\tscore\tsource\na\td1\t1\tx\nb\td2\t2\tx\n", {"other header": 1, "extra column": 1}),
        ("\n" + HEADER + "\na\td1\t1\n \nb\td2\t2\n\n\n", {"blank line": 3}),
        (HEADER + "a\td1\t1\t\nb\td2\t2\t\t\n", {}),
        (HEADER.replace("\n", "\r\n") + "a\td1\t1\r\nb\td2\t2\r\n", {}),
    ],
)
def test_headers_and_columns(qrels: str, kinds: dict[str, int], tmp_path: Path) -> None:
    benchmark = load(f"beir:{write_beir(tmp_path / 'set', CORPUS, QUERIES, test=qrels)}")
    assert [(x.question_id, x.doc_id, x.grade) for x in benchmark.labels] == [("a", "d1", 1), ("b", "d2", 2)]
    assert counts(benchmark) == kinds


@pytest.mark.parametrize(
    ("qrels", "problem"),
    [
        (HEADER + "a\td1\t0.5\n", "found the grade '0.5', expected a whole number such as 0, 1 or 2: multiply all"),
        (HEADER + "a\td1\tnan\n", "found the grade 'nan', expected a whole number such as 0, 1 or 2"),
        (HEADER + "a\td1\t1\na\td1\t2\n", "found grade 2 for question 'a' and document 'd1', expected 1 as at"),
        (HEADER + "a\t0\td1\t1\n", "found 4 columns, expected 3"),
        (HEADER + "a\td1\n", "found 2 columns, expected 3"),
        (HEADER + "x1\td1\t1\nx2\td1\t1\n", "labels have 'x1', 'x2', and the questions 'a', 'b'"),
        (HEADER + "a\tD1\t1\nb\tD2\t1\n", "labels have 'D1', 'D2', and the documents 'd1', 'd2'"),
    ],
)
def test_what_cannot_be_tolerated(qrels: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError) as caught:
        load(f"beir:{write_beir(tmp_path / 'set', CORPUS, QUERIES, test=qrels)}")
    assert len(caught.value.problems) == 1
    assert problem in caught.value.problems[0]


def test_few_ids_in_common_are_a_loud_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    qrels = HEADER + "a\td1\t1\nb\tx1\t1\nb\tx2\t1\nz1\td2\t1\nz2\td2\t1\nz3\td2\t1\n"
    folder = write_beir(tmp_path / "set", CORPUS, QUERIES, test=qrels)
    load(f"beir:{folder}")
    (warning,) = caplog.messages
    assert "only 2 of 5 questions are in " in warning
    assert "labels have 'a', 'b', 'z1', …, and the questions 'a', 'b'" in warning
    (folder / "qrels" / "test.tsv").write_text(HEADER + "a\td1\t1\nb\tx1\t1\nb\tx2\t1\n")
    caplog.clear()
    load(f"beir:{folder}")
    (warning,) = caplog.messages
    assert "only 1 of 3 documents are in " in warning
    assert "labels have 'd1', 'x1', 'x2', and the documents 'd1', 'd2'" in warning


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".ndjson", ".JSONL", ".NDJSON.gz"])
def test_names_and_compression(suffix: str, tmp_path: Path) -> None:
    folder = arguana(tmp_path / "arguana")
    expected = load(f"beir:{folder}")
    for path in [folder / "corpus.jsonl", folder / "queries.jsonl", folder / "qrels" / "test.tsv"]:
        content = path.read_bytes()
        path.unlink()
        end = suffix if path.suffix == ".jsonl" else f"{path.suffix}{'.gz' if suffix.endswith('.gz') else ''}"
        path.with_name(path.stem + end).write_bytes(gzip.compress(content) if end.endswith(".gz") else content)
    assert load(f"beir:{folder}").content_hash == expected.content_hash


def test_a_damaged_archive_is_one_problem(tmp_path: Path) -> None:
    folder = quora(tmp_path / "quora")
    corpus = folder / "corpus.jsonl"
    corpus.write_bytes(gzip.compress(corpus.read_bytes())[:-9])
    with pytest.raises(BenchmarkError, match=r"corpus\.jsonl: found no readable file \(.*"):
        load(f"beir:{folder}")


def test_a_regular_set_has_the_hash_that_it_had(tmp_path: Path) -> None:
    """Baselines stay comparable: the hash was taken before anything was tolerated."""
    folder = write_beir(tmp_path / "set", CORPUS, QUERIES, test=f"{HEADER}a\td1\t1\nb\td2\t2\n")
    assert load(f"beir:{folder}").content_hash == load(f"beir:{folder}", strict=True).content_hash
    assert load(f"beir:{folder}").content_hash.startswith("6f4a3be7771d8a18")


def test_check_benchmark_tells_each_kind(tmp_path: Path, command_line: CommandLine) -> None:
    folder = fiqa(tmp_path / "fiqa")
    ended = command_line("check-benchmark", f"beir:{folder}")
    told = [line for line in ended.out.splitlines() if line.startswith("tolerated")]
    assert len(told) == 2
    assert "document without text: 2 (left out)" in told[0]
    assert "label of an unknown document: 1 (kept in the ideal ranking)" in told[1]
    printed = json.loads(command_line("check-benchmark", f"beir:{folder}", "--json").out)
    assert [(one["kind"], one["count"]) for one in printed["tolerated"]] == [
        ("document without text", 2),
        ("label of an unknown document", 1),
    ]
    refused = command_line("check-benchmark", f"beir:{folder}", "--strict")
    assert (refused.code, refused.out, len(refused.err.splitlines())) == (2, "", 2)
