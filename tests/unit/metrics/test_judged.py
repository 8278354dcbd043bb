"""Judged metrics: what counts and what does not. The claim matrix has its own file."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from rageval.metrics import Metric
from rageval.metrics.judged import JUDGED_METRICS, judged_metric, score_judged
from rageval.types import (
    UNANSWERABLE,
    Abstained,
    Evidence,
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

ASKED = Question("q", "Why?", references=("Therefore.",))
NOT_ANSWERABLE = Question("q", "Why?", references=("Nobody knows.",), tags=(UNANSWERABLE,))
HITS = tuple(Hit(Passage(f"d{i}", 0, 1, "x"), 1.0) for i in range(6))
ANSWERED = Response(HITS, "Because.", context=(0, 1, 2))
ABSTAINED = Response(HITS, "I don't know.", context=(0, 1, 2), abstained=True)
EMPTY = Response(HITS, "", context=(0, 1, 2))
NO_ANSWER = Response(HITS, None, context=(0, 1, 2))
FAILURE = Failure("ExecutionError", "timed out")
YES, NO, LOST = Graded(1.0, 0.9, (Evidence(0, "x"),)), Graded(0.0, 0.2), Abstained("neither yes nor no", "hm")

CUSTOM = "custom.politeness"
OF_THE_ANSWER = ("answer_relevance", "answer_correctness", "completeness", "semantic_similarity", CUSTOM)
ONE_VERDICT = (*OF_THE_ANSWER, "harmlessness")
OF_THE_CONTEXT = ("context_relevance", "context_relevance_sentences", "context_relevance_graded", "context_precision")
ITEMS = {
    "claim_support": ("claim",),
    "reference_support": ("reference_claim",),
    "claim_agreement": ("claim", "reference_claim"),
    "passage_relevance": ("passage",),
    "nuggets": ("vital_nugget",),
    "citation_support": ("sentence", "citation"),
}
NUGGETS = ("nugget_recall", "nugget_recall_all")

every_metric = pytest.mark.parametrize("name", [*JUDGED_METRICS, CUSTOM])


def judgments(name: str, verdicts: Sequence[Verdict], order: Sequence[int] | None = None) -> dict[str, list[Judgment]]:
    """The same verdicts from every judge that the metric reads, on as many items. `order` has the items' indices."""

    def said(judge: str, item: str) -> list[Judgment]:
        places = range(len(verdicts)) if order is None else order
        return [Judgment("q", judge, item, i, f"{item} {i}", v) for i, v in zip(places, verdicts, strict=True)]

    return {
        judge: [one for item in ITEMS.get(judge, ("answer",)) for one in said(judge, item)]
        for judge in judged_metric(Metric(name)).judges
    }


def score(name: str, *verdicts: Verdict, question: Question = ASKED, outcome: Response = ANSWERED) -> Score | Unscored:
    return score_judged(Metric(name), question, outcome, judgments(name, verdicts))


def value(found: Score | Unscored) -> float:
    assert isinstance(found, Score)
    assert not found.failed
    return found.value


@pytest.mark.parametrize("name", ["faithfulness", "context_relevance"])
@pytest.mark.parametrize(
    ("verdicts", "share"), [((YES,), 1 / 1), ((NO,), 0 / 1), ((YES, NO, YES, YES), 3 / 4), ((NO, NO, YES), 1 / 3)]
)
def test_share_of_good_verdicts(name: str, verdicts: tuple[Verdict, ...], share: float) -> None:
    outcome = Response(HITS, "Because.", context=tuple(range(len(verdicts))))
    assert value(score(name, *verdicts, outcome=outcome)) == pytest.approx(share)


def test_shares_in_chinese() -> None:
    """东湖最深处四十米，湖中盛产银鱼。 The one passage says how deep the lake is, and nothing of fish."""
    question = Question("q", "东湖有多深？", "zh", ("四十米",))
    passage = Passage("donghu", 0, 10, "东湖最深处四十米。")
    response = Response((Hit(passage, 1.0),), "东湖最深处四十米，湖中盛产银鱼。", (0,))
    said: dict[str, list[Judgment]] = {
        "claim_support": [
            Judgment(
                "q", "claim_support", "claim", 0, "东湖最深处四十米。", Graded(1.0, 0.98, (Evidence(0, "四十米"),))
            ),
            Judgment("q", "claim_support", "claim", 1, "湖中盛产银鱼。", Graded(0.0, 0.03)),
        ],
        "passage_relevance": [Judgment("q", "passage_relevance", "passage", 0, passage.id, Graded(1.0, 0.9))],
        "answer_correctness": [Judgment("q", "answer_correctness", "answer", 0, "东湖最深处四十米……", Graded(1.0))],
    }
    wanted = {"faithfulness": 1 / 2, "context_relevance": 1 / 1, "context_precision": 1 / 1, "answer_correctness": 1.0}
    for name, expected in wanted.items():
        assert value(score_judged(Metric(name), question, response, said)) == expected, name


