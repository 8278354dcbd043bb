"""How many questions, how many labels: planning before money is spent, and what an inconclusive result still needs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from rageval.stats.quantiles import normal_cdf, normal_quantile

MOST = 10_000_000
_FAR = 8.0  # standard errors: nothing lies further off
_LEAST_SKEWNESS = 1e-4
_NODES, _weights = np.polynomial.hermite_e.hermegauss(40)
# The positive half of a standard normal's nodes, squared, and their weights.
_SQUARES = [float(node) ** 2 for node in _NODES if node > 0]
_WEIGHTS = [float(2.0 * weight / _weights.sum()) for node, weight in zip(_NODES, _weights, strict=True) if node > 0]


def compare_power(
    difference: float,
    sd: float,
    n: int,
    *,
    level: float = 0.95,
    tests: int = 1,
    skewness: float = 0.0,
    binary: bool = False,
) -> float:
    """The probability that a comparison over n questions shows a true mean difference (its sign included).

    The verdict asks for two things (`rageval.stats.paired_difference`): a two-sided p-value of at most
    (1 - level) / tests, where `tests` is the number of metrics compared, and an interval at `level` that excludes 0.
    The interval knows half an unseen question at each end of [-1, 1]. Where questions differ little, these two ends
    decide: a difference of 0.1 takes 24 questions, and one of 0.01 takes 220, however small `sd` is.

    `sd` and `skewness` are those of the questions' differences, at least 0 and in [-1, 1]. Rare losses make a
    skewness below 0, and need more questions than a symmetric spread. If all scores are `binary` (0 or 1), the test is
    McNemar's exact one, which is a little stricter. The sum of the differences is taken to be
    normal with its skewness as first correction, the observed mean to be a shifted gamma variable, and the observed
    variance to move with the mean as it does where there is skewness. Raises ValueError for n < 1, tests < 1, and
    numbers out of range.
    """
    _check(sd, level, 0.5)
    if n < 1 or tests < 1 or not -1.0 <= difference <= 1.0 or not math.isfinite(skewness):
        raise ValueError(
            f"compare_power: found difference {difference}, n = {n}, tests {tests}, skewness {skewness}, expected -1 "
            "to 1, at least 1, at least 1, a finite number"
        )
    lean = math.copysign(skewness, skewness * difference) if difference else skewness
    gain, lean_of_mean = abs(difference), lean / math.sqrt(n)
    error = sd / math.sqrt(n)

    def shown(z: float) -> bool:
        variance = sd**2 * max(1.0 + lean_of_mean * z, 0.0) * (n - 1) / n
        return _is_shown(gain + z * error, variance, lean, n, 1.0 - level, tests, binary)

    if sd == 0.0:
        return 1.0 if shown(0.0) else 0.0
    if not shown(_FAR):
        return 0.0
    return 1.0 - _shifted_gamma_cdf(_least(shown, -_FAR, _FAR), lean_of_mean)


def minimum_detectable_effect(
    sd: float,
    n: int,
    *,
    level: float = 0.95,
    power: float = 0.8,
    tests: int = 1,
    skewness: float = 0.0,
    binary: bool = False,
) -> float:
    """The mean difference (above 0) that a comparison of n questions shows with probability `power`.

    Arguments as in `compare_power`. Raises ValueError for n < 2 and where not even a difference of 1 would be shown.
    """
    _check(sd, level, power)
    if n < 2:
        raise ValueError(f"minimum_detectable_effect: found n = {n}, expected at least 2")

    def enough(difference: float) -> bool:
        return compare_power(difference, sd, n, level=level, tests=tests, skewness=skewness, binary=binary) >= power

    if not enough(1.0):
        raise ValueError(f"minimum_detectable_effect: {n} questions show no difference with probability {power:g}")
    return _least(enough, 0.0, 1.0)


def required_questions(
    difference: float,
    sd: float,
    *,
    margin: float | None = None,
    level: float = 0.95,
    power: float = 0.8,
    tests: int = 1,
    skewness: float = 0.0,
    binary: bool = False,
) -> int:
    """How many questions settle it with probability `power`.

    Without `margin`: for a comparison of `tests` metrics to show a true mean difference of that size (either sign; see
    `compare_power`). With `margin`: for a gate at one-sided `level` to pass a candidate whose true difference is
    `difference`, above -margin; `tests`, `skewness` and `binary` do not matter to it. `sd` is that of the questions'
    differences. Raises ValueError where no number of questions would do, or where more than ten million would be
    needed.
    """
    _check(sd, level, power)

    def enough(n: int) -> bool:
        if margin is None:
            return compare_power(difference, sd, n, level=level, tests=tests, skewness=skewness, binary=binary) >= power
        return gate_power(difference, sd, n, margin=margin, level=level) >= power

    reach = abs(difference) if margin is None else difference + margin
    if reach <= 0.0:
        raise ValueError(f"required_questions: found a distance of {reach:g} to show, expected more than 0")
    if not enough(MOST):
        raise ValueError(f"required_questions: more than {MOST} questions are needed")
    low, high = 1, MOST  # never enough, always enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def gate_power(difference: float, sd: float, n: int, *, margin: float, level: float = 0.95) -> float:
    """The probability that a gate over n questions passes a candidate whose true mean difference is `difference`.

    The gate's test (`rageval.stats.paired.against_margin`) adds one unseen question with difference -1, which moves
    and widens what the n questions show, and skews it: its weight is all but exponential, and where the questions
    hardly differ nothing else is left. The bound is the Cornish-Fisher quantile with that skewness (2 for an
    exponential) and excess kurtosis (6); the observed mean is taken to be normal.
    """
    z = normal_quantile(level)

    def passes(mean: float) -> bool:
        centre = (n * mean - 1.0) / (n + 1)
        spread = math.sqrt((n * sd**2 + n / (n + 1) * (mean + 1.0) ** 2) / ((n + 1) * (n + 2)))
        unseen = (mean + 1.0) / (n + 2) / spread if spread else 0.0
        skewness, kurtosis = 2.0 * unseen**3, 6.0 * unseen**4
        bend = (z**2 - 1) * skewness / 6 + (z**3 - 3 * z) * kurtosis / 24 - (2 * z**3 - 5 * z) * skewness**2 / 36
        return centre - (z + bend) * spread >= -margin

    if not passes(1.0):
        return 0.0
    least = _least(passes, -1.0, 1.0)
    if sd == 0.0:
        return 1.0 if difference >= least else 0.0
    return normal_cdf((difference - least) / (sd / math.sqrt(n)))


def smallest_margin(sd: float, n: int, *, level: float = 0.95, power: float = 0.8) -> float | None:
    """The smallest margin that an equally good candidate passes with probability `power` in a gate over n questions;
    None if no margin below 1 is enough. `sd` and `level` as in `gate_power`.
    """
    _check(sd, level, power)

    def enough(margin: float) -> bool:
        return gate_power(0.0, sd, n, margin=margin, level=level) >= power

    return _least(enough, 0.0, 1.0) if enough(1.0) else None


def sd_of_differences(sd: float, correlation: float) -> float:
    """The standard deviation of the differences between two systems whose scores both have standard deviation `sd` and
    are correlated so over the questions. Raises ValueError for sd < 0 and a correlation outside [-1, 1].
    """
    if not (sd >= 0.0 and -1.0 <= correlation <= 1.0):
        raise ValueError(f"sd_of_differences: found sd {sd}, correlation {correlation}, expected >= 0 and -1 to 1")
    return sd * math.sqrt(2.0 * (1.0 - correlation))


def sd_with_repeats(sd: float, within: float, repeats: int) -> float:
    """The standard deviation of differences if each question is answered `repeats` times by both systems, and scored by
    the mean.

    `sd` is that with single answers, and `within` (0 to 1) the share of its square that comes from asking the same
    question again: only that share is divided by the repeats. Raises ValueError for numbers out of range.
    """
    if not (sd >= 0.0 and 0.0 <= within <= 1.0 and repeats >= 1):
        raise ValueError(
            f"sd_with_repeats: found sd {sd}, within {within}, repeats {repeats}, expected >= 0, 0 to 1, >= 1"
        )
    return sd * math.sqrt(1.0 - within + within / repeats)


def label_half_width(
    n: int,
    sd: float,
    *,
    correlation: float = 0.0,
    items: int | None = None,
    mean: float = 0.5,
    low: float = 0.0,
    level: float = 0.95,
) -> float:
    """Half the expected width of the interval of a mean in [low, 1] from n labels at random, and of a judge on all
    `items` (None: many more than labels).

    `sd` and `mean` are those of the labels, `correlation` that of judge and people over the items; 0 is labels alone.
    For differences between two labelled systems `low` is -1 and `sd`, `mean` and `correlation` are those of the
    differences. Half an unseen item at each end of the range is counted, as in the intervals themselves. For
    correlations up to 0.85 the mean widths of `ppi_mean` were, in simulations, within a tenth of this from 100 labels
    on, and within a seventh with 20 and 50. Raises ValueError for n < 1, more labels than
    items, and numbers out of range.
    """
    _check(sd, level, 0.5)
    if n < 1 or (items is not None and items < n) or not -1.0 <= correlation <= 1.0 or not low <= mean <= 1.0:
        raise ValueError(
            f"label_half_width: found n = {n}, items {items}, correlation {correlation}, mean {mean}, expected 1 <= n "
            f"<= items, -1 to 1, {low:g} to 1"
        )
    unseen = ((mean - low) ** 2 + (1.0 - mean) ** 2) / 2.0
    variance = (n * sd**2 * (1.0 - correlation**2) + unseen) / ((n + 1) * (n + 2))
    judged = 0.0 if items is None else (sd * correlation) ** 2 / items
    return normal_quantile((1.0 + level) / 2.0) * math.sqrt(variance + judged)


def required_labels(
    half_width: float,
    sd: float,
    *,
    correlation: float = 0.0,
    items: int | None = None,
    mean: float = 0.5,
    low: float = 0.0,
    level: float = 0.95,
) -> int:
    """How many labels give an interval of mean ± `half_width` by expectation, at least 2 (`label_half_width`).

    Raises ValueError for a half width of 0 or less, and where all `items` labelled, or ten million labels, are not
    enough.
    """
    if half_width <= 0.0:
        raise ValueError(f"required_labels: found half width {half_width}, expected more than 0")
    most = MOST if items is None else items

    def enough(n: int) -> bool:
        return (
            label_half_width(n, sd, correlation=correlation, items=items, mean=mean, low=low, level=level) <= half_width
        )

    if not enough(most):
        raise ValueError(f"required_labels: {most} labels do not give a half width of {half_width:g}")
    fewest, high = 1, most
    while high - fewest > 1:
        middle = (fewest + high) // 2
        fewest, high = (fewest, middle) if enough(middle) else (middle, high)
    return max(2, high)


def _is_shown(mean: float, variance: float, skewness: float, n: int, alpha: float, tests: int, binary: bool) -> bool:
    """Whether n differences with these sample moments are shown to be above 0 by p-value and interval.

    The draws of the interval are above 0 exactly where the sum of the weighted differences and the two ends is. The
    weights of the ends differ by a variable with characteristic function (1 + t²)^(-1/2), that of a product of two
    standard normal ones: given one of them, the sum is normal with its square as additional variance. The sum that is
    tested moves in steps of two where scores are binary; the exact p-value is that of a sum one lower.
    """
    if mean <= 0.0 or 2.0 ** (1 - n) > alpha / tests:
        return False
    squares = n * (variance + mean**2)
    tested = n * mean - (1.0 if binary else 0.0)
    if 2.0 * normal_cdf(-tested / math.sqrt(squares)) > alpha / tests:
        return False
    cubes = n * (skewness * variance**1.5 + 3.0 * mean * variance + mean**3)
    below = 0.0
    for weight, square in zip(_WEIGHTS, _SQUARES, strict=True):
        spread = math.sqrt(squares + square)
        z = -n * mean / spread
        density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        below += weight * (normal_cdf(z) - density * (z * z - 1.0) * cubes / (3.0 * spread**3))
    return below <= alpha / 2.0


def _shifted_gamma_cdf(z: float, skewness: float) -> float:
    """P(Z <= z) for a gamma variable, shifted and scaled to mean 0 and variance 1, mirrored for skewness below 0;
    the cube root of a gamma variable is taken to be normal (Wilson and Hilferty 1931).
    """
    if abs(skewness) < _LEAST_SKEWNESS:
        return normal_cdf(z)
    ninth = skewness**2 / 36.0  # 1 / (9 * shape)
    root = math.cbrt(max(1.0 + z * skewness / 2.0, 0.0))
    below = normal_cdf((root - 1.0 + ninth) / math.sqrt(ninth))
    return below if skewness > 0.0 else 1.0 - below


def _least(enough: Callable[[float], bool], low: float, high: float) -> float:
    """The least number between the two that is enough; the upper one is, and all above it."""
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _check(sd: float, level: float, power: float) -> None:
    if not (sd >= 0.0 and 0.0 < level < 1.0 and 0.0 < power < 1.0):
        raise ValueError(
            f"found sd {sd}, level {level}, power {power}, expected sd >= 0 and probabilities between 0 and 1"
        )
