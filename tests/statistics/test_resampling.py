"""Bootstrap intervals: scipy's from the same resamples, bootstrap-t from a plain loop, and their coverage."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rageval.stats.resampling import bca, percentile, studentised

METHODS = (percentile, bca, studentised)
SCIPY = {percentile: "percentile", bca: "BCa"}
SAMPLES = {
    "skewed": np.random.default_rng(1).lognormal(0, 1, 50),
    "several chunks": np.random.default_rng(2).beta(5, 2, 400),
    "grid, many ties": np.random.default_rng(3).integers(0, 9, 64) / 8,
    "two values": np.array([0.25, 1.0]),
}
LABELS = np.random.default_rng(5).integers(0, 12, 60)


def ratio(sums: np.ndarray, sizes: np.ndarray, axis: int = -1) -> np.ndarray:
    return sums.sum(axis) / sizes.sum(axis)


@pytest.mark.parametrize("level", [0.5, 0.95])
@pytest.mark.parametrize("method", SCIPY)
@pytest.mark.parametrize("sample", SAMPLES)
def test_equals_scipy_on_the_same_resamples(sample: str, method: Callable[..., tuple[float, float]], level: float):
    values = SAMPLES[sample]
    theirs = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=3000,
        confidence_level=level,
        method=SCIPY[method],
        rng=np.random.default_rng(7),
    ).confidence_interval
    ours = method(values, level=level, resamples=3000, rng=np.random.default_rng(7))
    assert ours == pytest.approx((theirs.low, theirs.high), rel=1e-10)


@pytest.mark.parametrize("method", SCIPY)
def test_clusters_equal_scipys_ratio_of_paired_sums_and_sizes(method: Callable[..., tuple[float, float]]):
    values = np.random.default_rng(6).gamma(1 + LABELS / 4)
    sums = np.array([values[label == LABELS].sum() for label in np.unique(LABELS)])
    sizes = np.array([(label == LABELS).sum() for label in np.unique(LABELS)])
    theirs = stats.bootstrap(
        (sums, sizes), ratio, paired=True, n_resamples=3000, method=SCIPY[method], rng=np.random.default_rng(7)
    ).confidence_interval
    ours = method(values, clusters=LABELS, resamples=3000, rng=np.random.default_rng(7))
    assert ours == pytest.approx((theirs.low, theirs.high), rel=1e-10)


@pytest.mark.parametrize("clustered", [False, True])
def test_studentised_equals_a_plain_loop(clustered: bool):
    """t* = (mean* - mean) / se*, with se = sqrt(m / (m - 1) sum (sum_i - mean size_i)^2) / size."""
    values = np.random.default_rng(8).exponential(size=60)
    groups = [values[g == LABELS] for g in range(12)] if clustered else [values[i : i + 1] for i in range(60)]
    m = len(groups)

    def mean_and_error(drawn: list[np.ndarray]) -> tuple[float, float]:
        mean = np.concatenate(drawn).mean()
        residuals = np.array([np.sum(group - mean) for group in drawn])
        return mean, math.sqrt(m / (m - 1) * np.sum(residuals**2)) / sum(group.size for group in drawn)

    mean, error = mean_and_error(groups)
    t = []
    for picks in np.random.default_rng(7).integers(0, m, (999, m)):
        mean_drawn, error_drawn = mean_and_error([groups[i] for i in picks])
        t.append((mean_drawn - mean) / error_drawn)
    t.sort()
    expected = (mean - t[974] * error, mean - t[24] * error)  # 0.975 x 998 = 973.05, 0.025 x 998 = 24.95: outwards
    clusters = LABELS if clustered else None
    ours = studentised(values, clusters=clusters, resamples=999, rng=np.random.default_rng(7))
    assert ours == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_copies_in_a_cluster_tell_nothing_new(method: Callable[..., tuple[float, float]]):
    values = SAMPLES["skewed"]
    once = method(values, resamples=500, rng=np.random.default_rng(1))
    labels = np.repeat([f"document {i:02d}" for i in range(50)], 3)
    thrice = method(np.repeat(values, 3), clusters=labels, resamples=500, rng=np.random.default_rng(1))
    assert thrice == pytest.approx(once, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 10), min_size=8, max_size=20).filter(lambda values: len(set(values)) > 3),
    st.sampled_from([0.1, 1 / 3, 7.0]),
    st.sampled_from([-1.0, 0.0, 0.7]),
)
def test_follows_scale_shift_and_reflection(
    method: Callable[..., tuple[float, float]], values: list[int], scale: float, shift: float
):
    """In tenths or thirds, ties with the mean are no longer equal in floating point, and must still count as ties."""
    x = np.array(values, dtype=float)
    low, high = method(x, level=0.8, resamples=200, rng=np.random.default_rng(0))
    assert low <= high
    moved = method(scale * x + shift, level=0.8, resamples=200, rng=np.random.default_rng(0))
    assert moved == pytest.approx((scale * low + shift, scale * high + shift), rel=1e-9, abs=1e-9)
    mirrored = method(-x, level=0.8, resamples=200, rng=np.random.default_rng(0))
    assert mirrored == pytest.approx((-high, -low), rel=1e-9, abs=1e-9)


def coverage(
    method: Callable[..., tuple[float, float]],
    draw: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray | None]],
    truth: float,
    repetitions: int = 500,
) -> float:
    rng = np.random.default_rng(20261121)
    covered = 0
    for _ in range(repetitions):
        values, clusters = draw(rng)
        low, high = method(values, clusters=clusters, resamples=500, rng=rng)
        covered += low <= truth <= high
    return covered / repetitions


def test_coverage_of_a_skewed_mean():
    """Exponential, n = 15: bootstrap-t holds its level, the percentile falls short, BCa lies between or equal."""

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, None]:
        return rng.exponential(size=15), None

    error = 3 * math.sqrt(0.05 * 0.95 / 500)
    covered = {method: coverage(method, draw, 1.0) for method in METHODS}
    assert covered[studentised] == pytest.approx(0.95, abs=error)
    assert 0.86 < covered[percentile] < 0.95 - error
    assert 0.87 < covered[bca] < 0.95


def test_coverage_with_clusters():
    """25 documents with 1 to 7 questions each, half the variance between documents."""
    sizes = np.arange(25) % 7 + 1
    labels = np.repeat(np.arange(25), sizes)

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return rng.normal(size=25)[labels] + rng.normal(size=labels.size), labels

    def draw_unaware(rng: np.random.Generator) -> tuple[np.ndarray, None]:
        return draw(rng)[0], None

    error = 3 * math.sqrt(0.05 * 0.95 / 500)
    assert coverage(studentised, draw, 0.0) == pytest.approx(0.95, abs=error)
    assert 0.90 - error < coverage(bca, draw, 0.0) < 0.95 + error
    assert coverage(bca, draw_unaware, 0.0) < 0.85


def test_bca_with_an_extreme_tail_stays_among_the_resampled_means():
    """One outlier in 1000 has acceleration 1/6; beyond z = 6 the corrected quantile has passed infinity."""
    values = np.zeros(1000)
    values[0] = 1.0
    low, high = bca(values, level=1 - 1e-10, resamples=200, rng=np.random.default_rng(0))
    assert (
        0.0
        <= low
        < high
        == pytest.approx(percentile(values, level=1 - 1e-10, resamples=200, rng=np.random.default_rng(0))[1])
    )


def test_studentised_refuses_samples_whose_resamples_often_have_no_spread():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="without spread") as caught:
        studentised([1.0] * 29 + [0.0], rng=rng)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="without spread"):
        studentised([0.0, 1.0], rng=rng)
    low, high = studentised([0.0, 1.0] * 15, rng=rng)
    assert 0.2 < low < 0.5 < high < 0.8


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("values", "clusters", "options", "message"),
    [
        ([], None, {}, "found 0 value"),
        ([0.5], None, {}, "found 1 value"),
        ([0.1, 0.2, 0.3], ["a", "a", "a"], {}, "found 1 cluster"),
        ([0.7, 0.7, 0.7], None, {}, "values all equal to 0.7"),
        ([0.1, 0.2, 0.3, 0.2], [0, 0, 0, 1], {}, "cluster means all equal to 0.2"),
        ([0.1, math.nan], None, {}, "not finite"),
        ([[0.1], [0.2]], None, {}, "in a row"),
        ([0.1, 0.2], [0, 1, 2], {}, "one label a value"),
        ([0.1, 0.2], None, {"level": 1.0}, "expected 0 < level < 1"),
        ([0.1, 0.2], None, {"resamples": 0}, "expected at least 1"),
    ],
)
def test_refuses(
    method: Callable[..., tuple[float, float]], values: list, clusters: list | None, options: dict, message: str
):
    labels = None if clusters is None else np.array(clusters)
    with pytest.raises(ValueError, match=message) as caught:
        method(values, clusters=labels, rng=np.random.default_rng(0), **options)
    assert "\n" not in str(caught.value)
