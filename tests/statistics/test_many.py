"""All pairs at once: equal to the functions for one pair, and the family-wise error of the adjusted p-values."""

import math
import tracemalloc
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from rageval.stats.many import PairedTests, paired_bootstrap, paired_permutation
from rageval.stats.permutation import sign_flip_p_value
from rageval.stats.resampling import bca

SCORES = np.random.default_rng(11).beta(3, 1, (5, 80)) ** np.array([[1.0], [1.1], [1.2], [1.5], [3.0]])


def test_bootstrap_of_a_pair_equals_bca():
    result = paired_bootstrap(SCORES, resamples=2000, level=0.9, rng=np.random.default_rng(5))
    assert result.level == 0.9
    for i, j in combinations(range(5), 2):
        d = SCORES[i] - SCORES[j]
        expected = bca(d, resamples=2000, level=0.9, rng=np.random.default_rng(5))
        assert result.difference[i, j] == pytest.approx(d.mean(), abs=1e-12)
        assert (result.low[i, j], result.high[i, j]) == pytest.approx(expected, abs=1e-12)
        assert (result.low[j, i], result.high[j, i]) == (-result.high[i, j], -result.low[i, j])
    assert not np.diag(result.difference).any()


@pytest.mark.parametrize(("questions", "resamples", "exact"), [(8, 300, True), (80, 2000, False)])
def test_permutation_of_a_pair_equals_sign_flip(questions: int, resamples: int, exact: bool):
    scores = SCORES[:, :questions]
    result = paired_permutation(scores, resamples=resamples, rng=np.random.default_rng(5))
    assert result.exact is exact
    for i, j in combinations(range(5), 2):
        alone = sign_flip_p_value(scores[i] - scores[j], resamples=resamples, rng=np.random.default_rng(5))
        assert (result.p[i, j], exact) == alone
        assert result.p[j, i] == result.p[i, j]
        assert result.p_adjusted[j, i] == result.p_adjusted[i, j] >= result.p[i, j]
    assert np.diag(result.p).tolist() == np.diag(result.p_adjusted).tolist() == [1.0] * 5


def test_adjusted_p_is_the_share_of_patterns_whose_largest_t_reaches_it():
    """Every pattern of 7 questions, scipy's one-sample t of each pair: max-T in so many words."""
    scores = SCORES[:4, :7]
    pairs = list(combinations(range(4), 2))
    differences = np.array([scores[i] - scores[j] for i, j in pairs])

    def t(signs: tuple[int, ...]) -> np.ndarray:
        return np.abs(stats.ttest_1samp(differences * np.array(signs), 0, axis=1).statistic)

    largest = np.array([t(signs).max() for signs in product((1, -1), repeat=7)])
    result = paired_permutation(scores, rng=np.random.default_rng(0))
    assert result.exact
    for (i, j), found in zip(pairs, t((1,) * 7), strict=True):
        assert result.p_adjusted[i, j] == pytest.approx(np.mean(largest >= found * (1 - 1e-9)), abs=1e-12)


