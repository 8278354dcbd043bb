"""A reranker in a GGUF file, so small that its scores can be worked out by hand."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import math
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError, MissingExtraError
from rageval.identity import describe
from rageval.pipeline import Calls, Resources
from rageval.retrieval import GgufReranker, Rerank
from rageval.testing import check_reranker
from rageval.types import Passage, Question
from tests.unit.judges.tiny_gguf import write_gguf

WORDS = {"good": 8.0, "bad": -8.0, "cat": 4.0}

pytestmark = pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="xllamacpp is not installed")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_gguf(tmp_path / "reranker.gguf", WORDS)


def score(reranker: GgufReranker, question: str, *passages: tuple[str, str]) -> list[float | None]:
    given = [Passage("d", 0, len(text), text, title) for title, text in passages]
    return asyncio.run(reranker.score(Question("q", question), given, Resources(())))


def test_the_score_is_the_models_logit_of_question_and_passage(model: Path) -> None:
    """The mean over the words and two more tokens, which count 0. A title is read with its text."""
    found = score(GgufReranker(model, threads=1), "cat", ("", "good"), ("", "bad bad"), ("good", "cat"), ("", ""))
    assert found == pytest.approx([(4 + 8) / 4, (4 - 16) / 5, (4 + 8 + 4) / 5, None], abs=1e-3)


def test_a_long_passage_loses_its_end_and_a_long_question_leaves_no_score(model: Path) -> None:
    reranker = GgufReranker(model, max_tokens=9, threads=1)
    (kept,) = score(reranker, "cat", ("", "good " * 5 + "bad " * 300))
    assert kept is not None
    assert kept > 0
    assert score(reranker, "cat " * 70, ("", "good")) == [None]


def test_no_number_is_no_score(tmp_path: Path) -> None:
    odd = GgufReranker(write_gguf(tmp_path / "odd.gguf", {"good": math.nan}), threads=1)
    assert score(odd, "good", ("", "good")) == [None]


def test_its_identity_is_the_content_of_the_file(tmp_path: Path, model: Path) -> None:
    moved = tmp_path / "moved.gguf"
    moved.write_bytes(model.read_bytes())
    other = write_gguf(tmp_path / "other.gguf", {"good": 9.0})
    one = Rerank(GgufReranker(model)).spec()
    assert one == Rerank(GgufReranker(moved, threads=2)).spec()
    assert one != Rerank(GgufReranker(other)).spec()
    assert describe(GgufReranker(model)) != describe(GgufReranker(model, max_tokens=64))


def test_it_keeps_the_protocol_and_travels(model: Path) -> None:
    reranker = GgufReranker(model, threads=1)
    check_reranker(reranker)
    assert reranker.calls(9) == Calls()
    assert copy.deepcopy(reranker) == reranker
    assert score(copy.deepcopy(reranker), "cat", ("", "good")) == pytest.approx([3.0], abs=1e-3)


@pytest.mark.parametrize(
    ("more", "settings", "told"),
    [
        ({"labels": 0}, {}, r"wrong\.gguf: found a model \(bert\) without a classification head"),
        ({"labels": 3}, {}, r"wrong\.gguf: found 3 labels, expected a reranker"),
        ({}, {"max_tokens": 7}, "max_tokens: found 7, expected at least 8"),
    ],
)
def test_what_is_no_reranker(tmp_path: Path, more: dict[str, Any], settings: dict[str, Any], told: str) -> None:
    path = write_gguf(tmp_path / "wrong.gguf", WORDS, **more)
    with pytest.raises(DeclarationError, match=told):
        GgufReranker(path, **settings)


def test_no_file_and_no_package(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeclarationError, match=r"gone\.gguf: cannot be read"):
        GgufReranker(tmp_path / "gone.gguf")
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "xllamacpp" else real(name))
    with pytest.raises(MissingExtraError, match=r"a reranker in a GGUF file.*\[local\]|xllamacpp.*\[local\]"):
        GgufReranker(model)
