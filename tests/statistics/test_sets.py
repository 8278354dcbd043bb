"""Differences over several sets of questions: what the level of each set is, and that all cover together."""

from __future__ import annotations

import numpy as np
import pytest

from rageval.stats import many
from rageval.stats.many import simultaneous_intervals
from rageval.stats.sets import QuestionSet, intervals_over_sets
from tests.statistics.test_paired import SYMMETRIC, three_errors


def test_one_set_is_max_t_and_single_rows_are_bonferroni() -> None:
    d = 0.05 + 0.4 * np.random.default_rng(1).choice(SYMMETRIC, (4, 60))
    (whole,) = intervals_over_sets([QuestionSet(d)], rng=np.random.default_rng(2))
    same = simultaneous_intervals(d, rng=np.random.default_rng(2))
    np.testing.assert_array_equal((whole.low, whole.high, whole.p_adjusted), (same.low, same.high, same.p_adjusted))
    single = intervals_over_sets([QuestionSet(row[None]) for row in d], rng=np.random.default_rng(3))
    rng = np.random.default_rng(3)
    for found, row in zip(single, d, strict=True):
        alone = simultaneous_intervals(row[None], level=1 - 0.05 / 4, rng=rng)
        assert (found.low[0], found.high[0]) == (alone.low[0], alone.high[0])
        assert found.p_adjusted[0] == pytest.approx(min(1.0, 4 * alone.p_adjusted[0]))
        assert found.level == 0.95


def test_three_rows_of_four_get_three_quarters_of_the_error() -> None:
    d = 0.4 * np.random.default_rng(4).choice(SYMMETRIC, (4, 40))
    sets = [QuestionSet(d[:3]), QuestionSet(d[3:, :25])]
    first, second = intervals_over_sets(sets, rng=np.random.default_rng(5))
    rng = np.random.default_rng(5)
    np.testing.assert_array_equal(first.low, simultaneous_intervals(d[:3], level=1 - 0.05 * 3 / 4, rng=rng).low)
    np.testing.assert_array_equal(second.high, simultaneous_intervals(d[3:, :25], level=1 - 0.05 / 4, rng=rng).high)


def test_nothing_and_what_is_refused() -> None:
    assert intervals_over_sets([], rng=np.random.default_rng(0)) == []
    with pytest.raises(ValueError, match=r"found an array of shape \(1, 0\)"):
        intervals_over_sets([QuestionSet(np.zeros((1, 0)))], rng=np.random.default_rng(0))


@pytest.mark.parametrize("n", [12, 80])
def test_all_intervals_cover_together(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks that lose a right answer at rates from 0 to 0.3, two on all questions and one on each half (as attacks
    that are defined for one language): all four intervals cover in 95% of 200 draws, less three errors; none that does
    nothing is claimed to do something in more than 5%, and three errors.
    """
    monkeypatch.setattr(many, "FLIPS", 499)
    monkeypatch.setattr(many, "OWN_DRAWS", 499)
    rng = np.random.default_rng(20261201)
    truths, covered, claimed = [0.0, -0.3 * 0.6, -0.1 * 0.6, 0.0], 0, 0
    for _ in range(200):
        right = rng.random(n) < 0.6
        losses = [-(right & (rng.random(n) < rate)).astype(float) for rate in (0.0, 0.3, 0.1)]
        # The fourth gains as often as it loses.
        even = rng.choice([-1.0, 0.0, 1.0], n, p=[0.1, 0.8, 0.1])
        sets = [QuestionSet([losses[0], losses[1]]), QuestionSet([losses[2][: n // 2]]), QuestionSet([even[n // 2 :]])]
        found = intervals_over_sets(sets, rng=rng)
        low, high = (np.concatenate([getattr(one, end) for one in found]) for end in ("low", "high"))
        covered += bool(((low <= truths) & (truths <= high)).all())
        claimed += any(found[place].p_adjusted[0] <= 0.05 for place in (0, 2))
    assert covered / 200 >= 0.95 - three_errors(0.95, 200)
    assert claimed / 200 <= 0.05 + three_errors(0.05, 200)
