"""The settings of a benchmark: what they change, and that they are part of what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

import rageval
from rageval.benchmark import from_records
from rageval.benchmark.settings import with_settings
from rageval.errors import DeclarationError
from rageval.types import Document, Question, RelevanceLabel
from tests.published_sets import arguana, trec_covid

BENCHMARK = from_records("mine", [Document("d", "x")], [Question("q", "?")], [RelevanceLabel("q", "d", 1)])


def test_settings_are_part_of_the_hash_and_the_usual_ones_are_not() -> None:
    excluded = with_settings(BENCHMARK, exclude_self=True)
    graded = with_settings(BENCHMARK, grade_threshold=2)
    both = with_settings(excluded, grade_threshold=2)
    assert len({one.content_hash for one in (BENCHMARK, excluded, graded, both)}) == 4
    assert with_settings(graded, exclude_self=True).content_hash == both.content_hash
    assert with_settings(both, exclude_self=False, grade_threshold=1) == BENCHMARK
    assert with_settings(both) is both
    assert with_settings(BENCHMARK, exclude_self=False, grade_threshold=1) is BENCHMARK


def test_a_threshold_below_one_is_refused() -> None:
    with pytest.raises(DeclarationError, match="grade_threshold: found 0, expected at least 1"):
        with_settings(BENCHMARK, grade_threshold=0)


def test_runs_of_other_settings_are_not_compared(tmp_path: Path) -> None:
    """The question is found at once where it may be; each counterargument is one rank higher where it may not."""
    reference = f"beir:{arguana(tmp_path / 'arguana')}"
    asked = {"pipelines": [{"naive": {"retriever": "bm25", "k": 8}}], "metrics": ["mrr"]}
    plain = rageval.evaluate(reference, **asked, out=tmp_path / "plain")
    fair = rageval.evaluate(reference, **asked, exclude_self=True, out=tmp_path / "fair")
    found, fairly = (rageval.RunFolder(one.runs[0]).scores()["mrr"]["questions"] for one in (plain, fair))
    assert found.keys() == fairly.keys()
    for question in found:
        assert fairly[question] == (1 / (1 / found[question] - 1) if found[question] else 0.0)
    manifest = rageval.RunFolder(fair.runs[0]).manifest()["benchmark"]
    assert (manifest["exclude_self"], manifest["grade_threshold"]) == (True, 1)
    with pytest.raises(rageval.NotComparableError, match="4 questions changed"):
        rageval.compare(plain.runs[0], fair.runs[0])


def test_a_threshold_in_an_experiment(tmp_path: Path) -> None:
    reference = f"beir:{trec_covid(tmp_path / 'covid')}"
    result = rageval.evaluate(
        reference, ["oracle"], ["recall@5", "ndcg@5"], grade_threshold=2, strict=False, out=tmp_path / "out"
    )
    scores = rageval.RunFolder(result.runs[0]).scores()
    # Of question 2 the one document with grade 2 is not in the corpus.
    assert scores["recall@5"]["questions"] == {"1": 1.0, "2": 0.0}
    assert scores["ndcg@5"]["questions"]["2"] == pytest.approx(1 / (2 + 1 / 1.584962500721156))
    with pytest.raises(rageval.BenchmarkError, match="found the unknown document '005b2j4b'"):
        rageval.evaluate(reference, ["oracle"], ["recall@5"], strict=True, out=tmp_path / "out")
