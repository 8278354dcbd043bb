"""From outcomes and labels to scores of evidence metrics, or to the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from rageval.benchmark import from_records
from rageval.metrics import parse
from rageval.metrics.verdicts import NO_LABELS
from rageval.scores.evidence_scores import NO_EVIDENCE, NO_SPANS
from rageval.scores.scoring import NO_HITS_AT_ALL, score_outcomes
from rageval.types import (
    Benchmark,
    Document,
    Failure,
    Hit,
    Passage,
    Question,
    RelevanceLabel,
    Response,
    Score,
    Unscored,
)

TEXT = "The lake is 61 metres deep. Its water is too salty to drink."
DOCUMENTS = [
    Document("a", TEXT),
    Document("b", "东湖最深处四十米，湖中盛产银鱼。"),
    Document("c", "Nothing of interest."),
]
QUESTIONS = (
    Question("depth", "How deep is the lake?"),
    Question("document", "Which lake?"),
    Question("unlabelled", "What else?"),
    Question("none", "Who painted it?", tags=("unanswerable",)),
    Question("weak", "Is it salty?"),
)
LABELS = [
    RelevanceLabel("depth", "a", 1, 0, 27, "depth"),
    RelevanceLabel("depth", "b", 1, 0, 8, "depth"),
    RelevanceLabel("document", "a", 1),
    RelevanceLabel("none", "a", 0, 0, 5),
    RelevanceLabel("weak", "a", 0, 28, 60),
]
BENCHMARK = from_records("lakes", DOCUMENTS, QUESTIONS, LABELS)
RECALL, PRECISION, BUDGET = parse("evidence_recall@2"), parse("evidence_precision@2"), parse("evidence_recall@4t")


def of(*passages: Passage) -> Response:
    return Response(tuple(Hit(passage, -float(rank)) for rank, passage in enumerate(passages)))


def scored(
    response: Response | Failure, benchmark: Benchmark = BENCHMARK, *names: str
) -> Mapping[str, Mapping[str, Score | Unscored]]:
    metrics = [parse(name) for name in names or ("evidence_recall@2", "evidence_precision@2", "evidence_recall@4t")]
    outcomes = {question.id: response for question in benchmark.questions}
    scores = score_outcomes(metrics, benchmark, benchmark.questions, outcomes, {})
    return {str(metric): by_question for metric, by_question in scores.items()}


def test_scores_by_hand_in_both_languages() -> None:
    found = scored(of(DOCUMENTS[0].passage(0, 11), DOCUMENTS[1].passage(0, 16)))
    assert found["evidence_recall@2"]["depth"] == Score(1.0)
    assert found["evidence_precision@2"]["depth"] == Score(pytest.approx(8 / 27))
    assert found["evidence_recall@4t"]["depth"] == Score(pytest.approx(11 / 27)), "3 tokens, then 1 of 东湖"


def test_why_a_question_has_no_score() -> None:
    for by_question in scored(of(DOCUMENTS[0].passage(0, 11))).values():
        assert by_question["document"] == NO_SPANS
        assert by_question["unlabelled"] == NO_LABELS
        assert by_question["none"] == NO_EVIDENCE
        assert by_question["weak"] == Unscored("no span that the question's labels mark has a grade of 1 or more")


def test_a_failure_scores_the_worst_value_where_there_is_evidence() -> None:
    outcomes = {question.id: Failure("ExecutionError", "broken") for question in QUESTIONS}
    outcomes_with_one = {**outcomes, "weak": of(DOCUMENTS[0].passage(0, 11))}
    scores = score_outcomes([RECALL, BUDGET], BENCHMARK, QUESTIONS, outcomes_with_one, {})
    for metric in (RECALL, BUDGET):
        assert scores[metric]["depth"] == Score(0.0, failed=True)
        assert scores[metric]["none"] == NO_EVIDENCE


def test_a_pipeline_without_hits_is_unscored_and_one_question_without_scores_0() -> None:
    assert set(scored(Response(answer="from memory"))["evidence_recall@2"].values()) == {NO_HITS_AT_ALL}
    outcomes = {question.id: Response() for question in QUESTIONS} | {"weak": of(DOCUMENTS[0].passage(0, 11))}
    assert score_outcomes([RECALL], BENCHMARK, QUESTIONS, outcomes, {})[RECALL]["depth"] == Score(0.0)


def test_the_place_of_a_passage_must_be_known_where_the_evidence_is() -> None:
    """A summary of document a could hold its evidence; one of c could not, and is read all the same."""
    summary = Passage("a", 0, 0, "A deep and salty lake.")
    found = scored(of(summary, DOCUMENTS[1].passage(0, 8)))
    assert found["evidence_recall@2"]["depth"] == Unscored(
        "the text of passage 1 does not stand in its document 'a': its place is not known; give texts as they stand "
        "there, or the span"
    )
    assert isinstance(found["evidence_recall@4t"]["depth"], Unscored)
    later = scored(of(DOCUMENTS[1].passage(0, 8), DOCUMENTS[2].passage(0, 7), summary))
    assert later["evidence_recall@2"]["depth"] == Score(1.0)
    elsewhere = scored(of(Passage("c", 0, 0, "12345678"), DOCUMENTS[1].passage(0, 8)))
    assert elsewhere["evidence_precision@2"]["depth"] == Score(0.5)


def test_passages_of_no_document_are_read_and_hold_nothing() -> None:
    untraced = Passage("text-0123456789ab", 0, 8, "12345678")
    assert scored(of(untraced, DOCUMENTS[1].passage(0, 8)))["evidence_precision@2"]["depth"] == Score(0.5)


def test_a_text_of_its_own_is_cut_at_the_same_share_of_its_span() -> None:
    """Eight tokens for four characters: half of the text fits, so half of the span counts."""
    headed = Passage("b", 0, 4, "海海海海东湖最深")
    assert scored(of(headed))["evidence_recall@4t"]["depth"] == Score(pytest.approx(2 / 8))


def test_the_document_that_the_question_is_does_not_count() -> None:
    questions = [Question("a", "How deep is the lake?")]
    labels = [RelevanceLabel("a", "b", 1, 0, 8), RelevanceLabel("a", "a", 1, 0, 27)]
    benchmark = replace(from_records("self", DOCUMENTS, questions, labels), exclude_self=True)
    response = of(DOCUMENTS[0].passage(0, 60), DOCUMENTS[1].passage(0, 8))
    assert scored(response, benchmark, "evidence_recall@1")["evidence_recall@1"]["a"] == Score(pytest.approx(8 / 35))


def test_grades_below_the_threshold_are_no_evidence() -> None:
    labels = [RelevanceLabel("depth", "a", 1, 0, 27), RelevanceLabel("depth", "b", 2, 0, 8)]
    benchmark = replace(from_records("graded", DOCUMENTS, QUESTIONS[:1], labels), grade_threshold=2)
    found = scored(of(DOCUMENTS[1].passage(0, 8)), benchmark, "evidence_all@1")
    assert found["evidence_all@1"]["depth"] == Score(1.0)


def test_white_space_that_no_passage_holds_is_not_missed() -> None:
    """The span runs over two sentences, which the chunker parts at the blank: recall says what it is, hit and all do
    not miss it.
    """
    labels = [RelevanceLabel("depth", "a", 1, 4, 60)]
    benchmark = from_records("spaced", DOCUMENTS, QUESTIONS[:1], labels)
    names = ("evidence_recall@2", "evidence_hit@2", "evidence_all@2", "evidence_all@1", "evidence_all@99t")
    found = scored(of(DOCUMENTS[0].passage(0, 27), DOCUMENTS[0].passage(28, 60)), benchmark, *names)
    assert [found[name]["depth"] for name in names] == [
        Score(pytest.approx(55 / 56)), Score(1.0), Score(1.0), Score(0.0), Score(1.0),
    ]  # fmt: skip
