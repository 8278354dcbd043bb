"""Metrics of the claim matrix, with the matrix and the arithmetic written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.metrics import Metric
from rageval.metrics.judged import score_judged
from rageval.types import (
    UNANSWERABLE,
    Abstained,
    Evidence,
    Graded,
    Hit,
    Judgment,
    Language,
    Passage,
    Question,
    Response,
    Score,
    Unscored,
    Verdict,
)

HITS = tuple(Hit(Passage(f"d{i}", 0, 1, "x"), 1.0) for i in range(3))
ASKED = Question("q", "How high is Mount Arlen, and who climbed it first?", references=("2310 metres; two sisters.",))
NOT_ANSWERABLE = Question("q", "Who painted Mount Arlen?", references=("Nobody knows.",), tags=(UNANSWERABLE,))
ANSWERED = Response(HITS, "It is 2310 metres high.", context=(0, 1, 2))
LOST = Abstained("neither yes nor no", "hm")

Wanted = dict[str, float | str]  # a score, or the reason why there is none


def passages(*positions: int) -> Graded:
    """Supported by the passages at these positions of the hits; by none where there are none."""
    return Graded(float(bool(positions)), evidence=tuple(Evidence(position, "…") for position in positions))


YES, NO = passages(0), passages()


@dataclass(frozen=True)
class Matrix:
    """What three judges said. By claim: of the answer against the passages and the reference (`support`, `right`), of
    the reference against the passages and the answer (`offered`, `made`). `whole` is on the answer as a whole.
    """

    support: Mapping[str, Verdict] = field(default_factory=dict[str, Verdict])
    right: Mapping[str, Verdict] = field(default_factory=dict[str, Verdict])
    offered: Mapping[str, Verdict] = field(default_factory=dict[str, Verdict])
    made: Mapping[str, Verdict] = field(default_factory=dict[str, Verdict])
    whole: Verdict | None = None

    def judgments(self) -> dict[str, Sequence[Judgment] | None]:
        return {
            "claim_support": _judgments("claim_support", "answer", {} if self.whole is None else {"It is…": self.whole})
            + _judgments("claim_support", "claim", self.support),
            "reference_support": _judgments("reference_support", "reference_claim", self.offered),
            "claim_agreement": _judgments("claim_agreement", "claim", self.right)
            + _judgments("claim_agreement", "reference_claim", self.made),
        }


def _judgments(judge: str, item: str, verdicts: Mapping[str, Verdict]) -> list[Judgment]:
    return [Judgment("q", judge, item, i, claim, verdict) for i, (claim, verdict) in enumerate(verdicts.items())]


def score(metric: str, matrix: Matrix, response: Response = ANSWERED, question: Question = ASKED) -> Score | Unscored:
    return score_judged(Metric(metric), question, response, matrix.judgments())


def check(wanted: Wanted, matrix: Matrix, response: Response = ANSWERED, question: Question = ASKED) -> None:
    for metric, expected in wanted.items():
        found = score(metric, matrix, response, question)
        if isinstance(expected, str):
            assert isinstance(found, Unscored), metric
            assert expected in found.reason, metric
        else:
            assert isinstance(found, Score), metric
            assert (found.value, found.failed) == (pytest.approx(expected), False), metric


def test_worked_example() -> None:
    """The first passage says how high Mount Arlen is and that salt is mined in Delmar below it, the second is about the
    river Brone and salt, the third says that two sisters reached the summit first.
    """
    matrix = Matrix(
        support={
            "Mount Arlen is 2310 metres high.": passages(0),
            "It was first climbed in 1871.": passages(),
            "Two brothers climbed it first.": passages(),  # the third passage and the reference contradict it
            "It is covered in snow all year.": passages(),
            "Delmar lies below it.": passages(0),
            "The Brone is 95 kilometres long.": passages(1),
            "Salt is mined there.": passages(1, 0),
        },
        right={
            "Mount Arlen is 2310 metres high.": YES,
            "It was first climbed in 1871.": YES,
            "Two brothers climbed it first.": NO,
            "It is covered in snow all year.": NO,
            "Delmar lies below it.": NO,
            "The Brone is 95 kilometres long.": NO,
            "Salt is mined there.": NO,
        },
        offered={
            "Mount Arlen is 2310 metres high.": passages(0),
            "Two sisters climbed it first.": passages(2),
            "That was in 1871.": passages(),
        },
        made={
            "Mount Arlen is 2310 metres high.": YES,
            "Two sisters climbed it first.": NO,
            "That was in 1871.": YES,
        },
        whole=NO,
    )
    check(
        {
            "attribution": 0.0,
            "faithfulness": 4 / 7,  # height, Delmar, Brone, salt; the answer as a whole is no claim
            "hallucination": 2 / 7,  # brothers, snow
            "self_knowledge": 1 / 7,  # 1871
            "noise_sensitivity_relevant": 2 / 7,  # Delmar, and salt, which one relevant passage says too
            "noise_sensitivity_irrelevant": 1 / 7,  # Brone
            "answer_precision": 2 / 7,  # height, 1871
            "answer_recall": 2 / 3,  # height, 1871
            "answer_f1": 2 / 5,  # 2 * 2/7 * 2/3 / (2/7 + 2/3) = 8/21 / 20/21
            "context_recall": 2 / 3,  # height, sisters
            "context_utilisation": 1 / 2,  # of height and sisters: height
        },
        matrix,
    )


def test_one_passage_in_chinese() -> None:
    """The one passage: 青石山高一千八百米，山顶有一座寺庙。 The reference: 青石山高一千八百米，寺庙建于一六〇二年。"""
    matrix = Matrix(
        support={
            "青石山高一千八百米。": passages(0),
            "山顶有一座寺庙。": passages(0),
            "寺庙建于一六二〇年。": passages(),  # the reference contradicts it
            "山上长满松树。": passages(),
        },
        right={"青石山高一千八百米。": YES, "山顶有一座寺庙。": NO, "寺庙建于一六二〇年。": NO, "山上长满松树。": NO},
        offered={"青石山高一千八百米。": passages(0), "寺庙建于一六〇二年。": passages()},
        made={"青石山高一千八百米。": YES, "寺庙建于一六〇二年。": NO},
    )
    zh: Language = "zh"
    question = Question("q", "青石山有多高？寺庙建于哪年？", zh, ("青石山高一千八百米，寺庙建于一六〇二年。",))
    check(
        {
            "faithfulness": 2 / 4,
            "hallucination": 2 / 4,  # 一六二〇年、松树
            "self_knowledge": 0 / 4,
            "noise_sensitivity_relevant": 1 / 4,  # 寺庙
            "noise_sensitivity_irrelevant": 0 / 4,
            "answer_precision": 1 / 4,
            "answer_recall": 1 / 2,
            "answer_f1": 1 / 3,  # 2 * 1/4 * 1/2 / (1/4 + 1/2) = 1/4 / 3/4
            "context_recall": 1 / 2,
            "context_utilisation": 1 / 1,  # of the one claim that the passage offers, one is made
        },
        matrix,
        Response(HITS[:1], "青石山高一千八百米，山顶的寺庙建于一六二〇年，山上长满松树。", (0,)),
        question,
    )


def test_an_empty_context_supports_nothing() -> None:
    """Two claims of three are right; of two of the reference the answer makes one."""
    matrix = Matrix(
        support={"a": NO, "b": NO, "c": NO},
        right={"a": YES, "b": YES, "c": NO},
        offered={"r": NO, "s": NO},
        made={"r": YES, "s": NO},
    )
    check(
        {
            "faithfulness": 0.0,
            "hallucination": 1 / 3,
            "self_knowledge": 2 / 3,
            "noise_sensitivity_relevant": 0.0,
            "noise_sensitivity_irrelevant": 0.0,
            "answer_precision": 2 / 3,
            "answer_recall": 1 / 2,
            "answer_f1": 4 / 7,  # 2 * 2/3 * 1/2 / (2/3 + 1/2) = 2/3 / 7/6
            "context_recall": 0.0,
            "context_utilisation": "the context supports no claim of the reference",
        },
        matrix,
        Response(answer="From memory."),
    )


def test_nothing_is_a_relevant_passage_where_none_supports_the_reference() -> None:
    matrix = Matrix({"a": passages(0), "b": passages(2)}, {"a": NO, "b": NO}, {"r": NO}, {"r": NO})
    check(
        {
            "noise_sensitivity_relevant": 0 / 2,
            "noise_sensitivity_irrelevant": 2 / 2,
            "answer_f1": 0.0,
            "faithfulness": 1.0,
        },
        matrix,
    )


NAMELESS = Graded(1.0, evidence=(Evidence(None, "…", found=False),))  # names no passage, and none holds its quote
UNKNOWN = "the judge does not say which passage supports a claim"


@pytest.mark.parametrize(
    ("support", "right", "offered", "relevant", "irrelevant"),
    [
        # It matters which passage a wrong claim is from …
        ({"a": NAMELESS, "b": passages(1)}, {"a": NO, "b": NO}, {"r": passages(0)}, UNKNOWN, UNKNOWN),
        # … but not where the claim is right, and nothing else is wrong.
        ({"a": NAMELESS, "b": passages(1)}, {"a": YES, "b": NO}, {"r": passages(0)}, 0 / 2, 1 / 2),
        ({"a": NAMELESS, "b": NO}, {"a": YES, "b": NO}, {"r": passages(0)}, 0 / 2, 0 / 2),
        # Passage 0 is relevant; whether passage 1 is, too, is not known.
        ({"a": passages(0), "b": YES}, {"a": NO, "b": YES}, {"r": passages(0), "s": NAMELESS}, 1 / 2, 0 / 2),
        ({"a": passages(0), "b": passages(1)}, {"a": NO, "b": NO}, {"r": passages(0), "s": NAMELESS}, UNKNOWN, UNKNOWN),
        ({"a": passages(1, 0)}, {"a": NO}, {"r": passages(0), "s": NAMELESS}, 1 / 1, 0 / 1),
    ],
)
def test_noise_is_unscored_where_it_matters_and_is_not_known_which_passage_it_is_from(
    support: dict[str, Verdict],
    right: dict[str, Verdict],
    offered: dict[str, Verdict],
    relevant: float | str,
    irrelevant: float | str,
) -> None:
    """All else is scored all the same: that needs no passage."""
    supported = sum(isinstance(verdict, Graded) and verdict.grade > 0.0 for verdict in support.values())
    check(
        {
            "noise_sensitivity_relevant": relevant,
            "noise_sensitivity_irrelevant": irrelevant,
            "faithfulness": supported / len(support),
            "context_recall": 1.0,
        },
        Matrix(support, right, offered, dict.fromkeys(offered, NO)),
    )


def test_a_contradiction_supports_nothing() -> None:
    """Also where the verdict shows the words that contradict: passage 0 speaks against the reference's claim, so it is
    irrelevant, and what it says of b is noise; passage 1 speaks against c, which the reference denies too.
    """
    against = [Graded(0.0, evidence=(Evidence(position, "…"),)) for position in (0, 1)]
    matrix = Matrix(
        {"b": passages(0), "c": against[1]}, {"b": NO, "c": against[0]}, {"r": against[0]}, {"r": against[1]}
    )
    check(
        {
            "faithfulness": 1 / 2,
            "hallucination": 1 / 2,  # c
            "self_knowledge": 0.0,
            "noise_sensitivity_relevant": 0.0,
            "noise_sensitivity_irrelevant": 1 / 2,  # b
            "answer_precision": 0.0,
            "answer_recall": 0.0,
            "answer_f1": 0.0,
            "context_recall": 0.0,
            "context_utilisation": "the context supports no claim of the reference",
        },
        matrix,
    )


def test_a_repeated_reference_is_the_best_answer() -> None:
    """Two claims, word for word the reference's, from the passages."""
    matrix = Matrix(
        {"a": passages(0), "b": passages(1)},
        {"a": YES, "b": YES},
        {"a": passages(0), "b": passages(1)},
        {"a": YES, "b": YES},
    )
    best = ("faithfulness", "answer_precision", "answer_recall", "answer_f1", "context_recall", "context_utilisation")
    worst = ("hallucination", "self_knowledge", "noise_sensitivity_relevant", "noise_sensitivity_irrelevant")
    check({**dict.fromkeys(best, 1.0), **dict.fromkeys(worst, 0.0)}, matrix)


