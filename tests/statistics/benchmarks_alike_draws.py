"""Two benchmarks, the same systems: does the interval of Kendall's tau cover, and that of the slope?

    python -m tests.statistics.benchmarks_alike_draws [DRAWS]     # writes docs/statistics_benchmarks.md

200 draws take about a quarter of an hour.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rageval.stats.rank_agreement import difference_slope, rank_agreement

PAGE = Path(__file__).parents[2] / "docs" / "statistics_benchmarks.md"
Floats = NDArray[np.float64]
Order = Literal["the same", "half the differences", "nearly", "reversed", "unrelated"]
QUESTIONS_A_DOCUMENT = 4


@dataclass(frozen=True)
class Setting:
    """`systems` whose true means are `gap` apart, on average; scores are 0 or 1, or graded."""

    order: Order
    systems: int
    gap: float
    n: int
    graded: bool = False
    documents: bool = False


@dataclass(frozen=True)
class Found:
    """Coverage and mean width of tau's interval and of the bootstrap's percentiles, tau's bias; coverage of the slope,
    its median width where it is told, and how often it is.
    """

    covered: float
    width: float
    percentile: float
    percentile_width: float
    bias: float
    slope_covered: float
    slope_width: float
    slope_told: float


def true_means(setting: Setting, rng: np.random.Generator) -> tuple[Floats, Floats]:
    first = 0.6 + setting.gap * (np.arange(setting.systems) - (setting.systems - 1) / 2.0)
    centred = first - 0.6
    second = {
        "the same": centred,
        "half the differences": centred / 2.0,
        "nearly": centred + setting.gap * rng.standard_normal(setting.systems),
        "reversed": -centred,
        "unrelated": rng.permutation(centred),
    }[setting.order]
    return first.clip(0.02, 0.98), (0.5 + second).clip(0.02, 0.98)


def scores(means: Floats, setting: Setting, rng: np.random.Generator) -> Floats:
    """Questions are hard or easy for all systems, and where documents count, those of a document alike."""
    n = setting.n
    hard = rng.standard_normal(n)
    document = np.arange(n) // QUESTIONS_A_DOCUMENT
    if setting.documents:
        hard = math.sqrt(0.5) * (hard + rng.standard_normal(n)[document])
    latent = math.sqrt(0.5) * (hard + rng.standard_normal((means.size, n)))
    if setting.documents:  # systems also differ by document
        latent = math.sqrt(0.7) * latent + math.sqrt(0.3) * rng.standard_normal((means.size, n))[:, document]
    cuts = np.array([NormalDist().inv_cdf(1.0 - mean) for mean in means])[:, None]
    if not setting.graded:
        return (latent > cuts).astype(np.float64)
    shares = NormalDist().cdf
    uniform = np.vectorize(shares)(latent)
    return np.clip(means[:, None] + 0.6 * np.minimum(means, 1.0 - means)[:, None] * (2.0 * uniform - 1.0), 0.0, 1.0)


def tau_of(a: Floats, b: Floats) -> float:
    first, second = np.triu_indices(a.size, 1)
    return float(np.mean(np.sign(a[first] - a[second]) * np.sign(b[first] - b[second])))


def percentiles(first: Floats, second: Floats, rng: np.random.Generator) -> tuple[float, float]:
    """What most would compute: tau in resamples of the questions of both."""
    drawn = [x[:, rng.integers(0, x.shape[1], (300, x.shape[1]))].mean(axis=2).T for x in (first, second)]
    low, high = np.quantile([tau_of(a, b) for a, b in zip(*drawn, strict=True)], [0.025, 0.975])
    return float(low), float(high)


def draws(setting: Setting, reps: int, rng: np.random.Generator, *, compare: bool = True) -> Found:
    found = np.zeros((reps, 7))
    widths: list[float] = []
    for row in found:
        a, b = true_means(setting, rng)
        tau = tau_of(a, b)
        centred = a - a.mean(), b - b.mean()
        slope = float(centred[0] @ centred[1]) / float(centred[0] @ centred[0])
        x, y = scores(a, setting, rng), scores(b, setting, rng)
        document = (np.arange(setting.n) // QUESTIONS_A_DOCUMENT).tolist() if setting.documents else None
        one = rank_agreement(x, y, clusters=(document, document), rng=rng)
        line = difference_slope(x, y, clusters=(document, document), rng=rng)
        low, high = percentiles(x, y, rng) if compare else (-1.0, 1.0)
        if line.told:
            widths.append(line.high - line.low)
        row[:] = (
            one.low - 1e-9 <= tau <= one.high + 1e-9,
            one.high - one.low,
            low - 1e-9 <= tau <= high + 1e-9,
            high - low,
            one.tau - tau,
            line.low <= slope <= line.high,
            line.told,
        )
    covered, width, percentile, percentile_width, bias, slope_covered, told = found.mean(axis=0).tolist()
    return Found(
        covered,
        width,
        percentile,
        percentile_width,
        bias,
        slope_covered,
        float(np.median(widths)) if widths else math.nan,
        told,
    )


ORDERS: tuple[Order, ...] = ("the same", "half the differences", "nearly", "reversed", "unrelated")


def grid() -> Iterator[Setting]:
    for order in ORDERS:
        for systems, gap, n in ((4, 0.02, 60), (4, 0.1, 60), (8, 0.02, 100), (8, 0.07, 100)):
            yield Setting(order, systems, gap, n)
    for order in ("the same", "reversed"):
        yield Setting(order, 6, 0.05, 100, graded=True)
        yield Setting(order, 6, 0.05, 100, documents=True)


def page(reps: int) -> Iterator[str]:
    yield f"""# Do two benchmarks rank systems alike?

Written by `python -m tests.statistics.benchmarks_alike_draws {reps}`: {reps} draws a setting, nominal 95%, so a
coverage of .95 is known within ±{3 * math.sqrt(0.95 * 0.05 / reps):.3f}. Systems have true means that are `gap` apart
on the first benchmark; on the second they have the same differences, half of them, the same with noise as large as a
gap (nearly), reversed ones, or the same in another order (unrelated). n questions on each. Documents: four questions
each, alike.

tau: its interval from tests of all pairs, beside the percentiles of a bootstrap of both sets' questions, which is not
used. Bias: the mean of tau of the sample means less the true one. Slope: of the differences on the second benchmark
over those on the first, and how often its interval has ends.

"""
    yield (
        "| second | systems | gap | n | scores | tau: covered | width | bootstrap: covered | width | bias "
        "| slope: covered | width | told |"
    )
    yield "|---" * 13 + "|"
    rng = np.random.default_rng(0)
    for one in grid():
        found = draws(one, reps, rng)
        kind = ("graded" if one.graded else "0 or 1") + (", documents" if one.documents else "")
        yield (
            f"| {one.order} | {one.systems} | {one.gap:g} | {one.n} | {kind} | {found.covered:.3f} | {found.width:.2f} "
            f"| {found.percentile:.3f} | {found.percentile_width:.2f} | {found.bias:+.2f} | {found.slope_covered:.3f} "
            f"| {'–' if math.isnan(found.slope_width) else f'{found.slope_width:.2f}'} | {found.slope_told:.2f} |"
        )


if __name__ == "__main__":
    with PAGE.open("w", encoding="utf-8") as file:
        for line in page(int(sys.argv[1]) if len(sys.argv) > 1 else 200):
            print(line, file=file, flush=True)
