"""Sign flips and McNemar against scipy, statsmodels, exact fractions and Fisher's own example; errors of type I."""

import math
from collections import defaultdict
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from rageval.stats.permutation import mcnemar_p_value, sign_flip_p_value

# Darwin's cross-fertilised less self-fertilised plants, in eighths of an inch. Fisher 1935, The Design of Experiments,
# section 21: of 2^15 = 32,768 sign patterns 1,726 have a sum of at least 314 in size.
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
FISHER = 1726 / 32768


def test_fishers_example():
    rng = np.random.default_rng(1)
    assert sign_flip_p_value(DARWIN, resamples=2**15, rng=rng) == (FISHER, True)
    p, exact = sign_flip_p_value(DARWIN, resamples=2**15 - 1, rng=rng)
    assert not exact
    assert p == pytest.approx(FISHER, abs=4 * math.sqrt(FISHER * (1 - FISHER) / 2**15))


@pytest.mark.parametrize("seed", range(6))
def test_exact_p_equals_scipy(seed: int):
    d = np.random.default_rng(seed).normal(0.4, 1, 4 + seed)
    theirs = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True)
    ours = sign_flip_p_value(d, rng=np.random.default_rng(0))
    assert ours == (pytest.approx(theirs.pvalue, abs=1e-12), True)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-6, 6), st.sampled_from("abcdef")), min_size=1, max_size=7), st.booleans())
def test_exact_p_of_tenths_equals_fractions(items: list[tuple[int, str]], clustered: bool):
    """In floating point 0.1 + 0.2 - 0.3 is not 0; in fractions it is."""
    totals: dict[str, Fraction] = defaultdict(Fraction)
    for position, (tenths, label) in enumerate(items):
        totals[label if clustered else str(position)] += Fraction(tenths, 10)
    sums = [
        abs(sum(s * t for s, t in zip(signs, totals.values(), strict=True)))
        for signs in product((1, -1), repeat=len(totals))
    ]
    expected = Fraction(sum(s >= abs(sum(totals.values())) for s in sums), len(sums))
    labels = np.array([label for _, label in items]) if clustered else None
    p, exact = sign_flip_p_value([t / 10 for t, _ in items], clusters=labels, rng=np.random.default_rng(0))
    assert exact
    assert p == pytest.approx(float(expected), abs=1e-12)


def test_random_p_agrees_with_scipy_and_is_never_zero():
    d = np.random.default_rng(2).normal(0.3, 1, 40)
    theirs = stats.permutation_test(
        (d,),
        np.mean,
        permutation_type="samples",
        n_resamples=20_000,
        vectorized=True,
        batch=500,
        rng=np.random.default_rng(3),
    ).pvalue
    p, exact = sign_flip_p_value(d, resamples=20_000, rng=np.random.default_rng(4))
    assert not exact
    assert p == pytest.approx(theirs, abs=4 * math.sqrt(2 * theirs * (1 - theirs) / 20_000))
    assert sign_flip_p_value(np.ones(100), resamples=999, rng=np.random.default_rng(0)) == (1 / 1000, False)


def test_zeros_change_nothing_and_all_zeros_give_one():
    with_zeros = np.concatenate([np.zeros(50), DARWIN, np.zeros(50)])
    assert sign_flip_p_value(with_zeros, resamples=2**15, rng=np.random.default_rng(0)) == (FISHER, True)
    assert sign_flip_p_value(np.zeros(5), rng=np.random.default_rng(0)) == (1.0, True)
    cancelling = sign_flip_p_value(
        [0.5, -0.5, 1.0, -1.0], clusters=np.array([1, 1, 2, 2]), rng=np.random.default_rng(0)
    )
    assert cancelling == (1.0, True)


def rejections(clusters: np.ndarray | None, aware: bool, n: int, resamples: int) -> float:
    rng = np.random.default_rng(20261121)
    rejected = 0
    for _ in range(1000):
        d = rng.standard_t(3, n) if clusters is None else rng.normal(size=n) + rng.normal(size=n)[clusters]
        rejected += sign_flip_p_value(d, clusters=clusters if aware else None, resamples=resamples, rng=rng)[0] <= 0.05
    return rejected / 1000


def test_type_one_error():
    """Nominal 5%, 1,000 repetitions, three standard errors; random p-values, and exact ones (51 of 1,024 = 4.98%)."""
    error = 3 * math.sqrt(0.05 * 0.95 / 1000)
    assert rejections(None, aware=False, n=40, resamples=199) == pytest.approx(0.05, abs=error)
    assert rejections(None, aware=False, n=10, resamples=1024) == pytest.approx(0.05, abs=error)


def test_type_one_error_with_clusters():
    clusters = np.repeat(np.arange(15), 4)
    error = 3 * math.sqrt(0.05 * 0.95 / 1000)
    assert rejections(clusters, aware=True, n=60, resamples=199) == pytest.approx(0.05, abs=error)
    assert rejections(clusters, aware=False, n=60, resamples=199) > 0.15


@pytest.mark.parametrize(
    ("wins", "losses"), [(0, 0), (1, 0), (0, 6), (3, 3), (4, 5), (9, 2), (40, 61), (500, 500), (1900, 2100), (0, 900)]
)
def test_mcnemar_equals_statsmodels_and_binomtest(wins: int, losses: int):
    p = mcnemar_p_value(wins, losses)
    assert p == mcnemar_p_value(losses, wins)
    assert p == pytest.approx(mcnemar([[7, wins], [losses, 9]], exact=True).pvalue, rel=1e-11)
    if wins + losses:
        assert p == pytest.approx(stats.binomtest(wins, wins + losses).pvalue, rel=1e-11)


def test_mcnemar_equals_whole_number_arithmetic():
    """P(X <= k) of n fair coins, by whole numbers only; 1e-13 of it, deep in the tail and for many questions too."""
    for wins, losses in ((30, 70), (100, 1900), (1450, 1550)):
        tail = sum(math.comb(wins + losses, i) for i in range(wins + 1))
        assert mcnemar_p_value(wins, losses) == pytest.approx(2 * tail / 2 ** (wins + losses), rel=1e-13)
    assert mcnemar_p_value(100_000, 101_500) == pytest.approx(stats.binomtest(100_000, 201_500).pvalue, rel=1e-8)
    assert mcnemar_p_value(0, 2000) == 0.0


@pytest.mark.parametrize(
    ("differences", "clusters", "message"),
    [
        ([], None, "no differences"),
        ([0.1, math.nan], None, "not finite"),
        ([[0.1, 0.2]], None, "in a row"),
        ([0.1, 0.2], np.array([1]), "one label a value"),
    ],
)
def test_sign_flip_refuses(differences: list, clusters: np.ndarray | None, message: str):
    with pytest.raises(ValueError, match=message):
        sign_flip_p_value(differences, clusters=clusters, rng=np.random.default_rng(0))


def test_mcnemar_refuses_negative_counts():
    with pytest.raises(ValueError, match="wins -1"):
        mcnemar_p_value(-1, 3)
