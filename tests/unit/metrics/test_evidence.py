"""Evidence metrics by hand, and what their entries refuse."""

from __future__ import annotations

import numpy as np
import pytest

from rageval.errors import DeclarationError
from rageval.metrics import Metric, parse
from rageval.metrics.evidence import EvidenceArrays, PassageArrays, score_evidence, score_evidence_arrays
from rageval.metrics.evidence_spans import Span, evidence_parts, precision_omega, within_budget
from rageval.text import count_tokens
from rageval.types import Document, RelevanceLabel

NAMES = ("recall", "hit", "all", "precision", "iou", "mrr", "ndcg")


def scores_at(k: int, parts: list[tuple[Span, ...]], passages: list[Span]) -> dict[str, float]:
    metrics = {name: Metric(f"evidence_{name}", k) for name in NAMES}
    found = score_evidence([*metrics.values()], {"q": parts}, {"q": passages})
    return {name: found[metric]["q"] for name, metric in metrics.items()}


def test_two_adjacent_passages_hold_a_span_that_neither_holds() -> None:
    """Evidence 90 to 110, passages 0 to 100 and 100 to 200: half of it each. The first holds its beginning, but is
    longer than the span; so no passage counts for the reciprocal rank.
    """
    parts = [(Span("a", 90, 110),)]
    read = [Span("a", 0, 100), Span("a", 100, 200)]
    assert scores_at(1, parts, read) == pytest.approx(
        {"recall": 0.5, "hit": 0, "all": 0, "precision": 0.1, "iou": 10 / 110, "mrr": 0, "ndcg": 0.5}
    )
    assert scores_at(2, parts, read) == pytest.approx(
        {"recall": 1, "hit": 1, "all": 1, "precision": 0.1, "iou": 0.1, "mrr": 0, "ndcg": 0.5 + 0.5 / np.log2(3)}
    )


def test_the_first_part_of_a_span_that_is_longer_than_its_passages() -> None:
    parts = [(Span("a", 10, 100),)]
    assert scores_at(3, parts, [Span("a", 50, 80), Span("b", 0, 30), Span("a", 0, 30)])["mrr"] == pytest.approx(1 / 3)
    assert scores_at(3, parts, [Span("a", 50, 80), Span("a", 0, 30)])["mrr"] == 1 / 2
    assert scores_at(3, parts, [Span("a", 50, 80)])["mrr"] == 0


def test_a_repeated_passage_is_read_twice_and_found_once() -> None:
    scores = scores_at(2, [(Span("a", 0, 10),)], [Span("a", 0, 40), Span("a", 0, 40)])
    assert (scores["precision"], scores["iou"], scores["recall"]) == pytest.approx((10 / 80, 10 / 80, 1.0))


def test_of_alternatives_the_one_that_is_covered_best_counts() -> None:
    """Another language says the same: the second passage holds that alternative whole."""
    english, chinese = Span("en", 0, 100), Span("zh", 0, 40)
    other = Span("en", 500, 520)
    parts = [(chinese, english), (other,)]
    read = [Span("en", 0, 60), Span("zh", 0, 50)]
    assert scores_at(1, parts, read)["recall"] == pytest.approx(60 / 120)
    assert scores_at(2, parts, read)["recall"] == pytest.approx(40 / 60)
    assert scores_at(2, parts, read)["hit"] == 1.0
    assert scores_at(2, parts, read)["all"] == 0.0


def test_of_equal_alternatives_the_shortest_counts() -> None:
    parts = [(Span("zh", 0, 40), Span("en", 0, 100)), (Span("b", 0, 60),)]
    assert scores_at(1, parts, [Span("b", 0, 60)])["recall"] == pytest.approx(60 / 100)


def test_an_empty_result_scores_nothing() -> None:
    assert set(scores_at(5, [(Span("a", 0, 10),)], []).values()) == {0.0}


def test_the_best_ranking_has_one_passage_for_each_document() -> None:
    """Two hops of 30 and 10 characters: the smaller one first is not the best order, and is not 0 either."""
    parts = [(Span("a", 0, 30),), (Span("b", 0, 10),)]
    assert scores_at(5, parts, [Span("a", 0, 99), Span("b", 0, 99)])["ndcg"] == 1.0
    found = scores_at(5, parts, [Span("b", 0, 99), Span("a", 0, 99)])["ndcg"]
    assert found == pytest.approx((0.25 + 0.75 / np.log2(3)) / (0.75 + 0.25 / np.log2(3)))
    assert scores_at(1, parts, [Span("a", 0, 99)])["ndcg"] == 1.0


