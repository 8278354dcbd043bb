from pathlib import Path

import pytest

from tests.flow.judged_run import JudgedRun


@pytest.fixture
def run(tmp_path: Path) -> JudgedRun:
    """Forty questions on answer relevance, judged with errors; two failed, three have no score."""
    return JudgedRun(tmp_path / "lakes", 40, failed=2, unscored=3)