@pytest.mark.parametrize(
    ("helps", "expected"),
    [
        ((YES,), 1.0),
        ((NO,), 0.0),
        ((NO, NO, NO), 0.0),
        ((YES, YES, YES), 1.0),  # exactly: nothing is added to the denominator
        ((YES, NO, YES), (1 / 1 + 2 / 3) / 2),
        ((NO, YES, YES), (1 / 2 + 2 / 3) / 2),
        ((NO, NO, YES), (1 / 3) / 1),
    ],
)
def test_context_precision(helps: tuple[Verdict, ...], expected: float) -> None:
    """At each passage that helps: how many help down to there / its rank; the mean of these."""
    outcome = Response(HITS, "Because.", context=tuple(range(len(helps))))
    found = score("context_precision", *helps, outcome=outcome)
    assert value(found) == (1.0 if expected == 1.0 else pytest.approx(expected))


def test_context_precision_goes_by_the_order_in_which_the_passages_were_read() -> None:
    """Hit 4 was read first, hit 0 second, hit 2 last; 0 and 2 help, whatever the order of the judgments."""
    outcome = Response(HITS, "Because.", context=(4, 0, 2))
    for order, verdicts in (((4, 0, 2), (NO, YES, YES)), ((0, 2, 4), (YES, YES, NO)), ((2, 4, 0), (YES, NO, YES))):
        said = judgments("context_precision", verdicts, order)
        found = score_judged(Metric("context_precision"), ASKED, outcome, said)
        assert value(found) == pytest.approx((1 / 2 + 2 / 3) / 2)


@given(st.permutations(range(6)), st.lists(st.sampled_from([YES, NO]), min_size=1, max_size=6))
def test_context_precision_is_average_precision(order: list[int], verdicts: list[Graded]) -> None:
    """pytrec_eval's map of the passages as they were read, where those that help are all that is relevant."""
    read = order[: len(verdicts)]
    labels = {f"d{hit}": int(verdict.grade) for hit, verdict in zip(read, verdicts, strict=True)}
    run = {f"d{hit}": -float(rank) for rank, hit in enumerate(read)}
    expected = pytrec_eval.RelevanceEvaluator({"q": labels}, {"map"}).evaluate({"q": run})["q"]["map"]
    said = judgments("context_precision", verdicts, read)
    found = score_judged(Metric("context_precision"), ASKED, Response(HITS, "Because.", tuple(read)), said)
    assert value(found) == pytest.approx(expected)


@pytest.mark.parametrize("name", ONE_VERDICT)
def test_one_verdict_on_the_answer_is_its_score(name: str) -> None:
    assert score(name, YES) == Score(1.0)
    assert score(name, NO) == Score(0.0)
    assert score(name, YES, question=NOT_ANSWERABLE) == Score(1.0)


def test_a_judge_of_ones_own_may_grade_between() -> None:
    assert score(CUSTOM, Graded(0.75)) == Score(0.75)
    assert judged_metric(Metric(CUSTOM)).judges == (CUSTOM,)


@pytest.mark.parametrize("outcome", [ABSTAINED, EMPTY, NO_ANSWER])
def test_a_judge_of_ones_own_that_looked_at_passages_alone_counts_without_an_answer(outcome: Response) -> None:
    assert score(CUSTOM, Graded(0.75), outcome=outcome) == Score(0.75)
    assert score(CUSTOM, LOST, outcome=outcome) == Unscored("1 of 1 verdicts missing: neither yes nor no")


@every_metric
def test_a_missing_verdict_is_never_guessed(name: str) -> None:
    found = score(name, YES, LOST, NO, Abstained("timed out"))
    assert found == Unscored("2 of 4 verdicts missing: neither yes nor no")


@every_metric
def test_what_no_judge_has_seen_is_unscored(name: str) -> None:
    judges = judged_metric(Metric(name)).judges
    for missing in judges:
        seen = {**judgments(name, [YES]), missing: None}
        assert score_judged(Metric(name), ASKED, ANSWERED, seen) == Unscored("not judged")
    assert score_judged(Metric(name), ASKED, ANSWERED, {}) == Unscored("not judged")


WRONG_BY_REFERENCE = {
    "hallucination",
    "self_knowledge",
    "noise_sensitivity_relevant",
    "noise_sensitivity_irrelevant",
}
WORST_IS_ONE = {
    *WRONG_BY_REFERENCE,
    "hallucination_ie",
    "hallucination_qa",
    "hallucination_nli",
    "hallucination_classifier",
    "hallucination_llm",
    "contradiction",
    "context_contradiction",
}


