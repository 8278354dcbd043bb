"""Several raters in the place of one judge: what each is asked, and the verdict of them all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.errors import DeclarationError, ExecutionError
from rageval.judges import JUDGES, Judge, Judged, Panel, judge_key, judging_model, panel
from rageval.judges.base import Item
from rageval.judges.custom import CustomJudge, guarded
from rageval.models.base import ChatModel, ChatReply, ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.types import Abstained, Evidence, Graded, Hit, Passage, Question, Response, Usage
from tests.unit.scripts import Reply, as_json, by_prompt, names, numbered, p_yes, prompt_name, verdict_table

QUESTION = Question("q", "What is k1?", references=("1.2",))
ANSWER = "k1 is 1.2, b is 0.75, and both are numbers, but not whole."
TEXTS = ("BM25 has k1 = 1.2.", "Dense search.")
RESPONSE = Response(
    tuple(Hit(Passage(f"d{i}", 0, len(text), text), 1.0) for i, text in enumerate(TEXTS)), ANSWER, context=(0, 1)
)
NO = Abstained("neither yes nor no", "perhaps")


def model(identity: str, *replies: Reply) -> ScriptedChat:
    """Gives these replies in order."""
    left = list(replies)
    return ScriptedChat(lambda _: left.pop(0), identity=identity)


def raters(*replies: Reply) -> list[ScriptedChat]:
    """A model for each reply; what cannot be read is said twice."""
    return [model(f"m{i}", *([reply] * 2)) for i, reply in enumerate(replies)]


def judge(instrument: Judge, models: Sequence[ChatModel], samples: int = 1) -> Judged:
    return asyncio.run(Panel(instrument, tuple(models), samples).judge(QUESTION, RESPONSE, models[0]))


def test_each_rater_is_asked_the_same_of_the_same_claims() -> None:
    """The first model alone splits the answer; both judge it and both claims, a second time as another draw."""
    claims = as_json(claims=["k1 is 1.2.", "BM25 has b."])
    said = verdict_table(0.1, 0.9, 0.2)
    first = by_prompt(claims=claims, support=[said] * 2)
    said = verdict_table(0.4, 0.6, 0.7)
    second = by_prompt(support=[said] * 2)
    judged = judge(JUDGES["claim_support"], [first, second], samples=2)
    assert (names(first), names(second)) == (["claims", "support", "support"], ["support", "support"])
    plain, again = first.requests[1:]
    assert (plain.sample, plain.temperature, again.sample, again.temperature) == (0, 0.0, 11, 0.7)
    assert (plain.top_logprobs > 0, again.top_logprobs) == (True, 0)
    assert {r.messages for r in (*first.requests[1:], *second.requests)} == {plain.messages}
    assert judged.usage == Usage(calls=5)
    assert [(item.item, item.index, item.text) for item in judged.items] == [
        ("answer", 0, ANSWER),
        ("claim", 0, "k1 is 1.2."),
        ("claim", 1, "BM25 has b."),
    ]
    whole, supported, tie = (item.verdict for item in judged.items)
    assert whole == Graded(0.0, pytest.approx((0.1 + 0.1 + 0.4 + 0.4) / 4), votes=(0.0,) * 4)
    assert isinstance(supported, Graded)
    assert (supported.grade, supported.votes) == (1.0, (1.0, 1.0, 1.0, 1.0))
    assert supported.probability == pytest.approx((0.9 + 0.9 + 0.6 + 0.6) / 4)
    assert supported.evidence == (Evidence(0, "BM25 has k1 = 1.2."),)
    assert tie == Abstained("the panel has no majority: 2 for 0, 2 for 1", votes=(0.0, 0.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ((0.9, 0.8, 0.1), (1.0, 0.6, (1.0, 1.0, 0.0))),
        ((0.1, 0.9, 0.3), (0.0, (0.1 + 0.9 + 0.3) / 3, (0.0, 1.0, 0.0))),
        ((0.9, "perhaps", 0.7), (1.0, 0.8, (1.0, None, 1.0))),
        (("perhaps", "perhaps", 0.2), (0.0, 0.2, (None, None, 0.0))),
        ((0.6, 0.6, 0.01), (1.0, 1.21 / 3, (1.0, 1.0, 0.0))),  # the grade is the majority's, whatever the mean
        (("yes", "no", "yes"), (1.0, 2 / 3, (1.0, 0.0, 1.0))),
    ],
)
def test_majority(replies: Sequence[float | str], expected: tuple[float, float, tuple[float | None, ...]]) -> None:
    said = raters(*(reply if isinstance(reply, str) else p_yes(reply) for reply in replies))
    (item,) = judge(JUDGES["answer_relevance"], said).items
    assert isinstance(item.verdict, Graded)
    grade, probability, votes = expected
    assert (item.verdict.grade, item.verdict.votes) == (grade, votes)
    assert item.verdict.probability == pytest.approx(probability)


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ((0.9, 0.1), Abstained("the panel has no majority: 1 for 0, 1 for 1", votes=(1.0, 0.0))),
        ((0.9, "perhaps", 0.1), Abstained("the panel has no majority: 1 for 0, 1 for 1", votes=(1.0, None, 0.0))),
        (("perhaps", "maybe"), Abstained("neither yes nor no", "perhaps", votes=(None, None))),
    ],
)
def test_no_majority_is_no_verdict(replies: Sequence[float | str], expected: Abstained) -> None:
    said = raters(*(reply if isinstance(reply, str) else p_yes(reply) for reply in replies))
    assert judge(JUDGES["answer_relevance"], said).items == (Item("answer", 0, ANSWER, expected),)


def test_grades_on_a_scale_have_a_median() -> None:
    """Of 3, 1, 0 it is 1; of 2, 2, 1 it is 2. Of the two grades 3 and 0 it lies between them, and nobody agrees."""
    said = raters(numbered(["3", "2"]), numbered(["1", "2"]), numbered(["0", "1"]))
    assert [item.verdict for item in judge(JUDGES["passage_grade"], said).items] == [
        Graded(1.0, votes=(3.0, 1.0, 0.0)),
        Graded(2.0, votes=(2.0, 2.0, 1.0)),
    ]
    said = raters(numbered(["3", "2"]), "no table", numbered(["0", "2"]))
    assert [item.verdict for item in judge(JUDGES["passage_grade"], said).items] == [
        Graded(1.5, votes=(3.0, None, 0.0)),
        Graded(2.0, votes=(2.0, None, 2.0)),
    ]


def test_evidence_is_of_the_first_rater_that_agrees() -> None:
    """The passages hold none of the claim's words, so that each rater is asked which of them shows it."""
    claims = as_json(claims=["Saturation sets in late."])
    first = by_prompt(claims=claims, support=verdict_table(0.1))
    second = by_prompt(support=verdict_table(0.8), shown_by=numbered(["2"]))
    third = by_prompt(support=verdict_table(0.9), shown_by=numbered(["1"]))
    (item,) = judge(JUDGES["claim_support"], [first, second, third]).items
    assert isinstance(item.verdict, Graded)
    assert (item.verdict.grade, item.verdict.evidence) == (1.0, (Evidence(1, "", found=False),))


