"""Two systems, the same questions: what one gains over the other, question by question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray

from rageval.stats.checks import check_level, check_values, is_binary
from rageval.stats.clusters import Clustering, Clusters, make_clustering
from rageval.stats.dirichlet import bound_draws, mean_draws, most_beyond, share_beyond
from rageval.stats.intervals import JEFFREYS, Interval, Method, mean_interval
from rageval.stats.permutation import mcnemar_p_value, sign_flip_p_value

PairedMethod: TypeAlias = Literal["auto", "permutation", "mcnemar", "t", "percentile", "bca", "studentised"]

PERMUTATIONS = 10_000
MARGIN_DRAWS = 20_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PairedResult:
    """`difference` is candidate - baseline. `p_value` is two-sided, of no difference, by `test`.

    `wins`, `ties` and `losses` count questions on which the candidate scores more, the same, less.
    """

    difference: Interval
    p_value: float
    test: str
    wins: int
    ties: int
    losses: int


@dataclass(frozen=True, slots=True)
class MarginResult:
    """One-sided p-values about a margin: `p_pass` of "the candidate is worse by the margin or more", which a small
    value refutes; `p_fail` of "it is not worse by more than the margin", likewise. `worst` and `best` are the draws of
    the mean difference that they rest on, sorted.
    """

    p_pass: float
    p_fail: float
    worst: Floats = field(repr=False, compare=False)
    best: Floats = field(repr=False, compare=False)

    def low(self, alpha: float) -> float:
        """The lower bound of the mean difference at one-sided level 1 - alpha: above -margin exactly where `p_pass` is
        at most alpha. -1 where there are too few draws for that level.
        """
        most = most_beyond(alpha, self.worst.size)
        return float(self.worst[most]) if most >= 0 else -1.0

    def high(self, alpha: float) -> float:
        """The upper bound likewise: below -margin exactly where `p_fail` is at most alpha."""
        most = most_beyond(alpha, self.best.size)
        return float(self.best[-1 - most]) if most >= 0 else 1.0


def paired_difference(
    baseline: Sequence[float] | Floats,
    candidate: Sequence[float] | Floats,
    *,
    level: float = 0.95,
    method: PairedMethod = "auto",
    clusters: Clusters | None = None,
    rng: np.random.Generator | None = None,
) -> PairedResult:
    """The mean of candidate - baseline over the same questions, both scored in [0, 1].

    `auto` tests by exact McNemar where every score is 0 or 1, else by Fisher's permutation test, in which each
    question's difference may have either sign; with `clusters` it tests by the draws of the interval, since signs of
    whole clusters say little where these are few or unequal. The interval is `dirichlet` over [-1, 1]
    (`mean_interval`). A bootstrap or `t` named as method makes the interval instead, with the permutation test beside
    it; there, and by `permutation`, questions flip together that share a cluster, through others too. Raises ValueError
    for arrays that do not fit, and scores that are not in [0, 1].
    """
    a, b = _scores(baseline, candidate, "paired_difference")
    check_level(level, "paired_difference")
    if method not in get_args(PairedMethod):
        raise ValueError(
            f"paired_difference: found method {method!r}, expected one of {', '.join(get_args(PairedMethod))}"
        )
    binary = is_binary(a) and is_binary(b)
    if method == "mcnemar" and (not binary or clusters is not None):
        raise ValueError("paired_difference: mcnemar expects independent scores of 0 and 1; use auto")
    rng = rng or np.random.default_rng(0)
    d = b - a
    wins, losses = int(np.sum(d > 0)), int(np.sum(d < 0))
    clustering = None if clusters is None else make_clustering(clusters, d.size)
    if method == "mcnemar" or (method == "auto" and binary and clustering is None):
        p_value, test = mcnemar_p_value(wins, losses), "mcnemar"
    elif method == "auto" and clustering is not None:
        p_value, test = _p_of_draws(d, clustering, level, rng), "dirichlet, clustered"
    else:
        groups = None if clustering is None else clustering.groups
        p_value, exact = sign_flip_p_value(d, clusters=groups, resamples=PERMUTATIONS, rng=rng)
        test = "permutation, exact" if exact else "permutation"
    how = "dirichlet" if method in ("auto", "permutation", "mcnemar") else cast(Method, method)
    difference = mean_interval(d, level=level, method=how, clusters=clustering, bounds=(-1.0, 1.0), rng=rng)
    return PairedResult(difference, p_value, test, wins, d.size - wins - losses, losses)


def against_margin(
    baseline: Sequence[float] | Floats,
    candidate: Sequence[float] | Floats,
    margin: float,
    *,
    clusters: Clusters | None = None,
    rng: np.random.Generator | None = None,
) -> MarginResult:
    """Tests of candidate - baseline against -margin, for a gate; scores in [0, 1], `margin` >= 0.

    The distribution of the mean difference is that of a Bayesian bootstrap with one whole unseen question at the end
    of the range that the test speaks against (Gaffke 2005; on zeros and ones that is Clopper–Pearson): fifty questions
    without a loss do not show that there are none. Seeded with 0 unless `rng` is given. Raises ValueError as
    `paired_difference` does, and for a margin outside [0, 1).
    """
    a, b = _scores(baseline, candidate, "against_margin")
    d = b - a
    if not 0.0 <= margin < 1.0:
        raise ValueError(f"against_margin: found margin {margin}, expected 0 <= margin < 1")
    rng = rng or np.random.default_rng(0)
    effect = lump = 1.0
    if clusters is not None:
        effect, lump = make_clustering(clusters, d.size).discount(d - d.mean(), 0.9)

    def drawn(ends: tuple[float, float]) -> Floats:
        return mean_draws(
            d, low=-1.0, high=1.0, ends=ends, rng=rng, design_effect=effect, lump=lump, draws=MARGIN_DRAWS
        )

    worst, best = np.sort(drawn((1.0, 0.0))), np.sort(drawn((0.0, 1.0)))
    return MarginResult(
        share_beyond(int(np.sum(worst <= -margin)), MARGIN_DRAWS),
        share_beyond(int(np.sum(best >= -margin)), MARGIN_DRAWS),
        worst,
        best,
    )


def _p_of_draws(d: Floats, clustering: Clustering, level: float, rng: np.random.Generator) -> float:
    """The two-sided p-value of mean zero by the draws that the `dirichlet` interval is made of."""
    effect, lump = clustering.discount(d - d.mean(), level)
    low, high = bound_draws(
        d, low=-1.0, high=1.0, end=JEFFREYS[0], rng=rng, design_effect=effect, lump=lump, draws=MARGIN_DRAWS
    )
    beyond = min(int(np.count_nonzero(low <= 0.0)), int(np.count_nonzero(high >= 0.0)))
    return share_beyond(min(2 * beyond, MARGIN_DRAWS), MARGIN_DRAWS)


def _scores(
    baseline: Sequence[float] | Floats, candidate: Sequence[float] | Floats, name: str
) -> tuple[Floats, Floats]:
    a, b = check_values(baseline, f"{name}: baseline"), check_values(candidate, f"{name}: candidate")
    if a.size != b.size:
        raise ValueError(f"{name}: found {a.size} and {b.size} scores, expected the same questions in both")
    if min(a.min(), b.min()) < 0.0 or max(a.max(), b.max()) > 1.0:
        raise ValueError(f"{name}: found scores outside [0, 1]")
    return a, b
