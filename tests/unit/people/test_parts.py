"""A number from verdicts on pieces: what the metric's own formula gives, and what the share of yes is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.metrics import Metric
from rageval.metrics.judged import judged_metric
from rageval.people.parts import SAID, Said, number_of_verdicts, piece_question, pieces_of
from rageval.types import Graded, Hit, Judgment, Passage, Question, Response

METRICS = {
    "faithfulness": "claim",
    "answer_precision": "claim",
    "answer_recall": "reference_claim",
    "context_recall": "reference_claim",
    "context_relevance": "passage",
}
QUESTION = Question("q", "How deep?", "en", ("61 metres",))


def case(metric: str, n: int) -> tuple[Metric, Response, list[Judgment]]:
    """A response with n passages, read in reverse order, and n judged pieces; others around them."""
    hits = tuple(Hit(Passage(f"d{i}", 0, 4, "text"), 1.0) for i in range(n + 1))
    (judge,) = judged_metric(Metric(metric)).judges
    item = METRICS[metric]
    pieces = [Judgment("q", judge, item, i, f"piece {i}", Graded(1.0)) for i in range(n)]
    others = [Judgment("q", judge, "answer", 0, "whole", Graded(0.0))] if metric == "faithfulness" else []
    return Metric(metric), Response(hits, "It is.", tuple(range(n))[::-1], abstained=False), [*others, *pieces]


@pytest.mark.parametrize("name", METRICS)
@given(st.lists(st.sampled_from(SAID), min_size=1, max_size=8))
def test_the_number_is_the_share_of_yes(name: str, verdicts: list[Said]) -> None:
    metric, response, said = case(name, len(verdicts))
    number = number_of_verdicts(metric, QUESTION, response, said, verdicts)
    if "cannot tell" in verdicts:
        assert number is None
    else:
        assert number == verdicts.count("yes") / len(verdicts)


@pytest.mark.parametrize("name", METRICS)
def test_the_pieces(name: str) -> None:
    metric, response, said = case(name, 3)
    pieces = pieces_of(metric, response, said)
    assert [piece.text for piece in pieces] == ["piece 0", "piece 1", "piece 2"]
    assert [piece.passage for piece in pieces] == ([3, 2, 1] if name == "context_relevance" else [0, 0, 0])
    assert set(piece_question(metric) or ()) == {"en", "zh"}


def test_other_metrics_have_no_pieces() -> None:
    _, response, said = case("faithfulness", 2)
    for name in ("attribution", "hallucination", "answer_relevance"):
        assert pieces_of(Metric(name), response, said) == ()
        assert piece_question(Metric(name)) is None


def test_a_verdict_for_each_piece() -> None:
    metric, response, said = case("faithfulness", 2)
    with pytest.raises(ValueError, match="found 1 verdicts, expected 2"):
        number_of_verdicts(metric, QUESTION, response, said, ["yes"])
