"""Calibration measures against scikit-learn and worked examples; coverage by simulation."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, roc_auc_score

from rageval.stats import Interval
from rageval.stats.calibration import CalibrationQuality, calibration

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
    wilson = stats.binomtest(1, 2).proportion_ci(0.95, method="wilson")
    assert (result.table[0].observed.low, result.table[0].observed.high) == pytest.approx((wilson.low, wilson.high))


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


def test_balanced_accuracy_interval_combines_two_wilson_intervals() -> None:
    """8 of 10 yes and 6 of 20 no right: (.8 + .3) / 2, each side half the root of the squared distances."""
    y = [1] * 10 + [0] * 20
    p = [0.9] * 8 + [0.1] * 2 + [0.1] * 6 + [0.9] * 14
    ours = calibration(y, p).balanced_accuracy
    yes, no = (stats.binomtest(k, n).proportion_ci(0.95, method="wilson") for k, n in ((8, 10), (6, 20)))
    assert ours is not None
    assert ours.point == pytest.approx(0.55)
    assert ours.low == pytest.approx(0.55 - math.hypot(0.8 - yes.low, 0.3 - no.low) / 2)
    assert ours.high == pytest.approx(0.55 + math.hypot(yes.high - 0.8, no.high - 0.3) / 2)


def _newcombe(auc: float, m: int, n: int) -> tuple[float, float]:
    """Newcombe's interval from Hanley and McNeil's variance in their own terms Q1 and Q2."""
    z, size = stats.norm.ppf(0.975), (m + n) / 2

    def gap(t: float) -> float:
        q1, q2 = t / (2 - t), 2 * t * t / (1 + t)
        return (auc - t) ** 2 - z * z * (t * (1 - t) + (size - 1) * (q1 + q2 - 2 * t * t)) / (m * n)

    low = optimize.brentq(gap, 1e-9, auc if auc < 1 else 1 - 1e-9)
    return low, 1.0 if auc == 1 else optimize.brentq(gap, auc, 1 - 1e-9)


def test_auc_interval_is_the_wider_end_of_delongs_and_newcombes() -> None:
    rng = np.random.default_rng(8)
    for m, n, shift in ((12, 30, 1.0), (40, 15, 0.3), (25, 25, 1.5)):
        yes, no = rng.normal(shift, 1, m), rng.normal(0, 1, n)
        wins = (yes[:, None] > no[None, :]).astype(float)
        auc, by_yes, by_no = wins.mean(), wins.mean(axis=1), wins.mean(axis=0)
        variance = by_yes.var(ddof=1) / m + by_no.var(ddof=1) / n
        df = math.floor(stats.ttest_ind(by_yes, by_no + 1, equal_var=False).df)
        half = stats.t.ppf(0.975, df) * math.sqrt(variance) / (auc * (1 - auc))
        delong = [1 / (1 + math.exp(-(math.log(auc / (1 - auc)) + sign * half))) for sign in (-1, 1)]
        newcombe = _newcombe(auc, m, n)
        ours = calibration([1] * m + [0] * n, stats.norm.cdf(np.concatenate([yes, no]))).auc
        assert ours is not None
        assert ours.point == pytest.approx(auc)
        assert ours.low == pytest.approx(min(delong[0], newcombe[0]), abs=1e-9)
        assert ours.high == pytest.approx(max(delong[1], newcombe[1]), abs=1e-9)


def test_perfect_order_is_not_certain() -> None:
    ours = calibration([0] * 6 + [1] * 14, np.linspace(0, 1, 20)).auc
    assert ours is not None
    assert (ours.point, ours.high, ours.method) == (1.0, 1.0, "newcombe")
    assert ours.low == pytest.approx(_newcombe(1.0, 14, 6)[0], abs=1e-9)
    mirrored = calibration([1] * 6 + [0] * 14, np.linspace(0, 1, 20)).auc
    assert mirrored is not None
    assert mirrored.low == 0.0
    assert mirrored.high == pytest.approx(1 - ours.low)
    one_yes = calibration([1, 0, 0, 0, 0], [0.5, 0.1, 0.2, 0.6, 0.7]).auc
    assert one_yes is not None
    assert (one_yes.point, one_yes.method) == (0.5, "newcombe")


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

    def draw() -> tuple[np.ndarray, np.ndarray]:
        scores = np.concatenate([rng.normal(shift, spread, yes), rng.normal(0, 1, no)])
        return np.repeat([1, 0], [yes, no]), special.ndtr(scores / 2)

    assert _covered(draw, {"auc": truth}, 150)["auc"] >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 150)


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