OFFERED = Matrix(offered={"r": passages(0), "s": NO})
ABOUT_CLAIMS = (
    "faithfulness",
    "answer_precision",
    "hallucination",
    "self_knowledge",
    "noise_sensitivity_relevant",
    "noise_sensitivity_irrelevant",
)


@pytest.mark.parametrize(
    ("matrix", "faithfulness", "attribution"),
    [
        (Matrix({"a": YES, "b": YES, "c": NO}, whole=YES), 2 / 3, 1.0),  # they are two questions to the model
        (Matrix({"a": YES, "b": YES}, whole=NO), 2 / 2, 0.0),
        (Matrix({"a": YES}), 1.0, 1.0),
        (Matrix({"a": NO}), 0.0, 0.0),
        (Matrix({"湖深四十米。": passages(2), "湖中有银鱼。": NO}, whole=NO), 1 / 2, 0.0),
        (Matrix({"a": YES, "b": LOST}, whole=YES), "1 of 2 verdicts missing", 1.0),
        (Matrix({"a": YES, "b": YES}, whole=LOST), 1.0, "1 of 1 verdicts missing"),
        (Matrix({"a": LOST}), "1 of 1 verdicts missing", "1 of 1 verdicts missing"),
        (Matrix(), "there are no claims to judge", "there are no claims to judge"),
    ],
)
def test_the_answer_as_a_whole_and_its_claims(
    matrix: Matrix, faithfulness: float | str, attribution: float | str
) -> None:
    check({"faithfulness": faithfulness, "attribution": attribution}, matrix)


