"""Kappa and alpha against scikit-learn, statsmodels and Krippendorff's own figures; coverage by simulation."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa, to_table

from rageval.stats.agreement import Agreement, cohen_kappa, krippendorff_alpha

_ = math.nan
# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C: 4 observers, 12 units, missing data.
FOUR_OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]
GRADES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
@settings(max_examples=60, deadline=None)
@given(pairs=GRADES)
def test_kappa_equals_sklearn(weights, pairs: list[tuple[int, int]]) -> None:
    first, second = map(list, zip(*pairs, strict=True))
    assume(len({*first, *second}) > 1)
    ours = cohen_kappa(first, second, weights=weights, draws=100)
    theirs = cohen_kappa_score(first, second, labels=[0, 1, 2, 3], weights=weights)
    assert ours.interval.point == pytest.approx(theirs, abs=1e-12)
    _check_shape(ours, len(pairs))


def test_kappa_and_its_interval_agree_with_statsmodels_in_large_samples() -> None:
    rng = np.random.default_rng(5)
    first = rng.integers(0, 4, 4000)
    second = np.where(rng.random(4000) < 0.6, first, rng.integers(0, 4, 4000))
    table = to_table(np.stack([first, second], axis=1), bins=4)[0]
    for weights in (None, "linear", "quadratic"):
        ours = cohen_kappa(first, second, weights=weights).interval
        theirs = cohens_kappa(table, wt=weights)
        assert ours.point == pytest.approx(theirs.kappa, abs=1e-12)
        assert (ours.low, ours.high) == pytest.approx((theirs.kappa_low, theirs.kappa_upp), abs=0.004)


def test_kappa_of_texts_is_that_of_their_codes() -> None:
    first, second = [0, 0, 1, 1, 2, 0, 1, 2, 2], [0, 1, 1, 1, 2, 0, 0, 2, 1]
    names = ["no", "partly", "yes"]
    assert cohen_kappa([names[i] for i in first], [names[i] for i in second]) == cohen_kappa(first, second)


@pytest.mark.parametrize(("metric", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_equals_krippendorffs_figures(metric, alpha: float) -> None:
    ours = krippendorff_alpha(FOUR_OBSERVERS, scale=metric)
    assert ours.interval.point == pytest.approx(alpha, abs=0.0005)
    assert ours.interval.n == 11, "the last unit has a single rating"


def test_alpha_of_two_observers_equals_krippendorffs_figures() -> None:
    """Sections A and B: binary data 0.095, nominal data 0.692."""
    binary = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
    codes = {letter: float(i) for i, letter in enumerate("abcde")}
    nominal = [[codes[letter] for letter in row] for row in ("aabbdcccedda", "babbbcccedde")]
    nominal[1][-1] = codes["d"]
    assert krippendorff_alpha(binary).interval.point == pytest.approx(0.095, abs=0.0005)
    assert krippendorff_alpha(nominal).interval.point == pytest.approx(0.692, abs=0.0005)


@pytest.mark.parametrize("metric", ["nominal", "ordinal", "interval"])
@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(st.sampled_from([0.0, 1.0, 2.5, 4.0, _]), min_size=3, max_size=3), min_size=1, max_size=15)
)
def test_alpha_equals_the_sum_over_pairs(metric, rows: list[list[float]]) -> None:
    """Alpha by its definition: ratings paired within items, against ratings paired at large."""
    items = [[v for v in row if not math.isnan(v)] for row in rows]
    items = [item for item in items if len(item) > 1]
    pool = [v for item in items for v in item]
    assume(len(set(pool)) > 1)

    def delta(a: float, b: float) -> float:
        low, high = min(a, b), max(a, b)
        between = sum(low <= v <= high for v in pool) - (pool.count(a) + pool.count(b)) / 2
        return {"nominal": float(a != b), "interval": (a - b) ** 2, "ordinal": between**2 if a != b else 0.0}[metric]

    within = sum(sum(delta(a, b) for a in item for b in item) / (len(item) - 1) for item in items) / len(pool)
    at_large = sum(delta(a, b) for a in pool for b in pool) / (len(pool) * (len(pool) - 1))
    ours = krippendorff_alpha(np.array(rows).T, scale=metric, draws=100)
    assert ours.interval.point == pytest.approx(1 - within / at_large, abs=1e-9)
    _check_shape(ours, len(items))


def _check_shape(agreement: Agreement, n: int) -> None:
    interval = agreement.interval
    assert -1 - 1e-12 <= interval.low <= interval.point <= interval.high <= 1
    assert interval.n == n
    assert interval.point == pytest.approx(1 - agreement.observed / agreement.expected)
    assert 0 <= agreement.observed <= 1 + 1e-12


# Items of a true grade 0, 1, 2; a rater gives grade g with the probabilities of row g. Coverage is checked against the
# coefficients of the endless population, from the joint distribution of two ratings of one item.
CAREFUL = np.array([[0.90, 0.08, 0.02], [0.10, 0.80, 0.10], [0.02, 0.08, 0.90]])
CARELESS = np.array([[0.60, 0.25, 0.15], [0.25, 0.50, 0.25], [0.15, 0.25, 0.60]])
EVEN, SKEWED = np.array([0.3, 0.3, 0.4]), np.array([0.1, 0.1, 0.8])
POPULATIONS = {
    "careful, even": (EVEN, CAREFUL),
    "careful, skewed": (SKEWED, CAREFUL),
    "careless, even": (EVEN, CARELESS),
}
GRADE = np.arange(3.0)


def _coefficient(joint: np.ndarray, rows: np.ndarray, columns: np.ndarray, metric: str) -> float:
    score = np.cumsum(rows) - rows / 2 if metric == "ordinal" else GRADE
    difference = 1 - np.eye(3) if metric == "nominal" else (score[:, None] - score[None, :]) ** 2
    return 1 - float((joint * difference).sum() / (np.outer(rows, columns) * difference).sum())


def _coverage(measure: Callable[[], Agreement], truth: float, repetitions: int) -> float:
    intervals = [measure().interval for _ in range(repetitions)]
    return sum(i.low <= truth <= i.high for i in intervals) / repetitions


def _floor(repetitions: int) -> float:
    """Nominal 0.95; 0.93 in the worst of these cases when simulated at length; less three standard errors."""
    return 0.93 - 3 * math.sqrt(0.93 * 0.07 / repetitions)


def _rate(rng: np.random.Generator, truth: np.ndarray, rater: np.ndarray) -> np.ndarray:
    return (rng.random(truth.size)[:, None] > np.cumsum(rater[truth], axis=1)[:, :2]).sum(axis=1).astype(float)


@pytest.mark.parametrize("n", [50, 200])
@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("metric", ["nominal", "quadratic"])
def test_kappa_coverage(population: str, metric: str, n: int) -> None:
    shares, rater = POPULATIONS[population]
    other = 0.8 * rater + 0.2 * np.array([0.5, 0.3, 0.2])
    joint = np.einsum("g,ga,gb->ab", shares, rater, other)
    truth = _coefficient(joint, joint.sum(axis=1), joint.sum(axis=0), metric)
    rng = np.random.default_rng(20261121)

    def measure() -> Agreement:
        grades = rng.choice(3, p=shares, size=n)
        weights = None if metric == "nominal" else "quadratic"
        return cohen_kappa(_rate(rng, grades, rater), _rate(rng, grades, other), weights=weights, draws=1000)

    assert _coverage(measure, truth, 200) >= _floor(200)


@pytest.mark.parametrize("n", [50, 200])
@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("metric", ["nominal", "ordinal", "interval"])
def test_alpha_coverage(population: str, metric, n: int) -> None:
    """Three raters, each of whom missed a fifth of the items."""
    shares, rater = POPULATIONS[population]
    joint = np.einsum("g,ga,gb->ab", shares, rater, rater)
    truth = _coefficient(joint, joint.sum(axis=1), joint.sum(axis=1), metric)
    rng = np.random.default_rng(20261122)

    def measure() -> Agreement:
        grades = rng.choice(3, p=shares, size=n)
        ratings = np.stack([_rate(rng, grades, rater) for _ in range(3)])
        ratings[rng.random(ratings.shape) < 0.2] = math.nan
        return krippendorff_alpha(ratings, scale=metric, draws=1000)

    assert _coverage(measure, truth, 200) >= _floor(200)


def test_few_informative_items_are_never_certain() -> None:
    """Perfect agreement, or one odd item: what has not been seen yet is not excluded."""
    perfect = cohen_kappa([0, 1] * 25, [0, 1] * 25).interval
    assert (perfect.point, perfect.high, perfect.method) == (1.0, 1.0, "dirichlet")
    # The share of disagreement is Beta(1, 50), over an expected disagreement of about 1/2.
    assert perfect.low == pytest.approx(1 - 2 * stats.beta.ppf(0.975, 1, 50), abs=0.02)
    odd = cohen_kappa([0] * 49 + [1], [0] * 50).interval
    assert odd.point == 0.0
    assert odd.low < 0.0
    assert odd.high > 0.8


def test_interval_of_two_grades_is_that_of_a_dirichlet_with_half_an_observation_in_the_cells_of_its_end() -> None:
    """To draws of the same table that are made cell by cell: the unseen item is in one cell instead of in halves."""
    rng = np.random.default_rng(9)
    table = np.array([[60, 3], [5, 12]])
    cells = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
    ours = cohen_kappa(*np.repeat(cells, table.ravel(), axis=0).T, draws=40_000).interval
    ends: list[float] = []
    for halves, tail in (((0, 0.5, 0.5, 0), 0.025), ((0.5, 0, 0, 0.5), 0.975)):
        p = rng.dirichlet(table.ravel() + np.array(halves) + 1e-12, 40_000)
        rows, columns = p[:, 2] + p[:, 3], p[:, 1] + p[:, 3]
        chance = rows * columns + (1 - rows) * (1 - columns)
        ends.append(float(np.quantile((p[:, 0] + p[:, 3] - chance) / (1 - chance), tail)))
    assert (ours.low, ours.high) == pytest.approx(ends, abs=0.02)


# The cells of docs/statistics_agreement.md where BCa over items covered least, and where these intervals do.
RARE = [
    (20, 0.7, 0.95),
    (20, 0.9, 0.8),
    (20, 0.5, 0.2),
    (100, 0.915, 0.6),
    (300, 0.991, 0.4),
    (300, 0.991, 0.8),
]


@pytest.mark.parametrize(("n", "common", "kappa"), RARE)
def test_coverage_with_a_rare_grade(n: int, common: float, kappa: float) -> None:
    """Two raters who agree on a share kappa of the items, and else by chance; a grade seen alone is refused."""
    rng = np.random.default_rng(20261130)
    shares = np.array([common, 1 - common])
    joint = (1 - kappa) * np.outer(shares, shares) + kappa * np.diag(shares)
    first, second = np.indices((2, 2)).reshape(2, -1)
    kappas: list[bool] = []
    alphas: list[bool] = []
    while len(kappas) < 300:
        counts = rng.multinomial(n, joint.ravel())
        if counts[0] == n:
            continue
        a, b = np.repeat(first, counts), np.repeat(second, counts)
        of_kappa, of_alpha = (
            one.interval
            for one in (cohen_kappa(a, b, draws=500), krippendorff_alpha(np.stack([a, b]).astype(float), draws=500))
        )
        kappas.append(of_kappa.low <= kappa <= of_kappa.high)
        alphas.append(of_alpha.low <= kappa <= of_alpha.high)
    assert min(np.mean(kappas), np.mean(alphas)) >= _floor(300)


def test_table_of_coverage_is_within_its_limits() -> None:
    """docs/statistics_agreement.md: none of the lowest settings is below 0.93 by more than its error."""
    text = (Path(__file__).parents[2] / "docs" / "statistics_agreement.md").read_text("utf-8")
    summary = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "| 0." in line]
    least = [float(cells[2]) for cells in summary if len(cells) == 10]
    assert len(least) == 7
    assert min(least) >= 0.925


def test_many_different_ratings() -> None:
    """Of 240 different values a hundred pairs stand for the unseen; the interval holds alpha of the population, 0.8."""
    rng = np.random.default_rng(12)
    truth = rng.normal(0, 2, 120)
    ours = krippendorff_alpha(truth + rng.normal(0, 1, (2, 120)), scale="interval").interval
    assert ours.low < 0.8 < ours.high
    assert ours.width < 0.3


def test_same_seed_same_result() -> None:
    first, second = [0, 1, 2, 1, 0, 2, 1, 0] * 4, [0, 1, 1, 1, 0, 2, 2, 0] * 4
    assert cohen_kappa(first, second) == cohen_kappa(first, second, rng=np.random.default_rng(0))
    assert cohen_kappa(first, second) != cohen_kappa(first, second, rng=np.random.default_rng(1))


@pytest.mark.parametrize(
    ("first", "second", "options", "message"),
    [
        ([1, 1], [1, 1], {}, "found only the rating 1"),
        ([], [], {}, "at least one"),
        ([1, 2], [1], {}, "as many of each"),
        ([1, math.nan], [1, 2], {}, "finite"),
        ([[1, 2]], [[1, 2]], {}, "one row"),
        (["a", "b"], [1, 2], {}, "texts beside numbers"),
        (["a", "b"], ["a", "a"], {"weights": "linear"}, "texts with linear weights"),
        ([1, 2], [1, 1], {"draws": 10}, "at least 100"),
        ([1, 2], [1, 1], {"level": 95}, "level"),
    ],
)
def test_kappa_refuses(first, second, options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cohen_kappa(first, second, **options)


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        ([[2, 2, _], [2, 2, 1]], "found only the rating 2"),
        ([[1, _], [_, 2]], "no item with two ratings"),
        ([[]], "no item with two ratings"),
        ([1, 2], "raters x items"),
        ([[1, math.inf], [1, 2]], "infinite"),
    ],
)
def test_alpha_refuses(ratings, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        krippendorff_alpha(ratings)
