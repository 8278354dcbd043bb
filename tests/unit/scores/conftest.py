"""A small benchmark, and a judged run."""

from pathlib import Path

import pytest

from rageval.benchmark import load
from rageval.types import Benchmark
from tests.flow.judged_run import JudgedRun
from tests.flow.small_world import write_benchmark
from tests.unit.people.conftest import WriteItems, judge, write_items

__all__ = ["WriteItems", "judge", "write_items"]


@pytest.fixture
def run(tmp_path: Path) -> JudgedRun:
    """Forty questions on answer relevance, judged with errors; two failed, three have no score."""
    return JudgedRun(tmp_path / "lakes", 40, failed=2, unscored=3)


@pytest.fixture
def small(tmp_path: Path) -> Benchmark:
    """Eight documents and six questions in two languages; one question of each language cannot be answered."""
    return load(str(write_benchmark(tmp_path / "small")))
