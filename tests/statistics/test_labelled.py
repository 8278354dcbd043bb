"""Differences by people's labels: arithmetic by hand, coverage, and how often a gate errs, by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from rageval.stats.labelled import WHOLE, LabelledDifference, labelled_difference

DRAWS = 120
N = 300

Pairs = tuple[np.ndarray, np.ndarray]


def test_by_hand() -> None:
    """Cells by the judge's difference, above its mean or not: shares of all questions times means of labels."""
    labels = np.array([1.0] * 8 + [0.0] * 8 + [-1.0] * 4)
    judged = np.array([0.5] * 10 + [-0.5] * 10)
    others = np.array([0.5] * 60 + [-0.5] * 20)
    found = labelled_difference(labels, judged, others)
    assert found.point == pytest.approx(0.7 * 0.8 + 0.3 * -0.4)
    assert found.judge_only == pytest.approx(0.5 * 0.7 - 0.5 * 0.3)
    assert (found.n_labelled, found.n) == (20, 100)
    with_same = labelled_difference(labels, judged, others, same=100)
    assert with_same.point == pytest.approx(found.point / 2)
    low, high = found.interval(0.95)
    half_low, half_high = with_same.interval(0.95)
    assert half_low == pytest.approx(low / 2, abs=0.05)
    assert half_high == pytest.approx(high / 2, abs=0.05)
    assert found.labels_only[0] < labels.mean() < found.labels_only[1]


def test_p_and_interval_agree() -> None:
    rng = np.random.default_rng(3)
    for shift in np.linspace(-0.4, 0.4, 15):
        found = labelled_difference((rng.random(30) - 0.5 + shift).clip(-1, 1), rng.normal(0, 0.1, 30), [0.0] * 50)
        low, high = found.interval(0.95)
        assert low <= found.point <= high
        assert (found.p_value <= 0.05) == (low > 0.0 or high < 0.0)


def test_few_labels_stand_alone_and_equal_ones_prove_little() -> None:
    few = labelled_difference([1.0] * 5, [1.0] * 5, [-1.0] * 200)
    assert few.point == 1.0
    assert few.interval(0.95)[0] < 0.7
    assert labelled_difference([0.0] * 29, [0.0] * 29, [0.0] * 71, unseen=WHOLE).against(0.1).p_pass < 0.07
    assert labelled_difference([0.0] * 20, [0.0] * 20, [0.0] * 80, unseen=WHOLE).against(0.1).p_pass > 0.09


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        (([], [], []), "expected one or more"),
        (([0.1, 0.2], [0.1], []), "found 2 labels and 1 judged"),
        (([1.5], [0.0], []), "found labels outside"),
        (([0.5], [math.nan], []), "judged"),
        (([0.5], [0.0], [-2.0]), "found unlabelled outside"),
    ],
)
def test_refusals(arrays: tuple[list[float], list[float], list[float]], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        labelled_difference(*arrays)


def right_or_wrong(rng: np.random.Generator, n: int) -> Pairs:
    """Each right on 70% and 80%; a judge right on 85%, which prefers the second."""
    first, second = (rng.random(n) < 0.7).astype(float), (rng.random(n) < 0.8).astype(float)
    judged = [np.where(rng.random(n) < 0.85, y, 1 - y) for y in (first, second)]
    return second - first, (judged[1] - judged[0] + 0.1).clip(-1, 1)


def graded(rng: np.random.Generator, n: int) -> Pairs:
    gains = (rng.beta(4, 2, n) - rng.beta(3, 2, n)).round(1)
    return gains, (gains + rng.normal(0.1, 0.3, n)).clip(-1, 1)


def rare_losses(rng: np.random.Generator, n: int) -> Pairs:
    """Gains of .05 on most, and a loss of everything on 4%, which the judge does not see."""
    gains = np.where(rng.random(n) < 0.04, -1.0, 0.05)
    return gains, (0.05 + rng.normal(0, 0.1, n)).clip(-1, 1)


WORLDS: dict[Callable[[np.random.Generator, int], Pairs], float] = {
    right_or_wrong: 0.1,
    graded: 4 / 6 - 3 / 5,
    rare_losses: 0.96 * 0.05 - 0.04,
}


def draws(
    world: Callable[[np.random.Generator, int], Pairs], labels: int, **options: float
) -> Iterator[LabelledDifference]:
    for seed in range(DRAWS):
        y, f = world(np.random.default_rng([seed, labels]), N)
        yield labelled_difference(y[:labels], f[:labels], f[labels:], **options)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("labels", [20, 60])
@pytest.mark.parametrize("world", WORLDS)
def test_coverage(world: Callable[[np.random.Generator, int], Pairs], labels: int) -> None:
    """At least .93, less three standard errors of 120 draws: .86."""
    covered = sum(low <= WORLDS[world] <= high for low, high in (one.interval(0.95) for one in draws(world, labels)))
    assert covered >= 0.86 * DRAWS


@pytest.mark.parametrize("labels", [40])
@pytest.mark.parametrize("world", WORLDS)
def test_a_gate_at_the_very_margin_seldom_passes(
    world: Callable[[np.random.Generator, int], Pairs], labels: int
) -> None:
    """The candidate is the second system turned round: worse by just that. Above 11% is three standard errors."""
    passed = 0
    for seed in range(DRAWS):
        y, f = world(np.random.default_rng([seed, labels]), N)
        turn = -1.0 if WORLDS[world] > 0.02 else 1.0
        found = labelled_difference(turn * y[:labels], turn * f[:labels], turn * f[labels:], unseen=WHOLE, level=0.9)
        passed += found.against(-turn * WORLDS[world]).p_pass <= 0.05
    assert passed <= 0.11 * DRAWS
