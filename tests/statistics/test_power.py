"""Planning against statsmodels' power of a z test, and by worked numbers."""

import math
from typing import Any

import pytest
from statsmodels.stats.power import NormalIndPower

from rageval.stats import gate_power, minimum_detectable_effect, required_labels, required_questions

ONE_SAMPLE = NormalIndPower()


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.9])
@pytest.mark.parametrize(("sd", "n"), [(0.1, 30), (0.3, 100), (0.45, 1000)])
def test_minimum_detectable_effect_equals_statsmodels(sd: float, n: int, power: float, level: float) -> None:
    """One sample is two of which the other is infinitely large (`ratio=0`). Its power counts the wrong tail too: below
    1e-4 of it at a power of one half.
    """
    theirs = ONE_SAMPLE.solve_power(nobs1=n, alpha=1 - level, power=power, ratio=0)
    assert minimum_detectable_effect(sd, n, level=level, power=power) / sd == pytest.approx(theirs, rel=1e-3)


@pytest.mark.parametrize(("difference", "sd", "power"), [(0.05, 0.3, 0.8), (-0.02, 0.2, 0.9), (0.1, 0.1, 0.8)])
def test_required_questions_equals_statsmodels(difference: float, sd: float, power: float) -> None:
    theirs = ONE_SAMPLE.solve_power(effect_size=abs(difference) / sd, alpha=0.05, power=power, ratio=0)
    assert required_questions(difference, sd, power=power) == math.ceil(theirs)


def test_required_questions_worked() -> None:
    """(1.959964 + 0.841621)² = 7.848879 times (0.3 / 0.05)² = 36 is 282.56; 283 show 0.05, 282 a little more."""
    assert required_questions(0.05, 0.3) == 283
    assert minimum_detectable_effect(0.3, 283) < 0.05 < minimum_detectable_effect(0.3, 282)
    assert required_questions(0.05, 0.0) == 2


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


def test_required_labels_worked() -> None:
    """(1.959964 x 0.5 / 0.05)² = 384.15; a judge of correlation 0.8 leaves 1 - 0.64 of the variance: 138.29."""
    assert required_labels(0.05, 0.5) == 385
    assert required_labels(0.05, 0.5, correlation=0.8) == 139
    assert required_labels(0.05, 0.5, correlation=-0.8) == 139
    assert required_labels(0.05, 0.5, correlation=1.0) == 2
    assert required_labels(0.1, 0.3, level=0.9) == math.ceil((1.6448536 * 3) ** 2)


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
        (required_labels, (0.0, 0.5), {}, "half width 0.0"),
        (required_labels, (0.1, 0.5), {"correlation": 1.5}, "correlation 1.5"),
        (required_labels, (0.1, -0.5), {}, "sd -0.5"),
    ],
)
def test_refuses(planner: Any, arguments: tuple[float, ...], named: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        planner(*arguments, **named)
