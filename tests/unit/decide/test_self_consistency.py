"""Self-consistency of several answers, by hand; the light judge decides only what equality does not."""

from __future__ import annotations

import pytest

from rageval.decide.self_consistency import SelfConsistency, consistency_of
from rageval.stats import mean_interval
from rageval.types import Failure, Response

DEEP = "Lake Corva is 61 metres deep."
SHALLOW = "Lake Arlo was painted by Bern in 1987."
SILENT = Response(answer="I do not know.", abstained=True)
FAILED = Failure("ExecutionError", "timed out")


def answers(*texts: str) -> list[Response]:
    return [Response(answer=text, abstained=False) for text in texts]


def test_equal_answers_agree_and_different_ones_do_not() -> None:
    """Of three answers, two equal: of six ordered pairs two agree."""
    assert consistency_of(answers(DEEP, DEEP, DEEP), "en") == 1.0
    assert consistency_of(answers(DEEP, SHALLOW), "en") == 0.0
    assert consistency_of(answers(DEEP, DEEP, SHALLOW), "en") == pytest.approx(2 / 6)


def test_by_sentence() -> None:
    """The short answer is in the long one (1); of the long one's two sentences one is in the short one (1/2)."""
    assert consistency_of(answers(DEEP, f"{DEEP} {SHALLOW}"), "en") == pytest.approx((1 + 1 / 2) / 2)


def test_in_chinese() -> None:
    deep, other = "东湖最深处四十米，湖中盛产银鱼。", "白沙镇的寺庙建于一六〇二年。"
    assert consistency_of(answers(deep, deep, other), "zh") == pytest.approx(2 / 6)


def test_abstentions_agree_with_each_other_alone() -> None:
    assert consistency_of([SILENT, SILENT], "en") == 1.0
    assert consistency_of([SILENT, *answers(DEEP)], "en") == 0.0


@pytest.mark.parametrize(
    "outcomes", [[], answers(DEEP), [*answers(DEEP), FAILED], [*answers(DEEP), Response(answer="")]]
)
def test_fewer_than_two_answers(outcomes: list[Response | Failure]) -> None:
    assert consistency_of(outcomes, "en") is None


def test_the_least_consistent_questions_come_first() -> None:
    scored = {"a": 1.0, "b": 0.5, "c": 0.0}
    found = SelfConsistency(mean_interval([*scored.values()]), scored, 1)
    assert found.least == ("c", "b")
    assert found.to_json()["least"] == ["c", "b"]