@pytest.mark.parametrize("reply", ["no list", ExecutionError("timed out")])
def test_where_the_claims_cannot_be_had_nobody_asks_again(reply: Reply) -> None:
    first, second = by_prompt(claims=[reply] * 2), by_prompt()
    (item,) = judge(JUDGES["claim_support"], [first, second], samples=3).items
    assert isinstance(item.verdict, Abstained)
    assert (item.item, item.verdict.votes) == ("claims", (None,) * 6)
    assert len(first.requests) == (1 if isinstance(reply, ExecutionError) else 2)


def test_no_two_draws_are_the_same_request() -> None:
    """Each rater asks twice for what it cannot read; samples 2 and 3 are draws of their own, the second time too."""
    chat = ScriptedChat(lambda _: "perhaps")
    judge(JUDGES["answer_relevance"], [chat], samples=3)
    assert [(r.sample, r.temperature) for r in chat.requests] == [
        (0, 0.0), (1, 0.7), (11, 0.7), (111, 0.7), (12, 0.7), (112, 0.7),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "alone", "of_three"),
    [
        ("claim_support", (0, 2), (0, 1 + 3)),
        ("reference_support", (0, 2), (0, 1 + 3)),
        ("claim_agreement", (0, 4), (0, 2 + 3 * 2)),
        ("passage_relevance", (0, 1), (0, 3)),
        ("sentence_relevance", (0, 5), (0, 15)),
        ("answer_relevance", (0, 1), (0, 3)),
    ],
)
def test_calls(name: str, alone: tuple[int, int], of_three: tuple[int, int]) -> None:
    models = (ScriptedChat(lambda _: "", "a"), ScriptedChat(lambda _: "", "b"), ScriptedChat(lambda _: "", "c"))
    assert JUDGES[name].calls(5) == alone
    assert Panel(JUDGES[name], models).calls(5) == of_three
    assert Panel(JUDGES[name], models[:1], 3).calls(5) == of_three


