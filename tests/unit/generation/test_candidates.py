"""Answers from each passage, and which of them is kept."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.generation import AnswerCandidates
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.pipeline import Calls, ContextSize, PromptSizes, Query, Resources, State
from rageval.pipeline.sizes import CorpusSizes
from rageval.text import count_tokens
from rageval.types import Document, Hit, Passage, Question, Response
from tests.unit.scripts import Reply, by_prompt, one_token, p_yes

TEXTS = ("alpha", "beta", "gamma")
QUESTION = Question("q", "Which?", "en")


def run(
    stage: AnswerCandidates,
    chat: ScriptedChat,
    texts: Sequence[str] = TEXTS,
    question: Question = QUESTION,
    *,
    generate: bool = True,
) -> Response:
    hits = tuple(Hit(Passage(text, 0, len(text), text), 1.0) for text in texts)
    given = Response(hits=hits, context=tuple(range(len(hits))))
    state = State(question, (Query(question.text),), given, generate)
    return asyncio.run(stage.run(state, Resources((), chat=chat))).response


def by_text(values: Mapping[str, Reply]) -> Any:
    """A reply by the passage, or the answer, that the prompt shows."""
    return lambda request: next(value for text, value in values.items() if text in request.messages[-1].content)


def answer(request: ChatRequest) -> str:
    return next(f"It is {text}." for text in TEXTS if text in request.messages[-1].content)


def levels(**shares: float) -> ChatReply:
    names = {"one": "1", "three": "3", "four": "4", "five": "5"}
    return one_token("5", *((names[name], math.log(share)) for name, share in shares.items()))


def script(**changes: Any) -> ScriptedChat:
    """Weighted means: alpha (.9 + .2 + .5 · 1) / 2.5 = .64, beta (.6 + .8 + .5 · .75) / 2.5 = .71, gamma .34."""
    scripts: dict[str, Any] = {
        "grade_passage": by_text({"alpha": p_yes(0.9), "beta": p_yes(0.6), "gamma": p_yes(0.3)}),
        "answer": answer,
        "check_support": by_text({"alpha": p_yes(0.2), "beta": p_yes(0.8), "gamma": p_yes(0.3)}),
        "rate_usefulness": by_text(
            {"alpha": levels(five=1.0), "beta": levels(three=0.5, five=0.5), "gamma": levels(three=1.0)}
        ),
    }
    return by_prompt(**{**scripts, **changes})


def test_the_best_weighted_mean_is_kept() -> None:
    chat = script()
    found = run(AnswerCandidates(), chat)
    assert (found.answer, found.citations, found.abstained) == ("It is beta.", (1,), False)
    assert found.steps[-1].detail["scores"] == [
        pytest.approx(0.64, abs=1e-4),
        pytest.approx(0.71, abs=1e-4),
        pytest.approx(0.34, abs=1e-4),
    ]
    assert found.usage.calls == len(chat.requests) == 12
    assert found.context == (0, 1, 2)


def test_weights_change_the_choice_and_a_weight_of_zero_asks_nothing() -> None:
    chat = script()
    found = run(AnswerCandidates(support=0.0, usefulness=0.0), chat)
    assert (found.answer, found.citations) == ("It is alpha.", (0,))
    assert len(chat.requests) == 6
    assert run(AnswerCandidates(relevance=0.0, support=0.0), script()).answer == "It is alpha."


def test_below_the_least_score_it_abstains() -> None:
    assert run(AnswerCandidates(least=0.71), script()).answer == "It is beta."
    found = run(AnswerCandidates(least=0.72), script())
    assert (found.abstained, found.citations) == (True, ())
    assert found.answer == "The passages do not contain the answer."


def test_less_relevant_passages_are_not_answered_from() -> None:
    chat = script()
    assert run(AnswerCandidates(least_relevance=0.7), chat).answer == "It is alpha."
    assert len(chat.requests) == 3 + 3
    assert run(AnswerCandidates(passages=1), script()).answer == "It is alpha."


def test_abstentions_are_no_candidates() -> None:
    refusal = "The passages do not contain the answer."
    answers = by_text({"beta": refusal, "alpha": "It is alpha.", "gamma": "No."})
    supported = {"check_support": p_yes(0.9), "rate_usefulness": "5"}
    found = run(AnswerCandidates(), script(answer=answers, **supported))
    assert found.answer == "It is alpha."
    assert run(AnswerCandidates(), by_prompt(**_all(refusal))).abstained is True


def _all(text: str) -> dict[str, Any]:
    return {"grade_passage": p_yes(0.9), "answer": text, "check_support": p_yes(0.9), "rate_usefulness": "5"}


def test_what_cannot_be_read_is_left_out_of_the_mean() -> None:
    """Levels as plain text: 4 is .75. Without support and relevance of alpha, its mean is .75; beta (.6 + .8) / 2."""
    chat = script(
        grade_passage=by_text({"alpha": "perhaps", "beta": p_yes(0.6), "gamma": p_yes(0.3)}),
        check_support=by_text({"alpha": "", "beta": p_yes(0.8), "gamma": p_yes(0.3)}),
        rate_usefulness=by_text({"alpha": "4.", "beta": "many", "gamma": "0"}),
    )
    found = run(AnswerCandidates(), chat)
    assert found.answer == "It is alpha."
    assert found.steps[-1].detail["scores"] == [0.75, pytest.approx(0.7), pytest.approx(0.3)]
    nothing = {"grade_passage": "?", "check_support": "?", "rate_usefulness": "?"}
    unread = run(AnswerCandidates(), script(**nothing))
    assert unread.answer == "It is alpha."
    assert unread.steps[-1].detail["scores"] == [None, None, None]


def test_no_passages_and_no_answer_wanted() -> None:
    empty = run(AnswerCandidates(), by_prompt(), ())
    assert empty.abstained is True
    assert run(AnswerCandidates(), by_prompt(), generate=False).answer is None


def test_chinese() -> None:
    question = Question("z", "哪一个？", "zh")
    chat = script(
        answer="是甲。", **{key: p_yes(0.9) for key in ("grade_passage", "check_support")}, rate_usefulness="5"
    )
    found = run(AnswerCandidates(), chat, ("甲文", "乙文"), question)
    assert (found.answer, found.citations) == ("是甲。", (0,))
    assert {request.prompt.split("@")[0].split("/")[1] for request in chat.requests} == {"zh"}
    refused = run(AnswerCandidates(least=1.0), chat, ("甲文",), question)
    assert refused.abstained is True


def test_bounds_hold() -> None:
    stage, texts = AnswerCandidates(passages=2, max_tokens=16), ("alpha one two", "beta", "gamma")
    chat = script()
    run(stage, chat, texts)
    context = ContextSize(3, 4)
    sizes = PromptSizes(
        language="en", question=2, references=(), corpus=CorpusSizes([Document("d", "x")]), context=context
    )
    assert len(chat.requests) == stage.calls(True, context).high == 8
    assert stage.calls(False, context) == Calls()
    shown = sum(count_tokens(message.content) for request in chat.requests for message in request.messages)
    assert shown <= (stage.prompt_tokens(True, sizes) or 0)
    assert stage.needs(generate=False) == frozenset()


@pytest.mark.parametrize(
    "wrong",
    [
        {"passages": 0},
        {"relevance": -1.0},
        {"support": math.inf},
        {"relevance": 0.0, "support": 0.0, "usefulness": 0.0},
        {"least": 1.5},
        {"least_relevance": -0.1},
        {"usefulness": math.nan},
    ],
)
def test_settings_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match="found"):
        AnswerCandidates(**wrong)
