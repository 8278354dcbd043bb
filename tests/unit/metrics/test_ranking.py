"""Worked examples; the arithmetic stands beside each."""

from math import log2

import numpy as np
import pytest

from rageval.errors import DeclarationError
from rageval.metrics import parse
from rageval.metrics.ranking import LabelArrays, RunArrays, score_arrays, score_rankings
from rageval.types import Score, Unscored


def score_one(metric: str, labels: dict[str, int], ranking: list[tuple[str, float]]) -> float:
    parsed = parse(metric)
    score = score_rankings([parsed], {"q": labels}, {"q": ranking}, ["q"])[parsed]["q"]
    assert isinstance(score, Score)
    return score.value


LABELS = {"a": 3, "b": 0, "c": 1, "d": 2, "e": -1, "never": 1}
# Ranks: b 1, a 2, unjudged 3, c 4, e 5. Relevant: a, c, d, never; found at ranks 2 and 4.
RANKING = [("b", 9.0), ("a", 8.0), ("unjudged", 7.0), ("c", 6.0), ("e", 5.0)]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("hit_rate@1", 0.0),
        ("hit_rate@2", 1.0),
        ("mrr", 1 / 2),
        ("mrr@1", 0.0),
        ("mrr@2", 1 / 2),
        ("precision@2", 1 / 2),
        ("precision@10", 2 / 10),
        ("recall@2", 1 / 4),
        ("recall@1000", 2 / 4),
        ("map", (1 / 2 + 2 / 4) / 4),
        ("map@3", (1 / 2) / 4),
        ("r_precision", 2 / 4),
        ("ndcg", (3 / log2(3) + 1 / log2(5)) / (3 + 2 / log2(3) + 1 / 2 + 1 / log2(5))),
        ("ndcg@2", (3 / log2(3)) / (3 + 2 / log2(3))),
        ("ndcg@1", 0.0),
    ],
)
def test_worked_example(metric: str, expected: float) -> None:
    assert score_one(metric, LABELS, RANKING) == pytest.approx(expected, abs=1e-12)


def test_ties_go_to_the_higher_document_id() -> None:
    assert score_one("mrr", {"a": 1}, [("a", 1.0), ("b", 1.0)]) == 1 / 2
    assert score_one("mrr", {"b": 1}, [("a", 1.0), ("b", 1.0)]) == 1
    # As text "9" comes after "10"; by code point every Chinese character after every Latin one.
    assert score_one("mrr", {"9": 1}, [("10", 1.0), ("9", 1.0)]) == 1
    assert score_one("mrr", {"文": 1}, [("z", 1.0), ("文", 1.0)]) == 1


def test_scores_equal_in_single_precision_are_ties() -> None:
    assert score_one("mrr", {"a": 1}, [("a", 1.0 + 1e-9), ("b", 1.0)]) == 1 / 2
    assert score_one("mrr", {"a": 1}, [("a", 1.0 + 1e-6), ("b", 1.0)]) == 1
    assert score_one("mrr", {"a": 1}, [("a", 0.0), ("b", -0.0)]) == 1 / 2


def test_negative_and_infinite_scores_keep_their_order() -> None:
    ranking = [("low", -5.0), ("lowest", float("-inf")), ("top", float("inf")), ("high", -0.5)]
    assert [score_one("mrr", {doc: 1}, ranking) for doc in ("top", "high", "low", "lowest")] == [1, 1 / 2, 1 / 3, 1 / 4]


def test_repeated_documents_count_once_and_the_rest_move_up() -> None:
    ranking = [("a", 5.0), ("a", 4.0), ("a", 3.0), ("b", 2.0)]
    assert score_one("ndcg", {"a": 1, "b": 1}, ranking) == 1
    assert score_one("precision@2", {"a": 1, "b": 1}, ranking) == 1
    assert score_one("map", {"b": 1}, ranking) == 1 / 2


