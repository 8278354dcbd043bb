"""Windows of a fixed size."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.errors import DeclarationError
from rageval.retrieval import WindowChunker
from rageval.text import count_tokens, token_ends
from rageval.types import Document

TEXTS = st.lists(st.sampled_from(["word ", "a", "internationally", "\n", "。", "检索", "! ", "  "]), max_size=40).map(
    "".join
)


def texts(chunker: WindowChunker, text: str) -> list[str]:
    return [passage.text for passage in chunker.split(Document("d", text))]


def test_tokens_and_their_overlap() -> None:
    words = [f"w{n:02}" for n in range(18)]
    assert texts(WindowChunker(8), " ".join(words)) == [" ".join(words[a : a + 8]) for a in (0, 8, 16)]
    assert texts(WindowChunker(8, 3), " ".join(words)) == [" ".join(words[a : a + 8]) for a in (0, 5, 10)]


def test_words_are_cut_where_a_window_ends() -> None:
    """A word is a token for every five letters begun."""
    assert texts(WindowChunker(8), "one two six internationally ok") == ["one two six internationally ok"]
    assert texts(WindowChunker(8), "one two six internationally internationally ok") == [
        "one two six internationally internatio",
        "nally ok",
    ]


def test_characters_and_chinese() -> None:
    assert texts(WindowChunker(8, unit="characters"), "abcdefg  hijk") == ["abcdefg", "hijk"]
    assert texts(WindowChunker(8, 2), "检索增强生成把检索和生成结合") == ["检索增强生成把检", "把检索和生成结合"]
    assert WindowChunker(50, unit="characters").tokens == 50


def test_texts_without_anything_visible() -> None:
    assert texts(WindowChunker(), "") == [""]
    assert texts(WindowChunker(8, unit="characters"), " " * 30) == [""]


@given(TEXTS, st.integers(8, 20), st.integers(0, 7), st.sampled_from(["tokens", "characters"]))
def test_nothing_visible_is_lost_and_sizes_hold(
    text: str, size: int, overlap: int, unit: Literal["tokens", "characters"]
) -> None:
    passages = WindowChunker(size, overlap, unit).split(Document("d", text))
    assert all(text[one.start : one.end] == one.text for one in passages)
    assert all(count_tokens(one.text) <= size for one in passages)
    seen = {at for one in passages for at in range(one.start, one.end)}
    assert all(at in seen for at, character in enumerate(text) if not character.isspace())
    if overlap == 0:
        assert all(a.end <= b.start for a, b in pairwise(passages))


@given(TEXTS)
def test_as_many_ends_as_tokens(text: str) -> None:
    ends = token_ends(text)
    assert len(ends) == count_tokens(text)
    assert all(a < b for a, b in pairwise(ends))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"size": 7}, "size: found 7, expected at least 8"),
        ({"size": 8, "overlap": 8}, "overlap: found 8, expected 0 to 7"),
        ({"overlap": -1}, "overlap: found -1"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        WindowChunker(**settings)