@every_metric
def test_a_failure_scores_the_worst_value(name: str) -> None:
    """Whatever was judged; only where the metric has nothing to say about the question is there no score."""
    worst = Score(1.0 if name in WORST_IS_ONE else 0.0, failed=True)
    for said in ({}, judgments(name, [YES])):
        assert score_judged(Metric(name), ASKED, FAILURE, said) == worst
        nobody_can = score_judged(Metric(name), NOT_ANSWERABLE, FAILURE, said)
        assert nobody_can == (
            Unscored("no passage can answer an unanswerable question") if name in (*OF_THE_CONTEXT, *NUGGETS) else worst
        )


NEED_A_REFERENCE = {
    "context_recall",
    "context_utilisation",
    "answer_precision",
    "answer_recall",
    "answer_f1",
    "answer_correctness",
    "semantic_similarity",
    *WRONG_BY_REFERENCE,
}


@every_metric
def test_without_a_reference_some_have_nothing_to_say(name: str) -> None:
    bare = Question("q", "Why?")
    found = [score_judged(Metric(name), bare, outcome, judgments(name, [YES])) for outcome in (ANSWERED, FAILURE)]
    if name in NEED_A_REFERENCE:
        assert found == [Unscored("the question has no reference answer")] * 2
    else:
        assert all(isinstance(one, Score) for one in found)


@pytest.mark.parametrize("name", OF_THE_ANSWER)
def test_an_abstention_is_wrong_where_there_is_an_answer_and_else_right(name: str) -> None:
    assert score(name, outcome=ABSTAINED) == Score(0.0)
    assert score(name, outcome=ABSTAINED, question=NOT_ANSWERABLE) == Unscored("the pipeline rightly abstained")


@pytest.mark.parametrize("question", [ASKED, NOT_ANSWERABLE])
def test_nothing_said_is_neither_faithful_nor_harmful(question: Question) -> None:
    nothing = Unscored("the pipeline abstained: nothing to check")
    assert score("faithfulness", outcome=ABSTAINED, question=question) == nothing
    assert score("attribution", outcome=ABSTAINED, question=question) == nothing
    assert score("harmlessness", outcome=ABSTAINED, question=question) == Score(1.0)
    assert score("harmlessness", outcome=EMPTY, question=question) == Score(1.0)


def test_the_context_is_judged_whatever_was_answered() -> None:
    """First and third passage help."""
    for outcome in (ANSWERED, ABSTAINED, EMPTY, NO_ANSWER):
        assert value(score("context_relevance", YES, NO, YES, outcome=outcome)) == pytest.approx(2 / 3)
        assert value(score("context_precision", YES, NO, YES, outcome=outcome)) == pytest.approx((1 / 1 + 2 / 3) / 2)


@pytest.mark.parametrize("name", OF_THE_CONTEXT)
def test_no_passage_is_no_score(name: str) -> None:
    assert score(name, outcome=Response(answer="Because.")) == Unscored("the context is empty")
    impossible = score(name, YES, question=NOT_ANSWERABLE)
    assert impossible == Unscored("no passage can answer an unanswerable question")


@pytest.mark.parametrize("name", [*OF_THE_ANSWER, "harmlessness", "faithfulness", "attribution"])
def test_no_answer(name: str) -> None:
    """An empty one says nothing of what was asked; where none was asked for (it is None) there is no score."""
    what = "claims" if name in ("faithfulness", "attribution") else "answers"
    assert score(name, outcome=NO_ANSWER) == Unscored(f"there are no {what} to judge")
    if name in OF_THE_ANSWER:
        assert score(name, outcome=EMPTY) == Score(0.0)


verdict = st.sampled_from([YES, NO, LOST])
outcomes = st.sampled_from([ANSWERED, ABSTAINED, Response(), EMPTY, NO_ANSWER, Response(HITS, "x"), FAILURE])


@given(
    st.sampled_from([*JUDGED_METRICS, CUSTOM]),
    st.sampled_from([ASKED, NOT_ANSWERABLE, Question("q", "Why?")]),
    outcomes,
    st.none() | st.lists(verdict, max_size=3),
)
def test_scores_are_within_bounds_or_say_why_there_are_none(
    name: str, question: Question, outcome: Response | Failure, verdicts: list[Verdict] | None
) -> None:
    said = {} if verdicts is None else judgments(name, verdicts)
    found = score_judged(Metric(name), question, outcome, said)
    if isinstance(found, Unscored):
        assert found.reason
    else:
        assert 0.0 <= found.value <= 1.0
        assert found.failed == isinstance(outcome, Failure)
