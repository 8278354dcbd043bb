from __future__ import annotations

import json
from dataclasses import replace

import pytest
from scipy.stats import beta

from rageval.benchmark import from_records
from rageval.metrics import Metric
from rageval.scores.estimates import estimate
from rageval.scores.scoring import NO_CONTEXT_AT_ALL, NO_HITS_AT_ALL, ranked_documents, score_outcomes, scores_to_json
from rageval.types import (
    Abstained,
    Document,
    Failure,
    Graded,
    Hit,
    Judgment,
    Passage,
    Question,
    RelevanceLabel,
    Response,
    Score,
    Unscored,
)

QUESTIONS = (
    Question("q1", "one?"),
    Question("q2", "two?"),
    Question("q3", "three?"),
    Question("none", "unanswerable?", tags=("unanswerable",)),
)
BENCHMARK = from_records(
    "small",
    [Document(name, f"text of {name}") for name in "abcd"],
    QUESTIONS,
    [
        RelevanceLabel("q1", "a", 1, 0, 2),
        RelevanceLabel("q1", "a", 1, 3, 5),
        RelevanceLabel("q2", "a", 1),
        RelevanceLabel("q2", "b", 1),
        RelevanceLabel("q3", "c", 2),
    ],
)
FAILURE = Failure("ExecutionError", "broken")


def found(documents: str, answer: str | None = None) -> Response:
    """Passages of these documents, best first."""
    hits = tuple(Hit(Passage(doc, i, i + 1, doc), -float(i)) for i, doc in enumerate(documents))
    return Response(hits, answer, tuple(range(len(hits))))


def test_documents_are_ranked_by_their_best_passage() -> None:
    assert ranked_documents(found("baabc")) == [("b", 3.0), ("a", 2.0), ("c", 1.0)]
    assert ranked_documents(FAILURE) == ranked_documents(Response()) == []


def test_ranking_metrics_by_hand() -> None:
    """q1: a is second. q2: a first, b third. q3 failed. The last question has no label."""
    outcomes = {"q1": found("bba"), "q2": found("acb"), "q3": FAILURE, "none": found("a")}
    mrr, recall, average = Metric("mrr"), Metric("recall", 1), Metric("map")
    scores = score_outcomes([mrr, recall, average], BENCHMARK, QUESTIONS, outcomes, {})
    worst = Score(0.0, failed=True)
    assert {q: s for q, s in scores[mrr].items() if q != "none"} == {"q1": Score(0.5), "q2": Score(1.0), "q3": worst}
    assert {q: s for q, s in scores[recall].items() if q != "none"} == {"q1": Score(0.0), "q2": Score(0.5), "q3": worst}
    assert scores[average]["q2"] == Score(pytest.approx((1 / 1 + 2 / 3) / 2))
    assert all(isinstance(by_question["none"], Unscored) for by_question in scores.values())


def test_no_hits_at_all_is_unscored_but_no_hits_for_one_is_zero() -> None:
    mrr = Metric("mrr")
    nothing = dict.fromkeys([question.id for question in QUESTIONS], Response(answer="from memory"))
    assert set(score_outcomes([mrr], BENCHMARK, QUESTIONS, nothing, {})[mrr].values()) == {NO_HITS_AT_ALL}
    scores = score_outcomes([mrr], BENCHMARK, QUESTIONS, {**nothing, "q1": found("a")}, {})
    assert (scores[mrr]["q1"], scores[mrr]["q2"]) == (Score(1.0), Score(0.0))
    one_failed = score_outcomes([mrr], BENCHMARK, QUESTIONS, {**nothing, "q1": FAILURE}, {})
    assert set(one_failed[mrr].values()) == {NO_HITS_AT_ALL}, "one failure does not make a ranking of no rankings"


@pytest.mark.parametrize(
    "name", ["faithfulness", "attribution", "context_precision", "context_recall", "noise_sensitivity_relevant"]
)
def test_no_context_at_all_is_unscored_with_the_reason(name: str) -> None:
    """As in a recorded run whose lines hold answers alone: nothing was there that could support them."""
    metric = Metric(name)
    questions = [replace(question, references=("x",), tags=()) for question in QUESTIONS]
    nothing = dict.fromkeys([question.id for question in QUESTIONS], Response(answer="from memory"))
    said = (Judgment("q", "claim_support", "claim", 0, "from memory", Graded(0.0)),)
    judgments = {"claim_support": dict.fromkeys(nothing, said)}
    assert set(score_outcomes([metric], BENCHMARK, questions, nothing, judgments)[metric].values()) == {
        NO_CONTEXT_AT_ALL
    }
    failed = {**nothing, "q1": FAILURE}
    assert set(score_outcomes([metric], BENCHMARK, questions, failed, judgments)[metric].values()) == {
        NO_CONTEXT_AT_ALL
    }


def test_no_context_for_one_question_is_still_scored() -> None:
    metric = Metric("faithfulness")
    outcomes = dict.fromkeys([question.id for question in QUESTIONS], Response(answer="from memory"))
    said = (Judgment("q", "claim_support", "claim", 0, "from memory", Graded(0.0)),)
    judgments = {"claim_support": dict.fromkeys(outcomes, said)}
    scores = score_outcomes([metric], BENCHMARK, QUESTIONS, {**outcomes, "q1": found("a", "x")}, judgments)
    assert set(scores[metric].values()) == {Score(0.0)}


