"""Shares of a whole: the intervals against scipy, and how often all of them cover together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rageval.stats.intervals import wilson
from rageval.stats.quantiles import beta_quantile
from rageval.stats.shares import simultaneous_shares

KINDS = 10
DRAWS = 4000
TRUTHS = {
    "even": [0.1] * 10,
    "one kind": [1.0] + [0.0] * 9,
    "mostly right": [0.7, 0.1, 0.05, 0.05, 0.04, 0.03, 0.01, 0.01, 0.005, 0.005],
    "rare kinds": [0.96] + [0.04 / 9] * 9,
    "very rare kinds": [0.9955] + [0.0005] * 9,
}


@pytest.mark.parametrize("p", [1e-6, 0.0025, 0.025, 0.5, 0.9, 0.9975, 1 - 1e-6])
@pytest.mark.parametrize(("a", "b"), [(1, 1), (1, 60), (3, 8), (58, 3), (700.5, 300.5), (5, 99_996)])
def test_beta_quantile_equals_scipy(a: float, b: float, p: float) -> None:
    assert beta_quantile(p, a, b) == pytest.approx(stats.beta.ppf(p, a, b), rel=1e-9)


def test_beta_quantile_refuses_what_is_no_beta() -> None:
    for p, a, b in ((0.0, 1, 1), (1.0, 1, 1), (0.5, 0, 1), (0.5, 1, -1)):
        with pytest.raises(ValueError, match="beta_quantile"):
            beta_quantile(p, a, b)


@pytest.mark.parametrize("counts", [[3, 7], [0, 12, 1], [5, 0, 0, 0, 55], [1]])
def test_shares_equal_scipys_exact_intervals_at_the_level_divided_by_the_kinds(counts: list[int]) -> None:
    for count, share in zip(counts, simultaneous_shares(counts, level=0.9), strict=True):
        theirs = stats.binomtest(count, sum(counts)).proportion_ci(1 - 0.1 / len(counts), method="exact")
        assert (share.low, share.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
        assert (share.point, share.level, share.n) == (count / sum(counts), 0.9, sum(counts))


@pytest.mark.parametrize("counts", [[], [0, 0], [-1, 3]])
def test_no_items_are_refused(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="simultaneous_shares"):
        simultaneous_shares(counts)


@pytest.mark.parametrize("n", [1, 5, 20, 60, 200])
@pytest.mark.parametrize("truth", TRUTHS)
def test_all_intervals_cover_together(truth: str, n: int) -> None:
    """Nominally 95%, and never less, so 4,000 draws fall below that by three standard errors at most."""
    shares = np.array(TRUTHS[truth])
    counts = np.random.default_rng(3).multinomial(n, shares, size=DRAWS)
    ends = {count: _ends(count, n) for count in np.unique(counts).tolist()}
    low, high = (np.vectorize(lambda count, end=end: ends[count][end])(counts) for end in (0, 1))
    covered = np.all((low <= shares + 1e-12) & (shares <= high + 1e-12), axis=1).mean()
    assert covered >= 0.95 - 3 * (0.95 * 0.05 / DRAWS) ** 0.5


def test_wilsons_intervals_do_not() -> None:
    """Why the exact ones are taken: of kinds with a true share far below 1 / n, one that occurs at all misses."""
    n, shares = 200, np.array(TRUTHS["very rare kinds"])
    counts = np.random.default_rng(3).multinomial(n, shares, size=DRAWS)
    ends = {count: wilson(count / n, n, 1 - 0.05 / KINDS) for count in np.unique(counts).tolist()}
    low, high = (np.vectorize(lambda count, end=end: ends[count][end])(counts) for end in (0, 1))
    assert np.all((low <= shares) & (shares <= high), axis=1).mean() < 0.5


def _ends(count: int, n: int) -> tuple[float, float]:
    """Of one kind that has this count, of ten."""
    share = simultaneous_shares([count, n - count, *[0] * (KINDS - 2)])[0]
    return share.low, share.high
