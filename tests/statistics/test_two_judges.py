"""Two judges beside people's labels. docs/statistics_two_judges.md has many settings; here each is drawn less often."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rageval.stats import ppi_mean
from rageval.stats.labelled import labelled_difference
from rageval.stats.ppi import these_items
from rageval.stats.several_judges import FOLDS, joint_score
from tests.statistics.two_judges_draws import PAGE, SECOND, Floats, Setting, difference_draws, draws

REPS = 40
LEAST = 0.93 - 3 * math.sqrt(0.93 * 0.07 / REPS)


def made(n: int = 60, others: int = 200, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """Graded labels, and two judges that each see a half of what they depend on."""
    rng = np.random.default_rng(seed)
    halves = rng.random((n + others, 2))
    y = np.clip(halves.mean(axis=1) + 0.05 * rng.standard_normal(n + others), 0.0, 1.0)
    return y[:n], halves[:n], halves[n:]


def slopes(y: Floats, judged: Floats) -> Floats:
    found = np.linalg.lstsq(np.column_stack([np.ones(y.size), judged]), y, rcond=None)[0]
    return np.asarray(found[1:], dtype=np.float64)


def folds_of(scores: Floats, centred: Floats) -> list[list[int]]:
    """The items whose scores are one plane through 0 of the judges': three points show whether they are."""
    found: dict[tuple[float, ...], set[int]] = {}
    for i in range(scores.size):
        for j in range(i):
            plane = np.linalg.solve(centred[[i, j]], scores[[i, j]])
            found.setdefault(tuple(np.round(plane, 7)), set()).update((i, j))
    return [sorted(items) for items in found.values() if len(items) > 2]


def none(n: int) -> np.ndarray:
    return np.zeros(n, dtype=np.int64)


def test_the_joint_score_by_hand() -> None:
    """Slopes of the other folds by numpy's own least squares; the mean of the folds for the items without a label."""
    y, judged, others = made()
    found = joint_score(y, judged, others, none(y.size), None, binary=False)
    centred = np.concatenate([judged, others]) - np.concatenate([judged, others]).mean(axis=0)
    assert found.weights == pytest.approx(slopes(y, judged))
    folds = folds_of(found.judged - y.mean(), centred[: y.size])
    assert sorted(map(len, folds)) == [12] * FOLDS
    by_hand = np.zeros(len(others))
    for fold in folds:
        rest = np.setdiff1d(np.arange(y.size), fold)
        by_hand += len(fold) / y.size * centred[y.size :] @ slopes(y[rest], judged[rest])
    assert found.unlabelled - y.mean() == pytest.approx(by_hand)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_a_fold_does_not_see_its_own_labels(seed: int) -> None:
    """Other labels of a group change no score of that group but through the mean of all labels, which all share."""
    y, judged, others = made(seed=seed)
    groups = np.arange(y.size) // 2
    one = joint_score(y, judged, others, none(y.size), groups, binary=False)
    changed = y.copy()
    changed[:2] = 1.0 - changed[:2]
    two = joint_score(changed, judged, others, none(y.size), groups, binary=False)
    assert one.judged[:2] - y.mean() == pytest.approx(two.judged[:2] - changed.mean())


def test_one_judge_is_read_as_before() -> None:
    y, judged, others = made()
    alone = ppi_mean(y, judged[:, 0], others[:, 0])
    column = ppi_mean(y, judged[:, :1], others[:, :1])
    assert (column.point, column.low, column.high, column.method) == (alone.point, alone.low, alone.high, alone.method)


@pytest.mark.parametrize("second", ["the same", "constant", "missing", "few labels"])
def test_a_judge_that_adds_nothing_changes_no_digit(second: str) -> None:
    y, judged, others = made(9 if second == "few labels" else 60)
    for part in (judged, others):
        if second == "the same":
            part[:, 1] = 1.0 - part[:, 0]
        elif second != "few labels":
            part[:, 1] = 0.3 if second == "constant" else np.nan
    alone, both = ppi_mean(y, judged[:, 0], others[:, 0]), ppi_mean(y, judged, others)
    assert (both.point, both.low, both.high, both.method) == (alone.point, alone.low, alone.high, alone.method)
    assert both.weights == (1.0, 0.0)
    assert these_items(y, judged, others) == these_items(y, judged[:, 0], others[:, 0])
    one, two = labelled_difference(y, judged[:, 0], others[:, 0]), labelled_difference(y, judged, others)
    assert one.interval(0.95) == two.interval(0.95)


