"""Judged metrics: arithmetic over judgments, with what counts and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.metrics.judged import JUDGED_METRICS, score_judged
from rageval.types import (
    UNANSWERABLE,
    Abstained,
    Failure,
    Graded,
    Hit,
    Judgment,
    Passage,
    Question,
    Response,
    Score,
    Unscored,
    Verdict,
)

ANSWERABLE = Question("q", "Why?")
NOT_ANSWERABLE = Question("q", "Why?", tags=(UNANSWERABLE,))
HITS = tuple(Hit(Passage(f"d{i}", 0, 1, "x"), 1.0) for i in range(3))
ANSWERED = Response(HITS, "Because.", context=(0, 1, 2))
ABSTAINED = Response(HITS, "I don't know.", context=(0, 1, 2), abstained=True)
YES, NO, LOST = Graded(1.0, 0.9), Graded(0.0, 0.2), Abstained("neither yes nor no", "hm")


def judgments(*verdicts: Verdict) -> list[Judgment]:
    return [Judgment("q", "judge", "claim", i, f"claim {i}", verdict) for i, verdict in enumerate(verdicts)]


@pytest.mark.parametrize("metric", JUDGED_METRICS)
@pytest.mark.parametrize(
    ("verdicts", "value"), [((YES,), 1.0), ((NO,), 0.0), ((YES, NO, YES, YES), 0.75), ((NO, NO, YES), 1 / 3)]
)
def test_share_of_good_verdicts(metric: str, verdicts: tuple[Verdict, ...], value: float) -> None:
    assert score_judged(metric, ANSWERABLE, ANSWERED, judgments(*verdicts)) == Score(pytest.approx(value))


@pytest.mark.parametrize("metric", JUDGED_METRICS)
def test_a_missing_verdict_is_never_guessed(metric: str) -> None:
    score = score_judged(metric, ANSWERABLE, ANSWERED, judgments(YES, LOST, YES, Abstained("timed out")))
    assert score == Unscored("2 of 4 verdicts missing: neither yes nor no")


@pytest.mark.parametrize("metric", JUDGED_METRICS)
def test_what_no_judge_has_seen_is_unscored(metric: str) -> None:
    assert score_judged(metric, ANSWERABLE, ANSWERED, None) == Unscored("not judged")


@pytest.mark.parametrize(
    ("metric", "question", "scored"),
    [
        ("faithfulness", ANSWERABLE, True),
        ("faithfulness", NOT_ANSWERABLE, True),
        ("answer_relevance", ANSWERABLE, True),
        ("answer_relevance", NOT_ANSWERABLE, True),
        ("context_relevance", ANSWERABLE, True),
        ("context_relevance", NOT_ANSWERABLE, False),
    ],
)
def test_a_failure_scores_the_worst_value_wherever_there_is_a_score(
    metric: str, question: Question, scored: bool
) -> None:
    score = score_judged(metric, question, Failure("ExecutionError", "timed out"), None)
    assert (score == Score(0.0, failed=True)) == scored
    assert isinstance(score, Unscored) != scored


@pytest.mark.parametrize(
    ("metric", "question", "expected"),
    [
        ("faithfulness", ANSWERABLE, Unscored),
        ("faithfulness", NOT_ANSWERABLE, Unscored),
        ("answer_relevance", ANSWERABLE, Score(0.0)),
        ("answer_relevance", NOT_ANSWERABLE, Unscored),
        ("context_relevance", NOT_ANSWERABLE, Unscored),
    ],
)
def test_an_abstention(metric: str, question: Question, expected: object) -> None:
    score = score_judged(metric, question, ABSTAINED, judgments())
    assert score == expected or type(score) is expected


def test_the_context_is_judged_even_where_the_pipeline_abstained() -> None:
    assert score_judged("context_relevance", ANSWERABLE, ABSTAINED, judgments(YES, NO)) == Score(0.5)


@pytest.mark.parametrize(
    ("metric", "response", "expected"),
    [
        ("faithfulness", Response(HITS), Unscored("there are no claims to judge")),
        ("answer_relevance", Response(HITS), Unscored("there are no answers to judge")),
        ("answer_relevance", Response(HITS, ""), Score(0.0)),
        ("faithfulness", Response(HITS, ""), Unscored("there are no claims to judge")),
        ("context_relevance", Response(answer="Because."), Unscored("the context is empty")),
    ],
)
def test_nothing_to_judge(metric: str, response: Response, expected: object) -> None:
    assert score_judged(metric, ANSWERABLE, response, judgments()) == expected


verdict = st.one_of(st.sampled_from([YES, NO, LOST]))
outcome = st.sampled_from(
    [ANSWERED, ABSTAINED, Response(), Response(HITS, ""), Response(HITS, "x"), Failure("ExecutionError", "gone")]
)


@given(
    st.sampled_from(sorted(JUDGED_METRICS)),
    st.sampled_from([ANSWERABLE, NOT_ANSWERABLE]),
    outcome,
    st.none() | st.lists(verdict, max_size=8),
)
def test_scores_are_within_bounds_or_say_why_there_are_none(
    metric: str, question: Question, outcome: Response | Failure, verdicts: list[Verdict] | None
) -> None:
    score = score_judged(metric, question, outcome, None if verdicts is None else judgments(*verdicts))
    if isinstance(score, Unscored):
        assert score.reason
    else:
        assert 0.0 <= score.value <= 1.0
        assert score.failed == isinstance(outcome, Failure)


@given(st.lists(st.sampled_from([YES, NO]), min_size=1, max_size=8), st.integers(0, 7))
def test_a_better_verdict_never_lowers_a_score(verdicts: list[Graded], place: int) -> None:
    better = [YES if i == place % len(verdicts) else verdict for i, verdict in enumerate(verdicts)]
    for metric in JUDGED_METRICS:
        before = score_judged(metric, ANSWERABLE, ANSWERED, judgments(*verdicts))
        after = score_judged(metric, ANSWERABLE, ANSWERED, judgments(*better))
        assert isinstance(before, Score)
        assert isinstance(after, Score)
        assert after.value >= before.value
