"""Passages with their neighbours, and their best sentences alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest

from rageval.errors import DeclarationError
from rageval.models.base import Vectors
from rageval.pipeline import ContextSize, Query, Resources, Stage, State
from rageval.retrieval import Compress, Window
from rageval.types import Document, Hit, Passage, Question, Response

TEXT = "One a. Two b. Three c. Four d. Five e. Six f."
DOCUMENT = Document("d", TEXT, "Numbers")
CHINESE = Document("z", "甲一。乙二。丙三。丁四。")


class Near:
    """The question looks one way; a sentence that has a star in it looks the same way, any other does not."""

    identity = "near"

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        rows = [[1.0, 0.0] if kind == "query" or "*" in text else [0.0, 1.0] for text in texts]
        return np.array(rows, dtype=np.float32)

    async def close(self) -> None: ...


def run(stage: Stage, passages: Sequence[Passage], read: int | None = None) -> Response:
    hits = tuple(Hit(passage, 1.0 / (n + 1)) for n, passage in enumerate(passages))
    context = tuple(range(len(hits) if read is None else read))
    state = State(Question("q", "Which?"), (Query("Which?"),), Response(hits=hits, context=context))
    return asyncio.run(stage.run(state, Resources((DOCUMENT, CHINESE, STARS), embedder=Near()))).response


def piece(words: str, document: Document = DOCUMENT) -> Passage:
    start = document.text.index(words)
    return document.passage(start, start + len(words))


def test_a_passage_is_read_with_its_neighbours() -> None:
    found = run(Window(1), [piece("Three c."), piece("丙三。", CHINESE)])
    assert [one.text for one in found.context_passages] == ["Two b. Three c. Four d.", "乙二。丙三。丁四。"]
    assert found.context_passages[0].title == "Numbers"
    assert run(Window(9), [piece("Three c.")]).context_passages[0].text == TEXT


def test_passages_that_meet_become_one_where_the_better_one_stood() -> None:
    found = run(Window(1), [piece("Five e."), piece("丙三。", CHINESE), piece("Three c.")])
    assert [one.text for one in found.context_passages] == [
        "Two b. Three c. Four d. Five e. Six f.",
        "乙二。丙三。丁四。",
    ]
    assert found.context == (0, 1)
    assert len(found.hits) == 3


def test_a_window_ends_before_what_is_not_similar() -> None:
    """Four* and Five* look alike, and Two* too, but Three stands between."""
    found = run(Window(3, similar=0.9), [piece("Four*.", STARS)])
    assert [one.text for one in found.context_passages] == ["Four*. Five*."]
    assert run(Window(3, similar=0.9), [piece("Six.", STARS)]).context_passages[0].text == "Six."
    assert run(Window(1, similar=-1.0), [piece("丙三。", CHINESE)]).context_passages[0].text == "乙二。丙三。丁四。"
    assert Window(similar=0.5).needs(generate=False) == {"embed"}
    assert Window().needs(generate=False) == frozenset()
    with pytest.raises(DeclarationError, match=r"similar: found 2\.0, expected a cosine"):
        Window(similar=2.0)


def test_the_ranking_behind_the_context_stays() -> None:
    found = run(Window(1), [piece("Three c."), piece("Six f.")], read=1)
    assert found.hits[1].passage.text == "Six f."


def test_a_text_that_is_not_that_of_its_span_stays() -> None:
    other = Passage("d", 7, 13, "two B!")
    assert run(Window(1), [other]).context_passages == (other,)
    gone = Passage("gone", 0, 3, "abc")
    assert run(Window(1), [gone]).context_passages == (gone,)


STARS = Document("s", "One. Two*. Three. Four*. Five*. Six.")


def test_the_nearest_sentences_are_kept_in_their_order() -> None:
    whole = STARS.passage(0, len(STARS.text))
    found = run(Compress(3), [whole, piece("甲一。乙二。", CHINESE)])
    (kept,) = found.context_passages
    assert kept.text == "Two*. … Four*. Five*."
    assert STARS.text[kept.start : kept.end] == "Two*. Three. Four*. Five*."
    assert found.context == (0,)
    assert len(found.hits) == 2


def test_a_short_context_stays_as_it_is() -> None:
    whole = STARS.passage(0, len(STARS.text))
    assert run(Compress(6), [whole]).context_passages == (whole,)
    assert run(Compress(1), []).context == ()


def test_sizes_and_settings() -> None:
    assert Window().context_size(ContextSize(3, 50)) == ContextSize(3, None)
    assert Window().context_size(ContextSize()) == ContextSize()
    for build in (Window, Compress):
        with pytest.raises(DeclarationError, match="sentences: found 0"):
            build(0)
