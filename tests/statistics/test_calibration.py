"""Calibration measures against scikit-learn and worked examples; coverage by simulation."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, roc_auc_score

from rageval.stats import Interval
from rageval.stats.calibration import CalibrationQuality, auc_interval, calibration

JUDGED = st.lists(
    st.tuples(st.integers(0, 1), st.floats(0, 1) | st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0])), min_size=1, max_size=40
)


@settings(max_examples=100, deadline=None)
@given(judged=JUDGED, bins=st.integers(1, 12))
def test_points_equal_sklearn_and_lie_in_their_intervals(judged: list[tuple[int, float]], bins: int) -> None:
    y, p = (np.array(column) for column in zip(*judged, strict=True))
    ours = calibration(y, p, bins=bins)
    assert ours.n == len(judged) == sum(b.n for b in ours.table)
    assert len(ours.table) <= bins
    assert ours.accuracy.point == pytest.approx(np.mean((p >= 0.5) == y))
    assert ours.brier.point == pytest.approx(brier_score_loss(y, p, pos_label=1))
    if 0 < y.sum() < y.size:
        assert ours.auc is not None
        assert ours.balanced_accuracy is not None
        assert ours.auc.point == pytest.approx(roc_auc_score(y, p))
        assert ours.balanced_accuracy.point == pytest.approx(balanced_accuracy_score(y, p >= 0.5))
    else:
        assert ours.auc is None
        assert ours.balanced_accuracy is None
    for interval in (ours.accuracy, ours.balanced_accuracy, ours.auc, ours.brier, ours.ece):
        if interval is not None:
            assert 0 <= interval.low <= interval.point <= interval.high <= 1
            assert interval.n == ours.n


def test_worked_ece_and_table() -> None:
    """Bins {.1, .2} and {.8, .9}: rates 1/2 and 1, means .15 and .85; 1/2 x .35 + 1/2 x .15 = .25."""
    result = calibration([1, 0, 1, 1], [0.9, 0.1, 0.2, 0.8], bins=2)
    assert result.ece.point == pytest.approx(0.25)
    assert [(b.n, b.observed.point) for b in result.table] == [(2, 0.5), (2, 1.0)]
    assert [b.mean_probability for b in result.table] == pytest.approx([0.15, 0.85])
    assert (result.table[0].observed.low, result.table[0].observed.high) == pytest.approx(_beta(1, 2))


def _beta(ones: int, n: int) -> tuple[float, float]:
    """Clopper and Pearson's bounds with three quarters of an observation in place of one, by scipy."""
    low = float(stats.beta.ppf(0.025, ones, n - ones + 0.75)) if ones else 0.0
    return low, float(stats.beta.ppf(0.975, ones + 0.75, n - ones)) if ones < n else 1.0


def test_bins_hold_equal_mass_and_never_split_ties() -> None:
    spread = calibration([0, 1] * 25, np.linspace(0.01, 0.99, 50) ** 3, bins=10)
    assert [b.n for b in spread.table] == [5] * 10
    # 6 of .2, 3 of .5, 1 of .9 in 5 bins: a value's place is the middle of its ranks, .3, .75 and .95 of the way.
    tied = calibration([0, 1] * 5, [0.2] * 6 + [0.5] * 3 + [0.9], bins=5)
    assert [b.n for b in tied.table] == [6, 3, 1]
    assert [b.mean_probability for b in tied.table] == pytest.approx([0.2, 0.5, 0.9])


def test_order_of_items_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    p = np.round(rng.random(60), 1)
    y = rng.random(60) < p
    shuffled = rng.permutation(60)
    one, other = calibration(y, p), calibration(y[shuffled], p[shuffled])
    assert one.ece.point == pytest.approx(other.ece.point, abs=1e-15)
    assert [b.observed for b in one.table] == [b.observed for b in other.table]


def test_balanced_accuracy_interval_combines_two_beta_intervals() -> None:
    """8 of 10 yes and 6 of 20 no right: (.8 + .3) / 2, each side half the root of the squared distances."""
    ours = _balanced(8, 10, 6, 20)
    yes, no = _beta(8, 10), _beta(6, 20)
    assert ours.point == pytest.approx(0.55)
    assert ours.low == pytest.approx(0.55 - math.hypot(0.8 - yes[0], 0.3 - no[0]) / 2)
    assert ours.high == pytest.approx(0.55 + math.hypot(yes[1] - 0.8, no[1] - 0.3) / 2)


