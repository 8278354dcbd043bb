"""Do two sets of questions put the same systems in the same order?

Kendall's tau between the systems' means is biased towards 0: means of finite samples swap places where systems are
close, and a bootstrap swaps them once more. Its percentile interval then covers anything between all and nothing
(docs/statistics_benchmarks.md). So tau's interval comes from what can be told of every pair of systems: which of the
two is ahead on each set, by tests of all pairs together (`rageval.stats.many.mean_tests`). A pair that is not told on
both sets may count as agreement or as disagreement. The interval is wide where systems are close, and covers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rageval.stats.clusters import Clustering, Clusters, make_clustering
from rageval.stats.many import mean_tests
from rageval.stats.quantiles import t_quantile

DRAWS = 2000
_NOTHING = 1e-12

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RankAgreement:
    """Of all `pairs` of systems, how many are surely in the `same` order on both sets, surely in the `opposite` one,
    and not told. `tau`, and `low` and `high` of its interval, are in [-1, 1]: pairs in the same order less pairs in the
    opposite one, over all pairs; a tie counts 0.

    `clear` is the number of pairs told apart on either set, and `clear_same` how many of these are in the same order by
    the means; `share_low` and `share_high` hold the share that truly are. All statements hold together at `level`.
    """

    tau: float
    low: float
    high: float
    level: float
    pairs: int
    same: int
    opposite: int
    clear: int
    clear_same: int
    share_low: float
    share_high: float

    @property
    def untold(self) -> int:
        """How many pairs are not told on both sets."""
        return self.pairs - self.same - self.opposite


@dataclass(frozen=True, slots=True)
class DifferenceSlope:
    """The line through 0 of the differences on the second set over those on the first: 1 where both show the same
    differences, 0.5 where the second shows half of them. `low` and `high` are -inf and inf where the systems do not
    clearly differ on the first set; `point` is NaN where they differ by no more than chance brings.
    """

    point: float
    low: float
    high: float
    level: float

    @property
    def told(self) -> bool:
        """Whether the interval has ends."""
        return math.isfinite(self.low) and math.isfinite(self.high)


def rank_agreement(
    first: ArrayLike,
    second: ArrayLike,
    *,
    clusters: tuple[Clusters | None, Clusters | None] = (None, None),
    level: float = 0.95,
    rng: np.random.Generator,
) -> RankAgreement:
    """From the scores of the same systems (rows, in one order) on two sets of questions (columns), within [0, 1].

    `clusters` are those of each set's questions. Raises ValueError as `mean_tests`, and for numbers of systems that
    differ.
    """
    both = _both(first, second)
    signs, sure = np.zeros((2, 2, both[0].shape[0], both[0].shape[0]))
    for place, (x, of_set) in enumerate(zip(both, clusters, strict=True)):
        mean = np.asarray(x.mean(axis=1), dtype=np.float64)
        signs[place] = np.sign(np.round(mean[:, None] - mean[None, :], 12))
        sure[place] = mean_tests(x, clusters=of_set, rng=rng).p_adjusted <= (1.0 - level) / 2.0
    above = np.triu_indices(signs.shape[1], 1)
    product, told = (signs[0] * signs[1])[above], (sure[0] * sure[1])[above] > 0.0
    clear = (sure[0] + sure[1])[above] > 0.0
    pairs = product.size
    same, opposite = int(np.sum(told & (product > 0.0))), int(np.sum(told & (product < 0.0)))
    untold, of_clear = pairs - same - opposite, max(1, int(clear.sum()))
    return RankAgreement(
        float(product.mean()),
        (same - opposite - untold) / pairs,
        (same - opposite + untold) / pairs,
        level,
        pairs,
        same,
        opposite,
        int(clear.sum()),
        int(np.sum(clear & (product > 0.0))),
        same / of_clear if clear.any() else 0.0,
        1.0 - opposite / of_clear,
    )


def difference_slope(
    first: ArrayLike,
    second: ArrayLike,
    *,
    clusters: tuple[Clusters | None, Clusters | None] = (None, None),
    level: float = 0.95,
    rng: np.random.Generator,
) -> DifferenceSlope:
    """The regression, through 0, of the differences between systems on the second set on those on the first.

    Chance in the first set's differences would pull the slope to 0, so what they vary by chance is taken off their sum
    of squares. The interval is Fieller's (1954), from the covariance of the two sums in draws of a Bayesian bootstrap
    of the questions, or of their clusters, of both sets. Arguments and errors as for `rank_agreement`.
    """
    both = _both(first, second)
    means: list[Floats] = []
    drawn: list[Floats] = []
    degrees: list[int] = []
    for x, of_set in zip(both, clusters, strict=True):
        clustering = None if of_set is None else make_clustering(of_set, x.shape[1], "difference_slope")
        mean = _centred(np.asarray(x.mean(axis=1), dtype=np.float64)[None, :])[0]
        few = 1.0 if clustering is None else math.sqrt(clustering.few(level))
        means.append(mean)
        drawn.append(mean + few * (_centred(_weights(x.shape[1], clustering, rng) @ x.T) - mean))
        degrees.append(x.shape[1] if clustering is None else int(clustering.effective))
    by_chance = float(np.sum(np.var(drawn[0], axis=0)))
    top, bottom = float(means[0] @ means[1]), float(means[0] @ means[0]) - by_chance
    of_top, of_bottom = np.sum(drawn[0] * drawn[1], axis=1), np.sum(drawn[0] ** 2, axis=1)
    spread = np.asarray(np.cov(of_top, of_bottom), dtype=np.float64)
    t = t_quantile((1.0 + level) / 2.0, max(1, min(degrees) - 1)) ** 2
    point = top / bottom if bottom > _NOTHING else math.nan
    a, b, c = (
        float(product - t * variance)
        for product, variance in zip(
            (bottom**2, top * bottom, top**2), (spread[1, 1], spread[0, 1], spread[0, 0]), strict=True
        )
    )
    if bottom <= _NOTHING or a <= 0.0:
        return DifferenceSlope(point, -math.inf, math.inf, level)
    half = math.sqrt(max(b**2 - a * c, 0.0))
    return DifferenceSlope(point, (b - half) / a, (b + half) / a, level)


def _both(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[0] != y.shape[0] or x.shape[0] < 2:
        raise ValueError(
            f"rank_agreement: found scores of shapes {x.shape} and {y.shape}, expected a row for each of the same "
            "systems, two or more"
        )
    return x, y


def _centred(rows: Floats) -> Floats:
    return np.asarray(rows - rows.mean(axis=1, keepdims=True), dtype=np.float64)


def _weights(n: int, clustering: Clustering | None, rng: np.random.Generator) -> Floats:
    """Weights of the questions, which sum to 1, a row a draw; a question has a part of the weight of each cluster."""
    if clustering is None:
        weights = rng.standard_gamma(1.0, (DRAWS, n))
    else:
        of_clusters = rng.standard_gamma(1.0, (DRAWS, int(clustering.cluster.max()) + 1))
        weights = np.zeros((DRAWS, n))
        for item, cluster, weight in zip(clustering.item, clustering.cluster, clustering.weight, strict=True):
            weights[:, item] += weight**2 * of_clusters[:, cluster]
    return weights / weights.sum(axis=1, keepdims=True)
