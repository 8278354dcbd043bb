"""Questions that share a source document are not independent: how much less do they tell?

The design effect (Kish 1965) is the variance of an estimate over clusters divided by what it would be if every item
stood alone; n items in clusters are worth n / design effect independent ones. Miller 2024 (arXiv 2411.00640) shows how
much it matters for evaluations of language models.

Three things go wrong with few or unequal clusters, and each has its answer here. Residuals are smaller than errors,
most in a large cluster: they are divided by one less the cluster's share, the jackknife CR3 (Bell and McCaffrey 2002).
The variance itself is uncertain: quantiles are Student's t with as many degrees as there are effective clusters,
1 / sum(share^2), less one (`few`). And what happens to a whole document at once may not have happened yet: what has not
been seen comes in lumps of a cluster (`lump`).

An item may share several documents, and share one with an item that shares another with a third. Two items are then as
much alike as the documents that they share are of those that they have: shared / sqrt(number of one * number of the
other). Chains do not make one cluster of all.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from rageval.stats.quantiles import normal_quantile, t_quantile

Clusters: TypeAlias = "Sequence[Hashable] | NDArray[np.generic] | Clustering"
"""A label an item, or a frozenset of labels where an item is in several clusters; or what was made of them."""
Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

_NOTHING = 1e-24


@dataclass(frozen=True)
class Clustering:
    """Items and the clusters that they are in: `item[k]` is in `cluster[k]`, both numbered from 0, with `weight[k]`,
    one over the root of the number of its clusters. `n` is the number of items.
    """

    item: Codes
    cluster: Codes
    weight: Floats
    n: int

    def sums(self, values: Floats) -> Floats:
        """The weighted sums by cluster. The squares of these sum to the variance of a sum of the items."""
        return np.bincount(self.cluster, weights=self.weight * values[self.item]).astype(np.float64)

    def share_with(self, values: Floats) -> Floats:
        """For each item the sum of values over all items, each as far as it shares clusters with this one."""
        return np.bincount(self.item, weights=self.weight * self.sums(values)[self.cluster]).astype(np.float64)

    @cached_property
    def effective(self) -> float:
        """How many clusters of equal size would be as good: n^2 over the sum of how far items share clusters."""
        return self.n**2 / float(self.share_with(np.ones(self.n)).sum())

    @property
    def size(self) -> float:
        """The size of a cluster as an item sees it."""
        return self.n / self.effective

    @cached_property
    def groups(self) -> Codes:
        """Numbers items so that those which share a cluster, directly or through others, have the same number."""
        found = np.arange(self.n)
        while True:
            least = np.full(int(self.cluster.max()) + 1, self.n)
            np.minimum.at(least, self.cluster, found[self.item])
            moved = found.copy()
            np.minimum.at(moved, self.item, least[self.cluster])
            if np.array_equal(moved, found):
                return np.asarray(np.unique(found, return_inverse=True)[1], dtype=np.int64)
            found = moved

    def few(self, level: float) -> float:
        """A factor on the variance, above 1, for quantiles of the normal where few clusters call for Student's t."""
        p = (1.0 + level) / 2.0
        return (t_quantile(p, max(1, int(self.effective + 1e-9) - 1)) / normal_quantile(p)) ** 2

    def design_effect(self, influence: Floats, share: Floats | None = None) -> float:
        """The design effect of an estimate whose items contribute `influence` (mean zero), at least 1.

        `share` is how much each item weighs in the estimate, summing to 1; by default all weigh the same. Where no item
        deviates at all, nothing is known of how alike the items of a cluster are, so they are taken to be copies of
        each other.
        """
        alone = float(np.sum(influence**2))
        if alone <= _NOTHING:
            return self.size
        share = np.full(self.n, 1.0 / self.n) if share is None else share
        near = self.share_with(share)
        errors = influence / np.maximum(1.0 - near, 0.5 / self.n)
        own = float(np.sum(errors**2))
        together = own + self._understated * (float(np.sum(self.sums(errors) ** 2)) - own)
        return max(1.0, together * (1.0 - float(share @ near)) / alone)

    @property
    def unseen_size(self) -> float:
        """The size of a cluster that has not been seen: between the mean size and the size that an item sees."""
        return (self.n / (int(self.cluster.max()) + 1) + self.size) / 2.0

    def pair_effects(self, errors: Floats) -> Floats:
        """`design_effect` of the differences of all pairs of rows of (systems, items), each of mean zero: an array of
        shape (systems, systems), all at once.
        """
        near = self.share_with(np.full(self.n, 1.0 / self.n))
        inflated = errors / np.maximum(1.0 - near, 0.5 / self.n)
        alone, own = _squares(errors), _squares(inflated)
        between = _squares(np.array([self.sums(row) for row in inflated]))
        together = (own + self._understated * (between - own)) * (1.0 - float(near.mean()))
        size = np.sum(errors**2, axis=1)
        nothing = alone <= _NOTHING + 1e-12 * (size[:, None] + size[None, :])
        return np.where(nothing, self.size, np.maximum(1.0, together / np.where(nothing, 1.0, alone)))

    def lump(self, effect: float) -> float:
        """The weight of a cluster where each item counts for 1 / effect; at least 1."""
        return max(1.0, self.unseen_size / effect)

    def discount(self, influence: Floats, level: float, share: Floats | None = None) -> tuple[float, float]:
        """By what the weight of every item is divided for an interval at `level`, the factor for few clusters included,
        and the weight of the lumps that the unseen comes in.
        """
        effect = self.design_effect(influence, share)
        return effect * self.few(level), self.lump(effect)

    @cached_property
    def _understated(self) -> float:
        """What sharing two of three documents and the like takes off the sum of products: the share that two items have
        in common counts twice in it, once in the data and once as a weight.
        """
        clusters_of = np.bincount(self.item, minlength=self.n)
        if clusters_of.max() == 1:
            return 1.0
        shared = float(self.share_with(np.ones(self.n)).sum()) - self.n
        order = np.argsort(self.item, kind="stable")
        starts = np.concatenate([[0], np.cumsum(clusters_of)[:-1]])
        width = int(self.cluster.max()) + 1
        keys: list[Codes] = []
        weights: list[Floats] = []
        for count in np.unique(clusters_of).tolist():
            mine = order[starts[clusters_of == count][:, None] + np.arange(count)]
            first, second = self.cluster[mine][:, :, None], self.cluster[mine][:, None, :]
            keys.append((first * width + second).ravel())
            weights.append(np.full(keys[-1].size, 1.0 / count))
        _, pair = np.unique(np.concatenate(keys), return_inverse=True)
        squares = float(np.sum(np.bincount(pair, weights=np.concatenate(weights)) ** 2)) - self.n
        return shared / squares if squares > 1e-9 and shared > 1e-9 else 1.0