def _balanced(yes_right: int, yes: int, no_right: int, no: int) -> Interval:
    verdicts = [1] * yes_right + [0] * (yes - yes_right + no_right) + [1] * (no - no_right)
    ours = calibration([1] * yes + [0] * no, verdicts).balanced_accuracy
    assert ours is not None
    return ours


@pytest.mark.parametrize(("yes", "no"), [(1, 19), (3, 17), (10, 10), (5, 45)])
def test_exact_coverage_of_balanced_accuracy(yes: int, no: int) -> None:
    """Summed over all samples; Wilson's intervals, combined alike, cover 0.80 for (1, 19) at .8 and .995."""
    intervals = [[_balanced(a, yes, b, no) for b in range(no + 1)] for a in range(yes + 1)]
    low, high = (np.array([[getattr(i, end) for i in row] for row in intervals]) for end in ("low", "high"))
    rates = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 1.0)
    for first, second in itertools.product(rates, rates):
        chance = np.outer(
            stats.binom.pmf(np.arange(yes + 1), yes, first), stats.binom.pmf(np.arange(no + 1), no, second)
        )
        truth = (first + second) / 2
        assert chance[(low <= truth + 1e-12) & (truth <= high + 1e-12)].sum() >= 0.93, (first, second)


def test_auc_interval_equals_draws_with_half_an_item_in_each_class() -> None:
    """By a matrix of all pairs, with an unseen yes and no as items of their own."""
    rng = np.random.default_rng(8)
    for m, n, shift in ((12, 30, 1.0), (40, 15, 0.3), (3, 25, 1.5)):
        yes, no = np.round(rng.normal(shift, 1, m), 1), np.round(rng.normal(0, 1, n), 1)
        ours = auc_interval(yes, no, rng=rng, draws=20_000)
        ends: list[float] = []
        for below, above, tail in ((-99.0, 99.0, 0.025), (99.0, -99.0, 0.975)):
            first, second = np.append(yes, below), np.append(no, above)
            wins = (first[:, None] > second) + (first[:, None] == second) / 2
            u, v = (rng.dirichlet([*np.ones(k), 0.5], 20_000) for k in (m, n))
            ends.append(float(np.quantile(np.sum((u @ wins) * v, axis=1), tail)))
        assert ours.point == pytest.approx(roc_auc_score([1] * m + [0] * n, [*yes, *no]))
        assert (ours.low, ours.high) == pytest.approx(ends, abs=0.02)
        assert ours.method == "dirichlet"


def test_auc_of_many_different_scores_is_merged_by_rank() -> None:
    """In large samples the ends are those of a normal quantile with DeLong's variance."""
    rng = np.random.default_rng(11)
    yes, no = rng.normal(1, 1, 900), rng.normal(0, 1, 1100)
    wins = yes[:, None] > no
    error = math.sqrt(wins.mean(axis=1).var(ddof=1) / 900 + wins.mean(axis=0).var(ddof=1) / 1100)
    ours = auc_interval(yes, no, rng=rng)
    assert (ours.low, ours.high) == pytest.approx((wins.mean() - 1.96 * error, wins.mean() + 1.96 * error), abs=0.003)


def test_perfect_order_is_not_certain() -> None:
    ours = calibration([0] * 6 + [1] * 14, np.linspace(0, 1, 20)).auc
    assert ours is not None
    assert (ours.point, ours.high) == (1.0, 1.0)
    assert 0.5 < ours.low < 0.8
    mirrored = calibration([1] * 6 + [0] * 14, np.linspace(0, 1, 20)).auc
    assert mirrored is not None
    assert mirrored.low == 0.0
    assert mirrored.high == pytest.approx(1 - ours.low, abs=0.03)
    one_yes = calibration([1, 0, 0, 0, 0], [0.5, 0.1, 0.2, 0.6, 0.7]).auc
    assert one_yes is not None
    assert one_yes.point == 0.5
    assert one_yes.width > 0.8


# A judge gives one of four probabilities; yes is then as likely as said, or not. Every truth is a finite sum.
SAID = np.array([0.1, 0.4, 0.7, 0.95])
SHARE = np.array([0.2, 0.2, 0.25, 0.35])
TRULY = {
    "calibrated": SAID,
    "overconfident": np.array([0.3, 0.45, 0.6, 0.75]),
    "biased": np.array([0.3, 0.65, 0.9, 0.99]),
}