def test_two_systems_need_no_adjustment():
    result = paired_permutation(SCORES[:2], resamples=500, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(result.p, result.p_adjusted)


def simulate(advantage: np.ndarray, repetitions: int) -> list[PairedTests]:
    """Six systems on 40 questions that are hard or easy for all, scores skewed as nDCG is, some of them ties."""
    rng = np.random.default_rng(20261121)
    results = []
    for _ in range(repetitions):
        easiness = rng.beta(1, 1, 40)
        scores = np.where(rng.random((6, 40)) < easiness, 1.0, rng.beta(1, 4, (6, 40))) + advantage[:, None]
        results.append(paired_permutation(scores, resamples=199, rng=rng))
    return results


def test_family_wise_error():
    """Nominal 5%, 600 repetitions, three standard errors; each pair alone keeps 5%, any of 15 pairs does not."""
    results = simulate(np.zeros(6), 600)
    off_diagonal = ~np.eye(6, dtype=bool)
    assert np.mean([(r.p_adjusted <= 0.05).any() for r in results]) == pytest.approx(
        0.05, abs=3 * math.sqrt(0.05 * 0.95 / 600)
    )
    assert np.mean([(r.p[off_diagonal] <= 0.05).mean() for r in results]) == pytest.approx(0.05, abs=0.015)
    assert np.mean([(r.p <= 0.05).any() for r in results]) > 0.2


def test_family_wise_error_of_the_equal_ones_beside_a_better_system():
    results = simulate(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.5]), 300)
    equal = np.mean([(r.p_adjusted[:5, :5] <= 0.05).any() for r in results])
    assert equal <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)
    assert np.mean([(r.p_adjusted[5, :5] <= 0.05).all() for r in results]) > 0.9


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.int64, (4, 9), elements=st.integers(0, 4)),
    arrays(np.int64, 9, elements=st.integers(-3, 3)),
    st.permutations(range(4)),
)
def test_order_of_systems_and_ease_of_questions_do_not_matter(quarters: np.ndarray, ease: np.ndarray, order: list[int]):
    """In tenths, so that equal differences come out unequal in floating point."""
    plain = paired_permutation(quarters / 10, rng=np.random.default_rng(0))
    moved = paired_permutation((quarters + ease)[order] / 10, rng=np.random.default_rng(0))
    np.testing.assert_allclose(moved.p, plain.p[np.ix_(order, order)], atol=1e-12)
    np.testing.assert_allclose(moved.p_adjusted, plain.p_adjusted[np.ix_(order, order)], atol=1e-12)
    assert (plain.p_adjusted >= plain.p).all()


def test_systems_that_agree_everywhere():
    """Equal but for rounding is equal, and takes nothing from the power of the other pairs."""
    scores = np.stack([SCORES[4], SCORES[0], SCORES[0], SCORES[0] * 0.1 / 0.1])
    assert (scores[2] != scores[3]).any()
    tests = paired_permutation(scores, resamples=999, rng=np.random.default_rng(0))
    assert (tests.p[1:, 1:] == 1.0).all()
    assert (tests.p_adjusted[1:, 1:] == 1.0).all()
    assert tests.p_adjusted[0, 1:].tolist() == [1 / 1000] * 3
    intervals = paired_bootstrap(scores[1:3], rng=np.random.default_rng(0), resamples=50)
    assert not intervals.low.any()
    assert not intervals.high.any()


def test_questions_that_all_answer_alike_change_nothing():
    with_equal = np.concatenate([np.full((5, 60), 0.3), SCORES[:, :8], np.ones((5, 60))], axis=1)
    result = paired_permutation(with_equal, rng=np.random.default_rng(0))
    expected = paired_permutation(SCORES[:, :8], rng=np.random.default_rng(0))
    assert result.exact
    np.testing.assert_array_equal(result.p_adjusted, expected.p_adjusted)
    only_equal = paired_permutation(with_equal[:, :60], rng=np.random.default_rng(0))
    assert only_equal.exact
    assert (only_equal.p_adjusted == 1.0).all()


def test_memory_does_not_grow_with_the_resamples():
    """10 systems, 5,000 questions, 2,000 resamples: 80 MB in one piece."""
    scores = np.random.default_rng(0).random((10, 5000))
    for analyse in (paired_bootstrap, paired_permutation):
        tracemalloc.start()
        analyse(scores, resamples=2000, rng=np.random.default_rng(0))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 40e6


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([0.1, 0.2], "shape"),
        ([[0.1, 0.2]], "at least two systems"),
        ([[0.1], [0.2]], "by two questions"),
        ([[0.1, 0.2], [0.1, math.inf]], "not finite"),
    ],
)
def test_refuses(scores: list, message: str):
    for analyse in (paired_bootstrap, paired_permutation):
        with pytest.raises(ValueError, match=message):
            analyse(scores, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="level"):
        paired_bootstrap(SCORES, level=95, rng=np.random.default_rng(0))
