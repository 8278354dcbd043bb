"""LangChain's chat models and embeddings as rageval's; ChatOpenAI against rageval's own client on the same server."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from typing import Any, TypeVar

import numpy as np
import pytest

pytest.importorskip("langchain_core")

from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from pydantic import SecretStr

from rageval.errors import DeclarationError, ExecutionError, ModelError
from rageval.integrations.langchain import chat_model, embedder, pipeline
from rageval.judges import JUDGES
from rageval.models.base import ChatModel, ChatReply, ChatRequest, Message
from rageval.models.openai_compatible import OpenAIChat
from rageval.prompts import yes_no_request
from rageval.text.images import Image
from rageval.types import Graded, Hit, Passage, Question, Response, Usage
from tests.flow.fake_server import FakeServer, completion, fault
from tests.flow.small_world import respond
from tests.integrations.langchain.parts import KEY, Obedient, WordEmbeddings, ask, counted
from tests.unit.charts import chart

T = TypeVar("T")

TURNS = (Message("system", "Be brief."), Message("user", "Why?"), Message("assistant", "So."), Message("user", "Oh?"))
REQUEST = ChatRequest(TURNS, "test/en@1", max_tokens=64)
SCHEMA = {
    "type": "object",
    "properties": {"1": {"type": "string", "enum": ["yes", "no"]}},
    "required": ["1"],
    "additionalProperties": False,
}
TABLE = ChatRequest(
    (Message("user", "Is it so?"),), "test/en@1", 28, temperature=0.7, schema=SCHEMA, top_logprobs=10, sample=1
)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def complete(model: Any, request: ChatRequest = REQUEST, **options: Any) -> ChatReply:
    return run(chat_model(model, **options).complete(request))


def test_another_event_loop_takes_as_many_calls_at_once() -> None:
    """`rageval.evaluate` leaves models open that it was given, and has an event loop of its own each time."""
    ours = chat_model(Obedient(reply="So."), concurrency=1)

    async def twice() -> list[ChatReply]:
        return await asyncio.gather(ours.complete(REQUEST), ours.complete(REQUEST))

    for _ in range(2):
        assert [reply.text for reply in run(twice())] == ["So.", "So."]


def test_messages_settings_and_usage() -> None:
    model = Obedient(reply=counted("So it is.", 40, 4, cached=32))
    reply = complete(model)
    assert reply == ChatReply(
        "So it is.", usage=Usage(calls=1, prompt_tokens=40, cached_tokens=32, completion_tokens=4)
    )
    ((messages, temperature, num_predict),) = model.asked
    assert [(message.type, message.text) for message in messages] == [
        ("system", "Be brief."),
        ("human", "Why?"),
        ("ai", "So."),
        ("human", "Oh?"),
    ]
    assert (temperature, num_predict) == (0.0, 64)
    assert (model.temperature, model.num_predict) == (0.9, None)


def test_a_fake_model_of_langchain_answers_in_turn() -> None:
    chat = chat_model(FakeListChatModel(responses=["one", "two"]))

    async def twice() -> list[str]:
        return [(await chat.complete(REQUEST)).text for _ in range(2)]

    assert run(twice()) == ["one", "two"]


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({}, "stop"),
        ({"finish_reason": "stop"}, "stop"),
        ({"finish_reason": "length"}, "length"),
        ({"finish_reason": "MAX_TOKENS"}, "length"),
        ({"finish_reason": "SAFETY"}, "content_filter"),
        ({"stop_reason": "end_turn"}, "stop"),
        ({"stop_reason": "max_tokens"}, "length"),
        ({"stop_reason": "refusal"}, "refusal"),
        ({"done_reason": "length"}, "length"),
    ],
)
def test_how_a_reply_ended_in_the_words_of_several_providers(metadata: dict[str, Any], reason: str) -> None:
    assert complete(Obedient(reply=AIMessage("x", response_metadata=metadata))).finish_reason == reason


def test_blocks_are_joined_and_a_reply_without_text_is_a_failure() -> None:
    texts: list[Any] = [{"type": "text", "text": text} for text in "ab"]
    blocks = [{"type": "reasoning", "reasoning": "hm"}, *texts]
    assert complete(Obedient(reply=AIMessage(blocks))).text == "ab"
    with pytest.raises(ExecutionError, match="holds no text"):
        complete(Obedient(reply=AIMessage("")))


class StatusError(Exception):
    def __init__(self, message: str, status_code: int) -> None:
        super().__init__(message)
        self.status_code = status_code


@pytest.mark.parametrize(
    ("raised", "kind", "told"),
    [
        (StatusError(f"bad key {KEY}", 401), ModelError, r"StatusError: bad key \*\*\*: check key, model name"),
        (StatusError("no such model", 404), ModelError, "no such model"),
        (StatusError("later", 503), ExecutionError, "StatusError: later"),
        (ConnectionRefusedError("refused"), ModelError, "cannot be reached"),
        (TimeoutError("slow"), ExecutionError, "TimeoutError: slow"),
        (RuntimeError("two\nlines"), ExecutionError, "RuntimeError: two lines"),
    ],
)
def test_errors_say_whether_another_call_can_help(raised: Exception, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told) as failed:
        complete(Obedient(reply=raised))
    assert type(failed.value) is kind
    assert str(failed.value).startswith("langchain/Obedient/obedient-1/")
    assert KEY not in str(failed.value)
    assert failed.value.__context__ is None


def test_a_model_that_has_answered_may_lose_a_connection() -> None:
    model = Obedient()
    chat = chat_model(model)
    run(chat.complete(REQUEST))
    model.reply = ConnectionResetError("gone")
    with pytest.raises(ExecutionError, match="gone"):
        run(chat.complete(REQUEST))


def test_the_identity_names_class_and_model_and_tells_settings_apart_but_not_keys() -> None:
    def identity(**settings: Any) -> str:
        return chat_model(Obedient(**settings)).identity

    assert identity().startswith("langchain/Obedient/obedient-1/")
    assert identity() == identity(api_key=SecretStr("another"))
    assert len({identity(), identity(temperature=0.1), identity(model="obedient-2")}) == 3
    assert chat_model(FakeListChatModel(responses=["x"])).identity.startswith("langchain/FakeListChatModel/")
    assert KEY not in identity() + repr(chat_model(Obedient()))


def test_what_is_no_chat_model_and_no_calls_at_once_are_refused() -> None:
    with pytest.raises(DeclarationError, match="found a str, expected a BaseChatModel"):
        chat_model("gpt")  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="concurrency: found 0"):
        chat_model(Obedient(), concurrency=0)
    with pytest.raises(DeclarationError, match="found a str, expected Embeddings"):
        embedder("e5")  # type: ignore[arg-type]


RESPONSE = Response(
    (Hit(Passage("d", 0, 21, "Mount Arlen is high."), 1.0),), "Mount Arlen is a high mountain, as everyone says.", (0,)
)


def test_judges_do_without_log_probabilities_and_schema() -> None:
    """The model says the JSON that the prompt asks for; the verdict is the word's."""
    said = 'Here it is:\n```json\n{"1": "yes"}\n```'
    judged = run(JUDGES["claim_support"].judge(Question("q", "How high?"), RESPONSE, chat_model(Obedient(reply=said))))
    (item,) = judged.items
    assert isinstance(item.verdict, Graded)
    assert (item.verdict.grade, item.verdict.probability) == (1.0, 1.0)


