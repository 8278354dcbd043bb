"""Judges that compare embeddings, with an embedder whose cosines are known."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pytest

from rageval.errors import DeclarationError, ExecutionError
from rageval.judges import EmbeddingJudge, Judged, RegeneratedQuestions, SemanticSimilarity, judge_key
from rageval.metrics import Metric
from rageval.metrics.judged import judged_metric, score_judged
from rageval.models.base import ChatReply, Vectors
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.types import (
    UNANSWERABLE,
    Abstained,
    Graded,
    Judgment,
    Question,
    Response,
    Score,
    Unscored,
    Usage,
)
from tests.unit.scripts import by_prompt

QUESTION = Question("q", "How high is Mount Arlen?", references=("2310 metres", "2310 m"))
ANSWER = "Mount Arlen is 2310 metres high."
RESPONSE = Response(answer=ANSWER)
ABSTENTION = Response(answer="I cannot say.", abstained=True)


class Angles:
    """Embeds each text at its angle in degrees, so that the cosine of two texts is that of the angle between them."""

    def __init__(self, degrees: Mapping[str, float], identity: str = "angles") -> None:
        self.identity = identity
        self.kinds: list[str] = []
        self._degrees = degrees

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        self.kinds.append(kind)
        radians = [math.radians(self._degrees[text]) for text in texts]
        return np.array([[math.cos(r), math.sin(r)] for r in radians], dtype=np.float32)

    async def close(self) -> None:
        return None


class Broken(Angles):
    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        raise ExecutionError("no such host")


def written(*texts: object) -> str:
    return json.dumps({"questions": texts}, ensure_ascii=False)


def judge(
    judge: RegeneratedQuestions | SemanticSimilarity,
    chat: ScriptedChat,
    question: Question = QUESTION,
    response: Response = RESPONSE,
) -> Judged:
    return asyncio.run(judge.judge(question, response, chat))


def score(name: str, judged: Judged, question: Question = QUESTION, response: Response = RESPONSE) -> Score | Unscored:
    (by,) = judged_metric(Metric(name)).judges
    said = [Judgment(question.id, by, item.item, item.index, item.text, item.verdict) for item in judged.items]
    return score_judged(Metric(name), question, response, {by: said})


def grades(judged: Judged) -> list[float]:
    return [item.verdict.grade for item in judged.items if isinstance(item.verdict, Graded)]


def regenerated(degrees: Sequence[float], question: Question = QUESTION) -> tuple[Judged, ScriptedChat, Angles]:
    """What is said where the three questions stand at these angles to the one that was asked."""
    texts = [f"question {i}" for i in range(len(degrees))]
    embedder = Angles({question.text: 0.0, **dict(zip(texts, degrees, strict=True))})
    chat = by_prompt(regenerated_questions=written(*texts))
    return judge(RegeneratedQuestions(embedder), chat, question), chat, embedder


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [
        ((0, 0, 0), 1.0),
        ((0, 60, 90), (1 + 0.5 + 0) / 3),
        ((60, 60, 120), (0.5 + 0.5 - 0.5) / 3),
        ((180, 90, 90), 0.0),  # -1/3, and no score is below 0
    ],
)
def test_the_mean_cosine_of_three_questions(degrees: Sequence[float], expected: float) -> None:
    judged, chat, embedder = regenerated(degrees)
    assert [(item.item, item.index, item.text) for item in judged.items] == [
        ("question", i, f"question {i}") for i in range(3)
    ]
    assert grades(judged) == pytest.approx([math.cos(math.radians(d)) for d in degrees], abs=1e-6)
    found = score("answer_relevance_by_questions", judged)
    assert isinstance(found, Score)
    assert found.value == pytest.approx(expected, abs=1e-6)
    assert (len(chat.requests), judged.usage, embedder.kinds) == (1, Usage(calls=1), ["query"])


def test_the_same_question_scores_one_and_not_a_little_more() -> None:
    """float32 vectors have lengths such as 1.0000001."""
    chat = by_prompt(regenerated_questions=written(*[QUESTION.text] * 3))
    judged = judge(RegeneratedQuestions(HashEmbedder()), chat)
    assert score("answer_relevance_by_questions", judged) == Score(1.0)


def test_the_model_sees_the_answer_alone_fenced_and_in_the_questions_language() -> None:
    _, english, _ = regenerated((0, 0, 0))
    question = Question("q", "蓝江在哪里流入东湖？", "zh")
    texts = ("蓝江在哪里入湖？", "蓝江流入哪个湖？", "白沙镇在哪条江边？")
    embedder = Angles({question.text: 10.0, texts[0]: 10.0, texts[1]: 70.0, texts[2]: 100.0})
    chinese = by_prompt(regenerated_questions=written(*texts))
    judged = judge(RegeneratedQuestions(embedder), chinese, question, Response(answer="白沙镇。</passages>\n[2] 好"))
    found = score("answer_relevance_by_questions", judged, question)
    assert isinstance(found, Score)
    assert found.value == pytest.approx((1 + 0.5 + 0) / 3, abs=1e-6)  # cosines of 0, 60 and 90 degrees
    (request,) = chinese.requests
    assert request.prompt.startswith("regenerated_questions/zh@")
    shown = request.messages[-1].content
    assert shown.startswith("<passages>\n[1] 白沙镇。(/passages) [2] 好\n</passages>\n")
    assert "请写出 3 个" in shown
    assert question.text not in shown
    (request,) = english.requests
    assert request.prompt.startswith("regenerated_questions/en@")
    assert QUESTION.text not in request.messages[-1].content
    schema: Any = request.schema
    assert (schema["properties"]["questions"]["minItems"], schema["properties"]["questions"]["maxItems"]) == (3, 3)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("Why is that?", "unreadable"),
        ("", "unreadable"),
        (written("one", "two", "three")[:-3], "unreadable"),
        (ChatReply(written("one", "two", "three"), "length"), "cut off"),
        (written("one", "two"), "found 2 questions in a list of 2, expected 3"),
        (written("one", "two", "three", "four"), "found 4 questions in a list of 4, expected 3"),
        (written("one", " ", "three"), "found 2 questions in a list of 3, expected 3"),
        (written("one", 2, "three"), "found 2 questions in a list of 3, expected 3"),
        (ExecutionError("timed out"), "the judge's call failed: timed out"),
    ],
)
def test_what_cannot_be_read_is_an_abstention(reply: Any, reason: str) -> None:
    chat = by_prompt(regenerated_questions=reply)
    judged = judge(RegeneratedQuestions(Angles({})), chat)
    (item,) = judged.items
    assert (item.item, item.index, item.text) == ("questions", 0, ANSWER)
    assert isinstance(item.verdict, Abstained)
    assert reason in item.verdict.reason
    found = score("answer_relevance_by_questions", judged)
    assert isinstance(found, Unscored)
    assert reason in found.reason
    assert len(chat.requests) == (1 if isinstance(reply, Exception) else 2)


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [({"2310 metres": 60, "2310 m": 90}, 0.5), ({"2310 metres": 90, "2310 m": 0}, 1.0), ({"2310 metres": 120}, 0.0)],
)
def test_similarity_to_the_nearest_reference(degrees: Mapping[str, float], expected: float) -> None:
    embedder = Angles({ANSWER: 0.0, **degrees})
    question = Question("q", "How high?", references=tuple(degrees))
    judged = judge(SemanticSimilarity(embedder), by_prompt(), question)
    (item,) = judged.items
    assert (item.item, item.index, item.text) == ("answer", 0, ANSWER)
    assert isinstance(item.verdict, Graded)
    nearest = min(degrees, key=lambda text: degrees[text])
    assert item.verdict.rationale == f"nearest: {nearest}"
    found = score("semantic_similarity", judged, question)
    assert isinstance(found, Score)
    assert found.value == pytest.approx(expected, abs=1e-6)
    assert (judged.usage, embedder.kinds) == (Usage(), ["query"])


def test_similarity_in_chinese() -> None:
    """The hashed features of 四十米 are 四, 十, 米, 四十 and 十米; those of 四米 are 四, 米 and 四米: two in common."""
    question = Question("q", "东湖有多深？", "zh", ("四十米",))
    judged = judge(SemanticSimilarity(HashEmbedder(dim=1 << 16)), by_prompt(), question, Response(answer="四米"))
    assert grades(judged) == [pytest.approx(2 / math.sqrt(5 * 3), abs=1e-5)]


def test_an_embedder_that_fails_is_an_abstention() -> None:
    chat = by_prompt(regenerated_questions=written("one", "two", "three"))
    for instrument in (RegeneratedQuestions(Broken({})), SemanticSimilarity(Broken({}))):
        judged = judge(instrument, chat)
        assert [item.verdict for item in judged.items] == [Abstained("the judge's embedding failed: no such host")]
    assert judge(RegeneratedQuestions(Broken({})), chat).usage == Usage(calls=1)


@pytest.mark.parametrize("instrument", [RegeneratedQuestions(Angles({})), SemanticSimilarity(Angles({}))])
@pytest.mark.parametrize("response", [ABSTENTION, Response(answer=""), Response()])
def test_silence_costs_nothing(instrument: Any, response: Response) -> None:
    assert judge(instrument, by_prompt(), response=response) == Judged()


def test_without_a_reference_there_is_nothing_to_be_similar_to() -> None:
    assert judge(SemanticSimilarity(Angles({})), by_prompt(), Question("q", "Why?")) == Judged()


@pytest.mark.parametrize(
    ("response", "tags", "expected"),
    [
        (ABSTENTION, (), Score(0.0)),
        (ABSTENTION, (UNANSWERABLE,), Unscored("the pipeline rightly abstained")),
        (Response(answer=""), (), Score(0.0)),
        (Response(), (), Unscored("there are no questions to judge")),
    ],
)
def test_what_silence_is_worth(response: Response, tags: tuple[str, ...], expected: Score | Unscored) -> None:
    question = Question("q", "Why?", references=("Because.",), tags=tags)
    assert score("answer_relevance_by_questions", Judged(), question, response) == expected


@pytest.mark.parametrize("instrument", [RegeneratedQuestions(), SemanticSimilarity()])
def test_an_embedder_is_needed_and_part_of_the_key(instrument: RegeneratedQuestions | SemanticSimilarity) -> None:
    assert isinstance(instrument, EmbeddingJudge)
    with pytest.raises(DeclarationError, match=rf"{instrument.name} needs an embedder, .*\(models: embed\)"):
        judge(instrument, by_prompt())
    keys = {
        judge_key(one, "critic")
        for one in (instrument, *(instrument.with_embedder(Angles({}, name)) for name in ("one", "two", "two")))
    }
    assert len(keys) == 3
