"""How many questions, how many labels: planning before money is spent, and what an inconclusive result still needs."""

from __future__ import annotations

import math

from rageval.stats.quantiles import normal_cdf, normal_quantile

MOST = 10_000_000


def minimum_detectable_effect(sd: float, n: int, *, level: float = 0.95, power: float = 0.8) -> float:
    """The mean difference that n paired differences with standard deviation `sd` show with probability `power`, by a
    two-sided test at `level` (normal approximation). Raises ValueError for sd < 0 or n < 2.
    """
    _check(sd, level, power)
    if n < 2:
        raise ValueError(f"minimum_detectable_effect: found n = {n}, expected at least 2")
    return (normal_quantile((1.0 + level) / 2.0) + normal_quantile(power)) * sd / math.sqrt(n)


def required_questions(
    difference: float, sd: float, *, margin: float | None = None, level: float = 0.95, power: float = 0.8
) -> int:
    """How many questions settle it with probability `power`.

    Without `margin`: to show a true mean difference of that size (either sign) by a two-sided test at `level`. With
    `margin`: for a gate at one-sided `level` to pass a candidate whose true difference is `difference`, above -margin.
    `sd` is that of the questions' differences. Raises ValueError where no number of questions would do, or where more
    than ten million would be needed.
    """
    _check(sd, level, power)

    def enough(n: int) -> bool:
        if margin is None:
            return minimum_detectable_effect(sd, n, level=level, power=power) <= abs(difference)
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

    low, high = -1.0, 1.0
    if not passes(high):
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    if sd == 0.0:
        return 1.0 if difference >= high else 0.0
    return normal_cdf((difference - high) / (sd / math.sqrt(n)))


def required_labels(half_width: float, sd: float, *, correlation: float = 0.0, level: float = 0.95) -> int:
    """How many labels give a prediction-powered interval of mean ± `half_width`, with many more judged items.

    `sd` is that of the labels (at most 0.5 in [0, 1]), `correlation` that of judge and people, -1 to 1; with 0 it is
    the number of labels that labels alone need. Normal approximation.
    """
    if half_width <= 0.0 or not -1.0 <= correlation <= 1.0:
        raise ValueError(
            f"required_labels: found half width {half_width}, correlation {correlation}, expected > 0 and -1 to 1"
        )
    _check(sd, level, 0.5)
    return max(2, math.ceil((normal_quantile((1.0 + level) / 2.0) * sd / half_width) ** 2 * (1.0 - correlation**2)))


def _check(sd: float, level: float, power: float) -> None:
    if not (sd >= 0.0 and 0.0 < level < 1.0 and 0.0 < power < 1.0):
        raise ValueError(
            f"found sd {sd}, level {level}, power {power}, expected sd >= 0 and probabilities between 0 and 1"
        )