openai = pytest.importorskip("langchain_openai")


def open_ai(server: FakeServer, **settings: Any) -> Any:
    return openai.ChatOpenAI(base_url=server.base_url, model="fake", api_key=KEY, max_retries=0, **settings)


async def once(chat: ChatModel, request: ChatRequest) -> ChatReply:
    reply = await chat.complete(request)
    await chat.close()
    return reply


@pytest.mark.parametrize("request_", [REQUEST, TABLE, yes_no_request("check_answerable", "en", {"question": "Why?"})])
def test_chat_openai_gets_and_gives_what_our_own_client_does(
    request_: ChatRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FakeServer(respond) as server:
        ours = run(once(OpenAIChat(server.base_url, "fake"), request_))
        theirs = complete(open_ai(server), request_)
        sent, through_langchain = (received.payload for received in server.received)
    assert theirs == ours
    assert bool(theirs.tokens) == bool(request_.top_logprobs)
    through_langchain["max_tokens"] = through_langchain.pop("max_completion_tokens")
    form, their_form = sent.pop("response_format", None), through_langchain.pop("response_format", None)
    assert {name: through_langchain[name] for name in sent} == sent
    assert (form is None) == (their_form is None)
    if form and their_form:
        assert their_form["type"] == form["type"]
        for name in ("name", "strict", "schema"):
            assert their_form["json_schema"][name] == form["json_schema"][name]


def test_images_are_sent_as_our_own_client_sends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    image = Image.of(chart(3, 7))
    asked = ChatRequest((Message("user", "What is shown?", (image,)),), "test/en@1", 8)
    with FakeServer() as server:
        assert run(once(OpenAIChat(server.base_url, "fake"), asked)) == complete(open_ai(server), asked)
        ours, theirs = (received.payload["messages"] for received in server.received)
    assert ours == theirs
    assert ours[0]["content"][1] == {"type": "image_url", "image_url": {"url": image.data_uri()}}


def test_what_the_endpoint_refuses_by_name_is_left_out_from_then_on(caplog: pytest.LogCaptureFixture) -> None:
    with FakeServer(respond) as server:
        chat = chat_model(open_ai(server))

        async def twice() -> list[ChatReply]:
            server.queue(fault(400, "response_format: json_schema is unknown"), fault(400, "no logprobs here"))
            return [await chat.complete(TABLE) for _ in range(2)]

        replies = run(twice())
        assert server.calls == 4
        assert not {"response_format", "logprobs", "top_logprobs"} & set(server.received[-1].payload)
        assert "seed" in server.received[-1].payload
    assert all(reply.text for reply in replies)
    assert [record.getMessage().split(":")[0].split("leaves out ")[1] for record in caplog.records] == [
        "response_format from now on",
        "logprobs from now on",
    ]


@pytest.mark.parametrize(
    ("status", "kind"), [(401, ModelError), (404, ModelError), (400, ExecutionError), (500, ExecutionError)]
)
def test_a_refusing_endpoint(status: int, kind: type[Exception]) -> None:
    with FakeServer(lambda _: fault(status, f"told {KEY}")) as server, pytest.raises(kind) as failed:
        complete(open_ai(server))
    assert type(failed.value) is kind
    assert KEY not in str(failed.value)


def test_an_address_where_nobody_listens_stops_the_run() -> None:
    with FakeServer() as server:
        pass
    with pytest.raises(ModelError, match="cannot be reached"):
        complete(open_ai(server))


def test_no_more_calls_at_once_than_allowed_and_one_model_in_two_event_loops() -> None:
    with FakeServer(lambda _: completion("ok"), latency_s=0.02) as server:
        chat = chat_model(open_ai(server), concurrency=3)

        async def many() -> list[ChatReply]:
            replies = await asyncio.gather(*(chat.complete(REQUEST) for _ in range(9)))
            await chat.close()
            return replies

        assert [reply.text for reply in [*run(many()), *run(many())]] == ["ok"] * 18
        assert server.most_in_flight == 3
    assert chat.concurrency == 3


def test_a_chain_with_one_model_in_two_event_loops() -> None:
    with FakeServer(lambda _: completion("ok")) as server:
        used = pipeline(ChatPromptTemplate.from_template("{question}") | open_ai(server))
        responses = [ask(used), ask(used)]
    assert [response.answer for response in responses] == ["ok", "ok"]
    assert responses[0].usage == Usage(calls=1, prompt_tokens=7, completion_tokens=3)


def test_embeddings_of_queries_and_passages_have_unit_length() -> None:
    words = WordEmbeddings()
    ours = embedder(words)
    passages = run(ours.embed(["Mount Arlen", "Lake Corva"], "passage"))
    query = run(ours.embed(["Arlen"], "query"))
    assert (words.passages, words.queries) == (["Mount Arlen", "Lake Corva"], ["Arlen"])
    assert passages.dtype == np.float32
    assert np.linalg.norm(passages, axis=1) == pytest.approx([1.0, 1.0])
    assert (passages @ query[0]).tolist() == pytest.approx([math.sqrt(0.5), 0.0])
    assert run(ours.embed([], "query")).shape[0] == 0


class Fixed(Embeddings):
    def __init__(self, *rows: list[float] | Exception) -> None:
        self.rows = rows

    def embed_documents(self, texts: list[str]) -> Any:
        if isinstance(self.rows[0], Exception):
            raise self.rows[0]
        return [*self.rows]

    def embed_query(self, text: str) -> Any:
        return self.embed_documents([text])[0]


@pytest.mark.parametrize(
    ("rows", "kind", "told"),
    [
        ([[1.0, 2.0]], ExecutionError, r"expected 2 finite vectors of one length, got shape \(1, 2\)"),
        ([[1.0, 2.0], [1.0]], ExecutionError, "expected 2 finite vectors"),
        ([[1.0, 2.0], [math.nan, 1.0]], ExecutionError, "expected 2 finite vectors"),
        ([[1.0, 2.0], [0.0, 0.0]], ExecutionError, "a vector has length 0"),
        ([StatusError("bad key", 403)], ModelError, "bad key"),
        ([RuntimeError("broken")], ExecutionError, "^langchain/Fixed/.*: RuntimeError: broken$"),
    ],
)
def test_embeddings_that_are_none(rows: list[Any], kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        run(embedder(Fixed(*rows)).embed(["a", "b"], "passage"))


def test_vectors_keep_their_direction() -> None:
    assert run(embedder(Fixed([3.0, 4.0])).embed(["a"], "passage")).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)]
    ]


def test_the_identity_of_embeddings() -> None:
    small, large = (embedder(DeterministicFakeEmbedding(size=size)).identity for size in (8, 16))
    assert small.startswith("langchain/DeterministicFakeEmbedding/")
    assert small != large
    given = openai.OpenAIEmbeddings(model="e5", api_key=KEY, base_url="http://127.0.0.1:1/v1")
    assert embedder(given).identity.startswith("langchain/OpenAIEmbeddings/e5/")
    assert KEY not in embedder(given).identity
