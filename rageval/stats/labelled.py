"""The difference of two systems by people's labels of some questions and a judge's scores of all.

Labels of both systems' answers to a question give a label of the difference, in [-1, 1], and the judge's scores one of
the judge's. From there on it is prediction-powered inference as for a mean (`rageval.stats.chain`). Questions whose
answers are the same in both differ by 0 for certain, and need no label.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rageval.stats.chain import DRAWS, Chain
from rageval.stats.checks import check_values
from rageval.stats.clusters import Labels, cluster_both
from rageval.stats.dirichlet import bound_draws, most_beyond, share_beyond
from rageval.stats.paired import MarginResult
from rageval.stats.several_judges import Scores, check_judges, first_of, joint_score

FEWEST_LABELS = 10
WHOLE = 1.0
UNSEEN = 0.4
_WIDER = 1.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelledDifference:
    """A mean difference in [-1, 1] over all questions. `lower` and `upper` are the draws, sorted, that its bounds are
    quantiles of. `judge_only` is the (first) judge's difference, `labels_only` (low, high at 95%) what the labels alone
    say, `weights` are those of the judges (`rageval.stats.several_judges`).
    """

    point: float
    n_labelled: int
    n: int
    judge_only: float
    labels_only: tuple[float, float]
    lower: Floats = field(repr=False, compare=False)
    upper: Floats = field(repr=False, compare=False)
    weights: tuple[float, ...] = (1.0,)

    def interval(self, level: float) -> tuple[float, float]:
        """The two-sided interval; it holds the point."""
        return _ends(self.lower, self.upper, level, self.point)

    @property
    def p_value(self) -> float:
        """Two-sided, of no difference. At most 1 - level where the interval at `level` excludes 0, but for its ends."""
        beyond = min(int(np.count_nonzero(self.lower <= 0.0)), int(np.count_nonzero(self.upper >= 0.0)))
        return share_beyond(min(2 * beyond, self.lower.size), self.lower.size)

    def against(self, margin: float) -> MarginResult:
        """One-sided p-values about -margin; use a difference whose ends weigh a whole label (`unseen=WHOLE`)."""
        draws = self.lower.size
        return MarginResult(
            share_beyond(int(np.count_nonzero(self.lower <= -margin)), draws),
            share_beyond(int(np.count_nonzero(self.upper >= -margin)), draws),
            self.lower,
            self.upper,
        )


def labelled_difference(
    labels: Sequence[float] | Floats,
    judged: Scores,
    unlabelled: Scores,
    *,
    same: int = 0,
    strata: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
    clusters: tuple[Labels, Labels] | None = None,
    unseen: float = UNSEEN,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> LabelledDifference:
    """The mean difference from `labels` of n questions, `judged`: the judge's differences on them, and `unlabelled`:
    its differences on other questions, all in [-1, 1], better if more. Several judges are a column each (`ppi_mean`).

    The n questions are a random sample of all that differ (within `strata`, of the labelled and of the others).
    `same` more questions have the same answer in both systems. `clusters` are those of labelled and of other questions.
    `unseen` is the weight, in labels, of a loss (a gain, for the upper bound) of everything that has not come yet: by
    default that of a two-sided interval; `WHOLE` for a gate. Fewer than ten labels are used without the judge. `level`
    is the one that few clusters are corrected for.

    Raises ValueError for no label, arrays that do not fit, and values outside [-1, 1].
    """
    y, scored = check_values(labels, "labelled_difference: labels"), check_judges(judged, "labelled_difference: judged")
    others = np.asarray(unlabelled, dtype=np.float64)
    f, u = first_of(scored), first_of(others)
    if y.size != f.size:
        raise ValueError(f"labelled_difference: found {y.size} labels and {f.size} judged, expected as many")
    for name, values in (("labels", y), ("judged", f), ("unlabelled", u)):
        if not np.all(np.abs(values) <= 1.0):
            raise ValueError(f"labelled_difference: found {name} outside [-1, 1] or NaN")
    if any(np.any(np.abs(values) > 1.0) for values in (scored, others)):
        raise ValueError("labelled_difference: found differences of a further judge outside [-1, 1]")
    rng = rng or np.random.default_rng(0)
    of_labelled, of_others = strata or ([0] * y.size, [0] * u.size)
    codes = np.asarray(np.unique([*map(repr, of_labelled), *map(repr, of_others)], return_inverse=True)[1])
    clusterings = None if clusters is None else cluster_both(*clusters)
    groups = None if clusterings is None else clusterings[0].groups
    joint = joint_score(y, scored, others, codes[: y.size], groups, binary=False)
    few = y.size < FEWEST_LABELS
    seen, unseen_by_people = (
        (np.zeros_like(f), np.zeros_like(u)) if few else ((joint.judged + 1.0) / 2.0, (joint.unlabelled + 1.0) / 2.0)
    )
    chain = Chain.over(
        (y + 1.0) / 2.0,
        seen,
        unseen_by_people,
        codes[: y.size],
        codes[y.size :],
        clusterings,
        level,
        binary=False,
        unseen=unseen,
    )

    def alone() -> tuple[Floats, Floats]:
        return bound_draws(y, low=-1.0, high=1.0, end=UNSEEN, rng=rng, design_effect=chain.effect, lump=chain.lump)

    found = _of_chain(chain, alone, float(y.mean()), np.concatenate([f, u]), same, level, rng)
    return replace(found, weights=joint.weights)


def difference_of_chain(
    chain: Chain, blind: Chain, judged: Floats, same: int, level: float, rng: np.random.Generator
) -> LabelledDifference:
    """From a chain over (difference + 1) / 2, and one without a judge for the labels alone; `judged` are the judge's
    differences on all questions of the chain. The rest as in `labelled_difference`.
    """

    def alone() -> tuple[Floats, Floats]:
        low, high = blind.draws(rng)
        return 2.0 * low - 1.0, 2.0 * high - 1.0

    return _of_chain(chain, alone, 2.0 * blind.point() - 1.0, judged, same, level, rng)


def _of_chain(
    chain: Chain,
    alone: Callable[[], tuple[Floats, Floats]],
    alone_point: float,
    judged: Floats,
    same: int,
    level: float,
    rng: np.random.Generator,
) -> LabelledDifference:
    lower, upper = (2.0 * one - 1.0 for one in chain.draws(rng))
    differ = judged.size
    share = rng.beta((differ + 0.5) / chain.effect, (same + 0.5) / chain.effect, DRAWS) if same else np.ones(DRAWS)
    centre = (2.0 * chain.point() - 1.0) * differ / (differ + same)
    stretch = 1.0 + _WIDER / chain.y.size
    lower, upper = (np.sort((centre + (share * one - centre) * stretch).clip(-1.0, 1.0)) for one in (lower, upper))
    of_labels = alone()
    return LabelledDifference(
        centre,
        chain.y.size,
        differ + same,
        float(judged.sum()) / (differ + same),
        _ends(
            np.sort(share * of_labels[0]), np.sort(share * of_labels[1]), level, alone_point * differ / (differ + same)
        ),
        lower,
        upper,
    )


def _ends(lower: Floats, upper: Floats, level: float, point: float) -> tuple[float, float]:
    most = most_beyond((1.0 - level) / 2.0, lower.size)
    if most < 0:
        return -1.0, 1.0
    return min(float(lower[most]), point), max(float(upper[-1 - most]), point)
