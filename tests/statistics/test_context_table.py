"""Do all intervals of the table of sufficient contexts cover together?"""

from __future__ import annotations

import numpy as np

from rageval.decide.context_table import BECAME, Became, context_table


def test_all_intervals_cover_together() -> None:
    """400 draws of 60 questions; the least coverage that chance allows with a true one of 95% is about 0.92."""
    rng = np.random.default_rng(11)
    shares = {True: (0.7, 0.25, 0.05), False: (0.1, 0.3, 0.6)}
    covered = 0
    draws = 400
    for _ in range(draws):
        enough = {str(i): float(rng.random() < 0.6) for i in range(60)}
        became: dict[str, Became | None] = {
            question: BECAME[rng.choice(3, p=shares[value == 1.0])] for question, value in enough.items()
        }
        found = context_table({"sufficient_context": {"questions": enough, "failed": []}}, became)
        assert found is not None
        covered += all(
            cell.low <= truth <= cell.high
            for row in found.rows
            for cell, truth in zip(row.shares, shares[row.sufficient], strict=True)
        )
    assert covered / draws >= 0.92
