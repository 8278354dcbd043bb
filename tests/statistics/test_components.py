"""Variance components against REML and analysis of variance, and the coverage of their shares."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from statsmodels.regression.mixed_linear_model import MixedLM

import rageval.stats.components
from rageval.stats import mean_interval, paired_difference
from rageval.stats.components import (
    Components,
    _most_variance,  # pyright: ignore[reportPrivateUsage]
    best_answers,
    expected_half_width,
    variance_components,
)
from tests.statistics.repeat_worlds import MEANS, WORLDS, binary_world, covers

Floats = NDArray[np.float64]


@pytest.mark.filterwarnings("ignore:The MLE may be on the boundary")
def test_balanced_scores_give_the_estimates_of_reml() -> None:
    rng = np.random.default_rng(1)
    for share in (0.2, 0.5):
        table = np.clip(0.5 + rng.normal(0, 0.1, (60, 1)) + rng.normal(0, 0.1 * np.sqrt(share), (60, 3)), 0, 1)
        data = pd.DataFrame({"score": table.ravel(), "question": np.repeat(np.arange(60), 3)})
        fit: Any = cast("Any", MixedLM).from_formula("score ~ 1", groups="question", data=data).fit(reml=True)
        found = variance_components(table)
        assert found.question == pytest.approx(float(fit.cov_re.iloc[0, 0]), rel=2e-3)
        assert found.generation == pytest.approx(float(fit.scale), rel=2e-3)
        assert found.judge is None


def test_three_levels_give_the_mean_squares_of_a_nested_analysis_of_variance() -> None:
    rng = np.random.default_rng(2)
    n, m, r = 80, 4, 3
    table = rng.normal(0.5, 0.1, (n, 1, 1)) + rng.normal(0, 0.06, (n, m, 1)) + rng.normal(0, 0.03, (n, m, r))
    table = np.clip(table, 0, 1)
    found = variance_components(table)
    answers, questions = table.mean(axis=2), table.mean(axis=(1, 2))
    ms_judge = ((table - answers[:, :, None]) ** 2).sum() / (n * m * (r - 1))
    ms_answer = r * ((answers - questions[:, None]) ** 2).sum() / (n * (m - 1))
    ms_question = r * m * ((questions - table.mean()) ** 2).sum() / (n - 1)
    assert found.judge == pytest.approx(ms_judge)
    assert found.generation == pytest.approx((ms_answer - ms_judge) / r)
    assert found.question == pytest.approx((ms_question - ms_answer) / (r * m))
    assert found.within == pytest.approx(found.generation + ms_judge)


def test_equal_answers_share_the_judge() -> None:
    """Where all answers to a question are equal, the judge is asked once: its noise is no chance in the answer."""
    rng = np.random.default_rng(3)
    own = (rng.random((4000, 1)) < 0.5) * 0.6 + 0.2
    judged = (rng.random((4000, 1, 3)) < own[:, :, None]).astype(np.float64).repeat(2, axis=1)
    found = variance_components(judged, apart=np.zeros(4000))
    assert found.generation == 0.0
    assert found.judge == pytest.approx(0.8 * 0.2, abs=0.005)
    assert found.question == pytest.approx(0.09, abs=0.01)


def test_missing_scores() -> None:
    nan = np.nan
    table = np.array([[1.0, 0.0, nan], [1.0, nan, nan], [0.0, 0.0, 0.0], [nan, nan, nan]])
    found = variance_components(table)
    assert found.n == 3
    assert found.generation == pytest.approx((0.5 + 0.0) / 2)
    noise = found.generation * np.mean([1 / 2, 1, 1 / 3])
    assert found.question == pytest.approx(max(0.0, float(np.var([0.5, 1.0, 0.0], ddof=1)) - float(noise)))
    assert found.question_share is not None
    assert found.question_share.n == 3


def test_nothing_varies() -> None:
    found = variance_components(np.full((5, 3), 0.4))
    assert found.question + found.generation == pytest.approx(0.0, abs=1e-12)  # rounding differs by machine
    assert found.question_share is None
    assert best_answers(found, 10.0) == 1


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.zeros(4), "found 1 dimensions, expected 2 or 3"),
        (np.zeros((1, 3)), "found 1 scored questions with at most 3"),
        (np.zeros((3, 1)), "found 3 scored questions with at most 1 scored answers each"),
        (np.full((3, 2), 1.5), "outside of"),
        (np.full((3, 2), np.nan), "found 0 scored questions"),
    ],
)
def test_wrong_scores(scores: Floats, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        variance_components(scores)


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_most_variance_is_the_largest_of_all_samples_of_zeros_and_ones(count: int) -> None:
    variances = [np.var([float(bit) for bit in f"{number:0{count}b}"], ddof=1) for number in range(2**count)]
    assert _most_variance(count) == pytest.approx(max(variances))


@pytest.mark.parametrize("kind", WORLDS)
@pytest.mark.parametrize(("n", "m"), [(20, 2), (60, 3), (300, 5)])
def test_shares_cover(kind: str, n: int, m: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At least 0.93 is wanted; with 4 shares by 2 means by 60 draws the error of their average is 0.01."""
    monkeypatch.setattr(rageval.stats.components, "DRAWS", 400)
    rng = np.random.default_rng(n)
    draws = 60 if n < 300 else 40
    rates = [
        float(np.mean([covers(rng, kind, n, m, share, mean)[0] for _ in range(draws)]))
        for share in (0.0, 0.1, 0.3, 0.6)
        for mean in MEANS
    ]
    assert min(rates) >= 0.93 - 3 * np.sqrt(0.93 * 0.07 / draws)
    assert np.mean(rates) >= 0.93


