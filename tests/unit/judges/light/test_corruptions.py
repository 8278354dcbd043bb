"""Changes that break a text change what it says, and those that keep it do not."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from rageval.benchmark import load
from rageval.judges.light.corruptions import BREAKING, KEEPING, Vocabulary, vocabulary
from rageval.judges.light.features import NAME, surface_tokens
from rageval.judges.light.numbers import numbers
from rageval.judges.light.words import denials
from rageval.text import sentences

WORDS = Vocabulary(("Bern", "Delmar"), ("copper", "engine"))
WOERTER = Vocabulary(("BERT",), ("铁路", "城市"))


def handbook(language: str, count: int = 150) -> Iterator[str]:
    documents = [one for one in load("handbook").documents if one.language == language]
    every = [one.text[start:end] for one in documents for start, end in sentences(one.text)]
    yield from random.Random(1).sample(every, count)


@pytest.fixture(scope="module", params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def changed(language: str) -> dict[str, list[tuple[str, str]]]:
    """By kind, sentences of the handbook with what became of them."""
    texts = [*handbook(language)]
    known, rng = vocabulary(texts, language), random.Random(0)
    pairs = {
        kind: [(text, change(text, language, known, rng)) for text in texts]
        for kind, change in {**BREAKING, **KEEPING}.items()
    }
    return {kind: [(text, new) for text, new in some if new is not None] for kind, some in pairs.items()}


@pytest.mark.parametrize("kind", [*BREAKING, *KEEPING])
def test_every_change_finds_something_in_both_languages(changed: dict[str, list[tuple[str, str]]], kind: str) -> None:
    assert len(changed[kind]) >= 5
    assert all(text != new for text, new in changed[kind] if kind not in ("roles", "word", "cut"))


def test_another_number_is_another_value(changed: dict[str, list[tuple[str, str]]]) -> None:
    same = [(text, new) for text, new in changed["number"] if numbers(text) == numbers(new)]
    assert len(same) <= 0.02 * len(changed["number"]), same


def test_a_negation_is_one_more_or_one_less(changed: dict[str, list[tuple[str, str]]]) -> None:
    for text, new in changed["negation"]:
        assert abs(denials(new) - denials(text)) == 1, (text, new)


def test_another_name_comes_from_the_corpus(changed: dict[str, list[tuple[str, str]]]) -> None:
    for text, new in changed["name"]:
        old, fresh = set(NAME.findall(text)), set(NAME.findall(new))
        assert fresh - old, (text, new)


def test_roles_have_the_same_words_in_another_order(changed: dict[str, list[tuple[str, str]]]) -> None:
    same_words = [sorted(text) == sorted(new) for text, new in changed["roles"]]
    assert all(same_words)


def test_what_is_kept_adds_no_word(changed: dict[str, list[tuple[str, str]]]) -> None:
    for kind in set(KEEPING) - {"reworded"}:
        for text, new in changed[kind]:
            assert set(surface_tokens(new)) <= set(surface_tokens(text)), (kind, text, new)


@pytest.mark.parametrize(
    ("kind", "text", "language", "new"),
    [
        ("negation", "The lake is deep.", "en", "The lake is not deep."),
        ("negation", "The lake is not deep.", "en", "The lake is deep."),
        ("negation", "湖水是咸的。", "zh", "湖水不是咸的。"),
        ("negation", "湖水不是咸的。", "zh", "湖水是咸的。"),
        ("opposite", "It is larger.", "en", "It is smaller."),
        ("opposite", "价格上升。", "zh", "价格下降。"),
        ("roles", "It leads from Bern to Delmar.", "en", "It leads from Delmar to Bern."),
        ("name", "It is in Bern.", "en", "It is in Delmar."),
        ("reworded", "It uses a large set.", "en", "It employs a big collection."),
        ("reworded", "论文提高了成本。", "zh", "文章提升了花费。"),
        ("cut", "It is deep.", "en", None),
        ("number", "It is deep.", "en", None),
    ],
)
def test_by_hand(kind: str, text: str, language: str, new: str | None) -> None:
    change = {**BREAKING, **KEEPING}[kind]
    assert change(text, language, WORDS if language == "en" else WOERTER, random.Random(0)) == new


def test_a_month_is_a_number_of_sorts() -> None:
    new = BREAKING["number"]("It began in May.", "en", WORDS, random.Random(0))
    assert new is not None
    assert new.startswith("It began in ")
    assert "May" not in new