def _truths(truly: np.ndarray) -> dict[str, float]:
    yes, no = SHARE * truly / (SHARE @ truly), SHARE * (1 - truly) / (SHARE @ (1 - truly))
    above = np.sign(SAID[:, None] - SAID[None, :]) / 2 + 0.5
    return {
        "accuracy": SHARE @ np.where(SAID >= 0.5, truly, 1 - truly),
        "balanced_accuracy": (yes @ (SAID >= 0.5) + no @ (SAID < 0.5)) / 2,
        "auc": yes @ above @ no,
        "brier": SHARE @ (truly * (1 - SAID) ** 2 + (1 - truly) * SAID**2),
        "ece": SHARE @ np.abs(truly - SAID),
    }


def _covered(draw: Callable[[], tuple[np.ndarray, np.ndarray]], truths: dict[str, float], repetitions: int):
    hits = dict.fromkeys(truths, 0)
    for _ in range(repetitions):
        result: CalibrationQuality = calibration(*draw())
        for name, truth in truths.items():
            interval: Interval | None = getattr(result, name)
            assert interval is not None
            hits[name] += interval.low <= truth <= interval.high
    return {name: count / repetitions for name, count in hits.items()}


@pytest.mark.parametrize("n", [50, 200])
@pytest.mark.parametrize("judge", TRULY)
def test_coverage_of_every_measure(judge: str, n: int) -> None:
    rng = np.random.default_rng(20261123)

    def draw() -> tuple[np.ndarray, np.ndarray]:
        i = rng.choice(4, p=SHARE, size=n)
        return (rng.random(n) < TRULY[judge][i]).astype(int), SAID[i]

    covered = _covered(draw, _truths(TRULY[judge]), 200)
    floor = 0.95 - 3 * math.sqrt(0.95 * 0.05 / 200)
    assert min(covered.values()) >= floor, covered


@pytest.mark.parametrize(
    ("shift", "spread", "yes", "no"),
    [(0.4, 1.0, 5, 45), (0.4, 1.0, 25, 25), (2.5, 1.0, 25, 25), (2.5, 1.0, 15, 60), (2.0, 2.0, 15, 60)],
)
def test_auc_coverage(shift: float, spread: float, yes: int, no: int) -> None:
    """Normal scores: the truth is Phi(shift / sqrt(1 + spread^2))."""
    rng = np.random.default_rng(20261124)
    truth = float(stats.norm.cdf(shift / math.hypot(1, spread)))

    drawn = ((rng.normal(shift, spread, yes), rng.normal(0, 1, no)) for _ in range(200))
    intervals = [auc_interval(*scores, rng=rng, draws=500) for scores in drawn]
    assert np.mean([i.low <= truth <= i.high for i in intervals]) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 200)


@pytest.mark.parametrize(("auc", "yes", "no"), [(0.7, 1, 19), (0.5, 2, 18), (0.95, 50, 50), (0.9, 10, 90)])
def test_auc_coverage_where_a_part_of_a_class_is_far_below(auc: float, yes: int, no: int) -> None:
    """1 - auc of the yes labels are below all others. The wider of DeLong's and Newcombe's: 0.70, 0.51, 0.89, 0.99."""
    rng = np.random.default_rng(20261130)
    hits = 0
    for _ in range(300):
        ours = auc_interval(np.where(rng.random(yes) < auc, 2.0, -1.0), rng.random(no), rng=rng, draws=500)
        hits += ours.low <= auc <= ours.high
    assert hits / 300 >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / 300)


def test_same_seed_same_result() -> None:
    rng = np.random.default_rng(3)
    p = rng.random(50)
    y = (rng.random(50) < p).astype(int)
    assert calibration(y, p) == calibration(y, p, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("labels", "probabilities", "options", "message"),
    [
        ([], [], {}, "at least one item"),
        ([1, 0], [0.5], {}, "equal length"),
        ([2], [0.5], {}, "labels other than 0 and 1"),
        ([math.nan], [0.5], {}, "labels other than 0 and 1"),
        ([1], [1.5], {}, r"outside \[0, 1\]"),
        ([1], [math.nan], {}, r"outside \[0, 1\]"),
        ([1], [0.5], {"bins": 0}, "bins"),
        ([1], [0.5], {"level": 1.0}, "level"),
    ],
)
def test_refuses(labels, probabilities, options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibration(labels, probabilities, **options)
