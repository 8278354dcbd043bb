"""The committed page of the extended grid obeys its limits, and some of its settings are drawn again."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from tests.statistics.extended_grid import (
    GRADED_MEAN,
    PAGE,
    Cell,
    cells,
    error_share,
    fewer_draws,
    graded_within,
    rare,
    sizes_of,
    whole_losses,
)

REPETITIONS = 60
AGAIN = [
    "interval of a mean, clusters | 5% of documents lost as a whole, 25 documents of about 8",
    "gate passes what is worse by its margin, clusters | 5% of documents lost as a whole, 50 documents of 4",
    "compare tells equal means apart, clusters | .9 lost on 5% of the documents, 50 documents of about 4",
    "ranks: some pair of equal means, clusters | half of 8 systems lose .45 on 5% of 100 documents of about 2",
    "labels and judge | graded and saturated, 75% ones, 20% zeros, n = 20 of 500",
    "labels and judge, clusters | 10% of 25 documents of 8 lost as a whole, n = 30",
    "difference by labels and judge | 0/1, rate 0.95, n = 40 of 400",
    "gate at margin 0 by labels and judge | 0/1, rate 0.8, n = 40 of 400",
]


def three_errors(share: float, repetitions: int) -> float:
    return 3 * math.sqrt(share * (1 - share) / repetitions)


def test_no_setting_of_the_committed_page_errs_beyond_its_limit() -> None:
    """Within three standard errors of 4,000 draws, or of 250 where far from the limit."""
    found = {
        f"{question} | {world}": float(share)
        for question, part in re.findall(
            r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
        for world, share in re.findall(r"^\| ([^|]+?) \| (0\.\d+) \|", part, re.MULTILINE)
    }
    everything = {f"{cell.name[0].upper()}{cell.name[1:]}": cell for cell in cells()}
    assert found.keys() == everything.keys()
    for name, share in found.items():
        limit = everything[name].limit
        assert share <= limit + three_errors(limit, 4000 if share > limit - 0.02 else 250), name


@pytest.mark.parametrize("cell", [cell for cell in cells() if cell.name in AGAIN], ids=lambda cell: cell.name)
def test_some_settings_again(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    fewer_draws(monkeypatch.setattr)
    share = error_share(cell, REPETITIONS)
    assert share is not None
    assert share <= cell.limit + three_errors(cell.limit, REPETITIONS)


def test_the_worlds_have_the_means_that_they_claim() -> None:
    rng = np.random.default_rng(1)
    sizes = sizes_of("equal", 20_000, 2)
    assert whole_losses(rng, sizes, 0.05, 0.9, 0.02).mean() == pytest.approx(0.855, abs=0.005)
    assert graded_within(rng, sizes, 0.5).mean() == pytest.approx(GRADED_MEAN, abs=0.005)
    assert rare(rng, (100_000,), 0.05, 0.9).mean() == pytest.approx(0.0, abs=0.005)
