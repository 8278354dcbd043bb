"""The chain of docs/ares.md: a few draws here, and the limits that the committed table of many must keep."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.statistics.ares_draws import PAGE, WORLDS, Drawn, World, draw

DRAWS = 8


def boards(world: World, folder: Path) -> list[Drawn]:
    return [draw(world, 1000 + seed, folder / str(seed)) for seed in range(DRAWS)]


@pytest.mark.parametrize("world", [WORLDS[1], WORLDS[5]], ids=lambda world: world.name)
def test_intervals_cover_and_ranks_are_right(world: World, tmp_path: Path) -> None:
    """32 intervals: fewer than 26 cover with a probability of 0.006 if the coverage is 0.93."""
    found = boards(world, tmp_path)
    assert np.sum([one.covers for one in found]) >= 26
    assert sum(one.wrong_order for one in found) <= 2
    assert np.mean([one.widths for one in found]) <= np.mean([one.widths_of_labels for one in found])


def test_the_committed_table_keeps_the_limits() -> None:
    """Coverage at least 0.93 in every world, wrong orders at most 0.05 and two standard errors."""
    text = PAGE.read_text(encoding="utf-8")
    draws = int(re.findall(r"(\d+) draws of each world", text)[0])
    rows = re.findall(r"^\| (?!world|---)([^|]+) \| (\S+) \| (\S+) \| (\S+) \| (\S+) \|", text, flags=re.MULTILINE)
    assert [name for name, *_ in rows] == [world.name for world in WORLDS]
    assert draws >= 200
    for _, coverage, _, _, wrong in rows:
        assert float(coverage) >= 0.93
        assert float(wrong) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / draws)
