"""Personalised PageRank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CLOSE = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """The links of an undirected graph with `nodes` nodes: one row of `ends`, shape (links, 2), joins two nodes.

    Two nodes that several rows join are linked that many times as strongly.
    """

    nodes: int
    ends: NDArray[np.intp]

    def rank(self, start: NDArray[np.float64], damping: float) -> NDArray[np.float64]:
        """The share of time that a walker spends at each node, shape (nodes,), who follows a random link with the
        probability `damping` and else begins anew at a node drawn by the weights `start`, shape (nodes,); sums to 1.

        At a node without links the walker always begins anew. `start` needs a positive sum. Source: Haveliwala 2002
        (topic-sensitive PageRank), by power iteration until the shares move by less than 1e-10 in all.
        """
        sources = np.concatenate([self.ends[:, 0], self.ends[:, 1]])
        targets = np.concatenate([self.ends[:, 1], self.ends[:, 0]])
        degrees = np.bincount(sources, minlength=self.nodes)
        start = start / start.sum()
        shares = start
        while True:
            carried = shares[sources] / degrees[sources]
            moved = damping * np.bincount(targets, weights=carried, minlength=self.nodes)
            moved += (1.0 - moved.sum()) * start
            change = float(np.abs(moved - shares).sum())
            shares = moved
            if change < _CLOSE:
                return shares
