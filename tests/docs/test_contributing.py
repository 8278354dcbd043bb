"""CONTRIBUTING.md: what it names is there."""

import re
from pathlib import Path

from rageval.metrics import ALL_METRICS, catalogue

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_path_is_there() -> None:
    paths = re.findall(r"`((?:rageval|pipelines|docs|benchmarks)/[\w./-]*)`", PAGE)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_a_metrics_row_is_where_the_page_says() -> None:
    (path,) = re.findall(r"\*\*A new metric\*\*.*? has a row in\s+`([^`]*)`", PAGE, flags=re.DOTALL)
    assert (ROOT / path).samefile(catalogue.__file__)
    assert catalogue.ALL_METRICS is ALL_METRICS