def test_a_forgotten_or_empty_question_scores_zero_and_an_unlabelled_one_is_unscored() -> None:
    metrics = [parse(name) for name in ("hit_rate@1", "mrr", "ndcg", "precision@1", "recall@1", "map", "r_precision")]
    labels = {
        "empty": {"a": 1},
        "forgotten": {"a": 1},
        "nothing relevant": {"a": 0, "b": -1},
        "negative": {"a": -1},
        "no rows": {},
    }
    rankings = {
        "empty": [],
        "nothing relevant": [("a", 1.0)],
        "negative": [("a", 1.0)],
        "unlabelled": [("a", 1.0)],
        "not asked": [("a", 1.0)],
    }
    questions = ["unlabelled", "empty", "forgotten", "nothing relevant", "negative", "no rows"]
    scored = score_rankings(metrics, labels, rankings, questions)
    assert list(scored) == metrics
    for by_question in scored.values():
        assert list(by_question) == questions
        for question in ("empty", "forgotten", "nothing relevant", "negative"):
            assert by_question[question] == Score(0.0)
        for question in ("unlabelled", "no rows"):
            assert by_question[question] == Unscored("the question has no relevance labels")


def test_no_questions_and_no_metrics() -> None:
    assert score_rankings([parse("map")], {}, {}, []) == {parse("map"): {}}
    assert score_rankings([], {"q": {"a": 1}}, {}, ["q"]) == {}


def test_a_judged_metric_is_refused() -> None:
    with pytest.raises(DeclarationError, match="'faithfulness' is judged"):
        score_rankings([parse("faithfulness")], {"q": {"a": 1}}, {}, ["q"])


def test_a_nan_score_is_refused() -> None:
    with pytest.raises(DeclarationError, match="document 'b' was ranked with the score NaN"):
        score_rankings([parse("map")], {"q": {"a": 1}}, {"q": [("a", 1.0), ("b", float("nan"))]}, ["q"])


def ints(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


LABEL_ARRAYS = LabelArrays(ints(1, 0), ints(0, 1), ints(1, 1))


def test_arrays_need_no_order() -> None:
    """Question 0: document 1 at rank 2 of 2. Question 1: document 0 at rank 1."""
    run = RunArrays(ints(1, 0, 0), ints(0, 1, 7), np.array([0.5, 0.1, 0.2]))
    assert score_arrays([parse("mrr")], run, LABEL_ARRAYS, 2)[parse("mrr")].tolist() == [1 / 2, 1]


def test_an_empty_run_scores_zero() -> None:
    run = RunArrays(ints(), ints(), np.array([]))
    assert score_arrays([parse("ndcg")], run, LABEL_ARRAYS, 2)[parse("ndcg")].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("question", "doc", "score", "problem"),
    [
        (ints(0), ints(0, 1), np.array([1.0]), "shapes"),
        (ints(-1), ints(0), np.array([1.0]), "question codes from -1"),
        (ints(0), ints(2**32), np.array([1.0]), "document codes from 4294967296"),
        (ints(0, 0), ints(0, 1), np.array([1.0, np.nan]), "row 1: found the score NaN"),
    ],
)
def test_malformed_run_arrays_are_refused(
    question: np.ndarray, doc: np.ndarray, score: np.ndarray, problem: str
) -> None:
    with pytest.raises(DeclarationError, match=problem):
        RunArrays(question, doc, score)


def test_repeated_label_rows_are_refused() -> None:
    with pytest.raises(DeclarationError, match="question 3 and document 5 twice"):
        LabelArrays(ints(3, 1, 3), ints(5, 5, 5), ints(1, 0, 1))


def test_questions_out_of_range_or_without_labels_are_refused() -> None:
    run = RunArrays(ints(0), ints(0), np.array([1.0]))
    with pytest.raises(DeclarationError, match="label arrays: found question 1, expected codes below 1"):
        score_arrays([parse("map")], run, LABEL_ARRAYS, 1)
    with pytest.raises(DeclarationError, match="none for question 2"):
        score_arrays([parse("map")], run, LABEL_ARRAYS, 3)
