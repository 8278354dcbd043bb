"""Intervals of a mean against scipy, and their coverage by simulation."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rageval.stats import Interval, mean_interval
from rageval.stats.quantiles import t_quantile


def ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


@pytest.mark.parametrize("df", [1, 2, 3, 4, 7, 8, 29, 30, 101, 400])
@pytest.mark.parametrize("p", [0.001, 0.025, 0.3, 0.5, 0.9, 0.975, 0.9995])
def test_t_quantile_equals_scipy(df: int, p: float) -> None:
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-8, abs=1e-10)


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (10, 10), (77, 100), (1, 1), (0, 1)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_wilson_equals_scipy(successes: int, n: int, level: float) -> None:
    values = [1.0] * successes + [0.0] * (n - successes)
    ours = mean_interval(values, level=level, method="wilson")
    theirs = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    assert (ours.method, ours.n, ours.level) == ("wilson", n, level)
    assert ends(ours) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (10, 10), (77, 100), (1, 1), (0, 1)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_beta_equals_scipys_quantiles(successes: int, n: int, level: float) -> None:
    values = [1.0] * successes + [0.0] * (n - successes)
    ours = mean_interval(values, level=level)
    tail = (1 - level) / 2
    low = stats.beta(successes, n - successes + 0.75).ppf(tail) if successes else 0.0
    high = stats.beta(successes + 0.75, n - successes).isf(tail) if successes < n else 1.0
    assert (ours.method, ours.n, ours.level) == ("beta", n, level)
    assert ends(ours) == pytest.approx((low, high), abs=1e-12)
    assert ours == mean_interval(values, level=level, method="beta")


@pytest.mark.parametrize("n", [4, 10, 30, 100, 300])
def test_exact_coverage_of_zeros_and_ones(n: int) -> None:
    """Over all samples, at any rate; Wilson's least is below .85 near the ends."""
    rates = np.concatenate([np.geomspace(1e-4, 0.05, 400), np.linspace(0.05, 0.5, 400)])
    chances = stats.binom.pmf(np.arange(n + 1)[:, None], n, rates)

    def least(method: Any) -> float:
        found = [mean_interval([1.0] * k + [0.0] * (n - k), method=method) for k in range(n + 1)]
        low, high = (np.array([getattr(one, end) for one in found])[:, None] for end in ("low", "high"))
        return float((chances * ((low <= rates) & (rates <= high))).sum(axis=0).min())

    assert least("beta") >= 0.93
    assert least("wilson") < 0.85


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (10, 10), (77, 100), (290, 300)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_dirichlet_of_zeros_and_ones_is_the_jeffreys_interval(successes: int, n: int, level: float) -> None:
    """The quantiles of Beta(1/2 + ones, 1/2 + zeros), within four standard errors of quantiles of 4,000 draws; but that
    the interval holds the mean also where all are equal.
    """
    ours = mean_interval([1.0] * successes + [0.0] * (n - successes), level=level, method="dirichlet")
    jeffreys = stats.beta(successes + 0.5, n - successes + 0.5)
    tail = (1 - level) / 2
    assert ours.method == "dirichlet"
    error = 4 * math.sqrt(tail * (1 - tail) / 4000)
    if successes == 0:
        assert ours.low == 0.0
    else:
        assert jeffreys.cdf(ours.low) == pytest.approx(tail, abs=error)
    if successes == n:
        assert ours.high == 1.0
    else:
        assert jeffreys.sf(ours.high) == pytest.approx(tail, abs=error)


def test_dirichlet_of_values_in_between_equals_plain_dirichlet_draws() -> None:
    """A weight of one for every value, of one half for either bound."""
    values = np.random.default_rng(1).choice([-0.5, -0.25, 0.1, 0.7], 25)
    ours = mean_interval(values, method="dirichlet", bounds=(-1.0, 1.0))
    weights = np.random.default_rng(2).dirichlet([*np.ones(25), 0.5, 0.5], 100_000)
    drawn = weights @ np.array([*values, -1.0, 1.0])
    error = 4 * math.sqrt(0.025 * 0.975 / 4000)
    assert np.mean(drawn <= ours.low) == pytest.approx(0.025, abs=error)
    assert np.mean(drawn >= ours.high) == pytest.approx(0.025, abs=error)


def test_dirichlet_of_many_different_values_keeps_mean_and_spread() -> None:
    """5,000 different values are merged in bins: beside Student's t no difference but that of 4,000 draws."""
    values = np.random.default_rng(3).beta(5, 2, 5000)
    merged, student = mean_interval(values), mean_interval(values, method="t")
    assert merged.method == "dirichlet"
    assert merged.point == pytest.approx(values.mean())
    assert ends(merged) == pytest.approx(ends(student), abs=0.05 * student.width)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_t_equals_scipy(level: float) -> None:
    values = np.random.default_rng(4).normal(5, 3, 12)
    ours = mean_interval(values, level=level, method="t")
    theirs = stats.t.interval(level, 11, values.mean(), stats.sem(values))
    assert ends(ours) == pytest.approx(theirs, rel=1e-9)