def test_precision_omega_by_hand() -> None:
    """Evidence 90 to 110 in passages of 100: two of them touch it. With overlap of a half, three do."""
    parts = [(Span("a", 90, 110),)]
    assert precision_omega(parts, [Span("a", at, at + 100) for at in range(0, 1000, 100)]) == pytest.approx(20 / 200)
    assert precision_omega(parts, [Span("a", at, at + 100) for at in range(0, 1000, 50)]) == pytest.approx(20 / 300)
    assert precision_omega(parts, [Span("a", 0, 100)]) == pytest.approx(10 / 110)
    assert precision_omega(parts, [Span("b", 0, 100)]) == 0.0


def test_parts_of_labels() -> None:
    labels = [
        RelevanceLabel("q", "en", 1, 0, 10, "who"),
        RelevanceLabel("q", "zh", 2, 5, 9, "who"),
        RelevanceLabel("q", "en", 1, 20, 30),
        RelevanceLabel("q", "en", 1, 40, 50),
        RelevanceLabel("q", "en", 0, 60, 70),
        RelevanceLabel("q", "c", 1),
    ]
    assert evidence_parts(labels) == (
        (Span("zh", 5, 9), Span("en", 0, 10)),
        (Span("en", 20, 30),),
        (Span("en", 40, 50),),
    )
    assert evidence_parts(labels, grade_threshold=2) == ((Span("zh", 5, 9),),)
    assert evidence_parts([]) == ()


def test_a_budget_cuts_the_passage_that_crosses_it() -> None:
    english = Document("en", "one two three four five six seven eight")
    chinese = Document("zh", "东湖最深处四十米")
    passages = [english.passage(0, 13), chinese.passage(0, 8), english.passage(14, 39)]
    assert [count_tokens(one.text) for one in passages] == [3, 8, 5]
    assert within_budget(passages, 100) == [Span("en", 0, 13), Span("zh", 0, 8), Span("en", 14, 39)]
    assert within_budget(passages, 11) == [Span("en", 0, 13), Span("zh", 0, 8)]
    assert within_budget(passages, 8) == [Span("en", 0, 13), Span("zh", 0, 5)]
    assert within_budget(passages, 13) == [Span("en", 0, 13), Span("zh", 0, 8), Span("en", 14, 23)]
    assert within_budget([], 5) == []


def test_arrays_are_checked() -> None:
    one, two = np.array([0]), np.array([0, 0])
    with pytest.raises(DeclarationError, match="columns of one length"):
        PassageArrays(one, one, one, two)
    with pytest.raises(
        DeclarationError, match=r"passage arrays, row 1: found the span 5 to 4, expected 0 <= start <= end"
    ):
        PassageArrays(two, two, np.array([0, 5]), np.array([9, 4]))
    with pytest.raises(
        DeclarationError, match=r"evidence arrays, row 0: found the span 3 to 3, expected 0 <= start < end"
    ):
        EvidenceArrays(one, one, np.array([3]), np.array([3]), one)
    with pytest.raises(DeclarationError, match="part codes from -1"):
        EvidenceArrays(one, one, one, np.array([3]), np.array([-1]))
    passages, evidence = PassageArrays(one, one, one, one), EvidenceArrays(one, one, one, np.array([3]), one)
    with pytest.raises(DeclarationError, match="evidence arrays: found none for question 1"):
        score_evidence_arrays([parse("evidence_recall@5")], passages, evidence, 2)
    with pytest.raises(DeclarationError, match="arrays have no texts"):
        score_evidence_arrays([parse("evidence_recall@50t")], passages, evidence, 1)
    with pytest.raises(DeclarationError, match="'recall@5' is ranking"):
        score_evidence_arrays([parse("recall@5")], passages, evidence, 1)
    assert score_evidence_arrays([parse("evidence_recall@5")], passages, evidence, 1)[parse("evidence_recall@5")] == [
        0.0
    ]