def test_shares_of_the_judge_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three levels: chances of right answers, of each answer, and votes, each drawn by a beta distribution."""
    monkeypatch.setattr(rageval.stats.components, "DRAWS", 400)
    rng = np.random.default_rng(5)
    covered = np.zeros(3)
    draws, mean = 120, 0.7
    for _ in range(draws):
        rates = rng.beta(mean * 1.5, (1 - mean) * 1.5, (40, 1))  # within share 1.5 / 2.5 = 0.6, half of it the judge's
        votes = rng.beta(np.maximum(rates, 1e-6), np.maximum(1 - rates, 1e-6), (40, 3))
        found = variance_components((rng.random((40, 3, 3)) < votes[:, :, None]).astype(np.float64), rng=rng)
        shares = (found.question_share, found.generation_share, found.judge_share)
        for part, (share, truth) in enumerate(zip(shares, (0.4, 0.3, 0.3), strict=True)):
            assert share is not None
            covered[part] += share.low <= truth <= share.high
    assert (covered / draws >= 0.93 - 3 * np.sqrt(0.93 * 0.07 / draws)).all()


@pytest.mark.parametrize("kind", WORLDS)
def test_mean_over_questions_covers_when_repeats_are_pooled(kind: str) -> None:
    """The interval of the mean counts questions. Taking answers for questions would cover much less."""
    rng = np.random.default_rng(6)
    pooled = flat = 0
    draws = 150
    for _ in range(draws):
        table = WORLDS[kind](rng, 50, 5, 0.2, 0.7)
        means = mean_interval(table.mean(axis=1), rng=rng)
        answers = mean_interval(table.ravel(), rng=rng)
        pooled += means.low <= 0.7 <= means.high
        flat += answers.low <= 0.7 <= answers.high
    assert pooled / draws >= 0.93
    assert flat / draws < 0.85


def test_pooled_repeats_of_equal_systems_are_told_apart_in_one_of_twenty_at_most() -> None:
    """Two systems with the same mean, that differ on single questions and by chance. Answers taken for questions would
    tell them apart far more often.
    """
    rng = np.random.default_rng(8)
    draws, n, m = 200, 40, 4
    missed = claimed = flat = 0
    for _ in range(draws):
        easy, own = rng.beta(1.0, 0.6, n), rng.uniform(-0.4, 0.4, n)
        a, b = (np.clip(easy + sign * own, 0, 1)[:, None] > rng.random((n, m)) for sign in (1, -1))
        before, after = a.astype(np.float64), b.astype(np.float64)
        found = paired_difference(before.mean(axis=1), after.mean(axis=1), rng=rng)
        missed += not found.difference.low <= 0.0 <= found.difference.high
        claimed += found.p_value <= 0.05
        flat += paired_difference(before.ravel(), after.ravel(), rng=rng).p_value <= 0.05
    assert missed / draws <= 0.07
    assert claimed / draws <= 0.07
    assert flat / draws > 0.15


def test_expected_half_width_is_that_of_simulated_means() -> None:
    rng = np.random.default_rng(7)
    components = variance_components(binary_world(rng, 20_000, 4, 0.4, 0.7))
    for n, m in ((100, 1), (100, 3), (40, 5)):
        means = [binary_world(rng, n, m, 0.4, 0.7).mean() for _ in range(1000)]
        assert expected_half_width(components, n, m) == pytest.approx(1.96 * float(np.std(means)), rel=0.1)
    with pytest.raises(ValueError, match="found 0 questions, 1 answers"):
        expected_half_width(components, 0, 1)


@pytest.mark.parametrize("cost", [0.0, 0.5, 1.0, 4.0, 30.0])
def test_best_answers_stand_beside_the_formula(cost: float) -> None:
    """Cochran 1977: the root of cost times within over between; the whole number on one side of it."""
    found = Components(0.04, 0.06, None, None, None, None, 100)
    exact = max(1.0, np.sqrt(cost * found.within / found.question))
    assert best_answers(found, cost) in (int(np.floor(exact)), int(np.ceil(exact)))
    spent = [(found.question + found.within / m) * (cost + m) for m in range(1, 21)]
    assert spent[best_answers(found, cost) - 1] == pytest.approx(min(spent))


def test_best_answers_at_the_ends() -> None:
    assert best_answers(Components(0.0, 0.1, None, None, None, None, 9), 1.0) == 20
    assert best_answers(Components(0.1, 0.0, None, None, None, None, 9), 100.0) == 1
    with pytest.raises(ValueError, match="found a cost of -1"):
        best_answers(Components(0.1, 0.1, None, None, None, None, 9), -1.0)