def test_t_of_clusters_of_one_size_is_that_of_their_means() -> None:
    values = np.random.default_rng(5).normal(size=(8, 3)) + np.random.default_rng(6).normal(size=(8, 1))
    means = values.mean(axis=1)
    ours = mean_interval(values.ravel(), method="t", clusters=[f"document {i}" for i in range(8) for _ in range(3)])
    assert ends(ours) == pytest.approx(stats.t.interval(0.95, 7, means.mean(), stats.sem(means)), rel=1e-9)
    assert ours.method == "t, clustered"


@pytest.mark.parametrize(("method", "theirs"), [("bca", "BCa"), ("percentile", "percentile")])
def test_bootstrap_equals_scipy_on_the_same_resamples(method: Any, theirs: str) -> None:
    values = np.random.default_rng(7).lognormal(size=60)
    ours = mean_interval(values, method=method, rng=np.random.default_rng(8))
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=5000, method=theirs, rng=np.random.default_rng(8)
    ).confidence_interval
    assert ends(ours) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert ours.method == method


def test_studentised_agrees_with_scipys_quantiles_of_t() -> None:
    """Resampled (mean - point) / standard error, its quantiles turned round."""
    values = np.random.default_rng(9).exponential(size=40)
    picks = values[np.random.default_rng(10).integers(0, 40, (20_000, 40))]
    t = (picks.mean(axis=1) - values.mean()) / stats.sem(picks, axis=1)
    low, high = values.mean() - np.quantile(t, [0.975, 0.025]) * stats.sem(values)
    ours = mean_interval(values, method="studentised")
    assert ends(ours) == pytest.approx((low, high), abs=0.06 * (high - low))


def _mixture(p_zero: float, p_one: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Like nDCG or reciprocal rank: a mass at 0, a mass at 1, the rest between."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        u = rng.random(n)
        return np.where(u < p_zero, 0.0, np.where(u < p_zero + p_one, 1.0, rng.random(n)))

    return draw


CASES: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], float]] = {
    "ndcg-like": (_mixture(0.3, 0.4), 0.4 + 0.3 / 2),
    "near one": (_mixture(0.05, 0.8), 0.8 + 0.15 / 2),
    "near zero": (_mixture(0.8, 0.05), 0.05 + 0.15 / 2),
    "beta(5, 2)": (lambda rng, n: rng.beta(5, 2, n), 5 / 7),
    "thirds": (lambda rng, n: rng.choice([0, 1 / 3, 2 / 3, 1], p=[0.05, 0.05, 0.2, 0.7], size=n), 0.85),
    "coin .9": (lambda rng, n: (rng.random(n) < 0.9).astype(float), 0.9),
}


@pytest.mark.parametrize("n", [5, 10, 30])
@pytest.mark.parametrize("case", CASES)
def test_coverage(case: str, n: int) -> None:
    """Nominal 95%, 600 repetitions. The floor is .93 less three standard errors."""
    draw, truth = CASES[case]
    rng = np.random.default_rng(20261121)
    covered = 0
    for _ in range(600):
        interval = mean_interval(draw(rng, n), rng=rng)
        covered += interval.low <= truth <= interval.high
    assert covered / 600 >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / 600)


def document_rates(rng: np.random.Generator, documents: int) -> np.ndarray:
    """Four questions a document; rates of success 0.7 on average, intra-cluster correlation 0.4."""
    return np.repeat(rng.beta(1.05, 0.45, documents), 4)


def coins(rng: np.random.Generator, documents: int) -> np.ndarray:
    rates = document_rates(rng, documents)
    return (rng.random(rates.size) < rates).astype(float)


def shares(rng: np.random.Generator, documents: int) -> np.ndarray:
    return rng.binomial(4, document_rates(rng, documents)) / 4


@pytest.mark.parametrize("draw", [coins, shares])
def test_coverage_with_clusters(draw: Callable[[np.random.Generator, int], np.ndarray]) -> None:
    """With the documents told at least .93 less three standard errors (600 repetitions); without, well below."""
    floor = 0.93 - 3 * math.sqrt(0.93 * 0.07 / 600)

    def coverage(documents: int, *, told: bool) -> float:
        rng = np.random.default_rng(20261121)
        covered = 0
        for _ in range(600):
            clusters = np.repeat(np.arange(documents), 4) if told else None
            interval = mean_interval(draw(rng, documents), clusters=clusters, rng=rng)
            covered += interval.low <= 0.7 <= interval.high
        return covered / 600

    for documents in (6, 10, 40):
        assert coverage(documents, told=True) >= floor
    assert coverage(40, told=False) < floor


