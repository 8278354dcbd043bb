from pathlib import Path

import pytest

from rageval.benchmark import load
from rageval.types import Benchmark
from tests.flow.small_world import write_benchmark


@pytest.fixture
def small(tmp_path: Path) -> Benchmark:
    """Eight documents and six questions in two languages."""
    return load(str(write_benchmark(tmp_path / "small")))
