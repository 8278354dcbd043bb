"""Judges of the user's own: what they need to say, what they are told apart by, and what becomes of their mistakes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from rageval.errors import BudgetError, DeclarationError, ExecutionError, ModelError
from rageval.judges import CustomJudge, EmbeddingJudge, Item, Judged, asks_model, judge_key
from rageval.judges.custom import GuardedJudge, NoChat, guarded
from rageval.models.base import ChatModel, ChatRequest, Embedder, Message
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.types import Abstained, Evidence, Graded, Hit, Passage, Question, Response, Usage

QUESTION = Question("q", "What is k1?")
ANSWER = Response(answer="A parameter.")


class Brevity(CustomJudge):
    """Is the answer short?

    At most a few words.
    """

    name = "custom.brevity"

    def __init__(self, most: int = 3) -> None:
        self.most = most

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        words = len((response.answer or "").split())
        return self.grade(float(words <= self.most), response, f"{words} words")


class Says(CustomJudge):
    """Does as it is told."""

    name = "custom.says"

    def __init__(self, say: Callable[[Response], Any]) -> None:
        self.say = say

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        return self.say(response)


class Asks(CustomJudge):
    """Asks the model twice, and fails where it does not like the second reply."""

    name = "custom.asks"

    def calls(self, passages: int) -> tuple[int, int]:
        return 2, 2

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        request = ChatRequest((Message("user", "Well?"),), "asks@1", max_tokens=3)
        await chat.complete(request)
        reply = await chat.complete(replace(request, sample=1))
        return self.grade(float(reply.text), response)


def judge(own: CustomJudge, response: Response = ANSWER, chat: ChatModel | None = None) -> Judged:
    return asyncio.run(guarded(own).judge(QUESTION, response, chat or NoChat(own.name)))


def verdict(said: Any) -> Graded | Abstained:
    """What becomes of a verdict that a judge gives."""
    judged = judge(Says(lambda response: Judged((Item("answer", 0, "A parameter.", said),))))
    return judged.items[0].verdict


def test_a_name_and_judge_are_enough() -> None:
    brevity = guarded(Brevity())
    assert (brevity.name, brevity.summary, brevity.prompts) == ("custom.brevity", "Is the answer short?", ())
    assert brevity.calls(5) == (0, 0)
    assert not asks_model(brevity)
    assert judge(Brevity()) == Judged((Item("answer", 0, "A parameter.", Graded(1.0, rationale="2 words")),))
    assert judge(Brevity(1)).items[0].verdict == Graded(0.0, rationale="2 words")


def test_without_a_docstring_the_name_is_the_summary() -> None:
    class Silent(Brevity):
        name = "custom.silent"

    assert guarded(Silent()).summary == "custom.silent"


@pytest.mark.parametrize("response", [Response(answer=""), Response(), Response(answer="No idea.", abstained=True)])
def test_it_sees_only_answers(response: Response) -> None:
    def fail(_: Response) -> Judged:
        raise AssertionError("it was asked")

    assert judge(Says(fail), response) == Judged()


@pytest.mark.parametrize("grade", [0, 1, 0.25, True, np.float32(0.25), np.float64(1.0)])
def test_any_number_from_0_to_1_is_a_grade(grade: Any) -> None:
    judged = judge(Says(lambda response: Says.grade(Says(str), grade, response)))
    found = judged.items[0].verdict
    assert isinstance(found, Graded)
    assert (type(found.grade), found.grade) == (float, float(grade))


@pytest.mark.parametrize("grade", [1.0001, -0.0001, math.nan, math.inf, -math.inf, "0.5", None, 1j])
def test_a_grade_that_is_none_becomes_an_abstention(grade: Any) -> None:
    found = verdict(Graded(grade))
    assert found == Abstained(f"found grade {grade!r}, P None, expected numbers from 0 to 1")
    assert isinstance(verdict(Graded(1.0, probability=grade)), Graded if grade is None else Abstained)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (0.5, "TypeError: found a float as verdict, expected Graded or Abstained"),
        (None, "TypeError: found a NoneType as verdict"),
        (Graded(np.ones(2)), "TypeError: "),  # type: ignore[arg-type]
        (Graded(1.0, evidence=(Evidence(np.int64(0), "words"),)), "TypeError: Object of type int64 is not JSON"),  # type: ignore[arg-type]
        (Abstained({"not"}), "TypeError: Object of type set is not JSON"),  # type: ignore[arg-type]
    ],
)
def test_a_verdict_that_is_none_becomes_an_abstention(said: Any, told: str) -> None:
    found = verdict(said)
    assert isinstance(found, Abstained)
    assert found.reason.startswith(told)


@pytest.mark.parametrize("said", [0.5, None, Graded(1.0), Response(answer="x")])
def test_what_is_not_judged_becomes_an_abstention(said: Any) -> None:
    (item,) = judge(Says(lambda _: said)).items
    told = f"TypeError: judge returned a {type(said).__name__}, expected Judged, which self.grade(...) makes"
    assert item == Item("answer", 0, "A parameter.", Abstained(told))


def test_an_abstention_and_several_items_are_passed_on() -> None:
    items = (
        Item("claim", 0, "one", Graded(1.0, 0.9, (Evidence(0, "words"),), "why")),
        Item("claim", 1, "two", Abstained("no telling", "raw")),
    )
    assert judge(Says(lambda _: Judged(items))).items == items
    assert judge(Says(lambda _: Judged())) == Judged()


@pytest.mark.parametrize("error", [KeyError("lost"), ZeroDivisionError("x"), ExecutionError("gone"), TimeoutError()])
def test_what_it_raises_is_the_reason_of_an_abstention(error: Exception) -> None:
    def fail(_: Response) -> Judged:
        raise error

    (item,) = judge(Says(fail)).items
    assert item.verdict == Abstained(f"{type(error).__name__}: {error}".strip())


def test_a_long_story_is_one_short_line() -> None:
    def fail(_: Response) -> Judged:
        raise ValueError("first line\n" + "x" * 5000)

    found = judge(Says(fail)).items[0].verdict
    assert isinstance(found, Abstained)
    assert found.reason.startswith("ValueError: first line xxx")
    assert len(found.reason) == 300


@pytest.mark.parametrize("error", [ModelError("bad key"), BudgetError("the budget is spent")])
def test_a_model_that_cannot_serve_the_run_and_a_spent_budget_stop_it(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        judge(Asks(), chat=ScriptedChat(lambda _: error))


def test_one_that_does_not_read_answers_sees_every_response() -> None:
    class Passages(CustomJudge):
        name = "custom.passages"
        reads_answers = False

        async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
            if not response.hits:
                raise LookupError("no passages")
            return self.grade(1.0, response)

    hits = (Hit(Passage("d", 0, 1, "x"), 1.0),)
    for response in (Response(hits), Response(hits, "No idea.", abstained=True)):
        assert judge(Passages(), response).items == (Item("answer", 0, response.answer or "", Graded(1.0)),)
    assert judge(Passages(), Response()).items[0].verdict == Abstained("LookupError: no passages")


class Similar(CustomJudge):
    """Is the answer close to the question?"""

    name = "custom.similar"

    def __init__(self, embedder: Embedder | None = None) -> None:
        self.embedder = embedder

    def with_embedder(self, embedder: Embedder) -> Similar:
        return Similar(embedder)

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        assert self.embedder is not None
        one, other = await self.embedder.embed([question.text, response.answer or ""], "query")
        return self.grade(float(one @ other) / 2, response)


def test_one_that_compares_embeddings_gets_the_embedder() -> None:
    plain = guarded(Similar())
    assert isinstance(plain, EmbeddingJudge)
    assert not isinstance(guarded(Brevity()), EmbeddingJudge)
    ready = plain.with_embedder(HashEmbedder())
    judged = asyncio.run(ready.judge(QUESTION, Response(answer=QUESTION.text), NoChat("custom.similar")))
    found = judged.items[0].verdict
    assert isinstance(found, Graded)
    assert found.grade == pytest.approx(0.5)
    keys = {
        judge_key(one, None) for one in (plain, *(plain.with_embedder(HashEmbedder(dim)) for dim in (64, 256, 256)))
    }
    assert len(keys) == 3


def test_calls_that_were_not_declared_are_refused() -> None:
    class Undeclared(Asks):
        name = "custom.undeclared"

        def calls(self, passages: int) -> tuple[int, int]:
            return 0, 0

    with pytest.raises(DeclarationError, match=r"custom\.undeclared: found a model call, .*return 0, 1"):
        judge(Undeclared())


def test_calls_are_counted_even_where_it_fails() -> None:
    assert asks_model(guarded(Asks()))
    replies = iter(["1", "0.5", "1", "perhaps"])
    chat = ScriptedChat(lambda _: next(replies))
    good, bad = judge(Asks(), chat=chat), judge(Asks(), chat=chat)
    assert (good.items[0].verdict, good.usage) == (Graded(0.5), Usage(calls=2))
    assert bad.items[0].verdict == Abstained("ValueError: could not convert string to float: 'perhaps'")
    assert bad.usage == Usage(calls=2)


@dataclass(frozen=True, slots=True)
class Fields(CustomJudge):
    most: int = 3
    words: tuple[str, ...] = ("please",)
    names: dict[str, float] = field(default_factory=dict[str, float])
    tool: object = None

    name = "custom.fields"

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        return Judged()


def key(own: CustomJudge, file: str | None = None) -> str:
    return judge_key(guarded(own, file), None)


def test_settings_tell_judges_apart() -> None:
    keys = [
        key(Brevity(3)),
        key(Brevity(4)),
        key(Brevity(4), file="a file"),
        key(Brevity(4), file="the file edited"),
        key(Fields()),
        key(Fields(most=4)),
        key(Fields(words=("thanks",))),
        key(Fields(names={"a": 1.0})),
        key(Fields(names={"a": math.nan})),
        key(Fields(tool=object())),
    ]
    assert len(set(keys)) == len(keys)
    assert all(found.startswith(("custom.brevity-", "custom.fields-")) for found in keys)
    assert key(Brevity(3)) == keys[0]
    assert key(Fields(tool=object())) == keys[-1]  # another object without content, as in another process


def test_code_tells_judges_apart() -> None:
    def made(limit: int) -> CustomJudge:
        class Made(CustomJudge):
            name = "custom.made"

            async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
                return self.grade(float(len(response.answer or "") < limit), response)

        return Made()

    class Base(CustomJudge):
        name = "custom.made"
        least = 1

        async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
            return self.grade(1.0, response)

    class Heir(Base):
        least = 2

    assert key(made(1)) == key(made(1))
    assert len({key(made(1)), key(made(2)), key(Base()), key(Heir())}) == 4


def test_code_without_a_file_is_told_apart_too() -> None:
    """As in a notebook, where Python finds no source of a class; its plain values are seen."""

    def made(value: str) -> CustomJudge:
        names: dict[str, Any] = {"CustomJudge": CustomJudge, "__name__": "nowhere"}
        method = "async def judge(*_): return None"
        exec(f"class Made(CustomJudge):\n name = 'custom.made'\n limit = {value}\n {method}", names)
        return names["Made"]()

    assert key(made("1")) == key(made("1"))
    assert key(made("1")) != key(made("2"))


def test_a_guarded_judge_holds_what_it_guards() -> None:
    own = Brevity()
    assert guarded(own, "file") == GuardedJudge(own, guarded(own, "file").source)
