"""Five ways to find a hallucination, contradiction and the context: the arithmetic over verdicts."""

from __future__ import annotations

import pytest

from rageval.metrics import Metric
from rageval.metrics.judged import judged_metric, score_judged
from rageval.types import Abstained, Failure, Graded, Hit, Judgment, Passage, Question, Response, Score, Unscored

QUESTIONS = (Question("q", "How deep is the lake?"), Question("q", "湖有多深？", "zh"))
HITS = tuple(Hit(Passage(f"d{i}", 0, 1, "x"), 1.0) for i in range(2))
ANSWERED = Response(HITS, "61 metres.", (0, 1), abstained=False)
ITEMS = {
    "hallucination_ie": ("fact_match", "fact"),
    "hallucination_qa": ("fact_questions", "question"),
    "hallucination_nli": ("sentence_entailment", "sentence"),
    "hallucination_classifier": ("answer_entailment", "answer"),
    "hallucination_llm": ("claim_support", "answer"),
    "contradiction": ("claim_contradiction", "claim"),
    "sufficient_context": ("sufficient_context", "context"),
    "context_contradiction": ("context_agreement", "context"),
}


def score(name: str, *grades: float | Abstained, response: Response = ANSWERED, question: int = 0) -> Score | Unscored:
    judge, item = ITEMS[name]
    said = [
        Judgment("q", judge, item, i, f"{i}", one if isinstance(one, Abstained) else Graded(one))
        for i, one in enumerate(grades)
    ]
    return score_judged(Metric(name), QUESTIONS[question], response, {judge: said})


@pytest.mark.parametrize("question", [0, 1])
@pytest.mark.parametrize(
    ("name", "grades", "expected"),
    [
        ("hallucination_ie", (1.0, 0.0, 0.0, 0.0), 3 / 4),
        ("hallucination_qa", (0.8, 1.0, 0.0), 1 - 1.8 / 3),
        ("hallucination_nli", (1.0, 0.0), 1 / 2),
        ("hallucination_classifier", (0.0,), 1.0),
        ("hallucination_llm", (1.0,), 0.0),
        ("contradiction", (1.0, 0.0, 0.0), 1 / 3),
        ("sufficient_context", (1.0,), 1.0),
        ("context_contradiction", (1.0,), 0.0),
        ("context_contradiction", (0.0,), 1.0),
    ],
)
def test_by_hand(name: str, grades: tuple[float, ...], expected: float, question: int) -> None:
    found = score(name, *grades, question=question)
    assert isinstance(found, Score)
    assert found.value == pytest.approx(expected)


@pytest.mark.parametrize("name", ITEMS)
def test_a_missing_verdict_is_no_score_and_a_failure_the_worst(name: str) -> None:
    assert isinstance(score(name, 1.0, Abstained("lost")), Unscored)
    worst = 1.0 if judged_metric(Metric(name)).lower_is_better else 0.0
    assert score_judged(Metric(name), QUESTIONS[0], Failure("E", "x"), {}) == Score(worst, failed=True)


@pytest.mark.parametrize("name", [name for name in ITEMS if judged_metric(Metric(name)).reads_answers])
def test_an_abstention_is_unscored(name: str) -> None:
    silent = Response(HITS, "No idea.", (0, 1), abstained=True)
    assert score(name, response=silent) == Unscored("the pipeline abstained: nothing to check")


def test_one_passage_cannot_contradict_itself() -> None:
    alone = Response(HITS, "61 metres.", (0,))
    assert score("context_contradiction", response=alone) == Unscored("fewer than two passages were read")