def test_key_and_words_name_raters_and_samples() -> None:
    a, b = ScriptedChat(lambda _: "", "a"), ScriptedChat(lambda _: "", "b")
    inner = JUDGES["completeness"]
    made = [panel(inner, (a,), 1), panel(inner, (a,), 2), panel(inner, (a, b), 1), panel(inner, (a, b), 2)]
    assert made[0] is inner
    assert len({judge_key(one, "a") for one in made}) == 4
    assert [judging_model(one, a) for one in made] == ["a", "a, 2 samples each", "a + b", "a + b, 2 samples each"]
    last = made[-1]
    assert isinstance(last, Panel)
    assert last.raters == ("a, sample 1", "a, sample 2", "b, sample 1", "b, sample 2")
    assert (last.name, last.summary, last.prompts) == (inner.name, inner.summary, inner.prompts)


class Short(CustomJudge):
    """Is it short?"""

    name = "custom.short"

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        return self.grade(1.0, response)


def test_who_cannot_be_a_panel() -> None:
    a, b = ScriptedChat(lambda _: "", "a"), ScriptedChat(lambda _: "", "b")
    short = guarded(Short())
    assert panel(short, (a, b), 3) is short  # it asks no model
    with pytest.raises(DeclarationError, match="found a 2 times in a panel, expected models that differ"):
        panel(JUDGES["completeness"], (a, b, a), 1)


replies = st.one_of(
    st.floats(0.001, 0.999).map(p_yes),
    st.sampled_from(["yes", "No.", "perhaps", "", '{"claims": ["a", "b"]}', '{"claims": ["a"]}', '{"claims": []}']),
    st.sampled_from([numbered(["yes", "no"]), numbered(["0", "3"]), numbered(["2"])]),
    st.builds(lambda p, q: verdict_table(p, q), st.floats(0.01, 0.99), st.floats(0.01, 0.99)),
    st.just(ExecutionError("timed out")),
    st.just(ChatReply("yes", "length")),
)


@given(st.sampled_from(sorted(set(JUDGES) - {"regenerated_questions", "semantic_similarity"})), st.data())
def test_one_rater_asked_once_is_the_judge_itself(name: str, data: Any) -> None:
    """Whatever the model says, and however often it is asked again."""
    said = data.draw(st.lists(replies, min_size=12, max_size=12))
    alone, one = model("m", *said), model("m", *said)
    expected = asyncio.run(JUDGES[name].judge(QUESTION, RESPONSE, alone))
    assert judge(JUDGES[name], [one]) == expected
    assert one.requests == alone.requests


@given(st.lists(st.sampled_from([0.1, 0.9, None]), min_size=2, max_size=6), st.randoms())
def test_the_order_of_raters_changes_no_grade(said: list[float | None], random: Any) -> None:
    shuffled = list(said)
    random.shuffle(shuffled)
    verdicts = []
    for order in (said, shuffled):
        models = raters(*("perhaps" if p is None else p_yes(p) for p in order))
        (item,) = judge(JUDGES["answer_relevance"], models).items
        verdicts.append(item.verdict.grade if isinstance(item.verdict, Graded) else None)
    assert verdicts[0] == verdicts[1]
    yes, no = said.count(0.9), said.count(0.1)
    assert verdicts[0] == (1.0 if yes > no else 0.0 if no > yes else None)


def test_prompts_other_than_the_splitting_go_to_every_rater() -> None:
    """Every judge of the default set, with three raters: calls of a prompt / calls of the splitting."""

    def reply(request: ChatRequest) -> Reply:
        match prompt_name(request):
            case "claims":
                return as_json(claims=["k1 is 1.2."])
            case "support":
                return verdict_table(0.9)
            case "answer_relevance":
                return p_yes(0.9)
            case _:
                return numbered(["yes", "no"])

    for name, expected in (
        ("claim_support", {"claims": [1, 0, 0], "support": [1, 1, 1]}),
        ("claim_agreement", {"claims": [2, 0, 0], "support": [2, 2, 2]}),
        ("passage_relevance", {"passage_relevance": [1, 1, 1]}),
        ("answer_relevance", {"answer_relevance": [1, 1, 1]}),
    ):
        models = [ScriptedChat(reply, f"m{i}") for i in range(3)]
        judge(JUDGES[name], models)
        asked = {prompt: [names(chat).count(prompt) for chat in models] for prompt in expected}
        assert asked == expected
        assert sum(map(sum, asked.values())) == sum(len(chat.requests) for chat in models)
