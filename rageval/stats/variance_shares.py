"""How much of what settings change is one setting's doing: shares of the variance between the means of cells.

Cells are combinations of factors' levels. The sum of squares of a factor is what it adds to the fit of all factors
alone, and that of a pair of factors what it adds to the fit of all factors and pairs (type II, Yates 1934). In a
complete grid they are the usual ones, and they sum to 1 with what three and more factors do together.

Means of a sample vary by chance, so each sum of squares is too large by its noise, which the covariance of the cells'
means tells and which is taken off (the random-effects estimate of Searle, Casella and McCulloch 1992). The interval of
a share comes from a Bayesian bootstrap over questions (Rubin 1981). A draw's sums of squares hold that noise twice. The
lower end takes it off the term twice and off the rest once, the upper end the other way round: so an end never gains by
the noise of the other part (simulated: `tests/statistics/test_variance_shares.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rageval.stats.checks import check_level
from rageval.stats.clusters import Clusters, make_clustering
from rageval.stats.intervals import Interval
from rageval.stats.many import cluster_parts

DRAWS = 2000
METHOD = "type II, bootstrap over questions"
_NOTHING = 1e-9

Floats = NDArray[np.float64]
Term = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VarianceShare:
    """The share of a term, a factor (one position) or a pair of factors (two), of the variance between the means of the
    cells, 0 to 1. The interval is [0, 1] where the cells may not differ at all.
    """

    term: Term
    share: Interval


def variance_shares(
    scores: ArrayLike,
    levels: Sequence[Sequence[int]],
    *,
    level: float = 0.95,
    clusters: Clusters | None = None,
    rng: np.random.Generator,
) -> list[VarianceShare]:
    """The shares of all factors, then of all pairs of factors that can be told from the factors alone.

    `scores` has a row a cell and a column a question; `levels` a row a cell and a column a factor, whose levels are
    numbered. `clusters` are what questions share (`rageval.stats.clusters`). Empty where the cells differ by no more
    than chance: nothing is there to be shared out. Raises ValueError for other shapes, scores that are not finite, and
    a level outside (0, 1).
    """
    check_level(level, "variance_shares")
    x, design = np.asarray(scores, dtype=np.float64), np.asarray(levels, dtype=np.int64)
    if x.ndim != 2 or min(x.shape) < 2 or design.ndim != 2 or design.shape[0] != x.shape[0]:
        raise ValueError(
            f"variance_shares: found scores of shape {x.shape} and levels of shape {design.shape}, expected two "
            "cells or more by two questions or more, and a row of levels a cell"
        )
    if not np.all(np.isfinite(x)):
        raise ValueError("variance_shares: found scores that are not finite, expected finite numbers")
    cells, questions = x.shape
    sums, sizes = x, np.ones(questions)
    if clusters is not None:
        sums, sizes = cluster_parts(x, make_clustering(clusters, questions, "variance_shares"))
    means = x.mean(axis=1)
    units = sizes.size
    errors = (sums - means[:, None] * sizes) * np.sqrt(units / (units - 1)) / questions
    weights = rng.standard_exponential((DRAWS, units))
    drawn = (weights @ sums.T) / (weights @ sizes)[:, None]

    def squares(root: Floats) -> tuple[float, Floats, float]:
        """The sum of squares of the means and of each draw, and the noise in that of the means."""
        of_draws = np.sum((drawn @ root) ** 2, axis=1)
        return float(np.sum((means @ root) ** 2)), of_draws, float(np.sum((root.T @ errors) ** 2))

    whole, whole_drawn, whole_noise = squares(np.eye(cells) - 1.0 / cells)
    between = whole - whole_noise
    if between <= _NOTHING:
        return []
    found: list[VarianceShare] = []
    for term, root in _terms(design):
        own, own_drawn, noise = squares(root)
        rest_drawn, rest_noise = whole_drawn - own_drawn, whole_noise - noise
        low = _ratio(own_drawn - 2.0 * noise, rest_drawn - rest_noise, 0.0)
        high = _ratio(own_drawn - noise, rest_drawn - 2.0 * rest_noise, 1.0)
        point = min(max(own - noise, 0.0) / between, 1.0)
        ends = min(point, float(np.quantile(low, (1.0 - level) / 2.0))), float(np.quantile(high, (1.0 + level) / 2.0))
        found.append(VarianceShare(term, Interval(point, ends[0], max(point, ends[1]), level, METHOD, questions)))
    return found


def _ratio(own: Floats, rest: Floats, neither: float) -> Floats:
    """The share of `own` in both together, each at least 0; `neither` where both are."""
    own, rest = own.clip(0.0), rest.clip(0.0)
    both = own + rest
    return np.where(both > _NOTHING, own / np.where(both > _NOTHING, both, 1.0), neither)


def _terms(design: NDArray[np.int64]) -> list[tuple[Term, Floats]]:
    """Each factor and each pair of factors, with a matrix whose product with the means has its sum of squares."""
    factors: list[Term] = [(f,) for f in range(design.shape[1]) if np.unique(design[:, f]).size > 1]
    pairs: list[Term] = [(f, g) for (f,), (g,) in combinations(factors, 2)]
    found: list[tuple[Term, Floats]] = []
    for terms, others in ((factors, list[Term]()), (pairs, factors)):
        together = _basis(design, [*others, *terms])
        for term in terms:
            without = _basis(design, [*others, *(one for one in terms if one != term)])
            own = together - without @ (without.T @ together)
            left, sizes, _ = np.linalg.svd(own, full_matrices=False)
            root = left[:, sizes > 1e-6]
            if root.shape[1]:
                found.append((term, root))
    return found


def _basis(design: NDArray[np.int64], terms: Sequence[Term]) -> Floats:
    """Orthonormal columns that span the constant and the cells' means by the levels of each term."""
    columns = [np.ones((design.shape[0], 1))]
    for term in terms:
        _, codes = np.unique(design[:, list(term)], axis=0, return_inverse=True)
        columns.append(np.eye(int(codes.max()) + 1)[codes.ravel()])
    left, sizes, _ = np.linalg.svd(np.hstack(columns), full_matrices=False)
    return left[:, sizes > 1e-9 * sizes[0]]
