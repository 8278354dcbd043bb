"""Questions that share a source document are not independent: how much less do they tell?

The design effect (Kish 1965) is the variance of an estimate over clusters divided by what it would be if every item
stood alone; n items in clusters are worth n / design effect independent ones. Miller 2024 (arXiv 2411.00640) shows how
much it matters for evaluations of language models.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rageval.stats.quantiles import normal_quantile, t_quantile

Clusters: TypeAlias = "Sequence[Hashable] | NDArray[np.generic]"
Floats = NDArray[np.float64]


def cluster_codes(clusters: Clusters, n: int, name: str = "clusters") -> NDArray[np.int64]:
    """Clusters numbered from 0. Raises ValueError where there is not one label per item, or only one cluster."""
    labels = list(clusters)
    if len(labels) != n:
        raise ValueError(f"{name}: found {len(labels)} of them for {n} values, expected one each")
    numbers: dict[Hashable, int] = {}
    codes = np.array([numbers.setdefault(label, len(numbers)) for label in labels], dtype=np.int64)
    if len(numbers) < 2:
        raise ValueError(f"{name}: found {len(numbers)} cluster, expected at least 2: one cluster shows no variation")
    return codes


def design_effect(influence: Floats, codes: NDArray[np.int64]) -> float:
    """The design effect of an estimate whose items contribute `influence` (mean zero), at least 1.

    Where no item deviates at all, nothing is known of how alike the items of a cluster are, so they are taken to be
    copies of each other.
    """
    sums = np.bincount(codes, weights=influence)
    groups = sums.size
    alone = float(np.sum(influence**2))
    if alone <= 1e-24:
        sizes = np.bincount(codes).astype(np.float64)
        return float(np.sum(sizes**2) / np.sum(sizes))
    return max(1.0, float(np.sum(sums**2)) * groups / (groups - 1) / alone)


def few_clusters(groups: int, level: float) -> float:
    """A factor on the variance, above 1, for quantiles of the normal where few clusters call for Student's t."""
    p = (1.0 + level) / 2.0
    return (t_quantile(p, groups - 1) / normal_quantile(p)) ** 2
