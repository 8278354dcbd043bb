"""Which labels are asked for, against a computation by hand and against the bounds themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from rageval.errors import DeclarationError, NotComparableError
from rageval.metrics import parse
from rageval.metrics.unjudged import JudgedRanking, bounds
from rageval.people.next_labels import next_labels
from rageval.scores.unjudged import RunRankings, unjudged_in
from rageval.types import Question


def run(
    rankings: Mapping[str, Sequence[str]], grades: Mapping[str, Mapping[str, int]], *, top: int = 2, of: str = "a"
) -> RunRankings:
    judged = {
        q: JudgedRanking([grades[q].get(doc) for doc in docs], [*grades[q].values()], top)
        for q, docs in rankings.items()
    }
    questions = {q: Question(q, "How deep?") for q in rankings}
    return RunRankings(Path(of), of, of, "", (), questions, rankings, judged)


GRADES = {"q1": {"a": 2}, "q2": {"b": 1}}


def test_precision_by_hand() -> None:
    """Each label narrows precision@2 of its question by 1/2, so a mean over two questions by 1/4, in one run of two."""
    one = run({"q1": ["x", "a"], "q2": ["b", "y"]}, GRADES)
    two = run({"q1": ["x", "z"], "q2": ["b", "a"]}, GRADES)
    found = next_labels([one, two], parse("precision@2"), 20)
    assert [(x.question_id, x.doc_id, x.narrows, x.runs, x.rank) for x in found] == [
        ("q1", "x", 0.25, 2, 1),
        ("q1", "z", 0.125, 1, 2),
        ("q2", "a", 0.125, 1, 2),
        ("q2", "y", 0.125, 1, 2),
    ]
    assert next_labels([one, two], parse("precision@2"), 1) == found[:1]


def test_ndcg_by_its_bounds() -> None:
    ranking = JudgedRanking([None, 2, None], [2], 2)
    found = next_labels([run({"q1": ["x", "a", "y"]}, GRADES)], parse("ndcg@3"), 20)

    def width(ranked: list[int | None]) -> float:
        low, high = bounds(parse("ndcg@3"), JudgedRanking(ranked, [g for g in ranked if g is not None], 2))
        return high - low

    whole = width([*ranking.ranked])
    assert {x.doc_id: x.narrows for x in found} == pytest.approx(
        {"x": whole - (width([0, 2, None]) + width([2, 2, None])) / 2,
         "y": whole - (width([None, 2, 0]) + width([None, 2, 2])) / 2}
    )  # fmt: skip


def test_only_the_first_k_count_and_labelled_documents_do_not() -> None:
    found = next_labels([run({"q1": ["a", "x", "y"]}, GRADES)], parse("precision@2"), 20)
    assert [x.doc_id for x in found] == ["x"]
    assert next_labels([run({"q1": ["a"]}, GRADES)], parse("precision@2"), 20) == []


def test_labels_that_cannot_narrow_anything_are_not_asked_for() -> None:
    """The only relevant document is found: whatever x is, recall is 1, and so is the hit rate."""
    read = [run({"q1": ["a", "x"]}, GRADES)]
    assert next_labels(read, parse("recall@2"), 20) == next_labels(read, parse("hit_rate@2"), 20) == []


@pytest.mark.parametrize("metric", ["map@10", "ndcg", "bpref", "faithfulness"])
def test_metrics_that_give_no_bounds(metric: str) -> None:
    with pytest.raises(DeclarationError, match="expected one of hit_rate, mrr, ndcg, precision, recall with a cutoff"):
        next_labels([run({"q1": ["a"]}, GRADES)], parse(metric), 20)


def test_runs_over_two_benchmarks_and_no_labels() -> None:
    with pytest.raises(NotComparableError, match="b: found another benchmark than in a"):
        next_labels([run({"q1": ["a"]}, GRADES), run({"q1": ["a"]}, GRADES, of="b")], parse("ndcg@3"), 1)
    with pytest.raises(DeclarationError, match="-n: found 0, expected at least 1"):
        next_labels([run({"q1": ["a"]}, GRADES)], parse("ndcg@3"), 0)


def test_means_over_questions() -> None:
    """A question on which the pipeline failed has no documents and scores 0 whatever the labels."""
    read = run({"q1": ["x", "a"], "q2": []}, GRADES)
    found = unjudged_in(read, parse("precision@2"))
    assert (found.low, found.high, found.share, found.n) == (0.25, 0.5, 0.5, 2)
    assert unjudged_in(read, parse("map")).low is None
    nothing = unjudged_in(run({"q1": []}, GRADES), parse("ndcg@3"))
    assert (nothing.low, nothing.high, nothing.share) == (None, None, None)
