"""trec_eval's own test files: every number of a measure that rageval has, to the four decimals printed."""

from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.io.trec_files import read_qrels, read_run
from rageval.metrics import Metric, parse
from rageval.metrics.ranking import score_rankings
from rageval.types import Score

DATA = Path(__file__).parents[3] / "shared" / "data" / "trec_eval"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/trec_eval is not there")

CUTOFFS = 9  # 5, 10, 15, 20, 30, 100, 200, 500, 1000
ALL_MEASURES = 3 + 4 * CUTOFFS + 3 + 1  # map, Rprec, recip_rank; P, recall, ndcg_cut, map_cut; success; ndcg


def read_expected(path: Path) -> dict[tuple[Metric, str], str]:
    """The printed numbers by metric and question (`all` for the mean), for the names that rageval knows."""
    expected: dict[tuple[Metric, str], str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, question, printed = line.split(maxsplit=2)
        try:
            expected[parse(name), question] = printed
        except DeclarationError:
            continue
    return expected


@pytest.mark.parametrize(
    ("output", "run", "n_numbers"),
    [
        ("out.test", "results.test", 3 + CUTOFFS),
        ("out.test.a", "results.test", ALL_MEASURES),
        ("out.test.aq", "results.test", 4 * ALL_MEASURES),
        ("out.test.aqc", "results.trunc", 4 * ALL_MEASURES),
    ],
)
def test_equals_printed_numbers(output: str, run: str, n_numbers: int) -> None:
    expected = read_expected(DATA / output)
    assert len(expected) == n_numbers
    labels = read_qrels(DATA / "qrels.test")
    questions = list(labels)
    metrics = list({metric for metric, _ in expected})
    scored = score_rankings(metrics, labels, read_run(DATA / run), questions)
    ours: dict[tuple[Metric, str], str] = {}
    for metric, by_question in scored.items():
        values = {question: score.value for question, score in by_question.items() if isinstance(score, Score)}
        assert list(values) == ["301", "302", "303"]
        values["all"] = sum(values.values()) / len(values)
        ours.update({(metric, question): f"{value:.4f}" for question, value in values.items()})
    assert {key: ours[key] for key in expected} == expected


def test_question_that_the_run_forgot_is_zero_in_both() -> None:
    """`results.trunc` has no row for question 302; trec_eval -c counts it."""
    assert "302" not in read_run(DATA / "results.trunc")
    assert read_expected(DATA / "out.test.aqc")[Metric("map"), "302"] == "0.0000"
