"""The chain rule of prediction-powered inference: split items by the judge's verdict, ask people how each part fares.

    mean label = sum over cells of  P(cell) * mean label within the cell

P(cell) is known from the judge's scores of all items, the mean within a cell from its labelled items. For zeros and
ones and two cells that is θ = q * PPV + (1 - q) * FOR with Beta posteriors, the "Beta chain rule". Here it is carried
over to labels between 0 and 1 (a Bayesian bootstrap with the ends of the range, `rageval.stats.dirichlet`), to judges
with graded scores (within the cells the labels are also regressed on the score, when that clearly helps), to strata (a
cell is a part of one stratum) and to clusters (all counts are divided by the design effect).

Unlike a normal interval around θ(λ), it cannot overlook that a cell in which all labels agree may still hold others.
The weights of the ends and the widening for few labels were set by simulation: docs/statistics.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rageval.stats.checks import is_binary
from rageval.stats.clusters import Clustering
from rageval.stats.dirichlet import DRAWS, bound_draws, mean_draws
from rageval.stats.quantiles import normal_cdf, normal_quantile, t_quantile

# Weight of the ends of the range in each cell, in labels. For zeros and ones in two cells both ends weigh on both
# bounds, else each on its own bound alone: so too in a cell with fewer labels than FEWEST_A_CELL, where one label
# speaks for many items.
END_BINARY = 0.4
END_GRADED = 0.2
FEWEST_A_CELL = 2
# The normal quantile is widened by 1 + WIDER / n: by the first of these that stays below the width of labels alone.
WIDER = (1.0, 0.35)
# Regress within cells only where a one-sided t test at this level shows the slope.
CLEAR_SLOPE = 0.975
# A score is cut at one half unless that leaves fewer than this share of items on one side; then at its mean.
SMALLEST_SIDE = 0.1

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Chain:
    """Everything that the draws need. `labelled` and `all_items` are the cells of the items, numbered from 0.

    `places` are the labelled ones among all items: the first ones, each once, unless they were drawn with unequal
    probabilities (`Chain.drawn`). There `weights` are how many items each draw stands for, and `frame` is the variance
    of an item about its cell's mean, over mean * (1 - mean): the items are a sample too, which draws with replacement
    do not show.
    """

    y: Floats
    f: Floats
    scores: Floats
    labelled: Codes
    all_items: Codes
    lam: float
    stretch: float
    effect: float
    lump: float
    binary: bool
    end: float
    places: Codes
    weights: Floats
    frame: float = 0.0
    finite: bool = False

    @classmethod
    def over(
        cls,
        y: Floats,
        f: Floats,
        u: Floats,
        strata_labelled: Codes,
        strata_unlabelled: Codes,
        clusters: tuple[Clustering, Clustering] | None,
        level: float,
        *,
        binary: bool | None = None,
        unseen: float | None = None,
        finite: bool = False,
    ) -> Chain:
        """Cells, slope and design effect. A graded score is cut in two. `clusters` are those of the labelled items and
        of all. `binary` says whether labels can only be 0 or 1; by default what was seen says it. `unseen` is the
        weight of an end over all cells, in labels. `finite` makes draws of the mean over exactly these items.
        """
        scores = np.concatenate([f, u])
        strata = np.concatenate([strata_labelled, strata_unlabelled])
        binary = is_binary(y) if binary is None else binary
        side = scores >= cut_at(scores, binary_labels=binary)
        if not binary and not rises_clearly(y, f):
            side[:] = False
        if strata.max() > 0:
            side &= _enough_labels(strata_labelled, side[: y.size])[strata]
        _, codes = np.unique(strata * 2 + side, return_inverse=True)
        cells = codes.astype(np.int64)
        places, weights = np.arange(y.size), np.ones(y.size)
        chain = cls._made(y, scores, cells, places, weights, u.size, binary, unseen)
        return replace(chain, finite=finite)._told(clusters, level)

    @classmethod
    def drawn(
        cls,
        y: Floats,
        places: Codes,
        scores: Floats,
        stands_for: Floats,
        clusters: tuple[Clustering, Clustering] | None,
        level: float,
        *,
        binary: bool | None = None,
        unseen: float | None = None,
    ) -> Chain:
        """The chain of items drawn independently, with replacement and known probabilities: `places` of the draws among
        all items, whose `scores` are known. One draw of an item `stands_for` 1 / (items * probability) items. The rest
        as in `over`; clusters are of the items that were drawn, each once, and of all.
        """
        binary = is_binary(y) if binary is None else binary
        _, codes = np.unique(scores >= cut_at(scores, binary_labels=binary), return_inverse=True)
        cells, weights = codes.astype(np.int64), stands_for[places]
        chain = cls._made(y, scores, cells, places, weights, scores.size, binary, unseen)
        residual, fitted = chain.errors()
        means = fitted[places].clip(0.0, 1.0)
        within, most = float(np.sum(weights * residual**2)), float(np.sum(weights * means * (1.0 - means)))
        return replace(chain, frame=min(within / most, 1.0) if most > 0.0 else 0.0)._told(clusters, level)

    @classmethod
    def _made(
        cls,
        y: Floats,
        scores: Floats,
        cells: Codes,
        places: Codes,
        weights: Floats,
        others: int,
        binary: bool,
        unseen: float | None,
    ) -> Chain:
        f, labelled = scores[places], cells[places]
        lam, stretch = (0.0, 1.0) if binary else _slope(y, f, labelled, weights, others)
        end = END_BINARY if binary else END_GRADED
        if unseen is not None:
            end = unseen / int(cells.max() + 1)
        return cls(y, f, scores, labelled, cells, lam, stretch, 1.0, 1.0, binary, end, places, weights)

    def _told(self, clusters: tuple[Clustering, Clustering] | None, level: float) -> Chain:
        """With the design effect of clusters."""
        if clusters is None:
            return self
        labelled, everything = clusters
        share = np.bincount(self.places, weights=self.weights, minlength=self.scores.size)
        effect = everything.design_effect(self._influence(), share / share.sum())
        return replace(self, effect=effect * labelled.few(level), lump=labelled.lump(effect))

    def interval(self, level: float, rng: np.random.Generator, width: float) -> tuple[float, float, float]:
        """Point, low and high; `width` is that of the interval from labels alone."""
        point, (lower, upper) = self.point(), self.draws(rng)
        low, high = 0.0, 1.0
        for wider in WIDER:
            tail = normal_cdf(-normal_quantile((1.0 + level) / 2.0) * (1.0 + wider / self.y.size))
            low, high = max(float(np.quantile(lower, tail)), 0.0), min(float(np.quantile(upper, 1.0 - tail)), 1.0)
            if high - low <= width:
                break
        return point, min(low, point), max(high, point)

    def _shares(self) -> Floats:
        return np.bincount(self.all_items) / self.all_items.size

    def _score_means(self) -> Floats:
        return np.bincount(self.all_items, weights=self.scores) / np.bincount(self.all_items)

    def _cell_means(self) -> Floats:
        """Of y - lam * f over the labelled items; where a cell has none, that of all labels."""
        cells = self._shares().size
        counts = np.bincount(self.labelled, weights=self.weights, minlength=cells)
        residual = self.weights * (self.y - self.lam * self.f)
        sums = np.bincount(self.labelled, weights=residual, minlength=cells)
        elsewhere = np.average(self.y, weights=self.weights) - self.lam * self._score_means()
        return np.where(counts > 0, sums / np.where(counts > 0, counts, 1.0), elsewhere)

    @property
    def even(self) -> bool:
        """Whether every labelled item stands for as many."""
        return bool(np.all(self.weights == 1.0))

    def point(self) -> float:
        """The estimate."""
        return min(max(float(np.sum(self._shares() * self.cell_points())), 0.0), 1.0)

    def cell_points(self) -> Floats:
        """The estimated mean within each cell."""
        return self._cell_means() + self.lam * self._score_means()

    def errors(self) -> tuple[Floats, Floats]:
        """Of each labelled item, by what its label differs from what cell and score say; and what these say of all."""
        fitted = self._cell_means()[self.all_items] + self.lam * self.scores
        return self.y - fitted[self.places], fitted

    def _influence(self) -> Floats:
        """What each item adds to the estimate's error."""
        shares, (residual, fitted) = self._shares(), self.errors()
        influence = (fitted - self.point()) / self.all_items.size
        counts = np.bincount(self.labelled, weights=self.weights, minlength=shares.size)
        per_label = self.weights * (shares / np.where(counts > 0, counts, 1.0))[self.labelled]
        return influence + np.bincount(self.places, weights=per_label * residual, minlength=influence.size)

    def draws(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """For the lower and for the upper bound."""
        counts = np.bincount(self.all_items) / self.effect
        if self.finite:
            shares = np.broadcast_to(self._shares(), (DRAWS, counts.size))
        else:
            shares = rng.standard_gamma(counts + 0.5, (DRAWS, counts.size))
            shares /= shares.sum(axis=1, keepdims=True)
        lower, upper = self.cell_draws(rng)
        lower, upper = np.sum(shares * lower, axis=1), np.sum(shares * upper, axis=1)
        if self.finite:
            # Labelled items are known: what is left open is what labels say of the others.
            part, point = math.sqrt(1.0 - self.y.size / self.all_items.size), self.point()
            return point + (lower - point) * part, point + (upper - point) * part
        return lower, upper

    def cell_draws(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Of the mean within each cell (a column each), for the lower and for the upper bound."""
        score_means, cell_means = self._score_means(), self._cell_means()
        counts = np.bincount(self.all_items) / self.effect
        lower, upper = np.zeros((DRAWS, counts.size)), np.zeros((DRAWS, counts.size))
        for cell in range(counts.size):
            mine = self.labelled == cell
            weights = None if self.even else self.weights[mine]
            residual = self.y[mine] - self.lam * self.f[mine]
            residual = cell_means[cell] + (residual - cell_means[cell]) * self.stretch
            shift = self.lam * score_means[cell]
            moved = np.full(DRAWS, shift)
            if self.lam and not self.finite:
                spread = float(np.std(self.scores[self.all_items == cell])) / math.sqrt(counts[cell])
                moved += self.lam * spread * rng.standard_normal(DRAWS)
            if self.binary and counts.size <= 2 and mine.sum() >= FEWEST_A_CELL:
                both = mean_draws(
                    residual,
                    low=0.0,
                    high=1.0,
                    ends=(self.end, self.end),
                    rng=rng,
                    design_effect=self.effect,
                    lump=self.lump,
                    weights=weights,
                )
                bounds = both, both
            else:
                bounds = bound_draws(
                    residual,
                    low=-shift,
                    high=1.0 - shift,
                    end=self.end,
                    rng=rng,
                    design_effect=self.effect,
                    lump=self.lump,
                    weights=weights,
                )
            low, high = (bound + moved for bound in bounds)
            if self.frame:
                noise = rng.standard_normal(DRAWS) * math.sqrt(self.frame / counts[cell])
                low, high = (m + np.sqrt((m * (1.0 - m)).clip(0.0)) * noise for m in (low, high))
            lower[:, cell], upper[:, cell] = low, high
        return lower, upper


def rises_clearly(y: Floats, f: Floats) -> bool:
    """Whether graded labels clearly rise with the judge's scores; a cut by one that tells nothing only makes cells."""
    together = np.zeros(y.size, dtype=np.int64)
    return _slope(y, f, together, np.ones(y.size), y.size)[0] > 0.0


def _enough_labels(strata: Codes, side: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """For each stratum whether both sides of the cut have labels to speak of; a stratum is not cut otherwise."""
    above = np.bincount(strata, weights=side)
    return np.minimum(above, np.bincount(strata) - above) >= FEWEST_A_CELL


def cut_at(scores: Floats, *, binary_labels: bool) -> float:
    """Where scores are cut in two cells: at one half, or at their mean."""
    if is_binary(scores):
        return 0.5
    if binary_labels and SMALLEST_SIDE <= float(np.mean(scores >= 0.5)) <= 1.0 - SMALLEST_SIDE:
        return 0.5
    return float(scores.mean())


def _slope(y: Floats, f: Floats, cells: Codes, weights: Floats, others: int) -> tuple[float, float]:
    """The slope of y on f within the cells, shrunk as in PPI++, and the factor that makes up for residuals which the
    fit made too small. Slope 0 where it is not clearly above 0 (t test); only cells in which f varies count.
    """
    counts = np.bincount(cells, weights=weights)
    counts[counts == 0.0] = 1.0
    root = np.sqrt(weights)
    dy = root * (y - (np.bincount(cells, weights=weights * y) / counts)[cells])
    df = root * (f - (np.bincount(cells, weights=weights * f) / counts)[cells])
    varies = (np.bincount(cells, weights=df**2) > 1e-12)[cells]
    n, groups = int(varies.sum()), np.unique(cells[varies]).size
    freedom = n - groups - 1
    yy, ff, yf = (float(np.sum((a * b)[varies])) for a, b in ((dy, dy), (df, df), (dy, df)))
    if freedom < 3 or yf <= 0.0 or yy <= 0.0:
        return 0.0, 1.0
    unexplained = max(yy - yf**2 / ff, 0.0)
    if yf**2 / ff * freedom <= t_quantile(CLEAR_SLOPE, freedom) ** 2 * unexplained:
        return 0.0, 1.0
    return yf / ff / (1.0 + y.size / max(others, 1)), math.sqrt((n - groups) / freedom * (1.0 + 1.0 / n))