def test_where_the_first_is_constant_the_second_stands_alone() -> None:
    y, judged, others = made()
    judged[:, 0] = others[:, 0] = 0.7
    found = ppi_mean(y, judged, others)
    assert found.weights[0] == 0.0
    assert found.method == "dirichlet chain, 1 of 2 judges"
    assert found.width < found.labels_only.width


def test_several_judges_narrow_the_interval_and_are_named() -> None:
    y, judged, others = made()
    alone, both = ppi_mean(y, judged[:, 0], others[:, 0]), ppi_mean(y, judged, others)
    assert both.width < 0.75 * alone.width
    assert both.method == "dirichlet chain, 2 of 2 judges"
    assert (both.labels_only, both.judge_only.point) == (alone.labels_only, alone.judge_only.point)
    rng = np.random.default_rng(5)
    three = ppi_mean(y, *(np.column_stack([part, rng.random(len(part))]) for part in (judged, others)))
    assert three.method in ("dirichlet chain, 2 of 3 judges", "dirichlet chain, 3 of 3 judges")


def test_what_is_refused() -> None:
    y, judged, others = made()
    with pytest.raises(ValueError, match=r"found \(2,\) judges of labelled and \(3,\) of other items"):
        ppi_mean(y, judged, np.column_stack([others, others[:, 0]]))
    judged[0, 0] = np.nan
    with pytest.raises(ValueError, match="expected NaN only for a further judge"):
        ppi_mean(y, judged, others)
    y, judged, others = made()
    with pytest.raises(ValueError, match="a further judge outside"):
        labelled_difference(y, judged * [1.0, 2.0], others)


@pytest.mark.parametrize(
    ("setting", "widest"),
    [
        (Setting("0 or 1", 0.5, 20, "better"), 0.95),
        (Setting("0 or 1", 0.5, 50, "opposite"), 0.92),
        (Setting("0 or 1", 0.95, 50, "better"), 1.02),
        (Setting("0 or 1", 0.05, 20, "as good"), 1.02),
        (Setting("0 or 1", 0.8, 20, "useless"), 1.02),
        (Setting("graded", 0.7, 20, "better"), 0.9),
        (Setting("graded", 0.9, 50, "weaker"), 1.02),
        (Setting("skewed", 0.9, 50, "better"), 1.02),
        (Setting("0 or 1", 0.8, 50, "better", design="strata"), 1.02),
        (Setting("0 or 1", 0.8, 50, "better", design="documents"), 1.02),
        (Setting("graded", 0.7, 50, "better", items=65), 1.02),
        (Setting("graded", 0.7, 50, "half missing"), 1.02),
    ],
)
def test_coverage_and_width(setting: Setting, widest: float) -> None:
    found = draws(setting, REPS, np.random.default_rng(1))
    assert found.both >= LEAST
    assert found.these >= LEAST
    assert found.width <= widest


@pytest.mark.parametrize("second", ["better", "useless"])
def test_coverage_of_a_difference(second: str) -> None:
    found = difference_draws(Setting("graded", 0.7, 50, second), 30, np.random.default_rng(2))  # type: ignore[arg-type]
    assert found.both >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / 30)
    assert found.width <= 1.02


def test_the_committed_tables_keep_the_limits() -> None:
    """Never clearly wider than with the first judge alone, and on average covered as often as nominally."""
    lines = PAGE.read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\|.*\d\.\d{3}", line)]
    summed = [row for row in rows if len(row) == 11]
    single = [row for row in rows if len(row) in (9, 13)]
    assert (len(summed), len(single) > 100) == (4 * len(SECOND), True)
    assert min(float(row[3]) for row in summed) >= 0.93
    assert max(float(row[8]) for row in summed) <= 1.005
    assert max(float(row[9]) for row in summed) <= 1.02
    assert max(float(row[-2]) for row in single) <= 1.025
    assert np.mean([float(row[-5]) for row in single]) >= 0.95
    assert min(float(row[8]) for row in summed if row[0] == "better" and int(row[1]) > 20) <= 0.92
