"""Answers of which people cannot tell are bounded, not left out: the interval covers whatever they would be."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.statistics.cannot_tell_draws import Doubted, tally

DRAWS = 12


@pytest.mark.parametrize(("rate", "doubted"), [(0.05, "yes"), (0.3, "no")])
def test_the_interval_covers(rate: float, doubted: Doubted, tmp_path: Path) -> None:
    """At least .93, less three standard errors of that many draws. Where all of the bad answers are those of which
    people cannot tell, an interval that leaves them out covers next to never.
    """
    found = tally(rate, doubted, DRAWS, tmp_path)
    assert found.covered >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / DRAWS)
    assert found.width >= found.left_out_width
    if rate == 0.3:
        assert found.left_out <= 0.2