def test_clusters_worked() -> None:
    """Two answers copied five times each are worth two: the interval of n / effect items, 2 here but for t and
    m / (m - 1). Equal answers throughout are taken for copies as well.
    """
    copies = [0.0] * 5 + [1.0] * 5
    ours = mean_interval(copies, clusters=[1] * 5 + [2] * 5)
    effect = 2 * 5 * (stats.t.ppf(0.975, 1) / stats.norm.ppf(0.975)) ** 2
    half = 5 / effect
    assert ours.method == "beta, clustered"
    low = stats.beta(half, half + 0.75).ppf(0.025)
    assert ends(ours) == pytest.approx((low, 1 - low), abs=0.02)
    all_right = mean_interval([1.0] * 20, clusters=[i // 5 for i in range(20)])
    shrunk = 4 / (stats.t.ppf(0.975, 3) / stats.norm.ppf(0.975)) ** 2
    assert ends(all_right) == pytest.approx((stats.beta(shrunk, 0.75).ppf(0.025), 1.0), abs=0.02)
    graded = mean_interval([0.2, 0.4, 0.8] * 10, clusters=list(range(15)) * 2)
    assert graded.method == "dirichlet, clustered"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.sampled_from([0.5, 0.9, 0.95]))
def test_interval_holds_its_point_within_bounds(values: list[float], level: float) -> None:
    interval = mean_interval(values, level=level)
    assert 0.0 <= interval.low <= interval.point <= interval.high <= 1.0
    assert interval.point == pytest.approx(math.fsum(values) / len(values), abs=1e-12)
    assert interval == mean_interval(values, level=level)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=2, max_size=20), st.booleans())
def test_dirichlet_moves_with_its_bounds(eighths: list[int], clustered: bool) -> None:
    """Scores in [0, 1] and twice the scores less one in [-1, 1], from the same draws."""
    x = np.array(eighths) / 8
    clusters = [i // 2 for i in range(len(x))] if clustered and len(x) > 2 else None
    unit = mean_interval(x, method="dirichlet", clusters=clusters)
    wide = mean_interval(2 * x - 1, method="dirichlet", clusters=clusters, bounds=(-1.0, 1.0))
    assert ends(wide) == pytest.approx((2 * unit.low - 1, 2 * unit.high - 1), abs=1e-9)


def test_constant_and_tiny_samples_are_never_certain() -> None:
    for values in ([0.5] * 20, [1.0] * 20, [0.25, 0.25], [0.0], [0.3, 0.31, 0.3]):
        assert mean_interval(values).width > 0.1
    assert mean_interval([0.5] * 20).method == "dirichlet"


@pytest.mark.parametrize(
    ("values", "named", "message"),
    [
        ([], {}, "shape"),
        ([[0.5, 0.5]], {}, "shape"),
        ([math.nan], {}, "not finite"),
        ([math.inf], {}, "not finite"),
        ([1.5], {}, "from 1.5 to 1.5"),
        ([-0.1], {}, "from -0.1"),
        ([0.5], {"bounds": (-1.0, 0.0)}, "expected them in"),
        ([0.5, 1.0], {"method": "wilson"}, "other than 0 and 1"),
        ([0.5, 0.5], {"method": "t"}, "fewer than two different values"),
        ([0.5], {"method": "bca"}, "at least 2"),
        ([0.5, 0.5], {"method": "percentile"}, "all equal"),
        ([0.5, 0.7], {"method": "magic"}, "magic"),
        ([0.5, 0.7], {"level": 0.0}, "level"),
        ([0.5, 0.7], {"level": 1.0}, "level"),
        ([0.5, 0.7], {"clusters": ["a"]}, "1 of them for 2 values"),
        ([0.5, 0.7], {"clusters": ["a", "a"]}, "1 cluster"),
    ],
)
def test_refuses(values: Any, named: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mean_interval(values, **named)


def test_scores_in_one_half_of_the_range_keep_the_far_bound_off_the_near_end() -> None:
    """Half an observation at 1 beside 40 scores of about 0.013 would move the lower end above their mean's least half.
    Mirrored, the same at the other end.
    """
    scores = np.tile([0.0, 0.01, 0.02, 0.022], 10)
    ours, both = mean_interval(scores), mean_interval(scores, method="dirichlet")
    assert ours.low < both.low
    assert ours.low < 0.0105 < scores.mean() < ours.high
    mirrored = mean_interval(1.0 - scores)
    assert (1.0 - mirrored.high, 1.0 - mirrored.low) == pytest.approx(ends(ours), abs=2e-3)