def test_a_pipeline_that_always_fails_scores_the_worst_value() -> None:
    mrr, faithfulness = Metric("mrr"), Metric("faithfulness")
    outcomes = dict.fromkeys([question.id for question in QUESTIONS], FAILURE)
    scores = score_outcomes([mrr, faithfulness], BENCHMARK, QUESTIONS, outcomes, {})
    assert [scores[mrr][q] for q in ("q1", "q2", "q3")] == [Score(0.0, failed=True)] * 3
    assert set(scores[faithfulness].values()) == {Score(0.0, failed=True)}
    mean = estimate(scores[mrr])
    assert mean
    assert (mean.point, mean.n, mean.failed, mean.unscored) == (0.0, 3, 3, 1)


def test_a_failure_is_as_bad_as_can_be_where_lower_is_better() -> None:
    """q3 failed and scores 1; q1 has one claim of three that nothing supports; the others have no reference."""
    hallucination, exact = Metric("hallucination"), Metric("exact_match")
    questions = [replace(QUESTIONS[0], references=("x",)), QUESTIONS[1], replace(QUESTIONS[2], references=("x",))]
    outcomes = {"q1": found("a", "x"), "q2": found("a", "x"), "q3": FAILURE}

    def said(judge: str, *grades: float) -> dict[str, tuple[Judgment, ...]]:
        return {"q1": tuple(Judgment("q1", judge, "claim", i, f"c{i}", Graded(g)) for i, g in enumerate(grades))}

    judgments = {"claim_support": said("claim_support", 1, 0, 0), "claim_agreement": said("claim_agreement", 0, 1, 0)}
    scores = score_outcomes([hallucination, exact], BENCHMARK, questions, outcomes, judgments)
    assert scores[hallucination] == {
        "q1": Score(pytest.approx(1 / 3)),
        "q2": Unscored("the question has no reference answer"),
        "q3": Score(1.0, failed=True),
    }
    assert scores[exact] == {**scores[hallucination], "q1": Score(1.0), "q3": Score(0.0, failed=True)}
    mean = estimate(scores[hallucination])
    assert mean
    assert (mean.point, mean.n, mean.failed) == (pytest.approx((1 / 3 + 1) / 2), 2, 1)


def test_a_judge_that_was_not_asked_leaves_the_metric_unscored() -> None:
    """Hallucination needs both; faithfulness the one that was asked."""
    question = replace(QUESTIONS[0], references=("x",))
    judgments = {"claim_support": {"q1": (Judgment("q1", "claim_support", "claim", 0, "c", Graded(1.0)),)}}
    both = [Metric("hallucination"), Metric("faithfulness")]
    scores = score_outcomes(both, BENCHMARK, [question], {"q1": found("a", "x")}, judgments)
    assert [scores[metric]["q1"] for metric in both] == [Unscored("not judged"), Score(1.0)]


def test_judged_metrics_read_judgments() -> None:
    def said(question: str, *grades: float | None) -> tuple[Judgment, ...]:
        verdicts = [Abstained("unreadable") if grade is None else Graded(grade) for grade in grades]
        return tuple(Judgment(question, "claim_support-1", "claim", i, "", v) for i, v in enumerate(verdicts))

    outcomes = {"q1": found("a", "x"), "q2": found("a", "x"), "q3": FAILURE, "none": found("a", "x")}
    judgments = {"claim_support": {"q1": said("q1", 1.0, 0.0, 1.0), "q2": said("q2", 1.0, None)}}
    faithfulness = Metric("faithfulness")
    scores = score_outcomes([faithfulness], BENCHMARK, QUESTIONS, outcomes, judgments)
    assert scores[faithfulness] == {
        "q1": Score(pytest.approx(2 / 3)),
        "q2": Unscored("1 of 2 verdicts missing: unreadable"),
        "q3": Score(0.0, failed=True),
        "none": Unscored("not judged"),
    }


def test_scores_as_json() -> None:
    scores = {
        Metric("hit_rate", 1): {
            "q1": Score(1.0),
            "q2": Score(1.0),
            "q3": Score(0.0, failed=True),
            "none": Unscored("no label"),
        },
        Metric("map"): {"q1": Unscored("why"), "q2": Unscored("not")},
    }
    assert json.loads(json.dumps(scores_to_json(scores, {}))) == {
        "hit_rate@1": {
            "estimate": {
                "mean": pytest.approx(2 / 3),
                "low": pytest.approx(beta(2, 1.75).ppf(0.025)),
                "high": pytest.approx(beta(2.75, 1).ppf(0.975)),
                "level": 0.95,
                "method": "beta",
                "n": 3,
                "unscored": 1,
                "failed": 1,
            },
            "questions": {"q1": 1.0, "q2": 1.0, "q3": 0.0},
            "failed": ["q3"],
            "unscored": {"none": "no label"},
        },
        "map": {"estimate": None, "questions": {}, "failed": [], "unscored": {"q1": "why", "q2": "not"}},
    }