def test_an_abstention_covers_nothing_of_what_could_be_said() -> None:
    """Nothing in it can be wrong or unsupported; the context is judged all the same: it supports one claim of two."""
    wanted: Wanted = {"answer_recall": 0.0, "answer_f1": 0.0, "context_utilisation": 0 / 1, "context_recall": 1 / 2}
    wanted |= dict.fromkeys(ABOUT_CLAIMS, "the pipeline abstained")
    check(wanted, OFFERED, Response(HITS, "I do not know.", (0, 1, 2), abstained=True))


def test_an_abstention_is_right_where_there_is_no_answer() -> None:
    """Also where a reference says so: to make its claim, or not, is no merit of an answer."""
    wanted: Wanted = dict.fromkeys(("answer_recall", "answer_f1", "context_utilisation"), "rightly abstained")
    wanted |= dict.fromkeys(ABOUT_CLAIMS, "the pipeline abstained")
    check(wanted, OFFERED, Response(HITS, "I do not know.", (0, 1, 2), abstained=True), NOT_ANSWERABLE)


def test_no_claims() -> None:
    """An empty answer makes none: there is nothing to divide by, and nothing of the reference is made."""
    wanted: Wanted = {"answer_recall": 0.0, "answer_f1": 0.0, "context_utilisation": 0.0, "context_recall": 1 / 2}
    wanted |= dict.fromkeys(ABOUT_CLAIMS, "there are no claims to judge")
    check(wanted, OFFERED, Response(HITS, "", (0, 1, 2)))


