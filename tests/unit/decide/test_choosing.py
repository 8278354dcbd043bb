"""Splits that keep questions of a document together; the verdict on a choice, and how often its interval holds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.decide.choosing import documents_of, judge_choice, split_questions
from rageval.errors import DeclarationError
from rageval.stats import mean_interval
from rageval.types import Question, RelevanceLabel


def questions(n: int, tag: str = "fact") -> list[Question]:
    return [Question(f"{tag}{i}", "?", "en" if i % 4 else "zh", tags=(tag,)) for i in range(n)]


def test_questions_of_a_document_stay_together_also_through_others() -> None:
    """q0 and q1 share a document, q1 and q2 another, and so on up to q11; the others stand alone."""
    asked = questions(40)
    documents = {f"fact{i}": (i, i + 1) for i in range(12)}
    split = split_questions(asked, documents, 0.5, 0)
    assert split.groups == 1 + 28
    chain = {*range(12)}
    assert chain <= {*split.choosing} or chain <= {*split.held_out}
    assert sorted((*split.choosing, *split.held_out)) == [*range(40)]


@given(st.integers(20, 60), st.integers(0, 5), st.sampled_from([0.3, 0.5, 0.6]))
def test_languages_and_tags_are_spread(n: int, seed: int, share: float) -> None:
    asked = questions(2 * n) + questions(n, "hard")
    split = split_questions(asked, {}, share, seed)
    for stratum in ("fact", "hard", "en", "zh"):
        positions = [i for i, one in enumerate(asked) if stratum in (*one.tags, one.language)]
        inside = len({*positions} & {*split.choosing})
        assert abs(inside - share * len(positions)) <= 2.0


def test_the_seed_decides_the_split() -> None:
    asked = questions(40)
    splits = [split_questions(asked, {}, 0.5, seed).choosing for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


@pytest.mark.parametrize(
    ("n", "share", "documents", "told"),
    [
        (40, 1.0, {}, "--share: found 1, expected more than 0"),
        (18, 0.5, {}, "--choose: found 9 questions to choose by and 9 held out"),
        (40, 0.5, {f"fact{i}": (0,) for i in range(40)}, "in 1 groups that share no document"),
    ],
)
def test_what_cannot_be_split(n: int, share: float, documents: dict[str, tuple[int, ...]], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        split_questions(questions(n), documents, share, 0)


def test_documents_are_those_that_are_relevant() -> None:
    labels = (RelevanceLabel("a", "d", 1), RelevanceLabel("b", "d", 2), RelevanceLabel("b", "e", 0))
    assert documents_of(labels) == {"a": [0], "b": [0]}


def test_the_verdict_by_hand() -> None:
    """Row 1 has the mean 0.75 where it was chosen, and 0.5 on the others, where the first cell has 0.25."""
    choosing = np.array([[0.0, 1.0, 0.0, 1.0], [1.0, 1.0, 1.0, 0.0]])
    found = judge_choice(choosing, np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0, 0.0]))
    assert found.winner == 1
    assert found.estimate.point == 0.5
    assert found.gain is not None
    assert found.gain.difference.point == 0.25
    assert (found.chosen.point, found.optimism.difference.point) == (0.75, 0.25)
    lower = judge_choice(choosing, np.array([1.0, 0.0, 1.0, 1.0]), None, lower_is_better=True)
    assert (lower.winner, lower.gain) == (0, None)
    assert lower.optimism.difference.point == pytest.approx(0.75 - 0.5)


def test_the_interval_holds_where_that_of_the_naive_choice_does_not() -> None:
    """Twenty equal cells that answer half of 100 questions: of the naive winner's intervals too few hold one half, of
    the winner's on the questions held out at least 93%, less three standard errors of 300 samples.
    """
    rng = np.random.default_rng(4)
    naive, held, claimed, optimism = Counter[bool](), Counter[bool](), 0, 0.0
    samples = 300
    for _ in range(samples):
        scores = (rng.random((20, 100)) < 0.5).astype(float)
        best = mean_interval(scores[scores.mean(axis=1).argmax()])
        naive[best.low <= 0.5 <= best.high] += 1
        choosing, others = scores[:, :50], scores[:, 50:]
        winner = int(choosing.mean(axis=1).argmax())
        found = judge_choice(choosing, others[winner], others[0] if winner else None)
        held[found.estimate.low <= 0.5 <= found.estimate.high] += 1
        claimed += found.gain is not None and found.gain.p_value <= 0.05
        optimism += found.optimism.difference.point / samples
    least = 0.93 - 3 * (0.93 * 0.07 / samples) ** 0.5
    assert naive[True] / samples < 0.75
    assert held[True] / samples >= least
    assert claimed / samples <= 0.05 + 3 * (0.05 * 0.95 / samples) ** 0.5
    assert 0.08 < optimism < 0.18
