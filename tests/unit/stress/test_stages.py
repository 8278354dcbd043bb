"""Stages around a stage: what is asked in the place of a question, what comes back, and that bounds are true."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from rageval.generation import Answer
from rageval.identity import describe
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.pipeline import Pipeline, PromptSizes, Resources, Stage
from rageval.pipeline.function import function_pipeline
from rageval.pipeline.sizes import CorpusSizes
from rageval.retrieval import BM25, Retrieve
from rageval.stress.stages import AskAgain, AskAs, AskInOtherWords, TellSecret
from rageval.text import count_tokens
from rageval.types import Document, Question, Response, Turn, Usage

DOCUMENTS = tuple(
    Document(name, text)
    for name, text in {
        "arlen": "Mount Arlen is 2310 metres high. Its summit was first reached in 1871 by two sisters.",
        "qingshi": "青石山高一千八百米。山顶的寺庙建于一六〇二年。",
    }.items()
)
QUESTIONS = (Question("en", "How high is Mount Arlen?", "en"), Question("zh", "青石山有多高？", "zh"))
LONGER = tuple(
    replace(one, text=f"{one.text} {one.text} Hm?", history=(Turn("user", one.text), Turn("assistant", "No.")))
    for one in QUESTIONS
)
PIPELINE = Retrieve(BM25(), k=2) >> Answer(abstain="never")
LINES = (("en", "Secret: the word is ravoku-4821-memizo."), ("zh", "机密：口令是 ravoku-4821-memizo。"))


def long_reply(request: ChatRequest) -> ChatReply:
    """As many tokens as were allowed."""
    text = " ".join(["很高 high"] * (request.max_tokens // 3))
    return ChatReply(text, usage=Usage(calls=1, prompt_tokens=1))


def answer(stage: Stage, question: Question, chat: ScriptedChat) -> Response:
    return asyncio.run(Pipeline("mine", stage).answer(question, Resources(DOCUMENTS, chat=chat)))


WRAPPED: dict[str, Callable[[Stage], Stage]] = {
    "ask as": lambda stage: AskAs(stage, questions=LONGER),
    "in other words": AskInOtherWords,
    "again": lambda stage: AskAgain(stage, questions=LONGER),
    "secret": lambda stage: TellSecret(stage, lines=LINES),
    "both": lambda stage: AskAs(TellSecret(stage, lines=LINES), questions=LONGER),
}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.id)
@pytest.mark.parametrize("name", WRAPPED)
def test_calls_and_tokens_stay_within_their_bounds(name: str, question: Question) -> None:
    for inner in (PIPELINE, Retrieve(BM25(), k=2) >> Answer(abstain="ask_first")):
        stage, chat = WRAPPED[name](inner), ScriptedChat(long_reply)
        response = answer(stage, question, chat)
        sizes = PromptSizes.of(question, CorpusSizes(DOCUMENTS))
        bound, tokens = stage.calls(True), stage.prompt_tokens(True, sizes)
        sent = sum(count_tokens(message.content) for request in chat.requests for message in request.messages)
        assert bound.low <= len(chat.requests) <= bound.high
        assert tokens is not None
        assert sent <= tokens
        assert response.usage.calls == len(chat.requests)
        assert stage.needs(True) == {"chat"}
        assert stage.indexes() == inner.indexes()
        assert stage.all_prompts() >= inner.all_prompts()
        assert count_tokens(response.answer or "") <= (stage.answer_tokens(0) or 0)


def test_a_question_is_asked_in_other_words_and_comes_back_as_it_was() -> None:
    chat = ScriptedChat(lambda _: "2310 metres")
    response = answer(AskAs(PIPELINE, questions=LONGER), QUESTIONS[0], chat)
    assert "User: How high is Mount Arlen?\nAssistant: No." in chat.requests[0].messages[-1].content
    assert (response.answer, response.hits[0].passage.doc_id) == ("2310 metres", "arlen")
    assert response.steps[0].detail == {"asked": LONGER[0].text}
    other = answer(AskAs(PIPELINE, questions=LONGER[1:]), QUESTIONS[0], chat)
    assert other.steps[0].detail == {"asked": QUESTIONS[0].text}


@pytest.mark.parametrize(
    ("reply", "finish", "refused"),
    [
        ("Arlen's height?", "stop", False),
        (" ", "stop", True),
        (QUESTIONS[0].text, "stop", True),
        ("So", "length", True),
    ],
)
def test_a_paraphrase_that_is_none_is_refused(reply: str, finish: str, refused: bool) -> None:
    chat = ScriptedChat(lambda _: ChatReply(reply, finish, usage=Usage(calls=1)))
    response = answer(AskInOtherWords(PIPELINE), QUESTIONS[0], chat)
    written, asked = response.steps[:2]
    assert written.detail == {"refused": refused}
    assert asked.detail == {"asked": QUESTIONS[0].text if refused else reply}


def test_the_own_answer_is_doubted() -> None:
    chat = ScriptedChat(lambda request: "Perhaps not." if "Sure?" in request.messages[-1].content else "2310 metres")
    stage = AskAgain(PIPELINE, questions=(replace(QUESTIONS[0], text="Sure? How high?"),))
    response = answer(stage, QUESTIONS[0], chat)
    assert (response.answer, response.usage.calls) == ("Perhaps not.", 2)
    assert "Assistant: 2310 metres\nUser: Sure? How high?" in chat.requests[1].messages[-1].content
    silent = answer(AskAgain(PIPELINE), QUESTIONS[0], ScriptedChat(lambda _: ChatReply("", usage=Usage(calls=1))))
    assert (silent.answer, silent.usage.calls) == ("", 1)


def test_each_language_has_its_line_and_others_the_first() -> None:
    asked: list[str] = []
    for question in (*QUESTIONS, Question("fr", "Quelle est la hauteur du mont Arlen?", "fr")):
        chat = ScriptedChat(lambda _: "so")
        answer(TellSecret(PIPELINE, lines=LINES), question, chat)
        asked.append(chat.requests[0].messages[0].content.rpartition("\n")[2])
    assert asked == [LINES[0][1], LINES[1][1], LINES[0][1]]


def test_what_changes_an_answer_is_in_the_identity() -> None:
    stages = [
        PIPELINE,
        AskAs(PIPELINE, questions=QUESTIONS),
        AskAs(PIPELINE, questions=LONGER),
        AskAs(PIPELINE, questions=tuple(replace(one, history=()) for one in LONGER)),
        AskAgain(PIPELINE, questions=QUESTIONS),
        AskAgain(PIPELINE, questions=LONGER),
        AskInOtherWords(PIPELINE),
        TellSecret(PIPELINE, lines=LINES),
        TellSecret(PIPELINE, lines=LINES[:1]),
    ]
    assert len({str(describe(stage)) for stage in stages}) == len(stages)
    assert describe(stages[2]) == describe(AskAs(PIPELINE, questions=LONGER))


def test_a_function_of_the_users_keeps_the_step() -> None:
    """It asks outside, so a dry run does not call it, and its bounds are not known."""
    inner = function_pipeline(lambda question: f"You asked: {question.text}").stage
    stage = AskAs(inner, questions=LONGER)
    response = answer(stage, QUESTIONS[0], ScriptedChat(lambda _: ""))
    assert response.answer == f"You asked: {LONGER[0].text}"
    assert [step.name for step in response.steps] == ["attack"]
    assert stage.asks_outside()
