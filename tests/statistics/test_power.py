"""Planning against simulated verdicts and intervals, statsmodels' power of a z test, and by worked numbers."""

import math
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower

from rageval.stats import (
    compare_power,
    gate_power,
    label_half_width,
    mean_interval,
    minimum_detectable_effect,
    ppi_mean,
    required_labels,
    required_questions,
    sd_of_differences,
    sd_with_repeats,
    smallest_margin,
)
from tests.statistics.planned_power import WORLDS, World

ONE_SAMPLE = NormalIndPower()


@pytest.mark.parametrize("world", [*WORLDS[1:3], *WORLDS[6:9], WORLDS[10], WORLDS[14]], ids=str)
def test_a_comparison_keeps_the_promised_power(world: World) -> None:
    """The verdict of `compare` in 200 draws, within three standard errors and 0.03 of the promise."""
    assert world.shown(world.planned, 200) == pytest.approx(0.8, abs=0.03 + 3 * 0.028)


@pytest.mark.parametrize("world", [WORLDS[1], WORLDS[4], WORLDS[14]], ids=str)
def test_compare_power_is_the_share_of_verdicts(world: World) -> None:
    """Away from the planned number too, where the verdict is seldom or nearly certain."""
    for n in (world.planned * 2 // 3, world.planned * 2):
        power = compare_power(world.difference, world.sd, n, skewness=world.skewness)
        assert world.shown(n, 200) == pytest.approx(power, abs=0.03 + 3 * math.sqrt(power * (1 - power) / 200))


@pytest.mark.parametrize("tests", [1, 5])
@pytest.mark.parametrize(("difference", "sd", "power"), [(0.01, 0.3, 0.8), (-0.02, 0.5, 0.9), (0.01, 0.5, 0.8)])
def test_many_questions_tend_to_a_two_sided_z_test(difference: float, sd: float, power: float, tests: int) -> None:
    """One sample is two of which the other is infinitely large (`ratio=0`). The ends of the range add a few."""
    theirs = ONE_SAMPLE.solve_power(effect_size=abs(difference) / sd, alpha=0.05 / tests, power=power, ratio=0)
    assert theirs > 4000
    assert 1.0 <= required_questions(difference, sd, power=power, tests=tests) / theirs < 1.005


def test_the_least_questions_that_show_anything() -> None:
    """Without any spread, n equal differences d are shown if P(n d + G < 0) <= 0.025, n d being Gamma(n) d and G the
    difference of two Gamma(1/2): 4,000,000 draws of it say from which n on.
    """
    rng = np.random.default_rng(0)
    ends = rng.standard_gamma(0.5, 4_000_000) - rng.standard_gamma(0.5, 4_000_000)
    for difference, slack in ((0.1, 1), (0.03, 2)):
        planned = required_questions(difference, 0.0)
        shares = [
            np.mean(rng.standard_gamma(n, ends.size) * difference + ends <= 0)
            for n in (planned - slack, planned + slack)
        ]
        assert shares[1] <= 0.025 < shares[0]
        assert compare_power(difference, 0.0, planned) == 1.0
        assert compare_power(difference, 0.0, planned - 1) == 0.0


def test_six_questions_at_least() -> None:
    """2 / 2**6 is the first two-sided p-value of all signs alike below 0.05, and 2 / 2**8 below 0.01."""
    assert compare_power(1.0, 0.0, 5) == 0.0
    assert compare_power(1.0, 0.0, 6) == 1.0
    assert required_questions(1.0, 0.0, tests=5) == 8


def test_minimum_detectable_effect_inverts_the_power() -> None:
    for sd, n, tests, skewness in ((0.3, 100, 1, 0.0), (0.05, 60, 3, 0.0), (0.2, 300, 1, -4.0)):
        least = minimum_detectable_effect(sd, n, tests=tests, skewness=skewness)
        assert compare_power(least, sd, n, tests=tests, skewness=skewness) == pytest.approx(0.8, abs=1e-6)
        assert required_questions(least * 1.0001, sd, tests=tests, skewness=skewness) == n


def test_power_has_a_side() -> None:
    """A loss with rare large losses is the mirror image of a gain with rare large gains."""
    assert compare_power(-0.05, 0.3, 200, skewness=-3.0) == compare_power(0.05, 0.3, 200, skewness=3.0)
    assert compare_power(0.05, 0.3, 200, skewness=-3.0) < compare_power(0.05, 0.3, 200)
    assert compare_power(0.0, 0.3, 200) < 0.03


@pytest.mark.parametrize("margin", [0.01, 0.02, 0.05, 0.1])
def test_a_gate_of_identical_systems_needs_what_clopper_and_pearson_need(margin: float) -> None:
    """No losses in n questions: the unseen one weighs Beta(1, n), (1 - margin)^n <= 0.05. Within two questions in a
    hundred, as the quantile of its draws is taken from their moments.
    """
    exact = math.log(0.05) / math.log(1 - margin)
    planned = required_questions(0.0, 0.0, margin=margin)
    assert planned == pytest.approx(exact, rel=0.02, abs=1)
    assert gate_power(0.0, 0.0, planned, margin=margin) == 1.0
    assert gate_power(0.0, 0.0, planned - 1, margin=margin) == 0.0


def test_a_gate_of_many_questions_tends_to_a_one_sided_z_test() -> None:
    """Margin 0.005, sd 0.5: (1.644854 + 0.841621)² (0.5 / 0.005)² = 61,826 questions, and the unseen one as well."""
    planned = required_questions(0.0, 0.5, margin=0.005)
    theirs = ONE_SAMPLE.solve_power(effect_size=0.01, alpha=0.05, power=0.8, ratio=0, alternative="larger")
    assert theirs == pytest.approx(61_826, rel=1e-4)
    assert theirs < planned < 1.02 * theirs
    assert gate_power(0.0, 0.5, planned - 1, margin=0.005) < 0.8 <= gate_power(0.0, 0.5, planned, margin=0.005)


def test_a_gates_power_grows_with_what_helps() -> None:
    base = gate_power(0.0, 0.2, 100, margin=0.05)
    assert 0.0 < base < 1.0
    assert gate_power(0.0, 0.2, 200, margin=0.05) > base
    assert gate_power(0.01, 0.2, 100, margin=0.05) > base
    assert gate_power(0.0, 0.1, 100, margin=0.05) > base
    assert gate_power(0.0, 0.2, 100, margin=0.06) > base
    assert gate_power(0.0, 0.2, 100, margin=0.05, level=0.9) > base
    assert gate_power(-0.05, 0.2, 100, margin=0.05) < 0.05
    assert gate_power(0.0, 0.2, 1, margin=0.05) < 0.05


def test_smallest_margin_inverts_the_power_of_a_gate() -> None:
    margin = smallest_margin(0.2, 100)
    assert margin is not None
    assert gate_power(0.0, 0.2, 100, margin=margin) == pytest.approx(0.8, abs=1e-6)
    assert smallest_margin(0.5, 2) is None


def test_sd_of_differences_by_simulation() -> None:
    """Scores = a part common to both systems, one of each system's own, and one of each answer."""
    rng = np.random.default_rng(0)
    n, shared, own, again = 200_000, 0.5, 0.2, 0.3
    common = math.sqrt(shared) * rng.normal(size=n)
    systems = [
        common + math.sqrt(own) * rng.normal(size=n) + math.sqrt(again) * rng.normal(size=(3, n)) for _ in range(2)
    ]
    single = sd_of_differences(1.0, shared)
    assert single == pytest.approx(float(np.std(systems[1][0] - systems[0][0])), rel=0.01)
    averaged = float(np.std(systems[1].mean(axis=0) - systems[0].mean(axis=0)))
    assert sd_with_repeats(single, again / (own + again), 3) == pytest.approx(averaged, rel=0.01)
    assert sd_with_repeats(0.3, 0.0, 5) == sd_with_repeats(0.3, 0.7, 1) == 0.3


def test_required_labels_worked() -> None:
    """1.959964² (n 0.25 + 0.25) / ((n + 1) (n + 2)) = 0.05² is 0.9604 / (n + 2) = 0.0025: 382.15. A judge of
    correlation 0.8 leaves 0.09 of 0.25; of 1,000 judged items the other 0.16 remain too, / 1000.
    """
    assert required_labels(0.05, 0.5) == 383
    few = required_labels(0.05, 0.5, correlation=0.8)
    assert few == required_labels(0.05, 0.5, correlation=-0.8) == 139
    assert label_half_width(139, 0.5, correlation=0.8) ** 2 == pytest.approx(
        1.959964**2 * (139 * 0.09 + 0.25) / (140 * 141), rel=1e-6
    )
    assert label_half_width(139, 0.5, correlation=0.8, items=1000) ** 2 == pytest.approx(
        label_half_width(139, 0.5, correlation=0.8) ** 2 + 1.959964**2 * 0.16 / 1000, rel=1e-6
    )
    assert required_labels(0.3, 0.0) == 2


@pytest.mark.parametrize(("n", "off"), [(20, 1 / 7), (50, 0.12), (200, 0.1)])
@pytest.mark.parametrize(("kind", "mean", "latent"), [("binary", 0.6, 0.5), ("binary", 0.9, 0.8), ("graded", 0.6, 0.5)])
def test_the_expected_width_of_ppi(kind: str, mean: float, latent: float, n: int, off: float) -> None:
    """The mean width of 30 intervals of `ppi_mean` over 600 items, of labels with and without a judge's help."""
    rng = np.random.default_rng(5)
    widths, alone, correlations, sds = [], [], [], []
    for _ in range(30):
        people = rng.normal(size=600)
        judge = latent * people + math.sqrt(1 - latent**2) * rng.normal(size=600)
        y, f = (
            (x < np.quantile(x, mean)).astype(float) if kind == "binary" else np.clip(mean + 0.25 * x, 0, 1)
            for x in (people, judge)
        )
        result = ppi_mean(y[:n], f[:n], f[n:], rng=rng)
        widths.append(result.width / 2)
        alone.append(result.labels_only.width / 2)
        correlations.append(np.corrcoef(y, f)[0, 1])
        sds.append(y.std())
    sd, correlation = float(np.mean(sds)), float(np.mean(correlations))
    assert label_half_width(n, sd, mean=mean) == pytest.approx(float(np.mean(alone)), rel=off)
    assert label_half_width(n, sd, mean=mean, correlation=correlation, items=600) == pytest.approx(
        float(np.mean(widths)), rel=off
    )


@pytest.mark.parametrize(("sd", "n"), [(0.4, 20), (0.2, 50), (0.5, 200)])
def test_the_expected_width_of_a_difference_of_labels(sd: float, n: int) -> None:
    """Labels of both systems on the same questions: won, lost or tied, with the `dirichlet` interval in [-1, 1]."""
    rng = np.random.default_rng(6)
    widths = []
    for _ in range(100):
        d = rng.choice([-1.0, 0.0, 1.0], n, p=[sd**2 / 2, 1 - sd**2, sd**2 / 2])
        widths.append(mean_interval(d, bounds=(-1.0, 1.0), rng=rng).width / 2)
    assert label_half_width(n, sd, mean=0.0, low=-1.0) == pytest.approx(float(np.mean(widths)), rel=0.05)


@pytest.mark.parametrize(
    ("planner", "arguments", "named", "message"),
    [
        (minimum_detectable_effect, (-0.1, 10), {}, "sd -0.1"),
        (minimum_detectable_effect, (0.1, 1), {}, "n = 1"),
        (minimum_detectable_effect, (0.1, 10), {"level": 1.0}, "level 1.0"),
        (minimum_detectable_effect, (0.1, 10), {"power": 0.0}, "power 0.0"),
        (minimum_detectable_effect, (math.nan, 10), {}, "sd nan"),
        (required_questions, (0.0, 0.1), {}, "distance of 0"),
        (required_questions, (-0.05, 0.1), {"margin": 0.05}, "distance of 0"),
        (required_questions, (-0.1, 0.1), {"margin": 0.05}, "distance of -0.05"),
        (required_questions, (1e-6, 0.5), {}, "more than 10000000"),
        (required_questions, (0.0, 0.5), {"margin": 1e-6}, "more than 10000000"),
        (minimum_detectable_effect, (0.1, 4), {}, "4 questions show no difference"),
        (compare_power, (0.1, 0.1, 0), {}, "n = 0"),
        (compare_power, (1.1, 0.1, 9), {}, "difference 1.1"),
        (compare_power, (0.1, 0.1, 9), {"tests": 0}, "tests 0"),
        (compare_power, (0.1, 0.1, 9), {"skewness": math.inf}, "skewness inf"),
        (sd_of_differences, (0.3, 1.1), {}, "correlation 1.1"),
        (sd_with_repeats, (0.3, 0.5, 0), {}, "repeats 0"),
        (sd_with_repeats, (0.3, 1.5, 2), {}, "within 1.5"),
        (label_half_width, (0, 0.5), {}, "n = 0"),
        (label_half_width, (20, 0.5), {"items": 10}, "items 10"),
        (required_labels, (0.05, 0.5), {"items": 100, "correlation": 0.9}, "100 labels do not"),
        (required_labels, (0.0, 0.5), {}, "half width 0.0"),
        (required_labels, (0.1, 0.5), {"correlation": 1.5}, "correlation 1.5"),
        (required_labels, (0.1, -0.5), {}, "sd -0.5"),
    ],
)
def test_refuses(planner: Any, arguments: tuple[float, ...], named: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        planner(*arguments, **named)
