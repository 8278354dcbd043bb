"""An expert's scores joined with labels: what is refused, few labels, and questions that share documents."""

from __future__ import annotations

import pytest

from rageval.metrics import parse
from rageval.scores.asked_sample import ASKED, asked_first, number_asked, only_asked
from rageval.scores.expert_labels import Expert, join_expert, why_unused
from rageval.types import Score, Unscored
from tests.unit.sides import ids

QUESTIONS = ids(40)
JUDGED = {question: float(int(question[1:]) % 2) for question in QUESTIONS}
EXPERT = Expert("strong", {question: JUDGED[question] for question in QUESTIONS[:20]})


@pytest.mark.parametrize("n", [0, 1, 5, 12])
@pytest.mark.parametrize("shared", [None, 1, 4])
def test_labels_from_none_to_twelve(n: int, shared: int | None) -> None:
    """`shared` questions a document; None takes all for independent, and the first question has no document."""
    clusters = (
        None
        if shared is None
        else {q: frozenset([i // shared]) if i else frozenset[int]() for i, q in enumerate(QUESTIONS)}
    )
    given = {question: JUDGED[question] for question in QUESTIONS[:n]}
    found = join_expert(EXPERT, given, JUDGED, QUESTIONS, clusters, 0.95)
    assert found.low <= found.point <= found.high
    assert (found.n, found.n_labelled) == (40, n)
    assert ("not by people" in found.expert) == (n == 0)
    assert ("three-level" in found.method) == (n == 12)


def test_why_it_is_not_used() -> None:
    assert why_unused(EXPERT, {"q005": 1.0}, JUDGED) == ""
    assert "no score of 1 questions" in why_unused(EXPERT, {"q005": 1.0, "q030": 1.0}, JUDGED)
    assert "fewer than two" in why_unused(Expert("strong", {"q000": 1.0}), {}, JUDGED)


def test_the_scores_outside_a_sample_go_with_the_failures_among_them() -> None:
    metric, own = parse("faithfulness:strong"), parse("faithfulness")
    scores = {one: {question: Score(0.0, failed=True) for question in QUESTIONS} for one in (metric, own)}
    found = only_asked(scores, {"claim_support:strong": {ASKED: 7}})
    first = asked_first(metric, QUESTIONS, 7)
    assert first == asked_first(own, QUESTIONS, 7)
    assert {question for question, score in found[metric].items() if isinstance(score, Score)} == first
    assert {score.reason for score in found[metric].values() if isinstance(score, Unscored)} == {
        "not asked: a sample of 7"
    }
    assert found[own] == scores[own]
    assert number_asked(metric, {"claim_support:strong": {}}) is None
