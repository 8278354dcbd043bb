"""Whether it was right to abstain: every kind of question against every kind of outcome."""

import pytest

from rageval.metrics import Metric
from rageval.metrics.definitions import AnswerMetric
from rageval.types import PARTIAL, UNANSWERABLE, UNDERSPECIFIED, Failure, Language, Question, Response, Score, Unscored

Outcome = Response | Failure

ASKED: dict[Language, tuple[Question, Question]] = {
    "en": (Question("q", "How high is it?"), Question("q", "Who painted it?", tags=(UNANSWERABLE,))),
    "zh": (Question("q", "山有多高？", "zh"), Question("q", "谁画的？", "zh", tags=(UNANSWERABLE,))),
}
OUTCOMES: dict[Language, dict[str, Outcome]] = {
    "en": {
        "answered": Response(answer="2310 metres."),
        "abstained": Response(answer="I do not know.", abstained=True),
        "failed": Failure("ExecutionError", "timed out"),
    },
    "zh": {
        "answered": Response(answer="一千八百米。"),
        "abstained": Response(answer="根据已知信息无法回答该问题。", abstained=True),
        "failed": Failure("ExecutionError", "timed out"),
    },
}
FAILED = Score(0.0, failed=True)
NO_REJECTION = Unscored("the question is answerable")


def score_answer(metric: Metric, question: Question, outcome: Outcome) -> Score | Unscored:
    definition = metric.definition
    assert isinstance(definition, AnswerMetric)
    return definition.formula(question, outcome)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("metric", "outcome", "answerable", "unanswerable"),
    [
        ("negative_rejection", "answered", NO_REJECTION, Score(0.0)),
        ("negative_rejection", "abstained", NO_REJECTION, Score(1.0)),
        ("negative_rejection", "failed", NO_REJECTION, FAILED),
        ("abstention_accuracy", "answered", Score(1.0), Score(0.0)),
        ("abstention_accuracy", "abstained", Score(0.0), Score(1.0)),
        ("abstention_accuracy", "failed", FAILED, FAILED),
    ],
)
def test_every_case(metric: str, outcome: str, answerable: object, unanswerable: object, language: Language) -> None:
    can, cannot = ASKED[language]
    given = OUTCOMES[language][outcome]
    assert score_answer(Metric(metric), can, given) == answerable
    assert score_answer(Metric(metric), cannot, given) == unanswerable


ASKED_BACK: dict[Language, Response] = {
    "en": Response(answer="Which mountain do you mean?", abstained=False),
    "zh": Response(answer="您指的是哪座山？", abstained=False),
}
DECLINED_AND_ASKED = Response(answer="I do not know. Which mountain do you mean?", abstained=True)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("tags", "answered", "abstained", "asked_back"),
    [
        ((), 1.0, 0.0, 0.0),
        (("answerable",), 1.0, 0.0, 0.0),
        ((PARTIAL,), 1.0, 0.0, 0.0),
        ((UNANSWERABLE,), 0.0, 1.0, 0.0),
        ((UNDERSPECIFIED,), 0.0, 0.0, 1.0),
    ],
)
def test_every_kind_of_question_deserves_its_reaction(
    tags: tuple[str, ...], answered: float, abstained: float, asked_back: float, language: Language
) -> None:
    question, given = (
        Question("q", "它有多高？" if language == "zh" else "How high?", language, tags=tags),
        OUTCOMES[language],
    )
    reaction = Metric("right_reaction")
    assert score_answer(reaction, question, given["answered"]) == Score(answered)
    assert score_answer(reaction, question, given["abstained"]) == Score(abstained)
    assert score_answer(reaction, question, ASKED_BACK[language]) == Score(asked_back)
    assert score_answer(reaction, question, given["failed"]) == FAILED
    assert isinstance(score_answer(reaction, question, Response()), Unscored)


def test_declining_and_asking_back_fits_both_kinds() -> None:
    reaction = Metric("right_reaction")
    for tag in (UNANSWERABLE, UNDERSPECIFIED):
        assert score_answer(reaction, Question("q", "Why?", tags=(tag,)), DECLINED_AND_ASKED) == Score(1.0)


def test_an_empty_answer_is_no_reaction() -> None:
    for tags in ((), (UNANSWERABLE,), (UNDERSPECIFIED,)):
        question = Question("q", "Why?", tags=tags)
        assert score_answer(Metric("right_reaction"), question, Response(answer="", abstained=False)) == Score(0.0)


def test_abstention_accuracy_says_nothing_of_underspecified_questions() -> None:
    question = Question("q", "Why?", tags=(UNDERSPECIFIED,))
    assert isinstance(score_answer(Metric("abstention_accuracy"), question, ASKED_BACK["en"]), Unscored)


def test_shares_over_a_benchmark() -> None:
    """Of four unanswerable questions three were rejected; one of two answerable ones was: (3 + 1) of 6 are right."""
    can, cannot = ASKED["en"]
    answered, abstained = OUTCOMES["en"]["answered"], OUTCOMES["en"]["abstained"]
    asked = [(cannot, abstained)] * 3 + [(cannot, answered), (can, abstained), (can, answered)]

    def mean(metric: str) -> float:
        scores = [score_answer(Metric(metric), question, outcome) for question, outcome in asked]
        values = [score.value for score in scores if isinstance(score, Score)]
        return sum(values) / len(values)

    assert mean("negative_rejection") == 3 / 4
    assert mean("abstention_accuracy") == pytest.approx(4 / 6)


@pytest.mark.parametrize(
    ("metric", "asked"),
    [
        ("negative_rejection", ASKED["en"][1]),
        ("abstention_accuracy", ASKED["en"][0]),
        ("abstention_accuracy", ASKED["en"][1]),
    ],
)
def test_odd_answers(metric: str, asked: Question) -> None:
    """An empty answer is no abstention and no answer; a system may abstain without words; no answer asked, no score."""
    assert score_answer(Metric(metric), asked, Response(answer="")) == Score(0.0)
    assert score_answer(Metric(metric), asked, Response(abstained=True)) == Score(float(not asked.answerable))
    assert score_answer(Metric(metric), asked, Response()) == Unscored("no answer was generated")


def test_the_other_metrics_of_answers_look_at_the_words() -> None:
    question = Question("q", "How high is it?", references=("2310 metres", "2310 m"))
    assert score_answer(Metric("exact_match"), question, Response(answer="2310 metres.")) == Score(1.0)
    # two of the four words of "It is 2310 metres" are the reference's two: 2 * 2 / (4 + 2)
    found = score_answer(Metric("token_f1"), question, Response(answer="It is 2310 metres"))
    assert isinstance(found, Score)
    assert found.value == pytest.approx(2 / 3)