def _squares(rows: Floats) -> Floats:
    """The squared distance of each pair of rows."""
    products = rows @ rows.T
    norms = np.diag(products)
    return np.maximum(norms[:, None] + norms[None, :] - 2.0 * products, 0.0)


Labels: TypeAlias = "Sequence[Hashable] | NDArray[np.generic]"


def cluster_both(first: Labels, second: Labels, name: str = "clusters") -> tuple[Clustering, Clustering]:
    """The clustering of the first items alone, and of first and second items together. Raises as `make_clustering`."""
    together = [*first, *second]
    return (
        make_clustering(first, len(first), f"{name} of the labelled items"),
        make_clustering(together, len(together), name),
    )


def make_clustering(clusters: Clusters, n: int, name: str = "clusters") -> Clustering:
    """The clustering of n items. An empty frozenset is a cluster of its own.

    Raises ValueError where there is not one label (or set of labels) an item, or where all items are in one cluster.
    """
    if isinstance(clusters, Clustering):
        return clusters
    if len(clusters) != n:
        raise ValueError(f"{name}: found {len(clusters)} of them for {n} values, expected one each")
    found = _cluster(tuple(clusters))
    if np.bincount(found.cluster, weights=found.weight).max() >= n - 1e-9:
        raise ValueError(f"{name}: found 1 cluster, expected at least 2: one cluster shows no variation")
    return found


@lru_cache(maxsize=32)
def _cluster(labels: tuple[Hashable, ...]) -> Clustering:
    """Kept, since every metric of a run has the same questions."""
    numbers: dict[Hashable, int] = {}
    items: list[int] = []
    codes: list[int] = []
    weights: list[float] = []
    for place, label in enumerate(labels):
        several = cast("frozenset[Hashable]", label) if isinstance(label, frozenset) else frozenset([label])
        for one in sorted(several, key=repr) or [object()]:
            items.append(place)
            codes.append(numbers.setdefault(one, len(numbers)))
            weights.append(max(1, len(several)) ** -0.5)
    return Clustering(np.array(items), np.array(codes), np.array(weights), len(labels))
