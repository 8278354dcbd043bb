"""What differences between annotators add to an interval: against analysis of variance, and coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from rageval.scores.run_labels import annotator_variance
from rageval.stats.annotators import LARGEST_SD, stretch_for_annotators
from tests.statistics.annotator_draws import covered, labels_of


@pytest.mark.parametrize("k", [2, 3, 5])
def test_a_full_table_is_a_two_way_analysis_of_variance(k: int) -> None:
    """The component of annotators: (their mean square - the residual one) / questions; from statsmodels."""
    rng = np.random.default_rng(k)
    table = rng.normal(0.5, 0.1, 40) + rng.normal(0, 0.2, (k, 1)) + rng.normal(0, 0.1, (k, 40))
    rows, columns = np.indices(table.shape)
    data = pd.DataFrame({"y": table.ravel(), "a": rows.ravel(), "q": columns.ravel()})
    squares = anova_lm(ols("y ~ C(a) + C(q)", data).fit())["mean_sq"]
    assert annotator_variance(labels_of(table)) == pytest.approx((squares["C(a)"] - squares["Residual"]) / 40 / k)


def test_where_each_labels_questions_of_their_own_means_are_compared() -> None:
    """One-way: the variance of the means less that within, over the number of annotators."""
    rng = np.random.default_rng(1)
    table = np.full((3, 60), np.nan)
    for row in range(3):
        table[row, 20 * row : 20 * row + 20] = rng.normal(0.2 + 0.3 * row, 0.1, 20)
    means = np.nanmean(table, axis=1)
    within = np.mean([np.var(row[~np.isnan(row)], ddof=1) / 20 for row in table])
    assert annotator_variance(labels_of(table)) == pytest.approx((np.var(means, ddof=1) - within) / 3)


def test_what_one_labels_more_leniently_does_not_matter_where_others_labelled_it_too() -> None:
    """Hard questions went to ben and cid, easy ones to ann and ben; all three are equally strict."""
    table = np.full((3, 40), np.nan)
    table[:2, :20], table[1:, 20:] = 0.9, 0.1
    assert annotator_variance(labels_of(table)) == pytest.approx(0.0, abs=1e-12)


def test_never_less_than_a_quarter_of_what_was_seen() -> None:
    table = np.array([[0.0, 1.0] * 10, [1.0, 0.0] * 9 + [1.0, 1.0]])
    seen = np.var(table.mean(axis=1), ddof=1)
    assert annotator_variance(labels_of(table)) == pytest.approx(seen / 4 / 2)


def test_one_annotator_and_equal_ones_add_nothing() -> None:
    assert annotator_variance(labels_of(np.linspace(0, 1, 20)[None])) == 0.0
    assert annotator_variance(labels_of(np.tile(np.linspace(0, 1, 20), (3, 1)))) == pytest.approx(0.0, abs=1e-12)
    assert stretch_for_annotators(0.5, 0.4, 0.7, 0.0, 3, 0.95) == (0.4, 0.7)
    assert stretch_for_annotators(0.5, 0.4, 0.7, 0.1, 1, 0.95) == (0.4, 0.7)


def test_the_interval_joins_two_intervals_side_by_side() -> None:
    """Of an interval without width Student's t of the levels is left; no end is further off than for the largest sd."""
    low, high = stretch_for_annotators(0.5, 0.5, 0.5, 1e-4, 4, 0.9)
    assert (low, high) == pytest.approx(stats.t(3, 0.5, 0.01).interval(0.9))
    low, high = stretch_for_annotators(0.5, 0.4, 0.7, 1e-4, 4, 0.9)
    assert (0.5 - low, high - 0.5) == pytest.approx((math.hypot(0.1, high_of_t()), math.hypot(0.2, high_of_t())))
    low, high = stretch_for_annotators(0.5, 0.5, 0.5, 0.1, 2, 0.95)
    assert high - 0.5 == pytest.approx(stats.norm.ppf(0.975) * LARGEST_SD / math.sqrt(2))


def high_of_t() -> float:
    return float(stats.t.ppf(0.95, 3)) * 0.01


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("sd", [0.05, 0.2])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("binary", [False, True])
def test_coverage(binary: bool, shared: bool, sd: float, k: int) -> None:
    """Fifty questions; the mean is over annotators too. 100 draws, so three standard errors below 0.92 are 0.84;
    without the stretch it is 0.3 to 0.9.
    """
    assert covered(sd, k, 100, binary=binary, shared=shared)[0] >= 0.84
