"""Many differences at once, of which not all are over the same questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from rageval.stats.clusters import Clusters
from rageval.stats.many import SimultaneousIntervals, simultaneous_intervals


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Differences over one set of questions: a row a difference, a column a question, all within [-1, 1]; `clusters` as
    `simultaneous_intervals` takes them.
    """

    differences: ArrayLike
    clusters: Clusters | None = None


def intervals_over_sets(
    sets: Sequence[QuestionSet], *, level: float = 0.95, rng: np.random.Generator
) -> list[SimultaneousIntervals]:
    """Intervals for the means of all differences of all sets together, and p-values that agree with them, set by set.

    Within a set they are `simultaneous_intervals`. A set with m of M differences gets m / M of the error (Bonferroni
    over sets, since nothing says how sets hang together), and its p-values are M / m times as large. So a single set
    gets `simultaneous_intervals`, and sets of one difference each Bonferroni's intervals. `level` of the results is
    that of all together. Raises ValueError as `simultaneous_intervals`.
    """
    rows = [np.asarray(one.differences, dtype=np.float64) for one in sets]
    total = sum(map(len, rows))
    found: list[SimultaneousIntervals] = []
    for one, differences in zip(sets, rows, strict=True):
        share = len(differences) / total if total else 1.0
        own = simultaneous_intervals(differences, level=1.0 - (1.0 - level) * share, clusters=one.clusters, rng=rng)
        found.append(replace(own, level=level, p_adjusted=np.minimum(1.0, own.p_adjusted / share)))
    return found
