"""Repetition by arithmetic written out, in words and in characters."""

from __future__ import annotations

import pytest

from rageval.metrics import ALL_METRICS
from rageval.metrics.definitions import AnswerMetric
from rageval.metrics.repetition import is_degenerate, longest_loop, repeated_sentences, repetition
from rageval.types import Failure, Language, Question, Response, Score, Unscored

NAMES = ("repetition", "repeated_sentences", "longest_loop")
METRICS = {one.name: one for one in ALL_METRICS if isinstance(one, AnswerMetric)}


def score(name: str, answer: str | None, **about: bool) -> Score | Unscored:
    return METRICS[name].formula(Question("q", "Why?"), Response(answer=answer, **about))


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("one two three four", "en", 0.0),  # one sequence
        ("one two three four one two three four", "en", 1 - 4 / 5),  # of five, the first comes back
        ("go go go go go go", "en", 1 - 1 / 3),  # three sequences, all the same
        ("The lake is deep. A lake is deep!", "en", 0.0),  # lake is deep lake is deep: 3 different ones
        ("one two three", "en", None),
        ("湖水很深", "zh", 0.0),
        ("湖水很深，湖水很深。", "zh", 1 - 4 / 5),
        ("湖水很深湖水很深湖水很深", "zh", 1 - 4 / 9),
        ("深湖", "zh", None),
    ],
)
def test_sequences_of_four(text: str, language: Language, expected: float | None) -> None:
    assert repetition(text, language) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("It is deep. It is cold.", "en", 0.0),
        ("It is deep. It is cold. It is deep!", "en", 1 / 3),
        ("湖很深。湖很冷。湖很深。湖很深！", "zh", 2 / 4),
        ("…", "zh", None),
        ("", "en", None),
    ],
)
def test_sentences(text: str, language: Language, expected: float | None) -> None:
    assert repeated_sentences(text, language) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("very very good", "en", 0.0),  # two copies are no loop
        ("no no no", "en", 1.0),
        ("so it is no no no", "en", 3 / 6),
        (
            "salt and fish and salt and fish and salt and fish and salt",
            "en",
            1.0,
        ),  # four words, 3 times and 1 of 4 again
        ("well salt fish salt fish salt fish over", "en", 6 / 8),
        ("a b c d e f g", "en", 0.0),
        ("好的好的好的", "zh", 1.0),
        ("湖水深，好的好的好的", "zh", 6 / 9),
        ("", "en", None),
        ("?!", "en", None),
    ],
)
def test_the_longest_loop(text: str, language: Language, expected: float | None) -> None:
    assert longest_loop(text, language) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The lake is deep. " * 6, "en"),
        ("It is 61 metres deep: " + "and so on " * 20, "en"),
        ("复读机" * 9, "zh"),
        ("东湖最深处四十米。" + "是的，" * 12, "zh"),
    ],
)
def test_degenerate_answers(text: str, language: Language) -> None:
    assert is_degenerate(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Lake Corva is 61 metres deep. Its water is too salty to drink.", "en"),
        ("Lake Corva is 61 metres deep, and Lake Arlo is 40 metres deep, and Lake Bern is 12 metres deep.", "en"),
        ("No, no: it is 61 metres deep.", "en"),
        ("青石山高一千八百米。山顶的寺庙建于一六〇二年，山脚的寺庙建于一五〇二年。", "zh"),
        ("", "zh"),
    ],
)
def test_answers_that_are_not(text: str, language: Language) -> None:
    assert not is_degenerate(text, language)


@pytest.mark.parametrize("name", NAMES)
def test_what_has_no_words_is_unscored_and_a_failure_the_worst(name: str) -> None:
    assert METRICS[name].lower_is_better
    assert isinstance(score(name, ""), Unscored)
    assert score(name, None) == Unscored("no answer was generated")
    assert score(name, "I do not know.", abstained=True) == Unscored("the pipeline abstained: nothing to check")
    failed = METRICS[name].formula(Question("q", "Why?"), Failure("ExecutionError", "timed out"))
    assert failed == Score(1.0, failed=True)