def test_no_claims_of_the_reference() -> None:
    matrix = Matrix(support={"a": YES}, right={"a": YES})
    about = ("context_recall", "context_utilisation", "answer_recall", "answer_f1", "noise_sensitivity_relevant")
    check({**dict.fromkeys(about, "there are no claims of the reference"), "answer_precision": 1.0}, matrix)


def test_without_an_answer_only_the_context_is_scored() -> None:
    for metric in (*ABOUT_CLAIMS, "answer_recall", "answer_f1", "context_utilisation"):
        assert isinstance(score(metric, OFFERED, Response(HITS, None, (0, 1, 2))), Unscored)
    assert score("context_recall", OFFERED, Response(HITS, None, (0, 1, 2))) == Score(1 / 2)


WHOLE = Matrix(
    support={"a": passages(0), "b": NO},
    right={"a": YES, "b": NO},
    offered={"r": passages(0), "s": NO},
    made={"r": YES, "s": NO},
)
READS = {
    "support": ABOUT_CLAIMS[0:1] + ABOUT_CLAIMS[2:],
    "right": (*ABOUT_CLAIMS[1:], "answer_f1"),
    "offered": ("context_recall", "context_utilisation", "noise_sensitivity_relevant", "noise_sensitivity_irrelevant"),
    "made": ("answer_recall", "answer_f1", "context_utilisation"),
}
ALL = sorted({metric for metrics in READS.values() for metric in metrics})


@pytest.mark.parametrize("part", READS)
def test_a_missing_verdict_is_never_guessed(part: str) -> None:
    """Where the second of two verdicts is missing, what reads that part of the matrix is unscored, the rest is not."""
    parts = {name: dict(getattr(WHOLE, name)) for name in READS}
    parts[part][list(parts[part])[1]] = LOST
    for metric in ALL:
        found = score(metric, Matrix(**parts))
        if metric in READS[part]:
            assert found == Unscored("1 of 2 verdicts missing: neither yes nor no"), metric
        else:
            assert found == score(metric, WHOLE), metric


