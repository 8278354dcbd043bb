"""docs/judges.md: its tables are those of the registries, and every metric has one paragraph that cites its source."""

import re

import pytest

from rageval.metrics import ALL_METRICS, MetricDefinition
from tests.docs.judges_page import PAGE, judges_of, with_tables

TEXT = PAGE.read_text(encoding="utf-8")
METRICS = {metric.name: metric for metric in ALL_METRICS}
EXPLAINED = [metric for metric in ALL_METRICS if metric.kind != "ranking"]

_SECTION = re.compile(r"^### (.+)\n((?:(?!##).*\n?)*)", re.MULTILINE)
_WORK = re.compile(r"\b[A-Z]\w+(?: et al\.| and \w+)? \d{4}\b")


def sections() -> list[tuple[list[str], str]]:
    """The names in each heading, arrows included, and what stands below it."""
    return [(heading.split(", "), body.strip()) for heading, body in _SECTION.findall(TEXT)]


def test_the_tables_are_those_of_the_registries() -> None:
    assert with_tables(TEXT) == TEXT, "run python -m tests.docs.judges_page"


def test_headings_name_metrics_with_their_direction() -> None:
    found = sections()
    assert len(found) == TEXT.count("\n### ")
    for names, _ in found:
        for name in names:
            assert name.removesuffix(" ↓") in METRICS, name
            assert METRICS[name.removesuffix(" ↓")].lower_is_better == name.endswith(" ↓"), name


@pytest.mark.parametrize("metric", EXPLAINED, ids=lambda metric: metric.name)
def test_every_metric_has_one_paragraph_with_its_judges_and_its_source(metric: MetricDefinition) -> None:
    """The work that the registry names is cited; a metric of our own is said to be ours."""
    bodies = [body for names, body in sections() if metric.name in [name.removesuffix(" ↓") for name in names]]
    assert len(bodies) == 1
    (body,) = bodies
    assert body
    assert "\n\n" not in body
    text = " ".join(body.split())
    for judge in judges_of(metric):
        assert f"`{judge}`" in text or judge == metric.name, judge
    for source in [r"\b[Oo]urs\b"] if metric.source == "rageval" else cited(metric.source):
        assert re.search(source, text), source


def cited(source: str) -> list[str]:
    """The works with their years (`Es et al. 2023`), as patterns; where there is none, the tool, which comes first."""
    return [re.escape(work) for work in _WORK.findall(source) or source.split()[:1]]
