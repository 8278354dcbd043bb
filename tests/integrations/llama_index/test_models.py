"""LLMs and embedding models of LlamaIndex as rageval's."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from llama_index.core import MockEmbedding
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LogProb
from llama_index.core.llms import MockLLM
from pydantic import BaseModel, SecretStr

from rageval.errors import DeclarationError, ExecutionError, ModelError
from rageval.integrations.llama_index import chat_model, embedder
from rageval.models.base import ChatReply, ChatRequest, Message
from rageval.models.structured import yes_probability
from rageval.text.images import Image
from rageval.types import Usage
from tests.integrations.llama_index.world import ChattingLLM, ScriptedLLM, WordEmbedding
from tests.unit.charts import chart

REQUEST = ChatRequest((Message("system", "Be brief."), Message("user", "Is it so?")), "test/en@1", max_tokens=7)


def complete(llm: Any, request: ChatRequest = REQUEST, **options: Any) -> ChatReply:
    return asyncio.run(chat_model(llm, **options).complete(request))


def responding(**response: Any) -> ChattingLLM:
    """An LLM with that response to everything; without a `message` it says yes."""

    async def respond(llm: ChattingLLM, messages: Sequence[ChatMessage]) -> ChatResponse:
        return ChatResponse(**{"message": {"role": "assistant", "content": "yes"}, **response})

    return ChattingLLM(respond=respond)


def raising(error: Exception, **fields: Any) -> ScriptedLLM:
    return ScriptedLLM(reply=lambda prompt: error, **fields)


# Chat


def test_what_is_asked_reaches_the_llm() -> None:
    seen: list[Any] = []

    async def respond(llm: ChattingLLM, messages: Sequence[ChatMessage]) -> ChatResponse:
        seen.append((llm.temperature, llm.max_tokens, llm.logprobs, llm.top_logprobs))
        seen.append([(message.role.value, message.content) for message in messages])
        return ChatResponse(message=ChatMessage("Yes.", role="assistant"))

    llm = ChattingLLM(respond=respond)
    request = ChatRequest(REQUEST.messages, "test/en@1", 7, 0.7, {"type": "object"}, top_logprobs=5)
    assert complete(llm, request) == ChatReply("Yes.", usage=Usage(calls=1))
    assert seen == [
        (0.7, 7, True, 5),
        [("system", "Be brief."), ("user", 'Is it so?\nJSON schema: {"type": "object"}')],
    ]
    assert (llm.temperature, llm.max_tokens, llm.logprobs) == (0.1, None, False)


def test_images_are_refused_before_the_llm_is_asked() -> None:
    llm = ScriptedLLM(reply=lambda prompt: CompletionResponse(text="No."))
    asked = ChatRequest((Message("user", "What is shown?", (Image.of(chart(3)),)),), "test/en@1", 8)
    with pytest.raises(ModelError, match="cannot read images"):
        complete(llm, asked)
    assert llm.prompts == []


def test_an_llm_that_only_completes() -> None:
    llm = ScriptedLLM(reply=lambda prompt: CompletionResponse(text="No.", raw={"usage": {"prompt_tokens": 9}}))
    assert complete(llm) == ChatReply("No.", usage=Usage(1, prompt_tokens=9))
    assert llm.prompts == ["system: Be brief.\nuser: Is it so?\nassistant: "]


def test_settings_that_a_class_lacks_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    llm = MockLLM(max_tokens=2)
    chat = chat_model(llm)

    async def twice() -> list[str]:
        requests = REQUEST, ChatRequest(REQUEST.messages, "test/en@1", max_tokens=3, top_logprobs=5)
        return [(await chat.complete(request)).text for request in requests]

    with caplog.at_level(logging.WARNING, "rageval"):
        assert asyncio.run(twice()) == [" ".join(["text"] * 7), "text text text"]
    (record,) = [record for record in caplog.records if record.name == "rageval"]
    assert record.getMessage() == "llama_index/MockLLM/unknown leaves out temperature: its class has no such fields"
    assert llm.max_tokens == 2


class Counted(BaseModel):
    input_tokens: int = 11
    output_tokens: int = 4


class Raw(BaseModel):
    usage: Counted = Counted()
    stop_reason: str = "max_tokens"


@pytest.mark.parametrize(
    ("response", "usage", "finish_reason"),
    [
        ({"raw": {"usage": {"prompt_tokens": 9, "completion_tokens": 2}}}, (9, 2), "stop"),
        ({"raw": {"usage": {"input_tokens": 9, "output_tokens": 2}, "stop_reason": "end_turn"}}, (9, 2), "stop"),
        ({"raw": Raw()}, (11, 4), "length"),
        ({"raw": {"usage": Counted()}}, (11, 4), "stop"),
        (
            {
                "raw": {
                    "usage_metadata": {"prompt_token_count": 3, "candidates_token_count": 1},
                    "finish_reason": "SAFETY",
                }
            },
            (3, 1),
            "content_filter",
        ),
        ({"raw": {"prompt_eval_count": 8, "eval_count": 6, "done_reason": "length"}}, (8, 6), "length"),
        ({"additional_kwargs": {"prompt_tokens": 5, "completion_tokens": 1}}, (5, 1), "stop"),
        ({"raw": {"usage": {"prompt_tokens": None, "completion_tokens": True}}}, (0, 0), "stop"),
        ({"raw": "yes"}, (0, 0), "stop"),
        ({}, (0, 0), "stop"),
    ],
)
def test_usage_and_the_end_of_a_reply(response: Any, usage: tuple[int, int], finish_reason: str) -> None:
    reply = complete(responding(**response))
    assert reply.usage == Usage(1, prompt_tokens=usage[0], completion_tokens=usage[1])
    assert (reply.text, reply.finish_reason, reply.tokens) == ("yes", finish_reason, ())


def test_a_raw_chat_completion_is_read_whole() -> None:
    top = [{"token": " yes", "logprob": math.log(0.8)}, {"token": " no", "logprob": math.log(0.2)}]
    choice = {
        "message": {"content": "yes"},
        "finish_reason": "length",
        "logprobs": {"content": [{"token": "yes", "logprob": math.log(0.8), "top_logprobs": top}]},
    }
    reply = complete(responding(raw={"choices": [choice], "usage": {"prompt_tokens": 4, "completion_tokens": 1}}))
    assert (reply.finish_reason, reply.usage) == ("length", Usage(1, prompt_tokens=4, completion_tokens=1))
    assert yes_probability(reply) == pytest.approx(0.8)


def test_choices_of_another_form_are_left_to_llama_index() -> None:
    reply = complete(responding(raw={"choices": [{"text": "yes"}], "usage": {"prompt_tokens": 4}}))
    assert (reply.text, reply.usage.prompt_tokens) == ("yes", 4)


def test_log_probabilities_where_the_likeliest_tokens_spell_the_text() -> None:
    first = [LogProb(token="no", logprob=math.log(0.25)), LogProb(token="yes", logprob=math.log(0.75))]
    spelled = complete(responding(logprobs=[first]))
    assert yes_probability(spelled) == pytest.approx(0.75)
    drawn = complete(responding(logprobs=[first], message={"role": "assistant", "content": "no"}))
    assert (drawn.tokens, yes_probability(drawn)) == ((), 0.0)


@pytest.mark.parametrize(
    "response",
    [
        {"message": {"role": "assistant", "content": ""}},
        {"raw": {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}},
    ],
)
def test_a_reply_without_text_is_a_failure(response: Any) -> None:
    with pytest.raises(ExecutionError, match=r"^llama_index/ChattingLLM/scripted-1: the reply holds no text"):
        complete(responding(**response))


class StatusError(Exception):
    def __init__(self, text: str, **told: Any) -> None:
        super().__init__(text)
        for name, value in told.items():
            setattr(self, name, value)


class Told:
    status_code = 403


def wrapped(inner: Exception) -> Exception:
    outer = RuntimeError("connection error")
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (StatusError("bad key", status_code=401), ModelError, "status 401: StatusError: bad key: check key"),
        (StatusError("no model", code=404), ModelError, "status 404"),
        (StatusError("not yours", response=Told()), ModelError, "status 403"),
        (StatusError("slow down", status_code=429), ExecutionError, "StatusError: slow down"),
        (StatusError("broken", status_code=500), ExecutionError, "StatusError: broken"),
        (StatusError("x", code="invalid"), ExecutionError, "StatusError: x"),
        (
            wrapped(ConnectionRefusedError("refused")),
            ModelError,
            r"cannot be reached \(RuntimeError: connection error\)",
        ),
        (TimeoutError("late"), ExecutionError, "TimeoutError: late"),
        (ValueError("two\nlines"), ExecutionError, "ValueError: two lines$"),
    ],
)
def test_what_an_error_means_for_the_run(error: Exception, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match="^llama_index/ScriptedLLM/scripted-1: " + message) as failed:
        complete(raising(error))
    assert "\n" not in str(failed.value)


def test_a_connection_that_is_lost_later_fails_one_call() -> None:
    replies: list[Any] = ["Yes.", wrapped(ConnectionResetError("gone"))]
    chat = chat_model(ScriptedLLM(reply=lambda prompt: replies.pop(0)))

    async def twice() -> None:
        await chat.complete(REQUEST)
        await chat.complete(REQUEST)

    with pytest.raises(ExecutionError, match="RuntimeError: connection error"):
        asyncio.run(twice())


def test_no_key_is_told() -> None:
    llm = raising(StatusError("wrong key sk-secret-1", status_code=401), api_key="sk-secret-1")
    with pytest.raises(ModelError, match=r"wrong key \*\*\*") as failed:
        complete(llm)
    assert "sk-secret-1" not in str(failed.value)
    assert "sk-secret-1" not in repr(chat_model(llm))

    class Hidden(WordEmbedding):
        api_key: SecretStr = SecretStr("sk-secret-2")

        def _get_text_embedding(self, text: str) -> list[float]:
            raise StatusError("wrong key sk-secret-2", status_code=401)

    with pytest.raises(ModelError, match=r"wrong key \*\*\*"):
        asyncio.run(embedder(Hidden()).embed(["a"], "query"))


def test_identities_name_class_and_model() -> None:
    assert chat_model(ScriptedLLM(api_key="sk-1")).identity == "llama_index/ScriptedLLM/scripted-1"
    assert chat_model(MockLLM(), name="mine").identity == "llama_index/MockLLM/mine"
    assert embedder(WordEmbedding(model_name="words")).identity == "llama_index/WordEmbedding/words"
    assert embedder(WordEmbedding(), name="words-2").identity == "llama_index/WordEmbedding/words-2"


def test_no_more_calls_at_once_than_said_in_any_loop() -> None:
    under_way = [0, 0]

    async def respond(llm: ChattingLLM, messages: Sequence[ChatMessage]) -> ChatResponse:
        under_way[0] += 1
        under_way[1] = max(under_way)
        await asyncio.sleep(0.001)
        under_way[0] -= 1
        return ChatResponse(message=ChatMessage("Yes.", role="assistant"))

    chat = chat_model(ChattingLLM(respond=respond), concurrency=3)

    async def many() -> None:
        await asyncio.gather(*(chat.complete(REQUEST) for _ in range(10)))
        await chat.close()

    asyncio.run(many())
    asyncio.run(many())
    assert (chat.concurrency, under_way) == (3, [0, 3])
    with pytest.raises(DeclarationError, match="concurrency: found 0"):
        chat_model(MockLLM(), concurrency=0)


# Embeddings


def embed(model: Any, texts: Sequence[str], kind: Any = "passage") -> Any:
    return asyncio.run(embedder(model).embed(texts, kind))


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_vectors_have_unit_length_and_keep_their_order(kind: Any) -> None:
    texts = [f"word{n} word{n} other" for n in range(90)]
    model = WordEmbedding(embed_batch_size=4)
    vectors = embed(model, texts, kind)
    expected = np.array([model.get_text_embedding(text) for text in texts])
    expected /= np.sqrt((expected**2).sum(axis=1, keepdims=True))
    assert vectors.dtype == np.float32
    assert vectors == pytest.approx(expected, abs=1e-6)


def test_questions_and_passages_are_embedded_by_their_own_methods() -> None:
    class Asymmetric(WordEmbedding):
        async def _aget_query_embedding(self, query: str) -> list[float]:
            return [3.0, 4.0]

        def _get_text_embedding(self, text: str) -> list[float]:
            return [0.0, 2.0]

    assert embed(Asymmetric(), ["a"], "query").tolist() == pytest.approx(np.array([[0.6, 0.8]]))
    assert embed(Asymmetric(), ["a"]).tolist() == [[0.0, 1.0]]
    assert embed(MockEmbedding(embed_dim=4), ["a", "b"]).tolist() == [[0.5] * 4] * 2
    assert embed(MockEmbedding(embed_dim=4), []).shape == (0, 0)


@pytest.mark.parametrize(
    "vector", [lambda text: [0.0, 0.0], lambda text: [math.nan, 1.0], lambda text: [1.0] * len(text), lambda text: []]
)
def test_vectors_that_are_none(vector: Callable[[str], list[float]]) -> None:
    class Wrong(WordEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            return vector(text)

    with pytest.raises(ExecutionError, match=r"^llama_index/Wrong/unknown: "):
        embed(Wrong(), ["a", "bc"])