@pytest.mark.parametrize(
    ("judge", "item", "part"),
    [
        ("claim_support", "claims", "support"),
        ("claim_agreement", "claims", "right"),
        ("reference_support", "reference_claims", "offered"),
        ("claim_agreement", "reference_claims", "made"),
    ],
)
def test_a_text_that_could_not_be_split(judge: str, item: str, part: str) -> None:
    """One abstained verdict on the text as a whole stands in the place of its claims."""
    judgments = {**Matrix(**{name: getattr(WHOLE, name) for name in READS if name != part}).judgments()}
    unreadable = Judgment("q", judge, item, 0, "the text", Abstained("the list of claims is unreadable"))
    judgments[judge] = [*(judgments[judge] or ()), unreadable]
    for metric in ALL:
        found = score_judged(Metric(metric), ASKED, ANSWERED, judgments)
        if metric in READS[part]:
            assert found == Unscored("1 of 1 verdicts missing: the list of claims is unreadable"), metric
        else:
            assert found == score(metric, WHOLE), metric


def test_judges_that_saw_different_claims_are_not_joined() -> None:
    """The answer was split in two ways: a claim has support but nobody knows whether it is right, or the reverse."""
    matrix = Matrix({"a": passages(0), "b": NO}, {"a": YES, "c": NO}, {"r": passages(0)}, {"s": YES})
    joined = ("hallucination", "self_knowledge", "noise_sensitivity_relevant", "noise_sensitivity_irrelevant")
    check(dict.fromkeys((*joined, "context_utilisation"), "two judges saw different claims"), matrix)
    check({"faithfulness": 1 / 2, "answer_precision": 1 / 2, "answer_recall": 1.0, "context_recall": 1.0}, matrix)


@pytest.mark.parametrize("missing", ["claim_support", "claim_agreement", "reference_support"])
def test_what_one_of_the_judges_has_not_seen_is_unscored(missing: str) -> None:
    judgments = {**WHOLE.judgments(), missing: None}
    assert score_judged(Metric("noise_sensitivity_relevant"), ASKED, ANSWERED, judgments) == Unscored("not judged")


positions = st.sets(st.integers(0, 2)).map(lambda found: passages(*found))
yes_or_no = st.sampled_from([YES, NO])
matrices = st.builds(
    lambda answer, reference: Matrix(
        {f"claim {i}": support for i, (support, _) in enumerate(answer)},
        {f"claim {i}": right for i, (_, right) in enumerate(answer)},
        {f"reference {i}": offered for i, (offered, _) in enumerate(reference)},
        {f"reference {i}": made for i, (_, made) in enumerate(reference)},
    ),
    st.lists(st.tuples(positions, yes_or_no), min_size=1, max_size=8),
    st.lists(st.tuples(positions, yes_or_no), min_size=1, max_size=8),
)


@given(matrices)
def test_the_shares_add_up(matrix: Matrix) -> None:
    values: dict[str, float] = {}
    for metric in ALL:
        found = score(metric, matrix)
        if isinstance(found, Score):
            values[metric] = found.value
    assert set(ALL) - set(values) <= {"context_utilisation"}
    assert all(0.0 <= value <= 1.0 for value in values.values())
    assert values["hallucination"] + values["self_knowledge"] + values["faithfulness"] == pytest.approx(1)
    wrong_from_passages = sum(
        1 for claim, verdict in matrix.support.items() if verdict != NO and matrix.right[claim] == NO
    )
    noise = values["noise_sensitivity_relevant"] + values["noise_sensitivity_irrelevant"]
    assert noise == pytest.approx(wrong_from_passages / len(matrix.support))
    wrong = 1 - values["answer_precision"]
    assert values["hallucination"] + noise == pytest.approx(wrong)
    low, high = sorted((values["answer_precision"], values["answer_recall"]))
    assert low - 1e-12 <= values["answer_f1"] <= high + 1e-12
    assert ("context_utilisation" in values) == (values["context_recall"] > 0)


@given(matrices, st.integers(0, 7))
def test_a_claim_that_turns_out_right_makes_nothing_worse_but_self_knowledge(matrix: Matrix, place: int) -> None:
    claim = list(matrix.right)[place % len(matrix.right)]
    mended = Matrix(matrix.support, {**matrix.right, claim: YES}, matrix.offered, matrix.made)
    for metric in (*ABOUT_CLAIMS, "answer_f1"):
        before, after = score(metric, matrix), score(metric, mended)
        assert isinstance(before, Score)
        assert isinstance(after, Score)
        better = before.value - after.value if Metric(metric).lower_is_better else after.value - before.value
        assert better >= -1e-12 or metric == "self_knowledge"
