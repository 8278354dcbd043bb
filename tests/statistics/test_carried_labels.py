"""Labels that carry over from release to release cover as a fresh sample of that size does."""

from __future__ import annotations

import math

import pytest

from tests.statistics.carried_draws import SHARE_NEW, tally


@pytest.mark.parametrize(("n", "binary", "draws"), [(40, True, 40), (100, True, 40), (40, False, 20)])
def test_carried_labels_cover_for_half_of_the_work(n: int, binary: bool, draws: int) -> None:
    """At least .93, less three standard errors of that many draws, of any release and of the five together (whose
    draws depend on each other: as if they were two).
    """
    found = tally(n, binary, draws)
    for covered in (found.mean, found.gain):
        assert min(covered) >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / draws)
        assert sum(covered) / len(covered) >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / (2 * draws))
    assert found.asked == found.pairs == pytest.approx(SHARE_NEW * n, rel=0.05)
